//! The tables of `microglia evaluate`, and of what intervals held.

use microglia::forecast::{IntervalScores, Level, Run, Score, StepCoverage, TrainedModel};
use serde_json::{Value, json};

use super::table::{NONE, TextTable, column, percent};

/// Rows of a table by step or series, at most.
const MOST: usize = 24;

/// Adds which files a model was read from: `checkpoint`, or of several runs `ensemble` and `runs`, with their weights if they differ.
pub(super) fn runs_json(model: &TrainedModel, to: &mut Value) {
    if let [one] = &model.runs[..] {
        to["checkpoint"] = json!(one.model().file);
        return;
    }
    let shares = model.shares();
    let run = |(place, run): (usize, &Run)| {
        let mut own = json!({
            "checkpoint": run.model().file,
            "model": run.model().model.kind.to_string(),
            "replicas": run.forecaster.members.len(),
        });
        if let Some(share) = shares.get(place) {
            own["weight"] = json!(share.weight);
            own["validation_error"] = json!(share.validation_error);
        }
        own
    };
    to["ensemble"] = json!(model.combine.to_string());
    to["runs"] = model.runs.iter().enumerate().map(run).collect();
}

/// Scores by name.
pub(super) fn score_table(title: &str, rows: &[(String, &Score)], levels: &[Level]) -> String {
    let mut head: Vec<String> =
        [title, "MAE", "RMSE", "MSE", "MAPE", "sMAPE", "MASE", "scaled MSE", "scaled MAE"].map(String::from).to_vec();
    head.extend(["CRPS", "WQL", "scaled CRPS", "log-likelihood"].map(String::from));
    for level in levels {
        head.extend([format!("in {level} %"), "width".into()]);
    }
    let mut table = TextTable::of(head);
    let number = |value: fn(&Score) -> Option<f64>| column(&rows.iter().map(|row| value(row.1)).collect::<Vec<_>>());
    let share = |value: fn(&Score) -> Option<f64>| -> Vec<String> {
        rows.iter().map(|row| value(row.1).map_or(NONE.into(), percent)).collect()
    };
    let mut columns = vec![
        number(|score| score.mae),
        number(|score| score.rmse),
        number(|score| score.mse),
        share(|score| score.mape),
        share(|score| Some(score.smape)),
        number(|score| score.mase),
        number(|score| Some(score.scaled_mse)),
        number(|score| Some(score.scaled_mae)),
        number(|score| score.intervals.as_ref()?.crps),
        number(|score| score.intervals.as_ref()?.wql),
        // The others have it, of one target.
        number(|score| score.intervals.as_ref().filter(|own| own.crps.is_none()).map(|own| own.scaled_crps)),
        number(|score| score.log_likelihood),
    ];
    for level in 0..levels.len() {
        let of = |row: &(String, &Score), list: fn(&IntervalScores) -> &[f64]| {
            row.1.intervals.as_ref().and_then(|own| list(own).get(level).copied()).filter(|value| !value.is_nan())
        };
        columns.push(rows.iter().map(|row| of(row, |own| &own.coverage).map_or(NONE.into(), percent)).collect());
        columns.push(column(&rows.iter().map(|row| of(row, |own| &own.width)).collect::<Vec<_>>()));
    }
    for (i, (name, _)) in rows.iter().enumerate() {
        table.row([name.clone()].into_iter().chain(columns.iter().map(|cells| cells[i].clone())).collect());
    }
    table.without_empty_columns().to_string()
}

/// Coverage and mean width by step.
pub(super) fn coverage_table(levels: &[Level], steps: &[StepCoverage], unit: &str) -> String {
    let mut head = vec!["step, test rows".to_string(), "values".into()];
    for level in levels {
        head.extend([format!("in {level} %"), format!("width, {unit}")]);
    }
    let mut table = TextTable::of(head);
    let shown = thinned(steps.len());
    let widths: Vec<Vec<String>> = (0..levels.len())
        .map(|level| column(&shown.iter().map(|i| Some(steps[*i].width[level])).collect::<Vec<_>>()))
        .collect();
    for (row, i) in shown.iter().enumerate() {
        let step = &steps[*i];
        let mut cells = vec![step.step.to_string(), microglia::data::grouped(step.values)];
        for (coverage, widths) in step.coverage.iter().zip(&widths) {
            cells.extend([percent(*coverage), widths[row].clone()]);
        }
        table.row(cells);
    }
    table.without_empty_columns().to_string()
}

/// All of so many rows, or the first, the last and some evenly between.
pub(super) fn thinned(rows: usize) -> Vec<usize> {
    if rows <= MOST {
        return (0..rows).collect();
    }
    let mut shown: Vec<usize> = (0..MOST).map(|i| i * (rows - 1) / (MOST - 1)).collect();
    shown.dedup();
    shown
}
