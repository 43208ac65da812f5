//! Says where a replica's numbers stopped being finite.

use crate::program::tensor::{PARAMS, status};
use crate::program::{Op, Program};

/// What first became non-finite, by step: the loss, or a gradient or weight by its tensor's name and the op that wrote it.
///
/// `bad_loss`: the step and value of the first such loss, if any. `noted`: a replica's words of
/// [`STATUS`](crate::program::tensor::STATUS).
pub(super) fn first_non_finite(program: &Program, bad_loss: Option<(usize, f32)>, noted: &[u32]) -> Option<String> {
    let named = |what: &str, step: u32, word: u32, writer: &str| {
        let word = word as usize;
        let place = program
            .params
            .owner(word)
            .map_or_else(|| format!("word {word}"), |param| format!("`{}`[{}]", param.name, word - param.offset));
        (step != u32::MAX)
            .then(|| (step as usize, format!("the {what} of {place} is not finite at step {step} (op {writer})")))
    };
    let grad_word = noted[status::GRAD_WORD];
    let updates = |op: &&Op| op.updates().contains(&PARAMS);
    let weight_writer = program.update.iter().find(updates).map_or("none", Op::label);
    let grad_writer = program.gradient_op(grad_word as usize).map_or("none", Op::label);
    let events = [
        bad_loss.map(|(step, loss)| (step, format!("the loss is {loss} at step {step} (op loss)"))),
        named("gradient", noted[status::GRAD_STEP], grad_word, grad_writer),
        named("weight", noted[status::WEIGHT_STEP], noted[status::WEIGHT_WORD], weight_writer),
    ];
    let first = events.iter().flatten().map(|(step, _)| *step).min()?;
    let lines: Vec<String> =
        events.into_iter().flatten().filter(|event| event.0 == first).map(|event| event.1).collect();
    Some(lines.join(", "))
}
