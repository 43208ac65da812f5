//! Several runs that forecast together, as users meet them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use chrono::{Days, NaiveDate};
use serde_json::Value;

use crate::cli::{microglia, rejected, stderr, stdout};
use crate::cli_forecast::{done, numbers, rows};

/// Days of a wave with a drift, and of a covariate, from the day `first` on.
fn wave(id: &str, first: u32) -> String {
    let row = |day: u32| {
        let t = f64::from(day);
        let (x, noise) = ((t / 5.0).sin(), f64::from(day * day % 17) / 20.0);
        let y = 20.0 + 0.05 * t + 4.0 * (t * std::f64::consts::TAU / 7.0).sin() + x + noise;
        format!("{id}{},{y:.3},{x:.3}\n", NaiveDate::from_ymd_opt(2024, 1, 1).unwrap() + Days::new(day.into()))
    };
    (first..160).map(row).collect()
}

fn train(folder: &Path, name: &str, more: &[&str]) {
    let mut all = vec!["train", "--epochs", "2", "--hidden", "4", "--calendar", "off", "--device=cpu", "--out", name];
    for (option, value) in [("--horizon", "2"), ("--target", "y")] {
        let usual = if more.contains(&option) { &[][..] } else { &[option, value] };
        all.extend(usual);
    }
    all.extend(more);
    done(&microglia(folder, &all));
}

/// Three runs of one file: two replicas that read the covariate, a linear model, and one whose parts are others.
fn three(folder: &Path) {
    std::fs::write(folder.join("wave.csv"), format!("date,y,x\n{}", wave("", 0))).unwrap();
    let of = |name: &str, more: &[&str]| train(folder, name, &[&["--data", "wave.csv"], more].concat());
    of("a", &["--covariates", "x", "--lookback", "7", "--replicas", "2"]);
    of("b", &["--covariates", "none", "--lookback", "12", "--model", "nlinear"]);
    of("c", &["--covariates", "none", "--lookback", "9", "--seed", "5", "--split", "0.7,0.15,0.15"]);
}

/// `verb` with runs.
fn with(folder: &Path, verb: &str, runs: &[&str], more: &[&str]) -> Output {
    let runs = runs.iter().flat_map(|run| ["--checkpoint", run]);
    let all: Vec<&str> = [verb].into_iter().chain(runs).chain(["--device=cpu"]).chain(more.iter().copied()).collect();
    microglia(folder, &all)
}

/// The numbers of a table of forecasts, by row.
fn forecasts(output: &Output) -> Vec<Vec<f64>> {
    done(output);
    rows(&stdout(output))[1..].iter().map(|row| numbers(&row[2..])).collect()
}

fn json(output: &Output) -> Value {
    done(output);
    serde_json::from_str(&stdout(output)).unwrap()
}

#[track_caller]
fn close(found: f64, wanted: f64) {
    assert!((found - wanted).abs() <= 1e-5 * wanted.abs().max(1.0), "{found} is not {wanted}");
}

/// The observed value and the model's numbers by time and cutoff, of `evaluate --predictions`.
fn predictions(folder: &Path, runs: &[&str], more: &[&str]) -> (BTreeMap<(String, String), Vec<f64>>, String) {
    let output = with(folder, "evaluate", runs, &[more, &["--predictions", "p.csv", "--overwrite"]].concat());
    done(&output);
    let table = rows(&std::fs::read_to_string(folder.join("p.csv")).unwrap());
    let own = table[0].iter().position(|name| name == "RepeatLast").unwrap();
    let row = |row: &Vec<String>| ((row[1].clone(), row[2].clone()), numbers(&row[3..own]));
    (table[1..].iter().map(row).collect(), stderr(&output))
}

