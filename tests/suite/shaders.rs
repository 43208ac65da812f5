//! Every shader, checked without a GPU: valid for WebGPU's defaults and for every backend's language, within the limits,
//! and in agreement with its host side.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use microglia::gpu::AdapterClass;
use microglia::gpu::shader::{Access, SLOT, Shader};
use microglia::kernels::lower::{Dispatch, Shapes};
use microglia::kernels::{self, pipelines, sources};
use microglia::models::ModelKind::{self, Gru, Lstm, Rnn};
use microglia::models::{LinearPath, NormKind, PatchtstOptions, PruneAmong, PruneRule, PruneScore, Regrow, Variant};
use microglia::program::constants::*;
use microglia::program::op::{
    Activation, Chance, Distribution, FeedForward, InstanceNorm, Link, LossKind, NO_UNIT, Objective, Prune, PruneKey,
    SCORE_DECAY,
};
use microglia::program::scope::{TILE, TILE_WORDS};
use microglia::program::step::RANDOM_PRUNE;
use microglia::program::tensor::NO_WINDOW;
use microglia::program::units::{SET_WORDS, SPAN_WORDS};
use microglia::program::{List, Op, Program, ReplicaStep};
use naga::Module;
use naga::back::pipeline_constants::process_overrides;
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};

use microglia::compare::{Case, every_model, full_size_models};

use crate::syntax::Source;

const MAX_WORKGROUP_BYTES: u32 = 16 << 10;
const MAX_INVOCATIONS: u32 = 256;
const MAX_STORAGE_BUFFERS: usize = 8;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn wgsl_files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "wgsl")).collect()
}

fn stems(folder: &str) -> BTreeSet<String> {
    wgsl_files(folder).iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_string()).collect()
}

/// Cases whose programs between them hold every op.
pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new(Lstm, 3, 5, 4, 33).layers(2).dropout(0.3).norm(InstanceNorm::MeanStd).clip(1.0).prune(7),
        Case::new(Rnn, 2, 3, 3, 300).layers(2).activation(Activation::Relu).norm(InstanceNorm::Last).clip(1.0),
        Case::new(Lstm, 1, 3, 3, 100),
        Case::new(Rnn, 1, 20, 20, 201),
        Case::new(Rnn, 2, 3, 3, 20),
        Case::new(Gru, 3, 5, 4, 33).layers(2).dropout(0.3).norm(InstanceNorm::MeanStd).clip(1.0).prune(7),
        Case::new(Gru, 1, 3, 3, 100),
        Case::new(ModelKind::Dlinear, 2, 3, 9, 0),
        Case::new(Lstm, 2, 5, 4, 5).future(1, 7).path(LinearPath::Train),
        Case::new(Lstm, 2, 5, 4, 5).categories(&[3, 20], None),
        Case::new(Lstm, 2, 5, 4, 5).objective(Objective::Quantiles(vec![0.1, 0.5, 0.9])).link(Link::Above),
        Case::new(Rnn, 2, 5, 4, 5).objective(Objective::Distribution(Distribution::StudentT)),
        Case::patchtst(Variant::Official, 2, 3, 9).dropout(0.3).set(|p| (p.revin_affine, p.head_dropout) = (true, 0.1)),
        Case::patchtst(Variant::Authors, 2, 3, 9).categories(&[3], None),
        Case::new(Lstm, 2, 5, 4, 5).units().prune(90),
        Case::new(Lstm, 2, 5, 4, 5).rule(by_layer()).prune(90),
        Case::new(Lstm, 2, 5, 4, 5).units().rule(by_layer()).prune(90),
        Case::new(Lstm, 2, 5, 4, 5).rule(by_score(PruneScore::Lamp)).prune(90),
        Case::new(Lstm, 2, 5, 4, 5).rule(by_score(PruneScore::Movement)).prune(90),
        // Heads of one vec4 an invocation and of several, of one part and of several.
        Case::patchtst(Variant::Hf, 1, 2, 9).set(|p| (p.d_model, p.heads) = (32, 2)),
        Case::patchtst(Variant::Official, 1, 2, 9).set(|p| (p.d_model, p.heads) = (128, 2)),
    ]
}

