//! Our form of each published loss that `tools/golden` has numbers of, and the comparison with a row of those numbers.
#![allow(unused)] // each test file uses a part

use super::common::{both, norm, single};
use afx_loss::pyneuralfx::{self, HybridLoss, MrStftLoss};
use afx_loss::*;
use serde_json::Value;

/// Ours for the loss `name` as computed `by` a package or a formula, for `items` sequences in a row; `None` where it has no counterpart.
pub fn published<T: Sample>(name: &str, by: &str, items: usize) -> Option<Box<dyn Loss<T>>> {
    let stft = StftSettings::new(1024, 256);
    let clamped = |convergence, log, linear| {
        let loss = StftLoss::with_floor(stft, StftTerms { convergence, log, linear }, MagnitudeFloor::Clamp).unwrap();
        loss.over_batch(items).unwrap()
    };
    let with_linear = || {
        let terms = StftTerms { linear: 1.0, ..StftTerms::default() };
        MultiResolution::<StftLoss<T>>::with_terms(terms, MagnitudeFloor::Clamp).unwrap().over_batch(items).unwrap()
    };
    let bands = |bank: Result<Filterbank, LossError>, option: fn(BandStftLoss<T>) -> BandStftLoss<T>| {
        Box::new(option(BandStftLoss::new(stft, &bank.unwrap(), StftTerms::default(), MagnitudeFloor::Clamp).unwrap()))
    };
    let esr = |filter: Result<Filter<T>, LossError>| Box::new(Prefiltered::new(filter.unwrap(), Esr::nam()));
    let spectrum = |distance| Box::new(SpectrumLoss::new(StftSettings::binaural(), distance).unwrap());
    let symmetric = |n| {
        let settings = StftSettings::new(n, n / 4).uncentred().window(Window::HannSymmetric);
        ComplexStftLoss::new(settings, ComplexDistance::Modulus).unwrap()
    };
    let truncated = || Filter::Fir(truncated_dc_pre_emphasis());
    Some(match (name, by) {
        ("l1", _) => Box::new(Mae),
        ("mse", _) => Box::new(Mse),
        ("esr", "formula") => Box::new(Esr::nam()),
        ("esr", "auraloss") if items == 2 => Box::new(Stereo::mean(Esr::auraloss())),
        ("esr", "auraloss") => Box::new(Esr::auraloss()),
        ("esr", "pyneuralfx") => Box::new(Esr::pyneuralfx()),
        ("esr coreaudioml", _) => Box::new(Esr::core_audio_ml()),
        ("dc", "auraloss") => Box::new(Dc::auraloss()),
        ("dc coreaudioml", _) => Box::new(Dc::core_audio_ml()),
        ("esr hp 0.85", "formula") => esr(Filter::high_pass(0.85)),
        ("esr hp 0.95", _) => esr(Filter::high_pass(0.95)),
        ("esr hp lp 0.85", _) => esr(Filter::high_pass_low_pass(0.85)),
        ("esr fd 0.85", "formula") => esr(Filter::folded_differentiator(0.85)),
        ("esr hp 0.85", "auraloss") => Box::new(Prefiltered::new(Filter::auraloss_high_pass(0.85).unwrap(), Esr::auraloss())),
        ("esr fd 0.85", "auraloss") => Box::new(Prefiltered::new(Filter::auraloss_folded_differentiator(0.85).unwrap(), Esr::auraloss())),
        ("esr dc-blocked", "formula") => esr(Ok(Filter::dc_pre_emphasis())),
        ("esr dc-blocked", "pyneuralfx") => Box::new(Prefiltered::new(truncated(), Esr::pyneuralfx())),
        ("log-cosh", _) => Box::new(LogCosh::auraloss(1.0).unwrap()),
        ("log-cosh stable", _) => Box::new(LogCosh::new(1.0).unwrap()),
        ("snr", _) => Box::new(Snr::default()),
        ("si-sdr", _) if items == 2 => Box::new(Stereo::mean(Snr::si_sdr())),
        ("si-sdr", _) => Box::new(Snr::si_sdr()),
        ("sd-sdr", _) => Box::new(Snr::sd_sdr()),
        ("stft 1024 sum", _) => Box::new(clamped(1.0, 1.0, 1.0)),
        ("stft 1024 convergence", _) => Box::new(clamped(1.0, 0.0, 0.0)),
        ("stft 1024 log", _) => Box::new(clamped(0.0, 1.0, 0.0)),
        ("stft 1024 linear", _) => Box::new(clamped(0.0, 0.0, 1.0)),
        ("mr-stft", _) => Box::new(MultiResolution::auraloss().unwrap().over_batch(items).unwrap()),
        ("mr-stft with linear", _) => Box::new(with_linear()),
        ("mr-stft l2", _) => Box::new(with_linear().distance(MagnitudeDistance::L2)),
        ("mr-stft scale-invariant", _) => Box::new(with_linear().scale_invariant()),
        ("mr-stft scale-invariant l2", _) => Box::new(with_linear().scale_invariant().distance(MagnitudeDistance::L2)),
        ("mr-stft a-weighted 48k", _) => {
            Box::new(Prefiltered::new(Filter::a_weighting(48000.0).unwrap(), MultiResolution::auraloss().unwrap()))
        }
        ("stft phase squared", _) => Box::new(PhaseLoss::squared(stft.uncentred()).unwrap()),
        ("chroma 1024 12 48k", _) => bands(Filterbank::chroma(48000.0, 1024, 12), |loss| loss),
        ("mel 1024 128 44.1k", _) => bands(Filterbank::mel(44100.0, 1024, 128), |loss| loss),
        ("mel 1024 128 48k", _) => bands(Filterbank::mel(48000.0, 1024, 128), |loss| loss),
        ("mel 1024 128 48k scale-invariant", _) => bands(Filterbank::mel(48000.0, 1024, 128), |loss| loss.scale_invariant()),
        ("mel 1024 128 48k scale-invariant l2", _) => {
            bands(Filterbank::mel(48000.0, 1024, 128), |loss| loss.scale_invariant().distance(MagnitudeDistance::L2))
        }
        ("sum-difference mr-stft", _) => Box::new(SumDifference::new(MultiResolution::auraloss().unwrap())),
        ("complex stft", _) => Box::new(MultiResolution::complex().unwrap()),
        ("complex stft symmetric", _) => Box::new(MultiResolution::sum(COMPLEX_SIZES.map(symmetric).to_vec()).unwrap()),
        ("mr-stft power", _) => Box::new(MrStftLoss::power(&pyneuralfx::SCALES).unwrap()),
        ("mr-stft power 2048", _) => Box::new(MrStftLoss::power(&[2048]).unwrap()),
        ("mr-stft complex", _) => Box::new(MultiResolution::complex_of_pyneuralfx(&pyneuralfx::COMPLEX_SCALES).unwrap()),
        ("stft complex 2048", _) => Box::new(MultiResolution::complex_of_pyneuralfx(&[2048]).unwrap()),
        ("hybrid", _) => Box::new(HybridLoss::new(false).unwrap()),
        ("hybrid pre-emphasis", _) => {
            let hybrid = Combined::new().with(1.0, Mae).with(0.1, MrStftLoss::power(&pyneuralfx::SCALES).unwrap());
            Box::new(Prefiltered::new(truncated(), hybrid))
        }
        ("multi-spec", _) => Box::new(MultiResolution::core_audio_ml().unwrap()),
        ("phase 0.1", _) => Box::new(PhaseLoss::angular(StftSettings::binaural(), 0.1).unwrap()),
        ("phase 0.2", _) => Box::new(PhaseLoss::angular(StftSettings::binaural(), 0.2).unwrap()),
        ("onsets", _) => Box::new(OnsetLoss::new().unwrap()),
        ("amplitude l1", _) => spectrum(SpectrumDistance::AmplitudeL1),
        ("amplitude l2", _) => spectrum(SpectrumDistance::AmplitudeL2),
        ("power l2", _) => spectrum(SpectrumDistance::PowerL2),
        ("decay", _) => Box::<DecayLoss>::default(),
        ("percussive onsets", _) => Box::new(Percussive::onsets().unwrap()),
        // Slips of the toolkit, recorded for those who compare: the mean over the wrong axis, one magnitude for a whole spectrogram.
        ("dc", "pyneuralfx") | ("stft magnitude 2048", _) => return None,
        other => panic!("{other:?}: no loss of that name"),
    })
}

