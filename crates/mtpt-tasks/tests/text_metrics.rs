//! Metrics of texts and groups, compared with their reference programs by
//! `scripts/generate_text_reference.py`.

use mtpt_tasks::metric::bleu::bleu;
use mtpt_tasks::metric::classification::{f1, group_exact_match};
use mtpt_tasks::metric::{rouge, squad};
use mtpt_tasks::{Evaluation, Gold, Labels, Metric, Prediction};
use proptest::prelude::*;
use serde::Deserialize;

use crate::message;

const REFERENCE: &str = include_str!("fixtures/text_metrics.json");
/// The formulas are the same; only the order of operations differs.
const TOLERANCE: f64 = 1e-12;
/// torchmetrics sums in single precision.
const SINGLE: f64 = 1e-6;

const TEXT_METRICS: [Metric; 7] = [
    Metric::ExactMatch,
    Metric::SquadF1,
    Metric::Rouge1,
    Metric::Rouge2,
    Metric::RougeL,
    Metric::RougeLsum,
    Metric::Bleu,
];

#[derive(Deserialize)]
struct Reference {
    texts: Vec<Texts>,
    groups: Vec<Groups>,
}

#[derive(Deserialize)]
struct Texts {
    name: String,
    predictions: Vec<String>,
    references: Vec<Vec<String>>,
    values: std::collections::BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct Groups {
    /// Group, gold and predicted class.
    rows: Vec<(usize, usize, usize)>,
    f1a: f64,
    group_exact_match: f64,
}

fn reference() -> Reference {
    serde_json::from_str(REFERENCE).unwrap()
}

#[test]
fn text_metrics_match_their_reference_programs() {
    let cases = reference().texts;
    assert!(cases.len() > 10);
    for Texts { name, predictions, references, values } in cases {
        let evaluation = Evaluation::of_texts(&TEXT_METRICS, &references, &predictions).unwrap();
        assert_eq!(evaluation.values().len(), values.len());
        for (metric, expected) in values {
            let found = evaluation.get(&metric).unwrap();
            let single = matches!(metric.as_str(), "exact_match" | "squad_f1");
            let tolerance = if single { SINGLE } else { TOLERANCE };
            assert!(
                (found - expected).abs() < tolerance,
                "{name}: {metric} {found} for {expected}"
            );
        }
    }
}

#[test]
fn group_metrics_match_scikit_learn() {
    for Groups { rows, f1a, group_exact_match } in reference().groups {
        let labels = Labels::new([("0", "False"), ("1", "True")]).unwrap();
        let metrics = [
            Metric::F1a { positive: "True".into() },
            Metric::GroupExactMatch { group: "{question}".into() },
            Metric::Accuracy,
        ];
        let gold: Vec<Gold> = rows.iter().map(|row| Gold::Label(row.1)).collect();
        let predicted: Vec<Prediction> = rows.iter().map(|row| Prediction::Label(row.2)).collect();
        let groups: Vec<String> = rows.iter().map(|row| format!("question {}", row.0)).collect();
        let evaluation =
            Evaluation::in_groups(&metrics, &labels, &gold, &predicted, &groups).unwrap();
        for (name, expected) in [("f1a", f1a), ("group_exact_match", group_exact_match)] {
            let found = evaluation.get(name).unwrap();
            assert!((found - expected).abs() < TOLERANCE, "{name} {found} for {expected}");
        }
        // Without groups, each row is a group.
        let alone = Evaluation::new(&metrics, &labels, &gold, &predicted).unwrap();
        assert_eq!(alone.get("group_exact_match"), alone.get("accuracy"));
    }
}

#[test]
fn degenerate_input_has_defined_values() {
    let none = Evaluation::of_texts(&TEXT_METRICS, &[], &[]).unwrap();
    assert!(none.values().iter().all(|(_, value)| *value == 0.0));
    assert_eq!(group_exact_match(&[], &[]), 0.0);
    let empty = [String::new()];
    let evaluation = Evaluation::of_texts(&TEXT_METRICS, &[vec!["a word".into()]], &empty).unwrap();
    assert!(evaluation.values().iter().all(|(_, value)| *value == 0.0));
    assert_eq!(
        message(Evaluation::of_texts(&TEXT_METRICS, &[], &empty)),
        "expected a prediction for each of 0 rows, found 1"
    );
    let labels = Labels::new([("0", "no"), ("1", "yes")]).unwrap();
    let gold = [Gold::Label(0)];
    assert_eq!(
        message(Evaluation::in_groups(
            &[Metric::Accuracy],
            &labels,
            &gold,
            &[Prediction::Label(0)],
            &[]
        )),
        "expected a group for each of 1 rows, found 0"
    );
}

fn text() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "the", "a", "cat", "3.5", "1,000", "-", "it's", "\n", "Straße", "&lt;",
    ]);
    prop::collection::vec(word, 0..12).prop_map(|words| words.join(" "))
}

