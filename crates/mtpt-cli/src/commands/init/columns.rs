use std::collections::BTreeMap;
use std::path::Path;

use mtpt::tasks::data::DataError;
use mtpt::tasks::{Layout, did_you_mean};

use crate::error::Result;

/// Usual names of label columns, in order of preference.
const LABEL_NAMES: [&str; 13] = [
    "label",
    "labels",
    "class",
    "category",
    "topic",
    "intent",
    "sentiment",
    "queue",
    "department",
    "type",
    "tag",
    "target",
    "score",
];
/// Maximum number of distinct values that are counted. A label column has fewer.
const MAX_DISTINCT: usize = 100;

/// The columns of a data file, with statistics of their values.
pub(crate) struct Columns {
    columns: Vec<Column>,
    /// Number of rows.
    rows: usize,
}

pub(crate) struct Column {
    pub(crate) name: String,
    /// Total number of characters.
    characters: usize,
    /// Number of rows with each value; `None` if there are more than [`MAX_DISTINCT`] values.
    values: Option<BTreeMap<String, usize>>,
    /// Whether rows have a list of values.
    pub(crate) is_list: bool,
}

impl Columns {
    pub(crate) fn read(path: &Path, layout: &Layout) -> Result<Self> {
        let mut found = Self { columns: Vec::new(), rows: 0 };
        for example in layout.open(path)? {
            let example = example?;
            found.rows += 1;
            for (name, text) in example.fields() {
                found.column(name).add(text);
            }
            for (name, items) in example.lists() {
                let column = found.column(name);
                column.is_list = true;
                items.iter().for_each(|item| column.add(item));
            }
        }
        if found.rows == 0 {
            return Err(
                mtpt::tasks::Error::from(DataError::NoRows { path: path.to_owned() }).into()
            );
        }
        Ok(found)
    }

    /// Returns the column with a name, which is added if it is new.
    fn column(&mut self, name: &str) -> &mut Column {
        let position = self.columns.iter().position(|column| column.name == name);
        let position = position.unwrap_or_else(|| {
            let (name, values) = (name.to_owned(), Some(BTreeMap::new()));
            self.columns.push(Column { name, characters: 0, values, is_list: false });
            self.columns.len() - 1
        });
        &mut self.columns[position]
    }

    /// Returns the label column: the requested one, one with a usual name, or the only one with few
    /// distinct values.
    ///
    /// # Errors
    ///
    /// A message if there is no such column, or more than one.
    pub(crate) fn label(&self, requested: Option<&str>) -> Result<&Column, String> {
        if let Some(name) = requested {
            return self.find(name);
        }
        let with_name = |usual: &str| {
            self.columns.iter().find(|column| column.name.trim().eq_ignore_ascii_case(usual))
        };
        if let Some(column) = LABEL_NAMES.into_iter().find_map(with_name) {
            return Ok(column);
        }
        let has_few_values = |column: &&Column| {
            column.values.as_ref().is_some_and(|values| {
                values.len() > 1
                    && 2 * values.len() <= self.rows
                    && values.len() <= MAX_DISTINCT / 2
            })
        };
        let mut candidates = self.columns.iter().filter(has_few_values);
        match (candidates.next(), candidates.next()) {
            (Some(column), None) => Ok(column),
            (None, _) => Err(format!(
                "no column has few distinct values that repeat, as a label has; choose the label \
                 column with `--label`: {}",
                self.quoted_names()
            )),
            (Some(first), Some(second)) => Err(format!(
                "`{}` and `{}` could both be the label; choose one with `--label`",
                first.name, second.name
            )),
        }
    }

    /// Returns the text columns: the requested ones, or the one with the longest values.
    ///
    /// # Errors
    ///
    /// A message if there is no such column.
    pub(crate) fn texts(
        &self,
        requested: &[String],
        label: &Column,
    ) -> Result<Vec<&Column>, String> {
        if !requested.is_empty() {
            return requested.iter().map(|name| self.find(name)).collect();
        }
        let is_text = |column: &&Column| column.name != label.name && !column.is_list;
        let others = self.columns.iter().filter(is_text);
        others
            .max_by_key(|column| column.characters)
            .map(|column| vec![column])
            .ok_or_else(|| format!("there is no text column, only the label `{}`", label.name))
    }

