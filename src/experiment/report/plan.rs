//! The analysis plan: written before the first training, printed first in every report.

use super::methods::Methods;
use crate::config::option;
use crate::data::counted;
use crate::error::Result;
use crate::experiment::cell;
use crate::experiment::grid::cells;
use crate::experiment::study::Study;
use crate::models::LinearPath;

/// What is compared, by which outcome and tests, fixed by the study's settings alone.
pub fn analysis_plan(study: &Study) -> Result<String> {
    let settings: Vec<String> = study.settings()?.iter().map(ToString::to_string).collect();
    let methods = Methods::of(study)?;
    let subjects: Vec<&str> = methods.subjects.iter().map(|&method| methods.names[method].as_str()).collect();
    let grid = cells(study);
    let arms = study.arms();
    let main = grid.iter().filter(|cell| cell.arm == arms[0]).count();
    let leak = if study.authors_protocol {
        "THIS STUDY LEAKS: it repeats the published code's choices (80/20, validation rows = test rows, scalers fitted on \
         all rows, the last weights scored: here `own` is `last`). Its scores are too good, and compare with nothing \
         outside it.\n\n"
    } else {
        ""
    };
    let arms = match arms.as_slice() {
        [own, others @ ..] if !others.is_empty() => format!(
            " The study's own arm is {own}. These repeat it and are reported apart: {}.",
            others.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        ),
        _ => String::new(),
    };
    let path = if study.linear_path.contains(&LinearPath::Ridge.to_string()) {
        " Beside a linear path `ridge`, `own` may also be epoch 0, the path alone, if no epoch that counts is better."
    } else {
        ""
    };
    Ok(format!(
        "{leak}Fixed before the first training of study {hash}.\n\n\
         Question. Does synaptic pruning lower the test error of these forecasters, against each rival trained in the same \
         harness, from the same initial weights and batch order?\n\n\
         Methods. {methods}. Seeds {seeds:?}; a method with several settings is represented, cell by cell, by the one with \
         the lowest mean validation MAE.\n\n\
         Outcome. Test MAE in the data's units (of scaled values with several targets). Every training runs {epochs}; \
         three selections of its weights are scored. `own`, the primary one: for rivals the best validation epoch, \
         settled after {patience} without a better one; for pruning the same from full sparsity on.{path} `common`: for \
         every method the best of the epochs from full sparsity on. `last`: the last epoch. A verdict that changes under \
         `common` or `last`, over blocks or on a data set, is called fragile. Monte Carlo dropout is the mean of {passes} passes of the training that \
         dropout scores.\n\n\
         Blocks. A block is one cell (data set, model, look-back, width, training rows, test period); its value per method \
         is the mean over seeds. There are {main}.{arms} A method of which a seed diverged ranks last in that block; a \
         block in which both of a pair diverged says nothing about that pair.\n\n\
         Tests over blocks. Friedman with Iman and Davenport's correction over all methods; then Wilcoxon's signed-rank \
         test on per cent differences, pruning against each rival, with Holm's adjustment over that family; better or worse \
         is the sign of its rank-biserial r, and the median difference stands beside it. Pruning here is {subjects}; \
         random and one-shot pruning are rivals. Baselines are listed for comparison, not ranked or tested. The Nemenyi \
         critical difference of all pairs is drawn as description only. Level {alpha}. Each test is printed with the \
         smallest p it can reach; where that is above the level it reads \"cannot decide\". Blocks of one data set share a \
         series and a test period and are not independent, so the tests are repeated with one block per data set.\n\n\
         Inside cells and per data set. Differences paired by seed, in per cent of the rival's MAE, with the 95 % t \
         interval: training noise only, not that of other test periods or series. Verdict per data set, on the mean over \
         its cells: equal where the interval lies within ±1 %, else helps or hurts where it excludes 0, else undecided; \
         undecided where one of the models diverged.\n\n\
         All {cells} cells are reported, whatever they say.\n",
        hash = study.hash(),
        methods = settings.join(", "),
        subjects = if subjects.is_empty() { "no method".into() } else { subjects.join(", ") },
        seeds = study.seeds,
        epochs = epochs(study.run.train.epochs, "epochs"),
        patience = epochs(study.run.train.patience, "patience"),
        passes = study.run.train.mc_passes,
        alpha = crate::experiment::statistics::ALPHA,
        cells = grid.len(),
    ))
}

/// So many epochs; where an option leaves that to the data, by how many.
fn epochs(asked: Option<usize>, name: &str) -> String {
    let by_data = || option(name).and_then(|option| option.spec.unset).map_or("", |unset| unset.1);
    asked.map_or_else(|| by_data().replacen(',', " epochs,", 1), |epochs| counted(epochs, "epoch"))
}

/// How a run's memory is counted.
pub fn memory_line(replicas: usize, each: u64, shared: u64) -> String {
    let mib = |bytes: u64| bytes as f64 / (1u64 << 20) as f64;
    format!(
        "memory of the largest run: {replicas} replicas · {:.1} MiB + {:.1} MiB shared = {:.0} MiB (a replica is the sum of \
         its tensors' rows, padded to 256 bytes; above {:.0} MiB a cell trains in several runs)",
        mib(each),
        mib(shared),
        mib(replicas as u64 * each + shared),
        mib(cell::MEMORY_BYTES)
    )
}
