//! Weights of rows: in the loss of every kind, in the ridge, and in scores of their own.

use std::fmt::Write as _;
use std::path::Path;

use microglia::data::{DataOptions, Row};
use microglia::program::rng;
use serde_json::Value;

use crate::cli::{code, microglia, rejected, stderr, stdout, summary};

/// Two series of hourly rows: a wave with noise, its reverse, and the row's weight.
fn file(folder: &Path, name: &str, head: &str, weight: impl Fn(usize, usize) -> String) {
    let mut text = format!("{head}\n");
    let first = chrono::NaiveDate::from_ymd_opt(2020, 1, 1).unwrap().and_hms_opt(0, 0, 0).unwrap();
    for series in 0..2 {
        for row in 0..240 {
            let time = first + chrono::TimeDelta::hours(row as i64);
            let weight = weight(series, row);
            writeln!(text, "{},{time},{:.4}{weight}", ["a", "b"][series], value(series, row)).unwrap();
        }
    }
    std::fs::write(folder.join(name), text).unwrap();
}

fn value(series: usize, row: usize) -> f64 {
    let noise = f64::from(rng::draw(5, 3, series as u32, row as u32)) / 4_294_967_296.0;
    let wave = (row as f64 * std::f64::consts::TAU / 12.0).sin();
    10.0 + noise + if series == 0 { 3.0 * wave } else { 2.0 * noise - wave }
}

const HEAD: &str = "unique_id,ds,y,w";

fn uneven(series: usize, row: usize) -> f64 {
    [4.0, 0.5, 0.0, 1.0, 2.5][(row + 2 * series) % 5]
}

fn flags<'a>(data: &'a str, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec!["train", "--data", data, "--out", out, "--overwrite", "--device", "cpu", "--season", "12"];
    for (flag, value) in [("--lookback", "12"), ("--horizon", "2"), ("--hidden", "6"), ("--epochs", "2")] {
        words.extend([flag, value].into_iter().filter(|_| !more.contains(&flag)));
    }
    words.extend(more);
    words
}

fn train(folder: &Path, data: &str, more: &[&str]) -> Value {
    let output = microglia(folder, &flags(data, "run", more));
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    summary(&folder.join("run"))
}

const LOSSES: [&str; 9] =
    ["mse", "mae", "huber:0.3", "mape", "smape", "rmsse", "quantile", "student-t", "negative-binomial"];

#[test]
fn equal_weights_have_the_bits_of_none() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    file(folder, "plain.csv", "unique_id,ds,y", |_, _| String::new());
    file(folder, "equal.csv", HEAD, |_, _| ",7".into());
    for file in ["plain.csv", "equal.csv"] {
        // Counts, for the loss of counts.
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let count = |line: &str| {
            let mut cells: Vec<String> = line.split(',').map(String::from).collect();
            cells[2] = cells[2].parse::<f64>().map_or(cells[2].clone(), |value| value.round().to_string());
            cells.join(",") + "\n"
        };
        std::fs::write(folder.join(format!("counts-{file}")), text.lines().map(count).collect::<String>()).unwrap();
    }
    for loss in LOSSES {
        let prefix = if loss == "negative-binomial" { "counts-" } else { "" };
        let [plain, equal] = ["plain.csv", "equal.csv"].map(|file| format!("{prefix}{file}"));
        let plain = train(folder, &plain, &["--loss", loss]);
        let equal = train(folder, &equal, &["--loss", loss, "--weight", "w"]);
        assert_eq!(equal["weights_sha256"], plain["weights_sha256"], "{loss}");
        for part in ["validation", "test"] {
            let (mut weighted, mut own) = (equal[part]["weighted"].clone(), equal[part].clone());
            own.as_object_mut().unwrap().remove("weighted");
            assert_eq!(own, plain[part], "{loss}");
            assert!(weighted["weighted"].is_null());
            weighted.as_object_mut().unwrap().retain(|_, _| true);
            assert_eq!(weighted, own, "{loss}");
        }
        assert!(plain["test"]["weighted"].is_null());
    }
}

