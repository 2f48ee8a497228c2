//! Results of a run on a split, with baselines, values per class and examples, as in the file
//! `evaluation.json` of a run.

pub(crate) mod problems;
pub(crate) mod record;

pub use problems::problems;
pub use record::{
    BaselineValues, BaselinesRecord, ClassRecord, EvaluationRecord, ExampleRecord, LabelKind,
    MetricBaselines, MetricRecord, TaskBaselines, TaskRecord,
};
