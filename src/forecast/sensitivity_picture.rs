//! The losses of pruned matrices, a row for each.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::sensitivity::Sensitivity;
use crate::error::Result;
use crate::plot::{
    BASELINES, Header, INK, LABEL, MODEL, WIDTH, drawn, mesh, padded_range, short_between, style, text_width,
};

/// Pixels of a row, and of the axis below them.
const ROW: u32 = 26;
const AXIS: u32 = 56;

impl Sensitivity {
    /// A row per matrix, and one for all together: the loss as it is and at each share. Losses beyond ten times that of the model as
    /// it is lie at the edge.
    ///
    /// # Errors
    /// As every picture.
    pub fn svg(&self, title: &str) -> Result<String> {
        let rows: Vec<(&str, &[f64])> = self
            .matrices
            .iter()
            .map(|one| (one.name.as_str(), &one.losses[..]))
            .chain([("all matrices together", &self.together[..])])
            .collect();
        let colours = |i: usize| if i + 1 == self.shares.len() { MODEL } else { BASELINES[i % BASELINES.len()] };
        let shares = self.shares.iter().enumerate();
        let names = shares.map(|(i, share)| (format!("{:.0} % pruned", share * 100.0), colours(i).stroke_width(10)));
        let header =
            Header::new(title, [("as it is".to_string(), INK.stroke_width(2))].into_iter().chain(names), WIDTH);
        let most = 10.0 * self.loss;
        let shown = |loss: f64| if loss.is_finite() { loss.min(most) } else { most };
        let losses = rows.iter().flat_map(|(_, losses)| losses.iter().map(|loss| shown(*loss)));
        let (low, high) = padded_range(losses.chain([self.loss]));
        let label = rows.iter().map(|(name, _)| text_width(name, LABEL)).max().unwrap_or(0) + 24;
        let height = header.height() + rows.len() as u32 * ROW + AXIS;
        drawn((WIDTH, height), |root| {
            let body = header.draw(root)?;
            let mut chart = ChartBuilder::on(&body)
                .margin_right(24)
                .x_label_area_size(AXIS - 8)
                .y_label_area_size(label)
                .build_cartesian_2d(low..high, 0.0..rows.len() as f64)?;
            let by_loss = short_between(low, high);
            mesh(&mut chart)
                .disable_y_mesh()
                .disable_y_axis()
                .x_desc("validation loss")
                .x_label_formatter(&by_loss)
                .draw()?;
            let line = [(self.loss, 0.0), (self.loss, rows.len() as f64)];
            chart.draw_series(LineSeries::new(line, INK.stroke_width(1)))?;
            for (i, (name, losses)) in rows.iter().enumerate() {
                let y = rows.len() as f64 - i as f64 - 0.5;
                let (x, down) = (label as i32 - 14, chart.backend_coord(&(low, y)).1 - body.get_base_pixel().1);
                body.draw(&Text::new(*name, (x, down), style(LABEL, INK, HPos::Right)))?;
                for (at, loss) in losses.iter().enumerate() {
                    chart.draw_series([Circle::new((shown(*loss), y), 5, colours(at).filled())])?;
                }
            }
            Ok(())
        })
    }
}
