//! Programs run dispatch by dispatch with watched shaders, on buffers that hold no word more than their tensors.

use std::collections::HashMap;

use microglia::compare::Case;
use microglia::dims::padded;
use microglia::engine::Engine;
use microglia::gpu::shader::{Access, Binding, Constant, SLOT, Shader};
use microglia::gpu::{Gpu, wgpu};
use microglia::kernels::lower::{Dispatch, Lowered, Operand, Shapes};
use microglia::kernels::{lower, sources};
use microglia::program::{List, Program, Tensor, TensorId};
use microglia::reference::CpuEngine;
use wgpu::util::{BufferInitDescriptor, DeviceExt};

use crate::gpu_support::open;

use super::watch::{WORDS, Watched, watched};

/// Bytes from one dispatch's report to the next.
const STRIDE: u64 = 256;

/// Watched pipelines of one device.
pub(super) struct Watch {
    device: wgpu::Device,
    queue: wgpu::Queue,
    kernels: HashMap<(&'static str, Vec<Constant>), Kernel>,
    /// Dispatches that were run.
    pub dispatches: usize,
}

struct Kernel {
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
    reports: wgpu::BindGroupLayout,
    bindings: Vec<Binding>,
    places: Vec<String>,
}

impl Watch {
    /// On a device of its own, where every error of `wgpu` panics.
    pub(super) fn new(gpu: &Gpu) -> Self {
        let own = wgpu::Limits::default();
        // The kernels' eight, and the report.
        let max_storage_buffers_per_shader_stage = own.max_storage_buffers_per_shader_stage + 1;
        let (device, queue) = open(gpu, wgpu::Limits { max_storage_buffers_per_shader_stage, ..own });
        Watch { device, queue, kernels: HashMap::new(), dispatches: 0 }
    }

    /// Runs every list at the first slot and at the last, dispatches cut into so many pieces where they can be, and panics with
    /// each index that lies outside.
    pub(super) fn run(&mut self, case: &Case, shapes: &Shapes, pieces: Option<u64>) {
        let tensors = self.tensors(case, shapes.program);
        self.run_on(&tensors, case, shapes, pieces);
    }