#[test]
fn forecasts_of_runs_are_combined_by_value() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    three(folder);
    let none = ["--levels", "none"];
    let of = |runs: &[&str], more: &[&str]| with(folder, "forecast", runs, &[&none, more].concat());
    let one = |run: &str, how: &str| -> Vec<f64> {
        let more: &[&str] = if run == "a" { &["--ensemble", how] } else { &[] };
        forecasts(&of(&[run], more)).iter().map(|row| row[0]).collect()
    };
    let mean = of(&["a", "b", "c"], &[]);
    assert_eq!(
        rows(&stdout(&mean))[0].join(","),
        "unique_id,date,Ensemble,Ensemble-spread-std,Ensemble-spread-min,Ensemble-spread-max"
    );
    assert!(
        stderr(&mean)
            .contains("an ensemble of 3 runs (--ensemble mean): LSTM of a (2 replicas); NLinear of b; LSTM of c")
    );
    let found = forecasts(&mean);
    assert_eq!(found.len(), 2);
    let all = ["a", "b", "c"].map(|run| one(run, "mean"));
    for (step, row) in found.iter().enumerate() {
        let own = all.each_ref().map(|run| run[step]);
        let middle = own.iter().sum::<f64>() / 3.0;
        close(row[0], middle);
        close(row[1], (own.iter().map(|value| (value - middle).powi(2)).sum::<f64>() / 2.0).sqrt());
        close(row[2], own.iter().copied().fold(f64::INFINITY, f64::min));
        close(row[3], own.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    }
    let all = ["a", "b", "c"].map(|run| one(run, "median"));
    let found = forecasts(&of(&["a", "b", "c"], &["--ensemble", "median", "--alias", "M"]));
    for (step, row) in found.iter().enumerate() {
        let mut own = all.each_ref().map(|run| run[step]);
        own.sort_by(f64::total_cmp);
        close(row[0], own[1]);
    }
    // From forecasts, each run reads its own.
    let (rows_of, runs) = (["--horizon", "5", "--recursive"], ["b", "c"]);
    let own = runs.map(|run| forecasts(&with(folder, "forecast", &[run], &rows_of)));
    let found = forecasts(&with(folder, "forecast", &runs, &rows_of));
    assert_eq!(found.len(), 5);
    found.iter().enumerate().for_each(|(row, found)| close(found[0], (own[0][row][0] + own[1][row][0]) / 2.0));
}

#[test]
fn windows_that_all_runs_have_are_scored_and_calibrate() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    three(folder);
    let level = ["--levels", "80"];
    let (found, told) = predictions(folder, &["a", "b", "c"], &level);
    let all = ["a", "b", "c"].map(|run| {
        let more: &[&str] =
            if run == "a" { &["--levels", "none", "--ensemble", "mean"] } else { &["--levels", "none"] };
        predictions(folder, &[run], more).0
    });
    let common: Vec<_> = all[0].keys().filter(|key| all.iter().all(|own| own.contains_key(*key))).collect();
    assert!(common.len() < all[0].len(), "parts differ");
    assert_eq!(found.keys().collect::<Vec<_>>(), common);
    let line = format!(
        "{} test windows are forecast by all runs, and scored (by each: {}, ",
        common.len() / 2,
        all[0].len() / 2
    );
    assert!(told.contains(&line), "no {line:?} in {told}");
    for (key, row) in &found {
        close(row[1], all.iter().map(|own| own[key][1]).sum::<f64>() / 3.0);
    }
    // Half of an interval is the residual of rank ⌈(n + 1)·0.8⌉ on the validation windows of all.
    let (validation, _) = predictions(folder, &["a", "b", "c"], &["--levels", "80", "--part", "validation"]);
    let mut residuals: BTreeMap<bool, Vec<f64>> = BTreeMap::new();
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let is_first = |(time, cutoff): &(String, String)| day(time) == day(cutoff) + Days::new(1);
    for (key, row) in &validation {
        residuals.entry(is_first(key)).or_default().push((row[0] - row[1]).abs());
    }
    residuals.values_mut().for_each(|own| own.sort_by(f64::total_cmp));
    for (key, row) in &found {
        let own = &residuals[&is_first(key)];
        let half = own[((own.len() + 1) as f64 * 0.8).ceil() as usize - 1];
        close(row[2], row[1] - half);
        close(row[3], row[1] + half);
    }
    // The same in folds, and in JSON.
    let folds = json(&with(folder, "evaluate", &["a", "b"], &["--folds", "3", "--json"]));
    assert_eq!((&folds["windows"], &folds["total"][0]["model"]), (&3.into(), &"Ensemble".into()));
    assert_eq!((&folds["ensemble"], &folds["checkpoint"]), (&"mean".into(), &Value::Null));
    assert_eq!(folds["runs"][0]["replicas"], 2);
    assert!(folds["runs"][1]["checkpoint"].as_str().unwrap().starts_with("b"));
}

