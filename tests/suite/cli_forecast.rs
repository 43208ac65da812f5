//! `microglia forecast` as users meet it.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::cli::{TINY, code, microglia, rejected, stderr, stdout, summary};
use crate::golden::path;

pub(crate) fn train(folder: &Path, name: &str, more: &[&str]) {
    let tiny = path("tiny.csv");
    let mut all = vec!["train", "--data", tiny.to_str().unwrap()];
    all.extend(TINY);
    all.extend(["--epochs", "2", "--out", name]);
    all.extend(more);
    done(&microglia(folder, &all));
}

pub(crate) fn done(output: &Output) {
    assert_eq!(code(output), 0, "{}", stderr(output));
}

/// Rows of a CSV file, as cells.
pub(crate) fn rows(text: &str) -> Vec<Vec<String>> {
    text.lines().map(|line| line.split(',').map(str::to_string).collect()).collect()
}

pub(crate) fn numbers(cells: &[String]) -> Vec<f64> {
    cells.iter().map(|cell| cell.parse().unwrap()).collect()
}

/// What numpy computes with PyTorch's weights: `tests/golden/generate_forecast.py`.
#[test]
fn a_forecast_is_the_golden_one() {
    let place = tempfile::tempdir().unwrap();
    let init = path("run_lstm.init.safetensors");
    let inspected = safetensors::SafeTensors::read_metadata(&std::fs::read(&init).unwrap()).unwrap().1;
    let hidden = (inspected.info("lstm.weight_hh_l0").unwrap().shape[1]).to_string();
    let layers = (0..).take_while(|l| inspected.info(&format!("lstm.weight_ih_l{l}")).is_some()).count().to_string();
    let tiny = path("tiny.csv");
    // One step at no rate to speak of: the weights are those of the file.
    done(&microglia(
        place.path(),
        &[
            "train",
            "--data",
            tiny.to_str().unwrap(),
            "--target",
            "y",
            "--covariates",
            "x",
            "--lookback",
            "7",
            "--horizon",
            "2",
            "--calendar",
            "off",
            "--instance-norm",
            "none",
            "--hidden",
            &hidden,
            "--layers",
            &layers,
            "--init",
            init.to_str().unwrap(),
            "--regularizer",
            "none",
            "--lr",
            "1e-30",
            "--max-steps",
            "1",
            "--device=cpu",
            "--out",
            "a",
        ],
    ));
    let golden = rows(&std::fs::read_to_string(path("forecast.csv")).unwrap());
    for origin in ["40", "60"] {
        let output = microglia(place.path(), &["forecast", "--checkpoint", "a", "--levels", "80", "--origin", origin]);
        done(&output);
        let found = rows(&stdout(&output));
        assert_eq!(found[0], golden[0][1..]);
        let wanted: Vec<_> = golden.iter().filter(|row| row[0] == origin).collect();
        assert_eq!(found.len(), 1 + wanted.len());
        for (row, wanted) in found[1..].iter().zip(wanted) {
            assert_eq!(row[..2], wanted[1..3]);
            for (a, b) in numbers(&row[2..]).iter().zip(numbers(&wanted[3..])) {
                assert!((a - b).abs() < 2e-5, "{row:?} {wanted:?}");
            }
        }
    }
}

