//! The pipeline from a file's bytes to a [`Dataset`].

use sha2::{Digest, Sha256};

use super::cells::{Cells, sentinel};
use super::dataset::Dataset;
use super::fitted::Fitted;
use super::options::{Covariates, DataOptions, Gaps, Impute, Source, Split};
use super::roles::Roles;
use super::series::{Frame, GapCount, RawSeries, fill_gaps, group};
use super::split::{Parts, Span, borders, of_series};
use super::step::Step;
use super::table::Table;
use super::text::delimiter_word;
use super::time_column::TimeColumn;
use super::window::{Dropped, Prefix, check_length};
use super::{counted, embedded, grouped, impute, scale, source, study};
use crate::error::{Error, Place, Result, Text};

/// Columns that tell series apart without being asked for.
const ID_NAMES: [&str; 2] = ["unique_id", "item_id"];

impl DataOptions {
    /// Reads the file, or the embedded set, as asked.
    ///
    /// # Errors
    /// `Error::Io` if the file cannot be read, `Error::Data` with file, line, column and value if its content does not
    /// fit, `Error::Config` if an option fits no data or not this data. Each names the flag that would settle it.
    pub fn load(&self) -> Result<Dataset> {
        self.load_source(None)
    }

    /// As [`DataOptions::load`], for a model that is trained: scaled by its scalers, with its calendar columns, and not split: every
    /// window of the file is one of the test part. A window that reads a missing value is left out, also under
    /// [`Impute::Error`].
    ///
    /// # Errors
    /// Besides those of [`DataOptions::load`], names a series that the model was not trained on.
    pub fn load_fitted(&self, fitted: &Fitted) -> Result<Dataset> {
        self.load_source(Some(fitted))
    }

    fn load_source(&self, fitted: Option<&Fitted>) -> Result<Dataset> {
        match &self.source {
            Source::Embedded => {
                let options = self.clone().or(embedded::options(self.targets.as_deref())?);
                options.load_text(embedded::NAME, embedded::FILE, embedded::CSV.as_bytes(), fitted)
            }
            Source::File(path) => {
                let bytes = source::read(path)?;
                let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
                self.load_text(&stem, &path.display().to_string(), &bytes, fitted)
            }
        }
    }

    /// As [`DataOptions::load`], from a file's bytes; `file` is what messages call it.
    pub fn load_bytes(&self, name: &str, file: &str, bytes: &[u8]) -> Result<Dataset> {
        self.load_text(name, file, bytes, None)
    }

    /// As [`DataOptions::load_fitted`], from a file's bytes.
    pub fn load_bytes_fitted(&self, name: &str, file: &str, bytes: &[u8], fitted: &Fitted) -> Result<Dataset> {
        self.load_text(name, file, bytes, Some(fitted))
    }

