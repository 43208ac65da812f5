//! Searches by the library: what is dropped rests, the choice is the best, and what is kept is the lone run.

use std::collections::BTreeMap;
use std::path::Path;

use microglia::config::{Config, Settings};
use microglia::engine::Engine;
use microglia::error::Text;
use microglia::experiment::StudyObserver;
use microglia::program::Program;
use microglia::runs::silent;
use microglia::train::scores::baselines::baselines;
use microglia::train::{Plan, TrainOptions, run, summarize};
use microglia::tune::halving::{rungs, survivors};
use microglia::tune::{Asked, Folder, Results, Search, Tuning, write};

use crate::golden::path;
use crate::gpu_support::on_each_engine;

/// Never stops a search, or after so many looks.
struct Watch {
    looks: std::cell::Cell<usize>,
}

impl Watch {
    fn never() -> Watch {
        Watch { looks: std::cell::Cell::new(usize::MAX) }
    }
}

impl StudyObserver for Watch {
    fn line(&mut self, _: &Text) {}

    fn progress(&mut self, done: usize, all: usize, part: f64, _: Option<f64>) {
        assert!(done < all && (0.0..=1.0).contains(&part), "{done} of {all}, {part}");
    }

    fn interrupted(&self) -> bool {
        self.looks.set(self.looks.get().saturating_sub(1));
        self.looks.get() == 0
    }
}

fn settings(more: &[(&str, &str)]) -> Settings {
    let tiny = path("tiny.csv").display().to_string();
    let mut settings = Settings::default();
    let own = [("data", tiny.as_str()), ("target", "y"), ("lookback", "7"), ("horizon", "2"), ("batch", "8")];
    let model = [
        ("hidden", "5"),
        ("linear-path", "none"),
        ("epochs", "18"),
        ("device", "cpu"),
        ("val-size", "10"),
        ("test-size", "8"),
    ];
    for (name, text) in own.iter().chain(&model).chain(more) {
        settings.set(name, text).unwrap();
    }
    settings
}

type Open<'a> = &'a dyn Fn(Program) -> Box<dyn Engine>;

/// A whole search in a folder; `None` where the observer interrupted.
fn search(folder: &Path, run: &Settings, asked: &[(&str, &str)], open: Open, watch: &mut Watch) -> Option<Results> {
    let search = Search::new(asked.iter().copied()).unwrap();
    let asked = Asked::new(run, &search, &silent()).unwrap();
    let mut make = |program: &Program| Ok(open(program.clone()));
    let settled = asked.settle(&mut make, true, &mut Watch::never()).unwrap().unwrap();
    let tuning = Tuning::new(&asked, &settled, &silent()).unwrap();
    let held = Folder::hold(folder).unwrap();
    let results = tuning.run(&held, &mut make, watch).unwrap()?;
    write(&results, &held).unwrap();
    Some(results)
}

/// The weights' hashes of a run of its own.
fn alone(toml: &str, open: Open) -> Vec<String> {
    let config = Config::new(&Settings::from_table(&toml.parse().unwrap()).unwrap()).unwrap();
    let dataset = config.data.load().unwrap();
    let plan = Plan::new(&dataset, &config.train).unwrap();
    let mut engine = open(plan.program.clone());
    let trained = run(&dataset, &plan, engine.as_mut(), &mut ()).unwrap();
    let outcome = summarize(&dataset, &plan, engine.as_mut(), trained, baselines(&dataset), &()).unwrap();
    outcome.summary.replicas.into_iter().map(|one| one.weights_sha256).collect()
}

