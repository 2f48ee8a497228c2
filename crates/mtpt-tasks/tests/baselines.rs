//! Linear models on TF-IDF features, values per class, and errors of scores, against scikit-learn.

use std::fs;
use std::path::Path;

use mtpt_tasks::baseline::Baselines;
#[cfg(feature = "tfidf")]
use mtpt_tasks::baseline::{TfidfBaseline, TfidfPrediction};
use mtpt_tasks::metric::deviation::{mean_absolute_error, root_mean_squared_error};
use mtpt_tasks::metric::per_class::{confusion_matrix, per_class, per_label};
use mtpt_tasks::{Evaluation, Gold, Labels, Metric, Prediction, Split, Task, TaskFile};
use serde::Deserialize;
use tempfile::TempDir;

/// Both optimizers stop at a small gradient; the probabilities differ by less than 1e-6.
#[cfg(feature = "tfidf")]
const FITTED: f64 = 1e-5;
/// The formulas are the same; only the order of operations differs.
const EXACT: f64 = 1e-12;

#[derive(Deserialize)]
struct Reference {
    names: Vec<String>,
    words: Vec<String>,
    train: Vec<Row>,
    dev: Vec<Row>,
    classes: Vec<Vec<f64>>,
    two_classes: Vec<f64>,
    labels: Vec<Vec<f64>>,
    scores: Vec<f64>,
    per_class: PerClass,
    errors: Errors,
}

#[derive(Deserialize, serde::Serialize)]
struct Row {
    text: String,
    class: String,
    score: f64,
    labels: Vec<String>,
}

#[derive(Deserialize)]
struct PerClass {
    predicted: Vec<usize>,
    precision: Vec<f64>,
    recall: Vec<f64>,
    f1: Vec<f64>,
    gold: Vec<usize>,
    confusion: Vec<Vec<usize>>,
}

#[derive(Deserialize)]
struct Errors {
    rmse: f64,
    mae: f64,
}

impl Reference {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/baselines.json");
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
    }

    /// Returns a task of the rows.
    fn task(&self, folder: &TempDir, keys: &str) -> Task {
        self.task_with_template(folder, "{text}", keys)
    }

    fn task_with_template(&self, folder: &TempDir, template: &str, keys: &str) -> Task {
        for (name, rows) in [("train", &self.train), ("dev", &self.dev)] {
            let lines = rows.iter().map(|row| serde_json::to_string(row).unwrap() + "\n");
            fs::write(folder.path().join(format!("{name}.jsonl")), lines.collect::<String>())
                .unwrap();
        }
        let text = format!(
            "[[tasks]]\nname = \"task\"\nformat = \"json_lines\"\ntrain = \"train.jsonl\"\ndev = \"dev.jsonl\"\n\
             template = \"{template}\"\n{keys}\n"
        );
        let file = TaskFile::parse(&text, &folder.path().join("tasks.toml")).unwrap();
        file.into_tasks().remove(0)
    }

    fn gold_classes(&self) -> Vec<usize> {
        let index = |row: &Row| self.names.iter().position(|name| *name == row.class).unwrap();
        self.dev.iter().map(index).collect()
    }
}

const CLASSES: &str = "label_field = \"class\"\nlabels = { shipping = \"shipping\", \
                       billing = \"billing\", account = \"account\", bug = \"bug\" }";

#[cfg(feature = "tfidf")]
#[test]
fn probabilities_of_classes_match_scikit_learn() {
    let reference = Reference::read();
    let folder = tempfile::tempdir().unwrap();
    let task = reference.task(&folder, CLASSES);
    let mut train = task.read(Split::Train).unwrap();
    let baseline = TfidfBaseline::new(task.labels(), &train).unwrap();
    for (row, expected) in reference.dev.iter().zip(&reference.classes) {
        for (found, expected) in baseline.outputs(&row.text).iter().zip(expected) {
            assert!((found - expected).abs() < FITTED, "{}: {found} for {expected}", row.text);
        }
    }
    // With two labels, scikit-learn fits one output.
    let labels = Labels::new([("0", "old"), ("1", "new")]).unwrap();
    for row in &mut train {
        let Gold::Label(label) = row.gold else { panic!("a class") };
        row.gold = Gold::Label(usize::from(label > 1));
    }
    let baseline = TfidfBaseline::new(&labels, &train).unwrap();
    for (row, expected) in reference.dev.iter().zip(&reference.two_classes) {
        let found = baseline.outputs(&row.text);
        assert!((found[1] - expected).abs() < FITTED, "{}: {found:?} for {expected}", row.text);
        let label = usize::from(*expected > 0.5);
        let prediction = TfidfPrediction::One(Prediction::Label(label));
        assert_eq!(baseline.predict(&row.text), prediction);
    }
}

#[cfg(feature = "tfidf")]
#[test]
fn labels_and_scores_match_scikit_learn() {
    let reference = Reference::read();
    let folder = tempfile::tempdir().unwrap();
    let words: Vec<String> = reference.words.iter().map(|word| format!("{word:?}")).collect();
    let labels = format!("labels = {{ multi_label = [{}] }}", words.join(", "));
    let task = reference.task(&folder, &format!("label_field = \"labels\"\n{labels}"));
    let baseline = TfidfBaseline::new(task.labels(), &task.read(Split::Train).unwrap()).unwrap();
    for (row, expected) in reference.dev.iter().zip(&reference.labels) {
        for (found, expected) in baseline.outputs(&row.text).iter().zip(expected) {
            assert!((found - expected).abs() < FITTED, "{}: {found} for {expected}", row.text);
        }
    }
    let scale = "labels = { regression = { lowest = 0, highest = 10, step = 0.5 } }";
    let task = reference.task(&folder, &format!("label_field = \"score\"\n{scale}"));
    let baseline = TfidfBaseline::new(task.labels(), &task.read(Split::Train).unwrap()).unwrap();
    for (row, expected) in reference.dev.iter().zip(&reference.scores) {
        let found = baseline.outputs(&row.text)[0];
        // The scores are larger than probabilities.
        assert!((found - expected).abs() < 10.0 * FITTED, "{}: {found}", row.text);
    }
}

