//! The report's tables over blocks and data sets.

use super::analysis::{Analysis, Arm};
use super::blocks::median;
use super::document::Element;
use super::methods::Methods;
use super::versus::{Comparison, Overall};
use super::words::{fragile_words, friedman_words, lost_words, median_words, p_words, paired_words, verdict_words};
use crate::error::Result;
use crate::experiment::cell::BASELINES;
use crate::experiment::row::Selection;

pub(super) fn table<const N: usize>(header: [&str; N], rows: Vec<Vec<String>>) -> Element {
    Element::Table { header: header.map(String::from).to_vec(), rows }
}

fn fragile(fragile: bool) -> String {
    if fragile { "fragile".into() } else { String::new() }
}

pub(super) fn verdicts(arm: &Arm) -> Vec<Element> {
    let header =
        ["data set", "pruning method", "against", "difference [95 % interval]", "verdict", "common", "last", ""];
    let rows = arm.verdicts.iter().map(|one| (one, "")).chain(arm.baselines.iter().map(|one| (one, " (baseline)")));
    let rows = rows.map(|(one, mark)| {
        vec![
            one.data.clone(),
            one.subject.clone(),
            format!("{}{mark}", one.rival),
            paired_words(&one.paired),
            one.words.word.to_string(),
            one.words.common.to_string(),
            one.words.last.to_string(),
            fragile(one.words.fragile),
        ]
    });
    let words = "Per cent of the rival's test MAE, paired by seed, mean over the data set's cells; below 0 pruning is better. \
         The intervals are **training noise only**: other seeds, not other test periods or series. Baselines are \
         for comparison, not rivals.";
    vec![
        Element::Text(words.into()),
        table(header, rows.collect()),
        Element::List(arm.verdicts.iter().chain(&arm.baselines).map(verdict_words).collect()),
    ]
}

/// Pruning against each rival; the baselines below are in no test. `overall`: of the primary selection.
fn versus_table(found: &Comparison, overall: Option<&Overall>) -> Element {
    let mut header = vec![
        "pruning method",
        "against",
        "median difference over blocks",
        "blocks",
        "rank-biserial r",
        "p",
        "p, Holm",
        "smallest attainable",
        "reads",
    ];
    header.extend(overall.iter().flat_map(|_| ["common", "last", ""]));
    let p = |value: Option<f64>| value.map_or("–".into(), p_words);
    let rivals = found.versus.iter().enumerate().map(|(i, one)| {
        let lost = lost_words(one);
        let mut row = vec![
            one.subject.clone(),
            one.rival.clone(),
            median_words(one),
            if lost.is_empty() { one.blocks.to_string() } else { format!("{}; {lost}", one.blocks) },
            one.rank_biserial.map_or("–".into(), |r| format!("{r:+.2}")),
            p(one.p),
            p(one.p_holm),
            p_words(one.smallest_p),
            one.direction().to_string(),
        ];
        if let Some(overall) = overall {
            let words = &overall.versus[i];
            row.extend([words.common.to_string(), words.last.to_string(), fragile(words.fragile)]);
        }
        row
    });
    let yardsticks = found.baselines.iter().map(|one| {
        let median = one.median_per_cent.map_or("–".into(), |median| format!("{median:+.2} %"));
        let mut row = vec![one.subject.clone(), format!("{} (baseline)", one.baseline), median];
        row.resize(8, "–".into());
        row.push("not tested".into());
        row.resize(header.len(), String::new());
        row
    });
    let rows = rivals.chain(yardsticks).collect();
    Element::Table { header: header.iter().map(ToString::to_string).collect(), rows }
}

/// Mean ranks, and beside them a ratio that also compares the baselines, which have no rank.
fn ranks_table(methods: &Methods, found: &Comparison, arm: &Arm) -> Option<Element> {
    let friedman = found.friedman.as_ref()?;
    let ratio = |of: &dyn Fn(&super::blocks::Block) -> Option<f64>| {
        let ratios: Option<Vec<f64>> = arm.blocks.iter().map(|block| Some(of(block)? / block.baselines[0]?)).collect();
        ratios.and_then(|ratios| median(&ratios)).map_or("–".into(), |ratio| format!("{ratio:.3}"))
    };
    let mut rows: Vec<Vec<String>> = friedman
        .order()
        .into_iter()
        .map(|m| {
            let own = ratio(&|block| Some(block.values(Selection::Own)[m]));
            vec![methods.names[m].clone(), format!("{:.2}", friedman.mean_ranks[m]), own]
        })
        .collect();
    for (b, name) in BASELINES.iter().enumerate() {
        rows.push(vec![format!("{name} (baseline)"), "not ranked".into(), ratio(&|block| block.baselines[b])]);
    }
    Some(table(["method", "mean rank", "test MAE / that of repeat last, median over blocks"], rows))
}

/// Friedman, Wilcoxon and ranks of one selection.
pub(super) fn over_blocks(analysis: &Analysis, arm: &Arm, selection: Selection) -> Result<Vec<Element>> {
    let tests = &arm.tests[selection as usize];
    let primary = selection == Selection::Own;
    let mut blocks = vec![Element::Heading(
        3,
        format!("Selection `{}`{}", selection.word(), if primary { " (primary)" } else { "" }),
    )];
    let sentence = |found: &Comparison, overall: &Overall| {
        let fragile = if primary { fragile_words(&overall.friedman) } else { String::new() };
        format!("{}{fragile}.", friedman_words(found.friedman.as_ref()))
    };
    blocks.push(Element::Text(sentence(&tests.blocks, &arm.overall)));
    if !tests.blocks.versus.is_empty() {
        blocks.push(versus_table(&tests.blocks, primary.then_some(&arm.overall)));
    }
    if !primary {
        return Ok(blocks);
    }
    blocks.extend(ranks_table(&analysis.methods, &tests.blocks, arm));
    #[cfg(feature = "plots")]
    blocks.extend(super::pictures::ranks(&analysis.methods.names, tests)?);
    let sets = arm.blocks.iter().map(|one| &one.cell.data).collect::<std::collections::BTreeSet<_>>().len();
    blocks.push(Element::Text(format!(
        "Blocks of one data set share a series and a test period: they are **not independent**, and the tests above take \
         them as if they were. With one block per data set ({sets}): {}",
        sentence(&tests.by_data, &arm.overall_by_data)
    )));
    if !tests.by_data.versus.is_empty() {
        blocks.push(versus_table(&tests.by_data, Some(&arm.overall_by_data)));
    }
    Ok(blocks)
}