fn by_layer() -> PruneRule {
    PruneRule { among: PruneAmong::Layer, cap: Some(0.9), ..PruneRule::default() }
}

fn by_score(score: PruneScore) -> PruneRule {
    PruneRule { score, regrow: Regrow::Gradient, ..PruneRule::default() }
}

fn programs() -> Vec<Program> {
    cases().iter().map(|case| case.program().unwrap()).collect()
}

/// Software adapters run one variant of a kernel, cards the other.
const CLASSES: [AdapterClass; 2] = [AdapterClass::Software, AdapterClass::Discrete];

fn dispatches_of(program: &Program) -> Vec<(Op, Dispatch)> {
    let mut found = Vec::new();
    for shapes in CLASSES.map(|class| Shapes::of(program, class)) {
        for op in List::ALL.iter().flat_map(|&list| program.list(list)) {
            found.extend(kernels::lower(op, &shapes).dispatches.into_iter().map(|dispatch| (op.clone(), dispatch)));
        }
    }
    found
}

fn dispatches() -> Vec<(Op, Dispatch)> {
    programs().iter().flat_map(dispatches_of).collect()
}

/// A shader in naga's representation.
pub(crate) fn parsed(source: &str) -> (Module, ModuleInfo) {
    let module = naga::front::wgsl::parse_str(source).unwrap();
    let info = Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&module).unwrap();
    (module, info)
}

/// Runs `check` on the module of every pipeline that an engine makes.
pub(crate) fn each_resolved(mut check: impl FnMut(&str, &Module, &ModuleInfo)) {
    let programs: Vec<Program> = every_model().iter().map(|case| case.program().unwrap()).collect();
    let every: BTreeSet<_> = AdapterClass::ALL.iter().flat_map(|&class| pipelines(&programs, class)).collect();
    for pipeline in every {
        let (module, info) = parsed(&sources::assemble(pipeline.shader).unwrap());
        let constants = pipeline.constants.iter().map(|&(name, value)| (name.to_string(), f64::from(value))).collect();
        let (module, info) = process_overrides(&module, &info, None, &constants).unwrap();
        check(pipeline.shader, &module, &info);
    }
}

/// What compilers and judges are asked about leaves no kernel out; nor do the models at full size, but for those that only
/// software adapters run.
#[test]
fn every_kernel_is_in_the_models_that_compilers_see() {
    let seen = |cases: Vec<Case>, classes: &[AdapterClass]| -> BTreeSet<&str> {
        let programs: Vec<Program> = cases.iter().map(|case| case.program().unwrap()).collect();
        classes.iter().flat_map(|&class| pipelines(&programs, class)).map(|pipeline| pipeline.shader).collect()
    };
    let all: BTreeSet<&str> = sources::KERNELS.iter().chain(sources::ROOFLINE).map(|(name, _)| *name).collect();
    assert_eq!(seen(every_model(), &AdapterClass::ALL), all);
    let cards = seen(full_size_models(), &[AdapterClass::Integrated, AdapterClass::Discrete]);
    let replaced = |name: &&&str| ["_tiled", "_held"].iter().any(|end| all.contains(format!("{name}{end}").as_str()));
    let left_out: Vec<_> = all.difference(&cards).filter(|name| !replaced(name)).collect();
    assert!(left_out.is_empty(), "{left_out:?} are run on GPUs and by no model at full size");
}

#[test]
fn the_lists_name_every_file() {
    let names = |texts: &[(&str, &str)]| texts.iter().map(|(name, _)| name.to_string()).collect::<BTreeSet<_>>();
    assert_eq!(names(sources::KERNELS), stems("shaders"));
    assert_eq!(names(sources::ROOFLINE), stems("shaders/roofline"));
    assert_eq!(names(sources::SNIPPETS), stems("shaders/shared"));
}

