//! `afx report`: one page and its numbers, for any number of knobs.
use super::common::{Folder, afx, afx_err, afx_ok, model};
use super::plot::dataset;
use afx::io::dataset::{Capture, Dataset};
use afx::io::wav::Format;
use std::path::{Path, PathBuf};
use std::process::Command;

const RATE: u32 = 48_000;

fn report(model: &Path, data: &Path, out: &Path) -> Vec<std::ffi::OsString> {
    ["report".as_ref(), model.as_os_str(), "--data".as_ref(), data.as_os_str(), "--out".as_ref(), out.as_os_str()]
        .map(std::ffi::OsStr::to_owned)
        .to_vec()
}

/// Writes a model and a data set, reports, and returns the page and its numbers.
fn run(folder: &Folder, knobs: &[&str], positions: &[f32], splits: bool) -> (String, serde_json::Value) {
    let (path, data, out) = (folder.join("m.safetensors"), folder.join("data"), folder.join("out"));
    model("static-hyper-gru", 4, knobs, RATE).write(&path).unwrap();
    dataset(&data, knobs, positions, splits);
    afx_ok(report(&path, &data, &out));
    let html = std::fs::read_to_string(out.join("report.html")).unwrap();
    (html, serde_json::from_slice(&std::fs::read(out.join("metrics.json")).unwrap()).unwrap())
}

/// Nothing outside is referred to, the three clips of each player are inside, and the parts are there.
fn check_page(html: &str, players: usize, figures: std::ops::RangeInclusive<usize>) {
    assert!(html.starts_with("<!DOCTYPE html>") && html.trim_end().ends_with("</html>"));
    let rest = html.replace("http://www.w3.org/2000/svg", "").replace("http://www.w3.org/1999/xlink", "");
    for pattern in ["http:", "https:", "@import", "<link", "<iframe", "src=\"/", "file:"] {
        assert!(!rest.contains(pattern), "{pattern}");
    }
    assert_eq!(html.matches("src=\"data:audio/wav;base64,").count(), 3 * players);
    assert!(figures.contains(&html.matches("<figure>").count()), "{} figures", html.matches("<figure>").count());
    for heading in ["Accuracy", "Listen", "The model by itself", "Model card", "As in the literature"] {
        assert!(html.contains(heading), "{heading}");
    }
    assert!(!html.contains(&*std::env::temp_dir().to_string_lossy()), "the page shows a path of this machine");
}

#[test]
fn two_knobs_with_a_test_part_are_measured_on_it_alone() {
    let folder = Folder::new("report-two");
    let (html, metrics) = run(&folder, &["drive", "tone"], &[0.0, 2.0, 4.0], true);
    check_page(&html, 2, 18..=18);
    assert!(html.contains("keeps for testing") && html.contains("unseen knobs") && html.contains("Worst case of drive"));
    assert_eq!((&metrics["part"], &metrics["model"], &metrics["sample_rate"]), (&"test".into(), &"static-hyper-gru".into(), &RATE.into()));
    let recordings = metrics["recordings"].as_array().unwrap();
    assert_eq!(recordings.len(), 4); // every second one of nine
    assert!(recordings.iter().all(|r| r["seen"] == false && r["scores"]["transient_tms"].is_number()));
    let esr = |v: &serde_json::Value| v["scores"]["esr"].as_f64().unwrap();
    let worst = recordings.iter().map(esr).fold(0.0, f64::max);
    assert_eq!(esr(&metrics["worst"]), worst);
    let mean = recordings.iter().map(esr).sum::<f64>() / 4.0;
    assert!((metrics["mean"]["esr"].as_f64().unwrap() - mean).abs() < 1e-9 * mean); // order of the sum
    let by_knob = metrics["worst_by_knob"]["drive"].as_array().unwrap();
    assert_eq!(by_knob.iter().map(|r| r["value"].as_f64().unwrap()).collect::<Vec<_>>(), [0.0, 2.0, 4.0]);
    assert_eq!(by_knob.iter().map(|r| r["worst_esr"].as_f64().unwrap()).fold(0.0, f64::max), worst);
}

