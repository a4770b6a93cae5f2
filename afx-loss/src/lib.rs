//! afx-loss
