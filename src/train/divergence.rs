//! Says where a replica's numbers stopped being finite.

use crate::program::ParamLayout;
use crate::program::tensor::status;

/// What first became non-finite, by step: the loss, or a gradient or weight by its tensor's name.
///
/// `bad_loss`: the step and value of the first such loss, if any. `noted`: a replica's words of
/// [`STATUS`](crate::program::tensor::STATUS).
pub fn first_non_finite(layout: &ParamLayout, bad_loss: Option<(usize, f32)>, noted: &[u32]) -> Option<String> {
    let named = |what: &str, step: u32, word: u32| {
        let owner = layout.owner(word as usize);
        let place = owner.map_or_else(
            || format!("word {word}"),
            |param| format!("`{}`[{}]", param.name, word as usize - param.offset),
        );
        (step != u32::MAX).then(|| (step as usize, format!("{what} of {place} is not finite at step {step}")))
    };
    let events = [
        bad_loss.map(|(step, loss)| (step, format!("the loss is {loss} at step {step}"))),
        named("the gradient", noted[status::GRAD_STEP], noted[status::GRAD_WORD]),
        named("the weight", noted[status::WEIGHT_STEP], noted[status::WEIGHT_WORD]),
    ];
    let first = events.iter().flatten().map(|(step, _)| *step).min()?;
    let lines: Vec<String> =
        events.into_iter().flatten().filter(|event| event.0 == first).map(|event| event.1).collect();
    Some(lines.join(", "))
}
