//! Compares the gradients of prompts on each GPU backend that is built in with those on the CPU.
//!
//! Burn had wrong or missing gradients on GPU backends for graphs in which only a few inputs are
//! tracked (tracel-ai/burn#5162), as in prompt tuning. The bug depended on earlier computations of
//! the process, so this test has a process of its own. Without a driver it prints a message and is
//! skipped. With `MTPT_REQUIRE_GPU` set it fails instead.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "a skipped test prints why")]

use std::path::Path;
use std::process::Command;

use mtpt::burn::module::{Module, ModuleVisitor, Param};
use mtpt::burn::optim::GradientsParams;
use mtpt::burn::tensor::{Device, Tensor, TensorData};
use mtpt::compose::{CompositionConfig, InitContext, PartId, Tree};
use mtpt::core::Frozen;
use mtpt::t5::T5;
use mtpt::tasks::{Batch, TokenizedExample};
use mtpt::train::{Objective, PromptTuning};

const LENGTH: usize = 6;
const D_MODEL: usize = 16;

/// Returns pseudorandom values between -1 and 1 that are the same on every platform.
fn pseudorandom(seed: u32, shape: [usize; 2]) -> Tensor<2> {
    let values: Vec<f32> = (0..shape[0] * shape[1])
        .map(|index| {
            let mixed = (index as u32 + 1).wrapping_mul(2_654_435_761).wrapping_add(seed * 97_531);
            f64::from(mixed.rotate_left(11)) as f32 / u32::MAX as f32 * 2.0 - 1.0
        })
        .collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

fn batch() -> Batch {
    let row = |task: u32, length: u32, target: &[u32]| TokenizedExample {
        task: task as usize,
        input_ids: (0..length).map(|index| 2 + (index * 7 + task) % 90).chain([94]).collect(),
        target_ids: target.to_vec(),
        label: None,
        gold: None,
    };
    let rows =
        [row(0, 9, &[5, 94]), row(2, 3, &[6, 7, 94]), row(0, 14, &[8, 94]), row(1, 5, &[9, 94])];
    Batch::of_examples(&rows).unwrap()
}

/// The implementation of the backward pass.
#[derive(Clone, Copy, Debug)]
enum BackwardPass {
    /// Autodiff through the whole model.
    Autodiff,
    /// The hand-written backward pass of the model, as in training.
    HandWritten,
}

/// Returns the losses of the target tokens, and the gradients of all parameters in their order.
fn losses_and_gradients(
    config: &CompositionConfig,
    device: &Device,
    backward_pass: BackwardPass,
) -> (Vec<f32>, Vec<f32>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mtpt-t5/tests/fixtures/v1_1");
    let t5 = Frozen::new(T5::load(&folder, device).unwrap());
    let start = InitContext {
        shared: pseudorandom(1, [LENGTH, D_MODEL]),
        tree: Tree::flat(3),
        part: &|part, length| {
            let seed = match part {
                PartId::Task(task) => 2 + task.position() as u32,
                PartId::Node(node) => 100 + node as u32,
                PartId::Component(component) => 200 + component as u32,
            };
            Ok(pseudorandom(seed, [length, D_MODEL]))
        },
        seed: 3,
        device: device.clone().autodiff(),
    };
    let composition = config.init(&start).unwrap();
    let (objective, batch) = (PromptTuning::new(&t5), batch());
    let (losses, gradients) = match backward_pass {
        BackwardPass::Autodiff => {
            let losses = objective.token_losses(&composition, &batch).unwrap().nll;
            let gradients = losses.clone().mean().backward();
            (losses.inner(), GradientsParams::from_grads(gradients, &composition))
        }
        BackwardPass::HandWritten => {
            let tokens = batch.target_tokens();
            let (losses, gradients) =
                objective.differentiate(&composition, &batch, tokens).unwrap();
            (losses.nll, gradients.expect("every prompt has trainable parameters"))
        }
    };
    struct Collect(GradientsParams, Vec<f32>);
    impl ModuleVisitor for Collect {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let gradient = self.0.get::<D>(param.id).expect("every parameter has a gradient");
            self.1.extend(gradient.into_data().iter::<f32>());
        }
    }
    let mut collect = Collect(gradients, Vec::new());
    composition.visit(&mut collect);
    (losses.into_data().iter::<f32>().collect(), collect.1)
}

#[cfg(feature = "cuda")]
#[test]
fn gradients_on_cuda_match_those_on_the_cpu() {
    // Products round their factors to TF32, to 11 significant bits, in a dozen products in a row.
    compare_with_the_cpu("cuda", Tolerance { loss: 5e-3, gradient: 2e-2 });
}

