//! `afx report`: one page and its numbers, for any number of knobs.
use super::common::{Folder, afx, afx_err, afx_ok, model};
use super::plot::dataset;
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
    check_page(&html, 2, 8..=8);
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
    check_page(&html, 1, 6..=6);
    assert!(html.contains("over all the audio") && !html.contains("Over the knobs"));
    assert_eq!((&metrics["part"], metrics["recordings"].as_array().unwrap().len()), (&"all".into(), 1));
}

#[test]
fn one_knob_and_three_knobs_have_their_maps() {
    let folder = Folder::new("report-one");
    let (html, metrics) = run(&folder, &["gain"], &[0.0, 4.0], false);
    check_page(&html, 2, 8..=8);
    assert_eq!(metrics["worst_by_knob"]["gain"].as_array().unwrap().len(), 2);
    let folder = Folder::new("report-three");
    let (html, metrics) = run(&folder, &["a", "b", "c"], &[0.0, 4.0], false);
    check_page(&html, 2, 10..=10); // a map for each pair of knobs
    assert!(html.contains("worst over the other knobs") && metrics["recordings"].as_array().unwrap().len() == 8);
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
        (write("rate.safetensors", &["drive"], 44_100), data.clone(), "sample rate: expected 44100 Hz"),
        (write("knob.safetensors", &["tone"], RATE), data.clone(), "knobs: expected tone"),
        (small, data.clone(), "drive: expected 0 to 1, the model's stops, found 4"),
        (good.clone(), folder.join("nowhere"), "nowhere"),
        (folder.bytes("text.safetensors", b"not a model"), data.clone(), "text.safetensors"),
    ];
    for (model, data, expected) in cases {
        let line = afx_err(report(&model, &data, &out));
        assert!(line.contains(expected), "{line}");
        assert!(!out.exists());
    }
    // Where the folder should be is a file.
    folder.bytes("out", b"mine");
    let failed = afx(report(&good, &data, &out));
    assert_eq!(failed.status.code(), Some(2));
    assert_eq!(std::fs::read(&out).unwrap(), b"mine");
}

/// The page in a browser without a window: the script has run when it has hidden the browser's own players behind its bar.
#[test]
fn a_browser_opens_the_page_and_its_players_work() {
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome", "chrome-headless-shell"];
    let Some(browser) = names.iter().find(|n| Command::new(n).arg("--version").output().is_ok_and(|o| o.status.success())) else {
        println!("skipped: no chromium is installed");
        return;
    };
    let folder = Folder::new("report-browser");
    run(&folder, &["gain"], &[0.0, 4.0], false);
    let page = format!("file://{}", folder.join("out").join("report.html").display());
    let profile = format!("--user-data-dir={}", folder.join("profile").display());
    let dump = ["--headless", "--disable-gpu", "--no-sandbox", "--virtual-time-budget=5000", "--dump-dom"];
    let out = Command::new(browser).args(dump).args([&profile, &page]).output().unwrap();
    let dom = String::from_utf8_lossy(&out.stdout);
    assert!(dom.contains("Model card"), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(dom.contains("<button"), "the script did not make its buttons");
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(!errors.contains("Uncaught") && !errors.contains("Refused to"), "{errors}");
}
