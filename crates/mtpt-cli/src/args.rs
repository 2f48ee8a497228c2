use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use mtpt::infer::{ArrayComposition, PromptFormat};

/// Multitask prompt tuning for T5: one frozen model, many tasks, a small learned prompt for each.
///
/// Rows come in on standard input and go out on standard output as JSON Lines, in the same order. Messages go to standard
/// error. The exit code is 0, 1 after an error, or 2 after wrong usage.
#[derive(Debug, Parser)]
#[command(name = "mtpt", version)]
pub(crate) struct Arguments {
    /// Without one, what there is and where to begin is told.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a configuration for your own rows, to be looked through and trained.
    #[command(
        after_help = "Examples:\n  mtpt init tickets.csv --model flan-t5-small\n  mtpt init reviews.csv tickets.jsonl --model flan-t5-small --label category --output both.toml"
    )]
    Init(Init),
    /// Learn the prompts of several tasks together.
    #[command(
        after_help = "Example:\n  mtpt train tasks.toml --set training.steps=500 --output runs/first"
    )]
    Train(Train),
    /// Adapt trained prompts to new tasks, also to a few rows of each.
    #[command(
        after_help = "Examples:\n  mtpt adapt target.toml --prompts runs/sources/prompts.safetensors\n  mtpt adapt target.toml --prompts runs/sources/prompts.safetensors --few-shot 4,16,32 --draws 10"
    )]
    Adapt(Adapt),
    /// Train a whole model on: on text, by span corruption or prefix language modelling, and on tasks.
    #[command(
        after_help = "Example:\n  mtpt pretrain adapt.toml --set training.steps=10000 --output runs/adapted\n  mtpt train tasks.toml --set model=runs/adapted/model"
    )]
    Pretrain(Run),
    /// Judge learned prompts on the rows of tasks.
    #[command(
        after_help = "Example:\n  mtpt eval --model t5 --prompts runs/first/prompts.safetensors --tasks tasks.toml"
    )]
    Eval(Eval),
    /// Answer rows with the likeliest label word of their task, or with free text where it has such.
    #[command(
        mut_arg("prompts", |prompts| prompts.required(true)),
        after_help = "Examples:\n  echo '{\"input\": \"sst2 sentence: a fine film\"}' |\n    mtpt predict --model t5 --prompts runs/first/prompts.safetensors --task sst2\n  mtpt predict --model t5 --prompts runs/tickets/prompts.safetensors --input new.csv > answers.jsonl"
    )]
    Predict(Prompted),
    /// Continue rows with free text.
    #[command(
        after_help = "Example:\n  echo '{\"input\": \"summarize: ...\"}' | mtpt generate --model t5 --num-beams 4"
    )]
    Generate(Generate),
    /// Tell how likely the model finds given targets.
    #[command(
        after_help = "Example:\n  echo '{\"input\": \"sst2 sentence: a fine film\", \"target\": \"positive\"}' | mtpt score --model t5"
    )]
    Score(Score),
    /// Tell what a file or folder holds: tasks and their rows, prompts, models, runs.
    #[command(
        after_help = "Examples:\n  mtpt inspect tasks.toml --model t5\n  mtpt inspect runs/first/prompts.safetensors"
    )]
    Inspect(Inspect),
    /// Write a page on a run for the browser: curves, metrics, and what the prompts came to.
    #[command(
        after_help = "Examples:\n  mtpt report runs/first\n  mtpt report runs/first --model flan-t5-small --output first.html"
    )]
    Report(Report),
    /// Make a prompt file of prompts that another program wrote.
    #[command(
        after_help = "Examples:\n  mtpt import --format peft adapter --task reviews --task tickets --output prompts.safetensors\n  mtpt import --format npy sst2.npy --tasks sst2.toml --output sst2.safetensors"
    )]
    Import(Import),
    /// Write prompts as another program reads them.
    #[command(
        after_help = "Examples:\n  mtpt export --format peft --prompts runs/first/prompts.safetensors --output adapter\n  mtpt export --format npy --prompts runs/first/prompts.safetensors --task sst2 --output sst2.npy"
    )]
    Export(Export),
    /// Tell which devices there are, and which of them answer here.
    #[command(after_help = "Example:\n  mtpt devices")]
    Devices,
    /// Write the completions of a shell.
    #[command(
        after_help = "Example:\n  mtpt completions bash > ~/.local/share/bash-completion/completions/mtpt"
    )]
    Completions(Completions),
}