#[cfg(feature = "metal")]
#[test]
fn gradients_on_metal_match_those_on_the_cpu() {
    compare_with_the_cpu("metal", Tolerance::SINGLE);
}

#[cfg(feature = "rocm")]
#[test]
fn gradients_on_rocm_match_those_on_the_cpu() {
    compare_with_the_cpu("rocm", Tolerance::SINGLE);
}

#[cfg(feature = "vulkan")]
#[test]
fn gradients_on_vulkan_match_those_on_the_cpu() {
    compare_with_the_cpu("vulkan", Tolerance::SINGLE);
}

#[cfg(feature = "wgpu")]
#[test]
fn gradients_on_wgpu_match_those_on_the_cpu() {
    compare_with_the_cpu("wgpu", Tolerance::SINGLE);
}

/// Allowed differences from the CPU.
struct Tolerance {
    /// Of a loss, in nats.
    loss: f32,
    /// Of a gradient, as a fraction of the largest one.
    gradient: f32,
}

impl Tolerance {
    /// Two small layers in f32. Only the order of additions and the exponential differ.
    const SINGLE: Self = Self { loss: 1e-4, gradient: 1e-4 };
}

fn compare_with_the_cpu(gpu: &str, tolerance: Tolerance) {
    let gpu = match mtpt::device(gpu) {
        Ok(device) => device,
        Err(error) if std::env::var_os("MTPT_REQUIRE_GPU").is_none() => {
            eprintln!("skipped: {error}");
            return;
        }
        Err(error) => panic!("MTPT_REQUIRE_GPU is set, but {error}"),
    };
    for config in CompositionConfig::catalogue() {
        let name = config.name();
        let (cpu_losses, cpu) =
            losses_and_gradients(&config, &Device::flex(), BackwardPass::Autodiff);
        let largest = cpu.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        assert!(largest > 1e-3, "{name}: there is a gradient to compare");
        let others = [
            (&gpu, BackwardPass::Autodiff),
            (&gpu, BackwardPass::HandWritten),
            (&Device::flex(), BackwardPass::HandWritten),
        ];
        for (device, backward_pass) in others {
            let (losses, gradients) = losses_and_gradients(&config, device, backward_pass);
            let case = format!("{name}, {backward_pass:?} on {device:?}");
            for (cpu, other) in cpu_losses.iter().zip(&losses) {
                let close = (cpu - other).abs() < tolerance.loss;
                assert!(close, "{case}: loss {cpu} on the CPU, here {other}");
            }
            assert_eq!((cpu_losses.len(), cpu.len()), (losses.len(), gradients.len()), "{case}");
            for (index, (cpu, other)) in cpu.iter().zip(&gradients).enumerate() {
                let close = (cpu - other).abs() <= tolerance.gradient * largest;
                assert!(close, "{case}, value {index}: {cpu} on the CPU, here {other}");
            }
        }
        eprintln!("{name}: {} gradients agree on {gpu:?}", cpu.len());
    }
}

/// Burn panics without a driver. Here that is a one-line error, and `auto` selects the CPU.
#[test]
fn missing_driver_is_reported_in_one_line() {
    const ALONE: &str = "MTPT_TEST_WITHOUT_DRIVER";
    if std::env::var_os(ALONE).is_none() {
        // A process searches for drivers once, so the one without drivers must be another process.
        let nowhere = Path::new("/nowhere");
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "missing_driver_is_reported_in_one_line"])
            .env(ALONE, "1")
            .envs([("VK_DRIVER_FILES", nowhere), ("VK_ICD_FILENAMES", nowhere)])
            // Without Vulkan, wgpu falls back to OpenGL.
            .envs([("__EGL_VENDOR_LIBRARY_FILENAMES", nowhere)])
            .status();
        assert!(status.unwrap().success(), "see the output of the process without a driver");
        return;
    }
    let gpus: Vec<&str> = mtpt::device_names().into_iter().filter(|&name| name != "flex").collect();
    for name in &gpus {
        let error = match mtpt::device(name) {
            Err(error) => error.to_string(),
            Ok(_) => {
                eprintln!(
                    "skipped: `{name}` found a driver, though Vulkan's and EGL's were hidden"
                );
                return;
            }
        };
        let expected = format!("device `{name}` is not available; check its driver");
        assert!(error.starts_with(&expected), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
    let chosen = mtpt::choose_device("auto").unwrap();
    assert_eq!((chosen.name, chosen.skipped.len()), ("flex", gpus.len()));
}
