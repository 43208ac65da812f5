//! The report's tables and sentences.

use super::analysis::{Analysis, Arm, Tests, Verdict, Versus, mean, rivals};
use super::document::Block;
use super::plots;
use crate::experiment::cell::Extras;
use crate::experiment::results::{Results, Selection};
use crate::experiment::statistics::{ALPHA, Friedman, Interval, t_interval, wilcoxon};
use crate::experiment::study::Study;

fn p_words(p: f64) -> String {
    if p < 1e-4 { format!("{p:.1e}") } else { format!("{p:.4}") }
}

fn interval_words(found: Option<Interval>) -> String {
    found.map_or("–".into(), |found| format!("{:+.2} % [{:+.2}, {:+.2}]", found.mean, found.low, found.high))
}

pub fn friedman_words(found: Option<&Friedman>) -> String {
    let Some(found) = found else {
        return "Friedman: fewer than two blocks that tell methods apart: cannot decide.".into();
    };
    let numbers = format!(
        "Friedman over {} blocks: χ² {:.2}, Iman–Davenport F {:.2}, p {} (smallest attainable {})",
        found.blocks,
        found.chi_square,
        found.f,
        p_words(found.p),
        p_words(found.smallest_p)
    );
    let words = if found.smallest_p > ALPHA {
        "cannot decide: no result could reach 0.05"
    } else if found.p < ALPHA {
        "the methods differ"
    } else {
        "no difference found among the methods"
    };
    format!("{numbers}: {words}.")
}

pub fn versus_words(one: &Versus) -> String {
    let p = one.p_holm.map_or("–".into(), p_words);
    format!(
        "{} against {}: {:+.2} % over {} blocks, p {p} after Holm (smallest attainable {}): {}",
        one.subject,
        one.rival,
        one.mean_per_cent,
        one.blocks,
        p_words(one.smallest_p),
        one.words()
    )
}

pub fn verdict_words(verdict: &Verdict) -> String {
    let Verdict { data, subject, rival, interval, word, .. } = verdict;
    let sentence = match *word {
        "helps" => format!("{subject} helps against {rival}"),
        "hurts" => format!("{subject} hurts against {rival}"),
        "equal" => format!("{subject} and {rival} are equal, within 1 %"),
        _ => format!("{subject} against {rival} is undecided"),
    };
    let fragile = if verdict.fragile {
        format!("; fragile: common says {}, last says {}", verdict.common, verdict.last)
    } else {
        String::new()
    };
    format!("{data}: {sentence}, {}{fragile}", interval_words(*interval))
}

pub fn verdicts(arm: &Arm) -> Vec<Block> {
    let header =
        ["data set", "pruning method", "against", "difference [95 % interval]", "verdict", "common", "last", ""];
    let rows = arm.verdicts.iter().map(|one| {
        vec![
            one.data.clone(),
            one.subject.clone(),
            one.rival.clone(),
            interval_words(one.interval),
            one.word.to_string(),
            one.common.to_string(),
            one.last.to_string(),
            if one.fragile { "fragile".into() } else { String::new() },
        ]
    });
    let words = "Per cent of the rival's test MAE, paired by seed, mean over the data set's cells; below 0 pruning is better. \
         The intervals are **training noise only**: other seeds, not other test periods or series.";
    vec![
        Block::Text(words.into()),
        Block::Table { header: header.map(String::from).to_vec(), rows: rows.collect() },
        Block::List(arm.verdicts.iter().map(verdict_words).collect()),
    ]
}

fn versus_table(versus: &[Versus]) -> Block {
    let header = [
        "pruning method",
        "against",
        "mean difference",
        "rank-biserial r",
        "p",
        "p, Holm",
        "smallest attainable",
        "reads",
    ];
    let rows = versus.iter().map(|one| {
        let p = |value: Option<f64>| value.map_or("–".into(), p_words);
        vec![
            one.subject.clone(),
            one.rival.clone(),
            format!("{:+.2} %", one.mean_per_cent),
            one.rank_biserial.map_or("–".into(), |r| format!("{r:+.2}")),
            p(one.p),
            p(one.p_holm),
            p_words(one.smallest_p),
            one.words().to_string(),
        ]
    });
    Block::Table { header: header.map(String::from).to_vec(), rows: rows.collect() }
}

fn ranks_table(methods: &[String], tests: &Tests) -> Option<Block> {
    let found = tests.friedman.as_ref()?;
    let mut order: Vec<usize> = (0..methods.len()).collect();
    order.sort_by(|&a, &b| found.mean_ranks[a].total_cmp(&found.mean_ranks[b]));
    let rows = order.iter().map(|&m| vec![methods[m].clone(), format!("{:.2}", found.mean_ranks[m])]).collect();
    Some(Block::Table { header: vec!["method".into(), "mean rank".into()], rows })
}

/// Friedman, Wilcoxon and ranks of one selection.
pub fn over_blocks(analysis: &Analysis, arm: &Arm, selection: Selection) -> Vec<Block> {
    let tests = &arm.tests[selection as usize];
    let primary = if selection == Selection::Own { " (primary)" } else { "" };
    let mut blocks = vec![Block::Heading(3, format!("Selection `{}`{primary}", selection.word()))];
    blocks.push(Block::Text(friedman_words(tests.friedman.as_ref())));
    if !tests.versus.is_empty() {
        blocks.push(versus_table(&tests.versus));
    }
    if selection != Selection::Own {
        return blocks;
    }
    blocks.extend(ranks_table(&analysis.methods, tests));
    if let Some(svg) = plots::ranks(&analysis.methods, tests) {
        let caption = "Mean ranks, 1 is best, and Nemenyi's critical difference at 5 %: description only".to_string();
        blocks.push(Block::Picture { caption, svg });
    }
    let sets = arm.verdicts.iter().map(|one| &one.data).collect::<std::collections::BTreeSet<_>>().len();
    blocks.push(Block::Text(format!(
        "Blocks of one data set share a series and a test period: they are **not independent**, and the tests above take \
         them as if they were. With one block per data set ({sets}): {}",
        friedman_words(tests.by_data_friedman.as_ref())
    )));
    if !tests.by_data_versus.is_empty() {
        blocks.push(versus_table(&tests.by_data_versus));
    }
    blocks
}

