//! Statistics and MASE against what SciPy, scikit-posthocs and utilsforecast compute (`tests/golden/statistics.json`).

use microglia::data::{DataOptions, SplitName};
use microglia::experiment::statistics::{critical_difference, friedman, holm, nemenyi_p, ranks, t_interval, wilcoxon};
use microglia::train::scores::metrics::score;
use serde_json::Value;

use crate::golden::path;

fn golden() -> Value {
    serde_json::from_str(&std::fs::read_to_string(path("statistics.json")).unwrap()).unwrap()
}

fn cases(of: &str) -> Vec<Value> {
    golden()[of].as_array().unwrap().clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn near(found: f64, expected: &Value, tolerance: f64, what: &str) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() <= tolerance * expected.abs().max(1e-3), "{what}: {found}, not {expected}");
}

#[test]
fn friedman_iman_davenport_and_nemenyi() {
    for case in cases("friedman") {
        let table: Vec<Vec<f64>> = case["table"].as_array().unwrap().iter().map(numbers).collect();
        let (blocks, methods) = (table.len(), table[0].len());
        let found = friedman(&table).unwrap();
        near(found.chi_square, &case["chi2"], 1e-10, "chi square");
        near(found.f.unwrap_or(f64::INFINITY), &case["iman_davenport"], 1e-9, "F");
        near(found.p, &case["iman_davenport_p"], 1e-7, "p");
        near(critical_difference(methods, blocks), &case["critical_difference"], 1e-6, "critical difference");
        for (a, (rank, expected)) in found.mean_ranks.iter().zip(numbers(&case["ranks"])).enumerate() {
            assert!((rank - expected).abs() < 1e-12);
            for (b, p) in numbers(&case["nemenyi_p"][a]).into_iter().enumerate().filter(|(b, _)| *b != a) {
                let found = nemenyi_p(rank - found.mean_ranks[b], methods, blocks);
                assert!((found - p).abs() < 1e-6, "{found} {p}");
            }
        }
    }
}

#[test]
fn wilcoxon_s_signed_ranks() {
    for case in cases("wilcoxon") {
        let found = wilcoxon(&numbers(&case["differences"])).unwrap();
        near(found.statistic, &case["statistic"], 1e-12, "statistic");
        near(found.p, &case["p"], 1e-9, "p");
        near(found.rank_biserial, &case["rank_biserial"], 1e-12, "rank-biserial");
    }
    let four = wilcoxon(&[-1.0, -2.0, -3.0, -4.0]).unwrap();
    assert_eq!((four.p, four.smallest_p, four.rank_biserial), (0.125, 0.125, -1.0));
    assert_eq!(wilcoxon(&[0.0, 0.0]), None);
}

#[test]
fn intervals_and_holm() {
    for case in cases("interval") {
        let found = t_interval(&numbers(&case["values"])).unwrap();
        near(found.low, &case["low"], 1e-8, "low");
        near(found.high, &case["high"], 1e-8, "high");
    }
    for case in cases("holm") {
        let found = holm(&numbers(&case["p"]));
        for (found, expected) in found.iter().zip(numbers(&case["adjusted"])) {
            assert!((found - expected).abs() < 1e-12);
        }
    }
    assert_eq!(t_interval(&[1.0]), None);
}

#[test]
fn what_diverged_ranks_last() {
    assert_eq!(ranks(&[f64::NAN, 2.0, f64::INFINITY, 1.0]), [3.5, 2.0, 3.5, 1.0]);
    let agreed = friedman(&[vec![1.0, 2.0], vec![1.0, 2.0], vec![1.0, 2.0]]).unwrap();
    assert_eq!((agreed.p, agreed.smallest_p), (0.25, 0.25));
    assert_eq!(friedman(&[vec![1.0, 1.0], vec![2.0, 2.0]]), None);
}

#[test]
fn mase_is_that_of_utilsforecast() {
    for case in cases("mase") {
        let (train, actual) = (numbers(&case["train"]), numbers(&case["actual"]));
        let rows = train.iter().chain([&0.0]).chain(&actual).enumerate();
        let csv: String = rows.map(|(t, y)| format!("{t},{y}\n")).collect();
        let options = DataOptions {
            time_column: Some("t".into()),
            targets: Some(vec!["y".into()]),
            lookback: Some(1),
            season: case["season"].as_u64().map(|season| season as usize),
            split: Some("40,41,53".parse().unwrap()),
            ..DataOptions::default()
        };
        let dataset = options.load_bytes("mase", "mase.csv", format!("t,y\n{csv}").as_bytes()).unwrap();
        let scaler = dataset.series[0].scalers[0];
        let forecast: Vec<f32> = numbers(&case["forecast"]).into_iter().map(|y| scaler.scale(y) as f32).collect();
        near(score(&dataset, SplitName::Test, &forecast).mase.unwrap(), &case["mase"], 1e-6, "MASE");
    }
}