/// Each run weighs 1 / its error on the validation windows, over the sum of these.
#[test]
fn runs_weigh_by_their_validation_errors() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    three(folder);
    let runs = ["a", "b"];
    let more = ["--ensemble", "validation", "--levels", "none", "--json"];
    let output = with(folder, "forecast", &runs, &more);
    let found = json(&output);
    let of_one = |run: &str, verb: &str, more: &[&str]| {
        let how: &[&str] = if run == "a" { &["--ensemble", "mean"] } else { &[] };
        json(&with(folder, verb, &[run], &[&["--levels", "none", "--json"], how, more].concat()))
    };
    let errors =
        runs.map(|run| of_one(run, "evaluate", &["--part", "validation"])["total"][0]["scaled_mse"].as_f64().unwrap());
    let inverse = errors.map(|error| 1.0 / error);
    let weights = inverse.map(|one| one / inverse.iter().sum::<f64>());
    assert!((weights[0] - 0.5).abs() > 0.01, "{weights:?}");
    for run in 0..2 {
        close(found["runs"][run]["validation_error"].as_f64().unwrap(), errors[run]);
        close(found["runs"][run]["weight"].as_f64().unwrap(), weights[run]);
        assert!(stderr(&output).contains(&format!("weight {:.4}: ", weights[run])), "{}", stderr(&output));
    }
    let value = |of: &Value, step: usize| of["forecast"]["series"][0]["forecast"][step].as_f64().unwrap();
    let own = runs.map(|run| of_one(run, "forecast", &[]));
    for step in 0..2 {
        close(value(&found, step), weights[0] * value(&own[0], step) + weights[1] * value(&own[1], step));
    }
    // Without the training data they are not known.
    std::fs::rename(folder.join("wave.csv"), folder.join("moved.csv")).unwrap();
    std::fs::write(folder.join("new.csv"), format!("date,y,x\n{}", wave("", 30))).unwrap();
    let lost = with(folder, "forecast", &runs, &[&more[..], &["--data", "new.csv"]].concat());
    rejected(
        folder,
        &lost,
        &["--ensemble: validation weighs by the validation rows", "--train-data", "--ensemble mean"],
    );
    let there =
        with(folder, "forecast", &runs, &[&more[..], &["--train-data", "moved.csv", "--data", "new.csv"]].concat());
    assert_eq!(json(&there)["runs"], found["runs"]);
}

#[test]
fn quantiles_are_averaged_level_by_level() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    std::fs::write(
        folder.join("wave.csv"),
        format!(
            "date,y\n{}",
            wave("", 0).lines().map(|line| format!("{}\n", line.rsplit_once(',').unwrap().0)).collect::<String>()
        ),
    )
    .unwrap();
    let of = |name: &str, more: &[&str]| train(folder, name, &[&["--data", "wave.csv", "--loss"], more].concat());
    of("q", &["quantile", "--levels", "10,50,90", "--lookback", "7"]);
    of("w", &["quantile", "--levels", "5,10,50,90,95", "--lookback", "10", "--model", "nlinear"]);
    of("t", &["student-t", "--lookback", "8"]);
    of("p", &["mse", "--lookback", "8"]);
    let level = ["--levels", "80"];
    let runs = ["q", "w", "t"];
    let own = runs.map(|run| forecasts(&with(folder, "forecast", &[run], &level)));
    // Of the levels between all quantiles.
    let output = with(folder, "forecast", &runs, &[]);
    let head = rows(&stdout(&output))[0].join(",");
    assert!(head.starts_with("unique_id,date,Ensemble,Ensemble-lo-80,Ensemble-hi-80,Ensemble-spread-std"), "{head}");
    assert!(stderr(&output).contains("combined level by level"), "{}", stderr(&output));
    for (step, row) in forecasts(&output).iter().enumerate() {
        (0..3).for_each(|place| close(row[place], own.iter().map(|run| run[step][place]).sum::<f64>() / 3.0));
    }
    let wide = with(folder, "forecast", &runs, &["--levels", "90"]);
    rejected(folder, &wide, &["--levels: the model of q", "no interval of 90 %, but those of 80"]);
    // Weights by CRPS, where all have intervals of their own, whichever are asked for.
    let weighed = |more: &[&str]| {
        json(&with(folder, "evaluate", &runs, &[&["--ensemble", "validation", "--json"], more].concat()))
    };
    let crps = json(&with(folder, "evaluate", &["q"], &["--part", "validation", "--json"]));
    let error = |of: &Value| of["runs"][0]["validation_error"].as_f64().unwrap();
    close(error(&weighed(&[])), crps["total"][0]["scaled_crps"].as_f64().unwrap());
    assert_eq!(error(&weighed(&[])), error(&weighed(&["--levels", "none"])));
    // With a model of points, they are calibrated around the forecast.
    let mixed = with(folder, "forecast", &["q", "p"], &level);
    assert!(stderr(&mixed).contains("intervals: calibrated on"), "{}", stderr(&mixed));
    forecasts(&mixed).iter().for_each(|row| close(row[0] - row[1], row[2] - row[0]));
}

