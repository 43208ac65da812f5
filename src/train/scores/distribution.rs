//! What the outputs of a model say of a value: quantiles and likelihoods, in f64.

use statrs::distribution::{Continuous, ContinuousCDF, StudentsT};
use statrs::function::beta::beta_reg;
use statrs::function::gamma::{gamma_ur, ln_gamma};

use crate::data::Scaler;
use crate::program::op::{Distribution, Objective};

/// Beyond this mean, a count's quantile is searched for and not counted up to.
const LARGE: f64 = 500.0;

/// The pinball loss of a quantile at a level, a share, whose value is exceeded by `error`.
pub fn pinball(level: f64, error: f64) -> f64 {
    if error > 0.0 { level * error } else { (level - 1.0) * error }
}

/// The quantiles at these levels, rising shares, on the series' scale, of a value's outputs; NaN of a level that they do not say.
pub fn quantiles(objective: &Objective, outputs: &[f32], scaler: &Scaler, levels: &[f64]) -> Vec<f64> {
    match objective {
        Objective::Point(_) => vec![f64::NAN; levels.len()],
        Objective::Quantiles(own) => {
            let of = |level: &f64| own.iter().position(|own| (f64::from(*own) - level).abs() < 1e-6);
            levels.iter().map(|level| of(level).map_or(f64::NAN, |place| f64::from(outputs[place]))).collect()
        }
        Objective::Distribution(Distribution::StudentT) => {
            let [location, scale, freedom] = [0, 1, 2].map(|j| f64::from(outputs[j]));
            let Ok(own) = StudentsT::new(location, scale, freedom) else { return vec![f64::NAN; levels.len()] };
            levels.iter().map(|level| own.inverse_cdf(*level)).collect()
        }
        Objective::Distribution(distribution) => {
            let counts = count_quantiles(*distribution, outputs, scaler, levels);
            counts.into_iter().map(|count| (count - scaler.mean) / scaler.std).collect()
        }
    }
}

/// ln p of a value, on the series' scale as the outputs; counts are those of the data, and so is their probability.
pub fn log_likelihood(distribution: Distribution, outputs: &[f32], truth: f64, scaler: &Scaler) -> f64 {
    if distribution == Distribution::StudentT {
        let [location, scale, freedom] = [0, 1, 2].map(|j| f64::from(outputs[j]));
        return StudentsT::new(location, scale, freedom).map_or(f64::NAN, |own| own.ln_pdf(truth));
    }
    if scaler.at_bound {
        return 0.0;
    }
    let (mean, count) = (scaler.std * f64::from(outputs[0]), scaler.std * truth);
    match distribution {
        Distribution::NegativeBinomial => {
            let r = 1.0 / f64::from(outputs[1]);
            let ways = ln_gamma(count + r) - ln_gamma(r) - ln_gamma(count + 1.0);
            ways - r * (mean / r).ln_1p() - count * ((r + mean).ln() - mean.ln())
        }
        _ => count * mean.ln() - mean - ln_gamma(count + 1.0),
    }
}

/// Quantiles of counts, in the data's units: the least count whose distribution function is the level or more.
fn count_quantiles(distribution: Distribution, outputs: &[f32], scaler: &Scaler, levels: &[f64]) -> Vec<f64> {
    let mean = scaler.std * f64::from(outputs[0]);
    if scaler.at_bound || mean == 0.0 {
        return vec![0.0; levels.len()];
    }
    if !mean.is_finite() {
        return vec![f64::NAN; levels.len()];
    }
    // p(k + 1) / p(k) = (a + b·k) / (k + 1)
    let (first, a, b) = match distribution {
        Distribution::NegativeBinomial => {
            let r = 1.0 / f64::from(outputs[1]);
            let share = mean / (r + mean);
            (-r * (mean / r).ln_1p(), r * share, share)
        }
        _ => (-mean, mean, 0.0),
    };
    if mean > LARGE || first < -700.0 {
        let below = |count: f64| match distribution {
            Distribution::NegativeBinomial => {
                let r = 1.0 / f64::from(outputs[1]);
                beta_reg(r, count + 1.0, r / (r + mean))
            }
            _ => gamma_ur(count + 1.0, mean),
        };
        let variance = match distribution {
            Distribution::NegativeBinomial => mean + f64::from(outputs[1]) * mean * mean,
            _ => mean,
        };
        return levels.iter().map(|level| searched(*level, mean, variance.sqrt(), below)).collect();
    }
    let (mut count, mut probability) = (0.0, first.exp());
    let mut below = probability;
    let mut found = Vec::with_capacity(levels.len());
    for level in levels {
        // Rounding may leave the sum below a level that is close to 1.
        while below < *level && (probability > 1e-300 || count < mean) {
            probability *= (a + b * count) / (count + 1.0);
            count += 1.0;
            below += probability;
        }
        found.push(count);
    }
    found
}

