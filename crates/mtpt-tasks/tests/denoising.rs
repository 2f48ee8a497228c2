//! Laws of span corruption and prefix language modelling.

use std::collections::HashSet;

use mtpt_tasks::MaxLengths;
use mtpt_tasks::corpus::{PrefixLm, SpanCorruption, SpecialTokens, TextObjective};
use proptest::prelude::*;

use crate::denoising_reference::{COUNTS, LENGTHS, PROBABILITIES};
use crate::message;

const END: u32 = 1;
/// Text is below, sentinels are above.
const FIRST_SENTINEL: u32 = 10_000;

fn special(sentinels: usize) -> SpecialTokens {
    let sentinels = (0..sentinels as u32).map(|number| FIRST_SENTINEL - number).collect();
    SpecialTokens { end_of_sentence: END, sentinels }
}

/// A text in which every token is another.
fn text(length: usize) -> Vec<u32> {
    (2..2 + length as u32).collect()
}

/// Tokens behind each sentinel, and those before the first; a span without tokens is an empty one.
fn runs<'a>(ids: &'a [u32], sentinels: &[u32]) -> (Vec<u32>, Vec<&'a [u32]>) {
    let places: Vec<usize> = (0..ids.len()).filter(|&at| sentinels.contains(&ids[at])).collect();
    let found = places.iter().map(|&at| ids[at]).collect();
    let ends = places.iter().copied().chain([ids.len()]).skip(1);
    let first = places.first().copied().unwrap_or(ids.len());
    let behind = places.iter().zip(ends).map(|(&begin, end)| &ids[begin + 1..end]);
    (found, std::iter::once(&ids[..first]).chain(behind).collect())
}

proptest! {
    #[test]
    fn input_and_target_give_back_the_text(
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

        let (lost, spans) = objective.counts(length);
        let (in_input, kept_runs) = runs(&input[..input.len() - 1], &special.sentinels);
        let (in_target, lost_runs) = runs(&target[..target.len() - 1], &special.sentinels);
        // Both have the same sentinels, the first ones in their order.
        prop_assert_eq!(&in_input, &special.sentinels[..spans]);
        prop_assert_eq!(&in_target, &special.sentinels[..spans]);
        // The target begins with a sentinel; the input ends with one, and no two stand together.
        prop_assert!(lost_runs[0].is_empty());
        prop_assert_eq!(lost_runs.iter().map(|run| run.len()).sum::<usize>(), lost);
        prop_assert!(lost_runs[1..].iter().all(|run| !run.is_empty()));
        if spans > 0 {
            prop_assert!(kept_runs[..spans].iter().all(|run| !run.is_empty()));
            prop_assert!(kept_runs[spans].is_empty());
        }
        let joined: Vec<u32> = (0..kept_runs.len())
            .flat_map(|run| {
                let lost = lost_runs.get(run + 1).copied().unwrap_or_default();
                [kept_runs[run], lost].concat()
            })
            .collect();
        prop_assert_eq!(joined, text);
    }

    #[test]
    fn the_max_text_length_is_the_last_that_fits(
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
        // No longer text fits either.
        prop_assert!((2..700).skip_while(|&length| fits(length)).all(|length| !fits(length)));
    }

    #[test]
    fn prefix_and_rest_give_back_the_text(length in 0_usize..300, seed: u64) {
        let text = text(length);
        let (input, target) = PrefixLm.divide(&text, END, seed);
        prop_assert_eq!(&(input.clone(), target.clone()), &PrefixLm.divide(&text, END, seed));
        let parts = [&input[..input.len() - 1], &target[..target.len() - 1]];
        prop_assert_eq!(parts.concat(), text);
        prop_assert_eq!((input.last(), target.last()), (Some(&END), Some(&END)));
        prop_assert!(length < 2 || parts.iter().all(|part| !part.is_empty()));
        if let Some(longest) = PrefixLm.max_text_length(MaxLengths { input: length, target: length }) {
            prop_assert!(longest == length && input.len() <= length && target.len() <= length);
        }
    }
}

#[test]
fn lengths_are_those_of_the_reference() {
    assert!(LENGTHS.contains(&(0.15, 3.0, 512, 568, 114)), "T5's own pair");
    for &(noise_density, mean_span_length, input, length, target) in LENGTHS {
        let objective = SpanCorruption { noise_density, mean_span_length };
        let unbounded = MaxLengths { input, target: usize::MAX };
        assert_eq!(objective.max_text_length(unbounded, usize::MAX), Some(length), "{objective:?}");
        assert_eq!(objective.lengths(length).target, target, "{objective:?}, {length}");
    }
}

#[test]
fn counts_are_those_of_the_reference() {
    for &(length, lost, spans) in COUNTS {
        assert_eq!(SpanCorruption::default().counts(length), (lost, spans), "{length}");
    }
}

#[test]
fn every_mask_is_as_likely_as_any_other() {
    const SEEDS: u64 = 20_000;
    for &(length, noise_density, mean_span_length, number, lost, starts) in PROBABILITIES {
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
            for (count, expected) in counts[at].into_iter().zip([lost[at], starts[at]]) {
                let found = f64::from(count) / SEEDS as f64;
                // Four and a half standard deviations of a share of 20,000 draws, at most 0.0035 each.
                assert!((found - expected).abs() < 0.016, "{length}, {at}: {found} {expected}");
            }
        }
    }
}

#[test]
fn every_split_is_as_likely_as_any_other() {
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
fn the_shortest_texts_do_no_harm() {
    let objective = SpanCorruption { noise_density: 0.99, mean_span_length: 1.0 };
    assert_eq!(objective.corrupt(&[], &special(0), 3), (vec![END], vec![END]));
    assert_eq!(objective.corrupt(&[5], &special(0), 3), (vec![5, END], vec![END]));
    let expected = (vec![5, FIRST_SENTINEL, END], vec![FIRST_SENTINEL, 6, END]);
    assert_eq!(objective.corrupt(&[5, 6], &special(1), 3), expected);
    assert_eq!(PrefixLm.divide(&[], END, 3), (vec![END], vec![END]));
    assert_eq!(PrefixLm.divide(&[5], END, 3), (vec![5, END], vec![END]));
    let longest = MaxLengths { input: usize::MAX, target: usize::MAX };
    assert!(objective.max_text_length(longest, 100).is_some());
    assert_eq!(objective.max_text_length(longest, 0), None);
}

#[test]
fn numbers_out_of_range_are_named() {
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
fn an_objective_is_applied_by_its_name() {
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
