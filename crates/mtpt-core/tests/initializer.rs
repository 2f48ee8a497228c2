use mtpt_core::{Error, Initializer};

use crate::table_backbone::TableBackbone;

fn values(initializer: &Initializer, length: usize, seed: u64) -> Vec<f32> {
    let backbone = TableBackbone::new(10, 2);
    let prompt = initializer.init(length, &backbone, seed).unwrap();
    assert_eq!(prompt.dims(), [length, 2]);
    prompt.into_data().try_to_vec().unwrap()
}

/// Returns the tokens whose embeddings a prompt contains.
fn tokens(values: &[f32]) -> Vec<u32> {
    values.chunks(2).map(|row| row[0] as u32 / 2).collect()
}

#[test]
fn random_values_are_in_range_and_depend_on_the_seed() {
    let initializer = Initializer::RandomUniform { range: 0.5 };
    let first = values(&initializer, 40, 1);
    assert!(first.iter().all(|value| (-0.5..0.5).contains(value)));
    assert!(first.iter().any(|value| *value > 0.3) && first.iter().any(|value| *value < -0.3));
    assert_eq!(first, values(&initializer, 40, 1));
    assert_ne!(first, values(&initializer, 40, 2));
}

#[test]
fn sampled_tokens_are_distinct_and_from_the_population() {
    let initializer = Initializer::SampledVocabulary { population: Some(6) };
    let mut found = tokens(&values(&initializer, 6, 3));
    found.sort_unstable();
    assert_eq!(found, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn prompts_longer_than_the_population_repeat_tokens_evenly() {
    let initializer = Initializer::SampledVocabulary { population: Some(3) };
    let mut found = tokens(&values(&initializer, 6, 3));
    found.sort_unstable();
    assert_eq!(found, [0, 0, 1, 1, 2, 2]);
}

#[test]
fn texts_are_repeated_or_truncated() {
    let initializer = Initializer::Text { ids: vec![7, 8, 9] };
    assert_eq!(tokens(&values(&initializer, 5, 0)), [7, 8, 9, 7, 8]);
    assert_eq!(tokens(&values(&initializer, 2, 0)), [7, 8]);
}

#[test]
fn class_labels_are_token_means_and_the_rest_is_sampled() {
    let labels = vec![vec![2], vec![4, 6]];
    let initializer = Initializer::ClassLabels { labels, population: Some(1) };
    let found = values(&initializer, 3, 0);
    assert_eq!(found, [4.0, 5.0, 10.0, 11.0, 0.0, 1.0]);
}

#[test]
fn given_values_are_unchanged() {
    let initializer = Initializer::Values { values: vec![1.0, -2.0, 3.0, -4.0], d_model: 2 };
    assert_eq!(values(&initializer, 2, 0), [1.0, -2.0, 3.0, -4.0]);
}

#[track_caller]
fn check_error(initializer: Initializer, length: usize, expected: &str) {
    let failure = initializer.init(length, &TableBackbone::new(10, 2), 0).unwrap_err();
    assert_eq!(failure.to_string(), expected);
}

#[test]
fn invalid_initializers_are_rejected() {
    let text = |ids: &[u32]| Initializer::Text { ids: ids.to_vec() };
    check_error(text(&[1]), 0, "a prompt must have at least one vector, but its length is 0");
    check_error(
        text(&[]),
        4,
        "a text or label of the initial prompt has no tokens; use a non-empty one",
    );
    check_error(
        text(&[3, 10]),
        4,
        "token 10 of the initial prompt is not in the vocabulary of 10 tokens; use the tokenizer \
         of the model",
    );
    check_error(
        Initializer::RandomUniform { range: -1.0 },
        4,
        "`range` must be positive and finite, found -1",
    );
    check_error(
        Initializer::SampledVocabulary { population: Some(0) },
        4,
        "`population` must be positive and finite, found 0",
    );
}

#[test]
fn prompts_of_another_width_are_rejected() {
    let initializer = Initializer::Values { values: vec![0.0; 12], d_model: 3 };
    let failure = initializer.init(4, &TableBackbone::new(10, 2), 0).unwrap_err();
    assert!(matches!(failure, Error::PromptShape { expected_width: 2, found_width: 3, .. }));
    assert_eq!(
        failure.to_string(),
        "the initial prompt has 4 vectors of width 3, expected 4 of width 2"
    );
}