/// The loss of an epoch that changes nothing is the weighted error of the training rows, which `evaluate` adds up by itself.
#[test]
fn a_loss_is_the_weighted_mean() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    file(folder, "w.csv", HEAD, |series, row| format!(",{}", uneven(series, row)));
    let still = ["--lr", "1e-9", "--linear-path", "none", "--epochs", "1", "--regularizer", "none", "--weight", "w"];
    for (loss, score) in [("mse", "scaled_mse"), ("mae", "scaled_mae"), ("mape", "mape"), ("smape", "smape")] {
        train(folder, "w.csv", &[&still[..], &["--loss", loss]].concat());
        let metrics = std::fs::read_to_string(folder.join("run/metrics.csv")).unwrap();
        let cells: Vec<f64> = metrics.lines().nth(1).unwrap().split(',').map(|v| v.parse().unwrap_or(0.0)).collect();
        for (part, found) in [("train", cells[3]), ("validation", cells[4])] {
            let total = &evaluate(folder, &["--part", part])["total"][0];
            let [own, plain] = [&total["weighted"], total].map(|scores| scores[score].as_f64().unwrap());
            assert!((found - own).abs() < 1e-4 * own, "{loss} {part}: {found}, not {own}");
            assert!((found - plain).abs() > 4e-4 * plain, "{loss} {part}: {found} is the mean of {plain}");
        }
    }
}

fn evaluate(folder: &Path, more: &[&str]) -> Value {
    let words = ["evaluate", "--checkpoint", "run", "--json", "--levels", "none", "--device", "cpu"];
    let output = microglia(folder, &[&words, more].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

/// By hand: seasonal-naive, whose forecasts follow from the file.
#[test]
fn scores_are_weighted_means() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    file(folder, "w.csv", HEAD, |series, row| format!(",{}", uneven(series, row)));
    let done = microglia(folder, &flags("w.csv", "run", &["--weight", "w", "--loss", "quantile"]));
    let text = stdout(&done);
    for words in ["test, weighted by row ", "test, weighted by row, intervals", "weighted_mae"] {
        let scores = std::fs::read_to_string(folder.join("run/scores.csv")).unwrap();
        assert!(text.contains(words) || scores.contains(words), "no {words} in {text}{scores}");
    }
    assert!(stderr(&done).contains("weights of rows `w`"), "{}", stderr(&done));
    let found = summary(&folder.join("run"));
    let (mut sum, mut weights) = (0.0, 0.0);
    let four = |series, row| (value(series, row) * 1e4).round() / 1e4;
    // The last 20 %, of which a window's first row to forecast is within.
    for series in 0..2 {
        for origin in 192..239 {
            for row in origin..origin + 2 {
                let weight = uneven(series, row);
                weights += weight;
                sum += weight * (four(series, row) - four(series, row - 12)).abs();
            }
        }
    }
    let mae = found["baselines"]["seasonal_naive"]["weighted"]["mae"].as_f64().unwrap();
    assert!((mae - sum / weights).abs() < 1e-5, "{mae}, not {}", sum / weights);
    let own = |name: &str| found["test"]["weighted"]["intervals"][name].as_f64().unwrap();
    assert!(own("crps") > 0.0 && own("crps") != found["test"]["intervals"]["crps"].as_f64().unwrap());
    // The same of a trained model.
    let table = folder.join("t.csv");
    let scored = evaluate(folder, &["--table", "t.csv"]);
    let naive = scored["total"].as_array().unwrap().iter().find(|one| one["model"] == "seasonal naive").unwrap();
    assert!((naive["weighted"]["mae"].as_f64().unwrap() - mae).abs() < 1e-6, "{naive}");
    let table = std::fs::read_to_string(table).unwrap();
    let head = table.lines().next().unwrap();
    assert!(head.contains(",weighted_mae,weighted_rmse,"), "{head}");
    assert!(table.lines().all(|line| line.split(',').count() == head.split(',').count()));
}

/// A series of weight 0 is not learned from, and one of next to none hardly, by the ridge and by a network.
#[test]
fn rows_without_weight_teach_nothing() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    file(folder, "both.csv", HEAD, |_, _| ",1".into());
    for (name, weight) in [("zero.csv", "0"), ("tiny.csv", "1e-9")] {
        // Of the validation rows too, so that they choose the same.
        file(folder, name, HEAD, |series, _| format!(",{}", if series == 1 { weight } else { "1" }));
    }
    let text = std::fs::read_to_string(folder.join("both.csv")).unwrap();
    let alone: String = text.lines().filter(|line| !line.starts_with('b')).map(|line| format!("{line}\n")).collect();
    std::fs::write(folder.join("alone.csv"), alone).unwrap();
    let mae = |data: &str, more: &[&str]| {
        train(folder, data, &[&["--weight", "w"], more].concat());
        let own = std::fs::read_to_string(folder.join("run/scores.csv")).unwrap();
        own.lines().nth(1).unwrap().split(',').nth(3).unwrap().parse::<f64>().unwrap()
    };
    let ridge = |data: &str| mae(data, &["--model", "ridge"]);
    let alone = ridge("alone.csv");
    assert_eq!(ridge("zero.csv"), alone);
    assert!((ridge("tiny.csv") - alone).abs() < 1e-3 * alone, "{}, not {alone}", ridge("tiny.csv"));
    assert!((ridge("both.csv") - alone).abs() > 1e-2 * alone, "{} is {alone}", ridge("both.csv"));
    // The same batches, as the windows of the other series are left out.
    let network = |data: &str| mae(data, &["--linear-path", "none"]);
    assert_eq!(network("zero.csv"), network("alone.csv"));
    // Where future rows are known, the ridge weighs them too.
    let still = ["--future-calendar", "on", "--linear-path", "ridge", "--lr", "1e-9", "--epochs", "1"];
    let future = |data: &str| mae(data, &still);
    let alone = future("alone.csv");
    assert!((future("tiny.csv") - alone).abs() < 1e-3 * alone && (future("both.csv") - alone).abs() > 1e-3 * alone);
}

