//! Adapters that give way: one that cannot be opened, or does not compile, under `--device auto`; and `devices --check`, on
//! sound ones, on one that does not open, and on processes that hang or die.

use std::process::Output;
use std::sync::{Arc, Mutex};

use microglia::Error;
use microglia::compare::Case;
use microglia::engine::Engine;
use microglia::gpu::{AdapterClass, Choice, Devices, Gpu, OpenDevice, wgpu};
use microglia::kernels::{GpuEngine, GpuOptions, pipelines};
use microglia::models::ModelKind::{self, Lstm, Rnn};
use serde_json::Value;

use crate::cli::{command, stderr, stdout};
use crate::gpu_support::{gpu, with_limits};

/// One that is opened and makes no pipeline: it has no bind groups.
fn without_pipelines(own: &Gpu) -> Arc<Gpu> {
    with_limits(own, wgpu::Limits { max_bind_groups: 0, ..Default::default() })
}

fn opens(gpu: &Arc<Gpu>) -> OpenDevice {
    let gpu = gpu.clone();
    Box::new(move || Ok(gpu))
}

fn refuses(name: &str) -> OpenDevice {
    let problem = format!("{name} cannot be opened: no power");
    Box::new(move || Err(Error::adapter(problem, "plug it in")))
}

/// Devices in this order, and what they tell.
fn among(order: Vec<OpenDevice>) -> (Devices, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = told.clone();
    (Devices::among(order, move |error| hears.lock().unwrap().push(error.to_string())), told)
}

#[test]
fn what_cannot_be_opened_or_does_not_compile_gives_way_to_the_next() {
    let Some(own) = gpu() else { return };
    let (mut devices, told) = among(vec![refuses("A"), opens(&without_pipelines(&own)), refuses("B"), opens(&own)]);
    assert_eq!(told.lock().unwrap().len(), 1, "the next is opened when its turn comes");
    let program = Case::new(Rnn, 1, 3, 5, 4).program().unwrap();
    let engine = GpuEngine::open(&mut devices, &program, &GpuOptions::default()).unwrap().unwrap();
    assert_eq!(engine.device(), own.summary().name);
    assert!(Arc::ptr_eq(devices.gpu().unwrap(), &own));
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 3, "{told:?}");
    for (told, parts) in
        told.iter().zip([["A cannot", "no power"], [&own.summary().name, "shader `"], ["B", "no power"]])
    {
        assert!(parts.iter().all(|part| told.contains(part)), "{told}");
    }
    // Another program stays on what was found.
    let program = Case::new(Lstm, 1, 3, 5, 4).program().unwrap();
    assert!(GpuEngine::open(&mut devices, &program, &GpuOptions::default()).unwrap().is_some());
}

#[test]
fn where_none_serves_the_cpu_engine_is_left() {
    let Some(own) = gpu() else { return };
    let (mut devices, told) = among(vec![opens(&without_pipelines(&own)), refuses("B")]);
    assert!(devices.gpu().is_some());
    let program = Case::new(Rnn, 1, 3, 5, 4).program().unwrap();
    assert!(GpuEngine::open(&mut devices, &program, &GpuOptions::default()).unwrap().is_none());
    assert!(devices.gpu().is_none());
    assert_eq!(told.lock().unwrap().len(), 2);
    assert!(among(Vec::new()).0.gpu().is_none());
}

/// What a device lacks for one program is no reason to leave it; nor is its loss.
#[test]
fn other_errors_stay_errors() {
    let Some(own) = gpu() else { return };
    let program = Case::new(Lstm, 2, 5, 7, 64).program().unwrap();
    let too_small = GpuOptions { max_binding_bytes: Some(4096), ..Default::default() };
    let (mut devices, told) = among(vec![opens(&own), refuses("B")]);
    let error = GpuEngine::open(&mut devices, &program, &too_small).err().unwrap();
    assert!(matches!(error, Error::Device { .. }), "{error}");
    let lost = Gpu::open(&Choice::Named(own.summary().name.clone())).unwrap().unwrap();
    lost.device().destroy();
    let (mut devices, also_told) = among(vec![opens(&lost), refuses("B")]);
    let error = GpuEngine::open(&mut devices, &program, &GpuOptions::default()).err().unwrap();
    assert!(error.to_string().contains("lost"), "{error}");
    assert!(told.lock().unwrap().is_empty() && also_told.lock().unwrap().is_empty());
}

/// A chosen adapter's shaders that do not compile are an error, with the driver's words.
#[test]
fn a_chosen_device_does_not_give_way() {
    let Some(own) = gpu() else { return };
    let program = Case::new(Rnn, 1, 3, 5, 4).program().unwrap();
    let error = GpuEngine::new(without_pipelines(&own), program, GpuOptions::default()).err().unwrap();
    let text = error.to_string();
    assert!(matches!(error, Error::Adapter { .. }), "{text}");
    assert!(text.contains("the pipeline of shader `") && text.contains("max_bind_groups"), "{text}");
    let missing = Devices::open(&Choice::Named("no such card".into()), |_| panic!("it was told of"));
    assert!(missing.unwrap_err().to_string().contains("no such card"));
}

/// What `--check` compiles is what engines make, and no more.
#[test]
fn an_engine_makes_no_pipeline_that_a_check_does_not_try() {
    let Some(own) = gpu() else { return };
    let gpu = with_limits(&own, wgpu::Limits::default());
    let made = |gpu: &Gpu| gpu.device().get_internal_counters().hal.compute_pipelines.read();
    for class in [AdapterClass::Software, AdapterClass::Discrete] {
        let program = Case::new(Lstm, 2, 5, 7, 33).layers(2).clip(0.5).prune(9).program().unwrap();
        pipelines(std::slice::from_ref(&program), class)
            .iter()
            .try_for_each(|pipeline| pipeline.compile(&gpu))
            .unwrap();
        let before = made(&gpu);
        let options = GpuOptions { class: Some(class), ..Default::default() };
        drop(GpuEngine::new(gpu.clone(), program, options).unwrap());
        assert_eq!(made(&gpu), before);
    }
}

pub fn json(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap_or_else(|error| panic!("{error}: {}", stderr(output)))
}

/// The adapter of this name among those that were checked.
fn checked<'a>(report: &'a Value, name: &str) -> &'a Value {
    let found = report["adapters"].as_array().unwrap().iter().find(|adapter| adapter["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {report}"))
}

pub fn problems(adapter: &Value) -> Vec<&str> {
    adapter["findings"].as_array().unwrap().iter().filter_map(|finding| finding["problem"].as_str()).collect()
}

#[test]
fn a_check_opens_compiles_and_compares_every_adapter() {
    let Some(own) = gpu() else { return };
    let place = tempfile::tempdir().unwrap();
    let report = json(&command(place.path(), &["devices", "--check", "--json"]).output().unwrap());
    let adapter = checked(&report, &own.summary().name);
    assert!(adapter["holds"] == true && problems(adapter).is_empty(), "{adapter:#}");
    let stages: Vec<&str> =
        adapter["findings"].as_array().unwrap().iter().map(|f| f["stage"].as_str().unwrap()).collect();
    let count = |stage| stages.iter().filter(|one| **one == stage).count();
    assert!(count("open") == 1 && count("compile") > 50 && count("compare") == ModelKind::ALL.len(), "{stages:?}");
    assert!(report["version"].is_string() && report["system"].is_string() && report["auto"]["engine"].is_string());
}
