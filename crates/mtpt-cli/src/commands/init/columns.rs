use std::path::Path;

use mtpt::tasks::data::DataError;
use mtpt::tasks::labels::listed_lines;
use mtpt::tasks::{Error as TaskError, Example, Layout, did_you_mean, quoted_list};

use crate::commands::init::values::Values;
use crate::error::{Error, Result};

/// Usual names of label columns, in order of preference.
const LABEL_NAMES: [&str; 22] = [
    "label",
    "labels",
    "class",
    "category",
    "topic",
    "intent",
    "sentiment",
    "emotion",
    "queue",
    "department",
    "type",
    "tag",
    "tags",
    "target",
    "score",
    "rating",
    "stars",
    "similarity",
    "answer",
    "answers",
    "summary",
    "highlights",
];
/// Names of two columns that are the text together.
const TEXT_PAIRS: [(&str, &str); 6] = [
    ("sentence1", "sentence2"),
    ("text1", "text2"),
    ("question1", "question2"),
    ("premise", "hypothesis"),
    ("question", "context"),
    ("question", "passage"),
];
/// Maximum number of distinct values of a column that is chosen as label without being named.
const FEW_VALUES: usize = 50;
/// Maximum number of lines in a message.
const LISTED_LINES: usize = 10;
/// Maximum number of unreadable rows that are explained.
const EXPLAINED_ROWS: usize = 3;

/// The columns of a data file, with statistics of their values.
pub(crate) struct Columns {
    columns: Vec<Column>,
    /// Number of rows.
    pub(crate) rows: usize,
}

pub(crate) struct Column {
    pub(crate) name: String,
    /// Total number of characters.
    pub(crate) characters: usize,
    /// Number of rows with a value that is not blank, or with a list.
    pub(crate) filled: usize,
    /// Number of rows with a value.
    pub(crate) present: usize,
    pub(crate) values: Values,
    /// Whether rows have a list of values.
    pub(crate) is_list: bool,
}

impl Columns {
    /// Reads all rows.
    ///
    /// # Errors
    ///
    /// All rows that cannot be read are reported together.
    pub(crate) fn read(path: &Path, layout: &Layout) -> Result<Self> {
        let mut found = Self { columns: Vec::new(), rows: 0 };
        let mut unreadable: Vec<TaskError> = Vec::new();
        let mut rows = layout.open(path)?;
        while let Some(row) = rows.next() {
            match row {
                Ok(row) => found.add(&row),
                Err(error) => {
                    unreadable.push(error);
                    if !rows.skip_bad_row()? {
                        break;
                    }
                }
            }
        }
        if let Some(error) = unreadable_rows(path, unreadable) {
            return Err(error);
        }
        if found.rows == 0 {
            return Err(TaskError::from(DataError::NoRows { path: path.to_owned() }).into());
        }
        Ok(found)
    }

    fn add(&mut self, row: &Example) {
        self.rows += 1;
        for (name, text) in row.fields() {
            let column = self.column(name);
            column.present += 1;
            column.add(text);
        }
        for (name, items) in row.lists() {
            let column = self.column(name);
            (column.is_list, column.present) = (true, column.present + 1);
            column.filled += 1;
            items.iter().for_each(|item| column.values.add(item));
        }
    }

    /// Returns the column with a name, which is added if it is new.
    fn column(&mut self, name: &str) -> &mut Column {
        let position = self.columns.iter().position(|column| column.name == name);
        let position = position.unwrap_or_else(|| {
            self.columns.push(Column {
                name: name.to_owned(),
                characters: 0,
                filled: 0,
                present: 0,
                values: Values::new(),
                is_list: false,
            });
            self.columns.len() - 1
        });
        &mut self.columns[position]
    }