#[test]
fn the_chosen_models_are_those_of_a_run_of_their_own() {
    // Replicas that differ in all that they may differ in; shapes; and both.
    let all = "lr=1e-3..5e-2,regularizer=none|pruning|dropout,pruning|l2,clip-grad-norm=none|0.05,lr-schedule=constant|one-cycle,\
               dropout=0.1..0.5,weight-decay=1e-3..1e-1,sparsity=0.1..0.3|0.3..0.7,schedule=cubic|linear";
    for (space, seeds, halving, shapes) in [
        (all, "1", "on", 1),
        ("lr=1e-3..5e-2,hidden=4|6,lookback=5|7|9,instance-norm=last|mean-std|none", "2", "on", 18),
        ("lr=1e-3..5e-2,batch=4|8,linear-path=none|ridge", "2", "off", 4),
    ] {
        on_each_engine(|open| {
            let place = tempfile::tempdir().unwrap();
            let asked = [("search", space), ("configurations", "24"), ("seeds", seeds), ("halving", halving)];
            let results = search(place.path(), &settings(&[]), &asked, open, &mut Watch::never()).unwrap();
            assert_eq!(results.tried.len(), 24);
            let words = format!("24 configurations in {shapes} shape");
            assert!(results.tried_words.starts_with(&words) || shapes == 18, "{}", results.tried_words);
            let best = results.best().unwrap();
            let hashes: Vec<String> = best.summary.replicas.iter().map(|one| one.weights_sha256.clone()).collect();
            let toml = std::fs::read_to_string(place.path().join("best.toml")).unwrap();
            assert_eq!(hashes, alone(&toml, open), "{space}\n{toml}");
            assert_eq!(hashes.len().to_string(), seeds);
            let own = results.default().unwrap();
            let hashes: Vec<String> = own.summary.replicas.iter().map(|one| one.weights_sha256.clone()).collect();
            assert_eq!(hashes, alone(&own.toml, open), "{space}");
        });
    }
}

#[test]
fn the_worse_ones_rest_and_the_best_is_chosen() {
    on_each_engine(|open| {
        let place = tempfile::tempdir().unwrap();
        let patient = [("patience", "0"), ("regularizer", "none")];
        let asked = [("search", "lr=1e-4|3e-4|1e-3|3e-3|1e-2|3e-2|1e-1|1e3"), ("configurations", "8")];
        let run = settings(&patient);
        let results = search(place.path(), &run, &asked, open, &mut Watch::never()).unwrap();
        // 5 steps an epoch.
        let all = rungs(90, true);
        assert_eq!(all, [10, 30, 90]);
        let mut counts = BTreeMap::new();
        results.tried.iter().for_each(|one| *counts.entry(one.steps).or_insert(0) += 1);
        // Of eight three, and the first one; of those a third rounded up, and the first one.
        let [first, second, whole] = all.map_to(&counts);
        assert_eq!(first + second + whole, 8, "{counts:?}");
        assert!((1..=3).contains(&whole) && (3..=4).contains(&(second + whole)), "{counts:?}");
        assert!(results.tried.iter().all(|one| one.whole == (one.steps == 90)));
        let by_number = |number: usize| results.tried.iter().find(|one| one.number == number).unwrap();
        assert!(by_number(0).whole, "the run's own trains to its end");
        let absurd = results.tried.iter().find(|one| one.values == ["1000"]).unwrap();
        assert!(!absurd.whole && absurd.rank > 3, "{absurd:?}");
        // What halving kept, by the losses after a ninth; and the search without it has the lowest loss of all.
        let losses: Vec<f64> = (0..8).map(|number| by_number(number).first_loss.unwrap_or(f64::INFINITY)).collect();
        let kept = survivors(&losses, &[true; 8]);
        assert!((0..8).all(|number| kept[number] == (by_number(number).steps > 10)), "{losses:?}");
        let place = tempfile::tempdir().unwrap();
        let asked = [&asked[..], &[("halving", "off")]].concat();
        let whole = search(place.path(), &run, &asked, open, &mut Watch::never()).unwrap();
        assert!(whole.tried.iter().all(|one| one.whole && (one.steps == 90 || one.loss.is_none())));
        let lowest = whole.tried.iter().filter_map(|one| one.loss).fold(f64::INFINITY, f64::min);
        assert_eq!(whole.tried[0].loss, Some(lowest));
        assert_eq!(whole.chosen(), Some(whole.tried[0].number));
        // Who trained to the end with halving scores what it does without.
        for one in results.tried.iter().filter(|one| one.whole) {
            assert_eq!(whole.tried.iter().find(|other| other.number == one.number).unwrap().losses, one.losses);
        }
    });
}

/// Counts by number of steps.
trait MapTo {
    fn map_to(&self, counts: &BTreeMap<usize, usize>) -> [usize; 3];
}

