use burn::tensor::{Bool, Device, Tensor};
use mtpt_core::prepend;

#[test]
fn prepended_prompts_are_not_masked() {
    let device = Device::flex();
    let prompts = Tensor::<3>::from_data([[[1.0], [2.0]], [[3.0], [4.0]]], &device);
    let embeddings = Tensor::<3>::from_data([[[5.0]], [[6.0]]], &device);
    let mask = Tensor::<2, Bool>::from_data([[true], [false]], &device);
    let (joined, mask) = prepend(prompts, embeddings, mask);
    assert_eq!(joined.into_data().try_to_vec::<f32>().unwrap(), [1.0, 2.0, 5.0, 3.0, 4.0, 6.0]);
    let mask: Vec<bool> = mask.into_data().iter::<bool>().collect();
    assert_eq!(mask, [true, true, true, true, true, false]);
}
