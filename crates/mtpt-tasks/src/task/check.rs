use std::collections::{BTreeMap, HashMap};

use crate::data::error::DataError;
use crate::data::format::Format;
use crate::error::Result;
use crate::labels::config::LabelsConfig;
use crate::labels::error::LabelsError;
use crate::labels::labels::Labels;
use crate::look_alike::{appearance, look_alike, same_label};
use crate::metric::error::MetricError;
use crate::metric::metric::Metric;
use crate::out_of_range::OutOfRange;
use crate::presets::Preset;
use crate::split::Split;
use crate::task::config::TaskConfig;
use crate::task::error::TaskError;
use crate::task::fetch::fetched;
use crate::task::read::label_of;
use crate::task::task::Task;
use crate::task::unlabeled::{LabelFields, Unlabeled};
use crate::template::template::Template;

impl Task {
    /// Validates a definition and fills in the defaults of its format.
    ///
    /// Data is read for `labels = "verbatim"` alone, which collects the labels of the training
    /// split. With `hub`, the files are fetched first, and the definition names the local copies.
    ///
    /// # Errors
    ///
    /// Returns [`Error::InTask`](crate::Error::InTask) around the error in the definition. With
    /// `labels = "verbatim"`, also errors of [`read`](Self::read).
    pub fn new(config: &TaskConfig) -> Result<Self> {
        Self::check(config).map_err(|error| error.in_task(&config.name))
    }

    fn check(config: &TaskConfig) -> Result<Self> {
        let mut config = fetched(config.clone())?;
        let preset = Preset::of(config.format);
        config.layout().check()?;
        check_files(&config)?;
        check_limits(&config)?;
        let template = match (&config.template, &preset) {
            (Some(template), _) => Template::new(template)?,
            (None, Some(preset)) => Template::new(preset.template)?,
            (None, None) => return Err(TaskError::NoTemplate.into()),
        };
        let label_field = match (config.label_field.take(), &preset) {
            (Some(field), _) => field,
            (None, Some(preset)) => preset.label_field.to_owned(),
            (None, None) => "label".to_owned(),
        };
        let default_labels = preset.as_ref().map(|preset| &preset.labels);
        let Some(labels) = config.labels.as_ref().or(default_labels) else {
            return Err(LabelsError::NoLabels { found: "none" }.into());
        };
        let collected = matches!(labels, LabelsConfig::Verbatim);
        let labels = match Labels::of_config(labels)? {
            Some(labels) => labels,
            None => collect_labels(&config, &label_field)?,
        };
        if config.metrics.is_empty() {
            config.metrics = default_metrics(preset, &labels);
        }
        for metric in &mut config.metrics {
            metric.complete(&labels)?;
        }
        for (index, metric) in config.metrics.iter().enumerate() {
            if config.metrics[..index].iter().any(|other| other.name() == metric.name()) {
                return Err(MetricError::Duplicate { metric: metric.name() }.into());
            }
        }
        let metrics = config.metrics.clone();
        let group = metrics.iter().find_map(Metric::group).map(Template::new).transpose()?;
        config.template = Some(template.as_str().to_owned());
        config.label_field = Some(label_field.clone());
        config.labels = Some(labels.to_config());
        Ok(Self { config, template, label_field, labels, collected, metrics, group })
    }
}

/// Checks that each split has at most one source.
fn check_files(config: &TaskConfig) -> Result<()> {
    if Split::ALL.into_iter().all(|split| config.file(split).is_none()) {
        return Err(TaskError::NoData.into());
    }
    if let Some(found) = config.hold_out {
        if !(found > 0.0 && found < 1.0) {
            let (option, expected) = ("hold_out", "to be between 0 and 1");
            return Err(OutOfRange { option, expected, found }.into());
        }
        if config.dev.is_some() {
            return Err(TaskError::TwoDevSplits.into());
        }
        if config.train.is_none() {
            return Err(TaskError::HoldOutWithoutTrain.into());
        }
        if matches!(config.format, Format::SuperglueMultirc | Format::SuperglueRecord) {
            return Err(TaskError::HoldOutOfAnswers { format: config.format }.into());
        }
    }
    let Some(splits) = config.splits else { return Ok(()) };
    let Some(source) = splits.source(config.format) else {
        return Err(TaskError::SplitsFormat { splits, format: config.format }.into());
    };
    let expected = if config.hold_out.is_some() {
        "`hold_out` to be omitted"
    } else if source.accepts(|split| config.file(split).is_some()) {
        return Ok(());
    } else {
        source.expected_files()
    };
    Err(TaskError::SplitsFiles { splits, expected }.into())
}