/// Every cell: test MAE by method, and pruning's differences.
pub fn cells(study: &Study, analysis: &Analysis, arm: &Arm, extras: &[Extras]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut header = vec!["cell".to_string()];
    header.extend(analysis.methods.iter().cloned());
    let names = ["repeat last", "seasonal naive", "ridge"];
    header.extend(names.map(String::from));
    let number = |value: f64| if value.is_finite() { format!("{value:.4}") } else { "diverged".into() };
    let rows = arm.blocks.iter().map(|block| {
        let mut row = vec![block.cell.id()];
        row.extend(block.values(Selection::Own).into_iter().map(number));
        let extra = extras.iter().find(|one| one.cell == block.cell);
        row.extend(names.map(|name| {
            let found = extra.and_then(|one| one.baselines.iter().find(|(baseline, _)| baseline == name));
            found.map_or("–".into(), |(_, mae)| number(*mae))
        }));
        row
    });
    blocks.push(Block::Text(format!(
        "Test MAE, `own` selection, mean over {} seeds; beside it the baselines, on the same windows.",
        study.seeds.len()
    )));
    blocks.push(Block::Table { header, rows: rows.collect() });
    let losing: Vec<String> = arm
        .blocks
        .iter()
        .filter_map(|block| {
            let best = block.values(Selection::Own).into_iter().fold(f64::INFINITY, f64::min);
            let extra = extras.iter().find(|one| one.cell == block.cell)?;
            let (name, mae) = extra.baselines.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
            (*mae <= best).then(|| format!("{}: no method beats {name} ({mae:.4})", block.cell.id()))
        })
        .collect();
    if !losing.is_empty() {
        blocks.push(Block::List(losing));
    }
    for subject in (0..analysis.methods.len()).filter(|&m| analysis.methods[m].starts_with("pruning")) {
        let mut rows = Vec::new();
        for block in &arm.blocks {
            for rival in rivals(&analysis.methods) {
                let differences = block.differences(Selection::Own, subject, rival);
                let r = wilcoxon(&differences).map_or("–".into(), |test| format!("{:+.2}", test.rank_biserial));
                rows.push(vec![
                    block.cell.id(),
                    analysis.methods[rival].clone(),
                    interval_words(t_interval(&differences)),
                    r,
                    format!("{:.2} %", 100.0 * block.sparsity[subject]),
                    block.living[subject].to_string(),
                    block.living[rival].to_string(),
                ]);
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
        let name = &analysis.methods[subject];
        blocks.push(Block::Text(format!(
            "`{name}` inside each cell: per cent of the rival's test MAE, paired by seed. Training noise only."
        )));
        if let Some(svg) = plots::differences(&analysis.methods, arm, subject) {
            blocks.push(Block::Picture { caption: format!("{name} against each rival, cell by cell"), svg });
        }
        blocks.push(Block::Table { header: header.map(String::from).to_vec(), rows });
    }
    blocks
}

/// Every setting of every method, cell by cell.
pub fn settings(study: &Study, results: &Results, arm: &Arm) -> Block {
    let mut rows = Vec::new();
    for block in &arm.blocks {
        for setting in study.settings().unwrap_or_default() {
            let own = results.rows().filter(|row| {
                row.cell == block.cell && row.method == setting.name && row.setting == setting.text && !row.diverged()
            });
            let own: Vec<_> = own.collect();
            let of = |test: bool| {
                let values: Vec<f64> = own.iter().map(|row| row.score(Selection::Own, test).mae()).collect();
                format!("{:.4}", mean(&values))
            };
            let chosen = study.settings().unwrap_or_default().iter().filter(|one| one.name == setting.name).count() > 1
                && block.settings.contains(&setting.text);
            rows.push(vec![
                block.cell.id(),
                setting.to_string(),
                of(false),
                of(true),
                if chosen { "stands for its method".into() } else { String::new() },
            ]);
        }
    }
    let header = ["cell", "setting", "validation MAE", "test MAE", ""];
    Block::Table { header: header.map(String::from).to_vec(), rows }
}

pub fn provenance(study: &Study, results: &Results, extras: &[Extras]) -> Vec<Block> {
    let mut devices: Vec<&str> = results.rows().map(|row| row.device.as_str()).collect();
    devices.sort_unstable();
    devices.dedup();
    let mut fingerprints: Vec<String> =
        results.rows().map(|row| format!("{} SHA-256 {}", row.cell.data, row.data_fingerprint)).collect();
    fingerprints.sort_unstable();
    fingerprints.dedup();
    let seconds: f64 = results.rows().map(|row| row.seconds).sum();
    let mut items = vec![
        format!("microglia {}, study {}", env!("CARGO_PKG_VERSION"), study.hash().unwrap_or_default()),
        format!("device: {}", devices.join(", ")),
        format!("{} rows; about {seconds:.0} s of training", results.rows().count()),
    ];
    items.extend(fingerprints);
    let mut notices: Vec<String> =
        extras.iter().flat_map(|one| one.notices.iter().map(|line| format!("{}: {line}", one.cell.data))).collect();
    notices.sort_unstable();
    notices.dedup();
    items.extend(notices);
    vec![Block::List(items), Block::Text("Every row is in `results.csv`, the settings in `study.toml`.".into())]
}
