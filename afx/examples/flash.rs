//! A model's learnt numbers as the text of a Rust array, for weights in flash.
//!
//! `cargo run -p afx --example flash -- model.safetensors > learnt.in`, then
//! `static LEARNT: [f32; N] = include!("learnt.in");`. The order is that of the adapter's layout, gaps included.

use afx::prelude::ModelFile;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("expected the path of a model file")?;
    let model = ModelFile::read(path)?;
    eprintln!("{}: {:?}, {} numbers", model.name, model.spec, model.learnt.len());
    println!("[");
    for row in model.learnt.chunks(8) {
        println!("    {},", row.iter().map(|v| format!("{v:?}")).collect::<Vec<_>>().join(", "));
    }
    println!("]");
    Ok(())
}
