//! The pictures of a run and of what it trained, as SVG text: the test forecast, how training went, masks, rows to come.
//!
//! Knows numbers, names and times only; what they mean is for the caller to say.

mod axis;
mod masks;
mod outlook;

use std::ops::Range;

use chrono::NaiveDateTime;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use self::axis::{Ticked, padded_range, short, span, time_ticks};
pub use self::masks::masks_svg;
pub use self::outlook::{OutlookPanel, OutlookPlot, outlook_svg};
use crate::error::{Error, Result};
use crate::palette;

const SIZE: (u32, u32) = (1100, 520);
pub(crate) const PAPER: RGBColor = plotted(palette::PAPER);
pub(crate) const INK: RGBColor = plotted(palette::INK);
pub(crate) const MUTED: RGBColor = plotted(palette::MUTED);
pub(crate) const GRID: RGBColor = plotted(palette::GRID);
pub(crate) const MODEL: RGBColor = plotted(palette::MODEL);
const SPARSITY: RGBColor = plotted(palette::BESIDE);
pub(crate) const FONT: &str = "sans-serif";

const fn plotted(hex: &str) -> RGBColor {
    let (red, green, blue) = palette::rgb(hex);
    RGBColor(red, green, blue)
}

/// A stretch of test rows of one series, and what was forecast for it.
#[derive(Debug, Clone, Default)]
pub struct ForecastPlot {
    pub title: String,
    /// What the vertical axis measures.
    pub unit: String,
    /// Of each row; empty where rows have no times.
    pub times: Vec<NaiveDateTime>,
    /// Of each row; not a number where it was not observed.
    pub truth: Vec<f64>,
    pub model: Line,
    /// At most three.
    pub baselines: Vec<Line>,
}

/// One forecaster's forecasts: from which row of the stretch, and its values row by row.
#[derive(Debug, Clone, Default)]
pub struct Line {
    pub name: String,
    pub windows: Vec<(usize, Vec<f64>)>,
}

/// How one replica's training went, epoch by epoch.
#[derive(Debug, Clone, Default)]
pub struct TrainingPlot {
    pub title: String,
    pub epochs: Vec<TrainingPoint>,
    /// The epoch whose weights were kept, from 1.
    pub kept: Option<usize>,
}

/// The end of an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainingPoint {
    /// Optimizer steps so far.
    pub step: u64,
    pub train_loss: f64,
    pub validation_loss: f64,
    /// Fraction of the prunable weights that are 0.
    pub sparsity: f64,
}

/// Plotters fails only where its target does; a text does not.
pub(crate) fn drawing(error: impl std::fmt::Display) -> Error {
    Error::io("svg", "please report this")(std::io::Error::other(error.to_string()))
}

/// A chart of values over `rows` rows, which `times` names where rows have times.
fn over_time<'a>(
    area: &Area<'a>,
    times: &[NaiveDateTime],
    rows: usize,
    values: Range<f64>,
    unit: &str,
) -> Result<ChartContext<'a, SVGBackend<'a>, Cartesian2d<Ticked, RangedCoordf64>>> {
    let (ticks, label) = time_ticks(times, rows);
    let axis = Ticked { from: 0.0, to: rows.saturating_sub(1).max(1) as f64, ticks };
    let mut chart = ChartBuilder::on(area)
        .margin_left(16)
        .margin_right(28)
        .margin_top(10)
        .x_label_area_size(46)
        .y_label_area_size(64)
        .build_cartesian_2d(axis, values)
        .map_err(drawing)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(MUTED)
        .label_style((FONT, 15).into_font().color(&MUTED))
        .axis_desc_style((FONT, 16).into_font().color(&INK))
        .x_desc(span(times))
        .y_desc(unit)
        .x_label_formatter(&|x: &f64| label(*x))
        .y_label_formatter(&|y: &f64| short(*y))
        .draw()
        .map_err(drawing)?;
    Ok(chart)
}