#[test]
fn every_shader_is_valid_and_needs_each_snippet_it_names() {
    for (name, text) in sources::KERNELS {
        sources::shader(name).unwrap();
        let used: Vec<&str> = sources::uses(text).collect();
        for unused in &used {
            let mut without = text.to_string();
            for (snippet, shared) in sources::SNIPPETS.iter().filter(|(s, _)| used.contains(s) && s != unused) {
                without.push_str(&format!("\n// {snippet}\n{shared}"));
            }
            assert!(Shader::parse(name, without).is_err(), "{name} does not need `{unused}`");
        }
    }
}

/// What a shader's constant means to the program, as bits; `None` for what is a kernel's own affair.
fn meaning(name: &str) -> Option<u32> {
    let number = match name {
        "NORM_EPSILON" => (NORM_EPSILON as f32).to_bits(),
        "REVIN_EPSILON" => REVIN_EPSILON.to_bits(),
        "CLIP_EPSILON" => CLIP_EPSILON.to_bits(),
        "ADAM_EPSILON" => ADAM_EPSILON.to_bits(),
        "ONE_MINUS_BETA2" => ONE_MINUS_BETA2.to_bits(),
        "LINK_SHARPNESS" => LINK_SHARPNESS.to_bits(),
        "LINK_MARGIN" => LINK_MARGIN.to_bits(),
        "MEAN_FLOOR" => MEAN_FLOOR.to_bits(),
        "DISPERSION_FLOOR" => DISPERSION_FLOOR.to_bits(),
        "SCALE_FLOOR" => SCALE_FLOOR.to_bits(),
        "MOMENTUM" => (MOMENTUM as f32).to_bits(),
        "NO_WINDOW" => NO_WINDOW,
        "RANDOM_PRUNE" => RANDOM_PRUNE,
        "DIGITS" => Prune::DIGITS as u32,
        "SET_WORDS" => SET_WORDS as u32,
        "SPAN_WORDS" => SPAN_WORDS as u32,
        "SCORE" => PruneKey::Score as u32,
        "LARGEST" => PruneKey::Largest as u32,
        "SCORE_DECAY" => SCORE_DECAY.to_bits(),
        "NO_UNIT" => NO_UNIT.to_bits(),
        "NO_UNIT_BITS" => NO_UNIT.to_bits(),
        "TILE" => TILE as u32,
        "TILE_WORDS" => TILE_WORDS as u32,
        "LAST" => InstanceNorm::Last as u32,
        "MEAN_STD" => InstanceNorm::MeanStd as u32,
        "MSE" => LossKind::Mse.code(),
        "HUBER" => LossKind::Huber { delta: 1.0 }.code(),
        "SMAPE" => LossKind::Smape.code(),
        "ABOVE" => Link::Above as u32,
        "BELOW" => Link::Below as u32,
        "NO_LINK" => 0,
        "POISSON" => Distribution::Poisson as u32,
        "NEGATIVE_BINOMIAL" => Distribution::NegativeBinomial as u32,
        "STUDENT_T" => Distribution::StudentT as u32,
        // Beside those of distributions.
        "QUANTILES" => Distribution::ALL.len() as u32,
        "TANH" => Activation::Tanh as u32,
        "GELU" => FeedForward::Gelu as u32,
        "HEAD_CHANCE" => Chance::Head as u32,
        _ => return None,
    };
    Some(number)
}

/// Of how kernels are cut and what they look up, which the program does not know.
const OWN: [&str; 23] = [
    "COLUMNS",
    "COUNT",
    "COUNTERS",
    "DEPTH",
    "D_OUTPUT",
    "INV_SQRT_TAU",
    "LANES",
    "LANES_PER_ROW",
    "LEFT",
    "LEFT_HALF",
    "MASK_WORDS",
    "PLANE",
    "QKV",
    "RADIX",
    "RADIX_BITS",
    "RAISE",
    "REDUCE_LANES",
    "RIGHT",
    "ROWS",
    "ROW_LANES",
    "SCAN_LANES",
    "SECOND",
    "STAYS",
];

