//! Input templates.

pub(crate) mod error;
pub(crate) mod template;

pub use error::{TemplateError, TemplateProblem};
pub use template::Template;
