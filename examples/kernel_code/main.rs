//! Writes what drivers' compilers are handed: `cargo run --example kernel_code -- FOLDER WHICH FORM...`. No adapter is needed.
//! `scripts/gpu-statistics` and `scripts/shader-judges` read it.
//!
//! WHICH is `full-size`, the pipelines that the models people train make on real GPUs, or `every`, those of all models on any
//! adapter. FORM is a folder's name: `wgsl`, `msl`, `hlsl-5.1`, `hlsl-6.0` or `spirv`; all but `wgsl` take a suffix that says which
//! checks naga writes into the code: nothing for those of the engine, `+all` for all that it knows, `+none`, or the engine's with
//! one more, `+indices` or `+buffers`, or one less, `+no-loops` or `+no-divisions`.
//!
//! `FOLDER/index.tsv` has a line for each pipeline: its name (each form's file), its shader (its entry point), its constants, the
//! kinds of its bindings in order (u uniform, d uniform with a dynamic offset, s storage), and who must reject it: nobody, but
//! for the shaders of `broken/`, which are there to show that who accepts the others does not accept everything.

mod forms;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use microglia::compare::{Case, every_model, full_size_models};
use microglia::gpu::AdapterClass;
use microglia::gpu::shader::{Access, Binding, Constant, SLOT, Shader};
use microglia::kernels::{pipelines, sources};
use microglia::program::Program;

use forms::{Form, Resolved};

type Failure = Box<dyn std::error::Error>;

/// The classes of real GPUs.
const CARDS: [AdapterClass; 2] = [AdapterClass::Integrated, AdapterClass::Discrete];

struct Pipeline {
    name: String,
    shader: Shader,
    constants: Vec<Constant>,
    rejected_by: String,
}

fn of_engines(which: &str) -> Result<Vec<Pipeline>, Failure> {
    let (models, classes) = match which {
        "full-size" => (full_size_models(), &CARDS[..]),
        "every" => (every_model(), &AdapterClass::ALL[..]),
        other => return Err(format!("which pipelines? `full-size` or `every`, not `{other}`").into()),
    };
    let programs: Vec<Program> = models.iter().map(Case::program).collect::<Result<_, _>>()?;
    let found: BTreeSet<_> = classes.iter().flat_map(|&class| pipelines(&programs, class)).collect();
    let named = found.into_iter().map(|pipeline| {
        let words = pipeline.constants.iter().map(|(word, value)| format!(".{}{value}", word.to_lowercase()));
        let name = pipeline.shader.to_string() + &words.collect::<String>();
        let shader = sources::shader(pipeline.shader)?;
        Ok(Pipeline { name, shader, constants: pipeline.constants, rejected_by: "nobody".into() })
    });
    named.collect()
}

fn broken() -> Result<Vec<Pipeline>, Failure> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kernel_code/broken");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let text = std::fs::read_to_string(&path)?;
        let said = text.lines().next().and_then(|line| line.strip_prefix("//! Rejected by: ")?.strip_suffix('.'));
        let name = path.file_stem().and_then(|stem| stem.to_str()).ok_or("a shader without a name")?.to_string();
        let rejected_by = said.ok_or(format!("{name}: who must reject it?"))?.replace(' ', "");
        found.push(Pipeline { shader: Shader::parse(&name, text)?, name, constants: Vec::new(), rejected_by });
    }
    Ok(found)
}

/// As a Vulkan driver tells bindings apart.
fn kind(binding: &Binding) -> char {
    match binding.access {
        Access::Uniform if binding.name == SLOT => 'd',
        Access::Uniform => 'u',
        Access::Read | Access::ReadWrite => 's',
    }
}

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, which, asked @ ..] = &words[..] else { return Err("kernel_code FOLDER WHICH FORM...".into()) };
    let forms: Vec<Form> = asked.iter().map(|word| word.parse()).collect::<Result<_, _>>()?;
    let folder = Path::new(folder);
    for form in &forms {
        std::fs::create_dir_all(folder.join(&form.folder))?;
    }
    let mut index = String::new();
    for pipeline in of_engines(which)?.into_iter().chain(broken()?) {
        let resolved = Resolved::new(&pipeline.shader, &pipeline.constants)?;
        for form in &forms {
            let file = folder.join(&form.folder).join(&pipeline.name);
            std::fs::write(file, form.write(&resolved).map_err(|e| format!("{}: {e}", pipeline.name))?)?;
        }
        let constants: Vec<String> = pipeline.constants.iter().map(|(word, value)| format!("{word}={value}")).collect();
        let kinds: String = pipeline.shader.bindings().iter().map(kind).collect();
        let (name, entry, rejected_by) = (&pipeline.name, &pipeline.shader.name, &pipeline.rejected_by);
        writeln!(index, "{name}\t{entry}\t-{}\t{kinds}\t{rejected_by}", constants.join(","))?;
    }
    std::fs::write(folder.join("index.tsv"), index)?;
    Ok(())
}
