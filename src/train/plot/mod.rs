//! The pictures of a run and of what it trained, as SVG text: the test forecast, how training went, masks, rows to come.
//!
//! Knows numbers, names and times only; what they mean is for the caller to say.

mod masks;
mod outlook;

use std::ops::Range;

use chrono::NaiveDateTime;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

pub use self::masks::masks_svg;
pub use self::outlook::{OutlookPanel, OutlookPlot, outlook_svg};
use self::outlook::{is_known, level_entries, outline, shade};
use crate::error::Result;
use crate::plot::{
    Area, BASELINES, BESIDE, Drawn, Header, INK, LABEL, MODEL, MUTED, Ticked, WIDTH, drawn, losses_and_sparsity, mesh,
    padded_range, pieces, short_between, span, style, time_ticks,
};

const SIZE: (u32, u32) = (WIDTH, 520);
/// Epochs at most that are marked by a dot each.
const MARKED: usize = 60;

/// A stretch of test rows of one series, and what was forecast for it.
#[derive(Debug, Clone, Default)]
pub struct ForecastPlot {
    /// Above the picture.
    pub title: String,
    /// What the vertical axis measures.
    pub unit: String,
    /// Of each row; empty where rows have no times.
    pub times: Vec<NaiveDateTime>,
    /// Of each row; not a number where it was not observed.
    pub truth: Vec<f64>,
    /// The model's forecasts.
    pub model: Line,
    /// At most three.
    pub baselines: Vec<Line>,
    /// Of the model's intervals, rising: `80`, `95`; empty where it has none.
    pub levels: Vec<String>,
    /// By forecast of the model, and by level, the lower and the upper ends, row by row.
    pub bands: Vec<Vec<Band>>,
}

/// The lower and the upper ends of an interval, row by row.
pub type Band = (Vec<f64>, Vec<f64>);

/// One forecaster's forecasts: from which row of the stretch, and its values row by row.
#[derive(Debug, Clone, Default)]
pub struct Line {
    /// In the legend.
    pub name: String,
    /// By forecast: the row of its first value, from 0, and its values in the data's units.
    pub windows: Vec<(usize, Vec<f64>)>,
}

/// How one replica's training went, epoch by epoch.
#[derive(Debug, Clone, Default)]
pub struct TrainingPlot {
    /// Above the picture.
    pub title: String,
    /// In order.
    pub epochs: Vec<TrainingPoint>,
    /// The epoch whose weights were kept, from 1.
    pub kept: Option<usize>,
}

/// The end of an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainingPoint {
    /// Optimizer steps so far.
    pub step: u64,
    /// Of scaled values.
    pub train_loss: f64,
    /// Of scaled values; not a number where there is none.
    pub validation_loss: f64,
    /// Fraction of the prunable weights that are 0.
    pub sparsity: f64,
}

/// A chart of values over `rows` rows, which `times` names where rows have times.
fn over_time<'a>(
    area: &Area<'a>,
    times: &[NaiveDateTime],
    rows: usize,
    values: Range<f64>,
    unit: &str,
) -> Drawn<ChartContext<'a, SVGBackend<'a>, Cartesian2d<Ticked, RangedCoordf64>>> {
    let (ticks, label) = time_ticks(times, rows);
    let axis = Ticked { from: 0.0, to: rows.saturating_sub(1).max(1) as f64, ticks };
    let label_of_value = short_between(values.start, values.end);
    let mut chart = ChartBuilder::on(area)
        .margin_left(16)
        .margin_right(28)
        .margin_bottom(8)
        .margin_top(10)
        .x_label_area_size(46)
        .y_label_area_size(64)
        .build_cartesian_2d(axis, values)?;
    mesh(&mut chart)
        .x_desc(span(times))
        .y_desc(unit)
        .x_label_formatter(&|x: &f64| label(*x))
        .y_label_formatter(&label_of_value)
        .draw()?;
    Ok(chart)
}

/// The point of each row, from row `start` on.
fn rows(start: usize, values: &[f64]) -> impl Iterator<Item = (f64, f64)> + '_ {
    values.iter().enumerate().map(move |(i, value)| ((start + i) as f64, *value))
}

