//! Between an option's text, the field that holds it, and the TOML value that is written.

use std::path::PathBuf;

use toml::Value;

use crate::data::options::{
    Covariates, FillMissing, Gaps, Impute, Layout, Origin, Scale, ShortSeries, Source, Split, parse_list,
};
use crate::data::{Bounds, Calendar, Transform};
use crate::error::{Error, Result};
use crate::gpu::Choice;
use crate::kernels::tuning::Tuning;
use crate::models::{
    LinearPath, ModelKind, NormKind, NormPosition, Pool, Positions, PruneAmong, PruneScore, Regrow, Variant,
};
use crate::program::op::{Activation, FeedForward, InstanceNorm};
use crate::train::loss::{Loss, QuantileLevels};
use crate::train::options::{CompactEvery, LrSchedule, PruneUnit, Regularizers, Schedule, Select, Sparsity};
use crate::train::weights::checkpoints::Every;

/// A type of which options are.
pub(crate) trait Field: Sized {
    /// From a text that the option's kind takes.
    fn read(text: &str) -> Result<Self>;

    /// As TOML.
    fn write(&self) -> Value;
}

/// Reads a number of a text whose bounds have been checked; a field that is narrower says so itself.
fn number<T: std::str::FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| Error::config("", format!("{text} is out of range"), "give a smaller number"))
}

macro_rules! whole {
    ($($type:ty),+) => { $(
        impl Field for $type {
            fn read(text: &str) -> Result<Self> {
                number(text)
            }

            fn write(&self) -> Value {
                Value::Integer((*self).try_into().unwrap_or(i64::MAX))
            }
        }
    )+ };
}
whole!(usize, u32, u64);

/// Types that parse from, and print as, what stands in TOML.
macro_rules! words {
    ($($type:ty),+ $(,)?) => { $(
        impl Field for $type {
            fn read(text: &str) -> Result<Self> {
                text.parse()
            }

            fn write(&self) -> Value {
                Value::String(self.to_string())
            }
        }
    )+ };
}
words!(
    Activation,
    Bounds,
    Calendar,
    Choice,
    CompactEvery,
    Every,
    FeedForward,
    FillMissing,
    Gaps,
    Impute,
    InstanceNorm,
    Layout,
    LinearPath,
    Loss,
    LrSchedule,
    PruneAmong,
    PruneScore,
    Regrow,
    PruneUnit,
    ModelKind,
    NormKind,
    NormPosition,
    Origin,
    Pool,
    Positions,
    QuantileLevels,
    Regularizers,
    Scale,
    Schedule,
    Select,
    ShortSeries,
    Sparsity,
    Split,
    Transform,
    Variant,
);

impl Field for f64 {
    fn read(text: &str) -> Result<Self> {
        number(text)
    }

    fn write(&self) -> Value {
        Value::Float(*self)
    }
}

impl Field for String {
    fn read(text: &str) -> Result<Self> {
        Ok(text.into())
    }

    fn write(&self) -> Value {
        Value::String(self.clone())
    }
}

/// `on` or `off`.
impl Field for bool {
    fn read(text: &str) -> Result<Self> {
        Ok(matches!(text, "on" | "true"))
    }

    fn write(&self) -> Value {
        Value::from(if *self { "on" } else { "off" })
    }
}

impl Field for Vec<String> {
    fn read(text: &str) -> Result<Self> {
        Ok(parse_list(text))
    }

    fn write(&self) -> Value {
        Value::Array(self.iter().map(|name| Value::from(name.as_str())).collect())
    }
}

impl Field for Vec<usize> {
    fn read(text: &str) -> Result<Self> {
        super::kind::wholes(text).unwrap_or_default().into_iter().map(|one| number(&one.to_string())).collect()
    }

    fn write(&self) -> Value {
        Value::Array(self.iter().map(Field::write).collect())
    }
}

impl Field for Vec<u32> {
    fn read(text: &str) -> Result<Self> {
        super::kind::wholes(text).unwrap_or_default().into_iter().map(|one| number(&one.to_string())).collect()
    }

    fn write(&self) -> Value {
        Value::Array(self.iter().map(Field::write).collect())
    }
}

impl Field for Covariates {
    fn read(text: &str) -> Result<Self> {
        text.parse()
    }

    fn write(&self) -> Value {
        match self {
            Covariates::Names(names) => names.write(),
            other => Value::String(other.to_string()),
        }
    }
}

impl Field for PathBuf {
    fn read(text: &str) -> Result<Self> {
        Ok(text.into())
    }

    fn write(&self) -> Value {
        Value::String(self.display().to_string())
    }
}

impl Field for Source {
    fn read(text: &str) -> Result<Self> {
        text.parse()
    }

    fn write(&self) -> Value {
        Value::String(self.to_string())
    }
}

impl Field for Tuning {
    fn read(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| {
            let help = "let ‹autotune› write the table, or remove it";
            Error::config("tuning", error.message().trim_end(), help)
        })
    }

    fn write(&self) -> Value {
        Value::try_from(self).expect("numbers and words are TOML")
    }
}

/// Where an option's value stands: `at!(train.lr)`, or `at!(train.warmup?)` for a field that may be unset; of another type than
/// [`Config`](super::Config), `at!(Study: seeds)`.
macro_rules! at {
    ($type:ty: $($field:ident).+) => {
        $crate::config::Access {
            get: |config: &$type| Some($crate::config::Field::write(&config.$($field).+)),
            set: |config: &mut $type, text| {
                if let Some(text) = text {
                    config.$($field).+ = $crate::config::Field::read(text)?;
                }
                Ok(())
            },
        }
    };
    ($type:ty: $($field:ident).+ ?) => {
        $crate::config::Access {
            get: |config: &$type| config.$($field).+.as_ref().map($crate::config::Field::write),
            set: |config: &mut $type, text| {
                config.$($field).+ = text.map($crate::config::Field::read).transpose()?;
                Ok(())
            },
        }
    };
    ($($place:tt)+) => { $crate::config::at!($crate::config::Config: $($place)+) };
}
pub(crate) use at;
