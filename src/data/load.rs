//! The pipeline from a file's bytes to a [`Dataset`].

use std::ops::Range;

use sha2::{Digest, Sha256};

use super::cells::{Cells, sentinel};
use super::dataset::{Dataset, Series, SplitName};
use super::options::{Covariates, DataOptions, Gaps, Impute, Source, delimiter_word};
use super::roles::Roles;
use super::scale::Scaler;
use super::series::{GapCount, RawSeries, fill_gaps, group};
use super::split::{Parts, Span, borders};
use super::step::Step;
use super::table::Table;
use super::time_column::{TimeColumn, TimeKind, label};
use super::window::{Dropped, Prefix, Rows, windows};
use super::{calendar, embedded, grouped, impute, scale};
use crate::error::{Error, Place, Result};

/// Columns that tell series apart without being asked for.
const ID_NAMES: [&str; 2] = ["unique_id", "item_id"];

impl DataOptions {
    /// Reads the file, or the embedded set, as asked.
    ///
    /// # Errors
    /// `Error::Io` if the file cannot be read, `Error::Data` with file, line, column and value if its content does not
    /// fit, `Error::Config` if an option fits no data or not this data. Each names the flag that would settle it.
    pub fn load(&self) -> Result<Dataset> {
        match &self.source {
            Source::Embedded => self.clone().or(embedded::options()?).load_bytes(
                embedded::NAME,
                embedded::FILE,
                embedded::CSV.as_bytes(),
            ),
            Source::File(path) => {
                let bytes = std::fs::read(path).map_err(Error::io(path))?;
                let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
                self.load_bytes(&stem, &path.display().to_string(), &bytes)
            }
        }
    }

