use afx::loss::metrics::esr;
use afx::prelude::*;
use afx::train::LossKind;
use std::error::Error;
use std::ops::ControlFlow;

fn experiment(folder: &str, file: &str, config: Config) -> Result<f64, Box<dyn Error>> {
    let (data, findings) = Dataset::open(folder)?;
    for finding in findings {
        eprintln!("{finding}"); // clipped, late, inverted, unrelated
    }
    let config = Config { loss: LossKind::EsrDc, ..config };
    let spec = ModelSpec::named("film-gru", 8, data.knobs.len())?;
    let material = Material::new(&data, config.frames, config.validation_part)?;
    let mut trainer = Trainer::new(spec.build()?, material, config)?;
    trainer.run(|trainer, event| {
        if let Event::Validation { step, esr, best, .. } = event {
            println!("step {step}: ESR {esr:.4}, learning rate {:.1e}{}", trainer.rate(), if *best { ", best" } else { "" });
        }
        Ok(ControlFlow::Continue(()))
    })?;

    let model = ModelFile::new("overdrive", spec, data.sample_rate, data.knobs.clone(), trainer.best());
    model.write(file)?;

    let (mut voice, mut worst) = (model.voice(1)?, 0.0f64);
    for capture in &data.captures {
        voice.set_controls(&model.normalise(&capture.controls)); // from "drive 3 of 10" to [-1, 1]
        voice.reset();
        let mut wet = vec![0.0; capture.frames()];
        voice.process(&[&capture.dry[0]], &mut [&mut wet]);
        let error = esr(&wet, &capture.wet[0])?;
        println!("{}: ESR {error:.4}", capture.name);
        worst = worst.max(error);
    }
    Ok(worst)
}
