//! `microglia evaluate` as users meet it.

use serde_json::Value;

use crate::cli::{microglia, rejected, stderr, stdout, summary};
use crate::cli_forecast::{done, numbers, rows, train};
use crate::golden::path;

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
