//! Models that forecast quantiles or a distribution, forecasts within bounds, and losses in the data's units.

use std::fmt::Write as _;
use std::path::Path;

use microglia::data::{DataOptions, Row, SplitName};
use microglia::forecast::{Calibration, Intervals, Level};
use microglia::program::op::Objective;
use microglia::program::rng;
use microglia::train::scores::distribution::quantiles;
use serde_json::Value;
use statrs::distribution::{Continuous, ContinuousCDF, Discrete, DiscreteCDF, NegativeBinomial, Normal, Poisson};

use crate::cli::{code, microglia, rejected, stderr, stdout, summary};

/// A draw from (0, 1).
fn uniform(row: usize) -> f64 {
    (f64::from(rng::draw(11, 3, 0, row as u32)) + 0.5) / 4_294_967_296.0
}

/// The mean of row t: a daily wave.
fn wave(row: usize) -> f64 {
    6.0 + 4.0 * (row as f64 * std::f64::consts::TAU / 24.0).sin()
}

/// A negative binomial's, of which r = 2.
fn overdispersed(row: usize) -> NegativeBinomial {
    NegativeBinomial::new(2.0, 2.0 / (2.0 + wave(row))).unwrap()
}

/// Hourly rows.
fn file(folder: &Path, name: &str, rows: usize, value: impl Fn(usize) -> f64) {
    let mut text = "ds,y\n".to_string();
    let first = chrono::NaiveDate::from_ymd_opt(2020, 1, 1).unwrap().and_hms_opt(0, 0, 0).unwrap();
    for row in 0..rows {
        writeln!(text, "{},{}", first + chrono::TimeDelta::hours(row as i64), value(row)).unwrap();
    }
    std::fs::write(folder.join(name), text).unwrap();
}

fn train(folder: &Path, data: &str, more: &[&str]) -> Value {
    let mut words = vec!["train", "--data", data, "--out", "run", "--overwrite", "--device", "cpu", "--season", "24"];
    for (flag, value) in [("--lookback", "24"), ("--horizon", "3"), ("--hidden", "8")] {
        words.extend([flag, value].into_iter().filter(|_| !more.contains(&flag)));
    }
    words.extend(more);
    let output = microglia(folder, &words);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    summary(&folder.join("run"))
}

fn coverage(summary: &Value) -> Vec<f64> {
    let shares = summary["test"]["intervals"]["coverage"].as_array().unwrap();
    shares.iter().map(|share| share.as_f64().unwrap()).collect()
}

/// The last `rows` of a file are its test rows: 20 %.
fn truth(rows: usize, log_density: impl Fn(usize) -> f64) -> f64 {
    let test = rows * 8 / 10..rows;
    let count = test.len() as f64;
    test.map(log_density).sum::<f64>() / count
}

const ROWS: usize = 9_000;

/// A normal distribution whose deviation follows the wave: quantiles hold what they say, and cost what the truth's cost.
#[test]
fn quantiles_of_a_known_distribution() {
    let place = tempfile::tempdir().unwrap();
    let law = |row| Normal::new(wave(row), wave(row) / 5.0).unwrap();
    file(place.path(), "y.csv", ROWS, |row| law(row).inverse_cdf(uniform(row)));
    let found = train(place.path(), "y.csv", &["--loss", "quantile", "--levels", "2.5,10,25,75,90,97.5"]);
    for (share, level) in coverage(&found).into_iter().zip([0.5, 0.8, 0.95]) {
        assert!((share - level).abs() < 0.02, "{share} of {level}");
    }
    // CRPS of N(μ, σ²): σ·(√2·… ) is in expectation σ/√π.
    let own = found["test"]["intervals"]["crps"].as_f64().unwrap();
    let exact = truth(ROWS, |row| wave(row) / 5.0 / std::f64::consts::PI.sqrt());
    assert!((own / exact - 1.0).abs() < 0.08, "{own} beside {exact}");
    let ridge = found["baselines"]["ridge"]["intervals"]["crps"].as_f64().unwrap();
    assert!(own < ridge, "{own} beside {ridge}, whose intervals have one width");
}