    /// As [`DataOptions::load`], from bytes; `file` is their name in messages.
    pub fn load_bytes(&self, name: &str, file: &str, bytes: &[u8]) -> Result<Dataset> {
        self.check()?;
        let mut said = Vec::new();
        let table = Table::read(file, bytes, self.delimiter)?;
        let decimal = table.decimal(self)?;
        let missing_values = self.missing_values.clone().unwrap_or_default();
        let cells = Cells::new(&table, &missing_values, decimal);
        said.push(format!("delimiter `{}`, decimal mark `{decimal}`", delimiter_word(table.delimiter)));
        if table.empty_rows > 0 {
            said.push(format!("{} empty rows skipped", grouped(table.empty_rows)));
        }

        let id = id_column(&table, self)?;
        let time = TimeColumn::read(&table, &cells, self)?;
        said.push(match time.reading.as_str() {
            "" => format!("time column `{}`", time.name),
            reading => format!("time column `{}`, {reading}", time.name),
        });
        let taken: Vec<usize> = time.columns.iter().copied().chain(id).collect();
        let roles = Roles::choose(&table, &cells, self, &taken)?;
        said.extend(roles.notices);
        let target_names: Vec<String> = roles.targets.iter().map(|column| table.name(*column)).collect();
        let covariate_names: Vec<String> = roles.covariates.iter().map(|column| table.name(*column)).collect();
        let mut columns = Vec::new();
        for (chosen, flag) in [(&roles.targets, "--target"), (&roles.covariates, "--covariates")] {
            for column in chosen {
                columns.push(cells.numbers(*column, flag)?);
            }
        }
        let names: Vec<String> = target_names.iter().chain(&covariate_names).cloned().collect();
        for (name, values) in names.iter().zip(&columns) {
            if let Some((code, count)) = sentinel(values) {
                said.push(format!(
                    "column `{name}`: {code} occurs {} times, far from all other values; if it means missing, --missing-values {code}",
                    grouped(count)
                ));
            }
        }

        let mut series = group(&table, &time, id, &columns)?;
        drop(columns);
        said.push(rows_read(&series, id.map(|column| table.name(column))));
        let step = Step::infer(series.iter().map(|one| &one.stamps[..]), time.kind).ok_or_else(|| {
            let place = Place { file: file.into(), ..Place::default() };
            Error::data(place, "no series has two rows", "give a longer file; --id-column may name the wrong column")
        })?;
        let gaps = self.gaps.unwrap_or_default();
        settle_gaps(file, &mut series, step, time.kind, gaps, &mut said)?;

        let season = self.season.unwrap_or_else(|| step.season());
        let lookback = self.lookback.unwrap_or((2 * season).max(24));
        let horizon = self.horizon.unwrap_or(1);
        said.push(format!(
            "sampling step {step}; season {season} rows{}",
            if self.season.is_some() { "" } else { " (from the step)" }
        ));
        if self.lookback.is_none() || self.horizon.is_none() {
            said.push(format!("look-back {lookback} rows, horizon {horizon}"));
        }

        let policy = self.impute.unwrap_or_default();
        let trimmed = trim(file, &series, &names, policy, &mut said)?;
        let split = self.split.clone().unwrap_or_default();
        let spans: Vec<Span> = series
            .iter()
            .zip(&trimmed)
            .map(|(one, trimmed)| Span { id: &one.id, stamps: &one.stamps[*trimmed..], trimmed: *trimmed })
            .collect();
        let (ends, notice) = borders(&spans, &split, &time, self.time_format.as_deref())?;
        said.extend(notice);

        let parts: Vec<[Range<usize>; 3]> = ends
            .iter()
            .zip(&trimmed)
            .map(|(ends, start)| {
                [*start..start + ends[0], start + ends[0]..start + ends[1], start + ends[1]..start + ends[2]]
            })
            .collect();
        let unused: usize = series.iter().zip(&parts).map(|(one, parts)| one.rows() - parts[2].end).sum();
        if unused > 0 {
            said.push(format!("{} rows after the test end are not used", grouped(unused)));
        }
        if policy == Impute::Error {
            for (one, parts) in series.iter().zip(&parts) {
                let written = |line: u64, column: usize| {
                    let row = (0..table.rows()).find(|row| table.line(*row) == line).unwrap_or(0);
                    let column = roles.targets.iter().chain(&roles.covariates).nth(column).copied().unwrap_or(0);
                    table.text(row, column).into_owned()
                };
                impute::refuse_missing(file, one, &names, parts[0].start..parts[2].end, time.kind, written)?;
            }
        }
        let train: Vec<Range<usize>> = parts.iter().map(|parts| parts[0].clone()).collect();
        for (one, train) in series.iter().zip(&train) {
            if train.len() < lookback + horizon {
                // Said before the scalers look for values in rows that are not there.
                let problem = format!(
                    "no training window{}: {} training rows, a window takes {lookback} in and {horizon} out",
                    super::split::of_series(&one.id),
                    train.len()
                );
                return Err(Error::config(
                    "--split",
                    problem,
                    "smaller --lookback or --horizon, other --split borders, or leave the series out",
                ));
            }
        }
        let scaling = self.scale.unwrap_or_default();
        let scalers = scale::fit(file, &series, &names, scaling, &train)?;

        let resolved = DataOptions {
            source: self.source.clone(),
            time_column: Some(time.name.clone()),
            time_format: self.time_format.clone(),
            id_column: id.map(|column| table.name(column)),
            targets: Some(target_names.clone()),
            covariates: Some(if covariate_names.is_empty() {
                Covariates::None
            } else {
                Covariates::Names(covariate_names)
            }),
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
        };
        let mut dataset = Dataset {
            name: name.into(),
            time_column: time.name,
            id_column: resolved.id_column.clone(),
            time_kind: time.kind,
            step,
            series: Vec::new(),
            channel_names: names,
            targets: target_names.len(),
            values: Vec::new(),
            observed: Vec::new(),
            raw_targets: Vec::new(),
            lookback,
            horizon,
            season,
            train: Vec::new(),
            validation: Vec::new(),
            test: Vec::new(),
            dropped: Dropped::default(),
            notices: said,
            fingerprint: Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
            resolved,
            observed_count: Prefix::new(std::iter::empty()),
            known: Vec::new(),
        };
        dataset.assemble(file, &series, &parts, scalers, policy)?;
        dataset.count_missing(policy);
        dataset.count_undefined_mase();
        Ok(dataset)
    }
}