#[test]
fn without_knobs_there_is_one_player_and_no_map_and_all_the_audio_counts() {
    let folder = Folder::new("report-none");
    let (html, metrics) = run(&folder, &[], &[], false);
    check_page(&html, 1, 11..=11);
    assert!(html.contains("over all the audio") && !html.contains("Over the knobs"));
    assert_eq!((&metrics["part"], metrics["recordings"].as_array().unwrap().len()), (&"all".into(), 1));
}

#[test]
fn one_knob_and_three_knobs_have_their_maps() {
    let folder = Folder::new("report-one");
    let (html, metrics) = run(&folder, &["gain"], &[0.0, 4.0], false);
    check_page(&html, 2, 18..=18);
    assert_eq!(metrics["worst_by_knob"]["gain"].as_array().unwrap().len(), 2);
    let folder = Folder::new("report-three");
    let (html, metrics) = run(&folder, &["a", "b", "c"], &[0.0, 4.0], false);
    check_page(&html, 2, 20..=20); // a map for each pair of knobs
    assert!(html.contains("worst over the other knobs") && metrics["recordings"].as_array().unwrap().len() == 8);
}

#[test]
fn a_log_without_validations_costs_the_loss_curve_and_no_more() {
    let folder = Folder::new("report-log");
    let (path, data, out) = (folder.join("m.safetensors"), folder.join("data"), folder.join("out"));
    model("gru", 4, &[], RATE).write(&path).unwrap();
    dataset(&data, &[], &[], false);
    let validation = "{\"event\":\"validation\",\"step\":20,\"loss\":0.4,\"validation_esr\":0.3}\n";
    // Stopped before the first validation, empty, of another kind, without anything that a logarithm shows, and in order.
    let zero = validation.replace("0.4", "0").replace("0.3", "0");
    for log in ["{\"event\":\"step\",\"step\":1,\"loss\":1}\n", "", "nonsense\nnonsense\n", &zero, validation] {
        folder.bytes("m.log.jsonl", log.as_bytes());
        let done = afx(report(&path, &data, &out));
        let reasons = String::from_utf8(done.stderr).unwrap();
        assert!(done.status.success(), "{reasons}");
        let reason = reasons.lines().find(|l| l.ends_with("; the loss curve is left out"));
        let html = std::fs::read_to_string(out.join("report.html")).unwrap();
        assert_eq!((reason.is_none(), html.contains("Validation ESR")), (log == validation, log == validation), "{log}: {reasons}");
    }
}

#[test]
fn what_does_not_fit_is_refused_and_leaves_no_folder() {
    let folder = Folder::new("report-refused");
    let (data, out) = (folder.join("data"), folder.join("out"));
    dataset(&data, &["drive"], &[0.0, 4.0], false);
    let write = |name: &str, knobs: &[&str], rate| {
        let path = folder.join(name);
        model("gru", 4, knobs, rate).write(&path).unwrap();
        path
    };
    let small = {
        let path = folder.join("small.safetensors");
        let mut file = model("concat-gru", 4, &["drive"], RATE);
        (file.knobs[0].max, file.knobs[0].default) = (1.0, 0.5);
        file.write(&path).unwrap();
        path
    };
    let good = write("good.safetensors", &["drive"], RATE);
    let cases: [(PathBuf, PathBuf, &str); 5] = [
        (write("rate.safetensors", &["drive"], 44_100), data.clone(), "data: sample rate: expected 44100 Hz, the model's, found 48000 Hz"),
        (write("knob.safetensors", &["tone"], RATE), data.clone(), "data: knobs: expected tone, one of the model's, found drive"),
        (small, data.clone(), "data/wet/001_take_1.wav: recording take 1: drive: expected 0 to 1, the model's stops, found 4"),
        (good.clone(), folder.join("nowhere"), "nowhere"),
        (folder.bytes("text.safetensors", b"not a model"), data.clone(), "text.safetensors"),
    ];
    for (model, data, expected) in cases {
        let line = afx_err(report(&model, &data, &out));
        assert!(line.contains(expected), "{line}");
        assert!(!out.exists());
    }
    // Nothing to compare with: silence, and the line says where.
    let mute = folder.join("mute");
    let mut capture = Capture::mono("take", vec![2.0], super::common::plucks(4800, RATE), vec![0.0; 4800]);
    capture.lag = None;
    let knobs = vec![afx::io::dataset::Knob::new("drive", 0.0, 4.0)];
    Dataset { sample_rate: RATE, knobs, captures: vec![capture] }.write(&mute, Format::Float32).unwrap();
    let failed = afx(report(&good, &mute, &out));
    let lines = String::from_utf8(failed.stderr).unwrap();
    let last = lines.lines().last().unwrap(); // warnings about the data come before
    assert!(failed.status.code() == Some(2) && last.contains("mute: expected sound in a wet file, found silence in all"), "{lines}");
    // Where the folder should be is a file.
    folder.bytes("out", b"mine");
    let failed = afx(report(&good, &data, &out));
    assert_eq!(failed.status.code(), Some(2));
    assert_eq!(std::fs::read(&out).unwrap(), b"mine");
}

