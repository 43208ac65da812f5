//! Training that tells of every epoch, and stops when it is asked to: here by a line on stdin, or at a loss that suffices.
//!
//! `cargo run --release --example callback [FILE.csv]`; press Enter to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use microglia::data::{DataOptions, Source};
use microglia::reference::CpuEngine;
use microglia::train::{EpochRow, Observer, Plan, TrainOptions, run};

/// Validation loss, in scaled units, that is good enough.
const GOAL: f64 = 0.025;

struct Callback {
    stop: Arc<AtomicBool>,
}

impl Observer for Callback {
    /// After each epoch's validation.
    fn epoch(&mut self, row: &EpochRow) {
        let first = &row.replicas[0];
        println!(
            "epoch {}: training loss {:.4}, validation loss {:.4}, sparsity {:.2}, {:.1} s",
            row.epoch, first.train_loss, first.validation_loss, first.sparsity, row.seconds
        );
        if first.validation_loss < GOAL {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    /// Between steps: the step under way is finished, and the last weights are kept.
    fn interrupted(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

fn main() -> microglia::Result<()> {
    let source = std::env::args().nth(1).map_or(Source::Embedded, |file| Source::File(file.into()));
    let dataset = DataOptions { source, ..DataOptions::default() }.load()?;
    let plan = Plan::new(&dataset, &TrainOptions { epochs: Some(10), ..TrainOptions::default() })?;
    let mut engine = CpuEngine::<f32>::new(plan.program.clone(), None)?;

    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    std::thread::spawn(move || {
        // The end of the input is nobody's wish.
        if std::io::stdin().read_line(&mut String::new()).is_ok_and(|bytes| bytes > 0) {
            asked.store(true, Ordering::Relaxed);
        }
    });
    let trained = run(&dataset, &plan, &mut engine, &mut Callback { stop })?;
    println!("{:?} after {} steps", trained.status, trained.replicas[0].steps);
    Ok(())
}