/// `forecast.svg`: truth, the model and the baselines over the rows.
pub fn forecast_svg(plot: &ForecastPlot) -> Result<String> {
    let mut entries =
        vec![("truth".to_string(), INK.stroke_width(2)), (plot.model.name.clone(), MODEL.stroke_width(3))];
    let baselines = || plot.baselines.iter().zip(BASELINES);
    entries.extend(baselines().map(|(line, color)| (line.name.clone(), color.stroke_width(2))));
    entries.extend(level_entries(&plot.levels, |level| plot.bands.iter().any(|bands| is_known(&bands[level]))));
    let forecasts = plot.baselines.iter().chain([&plot.model]).flat_map(|line| &line.windows).flat_map(|w| &w.1);
    let ends = plot.bands.iter().flatten().flat_map(|(low, high)| low.iter().chain(high));
    let (low, high) = padded_range(plot.truth.iter().chain(forecasts).chain(ends).copied());
    drawn(SIZE, |root| {
        let body = Header::new(&plot.title, entries, WIDTH).draw(root)?;
        let mut chart = over_time(&body, &plot.times, plot.truth.len(), low..high, &plot.unit)?;
        for level in (0..plot.levels.len()).rev() {
            let colour = MODEL.mix(shade(level, plot.levels.len()));
            for ((start, _), bands) in
                plot.model.windows.iter().zip(&plot.bands).filter(|(_, all)| is_known(&all[level]))
            {
                let (low, high) = &bands[level];
                chart.draw_series([Polygon::new(outline(*start, low, high), colour.filled())])?;
            }
        }
        for (line, color) in baselines() {
            for piece in line.pieces() {
                chart.draw_series(LineSeries::new(piece, color.mix(0.9).stroke_width(1)))?;
            }
        }
        for piece in pieces(rows(0, &plot.truth)) {
            chart.draw_series(LineSeries::new(piece, INK.stroke_width(2)))?;
        }
        for piece in plot.model.pieces() {
            chart.draw_series(LineSeries::new(piece, MODEL.stroke_width(2)))?;
        }
        Ok(())
    })
}

/// `training.svg`: losses by the left axis, sparsity by the right one, over optimizer steps.
pub fn training_svg(plot: &TrainingPlot) -> Result<String> {
    let (train, validation) = (BASELINES[2], MODEL);
    let entries = [
        ("training loss".to_string(), train.stroke_width(3)),
        ("validation loss".to_string(), validation.stroke_width(3)),
        ("sparsity".to_string(), BESIDE.stroke_width(3)),
    ];
    let losses = || plot.epochs.iter().flat_map(|p| [p.train_loss, p.validation_loss]).filter(|v| v.is_finite());
    let top = losses().fold(0.0, f64::max);
    let top = if top > 0.0 { top * 1.08 } else { 1.0 };
    let steps = plot.epochs.iter().map(|p| p.step).max().unwrap_or(1).max(1) as f64;
    drawn(SIZE, |root| {
        let body = Header::new(&plot.title, entries, WIDTH).draw(root)?;
        let mut chart = losses_and_sparsity(&body, (0.0..steps, "optimizer steps"), 0.0..top)?;
        let stairs = stairs(&plot.epochs);
        let mut below = stairs.clone();
        below.extend([(stairs.last().map_or(0.0, |p| p.0), 0.0), (0.0, 0.0)]);
        chart.draw_secondary_series([Polygon::new(below, BESIDE.mix(0.12))])?;
        chart.draw_secondary_series(LineSeries::new(stairs, BESIDE.stroke_width(2)))?;
        let kept = plot.kept.and_then(|epoch| Some((epoch, plot.epochs.get(epoch.checked_sub(1)?)?.step as f64)));
        if let Some((epoch, x)) = kept {
            chart.draw_series(DashedLineSeries::new([(x, 0.0), (x, top)], 5, 5, MUTED.stroke_width(1)))?;
            let right_half = x > steps / 2.0;
            let style = style(LABEL, MUTED, if right_half { HPos::Right } else { HPos::Left });
            let text = format!("kept: epoch {epoch}");
            let beside = x + steps * if right_half { -0.006 } else { 0.006 };
            chart.draw_series([Text::new(text, (beside, top * 0.97), style)])?;
        }
        let losses: fn(&TrainingPoint) -> [f64; 2] = |p| [p.train_loss, p.validation_loss];
        for (which, color) in [train, validation].into_iter().enumerate() {
            let points: Vec<(f64, f64)> =
                plot.epochs.iter().map(|p| (p.step as f64, losses(p)[which])).filter(|p| p.1.is_finite()).collect();
            chart.draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)))?;
            // More would hide the line.
            let marked = points.len() <= MARKED;
            chart.draw_series(points.into_iter().filter(|_| marked).map(|p| Circle::new(p, 3, color.filled())))?;
        }
        Ok(())
    })
}

