//! What kernels rely on: WebGPU's default limits for compute shaders.

/// A device's own limits, but for those that kernels rely on, which are WebGPU's defaults.
fn compute_limits(own: &wgpu::Limits) -> wgpu::Limits {
    let webgpu = wgpu::Limits::default();
    wgpu::Limits {
        max_storage_buffers_per_shader_stage: webgpu.max_storage_buffers_per_shader_stage,
        max_uniform_buffers_per_shader_stage: webgpu.max_uniform_buffers_per_shader_stage,
        max_dynamic_uniform_buffers_per_pipeline_layout: webgpu.max_dynamic_uniform_buffers_per_pipeline_layout,
        max_uniform_buffer_binding_size: webgpu.max_uniform_buffer_binding_size,
        max_storage_buffer_binding_size: webgpu.max_storage_buffer_binding_size,
        max_buffer_size: webgpu.max_buffer_size,
        min_uniform_buffer_offset_alignment: webgpu.min_uniform_buffer_offset_alignment,
        min_storage_buffer_offset_alignment: webgpu.min_storage_buffer_offset_alignment,
        max_compute_workgroup_storage_size: webgpu.max_compute_workgroup_storage_size,
        max_compute_invocations_per_workgroup: webgpu.max_compute_invocations_per_workgroup,
        max_compute_workgroup_size_x: webgpu.max_compute_workgroup_size_x,
        max_compute_workgroup_size_y: webgpu.max_compute_workgroup_size_y,
        max_compute_workgroup_size_z: webgpu.max_compute_workgroup_size_z,
        max_compute_workgroups_per_dimension: webgpu.max_compute_workgroups_per_dimension,
        ..own.clone()
    }
}

/// Every limit that kernels rely on and that these fall short of, in words.
pub(super) fn short(own: &wgpu::Limits) -> Vec<String> {
    let mut short = Vec::new();
    compute_limits(own).check_limits_with_fail_fn(own, false, |name, needed, offered| {
        short.push(format!("{name} is {offered}, needed is {needed}"));
    });
    short
}
