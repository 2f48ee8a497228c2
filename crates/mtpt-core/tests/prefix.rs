use burn::tensor::{Bool, Device, Tensor, TensorData};
use mtpt_core::{SplitPrompts, prepend};

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

#[test]
fn prompts_are_split_and_joined() {
    let values: Vec<f32> = (0..10).map(|value| value as f32).collect();
    let prompts = Tensor::<3>::from_data(TensorData::new(values, [2, 5, 1]), &Device::flex());
    let list = |tensor: Tensor<3>| tensor.into_data().try_to_vec::<f32>().unwrap();
    for (decoder, of_encoder, of_decoder) in [
        (0..2, [2.0, 3.0, 4.0, 7.0, 8.0, 9.0], [0.0, 1.0, 5.0, 6.0]),
        (1..3, [0.0, 3.0, 4.0, 5.0, 8.0, 9.0], [1.0, 2.0, 6.0, 7.0]),
        (3..5, [0.0, 1.0, 2.0, 5.0, 6.0, 7.0], [3.0, 4.0, 8.0, 9.0]),
    ] {
        let split = SplitPrompts::split(prompts.clone(), decoder.clone());
        assert_eq!(list(split.encoder.clone()), of_encoder);
        assert_eq!(list(split.decoder.clone().unwrap()), of_decoder);
        assert_eq!(list(split.join(decoder)), list(prompts.clone()));
    }
    let split = SplitPrompts::split(prompts.clone(), 5..5);
    assert!(split.decoder.is_none());
    assert_eq!(list(split.join(5..5)), list(prompts));
}
