//! Losses and gradient clipping as PyTorch computes them, through programs that hold nothing else; learning rates.

use microglia::engine::{Engine, Pass};
use microglia::program::builder::Sizes;
use microglia::program::op::{Forecast, HeadLayout, Loss, LossKind};
use microglia::program::tensor::*;
use microglia::program::{Builder, List, Op, Param, ParamLayout, Program, ReplicaStep};
use microglia::reference::CpuEngine;
use microglia::train::lr::LrPlan;
use microglia::train::options::LrSchedule;

use crate::golden::Golden;
use crate::gpu_support;

fn check_losses(open: &dyn Fn(Program) -> Box<dyn Engine>) {
    let golden = Golden::read("losses");
    let elements = golden.tensor("prediction").len();
    for (word, kind) in [("mse", LossKind::Mse), ("mae", LossKind::Mae), ("huber", LossKind::Huber { delta: 1.0 })] {
        for observed in [false, true] {
            let mut b = Builder::new(Sizes::default(), ParamLayout::default());
            let [head, target, weight, d_head] =
                ["head", "target", "weight", "d_head"].map(|name| b.tensor(name, &[elements]));
            let layout = HeadLayout { step: 1, target: 1, other_target: 1, other_output: 1 };
            let (batch, horizon, targets, outputs) = (elements, 1, 1, 1);
            let forecast = Forecast { batch, horizon, targets, outputs, head, layout, windows: None, link: None };
            b.forward(Op::Loss(Loss { kind, forecast, target, weight, d_head }));
            let mut engine = open(b.finish().unwrap());
            let weights = if observed { golden.floats("weight") } else { vec![1.0; elements] };
            let step = ReplicaStep { inv_target_count: 1.0 / weights.iter().sum::<f32>(), ..ReplicaStep::idle(1) };
            engine.write_f32(head, 0, &golden.floats("prediction")).unwrap();
            engine.write_f32(target, 0, &golden.floats("target")).unwrap();
            engine.write_f32(weight, 0, &weights).unwrap();
            engine.write_u32(STEPS, 0, bytemuck::cast_slice(&[step])).unwrap();
            engine.run(&[Pass { list: List::Forward, slot: 0 }]).unwrap();
            let over = if observed { "observed" } else { "all" };
            golden.close(&format!("{word}.{over}.loss"), &engine.read_f32(LOSSES, 0).unwrap(), 0.0, 1e-6);
            golden.close(&format!("{word}.{over}.grad"), &engine.read_f32(d_head, 0).unwrap(), 1e-7, 1e-6);
        }
    }
}

/// After one step from zero moments, the first moment is a tenth of the clipped gradient.
fn check_clipping(open: &dyn Fn(Program) -> Box<dyn Engine>) {
    let golden = Golden::read("clipping");
    let norms: std::collections::HashMap<String, f32> = golden.value("norms");
    for (limit, norm) in norms {
        let sizes = ["a", "b", "c"].map(|name| (name, golden.tensor(&format!("grad.{name}")).len()));
        let layout = ParamLayout::new(sizes.map(|(name, len)| Param::new(name, &[len], false, 0.0)).to_vec());
        let mut b = Builder::new(Sizes::default(), layout.clone());
        b.optimizer(true);
        let mut engine = open(b.finish().unwrap());
        let mut grads = vec![0.0; layout.words];
        for param in &layout.params {
            grads[param.range()].copy_from_slice(&golden.floats(&format!("grad.{}", param.name)));
        }
        let clip_norm = limit.parse().unwrap();
        let step = ReplicaStep { clip_norm, ..ReplicaStep::adam(1, 1, 0.0, 0.9) };
        engine.write_f32(GRADS, 0, &grads).unwrap();
        engine.write_u32(MASK, 0, &layout.full_mask()).unwrap();
        engine.write_u32(STEPS, 0, bytemuck::cast_slice(&[step])).unwrap();
        engine.run(&[Pass { list: List::Update, slot: 0 }]).unwrap();
        let found = engine.read_f32(GRAD_NORM, 0).unwrap()[0];
        assert!((found - norm).abs() < 1e-5 * norm, "norm {found}, not {norm}");
        let moments = engine.read_f32(MOMENT1, 0).unwrap();
        for param in &layout.params {
            let clipped: Vec<f32> = moments[param.range()].iter().map(|m| m * 10.0).collect();
            golden.close(&format!("clipped_{limit}.{}", param.name), &clipped, 0.0, 1e-5);
        }
    }
}

fn cpu(program: Program) -> Box<dyn Engine> {
    Box::new(CpuEngine::<f32>::new(program, Some(1)).unwrap())
}

#[test]
fn losses_cpu() {
    check_losses(&cpu);
}

#[test]
fn clipping_cpu() {
    check_clipping(&cpu);
}

#[test]
fn one_cycle_is_pytorch_s() {
    let golden = Golden::read("schedules");
    for total in [1, 2, 5, 20, 37, 200] {
        check_one_cycle(&golden, total, 0.3);
    }
    check_one_cycle(&Golden::read("patchtst_schedules"), 45, 0.4);
}

fn check_one_cycle(golden: &Golden, total: usize, pct_start: f64) {
    let plan = LrPlan { schedule: LrSchedule::OneCycle, lr: 1e-3, pct_start, epochs: 1, steps_per_epoch: total };
    let (rates, betas): (Vec<f64>, Vec<f64>) = (1..=total).map(|step| plan.at(step)).unzip();
    for (key, found) in [("lr", rates), ("beta1", betas)] {
        let expected = golden.tensor(&format!("one_cycle.{total}.{key}"));
        for (step, (want, got)) in expected.iter().zip(&found).enumerate() {
            assert!((want - got).abs() <= 1e-12 * want, "{key} of step {step} of {total}: {got}, not {want}");
        }
    }
}

#[test]
fn step_is_pytorch_s_step_lr_by_thirds() {
    let golden = Golden::read("schedules");
    for (epochs, third) in [(20, 7), (9, 3), (2, 1)] {
        let plan = LrPlan { schedule: LrSchedule::Step, lr: 1e-3, pct_start: 0.3, epochs, steps_per_epoch: 4 };
        for (epoch, want) in golden.tensor(&format!("step.{epochs}.{third}.lr")).iter().enumerate() {
            let got = plan.at(epoch * 4 + 3).0;
            assert!((want - got).abs() <= 1e-12 * want, "epoch {} of {epochs}: {got}, not {want}", epoch + 1);
        }
    }
}

#[test]
fn losses_and_clipping_gpu() {
    let Some(gpu) = gpu_support::gpu() else { return };
    check_losses(&|program| Box::new(gpu_support::engine(&gpu, program)));
    check_clipping(&|program| Box::new(gpu_support::engine(&gpu, program)));
}
