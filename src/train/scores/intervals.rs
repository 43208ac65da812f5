//! Intervals of forecasts: where their ends lie, and what they are worth.

use serde::Serialize;

use super::distribution::{pinball, quantiles};
use super::{Calibration, Level, Prediction};
use crate::data::{Bounds, Dataset, Scaler, Series, SplitName};
use crate::program::op::Objective;
use crate::train::scores::metrics::Weighting;

/// What the ends of intervals follow from.
#[derive(Debug, Clone, Copy)]
pub struct Intervals<'a> {
    /// Rising.
    pub levels: &'a [Level],
    /// A model's own: `[windows, horizon, targets, 1 + 2·levels]`, of each value the median, then both ends of each level; scaled.
    pub own: Option<&'a [f32]>,
    /// How far its ends move outwards, or half of an interval around a point forecast.
    pub calibration: Option<&'a Calibration>,
    /// Beyond them lies no end.
    pub bounds: Option<Bounds>,
    /// Whether the ends are counts.
    pub counts: bool,
}

impl<'a> Intervals<'a> {
    /// Those around point forecasts, calibrated.
    pub fn around(calibration: &'a Calibration, bounds: Option<Bounds>) -> Intervals<'a> {
        Intervals { levels: &calibration.levels, own: None, calibration: Some(calibration), bounds, counts: false }
    }

    /// Both ends of a level, by index, scaled. NaN where there are too few residuals. Calibration moves the ends of each level by itself:
    /// an interval reaches at least as far as those of lower levels.
    pub fn ends(&self, at: &Forecasted, level: usize) -> (f64, f64) {
        let first = if self.own.is_some() && self.calibration.is_some() { 0 } else { level };
        let within = (first..level).map(|lower| self.ends_of(at, lower));
        let own = self.ends_of(at, level);
        // What is not known says nothing of the others.
        within.fold(own, |(low, high), (lower, higher)| {
            (if lower < low { lower } else { low }, if higher > high { higher } else { high })
        })
    }

    fn ends_of(&self, at: &Forecasted, level: usize) -> (f64, f64) {
        let width = 1 + 2 * self.levels.len();
        let point = f64::from(at.point);
        let (low, high) = self.own.map_or((point, point), |own| {
            let ends = &own[at.place * width + 1 + 2 * level..];
            (f64::from(ends[0]), f64::from(ends[1]))
        });
        let half = |one: &Calibration| one.half_width(&at.series.id, at.target, at.step, level);
        let margin = self.calibration.map_or(0.0, half);
        let (low, high) = (low - margin, high + margin);
        // A margin below 0 may turn them around.
        let (low, high) = if low > high { ((low + high) / 2.0, (low + high) / 2.0) } else { (low, high) };
        // What is within bounds is an interval's, whatever lies beyond.
        let (least, most) = limits(self.bounds);
        let end = |end: f64| {
            let end = not_beyond(end, least, most);
            // A count that is an end lies inside.
            if self.counts { at.scaler().scale(self.in_units(end, at.scaler())) } else { end }
        };
        (end(low), end(high))
    }

    /// An end in the data's units: a count without the rounding of 32 bits.
    pub fn in_units(&self, end: f64, scaler: &Scaler) -> f64 {
        let value = scaler.unscale(end);
        let near = (value - value.round()).abs() <= 1e-6 * value.abs().max(1.0);
        if self.counts && near { value.round() } else { value }
    }

    /// The median, scaled.
    pub fn median(&self, at: &Forecasted) -> f64 {
        self.own.map_or(f64::from(at.point), |own| f64::from(own[at.place * (1 + 2 * self.levels.len())]))
    }

    /// What they are worth for an observed value, scaled.
    pub fn score(&self, at: &Forecasted, truth: f64) -> IntervalSums {
        let ends: Vec<(f64, f64)> = (0..self.levels.len()).map(|level| self.ends(at, level)).collect();
        IntervalSums::of(truth, self.median(at), &ends, self.levels, at.scaler())
    }
}

/// A value that was forecast.
#[derive(Debug, Clone, Copy)]
pub struct Forecasted<'a> {
    /// Its place in `[windows, horizon, targets]`.
    pub place: usize,
    /// Its point forecast, scaled.
    pub point: f32,
    /// Its series.
    pub series: &'a Series,
    /// Its target.
    pub target: usize,
    /// Its row of the horizon, from 0.
    pub step: usize,
}

