//! Forecasts of rows to come, with their intervals, after the rows that were seen.

use chrono::NaiveDateTime;
use plotters::prelude::*;

use super::axis::padded_range;
use super::{INK, MODEL, MUTED, PAPER, drawing, header, over_time, pieces};
use crate::error::Result;

/// A picture of several series, one below another.
#[derive(Debug, Clone, Default)]
pub struct OutlookPlot {
    pub title: String,
    /// Of the forecasts.
    pub model: String,
    /// Of the intervals, rising: `80`, `95`.
    pub levels: Vec<String>,
    pub panels: Vec<OutlookPanel>,
}

/// One series.
#[derive(Debug, Clone, Default)]
pub struct OutlookPanel {
    /// What the vertical axis measures.
    pub unit: String,
    /// Of each row; empty where rows have no times.
    pub times: Vec<NaiveDateTime>,
    /// Rows seen, then those to come as far as the data has them; not a number elsewhere.
    pub truth: Vec<f64>,
    /// Rows seen.
    pub seen: usize,
    pub forecast: Vec<f64>,
    /// By level, the lower and the upper ends.
    pub bands: Vec<(Vec<f64>, Vec<f64>)>,
}

const WIDTH: u32 = 1100;
const HEAD: u32 = 82;
const PANEL: u32 = 330;

/// `forecast.svg`: history, forecast, and a band per level.
pub fn outlook_svg(plot: &OutlookPlot) -> Result<String> {
    let mut text = String::new();
    {
        let size = (WIDTH, HEAD + PANEL * plot.panels.len().max(1) as u32);
        let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
        root.fill(&PAPER).map_err(drawing)?;
        let mut entries = vec![("data".to_string(), INK.stroke_width(2)), (plot.model.clone(), MODEL.stroke_width(3))];
        let levels = plot.levels.iter().enumerate();
        entries.extend(levels.map(|(i, level)| {
            (format!("{level} % interval"), MODEL.mix(shade(i, plot.levels.len())).stroke_width(12))
        }));
        let body = header(&root, &plot.title, &entries)?;
        for (area, panel) in body.split_evenly((plot.panels.len().max(1), 1)).iter().zip(&plot.panels) {
            let ends = panel.bands.iter().flat_map(|(low, high)| low.iter().chain(high));
            let (low, high) = padded_range(panel.truth.iter().chain(&panel.forecast).chain(ends).copied());
            let rows = (panel.seen + panel.forecast.len()).max(panel.truth.len());
            let mut chart = over_time(area, &panel.times, rows, low..high, &panel.unit)?;
            let x = |row: usize| (panel.seen + row) as f64;
            for (i, (low, high)) in panel.bands.iter().enumerate().rev() {
                // A forecast of one row has a band as wide as a row.
                let wide = if low.len() == 1 { 0.5 } else { 0.0 };
                let at = |row: usize, side: f64| x(row) + side * wide;
                let mut outline: Vec<(f64, f64)> = low.iter().enumerate().map(|(row, y)| (at(row, -1.0), *y)).collect();
                outline.extend(high.iter().enumerate().rev().map(|(row, y)| (at(row, -1.0), *y)));
                if low.len() == 1 {
                    outline = vec![
                        (at(0, -1.0), low[0]),
                        (at(0, 1.0), low[0]),
                        (at(0, 1.0), high[0]),
                        (at(0, -1.0), high[0]),
                    ];
                }
                let colour = MODEL.mix(shade(i, panel.bands.len()));
                chart.draw_series([Polygon::new(outline, colour.filled())]).map_err(drawing)?;
            }
            for piece in pieces(0, &panel.truth) {
                chart.draw_series(LineSeries::new(piece, INK.stroke_width(2))).map_err(drawing)?;
            }
            for piece in pieces(panel.seen, &panel.forecast) {
                chart.draw_series(LineSeries::new(piece, MODEL.stroke_width(3))).map_err(drawing)?;
            }
            let border = panel.seen as f64 - 0.5;
            let line = DashedLineSeries::new([(border, low), (border, high)], 5, 5, MUTED.stroke_width(1));
            chart.draw_series(line).map_err(drawing)?;
        }
        root.present().map_err(drawing)?;
    }
    Ok(text)
}

/// The narrowest band is the darkest.
fn shade(level: usize, levels: usize) -> f64 {
    0.30 - 0.18 * level as f64 / levels.saturating_sub(1).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_of_one_row_and_of_many_are_drawn() {
        for rows in [1, 12] {
            let wave = |i: usize| (i as f64 * 0.3).sin();
            let panel = OutlookPanel {
                unit: "temp".into(),
                times: Vec::new(),
                truth: (0..60).map(wave).collect(),
                seen: 60,
                forecast: (60..60 + rows).map(wave).collect(),
                bands: vec![(vec![-1.2; rows], vec![1.2; rows]), (vec![-2.0; rows], vec![2.0; rows])],
            };
            let plot = OutlookPlot {
                title: "T".into(),
                model: "LSTM".into(),
                levels: vec!["80".into(), "95".into()],
                panels: vec![panel; 2],
            };
            let svg = outlook_svg(&plot).unwrap();
            assert_eq!(svg.matches("<polygon").count(), 4);
            assert!(svg.contains("95 % interval") && !svg.contains("NaN"));
        }
        assert!(outlook_svg(&OutlookPlot::default()).is_ok());
    }
}