/// `forecast.svg`: truth, the model and the baselines over the rows.
pub fn forecast_svg(plot: &ForecastPlot) -> Result<String> {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        let baselines = palette::BASELINES.map(plotted);
        root.fill(&PAPER).map_err(drawing)?;
        let mut entries =
            vec![("truth".to_string(), INK.stroke_width(2)), (plot.model.name.clone(), MODEL.stroke_width(3))];
        entries.extend(
            plot.baselines.iter().zip(baselines).map(|(line, color)| (line.name.clone(), color.stroke_width(2))),
        );
        let body = header(&root, &plot.title, &entries)?;

        let forecasts = plot.baselines.iter().chain([&plot.model]).flat_map(|line| &line.windows).flat_map(|w| &w.1);
        let (low, high) = padded_range(plot.truth.iter().chain(forecasts).copied());
        let mut chart = over_time(&body, &plot.times, plot.truth.len(), low..high, &plot.unit)?;
        for (line, color) in plot.baselines.iter().zip(baselines) {
            for piece in line.pieces() {
                chart.draw_series(LineSeries::new(piece, color.mix(0.9).stroke_width(1))).map_err(drawing)?;
            }
        }
        for piece in pieces(0, &plot.truth) {
            chart.draw_series(LineSeries::new(piece, INK.stroke_width(2))).map_err(drawing)?;
        }
        for piece in plot.model.pieces() {
            chart.draw_series(LineSeries::new(piece, MODEL.stroke_width(2))).map_err(drawing)?;
        }
        root.present().map_err(drawing)?;
    }
    Ok(text)
}

/// `training.svg`: losses by the left axis, sparsity by the right one, over optimizer steps.
pub fn training_svg(plot: &TrainingPlot) -> Result<String> {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        root.fill(&PAPER).map_err(drawing)?;
        let (train, validation) = (plotted(palette::BASELINES[2]), MODEL);
        let entries = [
            ("training loss".to_string(), train.stroke_width(3)),
            ("validation loss".to_string(), validation.stroke_width(3)),
            ("sparsity".to_string(), SPARSITY.stroke_width(3)),
        ];
        let body = header(&root, &plot.title, &entries)?;

        let losses = || plot.epochs.iter().flat_map(|p| [p.train_loss, p.validation_loss]).filter(|v| v.is_finite());
        let top = losses().fold(0.0, f64::max);
        let top = if top > 0.0 { top * 1.08 } else { 1.0 };
        let steps = plot.epochs.iter().map(|p| p.step).max().unwrap_or(1).max(1) as f64;
        let mut chart = ChartBuilder::on(&body)
            .margin_left(16)
            .margin_right(16)
            .x_label_area_size(46)
            .y_label_area_size(64)
            .right_y_label_area_size(64)
            .build_cartesian_2d(0.0..steps, 0.0..top)
            .map_err(drawing)?
            .set_secondary_coord(0.0..steps, 0.0..1.0f64);
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(MUTED)
            .label_style((FONT, 15).into_font().color(&MUTED))
            .axis_desc_style((FONT, 16).into_font().color(&INK))
            .x_desc("optimizer steps")
            .y_desc("loss, on scaled values")
            .x_label_formatter(&|x: &f64| short(*x))
            .y_label_formatter(&|y: &f64| short(*y))
            .draw()
            .map_err(drawing)?;
        chart
            .configure_secondary_axes()
            .axis_style(MUTED)
            .label_style((FONT, 15).into_font().color(&MUTED))
            .axis_desc_style((FONT, 16).into_font().color(&INK))
            .y_desc("sparsity")
            .y_labels(6)
            .y_label_formatter(&|y: &f64| format!("{:.0} %", y * 100.0))
            .draw()
            .map_err(drawing)?;
        let stairs = stairs(&plot.epochs);
        let below =
            stairs.iter().copied().chain(stairs.last().map(|p| (p.0, 0.0))).chain([(0.0, 0.0)]).collect::<Vec<_>>();
        chart.draw_secondary_series([Polygon::new(below, SPARSITY.mix(0.12))]).map_err(drawing)?;
        chart.draw_secondary_series(LineSeries::new(stairs, SPARSITY.stroke_width(2))).map_err(drawing)?;
        let kept = plot.kept.and_then(|epoch| Some((epoch, plot.epochs.get(epoch.checked_sub(1)?)?.step as f64)));
        if let Some((epoch, x)) = kept {
            chart
                .draw_series(DashedLineSeries::new([(x, 0.0), (x, top)], 5, 5, MUTED.stroke_width(1)))
                .map_err(drawing)?;
            let right_half = x > steps / 2.0;
            let position = Pos::new(if right_half { HPos::Right } else { HPos::Left }, VPos::Top);
            let style = (FONT, 15).into_font().color(&MUTED).pos(position);
            let text = format!("kept: epoch {epoch}");
            let beside = x + steps * if right_half { -0.006 } else { 0.006 };
            chart.draw_series([Text::new(text, (beside, top * 0.99), style)]).map_err(drawing)?;
        }
        let losses: fn(&TrainingPoint) -> [f64; 2] = |p| [p.train_loss, p.validation_loss];
        for (which, color) in [train, validation].into_iter().enumerate() {
            let points: Vec<(f64, f64)> =
                plot.epochs.iter().map(|p| (p.step as f64, losses(p)[which])).filter(|p| p.1.is_finite()).collect();
            chart.draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2))).map_err(drawing)?;
            chart.draw_series(points.into_iter().map(|p| Circle::new(p, 3, color.filled()))).map_err(drawing)?;
        }
        root.present().map_err(drawing)?;
    }
    Ok(text)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The title, below it a row of legend entries, and the area that remains.
