//! What a target can be: the bounds of its values, and the scale on which it is forecast.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::frame::Frame;
use super::options::DataOptions;
use super::series::RawSeries;
use crate::error::{Error, Result};
use crate::words::words;

/// Bounds of the targets, in the data's units: forecasts and the ends of their intervals lie within them. One of both is there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The least value.
    pub low: Option<f64>,
    /// The greatest value.
    pub high: Option<f64>,
}

impl Bounds {
    /// 0 or more.
    pub const NOT_NEGATIVE: Bounds = Bounds { low: Some(0.0), high: None };

    /// Those of transformed values.
    pub(super) fn transformed(self, transform: Transform) -> Bounds {
        let of = |bound: Option<f64>| bound.map(|bound| transform.apply(bound));
        Bounds { low: of(self.low), high: of(self.high) }
    }

    fn is_finite(self) -> bool {
        [self.low, self.high].into_iter().flatten().all(f64::is_finite)
    }

    fn hold(self, value: f64) -> bool {
        self.low.is_none_or(|low| value >= low) && self.high.is_none_or(|high| value <= high)
    }
}

impl FromStr for Bounds {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = |problem: &str| {
            let help = "write LOW..HIGH, either of which may be left out: 0.. or 0..100";
            Error::config("bounds", format!("`{text}` {problem}"), help)
        };
        let (low, high) = text.split_once("..").ok_or_else(|| bad("is not of the form LOW..HIGH"))?;
        let number = |part: &str| match part.trim() {
            "" => Ok(None),
            part => {
                let number = part.parse().ok().filter(|number: &f64| number.is_finite());
                number.map(Some).ok_or_else(|| bad("holds something that is not a number"))
            }
        };
        let bounds = Bounds { low: number(low)?, high: number(high)? };
        match bounds {
            Bounds { low: None, high: None } => Err(bad("bounds nothing")),
            Bounds { low: Some(low), high: Some(high) } if low >= high => Err(bad("is empty")),
            _ => Ok(bounds),
        }
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |bound: Option<f64>| bound.map_or(String::new(), |bound| bound.to_string());
        write!(f, "{}..{}", word(self.low), word(self.high))
    }
}

/// How targets are transformed before they are scaled; forecasts are transformed back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transform {
    /// Not at all.
    #[default]
    None,
    /// ln(1 + y), of values above −1: what grows by factors grows by sums.
    Log1p,
}
words!(Transform, "transform", Transform::None = "none", Transform::Log1p = "log1p");

impl Transform {
    pub(super) fn apply(self, value: f64) -> f64 {
        match self {
            Transform::None => value,
            Transform::Log1p => value.ln_1p(),
        }
    }

    pub(super) fn undo(self, value: f64) -> f64 {
        match self {
            Transform::None => value,
            Transform::Log1p => value.exp_m1(),
        }
    }

    pub(super) fn is_none(&self) -> bool {
        *self == Transform::None
    }
}

/// Rejects targets outside of the bounds, or that have no transform.
///
/// # Errors
/// Names the first such value.
pub(super) fn check(frame: &Frame, series: &[RawSeries], options: &DataOptions) -> Result<()> {
    let transform = options.transform.unwrap_or_default();
    if options.bounds.is_none() && transform.is_none() {
        return Ok(());
    }
    if let Some(bounds) = options.bounds.filter(|bounds| !bounds.transformed(transform).is_finite()) {
        let problem = format!("{bounds} have no ln(1 + y), which ‹transform log1p› takes");
        return Err(Error::config("bounds", problem, "choose bounds above -1, such as 0.."));
    }
    for one in series {
        for row in 0..one.rows() {
            for target in 0..frame.columns.targets() {
                let value = one.value(row, target);
                let within = options.bounds.is_none_or(|bounds| bounds.hold(value));
                if value.is_nan() || within && transform.apply(value).is_finite() {
                    continue;
                }
                let (option, problem) = match within {
                    false => {
                        let bounds = options.bounds.map_or(String::new(), |bounds| bounds.to_string());
                        ("bounds", format!("lies outside of the bounds {bounds}"))
                    }
                    true => ("transform", "is -1 or less, and has no ln(1 + y)".into()),
                };
                let help = format!("correct the value, choose another ‹{option}›, or name it in ‹missing-values›");
                return Err(Error::data(one.place(frame, row, target), problem, help));
            }
        }
    }
    Ok(())
}
