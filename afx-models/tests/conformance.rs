//! Every layer, adapter and voice keeps the promises common to all: one line each.

use afx_models::*;

afx_core::guard_allocations!();

afx_core::layer_conformance!(gru_8, Gru::new(1, 8));
afx_core::layer_conformance!(gru_16, Gru::new(1, 16));
afx_core::layer_conformance!(gru_32, Gru::new(2, 32));
afx_core::layer_conformance!(gru_of_odd_size, Gru::new(3, 5));
afx_core::layer_conformance!(gru_20_without_bias, Gru { inputs: 1, hidden: 20, bias: false });
afx_core::layer_conformance!(gru_64, Gru::new(1, 64));
