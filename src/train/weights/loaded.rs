//! A weights file of our own, read whole: the model, its weights and mask, the data it was trained on, and where its run
//! stands.

use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};

use crate::data::{Bounds, DataOptions, Dataset, Fitted, FittedSeries, Scaler, Writing};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::files;
use crate::memory;
use crate::models::{self, ModelOptions};
use crate::program::builder::Sizes;
use crate::program::tensor::{MASK, PARAMS, STATE};
use crate::program::{ParamLayout, StateLayout};
use crate::train::loss::{Loss, link};
use crate::train::options::{Regularizer, Regularizers};
use crate::train::plan::{self, Plan};
use crate::train::run::observer::EpochRow;
use crate::train::run::state::{Mean, ReplicaRows, RunState};
use crate::train::weights::checkpoint::{PREFIX, save_model, save_sparse};
use crate::train::weights::header::{FORMAT_VERSION, Header};
use crate::train::weights::sparse;
use crate::train::{TrainOptions, weights};

/// `checkpoint.safetensors`, `model.safetensors`, or a file of `checkpoints/`.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What was read.
    pub file: PathBuf,
    /// What the file says of itself.
    pub header: Header,
    /// As trained, with nothing left open.
    pub model: ModelOptions,
    /// Where each weight lies in a row, and each running statistic.
    pub layout: ParamLayout,
    /// Where each running statistic lies in a row.
    pub state: StateLayout,
    /// The kept weights `[P]` and running statistics `[S]`.
    pub params: Vec<f32>,
    /// `[S]`
    pub running: Vec<f32>,
    /// `[P/32]` bits: 1 living, 0 pruned or padding. Where the file holds no mask, weights that are exactly 0 in a prunable
    /// matrix count as pruned.
    pub mask: Vec<u32>,
    /// Of the replica that the weights are of; empty where the file holds a model alone.
    pub history: Vec<EpochRow>,
    bytes: Vec<u8>,
}

/// What can be read.
pub(super) const MODEL: &str = "name a run folder, or a file checkpoint.safetensors or model.safetensors";

impl Loaded {
    /// Reads a file, or that of a run folder: `checkpoint.safetensors`, or its newest checkpoint where the run was killed before
    /// it wrote that one, or went on after it.
    ///
    /// # Errors
    /// Names the file: not there, no safetensors file, another program's, of a format that is not read here, torn, or of
    /// weights that do not fit the model it describes.
    pub fn open(path: &Path) -> Result<Loaded> {
        let file = path.to_path_buf();
        if path.is_dir() {
            return crate::train::weights::checkpoints::of_folder(path);
        }
        let bytes = files::read(&file, MODEL)?;
        Loaded::from_bytes(&file, bytes)
    }

    /// As [`Loaded::open`], from a file's bytes; `file` is what messages call it. Nothing in them is trusted: sizes are held
    /// against the tensors that are there before anything is built of them.
    pub fn from_bytes(file: &Path, bytes: Vec<u8>) -> Result<Loaded> {
        let file = file.to_path_buf();
        let header = header(&file, &bytes)?;
        let wrong = |error: Error| reject(&file, format!("describes a model that is not known here: {error}"), TRAIN);
        let impossible = |problem: String| reject(&file, format!("its metadata makes no sense: {problem}"), DAMAGED);
        let tensors = deserialize(&file, &bytes)?;
        header.check(tensors.len()).map_err(impossible)?;
        let model = header.model.options().map_err(wrong)?;
        let sizes = sizes(&header).map_err(wrong)?;
        let words = models::params(&model, &sizes).map_err(wrong)?.total();
        // Compressed rows stand for more weights than they hold; those are held against the memory, a few copies of them.
        let sparse = tensors.names().iter().any(|name| sparse::whole(name).is_some());
        let fit = if sparse { memory::check(words as u64 * 16).is_ok() } else { words <= bytes.len() / 4 };
        if !fit {
            return Err(impossible(format!("a model of {words} weights, in a file of {} bytes", bytes.len())));
        }
        let program = models::build(&model, &models::Training::scoring(), sizes).map_err(wrong)?;
        let (layout, state) = (program.params, program.state);
        let (params, running) = weights::load_own(&file, &bytes, &layout, &state)?;
        let mask = layout.living(&params);
        let mut loaded =
            Loaded { file, header, model, layout, state, params, running, mask, history: Vec::new(), bytes };
        if loaded.header.run.is_some() {
            let run = loaded.run()?;
            let r = run.best_replica();
            // Weights from before the first step are whole, whatever was pruned since.
            if loaded.header.progress.kept_epoch != Some(0) {
                loaded.mask = run.rows[r].mask.clone();
            }
            loaded.history = run.of_replica(r).history;
        }
        Ok(loaded)
    }

