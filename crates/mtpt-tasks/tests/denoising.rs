//! Properties of span corruption and prefix language modeling.

use std::collections::HashSet;

use mtpt_tasks::MaxLengths;
use mtpt_tasks::corpus::{PrefixLm, SpanCorruption, SpecialTokens, TextObjective};
use proptest::prelude::*;

use crate::denoising_reference::{COUNTS, LENGTHS, PROBABILITIES};
use crate::message;

const END: u32 = 1;
/// The highest sentinel; tokens of texts are lower.
const FIRST_SENTINEL: u32 = 10_000;

fn special(sentinels: usize) -> SpecialTokens {
    let sentinels = (0..sentinels as u32).map(|number| FIRST_SENTINEL - number).collect();
    SpecialTokens { end_of_sentence: END, sentinels }
}

/// A text of distinct tokens.
fn text(length: usize) -> Vec<u32> {
    (2..2 + length as u32).collect()
}

/// Returns the sentinels, and the tokens before the first and after each sentinel.
fn runs<'a>(ids: &'a [u32], sentinels: &[u32]) -> (Vec<u32>, Vec<&'a [u32]>) {
    let positions: Vec<usize> = (0..ids.len()).filter(|&at| sentinels.contains(&ids[at])).collect();
    let found = positions.iter().map(|&at| ids[at]).collect();
    let ends = positions.iter().copied().chain([ids.len()]).skip(1);
    let first = positions.first().copied().unwrap_or(ids.len());
    let behind = positions.iter().zip(ends).map(|(&start, end)| &ids[start + 1..end]);
    (found, std::iter::once(&ids[..first]).chain(behind).collect())
}

proptest! {
    #[test]
    fn input_and_target_reconstruct_the_text(
        length in 0_usize..700,
        noise_density in 0.01_f64..0.99,
        mean_span_length in 1.0_f64..20.0,
        seed: u64,
    ) {
        let objective = SpanCorruption { noise_density, mean_span_length };
        objective.check().unwrap();
        let special = special(700);
        let text = text(length);
        let (input, target) = objective.corrupt(&text, &special, seed);
        prop_assert_eq!(&(input.clone(), target.clone()), &objective.corrupt(&text, &special, seed));
        let MaxLengths { input: input_length, target: target_length } = objective.lengths(length);
        prop_assert_eq!((input.len(), target.len()), (input_length, target_length));
        prop_assert_eq!((input.last(), target.last()), (Some(&END), Some(&END)));

        let (masked, spans) = objective.counts(length);
        let (in_input, unmasked_runs) = runs(&input[..input.len() - 1], &special.sentinels);
        let (in_target, masked_runs) = runs(&target[..target.len() - 1], &special.sentinels);
        // Both contain the first sentinels, in order.
        prop_assert_eq!(&in_input, &special.sentinels[..spans]);
        prop_assert_eq!(&in_target, &special.sentinels[..spans]);
        // The target starts with a sentinel, the input ends with one, and no two are adjacent.
        prop_assert!(masked_runs[0].is_empty());
        prop_assert_eq!(masked_runs.iter().map(|run| run.len()).sum::<usize>(), masked);
        prop_assert!(masked_runs[1..].iter().all(|run| !run.is_empty()));
        if spans > 0 {
            prop_assert!(unmasked_runs[..spans].iter().all(|run| !run.is_empty()));
            prop_assert!(unmasked_runs[spans].is_empty());
        }
        let joined: Vec<u32> = (0..unmasked_runs.len())
            .flat_map(|run| {
                let masked = masked_runs.get(run + 1).copied().unwrap_or_default();
                [unmasked_runs[run], masked].concat()
            })
            .collect();
        prop_assert_eq!(joined, text);
    }

    #[test]
    fn max_text_length_is_the_last_that_fits(
        noise_density in 0.01_f64..0.99,
        mean_span_length in 1.0_f64..20.0,
        input in 0_usize..300,
        target in 0_usize..300,
        sentinels in 0_usize..40,
    ) {
        let objective = SpanCorruption { noise_density, mean_span_length };
        let fits = |length: usize| {
            let lengths = objective.lengths(length);
            lengths.input <= input
                && lengths.target <= target
                && objective.counts(length).1 <= sentinels
        };
        let expected = (2..700).take_while(|&length| fits(length)).last();
        prop_assert_eq!(objective.max_text_length(MaxLengths { input, target }, sentinels), expected);
        // Longer texts never fit.
        prop_assert!((2..700).skip_while(|&length| fits(length)).all(|length| !fits(length)));
    }

    #[test]
    fn prefix_and_rest_reconstruct_the_text(length in 0_usize..300, seed: u64) {
        let text = text(length);
        let (input, target) = PrefixLm.divide(&text, END, seed);
        prop_assert_eq!(&(input.clone(), target.clone()), &PrefixLm.divide(&text, END, seed));
        let parts = [&input[..input.len() - 1], &target[..target.len() - 1]];
        prop_assert_eq!(parts.concat(), text);
        prop_assert_eq!((input.last(), target.last()), (Some(&END), Some(&END)));
        prop_assert!(length < 2 || parts.iter().all(|part| !part.is_empty()));
        if let Some(max_length) = PrefixLm.max_text_length(MaxLengths { input: length, target: length }) {
            prop_assert!(max_length == length && input.len() <= length && target.len() <= length);
        }
    }
}

