//! The report's pictures of epochs and forecasts.

use super::methods::Methods;
use super::svg::{Axis, Legend, Stroke, Svg, short};
use crate::experiment::cell::{Curve, Extras};
use crate::palette::{GRID, INK, MUTED, color};

fn frame(svg: &mut Svg, x: Axis, y: Axis, bottom: &str) {
    for tick in y.ticks(5) {
        svg.line((x.from, y.at(tick)), (x.to, y.at(tick)), GRID, 1.0);
        svg.text((x.from - 8.0, y.at(tick) + 4.0), &short(tick), "end", 12.0, MUTED);
    }
    svg.line((x.from, y.from), (x.to, y.from), MUTED, 1.0);
    svg.text(((x.from + x.to) / 2.0, y.from + 32.0), bottom, "middle", 12.0, MUTED);
}

/// A training's curve, the names of the settings that share it, and its stroke.
struct Shown<'a> {
    names: String,
    curve: &'a Curve,
    stroke: Stroke,
}

/// Every training once: dropout and Monte Carlo dropout are one. Colours are the methods'; a method's further settings
/// are paler.
fn shown<'a>(curves: &'a [Curve], methods: &Methods) -> Vec<Shown<'a>> {
    let mut all: Vec<Shown> = Vec::new();
    for (i, curve) in curves.iter().enumerate() {
        let name = format!("{} {}", curve.method, curve.setting).trim().to_string();
        let same = |other: &&mut Shown| {
            !curve.validation_loss.is_empty() && other.curve.validation_loss == curve.validation_loss
        };
        if let Some(other) = all.iter_mut().find(same) {
            other.names = format!("{} = {name}", other.names);
            continue;
        }
        let method = methods.names.iter().position(|one| *one == curve.method).unwrap_or(i);
        let before = curves[..i].iter().filter(|other| other.method == curve.method).count();
        let stroke = Stroke { opacity: 0.6f64.powi(before.min(3) as i32), ..Stroke::new(color(method), 2.0) };
        all.push(Shown { names: name, curve, stroke });
    }
    all
}

/// Validation loss of every setting over epochs, mean over seeds, and the sparsity of those that prune.
pub(super) fn curves(extras: &Extras, methods: &Methods) -> String {
    let shown = shown(&extras.curves, methods);
    let legend = Legend::new(shown.iter().map(|one| (one.names.clone(), one.stroke.clone())), 70.0, 850.0);
    let top = legend.height() + 20.0;
    let bottom = top + 260.0;
    let mut svg = Svg::new(880.0, bottom + 50.0);
    legend.draw(&mut svg, 8.0);
    let epochs = extras.curves.iter().map(|one| one.validation_loss.len()).max().unwrap_or(1).max(2);
    let x = Axis { low: 1.0, high: epochs as f64, from: 70.0, to: 800.0 };
    let y = Axis::over(extras.curves.iter().flat_map(|one| one.validation_loss.clone()), bottom, top);
    let share = Axis { low: 0.0, high: 1.0, from: bottom, to: top };
    frame(&mut svg, x, y, "epoch");
    for epoch in x.ticks(10).into_iter().filter(|epoch| epoch.fract() == 0.0) {
        svg.text((x.at(epoch), bottom + 14.0), &short(epoch), "middle", 12.0, MUTED);
    }
    for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
        svg.text((x.to + 8.0, share.at(tick) + 4.0), &format!("{:.0} %", 100.0 * tick), "start", 12.0, MUTED);
    }
    let from = x.at(extras.common_from as f64);
    svg.path(&[Some((from, top)), Some((from, bottom))], &Stroke::new(MUTED, 1.0).dashed());
    let points = |values: &[f64], axis: Axis| -> Vec<Option<(f64, f64)>> {
        let point = |(i, value): (usize, &f64)| value.is_finite().then(|| (x.at(i as f64 + 1.0), axis.at(*value)));
        values.iter().enumerate().map(point).collect()
    };
    for Shown { curve, stroke, .. } in &shown {
        if curve.sparsity.iter().any(|sparsity| *sparsity > 0.0) {
            svg.path(&points(&curve.sparsity, share), &Stroke { width: 1.2, ..stroke.clone() }.dashed());
        }
        svg.path(&points(&curve.validation_loss, y), stroke);
    }
    svg.finish()
}

/// The last test rows: truth, and for a few settings the range and mean over seeds.
pub(super) fn fan(extras: &Extras, shown: &[(String, usize)]) -> Option<String> {
    let fan = &extras.fan;
    let found = |name: &str| fan.members.iter().find(|(one, _)| one == name).map(|(_, seeds)| seeds);
    let members: Vec<_> = shown.iter().filter_map(|(name, method)| Some((name, *method, found(name)?))).collect();
    if members.is_empty() || fan.truth.is_empty() {
        return None;
    }
    let entries = members.iter().map(|(name, method, _)| (name.to_string(), Stroke::new(color(*method), 1.8)));
    let legend = Legend::new(entries, 70.0, 850.0);
    let top = legend.height() + 20.0;
    let mut svg = Svg::new(880.0, top + 300.0);
    legend.draw(&mut svg, 8.0);
    let x = Axis { low: 0.0, high: (fan.truth.len() - 1).max(1) as f64, from: 70.0, to: 850.0 };
    let all = members.iter().flat_map(|(_, _, seeds)| seeds.iter().flatten().flatten());
    let y = Axis::over(all.chain(fan.truth.iter().flatten()).copied(), top + 250.0, top);
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
                svg.polygon(&outline, &color(method), 0.25);
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
        svg.path(&mean, &Stroke::new(color(method), 1.8));
    }
    let truth: Vec<_> =
        fan.truth.iter().enumerate().map(|(row, value)| value.map(|value| (x.at(row as f64), y.at(value)))).collect();
    svg.path(&truth, &Stroke::new(INK, 1.6));
    Some(svg.finish())
}
