//! `microglia inspect`: what a weights file holds.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::Result;
use microglia::data::options::list;
use microglia::data::{counted, grouped};
use microglia::engine::Engine;
use microglia::files::check_apart;
use microglia::forecast::Sensitivity;
use microglia::reference::CpuEngine;
use microglia::runs::inputs;
use microglia::runs::json;
use microglia::train::Loaded;
use microglia::train::plot::masks_svg;
use microglia::train::weights::compact::Cut;
use microglia::train::weights::inspect::Inspection;

use super::args::InspectArgs;
use super::export::sizes;
use super::places::{check_unused, write as write_file};
use super::report::is_linear;
use super::table::{NONE, TextTable, column, percent};
use super::{Code, print, say};

pub(super) fn run(args: &InspectArgs) -> Result<Code> {
    check_unused(&args.svg.as_deref().map(|file| ("svg", file)).into_iter().collect::<Vec<_>>(), args.overwrite)?;
    if args.sensitivity {
        return sensitivity(args);
    }
    let loaded = Loaded::open(&args.file)?;
    check_apart(written(args), inputs("", &loaded.file))?;
    let inspection = Inspection::of(&loaded);
    if let Some(file) = &args.svg {
        let model = &inspection.model;
        let title =
            format!("{} on {}, {} pruned", model.kind, inspection.data.name, percent(inspection.sparsity.overall));
        write_file(file, masks_svg(&title, &loaded.layout, &loaded.mask)?.as_bytes())?;
        say(&format!("masks: {}", file.display()));
    }
    print(&if args.json { json(&inspection)? } else { text(&inspection) })?;
    Ok(Code::Done)
}

/// The file that is written, if one is.
fn written(args: &InspectArgs) -> Option<(&'static str, PathBuf)> {
    args.svg.clone().map(|file| ("svg", file))
}

/// Shares that matrices are pruned to.
const SHARES: [f64; 3] = [0.5, 0.7, 0.9];

/// `--sensitivity`.
fn sensitivity(args: &InspectArgs) -> Result<Code> {
    let data = args.train_data.as_deref().map(str::parse).transpose()?;
    check_apart(written(args), Sensitivity::inputs(&args.file, data.as_ref())?)?;
    let mut open = |program| Ok(Box::new(CpuEngine::<f32>::new(program, None)?) as Box<dyn Engine>);
    let found = Sensitivity::of(&args.file, data.as_ref(), &SHARES, &mut open)?;
    if let Some(file) = &args.svg {
        let title = format!("{}: validation loss if a matrix is pruned", args.file.display());
        write_file(file, found.svg(&title)?.as_bytes())?;
        say(&format!("losses: {}", file.display()));
    }
    if args.json {
        print(&json(&found)?)?;
        return Ok(Code::Done);
    }
    print(&losses(&found))?;
    Ok(Code::Done)
}

/// A row for each matrix, and one for all together.
fn losses(found: &Sensitivity) -> String {
    let (weights, zeros) = found
        .matrices
        .iter()
        .fold((0, 0.0), |(weights, zeros), one| (weights + one.weights, zeros + one.sparsity * one.weights as f64));
    let rows = found.matrices.iter().map(|one| (one.name.as_str(), one.weights, one.sparsity, &one.losses));
    let all = ("all matrices together", weights, zeros / weights as f64, &found.together);
    let rows: Vec<_> = rows.chain([all]).collect();
    // As many decimals in every column.
    let numbers = rows.iter().flat_map(|row| row.3).chain([&found.loss]).map(|loss| Some(*loss));
    let cells = column(&numbers.collect::<Vec<_>>());
    let first = ["validation loss if pruned", "weights", "sparsity"].map(String::from).into_iter();
    let mut table =
        TextTable::of(first.chain(found.shares.iter().map(|share| format!("to {}", percent(*share)))).collect());
    for ((name, weights, sparsity, _), losses) in rows.iter().zip(cells.chunks(found.shares.len())) {
        let own = [name.to_string(), grouped(*weights), percent(*sparsity)];
        table.row(own.into_iter().chain(losses.iter().cloned()).collect());
    }
    let whole = cells.last().map_or(NONE, |cell| cell.as_str());
    format!("{table}as it is: {whole}, on {}\n", counted(found.windows, "validation window"))
}

