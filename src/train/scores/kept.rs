//! The intervals that a run keeps: half-widths of its residuals, and what they held on the test windows.
//!
//! With them a model forecasts with intervals without its training data, and without another look at it.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors, serialize};
use serde::{Deserialize, Serialize};

use super::calibration::{Calibration, StepCoverage, coverage, non_overlapping};
use super::conformal::Level;
use super::intervals::Intervals;
use super::residuals::{calibrates, residuals};
use crate::data::{Dataset, SplitName};
use crate::error::{Error, Result};
use crate::files;

/// Half-widths of [`Level::KEPT`].
#[derive(Debug, Clone)]
pub struct KeptIntervals {
    /// What is said of them.
    pub about: AboutIntervals,
    /// By series id, `[targets, horizon, levels]`, on the series' scale; NaN where there are too few residuals.
    pub half: HashMap<String, Vec<f64>>,
    /// The same of the residuals of all series together.
    pub pooled: Vec<f64>,
    /// By step of the horizon, what they held on the test windows; none without any.
    pub coverage: Vec<StepCoverage>,
}

/// What kept intervals were made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AboutIntervals {
    /// SHA-256 of the weights whose residuals they are.
    pub weights_sha256: String,
    /// Whether the residuals are those of rows that were held out for them, and not of validation rows.
    pub held_out: bool,
    /// The fewest residuals behind a half-width.
    pub fewest: usize,
    /// Rows of a forecast.
    pub horizon: usize,
    /// Targets.
    pub targets: usize,
    /// Ids in the order of the tensor's rows.
    series: Vec<String>,
    /// `None` in files of before it was kept.
    #[serde(default)]
    pub counts: Option<Counts>,
}

/// How many residuals, windows and values kept intervals are of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// By series, the fewest residuals behind one of its half-widths.
    pub residuals: Vec<usize>,
    /// The fewest of all series together.
    pub pooled: usize,
    /// Of the windows that calibrate.
    pub calibrating: WindowCount,
    /// Of the test windows.
    pub test: WindowCount,
    /// By step of the horizon, the observed values of the test windows.
    values: Vec<usize>,
}

/// Windows of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowCount {
    /// All of them.
    pub windows: usize,
    /// Those that do not overlap.
    pub apart: usize,
}

impl WindowCount {
    /// Of a part of a data set.
    pub fn of(dataset: &Dataset, part: SplitName) -> WindowCount {
        let windows = dataset.windows(part);
        WindowCount { windows: windows.len(), apart: non_overlapping(dataset, windows) }
    }
}

/// The tensors' names, and that of the metadata.
const SERIES: &str = "half_width";
const POOLED: &str = "pooled_half_width";
const COVERAGE: &str = "test_coverage";
const ABOUT: &str = "microglia";

impl KeptIntervals {
    /// The file's name in a run folder.
    pub const FILE: &'static str = "intervals.safetensors";

    /// Of the point forecasts `[windows, horizon, targets]`, scaled, of the windows that calibrate and of the test windows.
    ///
    /// # Errors
    /// Those of [`Calibration::kept`], of which there are none here.
    pub fn of(dataset: &Dataset, calibrating: &[f32], test: &[f32], weights_sha256: &str) -> Result<KeptIntervals> {
        let part = calibrates(dataset);
        let error = |place: usize, truth: f64| (f64::from(calibrating[place]) - truth).abs();
        let residuals = residuals(dataset, dataset.windows(part), error);
        let outputs = dataset.horizon * dataset.targets();
        let widths = |sorted: &Vec<f64>| Level::KEPT.map(|level| level.half_width(sorted).unwrap_or(f64::NAN));
        let together: Vec<Vec<f64>> = (0..outputs)
            .map(|output| {
                let mut all: Vec<f64> = residuals.iter().flat_map(|series| &series[output]).copied().collect();
                all.sort_by(f64::total_cmp);
                all
            })
            .collect();
        let fewest = |lists: &Vec<Vec<f64>>| lists.iter().map(Vec::len).min().unwrap_or(0);
        let by_series: Vec<usize> = residuals.iter().map(fewest).collect();
        let counts = Counts {
            pooled: fewest(&together),
            calibrating: WindowCount::of(dataset, part),
            test: WindowCount::of(dataset, SplitName::Test),
            values: Vec::new(),
            residuals: by_series,
        };
        let about = AboutIntervals {
            weights_sha256: weights_sha256.into(),
            held_out: part == SplitName::Calibration,
            fewest: counts.residuals.iter().copied().min().unwrap_or(0),
            horizon: dataset.horizon,
            targets: dataset.targets(),
            series: dataset.series.iter().map(|one| one.id.clone()).collect(),
            counts: Some(counts),
        };
        let half = residuals.iter().map(|lists| lists.iter().flat_map(widths).collect());
        let half = about.series.iter().cloned().zip(half).collect();
        let pooled = together.iter().flat_map(widths).collect();
        let mut kept = KeptIntervals { about, half, pooled, coverage: Vec::new() };
        let windows = dataset.windows(SplitName::Test);
        if !windows.is_empty() {
            let calibration = Calibration::kept(&kept, &Level::KEPT)?;
            let intervals = Intervals::around(&calibration, dataset.resolved.bounds);
            kept.coverage = coverage(dataset, windows, test, &intervals);
            let values = kept.coverage.iter().map(|step| step.values).collect();
            kept.about.counts.iter_mut().for_each(|counts| counts.values.clone_from(&values));
        }
        Ok(kept)
    }

