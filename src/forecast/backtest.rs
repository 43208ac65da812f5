//! Rolling-origin backtests: one horizon forecast from each of several origins, the weights kept or trained anew for each.

use super::forecaster::Outputs;
use super::{Combine, Level};
use crate::data::{Closed, DataOptions, Dataset, Series, SplitName};
use crate::engine::MakeEngine;
use crate::error::{Error, Result, Text};
use crate::train::run::mc_passes;
use crate::train::scores::predict::predict;
use crate::train::scores::residuals::calibrates;
use crate::train::{Observer, Plan, Status, TrainOptions, run};

/// The windows of each fold, the earliest first. The last fold forecasts the last rows of each series' part; each other begins
/// `step` rows before the next. A series that is too short for a fold has no part in it.
///
/// # Errors
/// Where a fold would begin before the part of every series; the error says how many folds fit.
pub fn folds(dataset: &Dataset, split: SplitName, count: usize, step: usize) -> Result<Vec<Vec<u32>>> {
    let (windows, horizon) = (dataset.windows(split), dataset.horizon);
    let mut folds = vec![Vec::new(); count];
    // How many folds fit into a series: the first of the most.
    let mut most: Option<(usize, &Series)> = None;
    for series in &dataset.series {
        let own = series.parts.get(split);
        let reach = series.rows.start + dataset.lookback - dataset.padding;
        let fit = (own.end + 1).saturating_sub(own.start.max(reach) + horizon).div_ceil(step);
        if most.is_none_or(|(most, _)| fit > most) {
            most = Some((fit, series));
        }
        for (number, fold) in folds.iter_mut().enumerate().skip(count.saturating_sub(fit)) {
            let start = (own.end - horizon - (count - 1 - number) * step - dataset.lookback) as u32;
            fold.extend(windows.binary_search(&start).ok().map(|_| start));
        }
    }
    if let Some((fit, series)) = most.filter(|(fit, _)| count > *fit) {
        let whose = if series.id.is_empty() { String::new() } else { format!(" of series `{}`", series.id) };
        let problem = format!(
            "{count} folds, each {step} rows before the next, and the {} {split} rows{whose} hold {fit} of a horizon of {horizon}",
            series.parts.get(split).len()
        );
        let needed = Text::option("test-size", &((count - 1) * step + horizon).to_string());
        let help =
            Text::from("fewer ‹folds›, a smaller ‹step›, ‹refit›, which trains on earlier rows, or a training with ")
                .and(needed);
        return Err(Error::config("folds", problem, help));
    }
    if let Some(number) = folds.iter().position(Vec::is_empty) {
        let problem = format!("fold {} has no window: its rows span a gap, or lack values", number + 1);
        return Err(Error::config("folds", problem, "another ‹step›, ‹impute› or ‹gaps›"));
    }
    Ok(folds)
}

/// A model trained on the rows before a fold, and its forecasts, scaled.
pub(super) struct Refitted {
    /// The rows before the fold, and the fold as its test part.
    pub dataset: Dataset,
    /// How the training ended.
    pub status: Status,
    /// Forecasts of the windows that calibrate: those held out from validation, or else validation's.
    pub calibration: Outputs,
    /// Forecasts of the fold's windows, which are the test part.
    pub test: Outputs,
}

/// Trains as a run did, on the rows before the horizon that ends `back` rows before the test rows do. `closed` are days without rows,
/// where no file of them is named.
///
/// # Errors
/// Where too few rows are left, and the errors of training.
pub(super) fn refit(
    (data, closed): (&DataOptions, &Closed),
    options: &TrainOptions,
    back: usize,
    (combine, levels): (Combine, &[Level]),
    open: &mut MakeEngine,
    observer: &mut dyn Observer,
) -> Result<Refitted> {
    let dataset = DataOptions { backtest: Some(back), ..data.clone() }.load_closed(closed)?;
    let plan = Plan::new(&dataset, options)?;
    let mut engine = open(plan.program.clone())?;
    let trained = run(&dataset, &plan, engine.as_mut(), observer)?;
    let sound: Vec<usize> = (0..trained.replicas.len()).filter(|r| trained.replicas[*r].diverged.is_none()).collect();
    let best = |r: &usize| trained.replicas[*r].best.map_or(f64::INFINITY, |best| best.0);
    let best = sound.iter().copied().min_by(|a, b| best(a).total_cmp(&best(b)));
    let mut all = |split| -> Result<Outputs> {
        let windows = dataset.windows(split);
        let (rows, _) = predict(engine.as_mut(), &plan, windows, mc_passes(&plan), &|| false)?;
        let of = |r: usize| Outputs::of(&dataset, &plan, windows, rows[r].clone(), levels);
        let chosen: Vec<Outputs> = match combine {
            Combine::Best => best.into_iter().map(of).collect(),
            _ => sound.iter().copied().map(of).collect(),
        };
        if chosen.is_empty() {
            return Err(Error::Diverged(format!("in the fold {back} rows before the end")));
        }
        Ok(Outputs::combined(&chosen, combine))
    };
    let (calibration, test) = (all(calibrates(&dataset))?, all(SplitName::Test)?);
    Ok(Refitted { calibration, test, status: trained.status, dataset })
}
