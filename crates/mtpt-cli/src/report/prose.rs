use crate::number_format::counted;
use crate::report::html::Html;

/// Running text with names, which are shown as code.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Prose {
    spans: Vec<Span>,
}

#[derive(Clone, Debug, PartialEq)]
enum Span {
    Text(String),
    Name(String),
}

/// Maximum number of names in an enumeration.
const NAMES: usize = 4;

impl Prose {
    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.spans.push(Span::Text(text.into()));
        self
    }

    pub(crate) fn name(mut self, name: impl Into<String>) -> Self {
        self.spans.push(Span::Name(name.into()));
        self
    }

    /// Adds text in which names are between backticks.
    pub(crate) fn quoted(mut self, text: &str) -> Self {
        for (place, part) in text.split('`').enumerate() {
            // An unpaired backtick is text.
            let is_last = text.matches('`').count() == place;
            self = match place % 2 {
                1 if is_last => self.text(format!("`{part}")),
                1 => self.name(part),
                _ if part.is_empty() => self,
                _ => self.text(part),
            };
        }
        self
    }

    /// Adds an enumeration: `a`, `b` and 3 other tasks.
    pub(crate) fn names(mut self, names: &[&str], thing: &str) -> Self {
        let shown = if names.len() > NAMES { NAMES - 1 } else { names.len() };
        let others = names.len() - shown;
        for (place, name) in names[..shown].iter().enumerate() {
            let is_last = place + 1 == shown && others == 0;
            self = match place {
                0 => self,
                _ if is_last => self.text(" and "),
                _ => self.text(", "),
            };
            self = self.name(*name);
        }
        match others {
            0 => self,
            _ => self.text(format!(" and {}", counted(others, &format!("other {thing}")))),
        }
    }

    pub(crate) fn join(mut self, other: Self) -> Self {
        self.spans.extend(other.spans);
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub(super) fn write(&self, html: &mut Html) {
        for span in &self.spans {
            match span {
                // A number and its unit stay on one line.
                Span::Text(text) => html.text(&text.replace(" %", "\u{a0}%")),
                Span::Name(name) => html.leaf("code", &[], name),
            }
        }
    }
}

impl std::fmt::Display for Prose {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for span in &self.spans {
            match span {
                Span::Text(text) => formatter.write_str(text)?,
                Span::Name(name) => write!(formatter, "`{name}`")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_enumerated() {
        let text = |names: &[&str]| Prose::default().names(names, "task").to_string();
        assert_eq!(text(&["a"]), "`a`");
        assert_eq!(text(&["a", "b", "c"]), "`a`, `b` and `c`");
        assert_eq!(text(&["a", "b", "c", "d", "e"]), "`a`, `b`, `c` and 2 other tasks");
        assert_eq!(text(&["a"; 5].map(|_| "a")), "`a`, `a`, `a` and 2 other tasks");
    }

    #[test]
    fn quoted_names_become_code() {
        let mut html = Html::default();
        Prose::default().quoted("every row got `a<b`; see `x`").write(&mut html);
        assert_eq!(html.into_text(), "every row got <code>a&lt;b</code>; see <code>x</code>");
        assert_eq!(Prose::default().quoted("one ` alone").to_string(), "one ` alone");
    }
}
