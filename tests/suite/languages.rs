//! Every shader in the language of every backend, with the checks that wgpu asks for and without.

use std::path::Path;
use std::process::Command;

use naga::back::{glsl, hlsl, msl, spv};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};

use crate::shaders::each_resolved;

/// A read or write out of bounds is moved to the nearest word, as wgpu asks of what the device does not check by itself.
const RESTRICT: BoundsCheckPolicies = BoundsCheckPolicies {
    index: BoundsCheckPolicy::Restrict,
    buffer: BoundsCheckPolicy::Restrict,
    image_load: BoundsCheckPolicy::Restrict,
    binding_array: BoundsCheckPolicy::Unchecked,
};

/// Writes SPIR-V of one version and hands it to `check` with the shader's name and a number of its variant.
fn each_spirv(lang_version: (u8, u8), checked: bool, mut check: impl FnMut(&str, Vec<u32>)) {
    each_resolved(|name, module, info| {
        let mut options = spv::Options { lang_version, ..Default::default() };
        if checked {
            (options.bounds_check_policies, options.force_loop_bounding) = (RESTRICT, true);
        }
        let words = spv::write_vec(module, info, &options, None).unwrap_or_else(|e| panic!("{name} spir-v: {e}"));
        assert_eq!(words[0], 0x0723_0203, "{name}");
        check(name, words);
    });
}

#[test]
fn every_backend_can_write_every_shader() {
    for checked in [false, true] {
        each_spirv((1, 0), checked, |_, _| ());
        let bounds_check_policies = if checked { RESTRICT } else { Default::default() };
        each_resolved(|name, module, info| {
            for lang_version in [(2, 0), (2, 4), (3, 0)] {
                let options = msl::Options {
                    fake_missing_bindings: true,
                    lang_version,
                    bounds_check_policies,
                    force_loop_bounding: checked,
                    ..Default::default()
                };
                let (text, _) = msl::write_string(module, info, &options, &msl::PipelineOptions::default())
                    .unwrap_or_else(|e| panic!("{name} msl: {e}"));
                assert!(text.contains(&format!("kernel void {name}")), "{name} msl");
            }
            for shader_model in [hlsl::ShaderModel::V5_1, hlsl::ShaderModel::V6_0] {
                let options = hlsl::Options {
                    fake_missing_bindings: true,
                    shader_model,
                    restrict_indexing: checked,
                    force_loop_bounding: checked,
                    ..Default::default()
                };
                let mut text = String::new();
                hlsl::Writer::new(&mut text, &options, &hlsl::PipelineOptions::default())
                    .write(module, info, None)
                    .unwrap_or_else(|e| panic!("{name} hlsl: {e}"));
                assert!(text.contains(&format!("void {name}(")), "{name} hlsl");
            }
            let options = glsl::Options { version: glsl::Version::new_gles(310), ..Default::default() };
            let pipeline = glsl::PipelineOptions {
                shader_stage: naga::ShaderStage::Compute,
                entry_point: name.to_string(),
                multiview: None,
            };
            let mut text = String::new();
            glsl::Writer::new(&mut text, module, info, &options, &pipeline, bounds_check_policies)
                .and_then(|mut writer| writer.write())
                .unwrap_or_else(|e| panic!("{name} glsl: {e}"));
        });
    }
}

/// Khronos' own validator, on the versions that Vulkan 1.0, 1.1 and 1.3 take.
#[test]
fn every_spir_v_is_valid() {
    if Command::new("spirv-val").arg("--version").output().is_err() {
        eprintln!("spirv-val is not installed: SPIR-V was NOT validated");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let accepts = |file: &Path, target: &str| {
        let output = Command::new("spirv-val").args(["--target-env", target]).arg(file).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let file = folder.path().join("shader.spv");
    let mut count = 0;
    for (version, target) in [((1, 0), "vulkan1.0"), ((1, 3), "vulkan1.1"), ((1, 6), "vulkan1.3")] {
        for checked in [false, true] {
            each_spirv(version, checked, |name, words| {
                std::fs::write(&file, bytemuck::cast_slice(&words)).unwrap();
                let (accepted, messages) = accepts(&file, target);
                assert!(accepted, "{name} for {target}, checked {checked}: {messages}");
                count += 1;
            });
        }
    }
    println!("spirv-val accepted {count} modules");
    // And it is no validator that accepts everything.
    let mut broken = None;
    each_spirv((1, 0), false, |_, words| broken = broken.take().or(Some(words)));
    let mut words = broken.unwrap();
    words.truncate(words.len() - 4);
    std::fs::write(&file, bytemuck::cast_slice(&words)).unwrap();
    assert!(!accepts(&file, "vulkan1.0").0);
}
