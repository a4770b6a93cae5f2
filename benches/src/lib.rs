//! Benches live in `benches/`; see the questions at the top of each file.
