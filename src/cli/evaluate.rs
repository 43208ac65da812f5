//! `microglia evaluate`.

use anyhow::{Result, bail};
use microglia::data::{Dataset, Freq, SplitName, TimeFormat, counted};
use microglia::forecast::backtest::{Refitted, calibrates, folds, refit};
use microglia::forecast::table::{Names, Predictions, Table as Csv, unique_id};
use microglia::forecast::{Calibration, Level, Score, Scores, apart, first_targets};
use microglia::train::Status;
use microglia::train::scores::baselines::{Ridge, repeat_last, seasonal_naive};
use serde_json::json;

use super::evaluate_text::{score_table, thinned};
use super::forecast_args::EvaluateArgs;
use super::outputs::json;
use super::progress::Reporter;
use super::stop::Stop;
use super::trained::{Trained, check_unused, note, write};
use super::{Code, print, say};

/// Names in the tables, and columns of the predictions.
const BASELINES: [(&str, &str); 3] =
    [("repeat last", "RepeatLast"), ("seasonal naive", "SeasonalNaive"), ("ridge", "Ridge")];

/// Everything that was scored.
struct Evaluated {
    scores: Scores,
    predictions: Option<Predictions<'static>>,
    /// What each fold's first forecast saw last; one for all windows where there are no folds.
    cutoffs: Vec<String>,
    /// The first rows that windows forecast, over all folds.
    firsts: Vec<(usize, usize)>,
    horizon: usize,
    /// By series and target.
    ids: Vec<Vec<String>>,
}

/// The windows of one fold, forecast.
struct Fold<'a> {
    dataset: &'a Dataset,
    windows: &'a [u32],
    /// The model's, then the baselines'.
    forecasts: Vec<&'a [f32]>,
    calibration: Option<&'a Calibration>,
}

pub fn run(args: &EvaluateArgs) -> Result<Code> {
    let files: Vec<_> = [("predictions", &args.predictions), ("table", &args.table)]
        .into_iter()
        .filter_map(|(option, file)| Some((option, file.as_deref()?)))
        .collect();
    check_unused(&files, args.model.overwrite)?;
    let trained = Trained::open(&args.model)?;
    trained.refuse_read(&files, args.model.data.as_deref())?;
    let evaluated = match args.refit {
        true => match refitted(args, &trained)? {
            Ok(evaluated) => evaluated,
            Err(code) => return Ok(code),
        },
        false => as_trained(args, &trained)?,
    };
    tell(args, &trained, evaluated)
}