#[test]
fn forecasts_go_to_stdout_or_files_and_are_rejected_by_name() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    train(folder, "a", &[]);
    let forecast =
        |more: &[&str]| microglia(folder, &[&["forecast", "--checkpoint", "a", "--device=cpu"], more].concat());
    // Five validation windows.
    let output = forecast(&[]);
    done(&output);
    let lacks =
        "no interval of 95 %, and its columns are empty: 95 takes 19 residuals at each step, and `y` has 5 at step 1";
    assert!(stderr(&output).contains(lacks), "{}", stderr(&output));
    let table = rows(&stdout(&output));
    assert_eq!(table[0], ["unique_id", "date", "LSTM", "LSTM-lo-95", "LSTM-lo-80", "LSTM-hi-80", "LSTM-hi-95"]);
    assert!(table[1][3].is_empty() && table[1][6].is_empty());
    assert!(numbers(&table[1][4..6]).iter().all(|edge| edge.is_finite()));
    // Where it was asked for, it is an error.
    rejected(
        folder,
        &forecast(&["--levels", "80,95"]),
        &["--levels: 95 takes 19 residuals", "has 5 at step 1", "--levels none"],
    );
    let output = forecast(&["--levels", "80,50", "--out", "f", "--alias", "M"]);
    done(&output);
    assert!(stderr(&output).contains("on which the epoch was chosen"), "{}", stderr(&output));
    assert!(stdout(&output).contains("of 11 test windows, 6 of which do not overlap"), "{}", stdout(&output));
    let table = std::fs::read_to_string(folder.join("f/forecast.csv")).unwrap();
    let table = rows(&table);
    assert_eq!(table[0], ["unique_id", "date", "M", "M-lo-80", "M-lo-50", "M-hi-50", "M-hi-80"]);
    assert_eq!(
        (&table[1][..2], &table[2][1]),
        (&["y".to_string(), "2024-03-01".into()][..], &"2024-03-02".to_string())
    );
    let edges = numbers(&table[1][2..]);
    assert!(edges[1] <= edges[2] && edges[2] < edges[0] && edges[0] < edges[3] && edges[3] <= edges[4]);
    assert!(std::fs::read_to_string(folder.join("f/forecast.svg")).unwrap().contains("80 % interval"));
    for bad in ["nope.csv", "f"] {
        rejected(folder, &forecast(&["--train-data", bad]), &[bad, "--train-data takes a data file"]);
        rejected(folder, &forecast(&["--data", bad]), &[bad, "--data takes a data file"]);
    }
    rejected(folder, &forecast(&["--levels", "50", "--out", "f"]), &["forecast.csv: is there already", "--overwrite"]);
    done(&forecast(&["--levels", "50", "--out", "f", "--overwrite"]));
    done(&forecast(&["--levels", "none", "--out", "x/y.csv"]));
    assert!(folder.join("x/y.csv").exists() && folder.join("x/y.svg").exists());

    let json: Value = serde_json::from_str(&stdout(&forecast(&["--levels", "50", "--json"]))).unwrap();
    assert_eq!(json["forecast"]["series"][0]["ds"][0], "2024-03-01");
    assert_eq!(json["test_coverage"]["non_overlapping_windows"], 6);

    // Origins in rows that the model knows, and after the data.
    let said = |origin: &str| {
        let output = forecast(&["--levels", "none", "--origin", origin]);
        done(&output);
        stderr(&output)
    };
    assert!(said("40").contains("1 are forecast in rows that the model was trained on and 0 in validation"));
    assert!(said("45").contains("0 are forecast in rows that the model was trained on and 1 in validation"));
    for origin in ["48", "60", "2024-02-29", "2024-03-01T23:00"] {
        assert!(!said(origin).contains("are forecast in rows"), "{origin}");
    }
    assert!(said("2024-03-01").contains("1 of 1 series ended before --origin"));
    assert!(!said("2024-02-29").contains("ended before"));

    // The name of the picture is that of the table, too.
    done(&forecast(&["--levels", "none", "--out", "x/z.svg"]));
    assert!(folder.join("x/z.csv").exists() && folder.join("x/z.svg").is_file());

    rejected(folder, &forecast(&["--horizon", "5"]), &["trained to forecast 2 rows", "--recursive"]);
    rejected(folder, &forecast(&["--horizon", "5", "--recursive", "--levels", "50"]), &["--levels", "2 rows"]);
    let far = forecast(&["--horizon", "5", "--recursive"]);
    done(&far);
    let (far, near) = (rows(&stdout(&far)), rows(&stdout(&forecast(&["--levels", "none"]))));
    assert_eq!((far.len(), &far[..3]), (6, &near[..3]));
    let business = rows(&stdout(&forecast(&["--levels", "none", "--freq", "B"])));
    assert_eq!((business[1][1].as_str(), business[2][1].as_str()), ("2024-03-01", "2024-03-04"));
    rejected(folder, &forecast(&["--levels", "none", "--freq", "soon"]), &["--freq"]);

    // Other data: the model's scalers, and what is not there is named.
    std::fs::write(folder.join("new.csv"), "date,y\n2030-01-01,1\n2030-01-02,2\n2030-01-03,3\n").unwrap();
    rejected(folder, &forecast(&["--levels", "none", "--data", "new.csv"]), &["reads 7 rows", "there are 3"]);
    std::fs::write(folder.join("new.csv"), "date,z\n2030-01-01,1\n2030-01-02,2\n").unwrap();
    rejected(folder, &forecast(&["--levels", "none", "--data", "new.csv"]), &["no column `y`"]);
    let weekly: String = (0..12).map(|i| format!("2030-{:02}-01,{i}\n", i + 1)).collect();
    std::fs::write(folder.join("new.csv"), format!("date,y\n{weekly}")).unwrap();
    rejected(folder, &forecast(&["--levels", "none", "--data", "new.csv"]), &["1 month apart", "1 day", "--freq"]);
    let shifted: String = (1..=12).map(|i| format!("2030-01-{i:02};{}\n", 1000 + i)).collect();
    std::fs::write(folder.join("new.csv"), format!("date;y\n{shifted}")).unwrap();
    let output = forecast(&["--levels", "50", "--data", "new.csv"]);
    done(&output);
    let value = numbers(&rows(&stdout(&output))[1][2..]);
    assert!(value[0] > 900.0, "instance normalisation follows the level: {value:?}");
}

