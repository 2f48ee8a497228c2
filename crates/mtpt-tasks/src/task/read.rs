use std::path::Path;

use crate::data::error::DataError;
use crate::data::example::Example;
use crate::error::{Error, Result};
use crate::labels::gold::Gold;
use crate::labels::row_error::RowLabelsError;
use crate::sampling::selection::Selection;
use crate::sampling::splits::Part;
use crate::split::Split;
use crate::task::error::TaskError;
use crate::task::instance::Instance;
use crate::task::task::Task;
use crate::task::unlabeled::{LabelFields, Unlabeled};

impl Task {
    /// Returns whether the task has rows for a split, in its own file or in that of another split.
    pub fn has(&self, split: Split) -> bool {
        self.source(split).is_some()
    }

    /// Returns the file with a split's rows, and which of its rows these are.
    fn source(&self, split: Split) -> Option<(&Path, Selection)> {
        let (of, part) = match (self.config.splits, self.config.hold_out) {
            (Some(splits), _) => splits.part(self.config.format, split),
            (None, Some(share)) if split != Split::Test => {
                (Split::Train, Part::HoldOut { share, held: split == Split::Dev })
            }
            _ => (split, Part::Whole),
        };
        let limits = &self.config.limit;
        let few_shot = self.config.few_shot.filter(|_| split == Split::Train);
        let (limit, seed) = (limits.rows(split), limits.seed);
        Some((self.file(of)?, Selection { part, few_shot, limit, seed }))
    }

    /// Returns the input text of a row, which needs no label.
    ///
    /// # Errors
    ///
    /// Returns [`Error::InTask`] around an error of [`Template::render`](crate::Template::render).
    pub fn input(&self, example: &Example) -> Result<String> {
        self.template.render(example).map_err(|error| error.in_task(self.id()))
    }

    /// Returns the input and target text of a row.
    ///
    /// # Errors
    ///
    /// Returns [`Error::InTask`] around [`DataError::UnknownField`], [`DataError::RepeatedField`],
    /// [`DataError::FieldKind`], [`DataError::UnknownLabel`], [`DataError::NoLabel`],
    /// [`DataError::UnseenLabel`], [`DataError::JoinedLabels`], [`DataError::SeveralLabels`],
    /// [`DataError::Score`] or [`DataError::NoText`].
    pub fn instance(&self, example: &Example) -> Result<Instance> {
        self.build_instance(example).map_err(|error| error.in_task(self.id()))
    }

    fn build_instance(&self, example: &Example) -> Result<Instance> {
        let mut instance = Instance {
            input: self.template.render(example)?,
            text: self.template.values(example)?,
            is_blank: self.template.is_blank(example),
            target: String::new(),
            label: 0,
            gold: Gold::Text,
            references: Vec::new(),
            choices: Vec::new(),
            group: self.group.as_ref().map(|group| group.render(example)).transpose()?,
            location: example.location().clone(),
        };
        if let Some(labels) = self.labels.several() {
            let found = labels.labels_of(example, &self.label_field)?;
            instance.target = labels.target(&found);
            instance.references = vec![instance.target.clone()];
            return Ok(instance);
        }
        if self.labels.is_text() {
            let field = self.labels.references().unwrap_or(&self.label_field);
            let references = example.require_texts(field)?;
            instance.references = references.into_iter().map(str::to_owned).collect();
            if instance.references.iter().all(|text| text.trim().is_empty())
                && let Some(no_answer) = self.labels.no_answer()
            {
                // SQuAD's script compares with an empty text.
                instance.references = vec![String::new()];
                no_answer.clone_into(&mut instance.target);
                return Ok(instance);
            }
            let Some(first) = instance.references.first() else {
                let (location, field) = (instance.location, field.to_owned());
                return Err(DataError::NoText { location, field }.into());
            };
            instance.target = match self.labels.references() {
                Some(_) => example.require(&self.label_field)?.to_owned(),
                None => first.clone(),
            };
            // An empty target would be trained as the end of sentence alone.
            if instance.target.trim().is_empty() {
                let (location, field) = (instance.location, self.label_field.clone());
                return Err(DataError::NoLabel { location, field }.into());
            }
            return Ok(instance);
        }
        let gold = self.labels.gold(label_of(example, &self.label_field)?, example.location());
        instance.gold = gold.map_err(|error| self.explain_label(error))?;
        instance.label = self.labels.target(instance.gold);
        instance.choices = self.labels.choices_of(example)?;
        let own_choices = !instance.choices.is_empty();
        let targets = if own_choices { &instance.choices } else { self.labels.words() };
        instance.target = targets[instance.label].clone();
        Ok(instance)
    }

    /// Makes the error for an unknown label more specific: the label may be empty, or may not occur
    /// in the training split from which labels were collected.
    fn explain_label(&self, error: Error) -> Error {
        match (error, self.file(Split::Train)) {
            (Error::Data(DataError::UnknownLabel { location, label, .. }), _)
                if self.labels.separator_of(&label).is_some() =>
            {
                let separator = self.labels.separator_of(&label).unwrap_or_default();
                DataError::JoinedLabels { location, label, separator }.into()
            }
            (
                Error::Data(
                    DataError::UnknownLabel { location, label: found, .. }
                    | DataError::Score { location, found, .. },
                ),
                _,
            ) if found.trim().is_empty() => {
                DataError::NoLabel { location, field: self.label_field.clone() }.into()
            }
            (Error::Data(DataError::UnknownLabel { location, label, known }), Some(train))
                if self.collected =>
            {
                let train = train.to_path_buf();
                DataError::UnseenLabel { location, label, train, known }.into()
            }
            (error, _) => error,
        }
    }