fn text(inspection: &Inspection) -> String {
    let Inspection { model, data, progress, device, .. } = inspection;
    let kept = progress.kept_epoch.map_or("the last step".into(), |epoch| format!("epoch {epoch}"));
    let layers = if model.layers > 1 { format!(" in each of {} layers", model.layers) } else { String::new() };
    let width = match (&model.patchtst, model.layer_widths.as_slice()) {
        (Some(_), []) => format!("of width {}{layers}", grouped(model.hidden)),
        (Some(_), _) => format!("of width {}, compacted in {} layers", grouped(model.hidden), model.layers),
        (None, _) if is_linear(&model.kind) => "without hidden units".into(),
        (None, []) => format!("with {}{layers}", counted(model.hidden, "hidden unit")),
        (None, widths) => {
            let widths: Vec<String> = widths.iter().map(|layer| grouped(layer.hidden)).collect();
            format!("compacted, with {} hidden units by layer", widths.join(", "))
        }
    };
    let law = match (&model.probabilistic, &model.levels) {
        (None, _) => String::new(),
        (Some(_), Some(levels)) => format!(" as quantiles {levels}"),
        (Some(loss), None) => format!(" as {loss}"),
    };
    let bounds = model.bounds.as_ref().map_or(String::new(), |bounds| format!(" within {bounds}"));
    let mut text = format!(
        "{}: {} {width}, {} parameters, format {}\n\
         {}: {} in, {} out; inputs {}, the first {} forecast{law}{bounds}{}; {} series\n\
         weights of {kept}, after {} and {}; seed {}, {} on {}\nweights sha256 {}\n\n",
        inspection.file,
        model.kind,
        grouped(inspection.parameters),
        inspection.format_version,
        data.name,
        counted(model.lookback, "row"),
        counted(model.horizon, "row"),
        list(&model.channels),
        model.targets,
        if model.future > 0 { format!(", the last {} known ahead", model.future) } else { String::new() },
        grouped(data.series.len()),
        counted(progress.epoch, "epoch"),
        counted(progress.step, "step"),
        progress.seed,
        device.engine,
        device.name,
        inspection.weights_sha256,
    );
    text += &tensors(inspection);
    if let Some(small) = &inspection.compacted {
        let _ = write!(text, "\n{}", cuts(&small.cuts));
    }
    let _ = write!(text, "\n{}the file: {} bytes\n", sizes(inspection), grouped(inspection.sizes.file));
    if !inspection.history.is_empty() {
        let _ = write!(text, "\n{}", history(inspection));
    }
    text + "\n" + &inspection.config
}

/// Shapes, and of prunable matrices what lives.
fn tensors(inspection: &Inspection) -> String {
    let report = &inspection.sparsity;
    let gates = report.gates();
    let columns = ["tensor", "shape", "living", "sparsity"].map(String::from).into_iter();
    let columns = columns.chain(gates.iter().map(|gate| format!("gate {gate}")));
    let mut table = TextTable::of(columns.chain(["dead rows", "dead columns"].map(String::from)).collect());
    for tensor in &inspection.tensors {
        let shape: Vec<String> = tensor.shape.iter().map(usize::to_string).collect();
        let mut cells = vec![tensor.name.clone(), shape.join(" × ")];
        let sparsity = report.tensors.iter().find(|one| one.name == tensor.name);
        let dead = inspection.dead.iter().find(|one| one.tensor == tensor.name);
        match (sparsity, dead) {
            (Some(one), Some(dead)) => {
                cells.extend([grouped(one.living), percent(one.sparsity)]);
                match &one.gates {
                    Some(shares) => cells.extend(shares.iter().copied().map(percent)),
                    None => cells.extend(gates.iter().map(|_| NONE.to_string())),
                }
                cells.extend([dead.rows.len(), dead.columns.len()].map(grouped));
            }
            _ => cells.extend((0..4 + gates.len()).map(|_| NONE.to_string())),
        }
        table.row(cells);
    }
    format!(
        "{}sparsity {}: {} of {} weights in matrices living\n",
        table.without_empty_columns(),
        percent(report.overall),
        grouped(report.living_weights),
        grouped(report.prunable_weights)
    )
}

/// What compaction takes out, a line for each layer and kind of unit.
pub(super) fn cuts(cuts: &[Cut]) -> String {
    let mut table = TextTable::new(["cut off", "units", "of", "left a constant"]);
    for cut in cuts {
        let name = format!("layer {}, {}", cut.layer, cut.units);
        table.row(vec![name, grouped(cut.before - cut.after), grouped(cut.before), grouped(cut.folded)]);
    }
    table.to_string()
}

fn history(inspection: &Inspection) -> String {
    let mut table = TextTable::new(["epoch", "step", "training loss", "validation loss", "sparsity", "best so far"]);
    let rows: Vec<_> = inspection.history.iter().map(|row| (row, &row.replicas[0])).collect();
    let train = column(&rows.iter().map(|(_, one)| Some(one.train_loss)).collect::<Vec<_>>());
    let validation = column(&rows.iter().map(|(_, one)| Some(one.validation_loss)).collect::<Vec<_>>());
    for (i, (row, one)) in rows.iter().enumerate() {
        let best = if one.best { "yes" } else { NONE };
        let (train, validation) = (train[i].clone(), validation[i].clone());
        table.row(vec![
            row.epoch.to_string(),
            grouped(row.step),
            train,
            validation,
            percent(one.sparsity),
            best.into(),
        ]);
    }
    table.without_empty_columns().to_string()
}
