//! Checks that every op's extents lie inside its tensors, before any engine allocates or reads. GPUs run the kernels
//! without checks of their own: whatever decides an index is held against a tensor here.

use super::cell::Form;
use super::extents::extents;
use super::op::*;
use super::tensor::*;
use super::units::UnitSet;
use super::{List, Program};
use crate::dims::product;
use crate::error::{Error, Result};

/// Fails with the op, the tensor and both sizes where an op would read or write outside a tensor, where operands that it walks
/// through side by side differ in size, or where it would sum over rows that lie in sequences of different lengths.
pub fn check(program: &Program) -> Result<()> {
    let count = program.tensors.len();
    for tensor in &program.tensors {
        if u32::try_from(tensor.row()).is_err() {
            let (name, shape) = (&tensor.name, &tensor.shape);
            return Err(Error::config(
                "batch",
                format!("tensor `{name}` of shape {shape:?} has more words than a kernel can address"),
                "choose a smaller ‹batch›, ‹lookback› or ‹hidden› (of patchtst ‹d-model› or ‹ff›)",
            ));
        }
    }
    if program.replicas == 0 {
        return Err(Error::config("replicas", "0: no model is trained", "choose at least 1"));
    }
    for (list, op) in List::ALL.into_iter().flat_map(|list| program.list(list).iter().map(move |op| (list, op))) {
        let broken = |id: TensorId, expected: usize, found: Vec<usize>| {
            let tensor = program.tensors.get(id.index()).map_or(format!("{}", id.0), |tensor| tensor.name.clone());
            Err(Error::Shape { op: op.label().into(), tensor, expected: vec![expected], found })
        };
        for Needed { tensor, expected, found } in needed(op) {
            if expected != found {
                return broken(tensor, expected, vec![found]);
            }
        }
        for (table, words) in op.tables() {
            let needed = words.len();
            let fill = Fill::Integers(words);
            if program.tensors.get(table.index()).is_some_and(|tensor| tensor.fill != fill) {
                // Kernels take their indices from it.
                return broken(table, needed, vec![0]);
            }
        }
        if let Some(id) = written_and_read(op) {
            return Err(Error::config(
                "op",
                format!("`{}` writes tensor {} and reads it, or writes it twice", op.label(), id.0),
                "give it a tensor of its own: kernels do not work in place",
            ));
        }
        for (id, need) in extents(op, program, list) {
            let Some(tensor) = program.tensors.get(id.index()) else {
                return broken(id, id.index() + 1, vec![count]);
            };
            // Kernels count from a last row; of weights an op may need none.
            if need == 0 && id != PARAMS {
                return broken(id, 1, vec![0]);
            }
            if need > tensor.words() {
                return broken(id, need, tensor.shape.clone());
            }
            // One row for all replicas: only some ops read such a tensor, and nothing is written to one.
            if tensor.shared != reads_shared(op, id) {
                let rows = |shared| if shared { 1 } else { program.replicas };
                return broken(id, rows(!tensor.shared), vec![rows(tensor.shared)]);
            }
        }
        if op.updates().contains(&PARAMS) {
            // The arenas have one length: a replica's row starts at the same word in each.
            let row = |id: TensorId| program.tensor(id).row();
            if let Some(other) = [GRADS, MOMENT1, MOMENT2].into_iter().find(|&other| row(other) != row(PARAMS)) {
                return broken(other, row(PARAMS), vec![row(other)]);
            }
        }
    }
    Ok(())
}

/// Whether an op's kernel knows that all replicas share a tensor.
fn reads_shared(op: &Op, id: TensorId) -> bool {
    match op {
        Op::WindowGather(_) | Op::FutureGather(_) => [SERIES, OBSERVED].contains(&id),
        Op::ScaleGather(_) => [SERIES_STARTS, SCALES].contains(&id),
        Op::QuantileLoss(op) => op.levels == id,
        _ => op.tables().iter().any(|(table, _)| *table == id),
    }
}

/// A tensor that the op would write while it reads it, or twice, but for those that it updates in place.
fn written_and_read(op: &Op) -> Option<TensorId> {
    let (reads, writes, in_place) = (op.reads(), op.writes(), op.updates());
    let twice = |id: &TensorId| writes.iter().filter(|other| *other == id).count() > 1;
    writes.iter().find(|id| twice(id) || reads.contains(id) && !in_place.contains(id)).copied()
}

/// A size of a tensor that another decides.
struct Needed {
    tensor: TensorId,
    expected: usize,
    found: usize,
}

