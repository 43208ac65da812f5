//! The report's pictures.

mod curves;
mod differences;
mod fan;
mod ranks;
mod sparsities;

use super::analysis::{Analysis, Arm};
use super::document::Element;
use crate::error::Result;
use crate::experiment::cell::Extras;

pub(super) use differences::differences;
pub(super) use ranks::ranks;
pub(super) use sparsities::sparsities;

/// Cells of which curves and fans are drawn, per arm.
const MOST_PICTURES: usize = 12;

/// Each cell's curves and forecasts.
pub(super) fn of_cells(analysis: &Analysis, arm: &Arm, extras: &[Extras]) -> Result<Vec<Element>> {
    let mut blocks = Vec::new();
    let own: Vec<&Extras> = extras.iter().filter(|one| one.cell.arm == arm.key).collect();
    blocks.push(Element::Heading(3, "Loss and sparsity".into()));
    for one in own.iter().take(MOST_PICTURES) {
        let caption = format!(
            "{}: validation loss (scaled, mean over seeds), and dashed the sparsity by the right axis; the upright line is \
             the first epoch of the `common` selection",
            one.cell.id()
        );
        blocks.push(Element::Picture { caption, svg: curves::curves(one, &analysis.methods)? });
    }
    blocks.push(Element::Heading(3, "Forecast fans".into()));
    for one in own.iter().take(MOST_PICTURES) {
        let Some(block) = arm.blocks.iter().find(|block| block.cell == one.cell) else { continue };
        let name = |method: usize| {
            (format!("{} {}", analysis.methods.names[method], block.settings[method]).trim().to_string(), method)
        };
        let mut shown = vec![name(0)];
        shown.extend(analysis.methods.subjects.iter().copied().find(|method| *method != 0).map(name));
        if let Some(svg) = fan::fan(one, &shown)? {
            let caption = format!("{}: last test rows of {}, range and mean over seeds", one.cell.id(), one.unit);
            blocks.push(Element::Picture { caption, svg });
        }
    }
    if own.len() > MOST_PICTURES {
        let words = format!("The first {MOST_PICTURES} of {} cells are drawn.", own.len());
        blocks.push(Element::Text(words));
    }
    Ok(blocks)
}
