//! Forecasts of rows to come, with their intervals, after the rows that were seen.

use chrono::NaiveDateTime;
use plotters::prelude::*;

use super::{Band, over_time, rows};
use crate::error::Result;
use crate::plot::{Header, INK, MODEL, MUTED, WIDTH, drawn, padded_range, pieces};

/// A picture of several series, one below another.
#[derive(Debug, Clone, Default)]
pub struct OutlookPlot {
    /// Above the picture.
    pub title: String,
    /// Of the forecasts.
    pub model: String,
    /// Of the intervals, rising: `80`, `95`.
    pub levels: Vec<String>,
    /// From top to bottom.
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
    /// Of the rows to come, in the data's units.
    pub forecast: Vec<f64>,
    /// By level, the lower and the upper ends.
    pub bands: Vec<Band>,
}

const PANEL: u32 = 330;

/// `forecast.svg`: history, forecast, and a band per level.
pub fn outlook_svg(plot: &OutlookPlot) -> Result<String> {
    let mut entries = vec![("data".to_string(), INK.stroke_width(2)), (plot.model.clone(), MODEL.stroke_width(3))];
    // A level may have too few residuals for a band.
    let drawn_band = |i: usize| plot.panels.iter().any(|panel| is_known(&panel.bands[i]));
    entries.extend(level_entries(&plot.levels, drawn_band));
    let header = Header::new(&plot.title, entries, WIDTH);
    let panels = plot.panels.len().max(1);
    drawn((WIDTH, header.height() + PANEL * panels as u32), |root| {
        for (area, panel) in header.draw(root)?.split_evenly((panels, 1)).iter().zip(&plot.panels) {
            let ends = panel.bands.iter().flat_map(|(low, high)| low.iter().chain(high));
            let (low, high) = padded_range(panel.truth.iter().chain(&panel.forecast).chain(ends).copied());
            let count = (panel.seen + panel.forecast.len()).max(panel.truth.len());
            let mut chart = over_time(area, &panel.times, count, low..high, &panel.unit)?;
            for (i, (low, high)) in panel.bands.iter().enumerate().rev().filter(|(_, band)| is_known(band)) {
                let colour = MODEL.mix(shade(i, panel.bands.len()));
                chart.draw_series([Polygon::new(outline(panel.seen, low, high), colour.filled())])?;
            }
            for piece in pieces(rows(0, &panel.truth)) {
                chart.draw_series(LineSeries::new(piece, INK.stroke_width(2)))?;
            }
            for piece in pieces(rows(panel.seen, &panel.forecast)) {
                chart.draw_series(LineSeries::new(piece, MODEL.stroke_width(3)))?;
            }
            let border = panel.seen as f64 - 0.5;
            chart.draw_series(DashedLineSeries::new([(border, low), (border, high)], 5, 5, MUTED.stroke_width(1)))?;
        }
        Ok(())
    })
}

/// The legend's entries of those levels that have a band.
pub(super) fn level_entries(
    levels: &[String],
    is_drawn: impl Fn(usize) -> bool,
) -> impl Iterator<Item = (String, ShapeStyle)> {
    let of = |(i, level)| (format!("{level} % interval"), MODEL.mix(shade(i, levels.len())).stroke_width(12));
    levels.iter().enumerate().filter(move |(i, _)| is_drawn(*i)).map(of)
}

/// Whether a band has both ends at every row.
pub(super) fn is_known((low, high): &Band) -> bool {
    low.iter().chain(high).all(|end| end.is_finite())
}

/// A band from a row on. One of a single row is as wide as a row.
pub(super) fn outline(seen: usize, low: &[f64], high: &[f64]) -> Vec<(f64, f64)> {
    if let (&[low], &[high]) = (low, high) {
        let (left, right) = (seen as f64 - 0.5, seen as f64 + 0.5);
        return vec![(left, low), (right, low), (right, high), (left, high)];
    }
    let mut upper: Vec<(f64, f64)> = rows(seen, high).collect();
    upper.reverse();
    rows(seen, low).chain(upper).collect()
}

/// The narrowest band is the darkest.
pub(super) fn shade(level: usize, levels: usize) -> f64 {
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
            let mut lacking = plot.clone();
            lacking.panels.iter_mut().for_each(|panel| panel.bands[1] = (vec![f64::NAN; rows], vec![f64::NAN; rows]));
            let svg = outlook_svg(&lacking).unwrap();
            assert_eq!(svg.matches("<polygon").count(), 2);
            assert!(svg.contains("80 % interval") && !svg.contains("95 % interval"));
        }
        assert!(outlook_svg(&OutlookPlot::default()).is_ok());
    }
}