fn id_column(table: &Table, options: &DataOptions) -> Result<Option<usize>> {
    match &options.id_column {
        Some(name) => table.expect(name, "--id-column").map(Some),
        None => Ok(ID_NAMES.iter().find_map(|name| table.find(name))),
    }
}

fn rows_read(series: &[RawSeries], id: Option<String>) -> String {
    let rows = grouped(series.iter().map(RawSeries::rows).sum());
    let Some(id) = id else { return format!("{rows} rows") };
    let shown: Vec<String> = series.iter().take(6).map(|one| format!("{} {}", one.id, grouped(one.rows()))).collect();
    let more = if series.len() > 6 { format!(", and {} more", grouped(series.len() - 6)) } else { String::new() };
    format!("{rows} rows in {} series by `{id}`: {}{more}", grouped(series.len()), shown.join(", "))
}

fn settle_gaps(
    file: &str,
    series: &mut [RawSeries],
    step: Step,
    kind: TimeKind,
    gaps: Gaps,
    said: &mut Vec<String>,
) -> Result<()> {
    let count = GapCount::of(series, step, kind);
    let Some((which, row)) = count.first else { return Ok(()) };
    if gaps == Gaps::Error {
        let one = &series[which];
        let (before, after) = (one.stamps[row - 1], one.stamps[row]);
        let problem = format!(
            "{} follows {}{}, more or less than a step of {step} later",
            label(kind, after, false),
            label(kind, before, false),
            one.suffix()
        );
        let place = Place { file: file.into(), line: one.lines[row], ..Place::default() };
        return Err(Error::data(
            place,
            problem,
            "--gaps notice runs windows over the rows that are there, fill inserts the missing times, skip lets no window span a gap",
        ));
    }
    if gaps == Gaps::Fill {
        fill_gaps(file, series, step, kind, &count)?;
    }
    let done = match gaps {
        Gaps::Fill => "inserted as missing rows",
        Gaps::Skip => "no window spans one",
        _ => "windows run over the rows that are there (--gaps)",
    };
    if count.missing > 0 {
        said.push(format!(
            "{} times are missing in {} gaps, at most {} after {}: {done}",
            grouped(count.missing as usize),
            grouped(count.gaps),
            grouped(count.largest.0 as usize),
            count.largest.1
        ));
    }
    if count.irregular > 0 {
        said.push(format!("{} intervals are no whole number of steps: {done}", grouped(count.irregular)));
    }
    Ok(())
}

/// Rows to leave out at the front of each series, because a column has had no value yet.
fn trim(
    file: &str,
    series: &[RawSeries],
    names: &[String],
    policy: Impute,
    said: &mut Vec<String>,
) -> Result<Vec<usize>> {
    if policy == Impute::Error {
        return Ok(vec![0; series.len()]);
    }
    let mut trimmed = Vec::new();
    for one in series {
        let (rows, column) = impute::leading_rows(one);
        if rows == one.rows() {
            let place = Place { file: file.into(), column: Some(names[column].clone()), ..Place::default() };
            return Err(Error::data(
                place,
                format!("no value in any row{}", one.suffix()),
                "leave the column or the series out, or check --missing-values",
            ));
        }
        if rows > 0 {
            said.push(format!(
                "{} leading rows{} trimmed: `{}` has no value before",
                grouped(rows),
                one.suffix(),
                names[column]
            ));
        }
        trimmed.push(rows);
    }
    Ok(trimmed)
}

