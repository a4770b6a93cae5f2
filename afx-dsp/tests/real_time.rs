//! Nothing that runs per block touches the allocator.

use afx_core::{Channels, Processor};
use afx_dsp::circuit::{DiodeClip, SynthOd};
use afx_dsp::filter::{BiquadCascade, BiquadCoefficients, DcBlocker, FilterShape, FilterSpec, Svf};
use afx_dsp::oversample::{Downsampler, Upsampler};
use afx_dsp::source::{Gesture, Pluck, PluckedString, Rng};
use afx_dsp::waveshape::{Adaa, Cubic, Diodes, HardClip, Tanh, Waveshaper};
use afx_dsp::{Factor, HalfBand, Oversampler, Resampled};
use assert_no_alloc::{AllocDisabler, assert_no_alloc, reset_violation_count, violation_count};

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

/// Allocations made by `f`.
fn allocations(f: impl FnOnce()) -> u32 {
    reset_violation_count();
    assert_no_alloc(f);
    violation_count()
}

#[test]
fn no_block_allocates() {
    // the watch itself works
    assert_eq!(allocations(|| drop(std::hint::black_box(Vec::<f32>::with_capacity(10)))), 2);

    let spec = FilterSpec::new(FilterShape::Bell, 48e3, 1e3, 1.0, 6.0).unwrap();
    let coefficients = BiquadCoefficients::new(spec);
    let mut svf = Svf::<f32>::new(spec);
    let mut cascade = BiquadCascade::<f32>::new(&[coefficients; 3]);
    let mut blocker = DcBlocker::<f32>::new(48e3, 10.0).unwrap();
    let mut overdrive = SynthOd::new(48e3).unwrap();
    let mut clip = DiodeClip::new(48e3).unwrap();
    let mut hard = Waveshaper::new(HardClip, Adaa::First, 48e3).unwrap();
    let mut tanh = Waveshaper::new(Tanh, Adaa::Second, 48e3).unwrap().flattened();
    let mut cubic = Waveshaper::new(Cubic, Adaa::Off, 48e3).unwrap();
    let mut diodes = Waveshaper::new(Diodes, Adaa::Second, 48e3).unwrap();
    let (mut string, mut rng) = (PluckedString::new(48e3, 0.1).unwrap(), Rng::new(1));
    let pluck = Pluck { pitch: 50.0, velocity: 0.7, mute: 0.2, position: 0.2, gesture: Gesture { bend: 1.0, ..Gesture::default() } };
    let (mut x, mut y, mut high) = ([0.3_f32; 257], [0.0_f32; 257], [0.0_f32; 257 * 16]);

    assert_eq!(
        allocations(|| {
            svf.set(FilterSpec::nearest(FilterShape::LowPass, 48e3, 5e3, 2.0, 0.0));
            svf.process(&x, &mut y);
            cascade.process(&y, &mut x);
            cascade.reset();
            blocker.process_in_place(&mut x);
            overdrive.set_drive(0.9);
            overdrive.set_tone(0.1);
            overdrive.process(&x, &mut y);
            overdrive.reset();
            clip.set_gain_db(20.0);
            clip.process_in_place(&mut y);
            hard.set_drive_db(12.0);
            hard.process(&x, &mut y);
            tanh.set_level_db(-6.0);
            tanh.process_in_place(&mut y);
            tanh.reset();
            cubic.process_in_place(&mut y);
            diodes.process_in_place(&mut y);
            string.pluck(pluck, &mut rng);
            y.iter_mut().for_each(|v| *v = string.tick() as f32);
            string.damp();
        }),
        0
    );
    for outer_hz in [32_000, 48_000, 96_000] {
        let mut effect = Resampled::<f32, _>::new(Channels::new(SynthOd::new(48e3).unwrap(), 2), 48_000, outer_hz, 2).unwrap();
        let count = allocations(|| {
            effect.set_controls(&[0.3]);
            effect.process(&[&x, &x], &mut [&mut y, &mut high[..257]]);
            effect.reset();
        });
        assert_eq!(count, 0, "{outer_hz} Hz");
    }
    for half_band in [HalfBand::LinearPhase, HalfBand::LowLatency] {
        for factor in Factor::ALL {
            let mut oversampler = Oversampler::<f32>::new(factor, half_band);
            let mut up = Upsampler::<f32>::new(factor, half_band);
            let mut down = Downsampler::<f32>::new(factor, half_band);
            let count = allocations(|| {
                oversampler.process(&x, &mut y, |s| s.iter_mut().for_each(|v| *v *= *v));
                oversampler.process_in_place(&mut x, |_| {});
                oversampler.reset();
                up.process(&x, &mut high[..257 * factor.get()]);
                down.process(&high[..257 * factor.get()], &mut y);
                up.reset();
                down.reset();
            });
            assert_eq!(count, 0, "{half_band:?} {factor:?}");
        }
    }
}
