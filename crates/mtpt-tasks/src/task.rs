use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use crate::config::{Split, TaskConfig};
use crate::error::{Error, Result};
use crate::evaluation::Evaluation;
use crate::example::{Example, SourceLocation};
use crate::format::Format;
use crate::glue::Preset;
use crate::hold_out::hold_out;
use crate::hub::fetched;
use crate::id::TaskId;
use crate::labels::{Gold, Labels, LabelsConfig, Prediction};
use crate::metric::Metric;
use crate::permutation::Permutation;
use crate::splits::{Part, drawn};
use crate::template::Template;

/// A row as a model meets it: an input text and the target text that answers it.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Input text.
    pub input: String,
    /// Target text: the label's word, the right one of the row's choices, or the first of its references.
    pub target: String,
    /// Index of the target among what it is chosen from: the task's [`Labels::words`], or the row's choices or references.
    pub label: usize,
    /// What the row's label means.
    pub gold: Gold,
    /// The texts that are right, where labels are free text; none otherwise.
    pub references: Vec<String>,
    /// The row's own candidates, in the order of [`Labels::choice_fields`]; none where words are ranked.
    pub choices: Vec<String>,
    /// The group that the row belongs to, where a metric of the task judges groups.
    pub group: Option<String>,
    /// Where the row stands.
    pub location: SourceLocation,
}

impl Instance {
    /// Whether targets are the row's own, and not words that other rows have, too.
    pub(crate) fn has_own_targets(&self) -> bool {
        !self.references.is_empty() || !self.choices.is_empty()
    }
}

/// A checked task: its files, the text of its inputs, the meaning of its labels, and how it is judged.
#[derive(Clone, Debug)]
pub struct Task {
    /// As given, with every default filled in.
    config: TaskConfig,
    template: Template,
    label_field: String,
    labels: Labels,
    /// Whether the labels are those that the training split has.
    collected: bool,
    metrics: Vec<Metric>,
    /// What rows of one group have in common, where a metric judges groups.
    group: Option<Template>,
}

impl Task {
    /// Checks a description and fills in what its format implies.
    ///
    /// Only `labels = "verbatim"` reads data, the training split for its labels, and only `hub` fetches any: the description has
    /// the places of its files then.
    ///
    /// # Errors
    ///
    /// [`Error::InTask`] around what is wrong with the description, or, for labels from the training split, with the
    /// data, as [`read`](Self::read).
    pub fn new(config: &TaskConfig) -> Result<Self> {
        Self::check(config).map_err(|error| error.in_task(&config.name))
    }

    fn check(config: &TaskConfig) -> Result<Self> {
        let mut config = fetched(config.clone())?;
        let preset = Preset::of(config.format);
        if Split::ALL.into_iter().all(|split| config.file(split).is_none()) {
            return Err(Error::NoData);
        }
        for split in Split::ALL {
            if config.limit.rows(split) == Some(0) {
                let option = match split {
                    Split::Train => "limit.train",
                    Split::Dev => "limit.dev",
                    Split::Test => "limit.test",
                };
                return Err(Error::OutOfRange { option, expected: "to be at least 1", found: 0.0 });
            }
        }
        if let Some(share) = config.hold_out {
            if !(share > 0.0 && share < 1.0) {
                let (option, expected) = ("hold_out", "to be between 0 and 1");
                return Err(Error::OutOfRange { option, expected, found: share });
            }
            if config.dev.is_some() {
                return Err(Error::TwoDevSplits);
            }
            if config.train.is_none() {
                return Err(Error::HoldOutWithoutTrain);
            }
        }
        let has_rows_of_answers =
            matches!(config.format, Format::SuperglueMultirc | Format::SuperglueRecord);
        if config.hold_out.is_some() && has_rows_of_answers {
            return Err(Error::HoldOutOfAnswers { format: config.format });
        }
        if let Some(splits) = config.splits {
            splits.check(&config)?;
        }
        if config.few_shot.is_some_and(|few| few.per_label == 0) {
            let (option, expected) = ("few_shot.per_label", "to be at least 1");
            return Err(Error::OutOfRange { option, expected, found: 0.0 });
        }
        let template = match (&config.template, &preset) {
            (Some(template), _) => Template::new(template)?,
            (None, Some(preset)) => Template::new(preset.template)?,
            (None, None) => return Err(Error::NoTemplate),
        };
        let label_field = match (config.label_field.take(), &preset) {
            (Some(field), _) => field,
            (None, Some(preset)) => preset.label_field.to_owned(),
            (None, None) => "label".to_owned(),
        };
        let implied = preset.as_ref().map(|preset| &preset.labels);
        let Some(labels) = config.labels.as_ref().or(implied) else {
            return Err(Error::NoLabels { found: "none" });
        };
        let collected = matches!(labels, LabelsConfig::Verbatim);
        let labels = match Labels::of_config(labels)? {
            Some(labels) => labels,
            None => Self::collect_labels(&config, &label_field)?,
        };
        if config.metrics.is_empty() {
            config.metrics = match preset {
                // Metrics of the format may name words that other labels do not have.
                Some(preset)
                    if preset.metrics.iter().all(|metric| metric.check(&labels).is_ok()) =>
                {
                    preset.metrics
                }
                _ if labels.is_regression() => vec![Metric::Pearson],
                _ if labels.is_text() => vec![Metric::SquadF1, Metric::ExactMatch],
                _ => vec![Metric::Accuracy],
            };
        }
        for (index, metric) in config.metrics.iter().enumerate() {
            metric.check(&labels)?;
            if config.metrics[..index].iter().any(|other| other.name() == metric.name()) {
                return Err(Error::DuplicateMetric { metric: metric.name() });
            }
        }
        let metrics = config.metrics.clone();
        let group = metrics.iter().find_map(Metric::group).map(Template::new).transpose()?;
        config.template = Some(template.as_str().to_owned());
        config.label_field = Some(label_field.clone());
        config.labels = Some(labels.to_config());
        Ok(Self { config, template, label_field, labels, collected, metrics, group })
    }

