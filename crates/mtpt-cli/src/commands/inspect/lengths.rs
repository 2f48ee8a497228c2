use serde::Serialize;

use crate::number_format::percent;

/// Distribution of the lengths of texts, in tokens.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Lengths {
    mean: f64,
    median: usize,
    /// 95th percentile.
    percentile_95: usize,
    #[serde(rename = "longest")]
    maximum: usize,
    /// Length to which longer texts are truncated.
    #[serde(rename = "cut_at", skip_serializing_if = "Option::is_none")]
    limit: Option<usize>,
    /// Number of truncated texts.
    #[serde(rename = "cut", skip_serializing_if = "Option::is_none")]
    truncated: Option<usize>,
    #[serde(skip)]
    texts: usize,
}

impl Lengths {
    /// Computes the distribution; all zeros without texts.
    pub(crate) fn new(mut lengths: Vec<usize>, limit: Option<usize>) -> Self {
        lengths.sort_unstable();
        let texts = lengths.len();
        // The smallest length that this fraction of the texts doesn't exceed.
        let quantile = |fraction: f64| {
            let rank = (fraction * texts as f64).ceil() as usize;
            lengths.get(rank.saturating_sub(1)).copied().unwrap_or(0)
        };
        let truncated = limit.map(|limit| lengths.iter().filter(|&&it| it > limit).count());
        Self {
            mean: lengths.iter().sum::<usize>() as f64 / texts.max(1) as f64,
            median: quantile(0.5),
            percentile_95: quantile(0.95),
            maximum: lengths.last().copied().unwrap_or(0),
            limit,
            truncated,
            texts,
        }
    }

    pub(crate) fn text(&self) -> String {
        let Self { mean, median, percentile_95, maximum, .. } = self;
        let mut text = format!(
            "mean {mean:.1}, median {median}, 95th percentile {percentile_95}, maximum {maximum}"
        );
        if let (Some(limit), Some(truncated)) = (self.limit, self.truncated) {
            let share = percent(truncated, self.texts);
            text.push_str(&format!("; truncated to {limit}: {truncated} ({share})"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_lengths_of_existing_texts() {
        let lengths = Lengths::new((1..=100).rev().collect(), Some(98));
        let expected = Lengths {
            mean: 50.5,
            median: 50,
            percentile_95: 95,
            maximum: 100,
            limit: Some(98),
            truncated: Some(2),
            texts: 100,
        };
        assert_eq!(lengths, expected);
        assert_eq!(
            lengths.text(),
            "mean 50.5, median 50, 95th percentile 95, maximum 100; truncated to 98: 2 (2.0 %)"
        );
        let one = Lengths::new(vec![7], None);
        assert_eq!((one.median, one.percentile_95, one.maximum, one.truncated), (7, 7, 7, None));
        assert_eq!(
            Lengths::new(Vec::new(), None).text(),
            "mean 0.0, median 0, 95th percentile 0, maximum 0"
        );
    }
}
