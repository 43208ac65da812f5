//! What sparsity buys: `cargo bench --bench sparsity`; options in `../common`.
//!
//! One weight of an LSTM and one of a PatchTST, pruned in a training (`trained`) and with as many weights gone at random: the
//! share of wholly pruned tiles, and a product with many rows, dense (the engines' own `linear_forward`), without empty
//! tiles, and by compressed sparse rows. Ratios to the dense product: below 1 the sparse one is faster. Medians of wall time,
//! many in a row.

#[path = "../common/mod.rs"]
mod common;
mod cpu;
mod gpu;
mod weights;

use std::time::Instant;

use common::{Options, Result, linear_layer, time};
use microglia::models::ModelKind;
use microglia::program::{List, rng};
use weights::{Weight, trained};

const SPARSITIES: [f64; 6] = [0.5, 0.7, 0.8, 0.9, 0.95, 0.99];
/// Of the processor's product without empty tiles.
const TILE: [usize; 2] = [16, 16];

fn main() -> Result<()> {
    let options = Options::typed()?;
    let bench = options.gpu.as_ref().and_then(|gpu| gpu::Bench::new(&gpu.summary().name));
    if !options.json {
        println!(
            "{:<18} {:<8} {:>8} {:>7} {:>7} {:>7} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "weight",
            "pruned",
            "sparsity",
            "4x4",
            "16x16",
            "64x16",
            "cpu tiles",
            "cpu csr",
            "gpu all",
            "gpu tiles",
            "gpu csr"
        );
    }
    let models = [
        ("lstm w_hh 256·64", ModelKind::Lstm, "lstm.weight_hh_l0", 1920, 8),
        ("patchtst ff 256·128", ModelKind::Patchtst, "model.encoder.layers.0.ff.0.weight", 960, 4),
    ];
    for (name, kind, param, rows, epochs) in models.into_iter().filter(|(name, ..)| options.asks_for(name)) {
        let weights = trained(kind, param, &SPARSITIES, epochs)?;
        let [inputs, outputs] = [weights[0].inputs, weights[0].outputs];
        let mut dense = Vec::new();
        options.on_each(&linear_layer([rows, inputs, outputs])?, |engine| {
            dense.push(time(engine, &[List::Forward], options.seconds)?);
            Ok(())
        })?;
        for weight in &weights {
            for (pruned, weight) in [("trained", weight.clone()), ("random", weight.shuffled())] {
                let ratios = ratios(&weight, rows, &dense, bench.as_ref(), options.seconds);
                let shares = [[4, 4], [16, 16], [64, 16]].map(|tile| weight.empty(tile));
                let sparsity = weight.sparsity();
                if options.json {
                    let figures = serde_json::json!({
                        "weight": name,
                        "pruned": pruned,
                        "sparsity": sparsity,
                        "empty": shares,
                        "dense_s": dense,
                        "ratios": ratios,
                    });
                    println!("{figures}");
                    continue;
                }
                print!("{name:<18} {pruned:<8} {sparsity:>8.3}");
                shares.iter().for_each(|share| print!(" {share:>7.3}"));
                ratios.iter().for_each(|ratio| print!(" {ratio:>9.2}"));
                println!();
            }
        }
        if !options.json {
            println!(
                "{name:<18} dense: {} µs",
                dense.iter().map(|s| format!("{:.1}", 1e6 * s)).collect::<Vec<_>>().join(", ")
            );
        }
    }
    Ok(())
}

/// Times over that of the dense product: on the processor without empty tiles and by rows, then the same on the GPU,
/// there with all tiles first.
fn ratios(weight: &Weight, rows: usize, dense: &[f64], bench: Option<&gpu::Bench>, seconds: f64) -> Vec<f64> {
    let x: Vec<f32> = (0..rows * weight.inputs).map(|i| rng::normal(3, 0, 1, i as u32)).collect();
    let mut y = vec![0.0; rows * weight.outputs];
    let rows_of = cpu::Csr::new(weight);
    let sizes = [weight.inputs, weight.outputs];
    // A wrong product is no faster.
    let check = |y: &[f32], of: &dyn Fn(usize, usize) -> usize| {
        for at in (0..rows * weight.outputs).step_by(97) {
            let (n, o) = (at / weight.outputs, at % weight.outputs);
            let pairs = x[n * weight.inputs..][..weight.inputs].iter().zip(&weight.words[o * weight.inputs..]);
            let sum: f32 = pairs.map(|(x, w)| x * w).sum();
            assert!((y[of(n, o)] - sum).abs() < 1e-4, "{n}, {o}: {} is not {sum}", y[of(n, o)]);
        }
    };
    let plain = |n, o| n * weight.outputs + o;
    let mut found = Vec::new();
    found.push(clock(seconds, &mut |count| (0..count).for_each(|_| cpu::tiles(weight, TILE, &x, &mut y))) / dense[0]);
    check(&y, &plain);
    found.push(clock(seconds, &mut |count| (0..count).for_each(|_| cpu::csr(&rows_of, &x, &mut y, sizes))) / dense[0]);
    check(&y, &plain);
    if let (Some(bench), Some(dense)) = (bench, dense.get(1)) {
        let turned = |n, o| o * rows + n;
        let products: [(_, &dyn Fn(usize, usize) -> usize); 3] = [
            (bench.tiles(weight, &x, true), &plain),
            (bench.tiles(weight, &x, false), &plain),
            (bench.csr(weight, &x), &turned),
        ];
        for (product, of) in products {
            found.push(clock(seconds, &mut |count| bench.run(&product, count)) / dense);
            check(&bench.result(&product), of);
        }
    }
    found
}

/// Median seconds of one of many runs in a row.
fn clock(seconds: f64, run: &mut dyn FnMut(usize)) -> f64 {
    let mut timed = |count: usize| {
        let started = Instant::now();
        run(count);
        started.elapsed().as_secs_f64()
    };
    timed(1);
    let mut count = 1;
    while timed(count) < 0.01 {
        count *= 2;
    }
    let begun = Instant::now();
    let mut times = Vec::new();
    while times.len() < 3 || begun.elapsed().as_secs_f64() < seconds {
        times.push(timed(count) / count as f64);
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
