/// A `tokenizer.json` with a part that is not supported, or that the library could not execute.
#[derive(Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerFileError {
    /// A value has another type than expected.
    #[error(
        "the value that ends at line {line}, column {column} has another type than in a \
         `tokenizer.json`, or one of its fields is missing"
    )]
    Structure {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },

    /// A kind of component, model or template is not supported.
    #[error("a {part} of type `{kind}` is not supported: {advice}")]
    Unsupported {
        /// Part of the file, such as `normalizer`.
        part: &'static str,
        /// The type.
        kind: String,
        /// Advice to the user.
        advice: &'static str,
    },

    /// A field of a component is missing or has an unusable value.
    #[error("`{field}` of the {component} must be {expected}, but is {found}")]
    Field {
        /// The component, such as `normalizer Replace`.
        component: String,
        /// Name of the field.
        field: &'static str,
        /// Usable values in words.
        expected: &'static str,
        /// The value, shortened.
        found: String,
    },

    /// A list has more entries than any tokenizer needs.
    #[error("the {part} has more than {limit} components")]
    TooMany {
        /// Part of the file, such as `normalizer`.
        part: &'static str,
        /// The largest number.
        limit: usize,
    },

    /// Texts may become many times as long.
    #[error(
        "the {part} makes texts up to {found} times as long, at most {limit} times are supported"
    )]
    Growth {
        /// Part of the file, such as `normalizer`.
        part: &'static str,
        /// Product of the growths of all components.
        found: u64,
        /// The largest product.
        limit: u64,
    },

    /// The pieces of the vocabulary share few of their first characters, so that their search tree
    /// is large.
    #[error(
        "the vocabulary's pieces need a search tree of {nodes} nodes, at most {limit} are supported \
         for a file of this size"
    )]
    SearchTree {
        /// Number of the nodes.
        nodes: usize,
        /// The largest number.
        limit: usize,
    },
}