/// A data set without knobs whose recordings have these channels; the second channel is the first one late.
fn channels(folder: &Path, dry: usize, wet: usize) {
    let x = super::common::plucks(RATE as usize, RATE);
    let side = |n: usize, gain: f32| -> Vec<Vec<f32>> {
        (0..n).map(|c| x.iter().cycle().skip(x.len() - 1000 * c).take(x.len()).map(|v| gain * v).collect()).collect()
    };
    let mut capture = Capture::mono("take", vec![], x.clone(), x.clone());
    (capture.dry, capture.wet) = (side(dry, 1.0).into(), side(wet, 0.5));
    Dataset { sample_rate: RATE, knobs: vec![], captures: vec![capture] }.write(folder, Format::Float32).unwrap();
}

#[test]
fn stereo_recordings_are_measured_in_both_channels_and_played_in_both() {
    let folder = Folder::new("report-stereo");
    let path = folder.join("m.safetensors");
    model("gru", 4, &[], RATE).write(&path).unwrap();
    let run = |name: &str, dry, wet| {
        let (data, out) = (folder.join(name), folder.join(&format!("{name}-out")));
        channels(&data, dry, wet);
        afx_ok(report(&path, &data, &out));
        let metrics: serde_json::Value = serde_json::from_slice(&std::fs::read(out.join("metrics.json")).unwrap()).unwrap();
        (std::fs::read_to_string(out.join("report.html")).unwrap(), metrics)
    };
    let (mono, one) = run("mono", 1, 1);
    let (html, two) = run("stereo", 2, 2);
    check_page(&html, 1, 11..=11);
    assert!(html.contains("2 channels. The model plays each channel by itself") && !mono.contains("channels. The model"));
    assert_eq!((&one["channels"], &two["channels"]), (&1.into(), &2.into()));
    // The second channel is the first one, moved: the same error but for its start from rest.
    let esr = |m: &serde_json::Value| m["recordings"][0]["scores"]["esr"].as_f64().unwrap();
    assert!((esr(&one) - esr(&two)).abs() < 0.02 * esr(&one), "{} {}", esr(&one), esr(&two)); // 1000 of 48 000 frames lie elsewhere
    // Two channels of 16 bits in the players: RIFF...WAVEfmt, PCM, 2 channels.
    let header = |channels: u8| {
        let bytes = [b"WAVEfmt ".as_slice(), &[16, 0, 0, 0, 1, 0, channels, 0]].concat();
        afx_cli::report::base64::encode(&[&[0; 2], &bytes[..]].concat())[4..20].to_owned() // where base64 falls on a boundary of the file
    };
    assert_eq!((html.matches(&header(2)).count(), mono.matches(&header(1)).count()), (3, 3));
    let (html, _) = run("spread", 1, 2);
    assert!(html.contains("2 channels. The model plays the one dry channel"));
    let data = folder.join("narrow");
    channels(&data, 2, 1);
    let line = afx_err(report(&path, &data, &folder.join("no")));
    assert!(line.contains(".wav: recording take: channels: expected one dry channel") && line.contains("found 2 dry and 1 wet"), "{line}");
}

/// A chromium, if there is one.
fn browser() -> Option<&'static str> {
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome", "chrome-headless-shell"];
    let found = names.into_iter().find(|n| Command::new(n).arg("--version").output().is_ok_and(|o| o.status.success()));
    if found.is_none() {
        println!("skipped: no chromium is installed");
    }
    found
}

