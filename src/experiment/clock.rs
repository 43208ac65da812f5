//! How long a study has left: the work of the cells to come, by the speed measured so far for models of their kind.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use super::run::{Prepared, StudyObserver};
use crate::error::Text;
use crate::train::{Observer, Progress};

/// Work and the seconds it took.
type Speed = (f64, f64);

pub(super) struct Clock {
    /// By model.
    speeds: BTreeMap<String, Speed>,
    /// Model and work of each cell, the one under way first.
    left: VecDeque<(String, f64)>,
    begun: Instant,
}

impl Clock {
    pub(super) fn new(cells: impl Iterator<Item = (String, f64)>) -> Clock {
        Clock { speeds: BTreeMap::new(), left: cells.collect(), begun: Instant::now() }
    }

    /// Notes that the cell under way is done.
    pub(super) fn next(&mut self) {
        if let Some((model, work)) = self.left.pop_front() {
            add(&mut self.speeds, &model, (work, self.begun.elapsed().as_secs_f64()));
        }
        self.begun = Instant::now();
    }

    /// Seconds left when `part` of the cell under way is done; `None` until something was measured.
    pub(super) fn left(&self, part: f64) -> Option<f64> {
        seconds(&self.speeds, &self.left, part, self.begun.elapsed().as_secs_f64())
    }
}

fn add(speeds: &mut BTreeMap<String, Speed>, model: &str, (work, seconds): Speed) {
    let speed = speeds.entry(model.to_string()).or_default();
    *speed = (speed.0 + work, speed.1 + seconds);
}

fn seconds(speeds: &BTreeMap<String, Speed>, left: &VecDeque<(String, f64)>, part: f64, elapsed: f64) -> Option<f64> {
    let mut speeds = speeds.clone();
    let (model, work) = left.front().map_or(("", 0.0), |(model, work)| (model.as_str(), *work));
    // A cell reads its data first: its first moments do not show its speed.
    if part > 0.02 && elapsed > 1.0 {
        add(&mut speeds, model, (part * work, elapsed));
    }
    let measured = speeds.values().fold((0.0, 0.0), |sum, speed| (sum.0 + speed.0, sum.1 + speed.1));
    let of = |model: &str, work: f64| {
        let (done, seconds) = *speeds.get(model).unwrap_or(&measured);
        work * seconds / done
    };
    let rest: f64 = left.iter().skip(1).map(|(model, work)| of(model, *work)).sum();
    (measured.0 > 0.0).then(|| rest + if work > 0.0 { of(model, work * (1.0 - part)) } else { 0.0 })
}

/// A cell's share of the whole.
pub(super) struct CellObserver<'a> {
    observer: &'a mut dyn StudyObserver,
    clock: &'a Clock,
    one: &'a Prepared,
    place: usize,
    all: usize,
    /// Share of the cell's training in runs before this one.
    base: f64,
    last: usize,
    run: usize,
}

impl<'a> CellObserver<'a> {
    pub(super) fn new(
        observer: &'a mut dyn StudyObserver,
        clock: &'a Clock,
        one: &'a Prepared,
        place: usize,
        all: usize,
    ) -> CellObserver<'a> {
        CellObserver { observer, clock, one, place, all, base: 0.0, last: 0, run: 0 }
    }

    /// A run's share of the cell's training.
    fn share(&self) -> f64 {
        let replicas = self.one.runs.get(self.run).copied().unwrap_or(0);
        replicas as f64 / self.one.runs.iter().sum::<usize>().max(1) as f64
    }
}

impl Observer for CellObserver<'_> {
    fn notice(&mut self, line: &Text) {
        self.observer.line(line);
    }

    fn progress(&mut self, progress: &Progress) {
        if progress.step < self.last {
            self.base += self.share();
            self.run += 1;
        }
        self.last = progress.step;
        let trained = (self.base + self.share() * progress.step as f64 / progress.steps.max(1) as f64).min(1.0);
        let part = trained * self.one.training;
        self.observer.progress(self.place, self.all, part, self.clock.left(part));
    }

    fn interrupted(&self) -> bool {
        self.observer.interrupted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_model_is_timed_by_its_own_speed() {
        let left = |cells: &[(&str, f64)]| cells.iter().map(|(model, work)| (model.to_string(), *work)).collect();
        let speeds = BTreeMap::from([("rnn".to_string(), (10.0, 10.0)), ("lstm".to_string(), (10.0, 40.0))]);
        assert_eq!(seconds(&speeds, &left(&[("rnn", 20.0), ("lstm", 20.0)]), 0.0, 0.0), Some(20.0 + 80.0));
        // A kind that was not measured yet gets the speed of all. Half of the first cell is done.
        assert_eq!(seconds(&speeds, &left(&[("rnn", 20.0), ("patchtst", 20.0)]), 0.5, 0.5), Some(10.0 + 50.0));
        assert_eq!(seconds(&BTreeMap::new(), &left(&[("rnn", 20.0), ("rnn", 40.0)]), 0.5, 5.0), Some(5.0 + 20.0));
        assert_eq!(seconds(&BTreeMap::new(), &left(&[("rnn", 20.0)]), 0.0, 5.0), None);
    }
}
