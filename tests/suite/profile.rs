//! Where the time goes: costs against hand counts, profiles of both engines, and `microglia profile` as users meet it.

use std::path::Path;

use microglia::compare::Case;
use microglia::engine::{Engine, EngineKind};
use microglia::gpu::{AdapterClass, Choice, Gpu};
use microglia::kernels::GpuOptions;
use microglia::models::ModelKind::{Dlinear, Gru, Lstm, Rnn};
use microglia::models::{LinearPath, Variant};
use microglia::profile::{Profile, Slots, listing, profile, roofline_svg, trace_json};
use microglia::program::op::InstanceNorm;
use microglia::program::{List, Op, Program};
use microglia::reference::CpuEngine;
use serde_json::Value;

use crate::cli::{code, microglia, rejected, stderr, stdout};
use crate::golden::path;
use crate::gpu_support::{self, on_each_engine};

/// The first op of this name: operations, words read, words written.
fn cost(program: &Program, label: &str) -> [u64; 3] {
    cost_where(program, |op| op.label() == label).unwrap_or_else(|| panic!("no {label}"))
}

fn cost_where(program: &Program, wanted: impl Fn(&Op) -> bool) -> Option<[u64; 3]> {
    let op = List::STEP.iter().flat_map(|&list| program.list(list)).find(|op| wanted(op))?;
    let cost = op.cost();
    Some([cost.flops, cost.read_bytes / 4, cost.written_bytes / 4])
}

/// Two windows of three rows and three channels, hidden 4, two targets, horizon 2.
#[test]
fn an_lstm_costs_what_a_hand_counts() {
    let program = Case::new(Lstm, 1, 2, 3, 4).program().unwrap();
    // 2·3·3 inputs, in rows of four words, and 2·2·2 targets with their weights, by two window indices.
    assert_eq!(cost(&program, "window_gather"), [0, 2 + 18 + 2 * 8, 24 + 2 * 8]);
    // [6, 3] by [16, 3]ᵀ and a bias.
    assert_eq!(cost(&program, "linear_forward"), [2 * 6 * 3 * 16, 18 + 48 + 16, 6 * 16]);
    // 24 units, four gates of 4 products each, and 13 more; states and cells have a row of zeros each.
    assert_eq!(cost(&program, "lstm_forward"), [24 * (4 * 8 + 13), 96 + 64 + 16, 96 + 2 * 32]);
    assert_eq!(cost(&program, "lstm_backward"), [24 * (4 * 8 + 23), 96 + 32 + 64 + 8, 96]);
    // Six spans of 64 words, three of them prunable.
    assert_eq!(cost(&program, "adam_masked"), [13 * 384 + 3 * 192, 4 * 384 + 12 + 4, 3 * 384]);
    assert_eq!(cost(&program, "prune"), [0, 192 + 6, 6]);
}

/// As the LSTM above, of three gates; n is kept in two parts, and the gradients are two tensors.
#[test]
fn a_gru_costs_what_a_hand_counts() {
    let program = Case::new(Gru, 1, 2, 3, 4).program().unwrap();
    assert_eq!(cost(&program, "gru_forward"), [24 * (3 * 8 + 11), 72 + 48 + 12, 4 * 24 + 32]);
    assert_eq!(cost(&program, "gru_backward"), [24 * (3 * 8 + 17), 4 * 24 + 24 + 48 + 8, 2 * 72]);
}

/// Two windows of nine rows, two targets, horizon 2.
#[test]
fn a_dlinear_costs_what_a_hand_counts() {
    let program = Case::new(Dlinear, 1, 2, 9, 0).program().unwrap();
    // 24 sums, a quotient and a difference for each of 2·2·9 words.
    assert_eq!(cost(&program, "decompose"), [26 * 36, 36, 2 * 36]);
    let sum = cost_where(&program, |op| matches!(op, Op::LinearForward(op) if op.residual.is_some()));
    assert_eq!(sum, Some([2 * 8 * 9 + 2 * 8, 36 + 18 + 2 + 8, 8]));
}

/// Two windows, horizon 2, one future channel in rows of four, three units, two targets.
#[test]
fn a_decoder_costs_what_a_hand_counts() {
    let program = Case::new(Lstm, 1, 2, 3, 4).future(1, 3).path(LinearPath::Train).program().unwrap();
    assert_eq!(cost(&program, "future_gather"), [0, 2 + 4, 4 * 4]);
    // Twelve units, of two windows' three sums.
    assert_eq!(cost(&program, "decoder_forward"), [2 * 12, 12 + 6, 12]);
    assert_eq!(cost(&program, "decoder_backward"), [2 * 12, 2 * 12, 12 + 6]);
    assert_eq!(cost(&program, "matrix_transpose"), [0, 8, 8]);
}