    /// The same on buffers of the caller's.
    pub(super) fn run_on(&mut self, tensors: &[wgpu::Buffer], case: &Case, shapes: &Shapes, pieces: Option<u64>) {
        let program = shapes.program;
        let ops = List::ALL.into_iter().flat_map(|list| {
            let slots =
                if list == List::Evaluate { program.slots.min(program.prediction_slots) } else { program.slots };
            [0, slots - 1].into_iter().flat_map(move |slot| program.list(list).iter().map(move |op| (slot, op)))
        });
        let cut = |whole: Lowered| pieces.map_or(whole.clone(), |pieces| whole.cut(most_work(&whole) / pieces));
        let lowered: Vec<(usize, Lowered)> = ops.map(|(slot, op)| (slot, cut(lower(op, shapes)))).collect();
        let scratch: Vec<Vec<wgpu::Buffer>> = lowered
            .iter()
            .map(|(_, one)| {
                one.scratch.iter().map(|&words| self.buffer(&vec![0; rows(words, program.replicas)])).collect()
            })
            .collect();
        let all: Vec<(usize, &[wgpu::Buffer], &Dispatch)> = lowered
            .iter()
            .zip(&scratch)
            .flat_map(|((slot, one), scratch)| one.dispatches.iter().map(move |d| (*slot, &scratch[..], d)))
            .collect();
        all.iter().for_each(|(.., dispatch)| self.compile(dispatch));
        let device = &self.device;
        let storage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
        let size = STRIDE * all.len() as u64;
        let reports = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size,
            usage: storage,
            mapped_at_creation: false,
        });
        let mut encoder = device.create_command_encoder(&Default::default());
        for (i, (slot, scratch, dispatch)) in all.iter().enumerate() {
            let kernel = &self.kernels[&key(dispatch)];
            let uniform = |contents: &[u8]| {
                let usage = wgpu::BufferUsages::UNIFORM;
                device.create_buffer_init(&BufferInitDescriptor { label: None, contents, usage })
            };
            let (params, slot) = (uniform(&dispatch.params), uniform(bytemuck::bytes_of(&(*slot as u32))));
            let bound = |binding: &Binding| match binding.access {
                Access::Uniform if binding.name == SLOT => &slot,
                Access::Uniform => &params,
                _ => match dispatch.bindings.iter().find(|(name, _)| *name == binding.name).unwrap().1 {
                    Operand::Tensor(id) => &tensors[id.index()],
                    Operand::Scratch(i) => &scratch[i],
                },
            };
            let entries: Vec<wgpu::BindGroupEntry> = kernel
                .bindings
                .iter()
                .map(|b| wgpu::BindGroupEntry { binding: b.index, resource: bound(b).as_entire_binding() })
                .collect();
            let group = |layout, entries: &[wgpu::BindGroupEntry]| {
                device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries })
            };
            let report = wgpu::BufferBinding {
                buffer: &reports,
                offset: STRIDE * i as u64,
                size: std::num::NonZeroU64::new(4 * WORDS as u64),
            };
            let report = wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(report) };
            let groups = [group(&kernel.layout, &entries), group(&kernel.reports, &[report])];
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(&kernel.pipeline);
            groups.iter().enumerate().for_each(|(i, group)| pass.set_bind_group(i as u32, group, &[]));
            let [x, y] = dispatch.workgroups;
            pass.dispatch_workgroups(x, y, program.replicas as u32);
        }
        let staging = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        encoder.copy_buffer_to_buffer(&reports, 0, &staging, 0, size);
        self.queue.submit([encoder.finish()]);
        staging.map_async(wgpu::MapMode::Read, .., |mapped| mapped.unwrap());
        device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
        let found: Vec<u32> = bytemuck::pod_collect_to_vec(&staging.get_mapped_range(..).unwrap());
        let faults = found.chunks(STRIDE as usize / 4).zip(&all).filter(|(report, _)| report[0] != 0);
        let faults: Vec<String> = faults
            .map(|(report, (slot, _, dispatch))| {
                let place = &self.kernels[&key(dispatch)].places[report[2] as usize - 1];
                let Dispatch { shader, constants, .. } = dispatch;
                format!("{shader} {constants:?}, slot {slot}: {} times, up to word {} of {place}", report[0], report[1])
            })
            .collect();
        self.dispatches += all.len();
        assert!(faults.is_empty(), "{case} as {:?}:\n{}", shapes.class, faults.join("\n"));
    }

    /// What the case loads, in buffers that end with the last word of the last replica, or the last vec4 that it is part of.
    pub(super) fn tensors(&self, case: &Case, program: &Program) -> Vec<wgpu::Buffer> {
        let mut loaded = CpuEngine::<f32>::new(program.clone(), Some(1)).unwrap();
        case.load(&mut loaded, 5).unwrap();
        let tensors = program.tensors.iter().enumerate().map(|(i, tensor)| {
            let replicas = if tensor.shared { 1 } else { program.replicas };
            let mut words = vec![0; rows(tensor.words(), replicas)];
            for replica in 0..replicas {
                let id = TensorId(i as u32);
                let row = loaded.read_u32(id, replica).unwrap();
                words[replica * tensor.row()..][..row.len()].copy_from_slice(&row);
            }
            self.buffer(&words)
        });
        tensors.collect()
    }

    pub(super) fn buffer(&self, words: &[u32]) -> wgpu::Buffer {
        let (contents, usage) = (bytemuck::cast_slice(words), wgpu::BufferUsages::STORAGE);
        self.device.create_buffer_init(&BufferInitDescriptor { label: None, contents, usage })
    }

    /// A tensor of zeros, of a size of its own.
    pub(super) fn zeros(&self, tensor: &Tensor, replicas: usize) -> wgpu::Buffer {
        self.buffer(&vec![0; rows(tensor.words(), if tensor.shared { 1 } else { replicas })])
    }

    /// A buffer of the same size that holds other words.
    pub(super) fn filled(&self, like: &wgpu::Buffer, word: &dyn Fn(u32) -> u32) -> wgpu::Buffer {
        self.buffer(&(0..like.size() as u32 / 4).map(word).collect::<Vec<_>>())
    }

    fn compile(&mut self, dispatch: &Dispatch) {
        if self.kernels.contains_key(&key(dispatch)) {
            return;
        }
        let shader = sources::shader(dispatch.shader).unwrap();
        let Watched { wgsl, places } = watched(&shader, &dispatch.constants);
        let kernel = kernel(&self.device, &shader, &wgsl, places);
        self.kernels.insert(key(dispatch), kernel);
    }
}

fn kernel(device: &wgpu::Device, shader: &Shader, wgsl: &str, places: Vec<String>) -> Kernel {
    let bindings = shader.bindings();
    let group = |entries: Vec<(u32, Access)>| {
        let entries: Vec<wgpu::BindGroupLayoutEntry> = entries
            .into_iter()
            .map(|(binding, access)| wgpu::BindGroupLayoutEntry {
                binding,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty: match access {
                        Access::Uniform => wgpu::BufferBindingType::Uniform,
                        Access::Read => wgpu::BufferBindingType::Storage { read_only: true },
                        Access::ReadWrite => wgpu::BufferBindingType::Storage { read_only: false },
                    },
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            })
            .collect();
        device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries })
    };
    let layout = group(bindings.iter().map(|binding| (binding.index, binding.access)).collect());
    let reports = group(vec![(0, Access::ReadWrite)]);
    let source = wgpu::ShaderSource::Wgsl(wgsl.into());
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label: Some(&shader.name), source });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(&shader.name),
        layout: Some(&device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&layout), Some(&reports)],
            immediate_size: 0,
        })),
        module: &module,
        entry_point: None,
        compilation_options: Default::default(),
        cache: None,
    });
    Kernel { pipeline, layout, reports, bindings, places }
}

/// Operations of the largest dispatch.
fn most_work(lowered: &Lowered) -> u64 {
    lowered.dispatches.iter().map(|dispatch| dispatch.work).max().unwrap_or(0)
}

fn key(dispatch: &Dispatch) -> (&'static str, Vec<Constant>) {
    (dispatch.shader, dispatch.constants.clone())
}

/// Words of so many rows, the last of which ends with its last word, or with the vec4 that this is part of.
fn rows(words: usize, replicas: usize) -> usize {
    (padded(words) * (replicas - 1) + words.next_multiple_of(4)).max(4)
}