impl Dataset {
    /// Fills the arrays, series by series, then finds the windows. `parts` are rows of each raw series.
    fn assemble(
        &mut self,
        file: &str,
        series: &[RawSeries],
        parts: &[[Range<usize>; 3]],
        scalers: Vec<Vec<Scaler>>,
        policy: Impute,
    ) -> Result<()> {
        let kept: usize = parts.iter().map(|parts| parts[2].end - parts[0].start).sum();
        if kept > u32::MAX as usize / 2 {
            let place = Place { file: file.into(), ..Place::default() };
            return Err(Error::data(place, format!("{} rows are too many", grouped(kept)), "at most 2,147,483,647"));
        }
        let features = self.calendar_features(series, parts);
        let width = self.channel_names.len();
        self.channel_names.extend(features.iter().map(|(name, _)| name.clone()));
        let mut unreadable = Vec::with_capacity(kept);
        let mut breaks = Vec::with_capacity(kept);
        let mut start = 0;
        for ((one, [train, validation, test]), scalers) in series.iter().zip(parts).zip(scalers) {
            // Trimmed rows were seen: the first kept row may carry their values.
            let filled = impute::fill(one, policy, &[0..train.end, validation.clone(), test.clone()], &scalers);
            for row in train.start..test.end {
                let (raw, full) = (&one.values[row * width..][..width], &filled[row * width..][..width]);
                for (value, scaler) in full.iter().zip(&scalers) {
                    let scaled = if value.is_nan() { 0.0 } else { scaler.scale(*value) as f32 };
                    if !scaled.is_finite() {
                        let place = Place { file: file.into(), line: one.lines[row], ..Place::default() };
                        return Err(Error::data(
                            place,
                            "a value leaves the range of 32-bit numbers when scaled",
                            "mend the cell, or name the value in --missing-values",
                        ));
                    }
                    self.values.push(scaled);
                }
                self.values.extend(features.iter().map(|(_, column)| column[start + row - train.start]));
                for target in 0..self.targets {
                    self.raw_targets.push(raw[target]);
                    self.observed.push(if raw[target].is_nan() { 0.0 } else { 1.0 });
                    self.known.push(!full[target].is_nan());
                }
                unreadable.push(u32::from(full.iter().any(|value| value.is_nan())));
                let follows = row == 0
                    || self.step.interval(one.stamps[row - 1], one.stamps[row]) == super::step::Interval::Regular;
                breaks.push(u32::from(self.resolved.gaps == Some(Gaps::Skip) && !follows));
            }
            let global = |rows: &Range<usize>| rows.start + start - train.start..rows.end + start - train.start;
            self.series.push(Series {
                id: one.id.clone(),
                rows: global(&(train.start..test.end)),
                timestamps: one.stamps[train.start..test.end].to_vec(),
                mase_denominators: (0..self.targets)
                    .map(|target| seasonal_distance(one, target, train, self.season))
                    .collect(),
                scalers,
                parts: Parts { train: global(train), validation: global(validation), test: global(test) },
                trimmed: train.start,
                missing: (0..width)
                    .map(|c| (train.start..test.end).filter(|row| one.value(*row, c).is_nan()).count())
                    .collect(),
            });
            start += test.end - train.start;
        }
        let observed = self.observed.chunks_exact(self.targets).map(|row| row.iter().map(|o| *o as u32).sum());
        let rows = Rows {
            observed: Prefix::new(observed),
            unreadable: Prefix::new(unreadable.into_iter()),
            breaks: Prefix::new(breaks.into_iter()),
        };
        self.find_windows(&rows)?;
        self.observed_count = rows.observed;
        Ok(())
    }

