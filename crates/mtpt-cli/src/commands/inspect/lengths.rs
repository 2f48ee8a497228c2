use serde::Serialize;

use crate::number_format::percent;

/// Distribution of the lengths of texts, in tokens.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Lengths {
    mean: f64,
    median: usize,
    /// 95th percentile.
    percentile_95: usize,
    longest: usize,
    /// Length to which longer texts are truncated.
    #[serde(skip_serializing_if = "Option::is_none")]
    cut_at: Option<usize>,
    /// Number of truncated texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    cut: Option<usize>,
    #[serde(skip)]
    texts: usize,
}

impl Lengths {
    /// Computes the distribution; all zeros without texts.
    pub(crate) fn new(mut lengths: Vec<usize>, cut_at: Option<usize>) -> Self {
        lengths.sort_unstable();
        let texts = lengths.len();
        // The smallest length that this fraction of the texts doesn't exceed.
        let quantile = |fraction: f64| {
            let rank = (fraction * texts as f64).ceil() as usize;
            lengths.get(rank.saturating_sub(1)).copied().unwrap_or(0)
        };
        let cut = cut_at.map(|limit| lengths.iter().filter(|&&length| length > limit).count());
        Self {
            mean: lengths.iter().sum::<usize>() as f64 / texts.max(1) as f64,
            median: quantile(0.5),
            percentile_95: quantile(0.95),
            longest: lengths.last().copied().unwrap_or(0),
            cut_at,
            cut,
            texts,
        }
    }

    pub(crate) fn text(&self) -> String {
        let Self { mean, median, percentile_95, longest, .. } = self;
        let mut text = format!(
            "mean {mean:.1}, median {median}, 95th percentile {percentile_95}, maximum {longest}"
        );
        if let (Some(limit), Some(cut)) = (self.cut_at, self.cut) {
            text.push_str(&format!("; truncated to {limit}: {cut} ({})", percent(cut, self.texts)));
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
            longest: 100,
            cut_at: Some(98),
            cut: Some(2),
            texts: 100,
        };
        assert_eq!(lengths, expected);
        assert_eq!(
            lengths.text(),
            "mean 50.5, median 50, 95th percentile 95, maximum 100; truncated to 98: 2 (2.0 %)"
        );
        let one = Lengths::new(vec![7], None);
        assert_eq!((one.median, one.percentile_95, one.longest, one.cut), (7, 7, 7, None));
        assert_eq!(
            Lengths::new(Vec::new(), None).text(),
            "mean 0.0, median 0, 95th percentile 0, maximum 0"
        );
    }
}