/// A number that stands in the WGSL and in the program is the same in both.
#[test]
fn constants_of_shaders_are_the_program_s() {
    let mut seen = BTreeSet::new();
    for (name, _) in sources::KERNELS {
        let (module, _) = parsed(&sources::assemble(name).unwrap());
        for (_, constant) in module.constants.iter() {
            let Some(word) = constant.name.as_deref() else { continue };
            seen.insert(word.to_string());
            let Some(expected) = meaning(word) else {
                assert!(OWN.contains(&word), "{name}: is `{word}` the program's or the kernel's own?");
                continue;
            };
            let found = match module.global_expressions[constant.init] {
                naga::Expression::Literal(naga::Literal::U32(value)) => value,
                naga::Expression::Literal(naga::Literal::F32(value)) => value.to_bits(),
                ref other => panic!("{name}: `{word}` is {other:?}"),
            };
            assert_eq!(found, expected, "{name}: `{word}`");
        }
    }
    let unused: Vec<_> = OWN.iter().filter(|word| !seen.contains(**word)).collect();
    assert!(unused.is_empty(), "no kernel has {unused:?}");
    assert!(seen.iter().filter(|word| meaning(word).is_some()).count() == 38, "{seen:?}");
}

#[test]
fn limits_of_webgpu_hold() {
    each_resolved(|name, module, _| {
        let mut layouter = naga::proc::Layouter::default();
        layouter.update(module.to_ctx()).unwrap();
        let variables = || module.global_variables.iter().map(|(_, variable)| variable);
        let workgroup_bytes: u32 = variables()
            .filter(|variable| variable.space == naga::AddressSpace::WorkGroup)
            .map(|variable| layouter[variable.ty].to_stride())
            .sum();
        assert!(workgroup_bytes <= MAX_WORKGROUP_BYTES, "{name}: {workgroup_bytes} bytes of workgroup memory");
        let [x, y, z] = module.entry_points[0].workgroup_size;
        assert!(x * y * z <= MAX_INVOCATIONS && x > 0, "{name}: {x}·{y}·{z} invocations");
        let storage = |variable: &&naga::GlobalVariable| matches!(variable.space, naga::AddressSpace::Storage { .. });
        let buffers = variables().filter(storage).count();
        assert!(buffers <= MAX_STORAGE_BUFFERS, "{name}: {buffers} storage buffers");
    });
}

/// naga does not check that barriers are reached by all; tint does.
#[test]
fn control_flow_is_uniform_around_barriers() {
    if Command::new("tint").arg("--help").output().is_err() {
        eprintln!("tint is not installed: uniformity was NOT checked");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, _) in sources::KERNELS {
        let file = folder.path().join(format!("{name}.wgsl"));
        std::fs::write(&file, sources::assemble(name).unwrap()).unwrap();
        let output = Command::new("tint").args(["--format", "wgsl"]).arg(&file).output().unwrap();
        let messages = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !messages.contains("warning"), "{name}: {messages}");
    }
}

/// tint does find such a barrier, and naga does not: the reason for the test above.
#[test]
fn a_barrier_that_some_invocations_miss_is_found_by_tint_alone() {
    let text = "@compute @workgroup_size(4)\nfn broken(@builtin(local_invocation_index) lane: u32) {\n    \
                if (lane < 3u) { workgroupBarrier(); }\n}\n";
    assert!(Shader::parse("broken", text.into()).is_ok());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broken.wgsl");
    std::fs::write(&file, text).unwrap();
    if let Ok(output) = Command::new("tint").args(["--format", "wgsl"]).arg(&file).output() {
        assert!(String::from_utf8_lossy(&output.stderr).contains("uniform control flow"));
    }
}