#[test]
fn replicas_forecast_together_and_kept_rows_calibrate() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    train(folder, "a", &["--replicas", "3", "--split", "0.5,0.3,0.2", "--calibration", "0.5"]);
    let forecast =
        |more: &[&str]| microglia(folder, &[&["forecast", "--checkpoint", "a", "--levels", "80"], more].concat());
    let best = forecast(&[]);
    done(&best);
    assert!(stderr(&best).contains("the best of 3 replicas"), "{}", stderr(&best));
    assert!(stderr(&best).contains("that --calibration kept"), "{}", stderr(&best));
    let mean = forecast(&["--ensemble", "mean"]);
    done(&mean);
    let mean = rows(&stdout(&mean));
    let spread = ["LSTM-spread-std", "LSTM-spread-min", "LSTM-spread-max"];
    assert_eq!(mean[0][5..], spread);
    // One replica alone, from its own folder.
    let each = [0, 1, 2].map(|r| {
        let name = format!("a/replica-{r}");
        numbers(&rows(&stdout(&microglia(folder, &["forecast", "--checkpoint", &name, "--levels", "none"])))[1][2..])[0]
    });
    let own = numbers(&mean[1][2..]);
    assert!((own[0] - each.iter().sum::<f64>() / 3.0).abs() < 1e-4, "{own:?} {each:?}");
    let (low, high) = each.iter().fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
    assert!((own[4] - low).abs() < 1e-4 && (own[5] - high).abs() < 1e-4);
    let median = numbers(&rows(&stdout(&forecast(&["--ensemble", "median"])))[1][2..]);
    let middle = each.iter().find(|v| **v != low && **v != high).unwrap();
    assert!((median[0] - middle).abs() < 1e-4);
    let alone = ["--checkpoint", "a/model.safetensors", "--levels", "80", "--ensemble", "mean"];
    let alone = microglia(folder, &[&["forecast"][..], &alone].concat());
    assert!(stderr(&alone).contains("a/model.safetensors holds one replica"), "{}", stderr(&alone));
    // A file that holds all replicas gives the same.
    let file = std::fs::read_dir(folder.join("a/checkpoints")).unwrap();
    let mut files: Vec<_> =
        file.map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "safetensors")).collect();
    files.sort();
    let last = files.pop().unwrap();
    let from_file = microglia(
        folder,
        &["forecast", "--checkpoint", last.to_str().unwrap(), "--levels", "80", "--ensemble", "mean"],
    );
    assert_eq!(rows(&stdout(&from_file)), mean);
}

#[test]
fn panels_name_series_and_targets() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let panel = |ids: &str, from: usize, to: usize| {
        let first = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
        let mut text = String::from("shop,day,units,price\n");
        for id in ids.chars() {
            for i in (from..to).filter(|i| i % 7 < 5) {
                text += &format!("{id},{},{},{}\n", first + chrono::Days::new(i as u64), 10 + i * i % 7, 5 + i % 3);
            }
        }
        text
    };
    std::fs::write(folder.join("data.csv"), panel("ab", 0, 140)).unwrap();
    std::fs::write(folder.join("new.csv"), panel("bc", 364, 364 + 33)).unwrap();
    for scale in ["series", "global"] {
        done(&microglia(
            folder,
            &[
                "train",
                "--data",
                "data.csv",
                "--id-column",
                "shop",
                "--target",
                "units,price",
                "--lookback",
                "7",
                "--horizon",
                "2",
                "--hidden",
                "4",
                "--epochs",
                "1",
                "--scale",
                scale,
                "--device=cpu",
                "--out",
                scale,
            ],
        ));
    }
    let forecast = |run: &str, more: &[&str]| {
        microglia(folder, &[&["forecast", "--levels", "50", "--checkpoint", run], more].concat())
    };
    let own = forecast("series", &[]);
    done(&own);
    let table = rows(&stdout(&own));
    assert_eq!(table[0][..2], ["shop", "day"]);
    let ids: Vec<&str> = table[1..].iter().step_by(2).map(|row| row[0].as_str()).collect();
    assert_eq!(ids, ["a/units", "a/price", "b/units", "b/price"]);
    // 2024-05-17, the last row, is a Friday.
    assert_eq!((table[1][1].as_str(), table[2][1].as_str()), ("2024-05-20", "2024-05-21"));
    // A new series stops no other, unless such are to be rejected.
    let output = forecast("series", &["--data", "new.csv"]);
    done(&output);
    assert!(stderr(&output).contains("left out: 1 of 2 series (--short-series): `c` is new, and has no scaler"));
    rejected(
        folder,
        &forecast("series", &["--data", "new.csv", "--short-series", "error"]),
        &["series `c` is none", "`a`, `b`", "--scale global"],
    );
    let new = forecast("global", &["--data", "new.csv"]);
    done(&new);
    assert!(stderr(&new).contains("1 of 2 series to forecast without residuals of their own"), "{}", stderr(&new));
    assert_eq!(rows(&stdout(&new)).len(), 1 + 2 * 2 * 2);
    assert!(numbers(&rows(&stdout(&new))[7][2..]).iter().all(|value| value.is_finite()));
}

