//! Validation losses and sparsity of a cell's trainings.

use plotters::prelude::*;

use crate::error::Result;
use crate::experiment::cell::{Curve, Extras};
use crate::experiment::report::methods::Methods;
use crate::plot::{Header, MUTED, Ticked, WIDTH, color, drawn, losses_and_sparsity, padded_range, pieces, round_ticks};

/// Of the chart below the legend.
const HEIGHT: u32 = 340;

/// A training's curve, the names of the settings that share it, and its colour.
struct Shown<'a> {
    names: String,
    curve: &'a Curve,
    color: RGBAColor,
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
        let color = color(method).mix(0.6f64.powi(before.min(3) as i32));
        all.push(Shown { names: name, curve, color });
    }
    all
}

/// Validation loss of every setting over epochs, mean over seeds, and the sparsity of those that prune.
pub(super) fn curves(extras: &Extras, methods: &Methods) -> Result<String> {
    let shown = shown(&extras.curves, methods);
    let names = shown.iter().map(|one| (one.names.clone(), one.color.stroke_width(3)));
    let header = Header::new("", names, WIDTH);
    let last = extras.curves.iter().map(|one| one.validation_loss.len()).max().unwrap_or(1).max(2) as f64;
    let (low, high) = padded_range(extras.curves.iter().flat_map(|one| one.validation_loss.iter().copied()));
    let whole = round_ticks(1.0, last, 10).into_iter().filter(|epoch| epoch.fract() == 0.0);
    let epochs = Ticked { from: 1.0, to: last, ticks: whole.collect() };
    let by_epoch = |values: &[f64]| pieces(values.iter().enumerate().map(|(i, value)| (i as f64 + 1.0, *value)));
    drawn((WIDTH, header.height() + HEIGHT), |root| {
        let body = header.draw(root)?;
        let mut chart = losses_and_sparsity(&body, (epochs, "epoch"), low..high)?;
        let from = extras.common_from as f64;
        if from <= last {
            chart.draw_series(DashedLineSeries::new([(from, low), (from, high)], 5, 5, MUTED.stroke_width(1)))?;
        }
        for Shown { curve, color, .. } in &shown {
            if curve.sparsity.iter().any(|sparsity| *sparsity > 0.0) {
                for piece in by_epoch(&curve.sparsity) {
                    chart.draw_secondary_series(DashedLineSeries::new(piece, 5, 4, color.stroke_width(1)))?;
                }
            }
            for piece in by_epoch(&curve.validation_loss) {
                chart.draw_series(LineSeries::new(piece, color.stroke_width(2)))?;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{ArmKey, GridCell};

    #[test]
    fn names_are_escaped_and_values_that_are_missing_leave_gaps() {
        let curve = |method: &str, loss: [f64; 4]| Curve {
            method: method.into(),
            setting: String::new(),
            train_loss: loss.to_vec(),
            validation_loss: loss.to_vec(),
            sparsity: vec![0.0, 0.3, 0.7, 0.7],
        };
        let cell = GridCell {
            data: "d".into(),
            model: "rnn".into(),
            arm: ArmKey { instance_norm: "last".into(), linear_path: "none".into() },
            lookback: 3,
            width: 5,
            train_rows: 0,
            origin: 1,
        };
        let extras = Extras {
            cell,
            protocol: "sound".into(),
            unit: "y".into(),
            windows: [1; 3],
            common_from: 9,
            notices: Vec::new(),
            baselines: [None; 3],
            curves: vec![curve("a<b", [1.0, f64::NAN, 0.5, 0.4]), curve("none", [f64::NAN; 4])],
            fan: Default::default(),
        };
        let svg = curves(&extras, &Methods::default()).unwrap();
        assert!(svg.contains("a&lt;b") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
