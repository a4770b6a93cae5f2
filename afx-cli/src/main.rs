//! The `afx` command.
fn main() {}
