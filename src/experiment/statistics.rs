//! Tests and intervals for comparing methods over blocks: pure functions of numbers, held to SciPy and scikit-posthocs by
//! golden values (`tests/golden/generate_statistics.py`).
//!
//! Lower values are better throughout. A value that is not finite (a diverged model) ranks last in its block.

use serde::Serialize;
use statrs::distribution::{Continuous, ContinuousCDF, FisherSnedecor, Normal, StudentsT};

/// Below this a p-value is called significant.
pub const ALPHA: f64 = 0.05;

/// Friedman's test over blocks (Friedman 1937), with Iman and Davenport's correction (1980), which is less conservative.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Friedman {
    /// Blocks compared.
    pub blocks: usize,
    /// By method: 1 is best.
    pub mean_ranks: Vec<f64>,
    /// χ²_F, corrected for ties.
    pub chi_square: f64,
    /// Iman and Davenport's F = (n−1)χ² / (n(k−1) − χ²), of k−1 and (k−1)(n−1) degrees of freedom; `None`, infinite, where
    /// all blocks agree.
    pub f: Option<f64>,
    /// Every block ranks the methods alike: F is infinite.
    pub all_blocks_agree: bool,
    /// p of that F; never below `smallest_p`.
    pub p: f64,
    /// The p of complete agreement of all blocks: (1/k!)^(n−1).
    pub smallest_p: f64,
}

/// `table[block][method]`; `None` with fewer than two blocks or methods, or where no block distinguishes any methods.
pub fn friedman(table: &[Vec<f64>]) -> Option<Friedman> {
    let n = table.len();
    let k = table.first()?.len();
    if n < 2 || k < 2 || table.iter().any(|block| block.len() != k) {
        return None;
    }
    let (blocks, methods) = (n as f64, k as f64);
    let mut sums = vec![0.0; k];
    let mut ties = 0.0;
    for block in table {
        let ranked = ranks(block);
        ties += tie_sum(&ranked);
        sums.iter_mut().zip(ranked).for_each(|(sum, rank)| *sum += rank);
    }
    let correction = 1.0 - ties / (methods * (methods * methods - 1.0) * blocks);
    if correction <= 0.0 {
        return None;
    }
    let squares: f64 = sums.iter().map(|sum| sum * sum).sum();
    let raw = 12.0 / (methods * blocks * (methods + 1.0)) * squares - 3.0 * blocks * (methods + 1.0);
    let chi_square = raw / correction;
    let left = blocks * (methods - 1.0) - chi_square;
    let f = (left > 1e-9).then(|| (blocks - 1.0) * chi_square / left);
    let factorial: f64 = (1..=k).map(|i| i as f64).product();
    let smallest_p = factorial.powf(1.0 - blocks);
    let p = match f {
        Some(f) => FisherSnedecor::new(methods - 1.0, (methods - 1.0) * (blocks - 1.0)).ok()?.sf(f.max(0.0)),
        None => 0.0,
    };
    let mean_ranks = sums.iter().map(|sum| sum / blocks).collect();
    Some(Friedman {
        blocks: n,
        mean_ranks,
        chi_square,
        f,
        all_blocks_agree: f.is_none(),
        p: p.max(smallest_p),
        smallest_p,
    })
}

impl Friedman {
    /// The methods, best first.
    pub fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.mean_ranks.len()).collect();
        order.sort_by(|&a, &b| self.mean_ranks[a].total_cmp(&self.mean_ranks[b]));
        order
    }
}

/// Ranks from 1; ties get their mean rank. Values that are not finite come last, tied.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let key = |i: usize| if values[i].is_finite() { values[i] } else { f64::INFINITY };
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| key(a).total_cmp(&key(b)));
    let mut ranked = vec![0.0; values.len()];
    let mut first = 0;
    for i in 1..=order.len() {
        if i == order.len() || key(order[i]) != key(order[first]) {
            let mean = (first + 1 + i) as f64 / 2.0;
            order[first..i].iter().for_each(|&which| ranked[which] = mean);
            first = i;
        }
    }
    ranked
}

/// Σ (t³ − t) over groups of t tied ranks.
fn tie_sum(ranks: &[f64]) -> f64 {
    let mut sorted = ranks.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.chunk_by(|a, b| a == b).map(|group| (group.len() as f64).powi(3) - group.len() as f64).sum()
}

/// Wilcoxon's signed-rank test of paired differences, two-sided; zeros are left out, as Wilcoxon did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Wilcoxon {
    /// Differences other than 0.
    pub pairs: usize,
    /// The smaller of the two rank sums.
    pub statistic: f64,
    /// Two-sided.
    pub p: f64,
    /// The p of differences that all have one sign.
    pub smallest_p: f64,
    /// (R⁺ − R⁻) / (R⁺ + R⁻): −1 where every difference is negative, 1 where every one is positive.
    pub rank_biserial: f64,
}

/// Up to this many pairs the distribution is computed exactly; beyond, the normal approximation is used, as in SciPy.
const EXACT_PAIRS: usize = 50;