    fn load_text(&self, name: &str, file: &str, bytes: &[u8], fitted: Option<&Fitted>) -> Result<Dataset> {
        self.check()?;
        let mut said = Vec::new();

        // Text → numbers.
        let table = Table::read(file, bytes, self.delimiter)?;
        let decimal = table.decimal(self)?;
        let cells = Cells::new(&table, self.missing_values.as_deref().unwrap_or_default(), decimal);
        said.push(format!("delimiter `{}`, decimal mark `{decimal}`", delimiter_word(table.delimiter)).into());
        if table.empty_rows > 0 {
            said.push(format!("{} skipped", counted(table.empty_rows, "empty row")).into());
        }
        let id = id_column(&table, self)?;
        let time = TimeColumn::read(&table, &cells, self)?;
        let reading = if time.reading.is_empty() { String::new() } else { format!(", {}", time.reading) };
        said.push(format!("time column `{}`{reading}", time.name).into());
        let taken: Vec<usize> = time.columns.iter().copied().chain(id).collect();
        let roles = Roles::choose(&table, &cells, self, &taken)?;
        said.extend(roles.notices);
        let targets = roles.targets.len();
        let frame = Frame { table: &table, time: &time, columns: [roles.targets, roles.covariates].concat(), id };
        // Raw, grouped, imputed and scaled values, and a row's time and place.
        let (rows, width) = (table.rows() as u64, frame.columns.len() as u64);
        source::take(rows.saturating_mul(33 * width + 64), frame.file(), || {
            format!("{} of {}", counted(table.rows(), "row"), counted(frame.columns.len(), "column"))
        })?;
        let mut values = Vec::new();
        for (i, column) in frame.columns.iter().enumerate() {
            values.push(cells.numbers(*column, if i < targets { "target" } else { "covariates" })?);
            if let Some((code, count)) = sentinel(&values[i]) {
                let (name, times) = (frame.name(i), counted(count, "time"));
                said.push(
                    format!(
                        "column `{name}` holds {code} {times}, far from all other values: if it means missing, \
                     ‹missing-values {code}›"
                    )
                    .into(),
                );
            }
        }

        // Rows → series on a grid of times.
        let mut series = group(&frame, &values)?;
        drop(values);
        said.push(rows_read(&series, id.map(|column| table.name(column))).into());
        let given = fitted.and_then(|fitted| fitted.step);
        let found = given.or_else(|| Step::infer(series.iter().map(|one| &one.stamps[..]), time.kind));
        let step = found.ok_or_else(|| {
            let help = "give a longer file; ‹id-column› may name the wrong column";
            Error::data(frame.file(), "no series has two rows", help)
        })?;
        let gaps = self.gaps.unwrap_or_default();
        settle_gaps(&frame, &mut series, step, gaps, &mut said)?;
        let season = self.season.unwrap_or_else(|| step.season());
        let (lookback, horizon) = (self.lookback.unwrap_or((2 * season).max(24)), self.horizon.unwrap_or(1));
        let [season_rows, lookback_rows, horizon_rows] = [season, lookback, horizon].map(|rows| counted(rows, "row"));
        said.push(
            format!("sampling step {step}; season {season_rows}; look-back {lookback_rows}, horizon {horizon_rows}")
                .into(),
        );

        // Series → parts and scalers.
        let policy = self.impute.unwrap_or_default();
        let trimmed = trim(&frame, &series, policy, &mut said)?;
        let split = self.split.clone().unwrap_or_default();
        let (parts, note) = match fitted {
            None => part(&series, &trimmed, &split, &time, self)?,
            Some(_) => {
                (series.iter().zip(&trimmed).map(|(one, start)| Parts::untrained(*start..one.rows())).collect(), None)
            }
        };
        said.extend(note.clone().map(Text::from));
        if self.leaks() {
            said.push(study::LEAK.into());
        }
        if let (Split::Fractions(fractions), None) = (&split, fitted)
            && fractions.iter().sum::<f64>() < 1.0 - 1e-9
        {
            said.push(format!("split {split}: validation takes what is left between training and test").into());
        }
        let unused: usize = series.iter().zip(&parts).map(|(one, parts)| one.rows() - parts.test.end).sum();
        if unused > 0 {
            said.push(format!("{} after the test rows not used", counted(unused, "row")).into());
        }
        for (one, parts) in series.iter().zip(&parts).filter(|_| fitted.is_none()) {
            check_length(&one.id, parts, lookback, horizon, note.as_deref())?;
            if policy == Impute::Error {
                impute::refuse_missing(&frame, one, parts.all())?;
            }
        }
        let scaling = self.scale.unwrap_or_default();
        let train: Vec<_> = parts.iter().map(|parts| study::scaled_by(parts, self)).collect();
        let known: Option<Vec<_>> = fitted
            .map(|fitted| series.iter().map(|one| fitted.of(&one.id, frame.file())).collect::<Result<_>>())
            .transpose()?;
        if let Some(other) = known
            .iter()
            .flatten()
            .find(|one| one.scalers.len() != frame.columns.len() || one.mase_denominators.len() != targets)
        {
            let problem = format!(
                "{targets} targets and {} covariates are read, and the model has {} scalers and {} MASE denominators{}",
                frame.columns.len() - targets,
                other.scalers.len(),
                other.mase_denominators.len(),
                of_series(&other.id)
            );
            return Err(Error::data(frame.file(), problem, "give data of the columns that the model was trained on"));
        }
        let scalers = match &known {
            None => scale::fit(&frame, &series, scaling, &train)?,
            Some(known) => known.iter().map(|one| one.scalers.clone()).collect(),
        };

        // All of it → arrays and windows.
        let reference = |column: &usize| table.name(*column);
        let covariates: Vec<String> = frame.columns[targets..].iter().map(reference).collect();
        let resolved = DataOptions {
            source: self.source.clone(),
            time_column: Some(time.name.clone()),
            time_format: self.time_format.clone(),
            id_column: id.map(|column| table.name(column)),
            targets: Some(frame.columns[..targets].iter().map(reference).collect()),
            covariates: Some(if covariates.is_empty() { Covariates::None } else { Covariates::Names(covariates) }),
            lookback: Some(lookback),
            horizon: Some(horizon),
            season: Some(season),
            calendar: Some(self.calendar.unwrap_or(true)),
            split: Some(split),
            scale: Some(scaling),
            impute: Some(policy),
            missing_values: self.missing_values.clone(),
            gaps: Some(gaps),
            delimiter: Some(table.delimiter),
            decimal: Some(decimal),
            calibration: self.calibration,
            train_rows: self.train_rows,
            origin: self.origin,
            authors_protocol: self.authors_protocol,
            backtest: self.backtest,
        };
        let mut dataset = Dataset {
            name: name.into(),
            time_column: time.name.clone(),
            id_column: resolved.id_column.clone(),
            time_kind: time.kind,
            step,
            series: Vec::new(),
            channel_names: (0..frame.columns.len()).map(|column| frame.name(column)).collect(),
            targets,
            values: Vec::new(),
            observed: Vec::new(),
            raw_targets: Vec::new(),
            lookback,
            horizon,
            season,
            train: Vec::new(),
            validation: Vec::new(),
            calibration: Vec::new(),
            test: Vec::new(),
            dropped: Dropped::default(),
            notices: said,
            fingerprint: Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
            resolved,
            observed_count: Prefix::new(std::iter::empty()),
            unreadable: Prefix::new(std::iter::empty()),
            known: Vec::new(),
        };
        dataset.assemble(&frame, &series, &parts, scalers, fitted)?;
        for (series, known) in dataset.series.iter_mut().zip(known.into_iter().flatten()) {
            series.mase_denominators = known.mase_denominators;
        }
        dataset.count_missing();
        Ok(dataset)
    }
}