    /// The labels of the training split, each its own word, in sorted order.
    fn collect_labels(config: &TaskConfig, label_field: &str) -> Result<Labels> {
        let Some(path) = config.file(Split::Train) else {
            return Err(Error::VerbatimWithoutTrain);
        };
        let mut labels: BTreeSet<String> = BTreeSet::new();
        let mut folded: HashMap<String, String> = HashMap::new();
        for example in config.format.open(path)? {
            let example = example?;
            let label = example.require(label_field)?;
            if labels.contains(label) {
                continue;
            }
            let location = || example.location().clone();
            if label.trim().is_empty() {
                return Err(Error::NoLabel { location: location(), field: label_field.to_owned() });
            }
            // Such labels are slips of who wrote the file far more often than two things.
            if let Some(first) = folded.insert(label.trim().to_lowercase(), label.to_owned()) {
                return Err(Error::LabelsAlike {
                    location: location(),
                    first,
                    second: label.to_owned(),
                });
            }
            labels.insert(label.to_owned());
        }
        if labels.is_empty() {
            return Err(Error::NoRows { path: path.to_path_buf() });
        }
        Labels::new(labels.into_iter().map(|label| (label.clone(), label)))
    }

    /// The task's name.
    pub fn id(&self) -> &TaskId {
        &self.config.name
    }

    /// The task's description, with every default filled in.
    pub fn config(&self) -> &TaskConfig {
        &self.config
    }

    /// The text of inputs.
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// The field with the label.
    pub fn label_field(&self) -> &str {
        &self.label_field
    }

    /// What labels mean.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// How predictions are judged, the primary metric first.
    pub fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// Whether there are rows of a split: a file of its own, or rows of another split's.
    pub fn has(&self, split: Split) -> bool {
        self.source(split).is_some()
    }

    /// The file that a split's rows are in, and which of them.
    fn source(&self, split: Split) -> Option<(&Path, Part)> {
        let (of, part) = match (self.config.splits, self.config.hold_out) {
            (Some(splits), _) => splits.part(self.config.format, split),
            (None, Some(share)) if split != Split::Test => {
                (Split::Train, Part::HoldOut { share, held: split == Split::Dev })
            }
            _ => (split, Part::Whole),
        };
        Some((self.file(of)?, part))
    }

    /// The file that the configuration names for a split.
    pub fn file(&self, split: Split) -> Option<&Path> {
        self.config.file(split)
    }

    /// The input text for a row, which may have no label.
    ///
    /// # Errors
    ///
    /// [`Error::InTask`] around the error of [`Template::render`].
    pub fn input(&self, example: &Example) -> Result<String> {
        self.template.render(example).map_err(|error| error.in_task(self.id()))
    }

    /// Input and target text for a row.
    ///
    /// # Errors
    ///
    /// [`Error::InTask`] around [`Error::UnknownField`], [`Error::FieldKind`], [`Error::UnknownLabel`],
    /// [`Error::NoLabel`], [`Error::UnseenLabel`], [`Error::Score`] or [`Error::NoText`].
    pub fn instance(&self, example: &Example) -> Result<Instance> {
        self.make(example).map_err(|error| error.in_task(self.id()))
    }

