use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use mtpt::tasks::{Dialect, Encoding, Format, Layout};
use serde::Serialize;

use crate::commands::inspect::description::Description;
use crate::error::Result;
use crate::number_format::counted;
use crate::text_table::{common_width, padded};

#[derive(Serialize)]
struct Json<'a> {
    kind: &'static str,
    format: Format,
    #[serde(skip_serializing_if = "Option::is_none")]
    dialect: Option<Dialect>,
    rows: usize,
    fields: &'a [Field],
}

/// A text field.
#[derive(Serialize)]
struct Field {
    name: String,
    /// Number of rows that have the field.
    rows: usize,
    /// Mean number of characters.
    characters: f64,
}

/// Describes a data file. Its first line reveals its format.
pub(crate) fn describe(path: &Path, encoding: Option<Encoding>) -> Result<Description> {
    let layout = Layout::of_file(path, encoding)?;
    let mut order: Vec<String> = Vec::new();
    let mut sums: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut rows = 0;
    for example in layout.open(path)? {
        let example = example?;
        rows += 1;
        for (name, text) in example.fields() {
            if !sums.contains_key(name) {
                order.push(name.to_owned());
            }
            let (rows, characters) = sums.entry(name.to_owned()).or_default();
            *rows += 1;
            *characters += text.chars().count();
        }
    }
    let fields: Vec<Field> = order
        .into_iter()
        .map(|name| {
            let (rows, characters) = sums[&name];
            Field { name, rows, characters: characters as f64 / rows as f64 }
        })
        .collect();
    let Layout { format, dialect, .. } = layout;
    let mut text =
        format!("{}: {}, format `{}`", path.display(), counted(rows, "row"), format.as_str());
    if let Some(Dialect { separator, quotes }) = dialect {
        let separator = separator.map(|separator| format!(", separated by `{separator}`"));
        text.push_str(&separator.unwrap_or_default());
        text.push_str(if quotes == Some(true) { ", quoted" } else { "" });
    }
    text.push('\n');
    let width = common_width(fields.iter().map(|field| field.name.as_str()));
    for Field { name, rows, characters } in &fields {
        let _ = writeln!(
            text,
            "  {}  in {}, {characters:.1} characters on average",
            padded(name, width),
            counted(*rows, "row")
        );
    }
    Description::new(path, &Json { kind: "rows", format, dialect, rows, fields: &fields }, text)
}