#[test]
fn lengths_match_the_reference() {
    assert!(LENGTHS.contains(&(0.15, 3.0, 512, 568, 114)), "the lengths in T5's pretraining");
    for &(noise_density, mean_span_length, input, length, target) in LENGTHS {
        let objective = SpanCorruption { noise_density, mean_span_length };
        let unbounded = MaxLengths { input, target: usize::MAX };
        assert_eq!(objective.max_text_length(unbounded, usize::MAX), Some(length), "{objective:?}");
        assert_eq!(objective.lengths(length).target, target, "{objective:?}, {length}");
    }
}

#[test]
fn counts_match_the_reference() {
    for &(length, masked, spans) in COUNTS {
        assert_eq!(SpanCorruption::default().counts(length), (masked, spans), "{length}");
    }
}

#[test]
fn masks_are_uniform() {
    const SEEDS: u64 = 20_000;
    for &(length, noise_density, mean_span_length, number, masked, starts) in PROBABILITIES {
        let objective = SpanCorruption { noise_density, mean_span_length };
        let mut masks = HashSet::new();
        let mut counts = vec![[0_u32; 2]; length];
        for seed in 0..SEEDS {
            let mask = objective.mask(length, seed);
            for at in 0..length {
                counts[at][0] += u32::from(mask[at]);
                counts[at][1] += u32::from(mask[at] && (at == 0 || !mask[at - 1]));
            }
            masks.insert(mask);
        }
        assert!(masks.len() <= number, "{} masks of {number}", masks.len());
        assert!(number > 2_000 || masks.len() == number, "{} masks of {number}", masks.len());
        for at in 0..length {
            for (count, expected) in counts[at].into_iter().zip([masked[at], starts[at]]) {
                let found = f64::from(count) / SEEDS as f64;
                // 4.5 standard deviations of a fraction of 20,000 samples, which are at most
                // 0.0035.
                assert!((found - expected).abs() < 0.016, "{length}, {at}: {found} {expected}");
            }
        }
    }
}

#[test]
fn prefix_lengths_are_uniform() {
    const SEEDS: u64 = 20_000;
    let mut counts = [0_i64; 11];
    for seed in 0..SEEDS {
        counts[PrefixLm.split(11, seed)] += 1;
    }
    // Ten prefixes; the standard deviation of a count is 42.
    assert_eq!(counts[0], 0);
    assert!(counts[1..].iter().all(|count| (count - 2_000).abs() < 220), "{counts:?}");
}

#[test]
fn handles_texts_of_up_to_two_tokens() {
    let objective = SpanCorruption { noise_density: 0.99, mean_span_length: 1.0 };
    assert_eq!(objective.corrupt(&[], &special(0), 3), (vec![END], vec![END]));
    assert_eq!(objective.corrupt(&[5], &special(0), 3), (vec![5, END], vec![END]));
    let expected = (vec![5, FIRST_SENTINEL, END], vec![FIRST_SENTINEL, 6, END]);
    assert_eq!(objective.corrupt(&[5, 6], &special(1), 3), expected);
    assert_eq!(PrefixLm.divide(&[], END, 3), (vec![END], vec![END]));
    assert_eq!(PrefixLm.divide(&[5], END, 3), (vec![5, END], vec![END]));
    let max_lengths = MaxLengths { input: usize::MAX, target: usize::MAX };
    assert!(objective.max_text_length(max_lengths, 100).is_some());
    assert_eq!(objective.max_text_length(max_lengths, 0), None);
}

#[test]
fn reports_options_out_of_range() {
    let check = |noise_density: f64, mean_span_length: f64, expected: &str| {
        let objective = SpanCorruption { noise_density, mean_span_length };
        assert_eq!(message(objective.check()), expected);
    };
    check(0.0, 3.0, "expected `noise_density` to be above 0 and below 1, found 0");
    check(1.0, 3.0, "expected `noise_density` to be above 0 and below 1, found 1");
    check(f64::NAN, 3.0, "expected `noise_density` to be above 0 and below 1, found NaN");
    check(0.15, 0.5, "expected `mean_span_length` to be at least 1 and finite, found 0.5");
    check(
        0.15,
        f64::INFINITY,
        "expected `mean_span_length` to be at least 1 and finite, found inf",
    );
}

#[test]
fn applies_the_objective_of_the_variant() {
    let text = text(20);
    let spans = SpanCorruption::default();
    assert_eq!(
        TextObjective::SpanCorruption(spans).apply(&text, &special(5), 4),
        spans.corrupt(&text, &special(5), 4)
    );
    assert_eq!(
        TextObjective::PrefixLm(PrefixLm).apply(&text, &special(0), 4),
        PrefixLm.divide(&text, END, 4)
    );
}
