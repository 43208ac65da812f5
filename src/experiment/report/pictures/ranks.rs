//! Mean ranks, and which of them Nemenyi's critical difference distinguishes.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use crate::error::Result;
use crate::experiment::report::document::Element;
use crate::experiment::report::versus::Tests;
use crate::plot::{INK, LABEL, MUTED, NAME, WIDTH, color, drawn, style, text_width};

/// Pixels: between names, between bars, of the axis at least.
const ROW: i32 = 24;
const BAR: i32 = 9;
const SHORTEST: i32 = 400;
/// The axis, below the critical difference and the numbers of ranks.
const TOP: i32 = 76;

/// Mean ranks on a line, best to the left. Bars below it join methods that lie within Nemenyi's critical difference.
pub(in crate::experiment::report) fn ranks(methods: &[String], tests: &Tests) -> Result<Option<Element>> {
    let Some(friedman) = tests.blocks.friedman.as_ref() else { return Ok(None) };
    let order = friedman.order();
    let name = |method: usize| format!("{} {:.2}", methods[method], friedman.mean_ranks[method]);
    let half = order.len().div_ceil(2);
    let margin = |methods: &[usize]| {
        methods.iter().map(|&method| text_width(&name(method), NAME)).max().unwrap_or_default().max(20) as i32 + 30
    };
    let (left, beside) = (margin(&order[..half]), margin(&order[half..]));
    let right = (WIDTH as i32 - beside).max(left + SHORTEST);
    let sorted: Vec<f64> = order.iter().map(|&method| friedman.mean_ranks[method]).collect();
    let joined = cliques(&sorted, tests.critical_difference);
    let labels = TOP + 12 + BAR * joined.len() as i32 + 16;
    let at = |rank: f64| {
        let share = (rank - 1.0) / (methods.len() - 1) as f64;
        left + (share * f64::from(right - left)).round() as i32
    };
    let svg = drawn(((right + beside) as u32, (labels + ROW * half as i32) as u32), |root| {
        let line =
            |from: (i32, i32), to: (i32, i32), stroke: ShapeStyle| root.draw(&PathElement::new([from, to], stroke));
        line((left, TOP), (right, TOP), INK.stroke_width(2))?;
        for rank in 1..=methods.len() {
            let x = at(rank as f64);
            line((x, TOP - 5), (x, TOP), INK.stroke_width(1))?;
            root.draw(&Text::new(rank.to_string(), (x, TOP - 16), style(LABEL, MUTED, HPos::Center)))?;
        }
        let end = at(1.0 + tests.critical_difference);
        line((left, 34), (end.min(right), 34), MUTED.stroke_width(3))?;
        let beyond = if end > right { ", beyond the axis" } else { "" };
        let words = format!("critical difference {:.2}{beyond}", tests.critical_difference);
        root.draw(&Text::new(words, (left, 18), style(LABEL, MUTED, HPos::Left)))?;
        for (place, &method) in order.iter().enumerate() {
            // The outermost first, so that no line crosses a name.
            let to_left = place < half;
            let row = if to_left { place } else { order.len() - 1 - place } as i32;
            let (x, y) = (at(friedman.mean_ranks[method]), labels + ROW * row);
            let (end, words, across) =
                if to_left { (left - 14, left - 20, HPos::Right) } else { (right + 14, right + 20, HPos::Left) };
            root.draw(&PathElement::new([(x, TOP), (x, y), (end, y)], color(method).stroke_width(1)))?;
            root.draw(&Circle::new((x, TOP), 5, color(method).filled()))?;
            root.draw(&Text::new(name(method), (words, y), style(NAME, INK, across)))?;
        }
        for (level, &(first, last)) in joined.iter().enumerate() {
            let y = TOP + 12 + BAR * level as i32;
            line((at(sorted[first]) - 5, y), (at(sorted[last]) + 5, y), INK.stroke_width(4))?;
        }
        Ok(())
    })?;
    let caption = "Mean ranks, 1 is best; bars join methods within Nemenyi's critical difference at 5 %: description only. \
                   Baselines have no rank";
    Ok(Some(Element::Picture { caption: caption.into(), svg }))
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
