use mtpt_infer::{Error, TaskData};
use mtpt_tasks::{LabelsConfig, Task};

use crate::small_world::{MAX_LENGTHS, SmallWorld, tokenizer};
use crate::text_tasks::text_task;

#[test]
fn free_text_requires_a_detokenizer() {
    let world = SmallWorld::new();
    let rows = "{\"text\": \"a\", \"label\": \"b\"}\n";
    let task = Task::new(&text_task(&world.folder, "day", rows, LabelsConfig::text())).unwrap();
    let error = TaskData::read(vec![task], &tokenizer(), world.t5.get(), MAX_LENGTHS).unwrap_err();
    assert!(matches!(error, Error::NoDetokenizer { .. }), "{error}");
}
