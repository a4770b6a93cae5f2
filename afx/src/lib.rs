//! afx
