use mtpt_compose::CompositionConfig;
use mtpt_core::{Compose, TaskIndex};
use mtpt_infer::Prompted;
use mtpt_tasks::Split;
use mtpt_train::PromptTuningRun;

use crate::small_world::{SmallWorld, config};

#[test]
fn plain_prompts_of_a_composition_have_the_same_scores() {
    for composition in CompositionConfig::catalogue() {
        let world = SmallWorld::new();
        let config = config(composition);
        let start = world.composition(&config);
        let trained = PromptTuningRun::new(&config, &world.data, &world.t5).train(start).unwrap();
        let composed = trained.prompts.composition();
        if composed.reads_inputs() {
            let refused = composed.to_separate(&[TaskIndex::new(0)]).unwrap_err().to_string();
            assert!(refused.contains("depend on the input"), "{refused}");
            continue;
        }
        let plain = composed.to_separate(&[TaskIndex::new(0), TaskIndex::new(1)]).unwrap();
        for data in &world.data {
            let (rows, candidates) = (data.rows(Split::Dev), data.candidates());
            let rank =
                |prompts| Prompted::new(world.t5.get(), prompts).unwrap().rank(rows, candidates, 5);
            assert_eq!(rank(composed), rank(&plain), "{}", config.composition.name());
        }
    }
}
