//! A program as a list, and what three machines would take for it: computed, nothing is run.

use serde::Serialize;

use super::ORDINARY;
use crate::engine::Roofline;
use crate::gpu::AdapterClass;
use crate::kernels;
use crate::kernels::lower::Shapes;
use crate::program::tensor::{STATUS, STEPS, WINDOWS};
use crate::program::{Cost, List, Program, TensorId};

/// One op.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listed {
    /// The list that it stands in.
    pub list: String,
    /// Its place there, from 0.
    pub index: usize,
    /// The op's label.
    pub op: &'static str,
    /// Tensors that it reads, with the shape of one replica's row; the step tables are left out.
    pub reads: Vec<String>,
    /// Tensors that it writes, likewise.
    pub writes: Vec<String>,
    /// On a GPU that binds every tensor whole.
    pub dispatches: usize,
    /// Of all replicas.
    #[serde(flatten)]
    pub cost: Cost,
}

/// A program op by op, and its step on machines known by their numbers alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listing {
    /// Models that train side by side.
    pub replicas: usize,
    /// Weights of one model.
    pub weights: usize,
    /// Every list, in the order it runs.
    pub ops: Vec<Listed>,
    /// A step on which no pruning is due.
    pub step_dispatches: usize,
    /// Of the ops of such a step, all replicas together.
    pub step: Cost,
    /// What a due prune adds.
    pub prune_dispatches: usize,
    /// By machine.
    pub predictions: Vec<Prediction>,
}

/// A device that is not here, by what it can do at best.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Machine {
    /// As tables have it.
    pub name: &'static str,
    /// What it can do at best.
    #[serde(flatten)]
    pub roofline: Roofline,
}

/// Devices to predict for. A dispatch costs what drivers of their kind were seen to take.
pub const MACHINES: [Machine; 3] = [
    machine("integrated GPU", 100e9, 2e12, 8e-6),
    machine("mid-range card", 400e9, 15e12, 5e-6),
    machine("H200", 4.3e12, 60e12, 4e-6),
];

const fn machine(name: &'static str, bytes_per_second: f64, flops_per_second: f64, dispatch_seconds: f64) -> Machine {
    Machine { name, roofline: Roofline { bytes_per_second, flops_per_second, dispatch_seconds } }
}

/// A step's time on a machine: its ops at their best, or its launches, whichever is longer. A prediction, and a floor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Prediction {
    /// The machine predicted for.
    pub machine: Machine,
    /// Sum over the ops of the longer of memory and arithmetic.
    pub ops_us: f64,
    /// Time that the launches alone take.
    pub launch_us: f64,
    /// The longer of the two.
    pub step_us: f64,
}

/// Lists a program; runs nothing.
pub fn listing(program: &Program) -> Listing {
    // Dispatches are counted as a discrete card takes them.
    let shapes = Shapes::of(program, AdapterClass::Discrete);
    let mut ops = Vec::new();
    for list in List::ALL {
        for (index, op) in program.list(list).iter().enumerate() {
            let name = |ids: Vec<TensorId>| ids.into_iter().filter(|id| ![STEPS, WINDOWS, STATUS].contains(id));
            let shape = |id: TensorId| format!("{} {:?}", program.tensor(id).name, program.tensor(id).shape);
            ops.push(Listed {
                list: format!("{list:?}").to_lowercase(),
                index,
                op: op.label(),
                reads: name(op.reads()).map(shape).collect(),
                writes: name(op.writes()).map(shape).collect(),
                dispatches: kernels::lower(op, &shapes).dispatches.len(),
                cost: program.cost(op),
            });
        }
    }
    let dispatches = |lists: &[List]| {
        let of = |list: &List| format!("{list:?}").to_lowercase();
        let lists: Vec<String> = lists.iter().map(of).collect();
        ops.iter().filter(|op| lists.contains(&op.list)).map(|op| op.dispatches).sum()
    };
    let costs: Vec<Cost> = ORDINARY.iter().flat_map(|&list| program.list(list)).map(|op| program.cost(op)).collect();
    let step_dispatches = dispatches(&ORDINARY);
    let predict = |machine: Machine| {
        let ops_us = 1e6 * costs.iter().map(|cost| machine.roofline.seconds(cost)).sum::<f64>();
        let launch_us = 1e6 * step_dispatches as f64 * machine.roofline.dispatch_seconds;
        Prediction { machine, ops_us, launch_us, step_us: ops_us.max(launch_us) }
    };
    Listing {
        replicas: program.replicas,
        weights: program.params.params.iter().map(|param| param.range().len()).sum(),
        step_dispatches,
        prune_dispatches: dispatches(&[List::Prune]),
        step: costs.iter().copied().sum(),
        predictions: MACHINES.into_iter().map(predict).collect(),
        ops,
    }
}
