//! Forecasts as long tables, in the convention of Nixtla's libraries: `unique_id, ds, LSTM, LSTM-lo-95, …`.

use std::collections::HashMap;

use serde::Serialize;

use super::{Intervals, Level, Predicted};
use crate::data::{Dataset, Encoding, TimeForm, TimeKind, Timestamp};
use crate::error::{Error, Result};
use crate::models::ModelKind;
pub use crate::tables::CsvWriter;
use crate::train::scores::intervals::Forecasted;

/// What the columns are called.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Names {
    /// Of the column that names series.
    pub id: String,
    /// Of the column of times.
    pub time: String,
    /// Of the forecasts.
    pub model: String,
}

impl Names {
    /// Id and time as the data calls them; `unique_id` where it has no id column.
    ///
    /// # Errors
    /// Where two columns would have one name; a model's name with characters that the data's encoding does not have.
    pub fn new(dataset: &Dataset, model: &str, levels: &[Level], taken: &[&str]) -> Result<Names> {
        let id = dataset.id_column.clone().unwrap_or_else(|| "unique_id".into());
        let names = Names { id, time: dataset.time_column.clone(), model: model.into() };
        let columns = [&names.id, &names.time].into_iter().cloned().chain(names.forecasts(levels));
        let mut all: Vec<String> = columns.chain(taken.iter().map(|name| name.to_string())).collect();
        all.sort();
        match all.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => {
                let problem = format!("`{model}` would give two columns the name `{}`", pair[0]);
                Err(Error::config("alias", problem, "choose another"))
            }
            None if model.trim().is_empty() => Err(Error::config("alias", "is empty", "choose a name")),
            None => dataset.encoding.encoded(model.into()).map(|_| names),
        }
    }

    /// The forecasts and their intervals, from the widest's lower end to its upper.
    pub fn forecasts(&self, levels: &[Level]) -> Vec<String> {
        let low = levels.iter().rev().map(|level| format!("{}-lo-{level}", self.model));
        let high = levels.iter().map(|level| format!("{}-hi-{level}", self.model));
        [self.model.clone()].into_iter().chain(low).chain(high).collect()
    }
}

/// The default name of a model's forecasts, as Nixtla writes it: `LSTM`.
pub fn model_name(kind: ModelKind) -> &'static str {
    match kind {
        ModelKind::Lstm => "LSTM",
        ModelKind::Gru => "GRU",
        ModelKind::Rnn => "RNN",
        ModelKind::Patchtst => "PatchTST",
        ModelKind::Nlinear => "NLinear",
        ModelKind::Dlinear => "DLinear",
        ModelKind::Ridge => "Ridge",
    }
}

/// The name of a target of a series: the series' id, the target's name, or both where there are several of both.
pub fn unique_id(dataset: &Dataset, series: usize, target: usize) -> String {
    let (id, name) = (&dataset.series[series].id, &dataset.target_names()[target]);
    match (id.is_empty(), dataset.targets()) {
        (true, _) => name.clone(),
        (false, 1) => id.clone(),
        (false, _) => format!("{id}/{name}"),
    }
}

/// Forecasts of rows to come.
#[derive(Debug, Clone, Serialize)]
pub struct Outlook {
    /// What the columns are called.
    pub names: Names,
    /// How times are written.
    #[serde(skip)]
    pub form: TimeForm,
    /// How the characters of the data are written, and those of the table.
    #[serde(skip)]
    pub encoding: Encoding,
    /// Of the intervals, rising.
    #[serde(serialize_with = "percents")]
    pub levels: Vec<Level>,
    /// By series, then target.
    pub series: Vec<OutlookSeries>,
}

/// Of one target of one series, in the data's units.
#[derive(Debug, Clone, Serialize)]
pub struct OutlookSeries {
    /// The series' id, its target, or both: see [`unique_id`].
    pub unique_id: String,
    /// The last row that was seen.
    pub cutoff: String,
    /// The times of the rows to come.
    pub ds: Vec<String>,
    /// By row, in the data's units.
    pub forecast: Vec<f64>,
    /// `[level][row]`: lower ends of the intervals, in the data's units.
    pub low: Vec<Vec<f64>>,
    /// `[level][row]`: upper ends of the intervals, in the data's units.
    pub high: Vec<Vec<f64>>,
    /// Standard deviation, least and greatest of the forecasts that were combined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread: Option<[Vec<f64>; 3]>,
    /// The target's index.
    #[serde(skip)]
    pub target: usize,
    /// The index of its cutoff among those that were forecast.
    #[serde(skip)]
    pub place: usize,
    /// The times to come.
    #[serde(skip)]
    pub times: Vec<Timestamp>,
}

