use burn::tensor::Device;
use mtpt_core::Backbone;
use mtpt_infer::{
    MAX_PART_SCORES, MAX_PART_TOKENS, MAX_ROW_SCORES, map_parts, max_row_length,
    partition_for_device, partition_for_memory,
};
use mtpt_t5::{Family, LongAttention, T5, T5Config};

fn model() -> T5 {
    // Vocabulary of 8, width 8, four heads of width 2.
    T5Config::new(8, 8, 2, 8, 1, 1, 4).init(&Device::flex()).unwrap()
}

/// Rows of 1 to 12,000 tokens, most of them short.
fn lengths() -> Vec<usize> {
    (0..300).map(|row| if row % 50 == 7 { 2_000 + row * 35 } else { 1 + row * 13 % 700 }).collect()
}

#[test]
fn parts_are_bounded_by_tokens_and_attention_scores() {
    let (model, lengths) = (model(), lengths());
    assert_eq!(model.attention_scores(100), 4 * 100 * 100);
    for (what, parts) in [
        ("device", partition_for_device(&lengths, usize::MAX, &model)),
        ("memory", partition_for_memory(&lengths, usize::MAX, &model)),
        ("at most 3 rows", partition_for_memory(&lengths, 3, &model)),
    ] {
        let mut rows: Vec<usize> = parts.iter().flatten().copied().collect();
        rows.sort_unstable();
        assert!(rows.into_iter().eq(0..lengths.len()), "{what}: every row once");
        for part in parts {
            let longest = part.iter().map(|&row| lengths[row]).max().unwrap();
            let scores = part.len() * model.attention_scores(longest);
            let is_bounded = part.len() * longest <= MAX_PART_TOKENS && scores <= MAX_PART_SCORES;
            assert!(part.len() == 1 || is_bounded, "{what}: {} x {longest}", part.len());
            assert!(what != "at most 3 rows" || part.len() <= 3);
        }
    }
}

#[test]
fn the_longest_row_has_the_maximum_number_of_scores() {
    let model = model();
    let length = max_row_length(&model);
    assert!(model.attention_scores(length) <= MAX_ROW_SCORES);
    assert!(model.attention_scores(length + 1) > MAX_ROW_SCORES);
    assert_eq!(length, 11_585);
}

#[test]
fn scores_of_long_t5_are_linear_in_the_length() {
    let scores = |global_block_size: Option<usize>, length: usize| {
        let long = LongAttention { local_radius: 127, global_block_size };
        let config = T5Config::new(8, 8, 2, 8, 1, 1, 4).with_family(Family::LongT5(long));
        config.init(&Device::flex()).unwrap().attention_scores(length)
    };
    assert_eq!(scores(None, 100), 4 * 100 * 100);
    assert_eq!(scores(None, 127_000), 4 * 127_000 * 3 * 127);
    assert_eq!(scores(Some(16), 1_270), 4 * 1_270 * (3 * 127 + 79));
}

#[test]
fn results_of_parts_keep_their_order() {
    let (model, lengths) = (model(), lengths());
    let parts = partition_for_device(&lengths, 4, &model);
    let inputs = parts.iter().cloned().zip(0..).collect();
    let outputs = map_parts(&model, &lengths, inputs, |part, number: usize| (number, part));
    assert_eq!(outputs, (0..).zip(parts).collect::<Vec<_>>());
}
