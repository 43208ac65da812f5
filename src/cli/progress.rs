//! A run's progress on stderr: a bar with the time left on a terminal, and a line per epoch anywhere.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};
use microglia::error::{Notation, Text};
use microglia::train::{EpochRow, Observer, Progress, ReplicaEpoch};

use super::stop::Stop;
use super::{say, say_text};

/// Of a run of more epochs, every so many-th has a line.
const LINES: usize = 50;

/// Tells a run's progress.
pub(super) struct Reporter {
    bar: Option<ProgressBar>,
    stop: Stop,
    /// Of the whole run.
    epochs: usize,
    /// Of the last epoch, if it was not told.
    untold: Option<String>,
    /// The last epoch that was the best so far.
    best: Option<usize>,
}

impl Reporter {
    pub(super) fn new(stop: Stop) -> Reporter {
        let style = ProgressStyle::with_template("epoch {prefix} {bar:30} step {pos}/{len} · {eta} left at most");
        let bar = style.ok().filter(|_| std::io::stderr().is_terminal()).map(|style| {
            let bar = ProgressBar::new(0);
            bar.set_style(style.progress_chars("━╸ "));
            bar
        });
        Reporter { bar, stop, epochs: 1, untold: None, best: None }
    }

    pub(super) fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(line)),
            None => say(line),
        }
    }

    /// Knows a run's number of epochs, and its best one so far.
    pub(super) fn of(self, (epochs, best): (usize, Option<usize>)) -> Reporter {
        Reporter { epochs, best, ..self }
    }

    pub(super) fn finish(&mut self) {
        if let Some(line) = self.untold.take() {
            self.line(&line);
        }
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Reporter {
    fn notice(&mut self, line: &Text) {
        self.line(&line.to(Notation::Flags));
    }

    fn progress(&mut self, progress: &Progress) {
        self.epochs = progress.epochs;
        if let Some(bar) = &self.bar {
            bar.set_length(progress.steps as u64);
            bar.set_prefix(format!("{}/{}", progress.epoch, progress.epochs));
            bar.set_position(progress.step as u64);
        }
    }

    fn epoch(&mut self, row: &EpochRow) {
        if row.replicas.iter().any(|replica| replica.best) {
            self.best = Some(row.epoch);
        }
        let every = self.epochs.div_ceil(LINES);
        let line = epoch_line(row, self.epochs, self.best.filter(|_| every > 1));
        match row.epoch == 1 || row.epoch.is_multiple_of(every) {
            true => {
                self.untold = None;
                self.line(&line);
            }
            false => self.untold = Some(line),
        }
    }

    fn interrupted(&self) -> bool {
        self.stop.asked()
    }
}

/// Tells lines alone, of what trains nothing.
pub(super) struct Lines;

impl Observer for Lines {
    fn notice(&mut self, line: &Text) {
        say_text(line);
    }
}

/// Means over the replicas that still train, or over all once none does. `best_epoch`: where not every epoch has a line, the best one so
/// far.
fn epoch_line(row: &EpochRow, epochs: usize, best_epoch: Option<usize>) -> String {
    let active: Vec<&ReplicaEpoch> = row.replicas.iter().filter(|replica| replica.active).collect();
    let shown: Vec<&ReplicaEpoch> = if active.is_empty() { row.replicas.iter().collect() } else { active };
    let mean = |value: fn(&ReplicaEpoch) -> f64| shown.iter().map(|r| value(r)).sum::<f64>() / shown.len() as f64;
    let width = epochs.to_string().len();
    let best = row.replicas.iter().filter(|replica| replica.best).count();
    let mark = match (best, row.replicas.len(), best_epoch) {
        (0, 1, Some(epoch)) => format!("  best so far in epoch {epoch}"),
        (0, ..) => String::new(),
        (_, 1, _) => "  best so far".into(),
        (count, all, _) => format!("  best so far for {count} of {all} replicas"),
    };
    // Without validation rows there is no loss of them.
    let validation = mean(|r| r.validation_loss);
    let validation = if validation.is_nan() { String::new() } else { format!("  validation {validation:.5}") };
    format!(
        "epoch {:>width$}/{epochs}  loss {:.5}{validation}  sparsity {:5.2} %  {:.1} s{mark}",
        row.epoch,
        mean(|r| r.train_loss),
        mean(|r| r.sparsity) * 100.0,
        row.seconds,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_one_line_of_means() {
        let replica =
            |train_loss, active| ReplicaEpoch { train_loss, validation_loss: 0.5, sparsity: 0.3, best: active, active };
        let mut row = EpochRow { epoch: 3, step: 30, lr: 1e-3, seconds: 1.25, replicas: vec![replica(0.25, true)] };
        let line = "epoch  3/20  loss 0.25000  validation 0.50000  sparsity 30.00 %  1.2 s  best so far";
        assert_eq!(epoch_line(&row, 20, None), line);
        let other = ReplicaEpoch { best: false, ..row.replicas[0].clone() };
        let line = epoch_line(&EpochRow { replicas: vec![other], ..row.clone() }, 500, Some(2));
        assert!(line.starts_with("epoch   3/500") && line.ends_with("best so far in epoch 2"), "{line}");
        row.replicas.extend([replica(0.75, true), replica(99.0, false)]);
        let line = epoch_line(&row, 20, None);
        assert!(line.contains("loss 0.50000") && line.ends_with("for 2 of 3 replicas"), "{line}");
    }
}