/// `None` without a difference other than 0.
pub fn wilcoxon(differences: &[f64]) -> Option<Wilcoxon> {
    let kept: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0 && !d.is_nan()).collect();
    if kept.is_empty() {
        return None;
    }
    let ranked = ranks(&kept.iter().map(|d| d.abs()).collect::<Vec<_>>());
    let plus: f64 = kept.iter().zip(&ranked).filter(|(d, _)| **d > 0.0).map(|(_, rank)| rank).sum();
    let total: f64 = ranked.iter().sum();
    let minus = total - plus;
    let n = kept.len() as f64;
    let p = if kept.len() <= EXACT_PAIRS {
        exact_signed_rank(&ranked, plus)
    } else {
        let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - tie_sum(&ranked) / 48.0;
        2.0 * standard_normal().sf((plus - total / 2.0).abs() / variance.sqrt())
    };
    Some(Wilcoxon {
        pairs: kept.len(),
        statistic: plus.min(minus),
        p: p.min(1.0),
        smallest_p: 2f64.powf(1.0 - n).min(1.0),
        rank_biserial: (plus - minus) / total,
    })
}

/// Twice the smaller tail of R⁺ over all 2ⁿ signs. It counts in half ranks, because ties have them.
fn exact_signed_rank(ranks: &[f64], plus: f64) -> f64 {
    let doubled: Vec<usize> = ranks.iter().map(|rank| (2.0 * rank).round() as usize).collect();
    let mut chance = vec![0.0; doubled.iter().sum::<usize>() + 1];
    chance[0] = 1.0;
    let mut top = 0;
    for rank in doubled {
        for sum in (0..=top).rev() {
            let half = chance[sum] / 2.0;
            chance[sum] = half;
            chance[sum + rank] += half;
        }
        top += rank;
    }
    let observed = (2.0 * plus).round() as usize;
    let below: f64 = chance[..=observed].iter().sum();
    let above: f64 = chance[observed..].iter().sum();
    2.0 * below.min(above)
}

/// Holm's adjustment (1979) for a family of tests, in the order given.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut adjusted = vec![0.0; p.len()];
    let mut largest = 0f64;
    for (done, &which) in order.iter().enumerate() {
        largest = largest.max(((p.len() - done) as f64 * p[which]).min(1.0));
        adjusted[which] = largest;
    }
    adjusted
}

/// A mean and its 95 % interval by Student's t.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The values' mean.
    pub mean: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
    /// How many values.
    pub count: usize,
}

/// `None` with fewer than two values, or where one is not finite.
pub fn t_interval(values: &[f64]) -> Option<Interval> {
    if values.len() < 2 || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let quantile = StudentsT::new(0.0, 1.0, n - 1.0).ok()?.inverse_cdf(1.0 - ALPHA / 2.0);
    let half = quantile * (variance / n).sqrt();
    Some(Interval { mean, low: mean - half, high: mean + half, count: values.len() })
}

/// Nemenyi's critical difference of mean ranks at 5 % (Demšar 2006): further apart, two of `methods` differ over `blocks`.
pub fn critical_difference(methods: usize, blocks: usize) -> f64 {
    let k = methods as f64;
    range_quantile(methods) / 2f64.sqrt() * (k * (k + 1.0) / (6.0 * blocks as f64)).sqrt()
}

/// Nemenyi's p for two methods whose mean ranks are `apart`.
pub fn nemenyi_p(apart: f64, methods: usize, blocks: usize) -> f64 {
    let k = methods as f64;
    let q = apart.abs() * 2f64.sqrt() / (k * (k + 1.0) / (6.0 * blocks as f64)).sqrt();
    (1.0 - range_cdf(q, methods)).clamp(0.0, 1.0)
}

/// The studentized range of infinitely many degrees of freedom: P(max − min of k standard normals ≤ q)
/// = k ∫ φ(x) (Φ(x) − Φ(x − q))^(k−1) dx, by Simpson's rule.
fn range_cdf(q: f64, methods: usize) -> f64 {
    const PANELS: usize = 2000;
    const EDGE: f64 = 9.0;
    let normal = standard_normal();
    let step = (2.0 * EDGE + q) / PANELS as f64;
    let integrand = |x: f64| normal.pdf(x) * (normal.cdf(x) - normal.cdf(x - q)).powi(methods as i32 - 1);
    let weight = |i: usize| match i {
        0 | PANELS => 1.0,
        i if i % 2 == 1 => 4.0,
        _ => 2.0,
    };
    let sum: f64 = (0..=PANELS).map(|i| weight(i) * integrand(-EDGE + i as f64 * step)).sum();
    methods as f64 * sum * step / 3.0
}

/// The 95 % point of the studentized range, by bisection.
fn range_quantile(methods: usize) -> f64 {
    let (mut low, mut high) = (0.0, 20.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if range_cdf(middle, methods) < 1.0 - ALPHA { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

fn standard_normal() -> Normal {
    Normal::standard()
}
