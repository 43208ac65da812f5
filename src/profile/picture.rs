//! The roofline as a picture: what each op reaches over its arithmetic intensity, under what the device can do.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::{OpProfile, Profile};
use crate::error::Result;
use crate::plot::{Header, INK, LABEL, MODEL, WIDTH, drawn, mesh, style};

const SIZE: (u32, u32) = (WIDTH, 640);

/// Ops with arithmetic, as circles whose areas are their shares of the step.
pub fn roofline_svg(profile: &Profile) -> Result<String> {
    let points: Vec<&OpProfile> = profile.ops.iter().filter(|op| op.cost.flops > 0 && op.gflops > 0.0).collect();
    let roof =
        |intensity: f64| 1e-9 * (intensity * profile.roofline.bytes_per_second).min(profile.roofline.flops_per_second);
    let knee = profile.roofline.flops_per_second / profile.roofline.bytes_per_second;
    let span = |values: Vec<f64>| {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(0.0, f64::max);
        (10f64.powf((low.log10() - 0.2).floor()), 10f64.powf((high.log10() + 0.2).ceil()))
    };
    let x = span(points.iter().map(|op| op.intensity).chain([knee]).collect());
    let y = span(points.iter().map(|op| op.gflops).chain([roof(x.1)]).collect());
    let title = format!(
        "{}: {:.1} GB/s, {:.0} GFLOP/s, measured",
        profile.device,
        1e-9 * profile.roofline.bytes_per_second,
        1e-9 * profile.roofline.flops_per_second
    );
    drawn(SIZE, |root| {
        let mut chart = ChartBuilder::on(&Header::new(&title, [], WIDTH).draw(root)?)
            .margin_left(16)
            .margin_right(28)
            .margin_bottom(8)
            .x_label_area_size(46)
            .y_label_area_size(72)
            .build_cartesian_2d((x.0..x.1).log_scale(), (y.0..y.1).log_scale())?;
        mesh(&mut chart).x_desc("operations per byte").y_desc("GFLOP/s").draw()?;
        // From where it enters the picture.
        let left = x.0.max(1e9 * y.0 / profile.roofline.bytes_per_second);
        let roofline = [left, knee, x.1];
        chart.draw_series(LineSeries::new(roofline.map(|at| (at, roof(at))), INK.stroke_width(2)))?;
        let mut taken: Vec<(i32, i32)> = Vec::new();
        for op in &points {
            let radius = (4.0 + 26.0 * op.share.sqrt()).round() as i32;
            let at = (op.intensity, op.gflops);
            chart.draw_series([Circle::new(at, radius, MODEL.mix(0.35).filled())])?;
            let (x, y) = chart.backend_coord(&at);
            let mut place = (x + radius + 4, y);
            while taken.iter().any(|one| (one.0 - place.0).abs() < 180 && (one.1 - place.1).abs() < LABEL) {
                place.1 += 1;
            }
            taken.push(place);
            root.draw(&Text::new(op.op, place, style(LABEL, INK, HPos::Left)))?;
        }
        Ok(())
    })
}
