//! Tasks on real files.

use std::error::Error;
use std::path::Path;

use mtpt::tasks::{Format, LabelsConfig, Limit, Task, TaskConfig, TaskId, glue};

/// Dev rows that are judged: enough for a figure to within about two points, quick enough to watch.
const JUDGED: usize = 500;

/// Five tasks of GLUE and TREC's six kinds of questions.
pub fn tasks(data: &Path) -> Result<Vec<Task>, Box<dyn Error>> {
    let folder = |name: &str| data.join("glue").join(name);
    let trec = data.join("text/trec");
    let configs = [
        glue::cola(&folder("CoLA")),
        glue::mrpc(&folder("MRPC")),
        glue::rte(&folder("RTE")),
        glue::sst2(&folder("SST-2")),
        glue::stsb(&folder("STS-B")),
        TaskConfig {
            train: Some(trec.join("train.jsonl")),
            dev: Some(trec.join("dev.jsonl")),
            test: Some(trec.join("test.jsonl")),
            template: Some("trec question: {text}".to_owned()),
            labels: Some(LabelsConfig::Verbatim),
            ..TaskConfig::new(TaskId::new("trec")?, Format::JsonLines)
        },
    ];
    let limit = Limit { dev: Some(JUDGED), ..Limit::default() };
    let check = |config| Ok(Task::new(&TaskConfig { limit: limit.clone(), ..config })?);
    configs.into_iter().map(check).collect()
}
