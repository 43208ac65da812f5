//! Ragged panels, training on all rows, and outputs that stay short, as users meet them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::cli::{code, microglia, rejected, stderr, stdout, summary};
use crate::data_ragged::panel;

fn done(output: Output) -> Output {
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    output
}

/// Two shops of 200 days, one that closed, one that opened, and two that are too short.
const SHOPS: [(&str, usize, usize); 6] = [
    ("north", 0, 200),
    ("south", 0, 200),
    ("closed", 0, 60),
    ("opened", 170, 200),
    ("tiny", 190, 199),
    ("one", 90, 91),
];

const SMALL: [&str; 11] =
    ["--lookback", "7", "--horizon", "3", "--hidden", "4", "--batch", "16", "--device=cpu", "--threads", "1"];

fn train(folder: &Path, more: &[&str]) -> Output {
    let all = [&["train", "--data", "data.csv", "--out", "run", "--overwrite"], &SMALL[..], more].concat();
    microglia(folder, &all)
}

fn has(output: &Output, texts: &[&str]) {
    let text = stderr(output) + &stdout(output);
    texts.iter().for_each(|part| assert!(text.contains(part), "no {part:?} in:\n{text}"));
}

/// The ids of a table's first column.
fn ids(output: &Output) -> Vec<String> {
    let mut ids: Vec<String> =
        stdout(output).lines().skip(1).filter_map(|line| Some(line.split(',').next()?.to_string())).collect();
    ids.dedup();
    ids
}

#[test]
fn short_ended_and_new_series_stop_no_others() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    std::fs::write(folder.join("data.csv"), panel(&SHOPS)).unwrap();
    let run = done(train(folder, &["--epochs", "2"]));
    has(
        &run,
        &[
            "left out: 2 of 6 series (--short-series): `tiny` lacks 1 row, `one` lacks 9 rows",
            "without training windows: 1 of 4 series, so nothing is learned from them: `opened`",
            "without test windows: 1 of 4 series: `closed`",
        ],
    );
    let written = std::fs::read_to_string(folder.join("run/left_out.csv")).unwrap();
    assert_eq!(written, "unique_id,rows,why\ntiny,9,lacks 1 row\none,1,lacks 9 rows\n");
    let told = summary(&folder.join("run"));
    assert_eq!((&told["data"]["series"], &told["data"]["left_out"]), (&4.into(), &2.into()));
    assert!(told["notices"].as_array().unwrap().iter().any(|line| line.as_str().unwrap().contains("`tiny`")));

    let forecast =
        |more: &[&str]| microglia(folder, &[&["forecast", "--checkpoint", "run", "--levels", "50"], more].concat());
    let all = done(forecast(&[]));
    assert_eq!(ids(&all), ["north", "south", "closed", "opened"]);
    has(&all, &["`tiny`", "`one`", "1 of 4 series ended before the others", "`closed` 2024-02-29", "--ended skip"]);
    assert!(stdout(&all).contains("closed,2024-03-01"), "after its own last row");
    assert!(stderr(&all).contains("series with fewer take the residuals of all series together"), "{}", stderr(&all));
    assert_eq!(ids(&done(forecast(&["--ended", "skip"]))), ["north", "south", "opened"]);
    let rows = done(forecast(&["--origin", "20"]));
    has(
        &rows,
        &[
            "20 rows (--origin) end at different times: 2024-01-20 in 3 series (`north`, `south`, `closed`), 2024-07-08 in 1 \
             series (`opened`); a time as --origin is the same for all",
        ],
    );
    let early = done(forecast(&["--origin", "2024-02-05"]));
    assert!(!stderr(&early).contains("different times"), "{}", stderr(&early));
    assert_eq!(ids(&early), ["north", "south", "closed"]);
    has(&early, &["not forecast: 1 of 4 series (--short-series): `opened` lacks 7 rows"]);
    rejected(folder, &forecast(&["--short-series", "error"]), &["series `tiny`", "--short-series skip"]);
    done(microglia(folder, &["evaluate", "--checkpoint", "run", "--levels", "50", "--folds", "2"]));

    let rejected_run =
        microglia(folder, &[&["train", "--data", "data.csv", "--short-series", "error"], &SMALL[..]].concat());
    rejected(folder, &rejected_run, &["series `tiny`", "--short-series skip"]);
    // Without left-out series, the list of the run before goes.
    has(
        &done(train(folder, &["--epochs", "1", "--short-series", "pad", "--scale", "global"])),
        &["left out: 1 of 6 series"],
    );
    assert_eq!(ids(&done(forecast(&[]))), ["north", "south", "closed", "opened", "tiny", "one"], "a row is enough");
    std::fs::write(folder.join("data.csv"), panel(&SHOPS[..2])).unwrap();
    done(train(folder, &["--epochs", "1"]));
    assert!(!folder.join("run/left_out.csv").exists());
}

