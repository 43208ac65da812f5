//! grad_norm_partial, grad_norm, adam_masked.

use super::plan::{Dispatch, Plan, Shapes, groups, uniform};
use crate::program::op::{AdamMasked, GradNorm, GradNormPartial};
use crate::program::tensor::{GRAD_NORM, GRADS, MASK, MOMENT1, MOMENT2, PARAMS, STATUS, STEPS};

uniform! {
    GradNormPartialParams {
        words: u32,
        grads_row: u32,
        mask_row: u32,
        partial_row: u32,
        first_group: u32,
    }
}

pub fn grad_norm_partial(op: &GradNormPartial, shapes: &Shapes) -> Plan {
    let params = GradNormPartialParams {
        words: op.words as u32,
        grads_row: shapes.row(GRADS),
        mask_row: shapes.row(MASK),
        partial_row: shapes.row(op.partial),
        first_group: 0,
    };
    let bindings = [("grads", GRADS), ("mask", MASK), ("partial", op.partial)];
    let workgroups = groups(op.words, GradNormPartial::BLOCK);
    Plan::one(Dispatch::new("grad_norm_partial", &params, &bindings, workgroups, op.words * 4))
}

uniform! {
    GradNormParams {
        partials: u32,
        partial_row: u32,
        grad_norm_row: u32,
    }
}

pub fn grad_norm(op: &GradNorm, shapes: &Shapes) -> Plan {
    let params = GradNormParams {
        partials: op.partials as u32,
        partial_row: shapes.row(op.partial),
        grad_norm_row: shapes.row(GRAD_NORM),
    };
    let bindings = [("partial", op.partial), ("norm", GRAD_NORM)];
    Plan::one(Dispatch::new("grad_norm", &params, &bindings, [1, 1], op.partials * 2))
}

uniform! {
    AdamMaskedParams {
        prunable_words: u32,
        words: u32,
        steps_row: u32,
        arena_row: u32,
        mask_row: u32,
        grad_norm_row: u32,
        status_row: u32,
        first_group: u32,
    }
}

pub fn adam_masked(op: &AdamMasked, shapes: &Shapes) -> Plan {
    let params = AdamMaskedParams {
        prunable_words: op.prunable_words as u32,
        words: op.words as u32,
        steps_row: shapes.steps_row(),
        arena_row: shapes.row(PARAMS),
        mask_row: shapes.row(MASK),
        grad_norm_row: shapes.row(GRAD_NORM),
        status_row: shapes.row(STATUS),
        first_group: 0,
    };
    let bindings = [
        ("steps", STEPS),
        ("grads", GRADS),
        ("mask", MASK),
        ("norm", GRAD_NORM),
        ("params", PARAMS),
        ("moment1", MOMENT1),
        ("moment2", MOMENT2),
        ("notes", STATUS),
    ];
    Plan::one(Dispatch::new("adam_masked", &params, &bindings, groups(op.words, 64), op.words * 24))
}
