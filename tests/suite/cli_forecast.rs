//! `microglia forecast` and `microglia evaluate` as users meet them.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::cli::{TINY, code, microglia, rejected, stderr, stdout, summary};
use crate::golden::path;

fn train(folder: &Path, name: &str, more: &[&str]) {
    let tiny = path("tiny.csv");
    let mut all = vec!["train", "--data", tiny.to_str().unwrap()];
    all.extend(TINY);
    all.extend(["--epochs", "2", "--out", name]);
    all.extend(more);
    done(&microglia(folder, &all));
}

fn done(output: &Output) {
    assert_eq!(code(output), 0, "{}", stderr(output));
}

/// Rows of a CSV file, as cells.
fn rows(text: &str) -> Vec<Vec<String>> {
    text.lines().map(|line| line.split(',').map(str::to_string).collect()).collect()
}

fn numbers(cells: &[String]) -> Vec<f64> {
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
fn a_file_that_grew_is_forecast_with_the_intervals_that_the_run_kept() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let text = std::fs::read_to_string(path("tiny.csv")).unwrap();
    std::fs::write(folder.join("data.csv"), &text).unwrap();
    for name in ["a", "b"] {
        let all = [&["train", "--data", "data.csv", "--epochs", "1", "--out", name][..], &TINY].concat();
        done(&microglia(folder, &[&all[..], if name == "b" { &["--seed", "7"] } else { &[] }].concat()));
    }
    std::fs::write(folder.join("data.csv"), text + "2024-03-01,20,1\n").unwrap();
    let forecast = |more: &[&str]| microglia(folder, &[&["forecast", "--checkpoint", "a", "--levels"], more].concat());
    let grown = forecast(&["50"]);
    done(&grown);
    assert!(stderr(&grown).contains("of the residuals that the run kept"), "{}", stderr(&grown));
    assert!(stdout(&grown).contains("y,2024-03-02,"), "{}", stdout(&grown));
    // They are those of the training data.
    let tiny = path("tiny.csv");
    let named = forecast(&["50", "--data", "data.csv", "--train-data", tiny.to_str().unwrap()]);
    done(&named);
    assert_eq!(stdout(&grown), stdout(&named));
    rejected(folder, &forecast(&["55"]), &["--levels: 55 is none", "50, 80, 90, 95, 99", "--train-data"]);
    rejected(folder, &forecast(&["99"]), &["--levels: 99 takes 99 residuals", "the run had 5", "--levels none"]);
    // Levels that nobody asked for are left empty.
    let usual = microglia(folder, &["forecast", "--checkpoint", "a"]);
    done(&usual);
    assert!(stderr(&usual).contains("no interval of 95 %"), "{}", stderr(&usual));
    let other = ["evaluate", "--checkpoint", "a", "--data", "data.csv"];
    let output = microglia(folder, &other);
    done(&output);
    assert!(stderr(&output).contains("of the residuals that the run kept"), "{}", stderr(&output));
    assert!(stdout(&output).contains("in 80 %"), "{}", stdout(&output));
    let plain = forecast(&["none"]);
    done(&plain);
    assert_eq!(rows(&stdout(&plain))[1][2], rows(&stdout(&grown))[1][2]);
    rejected(folder, &microglia(folder, &["evaluate", "--checkpoint", "a"]), &["has changed", "--train-data"]);
    done(&microglia(folder, &["evaluate", "--checkpoint", "a", "--data", "data.csv", "--levels", "none"]));
    // Other weights' are not used, and a torn file is rejected.
    let file = |name: &str| folder.join(name).join("intervals.safetensors");
    let own = std::fs::read(file("a")).unwrap();
    std::fs::copy(file("b"), file("a")).unwrap();
    rejected(folder, &forecast(&["50"]), &["data.csv: has changed", "--train-data", "--levels none"]);
    let usual = microglia(folder, &["forecast", "--checkpoint", "a"]);
    done(&usual);
    assert!(stderr(&usual).contains("no intervals: ") && stderr(&usual).contains("data.csv: has changed since"));
    assert_eq!(rows(&stdout(&usual))[0].len(), 3);
    for end in [0, 7, 100, own.len() / 2, own.len() - 1] {
        std::fs::write(file("a"), &own[..end]).unwrap();
        rejected(folder, &forecast(&["50"]), &["intervals.safetensors", "damaged"]);
    }
}