fn percents<S: serde::Serializer>(levels: &[Level], to: S) -> std::result::Result<S::Ok, S::Error> {
    to.collect_seq(levels.iter().map(|level| level.percent()))
}

/// Names of the columns that say how far combined forecasts lay apart.
const SPREAD: [&str; 3] = ["std", "min", "max"];

impl Outlook {
    /// `ahead` holds a series per cutoff; `predicted` is `[cutoffs, rows, targets]`.
    pub fn new(
        ahead: &Dataset,
        predicted: &Predicted,
        rows: usize,
        names: Names,
        intervals: Option<&Intervals>,
    ) -> Result<Outlook> {
        let targets = ahead.targets();
        let levels = intervals.map_or(Vec::new(), |intervals| intervals.levels.to_vec());
        let to_come = |window| &ahead.seen_and_to_come(window).1[..rows];
        let times: Vec<_> = (0..ahead.series.len()).flat_map(to_come).copied().collect();
        let form = ahead.time_form.of_times(&times);
        let mut all = Vec::new();
        for (index, series) in ahead.series.iter().enumerate() {
            let (seen, _) = ahead.seen_and_to_come(index);
            let last = seen[seen.len() - 1];
            let ds: Vec<String> = to_come(index).iter().map(|time| form.text(*time)).collect();
            for target in 0..targets {
                let at = |values: &[f32], step: usize| f64::from(values[(index * rows + step) * targets + target]);
                let one = |step: usize| predicted.values[(index * rows + step) * targets + target];
                let unit = |scaled: f64| ahead.unscale(index, target, scaled);
                let ends = |level: usize, step: usize| {
                    let place = (index * rows + step) * targets + target;
                    let at = Forecasted { place, point: one(step), series, target, step };
                    intervals.map_or((f64::NAN, f64::NAN), |own| own.ends(&at, level))
                };
                let edge = |end: fn((f64, f64)) -> f64| {
                    let in_units =
                        |end: f64| intervals.map_or(f64::NAN, |own| own.in_units(end, &series.scalers[target]));
                    let of = |level: usize| (0..rows).map(|step| in_units(end(ends(level, step)))).collect();
                    (0..levels.len()).map(of).collect()
                };
                let spread = predicted.spread.as_ref().map(|spread| {
                    let units = |values: &[f32]| (0..rows).map(|step| unit(at(values, step))).collect();
                    // Of transformed targets, how far the deviation reaches from the forecast.
                    let middle = |step: usize| at(&predicted.values, step);
                    let deviation =
                        |step| series.scalers[target].error(middle(step) + at(&spread.std, step), middle(step));
                    let deviations = (0..rows).map(deviation).collect();
                    [deviations, units(&spread.min), units(&spread.max)]
                });
                all.push(OutlookSeries {
                    unique_id: unique_id(ahead, index, target),
                    cutoff: form.text(last),
                    ds: ds.clone(),
                    forecast: (0..rows).map(|step| series.scalers[target].unscale_forecast(one(step))).collect(),
                    low: edge(|ends| ends.0),
                    high: edge(|ends| ends.1),
                    spread,
                    target,
                    place: index,
                    times: to_come(index).to_vec(),
                });
            }
        }
        Ok(Outlook { names, form, encoding: ahead.encoding, levels, series: all })
    }

    /// The columns of [`OutlookSeries::spread`].
    pub fn spread_names(&self) -> [String; 3] {
        SPREAD.map(|what| format!("{}-spread-{what}", self.names.model))
    }

    /// A row for each series, target and time, its characters written as the data's.
    ///
    /// # Errors
    /// [`Error::Io`] where the table cannot be written.
    pub fn csv(&self) -> Result<Vec<u8>> {
        let mut head = vec![self.names.id.clone(), self.names.time.clone()];
        head.extend(self.names.forecasts(&self.levels));
        if self.series.iter().any(|series| series.spread.is_some()) {
            head.extend(self.spread_names());
        }
        let mut table = CsvWriter::new(&head)?;
        for series in &self.series {
            for (row, ds) in series.ds.iter().enumerate() {
                let mut values = vec![series.forecast[row]];
                values.extend(series.low.iter().rev().chain(&series.high).map(|edge| edge[row]));
                values.extend(series.spread.iter().flatten().map(|spread| spread[row]));
                table.row(&[&series.unique_id, ds], &values)?;
            }
        }
        self.encoding.encoded(table.finish()?)
    }
}