    /// Writes the kept weights alone, by PyTorch's names, as `model.safetensors` is; dense, or as
    /// [`save_sparse`] does.
    pub fn save(&self, path: &Path, sparse: bool) -> Result<()> {
        let header = Header { run: None, ..self.header.clone() };
        let write = if sparse { save_sparse } else { save_model };
        write(path, (&self.layout, &self.state), &self.params, &self.running, &header)
    }

    /// The same model with other widths inside its layers: `weights` fills a row of its layout.
    pub(in crate::train) fn with_model(
        &self,
        model: ModelOptions,
        weights: impl Fn(&ParamLayout) -> Vec<f32>,
    ) -> Result<Loaded> {
        let mut header = Header { run: None, ..self.header.clone() };
        header.model.set_widths(&model);
        let program = models::build(&model, &models::Training::scoring(), sizes(&header)?)?;
        let (layout, state) = (program.params, program.state);
        let params = weights(&layout);
        let mask = layout.living(&params);
        Ok(Loaded { header, model, layout, state, params, mask, ..self.clone() })
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Of the kept weights and running statistics, as a summary reports it.
    pub fn weights_sha256(&self) -> String {
        weights::sha256(&self.layout, &self.params, &self.state, &self.running)
    }

    /// The scaler of a value column (targets, then covariates) of the series with this id.
    pub fn scaler(&self, series: &str, column: usize) -> Option<Scaler> {
        let series = self.header.data.series.iter().find(|one| one.id == series)?;
        series.scalers.get(column).copied()
    }

    /// What the model fixes about data to come. `own` is what its run's configuration says of its data.
    pub fn fitted(&self, own: &DataOptions) -> Fitted {
        let header = &self.header;
        let width = header.data.series.first().map_or(0, |series| series.scalers.len());
        let none = vec![None; header.model.targets];
        let series = header.data.series.iter().map(|series| FittedSeries {
            id: series.id.clone(),
            scalers: series.scalers.clone(),
            mase_denominators: if series.mase_denominators.is_empty() {
                none.clone()
            } else {
                series.mase_denominators.clone()
            },
            calendar: series.calendar.as_ref().and_then(|calendar| calendar.parse().ok()),
        });
        Fitted {
            series: series.collect(),
            left_out: header.data.left_out.clone(),
            scale: own.scale.unwrap_or_default(),
            calendar: header.model.channels[width..].to_vec(),
            levels: header.model.categories.iter().map(|one| one.levels.clone()).collect(),
            usual: header.data.calendar.parse().ok(),
            rows: header.data.series.last().map_or(0, |series| {
                series.borders[2].saturating_sub(header.data.padding.saturating_mul(header.data.series.len()))
            }),
            holidays: header.data.holidays(),
            writing: Writing {
                decimal: own.decimal,
                thousands: header.data.thousands.or(own.thousands),
                time_format: own.time_format.clone(),
                day_first: header.data.day_first,
                flags: header.data.flags.clone(),
            },
        }
    }

    /// The models of all replicas that the file holds, each with its kept weights; this one where it holds no run.
    ///
    /// # Errors
    /// Where the file does not hold what its header promises.
    pub fn replicas(&self) -> Result<Vec<Loaded>> {
        let Some(head) = &self.header.run else { return Ok(vec![self.clone()]) };
        if head.replicas.len() < 2 {
            return Ok(vec![self.clone()]);
        }
        let run = self.run()?;
        let of = |(replica, rows): (&crate::train::Replica, ReplicaRows)| {
            // A file of last weights, as of a run cut short, keeps no epoch.
            let kept = replica.best.filter(|_| self.header.progress.kept_epoch.is_some());
            let best = kept.is_some();
            let (params, running) = if best { (rows.best_params, rows.best_state) } else { (rows.params, rows.state) };
            let mut header = Header { run: None, ..self.header.clone() };
            header.progress.seed = replica.seed;
            header.progress.kept_epoch = kept.map(|(_, epoch)| epoch);
            let mask = if header.progress.kept_epoch == Some(0) { self.layout.living(&params) } else { rows.mask };
            Loaded { header, params, running, mask, history: Vec::new(), ..self.clone() }
        };
        let sound = run.replicas.iter().zip(run.rows).filter(|(replica, _)| replica.diverged.is_none());
        Ok(sound.map(of).collect())
    }

    /// A plan that forecasts with this one model, on a data set of the same columns, look-back and horizon. Its windows are what
    /// [`predict`](crate::train::scores::predict::predict) takes, with the passes of [`mc_passes`](crate::train::run::mc_passes): the forecasts are
    /// then, on the same device, those of the end of training. `batch`: windows at a time; of Monte Carlo dropout that of the
    /// training, by which its draws are counted.
    ///
    /// # Errors
    /// Names the columns, look-back or horizon that differ.
    pub fn plan(&self, dataset: &Dataset, batch: usize) -> Result<Plan> {
        let (model, data) = (&self.header.model, dataset);
        let found = (data.lookback, data.horizon, data.targets(), data.channel_names());
        if found != (model.lookback, model.horizon, model.targets, &model.channels[..]) {
            let problem = format!(
                "reads {} rows of {} and forecasts {} rows of the first {}; the data has {} rows in, {} out, columns {} with \
                 {} targets",
                model.lookback,
                model.channels.join(", "),
                model.horizon,
                model.targets,
                data.lookback,
                data.horizon,
                data.channel_names().join(", "),
                data.targets()
            );
            return Err(reject(&self.file, problem, "give data of the columns that the model was trained on"));
        }
        let bounds = model.bounds()?;
        if data.resolved.bounds != bounds {
            let word = |bounds: Option<Bounds>| bounds.map_or("none".into(), |bounds| bounds.to_string());
            let problem = format!("forecasts within ‹bounds {}›, not {}", word(bounds), word(data.resolved.bounds));
            return Err(reject(&self.file, problem, "leave out ‹bounds›"));
        }
        let (loss, levels) = model.loss()?;
        let mut options = TrainOptions {
            loss,
            levels,
            model: self.model.clone(),
            batch,
            seed: self.header.progress.seed,
            regularizers: Regularizers(Vec::new()),
            ..TrainOptions::default()
        };
        if let Some(mc) = &self.header.mc_dropout {
            options.regularizers.0.push(Regularizer::McDropout);
            (options.dropout, options.mc_passes, options.batch) = (mc.dropout, mc.passes, mc.batch);
        }
        Plan::new(dataset, &options)
    }

    /// Fills an engine that was made for [`Self::plan`]: the data and the kept weights.
    pub fn fill(&self, dataset: &Dataset, engine: &mut dyn Engine) -> Result<()> {
        plan::fill(dataset, Loss::Mse, engine)?;
        engine.write_f32(PARAMS, 0, &self.params)?;
        engine.write_f32(STATE, 0, &self.running)?;
        engine.write_u32(MASK, 0, &self.mask)
    }

    /// Why there is no run to resume.
    pub(in crate::train) fn without_run(&self) -> Error {
        let help = "name a run folder with its checkpoints, or a checkpoint.safetensors";
        reject(&self.file, "holds a model alone, no run to resume".into(), help)
    }

    /// Where the run stands, of all its replicas, with history and rows.
    ///
    /// # Errors
    /// Where the file holds a model alone, or not what its header promises.
    pub fn run(&self) -> Result<RunState> {
        let head = self.header.run.as_ref().ok_or_else(|| self.without_run())?;
        let source = Source { file: &self.file, tensors: deserialize(&self.file, &self.bytes)? };
        let (replicas, epochs) = (head.replicas.len(), head.epochs_told());
        let (words, state) = (self.layout.words, self.state.words);
        let floats = |name: &str, width| source.rows(name, Dtype::F32, &[replicas, width], f32::from_le_bytes);
        let words_of = |name: &str, width| source.rows(name, Dtype::U32, &[replicas, width], u32::from_le_bytes);
        let [mut params, mut best_params, mut moment1, mut moment2] = [
            floats("params", words)?,
            floats("best_params", words)?,
            floats("moment1", words)?,
            floats("moment2", words)?,
        ];
        let [mut states, mut best_states] = [floats("state", state)?, floats("best_state", state)?];
        let mut scores = match source.has("score") {
            true => floats("score", self.layout.prunable_words)?,
            false => vec![Vec::new(); replicas],
        };
        let [mut masks, mut statuses] =
            [words_of("mask", words / 32)?, words_of("status", crate::program::tensor::status::WORDS)?];
        let rows = (0..replicas).map(|r| ReplicaRows {
            params: std::mem::take(&mut params[r]),
            best_params: std::mem::take(&mut best_params[r]),
            moment1: std::mem::take(&mut moment1[r]),
            moment2: std::mem::take(&mut moment2[r]),
            state: std::mem::take(&mut states[r]),
            best_state: std::mem::take(&mut best_states[r]),
            score: std::mem::take(&mut scores[r]),
            mask: std::mem::take(&mut masks[r]),
            status: std::mem::take(&mut statuses[r]),
        });
        let rows = rows.collect();
        let numbers = source.rows("epochs", Dtype::F64, &[epochs, 4], f64::from_le_bytes)?;
        let epoch_numbers: Vec<[f64; 4]> = numbers.into_iter().filter_map(|row| row.try_into().ok()).collect();
        let numbers = source.rows("history", Dtype::F64, &[epochs, replicas, 5], f64::from_le_bytes)?;
        let numbers: Vec<[f64; 5]> =
            numbers.iter().flat_map(|row| row.chunks_exact(5)).filter_map(|row| row.try_into().ok()).collect();
        let losses = source.rows("losses", Dtype::U64, &[replicas, 2], u64::from_le_bytes)?;
        let losses = losses.into_iter().map(|one| Mean::of_words([one[0], one[1]])).collect();
        let history = RunState::history_of(&epoch_numbers, &numbers);
        Ok(RunState { rows, losses, history, ..head.clone() })
    }
}

const DAMAGED: &str = "the file is damaged, or another program's";

pub(crate) const TRAIN: &str = "train the model again with this microglia, or start from its weights with ‹init›";

fn reject(file: &Path, problem: String, help: &str) -> Error {
    Error::checkpoint(file, problem, help)
}

fn deserialize<'a>(file: &Path, bytes: &'a [u8]) -> Result<SafeTensors<'a>> {
    let help = "the file is torn, or another program's; name a run folder, or a file that microglia wrote";
    SafeTensors::deserialize(bytes)
        .map_err(|error| reject(file, format!("not a whole safetensors file: {error}"), help))
}

