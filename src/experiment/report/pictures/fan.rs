//! Forecasts of a cell's last test rows by every seed.

use plotters::prelude::*;

use crate::error::Result;
use crate::experiment::cell::Extras;
use crate::plot::{Header, INK, Ticked, WIDTH, color, drawn, mesh, padded_range, pieces, short_between};

/// Of the chart below the legend.
const HEIGHT: u32 = 340;

/// The last test rows: truth, and for a few settings the range and mean over seeds.
pub(super) fn fan(extras: &Extras, shown: &[(String, usize)]) -> Result<Option<String>> {
    let fan = &extras.fan;
    let found = |name: &str| fan.members.iter().find(|(one, _)| one == name).map(|(_, seeds)| seeds);
    let members: Vec<_> = shown.iter().filter_map(|(name, method)| Some((name, *method, found(name)?))).collect();
    if members.is_empty() || fan.truth.is_empty() {
        return Ok(None);
    }
    let mut entries = vec![("truth".to_string(), INK.stroke_width(2))];
    entries.extend(members.iter().map(|(name, method, _)| (name.to_string(), color(*method).stroke_width(2))));
    let header = Header::new("", entries, WIDTH);
    let all = members.iter().flat_map(|(_, _, seeds)| seeds.iter().flatten().flatten());
    let (low, high) = padded_range(all.chain(fan.truth.iter().flatten()).copied());
    let across = Ticked { from: 0.0, to: (fan.truth.len() - 1).max(1) as f64, ticks: Vec::new() };
    let svg = drawn((WIDTH, header.height() + HEIGHT), |root| {
        let mut chart = ChartBuilder::on(&header.draw(root)?)
            .margin_left(16)
            .margin_right(28)
            .margin_bottom(8)
            .x_label_area_size(36)
            .y_label_area_size(64)
            .build_cartesian_2d(across, low..high)?;
        mesh(&mut chart)
            .x_desc(format!("{} {} … {}", fan.series, fan.first, fan.last).trim())
            .y_label_formatter(&short_between(low, high))
            .draw()?;
        for &(_, method, seeds) in &members {
            let rows: Vec<Spread> = (0..fan.truth.len()).map(|row| Spread::of(row, seeds)).collect();
            for run in rows.split(|row| row.mean.is_nan()).filter(|run| run.len() > 1) {
                let lower = run.iter().rev().map(|row| (row.at, row.low));
                let outline: Vec<_> = run.iter().map(|row| (row.at, row.high)).chain(lower).collect();
                chart.draw_series([Polygon::new(outline, color(method).mix(0.25).filled())])?;
            }
            for piece in pieces(rows.iter().map(|row| (row.at, row.mean))) {
                chart.draw_series(LineSeries::new(piece, color(method).stroke_width(2)))?;
            }
        }
        let truth = fan.truth.iter().enumerate().map(|(row, value)| (row as f64, value.unwrap_or(f64::NAN)));
        for piece in pieces(truth) {
            chart.draw_series(LineSeries::new(piece, INK.stroke_width(2)))?;
        }
        Ok(())
    })?;
    Ok(Some(svg))
}

/// A row's forecasts over seeds; not a number where no seed has one.
struct Spread {
    at: f64,
    low: f64,
    high: f64,
    mean: f64,
}

impl Spread {
    fn of(row: usize, seeds: &[Vec<Option<f64>>]) -> Spread {
        let own: Vec<f64> = seeds.iter().filter_map(|seed| *seed.get(row)?).collect();
        Spread {
            at: row as f64,
            low: own.iter().copied().fold(f64::NAN, f64::min),
            high: own.iter().copied().fold(f64::NAN, f64::max),
            mean: own.iter().sum::<f64>() / own.len() as f64,
        }
    }
}
