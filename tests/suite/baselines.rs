//! Scores and baselines against numbers worked out by hand, and against the published ETT protocol.

use microglia::data::{DataOptions, Dataset, Impute, SplitName};
use microglia::program::op::InstanceNorm;
use microglia::train::scores::baselines::{Ridge, baselines, repeat_last, ridge, seasonal_naive};
use microglia::train::scores::metrics::score;

use super::data::{daily, load, small};

/// y = 0 … 19 but for `changed`; 14 training, 2 validation, 4 test rows, look-back 2, horizon 1, M = 7.
fn ramp(changed: &[(usize, &str)], options: DataOptions) -> Dataset {
    let mut values: Vec<String> = (0..20).map(|i| i.to_string()).collect();
    changed.iter().for_each(|(row, value)| values[*row] = value.to_string());
    load(&daily(&values.iter().map(String::as_str).collect::<Vec<_>>()), &options).unwrap()
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-6 * b.abs().max(1.0), "{a} is not {b}");
}

#[test]
fn repeat_last_and_seasonal_naive_on_a_ramp() {
    let data = ramp(&[], small());
    let std = data.series[0].scalers[0].std;
    let last = score(&data, SplitName::Test, &repeat_last(&data, SplitName::Test));
    close(last.mae.unwrap(), 1.0);
    close(last.rmse.unwrap(), 1.0);
    close(last.scaled.mae, 1.0 / std);
    close(last.scaled.mse, 1.0 / (std * std));
    // |y_t − y_{t−7}| = 7 in training.
    close(last.mase.unwrap(), 1.0 / 7.0);
    assert_eq!((last.counts.windows, last.counts.scored, last.counts.masked), (4, 4, 0));
    let seasonal = score(&data, SplitName::Test, &seasonal_naive(&data, SplitName::Test));
    close(seasonal.mae.unwrap(), 7.0);
    close(seasonal.mse.unwrap(), 49.0);
    close(seasonal.mase.unwrap(), 1.0);
}

#[test]
fn seasonal_naive_repeats_the_season_and_looks_past_the_look_back() {
    let options =
        DataOptions { horizon: Some(4), season: Some(3), split: Some("12,16,20".parse().unwrap()), ..small() };
    let data = ramp(&[], options);
    let raw = |forecast: &[f32]| -> Vec<i32> {
        forecast.iter().map(|v| data.unscale(0, 0, f64::from(*v)).round() as i32).collect()
    };
    // One test window, rows 14 and 15 in, 16 … 19 out; the season before is 13, 14, 15.
    assert_eq!(data.test, [14]);
    assert_eq!(raw(&seasonal_naive(&data, SplitName::Test)), [13, 14, 15, 13]);
    assert_eq!(raw(&repeat_last(&data, SplitName::Test)), [15; 4]);
    // The first training window has rows 0 and 1 only: the step that would need row −1 repeats the last value.
    assert_eq!(raw(&seasonal_naive(&data, SplitName::Train)[..4]), [1, 0, 1, 1]);
}

#[test]
fn missing_targets_are_not_scored() {
    let options = DataOptions { horizon: Some(2), impute: Some(Impute::Ffill), ..small() };
    let data = ramp(&[(17, "NA"), (19, "25")], options);
    // Test windows (first target row): 16, 17, 18. Row 17 is masked in two of them.
    let predictions = repeat_last(&data, SplitName::Test);
    let metrics = score(&data, SplitName::Test, &predictions);
    assert_eq!((metrics.counts.scored, metrics.counts.masked), (4, 2));
    // 16 from 15; 18 from 16; 18 and 25 from the 16 that fills row 17.
    close(metrics.mae.unwrap(), (1.0 + 2.0 + 2.0 + 9.0) / 4.0);
    close(metrics.mse.unwrap(), (1.0 + 4.0 + 4.0 + 81.0) / 4.0);
}

