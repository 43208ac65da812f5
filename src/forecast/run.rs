//! One trained run: its weights, how they read data, and the data that they were trained on.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::table::model_name;
use super::{Combine, Forecaster, Level, Reading};
use crate::config::Config;
use crate::data::{Content, Cutoff, DataOptions, Dataset, Own, Scaler, Series, Source, Trained};
use crate::error::{Error, Place, Result, Text};
use crate::files::Input;
use crate::runs;
use crate::train::Loaded;
use crate::train::loss::Loss;
use crate::train::weights::header::DataHeader;

/// Data that is named in place of the run's own.
pub(super) struct Named {
    content: Content<'static>,
    /// What of it is the training data; `None` if it is other data.
    own: Option<Own>,
}

impl Named {
    /// Whether it is the training data, and nothing more.
    pub(super) fn is_own(&self) -> bool {
        self.own.as_ref().is_some_and(|own| self.content.is_all(own))
    }

    /// Whether it is the training data and rows after it.
    pub(super) fn continues(&self) -> bool {
        self.own.is_some() && !self.is_own()
    }
}

/// A trained run.
#[derive(Debug)]
pub struct Run {
    /// Where it was named.
    pub path: PathBuf,
    /// The weights.
    pub forecaster: Forecaster,
    /// How it was configured.
    pub config: Config,
}

impl Run {
    /// Opens a run folder or a weights file. `train_data` is read in place of its own data.
    ///
    /// # Errors
    /// A file that holds no model; training data that cannot be opened.
    pub(super) fn open(path: &Path, combine: Combine, train_data: Option<&Source>) -> Result<Run> {
        let forecaster = Forecaster::open(path, combine)?;
        train_data.map_or(Ok(()), |source| source.check_named_by("train-data"))?;
        let mut config = Config::of_run(forecaster.model())?;
        if let Some(source) = train_data {
            config.data.source = source.clone();
        }
        Ok(Run { path: path.into(), forecaster, config })
    }

    /// The files that it reads: those of its run, and the data that it was trained on.
    pub fn inputs(&self) -> Vec<Input> {
        let mut all = runs::inputs("checkpoint", &self.model().file);
        all.extend(self.config.data.inputs().into_iter().map(|(option, file)| match option.as_str() {
            "data" => ("train-data".into(), file),
            _ => (option, file),
        }));
        all
    }

    /// Its model, or the first of those that forecast together.
    pub fn model(&self) -> &Loaded {
        self.forecaster.model()
    }

    /// What it is called beside others: `LSTM of run-a (3 replicas)`.
    pub fn words(&self) -> String {
        let name = model_name(self.model().model.kind);
        let replicas = match self.forecaster.members.len() {
            1 => String::new(),
            count => format!(" ({count} replicas)"),
        };
        format!("{name} of {}{replicas}", self.path.display())
    }

    fn header(&self) -> &DataHeader {
        &self.model().header.data
    }

    /// The names of what it forecasts.
    fn targets(&self) -> &[String] {
        let own = &self.model().header.model;
        &own.channels[..own.targets.min(own.channels.len())]
    }

    /// Of a model that forecasts quantiles, the levels of the intervals between them.
    pub(super) fn quantile_levels(&self) -> Result<Option<Vec<Level>>> {
        let (loss, quantiles) = self.model().header.model.loss()?;
        Ok((loss == Loss::Quantile).then(|| Level::of_quantiles(quantiles.percents())))
    }

