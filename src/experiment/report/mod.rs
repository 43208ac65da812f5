//! What a study found: `report.html` and `report.md`, from the rows in its folder alone.

mod analysis;
mod blocks;
mod cells;
mod document;
mod methods;
#[cfg(feature = "plots")]
mod pictures;
mod plan;
mod sparsities;
mod tables;
mod versus;
mod words;

use std::path::{Path, PathBuf};

use super::cell::Extras;
use super::folder::{read_extras, read_plan, read_results, read_study};
use super::results::Results;
use super::row::Selection;
use super::study::Study;
use crate::error::{Error, Result};
use crate::files::replace;

pub use analysis::{Analysis, Arm, Effect, Paired, Verdict};
use document::Element;
pub use methods::Methods;
pub use plan::{analysis_plan, memory_line};
pub use versus::{Comparison, Differ, Direction, Overall, Tests, Versus, Words, Yardstick};

/// A report that was written.
#[derive(Debug)]
pub struct Report {
    /// The numbers behind it.
    pub analysis: Analysis,
    /// A few lines for a terminal: ranks, tests, verdicts.
    pub digest: String,
    /// Where `report.html` was written.
    pub html: PathBuf,
}

/// Reads a study's folder, and writes its report there.
pub fn write(folder: &Path) -> Result<Report> {
    let study = read_study(folder)?;
    let results = read_results(folder, &study)?;
    if results.cells().next().is_none() {
        let problem = format!("{} holds no whole cell yet", folder.display());
        return Err(Error::config("report", problem, "run the study first, with this folder as ‹out›"));
    }
    let extras = read_extras(folder, &results)?;
    let analysis = Analysis::new(&study, &results, &extras)?;
    let mut blocks = compose(&study, &results, &extras, &analysis, &read_plan(folder)?)?;
    if study.authors_protocol {
        blocks = blocks.into_iter().flat_map(labelled).collect();
    }
    let html = folder.join("report.html");
    let title = format!("Study {}", study.hash());
    replace(&html, document::html(&title, &blocks).as_bytes())?;
    replace(&folder.join("report.md"), document::markdown(&blocks).as_bytes())?;
    Ok(Report { digest: digest(&study, &analysis), analysis, html })
}

const LEAKS: &str = "**LEAKING PROTOCOL**: every number below comes from the published code's choices, under which test rows \
     are seen before the test. It is no estimate of error on unseen data.";

/// A block with the label beside its numbers, so that they cannot be quoted without it.
fn labelled(block: Element) -> Vec<Element> {
    const MARK: &str = "**LEAKING PROTOCOL**";
    match block {
        Element::Table { .. } => vec![Element::Text(format!("{MARK}:")), block],
        Element::List(items) => vec![Element::List(items.iter().map(|item| format!("{MARK}: {item}")).collect())],
        #[cfg(feature = "plots")]
        Element::Picture { caption, svg } => vec![Element::Picture { caption: format!("{MARK}: {caption}"), svg }],
        other => vec![other],
    }
}

fn compose(
    study: &Study,
    results: &Results,
    extras: &[Extras],
    analysis: &Analysis,
    plan: &str,
) -> Result<Vec<Element>> {
    let mut blocks = vec![Element::Heading(1, "Does synaptic pruning help? A study".into())];
    if study.authors_protocol {
        blocks.push(Element::Text(LEAKS.into()));
    }
    if analysis.cells_done < analysis.cells {
        let words = format!("**Unfinished**: {} of {} cells are done.", analysis.cells_done, analysis.cells);
        blocks.push(Element::Text(words));
    }
    blocks.push(Element::Heading(2, "Analysis plan".into()));
    blocks.push(Element::Verbatim(plan.into()));
    let methods = &analysis.methods;
    if methods.settings.windows(2).any(|pair| pair[0] != pair[1]) {
        let list: Vec<String> =
            methods.names.iter().zip(&methods.settings).map(|(name, count)| format!("{name} {count}")).collect();
        blocks.push(Element::Text(format!(
            "**Unequal tuning**: the methods did not get the same number of settings ({}). A method with more had more \
             chances on the validation rows.",
            list.join(", ")
        )));
    }
    if analysis.diverged > 0 {
        blocks.push(Element::Text(format!("{} models diverged; they rank last in their blocks.", analysis.diverged)));
    }
    for (place, arm) in analysis.arms.iter().enumerate().filter(|(_, arm)| !arm.blocks.is_empty()) {
        let extra = if place == 0 { "" } else { ", a further arm" };
        let name = if analysis.arms.len() > 1 { format!(": {}{extra}", arm.key) } else { "".into() };
        blocks.push(Element::Heading(2, format!("Verdicts per data set{name}")));
        blocks.extend(tables::verdicts(arm));
        let over = sparsities::section(study, methods, results, arm)?;
        if !over.is_empty() {
            blocks.push(Element::Heading(2, format!("Error over sparsity{name}")));
            blocks.extend(over);
        }
        blocks.push(Element::Heading(2, format!("Over all blocks{name}")));
        for selection in Selection::ALL {
            blocks.extend(tables::over_blocks(analysis, arm, selection)?);
        }
        blocks.push(Element::Heading(2, format!("Inside cells{name}")));
        blocks.extend(cells::cells(study, analysis, arm)?);
        if methods.settings.iter().any(|count| *count > 1) {
            blocks.push(Element::Heading(3, "All settings".into()));
            blocks.push(cells::settings(study, analysis, results, arm));
        }
        #[cfg(feature = "plots")]
        blocks.extend(pictures::of_cells(analysis, arm, extras)?);
    }
    blocks.push(Element::Heading(2, "How it was run".into()));
    blocks.extend(cells::provenance(study, results, extras));
    Ok(blocks)
}

/// The lines that a terminal shows at the end.
fn digest(study: &Study, analysis: &Analysis) -> String {
    let mut lines = Vec::new();
    for arm in analysis.arms.iter().filter(|arm| !arm.blocks.is_empty()) {
        if analysis.arms.len() > 1 {
            lines.push(arm.key.to_string());
        }
        lines.extend(words::comparison_lines(&analysis.methods, &arm.tests[0].blocks, &arm.overall));
        lines.extend(arm.verdicts.iter().chain(&arm.baselines).map(words::verdict_words));
        lines.push(String::new());
    }
    if !study.authors_protocol {
        return lines.iter().map(|line| format!("{line}\n")).collect();
    }
    let marked = lines.iter().map(|line| if line.is_empty() { "\n".into() } else { format!("LEAKING  {line}\n") });
    format!("{}\n\n{}", LEAKS.replace("**", ""), marked.collect::<String>())
}