/// What a file says of itself, of a format that is read here.
fn header(file: &Path, bytes: &[u8]) -> Result<Header> {
    deserialize(file, bytes)?;
    let metadata = SafeTensors::read_metadata(bytes).ok().and_then(|(_, metadata)| metadata.metadata().clone());
    let Some(text) = metadata.and_then(|metadata| metadata.get("microglia").cloned()) else {
        let problem = "says nothing of the model and data that its weights are of: its metadata has no entry `microglia`, \
             which holds the model's kind and sizes, the columns it reads, their scalers and the splits";
        let help = "save the weights with the metadata of the model.safetensors that they come from, or start from them with \
             ‹init›";
        return Err(reject(file, problem.into(), help));
    };
    let broken = |error| reject(file, format!("its metadata cannot be read: {error}"), TRAIN);
    let value: serde_json::Value = serde_json::from_str(&text).map_err(broken)?;
    let version = value["format_version"].as_u64();
    if version != Some(FORMAT_VERSION.into()) {
        let version = version.map_or("none".into(), |version| version.to_string());
        let problem = format!("is of format_version {version}, and this microglia reads {FORMAT_VERSION}");
        return Err(reject(file, problem, TRAIN));
    }
    serde_json::from_value(value).map_err(broken)
}

/// One window of one replica: weights do not depend on more.
fn sizes(header: &Header) -> Result<Sizes> {
    let model = &header.model;
    let (loss, levels) = model.loss()?;
    Ok(Sizes {
        replicas: 1,
        batch: 1,
        slots: 1,
        prediction_slots: 1,
        rows: model.lookback + model.horizon,
        channels: model.channels.len(),
        targets: model.targets,
        future: model.future,
        categories: model.embedded(),
        horizon: model.horizon,
        lookback: model.lookback,
        series: 1,
        objective: loss.objective(&levels),
        link: model.bounds()?.map(link),
    })
}

