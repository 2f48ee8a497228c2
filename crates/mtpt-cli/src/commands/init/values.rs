use std::collections::BTreeMap;

use mtpt::tasks::labels::{parse_score, parse_truth};

/// Maximum number of distinct values that are counted. A label column has fewer.
const MAX_DISTINCT: usize = 1000;

/// Statistics of the values of a column, without blank ones.
pub(crate) struct Values {
    /// Number of rows with each value; `None` if there are more than [`MAX_DISTINCT`] values.
    pub(crate) counts: Option<BTreeMap<String, usize>>,
    /// Number of values.
    pub(crate) total: usize,
    /// Number of words.
    words: usize,
    /// The numbers, if all values are numbers.
    numbers: Option<Numbers>,
    are_truths: bool,
}

/// Range of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Numbers {
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
    /// Whether all are whole numbers.
    pub(crate) whole: bool,
}

impl Values {
    pub(crate) fn new() -> Self {
        let numbers = Numbers { lowest: f64::INFINITY, highest: f64::NEG_INFINITY, whole: true };
        let (counts, numbers) = (Some(BTreeMap::new()), Some(numbers));
        Self { counts, total: 0, words: 0, numbers, are_truths: true }
    }

    pub(crate) fn add(&mut self, value: &str) {
        self.total += 1;
        self.words += value.split_whitespace().count();
        self.are_truths &= parse_truth(value).is_some();
        self.numbers = self.numbers.zip(parse_score(value)).map(|(range, number)| Numbers {
            lowest: range.lowest.min(number),
            highest: range.highest.max(number),
            whole: range.whole && number.fract() == 0.0,
        });
        if let Some(counts) = &mut self.counts {
            *counts.entry(value.to_owned()).or_default() += 1;
            if counts.len() > MAX_DISTINCT {
                self.counts = None;
            }
        }
    }

    /// Returns the number of distinct values; `None` if there are very many.
    pub(crate) fn distinct(&self) -> Option<usize> {
        self.counts.as_ref().map(BTreeMap::len)
    }

    /// Returns the number of distinct numbers: `0` and `0.00` are one.
    pub(crate) fn distinct_numbers(&self) -> Option<usize> {
        let numbers = self.counts.as_ref()?.keys().filter_map(|value| parse_score(value));
        let mut numbers: Vec<f64> = numbers.collect();
        numbers.sort_by(f64::total_cmp);
        numbers.dedup();
        Some(numbers.len())
    }

    /// Returns the range of the numbers, if all values are numbers.
    pub(crate) fn numbers(&self) -> Option<Numbers> {
        self.numbers.filter(|_| self.total > 0)
    }

    /// Returns whether all values are yes or no, and both occur.
    pub(crate) fn are_yes_or_no(&self) -> bool {
        let truths = || self.counts.iter().flat_map(BTreeMap::keys).map(|value| parse_truth(value));
        self.are_truths
            && truths().any(|it| it == Some(true))
            && truths().any(|it| it == Some(false))
    }

    /// Returns whether all values are yes or no.
    pub(crate) fn are_truths(&self) -> bool {
        self.are_truths && self.total > 0
    }

    /// Returns the mean number of words of a value.
    pub(crate) fn mean_words(&self) -> f64 {
        self.words as f64 / self.total.max(1) as f64
    }

    /// Returns the mean number of rows with the same value.
    pub(crate) fn repeats(&self) -> f64 {
        self.distinct().map_or(1.0, |distinct| self.total as f64 / distinct.max(1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_truths_are_recognized() {
        let values = |texts: &[&str]| {
            let mut values = Values::new();
            texts.iter().for_each(|text| values.add(text));
            values
        };
        let numbers = values(&["0", "0.00", "2.5", "5"]);
        let range = Numbers { lowest: 0.0, highest: 5.0, whole: false };
        assert_eq!((numbers.numbers(), numbers.distinct_numbers()), (Some(range), Some(3)));
        assert!(values(&["1.0", "2.0"]).numbers().unwrap().whole);
        assert_eq!(values(&["1", "one"]).numbers(), None);
        assert_eq!(values(&[]).numbers(), None);
        assert!(values(&["0", "1", "1"]).are_yes_or_no());
        assert!(values(&["Yes", "no"]).are_yes_or_no());
        assert!(!values(&["1", "1"]).are_yes_or_no() && values(&["1", "1"]).are_truths());
        assert!(!values(&["0", "1", "2"]).are_truths());
        assert_eq!(values(&["a b", "a b", "c"]).repeats(), 1.5);
    }
}
