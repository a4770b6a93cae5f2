//! The programs of the README do what it says, and the prelude stays small.

use std::path::Path;

mod plugin {
    include!("programs/plugin.rs");

    #[test]
    fn a_plugin_plays_two_equal_channels_alike_and_hears_its_knobs() -> Result<(), Box<dyn std::error::Error>> {
        let path = std::env::temp_dir().join(format!("afx-readme-plugin-{}.safetensors", std::process::id()));
        let spec = ModelSpec::named("static-hyper-gru", 8, 2)?;
        let mut seed = 1u32;
        let learnt = spec.build()?.initialize(&mut || {
            seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
            f64::from(seed) / 2f64.powi(31) - 1.0
        });
        let knobs = vec![Knob::new("drive", 0.0, 10.0), Knob::new("tone", 0.0, 10.0)];
        ModelFile::new("untrained", spec, 48_000, knobs, learnt).write(&path)?;
        let text = path.to_str().ok_or("the path is not UTF-8")?;
        let (mut one, mut other) = (Plugin::load(text, 48_000, 2)?, Plugin::load(text, 48_000, 2)?);
        let mut slow = Plugin::load(text, 44_100, 2)?;
        std::fs::remove_file(&path)?;
        assert_eq!(one.model.knobs[1].name, "tone");
        let x: Vec<f32> = (0..4800).map(|n| (n as f32 * 0.1).sin()).collect();
        let (mut left, mut right, mut turned, mut unheard) = (vec![0.0; 4800], vec![0.0; 4800], vec![0.0; 4800], vec![0.0; 4800]);
        one.process(&[0.5, 0.5], &[&x, &x], &mut [&mut left, &mut right]);
        other.process(&[1.0, 0.0], &[&x, &x], &mut [&mut turned, &mut unheard]);
        assert!(left == right && left.iter().any(|y| y.abs() > 1e-3));
        assert!(left[4000..] != turned[4000..]); // 83 ms: the 30 ms of gliding are over
        slow.process(&[0.5, 0.5], &[&x, &x], &mut [&mut turned, &mut unheard]);
        assert_eq!(slow.effect.latency(), 74);
        assert!(turned == unheard && turned[74..].iter().any(|y| y.abs() > 1e-3));
        Ok(())
    }
}

mod experiment {
    include!("programs/experiment.rs");

    use afx::dsp::{circuit::SynthOd, source::GuitarPhrase};

    #[test]
    fn an_experiment_learns_from_a_folder_and_leaves_a_model_file() -> Result<(), Box<dyn Error>> {
        let folder = std::env::temp_dir().join(format!("afx-readme-experiment-{}", std::process::id()));
        let dry: Vec<f32> = GuitarPhrase::render(1, 48e3, 24_000)?;
        let drives = [0.2, 0.8];
        let wet = SynthOd::render_grid(&dry, 48e3, &drives, &[0.5])?;
        let capture = |(drive, wet): (&f64, Vec<f32>)| Capture::mono(format!("drive {drive}"), vec![*drive as f32], dry.clone(), wet);
        let captures = drives.iter().zip(wet).map(capture).collect();
        let data = Dataset { sample_rate: 48_000, knobs: vec![Knob::new("drive", 0.0, 1.0)], captures };
        data.write(&folder, afx::io::wav::Format::Float32)?;
        let file = folder.join("model.safetensors");
        let config = Config { sequences: 5, frames: 1024, steps: 400, validate_every: 100, warm_up: 256, ..Config::default() };
        let (from, to) = (folder.to_str().ok_or("the path is not UTF-8")?, file.to_str().ok_or("the path is not UTF-8")?);
        let worst = experiment(from, to, config)?;
        let model = ModelFile::read(&file)?;
        std::fs::remove_dir_all(&folder)?;
        assert_eq!((model.knobs.len(), model.sample_rate), (1, 48_000));
        assert!(worst < 0.9, "{worst}"); // silence scores 1: four hundred steps must have learnt something
        Ok(())
    }
}

/// A file of the workspace; `None`, with a line that says so, in a published package.
fn workspace_file(name: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    let text = std::fs::read_to_string(path).ok();
    if text.is_none() {
        println!("skipped: {name} is not part of this package");
    }
    text
}

fn readme_shows(program: &str) -> bool {
    include_str!("../README.md").contains(&format!("```rust\n{program}```\n"))
}

#[test]
fn the_readme_of_the_workspace_is_the_one_whose_programs_are_compiled() {
    if let Some(text) = workspace_file("README.md") {
        assert!(text == include_str!("../README.md"), "README.md and afx/README.md differ: copy one over the other");
    }
}

#[test]
fn the_readme_shows_the_programs_word_for_word() {
    assert!(readme_shows(include_str!("programs/plugin.rs")), "the README's first program is not tests/programs/plugin.rs");
    assert!(readme_shows(include_str!("programs/experiment.rs")), "the README's second program is not tests/programs/experiment.rs");
    if let Some(program) = workspace_file("examples/no-std/src/effect.rs") {
        assert!(readme_shows(&program), "the README's third program is not examples/no-std/src/effect.rs");
    }
}

#[test]
fn the_prelude_has_fewer_than_twenty_names() {
    let source = include_str!("../src/lib.rs");
    let prelude = source.split("pub mod prelude {").nth(1).unwrap();
    let is_name = |piece: &&str| !piece.trim_matches([' ', ';']).is_empty() && !piece.contains("::");
    let names = |line: &str| line.trim().trim_start_matches("pub use ").split(['{', '}', ',']).filter(is_name).count().max(1);
    let count: usize = prelude.lines().filter(|l| l.contains("pub use")).map(names).sum();
    assert!((10..20).contains(&count), "{count}");
}

#[test]
fn the_guide_names_every_setting_of_a_training() {
    let Some(guide) = workspace_file("docs/guide.md") else { return };
    // The derived form is `Config { sequences: 80, ..., schedule: Plateau { factor: 0.5, patience: 4 }, ... }`.
    let settings = format!("{:?}", afx::train::Config::default());
    let names: Vec<&str> = settings.split([' ', '{']).filter_map(|word| word.strip_suffix(':')).collect();
    assert!(names.len() >= 13, "{settings}");
    for name in names {
        assert!(guide.contains(&format!("\n{name} = ")) || guide.contains(&format!("\n[{name}]")), "docs/guide.md does not name {name}");
    }
}