#[test]
fn distributions_reach_the_likelihood_of_the_truth() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let with = |loss| ["--loss", loss, "--lookback", "48", "--hidden", "16"];
    let near = |found: &Value, exact: f64| {
        let own = found["test"]["log_likelihood"].as_f64().unwrap();
        assert!((own / exact - 1.0).abs() < 0.02, "{own} beside the truth's {exact}");
    };
    let poisson = |row| Poisson::new(wave(row)).unwrap();
    let count = |row| poisson(row).inverse_cdf(uniform(row));
    file(folder, "poisson.csv", ROWS, |row| count(row) as f64);
    near(&train(folder, "poisson.csv", &with("poisson")), truth(ROWS, |row| poisson(row).ln_pmf(count(row))));

    let count = |row| overdispersed(row).inverse_cdf(uniform(row));
    file(folder, "counts.csv", ROWS, |row| count(row) as f64);
    let found = train(folder, "counts.csv", &with("negative-binomial"));
    near(&found, truth(ROWS, |row| overdispersed(row).ln_pmf(count(row))));
    // Intervals of counts hold at least what they say.
    for (share, level) in coverage(&found).into_iter().zip([0.5, 0.8, 0.95]) {
        assert!(share > level - 0.02 && share < level + 0.12, "{share} of {level}");
    }

    let law = |row| statrs::distribution::StudentsT::new(wave(row), 1.0, 4.0).unwrap();
    file(folder, "t.csv", ROWS, |row| law(row).inverse_cdf(uniform(row)));
    let found = train(folder, "t.csv", &with("student-t"));
    // Its likelihood is that of scaled values.
    let std = options(folder, "t.csv").load().unwrap().series[0].scalers[0].std;
    let exact = truth(ROWS, |row| law(row).ln_pdf(law(row).inverse_cdf(uniform(row)))) + std.ln();
    let own = found["test"]["log_likelihood"].as_f64().unwrap();
    assert!((own - exact).abs() < 0.08, "{own} beside the truth's {exact}");
}

fn options(folder: &Path, name: &str) -> DataOptions {
    DataOptions { source: folder.join(name).display().to_string().parse().unwrap(), ..DataOptions::default() }
}

/// The forecasts of a run, by column.
fn forecast(folder: &Path, more: &[&str]) -> Vec<(String, Vec<f64>)> {
    let mut words = vec!["forecast", "--checkpoint", "run"];
    words.extend(more);
    let output = microglia(folder, &words);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let column = |c: usize| rows[1..].iter().map(|row| row[c].parse().unwrap()).collect();
    (2..rows[0].len()).map(|c| (rows[0][c].to_string(), column(c))).collect()
}

fn names(columns: &[(String, Vec<f64>)]) -> Vec<&str> {
    columns.iter().map(|column| column.0.as_str()).collect()
}

