//! Names of feed-forward layers in transformers.

use crate::config::Activation;
use crate::error::ConfigError;

/// Activations by their names in transformers.
#[rustfmt::skip]
const ACTIVATIONS: &[(&str, Activation)] = &[
    ("relu",              Activation::Relu),
    ("gelu",              Activation::Gelu),
    ("gelu_python",       Activation::Gelu),
    ("gelu_new",          Activation::GeluTanh),
    ("gelu_pytorch_tanh", Activation::GeluTanh),
    ("gelu_python_tanh",  Activation::GeluTanh),
    ("gelu_fast",         Activation::GeluTanh),
    ("gelu_accurate",     Activation::GeluTanh),
    ("silu",              Activation::Silu),
    ("swish",             Activation::Silu),
];

const KNOWN_FEED_FORWARDS: &str = "`relu`, `gelu`, `gelu_new`, `gelu_pytorch_tanh`, `silu`, `swish`, \
                                   or `gated-` and one of these";

/// Parses the feed-forward layer like transformers: the name, overridden by the two derived fields.
pub(crate) fn parse(
    name: &str,
    activation: Option<&str>,
    gated: Option<bool>,
) -> Result<(Activation, bool), ConfigError> {
    let unknown =
        || ConfigError::UnknownFeedForward { found: name.to_owned(), known: KNOWN_FEED_FORWARDS };
    let (named, is_gated) = match name.split_once('-') {
        Some(("gated", "gelu")) => ("gelu_new", true),
        Some(("gated", named)) => (named, true),
        Some(_) => return Err(unknown()),
        None => (name, false),
    };
    let find = |wanted: &str| {
        ACTIVATIONS.iter().find(|(known, _)| *known == wanted).map(|(_, activation)| *activation)
    };
    let named = find(named).ok_or_else(unknown)?;
    let activation = match activation {
        None => named,
        Some(wanted) => find(wanted).ok_or_else(|| ConfigError::OutOfRange {
            field: "dense_act_fn",
            expected: "`relu`, `gelu`, `gelu_new`, `gelu_pytorch_tanh`, `silu` or `swish`",
            found: wanted.to_owned(),
        })?,
    };
    Ok((activation, gated.unwrap_or(is_gated)))
}

/// Returns the names of the feed-forward layer and of its activation.
pub(crate) fn names(activation: Activation, gated: bool) -> (String, &'static str) {
    let name = match activation {
        Activation::Relu => "relu",
        Activation::Gelu => "gelu",
        Activation::GeluTanh => "gelu_new",
        Activation::Silu => "silu",
    };
    let layer = match (gated, activation) {
        // In transformers this name means the tanh approximation.
        (true, Activation::GeluTanh) => "gated-gelu".to_owned(),
        (true, _) => format!("gated-{name}"),
        (false, _) => name.to_owned(),
    };
    (layer, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_transformers() {
        for (name, activation, gated) in [
            ("relu", Activation::Relu, false),
            ("gelu", Activation::Gelu, false),
            ("gelu_fast", Activation::GeluTanh, false),
            ("gated-gelu", Activation::GeluTanh, true),
            ("gated-gelu_python", Activation::Gelu, true),
            ("gated-silu", Activation::Silu, true),
            ("gated-swish", Activation::Silu, true),
            ("gated-relu", Activation::Relu, true),
        ] {
            assert_eq!(parse(name, None, None).unwrap(), (activation, gated), "{name}");
        }
        let derived = parse("gated-gelu", Some("gelu"), Some(true)).unwrap();
        assert_eq!(derived, (Activation::Gelu, true));
        let derived = parse("relu", Some("silu"), Some(true)).unwrap();
        assert_eq!(derived, (Activation::Silu, true));
    }

    #[test]
    fn unknown_names_are_rejected() {
        for name in ["gated-relu-x", "geglu", "relu-gated", ""] {
            let message = parse(name, None, None).unwrap_err().to_string();
            assert!(message.starts_with(&format!("unknown `feed_forward_proj` `{name}`")));
            assert!(message.contains("`gelu_new`"), "{message}");
        }
        let message = parse("relu", Some("quick_gelu"), None).unwrap_err().to_string();
        assert!(message.contains("`dense_act_fn` must be"), "{message}");
        assert!(message.contains("`quick_gelu`"), "{message}");
    }
}
