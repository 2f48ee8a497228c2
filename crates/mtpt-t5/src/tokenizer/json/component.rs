use std::fmt;

use serde::Deserialize;
use tokenizers::decoders::metaspace::{Metaspace, PrependScheme};
use tokenizers::normalizer::SplitDelimiterBehavior;

use crate::error::TokenizerFileError;
use crate::tokenizer::json::limited::{Limited, MAX_ENTRIES};
use crate::tokenizer::json::pattern::Pattern;
use crate::tokenizer::json::template::{SpecialTokens, TemplatePart};

/// Result of checking a component.
pub(crate) type Result<T> = std::result::Result<T, TokenizerFileError>;

/// Largest number of bytes of a prefix, suffix or replacement. Tokenizers have less than ten.
const MAX_TEXT: usize = 256;

/// A normalizer, pre-tokenizer, post-processor or decoder with the fields of all types.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Component {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,

    // Sequences.
    pub(crate) normalizers: Option<Limited<Self>>,
    pub(crate) pretokenizers: Option<Limited<Self>>,
    pub(crate) processors: Option<Limited<Self>>,
    pub(crate) decoders: Option<Limited<Self>>,

    // Normalizers.
    pub(crate) clean_text: Option<bool>,
    pub(crate) handle_chinese_chars: Option<bool>,
    pub(crate) strip_accents: Option<bool>,
    pub(crate) lowercase: Option<bool>,
    pub(crate) strip_left: Option<bool>,
    pub(crate) strip_right: Option<bool>,
    pub(crate) prepend: Option<String>,
    pub(crate) precompiled_charsmap: Option<String>,

    // Pre-tokenizers, decoders and normalizers.
    pub(crate) pattern: Option<Pattern>,
    pub(crate) content: Option<String>,
    pub(crate) replacement: Option<char>,
    pub(crate) prepend_scheme: Option<PrependScheme>,
    pub(crate) add_prefix_space: Option<bool>,
    pub(crate) split: Option<bool>,
    pub(crate) use_regex: Option<bool>,
    pub(crate) behavior: Option<SplitDelimiterBehavior>,
    pub(crate) invert: Option<bool>,
    pub(crate) individual_digits: Option<bool>,
    pub(crate) delimiter: Option<char>,

    // Decoders.
    pub(crate) prefix: Option<String>,
    pub(crate) suffix: Option<String>,
    pub(crate) cleanup: Option<bool>,
    pub(crate) start: Option<usize>,
    pub(crate) stop: Option<usize>,

    // Post-processors.
    pub(crate) single: Option<Limited<TemplatePart>>,
    pub(crate) special_tokens: Option<SpecialTokens>,
    pub(crate) cls: Option<(String, u32)>,
    pub(crate) sep: Option<(String, u32)>,
}

impl Component {
    /// Returns the type, or an error that names the part of the file.
    pub(crate) fn kind(&self, part: &'static str) -> Result<&str> {
        self.required(part, "type", self.kind.as_deref())
    }

    /// Returns the error that one of the fields has an unusable value.
    pub(crate) fn unusable(
        &self,
        part: &str,
        field: &'static str,
        expected: &'static str,
        found: impl fmt::Display,
    ) -> TokenizerFileError {
        let component = match &self.kind {
            Some(kind) => format!("{part} `{}`", shortened(kind)),
            None => part.to_owned(),
        };
        TokenizerFileError::Field { component, field, expected, found: found.to_string() }
    }

    /// Returns a field that the type needs.
    pub(crate) fn required<T: Copy>(
        &self,
        part: &str,
        field: &'static str,
        value: Option<T>,
    ) -> Result<T> {
        value.ok_or_else(|| self.unusable(part, field, "given", "missing"))
    }