    /// Returns the label columns: the requested ones; otherwise one with a usual name, several with
    /// yes or no, or the only one with few distinct values or with scores.
    ///
    /// # Errors
    ///
    /// A message if there is no such column, or more than one.
    pub(crate) fn labels(&self, requested: &[String]) -> Result<Vec<&Column>, String> {
        if !requested.is_empty() {
            return requested.iter().map(|name| self.find(name)).collect();
        }
        let with_name = |usual: &str| {
            self.columns.iter().find(|column| column.name.trim().eq_ignore_ascii_case(usual))
        };
        if let Some(column) = LABEL_NAMES.into_iter().find_map(with_name) {
            return Ok(vec![column]);
        }
        let select = |is_label: fn(&Column) -> bool| -> Vec<&Column> {
            self.columns.iter().filter(|column| is_label(column)).collect()
        };
        let yes_or_no = select(|column| column.values.are_yes_or_no());
        if yes_or_no.len() > 1 {
            return Ok(yes_or_no);
        }
        let candidates = match select(Column::has_few_values) {
            few if few.is_empty() => {
                select(|column| column.values.numbers().is_some_and(|numbers| !numbers.whole))
            }
            few => few,
        };
        match candidates.as_slice() {
            [column] => Ok(vec![column]),
            [] => Err(format!(
                "no column has few distinct values that repeat, as a label has; choose the label \
                 column with `--label`: {}",
                self.quoted_names()
            )),
            [first, second, ..] => Err(format!(
                "`{}` and `{}` could both be the label; choose one with `--label`",
                first.name, second.name
            )),
        }
    }

    /// Returns the text columns: the requested ones, two with usual names, or the one with the
    /// longest values.
    ///
    /// # Errors
    ///
    /// A message if there is no such column.
    pub(crate) fn texts(
        &self,
        requested: &[String],
        labels: &[&Column],
    ) -> Result<Vec<&Column>, String> {
        if !requested.is_empty() {
            return requested.iter().map(|name| self.find(name)).collect();
        }
        let is_label = |column: &Column| labels.iter().any(|label| label.name == column.name);
        let others: Vec<&Column> =
            self.columns.iter().filter(|column| !is_label(column) && !column.is_list).collect();
        let named =
            |usual: &str| others.iter().find(|column| column.name.trim().to_lowercase() == usual);
        let mut pairs =
            TEXT_PAIRS.into_iter().filter_map(|(first, second)| named(first).zip(named(second)));
        if let Some((first, second)) = pairs.next() {
            return Ok(vec![first, second]);
        }
        let longest = others.into_iter().max_by_key(|column| column.characters);
        longest.map(|column| vec![column]).ok_or_else(|| {
            let labels: Vec<&str> = labels.iter().map(|label| label.name.as_str()).collect();
            format!("there is no text column, only the label {}", quoted_list(&labels))
        })
    }

    /// Returns the names of all other columns.
    pub(crate) fn names_except<'a>(
        &'a self,
        used: &'a [&'a str],
    ) -> impl Iterator<Item = &'a str> + 'a {
        self.columns.iter().map(|column| column.name.as_str()).filter(|name| !used.contains(name))
    }

    /// Returns the column with a name.
    ///
    /// # Errors
    ///
    /// A message if there is no such column.
    pub(crate) fn find(&self, name: &str) -> Result<&Column, String> {
        self.columns.iter().find(|column| column.name == name).ok_or_else(|| {
            let known = self.columns.iter().map(|column| column.name.as_str());
            format!(
                "there is no column `{name}`, only {}{}",
                self.quoted_names(),
                did_you_mean(name, known)
            )
        })
    }

    /// Returns whether all rows have a value, which is not blank, in each of some columns.
    pub(crate) fn are_filled(&self, names: &[String]) -> bool {
        names.iter().all(|name| self.find(name).is_ok_and(|column| column.filled == self.rows))
    }

    fn quoted_names(&self) -> String {
        let names: Vec<&String> = self.columns.iter().map(|column| &column.name).collect();
        quoted_list(&names)
    }
}

impl Column {
    fn add(&mut self, text: &str) {
        self.characters += text.chars().count();
        if !text.trim().is_empty() {
            self.filled += 1;
            self.values.add(text);
        }
    }

    fn has_few_values(&self) -> bool {
        let few = |distinct| distinct > 1 && 2 * distinct <= self.filled && distinct <= FEW_VALUES;
        self.values.distinct().is_some_and(few)
    }
}