/// A column of a wide table is a series, too.
#[test]
fn columns_that_begin_late_or_are_empty_stop_no_others() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let first = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
    let wide = |a: usize, late: usize| -> String {
        let cell = |i: usize, from: usize| if i < from { String::new() } else { ((i * 3) % 11).to_string() };
        let row =
            |i: usize| format!("{},{},{},{},\n", first + chrono::Days::new(i as u64), i % 7, cell(i, a), cell(i, late));
        format!("date,whole,a,late,empty\n{}", (0..200).map(row).collect::<String>())
    };
    std::fs::write(folder.join("data.csv"), wide(20, 190)).unwrap();
    let targets = ["--target", "whole,a,late,empty", "--impute", "ffill", "--epochs", "1"];
    let run = done(train(folder, &targets));
    has(
        &run,
        &[
            "left out: 1 of 4 targets (--short-series): `empty` has no value",
            "left out: 1 of 3 targets (--short-series): `late` has no value in the rows that scale it",
            "targets begin later than others: `a` 20 rows",
        ],
    );
    let written = std::fs::read_to_string(folder.join("run/left_out.csv")).unwrap();
    assert_eq!(written, "unique_id,rows,why\nempty,0,has no value\nlate,10,has no value in the rows that scale it\n");
    assert_eq!(ids(&done(microglia(folder, &["forecast", "--checkpoint", "run"]))), ["whole", "a"]);
    done(microglia(folder, &["evaluate", "--checkpoint", "run", "--folds", "2"]));
    done(microglia(folder, &["evaluate", "--checkpoint", "run", "--folds", "1", "--refit"]));
    rejected(
        folder,
        &train(folder, &[&targets[..], &["--short-series", "error"]].concat()),
        &["column `empty`", "skip"],
    );
    // New data may lack a column's values: the others are forecast and scored.
    std::fs::write(folder.join("new.csv"), wide(200, 190)).unwrap();
    let new = |verb: &str| microglia(folder, &[verb, "--checkpoint", "run", "--data", "new.csv"]);
    has(&done(new("forecast")), &["targets begin later than others: `a` 200 rows"]);
    let scores = done(new("evaluate"));
    assert!(!stdout(&scores).contains("NaN"), "{}", stdout(&scores));
    let study = [&["experiment", "--data", "data.csv", "--models", "rnn", "--methods", "none", "--seeds", "1"][..]];
    let more =
        ["--set", "data.target=whole,a,late,empty", "--set", "data.impute=ffill", "--epochs", "1", "--device=cpu"];
    let small = ["--lookbacks", "5", "--horizon", "3", "--hidden", "4", "--out", "study"];
    done(microglia(folder, &[study[0], &more, &small].concat()));
}