/// The forecasts of every window beside the observed values: `unique_id, ds, cutoff, y, LSTM, …`, and columns for baselines.
#[must_use]
pub struct Predictions<'a> {
    /// What the columns are called.
    pub names: Names,
    /// Of the intervals, rising.
    pub levels: Vec<Level>,
    /// Names of baselines.
    pub others: Vec<&'a str>,
    /// How times are written.
    pub form: TimeForm,
    encoding: Encoding,
    /// Series and targets that rows name by index: see [`unique_id`].
    pub ids: Vec<String>,
    /// Their indices.
    places: HashMap<String, usize>,
    /// Series by series.
    pub rows: Vec<PredictedRow>,
    /// By row: the observed value, the forecast, the lower ends of the intervals from the widest on, the upper ends, the baselines.
    numbers: Vec<f64>,
}

/// Which value is forecast, and from when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PredictedRow {
    /// Index of the series and target.
    pub id: usize,
    /// The time of the value.
    pub ds: Timestamp,
    /// The last time that the forecast sees.
    pub cutoff: Timestamp,
}

impl<'a> Predictions<'a> {
    /// `others`: names of baselines.
    pub fn new(names: Names, levels: &[Level], others: &[&'a str]) -> Predictions<'a> {
        let (levels, others, form) = (levels.to_vec(), others.to_vec(), TimeForm::pandas(TimeKind::RowNumbers, &[]));
        let (encoding, ids, places, rows, numbers) = Default::default();
        Predictions { names, levels, others, form, encoding, ids, places, rows, numbers }
    }

    /// The names of the numbers' columns.
    pub fn columns(&self) -> Vec<String> {
        let own = ["y".into()].into_iter().chain(self.names.forecasts(&self.levels));
        own.chain(self.others.iter().map(|name| name.to_string())).collect()
    }

    /// The numbers of a column.
    pub fn column(&self, index: usize) -> impl Iterator<Item = f64> {
        self.numbers.iter().skip(index).step_by(self.columns().len()).copied()
    }

    /// Appends windows, series by series; a value that was not observed has no row. The model's forecasts come first.
    pub fn add(&mut self, dataset: &Dataset, windows: &[u32], forecasts: &[&[f32]], intervals: Option<&Intervals>) {
        let (horizon, targets) = (dataset.horizon, dataset.targets());
        (self.encoding, self.form) = (dataset.encoding, dataset.time_form.clone());
        for (place, window) in windows.iter().enumerate() {
            let origin = *window as usize + dataset.lookback;
            let index = dataset.series_of(origin);
            let series = &dataset.series[index];
            let time = |row: usize| series.timestamps[row - series.rows.start];
            let cutoff = time(origin - 1);
            for target in 0..targets {
                let id = self.id(unique_id(dataset, index, target));
                for step in 0..horizon {
                    let truth = dataset.raw_targets[(origin + step) * targets + target];
                    if truth.is_nan() {
                        continue;
                    }
                    let scaler = &series.scalers[target];
                    let scaled = |values: &[f32]| values[(place * horizon + step) * targets + target];
                    let own = scaled(forecasts[0]);
                    self.numbers.extend([truth, scaler.unscale_forecast(own)]);
                    if let Some(intervals) = intervals {
                        let (levels, place) = (self.levels.len(), (place * horizon + step) * targets + target);
                        let at = Forecasted { place, point: own, series, target, step };
                        let ends = |level| intervals.ends(&at, level);
                        let edges = (0..levels).rev().map(|level| ends(level).0);
                        let edges = edges.chain((0..levels).map(|level| ends(level).1));
                        self.numbers.extend(edges.map(|edge| intervals.in_units(edge, scaler)));
                    }
                    let others = forecasts[1..].iter().map(|values| scaler.unscale_forecast(scaled(values)));
                    self.numbers.extend(others);
                    self.rows.push(PredictedRow { id, ds: time(origin + step), cutoff });
                }
            }
        }
    }

    /// The index of a name.
    fn id(&mut self, name: String) -> usize {
        let ids = &mut self.ids;
        *self.places.entry(name).or_insert_with_key(|name| {
            ids.push(name.clone());
            ids.len() - 1
        })
    }

    /// The file's bytes, in the encoding of the data.
    ///
    /// # Errors
    /// [`Error::Io`] where the table cannot be written.
    pub fn csv(&self) -> Result<Vec<u8>> {
        let columns = self.columns();
        let mut head = vec![self.names.id.clone(), self.names.time.clone(), "cutoff".into()];
        head.extend_from_slice(&columns);
        let mut table = CsvWriter::new(&head)?;
        for (row, numbers) in self.rows.iter().zip(self.numbers.chunks_exact(columns.len())) {
            let [ds, cutoff] = [row.ds, row.cutoff].map(|time| self.form.text(time));
            table.row(&[&self.ids[row.id], &ds, &cutoff], numbers)?;
        }
        self.encoding.encoded(table.finish()?)
    }
}
