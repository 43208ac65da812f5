//! Series, borders and scalers → the arrays and windows of a [`Dataset`].

use std::ops::Range;

use super::dataset::{Dataset, Series, SplitName};
use super::fitted::Fitted;
use super::options::{Gaps, Impute};
use super::scale::Scaler;
use super::series::{Frame, RawSeries};
use super::split::Parts;
use super::step::Interval;
use super::time_column::TimeKind;
use super::window::{Finder, Prefix, Rows};
use super::{calendar, counted, grouped, impute};
use crate::error::{Error, Result};

impl Dataset {
    /// Fills the arrays, series by series, then finds the windows. `parts` are rows of each raw series.
    pub(super) fn assemble(
        &mut self,
        frame: &Frame,
        series: &[RawSeries],
        parts: &[Parts],
        scalers: Vec<Vec<Scaler>>,
        fitted: Option<&Fitted>,
    ) -> Result<()> {
        let kept: usize = parts.iter().map(|parts| parts.all().len()).sum();
        // Windows and counts of observed targets are 32-bit words.
        if kept.saturating_mul(self.targets) > u32::MAX as usize / 2 {
            let problem = format!("{} rows of {} are too many", grouped(kept), counted(self.targets, "target"));
            return Err(Error::data(frame.file(), problem, "at most 2,147,483,647 in all"));
        }
        let policy = self.resolved.impute.unwrap_or_default();
        let width = self.channel_names.len();
        let value_names = self.channel_names.clone();
        let features = self.calendar_features(series, parts, fitted);
        self.channel_names.extend(features.iter().map(|(name, _)| name.clone()));
        let (mut holes, mut breaks) = (Vec::with_capacity(kept * width), Vec::with_capacity(kept));
        let mut start = 0;
        for ((one, parts), scalers) in series.iter().zip(parts).zip(scalers) {
            let rows = parts.all();
            let filled = impute::fill(one, policy, parts, &scalers);
            for row in rows.clone() {
                let values = &filled[row * width..][..width];
                for (column, (value, scaler)) in values.iter().zip(&scalers).enumerate() {
                    let scaled = if value.is_nan() { 0.0 } else { scaler.scale(*value) as f32 };
                    if !scaled.is_finite() {
                        let help = "mend the cell, or name the value in ‹missing-values›";
                        let problem = "scaled, this leaves the range of 32-bit numbers";
                        return Err(Error::data(frame.place(one, row, column), problem, help));
                    }
                    self.values.push(scaled);
                    holes.push(value.is_nan());
                }
                self.values.extend(features.iter().map(|(_, column)| column[start + row - rows.start]));
                for (target, value) in values.iter().enumerate().take(self.targets) {
                    let raw = one.value(row, target);
                    self.raw_targets.push(raw);
                    self.observed.push(if raw.is_nan() { 0.0 } else { 1.0 });
                    self.known.push(!value.is_nan());
                }
                let apart = (row > 0).then(|| self.step.interval(one.stamps[row - 1], one.stamps[row]));
                breaks.push(apart.is_some_and(|apart| apart != Interval::Regular));
            }
            self.series.push(Series {
                id: one.id.clone(),
                rows: start..start + rows.len(),
                timestamps: one.stamps[rows.clone()].to_vec(),
                mase_denominators: (0..self.targets)
                    .map(|target| seasonal_distance(one, target, &parts.train, self.season))
                    .collect(),
                scalers,
                parts: parts.moved(rows.start, start),
                trimmed: rows.start,
                missing: (0..width).map(|c| rows.clone().filter(|row| one.value(*row, c).is_nan()).count()).collect(),
            });
            start += rows.len();
        }
        let skip = self.resolved.gaps == Some(Gaps::Skip);
        let rows = Rows {
            observed: Prefix::new(self.observed.chunks_exact(self.targets).map(|row| row.iter().sum::<f32>() as u32)),
            unreadable: Prefix::new(holes.chunks_exact(width).map(|row| u32::from(row.contains(&true)))),
            breaks: Prefix::new(breaks.into_iter().map(|breaks| u32::from(skip && breaks))),
            holes,
            names: value_names,
        };
        self.find_windows(&rows, fitted.is_some())?;
        self.observed_count = rows.observed;
        self.unreadable = rows.unreadable;
        Ok(())
    }

    /// Calendar columns over all kept rows, in global order.
    fn calendar_features(
        &mut self,
        series: &[RawSeries],
        parts: &[Parts],
        fitted: Option<&Fitted>,
    ) -> Vec<(String, Vec<f32>)> {
        if self.resolved.calendar != Some(true) {
            return Vec::new();
        }
        if self.time_kind == TimeKind::RowNumbers {
            self.notices.push("row numbers have no calendar: no calendar features".into());
            return Vec::new();
        }
        let stamps: Vec<_> =
            series.iter().zip(parts).flat_map(|(one, parts)| &one.stamps[parts.all()]).copied().collect();
        if let Some(fitted) = fitted {
            return fitted.calendar.iter().cloned().zip(calendar::named(&fitted.calendar, &stamps)).collect();
        }
        // A row stands for the step that it begins.
        let span = |one: &RawSeries, train: &Range<usize>| {
            let (first, last) = (one.stamps[train.start], one.stamps[train.end - 1]);
            self.step.after(last, 1, false).clock() - first.clock()
        };
        let spans = series.iter().zip(parts).map(|(one, parts)| span(one, &parts.train));
        let features = calendar::features(self.step, spans.max().unwrap_or(0), &stamps);
        let names: Vec<&str> = features.iter().map(|(name, _)| name.as_str()).collect();
        let told = if names.is_empty() { "none fits".into() } else { names.join(", ") };
        self.notices.push(format!("calendar features: {told}").into());
        features
    }