/// Runs that read different numbers of rows hold different series of a ragged panel.
#[test]
fn series_that_a_run_cannot_forecast_are_named() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let panel = format!("id,date,y,x\n{}{}{}", wave("north,", 0), wave("short,", 142), wave("south,", 20));
    std::fs::write(folder.join("panel.csv"), &panel).unwrap();
    let of = |name: &str, lookback: &str| {
        train(
            folder,
            name,
            &[
                "--data",
                "panel.csv",
                "--id-column",
                "id",
                "--covariates",
                "none",
                "--lookback",
                lookback,
                "--test-size",
                "4",
                "--val-size",
                "4",
            ],
        );
    };
    of("near", "5");
    of("far", "24");
    let found = json(&with(folder, "forecast", &["near", "far"], &["--levels", "none", "--json"]));
    let ids: Vec<&Value> =
        found["forecast"]["series"].as_array().unwrap().iter().map(|one| &one["unique_id"]).collect();
    assert_eq!(ids, ["north", "south"]);
    assert_eq!(found["left_out"][0]["id"], "short");
    assert!(found["left_out"][0]["why"].as_str().unwrap().ends_with(" for far"), "{}", found["left_out"]);
    let found = json(&with(folder, "forecast", &["far", "near"], &["--levels", "none", "--json"]));
    assert_eq!(
        (found["forecast"]["series"].as_array().unwrap().len(), &found["left_out"][0]["id"]),
        (2, &"short".into())
    );
    let scored = json(&with(folder, "evaluate", &["near", "far"], &["--levels", "none", "--json"]));
    let ids: Vec<&Value> = scored["by_series"].as_array().unwrap().iter().map(|one| &one["of"]).collect();
    assert_eq!(ids, ["north", "south"]);
}

#[test]
fn runs_that_do_not_fit_are_rejected() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    three(folder);
    std::fs::write(folder.join("later.csv"), format!("date,y,x\n{}", wave("", 9))).unwrap();
    train(folder, "other", &["--data", "later.csv", "--lookback", "7"]);
    train(folder, "long", &["--data", "wave.csv", "--lookback", "7", "--horizon", "3"]);
    train(folder, "x", &["--data", "wave.csv", "--lookback", "7", "--target", "x"]);
    let no = |verb: &str, runs: &[&str], more: &[&str], texts: &[&str]| {
        rejected(folder, &with(folder, verb, runs, more), texts);
    };
    let hash = |file: &str| -> String {
        use sha2::Digest;
        let digest = sha2::Sha256::digest(std::fs::read(folder.join(file)).unwrap());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    for verb in ["forecast", "evaluate"] {
        no(verb, &["a", "b", "a"], &[], &["--checkpoint: a and a hold the same weights", "name each run once"]);
        no(verb, &["a", "a/checkpoint.safetensors"], &[], &["hold the same weights"]);
        no(
            verb,
            &["a", "other"],
            &[],
            &["other", "does not fit a", &hash("wave.csv"), &hash("later.csv"), "on the same file"],
        );
        no(verb, &["b", "long"], &[], &["the rows to forecast are 3, there 2", "--horizon"]);
        no(verb, &["b", "x"], &[], &["the targets are x, there y", "--target"]);
        no(verb, &["a", "b"], &["--ensemble", "best"], &["--ensemble: best is the best replica of one run"]);
        no(verb, &["a"], &["--ensemble", "validation"], &["--ensemble: validation weighs several runs"]);
        no(verb, &[], &[], &["--checkpoint"]);
    }
    no("evaluate", &["a", "b"], &["--folds", "2", "--refit"], &["--refit: trains one run anew, and 2 are named"]);
    no(
        "forecast",
        &["a", "b"],
        &["--future", "wave.csv"],
        &["--future: the model was trained without future covariates"],
    );
    // Parts that do not meet.
    train(folder, "early", &["--data", "wave.csv", "--lookback", "7", "--split", "60,80,100"]);
    no("evaluate", &["b", "early"], &["--levels", "none"], &["--checkpoint: the runs have no test window in common"]);
}