#[test]
fn rows_without_a_target_are_those_that_are_forecast() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let day = |i: usize| format!("2024-{:02}-{:02}", 1 + i / 28, 1 + i % 28);
    let wave = |i: usize| (i % 7) as f64 + i as f64 / 50.0;
    let rows_of = |id: &str| -> String {
        (0..112)
            .map(|i| {
                format!("{id},{},{},{}\n", day(i), if i < 100 { wave(i).to_string() } else { String::new() }, i % 3)
            })
            .collect()
    };
    let text = format!("unique_id,ds,y,promo\n{}{}", rows_of("a"), rows_of("b"));
    std::fs::write(folder.join("plan.csv"), text).unwrap();
    let train = ["train", "--data", "plan.csv", "--covariates", "promo", "--epochs", "1", "--out", "run"];
    let output = microglia(folder, &[&train[..], &TINY].concat());
    done(&output);
    let line =
        "24 rows to come at the end of 2 series, without a value of y: training ends and forecasts begin before them";
    assert!(stderr(&output).contains(line), "{}", stderr(&output));
    let output = microglia(folder, &["forecast", "--checkpoint", "run", "--levels", "50"]);
    done(&output);
    assert!(stderr(&output).contains(line), "{}", stderr(&output));
    let forecasts = rows(&stdout(&output));
    let dates: Vec<(&str, &str)> = forecasts[1..].iter().map(|row| (row[0].as_str(), row[1].as_str())).collect();
    assert_eq!(dates, [("a", "2024-04-17"), ("a", "2024-04-18"), ("b", "2024-04-17"), ("b", "2024-04-18")]);
    assert_eq!(day(100), "2024-04-17");
}

