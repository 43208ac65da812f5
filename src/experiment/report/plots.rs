//! The report's pictures of ranks and differences.

use super::analysis::{Arm, Paired};
use super::blocks::Block;
use super::methods::Methods;
use super::svg::{Axis, Legend, Stroke, Svg, short, text_width};
use super::versus::Tests;
use crate::experiment::row::Selection;
use crate::palette::{GRID, INK, MUTED, color};

/// Mean ranks on a line, best to the left. Bars below it join methods that lie within Nemenyi's critical difference.
pub(super) fn ranks(methods: &[String], tests: &Tests) -> Option<String> {
    const SIZE: f64 = 14.0;
    const ROW: f64 = 22.0;
    let friedman = tests.blocks.friedman.as_ref()?;
    let order = friedman.order();
    let name = |method: usize| format!("{} {:.2}", methods[method], friedman.mean_ranks[method]);
    let half = order.len().div_ceil(2);
    let margin =
        |methods: &[usize]| methods.iter().map(|&method| text_width(&name(method), SIZE)).fold(20.0, f64::max) + 30.0;
    let left = margin(&order[..half]);
    let (right, top) = (left + 560.0, 70.0);
    let sorted: Vec<f64> = order.iter().map(|&method| friedman.mean_ranks[method]).collect();
    let joined = cliques(&sorted, tests.critical_difference);
    let bars = top + 12.0;
    let labels = bars + 9.0 * joined.len() as f64 + 16.0;
    let mut svg = Svg::new(right + margin(&order[half..]), labels + ROW * half as f64);
    let axis = Axis { low: 1.0, high: methods.len() as f64, from: left, to: right };
    svg.line((left, top), (right, top), INK, 1.5);
    for rank in 1..=methods.len() {
        let x = axis.at(rank as f64);
        svg.line((x, top - 5.0), (x, top), INK, 1.0);
        svg.text((x, top - 10.0), &rank.to_string(), "middle", 13.0, MUTED);
    }
    let span = axis.at(1.0 + tests.critical_difference) - left;
    svg.line((left, 30.0), (left + span.min(right - left), 30.0), MUTED, 3.0);
    let beyond = if span > right - left { ", beyond the axis" } else { "" };
    let words = format!("critical difference {:.2}{beyond}", tests.critical_difference);
    svg.text((left, 20.0), &words, "start", 13.0, MUTED);
    for (place, &method) in order.iter().enumerate() {
        // The outermost first, so that no line crosses a name.
        let to_left = place < half;
        let row = if to_left { place } else { order.len() - 1 - place };
        let (x, y) = (axis.at(friedman.mean_ranks[method]), labels + ROW * row as f64);
        let (end, at, anchor) =
            if to_left { (left - 14.0, left - 20.0, "end") } else { (right + 14.0, right + 20.0, "start") };
        svg.path(&[Some((x, top)), Some((x, y)), Some((end, y))], &Stroke::new(color(method), 1.2));
        svg.circle((x, top), 4.5, &color(method));
        svg.text((at, y + 5.0), &name(method), anchor, SIZE, INK);
    }
    for (level, &(first, last)) in joined.iter().enumerate() {
        let y = bars + 9.0 * level as f64;
        svg.line((axis.at(sorted[first]) - 5.0, y), (axis.at(sorted[last]) + 5.0, y), INK, 4.0);
    }
    Some(svg.finish())
}

/// First and last of each longest run of ranks that lie within the critical difference.
fn cliques(sorted: &[f64], critical: f64) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for first in 0..sorted.len() {
        let last = sorted.iter().rposition(|rank| rank - sorted[first] <= critical).unwrap_or(first);
        if last > first && found.last().is_none_or(|(_, before)| last > *before) {
            found.push((first, last));
        }
    }
    found
}

/// Cells shown in one picture.
const MOST_CELLS: usize = 24;

/// Per cell and rival: pruning's difference in per cent with its interval over seeds.
pub(super) fn differences(methods: &Methods, arm: &Arm, subject: usize) -> Option<String> {
    let rivals: Vec<usize> = methods.rivals().collect();
    let blocks: Vec<&Block> = arm.blocks.iter().take(MOST_CELLS).collect();
    if blocks.is_empty() || rivals.is_empty() {
        return None;
    }
    let names = &methods.names;
    let of = |block: &Block, rival: usize| {
        Paired::new(&[block.differences(Selection::Own, subject, rival)], &names[subject], &names[rival]).interval
    };
    let intervals: Vec<Vec<_>> =
        blocks.iter().map(|block| rivals.iter().map(|&rival| of(block, rival)).collect()).collect();
    let ids: Vec<String> = blocks.iter().map(|block| block.cell.id()).collect();
    let left = ids.iter().map(|id| text_width(id, 13.0)).fold(120.0, f64::max) + 32.0;
    let right = left + 560.0;
    let entries = rivals.iter().map(|&rival| (format!("against {}", names[rival]), Stroke::new(color(rival), 2.0)));
    let legend = Legend::new(entries, 20.0, right);
    let top = legend.height() + 24.0;
    let row = 15.0 * rivals.len() as f64 + 14.0;
    let height = top + row * blocks.len() as f64;
    let mut svg = Svg::new(right + 40.0, height + 40.0);
    legend.draw(&mut svg, 10.0);
    let ends = intervals.iter().flatten().flatten().flat_map(|found| [found.low, found.high]);
    let axis = Axis::over(ends.chain([-2.0, 2.0]), left, right);
    svg.polygon(
        &[(axis.at(-1.0), top), (axis.at(1.0), top), (axis.at(1.0), height), (axis.at(-1.0), height)],
        MUTED,
        0.12,
    );
    for tick in axis.ticks(8) {
        let x = axis.at(tick);
        svg.line((x, top), (x, height), if tick == 0.0 { INK } else { GRID }, 1.0);
        svg.text((x, height + 16.0), &short(tick), "middle", 12.0, MUTED);
    }
    let words = "per cent of the rival's test MAE; left of 0 pruning is better; shaded: ±1 %";
    svg.text((left, height + 33.0), words, "start", 12.0, MUTED);
    for (place, (id, intervals)) in ids.iter().zip(&intervals).enumerate() {
        let y = top + row * place as f64;
        svg.line((20.0, y), (right, y), GRID, 1.0);
        svg.text((left - 12.0, y + row / 2.0 + 4.0), id, "end", 13.0, INK);
        for (i, (found, &rival)) in intervals.iter().zip(&rivals).enumerate() {
            let y = y + 14.0 + 15.0 * i as f64;
            let Some(found) = found else { continue };
            svg.line((axis.at(found.low), y), (axis.at(found.high), y), &color(rival), 2.0);
            svg.circle((axis.at(found.mean), y), 4.0, &color(rival));
        }
    }
    Some(svg.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_join_the_longest_runs_within_the_critical_difference() {
        assert_eq!(cliques(&[1.0, 1.8, 2.5, 4.0], 1.0), [(0, 1), (1, 2)]);
        assert_eq!(cliques(&[1.0, 1.5, 2.0], 5.0), [(0, 2)]);
        assert_eq!(cliques(&[1.0, 3.0], 1.0), []);
    }
}