    /// Returns a text that the type needs and that isn't too long.
    pub(crate) fn text<'a>(
        &self,
        part: &str,
        field: &'static str,
        value: Option<&'a String>,
    ) -> Result<&'a str> {
        let text = self.required(part, field, value)?;
        if text.len() > MAX_TEXT {
            let found = format!("a text of {} bytes", text.len());
            return Err(self.unusable(part, field, "a text of at most 256 bytes", found));
        }
        Ok(text)
    }

    /// Returns the pattern that the type needs, and the smallest number of bytes of a match.
    pub(crate) fn pattern(&self, part: &str) -> Result<(Pattern, usize)> {
        let pattern = self.required(part, "pattern", self.pattern.as_ref())?;
        let length = pattern.smallest_match().map_err(|unusable| {
            self.unusable(part, "pattern", unusable.expected, unusable.found)
        })?;
        Ok((pattern.clone(), length))
    }

    /// Returns the error that the library refuses the pattern.
    pub(crate) fn refused_pattern(&self, part: &str) -> TokenizerFileError {
        self.unusable(part, "pattern", "a regular expression of moderate size", "another")
    }

    /// Returns the pre-tokenizer or decoder that marks spaces.
    pub(crate) fn metaspace(&self, part: &str) -> Result<Metaspace> {
        let replacement = self.required(part, "replacement", self.replacement)?;
        let scheme = match (self.add_prefix_space, self.prepend_scheme) {
            (Some(false), Some(PrependScheme::First | PrependScheme::Always)) => {
                let expected = "`never` without `add_prefix_space`";
                return Err(self.unusable(part, "prepend_scheme", expected, "another"));
            }
            (Some(false), _) => PrependScheme::Never,
            (_, scheme) => scheme.unwrap_or(PrependScheme::Always),
        };
        Ok(Metaspace::new(replacement, scheme, self.split.unwrap_or(true)))
    }
}

/// Returns the start of a text, for messages.
pub(crate) fn shortened(text: &str) -> String {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", text[..end].escape_debug()),
        None => text.escape_debug().to_string(),
    }
}

/// A role in a tokenizer, which one component or a sequence of them has.
pub(crate) struct Role {
    /// Its name, for messages.
    pub(crate) name: &'static str,
    /// Takes the components of a sequence.
    pub(crate) of_sequence: fn(&mut Component) -> Option<Limited<Component>>,
}

impl Role {
    /// Returns the components of a sequence and of those in it, in order.
    pub(crate) fn flatten(&self, component: Component) -> Result<Vec<Component>> {
        let mut components = Vec::new();
        self.add(component, &mut components)?;
        Ok(components)
    }

    fn add(&self, mut component: Component, components: &mut Vec<Component>) -> Result<()> {
        let Self { name, of_sequence } = *self;
        if component.kind(name)? != "Sequence" {
            if components.len() == MAX_ENTRIES {
                return Err(TokenizerFileError::TooMany { part: name, limit: MAX_ENTRIES });
            }
            components.push(component);
            return Ok(());
        }
        let Some(Limited(sequence)) = of_sequence(&mut component) else {
            return Err(component.unusable(name, "components", "given", "missing"));
        };
        sequence.into_iter().try_for_each(|component| self.add(component, components))
    }

    /// Builds each component with `single`, which also returns the largest ratio of lengths after
    /// and before it, and joins those of a sequence with `sequence`.
    pub(crate) fn build<T>(
        &self,
        component: Component,
        growth: &mut Growth,
        single: impl Fn(&Component) -> Result<(T, usize)>,
        sequence: impl FnOnce(Vec<T>) -> T,
    ) -> Result<T> {
        let is_sequence = component.kind.as_deref() == Some("Sequence");
        let mut built = Vec::new();
        for component in &self.flatten(component)? {
            let (next, times) = single(component)?;
            growth.add(times)?;
            built.push(next);
        }
        match built.pop() {
            Some(alone) if !is_sequence => Ok(alone),
            last => {
                built.extend(last);
                Ok(sequence(built))
            }
        }
    }
}

/// The growth of texts by several components.
#[derive(Debug)]
pub(crate) struct Growth {
    part: &'static str,
    product: u64,
    limit: u64,
}

impl Growth {
    /// Starts without growth.
    pub(crate) fn new(part: &'static str, limit: u64) -> Self {
        Self { part, product: 1, limit }
    }

    /// Adds a component that makes texts up to `times` times as long.
    pub(crate) fn add(&mut self, times: usize) -> Result<()> {
        self.product = self.product.saturating_mul(times.max(1) as u64);
        let Self { part, product: found, limit } = *self;
        if found > limit { Err(TokenizerFileError::Growth { part, found, limit }) } else { Ok(()) }
    }
}
