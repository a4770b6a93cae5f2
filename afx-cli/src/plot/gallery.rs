//! Every figure, drawn from a synthetic device and a flawed model of it: the data of the tests below. With `AFX_GALLERY` set to a folder, the
//! pictures are written there, to be looked at.
use super::{
    Figure, PlotError, Theme, Trace, aliasing, aliasing_curve, curves, decay, gain_trace, harmonic_response, knob_grid, level_curve,
    loss_curve, response, signal, silence, spectrogram, spectrum_difference, static_curve, transfer_curve, transfer_density, waveform,
};
use proptest::prelude::*;
use std::sync::OnceLock;

/// A biased saturator with memory; `drive` scales its input.
pub(crate) fn device(x: &[f32], drive: f32) -> Vec<f32> {
    let (mut low, mut bias) = (0.0f32, 0.0f32);
    let one = |x: &f32| {
        bias += 0.004 * (x.abs() - bias);
        low += 0.35 * ((drive * x + 0.25 * bias).tanh() - low);
        low - 0.1 * bias
    };
    x.iter().map(one).collect()
}

/// The device, off in drive, with a little noise and an offset.
pub(crate) fn model(x: &[f32], drive: f32) -> Vec<f32> {
    let mut seed = 1u32;
    let mut noise = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as f32 / 16_777_216.0 - 0.5
    };
    device(x, 0.92 * drive).iter().map(|y| 0.99 * y + 1e-3 * noise() + 2e-3).collect()
}

/// Two seconds of decaying plucks.
pub(crate) fn plucks() -> Vec<f32> {
    let note = |n: usize| [110.0, 146.8, 165.0, 220.0][n / 12_000 % 4];
    let pluck = |n: usize| {
        let t = (n % 12_000) as f64 / 48_000.0;
        let tone: f64 = (1..7).map(|k| (core::f64::consts::TAU * note(n) * f64::from(k) * t).sin() / f64::from(k)).sum();
        (0.4 * tone * (-9.0 * t).exp()) as f32
    };
    (0..96_000).map(pluck).collect()
}

/// All figures by file name.
pub(crate) fn figures() -> Result<Vec<(&'static str, Figure)>, PlotError> {
    let mut all = Vec::new();
    let train: Vec<(f64, f64)> =
        (1..=200).map(|e| (f64::from(e), 0.4 * (-0.03 * f64::from(e)).exp() + 0.004 + 0.01 / f64::from(e))).collect();
    let valid: Vec<(f64, f64)> = train.iter().map(|(e, l)| (*e, 1.1 * l + 2e-5 * e + 0.002 * (e * 0.9).sin().abs())).collect();
    let curves =
        [loss_curve::LossCurve { label: "training", points: &train }, loss_curve::LossCurve { label: "validation", points: &valid }];
    all.push(("loss_curve", loss_curve::figure(&curves, "Epoch", "ESR")?));

    let riff = plucks();
    let (target, predicted) = (device(&riff, 4.0), model(&riff, 4.0));
    let pair = [Trace::new("device", &target), Trace::new("GRU-16", &predicted)];
    let error = |start, frames| waveform::Settings { start, frames, error: true };
    all.push(("waveform", waveform::figure(&pair, 48_000, &error(0, 0))?));
    all.push(("waveform_detail", waveform::figure(&pair, 48_000, &error(24_000, 1200))?));

    let sweep = signal::sweep(20.0, 20_000.0, 5.0, 48_000)?;
    let (target, predicted) = (device(&sweep, 6.0), model(&sweep, 6.0));
    let pair = [Trace::new("device", &target), Trace::new("GRU-16", &predicted)];
    all.push(("sweep", spectrogram::figure(&pair, 48_000, &spectrogram::Settings { difference: true, ..Default::default() })?));
    all.push(("sweep_log", spectrogram::figure(&pair[..1], 48_000, &spectrogram::Settings { log_frequency: true, ..Default::default() })?));

    let settings = harmonic_response::Settings { gain: 0.5, ..Default::default() };
    let x = harmonic_response::input(&settings)?;
    let (target, predicted) = (device(&x, 4.0), model(&x, 4.0));
    let pair = [Trace::new("device", &target), Trace::new("GRU-16", &predicted)];
    all.push(("harmonic_response", harmonic_response::figure(&pair, &settings)?));

    let settings = transfer_curve::Settings { frequency_hz: 700.0, gain: 0.7, ..Default::default() };
    let x = transfer_curve::input(&settings)?;
    let (target, predicted) = (device(&x, 4.0), model(&x, 4.0));
    let pair = [Trace::new("device", &target), Trace::new("GRU-16", &predicted)];
    all.push(("transfer_curve", transfer_curve::figure(&pair, &settings)?));

    let values: Vec<f64> =
        (0..25).map(|i| 2e-3 * 2.0f64.powf(f64::from(i % 5)) * (1.0 + 0.6 * f64::from(i % 2)) * (1.0 + 0.2 * f64::from(i / 5))).collect();
    all.push(("knob_grid", knob_grid::figure(&grid(values))?));
    at_rest(&mut all)?;
    levels(&mut all)?;
    tone(&mut all)?;
    Ok(all)
}

