//! Intervals of a model: half-widths by series, target, horizon step and level, and their coverage of other windows.

use std::collections::HashMap;

use serde::Serialize;

use super::Level;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::train::scores::residuals::{KeptIntervals, residuals, scaled_truth};

/// Half-widths, on the scale of each series' own training rows.
#[derive(Debug, Clone)]
pub struct Calibration {
    /// Rising, as they were asked for.
    pub levels: Vec<Level>,
    /// By series id, `[targets, horizon, levels]`.
    half: HashMap<String, Vec<f64>>,
    /// Of the residuals of all series together, for a series that has too few of its own.
    pooled: Vec<f64>,
    horizon: usize,
    /// The fewest residuals behind one half-width.
    pub fewest: usize,
    /// Series of the data that have too few residuals of their own.
    pub pooled_series: usize,
    /// Levels whose intervals are empty at some step.
    pub lacking: Vec<Lack>,
}

/// A level for which there are too few residuals: its intervals are empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Lack {
    /// The level.
    pub level: Level,
    /// Where, and how many residuals are there.
    pub found: String,
}

impl Calibration {
    /// From forecasts `[windows, horizon, targets]`, scaled, of windows that no weight was trained on. A series with too few residuals
    /// of its own for a level takes those of all series together.
    pub fn new(dataset: &Dataset, windows: &[u32], forecasts: &[f32], levels: &[Level]) -> Calibration {
        let (horizon, outputs) = (dataset.horizon, dataset.horizon * dataset.targets());
        let residuals = residuals(dataset, windows, forecasts);
        let mut together = vec![Vec::new(); outputs];
        for own in &residuals {
            together.iter_mut().zip(own).for_each(|(all, own): (&mut Vec<f64>, _)| all.extend_from_slice(own));
        }
        together.iter_mut().for_each(|residuals| residuals.sort_by(f64::total_cmp));
        let whose = match &dataset.series[..] {
            [one] if !one.id.is_empty() => format!(" of series `{}`", one.id),
            [_] => String::new(),
            _ => " of all series together".into(),
        };
        let found = |output: usize| {
            let target = &dataset.target_names()[output / horizon];
            format!("`{target}`{whose} has {} at step {}", together[output].len(), output % horizon + 1)
        };
        let by_series =
            dataset.series.iter().zip(&residuals).map(|(one, own)| (one.id.clone(), half_widths(own, levels)));
        let mut calibration = Calibration::of(levels, by_series, half_widths(&together, levels), horizon, found);
        let fewest = |residuals: &[Vec<f64>]| residuals.iter().map(Vec::len).min().unwrap_or(0);
        let known = dataset.series.iter().zip(&residuals).filter(|(one, _)| calibration.knows(&one.id));
        calibration.fewest = known.map(|(_, own)| fewest(own)).min().unwrap_or_else(|| fewest(&together));
        calibration
    }

    /// From what a run keeps.
    ///
    /// # Errors
    /// A level that it does not keep.
    pub fn kept(kept: &KeptIntervals, levels: &[Level]) -> Result<Calibration> {
        let index = |level: &Level| {
            Level::KEPT.iter().position(|kept| kept == level).ok_or_else(|| {
                let all: Vec<String> = Level::KEPT.iter().map(Level::to_string).collect();
                let problem = format!("{level} is none of the levels that a run keeps: {}", all.join(", "));
                Error::config("levels", problem, "choose among them, or name the training file with ‹train-data›")
            })
        };
        let indices: Vec<usize> = levels.iter().map(index).collect::<Result<_>>()?;
        let chosen = |half: &Vec<f64>| -> Vec<f64> {
            half.chunks_exact(Level::KEPT.len()).flat_map(|half| indices.iter().map(|index| half[*index])).collect()
        };
        let by_series = kept.half.iter().map(|(id, half)| (id.clone(), chosen(half)));
        let found = |_| format!("the run had {}", kept.about.fewest);
        let calibration = Calibration::of(levels, by_series, chosen(&kept.pooled), kept.about.horizon, found);
        Ok(Calibration { fewest: kept.about.fewest, ..calibration })
    }

    /// From half-widths `[targets, horizon, levels]` of each series and of all together; NaN where there are too few residuals.
    fn of(
        levels: &[Level],
        by_series: impl Iterator<Item = (String, Vec<f64>)>,
        pooled: Vec<f64>,
        horizon: usize,
        found: impl Fn(usize) -> String,
    ) -> Calibration {
        // No step of one series has more residuals than all series together.
        let whole = |own: &[f64]| own.iter().zip(&pooled).all(|(own, all)| !own.is_nan() || all.is_nan());
        let (own, few): (HashMap<_, _>, HashMap<_, _>) = by_series.partition(|(_, half)| whole(half));
        let lacks = |(place, level): (usize, &Level)| {
            let output = pooled.chunks_exact(levels.len()).position(|half| half[place].is_nan())?;
            Some(Lack { level: *level, found: found(output) })
        };
        let lacking = levels.iter().enumerate().filter_map(lacks).collect();
        Calibration {
            levels: levels.to_vec(),
            half: own,
            pooled,
            horizon,
            fewest: 0,
            pooled_series: few.len(),
            lacking,
        }
    }

