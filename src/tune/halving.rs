//! Successive halving (Jamieson & Talwalkar, arXiv 1502.07943) by thirds: which configurations train on, and when that is decided.

/// One in so many trains on.
pub const ETA: usize = 3;
/// How often it is decided: after a ninth of the training, and after a third.
const TIMES: u32 = 2;

/// The steps after which losses are compared, the last of which ends the training.
pub fn rungs(steps: usize, halving: bool) -> Vec<usize> {
    let earlier = (1..=if halving { TIMES } else { 0 }).rev().map(|time| steps.div_ceil(ETA.pow(time)));
    let mut all: Vec<usize> = earlier.filter(|rung| *rung < steps).collect();
    all.push(steps);
    all.dedup();
    all
}

/// Which train on: of those that do, the third with the lowest losses, rounded up, and the first one, which the others are held
/// against. A loss that is not finite is the worst; of equal ones, the earlier configuration trains on.
pub fn survivors(losses: &[f64], training: &[bool]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..losses.len()).filter(|one| training[*one]).collect();
    let kept = order.len().div_ceil(ETA);
    order.sort_by(|a, b| worth(losses[*a]).total_cmp(&worth(losses[*b])));
    let mut survive = vec![false; losses.len()];
    order.into_iter().take(kept).filter(|one| losses[*one].is_finite()).for_each(|one| survive[one] = true);
    if let Some(first) = survive.first_mut() {
        *first = training[0];
    }
    survive
}

/// A loss to sort by.
pub fn worth(loss: f64) -> f64 {
    if loss.is_finite() { loss } else { f64::INFINITY }
}

/// How many whole trainings a search of so many configurations costs, if none stops early.
pub fn cost(configurations: usize, halving: bool) -> f64 {
    // Of a training so long that rounding does not matter.
    const LONG: usize = ETA.pow(12);
    let mut training = vec![true; configurations];
    // The first one trains to the end whatever its loss: let it be the worst.
    let losses: Vec<f64> = (0..configurations).rev().map(|place| place as f64).collect();
    let (mut sum, mut before) = (0.0, 0);
    for rung in rungs(LONG, halving) {
        let count = training.iter().filter(|training| **training).count();
        sum += count as f64 * (rung - before) as f64 / LONG as f64;
        before = rung;
        training = survivors(&losses, &training);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::rng;

    #[test]
    fn losses_are_compared_after_a_ninth_and_a_third() {
        assert_eq!(rungs(900, true), [100, 300, 900]);
        assert_eq!(rungs(1000, true), [112, 334, 1000]);
        assert_eq!(rungs(1000, false), [1000]);
        assert_eq!((rungs(1, true), rungs(2, true), rungs(5, true)), (vec![1], vec![1, 2], vec![1, 2, 5]));
    }

    #[test]
    fn the_best_third_and_the_first_train_on() {
        for case in 0..2000u32 {
            let draw = |element| rng::draw(11, rng::site("halving"), case, element);
            let count = 1 + (draw(0) % 60) as usize;
            // Few values, so that there are ties; some diverge, some have been dropped before.
            let loss = |i: usize| match draw(1 + i as u32) % 12 {
                0 => f64::NAN,
                1 => f64::INFINITY,
                value => f64::from(value) / 4.0,
            };
            let losses: Vec<f64> = (0..count).map(loss).collect();
            let training: Vec<bool> = (0..count).map(|i| i == 0 || draw(100 + i as u32) % 4 > 0).collect();
            let kept = survivors(&losses, &training);
            let living = training.iter().filter(|one| **one).count();
            let of =
                |wanted: bool| -> Vec<usize> { (1..count).filter(|i| training[*i] && kept[*i] == wanted).collect() };
            assert!(kept[0], "the first one is what the others are held against");
            let survivors = kept.iter().filter(|kept| **kept).count();
            assert!((1..=living.div_ceil(ETA) + 1).contains(&survivors), "{survivors} of {living}");
            assert!(kept.iter().zip(&training).all(|(kept, training)| *training || !kept), "none comes back");
            assert!(of(true).iter().all(|i| losses[*i].is_finite()));
            for dropped in of(false) {
                let worse = |stays: &usize| {
                    losses[*stays] < losses[dropped] || losses[*stays] == losses[dropped] && *stays < dropped
                };
                assert!(!losses[dropped].is_finite() || of(true).iter().all(worse), "{losses:?}: {dropped} goes");
            }
        }
    }

    #[test]
    fn halving_costs_about_a_third() {
        assert_eq!(cost(40, false), 40.0);
        assert!((cost(40, true) / 40.0 - 0.3).abs() < 0.03, "{}", cost(40, true));
        assert!((2..200).all(|count| cost(count, true) <= cost(count + 1, true) && cost(count, true) <= count as f64));
    }
}
