use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::{Device, Tensor, TensorData};
use mtpt_core::{Frozen, named_parameters};

#[derive(Module, Debug)]
struct Prompted {
    prompt: Param<Tensor<2>>,
    backbone: Frozen<Linear>,
}

impl Prompted {
    fn new(device: &Device) -> Self {
        let prompt = Param::from_tensor(Tensor::from_data([[1.0, -1.0]], device));
        let weight =
            Tensor::from_data([[0.5, 2.0], [1.5, -1.0]], &device.clone().without_autodiff());
        let mut linear =
            LinearConfig::new(2, 2).with_bias(false).init(&device.clone().without_autodiff());
        linear.weight = Param::from_tensor(weight);
        Self { prompt, backbone: Frozen::new(linear) }
    }

    fn loss(&self) -> Tensor<1> {
        self.backbone.forward(self.prompt.val()).sum()
    }

    fn weight(&self) -> TensorData {
        self.backbone.weight.val().into_data()
    }
}

#[test]
fn only_the_prompt_has_a_gradient_and_is_updated() {
    let model = Prompted::new(&Device::flex().autodiff());
    let before = model.weight();
    assert_eq!(model.num_params(), 2);
    let gradients = GradientsParams::from_grads(model.loss().backward(), &model);
    assert_eq!(gradients.len(), 1);
    // The gradient of the prompt is the sum of each row of the weight.
    let gradient = gradients.get::<2>(model.prompt.id).unwrap().into_data();
    assert_eq!(gradient.try_to_vec::<f32>().unwrap(), [2.5, 0.5]);
    let model = SgdConfig::new().init().step(1.0, model, gradients);
    assert_eq!(model.prompt.val().into_data().try_to_vec::<f32>().unwrap(), [-1.5, -1.5]);
    assert_eq!(before, model.weight());
}

#[test]
fn records_contain_only_the_prompt() {
    let model = Prompted::new(&Device::flex().autodiff());
    let parameters = named_parameters(&model);
    assert_eq!(parameters.keys().collect::<Vec<_>>(), ["prompt"]);
}

#[test]
fn frozen_weights_stay_on_the_device_without_autodiff() {
    let device = Device::flex().autodiff();
    let linear = LinearConfig::new(2, 2).init(&device);
    let frozen = Frozen::new(linear).fork(&device).to_device(&device).train();
    assert!(!frozen.weight.val().device().is_autodiff());
    assert!(!frozen.weight.is_require_grad());
}