impl<'a> Forecasted<'a> {
    /// The scaler of its series and target.
    pub fn scaler(&self) -> &'a Scaler {
        &self.series.scalers[self.target]
    }
}

/// The bounds on the scale of the series.
fn limits(bounds: Option<Bounds>) -> (f64, f64) {
    match bounds {
        None => (f64::NEG_INFINITY, f64::INFINITY),
        Some(Bounds { low: Some(_), high: Some(_) }) => (0.0, 1.0),
        Some(Bounds { low: Some(_), high: None }) => (0.0, f64::INFINITY),
        Some(_) => (f64::NEG_INFINITY, 0.0),
    }
}

/// The nearest value within limits; NaN stays NaN.
fn not_beyond(value: f64, least: f64, most: f64) -> f64 {
    if value < least {
        least
    } else if value > most {
        most
    } else {
        value
    }
}

/// 1 if a value lies between both ends, else 0; NaN without ends.
pub fn inside(value: f64, low: f64, high: f64) -> f64 {
    if low.is_nan() || high.is_nan() { f64::NAN } else { f64::from(u8::from(low <= value && value <= high)) }
}

/// [`Intervals::own`] of the outputs of a model that forecasts more than points.
pub fn own_ends(
    dataset: &Dataset,
    objective: &Objective,
    windows: &[u32],
    prediction: &Prediction,
    levels: &[Level],
) -> Vec<f32> {
    // Rising, for counts; each goes to its place.
    let mut shares: Vec<(f64, usize)> = vec![(0.5, 0)];
    for (level, percent) in levels.iter().map(|level| level.percent() / 100.0).enumerate() {
        shares.extend([((1.0 - percent) / 2.0, 1 + 2 * level), ((1.0 + percent) / 2.0, 2 + 2 * level)]);
    }
    shares.sort_by(|a, b| a.0.total_cmp(&b.0));
    let wanted: Vec<f64> = shares.iter().map(|(share, _)| *share).collect();
    let (targets, outputs) = (dataset.targets(), prediction.outputs());
    let mut all = Vec::with_capacity(prediction.values().len() / outputs * shares.len());
    let mut own = vec![0.0; shares.len()];
    let per_window = dataset.horizon * targets * outputs;
    for (window, values) in windows.iter().zip(prediction.values().chunks_exact(per_window)) {
        let series = &dataset.series[dataset.series_of(*window as usize + dataset.lookback)];
        for (i, outputs) in values.chunks_exact(outputs).enumerate() {
            let found = quantiles(objective, outputs, &series.scalers[i % targets], &wanted);
            for (value, (_, place)) in found.into_iter().zip(&shares) {
                own[*place] = value as f32;
            }
            all.extend_from_slice(&own);
        }
    }
    all
}

/// Sums over values: what their intervals held, and the pinball losses ρ of their quantiles, which are the median and the ends.
///
/// The continuous ranked probability score is 2·∫ρ over all levels, here by trapezoids, with 0 at the levels 0 and 1.
#[derive(Debug, Clone, Default)]
pub struct IntervalSums {
    /// The weights of the values: their count, if all weigh the same.
    pub weight: f64,
    /// By level: values inside.
    pub inside: Vec<f64>,
    /// By level: widths in the data's units.
    pub width: Vec<f64>,
    /// By level: scaled widths.
    pub scaled_width: Vec<f64>,
    /// CRPS in the data's units.
    pub crps: f64,
    /// The same of scaled values.
    pub scaled_crps: f64,
    /// Twice the mean pinball loss of the quantiles, in the data's units.
    pub quantile_loss: f64,
    /// Σ|y|
    pub size: f64,
}

