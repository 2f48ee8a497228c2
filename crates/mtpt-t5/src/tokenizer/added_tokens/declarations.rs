use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tokenizers::AddedToken;

use crate::error::{Result, TokenizerError};
use crate::tokenizer::added_tokens::json_fields::JsonFields;

const CONFIG_FILE: &str = "tokenizer_config.json";
const SPECIAL_TOKENS_FILE: &str = "special_tokens_map.json";
const ADDED_TOKENS_FILE: &str = "added_tokens.json";

/// Largest number of sentinels. T5 has 100, other models have up to 300.
const MAX_SENTINELS: usize = 10_000;
/// Largest id. No embedding table has as many rows.
const MAX_ID: u32 = i32::MAX as u32;

/// The files next to a tokenizer that declare its class and its added tokens.
///
/// Read like transformers: `added_tokens_decoder` in `tokenizer_config.json` replaces the two older
/// files, `special_tokens_map.json` and `added_tokens.json`.
#[derive(Debug, Default)]
pub(crate) struct Declarations {
    /// Class of the tokenizer, without the suffix `Fast`.
    pub(crate) class: Option<String>,
    /// Number of sentinels.
    pub(crate) extra_ids: Option<usize>,
    /// Text of the end token.
    pub(crate) end: Option<String>,
    /// Fields that declare special tokens, like `eos_token`.
    special_keys: HashSet<String>,
    /// Those with an id first, in the order of their ids.
    pub(crate) tokens: Vec<DeclaredToken>,
    /// The file that gives ids to tokens.
    pub(crate) ids_file: PathBuf,
}

/// A token with its id, unless that is the id of a piece or the next free one.
#[derive(Clone, Debug)]
pub(crate) struct DeclaredToken {
    pub(crate) token: AddedToken,
    pub(crate) id: Option<u32>,
}

impl Declarations {
    /// Checks that no token has another id than the tokenizer at `path` has for it.
    pub(crate) fn check_ids(&self, path: &Path, id: impl Fn(&str) -> Option<u32>) -> Result<()> {
        for DeclaredToken { token, id: declared } in &self.tokens {
            if let (Some(declared), Some(found)) = (*declared, id(&token.content))
                && found != declared
            {
                return Err(TokenizerError::AddedTokenId {
                    declared_in: self.ids_file.clone(),
                    token: token.content.clone(),
                    declared,
                    tokenizer: path.to_owned(),
                    found,
                }
                .into());
            }
        }
        Ok(())
    }

    /// Reads the files of a folder, as far as they exist.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let config = JsonFields::read(&folder.join(CONFIG_FILE))?;
        let class = config.text("tokenizer_class")?.map(|class| {
            class
                .strip_suffix("Fast")
                .filter(|name| *name != "PreTrainedTokenizer")
                .unwrap_or(class)
        });
        let mut declarations = Self {
            class: class.map(str::to_owned),
            extra_ids: config.count("extra_ids", MAX_SENTINELS)?,
            ..Self::default()
        };
        if config.get("added_tokens_decoder").is_some() {
            let special = special_tokens(&config)?;
            declarations.set_keys(&special);
            let decoder = config.expect(
                "added_tokens_decoder",
                "an object from ids to tokens",
                &config.fields["added_tokens_decoder"],
                Value::as_object,
            )?;
            declarations.ids_file = config.path().to_owned();
            declarations.tokens = tokens_by_id(&config, decoder, &special)?;
            declarations.add_without_id(special);
            return Ok(declarations);
        }
        let older = JsonFields::read(&folder.join(SPECIAL_TOKENS_FILE))?;
        let mut special = special_tokens(&older)?;
        special.extend(special_tokens(&config)?);
        declarations.set_keys(&special);
        let ids = JsonFields::read(&folder.join(ADDED_TOKENS_FILE))?;
        declarations.ids_file = ids.path().to_owned();
        declarations.tokens = ids_of_texts(&ids, &special)?;
        declarations.add_without_id(special);
        Ok(declarations)
    }

    fn set_keys(&mut self, special: &[SpecialToken]) {
        let end = special.iter().find(|special| special.key == "eos_token");
        self.end = end.map(|end| end.token.content.clone());
        self.special_keys = special.iter().map(|special| special.key.clone()).collect();
    }

    /// Adds the special tokens that have no id yet.
    fn add_without_id(&mut self, special: Vec<SpecialToken>) {
        self.add_all(special.into_iter().map(|special| special.token));
    }

    /// Adds a token unless it is declared.
    pub(crate) fn add(&mut self, token: AddedToken) {
        self.add_all([token]);
    }

    /// Adds tokens unless they are declared.
    pub(crate) fn add_all(&mut self, tokens: impl IntoIterator<Item = AddedToken>) {
        let mut known: HashSet<String> =
            self.tokens.iter().map(|known| known.token.content.clone()).collect();
        for token in tokens {
            if known.insert(token.content.clone()) {
                self.tokens.push(DeclaredToken { token, id: None });
            }
        }
    }

    /// Adds the default of a special token unless the folder declares it.
    pub(crate) fn add_default(&mut self, key: &str, token: AddedToken) {
        if !self.special_keys.contains(key) {
            self.add(token);
        }
    }

    /// Adds the special tokens of transformers' class for T5, as far as they are in the vocabulary.
    pub(crate) fn add_class_defaults(&mut self, is_known: impl Fn(&str) -> bool) {
        let defaults = [("eos_token", "</s>"), ("unk_token", "<unk>"), ("pad_token", "<pad>")];
        for (key, content) in defaults.into_iter().filter(|(_, content)| is_known(content)) {
            self.add_default(key, AddedToken::from(content, true));
        }
    }

    /// Returns all tokens with ids: the declared one, the known one, or the next free one.
    ///
    /// Tokens without id are dropped where the model's vocabulary has no room for them.
    pub(crate) fn with_ids(
        &self,
        known: impl Fn(&str) -> Option<u32>,
        first_free: usize,
        vocab_size: usize,
    ) -> Vec<(AddedToken, u32)> {
        let declared: HashSet<u32> =
            self.tokens.iter().filter_map(|declared| declared.id).collect();
        let mut next = declared.iter().map(|id| id + 1).fold(first_free as u32, u32::max);
        let mut tokens = Vec::new();
        for DeclaredToken { token, id } in &self.tokens {
            let id = id.or_else(|| known(&token.content)).unwrap_or_else(|| {
                next += 1;
                next - 1
            });
            if declared.contains(&id) || (id as usize) < vocab_size {
                tokens.push((token.clone(), id));
            }
        }
        tokens
    }
}