#[test]
fn runs_replicas_searches_and_studies_take_weights() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    file(folder, "w.csv", HEAD, |series, row| format!(",{}", uneven(series, row)));
    let hash = |summary: &Value, r: usize| summary["replicas"][r]["weights_sha256"].clone();
    let own = ["--weight", "w", "--linear-path", "none"];
    let whole = train(folder, "w.csv", &own);
    let several = train(folder, "w.csv", &[&own[..], &["--replicas", "2", "--seed", "41"]].concat());
    assert_eq!(hash(&several, 1), hash(&whole, 0));
    // In the middle of an epoch, so that the sum of losses is read back.
    train(folder, "w.csv", &[&own[..], &["--max-steps", "7", "--batch", "16"]].concat());
    let output = microglia(folder, &["train", "--resume", "run", "--max-steps", "19"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let resumed = summary(&folder.join("run"));
    let history = |name: &str| {
        let text = std::fs::read_to_string(folder.join(name).join("metrics.csv")).unwrap();
        text.lines().map(|line| line.rsplit_once(',').unwrap().0.to_string()).collect::<Vec<_>>()
    };
    let in_parts = history("run");
    let at_once = train(folder, "w.csv", &[&own[..], &["--max-steps", "19", "--batch", "16"]].concat());
    assert_eq!((hash(&resumed, 0), in_parts), (hash(&at_once, 0), history("run")));
    rejected(
        folder,
        &microglia(folder, &["train", "--resume", "run", "--weight", "none"]),
        &["--weight was \"w\", here \"none\""],
    );

    // A forecast needs no weights, and scores do.
    let text = std::fs::read_to_string(folder.join("w.csv")).unwrap();
    let bare: String = text.lines().map(|line| line.rsplit_once(',').unwrap().0.to_string() + "\n").collect();
    std::fs::write(folder.join("bare.csv"), bare).unwrap();
    let forecast = |data: &str| {
        let output = microglia(folder, &["forecast", "--checkpoint", "run", "--data", data, "--levels", "none"]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        stdout(&output)
    };
    assert_eq!(forecast("bare.csv"), forecast("w.csv"));
    let flagged = ["forecast", "--checkpoint", "run", "--data", "bare.csv", "--weight", "w"];
    rejected(folder, &microglia(folder, &flagged), &["--weight: changes no forecast"]);
    let scored = ["evaluate", "--checkpoint", "run", "--data", "bare.csv"];
    rejected(folder, &microglia(folder, &scored), &["bare.csv", "no column `w`", "--weight"]);
    let plain = evaluate(folder, &["--data", "bare.csv", "--weight", "none"]);
    assert!(plain["total"][0]["weighted"].is_null() && plain["total"][0]["mae"].is_number());

    let search = ["tune", "--data", "w.csv", "--weight", "w", "--out", "search", "--configurations", "3"];
    let shape = ["--lookback", "12", "--horizon", "2", "--hidden", "6", "--epochs", "9", "--season", "12"];
    let output = microglia(folder, &[&search[..], &shape].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("test, weighted by row"), "{}", stdout(&output));
    let again = microglia(folder, &["train", "--config", "search/best.toml", "--out", "again"]);
    assert_eq!(code(&again), 0, "{}", stderr(&again));
    assert!(stdout(&output).contains(summary(&folder.join("again"))["weights_sha256"].as_str().unwrap()));

    let study = |out: &str, more: &[&str]| {
        let own = ["experiment", "--data", "s=w.csv", "--out", out, "--methods", "none,pruning", "--seeds", "1"];
        let shape = ["--lookbacks", "12", "--horizon", "2", "--hidden", "6", "--epochs", "4", "--device", "cpu"];
        let output =
            microglia(folder, &[&own[..], &shape, &["--models", "lstm", "--set", "s.target=y"], more].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let rows = std::fs::read_to_string(folder.join(out).join("results.csv")).unwrap();
        let place = rows.lines().next().unwrap().split(',').position(|name| name == "weights_sha256").unwrap();
        let hash = |line: &str| line.split(',').nth(place).unwrap().to_string();
        rows.lines().skip(1).map(hash).filter(|hash| !hash.is_empty()).collect::<Vec<_>>()
    };
    let (weighted, plain) = (study("weighted", &["--set", "s.weight=w"]), study("unweighted", &[]));
    assert!(weighted.len() == 2 && plain.len() == 2 && weighted.iter().zip(&plain).all(|(one, other)| one != other));
}

#[test]
fn what_is_no_weight_is_rejected() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let reject = |name: &str, weight: &dyn Fn(usize, usize) -> String, more: &[&str], words: &[&str]| {
        file(folder, name, HEAD, weight);
        let output = microglia(folder, &flags(name, "run", &[&["--weight", "w"], more].concat()));
        rejected(folder, &output, words);
    };
    let at =
        |cell: &'static str| move |series, row| if (series, row) == (0, 17) { cell.into() } else { ",1".to_string() };
    reject("less.csv", &at(",-1"), &[], &["less.csv:19, column `w`, value \"-1\"", "negative weight"]);
    reject("none.csv", &at(","), &[], &["none.csv:19, column `w`", "no weight", "give the row a weight"]);
    reject("text.csv", &at(",x"), &[], &["text.csv:19, column `w`, value \"x\"", "not a number"]);
    reject("huge.csv", &at(",1e300"), &[], &["huge.csv:19, column `w`", "not a finite 32-bit number"]);
    reject("zero.csv", &|_, _| ",0".into(), &[], &["--weight", "rows of weight 0 alone", "above 0"]);
    let only_training = |_, row: usize| format!(",{}", u8::from(row < 160));
    reject("late.csv", &only_training, &[], &["--weight: all rows of the validation part have weight 0"]);
    let fine = |_, _| ",1".to_string();
    reject("f.csv", &fine, &["--covariates", "w"], &["--weight: `w` is a target or a covariate too"]);
    reject("f.csv", &fine, &["--target", "w"], &["--weight: `w` is a target or a covariate too"]);
    // The run's own data is read as in training, whatever is asked for.
    train(folder, "f.csv", &["--weight", "w"]);
    for asked in
        [&["--weight", "none"][..], &["--weight", "v"], &["--data", "f.csv", "--weight", "none"], &["--impute", "mean"]]
    {
        let output = microglia(folder, &[&["evaluate", "--checkpoint", "run"], asked].concat());
        rejected(folder, &output, &[asked[asked.len() - 2], "the run's own data is read as in training"]);
    }
    // Without a weight among the rows that are scored there is nothing to say.
    file(folder, "teach.csv", HEAD, |_, row| format!(",{}", u8::from(row < 190)));
    let output = microglia(folder, &flags("teach.csv", "run", &["--weight", "w"]));
    assert!(stdout(&output).contains("no scores weighted by row: all test rows have weight 0"), "{}", stdout(&output));
    let output = microglia(folder, &["evaluate", "--checkpoint", "run"]);
    assert!(stdout(&output).contains("all of these rows have weight 0"), "{}", stdout(&output));
    let named = |name: &str| microglia(folder, &flags("f.csv", "run", &["--weight", name]));
    rejected(folder, &named("v"), &["f.csv", "no column `v`", "--weight takes one of", "--weight none"]);
    rejected(folder, &named("ds"), &["--weight: `ds` holds times or ids"]);
    let rows = microglia(folder, &flags("f.csv", "run", &["--weight", "w", "--layout", "rows"]));
    rejected(folder, &rows, &["--weight", "--layout rows"]);
    // All covariates are those beside the weight; a row whose target is missing needs none.
    file(folder, "gap.csv", HEAD, fine);
    let text = std::fs::read_to_string(folder.join("gap.csv")).unwrap();
    let line = text.lines().nth(18).unwrap();
    let (front, _) = line.rsplit_once(',').unwrap();
    let empty = format!("{},,", front.rsplit_once(',').unwrap().0);
    std::fs::write(folder.join("gap.csv"), text.replace(line, &empty)).unwrap();
    let found = train(folder, "gap.csv", &["--weight", "w", "--covariates", "all", "--impute", "ffill"]);
    assert!(!found["data"]["channels"].as_array().unwrap().contains(&"w".into()), "{}", found["data"]["channels"]);
}

/// Rows and panels of the library take weights as files do.
#[test]
fn typed_rows_have_weights() {
    let options = DataOptions {
        lookback: Some(4),
        weight: Some("w".into()),
        targets: Some(vec!["y".into()]),
        ..Default::default()
    };
    let row = |row: usize| Row::new(row as i64, [value(0, row), if row.is_multiple_of(3) { 2.0 } else { 8.0 }]);
    let data = options.load_rows("rows", &["y", "w"], (0..100).map(row)).unwrap();
    assert_eq!((data.channels(), &data.weights[..4]), (1, &[0.25, 1.0, 1.0, 0.25][..]));
    assert_eq!(data.target_weight(0), 1.0);
    let bad = (0..100).map(|i| Row::new(i, [value(0, i as usize), if i == 9 { -1.0 } else { 1.0 }]));
    let error = options.load_rows("rows", &["y", "w"], bad).unwrap_err().to_string();
    assert!(error.contains("rows:11, column `w`, value \"-1\"") && error.contains("negative weight"), "{error}");

    use microglia::data::{Column, Panel, TimeKind, TimeSeries, Timestamp};
    let series = TimeSeries {
        id: String::new(),
        times: (0..100).map(|instant| Timestamp { instant, offset: 0 }).collect(),
        values: vec![
            (0..100).map(|i| if i % 3 == 0 { 2.0 } else { 8.0 }).collect(),
            (0..100).map(|i| value(0, i)).collect(),
        ],
    };
    let mut panel = Panel {
        name: "panel".into(),
        time_kind: TimeKind::RowNumbers,
        columns: vec![Column::past_covariate("w"), Column::target("y")],
        series: vec![series],
    };
    assert_eq!(options.load_panel(&panel).unwrap().weights, data.weights);
    panel.columns[0].name = "v".into();
    let error = options.load_panel(&panel).unwrap_err().to_string();
    assert!(error.contains("no past covariate is called `w`"), "{error}");
}