    /// Calendar columns over all kept rows, in global order.
    fn calendar_features(&mut self, series: &[RawSeries], parts: &[[Range<usize>; 3]]) -> Vec<(String, Vec<f32>)> {
        if self.resolved.calendar != Some(true) {
            return Vec::new();
        }
        if self.time_kind == TimeKind::RowNumbers {
            self.notices.push("row numbers have no calendar: no calendar features".into());
            return Vec::new();
        }
        let rows = |one: usize| parts[one][0].start..parts[one][2].end;
        let stamps: Vec<_> = (0..series.len()).flat_map(|one| series[one].stamps[rows(one)].iter().copied()).collect();
        let span_of = |one: &RawSeries, train: &Range<usize>| match train.len() {
            0 => 0,
            // One row stands for the step that it begins.
            _ => self.step.after(one.stamps[train.end - 1], 1, false).clock() - one.stamps[train.start].clock(),
        };
        let span = series.iter().zip(parts).map(|(one, parts)| span_of(one, &parts[0])).max().unwrap_or(0);
        let features = calendar::features(self.step, span, &stamps);
        let names: Vec<&str> = features.iter().map(|(name, _)| name.as_str()).collect();
        self.notices.push(format!(
            "calendar features: {}",
            if names.is_empty() { "none fits".into() } else { names.join(", ") }
        ));
        features
    }

    fn find_windows(&mut self, rows: &Rows) -> Result<()> {
        let mut all = [Vec::new(), Vec::new(), Vec::new()];
        for series in &self.series {
            for (list, split) in all.iter_mut().zip([SplitName::Train, SplitName::Validation, SplitName::Test]) {
                list.extend(windows(
                    &series.id,
                    &series.parts,
                    split,
                    self.lookback,
                    self.horizon,
                    rows,
                    &mut self.dropped,
                )?);
            }
        }
        [self.train, self.validation, self.test] = all;
        let counts = [&self.train, &self.validation, &self.test].map(|list| grouped(list.len()));
        self.notices.push(format!("windows: {} training, {} validation, {} test", counts[0], counts[1], counts[2]));
        for (count, why) in [
            (self.dropped.gap, "span a gap"),
            (self.dropped.unreadable, "would read a row that has no value, seen or imputed"),
            (self.dropped.unobserved, "have no observed target"),
        ] {
            if count > 0 {
                self.notices.push(format!("{} windows left out: they {why}", grouped(count)));
            }
        }
        Ok(())
    }

    fn count_missing(&mut self, policy: Impute) {
        let width = self.series.first().map_or(0, |series| series.scalers.len());
        let of = |column: usize| self.series.iter().map(|series| series.missing[column]).sum::<usize>();
        let counts: Vec<String> = (0..width)
            .filter(|column| of(*column) > 0)
            .map(|column| format!("`{}` {}", self.channel_names[column], grouped(of(column))))
            .collect();
        if counts.is_empty() {
            return;
        }
        let how = match policy {
            Impute::Mean => "the training rows' mean",
            _ => "the last seen value",
        };
        let masked: usize = (0..self.targets).map(of).sum();
        self.notices.push(format!(
            "missing: {}; as inputs they take {how} (--impute {policy}), and {} missing targets are masked out of loss, scaler and metrics",
            counts.join(", "), grouped(masked)
        ));
    }

    fn count_undefined_mase(&mut self) {
        let undefined = self.series.iter().flat_map(|series| &series.mase_denominators).filter(|d| d.is_none()).count();
        if undefined > 0 {
            self.notices.push(format!(
                "{} of the series' targets do not change over a season in training: no MASE for them",
                grouped(undefined)
            ));
        }
    }
}

/// mean |y_t − y_{t−M}| over training rows with both observed; `None` without a pair, or if it is 0.
fn seasonal_distance(series: &RawSeries, target: usize, train: &Range<usize>, season: usize) -> Option<f64> {
    let later = train.start + season..train.end.max(train.start + season);
    let distances = later.map(|row| (series.value(row, target) - series.value(row - season, target)).abs());
    let (count, sum) = distances.filter(|d| !d.is_nan()).fold((0usize, 0.0), |(count, sum), d| (count + 1, sum + d));
    (sum > 0.0).then(|| sum / count as f64)
}