/// Twelve years of months, as the best known of all examples: the three commands work as they stand.
#[test]
fn short_histories_are_trained_forecast_and_evaluated_by_default() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let value = |i: usize| (100.0 + 2.0 * i as f64) * (1.0 + 0.2 * (i as f64 * std::f64::consts::TAU / 12.0).sin());
    let month = |i: usize| format!("{}-{:02}-01,{:.0}\n", 1949 + i / 12, 1 + i % 12, value(i) + (i * 7 % 5) as f64);
    std::fs::write(folder.join("data.csv"), format!("ds,y\n{}", (0..144).map(month).collect::<String>())).unwrap();
    let train = ["train", "--data", "data.csv", "--horizon", "12", "--hidden", "8", "--device", "cpu", "--out", "run"];
    let trained = microglia(folder, &train);
    done(&trained);
    let line =
        "training at most 500 epochs (--epochs), because one is 2 steps; it stops after 75 epochs without a better one";
    assert!(stderr(&trained).contains(line), "{}", stderr(&trained));
    let lines = stderr(&trained).lines().filter(|line| line.starts_with("epoch ")).count();
    assert!((2..=52).contains(&lines), "{lines}");
    let own = summary(&folder.join("run"));
    let mae = |of: &Value| of["mae"].as_f64().unwrap();
    assert!(mae(&own["test"]) < mae(&own["baselines"]["seasonal_naive"]), "{}", stdout(&trained));

    let forecast = microglia(folder, &["forecast", "--checkpoint", "run", "--device", "cpu"]);
    done(&forecast);
    let table = rows(&stdout(&forecast));
    assert_eq!((table.len(), table[1][1].as_str(), table[12][1].as_str()), (13, "1961-01-01", "1961-12-01"));
    let evaluated = microglia(folder, &["evaluate", "--checkpoint", "run", "--device", "cpu"]);
    done(&evaluated);
    assert!(
        stdout(&evaluated).contains("in 80 %") && !stdout(&evaluated).contains("in 95 %"),
        "{}",
        stdout(&evaluated)
    );

    // One that was cut off says so.
    let few = ["--epochs", "2", "--linear-path", "none", "--regularizer", "none", "--overwrite"];
    let cut = microglia(folder, &[&train[..], &few].concat());
    done(&cut);
    assert!(
        stdout(&cut).contains("The best epoch was the last") && stdout(&cut).contains("--epochs 4"),
        "{}",
        stdout(&cut)
    );
}

/// The last days of four months are those of business months, too.
#[test]
fn times_that_are_a_guess_are_told() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    std::fs::write(folder.join("data.csv"), "ds,y\n2021-03-31,1\n2021-04-30,2\n2021-05-31,1\n2021-06-30,2\n").unwrap();
    let train =
        ["train", "--data", "data.csv", "--horizon", "2", "--lookback", "1", "--test-size", "0", "--val-size", "0"];
    done(&microglia(
        folder,
        &[&train[..], &["--epochs", "1", "--hidden", "2", "--device=cpu", "--out", "run"]].concat(),
    ));
    let forecast = |more: &[&str]| {
        let all = ["forecast", "--checkpoint", "run", "--device=cpu", "--recursive", "--horizon", "4"];
        let output = microglia(folder, &[&all[..], more].concat());
        done(&output);
        stderr(&output)
    };
    let told = forecast(&[]);
    assert!(
        told.contains("the times of the forecasts are a guess: 2021-07-31 by a step of 1 month, at month ends"),
        "{told}"
    );
    assert!(told.contains("--freq ME or --freq BME decides"), "{told}");
    assert!(!forecast(&["--freq", "BME"]).contains("guess"));
}

