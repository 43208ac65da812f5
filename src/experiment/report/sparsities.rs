//! Error, size and work over sparsity: every sparsity of every method, none of them chosen.

use super::analysis::{Arm, Paired};
use super::blocks::{mean, median, per_cent};
use super::document::Element;
use super::methods::Methods;
use super::words::paired_words;
use crate::data::grouped;
use crate::error::Result;
use crate::experiment::grid::GridCell;
use crate::experiment::method::Setting;
use crate::experiment::results::Results;
use crate::experiment::row::{ResultRow, Selection};
use crate::experiment::size::Size;
use crate::experiment::study::Study;

/// What the others are compared with.
const DENSE: &str = "none";

/// A setting of a method in a cell, beside the dense model.
#[derive(Debug, Clone)]
pub(super) struct Point {
    /// Which of [`Methods::names`].
    pub method: usize,
    /// The sparsity that it ends at, or is as small as; `None` where nothing is pruned.
    pub sparsity: Option<f64>,
    /// By seed, per cent of the dense model's test MAE.
    pub paired: Paired,
    /// Its mean, also of one seed; `None` where a model diverged.
    pub mean: Option<f64>,
    /// The median over seeds, of the dense model's: parameters, operations of a forecast, and its time.
    pub share: [Option<f64>; 3],
}

/// A setting's models in a cell, in the order of the study's seeds.
fn rows<'a>(study: &Study, results: &'a Results, cell: &GridCell, one: &Setting) -> Vec<&'a ResultRow> {
    let own = |row: &&ResultRow| row.cell == *cell && row.method == one.name && row.setting == one.text;
    let mut rows: Vec<&ResultRow> = results.rows().filter(own).collect();
    rows.sort_by_key(|row| study.seeds.iter().position(|seed| *seed == row.seed));
    rows
}

/// The points of a cell, in the study's order; none without a dense model, or where no method has several sparsities.
pub(super) fn points(study: &Study, methods: &Methods, results: &Results, cell: &GridCell) -> Result<Vec<Point>> {
    let settings = study.settings()?;
    let rows = |one: &Setting| rows(study, results, cell, one);
    let sparsity = |one: &Setting| (one.regularizers.prunes() || one.narrower).then_some(one.pruning.sparsity.max);
    let several = |name: &str| settings.iter().filter(|one| one.name == name && sparsity(one).is_some()).count() > 1;
    let dense = settings.iter().find(|one| one.name == DENSE && sparsity(one).is_none());
    let Some(dense) = dense.filter(|_| methods.names.iter().any(|name| several(name))) else { return Ok(Vec::new()) };
    let dense = rows(dense);
    let point = |one: &Setting| {
        let own = rows(one);
        let mae = |row: &ResultRow| row.mae(Selection::Own, true);
        let pairs: Vec<Option<f64>> =
            own.iter().zip(&dense).map(|(own, dense)| per_cent(mae(own), mae(dense))).collect();
        let finite: Option<Vec<f64>> = pairs.iter().map(|pair| pair.filter(|pair| pair.is_finite())).collect();
        let of = |which: fn(&Size) -> Option<f64>| {
            let shares = own.iter().zip(&dense).map(|(own, dense)| Some(which(&own.size?)? / which(&dense.size?)?));
            median(&shares.collect::<Option<Vec<f64>>>()?)
        };
        Point {
            method: methods.names.iter().position(|name| *name == one.name).unwrap_or(0),
            sparsity: sparsity(one),
            paired: Paired::new(&[pairs], &one.name, DENSE),
            mean: finite.filter(|pairs| !pairs.is_empty()).map(|pairs| mean(&pairs)),
            share: [
                of(|size| Some(size.parameters as f64)),
                of(|size| Some(size.operations as f64)),
                of(|size| size.microseconds),
            ],
        }
    };
    Ok(settings.iter().filter(|one| one.name != DENSE).map(point).collect())
}