/// The weights as they are: on a part of the training data, or on another file.
fn as_trained(args: &EvaluateArgs, trained: &Trained) -> Result<Evaluated> {
    let other = args.model.data.is_some();
    let training = trained.training_data("--levels none, with --data, does without it, and without the ridge");
    let read = args.model.data.as_ref().map(|_| trained.data(&args.model)).transpose()?;
    let foreign = read.filter(|dataset| !trained.is_own(dataset));
    if foreign.is_some() && args.part.is_some() {
        bail!(
            "--part: parts are those of the training data, and --data names another file\n  help: leave one of them out"
        );
    }
    let training = match training {
        Ok(training) => Some(training),
        Err(error) if foreign.is_none() || !trained.levels.is_empty() => return Err(error),
        Err(_) => {
            say("the training data is not there as it was: no ridge");
            None
        }
    };
    let split = match args.part.as_deref() {
        Some("train") => SplitName::Train,
        Some("validation") => SplitName::Validation,
        Some("calibration") => SplitName::Calibration,
        _ => SplitName::Test,
    };
    let (dataset, own) = match (&foreign, &training) {
        (Some(foreign), _) => (foreign, false),
        (None, Some(training)) => (training, true),
        (None, None) => unreachable!("the training data is there, or another file is read"),
    };
    if dataset.windows(split).is_empty() {
        match split {
            SplitName::Calibration => {
                bail!("--part calibration: the run kept no rows for it\n  help: train --calibration 0.5")
            }
            _ => bail!(
                "{}: no window of {} rows in and {} out\n  help: give a longer file",
                dataset.resolved.source,
                dataset.lookback,
                dataset.horizon
            ),
        }
    }
    if own && matches!(split, SplitName::Train) {
        say("the model was trained on these rows: the scores are no forecast's");
    }
    if own && other {
        say("--data is the training data: its test part is scored (--part)");
    }

    let calibrated = match &training {
        Some(training) if !trained.levels.is_empty() => Some(trained.calibrate(training)?),
        _ => None,
    };
    calibrated.iter().for_each(|calibrated| say(&calibrated.note));
    if own && !trained.levels.is_empty() && split == training.as_ref().map_or(SplitName::Test, calibrates) {
        say("the intervals were calibrated on these very rows: their coverage says nothing");
    }
    let mut open = |program| trained.engine(program);
    let model = trained.forecaster.predict(dataset, split, &mut open)?.values;
    let ridge = training.as_ref().map(|training| Ridge::fit(training).forecast(dataset, split));
    let others = [Some(repeat_last(dataset, split)), Some(seasonal_naive(dataset, split)), ridge];
    let all: Vec<&[f32]> = [&model].into_iter().chain(others.iter().flatten()).map(Vec::as_slice).collect();

    let calibration = calibrated.as_ref().map(|calibrated| &calibrated.calibration);
    let mut evaluated = Evaluated::new(args, trained, dataset, all.len() - 1)?;
    let windows = dataset.windows(split);
    let Some(count) = args.folds else {
        evaluated.add(Fold { dataset, windows, forecasts: all, calibration }, trained.freq)?;
        return Ok(evaluated);
    };
    let outputs = dataset.horizon * dataset.targets();
    for fold in folds(dataset, split, count, args.step.unwrap_or(dataset.horizon))? {
        let places: Vec<usize> = fold.iter().filter_map(|window| windows.binary_search(window).ok()).collect();
        let pick = |values: &&[f32]| -> Vec<f32> {
            places.iter().flat_map(|place| &values[place * outputs..(place + 1) * outputs]).copied().collect()
        };
        let own: Vec<Vec<f32>> = all.iter().map(pick).collect();
        let forecasts = own.iter().map(Vec::as_slice).collect();
        evaluated.add(Fold { dataset, windows: &fold, forecasts, calibration }, trained.freq)?;
    }
    Ok(evaluated)
}

/// Weights trained anew for each fold.
fn refitted(args: &EvaluateArgs, trained: &Trained) -> Result<std::result::Result<Evaluated, Code>> {
    let training = trained.training_data("--refit trains on it")?;
    let (count, step) = (args.folds.unwrap_or(1), args.step.unwrap_or(training.horizon));
    let stop = Stop::watch()?;
    let mut evaluated = Evaluated::new(args, trained, &training, BASELINES.len())?;
    for number in 0..count {
        let back = (count - 1 - number) * step;
        say(&format!(
            "fold {} of {count}: training on the rows before the last {}",
            number + 1,
            back + training.horizon
        ));
        let mut reporter = Reporter::new(trained.config.train.epochs, stop);
        let mut open = |program| trained.engine(program);
        let done = refit(
            &trained.config.data,
            &trained.config.train,
            back,
            trained.forecaster.combine,
            &mut open,
            &mut reporter,
        );
        reporter.finish();
        let Refitted { dataset, status, calibration, test } = done?;
        if status == Status::Interrupted {
            return Ok(Err(stop.code()));
        }
        let part = calibrates(&dataset);
        let calibration = match trained.levels.is_empty() {
            true => None,
            false => Some(Calibration::new(&dataset, dataset.windows(part), &calibration, &trained.levels)?),
        };
        calibration.iter().for_each(|calibration| say(&note(&dataset, part, calibration)));
        let split = SplitName::Test;
        let others = [
            repeat_last(&dataset, split),
            seasonal_naive(&dataset, split),
            Ridge::fit(&dataset).forecast(&dataset, split),
        ];
        let forecasts = [&test].into_iter().chain(&others).map(Vec::as_slice).collect();
        let windows = dataset.windows(split);
        evaluated
            .add(Fold { dataset: &dataset, windows, forecasts, calibration: calibration.as_ref() }, trained.freq)?;
    }
    Ok(Ok(evaluated))
}

