//! Two drivers side by side, as `scripts/test-drivers agree` sets them up.

use microglia::compare::standard_cases;
use microglia::engine::{Engine, Pass};
use microglia::gpu::Gpu;
use microglia::program::List;
use microglia::program::tensor::*;

use crate::gpu_support::{gpu, with};

/// Of a first step's losses and gradients, as `compare` allows between engines; and of losses 12 steps on.
const STEP_TOLERANCE: f64 = 1e-4;
const FREE_TOLERANCE: f64 = 1e-2;
const STEPS: usize = 12;

fn relative(a: f32, b: f32) -> f64 {
    (a as f64 - b as f64).abs() / (a.abs().max(b.abs()) as f64).max(f64::MIN_POSITIVE)
}

#[test]
#[ignore = "needs two drivers: scripts/test-drivers agree"]
fn two_drivers_agree() {
    let second = std::env::var("MICROGLIA_SECOND_DEVICE").expect("MICROGLIA_SECOND_DEVICE names the second adapter");
    let devices = [gpu().expect("a first device"), Gpu::open(&second.parse().unwrap()).unwrap().unwrap()];
    assert_ne!(devices[0].summary().name, devices[1].summary().name);
    let (mut most_step, mut most_free, mut masks) = (0f64, 0f64, 0);
    for case in standard_cases() {
        let case = case.slots(STEPS);
        let mut engines = devices.clone().map(|gpu| with(&gpu, case.program().unwrap(), Default::default()));
        engines.iter_mut().for_each(|engine| case.load(engine, 11).unwrap());
        let lists = List::STEP.into_iter().filter(|list| case.prune_count > 0 || *list != List::Prune);
        let lists: Vec<List> = lists.collect();
        for slot in 0..STEPS {
            let passes: Vec<Pass> = lists.iter().map(|&list| Pass { list, slot }).collect();
            engines.iter_mut().for_each(|engine| engine.run(&passes).unwrap());
            if slot > 0 {
                continue;
            }
            for r in 0..case.sizes.replicas {
                let [a, b] = engines.each_mut().map(|engine| engine.read_f32(GRADS, r).unwrap());
                let largest = a.iter().fold(0f64, |most, g| most.max(g.abs() as f64));
                let gap = a.iter().zip(&b).map(|(a, b)| (*a as f64 - *b as f64).abs()).fold(0.0, f64::max) / largest;
                most_step = most_step.max(gap);
                assert!(gap <= STEP_TOLERANCE, "{case}: gradients of a first step {gap:e} apart");
                let [a, b] = engines.each_mut().map(|engine| engine.read_u32(MASK, r).unwrap());
                assert!(a == b, "{case}: masks of a first step differ");
            }
        }
        for r in 0..case.sizes.replicas {
            let [a, b] = engines.each_mut().map(|engine| engine.read_f32(LOSSES, r).unwrap());
            let gaps: Vec<f64> = a.iter().zip(&b).map(|(a, b)| relative(*a, *b)).collect();
            most_step = most_step.max(gaps[0]);
            assert!(gaps[0] <= STEP_TOLERANCE, "{case}: losses {} and {}", a[0], b[0]);
            let gap = gaps.into_iter().fold(0.0, f64::max);
            most_free = most_free.max(gap);
            assert!(gap <= FREE_TOLERANCE, "{case}: losses {gap:e} apart within {STEPS} steps");
            let [a, b] = engines.each_mut().map(|engine| engine.read_u32(MASK, r).unwrap());
            masks += a.iter().zip(&b).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>();
        }
    }
    println!(
        "{} and {}: a first step's losses and gradients at most {most_step:.1e} apart, losses within {STEPS} steps at \
         most {most_free:.1e}, {masks} mask bits",
        devices[0].summary().name,
        devices[1].summary().name
    );
}