fn id_column(table: &Table, options: &DataOptions) -> Result<Option<usize>> {
    match &options.id_column {
        Some(name) => table.expect(name, "id-column").map(Some),
        None => ID_NAMES.iter().find_map(|name| table.find(name, "id-column").transpose()).transpose(),
    }
}

fn rows_read(series: &[RawSeries], id: Option<String>) -> String {
    let rows = counted(series.iter().map(RawSeries::rows).sum(), "row");
    let Some(id) = id else { return rows };
    let shown: Vec<String> = series.iter().take(6).map(|one| format!("{} {}", one.id, grouped(one.rows()))).collect();
    let more = if series.len() > 6 { format!(", and {} more", grouped(series.len() - 6)) } else { String::new() };
    format!("{rows} in {} series by `{id}`: {}{more}", grouped(series.len()), shown.join(", "))
}

/// Counts absent times, and does with them what `--gaps` says.
fn settle_gaps(frame: &Frame, series: &mut [RawSeries], step: Step, gaps: Gaps, said: &mut Vec<Text>) -> Result<()> {
    let count = GapCount::of(frame, series, step);
    let Some((which, row)) = count.first else { return Ok(()) };
    if gaps == Gaps::Error {
        let one = &series[which];
        let (late, early, of) = (frame.label(one.stamps[row]), frame.label(one.stamps[row - 1]), one.suffix());
        let help = "‹gaps notice› runs windows over the rows that are there, fill inserts the missing times, skip lets \
             no window span a gap";
        let place = one.sources[row].map_or_else(|| frame.file(), |source| frame.time_place(source));
        return Err(Error::data(place, format!("{late} is not one step ({step}) after {early}{of}"), help));
    }
    if gaps == Gaps::Fill {
        fill_gaps(frame, series, step, count.missing)?;
    }
    let done = match gaps {
        Gaps::Fill => "inserted as missing rows",
        Gaps::Skip => "no window spans one",
        Gaps::Notice | Gaps::Error => "windows run over the rows that are there (‹gaps›)",
    };
    if count.missing > 0 {
        let (times, gaps) = (counted(count.missing as usize, "missing time"), counted(count.gaps, "gap"));
        let (most, after) = &count.largest;
        said.push(format!("{times} in {gaps}, at most {} after {after}: {done}", grouped(*most as usize)).into());
    }
    if count.irregular > 0 {
        let intervals = counted(count.irregular, "interval");
        said.push(format!("{intervals} of no whole number of steps: {done}").into());
    }
    Ok(())
}

