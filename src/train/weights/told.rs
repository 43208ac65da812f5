//! What a weights file's maker says of a PatchTST beyond its tensors' shapes: our own header in the file, or the
//! `config.json` that `transformers` writes beside it.

use std::path::Path;

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::files;
use crate::models::{NormPosition, Positions, Variant};
use crate::program::op::FeedForward;
use crate::train::weights::header::PatchtstHeader;

/// The settings that are given; `None` where they are not.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub stride: Option<usize>,
    pub heads: Option<usize>,
    pub norm_position: Option<NormPosition>,
    pub ff_activation: Option<FeedForward>,
    pub positions: Option<Positions>,
}

/// Settings of `PatchTSTConfig` with the values that the `hf` variant computes; absent, they have the first.
fn supported() -> [(&'static str, Vec<Value>); 11] {
    [
        ("scaling", vec![json!("std"), json!(true)]),
        ("pooling_type", vec![json!("mean"), Value::Null]),
        ("activation_function", vec![json!("gelu"), json!("relu")]),
        ("positional_encoding_type", vec![json!("sincos"), json!("random")]),
        ("norm_eps", vec![json!(1e-5)]),
        ("use_cls_token", vec![json!(false)]),
        ("channel_attention", vec![json!(false)]),
        ("share_embedding", vec![json!(true)]),
        ("share_projection", vec![json!(true)]),
        ("bias", vec![json!(true)]),
        ("do_mask_input", vec![Value::Null, json!(false)]),
    ]
}

impl Told {
    pub(super) fn by_header(header: &PatchtstHeader) -> Told {
        Told {
            stride: Some(header.stride),
            heads: Some(header.heads),
            norm_position: header.norm_position.parse().ok(),
            ff_activation: header.ff_activation.parse().ok(),
            positions: header.positions.parse().ok(),
        }
    }

    /// `None` where there is no `config.json`, or it is another model's.
    ///
    /// # Errors
    /// Where it cannot be read, names a setting that no variant here computes, or `variant` is not transformers' own.
    pub(super) fn by_transformers(weights: &Path, variant: Variant) -> Result<Option<Told>> {
        let file = weights.with_file_name("config.json");
        let reject = |problem: String, help: &str| Error::checkpoint(file.clone(), problem, help);
        if !file.is_file() {
            return Ok(None);
        }
        let text = files::read_text(&file, "make it readable, or move it away")?;
        let config: Value = serde_json::from_str(&text)
            .map_err(|error| reject(format!("is no JSON: {error}"), "write it again, or move it away"))?;
        if config["model_type"] != "patchtst" {
            return Ok(None);
        }
        if variant != Variant::Hf {
            let problem = format!(
                "the weights beside it are transformers' own: variant hf, padding cut, head order patch-major, residual \
                 attention false; here the variant is {variant}"
            );
            return Err(reject(problem, "choose ‹patchtst-variant hf›"));
        }
        for (name, values) in supported() {
            if let Some(value) = config.get(name)
                && !values.contains(value)
            {
                let known: Vec<String> = values.iter().map(Value::to_string).collect();
                let problem = format!("`{name}` is {value}, and only {} is computed here", known.join(" or "));
                return Err(reject(problem, "train such a model in transformers"));
            }
        }
        let other = |name: &str, what: &str| {
            reject(format!("`{name}` is {}, not {what}", config[name]), "write it again, or move it away")
        };
        let number = |name: &str| match &config[name] {
            Value::Null => Ok(None),
            value => match value.as_u64().and_then(|value| usize::try_from(value).ok()) {
                Some(number @ 1..) => Ok(Some(number)),
                _ => Err(other(name, "a whole number from 1")),
            },
        };
        let word = |name: &str| config[name].as_str().unwrap_or_default().to_string();
        let pre = match &config["pre_norm"] {
            Value::Null => None,
            Value::Bool(pre) => Some(*pre),
            _ => return Err(other("pre_norm", "true or false")),
        };
        Ok(Some(Told {
            stride: number("patch_stride")?,
            heads: number("num_attention_heads")?,
            norm_position: pre.map(|pre| if pre { NormPosition::Pre } else { NormPosition::Post }),
            ff_activation: word("activation_function").parse().ok(),
            positions: word("positional_encoding_type").parse().ok(),
        }))
    }
}
