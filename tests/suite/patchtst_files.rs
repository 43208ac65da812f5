//! A PatchTST that cannot be built, and files of weights to start from.

use std::path::Path;

use microglia::compare::Case;
use microglia::models::{self, PatchtstOptions, Variant};
use microglia::program::op::InstanceNorm;
use microglia::train::weights;

use crate::golden;

#[test]
fn what_cannot_be_built_is_rejected_with_the_numbers() {
    let rejection = |case: Case| match models::params(&case.model, &case.sizes) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("{case:?} was built"),
    };
    let official = || Case::patchtst(Variant::Official, 1, 2, 9);
    let holds = |text: String, parts: &[&str]| assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    holds(rejection(official().set(|p| p.heads = 4)), &["4 heads", "width of 6"]);
    holds(rejection(official().set(|p| (p.d_model, p.heads) = (1024, 2))), &["512 a head", "128"]);
    holds(
        rejection(official().set(|p| p.patch = Some(10))),
        &["patch of 10", "look-back of 9", "`patch = 4` and `stride = 2`"],
    );
    holds(rejection(official().set(|p| (p.d_model, p.heads) = (40_000, 400))), &["d-model", "40000", "6400000000"]);
    holds(rejection(official().set(|p| p.ff = 1 << 40)), &["`ff`"]);
    holds(rejection(official().layers(1 << 40)), &["`layers`"]);
    holds(rejection(official().set(|p| p.stride = Some(0))), &["stride", "0 is out of range"]);
    let long = Case::patchtst(Variant::Hf, 1, 2, 2000).set(|p| p.stride = Some(1));
    holds(rejection(long), &["1997 patches", "1024"]);
    holds(rejection(Case::patchtst(Variant::Hf, 1, 2, 9).set(|p| (p.d_model, p.heads) = (5, 1))), &["even", "not 5"]);
    let mut covariates = official();
    covariates.sizes.targets = 2;
    holds(rejection(covariates), &["1 of the 3", "`calendar = \"off\"`", "authors"]);
    let mut plain = official();
    plain.model.instance_norm = None;
    holds(rejection(plain), &["instance-norm", "mean-std"]);
    holds(rejection(Case::patchtst(Variant::Hf, 1, 2, 9).set(|p| p.revin_affine = true)), &["revin-affine"]);
    assert_eq!(official().norm(InstanceNorm::Last).model.instance_norm, Some(InstanceNorm::Last));
}

/// What `init` in a golden file holds, as `transformers` saves it.
fn saved(folder: &Path, file: &str) -> std::path::PathBuf {
    let bytes = std::fs::read(golden::path(&format!("{file}.safetensors"))).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let named = tensors.iter().filter_map(|(name, view)| Some((name.strip_prefix("init.")?.to_string(), view)));
    let path = folder.join("model.safetensors");
    std::fs::write(&path, safetensors::serialize(named.collect::<Vec<_>>(), None).unwrap()).unwrap();
    path
}

#[test]
fn a_file_by_transformers_tells_the_sizes_and_is_rejected_by_tensor_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = saved(folder.path(), "patchtst_hf_batch_pre");
    let (inferred, layers, horizon) = weights::infer_patchtst(&file, Some(Variant::Hf)).unwrap();
    assert_eq!((inferred.d_model, inferred.ff, inferred.patch, layers, horizon), (8, 12, Some(4), 2, Some(3)));
    assert_eq!((inferred.heads, inferred.stride), (16, None));
    let untold = weights::infer_patchtst(&file, None).unwrap_err().to_string();
    assert!(untold.contains("config.json") && untold.contains("patchtst-variant"), "{untold}");
    let beside =
        r#"{"model_type": "patchtst", "num_attention_heads": 2, "patch_stride": 3, "pre_norm": false, "d_model": 8}"#;
    std::fs::write(folder.path().join("config.json"), beside).unwrap();
    let (told, ..) = weights::infer_patchtst(&file, Some(Variant::Hf)).unwrap();
    assert_eq!((told.heads, told.stride, told.norm_position), (2, Some(3), models::NormPosition::Post));
    let official = weights::infer_patchtst(&file, Some(Variant::Official)).unwrap_err().to_string();
    assert!(["variant hf", "padding cut", "patch-major"].iter().all(|part| official.contains(part)), "{official}");
    for (setting, value) in [
        ("pooling_type", "\"max\""),
        ("scaling", "\"mean\""),
        ("activation_function", "\"silu\""),
        ("norm_eps", "0.1"),
        ("use_cls_token", "true"),
    ] {
        let other = format!(r#"{{"model_type": "patchtst", "{setting}": {value}}}"#);
        std::fs::write(folder.path().join("config.json"), other).unwrap();
        let error = weights::infer_patchtst(&file, Some(Variant::Hf)).unwrap_err().to_string();
        assert!(error.contains(setting) && error.contains(value), "{error}");
    }
    for (setting, value) in [
        ("pre_norm", "\"true\""),
        ("pre_norm", "1"),
        ("num_attention_heads", "-2"),
        ("num_attention_heads", "0"),
        ("patch_stride", "1e308"),
        ("patch_stride", "[3]"),
    ] {
        let other = format!(r#"{{"model_type": "patchtst", "{setting}": {value}}}"#);
        std::fs::write(folder.path().join("config.json"), other).unwrap();
        let told = weights::infer_patchtst(&file, Some(Variant::Hf)).unwrap_err().to_string();
        assert!(told.contains(&format!("`{setting}` is ")) && told.contains(", not "), "{told}");
    }
    std::fs::write(folder.path().join("config.json"), "{").unwrap();
    let broken = weights::infer_patchtst(&file, Some(Variant::Hf)).unwrap_err().to_string();
    assert!(broken.contains("config.json"), "{broken}");
    std::fs::write(folder.path().join("config.json"), beside).unwrap();
    let mut case = Case::patchtst(Variant::Hf, 1, 4, 12).layers(2);
    case.sizes.horizon = 3;
    case.model.patchtst = PatchtstOptions { stride: Some(3), heads: 2, ..inferred };
    let load = |case: &Case| {
        let program = case.program().unwrap();
        weights::load(&file, &case.model, &program.params, &program.state)
    };
    let (params, state) = load(&case).unwrap();
    assert!(params.iter().all(|w| w.is_finite()) && state.len() == 4 * 18);
    let wrong = case.clone().set(|p| p.ff = 13);
    assert!(load(&wrong).unwrap_err().to_string().contains("layers.0.ff.0.weight"));
    let stride = case.clone().set(|p| p.stride = Some(2));
    assert!(load(&stride).unwrap_err().to_string().contains("head.projection.weight"));
    let layer = case.clone().set(|p| p.norm = models::NormKind::Layer);
    assert!(load(&layer).unwrap_err().to_string().contains("norm_sublayer1.weight"));
}