#[test]
fn panels_and_several_targets_are_scored_apart() {
    let rows = |id: &str, step: i32| -> String {
        (0..20).map(|i| format!("{id},2024-01-{:02},{},{}\n", i + 1, step * i, -i)).collect()
    };
    let text = format!("unique_id,ds,a,b\n{}{}", rows("one", 1), rows("ten", 10));
    let two = DataOptions { targets: Some(vec!["a".into(), "b".into()]), ..small() };
    let data = load(&text, &two).unwrap();
    let metrics = score(&data, SplitName::Test, &repeat_last(&data, SplitName::Test));
    assert!(metrics.mae.is_none() && metrics.mse.is_none() && metrics.rmse.is_none(), "units differ");
    let cells: Vec<(&str, &str, f64)> =
        metrics.per_series.iter().map(|s| (s.series.as_deref().unwrap(), s.target.as_str(), s.mae.round())).collect();
    assert_eq!(cells, [("one", "a", 1.0), ("one", "b", 1.0), ("ten", "a", 10.0), ("ten", "b", 1.0)]);
    let targets: Vec<f64> = metrics.per_target.iter().map(|s| s.mae).collect();
    close(targets[0], 5.5);
    close(targets[1], 1.0);
    close(metrics.mase.unwrap(), 1.0 / 7.0);
    let json = serde_json::to_value(&metrics).unwrap();
    assert!(json["mae"].is_null() && json["scaled"]["mse"].is_number() && json["per_target"][1]["target"] == "b");
    assert!(json["per_series"].is_null(), "scores.csv holds them");
    let mae = metrics.by_series.unwrap().mae.unwrap();
    assert_eq!((mae.count, mae.min.round(), mae.median.round(), mae.max.round()), (4, 1.0, 1.0, 10.0));

    let one = DataOptions { targets: Some(vec!["a".into()]), ..small() };
    let metrics =
        score(&load(&text, &one).unwrap(), SplitName::Test, &repeat_last(&load(&text, &one).unwrap(), SplitName::Test));
    close(metrics.mae.unwrap(), 5.5);
}

#[test]
fn mase_is_reported_missing_where_the_past_is_constant() {
    let constant: Vec<(usize, &str)> = (0..14).map(|row| (row, "3")).collect();
    let data = ramp(&constant, small());
    let metrics = score(&data, SplitName::Test, &repeat_last(&data, SplitName::Test));
    assert_eq!((metrics.mase, metrics.counts.without_mase), (None, 1));
}

#[test]
fn ridge_finds_a_linear_law() {
    // y_t = y_{t−1} + 0.5 (y_{t−1} − y_{t−2}) − 0.9 (y_{t−2} − y_{t−3}) + 0.1, exactly.
    let mut y = vec![0.0, 1.0, 0.5];
    for t in 3..200 {
        let last: f64 = y[t - 1] + 0.5 * (y[t - 1] - y[t - 2]) - 0.9 * (y[t - 2] - y[t - 3]) + 0.1;
        y.push(last);
    }
    let text = y.iter().enumerate().fold(String::from("ds,y\n"), |text, (i, y)| text + &format!("{i},{y:.12}\n"));
    let options = DataOptions { lookback: Some(3), horizon: Some(2), ..small() };
    let data = load(&text, &options).unwrap();
    let (predictions, lambda) = ridge(&data, SplitName::Test);
    let metrics = score(&data, SplitName::Test, &predictions);
    assert!(lambda <= 1e-3 && metrics.mae.unwrap() < 1e-4, "λ {lambda}, MAE {:?}", metrics.mae);
    let all = baselines(&data);
    assert_eq!((all.ridge, all.ridge_lambda), (metrics, lambda));
}

#[test]
fn ridge_is_the_solution_of_its_equations() {
    // Look-back 2: one slope w and one constant c per step, x = y_{t−2} − y_{t−1}; solved by hand over the samples.
    let options = DataOptions { horizon: Some(2), impute: Some(Impute::Mean), ..small() };
    for missing in [&[][..], &[(5, "NA"), (9, "NA")][..]] {
        let noise: Vec<String> = (0..20).map(|i| format!("{}", (i * i * 7 + 3 * i) % 11)).collect();
        let mut changed: Vec<(usize, &str)> = noise.iter().enumerate().map(|(i, v)| (i, v.as_str())).collect();
        missing.iter().for_each(|(row, value)| changed[*row] = (*row, *value));
        let data = ramp(&changed, options.clone());
        let (predictions, lambda) = ridge(&data, SplitName::Test);
        let value = |row: usize| f64::from(data.values[row]);
        for step in 0..2 {
            let (mut n, mut sx, mut sxx, mut sy, mut sxy) = (0.0, 0.0, 0.0, 0.0, 0.0);
            for window in &data.train {
                let w = *window as usize;
                if data.observed[w + 2 + step] == 0.0 {
                    continue;
                }
                let (x, y) = (value(w) - value(w + 1), value(w + 2 + step) - value(w + 1));
                (n, sx, sxx, sy, sxy) = (n + 1.0, sx + x, sxx + x * x, sy + y, sxy + x * y);
            }
            let determinant = (sxx + lambda) * n - sx * sx;
            let (slope, constant) = ((sxy * n - sy * sx) / determinant, ((sxx + lambda) * sy - sx * sxy) / determinant);
            for (i, window) in data.test.iter().enumerate() {
                let w = *window as usize;
                close(predictions[2 * i + step].into(), slope * (value(w) - value(w + 1)) + constant + value(w + 1));
            }
        }
    }
}

