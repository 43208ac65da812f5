//! What a trained model forecasts, and from which windows, as a file for other programs: safetensors with `inputs`
//! `[windows, look-back, channels]`, `future` `[windows, horizon, future channels]`, what is known of the rows to forecast, and `forecasts`
//! `[windows, horizon, targets]`, all float32 in scaled units.
//!
//! `cargo run --release --example forecasts RUN_OR_FILE OUT.safetensors [DATA.csv]`: every test window of the data that the
//! model was trained on, or of a file in its form. The scripts in `examples/interop` hold PyTorch to it.

use std::path::Path;

use microglia::config::Config;
use microglia::data::Source;
use microglia::reference::CpuEngine;
use microglia::train::Loaded;
use microglia::train::run::mc_passes;
use microglia::train::scores::predict::predict;
use safetensors::tensor::{Dtype, TensorView};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [model, out, data @ ..] = &args[..] else {
        return Err("usage: forecasts RUN_OR_FILE OUT.safetensors [DATA.csv]".into());
    };
    let loaded = Loaded::open(Path::new(model)).inspect_err(|error| eprintln!("error: {error}"))?;
    let mut options = Config::of_run(&loaded)?.data;
    if let [file] = data {
        options.source = Source::File(file.into());
    }
    let dataset = options.load()?;
    let plan = loaded.plan(&dataset, 64)?;
    let mut engine = CpuEngine::<f32>::new(plan.program.clone(), None)?;
    loaded.fill(&dataset, &mut engine)?;
    let (forecasts, _) = predict(&mut engine, &plan, &dataset.test, mc_passes(&plan), &|| false)?;

    let (count, channels) = (dataset.test.len(), dataset.channels());
    let window = |first: &u32| &dataset.values[*first as usize * channels..][..dataset.lookback * channels];
    let inputs: Vec<f32> = dataset.test.iter().flat_map(window).copied().collect();
    let known = |first: &u32| {
        let rows = &dataset.values[(*first as usize + dataset.lookback) * channels..][..dataset.horizon * channels];
        rows.chunks_exact(channels).flat_map(|row| &row[channels - dataset.future()..]).copied().collect::<Vec<f32>>()
    };
    let future: Vec<f32> = dataset.test.iter().flat_map(known).collect();
    let forecasts = forecasts[0].point();
    let tensors = [
        ("inputs", vec![count, dataset.lookback, channels], bytemuck::cast_slice(&inputs)),
        ("future", vec![count, dataset.horizon, dataset.future()], bytemuck::cast_slice(&future)),
        ("forecasts", vec![count, dataset.horizon, dataset.targets()], bytemuck::cast_slice(&forecasts)),
    ];
    let views = tensors.into_iter().map(|(name, shape, bytes)| Ok((name, TensorView::new(Dtype::F32, shape, bytes)?)));
    let views: Vec<_> = views.collect::<Result<_, safetensors::SafeTensorError>>()?;
    safetensors::serialize_to_file(views, None, Path::new(out))?;
    println!("{count} windows of {} in {out}", dataset.name);
    Ok(())
}
