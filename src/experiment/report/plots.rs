//! The report's pictures.

use super::analysis::{Arm, Block, Tests, rivals};
use super::svg::{Axis, GRID, INK, MUTED, Svg, color, short};
use crate::experiment::cell::{Curve, Extras};
use crate::experiment::results::Selection;
use crate::experiment::statistics::t_interval;

/// Mean ranks on a line, with Nemenyi's critical difference.
pub fn ranks(methods: &[String], tests: &Tests) -> Option<String> {
    let friedman = tests.friedman.as_ref()?;
    let (left, right, top) = (60.0, 700.0, 70.0);
    let mut order: Vec<usize> = (0..methods.len()).collect();
    order.sort_by(|&a, &b| friedman.mean_ranks[a].total_cmp(&friedman.mean_ranks[b]));
    let mut svg = Svg::new(760.0, top + 40.0 + 22.0 * methods.len() as f64);
    let axis = Axis { low: 1.0, high: methods.len() as f64, from: left, to: right };
    svg.line((left, top), (right, top), INK, 1.5);
    for rank in 1..=methods.len() {
        let x = axis.at(rank as f64);
        svg.line((x, top - 5.0), (x, top), INK, 1.0);
        svg.text((x, top - 10.0), &rank.to_string(), "middle", 13.0, MUTED);
    }
    let span = axis.at(1.0 + tests.critical_difference) - left;
    svg.line((left, 26.0), (left + span.min(right - left), 26.0), MUTED, 3.0);
    let beyond = if span > right - left { ", beyond the axis" } else { "" };
    let words = format!("critical difference {:.2}{beyond}", tests.critical_difference);
    svg.text((left, 18.0), &words, "start", 13.0, MUTED);
    for (place, &method) in order.iter().enumerate() {
        let (x, y) = (axis.at(friedman.mean_ranks[method]), top + 30.0 + 22.0 * place as f64);
        svg.line((x, top), (x, y), color(method), 1.0);
        svg.circle((x, top), 4.5, color(method));
        let left_half = x < (left + right) / 2.0;
        let words = format!("{} {:.2}", methods[method], friedman.mean_ranks[method]);
        let (dx, anchor) = if left_half { (6.0, "start") } else { (-6.0, "end") };
        svg.text((x + dx, y), &words, anchor, 14.0, INK);
    }
    Some(svg.finish())
}

/// Cells shown in one picture.
const MOST_CELLS: usize = 24;

/// Per cell and rival: pruning's difference in per cent with its interval over seeds.
pub fn differences(methods: &[String], arm: &Arm, subject: usize) -> Option<String> {
    let rivals: Vec<usize> = rivals(methods).collect();
    let blocks: Vec<&Block> = arm.blocks.iter().take(MOST_CELLS).collect();
    if blocks.is_empty() || rivals.is_empty() {
        return None;
    }
    let of = |block: &Block, rival: usize| block.differences(Selection::Own, subject, rival);
    let intervals: Vec<Vec<_>> =
        blocks.iter().map(|b| rivals.iter().map(|&rival| t_interval(&of(b, rival))).collect()).collect();
    let (left, right, top) = (300.0, 860.0, 60.0);
    let row = 15.0 * rivals.len() as f64 + 14.0;
    let height = top + row * blocks.len() as f64;
    let mut svg = Svg::new(900.0, height + 40.0);
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
    let mut x = left;
    for &rival in &rivals {
        let words = format!("against {}", methods[rival]);
        svg.circle((x, 30.0), 5.0, color(rival));
        svg.text((x + 10.0, 34.0), &words, "start", 13.0, INK);
        x += 30.0 + 7.2 * words.len() as f64;
    }
    for (place, (block, intervals)) in blocks.iter().zip(&intervals).enumerate() {
        let y = top + row * place as f64;
        svg.line((20.0, y), (right, y), GRID, 1.0);
        svg.text((left - 12.0, y + row / 2.0 + 4.0), &block.cell.id(), "end", 13.0, INK);
        for (i, (found, &rival)) in intervals.iter().zip(&rivals).enumerate() {
            let y = y + 14.0 + 15.0 * i as f64;
            let Some(found) = found else { continue };
            svg.line((axis.at(found.low), y), (axis.at(found.high), y), color(rival), 2.0);
            svg.circle((axis.at(found.mean), y), 4.0, color(rival));
        }
    }
    Some(svg.finish())
}

fn legend<'a>(svg: &mut Svg, names: impl Iterator<Item = (&'a str, usize)>, y: f64) {
    let mut x = 60.0;
    for (name, i) in names {
        svg.line((x, y), (x + 20.0, y), color(i), 3.0);
        svg.text((x + 26.0, y + 4.0), name, "start", 13.0, INK);
        x += 44.0 + 7.6 * name.chars().count() as f64;
    }
}

fn frame(svg: &mut Svg, x: Axis, y: Axis, bottom: &str) {
    for tick in y.ticks(5) {
        svg.line((x.from, y.at(tick)), (x.to, y.at(tick)), GRID, 1.0);
        svg.text((x.from - 8.0, y.at(tick) + 4.0), &short(tick), "end", 12.0, MUTED);
    }
    svg.line((x.from, y.from), (x.to, y.from), MUTED, 1.0);
    svg.text(((x.from + x.to) / 2.0, y.from + 32.0), bottom, "middle", 12.0, MUTED);
}

