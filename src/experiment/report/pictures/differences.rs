//! Differences of a pruning method from its rivals, cell by cell.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use crate::error::Result;
use crate::experiment::report::analysis::{Arm, EQUAL_PER_CENT, Paired};
use crate::experiment::report::blocks::Block;
use crate::experiment::report::document::Element;
use crate::experiment::report::methods::Methods;
use crate::experiment::row::Selection;
use crate::plot::{
    GRID, Header, INK, MUTED, NAME, Ticked, WIDTH, color, drawn, mesh, padded_range, round_ticks, short, style,
    text_width,
};

/// Cells shown in one picture.
const MOST_CELLS: usize = 24;
/// Pixels: between rivals, around a cell's, of the axis at least.
const RIVAL: i32 = 16;
const AROUND: i32 = 14;
const SHORTEST: u32 = 500;

/// Per cell and rival: pruning's difference in per cent with its interval over seeds.
pub(in crate::experiment::report) fn differences(
    methods: &Methods,
    arm: &Arm,
    subject: usize,
) -> Result<Option<Element>> {
    let rivals: Vec<usize> = methods.rivals().collect();
    let blocks: Vec<&Block> = arm.blocks.iter().take(MOST_CELLS).collect();
    if blocks.is_empty() || rivals.is_empty() {
        return Ok(None);
    }
    let names = &methods.names;
    let of = |block: &Block, rival: usize| {
        Paired::new(&[block.differences(Selection::Own, subject, rival)], &names[subject], &names[rival]).interval
    };
    let intervals: Vec<Vec<_>> =
        blocks.iter().map(|block| rivals.iter().map(|&rival| of(block, rival)).collect()).collect();
    let ids: Vec<String> = blocks.iter().map(|block| block.cell.id()).collect();
    let left = ids.iter().map(|id| text_width(id, NAME)).max().unwrap_or_default() + 40;
    let width = WIDTH.max(left + SHORTEST);
    let entries = rivals.iter().map(|&rival| (format!("against {}", names[rival]), color(rival).stroke_width(2)));
    let header = Header::new("", entries, width);
    let row = RIVAL * rivals.len() as i32 + AROUND;
    let height = row * blocks.len() as i32;
    let ends = intervals.iter().flatten().flatten().flat_map(|found| [found.low, found.high]);
    let (low, high) = padded_range(ends.chain([-2.0, 2.0]));
    let across = Ticked { from: low, to: high, ticks: round_ticks(low, high, 8) };
    let svg = drawn((width, header.height() + height as u32 + 60), |root| {
        let body = header.draw(root)?;
        // Downwards in pixels: a row of the axis is one of the picture.
        let mut chart = ChartBuilder::on(&body)
            .margin_right(28)
            .margin_bottom(8)
            .x_label_area_size(52)
            .y_label_area_size(left)
            .build_cartesian_2d(across, height..0)?;
        let equal = [(-EQUAL_PER_CENT, 0), (EQUAL_PER_CENT, height)];
        chart.draw_series([Rectangle::new(equal, MUTED.mix(0.12).filled())])?;
        mesh(&mut chart)
            .disable_y_mesh()
            .disable_y_axis()
            .x_desc("per cent of the rival's test MAE; left of 0 pruning is better; shaded: ±1 %")
            .x_label_formatter(&|x: &f64| short(*x))
            .draw()?;
        chart.draw_series([PathElement::new([(0.0, 0), (0.0, height)], INK.stroke_width(1))])?;
        for (place, (id, intervals)) in ids.iter().zip(&intervals).enumerate() {
            let top = row * place as i32;
            let (x, y) = chart.backend_coord(&(low, top));
            let (end, _) = chart.backend_coord(&(high, top));
            root.draw(&PathElement::new([(26, y), (end, y)], GRID.stroke_width(1)))?;
            root.draw(&Text::new(id.as_str(), (x - 12, y + row / 2), style(NAME, INK, HPos::Right)))?;
            for (i, (found, &rival)) in intervals.iter().zip(&rivals).enumerate() {
                let y = top + (AROUND + RIVAL) / 2 + RIVAL * i as i32;
                let Some(found) = found else { continue };
                let interval = [(found.low, y), (found.high, y)];
                chart.draw_series([PathElement::new(interval, color(rival).stroke_width(2))])?;
                chart.draw_series([Circle::new((found.mean, y), 4, color(rival).filled())])?;
            }
        }
        Ok(())
    })?;
    let caption = format!("{} against each rival, cell by cell; without a mark where models diverged", names[subject]);
    Ok(Some(Element::Picture { caption, svg }))
}
