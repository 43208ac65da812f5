//! A pipeline in the languages of the backends, written as wgpu 30 has naga write it.

use std::str::FromStr;

use microglia::gpu::shader::{Access, Constant, Shader};
use naga::back::pipeline_constants::process_overrides;
use naga::back::{hlsl, msl, spv};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{Module, ResourceBinding, ShaderStage};

use super::Failure;

/// A shader whose open words are set.
pub(crate) struct Resolved<'a> {
    shader: &'a Shader,
    module: Module,
    info: ModuleInfo,
}

impl<'a> Resolved<'a> {
    pub(crate) fn new(shader: &'a Shader, constants: &[Constant]) -> Result<Self, Failure> {
        let constants = constants.iter().map(|&(word, value)| (word.to_string(), f64::from(value))).collect();
        let entry = Some((ShaderStage::Compute, shader.name.as_str()));
        let module = naga::front::wgsl::parse_str(&shader.source)?;
        let info = Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&module)?;
        let (module, info) = process_overrides(&module, &info, entry, &constants)?;
        Ok(Resolved { shader, module: module.into_owned(), info: info.into_owned() })
    }
}

/// What naga writes into the code besides the shader.
#[derive(Clone, Copy)]
struct Checks {
    /// Indices of arrays that are not in buffers.
    indices: bool,
    buffers: bool,
    loops: bool,
    divisions: bool,
}

impl Checks {
    const ALL: Checks = Checks { indices: true, buffers: true, loops: true, divisions: true };
    const NONE: Checks = Checks { indices: false, buffers: false, loops: false, divisions: false };

    /// As the engine asks wgpu for them.
    const OF_THE_ENGINE: Checks = Checks { indices: false, buffers: false, ..Checks::ALL };

    fn policies(self) -> BoundsCheckPolicies {
        let policy = |on| if on { BoundsCheckPolicy::Restrict } else { BoundsCheckPolicy::Unchecked };
        BoundsCheckPolicies { index: policy(self.indices), buffer: policy(self.buffers), ..Default::default() }
    }
}

enum Language {
    Wgsl,
    Msl,
    Hlsl(hlsl::ShaderModel),
    Spirv,
}

pub(crate) struct Form {
    pub folder: String,
    language: Language,
    checks: Checks,
}

impl FromStr for Form {
    type Err = Failure;

    fn from_str(word: &str) -> Result<Self, Failure> {
        let (language, checks) =
            word.split_once('+').map_or((word, None), |(language, checks)| (language, Some(checks)));
        let language = match language {
            "wgsl" => Language::Wgsl,
            "msl" => Language::Msl,
            "hlsl-5.1" => Language::Hlsl(hlsl::ShaderModel::V5_1),
            "hlsl-6.0" => Language::Hlsl(hlsl::ShaderModel::V6_0),
            "spirv" => Language::Spirv,
            other => return Err(format!("there is no form `{other}`").into()),
        };
        let checks = match checks {
            None => Checks::OF_THE_ENGINE,
            Some("all") => Checks::ALL,
            Some("none") => Checks::NONE,
            Some("indices") => Checks { indices: true, ..Checks::OF_THE_ENGINE },
            Some("buffers") => Checks { buffers: true, ..Checks::OF_THE_ENGINE },
            Some("no-loops") => Checks { loops: false, ..Checks::OF_THE_ENGINE },
            Some("no-divisions") => Checks { divisions: false, ..Checks::OF_THE_ENGINE },
            Some(other) => return Err(format!("there are no checks `{other}`").into()),
        };
        Ok(Form { folder: word.into(), language, checks })
    }
}

impl Form {
    pub(crate) fn write(&self, resolved: &Resolved) -> Result<Vec<u8>, Failure> {
        match self.language {
            Language::Wgsl => Ok(resolved.shader.source.clone().into_bytes()),
            Language::Msl => self.msl(resolved),
            Language::Hlsl(model) => self.hlsl(resolved, model),
            Language::Spirv => self.spirv(resolved),
        }
    }

    fn spirv(&self, Resolved { shader, module, info }: &Resolved) -> Result<Vec<u8>, Failure> {
        let options = spv::Options {
            lang_version: (1, 6),
            flags: spv::WriterFlags::LABEL_VARYINGS | spv::WriterFlags::FORCE_POINT_SIZE,
            bounds_check_policies: self.checks.policies(),
            force_loop_bounding: self.checks.loops,
            emit_int_div_checks: self.checks.divisions,
            zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
            ..Default::default()
        };
        let pipeline = spv::PipelineOptions { shader_stage: ShaderStage::Compute, entry_point: shader.name.clone() };
        let words = spv::write_vec(module, info, &options, Some(&pipeline))?;
        Ok(bytemuck::cast_slice(&words).to_vec())
    }

    /// Direct3D has no division that naga could check, and one kind of index.
    fn hlsl(
        &self,
        Resolved { shader, module, info }: &Resolved,
        shader_model: hlsl::ShaderModel,
    ) -> Result<Vec<u8>, Failure> {
        // A counter of registers for each kind of binding.
        let mut binding_map = hlsl::BindingMap::default();
        let [mut constants, mut read, mut written] = [0; 3];
        for binding in shader.bindings() {
            let next = match binding.access {
                Access::Uniform => &mut constants,
                Access::Read => &mut read,
                Access::ReadWrite => &mut written,
            };
            let target = hlsl::BindTarget { register: *next, ..Default::default() };
            binding_map.insert(ResourceBinding { group: 0, binding: binding.index }, target);
            *next += 1;
        }
        let options = hlsl::Options {
            shader_model,
            binding_map,
            fake_missing_bindings: false,
            special_constants_binding: Some(hlsl::BindTarget { register: constants, ..Default::default() }),
            zero_initialize_workgroup_memory: false,
            restrict_indexing: self.checks.indices,
            force_loop_bounding: self.checks.loops,
            ..Default::default()
        };
        let entry = hlsl::PipelineOptions { entry_point: Some((ShaderStage::Compute, shader.name.clone())) };
        let mut text = String::new();
        let written = hlsl::Writer::new(&mut text, &options, &entry).write(module, info, None)?;
        match &written.entry_point_names[..] {
            [Ok(name)] if *name == shader.name => Ok(text.into_bytes()),
            names => Err(format!("entry points {names:?}, not its own name").into()),
        }
    }

    fn msl(&self, Resolved { shader, module, info }: &Resolved) -> Result<Vec<u8>, Failure> {
        let options = msl::Options {
            fake_missing_bindings: true,
            lang_version: (2, 4),
            bounds_check_policies: self.checks.policies(),
            force_loop_bounding: self.checks.loops,
            emit_int_div_checks: self.checks.divisions,
            zero_initialize_workgroup_memory: false,
            ..Default::default()
        };
        let entry = Some((ShaderStage::Compute, shader.name.clone()));
        let pipeline = msl::PipelineOptions { entry_point: entry, ..Default::default() };
        let (text, _) = msl::write_string(module, info, &options, &pipeline)?;
        Ok(text.into_bytes())
    }
}