/// Four days of opening hours do not tell whether weekends have some.
#[test]
fn opening_hours_of_few_days_are_told_as_a_guess() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let hours = (0..25).map(|i| format!("2019-03-{:02} {:02}:00,{}\n", 5 + i / 8, 9 + i % 8, i % 5));
    std::fs::write(folder.join("data.csv"), format!("ds,y\n{}", hours.collect::<String>())).unwrap();
    let train =
        ["train", "--data", "data.csv", "--horizon", "9", "--lookback", "2", "--test-size", "0", "--val-size", "0"];
    done(&microglia(
        folder,
        &[&train[..], &["--epochs", "1", "--hidden", "2", "--device=cpu", "--out", "run"]].concat(),
    ));
    let output = microglia(folder, &["forecast", "--checkpoint", "run", "--device=cpu", "--levels", "none"]);
    done(&output);
    let told = stderr(&output);
    assert!(
        told.contains("the times of the forecasts are a guess: 2019-03-09 09:00 by a step of 1 hour, every day")
            && told.contains("but 2019-03-11 09:00 by one of 1 hour"),
        "{told}"
    );
}

/// Series of a panel of several steps go on by their own, whichever of them are read.
#[test]
fn a_panel_of_several_steps_is_read_in_part() {
    use chrono::{Days, Months, NaiveDate};
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let first: NaiveDate = "2021-01-04".parse().unwrap();
    let month: NaiveDate = "2019-02-01".parse().unwrap();
    let rows_of = |id: &str, rows: u32, time: &dyn Fn(u32) -> NaiveDate| -> String {
        (0..rows).map(|i| format!("{id},{},{}\n", time(i), i * i % 7)).collect()
    };
    let daily = |id: &str| rows_of(id, 120, &|i| first + Days::new(i.into()));
    let weekly = rows_of("w", 60, &|i| first + Days::new(7 * u64::from(i)));
    let monthly = rows_of("m", 40, &|i| month + Months::new(i));
    let header = "unique_id,ds,y\n";
    let write = |name: &str, series: &[&str]| {
        std::fs::write(folder.join(name), format!("{header}{}", series.concat())).unwrap();
    };
    write("all.csv", &[&daily("a"), &daily("b"), &weekly, &monthly]);
    let train = ["train", "--data", "all.csv", "--horizon", "2", "--lookback", "4", "--scale", "global"];
    let size =
        ["--test-size", "4", "--val-size", "4", "--epochs", "1", "--hidden", "2", "--device=cpu", "--out", "run"];
    done(&microglia(folder, &[&train[..], &size].concat()));
    let forecast = |name: &str| {
        microglia(folder, &["forecast", "--checkpoint", "run", "--device=cpu", "--levels", "none", "--data", name])
    };
    let dates = |name: &str| {
        let output = forecast(name);
        done(&output);
        let new = name == "new.csv";
        assert_eq!(stderr(&output).contains("the calendar differs from that of training"), new, "{}", stderr(&output));
        rows(&stdout(&output))[1..].iter().map(|row| row[1].clone()).collect::<Vec<_>>()
    };
    let (weeks, months) = (["2022-02-28", "2022-03-07"], ["2022-06-01", "2022-07-01"]);
    write("weekly.csv", &[&weekly]);
    write("monthly.csv", &[&monthly]);
    write("both.csv", &[&weekly, &monthly]);
    assert_eq!(dates("weekly.csv"), weeks);
    assert_eq!(dates("monthly.csv"), months);
    assert_eq!(dates("both.csv"), [weeks, months].concat());
    let part = ["evaluate", "--checkpoint", "run", "--device=cpu", "--data", "weekly.csv"];
    done(&microglia(folder, &part));
    // A new series may have any of the steps; one that was daily is not weekly, and no series has a row an hour.
    write("new.csv", &[&weekly.replace("w,", "v,")]);
    assert_eq!(dates("new.csv"), weeks);
    write("other.csv", &[&weekly.replace("w,", "a,")]);
    rejected(folder, &forecast("other.csv"), &["1 week apart", "1 day"]);
    write("hours.csv", &[&(0..24).map(|i| format!("h,2021-01-04 {i:02}:00,{i}\n")).collect::<String>()]);
    rejected(folder, &forecast("hours.csv"), &["1 hour apart", "1 day"]);
}
