/// An invalid template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template `{template}`: {problem}, at character {position}")]
pub struct TemplateError {
    /// The template.
    pub template: String,
    /// First character of the problem, counted from 1.
    pub position: usize,
    /// The problem.
    pub problem: TemplateProblem,
}

/// A problem in the text of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateProblem {
    /// A placeholder is not closed.
    #[error("expected `}}` after `{{` and a field name, found none")]
    Unclosed,
    /// A placeholder has no field name.
    #[error("expected a field name between `{{` and `}}`, found none")]
    NoField,
    /// A closing brace has no opening brace.
    #[error("expected `}}}}` or a `{{` before it, found `}}` alone")]
    Unopened,
    /// A template has no placeholder, so all inputs would be equal.
    #[error("expected at least one field such as `{{sentence}}`, found none")]
    Constant,
}
