use mtpt_tasks::labels::Scale;
use mtpt_tasks::metric::classification::{accuracy, f1, macro_f1, matthews, micro_f1};
use mtpt_tasks::metric::correlation::{pearson, spearman};
use mtpt_tasks::{Evaluation, Gold, Labels, MajorityBaseline, Metric, Prediction};
use proptest::prelude::*;

use crate::reference::{CLASSES, FIRST_HUNDREDTHS, SCORES};

/// The formulas are the same; only the order of operations differs.
const TOLERANCE: f64 = 1e-12;

#[test]
fn classification_metrics_match_scikit_learn() {
    for (name, pairs, expected) in CLASSES {
        let found = [
            accuracy(pairs),
            f1(pairs, 0),
            f1(pairs, 1),
            macro_f1(pairs),
            micro_f1(pairs, &[0]),
            micro_f1(pairs, &[1, 2]),
            matthews(pairs),
        ];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < TOLERANCE, "{name}: {found} for {expected}");
        }
    }
}

#[test]
fn correlations_match_scipy() {
    for (name, pairs, expected) in SCORES {
        for (found, expected) in [pearson(pairs), spearman(pairs)].iter().zip(expected) {
            // A mean of 1e6 costs six digits of precision.
            let tolerance = if *name == "far from zero" { 1e-9 } else { TOLERANCE };
            assert!((found - expected).abs() < tolerance, "{name}: {found} for {expected}");
        }
    }
}

#[test]
fn rounding_of_scores_matches_t5() {
    for hundredths in 0..=500 {
        let expected = FIRST_HUNDREDTHS.iter().rposition(|&first| first <= hundredths).unwrap();
        let score: f64 = format!("{}.{:02}", hundredths / 100, hundredths % 100).parse().unwrap();
        assert_eq!(Scale::default().nearest(score), expected, "{score}");
    }
}

#[test]
fn degenerate_input_has_defined_values() {
    let none: &[(usize, usize)] = &[];
    assert_eq!([accuracy(none), f1(none, 0), macro_f1(none), matthews(none)], [0.0; 4]);
    for pairs in [
        vec![],
        vec![(1.0, 2.0)],
        vec![(0.1, 1.0), (0.1, 2.0), (0.1, 7.0)],
        vec![(1.0, 0.1), (2.0, 0.1), (7.0, 0.1)],
        vec![(1.0, f64::NAN), (2.0, 3.0)],
        vec![(1.0, f64::INFINITY), (2.0, 3.0)],
    ] {
        assert_eq!([pearson(&pairs), spearman(&pairs)], [0.0; 2], "{pairs:?}");
    }
    // Both zeros have the same rank.
    assert_eq!(spearman(&[(0.0, 1.0), (-0.0, 1.0), (1.0, 2.0)]), 1.0);
}

#[test]
fn unknown_predictions_are_wrong() {
    let labels = Labels::new([("0", "no"), ("1", "yes")]).unwrap();
    let metrics = [Metric::Accuracy, Metric::F1 { positive: "yes".into() }, Metric::MacroF1];
    let gold = [Gold::Label(0), Gold::Label(1), Gold::Label(1), Gold::Label(0)];
    let predictions =
        [Prediction::Label(0), Prediction::Label(1), Prediction::Unknown, Prediction::Label(1)];
    let evaluation = Evaluation::new(&metrics, &labels, &gold, &predictions).unwrap();
    // Like a third class in scikit-learn: F1 of 2/3, 1/2 and 0.
    let expected = [0.5, 0.5, (2.0 / 3.0 + 0.5) / 3.0];
    for ((metric, found), expected) in evaluation.values().iter().zip(expected) {
        assert!((found - expected).abs() < TOLERANCE, "{}: {found}", metric.name());
    }
    assert_eq!(evaluation.get("f1"), Some(0.5));
    assert_eq!((evaluation.get("matthews"), evaluation.rows()), (None, 4));
    assert!((evaluation.mean() - expected.iter().sum::<f64>() / 3.0).abs() < TOLERANCE);
    let error = Evaluation::new(&metrics, &labels, &gold, &predictions[1..]).unwrap_err();
    assert_eq!(error.to_string(), "expected a prediction for each of 4 rows, found 3");
}