struct Source<'a> {
    file: &'a Path,
    tensors: SafeTensors<'a>,
}

impl Source<'_> {
    /// Whether there is a tensor of this name.
    fn has(&self, name: &str) -> bool {
        self.tensors.tensor(&format!("{PREFIX}{name}")).is_ok()
    }

    /// The rows along the first dimension of a tensor of this type and shape.
    fn rows<T, const N: usize>(
        &self,
        name: &str,
        dtype: Dtype,
        shape: &[usize],
        read: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<Vec<T>>> {
        let name = format!("{PREFIX}{name}");
        let tensor =
            self.tensors.tensor(&name).map_err(|_| reject(self.file, format!("holds no tensor `{name}`"), DAMAGED))?;
        if (tensor.dtype(), tensor.shape()) != (dtype, shape) {
            let found = format!("{:?} {:?}", tensor.dtype(), tensor.shape());
            return Err(reject(self.file, format!("tensor `{name}` is {found}, not {dtype:?} {shape:?}"), DAMAGED));
        }
        let width: usize = shape[1..].iter().product();
        let values: Vec<T> = tensor.data().chunks_exact(N).filter_map(|word| word.try_into().ok()).map(read).collect();
        let mut values = values.into_iter();
        Ok((0..shape[0]).map(|_| values.by_ref().take(width).collect()).collect())
    }
}
