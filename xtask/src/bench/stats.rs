//! Medians, and how sure they are.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// A median, and the interval that has the true one with 95 % confidence by the bootstrap: medians of as many values,
/// drawn again and again from those that were measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

const DRAWS: usize = 4000;

impl Spread {
    /// `None` without a value.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let median = median(values)?;
        // Always the same draws: who measures the same gets the same.
        let mut random = StdRng::seed_from_u64(values.len() as u64);
        let mut medians: Vec<f64> = (0..DRAWS)
            .filter_map(|_| {
                let drawn: Vec<f64> = values.iter().map(|_| values[random.random_range(0..values.len())]).collect();
                self::median(&drawn)
            })
            .collect();
        medians.sort_by(f64::total_cmp);
        Some(Spread { median, low: medians[DRAWS / 40], high: medians[DRAWS - 1 - DRAWS / 40] })
    }
}

pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        len if len % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn the_interval_is_around_the_median_and_narrow_for_values_that_agree() {
        let of = |values: &[f64]| Spread::of(values).expect("there are values");
        assert_eq!(of(&[1.0; 15]), Spread { median: 1.0, low: 1.0, high: 1.0 });
        let wide = of(&(1..=15).map(f64::from).collect::<Vec<_>>());
        assert_eq!(wide.median, 8.0);
        assert!((3.0..=6.0).contains(&wide.low) && (10.0..=13.0).contains(&wide.high), "{wide:?}");
        // One value that is off does not move it.
        let mut values = vec![1.0; 14];
        values.push(100.0);
        assert_eq!(of(&values).high, 1.0);
    }
}