/// Validation loss of every setting over epochs, mean over seeds, and the sparsity of those that prune.
pub fn curves(extras: &Extras) -> String {
    // Dropout and Monte Carlo dropout are one training: one line with both names.
    let mut shown: Vec<(String, &Curve)> = Vec::new();
    for one in &extras.curves {
        let name = format!("{} {}", one.method, one.setting).trim().to_string();
        match shown.iter_mut().find(|(_, other)| other.validation_loss == one.validation_loss) {
            Some((names, _)) => *names = format!("{names} = {name}"),
            None => shown.push((name, one)),
        }
    }
    let mut svg = Svg::new(860.0, 360.0);
    let epochs = extras.curves.iter().map(|one| one.validation_loss.len()).max().unwrap_or(1).max(2);
    let x = Axis { low: 1.0, high: epochs as f64, from: 70.0, to: 790.0 };
    let y = Axis::over(extras.curves.iter().flat_map(|one| one.validation_loss.clone()), 310.0, 50.0);
    let share = Axis { low: 0.0, high: 1.0, from: 310.0, to: 50.0 };
    legend(&mut svg, shown.iter().enumerate().map(|(i, (name, _))| (name.as_str(), i)), 22.0);
    frame(&mut svg, x, y, "epoch");
    for epoch in x.ticks(10).into_iter().filter(|epoch| epoch.fract() == 0.0) {
        svg.text((x.at(epoch), 324.0), &short(epoch), "middle", 12.0, MUTED);
    }
    for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
        svg.text((x.to + 8.0, share.at(tick) + 4.0), &format!("{:.0} %", 100.0 * tick), "start", 12.0, MUTED);
    }
    let from = x.at(extras.common_from as f64);
    svg.path(&[Some((from, 50.0)), Some((from, 310.0))], MUTED, 1.0, true);
    let points = |values: &[f64], axis: Axis| -> Vec<Option<(f64, f64)>> {
        let point = |(i, value): (usize, &f64)| value.is_finite().then(|| (x.at(i as f64 + 1.0), axis.at(*value)));
        values.iter().enumerate().map(point).collect()
    };
    for (i, (_, one)) in shown.iter().enumerate() {
        if one.sparsity.iter().any(|sparsity| *sparsity > 0.0) {
            svg.path(&points(&one.sparsity, share), color(i), 1.2, true);
        }
        svg.path(&points(&one.validation_loss, y), color(i), 2.0, false);
    }
    svg.finish()
}

/// The last test rows: truth, and for a few settings the range and mean over seeds.
pub fn fan(extras: &Extras, shown: &[(String, usize)]) -> Option<String> {
    let fan = &extras.fan;
    let found = |name: &str| fan.members.iter().find(|(one, _)| one == name).map(|(_, seeds)| seeds);
    let members: Vec<_> = shown.iter().filter_map(|(name, method)| Some((name, *method, found(name)?))).collect();
    if members.is_empty() || fan.truth.is_empty() {
        return None;
    }
    let mut svg = Svg::new(860.0, 340.0);
    let x = Axis { low: 0.0, high: (fan.truth.len() - 1).max(1) as f64, from: 70.0, to: 840.0 };
    let all = members.iter().flat_map(|(_, _, seeds)| seeds.iter().flatten().flatten());
    let y = Axis::over(all.chain(fan.truth.iter().flatten()).copied(), 290.0, 50.0);
    legend(&mut svg, members.iter().map(|(name, method, _)| (name.as_str(), *method)), 22.0);
    frame(&mut svg, x, y, &format!("{} {} … {}; black: truth", fan.series, fan.first, fan.last));
    for &(_, method, seeds) in &members {
        let at = |row: usize| seeds.iter().filter_map(move |seed| *seed.get(row)?);
        let mut band: Vec<(f64, f64, f64)> = Vec::new();
        let mut mean = Vec::new();
        let flush = |band: &mut Vec<(f64, f64, f64)>, svg: &mut Svg| {
            let upper = band.iter().map(|(x, _, high)| (*x, *high));
            let lower = band.iter().rev().map(|(x, low, _)| (*x, *low));
            let outline: Vec<(f64, f64)> = upper.chain(lower).collect();
            if outline.len() > 2 {
                svg.polygon(&outline, color(method), 0.25);
            }
            band.clear();
        };
        for row in 0..fan.truth.len() {
            let count = at(row).count();
            if count == 0 {
                flush(&mut band, &mut svg);
                mean.push(None);
                continue;
            }
            let (low, high) = at(row).fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
            band.push((x.at(row as f64), y.at(low), y.at(high)));
            mean.push(Some((x.at(row as f64), y.at(at(row).sum::<f64>() / count as f64))));
        }
        flush(&mut band, &mut svg);
        svg.path(&mean, color(method), 1.8, false);
    }
    let truth: Vec<_> =
        fan.truth.iter().enumerate().map(|(row, value)| value.map(|value| (x.at(row as f64), y.at(value)))).collect();
    svg.path(&truth, INK, 1.6, false);
    Some(svg.finish())
}