/// The section: a table over all cells, and each cell's numbers and picture.
pub(super) fn section(study: &Study, methods: &Methods, results: &Results, arm: &Arm) -> Result<Vec<Element>> {
    let cells = arm.blocks.iter().map(|block| Ok((&block.cell, points(study, methods, results, &block.cell)?)));
    let cells: Vec<(&GridCell, Vec<Point>)> = cells.collect::<Result<_>>()?;
    if cells.iter().all(|(_, points)| points.is_empty()) {
        return Ok(Vec::new());
    }
    let words = format!(
        "Test MAE, `own` selection, in per cent of `{DENSE}`'s, paired by seed: below 0 is better; a cell is better or worse where its \
         95 % interval says so, which needs two seeds. Beside it what is left \
         of parameters, and so of bytes, and of the operations and the measured time of one forecast, once the units are cut off that the \
         model does without; the dense model has 100 %. A time is that of one window among 256, the fastest of 7. Every sparsity is shown, \
         and none is chosen."
    );
    let mut blocks = vec![Element::Text(words), over_cells(methods, &cells)];
    #[cfg(feature = "plots")]
    blocks.extend(super::pictures::sparsities(methods, &cells)?);
    blocks.push(dense(study, results, &cells)?);
    blocks.push(by_cell(methods, &cells));
    Ok(blocks)
}

fn share_words(share: Option<f64>) -> String {
    share.map_or("–".into(), |share| format!("{:.1} %", 100.0 * share))
}

fn sparsity_words(sparsity: Option<f64>) -> String {
    sparsity.map_or("–".into(), |sparsity| format!("{:.0} %", 100.0 * sparsity))
}

/// The median over cells of each point.
fn over_cells(methods: &Methods, cells: &[(&GridCell, Vec<Point>)]) -> Element {
    let first = cells.first().map_or(&[][..], |(_, points)| points);
    let rows = first.iter().enumerate().map(|(i, point)| {
        let all = || cells.iter().filter_map(|(_, points)| points.get(i));
        let means: Option<Vec<f64>> = all().map(|one| one.mean).collect();
        let better = all().filter(|one| one.paired.interval.is_some_and(|found| found.high < 0.0)).count();
        let worse = all().filter(|one| one.paired.interval.is_some_and(|found| found.low > 0.0)).count();
        let share = |which: usize| {
            let shares: Option<Vec<f64>> = all().map(|one| one.share[which]).collect();
            share_words(shares.and_then(|shares| median(&shares)))
        };
        vec![
            methods.names[point.method].clone(),
            sparsity_words(point.sparsity),
            means.and_then(|means| median(&means)).map_or("–".into(), |median| format!("{median:+.2} %")),
            format!("{better} of {}", all().count()),
            format!("{worse} of {}", all().count()),
            share(0),
            share(1),
            share(2),
        ]
    });
    let header =
        ["method", "sparsity", "median difference", "cells better", "cells worse", "parameters", "operations", "time"];
    Element::Table { rows: rows.collect(), header: header.map(String::from).to_vec() }
}

/// What 100 % are: the medians over seeds.
fn dense(study: &Study, results: &Results, cells: &[(&GridCell, Vec<Point>)]) -> Result<Element> {
    let settings = study.settings()?;
    let dense = settings.iter().filter(|one| one.name == DENSE);
    let row = |(cell, one): (&GridCell, &Setting)| {
        let own = rows(study, results, cell, one);
        let of =
            |which: fn(&ResultRow) -> Option<f64>| median(&own.iter().filter_map(|row| which(row)).collect::<Vec<_>>());
        let whole = |value: Option<f64>| value.map_or("–".into(), |value| grouped(value as usize));
        vec![
            cell.id(),
            of(|row| Some(row.mae(Selection::Own, true))).map_or("–".into(), |mae| format!("{mae:.4}")),
            whole(of(|row| Some(row.size?.parameters as f64))),
            whole(of(|row| Some(row.size?.operations as f64))),
            of(|row| row.size?.microseconds).map_or("–".into(), |time| format!("{time:.2} µs")),
        ]
    };
    let rows = cells.iter().flat_map(|(cell, _)| dense.clone().map(move |one| (*cell, one))).map(row);
    let header = ["cell", "MAE of the dense model", "parameters", "operations of a forecast", "time of a forecast"];
    Ok(Element::Table { rows: rows.collect(), header: header.map(String::from).to_vec() })
}

fn by_cell(methods: &Methods, cells: &[(&GridCell, Vec<Point>)]) -> Element {
    let row = |(cell, point): (&GridCell, &Point)| {
        vec![
            cell.id(),
            methods.names[point.method].clone(),
            sparsity_words(point.sparsity),
            paired_words(&point.paired),
            share_words(point.share[0]),
            share_words(point.share[1]),
            share_words(point.share[2]),
        ]
    };
    let rows = cells.iter().flat_map(|(cell, points)| points.iter().map(move |point| (*cell, point))).map(row);
    let header = ["cell", "method", "sparsity", "difference [95 % interval]", "parameters", "operations", "time"];
    Element::Table { rows: rows.collect(), header: header.map(String::from).to_vec() }
}