fn rows() -> impl Strategy<Value = Vec<(String, Vec<String>)>> {
    prop::collection::vec((text(), prop::collection::vec(text(), 1..4)), 1..8)
}

fn evaluate(rows: &[(String, Vec<String>)]) -> Vec<f64> {
    let (predictions, references): (Vec<_>, Vec<_>) = rows.iter().cloned().unzip();
    let evaluation = Evaluation::of_texts(&TEXT_METRICS, &references, &predictions).unwrap();
    evaluation.values().iter().map(|&(_, value)| value).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn values_are_in_range_and_independent_of_order(rows in rows()) {
        let values = evaluate(&rows);
        for value in &values {
            prop_assert!((0.0..=1.0 + TOLERANCE).contains(value));
        }
        let reversed: Vec<_> = rows
            .iter()
            .rev()
            .map(|(text, references)| (text.clone(), references.iter().rev().cloned().collect()))
            .collect();
        for (value, reversed) in values.iter().zip(evaluate(&reversed)) {
            prop_assert!((value - reversed).abs() < TOLERANCE);
        }
    }

    #[test]
    fn references_have_the_maximum_value(rows in rows()) {
        // At least four words, which every tokenizer preserves.
        let rows: Vec<_> = rows
            .into_iter()
            .map(|(_, references)| {
                let references: Vec<String> =
                    references.iter().map(|text| format!("one two three four {text}")).collect();
                (references.last().cloned().unwrap(), references)
            })
            .collect();
        for value in evaluate(&rows) {
            prop_assert!((value - 1.0).abs() < TOLERANCE);
        }
    }

    #[test]
    fn more_references_never_lower_the_value(rows in rows(), more in text()) {
        let richer: Vec<_> = rows
            .iter()
            .map(|(text, references)| (text.clone(), [references.as_slice(), std::slice::from_ref(&more)].concat()))
            .collect();
        // BLEU can be lower, as the nearest reference length can change.
        for (value, richer) in evaluate(&rows).iter().zip(evaluate(&richer)).take(6) {
            prop_assert!(richer >= *value - TOLERANCE);
        }
    }

    #[test]
    fn f1_is_symmetric(a in text(), b in text()) {
        prop_assert!((squad::f1(&a, &[&b]) - squad::f1(&b, &[&a])).abs() < TOLERANCE);
        for n in 1..3 {
            prop_assert!((rouge::rouge_n(&a, &b, n) - rouge::rouge_n(&b, &a, n)).abs() < TOLERANCE);
        }
        prop_assert!((rouge::rouge_l(&a, &b) - rouge::rouge_l(&b, &a)).abs() < TOLERANCE);
        prop_assert!(bleu(&[&a], &[vec![&b]]) <= 1.0 + TOLERANCE);
    }

    #[test]
    fn larger_groups_have_lower_values(
        pairs in prop::collection::vec((0_usize..2, 0_usize..2), 1..40),
        groups in 1_usize..6,
    ) {
        let numbers: Vec<usize> = (0..pairs.len()).map(|row| row % groups).collect();
        let whole = group_exact_match(&pairs, &vec![0; pairs.len()]);
        let parts = group_exact_match(&pairs, &numbers);
        prop_assert!((0.0..=1.0).contains(&parts));
        prop_assert!(whole <= parts);
        prop_assert!(f1(&pairs, 1) <= 1.0);
        // The group numbers have no meaning.
        let renamed: Vec<usize> = numbers.iter().map(|group| 100 - group).collect();
        prop_assert_eq!(parts, group_exact_match(&pairs, &renamed));
    }
}
