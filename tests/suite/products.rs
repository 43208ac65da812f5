//! Matrix products alone, in registers and in tiles of either width, against the f64 twin: rows, inputs and outputs about the
//! sizes that tiles, vec4 and steps of workgroup memory have, operands that lie evenly, in sequences and padded.

use microglia::engine::Engine;
use microglia::kernels::GpuOptions;
use microglia::kernels::tuning::{Tiling, Tuned, Tuning, products};
use microglia::program::builder::Sizes;
use microglia::program::op::{Beside, LinearBackwardInput, LinearBackwardWeight, LinearForward, Op};
use microglia::program::tensor::PARAMS;
use microglia::program::{Builder, List, Param, ParamLayout, Program, Rows, rng};
use microglia::reference::CpuEngine;

use crate::gpu_support::{gpu, with};

const TILINGS: [Tiling; 3] = [Tiling::Registers, Tiling::Square, Tiling::Tall];

/// A layer's three products; `length` rows a sequence of the second input, which has one row more before them.
fn layer([rows, inputs, outputs]: [usize; 3], stride: usize, length: usize, second: usize) -> Program {
    let named = |name: &str, shape: &[usize]| Param::new(name, shape, true, 0.1);
    let layout = ParamLayout::new(vec![
        named("weight", &[outputs, inputs]),
        named("beside", &[outputs, second]),
        named("bias", &[outputs]),
        named("beside_bias", &[outputs]),
    ]);
    let at = |name: &str| layout.get(name).unwrap().offset;
    let (weight, bias) = (at("weight"), at("bias"));
    let (beside_weight, beside_bias) = (at("beside"), at("beside_bias"));
    let sizes = Sizes {
        replicas: 2,
        batch: 1,
        slots: 1,
        prediction_slots: 1,
        rows: 1,
        channels: 1,
        targets: 1,
        future: 0,
        horizon: 1,
        lookback: 1,
        ..Sizes::default()
    };
    let mut b = Builder::new(sizes, layout);
    let sequences = rows / length;
    let input = Rows::spaced(b.tensor("input", &[rows, stride]), rows, inputs, stride);
    let before = b.tensor("before", &[sequences, length + 1, second]);
    let before = Rows::steps(before, sequences, length + 1, 0, length, second);
    let mut dense = |name: &str, width: usize| Rows::dense(b.tensor(name, &[rows, width]), rows, width);
    let (output, d_output, d_input) = (dense("output", outputs), dense("d_output", outputs), dense("d_input", inputs));
    b.forward(Op::LinearForward(LinearForward { input, weight, bias, residual: None, activated: None, output }));
    let beside = Some(Beside { input: before, d_weight: beside_weight, d_bias: beside_bias });
    let parts = vec![(input, d_output)];
    b.backward(Op::LinearBackwardWeight(LinearBackwardWeight { parts, d_weight: weight, d_bias: bias, beside }));
    b.backward(Op::LinearBackwardInput(LinearBackwardInput { d_output, weight, skip: None, activated: None, d_input }));
    b.finish().unwrap()
}

/// Every op of a program by every tiling; both replicas have the same numbers, and so the same bits.
fn check(program: &Program) {
    let Some(gpu) = gpu() else { return };
    let mut oracle = CpuEngine::<f64>::new(program.clone(), Some(1)).unwrap();
    let fill = |engine: &mut dyn Engine| {
        for name in ["input", "before", "d_output"] {
            let place = program.tensors.iter().position(|tensor| tensor.name == name).unwrap();
            let id = microglia::program::TensorId(place as u32);
            let word = |i: usize| rng::draw(3, rng::site(name), 0, i as u32) as f32 / 2f32.powi(31) - 1.0;
            let words: Vec<f32> = (0..program.tensor(id).words()).map(word).collect();
            (0..2).for_each(|r| engine.write_f32(id, r, &words).unwrap());
        }
        let words: Vec<f32> = (0..program.tensor(PARAMS).words())
            .map(|i| rng::draw(4, rng::site("params"), 0, i as u32) as f32 / 2f32.powi(31) - 1.0)
            .collect();
        (0..2).for_each(|r| engine.write_f32(PARAMS, r, &words).unwrap());
    };
    fill(&mut oracle);
    for tiling in TILINGS {
        let choice = |product: &_| Tuned::new(product, tiling, Some(3));
        let adapter = gpu.summary().name.clone();
        let tuning = Some(Tuning { adapter, products: products(program).iter().map(choice).collect() });
        let mut device = with(&gpu, program.clone(), GpuOptions { tuning, ..GpuOptions::default() });
        fill(&mut device);
        for list in [List::Forward, List::Backward] {
            for (index, op) in program.list(list).iter().enumerate() {
                oracle.run_op(list, index, 0).unwrap();
                device.run_op(list, index, 0).unwrap();
                for id in op.writes() {
                    let [found, other] = [0, 1].map(|r| device.read_f32(id, r).unwrap());
                    let exact = oracle.values(id, 0);
                    // Words that the twin has not written are not a number.
                    for i in (0..exact.len()).filter(|&i| !exact[i].is_nan()) {
                        let place = format!("{tiling}: {} of {:?}, word {i}", op.label(), program.tensor(id).shape);
                        assert!(
                            (f64::from(found[i]) - exact[i]).abs() < 2e-4,
                            "{place}: {} and {}",
                            found[i],
                            exact[i]
                        );
                        assert_eq!(found[i].to_bits(), other[i].to_bits(), "{place}: replicas differ");
                    }
                }
            }
        }
    }
}

#[test]
fn every_tiling_of_awkward_sizes_gives_the_results_of_the_twin() {
    for (sizes, stride, length, second) in [
        ([1, 1, 1], 1, 1, 1),
        ([3, 7, 3], 8, 3, 5),
        ([9, 7, 64], 8, 9, 8),
        ([16, 8, 7], 8, 2, 4),
        ([63, 9, 65], 9, 7, 33),
        ([65, 65, 63], 68, 13, 64),
        ([130, 64, 36], 64, 10, 36),
        ([68, 12, 96], 12, 17, 3),
    ] {
        check(&layer(sizes, stride, length, second));
    }
}