/// Rows to leave out at the front of each series, because a column has had no value yet.
fn trim(frame: &Frame, series: &[RawSeries], policy: Impute, said: &mut Vec<Text>) -> Result<Vec<usize>> {
    if policy == Impute::Error {
        return Ok(vec![0; series.len()]);
    }
    let leading: Vec<(usize, usize)> = series.iter().map(impute::leading_rows).collect();
    for (one, (rows, column)) in series.iter().zip(&leading) {
        if *rows == one.rows() {
            let place = Place { column: Some(frame.name(*column)), ..frame.file() };
            let help = "leave the column or the series out, or check ‹missing-values›";
            return Err(Error::data(place, format!("no value in any row{}", one.suffix()), help));
        }
    }
    let trimmed: Vec<usize> = leading.iter().map(|(rows, _)| *rows).collect();
    // The first of the longest speaks for all.
    if let Some((one, (rows, column))) = series.iter().zip(&leading).rev().max_by_key(|(_, (rows, _))| *rows)
        && *rows > 0
    {
        let total = counted(trimmed.iter().sum(), "leading row");
        let most = if series.len() > 1 { format!(", {rows}{}", one.suffix()) } else { String::new() };
        said.push(format!("{total} trimmed{most}: `{}` has no value before", frame.name(*column)).into());
    }
    Ok(trimmed)
}

/// The parts of each series, as its own rows, and a line about them where there is something to tell.
fn part(
    series: &[RawSeries],
    trimmed: &[usize],
    split: &Split,
    time: &TimeColumn,
    options: &DataOptions,
) -> Result<(Vec<Parts>, Option<String>)> {
    let spans: Vec<Span> = series
        .iter()
        .zip(trimmed)
        .map(|(one, start)| Span { id: &one.id, stamps: &one.stamps[*start..], trimmed: *start })
        .collect();
    let (ends, note) = borders(&spans, split, time, options.time_format.as_deref())?;
    let part = |(start, [train, validation, test]): (&usize, [usize; 3])| Parts {
        train: *start..start + train,
        validation: start + train..start + validation,
        test: start + validation..start + test,
    };
    let parts = series.iter().zip(trimmed.iter().zip(ends).map(part));
    Ok((parts.map(|(one, parts)| study::cut(&one.id, parts, options)).collect::<Result<_>>()?, note))
}