#[test]
fn data_is_read_from_the_standard_input() {
    use std::io::Write;
    use std::process::Stdio;
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let text = std::fs::read(path("tiny.csv")).unwrap();
    let piped = |args: &[&str]| {
        let mut command = crate::cli::command(folder, args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(&text).unwrap();
        child.wait_with_output().unwrap()
    };
    let output = piped(&[&["train", "--data", "-", "--epochs", "1", "--out", "run"][..], &TINY].concat());
    done(&output);
    assert!(stdout(&output).starts_with("stdin: y"), "{}", stdout(&output));
    let config = std::fs::read_to_string(folder.join("run/config.toml")).unwrap();
    assert!(config.contains("data = \"-\""), "{config}");
    // The run's own data is gone; other data takes its intervals all the same.
    rejected(
        folder,
        &microglia(folder, &["forecast", "--checkpoint", "run"]),
        &["--data", "standard input", "--train-data"],
    );
    let tiny = path("tiny.csv");
    let read =
        microglia(folder, &["forecast", "--checkpoint", "run", "--levels", "50", "--data", tiny.to_str().unwrap()]);
    done(&read);
    let piped = piped(&["forecast", "--checkpoint", "run", "--levels", "50", "--data", "-"]);
    done(&piped);
    assert_eq!(stdout(&piped), stdout(&read));
    rejected(folder, &microglia(folder, &["experiment", "--data", "x=-", "--dry-run"]), &["again and again"]);
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
fn evaluate_scores_parts_folds_and_files() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    train(folder, "a", &[]);
    let evaluate =
        |more: &[&str]| microglia(folder, &[&["evaluate", "--checkpoint", "a", "--levels", "50,80"], more].concat());
    let output = evaluate(&["--json", "--predictions", "p.csv", "--table", "t.csv"]);
    done(&output);
    let (found, run) = (serde_json::from_str::<Value>(&stdout(&output)).unwrap(), summary(&folder.join("a")));
    let close = |a: &Value, b: &Value| assert!((a.as_f64().unwrap() - b.as_f64().unwrap()).abs() < 1e-9, "{a} {b}");
    for metric in ["mae", "rmse", "mse", "mase"] {
        close(&found["total"][0][metric], &run["test"][metric]);
        for (i, name) in ["repeat_last", "seasonal_naive", "ridge"].into_iter().enumerate() {
            close(&found["total"][i + 1][metric], &run["baselines"][name][metric]);
        }
    }
    // The predictions hold the same errors, one row per value.
    let table = rows(&std::fs::read_to_string(folder.join("p.csv")).unwrap());
    let head =
        "unique_id,date,cutoff,y,LSTM,LSTM-lo-80,LSTM-lo-50,LSTM-hi-50,LSTM-hi-80,RepeatLast,SeasonalNaive,Ridge";
    assert_eq!(table[0].join(","), head);
    let values: Vec<Vec<f64>> = table[1..].iter().map(|row| numbers(&row[3..])).collect();
    let mean = |of: &dyn Fn(&[f64]) -> f64| values.iter().map(|row| of(row)).sum::<f64>() / values.len() as f64;
    assert!((mean(&|row| (row[0] - row[1]).abs()) - run["test"]["mae"].as_f64().unwrap()).abs() < 1e-9);
    let inside = mean(&|row| f64::from(u8::from(row[2] <= row[0] && row[0] <= row[5])));
    assert!((inside - found["total"][0]["coverage"][1].as_f64().unwrap()).abs() < 1e-9);
    assert_eq!(
        rows(&std::fs::read_to_string(folder.join("t.csv")).unwrap()).len(),
        1 + 2 * 4,
        "2 steps, 4 forecasters"
    );

    let folds = evaluate(&["--folds", "3", "--step", "2", "--json"]);
    done(&folds);
    let folds: Value = serde_json::from_str(&stdout(&folds)).unwrap();
    assert_eq!((&folds["windows"], folds["by_fold"].as_array().unwrap().len()), (&3.into(), 3));
    assert_eq!(folds["by_fold"][2]["of"], "2024-02-27", "two of the 60 days are left");
    assert_eq!(folds["non_overlapping_windows"], 3);
    let close_together = evaluate(&["--folds", "3", "--step", "1"]);
    assert!(stdout(&close_together).starts_with("3 windows, 2 of which do not overlap"), "{}", stdout(&close_together));
    assert!(stdout(&evaluate(&["--folds", "1"])).starts_with("1 window\n"));
    rejected(folder, &evaluate(&["--folds", "9", "--step", "2"]), &["hold 6", "--refit"]);
    let refit = evaluate(&["--folds", "2", "--step", "3", "--refit", "--json"]);
    done(&refit);
    assert!(stderr(&refit).contains("fold 2 of 2"), "{}", stderr(&refit));
    // The last fold, trained on rows before it alone, is not the run's own forecast.
    let refit: Value = serde_json::from_str(&stdout(&refit)).unwrap();
    assert_eq!(refit["by_fold"][1]["of"], folds["by_fold"][2]["of"]);
    assert_ne!(refit["by_fold"][1]["scores"][0]["mae"], folds["by_fold"][2]["scores"][0]["mae"]);
    // Its scores come by another scaler, so the last bits differ.
    let repeat_last = |of: &Value, fold: usize| of["by_fold"][fold]["scores"][1]["mae"].as_f64().unwrap();
    assert!((repeat_last(&refit, 1) / repeat_last(&folds, 2) - 1.0).abs() < 1e-12, "repeat last does not train");

    let validation = evaluate(&["--part", "validation"]);
    done(&validation);
    assert!(stderr(&validation).contains("their coverage says nothing"), "{}", stderr(&validation));
    rejected(folder, &evaluate(&["--part", "calibration"]), &["--calibration 0.5"]);
    // Another file: all its windows.
    let text = std::fs::read_to_string(path("tiny.csv")).unwrap();
    let last: Vec<&str> = text.lines().skip(31).collect();
    std::fs::write(folder.join("new.csv"), format!("date,y,x\n{}\n", last.join("\n"))).unwrap();
    let other = evaluate(&["--data", "new.csv", "--json"]);
    done(&other);
    let other: Value = serde_json::from_str(&stdout(&other)).unwrap();
    assert_eq!(other["windows"], 30 - 7 - 2 + 1);
    rejected(folder, &evaluate(&["--data", "new.csv", "--part", "test"]), &["--part", "--data"]);
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
