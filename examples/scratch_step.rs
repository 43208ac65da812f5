use microglia::engine::{Engine, Pass};
use microglia::models::*;
use microglia::program::builder::Sizes;
use microglia::program::op::*;
use microglia::program::tensor::*;
use microglia::program::*;
use microglia::reference::CpuEngine;
use std::time::Instant;
fn main() {
    let r: usize = std::env::args().nth(1).map_or(1, |a| a.parse().unwrap());
    let t: usize = std::env::args().nth(2).map_or(30, |a| a.parse().unwrap());
    let h: usize = std::env::args().nth(3).map_or(64, |a| a.parse().unwrap());
    let sizes = Sizes {
        replicas: r,
        batch: 64,
        slots: 1,
        prediction_slots: 1,
        rows: 500,
        channels: 8,
        targets: 1,
        horizon: 1,
        lookback: t,
    };
    let model = ModelOptions { instance_norm: None, hidden: h, ..Default::default() };
    let p = build(&model, &Training { loss: LossKind::Mse, dropout: false, clip: false }, sizes).unwrap();
    let layout = p.params.clone();
    let mut e = CpuEngine::<f32>::new(p.clone(), Some(2)).unwrap();
    e.write_f32(SERIES, 0, &vec![0.3; 500 * 8]).unwrap();
    e.write_f32(OBSERVED, 0, &vec![1.0; 500]).unwrap();
    for i in 0..r {
        e.write_f32(PARAMS, i, &layout.initial(i as u32)).unwrap();
        e.write_u32(MASK, i, &layout.full_mask()).unwrap();
        e.write_u32(WINDOWS, i, &(0..64).collect::<Vec<u32>>()).unwrap();
        let s = ReplicaStep {
            active: 1,
            step: 1,
            inv_target_count: 1. / 64.,
            step_size: 1e-3,
            one_minus_beta1: 0.1,
            one_minus_beta2: 0.001,
            eps: 1e-8,
            ..ReplicaStep::idle(1)
        };
        e.write_u32(STEPS, i, bytemuck::cast_slice(&[s])).unwrap();
    }
    let n = 200 / r.min(40) + 5;
    let step = [List::Forward, List::Backward, List::Update].map(|list| Pass { list, slot: 0 });
    for _ in 0..5 {
        e.run(&step).unwrap();
    }
    let mut times = vec![];
    for _ in 0..n {
        let t0 = Instant::now();
        e.run(&step).unwrap();
        times.push(t0.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    println!("step median {:.3} ms, min {:.3}", times[n / 2], times[0]);
    for list in [List::Forward, List::Backward, List::Update, List::Prune] {
        for i in 0..p.list(list).len() {
            let mut ts = vec![];
            for _ in 0..30 {
                let t0 = Instant::now();
                e.run_op(list, i, 0).unwrap();
                ts.push(t0.elapsed().as_secs_f64() * 1e6);
            }
            ts.sort_by(f64::total_cmp);
            println!("  {:26} {:8.1} us", p.list(list)[i].label(), ts[15]);
        }
    }
}
