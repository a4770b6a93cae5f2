//! Memory, start and end of the program on the device.

use afx_core::{Adapter, Chain, Voice};
use afx_firmware::{EVERY, FRAMES, TOLERANCE};
use afx_models::{Dense, Gru};
use core::panic::PanicInfo;
use cortex_m_semihosting::{debug, hprintln};
use static_alloc::Bump;

#[global_allocator]
static HEAP: Bump<[u8; 64 * 1024]> = Bump::uninit();

/// Plays one effect and says how it went.
fn passes<A: Adapter<f32>>(name: &str, effect: &mut Voice<f32, Chain<Gru, Dense>, A>, expected: &[f32; FRAMES / EVERY]) -> bool {
    // The heap only grows, so that an allocation while it plays could not hide.
    let held = HEAP.level();
    let deviation = afx_firmware::deviation(effect, expected);
    let passes = deviation <= TOLERANCE && HEAP.level() == held;
    let verdict = if passes { "passed" } else { "failed" };
    hprintln!("{}: {:e} from double precision, at most {:e}, {}", name, deviation, TOLERANCE, verdict);
    passes
}

#[cortex_m_rt::entry]
fn main() -> ! {
    let overdrive = {
        let mut effect = afx_no_std::effect(&afx_no_std::LEARNT, afx_firmware::RATE_HZ).expect("its own test says that the numbers fit");
        passes("overdrive", &mut effect, &afx_firmware::OVERDRIVE)
    };
    let hyper = passes("hyper", &mut afx_firmware::hyper(), &afx_firmware::HYPER);
    let nan = afx_firmware::nan_stays_nan();
    hprintln!("NaN {}", if nan { "stays NaN" } else { "is lost" });
    debug::exit(if overdrive && hyper && nan { debug::EXIT_SUCCESS } else { debug::EXIT_FAILURE });
    loop {
        core::hint::spin_loop();
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    hprintln!("{}", info);
    debug::exit(debug::EXIT_FAILURE);
    loop {
        core::hint::spin_loop();
    }
}