/// Where the work is done.
#[derive(Debug, Args)]
pub(crate) struct OnDevice {
    /// `auto`, `flex` (CPU), or with its feature built in `cuda`, `metal`, `rocm`, `vulkan`, `wgpu`; `:1` for the second
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub(crate) device: String,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// CSV, TSV or JSON Lines with a text and a label in each row; each file becomes a task
    #[arg(value_name = "FILE", required = true)]
    pub(crate) data: Vec<PathBuf>,
    /// A folder in Hugging Face form, or one step of a T5X checkpoint; with the feature `hub`, an id on the hub, too
    #[arg(long, value_name = "DIR")]
    pub(crate) model: PathBuf,
    /// The column with the text, or several, in the order wanted [default: the one with the longest texts]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) text: Vec<String>,
    /// The column with the label [default: one with a usual name, or with few different values]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) label: Option<String>,
    /// Rows to judge by, in the same form [default: a fifth of the rows of FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) dev: Option<PathBuf>,
    /// The configuration to write [default: the name of the first FILE with `.toml`]
    #[arg(long, value_name = "CONFIG.toml")]
    pub(crate) output: Option<PathBuf>,
    /// Write over a configuration that is there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// Tasks or a run (TOML), prompts, also of other programs, a model, the folder of a run, tensors (safetensors), or rows
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
    /// The model whose tokenizer counts the tokens of tasks [default: the one that the file names]
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// One JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// The folder of a run, also of one that is not done yet
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// The page to write [default: `report.html` in RUN]
    #[arg(long, value_name = "FILE.html")]
    pub(crate) output: Option<PathBuf>,
    /// The model whose tokens the prompts are compared with [default: the one that the run names]
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// Write over a file that is no page of this command
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Train {
    #[command(flatten)]
    pub(crate) run: Run,
    /// Do this stage alone, of those that the configuration tells of; can be given again
    #[arg(long, value_enum, value_name = "STAGE")]
    pub(crate) stage: Vec<Stage>,
}

/// The stages of multitask prompt tuning.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Stage {
    /// A plain prompt for each source task
    Teachers,
    /// The shared prompt and what each source task owns
    Source,
    /// Targets that begin at what was learned
    Targets,
}

impl Stage {
    pub(crate) fn of_train(self) -> mtpt::train::Stage {
        match self {
            Self::Teachers => mtpt::train::Stage::Teachers,
            Self::Source => mtpt::train::Stage::Source,
            Self::Targets => mtpt::train::Stage::Targets,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Adapt {
    #[command(flatten)]
    pub(crate) run: Run,
    /// The prompts to begin at: a prompt file, or prompts of PEFT, numpy or T5X
    #[arg(long, value_name = "PATH")]
    pub(crate) prompts: PathBuf,
    /// Where the tasks' own parts begin: `average`, `fresh`, `own` (those of the same name), or the name of a known task
    /// [default: as the configuration says, or `average`]
    #[arg(long, value_name = "WHERE", conflicts_with = "nearest")]
    pub(crate) task_parts: Option<String>,
    /// Begin at the known task whose prompt is nearest to one that is learned for so many steps
    #[arg(long, value_name = "STEPS", value_parser = positive)]
    pub(crate) nearest: Option<usize>,
    /// The tasks share what they begin at and learn it on together
    #[arg(long)]
    pub(crate) together: bool,
    /// Learn from so many rows, drawn several times; several numbers with commas between them
    #[arg(long, value_name = "ROWS", value_delimiter = ',', value_parser = positive)]
    pub(crate) few_shot: Vec<usize>,
    /// As many rows of each label instead of in all
    #[arg(long, requires = "few_shot")]
    pub(crate) per_label: bool,
    /// Draws for each number of rows [default: 10]
    #[arg(long, value_name = "N", requires = "few_shot", value_parser = positive)]
    pub(crate) draws: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The configuration of the run
    #[arg(value_name = "CONFIG.toml")]
    pub(crate) config: PathBuf,
    /// Change a value of the configuration, for example `training.steps=500`
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Go on from the newest checkpoint of the output folder
    #[arg(long)]
    pub(crate) resume: bool,
    /// The folder of the run [default: the configuration's name without its ending, under `runs/`]
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) on: OnDevice,
}

#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// A folder in Hugging Face form, or one step of a T5X checkpoint; with the feature `hub`, an id on the hub, too
    #[arg(long, value_name = "DIR")]
    pub(crate) model: PathBuf,
    /// A prompt file, or prompts of PEFT, numpy or T5X
    #[arg(long, value_name = "PATH")]
    pub(crate) prompts: PathBuf,
    /// The tasks, in the configuration of a run or alone
    #[arg(long, value_name = "CONFIG.toml")]
    pub(crate) tasks: PathBuf,
    /// The rows to judge
    #[arg(long, value_enum, default_value = "dev")]
    pub(crate) split: JudgedSplit,
    /// Rows computed at a time
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = positive)]
    pub(crate) batch_size: usize,
    #[command(flatten)]
    pub(crate) on: OnDevice,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum JudgedSplit {
    Dev,
    Test,
}

