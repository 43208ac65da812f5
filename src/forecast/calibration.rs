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
    /// Of the residuals of all series together, for a series that was not trained on.
    pooled: Vec<f64>,
    horizon: usize,
    /// The fewest residuals behind one half-width.
    pub fewest: usize,
}

impl Calibration {
    /// From forecasts `[windows, horizon, targets]`, scaled, of windows that no weight was trained on.
    ///
    /// # Errors
    /// Where a series, target and step has too few residuals for a level; the error names them and the number needed.
    pub fn new(dataset: &Dataset, windows: &[u32], forecasts: &[f32], levels: &[Level]) -> Result<Calibration> {
        let horizon = dataset.horizon;
        let outputs = horizon * dataset.targets();
        let residuals = residuals(dataset, windows, forecasts);
        let mut pooled = vec![Vec::new(); outputs];
        let mut calibration = Calibration {
            levels: levels.to_vec(),
            half: HashMap::new(),
            pooled: Vec::new(),
            horizon,
            fewest: usize::MAX,
        };
        for (series, residuals) in dataset.series.iter().zip(&residuals) {
            let mut half = Vec::with_capacity(outputs * levels.len());
            for (i, residuals) in residuals.iter().enumerate() {
                calibration.fewest = calibration.fewest.min(residuals.len());
                for level in levels {
                    let width = level.half_width(residuals);
                    half.push(width.ok_or_else(|| {
                        let whose =
                            if series.id.is_empty() { String::new() } else { format!(" of series `{}`", series.id) };
                        too_few(*level, residuals.len(), &dataset.target_names()[i / horizon], &whose, i % horizon + 1)
                    })?);
                }
                pooled[i].extend_from_slice(residuals);
            }
            calibration.half.insert(series.id.clone(), half);
        }
        for residuals in &mut pooled {
            residuals.sort_by(f64::total_cmp);
            let half = levels.iter().map(|level| level.half_width(residuals).unwrap_or(f64::NAN));
            calibration.pooled.extend(half);
        }
        Ok(calibration)
    }

    /// From what a run keeps.
    ///
    /// # Errors
    /// A level that it does not keep, or for which it had too few residuals.
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
        let half: HashMap<String, Vec<f64>> = kept.half.iter().map(|(id, half)| (id.clone(), chosen(half))).collect();
        if half.values().flatten().any(|half| half.is_nan()) {
            let needed = levels.iter().map(|level| level.needed()).max().unwrap_or(0);
            let problem = format!("these take {needed} residuals at each step, and the run had {}", kept.about.fewest);
            return Err(Error::config("levels", problem, "lower ‹levels›, or ‹levels none›"));
        }
        let (pooled, about) = (chosen(&kept.pooled), &kept.about);
        Ok(Calibration { levels: levels.to_vec(), half, pooled, horizon: about.horizon, fewest: about.fewest })
    }

    /// Whether a series has residuals of its own; otherwise those of all series are used.
    pub fn knows(&self, series: &str) -> bool {
        self.half.contains_key(series)
    }

    /// The half-width of a level, by index, for a step from 0, on the series' scale.
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
                    own.coverage[level] += f64::from(u8::from((f64::from(*forecast) - truth).abs() <= half));
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

fn too_few(level: Level, found: usize, target: &str, whose: &str, step: usize) -> Error {
    let problem = format!(
        "{level} takes {} residuals at each step, and `{target}`{whose} has {found} at step {step}",
        level.needed()
    );
    Error::config("levels", problem, "lower ‹levels›, ‹levels none›, or a model trained with more validation rows")
}