    /// Returns the names of all other columns.
    pub(crate) fn names_except<'a>(
        &'a self,
        used: &'a [&'a str],
    ) -> impl Iterator<Item = &'a str> + 'a {
        self.columns.iter().map(|column| column.name.as_str()).filter(|name| !used.contains(name))
    }

    fn find(&self, name: &str) -> Result<&Column, String> {
        self.columns.iter().find(|column| column.name == name).ok_or_else(|| {
            let known = self.columns.iter().map(|column| column.name.as_str());
            format!(
                "there is no column `{name}`, only {}{}",
                self.quoted_names(),
                did_you_mean(name, known)
            )
        })
    }

    fn quoted_names(&self) -> String {
        let names = self.columns.iter().map(|column| format!("`{}`", column.name));
        names.collect::<Vec<_>>().join(", ")
    }
}

impl Column {
    fn add(&mut self, text: &str) {
        self.characters += text.chars().count();
        if let Some(values) = &mut self.values {
            *values.entry(text.to_owned()).or_default() += 1;
            if values.len() > MAX_DISTINCT {
                self.values = None;
            }
        }
    }

    /// Returns the number of rows with each label.
    ///
    /// # Errors
    ///
    /// A message if the values can't be labels.
    pub(crate) fn labels(&self) -> Result<&BTreeMap<String, usize>, String> {
        let name = &self.name;
        let Some(values) = &self.values else {
            return Err(format!(
                "the column `{name}` has more than {MAX_DISTINCT} distinct values, too many for labels; \
                 choose another with `--label`"
            ));
        };
        if values.len() < 2 {
            return Err(format!(
                "the column `{name}` has only one value, so there is nothing to learn; \
                 choose another with `--label`"
            ));
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(text: &str) -> Columns {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        std::fs::write(&path, text).unwrap();
        Columns::read(&path, &mtpt::tasks::Format::Csv.into()).unwrap()
    }

    #[test]
    fn label_column_has_a_usual_name_or_few_values() {
        let found =
            columns("id,kind,body\n1,a,one long text\n2,b,another one\n3,a,a third\n4,b,x\n");
        let label = found.label(None).unwrap();
        assert_eq!(label.name, "kind");
        assert_eq!(label.labels().unwrap().get("a"), Some(&2));
        let texts = found.texts(&[], label).unwrap();
        assert_eq!(texts.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["body"]);
        assert_eq!(found.names_except(&["kind", "body"]).collect::<Vec<_>>(), ["id"]);
        let found = columns("kind,Category,body\na,x,one\na,y,two\nb,z,three\nb,v,four\n");
        assert_eq!(found.label(None).unwrap().name, "Category");
        assert_eq!(found.label(Some("kind")).unwrap().name, "kind");
    }

    #[test]
    fn ambiguous_or_unsuitable_label_columns_are_rejected() {
        let failure = |text: &str, requested: Option<&str>| {
            let found = columns(text);
            let failure = found.label(requested).and_then(Column::labels).map(|_| ());
            failure.unwrap_err()
        };
        let two = "kind,state,body\na,x,one\na,x,two\nb,y,three\nb,y,four\n";
        assert!(failure(two, None).starts_with("`kind` and `state` could both be the label"));
        let found = failure(two, Some("knid"));
        assert!(found.ends_with("`kind`, `state`, `body`; did you mean `kind`?"), "{found}");
        assert!(
            failure("id,body\n1,one\n2,two\n", None)
                .starts_with("no column has few distinct values")
        );
        assert!(failure("label,body\na,one\na,two\n", None).contains("only one value"));
        let many: String = (0..200).map(|row| format!("l{row},text\n")).collect();
        assert!(failure(&format!("label,body\n{many}"), None).contains("more than 100"));
    }
}
