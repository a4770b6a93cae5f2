//! afx-dsp
