use crate::error::TokenizerFileError;
use crate::tokenizer::json::component::{Component, Result, Role, shortened};
use crate::tokenizer::json::limited::Limited;
use crate::tokenizer::json::template::TemplatePart;

const PART: &str = "post-processor";
const POST_PROCESSOR: Role =
    Role { name: PART, of_sequence: |component| component.processors.take() };

/// Ids before and after every text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Surrounding {
    pub(crate) before: Vec<u32>,
    pub(crate) after: Vec<u32>,
}

/// Returns the ids that a post-processor adds to a text.
pub(crate) fn surrounding(component: Component) -> Result<Surrounding> {
    let mut all = Surrounding::default();
    for component in &POST_PROCESSOR.flatten(component)? {
        let Surrounding { before, after } = single(component)?;
        all.before.splice(0..0, before);
        all.after.extend(after);
    }
    Ok(all)
}

fn single(component: &Component) -> Result<Surrounding> {
    match component.kind(PART)? {
        // It changes positions of tokens in the text only.
        "ByteLevel" => Ok(Surrounding::default()),
        "BertProcessing" | "RobertaProcessing" => {
            let (_, before) = component.required(PART, "cls", component.cls.as_ref())?;
            let (_, after) = component.required(PART, "sep", component.sep.as_ref())?;
            Ok(Surrounding { before: vec![*before], after: vec![*after] })
        }
        "TemplateProcessing" => template(component),
        kind => {
            let advice = "save the tokenizer with a `TemplateProcessing`";
            Err(TokenizerFileError::Unsupported { part: PART, kind: shortened(kind), advice })
        }
    }
}

/// Returns the ids of a template for one text.
fn template(component: &Component) -> Result<Surrounding> {
    let Limited(parts) = component.required(PART, "single", component.single.as_ref())?;
    let mut surrounding = Surrounding::default();
    let mut texts = 0;
    for part in parts {
        match part {
            TemplatePart::Sequence { id } if id == "A" => texts += 1,
            TemplatePart::Sequence { id } => {
                let found = format!("`{}`", shortened(id));
                return Err(component.unusable(PART, "single", "a template of `A`", found));
            }
            TemplatePart::SpecialToken { id } => {
                let tokens = component.special_tokens.as_ref();
                let token = tokens.and_then(|tokens| tokens.get(id)).ok_or_else(|| {
                    let expected = "a template of tokens in `special_tokens`";
                    component.unusable(PART, "single", expected, format!("`{}`", shortened(id)))
                })?;
                let ids = if texts == 0 { &mut surrounding.before } else { &mut surrounding.after };
                ids.extend(&token.ids.0);
            }
        }
    }
    if texts != 1 {
        let found = format!("one with {texts}");
        return Err(component.unusable(PART, "single", "a template with the text once", found));
    }
    Ok(surrounding)
}