/// Of panels with holes, weights and what is known ahead: all unknowns in one system, by elimination.
#[test]
fn ridge_with_what_is_known_ahead_is_the_solution_of_its_equations() {
    let mut text = String::from("id,ds,a,b,p,q,w\n");
    for series in 0..2 {
        for row in 0..60 + 7 * series {
            let number = |k: usize| f64::from(((row + 31 * series + 1) * (k + 7 * row) % 101) as u32) / 50.0;
            let a = if row % 13 == 5 { String::new() } else { format!("{}", number(3)) };
            text += &format!("{series},{row},{a},{},{},{},W\n", number(5), number(11), number(17));
        }
    }
    for weights in [None, Some("w")] {
        let mut row = 0;
        let text: String = text
            .split_inclusive('W')
            .map(|part| {
                row += 1;
                let weight = ["1", "0.5", "2", "0"][row % 4];
                part.replace('W', if weights.is_some() { weight } else { "1" })
            })
            .collect();
        let options = DataOptions {
            id_column: Some("id".into()),
            targets: Some(vec!["a".into(), "b".into()]),
            covariates: Some("none".parse().unwrap()),
            future_covariates: Some(vec!["p".into(), "q".into()]),
            weight: weights.map(String::from),
            impute: Some(Impute::Mean),
            lookback: Some(3),
            horizon: Some(2),
            ..small()
        };
        let data = load(&text, &options).unwrap();
        for norm in [None, Some(InstanceNorm::Last), Some(InstanceNorm::MeanStd)] {
            agrees_with_elimination(&data, norm);
        }
    }
}

fn agrees_with_elimination(data: &Dataset, norm: Option<InstanceNorm>) {
    let ridge = Ridge::of_norm(data, norm);
    let (lookback, horizon, targets, channels) = (data.lookback, data.horizon, data.targets(), data.channels());
    let value = |row: usize, channel: usize| f64::from(data.values[row * channels + channel]);
    let known = data.future();
    // By step the look-back and a constant; then the weights of what is known.
    let unknowns = horizon * (lookback + 1) + known;
    let inputs = |window: usize, target: usize, step: usize| {
        let own: Vec<f64> = (window..window + lookback).map(|row| value(row, target)).collect();
        let mean = own.iter().sum::<f64>() / lookback as f64;
        let variance = own.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / lookback as f64;
        let (shift, scale) = match norm {
            None => (0.0, 1.0),
            Some(InstanceNorm::Last) => (own[lookback - 1], 1.0),
            Some(_) => (mean, (variance + 1e-5).sqrt()),
        };
        let mut x = vec![0.0; unknowns];
        own.iter().enumerate().for_each(|(i, value)| x[step * (lookback + 1) + i] = value - shift);
        x[step * (lookback + 1) + lookback] = scale;
        let row = window + lookback + step;
        (0..known).for_each(|i| x[unknowns - known + i] = scale * value(row, channels - known + i));
        (x, shift)
    };
    let mut system = vec![vec![0.0; unknowns + 1]; unknowns];
    for window in data.train.iter().map(|window| *window as usize) {
        for (target, step) in (0..targets).flat_map(|target| (0..horizon).map(move |step| (target, step))) {
            let row = window + lookback + step;
            let weight =
                f64::from(data.observed[row * targets + target]) * data.weights.get(row).copied().unwrap_or(1.0);
            let (x, shift) = inputs(window, target, step);
            for i in 0..unknowns {
                (0..unknowns).for_each(|j| system[i][j] += weight * x[i] * x[j]);
                system[i][unknowns] += weight * x[i] * (value(row, target) - shift);
            }
        }
    }
    for (i, row) in system.iter_mut().enumerate() {
        let constant = i < unknowns - known && i % (lookback + 1) == lookback;
        // Of differences to the last value, the last one is 0 and takes no part.
        let absent = norm == Some(InstanceNorm::Last) && i < unknowns - known && i % (lookback + 1) == lookback - 1;
        row[i] += if absent {
            1.0
        } else if constant {
            0.0
        } else {
            ridge.lambda()
        };
    }
    for i in 0..unknowns {
        let pivot = (i..unknowns).max_by(|a, b| system[*a][i].abs().total_cmp(&system[*b][i].abs())).unwrap();
        system.swap(i, pivot);
        for j in (0..unknowns).filter(|j| *j != i) {
            let factor = system[j][i] / system[i][i];
            (i..=unknowns).for_each(|k| system[j][k] -= factor * system[i][k]);
        }
    }
    let solution: Vec<f64> = (0..unknowns).map(|i| system[i][unknowns] / system[i][i]).collect();
    for (found, expected) in ridge.future_layer().iter().zip(&solution[unknowns - known..]) {
        close(f64::from(*found), *expected);
    }
    let forecasts = ridge.forecast(data, SplitName::Test);
    assert!(!data.test.is_empty());
    for (i, found) in forecasts.iter().enumerate() {
        let (window, step, target) = (i / (horizon * targets), i / targets % horizon, i % targets);
        let (x, shift) = inputs(data.test[window] as usize, target, step);
        close(f64::from(*found), x.iter().zip(&solution).map(|(x, w)| x * w).sum::<f64>() + shift);
    }
}

