//! The models of transformers that are members of the T5 family.

use serde_json::{Map, Value};

use crate::error::ConfigError;
use crate::family::Family;

/// A `model_type` of transformers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ModelType {
    T5,
    Mt5,
    Umt5,
    LongT5,
}

/// Names of the models, and of their classes with a language modelling head.
#[rustfmt::skip]
const NAMES: &[(ModelType, &str, &str)] = &[
    (ModelType::T5,     "t5",     "T5ForConditionalGeneration"),
    (ModelType::Mt5,    "mt5",    "MT5ForConditionalGeneration"),
    (ModelType::Umt5,   "umt5",   "UMT5ForConditionalGeneration"),
    (ModelType::LongT5, "longt5", "LongT5ForConditionalGeneration"),
];

const EXPECTED: &str = "`t5`, `mt5`, `umt5` or `longt5` (Flan-T5, UL2 and ByT5 are `t5`)";

/// Parts of the names of classes that follow the name of the model.
const ENDS: [&str; 4] = ["For", "Model", "WithLMHeadModel", "EncoderModel"];

/// Ends of the names of classes without one of the required parts.
const PARTIAL_MODELS: &[(&str, &str)] = &[
    ("EncoderModel", "decoder"),
    ("ForTokenClassification", "language modelling head"),
    ("ForSequenceClassification", "language modelling head"),
    ("ForQuestionAnswering", "language modelling head"),
];

impl ModelType {
    /// Returns the model of a `config.json`. If the file has no `model_type`, it is that of
    /// `architectures`, or else T5.
    ///
    /// # Errors
    ///
    /// Returns an error for models of other types, without a decoder or language modelling head, or
    /// with quantized weights.
    pub(crate) fn of_file(fields: &Map<String, Value>) -> Result<Self, ConfigError> {
        let architectures = fields.get("architectures").and_then(Value::as_array);
        let mut classes = architectures.into_iter().flatten().filter_map(Value::as_str);
        let model_type = match fields.get("model_type") {
            None | Some(Value::Null) => match classes.clone().next() {
                Some(class) => Self::of_class(class)?,
                None => Self::T5,
            },
            Some(found) => {
                let known = NAMES.iter().find(|(_, name, _)| found.as_str() == Some(name));
                let unknown = || ConfigError::OutOfRange {
                    field: "model_type",
                    expected: EXPECTED,
                    found: text(found),
                };
                known.ok_or_else(unknown)?.0
            }
        };
        let lacks = |found: String, lacks: &'static str| {
            Err(ConfigError::Architecture { found, lacks, expected: model_type.architecture() })
        };
        let partial = classes.find_map(|class| {
            let part = PARTIAL_MODELS.iter().find(|(end, _)| class.ends_with(end));
            part.map(|(_, part)| (class, part))
        });
        if let Some((class, part)) = partial {
            return lacks(format!("`{class}`"), part);
        }
        if fields.get("is_encoder_decoder") == Some(&Value::Bool(false)) {
            return lacks("a model with `is_encoder_decoder: false`".to_owned(), "decoder");
        }
        match fields.get("quantization_config") {
            None | Some(Value::Null) => Ok(model_type),
            Some(settings) => {
                let method = settings.get("quant_method").map_or("an unknown method".into(), text);
                Err(ConfigError::Quantized { method })
            }
        }
    }

    /// Returns the type of a class of transformers, for PyTorch, Flax or TensorFlow.
    fn of_class(class: &str) -> Result<Self, ConfigError> {
        let name = class.strip_prefix("Flax").or(class.strip_prefix("TF")).unwrap_or(class);
        let is_of = |(_, _, known): &&(Self, &str, &str)| {
            let start = known.strip_suffix("ForConditionalGeneration").unwrap_or(known);
            let rest = name.strip_prefix(start);
            rest.is_some_and(|rest| ENDS.iter().any(|end| rest.starts_with(end)))
        };
        let unknown = || ConfigError::OutOfRange {
            field: "architectures",
            expected: "`T5ForConditionalGeneration`, or that of mT5, UMT5 or LongT5",
            found: class.to_owned(),
        };
        Ok(NAMES.iter().find(is_of).ok_or_else(unknown)?.0)
    }

    /// Returns the type of a model.
    pub(crate) fn of(family: Family) -> Self {
        match family {
            Family::T5 => Self::T5,
            Family::Mt5 => Self::Mt5,
            Family::Umt5 => Self::Umt5,
            Family::LongT5(_) => Self::LongT5,
        }
    }

    /// Returns the value of `model_type`.
    pub(crate) fn name(self) -> &'static str {
        self.names().1
    }

    /// Returns the name of the class with a language modelling head.
    pub(crate) fn architecture(self) -> &'static str {
        self.names().2
    }

    fn names(self) -> &'static (Self, &'static str, &'static str) {
        let found = NAMES.iter().find(|(model_type, ..)| *model_type == self);
        found.expect("invariant: the table has every type")
    }
}

/// Returns a string without quotes, or another value as JSON.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