#[test]
fn forecasts_have_the_models_own_intervals() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    file(folder, "counts.csv", 600, |row| overdispersed(row).inverse_cdf(uniform(row)) as f64);
    train(folder, "counts.csv", &["--loss", "quantile", "--levels", "10,90", "--max-steps", "60"]);
    let columns = forecast(folder, &[]);
    assert_eq!(names(&columns), ["LSTM", "LSTM-lo-80", "LSTM-hi-80"]);
    for row in 0..3 {
        assert!(columns[1].1[row] < columns[0].1[row] && columns[0].1[row] < columns[2].1[row]);
    }
    let inspected = stdout(&microglia(folder, &["inspect", "run"]));
    assert!(inspected.contains("forecast as quantiles 10,50,90;"), "{inspected}");
    let other = microglia(folder, &["forecast", "--checkpoint", "run", "--levels", "90"]);
    rejected(
        folder,
        &other,
        &["--levels: the model of run/checkpoint.safetensors forecasts no interval of 90 %, but those of 80"],
    );
    // What calibration adds to an interval of a model is the same on both sides.
    let calibrated = forecast(folder, &["--conformal"]);
    let moved: Vec<f64> = (1..3).map(|end| calibrated[end].1[0] - columns[end].1[0]).collect();
    assert!((moved[0] + moved[1]).abs() < 1e-5 && moved[1] != 0.0, "{moved:?}");

    // A dense list of levels, each calibrated by itself, is nested all the same.
    let dense = ["--loss", "quantile", "--levels", "5,10,15,20,25,75,80,85,90,95", "--max-steps", "60"];
    train(folder, "counts.csv", &dense);
    let nested = forecast(folder, &["--conformal"]);
    for row in 0..3 {
        let ends: Vec<f64> = nested[1..].iter().map(|column| column.1[row]).collect();
        assert!(ends.is_sorted(), "{ends:?}");
    }
    // Without validation rows there is nothing to calibrate by, and no interval.
    train(folder, "counts.csv", &["--loss", "quantile", "--val-size", "0", "--test-size", "60", "--epochs", "2"]);
    let output = microglia(folder, &["evaluate", "--checkpoint", "run", "--conformal"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stderr(&output).contains("no intervals") && !stdout(&output).contains("CRPS"), "{}", stdout(&output));

    // Of a distribution any level, in whole counts.
    let found = train(folder, "counts.csv", &["--loss", "negative-binomial", "--max-steps", "60"]);
    assert_eq!(found["levels"], serde_json::json!([50.0, 80.0, 95.0]));
    let columns = forecast(folder, &["--levels", "33,99"]);
    assert_eq!(names(&columns), ["LSTM", "LSTM-lo-99", "LSTM-lo-33", "LSTM-hi-33", "LSTM-hi-99"]);
    assert!(columns[1..].iter().flat_map(|column| &column.1).all(|value| *value >= 0.0 && value.fract() == 0.0));
    // Without the training data, too: nothing is calibrated.
    std::fs::rename(folder.join("counts.csv"), folder.join("moved.csv")).unwrap();
    assert_eq!(forecast(folder, &["--data", "moved.csv", "--levels", "33,99"]), columns);

    let evaluated =
        microglia(folder, &["evaluate", "--checkpoint", "run", "--train-data", "moved.csv", "--folds", "2"]);
    let text = stdout(&evaluated);
    let table: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("all")).take(5).collect();
    assert!(table[0].contains("CRPS") && table[0].contains("WQL") && table[0].contains("in 95 %"), "{text}");
    // Baselines have intervals, too.
    assert!(table[3].starts_with("seasonal naive") && table[3].matches('%').count() == 5, "{text}");
}

/// `evaluate` scores the rows of `train` by the same levels and the same likelihood.
#[test]
fn evaluate_scores_as_train_does() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    file(folder, "y.csv", 500, |row| overdispersed(row).inverse_cdf(uniform(row)) as f64);
    let evaluate = |more: &[&str]| {
        let output = microglia(folder, &[&["evaluate", "--checkpoint", "run"], more].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        stdout(&output)
    };
    let json = |more: &[&str]| -> Value { serde_json::from_str(&evaluate(&[more, &["--json"]].concat())).unwrap() };
    let same = |own: &Value, other: &Value| match (own.as_f64(), other.as_f64()) {
        (Some(own), Some(other)) => assert!((own / other - 1.0).abs() < 1e-9, "{own}, not {other}"),
        none => assert_eq!(none, (None, None)),
    };
    for loss in ["student-t", "poisson", "negative-binomial", "quantile"] {
        let found = train(folder, "y.csv", &["--loss", loss, "--epochs", "2", "--replicas", "2"]);
        let is_distribution = loss != "quantile";
        for part in ["test", "validation"] {
            let (scores, of_train) = (json(&["--part", part]), &found[part]);
            assert_eq!(scores["levels"], found["levels"], "{loss}");
            let own = &scores["total"][0];
            for name in ["crps", "wql", "scaled_crps"] {
                same(&own[name], &of_train["intervals"][name]);
            }
            same(&own["log_likelihood"], &of_train["log_likelihood"]);
            assert_eq!(own["log_likelihood"].is_number(), is_distribution, "{loss}");
            assert!(scores["total"][1]["log_likelihood"].is_null(), "a baseline has no density");
        }
        let mean = &found["test"]["log_likelihood"];
        let levels = json(&["--levels", "none"]);
        same(&levels["total"][0]["log_likelihood"], mean);
        let text = evaluate(&["--table", "t.csv", "--overwrite"]);
        assert_eq!(text.contains("log-likelihood"), is_distribution, "{text}");
        assert!(
            std::fs::read_to_string(folder.join("t.csv")).unwrap().lines().next().unwrap().contains(",log_likelihood,")
        );
        assert!(!evaluate(&["--ensemble", "mean"]).contains("log-likelihood"), "averaged quantiles have no density");
        if is_distribution {
            let columns = forecast(folder, &[]);
            assert_eq!(names(&columns), ["LSTM", "LSTM-lo-95", "LSTM-lo-80", "LSTM-hi-80", "LSTM-hi-95"]);
        }
    }
}