    /// Whether a series has residuals of its own; otherwise those of all series are used.
    pub fn knows(&self, series: &str) -> bool {
        self.half.contains_key(series)
    }

    /// The half-width of a level, by index, for a step from 0, on the series' scale; NaN if there are too few residuals.
    pub fn half_width(&self, series: &str, target: usize, step: usize, level: usize) -> f64 {
        let half = self.half.get(series).unwrap_or(&self.pooled);
        half[(target * self.horizon + step) * self.levels.len() + level]
    }

    /// By step, the coverage of intervals around forecasts `[windows, horizon, targets]`.
    pub fn coverage(&self, dataset: &Dataset, windows: &[u32], forecasts: &[f32]) -> Vec<StepCoverage> {
        let (horizon, targets) = (dataset.horizon, dataset.targets());
        let levels = self.levels.len();
        let mut steps: Vec<StepCoverage> = (0..horizon)
            .map(|step| StepCoverage {
                step: step + 1,
                values: 0,
                coverage: vec![0.0; levels],
                width: vec![0.0; levels],
            })
            .collect();
        for (window, forecast) in windows.iter().zip(forecasts.chunks_exact(horizon * targets)) {
            let origin = *window as usize + dataset.lookback;
            let series = dataset.series_of(origin);
            for (i, forecast) in forecast.iter().enumerate() {
                let (step, target) = (i / targets, i % targets);
                let Some(truth) = scaled_truth(dataset, series, origin + step, target) else { continue };
                let own = &mut steps[step];
                own.values += 1;
                let unit = if targets == 1 { dataset.series[series].scalers[target].std } else { 1.0 };
                for level in 0..levels {
                    let half = self.half_width(&dataset.series[series].id, target, step, level);
                    own.coverage[level] += inside(f64::from(*forecast) - truth, half);
                    own.width[level] += 2.0 * half * unit;
                }
            }
        }
        for step in &mut steps {
            let count = step.values as f64;
            step.coverage.iter_mut().chain(&mut step.width).for_each(|sum| *sum /= count);
        }
        steps
    }
}

/// Half-widths `[targets, horizon, levels]` of sorted residuals `[targets, horizon]`; NaN where there are too few.
fn half_widths(residuals: &[Vec<f64>], levels: &[Level]) -> Vec<f64> {
    let of = |own: &Vec<f64>| levels.iter().map(|level| level.half_width(own).unwrap_or(f64::NAN)).collect::<Vec<_>>();
    residuals.iter().flat_map(of).collect()
}

/// 1 if a residual lies within a half-width, else 0; NaN without one.
pub(super) fn inside(residual: f64, half: f64) -> f64 {
    if half.is_nan() { f64::NAN } else { f64::from(u8::from(residual.abs() <= half)) }
}

/// The coverage of intervals at one step of the horizon.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepCoverage {
    /// From 1.
    pub step: usize,
    /// Values observed.
    pub values: usize,
    /// By level: the share of values inside.
    pub coverage: Vec<f64>,
    /// By level: mean width, in the data's units; of several targets, whose units differ, scaled.
    pub width: Vec<f64>,
}

/// How many of these windows, series by series, do not share a target row with the one before that is counted.
pub fn non_overlapping(dataset: &Dataset, windows: &[u32]) -> usize {
    apart(first_targets(dataset, windows).collect(), dataset.horizon)
}

/// The first row that each window forecasts: its series, and the row of that series in the file.
pub fn first_targets<'a>(dataset: &'a Dataset, windows: &'a [u32]) -> impl Iterator<Item = (usize, usize)> + 'a {
    windows.iter().map(|window| {
        let row = *window as usize + dataset.lookback;
        let index = dataset.series_of(row);
        let series = &dataset.series[index];
        (index, series.trimmed + row - series.rows.start)
    })
}

/// How many windows share no target row, where they forecast `horizon` rows from these, in any order.
pub fn apart(mut firsts: Vec<(usize, usize)>, horizon: usize) -> usize {
    firsts.sort_unstable();
    let mut free: Option<(usize, usize)> = None;
    let mut count = 0;
    for (series, row) in firsts {
        if free.is_none_or(|(of, free)| of != series || row >= free) {
            count += 1;
            free = Some((series, row + horizon));
        }
    }
    count
}

impl Lack {
    /// What is lacking.
    pub fn words(&self) -> String {
        format!("{} takes {} residuals at each step, and {}", self.level, self.level.needed(), self.found)
    }

    /// For levels that were asked for.
    pub(super) fn error(&self) -> Error {
        let help = "lower ‹levels›, ‹levels none›, or a model trained with more validation rows";
        Error::config("levels", self.words(), help)
    }
}