    /// The windows of each part; of a model that is trained, those of the test part, if there are any.
    fn find_windows(&mut self, rows: &Rows, trained: bool) -> Result<()> {
        let mut finder = Finder { lookback: self.lookback, horizon: self.horizon, rows, dropped: Default::default() };
        let mut lists = [Vec::new(), Vec::new(), Vec::new()];
        let mut kept = Vec::new();
        for series in &self.series {
            if trained {
                lists[2].extend(finder.any_windows(&series.parts, SplitName::Test).0);
                continue;
            }
            for (list, split) in lists.iter_mut().zip([SplitName::Train, SplitName::Validation, SplitName::Test]) {
                let windows = finder.windows(&series.id, &series.parts, split)?;
                match self.resolved.calibration.filter(|_| split == SplitName::Validation) {
                    None => list.extend(windows),
                    Some(share) => {
                        let (chooses, calibrates) = calibration(
                            &series.id,
                            &series.parts.validation,
                            share,
                            windows,
                            (self.lookback, self.horizon),
                        )?;
                        list.extend(chooses);
                        kept.extend(calibrates);
                    }
                }
            }
        }
        self.dropped = finder.dropped;
        [self.train, self.validation, self.test] = lists;
        let [train, validation, test] = [&self.train, &self.validation, &self.test].map(|list| grouped(list.len()));
        let kept_back = if kept.is_empty() { String::new() } else { format!(", {} calibration", grouped(kept.len())) };
        self.calibration = kept;
        self.notices.push(
            match trained {
                true => format!("windows: {test}"),
                false => format!("windows: {train} training, {validation} validation{kept_back}, {test} test"),
            }
            .into(),
        );
        for (count, why) in [
            (self.dropped.gap, "spans a gap"),
            (self.dropped.unreadable, "reads a row that has no value, seen or imputed"),
            (self.dropped.unobserved, "has no observed target"),
        ] {
            if count > 0 {
                self.notices.push(format!("left out: {}, each of which {why}", counted(count, "window")).into());
            }
        }
        Ok(())
    }

    /// Tells how many cells are missing, by column, and how many targets have no MASE.
    pub(super) fn count_missing(&mut self) {
        let policy = self.resolved.impute.unwrap_or_default();
        let width = self.series.first().map_or(0, |series| series.scalers.len());
        let of = |column: usize| self.series.iter().map(|series| series.missing[column]).sum::<usize>();
        let missing = (0..width).filter(|column| of(*column) > 0);
        let counts: Vec<String> =
            missing.map(|column| format!("`{}` {}", self.channel_names[column], grouped(of(column)))).collect();
        if !counts.is_empty() {
            let how = match policy {
                Impute::Mean => "the training rows' mean",
                Impute::Ffill => "the last seen value",
                Impute::Error => "no other, and no window reads one",
            };
            let targets: usize = (0..self.targets).map(of).sum();
            let masked = match targets {
                0 => String::new(),
                _ => format!("; {} masked out of loss, scaler and metrics", counted(targets, "missing target")),
            };
            let counts = counts.join(", ");
            self.notices.push(format!("missing: {counts}; inputs take {how} (‹impute {policy}›){masked}").into());
        }
        let without = self.series.iter().flat_map(|series| &series.mase_denominators).filter(|d| d.is_none()).count();
        if without > 0 {
            let what = counted(without, "target");
            let season = self.season;
            self.notices.push(
                match self.train.is_empty() {
                    true => format!("no MASE for {what}: nothing is known of training rows"),
                    false => format!("no MASE for {what}: no change over {season} rows in its training rows"),
                }
                .into(),
            );
        }
    }
}

/// The windows that choose the epoch, and those kept from the choice: the targets of the former lie before the last `share` of
/// the validation rows, those of the latter in it.
fn calibration(
    id: &str,
    rows: &Range<usize>,
    share: f64,
    windows: Vec<u32>,
    (lookback, horizon): (usize, usize),
) -> Result<(Vec<u32>, Vec<u32>)> {
    let border = rows.end - ((share * rows.len() as f64 + 1e-9).floor() as usize).min(rows.len());
    let origin = |window: &u32| *window as usize + lookback;
    let chooses: Vec<u32> = windows.iter().copied().filter(|window| origin(window) + horizon <= border).collect();
    let calibrates: Vec<u32> = windows.into_iter().filter(|window| origin(window) >= border).collect();
    if chooses.is_empty() || calibrates.is_empty() {
        let whose = if id.is_empty() { String::new() } else { format!(" of series `{id}`") };
        let problem = format!(
            "{share} leaves {} windows that choose the epoch and {} that calibrate, of {} validation rows{whose} and a horizon \
             of {horizon}",
            chooses.len(),
            calibrates.len(),
            rows.len()
        );
        return Err(Error::config("calibration", problem, "another share, a longer validation part, or none"));
    }
    Ok((chooses, calibrates))
}

/// mean |y_t − y_{t−M}| over training rows with both observed; `None` without a pair, or if it is 0.
fn seasonal_distance(series: &RawSeries, target: usize, train: &Range<usize>, season: usize) -> Option<f64> {
    let later = train.start + season..train.end.max(train.start + season);
    let distances = later.map(|row| (series.value(row, target) - series.value(row - season, target)).abs());
    let (count, sum) = distances.filter(|d| !d.is_nan()).fold((0usize, 0.0), |(count, sum), d| (count + 1, sum + d));
    (sum > 0.0).then(|| sum / count as f64)
}