#[test]
fn replicas_ensembles_and_resumed_runs_forecast_alike() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    file(folder, "y.csv", 500, |row| overdispersed(row).inverse_cdf(uniform(row)) as f64);
    for loss in ["quantile", "negative-binomial"] {
        let of = |more: &[&str]| train(folder, "y.csv", &[&["--loss", loss, "--epochs", "4"], more].concat());
        let hash = |summary: &Value, r: usize| summary["replicas"][r]["weights_sha256"].clone();
        let whole = of(&[]);
        let several = of(&["--replicas", "2", "--seed", "41"]);
        assert_eq!(hash(&several, 1), hash(&whole, 0), "{loss}");
        let mean = forecast(folder, &["--ensemble", "mean"]);
        let told = microglia(folder, &["forecast", "--checkpoint", "run", "--ensemble", "mean"]);
        assert_eq!(stderr(&told).contains("neither need be whole"), loss == "negative-binomial", "{}", stderr(&told));
        let alone = microglia(folder, &["forecast", "--checkpoint", "run"]);
        assert!(!stderr(&alone).contains("neither need be whole"), "{}", stderr(&alone));
        assert!(mean[1].1[0] < mean[0].1[0] && mean.iter().any(|column| column.0.contains("spread")), "{mean:?}");

        of(&["--max-steps", "7"]);
        let go_on = ["train", "--resume", "run", "--max-steps", "19"];
        let output = microglia(folder, &go_on);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let resumed = hash(&summary(&folder.join("run")), 0);
        assert_eq!(resumed, hash(&of(&["--max-steps", "19"]), 0), "{loss}");
        let columns = forecast(folder, &[]);
        for form in ["dense", "sparse", "compact"] {
            let name = format!("{form}.safetensors");
            assert_eq!(code(&microglia(folder, &["export", "run", "--form", form, "--out", &name, "--overwrite"])), 0);
            let output = microglia(folder, &["forecast", "--checkpoint", &name, "--levels", "80"]);
            let text = stdout(&output);
            let found: Vec<f64> = text.lines().nth(1).unwrap().split(',').skip(2).map(|v| v.parse().unwrap()).collect();
            let near = |(name, values): &(String, Vec<f64>)| {
                let own = found[["LSTM", "LSTM-lo-80", "LSTM-hi-80"].iter().position(|one| one == name).unwrap()];
                assert!((own - values[0]).abs() < 1e-4, "{form} {name}: {own}, not {}", values[0]);
            };
            columns.iter().filter(|column| column.0 == "LSTM" || column.0.ends_with("80")).for_each(near);
        }
    }
}

