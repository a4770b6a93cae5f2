//! afx-train
