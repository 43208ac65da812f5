//! No dispatch is estimated to run beyond what a submission may take: long sequences, large batches, wide layers and many
//! replicas, on each class of adapter, without running one.

use microglia::compare::Case;
use microglia::gpu::AdapterClass;
use microglia::kernels::{self, lower::Shapes};
use microglia::models::ModelKind::{Lstm, Rnn};
use microglia::models::{PatchtstOptions, Variant};
use microglia::program::List;

/// Seconds that a submission may take.
const BOUND: f64 = 0.5;

fn cases() -> Vec<Case> {
    let patchtst = |replicas, batch, lookback, channels: usize, d_model: usize| {
        let mut case = Case::patchtst(Variant::Official, replicas, batch, lookback).layers(3).dropout(0.2).set(|p| {
            *p = PatchtstOptions { d_model, heads: 16, ff: 2 * d_model, ..PatchtstOptions::of(Variant::Official) };
        });
        (case.sizes.channels, case.sizes.targets, case.sizes.horizon) = (channels, channels, 720);
        case.prune(1000)
    };
    vec![
        Case::new(Lstm, 1, 64, 30, 64).prune(100),
        Case::new(Lstm, 16, 128, 336, 128).layers(2).dropout(0.2).prune(100),
        Case::new(Lstm, 16, 1024, 720, 256).layers(2).dropout(0.2).prune(100),
        Case::new(Lstm, 1, 64, 30, 1024).prune(100),
        Case::new(Lstm, 1, 1, 100_000, 8),
        Case::new(Rnn, 500, 256, 96, 128).prune(100),
        Case::new(Rnn, 2, 1024, 336, 1024).layers(4),
        patchtst(1, 128, 336, 7, 128),
        patchtst(8, 64, 512, 21, 512),
        patchtst(1, 24, 336, 321, 128),
    ]
}

#[test]
fn every_dispatch_is_cut_to_the_bound() {
    let (mut whole, mut cut, mut most_pieces) = (0, 0, 0);
    for case in cases() {
        let program = case.program().unwrap();
        let largest = program.tensors.iter().map(|tensor| 4 * tensor.row() as u64).max().unwrap();
        for class in [AdapterClass::Software, AdapterClass::Integrated, AdapterClass::Discrete] {
            // Software adapters bind no more, and nothing resets them.
            if class == AdapterClass::Software && largest > 128 << 20 {
                continue;
            }
            // As engines do: half the bound, by the speed that the slow ones of a class still have.
            let most_work = (0.5 * BOUND * class.speed()) as u64;
            let shapes = Shapes { most_work, ..Shapes::of(&program, class) };
            let plans: Vec<_> =
                List::ALL.iter().flat_map(|&list| program.list(list)).map(|op| kernels::lower(op, &shapes)).collect();
            // Replicas that a wave may hold, so that no dispatch need be larger.
            let least = plans.iter().flat_map(|plan| &plan.dispatches).map(|d| d.least_work()).max().unwrap();
            let replicas = (most_work / least.max(1)).clamp(1, program.replicas as u64);
            for plan in plans {
                whole += plan.dispatches.len();
                for dispatch in &plan.dispatches {
                    let pieces = dispatch.cut(most_work / replicas);
                    cut += pieces.len();
                    most_pieces = most_pieces.max(pieces.len());
                    let invocations = |d: &kernels::lower::Dispatch| d.workgroups[0] as u64 * d.workgroups[1] as u64;
                    if pieces.len() > 1 {
                        assert_eq!(pieces.iter().map(invocations).sum::<u64>(), invocations(dispatch));
                    }
                    for piece in pieces {
                        let seconds = (piece.work * replicas) as f64 / class.speed();
                        assert!(seconds <= BOUND, "{case}: {} {seconds:.2} s on a {class:?} adapter", piece.shader);
                    }
                }
            }
        }
    }
    println!("{whole} dispatches became {cut}, none estimated above {BOUND} s; one became {most_pieces}");
    assert!(cut > whole);
}
