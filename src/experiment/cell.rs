//! One cell: all its methods and seeds as replicas of one run, each scored by three selections of its weights.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer, Serialize};

use super::fan::{Fan, Stretch};
use super::grid::GridCell;
use super::method::Setting;
use super::narrower::Narrower;
use super::row::{ResultRow, Scores};
use super::score::{Model, score_run};
use super::size::{Size, Sizing};
use super::study::Study;
use crate::data::{DataOptions, Dataset, Origin, Series};
use crate::engine::MakeEngine;
use crate::error::{Error, Result, Text};
use crate::models::ModelKind;
use crate::program::Program;
use crate::train::options::{Regularizer, TrainOptions};
use crate::train::plan::{Keep, Plan};
use crate::train::scores::baselines;
use crate::train::{Member, Observer, Status, run};

/// A cell whose replicas need more bytes than this trains in several runs, one after another.
pub const MEMORY_BYTES: u64 = 4 << 30;

/// What a cell leaves besides its rows, for the report.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Extras {
    /// The cell that it is about.
    pub cell: GridCell,
    /// See [`Study::protocol`].
    pub protocol: String,
    /// The targets' names, with commas between.
    pub unit: String,
    /// Training, validation and test windows.
    pub windows: [usize; 3],
    /// First epoch of the `common` selection.
    pub common_from: usize,
    /// What loading the data had to say.
    pub notices: Vec<Text>,
    /// Test MAE of [`BASELINES`]; `None` where nothing was scored.
    pub baselines: [Option<f64>; 3],
    /// By setting, in the study's order.
    pub curves: Vec<Curve>,
    /// Forecasts of the last test rows.
    pub fan: Fan,
}

/// Means over the seeds of a setting, epoch by epoch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Curve {
    /// The method's name.
    pub method: String,
    /// Its settings other than the study's; empty for the plain one.
    pub setting: String,
    /// Of scaled values, over the models that did not diverge.
    #[serde(deserialize_with = "numbers")]
    pub train_loss: Vec<f64>,
    /// As `train_loss`.
    #[serde(deserialize_with = "numbers")]
    pub validation_loss: Vec<f64>,
    /// Share of the prunable weights that is pruned.
    pub sparsity: Vec<f64>,
}

