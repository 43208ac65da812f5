//! Charts: their mesh, lines that break where values are missing, and losses beside sparsity.

use std::ops::Range;

use plotters::chart::{DualCoordChartContext, MeshStyle};
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::{Area, Drawn, GRID, INK, LABEL, MUTED, NAME, short, short_between, style};

/// A chart's grid, ticks and names of axes, in the style of every picture.
pub(crate) fn mesh<'a, 'b, X, Y>(
    chart: &'b mut ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>,
) -> MeshStyle<'a, 'b, X, Y, SVGBackend<'a>>
where
    X: Ranged + ValueFormatter<X::ValueType>,
    Y: Ranged + ValueFormatter<Y::ValueType>,
{
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(MUTED)
        .label_style(style(LABEL, MUTED, HPos::Left))
        .axis_desc_style(style(NAME, INK, HPos::Left));
    mesh
}

type Losses<'a, X> = DualCoordChartContext<
    'a,
    SVGBackend<'a>,
    Cartesian2d<X, RangedCoordf64>,
    Cartesian2d<RangedCoordf64, RangedCoordf64>,
>;

/// Losses by the left axis, shares of pruned weights by the right one.
pub(crate) fn losses_and_sparsity<'a, X>(
    area: &Area<'a>,
    (x, x_name): (X, &str),
    losses: Range<f64>,
) -> Drawn<Losses<'a, X::CoordDescType>>
where
    X: AsRangedCoord<Value = f64>,
    X::CoordDescType: ValueFormatter<f64>,
{
    let x: X::CoordDescType = x.into();
    let loss = short_between(losses.start, losses.end);
    let across = x.range();
    let mut chart = ChartBuilder::on(area)
        .margin_left(16)
        .margin_right(16)
        .margin_bottom(8)
        .x_label_area_size(46)
        .y_label_area_size(64)
        .right_y_label_area_size(64)
        .build_cartesian_2d(x, losses)?
        .set_secondary_coord(across, 0.0..1.0f64);
    mesh(&mut chart)
        .x_desc(x_name)
        .y_desc("loss, on scaled values")
        .x_label_formatter(&|x: &f64| short(*x))
        .y_label_formatter(&loss)
        .draw()?;
    chart
        .configure_secondary_axes()
        .axis_style(MUTED)
        .label_style(style(LABEL, MUTED, HPos::Left))
        .axis_desc_style(style(NAME, INK, HPos::Left))
        .y_desc("sparsity")
        .y_labels(6)
        .y_label_formatter(&|y: &f64| format!("{:.0} %", y * 100.0))
        .draw()?;
    Ok(chart)
}

/// Runs of points that are finite.
pub(crate) fn pieces(points: impl IntoIterator<Item = (f64, f64)>) -> Vec<Vec<(f64, f64)>> {
    let points: Vec<(f64, f64)> = points.into_iter().collect();
    let runs = points.split(|point| !point.1.is_finite());
    // A lone point would draw nothing: give it half a row.
    runs.filter(|run| !run.is_empty())
        .map(|run| if let [(x, y)] = run { vec![(x - 0.5, *y), (*x, *y)] } else { run.to_vec() })
        .collect()
}
