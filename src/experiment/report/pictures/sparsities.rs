//! Error over sparsity and over size, a line per method with its interval over seeds.

use plotters::prelude::*;

use crate::error::Result;
use crate::experiment::grid::GridCell;
use crate::experiment::report::document::Element;
use crate::experiment::report::methods::Methods;
use crate::experiment::report::sparsities::Point;
use crate::plot::{Header, INK, Ticked, WIDTH, color, drawn, mesh, padded_range, short};

use super::MOST_PICTURES;

/// Of the chart below the legend.
const HEIGHT: u32 = 380;

/// Differences beyond this many per cent leave the picture: a model that is lost would press the others to a line.
const MOST_PER_CENT: f64 = 60.0;

/// Two pictures of each cell, of as many as are drawn of anything: over sparsity, and over what is left of the parameters.
pub(in crate::experiment::report) fn sparsities(
    methods: &Methods,
    cells: &[(&GridCell, Vec<Point>)],
) -> Result<Vec<Element>> {
    let mut pictures = Vec::new();
    for (cell, points) in cells.iter().filter(|(_, points)| !points.is_empty()).take(MOST_PICTURES) {
        for across in [Across::Sparsity, Across::Size] {
            let caption = format!(
                "{}: test MAE over {}, in per cent of the dense model's; bands are 95 % intervals over seeds, where there are several; \
                 dashed what prunes nothing",
                cell.id(),
                across.words()
            );
            pictures.push(Element::Picture { caption, svg: curves(methods, points, across)? });
        }
    }
    Ok(pictures)
}

/// What the axis from left to right shows.
#[derive(Clone, Copy)]
enum Across {
    Sparsity,
    Size,
}

impl Across {
    fn words(self) -> &'static str {
        match self {
            Across::Sparsity => "sparsity",
            Across::Size => "the parameters that are left",
        }
    }

    /// Of a point: sparsity in per cent, or the base-2 logarithm of the share that is left, smaller to the right.
    fn of(self, point: &Point) -> Option<f64> {
        match self {
            Across::Sparsity => Some(100.0 * point.sparsity?),
            Across::Size => point.sparsity.and(Some(-point.share[0]?.log2())),
        }
    }

    fn axis(self, points: &[Point]) -> Ticked {
        match self {
            Across::Sparsity => {
                let least = points.iter().filter_map(|point| self.of(point)).fold(100.0, f64::min);
                let ticks = (0..=10).map(|ten| f64::from(ten) * 10.0).filter(|tick| *tick >= least - 5.0);
                Ticked { from: least - 5.0, to: 100.0, ticks: ticks.collect() }
            }
            Across::Size => {
                let last = points.iter().filter_map(|point| self.of(point)).fold(1.0, f64::max).ceil().min(20.0);
                Ticked { from: -0.2, to: last, ticks: (0..=last as u32).map(f64::from).collect() }
            }
        }
    }

    fn label(self, value: f64) -> String {
        match self {
            Across::Sparsity => short(value),
            Across::Size => short(100.0 * (-value).exp2()),
        }
    }
}

/// A method's means and intervals by sparsity in per cent.
type Line = Vec<(f64, [f64; 3])>;

fn line(points: &[Point], method: usize, across: Across) -> Line {
    let own = points.iter().filter(|point| point.method == method);
    let mut line: Line = own
        .filter_map(|point| {
            let mean = point.mean?;
            let [low, high] = point.paired.interval.map_or([mean; 2], |found| [found.low, found.high]);
            Some((across.of(point)?, [low, mean, high]))
        })
        .collect();
    line.sort_by(|a, b| a.0.total_cmp(&b.0));
    line
}

fn curves(methods: &Methods, points: &[Point], across: Across) -> Result<String> {
    let lines: Vec<(usize, Line)> =
        (0..methods.names.len()).map(|method| (method, line(points, method, across))).collect();
    let level = |method: usize| {
        let own = points.iter().find(|point| point.method == method && point.sparsity.is_none());
        own.and_then(|point| point.mean)
    };
    let shown = |method: &usize| !lines[*method].1.is_empty() || level(*method).is_some();
    let names = (0..methods.names.len()).filter(shown);
    let header = Header::new("", names.map(|m| (methods.names[m].clone(), color(m).stroke_width(3))), WIDTH);
    let levels = (0..methods.names.len()).filter_map(level);
    let values = lines.iter().flat_map(|(_, line)| line.iter().flat_map(|(_, values)| *values)).chain(levels);
    let inside = values.filter(|value| value.abs() <= MOST_PER_CENT);
    let (low, high) = padded_range(inside.chain([-1.0, 1.0]));
    let clamp = |value: f64| value.clamp(low, high);
    let axis = across.axis(points);
    let (from, to) = (axis.from, axis.to);
    drawn((WIDTH, header.height() + HEIGHT), |root| {
        let body = header.draw(root)?;
        let mut chart = ChartBuilder::on(&body)
            .margin_left(16)
            .margin_right(28)
            .margin_bottom(8)
            .x_label_area_size(46)
            .y_label_area_size(64)
            .build_cartesian_2d(axis, low..high)?;
        mesh(&mut chart)
            .x_desc(match across {
                Across::Sparsity => "sparsity, per cent of what is pruned",
                Across::Size => "parameters that are left, per cent of the dense model's",
            })
            .y_desc("per cent of the dense model's test MAE")
            .x_label_formatter(&|x: &f64| across.label(*x))
            .y_label_formatter(&|y: &f64| short(*y))
            .draw()?;
        chart.draw_series([PathElement::new([(from, 0.0), (to, 0.0)], INK.stroke_width(1))])?;
        for (method, line) in &lines {
            let color = color(*method);
            let edge = |which: usize| line.iter().map(move |(x, values)| (*x, clamp(values[which])));
            if line.len() > 1 {
                let band: Vec<(f64, f64)> = edge(0).chain(edge(2).collect::<Vec<_>>().into_iter().rev()).collect();
                chart.draw_series([Polygon::new(band, color.mix(0.10).filled())])?;
            }
            chart.draw_series(LineSeries::new(edge(1), color.stroke_width(2)))?;
            chart.draw_series(edge(1).map(|point| Circle::new(point, 3, color.filled())))?;
            if let Some(level) = level(*method) {
                let ends = [(from, clamp(level)), (to, clamp(level))];
                chart.draw_series(DashedLineSeries::new(ends, 6, 4, color.stroke_width(2)))?;
            }
        }
        Ok(())
    })
}