#[test]
fn a_study_takes_a_ragged_panel() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    std::fs::write(folder.join("data.csv"), panel(&SHOPS)).unwrap();
    let study = |more: &[&str]| {
        let all =
            ["experiment", "--data", "data.csv", "--models", "rnn", "--methods", "none,pruning", "--seeds", "1..2"];
        let all =
            [&all[..], &["--lookbacks", "5,20", "--horizon", "3", "--hidden", "4", "--epochs", "1", "--device=cpu"]];
        microglia(folder, &[&all.concat()[..], more].concat())
    };
    let output = study(&["--out", "study"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(folder.join("study/results.csv").is_file());
    let output = study(&["--out", "other", "--set", "test-size=0"]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(stderr(&output).contains("test-size"), "{}", stderr(&output));
}

#[test]
fn a_model_trained_on_all_rows_has_no_scores_and_forecasts() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    std::fs::write(folder.join("data.csv"), panel(&SHOPS[..2])).unwrap();
    let all = ["--test-size", "0", "--val-size", "0"];
    rejected(folder, &train(folder, &all), &["--val-size", "--epochs or --max-steps"]);
    // Without test rows alone, validation rows choose the epoch, and say whether a ridge would do.
    let chosen = done(train(folder, &["--test-size", "0", "--val-size", "30", "--epochs", "3"]));
    has(&chosen, &["no test rows: nothing is scored", "0 test"]);
    let chosen = summary(&folder.join("run"));
    assert!(chosen["baselines"]["ridge_validation"]["scaled"]["mse"].is_number(), "{chosen}");
    let without = done(train(folder, &["--val-size", "0", "--epochs", "1"]));
    has(&without, &["`auto` compares candidates on validation rows, and there are none: ridge is used"]);
    assert!(!stderr(&without).contains("trying"), "{}", stderr(&without));
    // What was found by a run with validation rows, on all rows.
    done(train(folder, &["--epochs", "3", "--replicas", "2"]));
    std::fs::copy(folder.join("run/config.toml"), folder.join("found.toml")).unwrap();
    let run = done(train(folder, &[&["--config", "found.toml"], &all[..]].concat()));
    has(&run, &["no test rows: nothing is scored", "windows: 382 training, 0 validation, 0 test", "last weights kept"]);
    let text = stdout(&run) + &stderr(&run);
    assert!(!text.contains("NaN") && !text.contains("repeat last"), "{text}");
    assert!(!folder.join("run/forecast.svg").exists() && folder.join("run/training.svg").exists());
    let told = summary(&folder.join("run"));
    assert_eq!((&told["test"]["counts"]["windows"], &told["test"]["mae"]), (&0.into(), &Value::Null));
    assert_eq!((&told["best_epoch"], &told["epochs"]), (&Value::Null, &3.into()));

    let forecast = |more: &[&str]| microglia(folder, &[&["forecast", "--checkpoint", "run"], more].concat());
    let output = done(forecast(&[]));
    assert_eq!(stdout(&output).lines().count(), 1 + 2 * 3);
    assert!(stdout(&output).starts_with("unique_id,ds,LSTM\n"), "{}", stdout(&output));
    has(&output, &["no intervals: the model was trained without validation rows"]);
    rejected(folder, &forecast(&["--levels", "80"]), &["--levels", "without validation rows"]);
    let evaluated = microglia(folder, &["evaluate", "--checkpoint", "run"]);
    rejected(folder, &evaluated, &["the run kept no test rows"]);
    for model in ["ridge", "nlinear"] {
        done(train(folder, &[&["--epochs", "1", "--model", model], &all[..]].concat()));
    }
}

/// A row of a table of folds is one origin, whatever the series' ends.
#[test]
fn folds_of_a_ragged_panel_are_told_by_origin() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    std::fs::write(folder.join("data.csv"), panel(&[("001", 0, 200), ("002", 0, 200), ("003", 0, 187)])).unwrap();
    done(train(folder, &["--epochs", "2"]));
    let evaluate = |more: &[&str]| {
        let all = ["evaluate", "--checkpoint", "run", "--levels", "none", "--folds", "3", "--overwrite"];
        done(microglia(folder, &[&all[..], more].concat()))
    };
    let output = evaluate(&["--json", "--predictions", "cv.csv", "--table", "scores.csv"]);
    let told: Value = serde_json::from_str(&stdout(&output)).unwrap();
    // Mean absolute errors by origin, from the file.
    let mut errors: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for line in std::fs::read_to_string(folder.join("cv.csv")).unwrap().lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let own = errors.entry(cells[2].into()).or_default();
        own.0 += (cells[3].parse::<f64>().unwrap() - cells[4].parse::<f64>().unwrap()).abs();
        own.1 += 1.0;
    }
    let origins = told["by_origin"].as_array().unwrap();
    assert_eq!((origins.len(), errors.len()), (6, 6));
    for (one, (origin, (sum, count))) in origins.iter().zip(&errors) {
        assert_eq!(one["of"], **origin);
        assert!((one["scores"][0]["mae"].as_f64().unwrap() - sum / count).abs() < 1e-6, "{origin}");
    }
    assert_eq!(told["by_fold"][0]["of"], "9 (2024-06-26 to 2024-07-09)");
    let table = std::fs::read_to_string(folder.join("scores.csv")).unwrap();
    assert!(table.contains("1,2024-06-26,003,1,LSTM") && table.contains("1,2024-07-09,001,1,LSTM"), "{table}");
    let text = evaluate(&[]);
    has(&text, &["LSTM, rows before each end", "LSTM, after", "the series end at different times"]);
    // A series that is too short for a fold has no part in it, and a refit trains where it can.
    has(&evaluate(&["--step", "13"]), &["1 of 3 series take part in fewer than 3 folds: `003` 2"]);
    evaluate(&["--refit"]);
    // Series of one end have one table, by origin.
    std::fs::write(folder.join("data.csv"), panel(&SHOPS[..2])).unwrap();
    done(train(folder, &["--epochs", "2"]));
    assert!(!stdout(&evaluate(&[])).contains("rows before each end"));
}

