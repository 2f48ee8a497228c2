use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Bool, Device, Gradients, Int, Tensor};
use mtpt_t5::{Backbone, Family, Inputs, LongAttention, T5, T5Config};

use crate::fixtures::{Reference, assert_close, folder, padded, reference};

/// Mean negative log-probability of the target tokens, as transformers computes its loss.
fn loss(
    model: &T5,
    embeddings: Tensor<3>,
    mask: Tensor<2, Bool>,
    targets: &[Vec<u32>],
) -> Tensor<1> {
    let device = embeddings.device();
    let shifted: Vec<Vec<u32>> = targets
        .iter()
        .map(|target| {
            let start = model.config().decoder_start_token_id;
            std::iter::once(start).chain(target[..target.len() - 1].iter().copied()).collect()
        })
        .collect();
    let (decoder_ids, counted) = padded(&shifted, &device);
    let (labels, _) = padded(targets, &device);
    let [rows, length] = labels.dims();
    let encoded = model.encode_inputs(Inputs::new(embeddings, mask));
    let hidden = model.decode(decoder_ids, encoded);
    let logits = model.logits(hidden.reshape([rows * length, model.config().d_model]));
    let labels: Tensor<2, Int> = labels.reshape([rows * length, 1]);
    let chosen = log_softmax(logits, 1).gather(1, labels).reshape([rows, length]);
    let counted = counted.float();
    -(chosen * counted.clone()).sum() / counted.sum()
}

/// Gradients by the path of their parameters.
struct Collector<'a> {
    gradients: &'a Gradients,
    path: Vec<String>,
    found: Vec<(String, Vec<usize>, Vec<f32>)>,
}

impl ModuleVisitor for Collector<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = param.val().grad(self.gradients);
        let gradient = gradient.unwrap_or_else(|| panic!("no gradient of {:?}", self.path));
        let shape = gradient.dims().to_vec();
        self.found.push((self.path.join("."), shape, gradient.try_into_vec_as().unwrap()));
    }
}

/// Where the gradients of the reference are in the modules.
const PATHS: [(&str, &str); 9] = [
    ("shared.weight", "shared.weight"),
    (
        "encoder.block.0.layer.0.SelfAttention.q.weight",
        "encoder.blocks.0.self_attention.query.weight",
    ),
    (
        "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
        "encoder.position_bias.table.weight",
    ),
    ("encoder.block.0.layer.0.layer_norm.weight", "encoder.blocks.0.self_attention_norm.gamma"),
    (
        "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
        "decoder.position_bias.table.weight",
    ),
    (
        "decoder.block.1.layer.1.EncDecAttention.v.weight",
        "decoder.blocks.1.cross_attention.value.weight",
    ),
    (
        "decoder.block.1.layer.2.DenseReluDense.wo.weight",
        "decoder.blocks.1.feed_forward.output.weight",
    ),
    ("decoder.final_layer_norm.weight", "decoder.final_norm.gamma"),
    ("lm_head.weight", "head.weight"),
];

/// Largest difference of a gradient, relative to the largest number of its tensor: rounding of
/// single precision, summed over some hundred terms.
const GRADIENT_TOLERANCE: f32 = 1e-4;

fn check_gradient(found: &[f32], expected: &[f32], what: &str) {
    let largest = expected.iter().fold(0.0f32, |largest, number| largest.max(number.abs()));
    assert!(largest > 0.0, "{what}");
    assert_close(found, expected, GRADIENT_TOLERANCE * largest, what);
}

/// Without dropout, which transformers' reference has turned off too.
fn trainable(name: &str, device: &Device) -> (T5, Reference) {
    let config = mtpt_t5::read_config(&folder(name)).unwrap();
    assert_eq!(config.dropout_rate, 0.1);
    let folder = without_dropout(name);
    (T5::load(folder.path(), device).unwrap(), reference(name))
}

fn without_dropout(name: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let config = std::fs::read_to_string(folder(name).join("config.json")).unwrap();
    let config = config.replace("\"dropout_rate\": 0.1", "\"dropout_rate\": 0.0");
    std::fs::write(copy.path().join("config.json"), config).unwrap();
    std::fs::copy(folder(name).join("model.safetensors"), copy.path().join("model.safetensors"))
        .unwrap();
    copy
}