#[test]
fn baselines_of_a_task_use_its_own_metrics() {
    let reference = Reference::read();
    let folder = tempfile::tempdir().unwrap();
    let metrics = "metrics = [\"accuracy\", \"macro_f1\"]";
    let task = reference.task(&folder, &format!("{CLASSES}\n{metrics}"));
    let baselines = Baselines::of_task(&task, Split::Dev, None).unwrap().unwrap();
    // `billing` is the most frequent class of the training rows, and that of 3 of 8 dev rows.
    assert_eq!(baselines.majority_label.as_deref(), Some("billing"));
    assert_eq!(baselines.majority.get("accuracy"), Some(3.0 / 8.0));
    let record = baselines.record(&task);
    assert_eq!((record.rows, record.metrics[1].metric.as_str()), (8, "macro_f1"));
    let expected = cfg!(feature = "tfidf").then_some(5.0 / 8.0);
    assert_eq!(record.metrics[0].values.tfidf, expected);
    assert_eq!(Baselines::of_task(&task, Split::Dev, Some(false)).unwrap().unwrap().tfidf, None);
    assert_eq!(Baselines::of_task(&task, Split::Test, None).unwrap(), None);

    let labels = "label_field = \"labels\"\nlabels = { multi_label = [\"my\", \"the\", \"app\", \
                  \"card\"] }";
    let task = reference.task(&folder, labels);
    let baselines = Baselines::of_task(&task, Split::Dev, None).unwrap().unwrap();
    assert_eq!(baselines.majority_label.as_deref(), Some("my"));
    assert_eq!(baselines.tfidf.is_some(), cfg!(feature = "tfidf"));

    let text = reference.task(&folder, "label_field = \"class\"\nlabels = \"text\"");
    let baselines = Baselines::of_task(&text, Split::Dev, Some(true)).unwrap().unwrap();
    assert_eq!((baselines.majority_label.as_deref(), baselines.tfidf), (Some("billing"), None));
}

#[cfg(feature = "tfidf")]
#[test]
fn words_of_the_template_are_no_features() {
    let reference = Reference::read();
    let folder = tempfile::tempdir().unwrap();
    let row_texts = |template: &str| {
        let task = reference.task_with_template(&folder, template, CLASSES);
        let rows = task.read(Split::Train).unwrap();
        let probabilities = TfidfBaseline::new(task.labels(), &rows).unwrap().outputs("my card");
        (rows.into_iter().map(|row| row.text).collect::<Vec<_>>(), probabilities)
    };
    let bare = row_texts("{text}");
    assert_eq!(bare, row_texts("the class of the ticket {text} is"));
    assert_ne!(bare, row_texts("{text} {class}"), "all fields are features");
}

#[test]
fn values_per_class_match_scikit_learn() {
    let reference = Reference::read();
    let expected = &reference.per_class;
    let gold = reference.gold_classes();
    let pairs: Vec<_> = gold.iter().copied().zip(expected.predicted.iter().copied()).collect();
    let found = per_class(&pairs, 4);
    for (class, found) in found.iter().enumerate() {
        assert!((found.precision() - expected.precision[class]).abs() < EXACT);
        assert!((found.recall() - expected.recall[class]).abs() < EXACT);
        assert!((found.f1() - expected.f1[class]).abs() < EXACT);
        assert_eq!(found.gold, expected.gold[class]);
    }
    assert_eq!(confusion_matrix(&pairs, 4), expected.confusion);
    // An unknown prediction is in no column.
    assert_eq!(confusion_matrix(&[(0, 5)], 2), [[0, 0], [0, 0]]);
    let sets: Vec<_> =
        pairs.iter().map(|&(gold, predicted)| (vec![gold], vec![predicted])).collect();
    assert_eq!(per_label(&sets, 4), found);
}

#[test]
fn errors_of_scores_match_scikit_learn_and_lower_is_better() {
    let reference = Reference::read();
    let rows = reference.dev.iter().zip(&reference.scores);
    let pairs: Vec<(f64, f64)> = rows.map(|(row, &score)| (row.score, score)).collect();
    assert!((root_mean_squared_error(&pairs) - reference.errors.rmse).abs() < EXACT);
    assert!((mean_absolute_error(&pairs) - reference.errors.mae).abs() < EXACT);
    assert_eq!(root_mean_squared_error(&[]), 0.0);

    // On the scale from 0 to 5, an error of 1 counts as 1 - 1/5.
    let evaluate = |metrics: &[Metric], predicted: f64| {
        let gold = [Gold::Score(1.0), Gold::Score(3.0)];
        let predictions = [Prediction::Score(1.0 + predicted), Prediction::Score(3.0 + predicted)];
        Evaluation::new(metrics, &Labels::regression(), &gold, &predictions).unwrap()
    };
    let evaluation = evaluate(&[Metric::Mae], 1.0);
    assert_eq!((evaluation.get("mae"), evaluation.mean()), (Some(1.0), 0.8));
    let both = evaluate(&[Metric::Rmse, Metric::Pearson], 1.0);
    assert!((both.mean() - 0.9).abs() < EXACT);
    assert!(evaluate(&[Metric::Rmse], 0.5).mean() > evaluate(&[Metric::Rmse], 1.0).mean());
}