/// The least count whose distribution function, `below`, is the level or more: from brackets of some deviations around the mean, which
/// double until they hold it, halved to a count or to what 32 bits tell apart.
fn searched(level: f64, mean: f64, deviation: f64, below: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high, mut reach) = (-1.0, mean, 2.0 * deviation.max(1.0));
    while below(high.floor()) < level && reach < f64::MAX / 4.0 {
        (low, high, reach) = (high.floor(), mean + reach, 2.0 * reach);
    }
    let mut reach = 2.0 * deviation.max(1.0);
    while low < 0.0 && mean - reach > 0.0 {
        let at = (mean - reach).floor();
        if below(at) < level {
            low = at;
        } else {
            (high, reach) = (at, 2.0 * reach);
        }
    }
    high = high.floor();
    while high - low > 1.0 && high - low > high * 1e-9 {
        let middle = (low + (high - low) / 2.0).floor();
        if below(middle) < level {
            low = middle;
        } else {
            high = middle;
        }
    }
    high.max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{DiscreteCDF, NegativeBinomial, Poisson};

    fn counts(mean: f64) -> Scaler {
        Scaler::new(0.0, mean)
    }

    /// Counted up, and searched for by another implementation.
    #[test]
    fn quantiles_of_counts() {
        let levels = [0.001, 0.1, 0.5, 0.9, 0.999];
        for mean in [0.02, 0.7, 3.0, 40.0, 480.0, 900.0] {
            let own = count_quantiles(Distribution::Poisson, &[1.0], &counts(mean), &levels);
            let exact = Poisson::new(f64::from(1.0f32) * mean).unwrap();
            let found: Vec<f64> = levels.iter().map(|level| exact.inverse_cdf(*level) as f64).collect();
            assert_eq!(own, found, "Poisson of {mean}");
            for alpha in [0.01f32, 0.5, 3.0] {
                let own = count_quantiles(Distribution::NegativeBinomial, &[1.0, alpha], &counts(mean), &levels);
                let r = 1.0 / f64::from(alpha);
                let exact = NegativeBinomial::new(r, r / (r + mean)).unwrap();
                let found: Vec<f64> = levels.iter().map(|level| exact.inverse_cdf(*level) as f64).collect();
                assert_eq!(own, found, "negative binomial of {mean}, {alpha}");
            }
        }
        // So large that a distribution function in 64 bits is not smooth.
        for mean in [1e7f64, 1e9, 1e12] {
            for (distribution, outputs, deviation) in [
                (Distribution::Poisson, &[1.0f32][..], mean.sqrt()),
                (Distribution::NegativeBinomial, &[1.0, 0.01], 0.1 * mean),
            ] {
                let own = count_quantiles(distribution, outputs, &counts(mean), &[0.025, 0.5, 0.975]);
                assert!(own.is_sorted(), "{distribution} of {mean}: {own:?}");
                for (found, z) in own.iter().zip([-1.96, 0.0, 1.96]) {
                    let off = (found - mean - z * deviation).abs() / deviation;
                    assert!(off < 0.15, "{distribution} of {mean}: {own:?}");
                }
            }
        }
        let flat = Scaler { at_bound: true, ..counts(1.0) };
        assert_eq!(count_quantiles(Distribution::Poisson, &[0.0], &flat, &levels), [0.0; 5]);
    }

    #[test]
    fn likelihoods_are_those_of_another_implementation() {
        use statrs::distribution::Discrete;
        let scaler = counts(4.0);
        let poisson = log_likelihood(Distribution::Poisson, &[1.5], 0.75, &scaler);
        assert!((poisson - Poisson::new(6.0).unwrap().ln_pmf(3)).abs() < 1e-9, "{poisson}");
        let negative = log_likelihood(Distribution::NegativeBinomial, &[1.5, 0.5], 0.75, &scaler);
        let exact = NegativeBinomial::new(2.0, 0.25).unwrap().ln_pmf(3);
        assert!((negative - exact).abs() < 1e-9, "{negative}, not {exact}");
        let student = log_likelihood(Distribution::StudentT, &[1.0, 2.0, 5.0], 3.0, &scaler);
        assert!((student - StudentsT::new(1.0, 2.0, 5.0).unwrap().ln_pdf(3.0)).abs() < 1e-12);
    }
}