/// Eight forecasts: what they are brought back by is read and, where it scales, undone in the loss and when they are kept.
#[test]
fn a_forecast_costs_what_a_hand_counts() {
    let plain = Case::new(Lstm, 1, 2, 3, 4);
    assert_eq!(cost(&plain.program().unwrap(), "loss"), [7 * 8, 3 * 8, 8 + 1]);
    // A shift and a scale of each window's two targets.
    let program = plain.norm(InstanceNorm::Last).clip(1.0).program().unwrap();
    assert_eq!(cost(&program, "loss"), [(7 + 3) * 8, 3 * 8 + 8, 8 + 1]);
    let kept = program.evaluate.last().unwrap();
    assert_eq!((kept.label(), kept.cost().flops, kept.cost().read_bytes), ("prediction_store", 2 * 8, 4 * (8 + 8)));
    assert_eq!(cost(&program, "grad_norm"), [2 * 384 + 1, 384 + 12, 1]);
    let affine = Case::patchtst(Variant::Official, 1, 2, 9).set(|p| p.revin_affine = true).program().unwrap();
    assert_eq!(cost(&affine, "loss"), [(7 + 7) * 12, 3 * 12 + 12 + 6, 12 + 1]);
}

/// Two windows of three channels are six sequences of three tokens; width 6, two heads of 3, 7 hidden units.
#[test]
fn a_patchtst_layer_costs_what_a_hand_counts() {
    let program = Case::patchtst(Variant::Hf, 1, 2, 8).program().unwrap();
    let (tokens, pairs) = (6 * 3, 6 * 2 * 3 * 3);
    let values = tokens * 6;
    let rows = 6 * 2 * 3;
    assert_eq!(cost(&program, "attention_forward"), [pairs * (4 * 3 + 7), 3 * values, values + rows]);
    let query = [pairs * (6 * 3 + 7) + 2 * values, 5 * values + rows, values + rows];
    assert_eq!(cost(&program, "attention_backward_query"), query);
    let key_value = [pairs * (8 * 3 + 9), 4 * values + 2 * rows, 2 * values];
    assert_eq!(cost(&program, "attention_backward_key_value"), key_value);
    // Mean, variance and count, of the batch and running; two windows.
    assert_eq!(cost(&program, "batch_norm_statistics"), [4 * values, values + 2 + 14, 13 + 14]);
    // [18, 6] by [7, 6]ᵀ with a bias, and GELU and dropout of it: both are kept.
    let widened = cost_where(&program, |op| matches!(op, Op::LinearForward(op) if op.activated.is_some()));
    let hidden = tokens * 7;
    assert_eq!(widened, Some([2 * hidden * 6 + 6 * hidden, values + 42 + 7, 2 * hidden]));
    let narrowed = cost_where(&program, |op| matches!(op, Op::LinearBackwardInput(op) if op.activated.is_some()));
    assert_eq!(narrowed, Some([2 * hidden * 6 + 12 * hidden, values + 42 + hidden, hidden]));
    // Attention's own projection, [18, 6] by [6, 6]ᵀ with a bias, dropped out and added to what goes past.
    let projection = cost_where(&program, |op| matches!(op, Op::LinearForward(op) if op.residual.is_some()));
    assert_eq!(projection, Some([2 * tokens * 6 * 6 + 2 * values, values + 36 + 6 + values, values]));
    // 8 rows in patches of 4 every 2: every row is read once, and 3 patches written.
    assert_eq!(cost(&program, "patch_gather"), [0, 6 * 8, 6 * 3 * 4]);
}

#[test]
fn replicas_cost_alike() {
    let [one, three] = [1, 3].map(|replicas| Case::new(Rnn, replicas, 2, 3, 4).program().unwrap());
    let sum =
        |program: &Program| program.forward.iter().map(|op: &Op| program.cost(op)).sum::<microglia::program::Cost>();
    assert_eq!(sum(&three), sum(&one).times(3));
}