    /// Rejects a run that does not forecast the same values as this one.
    ///
    /// # Errors
    /// Names the file, what differs, and both values.
    pub(super) fn check_same(&self, other: &Run) -> Result<()> {
        let (file, own) = (&other.model().file, self.model().file.display());
        // Of one run, the folder, a file in it, or a copy.
        let weights = |run: &Run| run.forecaster.members.iter().map(Loaded::weights_sha256).collect::<Vec<_>>();
        if weights(self).iter().any(|own| weights(other).contains(own)) {
            let problem = format!("{} and {} hold the same weights", self.path.display(), other.path.display());
            return Err(Error::config("checkpoint", problem, "name each run once"));
        }
        let horizon = |run: &Run| run.model().header.model.horizon.to_string();
        let targets = |run: &Run| run.targets().join(", ");
        let transform = |run: &Run| run.config.data.transform.unwrap_or_default().to_string();
        let data = "name runs that were trained on the same file, or train this one anew on it";
        let all: [(&str, [String; 2], &str); 5] = [
            ("the training data has the SHA-256", [self, other].map(|run| run.header().fingerprint.clone()), data),
            ("the targets are", [self, other].map(targets), "name runs of the same ‹target›, in the same order"),
            ("the rows to forecast are", [self, other].map(horizon), "name runs of the same ‹horizon›"),
            (
                "the interval of the rows is",
                [self, other].map(|run| run.header().step.clone()),
                "name runs of the same ‹freq›",
            ),
            ("the transform of the targets is", [self, other].map(transform), "name runs of the same ‹transform›"),
        ];
        match all.into_iter().find(|(_, [one, other], _)| one != other) {
            Some((what, [one, other], help)) => {
                Err(Error::checkpoint(file, format!("does not fit {own}: {what} {other}, there {one}"), help))
            }
            None => Ok(()),
        }
    }