/// A token that is omitted from decoded texts, and the field that declares it.
struct SpecialToken {
    key: String,
    token: AddedToken,
}

/// Returns the tokens of the fields `…_token` and of the list of further ones.
fn special_tokens(file: &JsonFields) -> Result<Vec<SpecialToken>> {
    let mut special = Vec::new();
    for (key, value) in &file.fields {
        if key.ends_with("_token") && (value.is_string() || value.is_object()) {
            special
                .push(SpecialToken { key: key.clone(), token: special_token(file, key, value)? });
        }
    }
    for key in ["extra_special_tokens", "additional_special_tokens"] {
        let values = match file.get(key) {
            None => continue,
            Some(Value::Object(named)) => named.values().collect(),
            Some(list) => file
                .expect(key, "a list of tokens", list, Value::as_array)?
                .iter()
                .collect::<Vec<_>>(),
        };
        for value in values {
            special.push(SpecialToken {
                key: key.to_owned(),
                token: special_token(file, key, value)?,
            });
        }
    }
    Ok(special)
}

fn special_token(file: &JsonFields, key: &str, value: &Value) -> Result<AddedToken> {
    match value {
        Value::String(content) => Ok(AddedToken::from(content.as_str(), true)),
        value => {
            let expected = "a text or an object with `content`";
            let fields = file.expect(key, expected, value, Value::as_object)?;
            Ok(token(file, key, fields)?.special(true))
        }
    }
}

/// Returns the token that an object describes.
fn token(file: &JsonFields, key: &str, fields: &Map<String, Value>) -> Result<AddedToken> {
    let content = fields.get("content").unwrap_or(&Value::Null);
    let content = file.expect(&format!("{key}.content"), "a text", content, Value::as_str)?;
    let flag = |name: &str, default: bool| match fields.get(name) {
        None | Some(Value::Null) => Ok(default),
        Some(value) => {
            file.expect(&format!("{key}.{name}"), "`true` or `false`", value, Value::as_bool)
        }
    };
    let special = flag("special", false)?;
    Ok(AddedToken::from(content, special)
        .single_word(flag("single_word", false)?)
        .lstrip(flag("lstrip", false)?)
        .rstrip(flag("rstrip", false)?)
        .normalized(flag("normalized", !special)?))
}

/// Reads `added_tokens_decoder`.
fn tokens_by_id(
    file: &JsonFields,
    decoder: &Map<String, Value>,
    special: &[SpecialToken],
) -> Result<Vec<DeclaredToken>> {
    let mut tokens = Vec::new();
    let special = texts(special);
    for (id, value) in decoder {
        let key = format!("added_tokens_decoder.{id}");
        let number = |_: &_| id.parse().ok().filter(|id| *id <= MAX_ID);
        let text = Value::String(id.clone());
        let number = file.expect(&key, "the token of an id below 2^31", &text, number)?;
        let fields = file.expect(&key, "an object with `content`", value, Value::as_object)?;
        let token = token(file, &key, fields)?;
        let is_special = token.special || special.contains(token.content.as_str());
        tokens.push(DeclaredToken { token: token.special(is_special), id: Some(number) });
    }
    sorted(file, tokens)
}

/// Reads `added_tokens.json`.
fn ids_of_texts(file: &JsonFields, special: &[SpecialToken]) -> Result<Vec<DeclaredToken>> {
    let mut tokens = Vec::new();
    let special = texts(special);
    for (content, id) in &file.fields {
        let number = |id: &Value| {
            id.as_u64().and_then(|id| u32::try_from(id).ok()).filter(|id| *id <= MAX_ID)
        };
        let id = file.expect(content, "an id below 2^31", id, number)?;
        let token = AddedToken::from(content.as_str(), special.contains(content.as_str()));
        tokens.push(DeclaredToken { token, id: Some(id) });
    }
    sorted(file, tokens)
}

/// Returns the texts of special tokens.
fn texts(special: &[SpecialToken]) -> HashSet<&str> {
    special.iter().map(|special| special.token.content.as_str()).collect()
}

/// Sorts tokens by id, and checks that ids and texts are distinct.
fn sorted(file: &JsonFields, mut tokens: Vec<DeclaredToken>) -> Result<Vec<DeclaredToken>> {
    tokens.retain(|declared| !declared.token.content.is_empty());
    tokens.sort_by_key(|declared| declared.id);
    let mut contents = HashSet::new();
    let mut ids = HashSet::new();
    for DeclaredToken { token, id } in &tokens {
        if !contents.insert(&token.content) || !ids.insert(id) {
            let (path, token) = (file.path().to_owned(), token.content.clone());
            return Err(TokenizerError::SameAddedToken { path, token }.into());
        }
    }
    Ok(tokens)
}