fn profiled(make: &dyn Fn(Program) -> Box<dyn Engine>, case: &Case) -> Profile {
    let mut engine = make(case.program().unwrap());
    case.load(engine.as_mut(), 5).unwrap();
    let slots = Slots { ordinary: vec![0, 2, 3], due: Some(2) };
    profile(engine.as_mut(), &slots, Some(4), &|| false).unwrap().unwrap()
}

#[test]
fn shares_add_up_and_every_op_is_there() {
    let check = |make: &dyn Fn(Program) -> Box<dyn Engine>| {
        let case = Case::new(Lstm, 2, 5, 4, 9).norm(InstanceNorm::Last).clip(1.0).dropout(0.2).prune(7);
        let program = case.program().unwrap();
        let found = profiled(make, &case);
        assert!((found.ops.iter().map(|op| op.share).sum::<f64>() - 1.0).abs() < 1e-9);
        let calls = |lists: &[List]| lists.iter().map(|&list| program.list(list).len()).sum::<usize>();
        assert_eq!(
            found.ops.iter().map(|op| op.calls).sum::<usize>(),
            calls(&[List::Forward, List::Backward, List::Update])
        );
        assert_eq!(found.prune.iter().map(|op| op.calls).sum::<usize>(), calls(&[List::Prune]));
        assert!(found.ops.windows(2).all(|pair| pair[0].median_us >= pair[1].median_us));
        for op in found.ops.iter().chain(&found.prune) {
            assert!(op.median_us >= 0.0 && op.p95_us >= op.median_us && op.dispatches >= op.calls, "{op:?}");
        }
        let sum = found.ops.iter().map(|op| op.median_us).sum::<f64>();
        assert!((found.step.ops_us - sum).abs() < 1e-6 * sum);
        assert_eq!((found.step.allocated_bytes, found.step.readbacks, found.steps), (0, 0, 4));
        let best = &found.roofline;
        assert!(best.bytes_per_second > 1e8 && best.flops_per_second > 1e8 && best.dispatch_seconds > 0.0, "{best:?}");
        if found.engine == EngineKind::Gpu {
            assert_eq!(found.step.dispatches, listing(&program).step_dispatches as f64);
            assert!(found.step.submissions > 0.0 && found.step.host_us > 0.0);
        }
    };
    check(&|program| Box::new(CpuEngine::<f32>::new(program, Some(2)).unwrap()));
    // A device of its own: what other tests ask of theirs is not to be counted.
    if let Some(shared) = gpu_support::gpu() {
        let own = Gpu::open(&Choice::Named(shared.summary().name.clone())).unwrap().unwrap();
        // As the list counts dispatches.
        let card = || GpuOptions { class: Some(AdapterClass::Discrete), ..GpuOptions::default() };
        check(&|program| Box::new(gpu_support::with(&own, program, card())));
    }
}

/// A due prune is timed from the same weights each time, and leaves them.
#[test]
fn profiling_prunes_nothing_for_good() {
    on_each_engine(|make: &dyn Fn(Program) -> Box<dyn Engine>| {
        let case = Case::new(Rnn, 1, 3, 3, 8).prune(40);
        let mut engine = make(case.program().unwrap());
        case.load(engine.as_mut(), 5).unwrap();
        profile(engine.as_mut(), &Slots { ordinary: vec![0], due: Some(1) }, Some(6), &|| false).unwrap();
        let full = engine.program().params.full_mask();
        assert_eq!(engine.read_u32(microglia::program::tensor::MASK, 0).unwrap(), full);
    });
}

#[test]
fn a_trace_nests_ops_in_steps_and_a_picture_names_them() {
    let Some(gpu) = gpu_support::gpu() else { return };
    let case = Case::new(Lstm, 1, 5, 4, 9).prune(7);
    let found = profiled(&|program| Box::new(gpu_support::engine(&gpu, program)), &case);
    let trace: Value = serde_json::from_str(&trace_json(&[&found])).unwrap();
    let events: Vec<&Value> = trace["traceEvents"].as_array().unwrap().iter().filter(|e| e["ph"] == "X").collect();
    let time = |event: &Value| {
        let begin = event["ts"].as_f64().unwrap();
        (begin, begin + event["dur"].as_f64().unwrap())
    };
    let of = |tid: u64| events.iter().copied().filter(move |event| event["tid"] == tid);
    assert_eq!((of(1).filter(|e| e["name"] == "step 4").count(), of(1).count()), (1, 8), "four steps, four due ones");
    for op in of(2) {
        let (begin, end) = time(op);
        assert!(begin >= 0.0 && end >= begin);
        let inside = of(1).any(|step| time(step).0 <= begin + 1e-3 && end <= time(step).1 + 1e-3);
        assert!(inside, "{op}");
    }
    let svg = roofline_svg(&found).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("lstm_backward") && !svg.contains("NaN"));
}