#[test]
fn many_columns_and_series_print_few_lines() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let names: Vec<String> = (0..60).map(|i| format!("c{i}")).collect();
    let first = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
    let row = |i: u64| {
        // The last is constant, and has no MASE.
        let cells: Vec<String> = (0..60).map(|c| if c == 59 { 4 } else { (i * c + i * i) % 17 }.to_string()).collect();
        format!("{},{}\n", first + chrono::Days::new(i), cells.join(","))
    };
    let text = format!("date,{}\n{}", names.join(","), (0..100).map(row).collect::<String>());
    std::fs::write(folder.join("data.csv"), text).unwrap();
    let output = done(train(folder, &["--target", "all", "--epochs", "1", "--max-steps", "3"]));
    let text = stdout(&output);
    assert!(text.lines().count() < 60, "{text}");
    assert!(text.starts_with("data: c0, c1, c2, c3, c4, c5 and 54 more, 7 rows in"), "{text}");
    has(
        &output,
        &["… and 40 more in scores.csv", "–: no MASE, because the training values do not change over a season"],
    );
    assert!(!stderr(&output).contains("no MASE"), "{}", stderr(&output));
    assert!(stderr(&output).lines().all(|line| line.len() < 1000), "{}", stderr(&output));
    let scores = std::fs::read_to_string(folder.join("run/scores.csv")).unwrap();
    assert!(
        scores.starts_with("unique_id,target,values,mae,rmse,mase,scaled_mae,scaled_mse,validation_mae,"),
        "{scores}"
    );
    assert_eq!(scores.lines().count(), 61);
    let told = std::fs::read_to_string(folder.join("run/summary.json")).unwrap();
    assert!(!told.contains("per_series") && !told.contains("per_target") && told.contains("by_series"), "{told}");

    // Its size does not grow with the series.
    let many: Vec<(String, usize, usize)> = (0..300).map(|i| (format!("s{i}"), 0, 30)).collect();
    let series: Vec<(&str, usize, usize)> = many.iter().map(|(id, from, to)| (id.as_str(), *from, *to)).collect();
    let size = |count: usize| {
        std::fs::write(folder.join("data.csv"), panel(&series[..count])).unwrap();
        let sizes = ["--test-size", "3", "--val-size", "3", "--max-steps", "3"];
        let output = done(train(folder, &sizes));
        assert!(stdout(&output).lines().count() < 60);
        let lines = std::fs::read_to_string(folder.join("run/scores.csv")).unwrap().lines().count();
        assert_eq!(lines, 1 + count);
        std::fs::metadata(folder.join("run/summary.json")).unwrap().len()
    };
    assert!(size(300) < size(30) + 500);
}

/// Each series of a panel of days and months is compared with its own season, by `train` and by `evaluate`.
#[test]
fn a_panel_of_several_calendars_has_their_seasons() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let first = chrono::NaiveDate::from_ymd_opt(2010, 1, 1).unwrap();
    let mut text = String::from("unique_id,ds,y\n");
    for id in ["d1", "d2"] {
        (0..120).for_each(|day| text += &format!("{id},{},{}\n", first + chrono::Days::new(day), day % 7));
    }
    (0..96).for_each(|month| text += &format!("m,{},{}\n", first + chrono::Months::new(month), month % 12));
    std::fs::write(folder.join("data.csv"), text).unwrap();
    let sizes = ["--test-size", "14", "--val-size", "14", "--epochs", "1"];
    let output = done(train(folder, &sizes));
    has(&output, &["take the season of each series' own calendar: 12 rows in 1 series (`m`)"]);
    assert!(!std::fs::read_to_string(folder.join("run/config.toml")).unwrap().contains("\nseason = 7"));
    // A series repeats its season exactly, so that one of other length would be wrong.
    assert!(summary(&folder.join("run"))["baselines"]["seasonal_naive"]["mae"].as_f64().unwrap() < 1e-4);
    let all = ["evaluate", "--checkpoint", "run", "--device=cpu", "--levels", "none", "--predictions", "cv.csv"];
    let seasons = ["season 7 rows (a week)", "own calendar: 12 rows in 1 series (`m`)"];
    has(&output, &seasons);
    has(&done(microglia(folder, &all)), &seasons);
    has(&done(microglia(folder, &[&all[..6], &["--refit", "--folds", "1"]].concat())), &seasons);
    let table = std::fs::read_to_string(folder.join("cv.csv")).unwrap();
    let mut lines = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let [y, naive] = ["y", "SeasonalNaive"].map(|name| header.iter().position(|column| *column == name).unwrap());
    let mut rows = 0;
    for cells in lines {
        let [y, naive]: [f64; 2] = [y, naive].map(|column| cells[column].parse().unwrap());
        assert!((y - naive).abs() < 1e-4, "{cells:?}");
        rows += 1;
    }
    assert!(rows >= 3 * 12 * 3, "{rows}");
    // One season for all is what was asked for.
    let output = done(train(folder, &[&sizes[..], &["--season", "7"]].concat()));
    assert!(!stderr(&output).contains("own calendar"), "{}", stderr(&output));
}
