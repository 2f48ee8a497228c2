use burn::tensor::Device;
use mtpt_compose::CompositionConfig;
use mtpt_core::Compose;
use mtpt_infer::Prompts;
use mtpt_train::{PromptTuningRun, RunDir};

use crate::small_world::{SmallWorld, config};

#[test]
fn the_prompt_file_of_a_run_restores_the_trained_prompts() {
    for composition in CompositionConfig::catalogue() {
        let world = SmallWorld::new();
        let config = config(composition);
        let folder = RunDir::create(&world.folder.path().join("run")).unwrap();
        let start = world.composition(&config);
        let trained = PromptTuningRun::new(&config, &world.data, &world.t5)
            .output(&folder)
            .train(start)
            .unwrap();
        let prompts = Prompts::read(&folder.prompts(), &Device::flex()).unwrap();
        assert_eq!(prompts.header(), trained.prompts.header());
        for task in ["mood", "wet"] {
            let task = prompts.find(task).unwrap();
            let values = |prompts: &Prompts| {
                let prompt = prompts.composition().compose(task).inner();
                prompt.into_data().try_to_vec::<f32>().unwrap()
            };
            assert_eq!(values(&prompts), values(&trained.prompts));
        }
        let labels = prompts.tasks()[0].labels().unwrap().unwrap();
        assert_eq!(labels.words(), ["happy", "sad today"]);
        assert_eq!(prompts.tasks()[1].template().unwrap().unwrap().as_str(), "wet {text}");
        prompts.check_fits(world.t5.get()).unwrap();
    }
}