#[test]
fn micro_f1_excludes_other_labels() {
    let labels = Labels::new([("0", "none"), ("1", "place"), ("2", "person")]).unwrap();
    let counted = |words: &[&str]| Metric::MicroF1 {
        labels: words.iter().map(|&word| word.to_owned()).collect(),
    };
    let gold = [0, 0, 0, 1, 1, 2].map(Gold::Label);
    let mut predictions = [0, 0, 1, 1, 2, 2].map(Prediction::Label);
    let value = |metric: Metric, predictions: &[Prediction]| {
        Evaluation::new(&[metric], &labels, &gold, predictions).unwrap().primary()
    };
    // Two true positives, three rows and four predictions.
    let names = counted(&["place", "person"]);
    assert!((value(names.clone(), &predictions) - 4.0 / 7.0).abs() < TOLERANCE);
    let all = counted(&["none", "place", "person"]);
    let right = value(Metric::Accuracy, &predictions);
    assert!((value(all, &predictions) - right).abs() < TOLERANCE);
    // An unknown prediction is a false negative, but not a false positive.
    predictions[3] = Prediction::Unknown;
    assert!((value(names, &predictions) - 2.0 / 6.0).abs() < TOLERANCE);
}

#[test]
fn baseline_depends_on_training_labels_only() {
    let labels = Labels::new([("a", "a"), ("b", "b"), ("c", "c")]).unwrap();
    let gold =
        |indices: &[usize]| indices.iter().map(|&index| Gold::Label(index)).collect::<Vec<_>>();
    let baseline = MajorityBaseline::new(&labels, &gold(&[2, 1, 1, 2, 0]));
    // The first of the most frequent labels.
    assert_eq!(baseline.prediction(), Prediction::Label(1));
    let metrics = [Metric::Accuracy, Metric::Matthews];
    let evaluation = baseline.evaluate(&metrics, &labels, &gold(&[1, 0, 0, 2]));
    assert_eq!((evaluation.get("accuracy"), evaluation.get("matthews")), (Some(0.25), Some(0.0)));

    let scores = [Gold::Score(1.0), Gold::Score(2.0), Gold::Score(4.5)];
    let baseline = MajorityBaseline::new(&Labels::regression(), &scores);
    assert_eq!(baseline.prediction(), Prediction::Score(2.5));
    let evaluation =
        baseline.evaluate(&[Metric::Pearson, Metric::Spearman], &Labels::regression(), &scores);
    assert_eq!((evaluation.primary(), evaluation.mean()), (0.0, 0.0));
    assert_eq!(MajorityBaseline::new(&labels, &[]).prediction(), Prediction::Unknown);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn values_are_in_range(
        classes in prop::collection::vec((0_usize..4, 0_usize..4), 0..40),
        scores in prop::collection::vec((-3.0..3.0_f64, -3.0..3.0_f64), 0..40),
    ) {
        for value in [accuracy(&classes), f1(&classes, 1), macro_f1(&classes), micro_f1(&classes, &[1, 3])] {
            prop_assert!((0.0..=1.0).contains(&value));
        }
        let all = micro_f1(&classes, &[0, 1, 2, 3]);
        prop_assert!((all - accuracy(&classes)).abs() < TOLERANCE);
        let swapped: Vec<_> = classes.iter().map(|&(a, b)| (b, a)).collect();
        prop_assert!(matthews(&classes).abs() <= 1.0 + TOLERANCE);
        prop_assert!((matthews(&classes) - matthews(&swapped)).abs() < TOLERANCE);
        for correlation in [pearson, spearman] {
            let value = correlation(&scores);
            prop_assert!((-1.0..=1.0).contains(&value));
            let turned: Vec<_> = scores.iter().map(|&(a, b)| (a, 2.0 - 3.0 * b)).collect();
            prop_assert!((value + correlation(&turned)).abs() < 1e-9);
        }
    }
}