/// PyNeuralFx' pre-emphasis: the recursion's first 2000 frames.
pub fn truncated_dc_pre_emphasis<T: Sample>() -> Vec<T> {
    let mut impulse = vec![T::ZERO; 2000];
    impulse[0] = T::ONE;
    let mut taps = vec![T::ZERO; 2000];
    Filter::dc_pre_emphasis().apply(&impulse, &mut taps);
    taps
}

/// Uniform in ±½: `s / 2³² - ½` with `s = 1664525 s + 1013904223 mod 2³²`, `s = 1` before the first. The scripts have the same.
pub fn sequence(frames: usize) -> Vec<f64> {
    let mut s = 1u32;
    (0..frames)
        .map(|_| {
            s = s.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(s) / 4_294_967_296.0 - 0.5
        })
        .collect()
}

pub fn number(row: &Value, name: &str) -> f64 {
    row[name].as_f64().unwrap_or_else(|| panic!("{name} is missing in {row}"))
}

/// The numbers of a gradient that the vectors hold.
pub struct Fingerprint {
    pub norm: f64,
    pub sum: f64,
    pub projection: f64,
}

impl Fingerprint {
    pub fn of(g: &[f64]) -> Self {
        let projection = g.iter().zip(sequence(g.len())).map(|(g, u)| g * u).sum();
        Self { norm: norm(g), sum: g.iter().sum(), projection }
    }
}