    /// Reads the data that is named in place of the run's own, if one is named.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn named(&self, reading: &Reading) -> Result<Option<Named>> {
        let Some(source) = &reading.source else { return Ok(None) };
        let content = Content::read(source)?;
        let DataHeader { fingerprint, content: cells, lines, .. } = self.header();
        let trained = Trained { fingerprint, content: cells, rows: lines };
        let own = content.own(&trained, &self.config.data);
        Ok(Some(Named { content, own }))
    }

    /// The data of the run, split and scaled as it was. Where data is `named` that is the run's, or continues it, it is read from
    /// there.
    ///
    /// # Errors
    /// Where it is not there, or has changed. `needed_for` ends the advice.
    pub(super) fn training_data(&self, named: Option<&Named>, needed_for: &str) -> Result<Dataset> {
        let header = &self.model().header;
        let help = format!("‹train-data› names the file as it was; {needed_for}");
        let place = Place::of(self.config.data.source.to_string());
        let changed = |problem: String| Error::data(place, problem, help.as_str());
        let own = named.and_then(|named| Some(named.content.part(Some(named.own.as_ref()?))));
        let (data, closed) = (self.kept(&self.config.data), header.data.holidays());
        let dataset = match own {
            Some(own) => data.load_content(own, None, Some(&closed)),
            None => {
                self.check_own()?;
                data.load_closed(&closed)
            }
        };
        // One help, for the option that is meant here.
        let dataset = dataset.map_err(|error| error.with_help(help.as_str()))?;
        if dataset.fingerprint != header.data.fingerprint {
            return Err(changed("has changed since the model was trained on it".into()));
        }
        let scalers: HashMap<&str, &Vec<Scaler>> =
            header.data.series.iter().map(|one| (one.id.as_str(), &one.scalers)).collect();
        let same = |series: &&Series| scalers.get(series.id.as_str()) == Some(&&series.scalers);
        if let Some(other) = dataset.series.iter().find(|series| !same(series)) {
            return Err(changed(format!("series `{}` is scaled otherwise than in training", other.id)));
        }
        Ok(dataset)
    }

    /// How its run's data is read: days without rows are those that the model keeps.
    pub(super) fn kept(&self, own: &DataOptions) -> DataOptions {
        let keeps = !self.header().holidays.is_empty();
        DataOptions { holidays: own.holidays.clone().filter(|_| !keeps), ..own.clone() }
    }

    /// Every row of a file, as the model reads it; of the run's own where none is named. `named` is the content of the one that is. Rows'
    /// weights are read where they are scored. Also lines about it.
    ///
    /// # Errors
    /// Data that cannot be read, lacks the model's columns, or whose rows are another interval apart.
    pub(super) fn data(&self, reading: &Reading, named: Option<&Named>, scored: bool) -> Result<(Dataset, Vec<Text>)> {
        let (own, model) = (&self.config.data, self.model());
        if reading.source.is_none() {
            self.check_own()?;
        }
        let mut data =
            DataOptions { split: None, test_size: None, val_size: None, calibration: None, ..self.kept(own) };
        if let Some(source) = &reading.source {
            // Another file may be written otherwise.
            data = DataOptions {
                source: source.clone(),
                delimiter: None,
                decimal: None,
                thousands: None,
                time_format: None,
                ..data
            };
        }
        let mut config = Config { data, ..Config::default() };
        config.apply(&reading.settings)?;
        config.data.weight = config.data.weight.filter(|_| scored);
        let fitted = model.fitted(own);
        let dataset = match named {
            Some(Named { content, .. }) => {
                let closed = Some(&fitted.holidays);
                config.data.load_content(content.part(None), Some(&fitted), closed)?
            }
            None => config.data.load_fitted(&fitted)?,
        };
        let mut lines = dataset.notices.clone();
        if let Some((now, then)) = fitted.other_step(&dataset, model.header.data.step.parse().ok()) {
            let problem = format!("rows are {now} apart, and those that the model was trained on {then}");
            if config.data.freq.is_none() {
                let help = "give such data, or the interval with ‹freq›";
                return Err(Error::data(Place::of(config.data.source.to_string()), problem, help));
            }
            lines.push(format!("{problem}: the forecasts may mean nothing").into());
        } else if let Some(line) = fitted.other_calendars(&dataset) {
            lines.push(line.into());
        }
        Ok((dataset, lines))
    }

    /// Takes what is known of rows to come from a file. Returns lines about it.
    pub(super) fn read_plan(&self, data: &mut Dataset, plan: &Source) -> Result<Vec<Text>> {
        let fitted = self.model().fitted(&self.config.data);
        data.read_plan(plan, &fitted)
    }

    /// Rejects data of the run that can no longer be read.
    fn check_own(&self) -> Result<()> {
        if !self.config.data.source.is_stdin() {
            return Ok(());
        }
        let help = "‹data› names other data to forecast, ‹train-data› a file of the training data";
        Err(Error::config("data", "the model was trained on the standard input, which is gone", help))
    }

    /// Whether this is the data that the model was trained on.
    pub fn is_own(&self, dataset: &Dataset) -> bool {
        dataset.fingerprint == self.header().fingerprint
    }

    /// A line about forecasts of rows of the training data that the model learned from, or that chose among its weights.
    pub(super) fn known_rows(&self, data: &Dataset, cutoffs: &[Cutoff]) -> Option<Text> {
        let mut counts = [0; 2];
        let DataHeader { series: all, padding, .. } = self.header();
        let by_id: HashMap<&str, usize> = all.iter().enumerate().map(|(index, one)| (one.id.as_str(), index)).collect();
        for cutoff in cutoffs {
            let series = &data.series[cutoff.series];
            let Some(index) = by_id.get(series.id.as_str()).copied() else { continue };
            // Borders count over all series, one after the other.
            let start = index.checked_sub(1).map_or(0, |before| all[before].borders[2]).saturating_add(*padding);
            let first = start.saturating_add(cutoff.row + 1 - series.rows.start);
            let [trained, chose, _] = all[index].borders;
            counts[0] += usize::from(first < trained);
            counts[1] += usize::from((trained..chose).contains(&first));
        }
        let [trained, chose] = counts;
        (trained + chose > 0).then(|| {
            format!(
                "of {} series, {trained} are forecast in rows that the model was trained on and {chose} in validation rows: \
                 such forecasts and their intervals say nothing about future rows",
                cutoffs.len()
            )
            .into()
        })
    }
}