impl Evaluated {
    fn new(args: &EvaluateArgs, trained: &Trained, dataset: &Dataset, others: usize) -> Result<Evaluated> {
        let columns: Vec<&'static str> = BASELINES[..others].iter().map(|names| names.1).collect();
        let predictions = match args.predictions {
            Some(_) => {
                let taken: Vec<&str> = ["cutoff", "y"].into_iter().chain(columns.iter().copied()).collect();
                let names = Names::new(dataset, &trained.alias, &trained.levels, &taken)?;
                Some(Predictions::new(names, &trained.levels, &columns)?)
            }
            None => None,
        };
        let models = BASELINES[..others].iter().map(|names| names.0.to_string());
        let models: Vec<String> = [trained.alias.clone()].into_iter().chain(models).collect();
        let id = |series| (0..dataset.targets()).map(|target| unique_id(dataset, series, target)).collect();
        let ids = (0..dataset.series.len()).map(id).collect();
        Ok(Evaluated {
            scores: Scores::new(&models),
            predictions,
            cutoffs: Vec::new(),
            firsts: Vec::new(),
            horizon: dataset.horizon,
            ids,
        })
    }

    fn add(&mut self, fold: Fold, freq: Option<Freq>) -> Result<()> {
        let Fold { dataset, windows, forecasts, calibration } = fold;
        let number = self.cutoffs.len();
        let format = TimeFormat::of(dataset, freq.unwrap_or_else(|| Freq::infer(dataset)));
        let first = windows.first().map(|window| *window as usize + dataset.lookback - 1);
        self.cutoffs.push(first.map_or_else(String::new, |row| {
            let series = &dataset.series[dataset.series_of(row)];
            format.text(series.timestamps[row - series.rows.start])
        }));
        self.firsts.extend(first_targets(dataset, windows));
        for (model, values) in forecasts.iter().enumerate() {
            self.scores.add(number, dataset, windows, model, values, calibration.filter(|_| model == 0));
        }
        match &mut self.predictions {
            Some(predictions) => Ok(predictions.add(dataset, windows, &forecasts, calibration, format)?),
            None => Ok(()),
        }
    }
}