/// The page as it stands `budget_ms` of the browser's own time after loading, and what the browser wrote.
fn dump(browser: &str, folder: &Folder, page: &Path, budget_ms: u32) -> (String, String) {
    let profile = format!("--user-data-dir={}", folder.join("profile").display());
    let budget = format!("--virtual-time-budget={budget_ms}");
    let page = format!("file://{}", page.display());
    let out = Command::new(browser)
        .args(["--headless", "--disable-gpu", "--no-sandbox", &budget, "--dump-dom", &profile, &page])
        .output()
        .unwrap();
    (String::from_utf8_lossy(&out.stdout).into_owned(), String::from_utf8_lossy(&out.stderr).into_owned())
}

/// Clicks and keys at exact frames of an offline rendering by the browser's audio engine: see `players.js`.
#[test]
fn players_switch_without_losing_the_position_and_one_clip_is_heard_at_a_time() {
    let Some(browser) = browser() else { return };
    let folder = Folder::new("report-players");
    let (html, _) = run(&folder, &["gain"], &[0.0, 4.0], false);
    let page = folder.join("test.html");
    let script = format!("<script>\n{}</script>\n<title>", include_str!("players.js"));
    std::fs::write(&page, html.replacen("<title>", &script, 1)).unwrap();
    // One time in twenty the browser ends before its audio engine does, in a busy machine.
    let mut said = String::new();
    let found = (0..4).find_map(|_| {
        let (dom, errors) = dump(browser, &folder, &page, 60_000);
        said += &errors;
        dom.split("<pre id=\"found\">").nth(1).and_then(|t| t.split("</pre>").next()).map(str::to_owned)
    });
    let found = found.unwrap_or_else(|| panic!("the script did not end: {said}"));
    let found: serde_json::Value = serde_json::from_str(&found.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&")).unwrap();
    assert_eq!((&found["errors"], &found["rendered"]), (&serde_json::json!([]), &true.into()), "{found}");
    assert_eq!(found["labels"], serde_json::json!(["dry", "device", "model"]));
    // Which button is pressed: at first, after a click on the third, after key 1, after key 2 and a key without a clip.
    let pressed = ["atFirst", "afterClick", "afterKey", "afterOther"].map(|k| {
        let buttons = found[k].as_array().unwrap();
        assert_eq!(buttons.iter().filter(|b| **b == true).count(), 1, "{k}");
        buttons.iter().position(|b| b == true).unwrap()
    });
    assert_eq!(pressed, [1, 2, 0, 1]);
    // Between the clicks exactly that clip is heard, where a clock that nothing disturbs would be: `stretches[i][clip]` is the distance.
    let distances = |v: &serde_json::Value| v.as_array().unwrap().iter().map(|d| d.as_f64().unwrap()).collect::<Vec<_>>();
    for (stretch, heard) in found["stretches"].as_array().unwrap().iter().zip(pressed).chain([(&found["resumed"], 1)]) {
        for (clip, distance) in distances(stretch).into_iter().enumerate() {
            assert!((distance < 1e-4) == (clip == heard), "{found}"); // the fade is over: e^-20; clips differ by more than 16 bits resolve
        }
    }
    assert_eq!(found["quiet"], 0.0, "a paused player is heard");
    let labels = ["playing", "paused", "again"].map(|k| found[k].as_str().unwrap());
    assert_eq!(labels, ["Pause", "Play", "Pause"]);
    assert_eq!(found["other"], serde_json::json!(["Play", "Pause"])); // one player stops another
}

/// The page in a browser without a window: the script has run when it has hidden the browser's own players behind its bar.
#[test]
fn a_browser_opens_the_page_and_its_players_work() {
    let Some(browser) = browser() else { return };
    let folder = Folder::new("report-browser");
    run(&folder, &["gain"], &[0.0, 4.0], false);
    let (dom, errors) = dump(browser, &folder, &folder.join("out").join("report.html"), 5000);
    assert!(dom.contains("Model card"), "{errors}");
    assert!(dom.contains("<button"), "the script did not make its buttons");
    assert!(!errors.contains("Uncaught") && !errors.contains("Refused to"), "{errors}");
}