fn check_limits(config: &TaskConfig) -> Result<()> {
    let expected = "to be at least 1";
    for split in Split::ALL {
        if config.limit.rows(split) == Some(0) {
            let option = match split {
                Split::Train => "limit.train",
                Split::Dev => "limit.dev",
                Split::Test => "limit.test",
            };
            return Err(OutOfRange { option, expected, found: 0.0 }.into());
        }
    }
    if config.few_shot.is_some_and(|few_shot| few_shot.per_label == 0) {
        return Err(OutOfRange { option: "few_shot.per_label", expected, found: 0.0 }.into());
    }
    Ok(())
}

fn default_metrics(preset: Option<Preset>, labels: &Labels) -> Vec<Metric> {
    match preset {
        // Metrics of the format may name words that other labels do not have.
        Some(preset)
            if preset.metrics.iter().all(|metric| metric.clone().complete(labels).is_ok()) =>
        {
            preset.metrics
        }
        _ if labels.is_regression() => vec![Metric::Pearson],
        _ if labels.is_multi_label() => {
            vec![Metric::MicroF1 { labels: Vec::new() }, Metric::MacroF1]
        }
        _ if labels.no_answer().is_some() => vec![Metric::SquadV2F1, Metric::SquadV2ExactMatch],
        _ if labels.is_text() => vec![Metric::SquadF1, Metric::ExactMatch],
        _ => vec![Metric::Accuracy],
    }
}

/// Maximum number of labels whose appearance is compared with that of each other.
const MAX_COMPARED: usize = 1_000;

/// Returns the labels of the training split in sorted order, each its own word.
fn collect_labels(config: &TaskConfig, label_field: &str) -> Result<Labels> {
    let Some(path) = config.file(Split::Train) else {
        return Err(TaskError::VerbatimWithoutTrain.into());
    };
    // The spelling of each label.
    let mut labels: BTreeMap<String, String> = BTreeMap::new();
    let mut folded: HashMap<String, String> = HashMap::new();
    // The labels of each appearance.
    let mut seen: HashMap<String, Vec<String>> = HashMap::new();
    let (layout, fields) = (config.layout(), LabelFields { field: label_field, labels: None });
    for example in layout.open(path)? {
        let example = example?;
        if config.unlabeled == Unlabeled::Skip && fields.is_missing(&example) {
            continue;
        }
        let explain = |error| fields.explain(error, &layout, path);
        let label = label_of(&example, label_field).map_err(explain)?;
        let form = same_label(label);
        if let Some(spelling) = labels.get_mut(&form) {
            // The usual spelling does not depend on the order of the rows.
            if form == label {
                label.clone_into(spelling);
            }
            continue;
        }
        let location = || example.location().clone();
        if form.is_empty() {
            let field = label_field.to_owned();
            return Err(explain(DataError::NoLabel { location: location(), field }.into()));
        }
        // Labels that differ in case alone are nearly always typing errors.
        let (second, lower) = (label.to_owned(), form.to_lowercase());
        if let Some(first) = folded.get(&lower) {
            let first = first.clone();
            return Err(DataError::LabelsAlike { location: location(), first, second }.into());
        }
        folded.insert(lower, label.to_owned());
        labels.insert(form, second);
        if labels.len() > MAX_COMPARED {
            continue;
        }
        let alike = seen.entry(appearance(label)).or_default();
        if let Some(first) = look_alike(label, alike) {
            let (first, second) = (first.to_owned(), label.to_owned());
            return Err(DataError::LabelsLookAlike { location: location(), first, second }.into());
        }
        alike.push(label.to_owned());
    }
    if labels.is_empty() {
        return Err(DataError::NoRows { path: path.to_path_buf() }.into());
    }
    let mut labels: Vec<String> = labels.into_values().collect();
    labels.sort_unstable();
    Labels::new(labels.into_iter().map(|label| (label.clone(), label)))
}