/// JSON has null where a value is not a number.
fn numbers<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
    let values: Vec<Option<f64>> = Vec::deserialize(from)?;
    Ok(values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

/// What is printed beside every model, in order.
pub const BASELINES: [&str; 3] = ["repeat last", "seasonal naive", "ridge"];

/// The results of a cell.
pub struct CellResult {
    /// By setting, then seed.
    pub rows: Vec<ResultRow>,
    /// What the report needs besides.
    pub extras: Extras,
    /// Test forecasts by row under `own`, `[windows, outputs]`, scaled.
    pub forecasts: Vec<Vec<f32>>,
    /// What was trained on.
    pub dataset: Dataset,
}

/// A cell's data: windows of its look-back, on the target rows that the study's longest look-back also scores.
pub fn dataset(study: &Study, cell: &GridCell) -> Result<Dataset> {
    let options = study.data.get(&cell.data).cloned().unwrap_or_default();
    let load = |lookback: usize| {
        let asked = DataOptions {
            lookback: Some(lookback),
            horizon: Some(study.horizon()),
            train_rows: (cell.train_rows > 0).then_some(cell.train_rows),
            origin: (study.origins > 1).then_some(Origin { number: cell.origin, of: study.origins }),
            authors_protocol: study.authors_protocol.then_some(true),
            ..options.clone()
        };
        asked.load()
    };
    let mut dataset = load(cell.lookback)?;
    let longest = study.lookbacks.iter().copied().max().unwrap_or(cell.lookback);
    if longest > cell.lookback {
        // Every target row that a longer window can forecast, a shorter one can.
        let other = load(longest)?;
        dataset.validation = common(&dataset, &other, &other.validation);
        dataset.test = common(&dataset, &other, &other.test);
    }
    for (key, windows) in [("data.val-size", &dataset.validation), ("data.test-size", &dataset.test)] {
        if windows.is_empty() {
            let help = "a study chooses epochs on validation rows and compares on test rows: give it both";
            return Err(Error::config(key, "leaves no rows", help));
        }
    }
    Ok(dataset)
}

/// The windows of `own` that forecast the rows which these windows of `other` do, the same data with another look-back. With a
/// shorter one, `other` may forecast rows that no window of `own` does.
pub(crate) fn common(own: &Dataset, other: &Dataset, windows: &[u32]) -> Vec<u32> {
    let by_id: HashMap<&str, &Series> = own.series.iter().map(|series| (series.id.as_str(), series)).collect();
    let shifted = |window: &u32| {
        let origin = *window as usize + other.lookback;
        let there = &other.series[other.series_of(origin)];
        let here = by_id.get(there.id.as_str())?;
        // The row of the series in the data, of which either may have trimmed some.
        let row = (there.trimmed + origin - there.rows.start).checked_sub(here.trimmed)?;
        (here.rows.start + row).checked_sub(own.lookback).map(|window| window as u32)
    };
    windows.iter().filter_map(shifted).collect()
}

/// The trainings of some settings, each once, and which of them every (setting, seed) is scored on.
pub struct Trainings {
    /// The replicas to train, without repeats.
    pub members: Vec<Member>,
    /// By setting, then seed.
    pub of: Vec<Vec<usize>>,
}

impl Trainings {
    /// `dropping`: methods that prune also use dropout, as in the published code's PatchTST.
    pub fn new(settings: &[&Setting], seeds: &[u32], dropping: bool) -> Self {
        let mut members: Vec<Member> = Vec::new();
        let mut place = |member: Member| {
            members.iter().position(|one| *one == member).unwrap_or_else(|| {
                members.push(member);
                members.len() - 1
            })
        };
        let of =
            settings.iter().map(|one| seeds.iter().map(|seed| place(member(one, *seed, dropping))).collect()).collect();
        Trainings { members, of }
    }
}

/// The training of a setting and seed.
fn member(setting: &Setting, seed: u32, dropping: bool) -> Member {
    let mut member = setting.member(seed);
    if dropping && member.regularizers.prunes() && !member.regularizers.drops() {
        member.regularizers.0.push(Regularizer::Dropout);
        member.dropout = setting.dropout;
    }
    member
}

/// A cell's runs, before any is made: the model itself, once for all settings whose replicas can train side by side, and the narrower ones
/// that methods ask for.
pub struct Runs<'a> {
    /// What all replicas share.
    pub options: TrainOptions,
    /// The settings that this run trains.
    pub settings: Vec<&'a Setting>,
    /// Its replicas.
    pub trainings: Trainings,
}

/// The runs of a cell, the model itself first, and lines about them.
pub fn runs<'a>(
    study: &Study,
    cell: &GridCell,
    settings: &'a [Setting],
    dataset: &Dataset,
) -> Result<(Vec<Runs<'a>>, Vec<Text>)> {
    let model = study.model(cell.model.parse()?, cell.width, &cell.arm)?;
    let (narrow, wide): (Vec<&Setting>, Vec<&Setting>) = settings.iter().partition(|one| one.narrower);
    let plain = study.options();
    let mut lines = Vec::new();
    let mut all = Vec::new();
    let mut push = |options: TrainOptions, settings: Vec<&'a Setting>| {
        let dropping = study.authors_protocol && options.model.kind == ModelKind::Patchtst;
        let trainings = Trainings::new(&settings, &study.seeds, dropping);
        all.push(Runs { options, settings, trainings });
    };
    let base = TrainOptions { model: model.clone(), ..plain.clone() };
    let mut alike: Vec<(TrainOptions, Vec<&Setting>)> = Vec::new();
    for setting in wide {
        let options = setting.options(&base);
        match alike.iter_mut().find(|(other, _)| *other == options) {
            Some((_, settings)) => settings.push(setting),
            None => alike.push((options, vec![setting])),
        }
    }
    alike.into_iter().for_each(|(options, settings)| push(options, settings));
    let place = format!("{}, look-back {}, width {}", model.kind, cell.lookback, cell.width);
    let mut narrower: Vec<(Narrower, Vec<&Setting>)> = Vec::new();
    for setting in narrow {
        let max = setting.pruning.sparsity.max;
        let one = Narrower::of(&model, dataset, max).ok_or_else(|| {
            let problem = format!("width {} leaves no narrower model at sparsity {max}", cell.width);
            Error::config("methods", problem, "leave out `narrower`, or choose a larger ‹hidden›")
        })?;
        let line = Text::from(one.line(&place, max));
        if !lines.contains(&line) {
            lines.push(line);
        }
        match narrower.iter_mut().find(|(other, _)| other.model == one.model) {
            Some((_, settings)) => settings.push(setting),
            None => narrower.push((one, vec![setting])),
        }
    }
    for (one, settings) in narrower {
        push(TrainOptions { model: one.model, ..plain.clone() }, settings);
    }
    Ok((all, lines))
}