/// The tables on stdout, and the files.
fn tell(args: &EvaluateArgs, trained: &Trained, evaluated: Evaluated) -> Result<Code> {
    let Evaluated { scores, predictions, cutoffs, firsts, horizon, ids } = evaluated;
    let (windows, apart) = (firsts.len(), apart(firsts, horizon));
    let mut written = Vec::new();
    if let (Some(file), Some(predictions)) = (&args.predictions, predictions) {
        write(file, &predictions.finish()?)?;
        written.push(file.display().to_string());
    }
    if let Some(file) = &args.table {
        write(file, &full_table(&scores, &cutoffs, &ids, &trained.levels)?)?;
        written.push(file.display().to_string());
    }
    let total = scores.total();
    let [by_fold, by_series, by_step] = [
        scores.by(|place| (place.fold, 0)),
        scores.by(|place| (place.series, place.target)),
        scores.by(|place| (place.step, 0)),
    ];
    if args.model.json {
        let groups = |groups: &[((usize, usize), Vec<Score>)], name: &dyn Fn((usize, usize)) -> serde_json::Value| {
            let one = |(key, scores): &((usize, usize), Vec<Score>)| json!({ "of": name(*key), "scores": scores });
            groups.iter().map(one).collect::<Vec<_>>()
        };
        let levels: Vec<f64> = trained.levels.iter().map(|level| level.percent()).collect();
        print(&json(&json!({
            "checkpoint": trained.forecaster.model().file,
            "windows": windows,
            "non_overlapping_windows": apart,
            "levels": levels,
            "total": total,
            "by_fold": if args.folds.is_some() { groups(&by_fold, &|(fold, _)| json!(cutoffs[fold])) } else { Vec::new() },
            "by_series": groups(&by_series, &|(series, target)| json!(ids[series][target])),
            "by_step": groups(&by_step, &|(step, _)| json!(step + 1)),
        }))?)?;
        written.iter().for_each(|line| say(line));
        return Ok(Code::Done);
    }

    let levels = &trained.levels;
    let rows: Vec<(String, &Score)> = total.iter().map(|score| (score.model.clone(), score)).collect();
    let mut text = match windows {
        1 => "1 window\n\n".to_string(),
        _ => format!("{}, {apart} of which do not overlap\n\n", counted(windows, "window")),
    };
    text += &score_table("all", &rows, levels);
    let zeros = total.first().map_or(0, |score| score.zeros);
    if zeros > 0 {
        text += &format!("MAPE leaves out {} that are 0\n", counted(zeros, "value"));
    }
    let models = |groups: &[((usize, usize), Vec<Score>)], name: &dyn Fn((usize, usize)) -> String, model: usize| {
        let shown = thinned(groups.len());
        let rows: Vec<(String, Score)> =
            shown.iter().map(|i| (name(groups[*i].0), groups[*i].1[model].clone())).collect();
        rows
    };
    let section = |title: &str, rows: Vec<(String, Score)>| {
        let rows: Vec<(String, &Score)> = rows.iter().map(|(name, score)| (name.clone(), score)).collect();
        format!("\n{}", score_table(title, &rows, levels))
    };
    if args.folds.is_some() {
        text += &section(&format!("{}, after", trained.alias), models(&by_fold, &|(fold, _)| cutoffs[fold].clone(), 0));
    }
    if by_series.len() > 1 {
        text += &section(&trained.alias, models(&by_series, &|(series, target)| ids[series][target].clone(), 0));
    }
    text += &section(&format!("{}, by step", trained.alias), models(&by_step, &|(step, _)| (step + 1).to_string(), 0));
    if by_series.len() > thinned(by_series.len()).len() || by_step.len() > thinned(by_step.len()).len() {
        text += "(some rows left out; --table and --json have all)\n";
    }
    if !written.is_empty() {
        text += &format!("\n{}\n", written.join("\n"));
    }
    print(&text)?;
    Ok(Code::Done)
}

/// Every fold, series, target and step, by forecaster.
fn full_table(scores: &Scores, cutoffs: &[String], ids: &[Vec<String>], levels: &[Level]) -> Result<Vec<u8>> {
    let mut head: Vec<String> = [
        "fold",
        "cutoff",
        "unique_id",
        "step",
        "model",
        "values",
        "mae",
        "rmse",
        "mse",
        "mape",
        "smape",
        "mase",
        "scaled_mae",
        "scaled_mse",
    ]
    .map(String::from)
    .to_vec();
    head.extend(levels.iter().flat_map(|level| [format!("coverage-{level}"), format!("width-{level}")]));
    let mut table = Csv::new(&head)?;
    for (place, models) in scores.by(|place| place) {
        for score in models {
            let none = f64::NAN;
            let mut numbers = vec![
                score.values as f64,
                score.mae.unwrap_or(none),
                score.rmse.unwrap_or(none),
                score.mse.unwrap_or(none),
                score.mape.unwrap_or(none),
                score.smape,
                score.mase.unwrap_or(none),
                score.scaled_mae,
                score.scaled_mse,
            ];
            let pair =
                |level: usize| [score.coverage.get(level), score.width.get(level)].map(|v| v.copied().unwrap_or(none));
            numbers.extend((0..levels.len()).flat_map(pair));
            let id = &ids[place.series][place.target];
            let (fold, step) = ((place.fold + 1).to_string(), (place.step + 1).to_string());
            table.row(&[&fold, &cutoffs[place.fold], id, &step, &score.model], &numbers)?;
        }
    }
    Ok(table.finish()?)
}
