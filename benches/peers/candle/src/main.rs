//! candle-transformers' T5, as far as it is comparable: greedy decoding of a batch, and the time
//! from process start to the first label.
//!
//! ```text
//! candle-peers generation|cold --folder FOLDER --rows FILE
//! ```
//!
//! It has no soft prompts, so inputs are 100 tokens longer instead. It has no encoder mask, so
//! batches only contain rows of equal length. Its decoder reads position biases with the encoder's
//! buckets, so it generates different tokens. The amount of work is the same.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use candle_core::{D, DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::t5::{Config, T5ForConditionalGeneration};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokenizers::Tokenizer;

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// Prompt vectors of the other sides.
const PROMPT: usize = 100;
const NEW_TOKENS: usize = 32;

#[derive(Deserialize)]
struct Row {
    input_ids: Vec<u32>,
}

#[derive(Deserialize)]
struct Asked {
    text: String,
    words: Vec<String>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [work, folder_flag, folder, rows_flag, rows] = arguments.as_slice() else {
        return Err("expected `generation` or `cold`, `--folder` and `--rows`".into());
    };
    if (folder_flag.as_str(), rows_flag.as_str()) != ("--folder", "--rows") {
        return Err("expected `--folder` and then `--rows`".into());
    }
    let (folder, rows) = (PathBuf::from(folder).join("model"), PathBuf::from(rows));
    match work.as_str() {
        "generation" => generate(&folder, &read::<Vec<Row>>(&rows)?),
        "cold" => answer(&cold(&folder, &read(&rows)?)?),
        other => Err(format!("expected `generation` or `cold`, found `{other}`").into()),
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
}

fn answer(value: &Value) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{value}")?;
    Ok(output.flush()?)
}

fn load(folder: &Path) -> Result<T5ForConditionalGeneration> {
    let config: Config = read(&folder.join("config.json"))?;
    let files = [folder.join("model.safetensors")];
    // SAFETY: nothing writes the file while it is mapped.
    let weights = unsafe { VarBuilder::from_mmaped_safetensors(&files, DType::F32, &Device::Cpu)? };
    Ok(T5ForConditionalGeneration::load(weights, &config)?)
}

/// Prepends as many tokens as the prompt has vectors.
fn longer(ids: &[u32]) -> Vec<u32> {
    (0..PROMPT as u32).map(|number| 2 + number).chain(ids.iter().copied()).collect()
}

/// Decodes rows of equal length greedily, for each line `warm` or `go`.
fn generate(folder: &Path, rows: &[Row]) -> Result<()> {
    let mut model = load(folder)?;
    let ids: Vec<Vec<u32>> = rows.iter().map(|row| longer(&row.input_ids)).collect();
    let inputs = Tensor::new(ids, &Device::Cpu)?;
    answer(&json!({ "ready": true }))?;
    for line in std::io::stdin().lock().lines() {
        line?;
        let begun = Instant::now();
        let texts = write_texts(&mut model, &inputs)?;
        answer(&json!({ "ids": texts, "seconds": begun.elapsed().as_secs_f64() }))?;
    }
    Ok(())
}

fn write_texts(model: &mut T5ForConditionalGeneration, inputs: &Tensor) -> Result<Vec<Vec<u32>>> {
    let rows = inputs.dim(0)?;
    model.clear_kv_cache();
    let encoded = model.encode(inputs)?;
    let mut last = Tensor::zeros((rows, 1), DType::U32, &Device::Cpu)?;
    let mut texts = vec![Vec::new(); rows];
    for _ in 0..NEW_TOKENS {
        let next_tokens = model.decode(&last, &encoded)?.argmax(D::Minus1)?;
        for (text, token) in texts.iter_mut().zip(next_tokens.to_vec1::<u32>()?) {
            text.push(token);
        }
        last = next_tokens.unsqueeze(1)?;
    }
    Ok(texts)
}

/// Loads the files and returns the label word with the most probable first token.
fn cold(folder: &Path, asked: &Asked) -> Result<Value> {
    let mut model = load(folder)?;
    let tokenizer = Tokenizer::from_file(folder.join("tokenizer.json"))?;
    let encode =
        |text: &str| -> Result<Vec<u32>> { Ok(tokenizer.encode(text, true)?.get_ids().to_vec()) };
    let ids = encode(&asked.text)?;
    let inputs = Tensor::new(vec![longer(&ids)], &Device::Cpu)?;
    let encoded = model.encode(&inputs)?;
    let start = Tensor::zeros((1, 1), DType::U32, &Device::Cpu)?;
    let logits = model.decode(&start, &encoded)?.squeeze(0)?.to_vec1::<f32>()?;
    let mut best: Option<(f32, &String)> = None;
    for word in &asked.words {
        let first = *encode(word)?.first().ok_or("a label word without tokens")?;
        let logit = logits[first as usize];
        if best.is_none_or(|(largest, _)| logit > largest) {
            best = Some((logit, word));
        }
    }
    let (_, label) = best.ok_or("no label words")?;
    Ok(json!({ "label": label, "ids": ids }))
}
