//! Every loss of the crate under a name, small enough for 400 frames.
#![allow(unused)] // each test file uses a part

use afx_loss::pyneuralfx::{HybridLoss, MrStftLoss};
use afx_loss::*;

pub struct Entry<T> {
    pub name: &'static str,
    pub loss: Box<dyn Loss<T>>,
    /// Its gradient leads out of silence.
    pub wakes: bool,
    /// The loss of a perfect prediction is zero.
    pub zero: bool,
}

pub fn zoo<T: Sample>() -> Vec<Entry<T>> {
    let mut all = Vec::new();
    let mut add = |name, loss: Box<dyn Loss<T>>, wakes, zero| all.push(Entry { name, loss, wakes, zero });
    let small = StftSettings::new(64, 16);
    let short = StftSettings::new(128, 20).window_frames(75).window(Window::Blackman);
    let terms = StftTerms { convergence: 1.0, log: 0.7, linear: 0.3 };
    let soft = |settings| StftLoss::new(settings, terms).unwrap();

    add("MAE", Box::new(Mae), true, true);
    add("MSE", Box::new(Mse), true, true);
    add("log-cosh", Box::new(LogCosh::new(3.0).unwrap()), true, true);
    add("log-cosh of auraloss", Box::new(LogCosh::auraloss(1.0).unwrap()), true, false);
    add("ESR", Box::<Esr>::default(), true, true);
    add("ESR of auraloss", Box::new(Esr::auraloss()), true, true);
    add("ESR of CoreAudioML", Box::new(Esr::core_audio_ml()), true, true);
    add("DC", Box::<Dc>::default(), true, true);
    add("DC of CoreAudioML", Box::new(Dc::core_audio_ml()), true, true);
    add("SNR", Box::<Snr>::default(), true, false);
    add("SI-SDR", Box::new(Snr::si_sdr()), false, false);
    add("SD-SDR", Box::new(Snr::sd_sdr()), false, false);
    add("ESR, pre-emphasis", Box::new(Prefiltered::new(Filter::high_pass(0.85).unwrap(), Esr::default())), true, true);
    add("MSE, high-pass of auraloss", Box::new(Prefiltered::new(Filter::auraloss_high_pass(0.85).unwrap(), Mse)), true, true);
    add("MAE, DC pre-emphasis", Box::new(Prefiltered::new(Filter::dc_pre_emphasis(), Mae)), true, true);
    add("MSE, low-pass", Box::new(Prefiltered::new(Filter::low_pass(5000.0, 48000.0).unwrap(), Mse)), true, true);
    add("STFT", Box::new(soft(small)), true, true);
    add("STFT, short window", Box::new(soft(short)), true, true);
    add("STFT, odd size", Box::new(soft(StftSettings::new(45, 9))), true, true);
    add("STFT, A-weighted", Box::new(Prefiltered::new(Filter::a_weighting(48000.0).unwrap(), soft(small))), true, true);
    add("STFT of auraloss", Box::new(StftLoss::with_floor(small, terms, MagnitudeFloor::Clamp).unwrap()), false, true);
    add("STFT, squared", Box::new(soft(small).distance(MagnitudeDistance::L2)), true, true);
    add("STFT, scale-invariant", Box::new(soft(small).scale_invariant()), true, true);
    add("STFT, scale-invariant and squared", Box::new(soft(short).scale_invariant().distance(MagnitudeDistance::L2)), true, true);
    let clamped = || StftLoss::with_floor(small, terms, MagnitudeFloor::Clamp).unwrap();
    add("STFT of auraloss, scale-invariant", Box::new(clamped().scale_invariant()), false, true);
    add("STFT of auraloss, squared", Box::new(clamped().distance(MagnitudeDistance::L2)), false, true);
    add("STFT of a batch", Box::new(soft(small).over_batch(4).unwrap()), true, true);
    add("STFT of a batch, scale-invariant", Box::new(soft(small).scale_invariant().over_batch(2).unwrap()), true, true);
    add("multi-resolution", Box::new(MultiResolution::mean(vec![soft(small), soft(short)]).unwrap()), true, true);
    add("power STFT", Box::new(MrStftLoss::power(&[128, 32]).unwrap()), false, true);
    add("hybrid", Box::new(HybridLoss::with_scales(true, &[128, 32]).unwrap()), true, true);
    add("hybrid, plain", Box::new(HybridLoss::with_scales(false, &[128, 32]).unwrap()), true, true);
    for distance in [ComplexDistance::Modulus, ComplexDistance::Parts] {
        add("complex STFT", Box::new(ComplexStftLoss::new(small, distance).unwrap()), true, true);
    }
    let wakes =
        [SpectrumDistance::AmplitudeL1, SpectrumDistance::AmplitudeL2, SpectrumDistance::AmplitudeAndLog, SpectrumDistance::Decades];
    for distance in wakes {
        add("spectrum", Box::new(SpectrumLoss::new(small, distance).unwrap()), true, true);
    }
    add("power spectrum", Box::new(SpectrumLoss::new(small, SpectrumDistance::PowerL2).unwrap()), false, true);
    add("phase", Box::new(PhaseLoss::angular(small, 0.1).unwrap()), false, true);
    // A centred transform is symmetric at its ends, so that phases there are 0 or ±π by the rounding alone, and this loss jumps.
    add("phase, squared", Box::new(PhaseLoss::squared(small.uncentred()).unwrap()), false, true);
    add("onset", Box::new(OnsetLoss::with_settings(small.uncentred()).unwrap()), true, true);
    let decades = SpectrumLoss::new(small, SpectrumDistance::Decades).unwrap();
    add("percussive onsets", Box::new(Percussive::with_sizes(64, 16, 7, decades).unwrap()), true, true);
    add("percussive MSE", Box::new(Percussive::with_sizes(32, 8, 5, Mse).unwrap()), true, true);
    add("decay", Box::<DecayLoss>::default(), false, true);
    let mel = Filterbank::mel(48000.0, 64, 20).unwrap();
    add("mel", Box::new(BandStftLoss::new(small, &mel, terms, MagnitudeFloor::Soft).unwrap()), true, true);
    add("mel of auraloss", Box::new(BandStftLoss::new(small, &mel, terms, MagnitudeFloor::Clamp).unwrap()), false, true);
    let soft_mel = || BandStftLoss::new(small, &mel, terms, MagnitudeFloor::Soft).unwrap();
    add("mel, squared", Box::new(soft_mel().distance(MagnitudeDistance::L2)), true, true);
    add("mel, scale-invariant", Box::new(soft_mel().scale_invariant()), true, true);
    let chroma = Filterbank::chroma(48000.0, 64, 12).unwrap();
    add("chroma", Box::new(BandStftLoss::new(small, &chroma, terms, MagnitudeFloor::Soft).unwrap()), true, true);
    let range = RandomRange { fft_frames_below: 256, rate: usize::MAX, ..RandomRange::default() };
    add("random resolutions", Box::new(RandomResolution::new(range, terms, MagnitudeFloor::Soft, 5).unwrap()), true, true);
    add("sum of losses", Box::new(Combined::new().with(0.75, Esr::default()).with(0.25, Dc::default())), true, true);
    add("stereo", Box::new(Stereo::sum(soft(small))), true, true);
    add("sum and difference", Box::new(SumDifference::new(soft(small))), true, true);
    all
}
