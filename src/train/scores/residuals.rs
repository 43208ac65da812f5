//! Absolute residuals of forecasts, of which intervals are made, and the half-widths that a run keeps of them.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors, serialize};
use serde::{Deserialize, Serialize};

use super::conformal::Level;
use crate::data::{Dataset, SplitName};
use crate::error::{Error, Result};
use crate::files;

/// The part whose windows calibrate intervals: the rows held out for them, else the validation rows.
pub fn calibrates(dataset: &Dataset) -> SplitName {
    if dataset.calibration.is_empty() { SplitName::Validation } else { SplitName::Calibration }
}

/// By series, `[targets, horizon]`: residuals in rising order.
pub type Residuals = Vec<Vec<Vec<f64>>>;

/// Residuals of windows' forecasts `[windows, horizon, targets]`, on each series' scale. `residual` takes a value's place there and the
/// observed value.
pub fn residuals(dataset: &Dataset, windows: &[u32], residual: impl Fn(usize, f64) -> f64) -> Residuals {
    let (horizon, targets) = (dataset.horizon, dataset.targets());
    let outputs = horizon * targets;
    let mut residuals = vec![vec![Vec::new(); outputs]; dataset.series.len()];
    for (index, window) in windows.iter().enumerate() {
        let origin = *window as usize + dataset.lookback;
        let series = dataset.series_of(origin);
        for i in 0..outputs {
            let (step, target) = (i / targets, i % targets);
            if let Some(truth) = scaled_truth(dataset, series, origin + step, target) {
                residuals[series][target * horizon + step].push(residual(index * outputs + i, truth));
            }
        }
    }
    residuals.iter_mut().flatten().for_each(|one| one.sort_by(f64::total_cmp));
    residuals
}

/// An observed target on its series' scale.
pub fn scaled_truth(dataset: &Dataset, series: usize, row: usize, target: usize) -> Option<f64> {
    let raw = dataset.raw_targets[row * dataset.targets() + target];
    (!raw.is_nan()).then(|| dataset.series[series].scalers[target].scale(raw))
}

/// Half-widths of [`Level::KEPT`], as a run folder keeps them for when its data has changed.
#[derive(Debug, Clone)]
pub struct KeptIntervals {
    /// What is said of them.
    pub about: AboutIntervals,
    /// By series id, `[targets, horizon, levels]`, on the series' scale; NaN where there are too few residuals.
    pub half: HashMap<String, Vec<f64>>,
    /// The same of the residuals of all series together.
    pub pooled: Vec<f64>,
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
}

/// The tensors' names, and that of the metadata.
const SERIES: &str = "half_width";
const POOLED: &str = "pooled_half_width";
const ABOUT: &str = "microglia";

impl KeptIntervals {
    /// The file's name in a run folder.
    pub const FILE: &'static str = "intervals.safetensors";

    /// The file's content, of forecasts `[windows, horizon, targets]` of the windows that calibrate.
    ///
    /// # Errors
    /// Where it cannot be written as a safetensors file.
    pub fn file(dataset: &Dataset, forecasts: &[f32], weights_sha256: &str) -> Result<Vec<u8>> {
        let part = calibrates(dataset);
        let error = |place: usize, truth: f64| (f64::from(forecasts[place]) - truth).abs();
        let residuals = residuals(dataset, dataset.windows(part), error);
        let outputs = dataset.horizon * dataset.targets();
        let widths = |sorted: &Vec<f64>| Level::KEPT.map(|level| level.half_width(sorted).unwrap_or(f64::NAN));
        let half: Vec<u8> = residuals.iter().flatten().flat_map(widths).flat_map(f64::to_le_bytes).collect();
        let together = |output: usize| {
            let mut all: Vec<f64> = residuals.iter().flat_map(|series| &series[output]).copied().collect();
            all.sort_by(f64::total_cmp);
            all
        };
        let pooled: Vec<u8> =
            (0..outputs).flat_map(|output| widths(&together(output))).flat_map(f64::to_le_bytes).collect();
        let about = AboutIntervals {
            weights_sha256: weights_sha256.into(),
            held_out: part == SplitName::Calibration,
            fewest: residuals.iter().flatten().map(Vec::len).min().unwrap_or(0),
            horizon: dataset.horizon,
            targets: dataset.targets(),
            series: dataset.series.iter().map(|one| one.id.clone()).collect(),
        };
        let failed = |error: &dyn std::fmt::Display| {
            Error::config("out", format!("the intervals cannot be written: {error}"), "please report this")
        };
        let shape = about.shape();
        let tensors = [
            (SERIES, TensorView::new(Dtype::F64, [vec![about.series.len()], shape.to_vec()].concat(), &half)),
            (POOLED, TensorView::new(Dtype::F64, shape.to_vec(), &pooled)),
        ];
        let tensors = tensors.into_iter().map(|(name, tensor)| Ok((name, tensor.map_err(|error| failed(&error))?)));
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
        let half = about.series.iter().cloned().zip(rows.chunks_exact(pooled.len()).map(<[f64]>::to_vec)).collect();
        Some(KeptIntervals { about, half, pooled })
    }
}

impl AboutIntervals {
    /// Of one series' half-widths.
    fn shape(&self) -> [usize; 3] {
        [self.targets, self.horizon, Level::KEPT.len()]
    }
}