#[test]
fn gradients_match_torch() {
    for name in ["v1_0", "v1_1"] {
        let device = Device::flex().autodiff();
        let (model, reference) = trainable(name, &device);
        let expected = reference.gradients.unwrap();
        let (ids, mask) = padded(&reference.inputs, &device);
        let embeddings = model.embed(ids).detach().require_grad();
        let loss = loss(&model, embeddings.clone(), mask, &reference.targets);
        // As of log-probabilities.
        assert_close(&[loss.clone().into_scalar()], &[expected.loss], 1e-4, name);
        let gradients = loss.backward();
        let of_embeddings: Vec<f32> =
            embeddings.grad(&gradients).unwrap().try_into_vec_as().unwrap();
        check_gradient(&of_embeddings, &expected.embeddings, name);

        let mut collector =
            Collector { gradients: &gradients, path: Vec::new(), found: Vec::new() };
        model.visit(&mut collector);
        let mut checked = 0;
        for (key, path) in PATHS {
            let Some(expected) = expected.parameters.get(key) else { continue };
            let (_, shape, found) =
                collector.found.iter().find(|(found, _, _)| found == path).unwrap();
            let is_linear =
                !key.contains("shared") && !key.contains("relative") && shape.len() == 2;
            let found = if is_linear { transposed(found, shape) } else { found.clone() };
            check_gradient(&found, expected, key);
            checked += 1;
        }
        assert_eq!(checked, expected.parameters.len());
    }
}

fn transposed(numbers: &[f32], shape: &[usize]) -> Vec<f32> {
    (0..shape[1])
        .flat_map(|column| (0..shape[0]).map(move |row| numbers[row * shape[1] + column]))
        .collect()
}

#[test]
fn frozen_model_gives_embeddings_the_same_gradients() {
    for name in ["v1_0", "v1_1"] {
        let plain = Device::flex();
        let tracked = plain.clone().autodiff();
        // With its dropout of 0.1, which a frozen model must not apply.
        let model = T5::load(&folder(name), &plain).unwrap();
        let reference = reference(name);
        let expected = reference.gradients.unwrap();
        let (ids, mask) = padded(&reference.inputs, &plain);
        let embeddings = model.embed(ids).autodiff().require_grad();
        let (_, mask_on_tracked) = padded(&reference.inputs, &tracked);
        for mask in [mask, mask_on_tracked] {
            let loss = loss(&model, embeddings.clone(), mask, &reference.targets);
            let gradients = loss.backward();
            let found: Vec<f32> = embeddings.grad(&gradients).unwrap().try_into_vec_as().unwrap();
            check_gradient(&found, &expected.embeddings, name);
        }
    }
}

#[test]
fn dropout_is_applied_in_training_only() {
    let device = Device::flex().autodiff();
    device.seed(11);
    let reference = reference("v1_0");
    let run = |model: &T5| -> f32 {
        let (ids, mask) = padded(&reference.inputs, &device);
        loss(model, model.embed(ids), mask, &reference.targets).into_scalar()
    };
    let model = T5::load(&folder("v1_0"), &device).unwrap();
    assert_ne!(run(&model), run(&model));
    let frozen = model.freeze();
    assert_eq!(run(&frozen), run(&frozen));
    assert_close(&[run(&frozen)], &[reference.gradients.unwrap().loss], 1e-4, "frozen");
}

#[test]
fn a_few_steps_reduce_the_loss_of_a_new_model() {
    let device = Device::flex().autodiff();
    device.seed(5);
    let long = |global_block_size| LongAttention { local_radius: 1, global_block_size };
    let families = [
        Family::T5,
        Family::Mt5,
        Family::Umt5,
        Family::LongT5(long(None)),
        Family::LongT5(long(Some(2))),
    ];
    for family in families {
        let config = T5Config::new(40, 16, 8, 32, 2, 2, 2)
            .with_family(family)
            .with_scale_decoder_outputs(family != Family::Mt5)
            .with_dropout_rate(0.0);
        let mut model = config.init(&device).unwrap();
        let mut optimizer = AdamWConfig::new().init();
        let inputs = [vec![2, 3, 4, 1], vec![5, 6, 1]];
        let targets = [vec![7, 8, 1], vec![9, 1]];
        let mut losses: Vec<f32> = Vec::new();
        for _ in 0..12 {
            let (ids, mask) = padded(&inputs, &device);
            let loss = loss(&model, model.embed(ids), mask, &targets);
            losses.push(loss.clone().into_scalar());
            let gradients = GradientsParams::from_grads(loss.backward(), &model);
            model = optimizer.step(1e-2, model, gradients);
        }
        assert!(losses[11] < losses[0] / 2.0, "{family:?}: {losses:?}");
    }
}
