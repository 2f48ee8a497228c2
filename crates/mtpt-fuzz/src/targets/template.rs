use std::path::Path;

use mtpt::tasks::{Example, SourceLocation, Template};

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::files::first_text;

/// Templates, each rendered with a row.
pub(super) const TARGET: Target = Target { name: "template", fixtures: &[], read, repair: None };

fn read(folder: &Path) -> Outcome {
    let Some((path, text)) = first_text(folder) else { return Outcome::not_readable() };
    let template = match Template::new(&text) {
        Ok(template) => template,
        Err(error) => return Outcome::rejected(&error),
    };
    let fields = [("text", "a {text} }} ß"), ("premise", ""), ("été", "😀")];
    match template.render(&Example::new(fields, SourceLocation::new(path, 1))) {
        Ok(_) => Outcome::accepted(format!("{} fields", template.fields().count())),
        Err(error) => Outcome::parsed(&error),
    }
}