impl Line {
    fn pieces(&self) -> impl Iterator<Item = Vec<(f64, f64)>> + '_ {
        self.windows.iter().flat_map(|(start, values)| pieces(rows(*start, values)))
    }
}

/// Sparsity holds through an epoch and is what its end says.
fn stairs(epochs: &[TrainingPoint]) -> Vec<(f64, f64)> {
    let mut points = Vec::new();
    let mut from = 0.0;
    for epoch in epochs.iter().filter(|epoch| epoch.sparsity.is_finite()) {
        points.extend([(from, epoch.sparsity), (epoch.step as f64, epoch.sparsity)]);
        from = epoch.step as f64;
    }
    points
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveDate, TimeDelta};

    use super::*;

    /// Finite coordinates only, and every name in the picture.
    fn check(svg: &str, names: &[&str]) {
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        for name in names {
            assert!(svg.contains(name), "no {name} in {svg}");
        }
    }

    #[test]
    fn a_forecast_shows_every_name_and_breaks_at_missing_rows() {
        let wave = |i: usize, shift: f64| 40.0 + 10.0 * (i as f64 * 0.26 + shift).sin();
        let windows = |shift: f64| {
            (0..200).step_by(6).map(|s| (s, (s..(s + 6).min(200)).map(|i| wave(i, shift)).collect())).collect()
        };
        let line = |name: &str, shift| Line { name: name.into(), windows: windows(shift) };
        let mut truth: Vec<f64> = (0..200).map(|i| wave(i, 0.0)).collect();
        truth[50] = f64::NAN;
        let first = NaiveDate::from_ymd_opt(2013, 12, 22).unwrap().and_hms_opt(5, 0, 0).unwrap();
        let plot = ForecastPlot {
            title: "LSTM, 6 rows ahead".into(),
            unit: "temp".into(),
            times: (0..200).map(|i| first + TimeDelta::hours(i)).collect(),
            truth,
            model: line("LSTM", 0.1),
            baselines: vec![line("repeat last", 0.6), line("seasonal naive", -0.6), line("ridge", 0.2)],
            ..ForecastPlot::default()
        };
        assert!(!forecast_svg(&plot).unwrap().contains("<polygon"));
        let band = |rows: &[f64], by: f64| {
            let moved = |by| rows.iter().map(|value| value + by).collect();
            (moved(-by), moved(by))
        };
        let bands: Vec<Vec<Band>> =
            plot.model.windows.iter().map(|(_, rows)| vec![band(rows, 3.0), band(rows, 9.0)]).collect();
        let levels = vec!["80".to_string(), "95".into()];
        let svg = forecast_svg(&ForecastPlot { bands, levels, ..plot.clone() }).unwrap();
        check(&svg, &["80 % interval", "95 % interval"]);
        assert_eq!(svg.matches("<polygon").count(), 2 * plot.model.windows.len());
        check(&forecast_svg(&plot).unwrap(), &["LSTM, 6 rows ahead", "truth", "ridge", "seasonal naive", "Dec 25"]);
        assert_eq!(pieces(rows(0, &plot.truth)).len(), 2);
    }

    #[test]
    fn nothing_to_draw_is_no_error() {
        check(&forecast_svg(&ForecastPlot::default()).unwrap(), &["truth"]);
        check(&training_svg(&TrainingPlot::default()).unwrap(), &["sparsity"]);
        let constant = ForecastPlot { truth: vec![0.0], ..ForecastPlot::default() };
        check(&forecast_svg(&constant).unwrap(), &["row"]);
        let point = TrainingPoint { step: 3, train_loss: f64::NAN, validation_loss: f64::INFINITY, sparsity: 0.3 };
        check(
            &training_svg(&TrainingPlot { epochs: vec![point], kept: Some(9), ..Default::default() }).unwrap(),
            &["40 %"],
        );
    }

    #[test]
    fn training_marks_the_kept_epoch() {
        let epochs = (1..=20).map(|e| TrainingPoint {
            step: e * 90,
            train_loss: 0.1 + 0.5 / e as f64,
            validation_loss: 0.14 + 0.4 / e as f64,
            sparsity: 0.7 * (e as f64 / 15.0).min(1.0).powi(3),
        });
        let plot = TrainingPlot { title: "LSTM".into(), epochs: epochs.collect(), kept: Some(17) };
        check(&training_svg(&plot).unwrap(), &["kept: epoch 17", "validation loss", "optimizer steps"]);
    }
}
