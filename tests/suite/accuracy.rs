//! Long series keep their accuracy: scalers against exact integers, scores against compensated sums.

use microglia::data::{DataOptions, Dataset, SplitName};
use microglia::program::rng;
use microglia::train::scores::metrics::score;

/// Far from 0 beside what it varies by, as a meter's reading is.
const OFFSET: i64 = 1_000_000_000;
/// The value of row i is `OFFSET` + this / 1024, which a 64-bit float holds exactly.
fn part(row: usize) -> i64 {
    i64::from(rng::draw(3, rng::site("accuracy"), 0, row as u32) % 4096)
}

/// `rows` numbered rows.
fn long(rows: usize) -> Dataset {
    let mut csv = String::with_capacity(32 * rows);
    csv += "ds,y\n";
    for row in 0..rows {
        csv += &format!("{row},{}\n", OFFSET as f64 + part(row) as f64 / 1024.0);
    }
    let options = DataOptions { lookback: Some(2), horizon: Some(1), ..DataOptions::default() };
    options.load_bytes("long", "long.csv", csv.as_bytes()).unwrap()
}

/// A sum whose lost bits are kept (Neumaier 1974).
#[derive(Default)]
struct Exact {
    sum: f64,
    lost: f64,
}

impl Exact {
    fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() { self.sum - sum + value } else { value - sum + self.sum };
        self.sum = sum;
    }

    fn mean(&self, count: usize) -> f64 {
        (self.sum + self.lost) / count as f64
    }
}

/// Largest relative errors: of a scaler's mean (in deviations) and deviation, and of scores.
fn errors(rows: usize) -> [f64; 3] {
    let dataset = long(rows);
    let scaler = dataset.series[0].scalers[0];
    let train = dataset.series[0].parts.train.clone();
    let n = train.len() as i128;
    let (sum, squares) =
        train.map(|row| i128::from(part(row))).fold((0, 0), |(sum, squares), part| (sum + part, squares + part * part));
    let std = ((squares * n - sum * sum) as f64).sqrt() / n as f64 / 1024.0;
    let mean_error = ((scaler.mean - OFFSET as f64) - sum as f64 / n as f64 / 1024.0).abs() / std;
    let std_error = (scaler.std / std - 1.0).abs();

    let windows = &dataset.test;
    let predictions: Vec<f32> =
        (0..windows.len()).map(|i| rng::unit(rng::draw(5, rng::site("accuracy"), 0, i as u32)) * 4.0 - 2.0).collect();
    let metrics = score(&dataset, SplitName::Test, &predictions);
    let [mut absolute, mut square] = [Exact::default(), Exact::default()];
    for (window, predicted) in windows.iter().zip(&predictions) {
        let raw = OFFSET as f64 + part(*window as usize + dataset.lookback) as f64 / 1024.0;
        let error = f64::from(*predicted) - (raw - scaler.mean) / scaler.std;
        absolute.add(error.abs());
        square.add(error * error);
    }
    let (mae, mse) = (absolute.mean(windows.len()), square.mean(windows.len()));
    let scores = [
        metrics.scaled.mae / mae,
        metrics.scaled.mse / mse,
        metrics.mae.unwrap() / (mae * scaler.std),
        metrics.rmse.unwrap() / (mse.sqrt() * scaler.std),
    ];
    [mean_error, std_error, scores.into_iter().map(|ratio| (ratio - 1.0).abs()).fold(0.0, f64::max)]
}

fn check(rows: usize) {
    let [mean, std, scores] = errors(rows);
    println!("{rows} rows: mean {mean:.1e} deviations off, deviation {std:.1e}, scores {scores:.1e}");
    // Half a last bit of 10⁹ is 6e-8, 5e-8 deviations.
    assert!(mean < 1e-7 && std < 1e-12 && scores < 1e-12);
}

#[test]
fn a_long_series_keeps_its_accuracy() {
    check(200_000);
}

#[test]
#[ignore = "takes 4 GB; cargo test --release --test suite -- --ignored --nocapture ten_million"]
fn a_series_of_ten_million_rows_keeps_its_accuracy() {
    check(10_000_000);
}
