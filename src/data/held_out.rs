//! Series that nothing is learned from, to be scored as new ones.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::count::{few, grouped};
use super::frame::Frame;
use super::options::{DataOptions, Scale};
use super::settings::Settings;
use super::short::Kept;
use super::split::Parts;
use crate::error::{Error, Result, Text};

const KEY: &str = "hold-out-series";

/// Makes all rows of the series that are held back rows to score, and returns their ids. Of a share, they are those whose ids have the
/// lowest SHA-256, so that every seed holds back the same.
///
/// # Errors
/// Series with scalers of their own; a share or an id that names none, or all.
pub(super) fn hold(
    frame: &Frame,
    kept: &mut Kept,
    settings: &Settings,
    options: &DataOptions,
    notices: &mut Vec<Text>,
) -> Result<HashSet<String>> {
    let Some(asked) = options.hold_out_series.as_ref().filter(|asked| !asked.is_empty()) else {
        return Ok(HashSet::new());
    };
    let reject = |problem: String, help: &str| Err(Error::config(KEY, problem, help));
    if settings.scale == Scale::Series {
        let help = "choose ‹scale window› or ‹scale global›";
        return reject("a series that nothing is learned from has no scaler of its own".into(), help);
    }
    if frame.ids.column.is_none() {
        return reject("there is one series, without an id".into(), "‹id-column› names the column of ids");
    }
    let all = kept.series.len();
    let known: HashSet<&str> = kept.series.iter().map(|one| one.id.as_str()).collect();
    let share = match &asked[..] {
        [one] if !known.contains(one.as_str()) => one.parse::<f64>().ok(),
        _ => None,
    };
    let held: HashSet<String> = match share {
        Some(share) => {
            let count = (share * all as f64 + 1e-9).floor();
            if !(share < 1.0 && count >= 1.0) {
                return reject(format!("{share} of {all} series is none, or all"), "a share between 0 and 1, or ids");
            }
            let mut ids: Vec<&str> = known.into_iter().collect();
            ids.sort_by_cached_key(|id| Sha256::digest(id.as_bytes()).to_vec());
            ids.into_iter().take(count as usize).map(String::from).collect()
        }
        None => {
            if let Some(unknown) = asked.iter().find(|id| !known.contains(id.as_str())) {
                let ours = few(all, kept.series.iter().map(|one| format!("`{}`", one.id)));
                let problem = format!("`{unknown}` is no series that is used: {ours}");
                return reject(problem, "give ids as the data has them, or a share");
            }
            asked.iter().cloned().collect()
        }
    };
    if held.len() == all {
        return reject(format!("all {} are held back", grouped(all)), "leave series to learn from");
    }
    for (_, parts) in kept.series.iter().zip(&mut kept.parts).filter(|(one, _)| held.contains(&one.id)) {
        *parts = Parts::untrained(parts.all());
    }
    let names =
        few(held.len(), kept.series.iter().filter(|one| held.contains(&one.id)).map(|one| format!("`{}`", one.id)));
    notices.push(
        format!(
            "held back: {} of {} series, from which nothing is learned: {names}",
            grouped(held.len()),
            grouped(all)
        )
        .into(),
    );
    Ok(held)
}