/// Bytes of one replica of a program, and those that all share.
pub fn bytes(program: &Program) -> (u64, u64) {
    let (own, shared) = program.row_words();
    (4 * own, 4 * shared)
}

/// How many replicas train in one run.
pub fn per_run(dataset: &Dataset, one: &Runs) -> Result<usize> {
    let plan = Plan::of(dataset, &one.options, one.trainings.members.clone())?;
    let (each, shared) = bytes(&plan.program);
    let all = one.trainings.members.len();
    Ok(((MEMORY_BYTES.saturating_sub(shared) / each.max(1)) as usize).clamp(1, all.max(1)))
}

/// The first epoch whose weights compete under [`Selection::Common`](super::row::Selection::Common): where the last of the pruned nets is at its full
/// sparsity.
pub fn common_from(plans: &[Plan]) -> usize {
    let full = |plan: &Plan| {
        let epochs = plan.length.epochs;
        plan.members.iter().filter_map(|one| one.prune.as_ref()?.full_epoch(epochs)).max()
    };
    let epochs = plans.first().map_or(1, |plan| plan.length.epochs);
    plans.iter().filter_map(full).max().unwrap_or((epochs * 3 / 4).max(1))
}

/// Trains and scores a cell; `None` if it was interrupted.
pub fn run_cell(
    study: &Study,
    cell: &GridCell,
    open: &mut MakeEngine,
    observer: &mut dyn Observer,
) -> Result<Option<CellResult>> {
    let dataset = dataset(study, cell)?;
    let settings = study.settings()?;
    let (runs, mut notices) = runs(study, cell, &settings, &dataset)?;
    notices.extend(dataset.notices.clone());
    let mut scored: Vec<Option<Vec<Model>>> = settings.iter().map(|_| None).collect();
    let wide = runs.iter().filter(|one| one.settings.iter().any(|setting| !setting.narrower));
    let wide = wide.map(|one| Plan::of(&dataset, &one.options, one.trainings.members.clone()));
    let wide: Vec<Plan> = wide.collect::<Result<_>>()?;
    for line in wide.iter().flat_map(|plan| &plan.notices) {
        if !notices.contains(line) {
            notices.push(line.clone());
        }
    }
    // Narrower nets alone have no pruned ones to wait for.
    let from = if wide.is_empty() { 1 } else { common_from(&wide) };
    for one in &runs {
        let count = per_run(&dataset, one)?;
        let mut models = Vec::new();
        for members in one.trainings.members.chunks(count) {
            let keep = Keep::Three { common_from: from };
            let plan = Plan { keep, ..Plan::of(&dataset, &one.options, members.to_vec())? };
            let mut engine = open(plan.program.clone())?;
            let trained = run(&dataset, &plan, engine.as_mut(), observer)?;
            if trained.status == Status::Interrupted {
                return Ok(None);
            }
            let monte_carlo: Vec<bool> = members.iter().map(|member| one.monte_carlo(member, &study.seeds)).collect();
            let stop = || observer.interrupted();
            let Some(scored) = score_run(study, &dataset, &plan, engine.as_mut(), &trained, &monte_carlo, &stop)?
            else {
                return Ok(None);
            };
            models.extend(scored);
        }
        for (setting, of) in one.settings.iter().zip(&one.trainings.of) {
            let place = settings.iter().position(|other| other == *setting).unwrap_or(0);
            scored[place] = Some(of.iter().map(|&training| models[training].clone()).collect());
        }
    }
    let models: Vec<Vec<Model>> = scored.into_iter().flatten().collect();
    let mut sizing = Sizing::default();
    let mut size = |one: &Model| sizing.of(&one.compact, &dataset, &study.options(), open);
    let sizes: Vec<Vec<Size>> = models.iter().map(|of| of.iter().map(&mut size).collect()).collect::<Result<_>>()?;
    Ok(Some(collect(study, cell, dataset, &settings, (models, sizes), from, notices)?))
}

