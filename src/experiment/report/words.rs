//! The report's sentences and numbers.

use std::fmt::Display;

use super::analysis::{Effect, Paired, Verdict};
use super::methods::Methods;
use super::versus::{Comparison, Differ, Direction, Overall, Versus, Words};
use crate::experiment::statistics::Friedman;

pub(super) fn p_words(p: f64) -> String {
    if p < 1e-4 { format!("{p:.1e}") } else { format!("{p:.4}") }
}

/// A mean, or how many of its models diverged.
pub(super) fn mae_words(maes: &[f64]) -> String {
    match maes.iter().filter(|mae| !mae.is_finite()).count() {
        0 => format!("{:.4}", super::blocks::mean(maes)),
        lost => format!("diverged ({lost} of {})", maes.len()),
    }
}

pub(super) fn paired_words(paired: &Paired) -> String {
    match (paired.interval, &paired.reason) {
        (Some(found), _) => format!("{:+.2} % [{:+.2}, {:+.2}]", found.mean, found.low, found.high),
        (None, reason) => format!("– ({})", reason.as_deref().unwrap_or_default()),
    }
}

/// What stands behind a verdict that another selection changes.
pub(super) fn fragile_words(words: &Words<impl Display>) -> String {
    if !words.fragile {
        return String::new();
    }
    format!("; fragile: common says {}, last says {}", words.common, words.last)
}

/// Friedman's test in one sentence, without the end.
pub(super) fn friedman_words(found: Option<&Friedman>) -> String {
    let Some(found) = found else {
        return "Friedman: fewer than two blocks that distinguish methods: cannot decide".into();
    };
    let f = found.f.map_or("infinite, as all blocks agree".into(), |f| format!("{f:.2}"));
    let differ = Differ::of(Some(found));
    let cannot = if differ == Differ::CannotDecide { ": no result could reach 0.05" } else { "" };
    format!(
        "Friedman over {} blocks: χ² {:.2}, Iman–Davenport F {f}, p {} (smallest attainable {}): {differ}{cannot}",
        found.blocks,
        found.chi_square,
        p_words(found.p),
        p_words(found.smallest_p),
    )
}

/// The median difference over blocks, or why there is none.
pub(super) fn median_words(one: &Versus) -> String {
    one.median_per_cent.map_or_else(|| "– (diverged)".into(), |median| format!("{median:+.2} %"))
}

/// In how many blocks which of the two diverged.
pub(super) fn lost_words(one: &Versus) -> String {
    let count = |what: &str, blocks: usize| (blocks > 0).then(|| format!("{what} diverged in {blocks}"));
    let counts = [
        count(&one.subject, one.subject_diverged),
        count(&one.rival, one.rival_diverged),
        count("both", one.both_diverged),
    ];
    counts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

pub(super) fn versus_words(one: &Versus, words: &Words<Direction>) -> String {
    let lost = lost_words(one);
    let lost = if lost.is_empty() { lost } else { format!(" ({lost})") };
    format!(
        "{} against {}: median {} over {} blocks{lost}, p {} after Holm (smallest attainable {}): {}{}",
        one.subject,
        one.rival,
        median_words(one),
        one.blocks,
        one.p_holm.map_or("–".into(), p_words),
        p_words(one.smallest_p),
        one.direction(),
        fragile_words(words)
    )
}

pub(super) fn verdict_words(verdict: &Verdict) -> String {
    let Verdict { data, subject, rival, paired, words } = verdict;
    let sentence = match words.word {
        Effect::Beats => format!("{subject} beats {rival}"),
        Effect::Loses => format!("{subject} loses to {rival}"),
        Effect::Helps => format!("{subject} helps against {rival}"),
        Effect::Hurts => format!("{subject} hurts against {rival}"),
        Effect::Equal => format!("{subject} and {rival} are equal, within 1 %"),
        Effect::Undecided => format!("{subject} against {rival} is undecided"),
    };
    format!("{data}: {sentence}, mean over seeds {}{}", paired_words(paired), fragile_words(words))
}

/// Ranks, tests and their words, a line each: a digest of one comparison.
pub(super) fn comparison_lines(methods: &Methods, found: &Comparison, overall: &Overall) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(friedman) = &found.friedman {
        lines.push(format!("mean ranks over {} blocks (1 is best)", friedman.blocks));
        for method in friedman.order() {
            lines.push(format!("  {:<16} {:.2}", methods.names[method], friedman.mean_ranks[method]));
        }
    }
    lines.push(format!("{}{}", friedman_words(found.friedman.as_ref()), fragile_words(&overall.friedman)));
    lines.extend(found.versus.iter().zip(&overall.versus).map(|(one, words)| versus_words(one, words)));
    lines
}