#[test]
fn ridge_copes_with_what_has_no_slope() {
    // A constant series, and a look-back of one row: only the constant term is left.
    let constant: Vec<(usize, &str)> = (0..20).map(|row| (row, "3")).collect();
    let data = ramp(&constant, small());
    assert!(ridge(&data, SplitName::Test).0.iter().all(|value| value.abs() < 1e-6));
    let drift = ramp(&[], DataOptions { lookback: Some(1), ..small() });
    let metrics = score(&drift, SplitName::Test, &ridge(&drift, SplitName::Test).0);
    assert!(metrics.mae.unwrap() < 1e-6, "the drift is the constant");
}

/// The published protocol on ETTh1: all 7 channels, rows 8640, 11520, 14400, horizon 96, every window. The file may not
/// be shipped, so this runs only where `MICROGLIA_ETTH1` names it (SHA-256 f18de3ad…), and says so where it does not.
#[test]
fn etth1_protocol() {
    let Ok(file) = std::env::var("MICROGLIA_ETTH1") else {
        println!("NOT RUN: set MICROGLIA_ETTH1 to the path of ETTh1.csv");
        return;
    };
    let load = |lookback: usize| {
        let options = DataOptions {
            source: file.parse().unwrap(),
            targets: Some(["HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT"].map(String::from).to_vec()),
            split: Some("8640,11520,14400".parse().unwrap()),
            lookback: Some(lookback),
            horizon: Some(96),
            ..DataOptions::default()
        };
        options.load().unwrap()
    };
    let data = load(96);
    assert!(data.fingerprint.starts_with("f18de3ad"));
    assert_eq!((data.season, data.test.len()), (24, 2785));
    for (predictions, mse, mae) in [
        (repeat_last(&data, SplitName::Test), 1.2944, 0.7132),
        (seasonal_naive(&data, SplitName::Test), 0.5122, 0.4333),
    ] {
        let scaled = score(&data, SplitName::Test, &predictions).scaled;
        assert!((scaled.mse - mse).abs() < 0.00005 && (scaled.mae - mae).abs() < 0.00005, "{scaled:?}");
    }
    let data = load(336);
    let (predictions, lambda) = ridge(&data, SplitName::Test);
    let scaled = score(&data, SplitName::Test, &predictions).scaled;
    println!("ridge at look-back 336: {scaled:?}, λ {lambda}");
    assert!((scaled.mse - 0.3698).abs() < 0.0005 && (scaled.mae - 0.3912).abs() < 0.0005, "{scaled:?}");
}