    fn make(&self, example: &Example) -> Result<Instance> {
        let mut row = Instance {
            input: self.template.render(example)?,
            target: String::new(),
            label: 0,
            gold: Gold::Text,
            references: Vec::new(),
            choices: Vec::new(),
            group: self.group.as_ref().map(|group| group.render(example)).transpose()?,
            location: example.location().clone(),
        };
        if self.labels.is_text() {
            let field = self.labels.references().unwrap_or(&self.label_field);
            let references = example.require_texts(field)?;
            row.references = references.into_iter().map(str::to_owned).collect();
            row.target = match self.labels.references() {
                Some(_) => example.require(&self.label_field)?.to_owned(),
                None => row.references[0].clone(),
            };
            // It would be learned as the end of sentence alone.
            if row.target.trim().is_empty() {
                return Err(Error::NoLabel {
                    location: row.location,
                    field: self.label_field.clone(),
                });
            }
            return Ok(row);
        }
        let gold = self.labels.gold(example.require(&self.label_field)?, example.location());
        row.gold = gold.map_err(|error| self.unseen(error))?;
        row.label = self.labels.target(row.gold);
        row.choices = self.labels.choices_of(example)?;
        let targets = if row.choices.is_empty() { self.labels.words() } else { &row.choices };
        row.target = targets[row.label].clone();
        Ok(row)
    }

    /// An empty label is none, and an unknown label of labels that were collected is one that the training split lacks.
    fn unseen(&self, error: Error) -> Error {
        match (error, self.file(Split::Train)) {
            (
                Error::UnknownLabel { location, label: found, .. }
                | Error::Score { location, found, .. },
                _,
            ) if found.trim().is_empty() => {
                Error::NoLabel { location, field: self.label_field.clone() }
            }
            (Error::UnknownLabel { location, label, known }, Some(train)) if self.collected => {
                Error::UnseenLabel { location, label, train: train.to_path_buf(), known }
            }
            (error, _) => error,
        }
    }

    /// All rows of a split, in the order of the file, as far as the limit goes.
    ///
    /// # Errors
    ///
    /// [`Error::NoSplit`] if the task has no such split, [`Error::InTask`] around [`Error::NoRows`] if the file has no row,
    /// [`Error::HoldOut`] if the share held out leaves none, [`Error::FewShot`] if a label has too few, around those of
    /// [`Reader`](crate::Reader), and those of [`instance`](Self::instance).
    pub fn read(&self, split: Split) -> Result<Vec<Instance>> {
        let Some((path, part)) = self.source(split) else {
            return Err(Error::NoSplit { task: self.id().clone(), split });
        };
        let mut instances =
            self.instances(split, path, part)?.collect::<Result<Vec<Instance>>>()?;
        if self.chooses_among_all(split, part) {
            let gold: Vec<Gold> = instances.iter().map(|instance| instance.gold).collect();
            let chosen = self.choose(split, part, path, &gold);
            let mut chosen = chosen.map_err(|error| error.in_task(self.id()))?.into_iter();
            instances.retain(|_| chosen.next() == Some(true));
        }
        Ok(instances)
    }