/// The sizes that an op does not choose: extents and indices are computed from one of each pair.
fn needed(op: &Op) -> Vec<Needed> {
    let same = |tensor, expected, found| Needed { tensor, expected, found };
    let most = |tensor, most: usize, found: usize| same(tensor, found.min(most), found);
    let least = |tensor, least: usize, found: usize| same(tensor, found.max(least), found);
    // Kernels hold a matrix's layout in u32.
    let layout = |rows: Rows| {
        let words = [rows.offset, rows.count, rows.width, rows.inner, rows.outer_stride, rows.inner_stride];
        let fits = words.map(|word| most(rows.tensor, u32::MAX as usize, word));
        let some = [rows.count, rows.width, rows.inner].map(|size| least(rows.tensor, 1, size));
        fits.into_iter().chain(some)
    };
    let like = |one: Rows, other: Rows| {
        [same(other.tensor, one.count, other.count), same(other.tensor, one.width, other.width)]
    };
    // The gates again, for a cell without a tensor of its own.
    let recurrent = |form: &Form, gates: TensorId, given: TensorId| {
        let own = if form.recurrent_tensor.is_none() { gates } else { given };
        same(given, own.index(), given.index())
    };
    let not_both = |tensor, one: bool, other: bool| most(tensor, 1, usize::from(one) + usize::from(other));
    match op {
        Op::WindowGather(op) => {
            vec![most(SERIES, op.channels, op.targets), least(op.input, op.channels, op.width)]
        }
        Op::InstanceNormForward(op) => {
            vec![most(op.input, op.channels, op.targets), least(op.input, 1, op.steps)]
        }
        Op::Decompose(op) => vec![
            most(op.input, op.channels, op.targets),
            least(op.input, 1, op.steps),
            same(op.trend, 1, op.average % 2),
        ],
        Op::FutureGather(op) => {
            vec![most(SERIES, op.channels, op.future), least(op.output, op.future, op.width)]
        }
        Op::EmbeddingForward(op) => embedding(&op.columns, [op.input, op.output]),
        Op::EmbeddingBackward(op) => embedding(&op.columns, [op.input, op.d_output]),
        Op::LinearForward(op) => {
            let beside = [op.residual.map(|residual| residual.skip), op.activated.map(|activated| activated.rows)];
            let beside = beside.into_iter().flatten();
            let pairs = beside.clone().flat_map(|rows| like(op.output, rows));
            let layouts = [op.input, op.output].into_iter().chain(beside.clone()).flat_map(layout);
            let own = [
                same(op.output.tensor, op.input.count, op.output.count),
                not_both(op.output.tensor, op.residual.is_some(), op.activated.is_some()),
            ];
            layouts.chain(pairs).chain(own).collect()
        }
        Op::LinearBackwardInput(op) => {
            let beside = [op.skip, op.activated.map(|activated| activated.rows)].into_iter().flatten();
            let pairs = beside.clone().flat_map(|rows| like(op.d_input, rows));
            let layouts = [op.d_output, op.d_input].into_iter().chain(beside.clone()).flat_map(layout);
            let own = [
                same(op.d_input.tensor, op.d_output.count, op.d_input.count),
                not_both(op.d_input.tensor, op.skip.is_some(), op.activated.is_some()),
            ];
            layouts.chain(pairs).chain(own).collect()
        }
        Op::LinearBackwardWeight(op) => {
            let (inputs, outputs) = op.widths();
            let mut all = vec![least(GRADS, 1, op.parts.len())];
            for &(input, d_output) in &op.parts {
                all.extend(layout(input).chain(layout(d_output)));
                all.push(same(d_output.tensor, input.count, d_output.count));
                all.push(same(input.tensor, inputs, input.width));
                all.push(same(d_output.tensor, outputs, d_output.width));
            }
            if let Some(beside) = op.beside {
                all.extend(layout(beside.input));
                all.push(same(beside.input.tensor, op.count(), beside.input.count));
                all.push(same(GRADS, 1, op.parts.len()));
            }
            let rows = op.parts.iter().flat_map(|&(input, d_output)| [input, d_output]);
            let mut uneven = rows.chain(op.beside.map(|beside| beside.input)).filter(|rows| rows.stride().is_none());
            if let Some(first) = uneven.next() {
                all.extend(uneven.map(|other| same(other.tensor, first.inner, other.inner)));
            }
            all
        }
        Op::RecurrentForward(op) => {
            let form = op.cell.form();
            let own = if form.memory.is_none() { op.states } else { op.kept };
            vec![same(op.kept, own.index(), op.kept.index()), recurrent(form, op.gates, op.recurrent)]
        }
        Op::RecurrentBackward(op) => {
            let steps = most(op.d_output, op.steps, op.d_output_steps);
            vec![steps, recurrent(op.cell.form(), op.gates, op.recurrent)]
        }
        Op::UnitImportance(op) => sets_of_units(&op.sets, op.table),
        Op::UnitPrune(op) => sets_of_units(&op.sets, op.table),
        Op::LampScore(op) => vec![least(op.table, 1, op.tensors.len())],
        Op::PruneSelect(op) => {
            let groups = op.groups.len();
            let by_step = if op.count == PruneCount::Step { 1 } else { groups };
            vec![least(op.table, 1, groups), same(op.table, by_step, groups)]
        }
        Op::Dropout(op) => layout(op.input).chain(layout(op.output)).chain(like(op.input, op.output)).collect(),
        Op::PatchGather(op) => {
            let read = product(&[op.sequences, op.width]);
            vec![least(op.input, 1, op.steps), least(op.input, read, op.channels)]
        }
        Op::PatchGatherBackward(op) => {
            vec![least(op.d_input, 1, op.steps), least(op.d_input, 1, op.sequences), least(op.d_input, 1, op.width)]
        }
        Op::InstanceAffineBackward(op) => {
            vec![least(op.input, 1, op.steps), most(op.input, op.channels, op.targets)]
        }
        Op::Loss(op) => outputs(&op.forecast, 1, op.kind == LossKind::Smape),
        Op::PredictionStore(op) => outputs(&op.forecast, 1, false),
        Op::LinkInput(op) => vec![most(op.input, op.channels, op.targets), least(op.input, 1, op.channels)],
        Op::ScaleGather(op) => vec![least(SERIES_STARTS, 1, op.series)],
        Op::QuantileLoss(op) => {
            // A median, and as many levels below as above.
            let count = op.forecast.outputs;
            outputs(&op.forecast, count + usize::from(count.is_multiple_of(2)), false)
        }
        Op::LikelihoodLoss(op) => outputs(&op.forecast, op.distribution.parameters(), op.distribution.is_of_counts()),
        Op::DistributionStore(op) => match op.distribution {
            Some(distribution) => outputs(&op.forecast, distribution.parameters(), distribution.is_of_counts()),
            None => outputs(&op.forecast, op.forecast.outputs, false),
        },
        Op::AttentionForward(op) => heads(&op.heads, op.qkv),
        Op::AttentionBackwardQuery(op) | Op::AttentionBackwardKeyValue(op) => heads(&op.heads, op.qkv),
        _ => Vec::new(),
    }
}

