//! `microglia export`: a model's weights in a file of their own, and what that saves.

use anyhow::Result;
use microglia::data::grouped;
use microglia::files::check_apart;
use microglia::runs::inputs;
use microglia::train::Loaded;
use microglia::train::weights::compact::compact;
use microglia::train::weights::inspect::Inspection;

use super::args::{ExportArgs, Form};
use super::inspect::cuts;
use super::places::check_unused;
use super::table::{TextTable, percent};
use super::{Code, print};

pub(super) fn run(args: &ExportArgs) -> Result<Code> {
    check_unused(&[("out", &args.out)], args.overwrite)?;
    let loaded = Loaded::open(&args.file)?;
    check_apart([("out", args.out.clone())], inputs("", &loaded.file))?;
    let inspection = Inspection::of(&loaded);
    let mut text = String::new();
    match args.form {
        Form::Dense => loaded.save(&args.out, false)?,
        Form::Sparse => loaded.save(&args.out, true)?,
        Form::Compact => {
            let small = compact(&loaded)?;
            small.loaded.save(&args.out, false)?;
            text = cuts(&small.cuts) + "\n";
        }
    }
    text += &sizes(&inspection);
    print(&format!("{text}\n{}\n", args.out.display()))?;
    Ok(Code::Done)
}

/// What each form takes, tensors alone.
pub(super) fn sizes(inspection: &Inspection) -> String {
    let sizes = &inspection.sizes;
    let mut table = TextTable::new(["tensors", "weights", "bytes", "of dense"]);
    let mut row = |name: &str, weights: usize, bytes: usize| {
        let share = percent(bytes as f64 / sizes.dense as f64);
        table.row(vec![name.into(), grouped(weights), grouped(bytes), share]);
    };
    row("dense", inspection.parameters, sizes.dense);
    row("sparse", inspection.parameters, sizes.sparse);
    if let Some(small) = &inspection.compacted {
        row("compact", small.parameters, small.dense);
    }
    table.to_string()
}