fn profile_of_tiny(folder: &Path, args: &[&str]) -> std::process::Output {
    let tiny = path("tiny.csv");
    let mut all = vec!["profile", "--data", tiny.to_str().unwrap(), "--target", "y", "--lookback", "7", "--batch", "8"];
    all.extend(args);
    microglia(folder, &all)
}

#[test]
fn the_program_of_every_model_is_printed_and_nothing_is_run() {
    let place = tempfile::tempdir().unwrap();
    let models: [&[&str]; 5] = [
        &["--model", "rnn", "--layers", "2", "--replicas", "3"],
        &["--model", "lstm", "--clip-grad-norm", "1"],
        &["--model", "patchtst", "--patch", "4"],
        &["--model", "patchtst", "--patch", "4", "--patchtst-variant", "hf"],
        &["--model", "patchtst", "--patchtst-variant", "authors"],
    ];
    for args in models {
        let text = profile_of_tiny(place.path(), &[args, &["--print-program", "--device", "no such card"]].concat());
        assert_eq!(code(&text), 0, "{}", stderr(&text));
        for part in ["window_gather", "adam_masked", "prune", "predicted", "H200"] {
            assert!(stdout(&text).contains(part), "no {part} in:\n{}", stdout(&text));
        }
        let json = profile_of_tiny(place.path(), &[args, &["--print-program", "--json"]].concat());
        let json: Value = serde_json::from_str(&stdout(&json)).unwrap();
        let ops = json["ops"].as_array().unwrap();
        let step = ["forward", "backward", "update"];
        let of_step = || ops.iter().filter(|op| step.contains(&op["list"].as_str().unwrap()));
        let sum = |key: &str| of_step().map(|op| op[key].as_u64().unwrap()).sum::<u64>();
        assert_eq!(json["step"]["flops"], sum("flops"));
        assert_eq!(json["step_dispatches"], sum("dispatches"));
        assert!(sum("flops") > 0 && json["predictions"].as_array().unwrap().len() == 3);
    }
}

#[test]
fn a_run_is_profiled_without_a_run_folder() {
    let place = tempfile::tempdir().unwrap();
    let args = ["--device=cpu", "--steps", "5", "--prune-every", "2", "--trace", "t.json", "--svg", "r.svg"];
    let text = profile_of_tiny(place.path(), &args);
    assert_eq!(code(&text), 0, "{}", stderr(&text));
    for part in [
        "cpu engine on",
        "wall clock",
        "lstm_forward",
        "sum",
        "of roofline",
        "due prune",
        "every 2 steps",
        "0 readbacks",
    ] {
        assert!(stdout(&text).contains(part), "no {part} in:\n{}", stdout(&text));
    }
    let trace: Value = serde_json::from_slice(&std::fs::read(place.path().join("t.json")).unwrap()).unwrap();
    assert!(trace["traceEvents"].as_array().unwrap().len() > 5 * 12);
    assert!(place.path().join("r.svg").exists() && !place.path().join("runs").exists());
    let json = profile_of_tiny(place.path(), &["--device=cpu", "--steps", "5", "--json", "--regularizer", "none"]);
    let json: Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!((&json["clock"], &json["steps"]), (&"wall".into(), &5.into()));
    assert_eq!(json["prune"].as_array().unwrap().len(), 0);
}

#[test]
fn wrong_flags_of_profile_are_rejected() {
    let place = tempfile::tempdir().unwrap();
    let cases: [(&[&str], &[&str]); 7] = [
        (&["--steps", "0"], &["--steps", "1 to 10000"]),
        (&["--vs", "gpu"], &["--vs"]),
        (&["--vs", "cpu", "--device", "cpu"], &["--vs cpu", "help:"]),
        (&["--out", "here"], &["--out", "--trace"]),
        (&["--trace", "absent/t.json", "--device", "cpu"], &["absent/t.json", "help:"]),
        (&["--print-program", "--trace", "t.json"], &["--trace", "--print-program"]),
        (&["--hiden", "3"], &["--hidden"]),
    ];
    for (args, texts) in cases {
        rejected(place.path(), &profile_of_tiny(place.path(), args), texts);
    }
}
