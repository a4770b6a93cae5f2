#![cfg_attr(target_os = "none", no_std, no_main)]
//! On a Cortex-M: plays both effects, prints how far they lie from double precision, fails beyond the tolerance. On a desktop: prints the
//! numbers in double precision, `overdrive` or `hyper`, for the files that are compiled in.
//!
//! ```sh
//! cargo build --release --target thumbv7em-none-eabihf
//! qemu-system-arm -M mps2-an386 -display none -semihosting-config enable=on,target=native -kernel target/thumbv7em-none-eabihf/release/afx-firmware
//! ```

#[cfg(target_os = "none")]
mod device;

#[cfg(not(target_os = "none"))]
fn main() {
    let mut numbers = vec![0.0; afx_firmware::FRAMES / afx_firmware::EVERY];
    match std::env::args().nth(1).as_deref() {
        Some("overdrive") => afx_firmware::play(&mut afx_firmware::overdrive::<f64>(), |n, y| numbers[n] = y as f32),
        Some("hyper") => afx_firmware::play(&mut afx_firmware::hyper::<f64>(), |n, y| numbers[n] = y as f32),
        other => panic!("expected overdrive or hyper, found {other:?}"),
    }
    let lines: Vec<String> = numbers.chunks(8).map(|line| format!("    {line:?},").replace(['[', ']'], "")).collect();
    println!("[\n{}\n]", lines.join("\n"));
}