/// A model and, if wanted, prompts in front of its inputs.
#[derive(Debug, Args)]
pub(crate) struct Prompted {
    /// A folder in Hugging Face form, or one step of a T5X checkpoint; with the feature `hub`, an id on the hub, too
    #[arg(long, value_name = "DIR")]
    pub(crate) model: PathBuf,
    /// A prompt file, or prompts of PEFT, numpy or T5X
    #[arg(long, value_name = "PATH")]
    pub(crate) prompts: Option<PathBuf>,
    /// Rows in CSV, TSV or JSON Lines [default: JSON Lines on standard input]
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// The task of rows that name none
    #[arg(long, value_name = "NAME", requires = "prompts")]
    pub(crate) task: Option<String>,
    /// Rows computed at a time
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = positive)]
    pub(crate) batch_size: usize,
    #[command(flatten)]
    pub(crate) on: OnDevice,
}

#[derive(Debug, Args)]
pub(crate) struct Generate {
    #[command(flatten)]
    pub(crate) prompted: Prompted,
    /// Longest continuation, in tokens
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = positive)]
    pub(crate) max_new_tokens: usize,
    /// Beams of a beam search; 1 takes the likeliest token each time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = positive)]
    pub(crate) num_beams: usize,
    /// Exponent of the length by which a beam's score is divided
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    pub(crate) length_penalty: f64,
    /// Draw tokens instead, from a distribution that is the flatter the higher this is
    #[arg(long, value_name = "T", conflicts_with = "num_beams")]
    pub(crate) temperature: Option<f64>,
    /// Draw from the likeliest tokens alone
    #[arg(long, value_name = "K", conflicts_with = "num_beams")]
    pub(crate) top_k: Option<usize>,
    /// Draw from the fewest tokens that have this probability together
    #[arg(long, value_name = "P", conflicts_with = "num_beams")]
    pub(crate) top_p: Option<f64>,
    /// Seed of the draws
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Score {
    #[command(flatten)]
    pub(crate) prompted: Prompted,
}

/// Formats of other programs.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// The folder of an adapter of PEFT: prompt tuning, multitask prompt tuning
    Peft,
    /// Arrays of numpy, as google-research/prompt-tuning keeps them
    Npy,
    /// A checkpoint of T5X that holds prompts
    #[cfg(feature = "t5x")]
    T5x,
}

impl Format {
    /// Whether prompts may be arrays that do not tell how they are composed.
    pub(crate) fn has_arrays(self) -> bool {
        !matches!(self, Self::Peft)
    }

    pub(crate) fn of_train(self) -> PromptFormat {
        match self {
            Self::Peft => PromptFormat::Peft,
            Self::Npy => PromptFormat::Npy,
            #[cfg(feature = "t5x")]
            Self::T5x => PromptFormat::T5x,
        }
    }
}

/// How arrays of a shared prompt and of tasks' parts are composed.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Strategy {
    /// `AddMultiTaskPrompt`
    Add,
    /// `ConcatMultiTaskPrompt`
    Concat,
    /// `ConcatFeaturesMultiTaskPrompt`
    ConcatFeatures,
    /// `ProjectMultiTaskPrompt`
    Project,
}

impl Strategy {
    pub(crate) fn of_train(self) -> ArrayComposition {
        match self {
            Self::Add => ArrayComposition::Add,
            Self::Concat => ArrayComposition::Concat,
            Self::ConcatFeatures => ArrayComposition::ConcatFeatures,
            Self::Project => ArrayComposition::Project,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The format that the prompts are in
    #[arg(long, value_enum)]
    pub(crate) format: Format,
    /// The prompts: a file or a folder
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
    /// The prompt file to write
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// How the arrays of a folder are composed [default: as told beside them]
    #[arg(long, value_enum, value_name = "STRATEGY")]
    pub(crate) strategy: Option<Strategy>,
    /// The name of a task; given once for each, in their order [default: those beside the prompts, or `task0`, `task1`, ...]
    #[arg(long, value_name = "NAME")]
    pub(crate) task: Vec<String>,
    /// The tasks with their templates and label words, as many as there are prompts and in their order
    #[arg(long, value_name = "CONFIG.toml", conflicts_with = "task")]
    pub(crate) tasks: Option<PathBuf>,
    /// The model that the prompts were learned for, which they must fit: a folder in Hugging Face form, or one step of a T5X checkpoint
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The format to write
    #[arg(long, value_enum)]
    pub(crate) format: Format,
    /// A prompt file, or prompts in another format
    #[arg(long, value_name = "PATH")]
    pub(crate) prompts: PathBuf,
    /// The folder or file to write
    #[arg(long, value_name = "PATH")]
    pub(crate) output: PathBuf,
    /// The prompt of this task alone, composed [default: all tasks]
    #[arg(long, value_name = "NAME")]
    pub(crate) task: Option<String>,
    /// Write over files that are there
    #[arg(long)]
    pub(crate) force: bool,
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}
