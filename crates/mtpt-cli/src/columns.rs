use std::collections::BTreeMap;
use std::path::Path;

use mtpt::tasks::{Format, did_you_mean};

use crate::error::Result;

/// Names that columns with labels usually have, the surest first.
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
/// Most different values that are told apart; a label has fewer.
const DIFFERENT: usize = 100;

/// The columns of a file of rows, and what their values are like.
pub(crate) struct Columns {
    columns: Vec<Column>,
    /// Rows of the file.
    rows: usize,
}

pub(crate) struct Column {
    pub(crate) name: String,
    characters: usize,
    /// How often each value occurs; none where there are too many different ones.
    values: Option<BTreeMap<String, usize>>,
}

impl Columns {
    pub(crate) fn read(path: &Path, format: Format) -> Result<Self> {
        let mut found = Self { columns: Vec::new(), rows: 0 };
        for example in format.open(path)? {
            let example = example?;
            found.rows += 1;
            for (name, text) in example.fields() {
                let position = found.columns.iter().position(|column| column.name == name);
                let position = position.unwrap_or_else(|| {
                    let values = Some(BTreeMap::new());
                    found.columns.push(Column { name: name.to_owned(), characters: 0, values });
                    found.columns.len() - 1
                });
                found.columns[position].add(text);
            }
        }
        if found.rows == 0 {
            return Err(mtpt::tasks::Error::NoRows { path: path.to_owned() }.into());
        }
        Ok(found)
    }

    /// The column with the label: the one asked for, one with a usual name, or the only one with few different values.
    ///
    /// # Errors
    ///
    /// A sentence, when there is no such column or several might be it.
    pub(crate) fn label(&self, asked: Option<&str>) -> Result<&Column, String> {
        if let Some(name) = asked {
            return self.find(name);
        }
        let usual = |usual: &str| {
            self.columns.iter().find(|column| column.name.trim().eq_ignore_ascii_case(usual))
        };
        if let Some(column) = LABEL_NAMES.into_iter().find_map(usual) {
            return Ok(column);
        }
        let may_be = |column: &&Column| {
            column.values.as_ref().is_some_and(|values| {
                values.len() > 1 && 2 * values.len() <= self.rows && values.len() <= DIFFERENT / 2
            })
        };
        let mut candidates = self.columns.iter().filter(may_be);
        match (candidates.next(), candidates.next()) {
            (Some(column), None) => Ok(column),
            (None, _) => Err(format!(
                "no column has the few values, each in several rows, that a label has; name its column with `--label`: {}",
                self.names()
            )),
            (Some(first), Some(second)) => Err(format!(
                "`{}` and `{}` may both be the label; name its column with `--label`",
                first.name, second.name
            )),
        }
    }

    /// The columns with the text: those asked for, or the one with the longest values.
    ///
    /// # Errors
    ///
    /// A sentence, when there is no such column.
    pub(crate) fn texts(&self, asked: &[String], label: &Column) -> Result<Vec<&Column>, String> {
        if !asked.is_empty() {
            return asked.iter().map(|name| self.find(name)).collect();
        }
        let others = self.columns.iter().filter(|column| column.name != label.name);
        others.max_by_key(|column| column.characters).map(|column| vec![column]).ok_or_else(|| {
            format!("there is no column beside the label `{}` to hold the text", label.name)
        })
    }

    /// Columns that are none of these.
    pub(crate) fn besides<'a>(&'a self, used: &'a [&'a str]) -> impl Iterator<Item = &'a str> + 'a {
        self.columns.iter().map(|column| column.name.as_str()).filter(|name| !used.contains(name))
    }

    fn find(&self, name: &str) -> Result<&Column, String> {
        self.columns.iter().find(|column| column.name == name).ok_or_else(|| {
            let known = self.columns.iter().map(|column| column.name.as_str());
            format!(
                "there is no column `{name}`, only {}{}",
                self.names(),
                did_you_mean(name, known)
            )
        })
    }

    fn names(&self) -> String {
        let names = self.columns.iter().map(|column| format!("`{}`", column.name));
        names.collect::<Vec<_>>().join(", ")
    }
}

impl Column {
    fn add(&mut self, text: &str) {
        self.characters += text.chars().count();
        if let Some(values) = &mut self.values {
            *values.entry(text.to_owned()).or_default() += 1;
            if values.len() > DIFFERENT {
                self.values = None;
            }
        }
    }

    /// How often each label occurs.
    ///
    /// # Errors
    ///
    /// A sentence, when the values cannot be labels.
    pub(crate) fn labels(&self) -> Result<&BTreeMap<String, usize>, String> {
        let name = &self.name;
        let Some(values) = &self.values else {
            return Err(format!(
                "the column `{name}` has more than {DIFFERENT} different values, too many for labels; \
                 name another with `--label`"
            ));
        };
        if values.len() < 2 {
            return Err(format!(
                "the column `{name}` has one value only, so there is nothing to learn; \
                 name another with `--label`"
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
        Columns::read(&path, Format::Csv).unwrap()
    }

    #[test]
    fn a_usual_name_or_few_values_tell_the_label() {
        let found =
            columns("id,kind,body\n1,a,one long text\n2,b,another one\n3,a,a third\n4,b,x\n");
        let label = found.label(None).unwrap();
        assert_eq!(label.name, "kind");
        assert_eq!(label.labels().unwrap().get("a"), Some(&2));
        let texts = found.texts(&[], label).unwrap();
        assert_eq!(texts.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["body"]);
        assert_eq!(found.besides(&["kind", "body"]).collect::<Vec<_>>(), ["id"]);
        let found = columns("kind,Category,body\na,x,one\na,y,two\nb,z,three\nb,v,four\n");
        assert_eq!(found.label(None).unwrap().name, "Category");
        assert_eq!(found.label(Some("kind")).unwrap().name, "kind");
    }

    #[test]
    fn doubt_is_said() {
        let failure = |text: &str, asked: Option<&str>| {
            let found = columns(text);
            let failure = found.label(asked).and_then(Column::labels).map(|_| ());
            failure.unwrap_err()
        };
        let two = "kind,state,body\na,x,one\na,x,two\nb,y,three\nb,y,four\n";
        assert!(failure(two, None).starts_with("`kind` and `state` may both be the label"));
        let found = failure(two, Some("knid"));
        assert!(found.ends_with("`kind`, `state`, `body`; did you mean `kind`?"), "{found}");
        assert!(
            failure("id,body\n1,one\n2,two\n", None).starts_with("no column has the few values")
        );
        assert!(failure("label,body\na,one\na,two\n", None).contains("one value only"));
        let many: String = (0..200).map(|row| format!("l{row},text\n")).collect();
        assert!(failure(&format!("label,body\n{many}"), None).contains("more than 100"));
    }
}