#[test]
fn host_and_shader_agree() {
    let mut seen = BTreeSet::new();
    for (op, dispatch) in dispatches() {
        let name = dispatch.shader;
        let shader = sources::shader(name).unwrap();
        let bindings = shader.bindings();
        let storage: BTreeMap<&str, Access> =
            bindings.iter().filter(|b| b.access != Access::Uniform).map(|b| (b.name.as_str(), b.access)).collect();
        let host: BTreeSet<&str> = dispatch.bindings.iter().map(|(name, _)| *name).collect();
        assert_eq!(storage.keys().copied().collect::<BTreeSet<_>>(), host, "{name}: bindings");
        for uniform in bindings.iter().filter(|b| b.access == Access::Uniform) {
            assert!(["p", SLOT].contains(&uniform.name.as_str()), "{name}: uniform `{}`", uniform.name);
        }
        // Words follow one another without gaps on both sides.
        let words = shader.uniform_words("p");
        let expected: Vec<_> =
            dispatch.fields.iter().enumerate().map(|(i, (n, ty))| (i as u32 * 4, n.clone(), *ty)).collect();
        assert_eq!(words, expected, "{name}: uniform `p`");
        assert!(dispatch.params.len() >= words.len() * 4 && dispatch.params.len() <= 256, "{name}: size of `p`");
        // What the op says it writes is what the shader can write, working memory aside.
        let writes: BTreeSet<_> = op.writes().into_iter().collect();
        for (bound, storage) in &dispatch.bindings {
            if let kernels::lower::Operand::Tensor(id) = storage {
                let written = bindings.iter().any(|b| b.name == *bound && b.access == Access::ReadWrite);
                assert!(
                    !written || writes.contains(id),
                    "{name} can write `{bound}`, which {} does not say",
                    op.label()
                );
                assert!(
                    written || op.reads().contains(id),
                    "{name} reads `{bound}`, which {} does not say",
                    op.label()
                );
            }
        }
        seen.insert(name);
    }
    assert_eq!(seen.len(), sources::KERNELS.len(), "kernels without a dispatch in these programs");
}

/// A uniform's word `x_row` is the distance between two replicas' rows of the tensor that is bound to `x`.
#[test]
fn rows_are_those_of_the_tensors_bound() {
    let mut seen = 0;
    for program in programs() {
        for (_, dispatch) in dispatches_of(&program) {
            for (name, operand) in &dispatch.bindings {
                let kernels::lower::Operand::Tensor(id) = operand else { continue };
                let names = [format!("{name}_row"), format!("{name}.replica_row")];
                let Some(word) = dispatch.fields.iter().position(|(field, _)| names.contains(field)) else { continue };
                let found = u32::from_le_bytes(dispatch.params[4 * word..][..4].try_into().unwrap()) as usize;
                let row = program.tensor(*id).row();
                // Most count words; of the step table slots, and recurrent kernels read weights as vec4 unless they hold them.
                let units: &[usize] = match *name {
                    "steps" => &[ReplicaStep::WORDS],
                    "weights" => &[1, 4],
                    _ => &[1],
                };
                assert!(units.iter().any(|unit| found * unit == row), "{}: `{name}` {found}, {row}", dispatch.shader);
                seen += 1;
            }
        }
    }
    assert!(seen > 1000, "{seen} words");
}

/// The ops that a kernel is a stage or a variant of.
fn belongs_to(text: &str) -> BTreeSet<&str> {
    text.lines()
        .filter_map(|line| {
            let variant = || line.strip_prefix("//! Variant of:").and_then(|rest| rest.split(". ").next());
            line.strip_prefix("//! Stage of:").or_else(variant)
        })
        .flat_map(|ops| ops.trim().trim_end_matches('.').split(',').map(str::trim))
        .collect()
}