/// Collects what differs, so that one run names all.
#[derive(Default)]
pub struct Findings(Vec<String>);

impl Findings {
    fn check(&mut self, what: &str, found: f64, expected: f64, room: f64) {
        let error = (found - expected).abs();
        if error.is_nan() || error > room {
            self.0.push(format!("{what}: expected {expected:e}, found {found:e}, off by {error:.1e}, {:.1} times the room", error / room));
        }
    }

    /// Compares a loss in f64 with its row and returns its gradient: 1e-9 of the value and `gradient` of the gradient's norm, and a hundred
    /// times what one unit in the last place of the samples does to the reference (`noise`), which is what another sine or another
    /// transform does.
    pub fn compare(&mut self, row: &Value, loss: &mut dyn Loss<f64>, p: &[f64], y: &[f64], gradient: f64) -> Vec<f64> {
        let what = |part: &str| format!("{} by {} on {}, {part}", row["loss"], row["by"], row["signals"]);
        let noise = |part: &str| 100.0 * row["noise"][part].as_f64().unwrap();
        let (value, g) = both(loss, p, y);
        let expected = number(row, "value");
        self.check(&what("value"), value, expected, 1e-9 * expected.abs() + noise("value"));
        let Some(elements) = row["gradient"].as_array() else {
            return g; // the reference's gradient is rounding
        };
        let found = Fingerprint::of(&g);
        let size = number(row, "gradient_norm");
        let rms = size / (g.len() as f64).sqrt();
        self.check(&what("gradient norm"), found.norm, size, gradient * size + noise("gradient_norm"));
        // Errors of single elements are independent: their sums grow like the norm.
        let sums = gradient * size + noise("gradient") * (g.len() as f64).sqrt();
        self.check(&what("gradient projection"), found.projection, number(row, "gradient_projection"), sums);
        self.check(&what("gradient sum"), found.sum, number(row, "gradient_sum"), sums);
        for element in elements {
            let at = element[0].as_u64().unwrap() as usize;
            let room = 10.0 * gradient * rms + noise("gradient");
            self.check(&what(&format!("gradient[{at}]")), g[at], element[1].as_f64().unwrap(), room);
        }
        g
    }

    /// Compares a loss in f32 with its row, and its gradient with `g`, that in f64: the value to 2e-5, the gradient to 6e-3 of its norm, or
    /// to five times what f32 costs torch (`float32`) where that is more. Logarithms, signs and angles of quiet bins are made of the
    /// rounding of loud ones: 1.1e-5 of a log magnitude, and of gradients up to a third, in torch as here. 5.5e-3 is the price of 2000
    /// taps added one by one.
    pub fn compare_single(&mut self, row: &Value, loss: &mut dyn Loss<f32>, p: &[f64], y: &[f64], g: &[f64]) {
        let what = |part: &str| format!("{} by {} on {} in f32, {part}", row["loss"], row["by"], row["signals"]);
        // Never the whole of it: a gradient of zeros must fail.
        let torch = |part: &str| (5.0 * row["float32"][part].as_f64().unwrap_or(0.0)).min(0.9);
        let (value, h) = both(loss, &single(p), &single(y));
        let expected = number(row, "value");
        self.check(&what("value"), f64::from(value), expected, expected.abs() * torch("value").max(2e-5));
        if row["gradient"].is_array() {
            let difference: Vec<f64> = h.iter().zip(g).map(|(&h, &g)| f64::from(h) - g).collect();
            self.check(&what("gradient"), norm(&difference), 0.0, norm(g) * torch("gradient").max(6e-3));
        }
    }

    #[track_caller]
    pub fn none(self) {
        assert!(self.0.is_empty(), "{} differences\n{}", self.0.len(), self.0.join("\n"));
    }
}