    /// The same rows one by one, for data that does not fit in memory: where rows are chosen among all, the file is read twice,
    /// and what its labels mean is held for a while.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), at once or by an item, and [`Error::FileChanged`] by the last item.
    pub fn stream(&self, split: Split) -> Result<impl Iterator<Item = Result<Instance>> + '_> {
        let Some((path, part)) = self.source(split) else {
            return Err(Error::NoSplit { task: self.id().clone(), split });
        };
        let chosen = if self.chooses_among_all(split, part) {
            let all = self.instances(split, path, part)?;
            let gold = all.map(|row| Ok(row?.gold)).collect::<Result<Vec<Gold>>>()?;
            let chosen = self.choose(split, part, path, &gold);
            Some(chosen.map_err(|error| error.in_task(self.id()))?)
        } else {
            None
        };
        let mut instances = self.instances(split, path, part)?;
        let mut found = 0;
        Ok(std::iter::from_fn(move || {
            loop {
                let row = instances.next();
                let Some(chosen) = &chosen else { return row };
                let is_chosen = chosen.get(found).copied();
                match (row, is_chosen) {
                    (None, None) => return None,
                    (Some(Err(error)), _) => return Some(Err(error)),
                    (Some(Ok(row)), Some(is_chosen)) => {
                        found += 1;
                        if is_chosen {
                            return Some(Ok(row));
                        }
                    }
                    (row, _) => {
                        let (path, expected) = (path.to_path_buf(), chosen.len());
                        // Said once.
                        let found = std::mem::replace(&mut found, expected);
                        let found = found + usize::from(row.is_some());
                        let changed = Error::FileChanged { path, expected, found };
                        return Some(Err(changed.in_task(self.id())));
                    }
                }
            }
        }))
    }

    /// The rows of a split's file: all of them, or those before the limit where no others are asked for.
    fn instances(
        &self,
        split: Split,
        path: &Path,
        part: Part,
    ) -> Result<impl Iterator<Item = Result<Instance>> + '_> {
        let limit = self.config.limit.rows(split).unwrap_or(usize::MAX);
        let count = if self.chooses_among_all(split, part) { usize::MAX } else { limit };
        let rows = self.config.format.open(path).map_err(|error| error.in_task(self.id()))?;
        let mut rows = rows.answers_apart(split == Split::Train).take(count).peekable();
        if rows.peek().is_none() {
            return Err(Error::NoRows { path: path.to_path_buf() }.in_task(self.id()));
        }
        Ok(rows.map(|row| {
            row.map_err(|error| error.in_task(self.id())).and_then(|row| self.instance(&row))
        }))
    }

    /// Whether all rows of a file must be known to tell which of them are a split's.
    fn chooses_among_all(&self, split: Split, part: Part) -> bool {
        let limit = &self.config.limit;
        part != Part::Whole
            || limit.seed.is_some() && limit.rows(split).is_some()
            || self.config.few_shot.is_some() && split == Split::Train
    }

    /// Which rows of a file are a split's, by what all of them mean.
    fn choose(&self, split: Split, part: Part, path: &Path, gold: &[Gold]) -> Result<Vec<bool>> {
        let mut chosen = match part {
            Part::Whole => vec![true; gold.len()],
            Part::Drawn { count, first } => drawn(gold.len(), count, first),
            Part::HoldOut { share, held } => {
                let held_out = hold_out(gold, share);
                let dev = held_out.iter().filter(|&&held| held).count();
                let train = held_out.len() - dev;
                if dev == 0 || train == 0 {
                    return Err(Error::HoldOut { path: path.to_path_buf(), share, train, dev });
                }
                held_out.into_iter().map(|row| row == held).collect()
            }
        };
        let left = |chosen: &[bool]| -> Vec<usize> {
            (0..gold.len()).filter(|&row| chosen[row]).collect()
        };
        if let Some(few) = self.config.few_shot.filter(|_| split == Split::Train) {
            let rows = left(&chosen);
            let gold: Vec<Gold> = rows.iter().map(|&row| gold[row]).collect();
            let drawn = few.drawn(&gold).map_err(|(first, found)| Error::FewShot {
                path: path.to_path_buf(),
                label: match gold[first] {
                    Gold::Label(label) => self.labels.words().get(label).cloned(),
                    _ => None,
                },
                expected: few.per_label,
                found,
            })?;
            for (row, drawn) in rows.into_iter().zip(drawn) {
                chosen[row] = drawn;
            }
        }
        if let Some(limit) = self.config.limit.rows(split) {
            let rows = left(&chosen);
            let order = self.config.limit.seed.map(|seed| Permutation::new(rows.len(), seed));
            chosen.fill(false);
            for place in 0..limit.min(rows.len()) {
                chosen[rows[order.map_or(place, |order| order.get(place))]] = true;
            }
        }
        Ok(chosen)
    }

    /// Judges one text for each row, whose labels are free text, by the task's metrics.
    ///
    /// # Errors
    ///
    /// [`Error::InTask`] around [`Error::PredictionCount`].
    pub fn evaluate_texts(
        &self,
        references: &[Vec<String>],
        predictions: &[String],
    ) -> Result<Evaluation> {
        Evaluation::of_texts(&self.metrics, references, predictions)
            .map_err(|error| error.in_task(self.id()))
    }

    /// Judges one prediction for each row by the task's metrics, where some of them judge groups of rows.
    ///
    /// # Errors
    ///
    /// [`Error::InTask`] around [`Error::PredictionCount`] or [`Error::GroupCount`].
    pub fn evaluate_in_groups(
        &self,
        gold: &[Gold],
        predictions: &[Prediction],
        groups: &[String],
    ) -> Result<Evaluation> {
        Evaluation::in_groups(&self.metrics, &self.labels, gold, predictions, groups)
            .map_err(|error| error.in_task(self.id()))
    }

    /// Judges one prediction for each row by the task's metrics; for those that judge groups, each row is one.
    ///
    /// # Errors
    ///
    /// [`Error::InTask`] around [`Error::PredictionCount`].
    pub fn evaluate(&self, gold: &[Gold], predictions: &[Prediction]) -> Result<Evaluation> {
        Evaluation::new(&self.metrics, &self.labels, gold, predictions)
            .map_err(|error| error.in_task(self.id()))
    }
}