#[test]
fn forecasts_stay_within_bounds() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    // Shares that often lie at a bound.
    let share = |row: usize| ((wave(row) - 4.0) / 4.0 + (uniform(row) - 0.5)).clamp(0.0, 1.0) * 100.0;
    file(folder, "share.csv", 500, share);
    for loss in ["mse", "mae", "quantile"] {
        for bounds in ["0..", "..100", "0..100"] {
            let found = train(folder, "share.csv", &["--loss", loss, "--bounds", bounds, "--max-steps", "200"]);
            let [model, naive] = [&found["test"], &found["baselines"]["seasonal_naive"]].map(|s| s["mae"].as_f64());
            assert!(model < naive.map(|mae| 1.05 * mae), "{loss} {bounds}: {model:?} beside {naive:?}");
            let least = if bounds == "..100" { f64::NEG_INFINITY } else { 0.0 };
            let most = if bounds == "0.." { f64::INFINITY } else { 100.0 };
            for (name, values) in forecast(folder, &[]) {
                assert!(values.iter().all(|v| (least..=most).contains(v)), "{loss} {bounds} {name}: {values:?}");
            }
        }
    }
    file(folder, "negative.csv", 200, |row| if row == 150 { -1.5 } else { share(row) });
    let run = |more: &[&str]| {
        let words = [&["train", "--data", "negative.csv", "--device", "cpu", "--out", "other"], more].concat();
        microglia(folder, &words)
    };
    rejected(
        folder,
        &run(&["--bounds", "0.."]),
        &["negative.csv:152, column `y`", "-1.5", "outside of the bounds 0.."],
    );
    rejected(folder, &run(&["--loss", "poisson"]), &["-1.5", "outside of the bounds 0.."]);
    rejected(folder, &run(&["--bounds", "-1..", "--transform", "log1p"]), &["--bounds: -1.. have no ln(1 + y)"]);
    rejected(folder, &run(&["--bounds", "5..1"]), &["--bounds: `5..1` is empty"]);
    rejected(folder, &run(&["--loss", "student-t", "--bounds", "-9.."]), &["--bounds", "have no bounds"]);
    rejected(folder, &run(&["--transform", "log1p"]), &["negative.csv:152", "-1.5", "ln(1 + y)"]);
    let share = &["--loss", "poisson", "--missing-values", "-1.5", "--impute", "ffill"];
    rejected(folder, &run(share), &["negative.csv:2, column `y`", "no count", "--loss poisson"]);
}

/// Nothing is known of the size of what might come: exactly 0, in a series of its own and beside others.
#[test]
fn a_series_of_zeros_forecasts_zero() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let mut text = "unique_id,ds,y\n".to_string();
    for row in 0..300 {
        let day = chrono::NaiveDate::from_ymd_opt(2020, 1, 1).unwrap() + chrono::Days::new(row as u64);
        writeln!(text, "none,{day},0\nsome,{day},{}", overdispersed(row).inverse_cdf(uniform(row))).unwrap();
    }
    std::fs::write(folder.join("panel.csv"), text).unwrap();
    for more in [
        &["--loss", "negative-binomial"][..],
        &["--loss", "quantile", "--bounds", "0.."],
        &["--bounds", "0.."],
        &["--bounds", "0..", "--scale", "global"],
        &["--bounds", "0..1000"],
        &["--bounds", "0..1000", "--scale", "global"],
    ] {
        train(folder, "panel.csv", &[more, &["--max-steps", "40"]].concat());
        let output = microglia(
            folder,
            &[
                "forecast",
                "--checkpoint",
                "run",
                "--levels",
                if more.len() > 2 && more[1] == "quantile" { "80" } else { "50" },
            ],
        );
        let text = stdout(&output);
        let of = |id: &str| text.lines().find(|line| line.starts_with(id)).unwrap_or_default().to_string();
        assert!(of("none,").ends_with(",0,0,0"), "{more:?}: {text}{}", stderr(&output));
        let some: f64 = of("some,").split(',').nth(2).unwrap().parse().unwrap();
        assert!(some > 0.5, "{more:?}: {text}");
    }
}

/// Bounds that lie far from all values change little; at either of two a series may lie.
#[test]
fn far_bounds_leave_a_model_as_it_is() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    file(folder, "some.csv", 400, |row| 5.0 * wave(row) + uniform(row));
    let mae = |more: &[&str]| {
        let found = train(folder, "some.csv", &[more, &["--max-steps", "200"]].concat());
        found["test"]["mae"].as_f64().unwrap()
    };
    let without = mae(&[]);
    for bounds in ["0..1000", "0..1000000", "-1000000..1000000", "-1000..100"] {
        let option = format!("--bounds={bounds}");
        let within = mae(&[&option]);
        assert!(within < 1.3 * without, "{bounds}: {within} beside {without}");
    }
    let mut text = "unique_id,ds,y\n".to_string();
    for row in 0..200 {
        let day = chrono::NaiveDate::from_ymd_opt(2020, 1, 1).unwrap() + chrono::Days::new(row as u64);
        writeln!(text, "full,{day},100\nhalf,{day},50\nsome,{day},{}", 20.0 + 60.0 * uniform(row)).unwrap();
    }
    std::fs::write(folder.join("panel.csv"), text).unwrap();
    train(folder, "panel.csv", &["--bounds", "0..100", "--max-steps", "40"]);
    let text = stdout(&microglia(folder, &["forecast", "--checkpoint", "run", "--levels", "50"]));
    let of = |id: &str| text.lines().find(|line| line.starts_with(id)).unwrap_or_default().to_string();
    assert!(of("full,").ends_with(",100,100,100"), "{text}");
    let half: f64 = of("half,").split(',').nth(2).unwrap().parse().unwrap();
    assert!((half - 50.0).abs() < 5.0, "{text}");
}