impl IntervalSums {
    /// Of one value, scaled, with the ends of its intervals by level.
    pub fn of(truth: f64, median: f64, ends: &[(f64, f64)], levels: &[Level], scaler: &Scaler) -> IntervalSums {
        let mut sums = IntervalSums { weight: 1.0, size: scaler.unscale(truth).abs(), ..IntervalSums::default() };
        // A level whose ends are not known says nothing of the others.
        let known = ends.iter().zip(levels).filter(|((low, high), _)| !low.is_nan() && !high.is_nan());
        let known: Vec<(f64, (f64, f64))> = known.map(|(ends, level)| (level.percent() / 100.0, *ends)).collect();
        let quantiles = (1 + 2 * known.len()) as f64;
        // Each level weighs half of the way from the one before it to the one after.
        let mut add = |level: f64, [before, after]: [f64; 2], quantile: f64| {
            let (own, scaled) = (pinball(level, scaler.error(truth, quantile)), pinball(level, truth - quantile));
            sums.crps += (after - before) * own;
            sums.scaled_crps += (after - before) * scaled;
            sums.quantile_loss += 2.0 * own / quantiles;
        };
        let share = |index: usize| known.get(index).map_or(1.0, |(share, _)| *share);
        add(0.5, [(1.0 - share(0)) / 2.0, (1.0 + share(0)) / 2.0], median);
        for (index, (own, (low, high))) in known.iter().enumerate() {
            // Of the interval inside it, none of the first, and of that around it, all of the last.
            let (inside, around) = (if index == 0 { 0.0 } else { share(index - 1) }, share(index + 1));
            add((1.0 - own) / 2.0, [(1.0 - around) / 2.0, (1.0 - inside) / 2.0], *low);
            add((1.0 + own) / 2.0, [(1.0 + inside) / 2.0, (1.0 + around) / 2.0], *high);
        }
        for (low, high) in ends {
            sums.inside.push(inside(truth, *low, *high));
            sums.width.push(scaler.error(*high, *low));
            sums.scaled_width.push(high - low);
        }
        sums
    }

    /// Adds other values'.
    pub fn add(&mut self, other: &IntervalSums) {
        self.add_times(1.0, other);
    }

    /// Adds other values', so many times.
    pub fn add_times(&mut self, times: f64, other: &IntervalSums) {
        self.weight += times * other.weight;
        self.size += times * other.size;
        self.crps += times * other.crps;
        self.scaled_crps += times * other.scaled_crps;
        self.quantile_loss += times * other.quantile_loss;
        let lists = [
            (&mut self.inside, &other.inside),
            (&mut self.width, &other.width),
            (&mut self.scaled_width, &other.scaled_width),
        ];
        for (sums, parts) in lists {
            sums.resize(parts.len().max(sums.len()), 0.0);
            sums.iter_mut().zip(parts).for_each(|(sum, part)| *sum += times * part);
        }
    }

    /// What they are worth; `single`: of one target, so that all have one unit. `None` of no value with intervals.
    pub fn scores(&self, single: bool) -> Option<IntervalScores> {
        if self.inside.is_empty() || self.weight == 0.0 {
            return None;
        }
        let count = self.weight;
        let width = if single { &self.width } else { &self.scaled_width };
        let share = |sums: &[f64]| sums.iter().map(|sum| sum / count).collect();
        Some(IntervalScores {
            crps: single.then_some(self.crps / count),
            wql: (single && self.size > 0.0).then(|| self.quantile_loss / self.size),
            scaled_crps: self.scaled_crps / count,
            coverage: share(&self.inside),
            width: share(width),
        })
    }
}

/// What intervals are worth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IntervalScores {
    /// The continuous ranked probability score, estimated from the ends of the intervals and the median, in the data's units; `None` over
    /// several targets, whose units differ.
    pub crps: Option<f64>,
    /// The weighted quantile loss: Σ of twice the mean pinball loss of these quantiles, over Σ|y|; `None` over several targets, or of zeros
    /// alone.
    pub wql: Option<f64>,
    /// CRPS of scaled values.
    pub scaled_crps: f64,
    /// By level, the share of values inside.
    pub coverage: Vec<f64>,
    /// By level, the mean width, in the data's units; over several targets, scaled.
    pub width: Vec<f64>,
}