/// Returns the error for rows that cannot be read; a single one is explained as usual.
fn unreadable_rows(path: &Path, mut errors: Vec<TaskError>) -> Option<Error> {
    if errors.len() < 2 {
        return errors.pop().map(Error::from);
    }
    let prefix = format!("{}:", path.display());
    let explained = errors.iter().take(EXPLAINED_ROWS).map(|error| {
        let text = error.to_string();
        text.strip_prefix(&prefix).map_or(text.clone(), |rest| format!("line {rest}"))
    });
    let explained: Vec<String> = explained.collect();
    let others = &errors[EXPLAINED_ROWS.min(errors.len())..];
    let lines = others.iter().filter_map(|error| Some(error.unreadable_row()?.line()));
    let lines: Vec<usize> = lines.take(LISTED_LINES).collect();
    let more = if lines.is_empty() {
        String::new()
    } else {
        format!("; also {}", listed_lines(&lines, others.len()))
    };
    let problem = format!("{} rows cannot be read: {}{more}", errors.len(), explained.join("; "));
    Some(Error::Data { path: path.to_owned(), problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Columns> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        std::fs::write(&path, text).unwrap();
        Columns::read(&path, &mtpt::tasks::Format::Csv.into())
    }

    fn names<'a>(columns: &[&'a Column]) -> Vec<&'a str> {
        columns.iter().map(|column| column.name.as_str()).collect()
    }

    #[test]
    fn label_column_has_a_usual_name_or_few_values() {
        let found =
            read("id,kind,body\n1,a,one long text\n2,b,another one\n3,a,a third\n4,b,x\n").unwrap();
        let labels = found.labels(&[]).unwrap();
        assert_eq!(names(&labels), ["kind"]);
        assert_eq!(labels[0].values.counts.as_ref().unwrap().get("a"), Some(&2));
        assert_eq!(names(&found.texts(&[], &labels).unwrap()), ["body"]);
        assert_eq!(found.names_except(&["kind", "body"]).collect::<Vec<_>>(), ["id"]);
        let found = read("kind,Category,body\na,x,one\na,y,two\nb,z,three\nb,v,four\n").unwrap();
        assert_eq!(names(&found.labels(&[]).unwrap()), ["Category"]);
        assert_eq!(names(&found.labels(&["kind".to_owned()]).unwrap()), ["kind"]);
    }

    #[test]
    fn columns_with_yes_or_no_are_labels_together() {
        let found = read("body,toxic,spam\none,1,0\ntwo,0,1\nthree,0,0\n").unwrap();
        assert_eq!(names(&found.labels(&[]).unwrap()), ["toxic", "spam"]);
        let found = read("body,near\none,0.5\ntwo,1.5\nthree,2.5\n").unwrap();
        assert_eq!(names(&found.labels(&[]).unwrap()), ["near"]);
    }

    #[test]
    fn pairs_of_texts_are_used_together() {
        let found = read("id,Sentence1,Sentence2,label\n1,a,b,x\n").unwrap();
        let labels = found.labels(&[]).unwrap();
        assert_eq!(names(&found.texts(&[], &labels).unwrap()), ["Sentence1", "Sentence2"]);
    }

    #[test]
    fn ambiguous_or_missing_label_columns_are_rejected() {
        let failure = |text: &str, requested: &[&str]| {
            let requested: Vec<String> = requested.iter().map(|&name| name.to_owned()).collect();
            read(text).unwrap().labels(&requested).map(|_| ()).unwrap_err()
        };
        let two = "kind,state,body\na,x,one\na,x,two\nb,y,three\nb,y,four\n";
        assert!(failure(two, &[]).starts_with("`kind` and `state` could both be the label"));
        let found = failure(two, &["knid"]);
        assert!(found.ends_with("`kind`, `state`, `body`; did you mean `kind`?"), "{found}");
        let found = failure("id,body\n1,one\n2,two\n", &[]);
        assert!(found.starts_with("no column has few distinct values"), "{found}");
    }

    #[test]
    fn unreadable_rows_are_reported_together() {
        let rows: String = (0..20).map(|row| format!("{row},a,b,c\n")).collect();
        let found = read(&format!("id,body\n1,one\n{rows}")).map(|_| ()).unwrap_err().to_string();
        assert!(found.contains("20 rows cannot be read: line 3: expected 2 fields"), "{found}");
        assert!(
            found.ends_with("also lines 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 and 7 more"),
            "{found}"
        );
        let found = read("id,body\n1,one,x\n").map(|_| ()).unwrap_err().to_string();
        assert!(found.contains("rows.csv:2: expected 2 fields"), "{found}");
    }
}