impl MapTo for Vec<usize> {
    fn map_to(&self, counts: &BTreeMap<usize, usize>) -> [usize; 3] {
        [0, 1, 2].map(|rung| counts.get(&self[rung]).copied().unwrap_or(0))
    }
}

#[test]
fn a_search_that_is_interrupted_anywhere_goes_on_to_the_same_files() {
    let cpu = |program: Program| -> Box<dyn Engine> {
        Box::new(microglia::reference::CpuEngine::<f32>::new(program, Some(1)).unwrap())
    };
    let run = settings(&[("checkpoint-every", "7")]);
    let asked =
        [("search", "lr=1e-3..5e-2,lookback=5|7,sparsity=0.1..0.3|0.3..0.7"), ("configurations", "12"), ("seeds", "2")];
    let files = |folder: &Path| {
        ["best.toml", "tuning.csv", "scores.json"].map(|name| std::fs::read_to_string(folder.join(name)).unwrap())
    };
    let whole = tempfile::tempdir().unwrap();
    search(whole.path(), &run, &asked, &cpu, &mut Watch::never()).unwrap();
    assert!(!whole.path().join("runs").exists(), "states that nobody needs are gone");
    for looks in [1, 2, 5, 9, 14, 20, 33] {
        let place = tempfile::tempdir().unwrap();
        let mut stops = 0;
        // Each time a little further.
        while search(place.path(), &run, &asked, &cpu, &mut Watch { looks: (looks + stops).into() }).is_none() {
            stops += 1;
            assert!(stops < 200);
        }
        assert!(stops > 0);
        assert_eq!(files(place.path()), files(whole.path()), "after {looks} looks and {stops} stops");
    }
}

#[test]
fn look_backs_are_compared_on_the_same_targets() {
    // Before some rows of the shorter series there are no 30.
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("short.csv");
    let row =
        |id: &str, i: usize| format!("{id},2024-{:02}-{:02},{}\n", 1 + i / 28, 1 + i % 28, (i as f64 * 0.7).sin());
    let long: String = (0..84).map(|i| row("long", i)).collect();
    let short: String = (0..40).map(|i| row("short", i)).collect();
    std::fs::write(&file, format!("id,date,y\n{long}{short}")).unwrap();
    let sizes = [("val-size", "12"), ("test-size", "12"), ("lookback", "3"), ("freq", "D"), ("id-column", "id")];
    let run = settings(&[&[("data", file.to_str().unwrap())][..], &sizes].concat());
    let cpu = |program: Program| -> Box<dyn Engine> {
        Box::new(microglia::reference::CpuEngine::<f32>::new(program, Some(1)).unwrap())
    };
    let asked = [("search", "lookback=3|6|30"), ("configurations", "9")];
    let results = search(place.path(), &run, &asked, &cpu, &mut Watch::never()).unwrap();
    assert_eq!(results.tried.len(), 3);
    // 11 windows of 12 rows each.
    let own = |lookback: &str| {
        let mut settings = run.clone();
        settings.set("lookback", lookback).unwrap();
        let dataset = Config::new(&settings).unwrap().data.load().unwrap();
        (dataset.validation.len(), dataset.test.len())
    };
    assert_eq!((own("3"), own("30")), ((22, 22), (11, 20)));
    for one in &results.scored {
        assert_eq!(one.summary.data.windows.test, 20, "what every look-back forecasts");
    }
    // A budget decides how many are tried.
    let search =
        Search::new([("search", "lr=1e-4..1e-2"), ("budget", "1000"), ("halving", "off")].into_iter()).unwrap();
    let asked = Asked::new(&settings(&[]), &search, &silent()).unwrap();
    let settled =
        asked.settle(&mut |program: &Program| Ok(cpu(program.clone())), true, &mut Watch::never()).unwrap().unwrap();
    let own = TrainOptions { epochs: Some(18), batch: 8, ..TrainOptions::default() };
    let dataset = Config::new(&settings(&[])).unwrap().data.load().unwrap();
    let steps = own.length(dataset.train.len()).epochs * dataset.train.len().div_ceil(8);
    assert_eq!(settled.configurations, 1000 / steps);
}
