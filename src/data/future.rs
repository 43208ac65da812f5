//! Rows to come: the last rows of a series, which have no target yet.

use super::count::counted;
use super::frame::Frame;
use super::header::listed;
use super::series::RawSeries;
use crate::error::Text;

/// Leaves out the rows after the last one in which a target has a value: training ends before them, and forecasts begin there. A
/// series without any target stays as it is.
pub(super) fn cut(frame: &Frame, mut series: Vec<RawSeries>, notices: &mut Vec<Text>) -> Vec<RawSeries> {
    let targets = frame.columns.targets();
    let (mut rows, mut of) = (0, 0);
    for one in &mut series {
        let has_target = |row: &usize| (0..targets).any(|target| !one.value(*row, target).is_nan());
        let Some(last) = (0..one.rows()).rev().find(has_target) else { continue };
        let to_come = one.rows() - (last + 1);
        if to_come > 0 {
            rows += to_come;
            of += 1;
            one.stamps.truncate(last + 1);
            one.sources.truncate(last + 1);
            one.values.truncate((last + 1) * one.width);
        }
    }
    if rows > 0 {
        let whose = if series.len() > 1 { format!(" of {of} series") } else { String::new() };
        let unused = if frame.columns.values() > targets { ", and their covariates are not used" } else { "" };
        let line = format!(
            "{} to come at the end{whose}, without a value of {}: training ends and forecasts begin before them{unused}",
            counted(rows, "row"),
            listed(&frame.columns.names()[..targets])
        );
        notices.push(line.into());
    }
    series
}