/// Silence, decay, offsets.
fn at_rest(all: &mut Vec<(&'static str, Figure)>) -> Result<(), PlotError> {
    let x = silence::input(48_000)?;
    let cold: Vec<f32> = model(&x, 4.0).iter().enumerate().map(|(n, y)| y * 0.1 + 0.03 * (-(n as f32) / 500.0).exp()).collect();
    all.push(("cold_start", silence::figure(&[Trace::new("device", &device(&x, 4.0)), Trace::new("GRU-16", &cold)], 48_000)?));
    let offsets: Vec<(f64, f64)> = (0..11).map(|i| (0.1 * f64::from(i), 1e-5 * 2.5f64.powi(i))).collect();
    all.push(("offset", silence::offset_figure(&[silence::OffsetCurve { label: "GRU-16", points: &offsets }], "Drive")?));
    let x = decay::input(48_000)?;
    let norms: Vec<(f64, f64)> =
        (0..250).map(|i| 0.01 * f64::from(i)).map(|t| (t, if t < 0.5 { 2.1 } else { 0.4 + 1.7 * (4.0 * (0.5 - t)).exp() })).collect();
    let (target, predicted) = (device(&x, 4.0), model(&x, 4.0));
    let outputs = [Trace::new("device", &target), Trace::new("GRU-16", &predicted)];
    all.push(("decay", decay::figure(&outputs, &[("GRU-16", &norms)], 48_000)?));
    Ok(())
}

/// A compressor: static curve, step response.
fn levels(all: &mut Vec<(&'static str, Figure)>) -> Result<(), PlotError> {
    let compress = |x: &[f32], release: f32, ratio: f32| {
        let mut level = 0.0f32;
        let one = |x: &f32| {
            let p = x * x;
            level += if p > level { 0.002 } else { release } * (p - level);
            x * (2.0 * level / 0.01).max(1.0).powf(0.5 / ratio - 0.5)
        };
        x.iter().map(one).collect::<Vec<f32>>()
    };
    let x: Vec<f32> = plucks().iter().enumerate().map(|(n, x)| x * [0.02, 0.1, 0.4, 1.0][n / 24_000]).collect();
    let outputs = [compress(&x, 1e-4, 4.0), compress(&x, 1.6e-4, 3.6)];
    let pair = [Trace::new("device", &outputs[0]), Trace::new("GRU-16", &outputs[1])];
    all.push(("level_curve", level_curve::figure(&x, &pair, 0, 48_000)?));
    all.push(("transfer_density", transfer_density::figure(&x, &pair, 0)?));
    let settings = static_curve::Settings { seconds: 0.2, ..Default::default() };
    let x = static_curve::input(&settings)?;
    let outputs = [compress(&x, 2e-4, 4.0), compress(&x, 2e-4, 3.5)];
    let pair = [Trace::new("device", &outputs[0]), Trace::new("GRU-16", &outputs[1])];
    all.push(("static_curve", static_curve::figure(&pair, &settings)?));
    let x = gain_trace::input(&gain_trace::Step::default())?;
    let outputs = [compress(&x, 1e-4, 4.0), compress(&x, 1.6e-4, 3.6)];
    let pair = [Trace::new("device", &outputs[0]), Trace::new("GRU-16", &outputs[1])];
    all.push(("gain_trace", gain_trace::figure(&x, &pair, 1.0, 48_000)?));
    Ok(())
}

/// Spectra, responses, aliases.
fn tone(all: &mut Vec<(&'static str, Figure)>) -> Result<(), PlotError> {
    let riff = plucks();
    let (target, predicted) = (device(&riff, 4.0), model(&riff, 4.0));
    all.push((
        "spectrum_difference",
        spectrum_difference::figure(&[Trace::new("device", &target), Trace::new("GRU-16", &predicted)], 48_000)?,
    ));
    let settings = aliasing::Settings { gain: 0.8, ..Default::default() };
    let x = aliasing::input(&settings)?;
    let smooth: Vec<f32> = x.iter().map(|x| x.tanh()).collect();
    all.push(("aliasing", aliasing::figure(&[Trace::new("overdrive", &device(&x, 10.0)), Trace::new("tanh", &smooth)], &settings)?));
    let settings = aliasing_curve::Settings { level_db: -3.0, ..Default::default() };
    let x = aliasing_curve::input(&settings)?;
    let (target, predicted) = (device(&x, 4.0), model(&x, 8.0));
    all.push(("aliasing_curve", aliasing_curve::figure(&[Trace::new("device", &target), Trace::new("GRU-16", &predicted)], &settings)?));
    let bell = |f: f64, centre: f64, gain: f64| 10f64.powf(gain / 20.0 / (1.0 + (2.0 * (f / centre).log2()).powi(2)));
    let low = response::Response::sample("band 1", 48_000, |f| bell(f, 120.0, 5.0))?.as_reference();
    let high = response::Response::sample("band 2", 48_000, |f| bell(f, 2500.0, -7.0))?.as_reference();
    let sum = response::Response::sample("learned EQ", 48_000, |f| bell(f, 120.0, 5.0) * bell(f, 2500.0, -7.0))?;
    all.push(("response", response::figure("Learned EQ", &[sum, low, high])?));
    let ratio = |slope: f64| {
        (0..61).map(|i| 262.0 * 2f64.powf(f64::from(i) / 12.0)).map(|f| (f, 90.0 - slope * (f / 200.0).log2())).collect::<Vec<_>>()
    };
    let (plain, twice) = (ratio(14.0), ratio(9.0));
    let lines = [curves::Curve { label: "1x", points: &plain }, curves::Curve { label: "2x", points: &twice }];
    let axes = (("Frequency (Hz)", curves::Spread::Frequency), ("Signal to alias ratio (dB)", curves::Spread::Linear));
    all.push(("curves", curves::figure("Aliasing over frequency", &lines, axes.0, axes.1)?));
    Ok(())
}

/// A 5 by 5 grid of which every second position was trained on.
pub(crate) fn grid(values: Vec<f64>) -> knob_grid::KnobGrid {
    let positions = [0.0, 0.25, 0.5, 0.75, 1.0];
    knob_grid::KnobGrid {
        columns: knob_grid::Knob::new("Drive", &positions),
        rows: knob_grid::Knob::new("Tone", &positions),
        seen: (0..values.len()).map(|i| i % 2 == 0).collect(),
        values,
        label: "ESR".into(),
        scale: knob_grid::ValueScale::Log,
    }
}

/// The figures, drawn once for all tests.
pub(crate) fn drawn() -> &'static [(&'static str, Figure)] {
    static ALL: OnceLock<Vec<(&'static str, Figure)>> = OnceLock::new();
    ALL.get_or_init(|| figures().unwrap())
}

/// Writes `bytes` as `name` into the gallery's folder, where one is named.
pub(crate) fn keep(name: &str, bytes: &[u8]) {
    if let Some(folder) = std::env::var_os("AFX_GALLERY") {
        let folder = std::path::PathBuf::from(folder);
        std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(folder.join(name), bytes))
            .expect("AFX_GALLERY is a folder that can be written");
    }
}

#[test]
fn every_figure_is_well_formed_svg_without_outside_references() {
    for (name, figure) in drawn() {
        for theme in [Theme::Light, Theme::Dark] {
            let svg = figure.to_svg(theme);
            let document = roxmltree::Document::parse(&svg).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(document.root_element().tag_name().name(), "svg");
            let outside = |v: &str| v.contains("://") || v.contains("url(") || (v.starts_with('/') && v.len() > 1);
            for attribute in document.descendants().flat_map(|n| n.attributes().collect::<Vec<_>>()) {
                let picture = attribute.value().starts_with("data:image/png;base64,");
                assert!(picture || !(attribute.value().contains("NaN") || attribute.value().contains("inf")), "{name}");
                assert!(!outside(attribute.value()), "{name}: {}={}", attribute.name(), attribute.value());
            }
            assert!(svg.len() < 1_500_000, "{name}: {} bytes", svg.len());
        }
        keep(&format!("{name}.svg"), figure.to_svg(Theme::Light).as_bytes());
    }
}

#[test]
fn every_png_has_the_size_of_its_scene_and_some_ink() {
    for (name, figure) in drawn() {
        let scene = figure.scene();
        for (scale, theme) in [(2.0, Theme::Light), (1.0, Theme::Dark)] {
            let png = figure.to_png(theme, scale).unwrap();
            let mut reader = png::Decoder::new(std::io::Cursor::new(&png)).read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut pixels).unwrap();
            assert_eq!(
                (f64::from(info.width), f64::from(info.height)),
                ((scene.width * scale).round(), (scene.height * scale).round()),
                "{name}"
            );
            let paper = &pixels[..3].to_vec();
            let inked = pixels.chunks_exact(3).filter(|p| p != paper).count() as f64 / (pixels.len() / 3) as f64;
            assert!(inked > 0.02, "{name}: {inked}");
            keep(&format!("{name}_{}.png", if theme == Theme::Light { "light" } else { "dark" }), &png);
        }
    }
}

