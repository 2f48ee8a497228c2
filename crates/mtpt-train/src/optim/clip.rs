use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

/// Returns the Euclidean norm of all gradients of a module as one vector, or 0 if there are none.
///
/// The device is read from once.
pub fn global_norm<M: Module>(module: &M, gradients: &GradientsParams) -> f64 {
    norm_of(module, gradients, &|_| true)
}

/// Scales all gradients down so that their global norm is at most `limit`, and returns the norm
/// before scaling.
///
/// Like `torch.nn.utils.clip_grad_norm_`, with its `1e-6` in the denominator. If the norm is not
/// finite, the gradients are unchanged. Burn's own clipping uses each parameter's norm separately,
/// which changes the direction of the step.
pub fn clip_global_norm<M: Module>(module: &M, gradients: &mut GradientsParams, limit: f64) -> f64 {
    clip_norm_of(module, gradients, Some(limit), &|_| true)
}

/// Clips the gradients of some parameters as if there were no others, and returns their norm before
/// clipping. Without a limit, only returns the norm.
pub(crate) fn clip_norm_of<M: Module>(
    module: &M,
    gradients: &mut GradientsParams,
    limit: Option<f64>,
    of: &dyn Fn(ParamId) -> bool,
) -> f64 {
    let norm = norm_of(module, gradients, of);
    let factor = limit.map_or(1.0, |limit| limit / (norm + 1e-6));
    // An infinite norm would set finite gradients to zero.
    if factor < 1.0 && norm.is_finite() {
        module.visit(&mut Scale { gradients, factor, of });
    }
    norm
}

fn norm_of<M: Module>(
    module: &M,
    gradients: &GradientsParams,
    of: &dyn Fn(ParamId) -> bool,
) -> f64 {
    let mut visitor = SumOfSquares { gradients, sum: None, of };
    module.visit(&mut visitor);
    visitor.sum.map_or(0.0, |sum| f64::from(sum.into_scalar::<f32>()).sqrt())
}

struct SumOfSquares<'a> {
    gradients: &'a GradientsParams,
    sum: Option<Tensor<1>>,
    of: &'a dyn Fn(ParamId) -> bool,
}

impl ModuleVisitor for SumOfSquares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if (self.of)(param.id)
            && let Some(gradient) = self.gradients.get::<D>(param.id)
        {
            let squares = gradient.square().sum();
            self.sum = Some(match self.sum.take() {
                Some(sum) => sum + squares,
                None => squares,
            });
        }
    }
}

struct Scale<'a> {
    gradients: &'a mut GradientsParams,
    factor: f64,
    of: &'a dyn Fn(ParamId) -> bool,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if (self.of)(param.id)
            && let Some(gradient) = self.gradients.remove::<D>(param.id)
        {
            self.gradients.register(param.id, gradient.mul_scalar(self.factor));
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::Device;

    use super::*;

    fn linear_with_gradients() -> (Linear, GradientsParams) {
        let device = Device::flex().autodiff();
        let linear = LinearConfig::new(2, 1).init(&device);
        let input = Tensor::<2>::from_data([[3.0, 0.0]], &device);
        let gradients = linear.forward(input).sum().backward();
        let gradients = GradientsParams::from_grads(gradients, &linear);
        (linear, gradients)
    }

    #[test]
    fn the_norm_is_over_all_parameters() {
        let (linear, gradients) = linear_with_gradients();
        // d/dweight = (3, 0), d/dbias = 1: the norm is the root of 10.
        assert!((global_norm(&linear, &gradients) - 10.0_f64.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn clipping_keeps_the_direction() {
        let (linear, mut gradients) = linear_with_gradients();
        let norm = clip_global_norm(&linear, &mut gradients, 1.0);
        assert!((norm - 10.0_f64.sqrt()).abs() < 1e-6);
        // The norm is 1 up to torch's 1e-6 in the denominator and rounding to f32.
        assert!((global_norm(&linear, &gradients) - 1.0).abs() < 1e-5);
        let weight = gradients.get::<2>(linear.weight.id).unwrap().to_data();
        let bias = linear.bias.as_ref().unwrap().id;
        let bias = gradients.get::<1>(bias).unwrap().into_scalar::<f32>();
        assert!((weight.as_slice::<f32>().unwrap()[0] / bias - 3.0).abs() < 1e-5);
    }

    #[test]
    fn small_gradients_are_unchanged() {
        let (linear, mut gradients) = linear_with_gradients();
        let before = gradients.get::<2>(linear.weight.id).unwrap().to_data();
        clip_global_norm(&linear, &mut gradients, 100.0);
        assert_eq!(before, gradients.get::<2>(linear.weight.id).unwrap().to_data());
    }

    #[test]
    fn gradients_with_an_infinite_norm_are_unchanged() {
        let (linear, mut gradients) = linear_with_gradients();
        linear.visit(&mut Scale { gradients: &mut gradients, factor: 1e30, of: &|_| true });
        let before = gradients.get::<2>(linear.weight.id).unwrap().to_data();
        // The square of 3e30 overflows an f32.
        assert_eq!(clip_global_norm(&linear, &mut gradients, 1.0), f64::INFINITY);
        assert_eq!(before, gradients.get::<2>(linear.weight.id).unwrap().to_data());
    }
}