    /// Reads all rows of a split, in the order of the file, up to the limit.
    ///
    /// # Errors
    ///
    /// Returns [`TaskError::NoSplit`] if the task has no such split. Returns [`Error::InTask`]
    /// around [`DataError::NoRows`],
    /// [`SamplingError::HoldOut`](crate::sampling::SamplingError::HoldOut),
    /// [`SamplingError::FewShot`](crate::sampling::SamplingError::FewShot), an error of
    /// [`Reader`](crate::Reader), or an error of [`instance`](Self::instance).
    pub fn read(&self, split: Split) -> Result<Vec<Instance>> {
        let (path, selection) = self.existing_source(split)?;
        let mut instances =
            self.instances(split, path, selection)?.collect::<Result<Vec<Instance>>>()?;
        if selection.needs_all_rows() {
            let gold: Vec<Gold> = instances.iter().map(|instance| instance.gold).collect();
            let mut selected = self.select(selection, path, &gold)?.into_iter();
            instances.retain(|_| selected.next() == Some(true));
        }
        Ok(instances)
    }

    /// Reads the rows of a split one by one, for data that does not fit in memory.
    ///
    /// If the selection depends on all rows, the file is read twice, and the labels of its rows are
    /// held in memory.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), immediately or as an item, and [`DataError::FileChanged`] as the
    /// last item.
    pub fn stream(&self, split: Split) -> Result<impl Iterator<Item = Result<Instance>> + '_> {
        let (path, selection) = self.existing_source(split)?;
        let selected = if selection.needs_all_rows() {
            let all = self.instances(split, path, selection)?;
            let gold = all.map(|row| Ok(row?.gold)).collect::<Result<Vec<Gold>>>()?;
            Some(self.select(selection, path, &gold)?)
        } else {
            None
        };
        let mut instances = self.instances(split, path, selection)?;
        let mut found = 0;
        Ok(std::iter::from_fn(move || {
            loop {
                let row = instances.next();
                let Some(selected) = &selected else { return row };
                let is_selected = selected.get(found).copied();
                match (row, is_selected) {
                    (None, None) => return None,
                    (Some(Err(error)), _) => return Some(Err(error)),
                    (Some(Ok(row)), Some(is_selected)) => {
                        found += 1;
                        if is_selected {
                            return Some(Ok(row));
                        }
                    }
                    (row, _) => {
                        let (path, expected) = (path.to_path_buf(), selected.len());
                        // Reported once.
                        let found = std::mem::replace(&mut found, expected);
                        let found = found + usize::from(row.is_some());
                        let changed = DataError::FileChanged { path, expected, found };
                        return Some(Err(Error::from(changed).in_task(self.id())));
                    }
                }
            }
        }))
    }

    fn existing_source(&self, split: Split) -> Result<(&Path, Selection)> {
        let none = || TaskError::NoSplit { task: self.id().clone(), split };
        Ok(self.source(split).ok_or_else(none)?)
    }

    /// Returns the file with a split's rows.
    pub(super) fn path(&self, split: Split) -> Result<&Path> {
        Ok(self.existing_source(split)?.0)
    }

    /// Returns the rows of a file: all of them if the selection needs them, otherwise those up to
    /// the limit.
    fn instances<'a>(
        &'a self,
        split: Split,
        path: &'a Path,
        selection: Selection,
    ) -> Result<impl Iterator<Item = Result<Instance>>> {
        let limit = selection.limit.filter(|_| !selection.needs_all_rows());
        let rows = self
            .config
            .layout()
            .open(path)
            .map_err(|error| error.in_task(self.id()))?
            .answers_apart(split == Split::Train);
        let skips = self.config.unlabeled == Unlabeled::Skip;
        let is_left_out = move |row: &Example| skips && self.is_unlabeled(row);
        let mut rows = rows.peekable();
        let is_empty = rows.peek().is_none();
        let mut rows = rows
            .filter(move |row| !row.as_ref().is_ok_and(&is_left_out))
            .take(limit.unwrap_or(usize::MAX))
            .peekable();
        if rows.peek().is_none() {
            let (path, field) = (path.to_path_buf(), self.label_field.clone());
            let error = if is_empty {
                Error::from(DataError::NoRows { path })
            } else {
                RowLabelsError::AllUnlabeled { path, field }.into()
            };
            return Err(error.in_task(self.id()));
        }
        Ok(rows.map(move |row| {
            let row = row.and_then(|row| self.build_instance(&row));
            let explain = |error| self.label_fields().explain(error, &self.config.layout(), path);
            row.map_err(|error| explain(error).in_task(self.id()))
        }))
    }

    /// Returns whether a row has no label.
    ///
    /// An empty list is not a missing label, and neither is an empty text if
    /// [`Labels::multi_label`](crate::Labels::multi_label) divides it, or if the task has a target
    /// for rows without an answer.
    pub fn is_unlabeled(&self, example: &Example) -> bool {
        self.label_fields().is_missing(example)
    }

    fn label_fields(&self) -> LabelFields<'_> {
        LabelFields { field: &self.label_field, labels: Some(&self.labels) }
    }

    fn select(&self, selection: Selection, path: &Path, gold: &[Gold]) -> Result<Vec<bool>> {
        selection.select(gold, path, self.labels.words()).map_err(|error| error.in_task(self.id()))
    }
}

/// Returns the label of a row that has exactly one.
pub(super) fn label_of<'a>(example: &'a Example, field: &str) -> Result<&'a str> {
    if example.is_list(field) {
        let (location, field) = (example.location().clone(), field.to_owned());
        return Err(DataError::SeveralLabels { location, field }.into());
    }
    example.require(field)
}