#[test]
fn equal_data_give_equal_bytes() {
    for ((name, a), (_, b)) in drawn().iter().zip(&figures().unwrap()) {
        assert!(a.to_svg(Theme::Light) == b.to_svg(Theme::Light) && a.to_png(Theme::Light, 0.5) == b.to_png(Theme::Light, 0.5), "{name}");
    }
}

#[test]
fn impossible_sizes_are_errors() {
    let (_, figure) = &drawn()[0];
    for scale in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e6] {
        assert!(matches!(figure.to_png(Theme::Light, scale), Err(PlotError::Size { .. })), "{scale}");
    }
}

#[test]
fn labels_with_markup_are_text() {
    let evil = "</text><script>alert(\"&\")</script>";
    let y = [0.0f32, 1.0, 0.5];
    let svg = waveform::figure(&[Trace::new(evil, &y)], 48_000, &waveform::Settings::default()).unwrap().to_svg(Theme::Light);
    let document = roxmltree::Document::parse(&svg).unwrap();
    assert!(document.descendants().any(|n| n.text() == Some(evil)) && !document.descendants().any(|n| n.has_tag_name("script")));
}

/// `f32` of any bit pattern, half of them tame.
fn samples() -> impl Strategy<Value = Vec<f32>> {
    let one = prop_oneof![-1.0f32..1.0, any::<u32>().prop_map(f32::from_bits)];
    proptest::collection::vec(one, 0..400)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_signal_and_no_sample_rate_makes_a_figure_panic(a in samples(), b in samples(), rate in prop_oneof![Just(48_000u32), 0u32..200, any::<u32>()]) {
        let pair = [Trace::new("a", &a), Trace::new("b", &b)];
        let wave = waveform::Settings { error: true, ..Default::default() };
        let picture = spectrogram::Settings { n_fft: 64, hop: 16, log_frequency: rate % 2 == 0, difference: true, ..Default::default() };
        let points: Vec<(f64, f64)> = a.iter().zip(&b).map(|(a, b)| (f64::from(*a), f64::from(*b))).collect();
        let tone = harmonic_response::Settings { sample_rate_hz: rate, frequency_hz: 1, settle_s: 0.0, ..Default::default() };
        let loops = transfer_curve::Settings { sample_rate_hz: rate.min(200), frequency_hz: 10.0, align: true, ..Default::default() };
        let steps = static_curve::Settings { sample_rate_hz: rate.min(200), levels_db: points.iter().map(|p| p.0).take(3).collect(), ..Default::default() };
        let spreads = [curves::Spread::Linear, curves::Spread::Log, curves::Spread::Frequency];
        let mut figures = vec![
            waveform::figure(&pair, rate, &wave),
            spectrogram::figure(&pair, rate, &picture),
            spectrum_difference::figure(&pair, rate),
            silence::figure(&pair, rate),
            level_curve::figure(&a, &pair[1..], a.len() as i32 - 200, rate),
            transfer_density::figure(&a, &pair[1..], 3),
            silence::offset_figure(&[silence::OffsetCurve { label: "x", points: &points }], "knob"),
            decay::figure(&pair, &[("x", &points)], rate),
            gain_trace::figure(&a, &pair[1..], 1.0, rate),
            harmonic_response::figure(&pair, &tone),
            transfer_curve::figure(&pair, &loops),
            static_curve::figure(&pair, &steps),
            loss_curve::figure(&[loss_curve::LossCurve { label: "x", points: &points }], "Step", "Loss"),
            response::figure("x", &[response::Response { label: "x".into(), points: points.clone(), reference: false }]),
            knob_grid::figure(&grid(a.iter().map(|a| f64::from(*a)).chain([0.5; 25]).take(25).collect())),
        ];
        figures.extend(spreads.iter().flat_map(|x| spreads.map(|y| curves::figure("x", &[curves::Curve { label: "x", points: &points }], ("x", *x), ("y", y)))));
        for figure in figures.into_iter().flatten() {
            let svg = figure.to_svg(Theme::Light);
            prop_assert!(roxmltree::Document::parse(&svg).is_ok());
            prop_assert!(figure.to_png(Theme::Dark, 0.25).is_ok());
        }
    }
}
