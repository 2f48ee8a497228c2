//! Headers of prompt files that claim other sizes than their tensors have.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, TensorData};
use mtpt_compose::CompositionConfig;
use mtpt_infer::{Error, PromptFile, PromptHeader, PromptTask, Prompts};
use serde_json::{Value, json};

use crate::small_world::SmallWorld;
use crate::untrained;

/// Writes prompts with a changed header.
fn write(config: &CompositionConfig, world: &SmallWorld, change: impl Fn(&mut Value)) {
    let prompts = untrained::prompts(config, &world.tasks);
    let mut header = serde_json::to_value(prompts.header()).unwrap();
    change(&mut header);
    let file = PromptFile::from_tensors(prompts.tensors(), header.to_string());
    file.write(&path(world)).unwrap();
}

fn path(world: &SmallWorld) -> PathBuf {
    world.folder.path().join("prompts.safetensors")
}

fn problem(path: &Path) -> String {
    Prompts::read(path, &Device::flex()).unwrap_err().to_string()
}

/// Sizes up to the largest integer. Memory for most of them doesn't exist.
const SIZES: [u64; 8] = [0, 1, 1 << 16, 1 << 28, 1 << 40, 1 << 62, 1 << 63, u64::MAX];

#[test]
fn every_size_is_compared_with_the_tensors() {
    let world = SmallWorld::new();
    for config in CompositionConfig::catalogue() {
        for key in ["length", "d_model", "decoder_length"] {
            for size in SIZES {
                write(&config, &world, |header| header[key] = size.into());
                let is_default = key == "decoder_length" && size == 0;
                let outcome = Prompts::read(&path(&world), &Device::flex());
                assert_eq!(outcome.is_ok(), is_default, "{} {key} {size}", config.name());
                // Programs that show a header use these, whatever it claims.
                let file = PromptFile::read(&path(&world)).unwrap();
                if let Ok(header) = PromptHeader::from_file(&file, &path(&world)) {
                    let _ = header.parameter_count().map(|count| count.total());
                }
            }
        }
    }
}

#[test]
fn every_option_is_compared_with_the_tensors() {
    let world = SmallWorld::new();
    for config in CompositionConfig::catalogue() {
        let Value::Object(options) = serde_json::to_value(&config).unwrap() else { panic!() };
        for (key, _) in options.iter().filter(|(_, value)| value.is_u64()) {
            for size in SIZES.into_iter().filter(|&size| options[key] != json!(size)) {
                write(&config, &world, |header| header["composition"][key] = size.into());
                let outcome = Prompts::read(&path(&world), &Device::flex());
                // The number of heads is in no shape.
                assert!(outcome.is_err() || key == "heads", "{key} {size}");
            }
        }
    }
}

#[test]
fn invalid_options_and_names_are_reported_with_the_file() {
    let world = SmallWorld::new();
    let config = CompositionConfig::catalogue().into_iter().find(|it| it.name() == "low_rank");
    for change in [
        (|header| header["composition"]["rank"] = 0.into()) as fn(&mut Value),
        |header| header["tasks"][1]["name"] = header["tasks"][0]["name"].clone(),
        |header| header["tasks"] = json!([]),
        |header| header["tasks"][1]["name"] = json!("../x"),
    ] {
        write(config.as_ref().unwrap(), &world, change);
        let problem = problem(&path(&world));
        let start = format!("`{}`: cannot parse the header of the prompt", path(&world).display());
        assert!(problem.starts_with(&start), "{problem}");
    }
}

#[test]
fn the_error_has_the_claim_and_the_size_of_the_tensors() {
    let world = SmallWorld::new();
    write(&CompositionConfig::default(), &world, |header| header["d_model"] = json!(1_u64 << 40));
    let error = Prompts::read(&path(&world), &Device::flex()).unwrap_err();
    assert!(matches!(error, Error::ClaimedSize { .. }));
    let expected = "of a prompt [4, 1099511627776] for 2 tasks), but its tensors have ";
    assert!(error.to_string().contains(expected), "{error}");
    // A small difference is one of a tensor.
    write(&CompositionConfig::default(), &world, |header| header["d_model"] = json!(17));
    let error = Prompts::read(&path(&world), &Device::flex()).unwrap_err();
    assert!(matches!(error, Error::PromptParameters { .. }), "{error}");
}

#[test]
fn a_narrow_shared_prompt_needs_no_memory_for_a_wide_one() {
    // Its tensors have 655,360 values, the composed prompt would have 2^34.
    let world = SmallWorld::new();
    let config: CompositionConfig =
        serde_json::from_value(json!({"strategy": "project", "shared_width": 1})).unwrap();
    let names = world.tasks.iter().map(|task| task.id().clone());
    let tasks = names.map(PromptTask::named).collect();
    let mut header = PromptHeader::new(config, 1 << 17, 1 << 17, tasks);
    header.model = "m".to_owned();
    let zeros = |shape: Vec<usize>| {
        let count = shape.iter().product();
        TensorData::new(vec![0.0_f32; count], shape)
    };
    let mut tensors = BTreeMap::from([("shared".to_owned(), zeros(vec![1 << 17, 1]))]);
    for task in 0..2 {
        tensors.insert(format!("tasks.{task}.weight"), zeros(vec![1, 1 << 17]));
        tensors.insert(format!("tasks.{task}.bias"), zeros(vec![1 << 17]));
    }
    let header = serde_json::to_string(&header).unwrap();
    PromptFile::from_tensors(tensors, header).write(&path(&world)).unwrap();
    Prompts::read(&path(&world), &Device::flex()).unwrap();
}

#[test]
fn arrays_in_place_of_objects_are_rejected() {
    let world = SmallWorld::new();
    let config = CompositionConfig::default();
    let values = |value: &Value| match value {
        Value::Object(fields) => fields.values().cloned().collect(),
        other => other.clone(),
    };
    for change in [
        (|header, values| *header = values(header)) as fn(&mut Value, fn(&Value) -> Value),
        |header, values| header["tasks"][1] = values(&header["tasks"][1]),
        |header, values| header["composition"] = values(&header["composition"]),
    ] {
        write(&config, &world, |header| change(header, values));
        let problem = problem(&path(&world));
        assert!(problem.contains("cannot parse the header of the prompt file"), "{problem}");
    }
}

#[test]
fn empty_prompts_are_rejected() {
    let world = SmallWorld::new();
    for key in ["length", "d_model"] {
        write(&CompositionConfig::default(), &world, |header| header[key] = 0.into());
        let expected = format!("`{key}` must be at least 1, but is 0; use a file that mtpt wrote");
        assert!(problem(&path(&world)).ends_with(&expected));
    }
}