/// What the intervals of a part's forecasts `[windows, horizon, targets]`, scaled, are worth; `None` if it has no window.
pub fn interval_scores(
    dataset: &Dataset,
    split: SplitName,
    forecasts: &[f32],
    intervals: &Intervals,
    weighting: Weighting,
) -> Option<IntervalScores> {
    let (horizon, targets) = (dataset.horizon, dataset.targets());
    let mut sums = IntervalSums::default();
    for (index, window) in dataset.windows(split).iter().enumerate() {
        let origin = *window as usize + dataset.lookback;
        let series = &dataset.series[dataset.series_of(origin)];
        for i in 0..horizon * targets {
            let (step, target, place) = (i / targets, i % targets, index * horizon * targets + i);
            let raw = dataset.raw_targets[(origin + step) * targets + target];
            if raw.is_nan() {
                continue;
            }
            let at = Forecasted { place, point: forecasts[place], series, target, step };
            let weight = weighting.of(dataset, origin + step);
            sums.add_times(weight, &intervals.score(&at, at.scaler().scale(raw)));
        }
    }
    sums.scores(targets == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DataOptions, Row};

    /// Of a standard normal distribution about its mean the CRPS is (√2 − 1)/√π = 0.2337; many levels come close, and few do not
    /// go far.
    #[test]
    fn the_crps_of_a_normal_distribution() {
        use statrs::distribution::{ContinuousCDF, Normal};
        let normal = Normal::new(0.0, 1.0).unwrap();
        let crps = |percents: &[f64]| {
            let levels: Vec<Level> = percents.iter().map(|percent| percent.to_string().parse().unwrap()).collect();
            let end = |share: f64| normal.inverse_cdf(share);
            let ends = levels.iter().map(|level| level.percent() / 100.0);
            let ends: Vec<(f64, f64)> = ends.map(|p| (end((1.0 - p) / 2.0), end((1.0 + p) / 2.0))).collect();
            IntervalSums::of(0.0, 0.0, &ends, &levels, &Scaler::new(0.0, 1.0)).crps
        };
        let many: Vec<f64> = (1..100u8).map(f64::from).collect();
        let exact = (2f64.sqrt() - 1.0) / std::f64::consts::PI.sqrt();
        assert!((crps(&many) - exact).abs() < 2e-3 * exact, "{} is not {exact}", crps(&many));
        let lacking = [(-1.0, 1.0), (f64::NAN, f64::NAN)];
        let levels = [68.0, 95.0].map(|percent: f64| percent.to_string().parse().unwrap());
        let of = |ends: &[(f64, f64)], levels| IntervalSums::of(0.0, 0.0, ends, levels, &Scaler::new(0.0, 1.0)).crps;
        assert_eq!(of(&lacking, &levels), of(&lacking[..1], &levels[..1]));
        assert!((crps(&[50.0, 80.0, 95.0]) - exact).abs() < 0.15 * exact, "{}", crps(&[50.0, 80.0, 95.0]));
    }

    #[test]
    fn what_an_end_is() {
        let level: [Level; 1] = ["80".parse().unwrap()];
        // Median 1, from 0.5 to 3.
        let own = [1.0, 0.5, 3.0];
        let intervals = Intervals { levels: &level, own: Some(&own), calibration: None, bounds: None, counts: false };
        let options = DataOptions { lookback: Some(1), ..DataOptions::default() };
        let rows = (0..40).map(|row| Row::new(row, [f64::from(row % 7)]));
        let dataset = options.load_rows("y", &["y"], rows).unwrap();
        let at = Forecasted { place: 0, point: 9.0, series: &dataset.series[0], target: 0, step: 0 };
        assert_eq!((intervals.ends(&at, 0), intervals.median(&at)), ((0.5, 3.0), 1.0));
        let bounds = Some(Bounds { low: Some(0.0), high: Some(2.0) });
        assert_eq!(Intervals { bounds, ..intervals }.ends(&at, 0), (0.5, 1.0), "the bounds are 0 and 1 on the scale");
        let scaler = Scaler::new(0.0, 8.9);
        let four = f64::from((4.0 / 8.9) as f32);
        assert_eq!(Intervals { counts: true, ..intervals }.in_units(four, &scaler), 4.0);
        assert_ne!(intervals.in_units(four, &scaler), 4.0);
        assert!(inside(1.0, f64::NAN, 2.0).is_nan() && inside(2.0, 1.0, 2.0) == 1.0 && inside(2.1, 1.0, 2.0) == 0.0);
    }
}
