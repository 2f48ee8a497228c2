//! The form of `evaluation.json`.

use mtpt_tasks::EvaluationRecord;
use serde_json::json;

#[test]
fn records_keep_their_json_form() {
    let written = json!({
        "step": 500,
        "split": "dev",
        "tasks": [{
            "task": "tickets/topic",
            "rows": 22,
            "kind": "classes",
            "metrics": [{ "metric": "accuracy", "value": 0.41, "majority": 0.273, "before": 0.25 }],
            "majority_label": "shipping",
            "classes": [{
                "label": "shipping", "precision": 0.2, "recall": 1.0, "f1": 0.4, "gold": 6,
                "predicted": 22,
            }],
            "confusion": [[6]],
            "warnings": ["every dev row got the label `shipping`"],
            "examples": [{
                "file": "tickets.csv", "line": 12, "text": "...", "gold": "billing",
                "predicted": "shipping", "probability": 0.53, "correct": false,
            }],
        }],
    });
    let record: EvaluationRecord = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(record.tasks[0].metrics[0].baselines.majority, Some(0.273));
    assert_eq!(record.tasks[0].metrics[0].baselines.tfidf, None);
    assert_eq!(serde_json::to_value(&record).unwrap(), written);
    // Missing values are omitted.
    let bare = json!({ "task": "a", "rows": 0, "kind": "text", "metrics": [], "warnings": [] });
    let record: mtpt_tasks::TaskRecord = serde_json::from_value(bare.clone()).unwrap();
    assert_eq!(serde_json::to_value(&record).unwrap(), bare);
}