fn header<'a>(root: &Area<'a>, title: &str, entries: &[(String, ShapeStyle)]) -> Result<Area<'a>> {
    let (head, body) = root.split_vertically(82);
    let bold = (FONT, 22).into_font().style(FontStyle::Bold).color(&INK);
    head.draw(&Text::new(title.to_string(), (24, 16), bold)).map_err(drawing)?;
    let style = (FONT, 16).into_font().color(&INK).pos(Pos::new(HPos::Left, VPos::Center));
    let mut x = 26;
    for (name, stroke) in entries {
        head.draw(&PathElement::new(vec![(x, 58), (x + 26, 58)], *stroke)).map_err(drawing)?;
        head.draw(&Text::new(name.clone(), (x + 34, 58), style.clone())).map_err(drawing)?;
        x += 34 + (name.chars().count() as i32) * 8 + 28;
    }
    Ok(body)
}

impl Line {
    fn pieces(&self) -> impl Iterator<Item = Vec<(f64, f64)>> + '_ {
        self.windows.iter().flat_map(|(start, values)| pieces(*start, values))
    }
}

/// Runs of finite values, as points from row `start` on.
fn pieces(start: usize, values: &[f64]) -> Vec<Vec<(f64, f64)>> {
    let points: Vec<(f64, f64)> = values.iter().enumerate().map(|(i, &v)| ((start + i) as f64, v)).collect();
    let runs = points.split(|point| !point.1.is_finite());
    // A lone point would draw nothing: give it half a row.
    runs.filter(|run| !run.is_empty())
        .map(|run| if let [(x, y)] = run { vec![(x - 0.5, *y), (*x, *y)] } else { run.to_vec() })
        .collect()
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
    use super::*;
    use crate::train::plot::axis::tests::hourly;

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
        let plot = ForecastPlot {
            title: "LSTM, 6 rows ahead".into(),
            unit: "temp".into(),
            times: hourly(200),
            truth,
            model: line("LSTM", 0.1),
            baselines: vec![line("repeat last", 0.6), line("seasonal naive", -0.6), line("ridge", 0.2)],
        };
        check(&forecast_svg(&plot).unwrap(), &["LSTM, 6 rows ahead", "truth", "ridge", "seasonal naive", "Dec 25"]);
        assert_eq!(pieces(0, &plot.truth).len(), 2);
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