/// That a value has so many outputs, and that the windows' scalers are there where they are read.
fn outputs(forecast: &Forecast, expected: usize, reads_scalers: bool) -> Vec<Needed> {
    let need = |expected, found| Needed { tensor: forecast.head, expected, found };
    let there = usize::from(forecast.windows.is_some_and(|windows| windows.scalers));
    let wanted = if reads_scalers || forecast.link.is_some() { 1 } else { there };
    vec![need(expected, forecast.outputs), need(wanted, there)]
}

/// That units are some, and that each span holds as many weights of every unit.
fn sets_of_units(sets: &[UnitSet], table: TensorId) -> Vec<Needed> {
    let need = |expected, found| Needed { tensor: table, expected, found };
    let mut all = vec![need(sets.len().max(1), sets.len())];
    for set in sets {
        all.push(need(set.count.max(1), set.count));
        all.push(need(set.stays.clamp(1, set.count.max(1)), set.stays));
        for span in set.spans.iter().chain(&set.followers) {
            let turn = product(&[set.count.max(1), span.step.max(1)]);
            all.extend([need(span.step.max(1), span.step), need(span.words / turn * turn, span.words)]);
        }
    }
    all
}

/// That rows hold the codes and the numbers that are read, and the numbers and rows of tables that are written.
fn embedding(columns: &EmbeddingColumns, [codes, embedded]: [TensorId; 2]) -> Vec<Needed> {
    let need = |tensor, expected, found| Needed { tensor, expected, found };
    let read = columns.numbers.saturating_add(columns.tables.len());
    let some = columns.tables.iter().map(|table| table.levels.min(table.width)).chain([columns.tables.len()]);
    let some = some.map(|size| need(codes, size.max(1), size));
    let own = [
        need(codes, columns.channels.max(read), columns.channels),
        need(codes, columns.numbers.min(columns.codes), columns.codes),
        need(embedded, columns.width.max(columns.words()), columns.width),
    ];
    own.into_iter().chain(some).collect()
}

/// Whole sequences, or heads of one, of those that the tensor holds.
fn heads(heads: &Heads, qkv: TensorId) -> Vec<Needed> {
    let need = |expected, found| Needed { tensor: qkv, expected, found };
    let all = heads.heads.max(1);
    let own = if heads.pairs > all { heads.pairs.next_multiple_of(all) } else { heads.pairs };
    let (first, last) = (heads.first % all, heads.first % all + heads.pairs.min(all));
    vec![
        need(all, heads.heads),
        need(heads.width.min(MAX_HEAD_WIDTH), heads.width),
        need(own, heads.pairs),
        need(last.min(all), last),
        // Several sequences begin with their first heads.
        need(if heads.pairs > all { 0 } else { first }, first),
        need(heads.qkv_first.min(heads.first / all), heads.qkv_first),
    ]
}
