//! The tables of a search.

use std::fmt::Write;

use microglia::data::{counted, grouped};
use microglia::error::{Notation, Text};
use microglia::experiment::report::memory_line;
use microglia::train::scores::metrics::Metrics;
use microglia::tune::halving::cost;
use microglia::tune::{Asked, Prepared, Results, Scored, Tried, Tuning};

use super::report::test_tables;
use super::table::{NONE, TextTable, column, percent};

/// Configurations that are listed.
const SHOWN: usize = 10;

/// Everything that `microglia tune` prints on stdout, but places.
pub(super) fn text(results: &Results) -> String {
    let mut text = format!("tried {}\nsearch: {}\n\n{}", results.tried_words, results.search, table(results));
    let left = results.tried.len().saturating_sub(SHOWN);
    if left > 0 {
        let _ = writeln!(text, "… and {} more in tuning.csv", grouped(left));
    }
    if results.diverged > 0 {
        let _ = writeln!(text, "{} diverged, and rank last", counted(results.diverged, "configuration"));
    }
    text += &importance(results);
    text += &scores(results);
    text
}

/// The best configurations.
fn table(results: &Results) -> String {
    let shown: Vec<&Tried> = results.tried.iter().take(SHOWN).collect();
    let losses = column(&shown.iter().map(|one| one.loss).collect::<Vec<_>>());
    let head = ["rank", "configuration"].into_iter().chain(results.names.iter().copied());
    let head = head.chain(["steps", "validation loss"]).map(String::from).collect();
    let mut table = TextTable::of(head);
    for (one, loss) in shown.iter().zip(losses) {
        let name = if one.number == 0 { "0 (without the search)".into() } else { one.number.to_string() };
        let steps = format!("{}{}", grouped(one.steps), if one.whole { "" } else { ", then dropped" });
        let loss = if loss == NONE { "diverged".into() } else { loss };
        let row = [one.rank.to_string(), name].into_iter().chain(one.values.iter().cloned());
        table.row(row.chain([steps, loss]).collect());
    }
    let order = if results.halving { "; those that trained longer rank first" } else { "" };
    let taken = if results.halving { ", when the steps of its row were done" } else { "" };
    format!("{table}validation loss: {}{}{taken}{order}\n", results.loss, averaged(results))
}

fn averaged(results: &Results) -> String {
    match results.tried.first().map_or(1, |one| one.losses.len()) {
        1 => String::new(),
        seeds => format!(", the mean over {seeds} seeds"),
    }
}

/// What decides.
fn importance(results: &Results) -> String {
    if results.importance.is_empty() {
        return String::new();
    }
    let mut order: Vec<_> = results.importance.iter().collect();
    order.sort_by(|a, b| b.share.total_cmp(&a.share));
    let list: Vec<String> = order.iter().map(|one| format!("{} {}", one.name, percent(one.share))).collect();
    let when = Text::from(results.importance_when.as_str()).to(Notation::Flags);
    format!(
        "importance: {}\n(share of the variance of the ranks of a loss that the setting explains alone, ranges cut in quarters, less \
         what chance explains; the loss is taken {when})\n",
        list.join(", ")
    )
}

/// The chosen one beside the run's own settings and the baselines.
fn scores<'a>(results: &'a Results) -> String {
    let mut rows: Vec<(String, &Metrics)> = Vec::new();
    let mut hashes = String::new();
    let mut add = |what: &str, scored: &'a Scored| {
        let best = &scored.summary.best;
        let seeds = scored.summary.replicas.len();
        let of = if seeds > 1 { format!(", seed {} of {seeds}", best.seed) } else { String::new() };
        rows.push((format!("{what}{of}"), &best.test));
        let _ = writeln!(hashes, "weights of {what}{of}: {}", best.weights_sha256);
    };
    let chosen = results.best();
    if let Some(best) = chosen {
        add(&format!("chosen: configuration {}", best.number), best);
    }
    if let Some(own) = results.default().filter(|own| Some(own.number) != results.chosen()) {
        add("without the search", own);
    }
    let tested = chosen.is_some_and(|one| one.summary.data.windows.test > 0);
    if !tested {
        return format!("\nno test rows: nothing is scored\n{hashes}");
    }
    if let Some(baselines) = &results.baselines {
        rows.push(("repeat last".into(), &baselines.repeat_last));
        rows.push(("seasonal naive".into(), &baselines.seasonal_naive));
        rows.push((format!("ridge (λ {})", baselines.ridge_lambda), &baselines.ridge));
    }
    let levels = chosen.map_or(&[][..], |one| &one.summary.levels);
    let tables = test_tables(&rows, levels);
    let gap = if levels.is_empty() { "" } else { "\n" };
    let own =
        if results.chosen() == Some(0) { "no configuration was better than the one without the search\n" } else { "" };
    // Of quantiles and distributions all of them count.
    let error = |scored: Option<&Scored>| {
        let test = scored.map(|one| one.summary.best.test.deciding());
        let own = |test: &Metrics| test.intervals.as_ref().map_or(test.scaled.mse, |intervals| intervals.scaled_crps);
        test.map_or(f64::NAN, own)
    };
    let worse = match error(chosen) > error(results.default()) {
        true => {
            "on the test rows the chosen configuration is worse than the one without the search: more validation rows or ‹seeds› choose better\n"
        }
        false => "",
    };
    let worse = Text::from(worse).to(Notation::Flags);
    format!("\n{tables}{gap}{own}{worse}the test rows were scored once, after the choice\n{hashes}")
}

/// What a search would do.
pub(super) fn dry_run(asked: &Asked, tuning: &Tuning, prepared: &[Prepared], halving: bool) -> String {
    let mut text = format!("search: {}\n{}\n\n", asked.space(), tuning.words());
    let mut table = TextTable::new(["run", "shape", "configurations", "steps", "compared after steps"]).left(1);
    for (number, one) in prepared.iter().enumerate() {
        let shape = if one.shape.is_empty() { NONE.into() } else { one.shape.join(", ") };
        let rungs: Vec<String> = one.rungs.iter().map(|rung| grouped(*rung)).collect();
        let cells =
            [(number + 1).to_string(), shape, one.configurations.to_string(), grouped(one.steps), rungs.join(", ")];
        table.row(cells.to_vec());
    }
    let _ = write!(text, "{table}");
    let replicas = |one: &Prepared| one.program.replicas;
    let largest = prepared.iter().max_by_key(|one| one.bytes.0 * replicas(one) as u64 + one.bytes.1);
    if let Some(one) = largest {
        let _ = writeln!(text, "{}", memory_line(replicas(one), one.bytes.0, one.bytes.1));
    }
    let all: usize = prepared.iter().map(|one| one.configurations).sum();
    let _ =
        writeln!(text, "cost: about {:.1} of {} whole trainings of a configuration", cost(all, halving), grouped(all));
    text
}
