//! afx-models
