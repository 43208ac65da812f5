//! Sparse products on a GPU: plain pipelines of this bench's own shaders.

use wgpu::util::DeviceExt;

use crate::cpu::Csr;
use crate::weights::Weight;

pub(crate) struct Bench {
    device: wgpu::Device,
    queue: wgpu::Queue,
}

/// A product, ready to be dispatched.
pub(crate) struct Product {
    pipeline: wgpu::ComputePipeline,
    bind_group: wgpu::BindGroup,
    workgroups: [u32; 2],
    result: wgpu::Buffer,
}

impl Bench {
    /// On the adapter of this name.
    pub(crate) fn new(name: &str) -> Option<Bench> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
        let adapter = adapters.into_iter().find(|adapter| adapter.get_info().name == name)?;
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default())).ok()?;
        Some(Bench { device, queue })
    }

    /// `csr.wgsl`; x comes and y goes transposed.
    pub(crate) fn csr(&self, weight: &Weight, x: &[f32]) -> Product {
        let csr = Csr::new(weight);
        let rows = x.len() / weight.inputs;
        let turned: Vec<f32> = (0..x.len()).map(|at| x[at % rows * weight.inputs + at / rows]).collect();
        let workgroups = [(rows / 4).div_ceil(128) as u32, weight.outputs as u32];
        self.product("csr", include_str!("csr.wgsl"), weight, &csr, &turned, workgroups)
    }

    /// `tiles.wgsl`; with `all`, empty tiles too.
    pub(crate) fn tiles(&self, weight: &Weight, x: &[f32], all: bool) -> Product {
        let mut list = Csr { starts: vec![0], columns: Vec::new(), values: Vec::new() };
        for o in (0..weight.outputs).step_by(4) {
            for i in (0..weight.inputs).step_by(4).filter(|i| all || !weight.is_empty([o, *i], [4, 4])) {
                list.columns.push(i as u32 / 4);
                let word = |step: usize, output: usize| weight.words[(o + output) * weight.inputs + i + step];
                list.values.extend((0..16).map(|at| word(at / 4, at % 4)));
            }
            list.starts.push(list.columns.len() as u32);
        }
        let workgroups = [(x.len() / weight.inputs).div_ceil(512) as u32, weight.outputs as u32 / 4];
        self.product("tiles", include_str!("tiles.wgsl"), weight, &list, x, workgroups)
    }

    fn product(&self, name: &str, text: &str, weight: &Weight, list: &Csr, x: &[f32], workgroups: [u32; 2]) -> Product {
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(name),
            source: wgpu::ShaderSource::Wgsl(text.into()),
        });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(name),
            layout: None,
            module: &module,
            entry_point: Some(name),
            compilation_options: Default::default(),
            cache: None,
        });
        let rows = x.len() / weight.inputs;
        let buffer = |words: &[u8], usage| {
            // Something must be bound where no weight lives.
            let contents = if words.is_empty() { &[0; 16] } else { words };
            self.device.create_buffer_init(&wgpu::util::BufferInitDescriptor { label: None, contents, usage })
        };
        let params = [rows as u32 / 4, weight.outputs as u32, weight.inputs as u32, 0];
        let storage = wgpu::BufferUsages::STORAGE;
        let buffers = [
            buffer(bytemuck::cast_slice(&params), wgpu::BufferUsages::UNIFORM),
            buffer(bytemuck::cast_slice(&list.starts), storage),
            buffer(bytemuck::cast_slice(&list.columns), storage),
            buffer(bytemuck::cast_slice(&list.values), storage),
            buffer(bytemuck::cast_slice(x), storage),
            buffer(&vec![0; 4 * rows * weight.outputs], storage | wgpu::BufferUsages::COPY_SRC),
        ];
        let entries: Vec<wgpu::BindGroupEntry> = (0..)
            .zip(&buffers)
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        let bind_group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        let [.., result] = buffers;
        Product { pipeline, bind_group, workgroups, result }
    }

    /// What the product came to.
    pub(crate) fn result(&self, product: &Product) -> Vec<f32> {
        let size = product.result.size();
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let staging =
            self.device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false });
        let mut encoder = self.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&product.result, 0, &staging, 0, size);
        self.queue.submit([encoder.finish()]);
        staging.slice(..).map_async(wgpu::MapMode::Read, |_| {});
        self.device.poll(wgpu::PollType::wait_indefinitely()).expect("the device answers");
        let mapped = staging.slice(..).get_mapped_range().expect("the result is mapped");
        bytemuck::pod_collect_to_vec(&mapped)
    }

    /// `count` dispatches in one pass, the device waited for.
    pub(crate) fn run(&self, product: &Product, count: usize) {
        let mut encoder = self.device.create_command_encoder(&Default::default());
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(&product.pipeline);
        pass.set_bind_group(0, &product.bind_group, &[]);
        for _ in 0..count {
            pass.dispatch_workgroups(product.workgroups[0], product.workgroups[1], 1);
        }
        drop(pass);
        self.queue.submit([encoder.finish()]);
        self.device.poll(wgpu::PollType::wait_indefinitely()).expect("the device answers");
    }
}