/// What a layer of the published PatchTST costs in launches, forward and backward, without dropout.
#[test]
fn dispatches_of_a_transformer_layer() {
    for (norm, expected) in [(NormKind::Layer, 27), (NormKind::Batch, 31)] {
        let [two, three] = [2, 3].map(|layers| {
            let mut case = Case::patchtst(Variant::Official, 1, 32, 336).layers(layers).set(|p| {
                *p = PatchtstOptions { d_model: 16, heads: 4, ff: 128, norm, ..PatchtstOptions::of(Variant::Official) };
            });
            (case.sizes.channels, case.sizes.targets, case.sizes.horizon) = (7, 7, 96);
            let program = case.program().unwrap();
            let shapes = Shapes::of(&program, AdapterClass::Discrete);
            let ops = program.forward.iter().chain(&program.backward);
            ops.map(|op| kernels::lower(op, &shapes).dispatches.len()).sum::<usize>()
        });
        assert_eq!(three - two, expected, "{norm}");
    }
}

/// What a step of one recurrent layer costs in launches, from the windows to Adam: plain, as it is trained by default, and
/// with all that a step can have; a due prune is one more.
#[test]
fn dispatches_of_a_recurrent_step() {
    // A GRU's recurrent weights have a gradient of their own, formed by an op of two launches.
    for (kind, more) in [(Lstm, 0), (Rnn, 0), (Gru, 2)] {
        let case = Case::new(kind, 1, 64, 30, 64);
        let default = case.clone().norm(InstanceNorm::Last);
        for (case, expected) in [(case, 11), (default.clone(), 12), (default.dropout(0.3).clip(1.0), 15)] {
            let program = case.program().unwrap();
            let shapes = Shapes::of(&program, AdapterClass::Discrete);
            let count = |ops: &[Op]| ops.iter().map(|op| kernels::lower(op, &shapes).dispatches.len()).sum::<usize>();
            let step = count(&program.forward) + count(&program.backward) + count(&program.update);
            assert_eq!((step, count(&program.prune)), (expected + more, 1), "{case}");
        }
    }
}

/// A shader is an op's kernel by its label, or says of which ops it is a stage or a variant.
#[test]
fn every_kernel_belongs_to_ops_and_is_planned_by_them_alone() {
    let mut owners: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (op, dispatch) in dispatches() {
        owners.entry(dispatch.shader).or_default().insert(op.label());
    }
    for (name, text) in sources::KERNELS {
        let others = belongs_to(text);
        let expected = if others.is_empty() { BTreeSet::from([*name]) } else { others };
        assert_eq!(owners.get(name), Some(&expected), "{name}");
    }
}

#[test]
fn every_kernel_has_the_twin_its_header_names() {
    for (name, text) in sources::KERNELS {
        if !belongs_to(text).is_empty() {
            continue;
        }
        let twin = text.lines().find_map(|line| line.strip_prefix("//! Twin: ")).expect(name);
        let file = twin.split(". ").next().unwrap().trim_end_matches('.');
        let functions = Source::read(&root().join(file)).code().functions;
        assert!(functions.iter().any(|function| function == name), "{name}: {file} has no such function");
        assert!(text.starts_with(&format!("//! {name} — ")), "{name}: its first line does not say what it does");
    }
}

/// Field for field the Rust struct, whose words a test in the crate writes by name.
#[test]
fn the_step_table_is_the_same_on_both_sides() {
    // WGSL reserves the word `active`.
    let rust: Vec<(String, String)> = Source::read(&root().join("src/program/step.rs"))
        .fields("ReplicaStep")
        .into_iter()
        .map(|(name, ty)| (if name == "active" { "active_flag".into() } else { name }, ty))
        .collect();
    let shader = sources::shader("adam_masked").unwrap();
    let wgsl = shader.struct_words("ReplicaStep");
    assert_eq!(rust.len(), microglia::program::ReplicaStep::WORDS);
    for (i, ((offset, name, ty), expected)) in wgsl.iter().zip(&rust).enumerate() {
        assert_eq!((*offset, name, *ty), (i as u32 * 4, &expected.0, expected.1.as_str()));
    }
    assert_eq!(wgsl.len(), rust.len());
}
