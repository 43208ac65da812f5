//! Intervals of a model: half-widths by series, target, horizon step and level, and their coverage of other windows.

use std::collections::HashMap;

use serde::Serialize;

use super::Level;
use super::intervals::{Forecasted, Intervals, inside};
use super::kept::KeptIntervals;
use super::residuals::{Residuals, residuals, scaled_truth};
use crate::data::Dataset;
use crate::error::{Error, Result};

/// Half-widths, on the scale of each series' own training rows; of a model's own intervals, how far both ends move outwards.
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
    /// of its own for a level takes those of all series together. A model's own intervals, `ends`, are moved outwards, or inwards, by
    /// conformalized quantile regression (Romano, Patterson and Candès 2019): a residual is the distance of a value beyond the nearer
    /// end, which is below 0 inside.
    pub fn new(
        dataset: &Dataset,
        windows: &[u32],
        forecasts: &[f32],
        ends: Option<&[f32]>,
        levels: &[Level],
    ) -> Calibration {
        let horizon = dataset.horizon;
        // One list for all levels, or one for each.
        let lists: Vec<Residuals> = match ends {
            None => vec![residuals(dataset, windows, |place, truth| (f64::from(forecasts[place]) - truth).abs())],
            Some(ends) => {
                let width = 1 + 2 * levels.len();
                let beyond = |level: usize| {
                    move |place: usize, truth: f64| {
                        let [low, high] = [1, 2].map(|end| f64::from(ends[place * width + 2 * level + end]));
                        (low - truth).max(truth - high)
                    }
                };
                (0..levels.len()).map(|level| residuals(dataset, windows, beyond(level))).collect()
            }
        };
        let pooled: Vec<Vec<Vec<f64>>> = lists.iter().map(pooled).collect();
        let together = pooled.first().map_or(&[][..], Vec::as_slice);
        let residuals = lists.first().map_or(&[][..], Vec::as_slice);
        let whose = match &dataset.series[..] {
            [one] if !one.id.is_empty() => format!(" of series `{}`", one.id),
            [_] => String::new(),
            _ => " of all series together".into(),
        };
        let found = |output: usize| {
            let target = &dataset.target_names()[output / horizon];
            format!("`{target}`{whose} has {} at step {}", together[output].len(), output % horizon + 1)
        };
        let of_series = |series: usize| lists.iter().map(|list| &list[series][..]).collect::<Vec<_>>();
        let by_series = dataset.series.iter().enumerate();
        let by_series = by_series.map(|(series, one)| (one.id.clone(), half_widths(&of_series(series), levels)));
        let of_all = half_widths(&pooled.iter().map(Vec::as_slice).collect::<Vec<_>>(), levels);
        let mut calibration = Calibration::of(levels, by_series, of_all, horizon, found);
        let fewest = |residuals: &[Vec<f64>]| residuals.iter().map(Vec::len).min().unwrap_or(0);
        let known = dataset.series.iter().zip(residuals).filter(|(one, _)| calibration.knows(&one.id));
        calibration.fewest = known.map(|(_, own)| fewest(own)).min().unwrap_or_else(|| fewest(together));
        calibration
    }

    /// From what a run keeps.
    ///
    /// # Errors
    /// A level that it does not keep.
    pub fn kept(kept: &KeptIntervals, levels: &[Level]) -> Result<Calibration> {
        let indices = KeptIntervals::places(levels).map_err(|level| {
            let all: Vec<String> = Level::KEPT.iter().map(Level::to_string).collect();
            let problem = format!("{level} is none of the levels that a run keeps: {}", all.join(", "));
            Error::config("levels", problem, "choose among them, or name the training file with ‹train-data›")
        })?;
        let chosen = |half: &Vec<f64>| -> Vec<f64> {
            half.chunks_exact(Level::KEPT.len()).flat_map(|half| indices.iter().map(|index| half[*index])).collect()
        };
        let by_series = kept.half.iter().map(|(id, half)| (id.clone(), chosen(half)));
        let found = |_| format!("the run had {}", kept.about.fewest);
        let calibration = Calibration::of(levels, by_series, chosen(&kept.pooled), kept.about.horizon, found);
        let known = kept.about.residuals().filter(|(id, _)| calibration.knows(id)).map(|(_, fewest)| fewest).min();
        let pooled = kept.about.counts.as_ref().map_or(kept.about.fewest, |counts| counts.pooled);
        Ok(Calibration { fewest: known.unwrap_or(pooled), ..calibration })
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
}

/// By step of the horizon, the coverage of the intervals of forecasts `[windows, horizon, targets]`, scaled.
pub fn coverage(dataset: &Dataset, windows: &[u32], forecasts: &[f32], intervals: &Intervals) -> Vec<StepCoverage> {
    let (horizon, targets) = (dataset.horizon, dataset.targets());
    let levels = intervals.levels.len();
    let none = |step| StepCoverage { step: step + 1, values: 0, coverage: vec![0.0; levels], width: vec![0.0; levels] };
    let mut steps: Vec<StepCoverage> = (0..horizon).map(none).collect();
    for (index, window) in windows.iter().enumerate() {
        let origin = *window as usize + dataset.lookback;
        let series = dataset.series_of(origin);
        for i in 0..horizon * targets {
            let (step, target, place) = (i / targets, i % targets, index * horizon * targets + i);
            let Some(truth) = scaled_truth(dataset, series, origin + step, target) else { continue };
            let own = &mut steps[step];
            own.values += 1;
            let at = Forecasted { place, point: forecasts[place], series: &dataset.series[series], target, step };
            for level in 0..levels {
                let (low, high) = intervals.ends(&at, level);
                own.coverage[level] += inside(truth, low, high);
                own.width[level] += if targets == 1 { at.scaler().error(high, low) } else { high - low };
            }
        }
    }
    for step in &mut steps {
        let count = step.values as f64;
        step.coverage.iter_mut().chain(&mut step.width).for_each(|sum| *sum /= count);
    }
    steps
}

/// Of all series together, in rising order.
fn pooled(list: &Residuals) -> Vec<Vec<f64>> {
    let mut together = vec![Vec::new(); list.first().map_or(0, Vec::len)];
    for own in list {
        together.iter_mut().zip(own).for_each(|(all, own): (&mut Vec<f64>, _)| all.extend_from_slice(own));
    }
    together.iter_mut().for_each(|residuals| residuals.sort_by(f64::total_cmp));
    together
}

/// Half-widths `[targets, horizon, levels]` of sorted residuals `[targets, horizon]`, of all levels or of each; NaN where there are
/// too few.
fn half_widths(lists: &[&[Vec<f64>]], levels: &[Level]) -> Vec<f64> {
    let outputs = lists.first().map_or(0, |list| list.len());
    let of = |output: usize| {
        let list = move |level: usize| &lists[level.min(lists.len() - 1)][output];
        levels.iter().enumerate().map(move |(place, level)| level.half_width(list(place)).unwrap_or(f64::NAN))
    };
    (0..outputs).flat_map(of).collect()
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
    pub fn error(&self) -> Error {
        let help = "lower ‹levels›, ‹levels none›, or a model trained with more validation rows";
        Error::config("levels", self.words(), help)
    }
}
