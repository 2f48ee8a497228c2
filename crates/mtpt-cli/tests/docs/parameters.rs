use mtpt::compose::{CompositionConfig, Tree};
use mtpt::t5::T5Config;

use super::markdown::Document;

/// Length of the shared prompt in the chapter's tables.
const LENGTH: usize = 100;
const TASKS: usize = 8;

/// Formats `77668` as `77,668`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[test]
fn documented_parameter_counts_are_correct() {
    let chapter = Document::read("docs/src/compositions.md");
    let section = chapter.section("number-of-parameters").unwrap();
    for config in CompositionConfig::catalogue() {
        let cells = [T5Config::small(), T5Config::base(), T5Config::large()].map(|t5| {
            let count = config.parameter_count(LENGTH, t5.d_model, &Tree::flat(1)).unwrap();
            format!("{} + {}", grouped(count.shared), grouped(count.task_specific))
        });
        let d_model = T5Config::base().d_model;
        let count = config.parameter_count(LENGTH, d_model, &Tree::flat(TASKS)).unwrap();
        let total = grouped(count.total());
        let row = format!("| `{}` | {} | {total} |", config.name(), cells.join(" | "));
        assert!(section.contains(&row), "{}: no row `{row}`", chapter.path);
    }
}

#[test]
fn thousands_are_grouped() {
    assert_eq!(
        [0, 999, 1000, 77668, 1234567].map(grouped),
        ["0", "999", "1,000", "77,668", "1,234,567"]
    );
}