#[test]
fn targets_are_transformed_and_back() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    // It grows by a factor.
    file(folder, "grows.csv", 400, |row| (row as f64 / 60.0).exp() * wave(row));
    let plain = train(folder, "grows.csv", &["--model", "ridge", "--linear-path", "none"]);
    let logged = train(folder, "grows.csv", &["--model", "ridge", "--linear-path", "none", "--transform", "log1p"]);
    let naive = plain["baselines"]["seasonal_naive"]["mae"].as_f64().unwrap();
    let logged = logged["test"]["mae"].as_f64().unwrap();
    assert!(logged < naive / 5.0, "{logged} beside {naive}");
    let columns = forecast(folder, &["--levels", "80"]);
    let expected = (400.0f64 / 60.0).exp() * wave(400);
    assert!((columns[0].1[0] / expected - 1.0).abs() < 0.05, "{columns:?} beside {expected}");
    // An interval around a logarithm is wider above.
    let [lower, upper] = [columns[0].1[2] - columns[1].1[2], columns[2].1[2] - columns[0].1[2]];
    assert!(upper > lower && lower > 0.0, "{columns:?}");
    let mean =
        microglia(folder, &["train", "--data", "grows.csv", "--transform", "log1p", "--loss", "mape", "--out", "o"]);
    rejected(folder, &mean, &["--transform", "of values as they are"]);
}

/// A loss in the data's units is lowest for the model that was trained by it.
#[test]
fn losses_in_the_datas_units() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    file(folder, "y.csv", 900, |row| 1.0 + overdispersed(row).inverse_cdf(uniform(row)) as f64);
    let scores = |loss: &str| {
        train(folder, "y.csv", &["--loss", loss, "--linear-path", "none", "--instance-norm", "none"]);
        let output = microglia(folder, &["evaluate", "--checkpoint", "run", "--json", "--levels", "none"]);
        let found: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let of = |name: &str| found["total"][0][name].as_f64().unwrap();
        [of("mape"), of("smape"), of("mse")]
    };
    let [by_mse, by_mape, by_smape] = ["mse", "mape", "smape"].map(scores);
    assert!(by_mape[0] < by_mse[0] && by_mape[0] < by_smape[0], "{by_mape:?} {by_mse:?}");
    assert!(by_smape[1] < by_mse[1] && by_mse[2] < by_mape[2], "{by_smape:?} {by_mse:?}");
    for loss in ["rmsse", "huber:0.3", "huber"] {
        assert!(scores(loss)[2] < 1.5 * by_mse[2], "{loss}");
    }
    for (loss, problem) in [("huber:0", "`huber:0` is not known"), ("gauss", "`gauss` is not known")] {
        let output = microglia(folder, &["train", "--data", "y.csv", "--loss", loss]);
        rejected(folder, &output, &["--loss", problem, "negative-binomial"]);
    }
    let odd = microglia(folder, &["train", "--data", "y.csv", "--loss", "quantile", "--levels", "10,95"]);
    rejected(folder, &odd, &["--levels: 10 has no partner 90"]);
    let ridge = microglia(folder, &["train", "--data", "y.csv", "--loss", "quantile", "--model", "ridge"]);
    rejected(folder, &ridge, &["--loss: a ridge is fitted in closed form"]);
}

