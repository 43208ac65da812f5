//! The report's tables of cells and settings, and where its numbers come from.

use super::analysis::{Analysis, Arm, Paired};
use super::document::Element;
use super::tables::table;
use super::words::{mae_words, paired_words};
use crate::error::Result;
use crate::experiment::cell::{BASELINES, Extras};
use crate::experiment::results::Results;
use crate::experiment::row::Selection;
use crate::experiment::statistics::wilcoxon;
use crate::experiment::study::Study;

fn baseline_words(mae: Option<f64>) -> String {
    mae.map_or("–".into(), |mae| format!("{mae:.4}"))
}

/// Every cell: test MAE by method and baseline, and pruning's differences.
pub(super) fn cells(study: &Study, analysis: &Analysis, arm: &Arm) -> Result<Vec<Element>> {
    let names = &analysis.methods.names;
    let mut header = vec!["cell".to_string()];
    header.extend(names.iter().cloned());
    header.extend(BASELINES.map(String::from));
    let rows = arm.blocks.iter().map(|block| {
        let mut row = vec![block.cell.id()];
        row.extend(block.maes[Selection::Own as usize].iter().map(|maes| mae_words(maes)));
        row.extend(block.baselines.map(baseline_words));
        row
    });
    let words = format!(
        "Test MAE, `own` selection, mean over {} seeds; beside it the baselines, on the same windows.",
        study.seeds.len()
    );
    let mut blocks = vec![Element::Text(words), Element::Table { header, rows: rows.collect() }];
    let losing = arm.blocks.iter().filter_map(|block| {
        let best = block.values(Selection::Own).into_iter().fold(f64::INFINITY, f64::min);
        let known = BASELINES.iter().zip(block.baselines).filter_map(|(name, mae)| Some((name, mae?)));
        let (name, mae) = known.min_by(|a, b| a.1.total_cmp(&b.1))?;
        (mae <= best).then(|| format!("{}: no method beats {name} ({mae:.4})", block.cell.id()))
    });
    let losing: Vec<String> = losing.collect();
    if !losing.is_empty() {
        blocks.push(Element::List(losing));
    }
    for &subject in &analysis.methods.subjects {
        let name = &names[subject];
        blocks.push(Element::Text(format!(
            "`{name}` inside each cell: per cent of the rival's test MAE, paired by seed. Training noise only."
        )));
        #[cfg(feature = "plots")]
        blocks.extend(super::pictures::differences(&analysis.methods, arm, subject)?);
        blocks.push(differences(analysis, arm, subject));
    }
    Ok(blocks)
}

/// A subject against each rival and baseline, cell by cell.
fn differences(analysis: &Analysis, arm: &Arm, subject: usize) -> Element {
    let names = &analysis.methods.names;
    let mut rows = Vec::new();
    for block in &arm.blocks {
        let mut push = |rival: &str, mark: &str, pairs: Vec<Option<f64>>, living: String| {
            let finite: Vec<f64> = pairs.iter().flatten().copied().collect();
            rows.push(vec![
                block.cell.id(),
                format!("{rival}{mark}"),
                paired_words(&Paired::new(&[pairs], &names[subject], rival)),
                wilcoxon(&finite).map_or("–".into(), |test| format!("{:+.2}", test.rank_biserial)),
                format!("{:.2} %", 100.0 * block.sparsity[subject]),
                block.living[subject].to_string(),
                living,
            ]);
        };
        for rival in analysis.methods.rivals() {
            let pairs = block.differences(Selection::Own, subject, rival);
            push(&names[rival], "", pairs, block.living[rival].to_string());
        }
        for (baseline, name) in BASELINES.iter().enumerate() {
            if let Some(pairs) = block.against_baseline(Selection::Own, subject, baseline) {
                push(name, " (baseline)", pairs, "–".into());
            }
        }
    }
    let header = [
        "cell",
        "against",
        "difference [95 % interval]",
        "rank-biserial r",
        "sparsity",
        "living weights",
        "the rival's",
    ];
    table(header, rows)
}

/// Every setting of every method, cell by cell, and the baselines.
pub(super) fn settings(study: &Study, analysis: &Analysis, results: &Results, arm: &Arm) -> Element {
    let methods = &analysis.methods;
    let mut rows = Vec::new();
    for block in &arm.blocks {
        for setting in study.settings().unwrap_or_default() {
            let own: Vec<_> = results
                .rows()
                .filter(|row| row.cell == block.cell && row.method == setting.name && row.setting == setting.text)
                .collect();
            let of = |test| mae_words(&own.iter().map(|row| row.mae(Selection::Own, test)).collect::<Vec<_>>());
            let place = methods.names.iter().position(|name| *name == setting.name);
            let chosen = place.is_some_and(|m| methods.settings[m] > 1 && block.settings[m] == setting.text);
            let mark = if chosen { "stands for its method" } else { "" };
            rows.push(vec![block.cell.id(), setting.to_string(), of(false), of(true), mark.into()]);
        }
        for (name, mae) in BASELINES.iter().zip(block.baselines) {
            let name = format!("{name} (baseline)");
            rows.push(vec![block.cell.id(), name, "–".into(), baseline_words(mae), String::new()]);
        }
    }
    table(["cell", "setting", "validation MAE", "test MAE", ""], rows)
}

pub(super) fn provenance(study: &Study, results: &Results, extras: &[Extras]) -> Vec<Element> {
    let mut devices: Vec<&str> = results.rows().map(|row| row.device.as_str()).collect();
    devices.sort_unstable();
    devices.dedup();
    let mut fingerprints: Vec<String> =
        results.rows().map(|row| format!("{} SHA-256 {}", row.cell.data, row.data_fingerprint)).collect();
    fingerprints.sort_unstable();
    fingerprints.dedup();
    let seconds: f64 = results.rows().map(|row| row.seconds).sum();
    let mut items = vec![
        format!("microglia {}, study {}", env!("CARGO_PKG_VERSION"), study.hash()),
        format!("device: {}", devices.join(", ")),
        format!("{} rows; about {seconds:.0} s of training", results.rows().count()),
    ];
    items.extend(fingerprints);
    let mut notices: Vec<String> =
        extras.iter().flat_map(|one| one.notices.iter().map(|line| format!("{}: {line}", one.cell.data))).collect();
    notices.sort_unstable();
    notices.dedup();
    items.extend(notices);
    vec![Element::List(items), Element::Text("Every row is in `results.csv`, the settings in `study.toml`.".into())]
}