impl Runs<'_> {
    /// Whether a training is scored by passes with dropout on, too.
    fn monte_carlo(&self, member: &Member, seeds: &[u32]) -> bool {
        self.settings.iter().any(|one| one.monte_carlo() && seeds.iter().any(|seed| one.member(*seed) == *member))
    }
}

/// Rows and extras.
fn collect(
    study: &Study,
    cell: &GridCell,
    dataset: Dataset,
    settings: &[Setting],
    (models, sizes): (Vec<Vec<Model>>, Vec<Vec<Size>>),
    common_from: usize,
    notices: Vec<Text>,
) -> Result<CellResult> {
    let hash = study.hash();
    let (mut rows, mut forecasts, mut curves) = (Vec::new(), Vec::new(), Vec::new());
    let stretch = Stretch::last_test_rows(&dataset);
    let mut fan = stretch.fan(&dataset);
    for ((setting, models), sizes) in settings.iter().zip(&models).zip(&sizes) {
        let kind = usize::from(setting.monte_carlo());
        for ((&seed, model), &size) in study.seeds.iter().zip(models).zip(sizes) {
            let diverged = model.diverged.as_ref();
            rows.push(ResultRow {
                cell: cell.clone(),
                study_hash: hash.clone(),
                data_fingerprint: dataset.fingerprint.clone(),
                horizon: study.horizon(),
                method: setting.name.clone(),
                setting: setting.text.clone(),
                seed,
                best_epochs: model.epochs,
                stop_epoch: model.stop_epoch,
                sparsity_wanted: model.sparsity.wanted,
                sparsity: model.sparsity.overall,
                living_weights: model.sparsity.living_weights,
                size: Some(size),
                scores: if diverged.is_some() { [[Scores::NONE; 2]; 3] } else { model.scores[kind] },
                protocol: study.protocol().into(),
                seconds: model.seconds,
                device: model.device.clone(),
                weights_sha256: model.sha256.clone(),
                diverged: diverged.cloned(),
            });
            if diverged.is_none() {
                fan.add(&setting.to_string(), stretch.values(&dataset, &model.forecasts[kind]));
            }
            forecasts.push(model.forecasts[kind].clone());
        }
        curves.push(curve(setting, models));
    }
    let scores = baselines::baselines(&dataset);
    let mae = |metrics| Some(Scores::of(metrics).mae()).filter(|mae| mae.is_finite());
    let extras = Extras {
        cell: cell.clone(),
        protocol: study.protocol().into(),
        unit: dataset.target_names().join(", "),
        windows: [dataset.train.len(), dataset.validation.len(), dataset.test.len()],
        common_from,
        notices,
        baselines: [&scores.repeat_last, &scores.seasonal_naive, &scores.ridge].map(mae),
        curves,
        fan,
    };
    Ok(CellResult { rows, extras, forecasts, dataset })
}

fn curve(setting: &Setting, models: &[Model]) -> Curve {
    let sound: Vec<&Model> = models.iter().filter(|model| model.diverged.is_none()).collect();
    let epochs = sound.iter().map(|model| model.history.len()).max().unwrap_or(0);
    let mean = |which: usize| {
        let at = |epoch: usize| sound.iter().filter_map(move |model| Some(model.history.get(epoch)?[which]));
        (0..epochs).map(|epoch| at(epoch).sum::<f64>() / at(epoch).count() as f64).collect()
    };
    Curve {
        method: setting.name.clone(),
        setting: setting.text.clone(),
        train_loss: mean(0),
        validation_loss: mean(1),
        sparsity: mean(2),
    }
}