/// Conformalized quantile regression: intervals of half the width are widened until they hold what they say.
#[test]
fn calibration_widens_what_is_too_narrow() {
    let rows = (0..2_000).map(|row| Row::new(row as i64, [uniform(row)]));
    let options = DataOptions { lookback: Some(1), calendar: Some(false), ..DataOptions::default() };
    let dataset = options.load_rows("uniform", &["y"], rows).unwrap();
    let scaler = dataset.series[0].scalers[0];
    let level: [Level; 1] = ["80".parse().unwrap()];
    let own = |windows: &[u32]| -> Vec<f32> {
        let ends = [0.5, 0.3, 0.7].map(|value| scaler.scale(value) as f32);
        windows.iter().flat_map(|_| ends).collect()
    };
    let (validation, test) = (dataset.windows(SplitName::Validation), dataset.windows(SplitName::Test));
    let points = vec![0.0; validation.len()];
    let calibration = Calibration::new(&dataset, validation, &points, Some(&own(validation)), &level);
    let margin = calibration.half_width("", 0, 0, 0) * scaler.std;
    assert!((margin - 0.2).abs() < 0.04, "{margin}");
    let ends = own(test);
    let held = |calibration| {
        let intervals = Intervals { levels: &level, own: Some(&ends), calibration, bounds: None, counts: false };
        microglia::forecast::coverage(&dataset, test, &vec![0.0; test.len()], &intervals)[0].coverage[0]
    };
    assert!(held(None) < 0.5 && (held(Some(&calibration)) - 0.8).abs() < 0.05, "{}", held(Some(&calibration)));
}

/// Quantiles of a model rise, whatever its weights say.
#[test]
fn quantiles_never_cross() {
    use microglia::compare::Case;
    use microglia::engine::{Engine, Pass};
    use microglia::models::ModelKind::Lstm;
    use microglia::program::op::Link;
    use microglia::program::{List, tensor::*};
    use microglia::reference::CpuEngine;
    let levels = Objective::Quantiles(vec![0.05, 0.2, 0.5, 0.8, 0.95]);
    for link in [None, Some(Link::Above), Some(Link::Between)] {
        let case = Case::new(Lstm, 1, 40, 4, 5).objective(levels.clone());
        let case = link.map_or(case.clone(), |link| case.link(link));
        let mut engine = CpuEngine::<f32>::new(case.program().unwrap(), Some(1)).unwrap();
        case.load(&mut engine, 1).unwrap();
        let wild: Vec<f32> = engine.read_f32(PARAMS, 0).unwrap().iter().map(|weight| weight * 30.0).collect();
        engine.write_f32(PARAMS, 0, &wild).unwrap();
        engine.run(&[Pass { list: List::Evaluate, slot: 0 }]).unwrap();
        let stored = engine.read_f32(PREDICTIONS, 0).unwrap();
        let first = &stored[..case.sizes.batch * 4 * 5];
        assert!(first.chunks(5).all(|own| own.is_sorted()), "{link:?}");
        assert!(first.iter().all(|value| value.is_finite()));
        let scaler = microglia::data::Scaler::new(0.0, 1.0);
        assert_eq!(quantiles(&levels, &first[..5], &scaler, &[0.2, 0.5]), [f64::from(first[1]), f64::from(first[2])]);
        assert!(quantiles(&levels, &first[..5], &scaler, &[0.3])[0].is_nan());
    }
}

/// `train` draws the intervals that a model forecasts itself, and says nothing of such where it forecasts points.
#[test]
fn the_picture_of_a_run_has_the_models_intervals() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    file(folder, "y.csv", 400, |row| wave(row) + uniform(row));
    let picture = |more: &[&str]| {
        train(folder, "y.csv", &[&["--epochs", "2"], more].concat());
        std::fs::read_to_string(folder.join("run/forecast.svg")).unwrap()
    };
    for (more, levels) in [
        (&["--loss", "quantile", "--levels", "5,25,75,95"][..], &["50 % interval", "90 % interval"][..]),
        (&["--loss", "student-t", "--horizon", "1"], &["50 % interval", "80 % interval", "95 % interval"]),
    ] {
        let svg = picture(more);
        levels.iter().for_each(|level| assert!(svg.contains(level), "{more:?}: no {level}"));
        assert!(svg.contains("<polygon") && !svg.contains("NaN"), "{more:?}");
        // Forecasts of one row are one line, and so is their band.
        assert!(!more.contains(&"1") || svg.matches("<polygon").count() == levels.len(), "{more:?}");
    }
    let points = picture(&[]);
    assert!(!points.contains("interval") && !points.contains("<polygon"));
}