    /// The file's content.
    ///
    /// # Errors
    /// Where it cannot be written as a safetensors file.
    pub fn file(&self) -> Result<Vec<u8>> {
        let failed = |error: &dyn std::fmt::Display| {
            Error::config("out", format!("the intervals cannot be written: {error}"), "please report this")
        };
        let bytes = |values: &mut dyn Iterator<Item = f64>| values.flat_map(f64::to_le_bytes).collect::<Vec<u8>>();
        let about = &self.about;
        let half = bytes(&mut about.series.iter().flat_map(|id| self.half[id].iter().copied()));
        let pooled = bytes(&mut self.pooled.iter().copied());
        let steps = self.coverage.iter().flat_map(|step| step.coverage.iter().chain(&step.width));
        let coverage = bytes(&mut steps.copied());
        let shape = about.shape();
        let tensors = [
            (SERIES, [&[about.series.len()], &shape[..]].concat(), &half),
            (POOLED, shape.to_vec(), &pooled),
            (COVERAGE, about.coverage_shape(self.coverage.len()).to_vec(), &coverage),
        ];
        let tensors = tensors.into_iter().map(|(name, shape, bytes)| {
            Ok((name, TensorView::new(Dtype::F64, shape, bytes).map_err(|error| failed(&error))?))
        });
        let tensors = tensors.collect::<Result<Vec<_>>>()?;
        let json = serde_json::to_string(&about).map_err(|error| failed(&error))?;
        serialize(tensors, Some([(ABOUT.to_string(), json)].into())).map_err(|error| failed(&error))
    }

    /// Reads those of a run folder; `None` where there are none.
    ///
    /// # Errors
    /// A file that cannot be read, or is none of these.
    pub fn open(folder: &Path) -> Result<Option<KeptIntervals>> {
        let file = folder.join(Self::FILE);
        if !file.exists() {
            return Ok(None);
        }
        let bytes = files::read(&file, "remove the file")?;
        let damaged = || Error::checkpoint(&file, "is damaged", "remove it: ‹train-data› gives intervals without it");
        KeptIntervals::from_bytes(&bytes).ok_or_else(damaged).map(Some)
    }

    /// From a file's bytes, of which nothing is trusted.
    fn from_bytes(bytes: &[u8]) -> Option<KeptIntervals> {
        let (_, metadata) = SafeTensors::read_metadata(bytes).ok()?;
        let about: AboutIntervals = serde_json::from_str(metadata.metadata().as_ref()?.get(ABOUT)?).ok()?;
        let tensors = SafeTensors::deserialize(bytes).ok()?;
        let numbers = |name: &str, shape: &[usize]| -> Option<Vec<f64>> {
            let tensor = tensors.tensor(name).ok()?;
            let fits = tensor.dtype() == Dtype::F64 && tensor.shape() == shape;
            let numbers: Vec<f64> =
                tensor.data().as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
            (fits && numbers.iter().all(|number| number.is_nan() || *number >= 0.0)).then_some(numbers)
        };
        let shape = about.shape();
        let rows = numbers(SERIES, &[&[about.series.len()], &shape[..]].concat())?;
        let pooled = numbers(POOLED, &shape)?;
        if pooled.is_empty() {
            return None;
        }
        let mut coverage = Vec::new();
        if let Some(counts) = &about.counts {
            let steps = counts.values.len();
            if counts.residuals.len() != about.series.len() || ![0, about.horizon].contains(&steps) {
                return None;
            }
            let levels = Level::KEPT.len();
            let all = numbers(COVERAGE, &about.coverage_shape(steps))?;
            let step = |(step, own): (usize, &[f64])| StepCoverage {
                step: step + 1,
                values: counts.values[step],
                coverage: own[..levels].to_vec(),
                width: own[levels..].to_vec(),
            };
            coverage = all.chunks_exact(2 * levels).enumerate().map(step).collect();
        }
        let half = about.series.iter().cloned().zip(rows.chunks_exact(pooled.len()).map(<[f64]>::to_vec)).collect();
        Some(KeptIntervals { about, half, pooled, coverage })
    }

    /// What was found on the test windows of some of the kept levels, by their indices.
    pub fn coverage_of(&self, levels: &[usize]) -> Vec<StepCoverage> {
        let chosen = |all: &[f64]| levels.iter().map(|level| all[*level]).collect();
        let of = |step: &StepCoverage| StepCoverage {
            coverage: chosen(&step.coverage),
            width: chosen(&step.width),
            ..step.clone()
        };
        self.coverage.iter().map(of).collect()
    }

    /// The indices of levels among those that are kept; the first that is not.
    pub fn places(levels: &[Level]) -> std::result::Result<Vec<usize>, Level> {
        levels.iter().map(|level| Level::KEPT.iter().position(|kept| kept == level).ok_or(*level)).collect()
    }
}

impl AboutIntervals {
    /// Ids and the fewest residuals of each series, where they are known.
    pub(super) fn residuals(&self) -> impl Iterator<Item = (&str, usize)> {
        let counts = self.counts.iter().flat_map(|counts| counts.residuals.iter().copied());
        self.series.iter().map(String::as_str).zip(counts)
    }

    /// Of one series' half-widths.
    fn shape(&self) -> [usize; 3] {
        [self.targets, self.horizon, Level::KEPT.len()]
    }

    /// Of the shares and widths of each step.
    fn coverage_shape(&self, steps: usize) -> [usize; 3] {
        [steps, 2, Level::KEPT.len()]
    }
}
