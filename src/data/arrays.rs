//! Series, parts and scalers → the arrays of a [`Dataset`](super::Dataset).

use super::calendar::Interval;
use super::count::{counted, grouped};
use super::dataset::Series;
use super::fitted::FittedSeries;
use super::frame::{Frame, check_memory};
use super::impute;
use super::options::Impute;
use super::scale::Scaler;
use super::series::RawSeries;
use super::split::Parts;
use super::weights;
use crate::error::{Error, Place, Result};

/// Rows of all series, one after another ("global rows").
pub(crate) struct Arrays {
    pub series: Vec<Series>,
    /// `[rows, channels]`, scaled and imputed.
    pub values: Vec<f32>,
    /// `[rows, targets]`, 1 or 0.
    pub observed: Vec<f32>,
    /// `[rows, targets]`, the data's units, NaN where missing.
    pub raw_targets: Vec<f64>,
    /// Of the rows, as shares of the largest; empty if they have none.
    pub weights: Vec<f64>,
    /// `[rows, targets]`: the scaled value was observed or imputed.
    pub known: Vec<bool>,
    /// `[rows, value columns]`: there is no value, observed or imputed.
    pub holes: Vec<bool>,
    /// Rows that do not follow their predecessor by one step.
    pub breaks: Vec<bool>,
    /// Where the first target that is no whole number stands.
    pub fraction: Option<Place>,
}

impl Arrays {
    /// `parts` are rows of each raw series, `calendar` holds columns over all kept rows. Before each series lie `padding` rows
    /// that belong to none: every value column has the value of the series' first row there, and calendar columns are 0.
    ///
    /// # Errors
    /// More rows than fit 32-bit indices; a value that overflows 32-bit floats when it is scaled.
    pub(super) fn fill(
        frame: &Frame,
        (series, parts): (&[RawSeries], &[Parts]),
        scaling: Vec<FittedSeries>,
        calendar: &[(String, Vec<f32>)],
        (policy, padding): (Impute, usize),
    ) -> Result<Arrays> {
        let (width, targets) = (frame.columns.values(), frame.columns.targets());
        let kept: usize = parts.iter().map(|parts| parts.all().len() + padding).sum();
        // Windows and counts of observed targets are 32-bit words.
        if kept.saturating_mul(targets) > u32::MAX as usize / 2 {
            let problem = format!("{} rows of {} are too many", grouped(kept), counted(targets, "target"));
            return Err(Error::data(frame.file(), problem, "at most 2,147,483,647 in all"));
        }
        if padding > 0 {
            check_memory(kept, width + calendar.len(), frame.file())?;
        }
        let mut arrays = Arrays {
            series: Vec::with_capacity(series.len()),
            values: Vec::with_capacity(kept * (width + calendar.len())),
            observed: Vec::with_capacity(kept * targets),
            raw_targets: Vec::with_capacity(kept * targets),
            weights: Vec::new(),
            known: Vec::with_capacity(kept * targets),
            holes: Vec::with_capacity(kept * width),
            breaks: Vec::with_capacity(kept),
            fraction: None,
        };
        let mut calendar_row = 0;
        for ((one, parts), FittedSeries { scalers, mase_denominators, .. }) in series.iter().zip(parts).zip(scaling) {
            let rows = parts.all();
            let filled = impute::fill(one, policy, &scalers, targets);
            arrays.pad(padding, &filled[rows.start * width..][..width], &scalers, calendar.len(), targets);
            let start = arrays.breaks.len();
            if !frame.weights.is_empty() {
                arrays.weights.extend(std::iter::repeat_n(0.0, padding));
                arrays.weights.extend_from_slice(&weights::of_rows(&frame.weights, &one.sources)[rows.clone()]);
            }
            for row in rows.clone() {
                let values = &filled[row * width..][..width];
                for (column, (value, scaler)) in values.iter().zip(&scalers).enumerate() {
                    let scaled = if value.is_nan() { 0.0 } else { scaler.scale(*value) as f32 };
                    if !scaled.is_finite() {
                        let help = "correct the cell, or name the value in ‹missing-values›";
                        let problem = "scaled, this leaves the range of 32-bit numbers";
                        return Err(Error::data(one.place(frame, row, column), problem, help));
                    }
                    arrays.values.push(scaled);
                    arrays.holes.push(value.is_nan());
                }
                arrays.values.extend(calendar.iter().map(|(_, column)| column[calendar_row]));
                calendar_row += 1;
                for (target, value) in values.iter().enumerate().take(targets) {
                    let raw = one.value(row, target);
                    if arrays.fraction.is_none() && !raw.is_nan() && raw.fract() != 0.0 {
                        arrays.fraction = Some(one.place(frame, row, target));
                    }
                    arrays.raw_targets.push(raw);
                    arrays.observed.push(if raw.is_nan() { 0.0 } else { 1.0 });
                    arrays.known.push(!value.is_nan());
                }
                // What lies before the first kept row is not read; padding follows no calendar.
                let apart = (row > rows.start).then(|| one.calendar.interval(one.stamps[row - 1], one.stamps[row]));
                arrays.breaks.push(apart.is_some_and(|apart| apart != Interval::Regular));
            }
            let (future, mut to_come) = (frame.columns.future(), one.to_come.clone());
            let last = filled.chunks_exact(width).next_back().map_or(&[][..], |row| &row[future.clone()]);
            to_come.fill(policy, last, &scalers[future]);
            arrays.series.push(Series {
                id: one.id.clone(),
                rows: start..start + rows.len(),
                timestamps: one.stamps[rows.clone()].to_vec(),
                scalers,
                mase_denominators,
                parts: parts.moved(rows.start, start),
                trimmed: rows.start,
                calendar: one.calendar.clone(),
                season: one.season,
                to_come,
                missing: (0..width).map(|c| rows.clone().filter(|row| one.value(*row, c).is_nan()).count()).collect(),
            });
        }
        weights::normalize(&mut arrays.weights);
        Ok(arrays)
    }

    /// Rows before a series' first one, whose values in the data's units these are.
    fn pad(&mut self, rows: usize, first: &[f64], scalers: &[Scaler], calendar: usize, targets: usize) {
        let scaled = |(value, scaler): (&f64, &Scaler)| if value.is_nan() { 0.0 } else { scaler.scale(*value) as f32 };
        for _ in 0..rows {
            self.values.extend(first.iter().zip(scalers).map(scaled));
            self.values.extend(std::iter::repeat_n(0.0, calendar));
            self.holes.extend(std::iter::repeat_n(false, first.len()));
            self.observed.extend(std::iter::repeat_n(0.0, targets));
            self.raw_targets.extend(std::iter::repeat_n(f64::NAN, targets));
            self.known.extend(std::iter::repeat_n(false, targets));
            self.breaks.push(false);
        }
    }
}
