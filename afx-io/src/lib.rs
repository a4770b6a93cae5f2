//! afx-io
