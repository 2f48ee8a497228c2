//! Options of `mtpt generate` that determine the text.

use clap::{Args, ValueEnum};
use mtpt::t5::{EarlyStopping, EndTokens, GenerationSettings, StopStrings};

use crate::args::values::positive;

/// Options override the settings in the model's `generation_config.json`.
#[derive(Debug, Args)]
pub(crate) struct Decoding {
    /// Maximum length of the generated text, in tokens [default: that of the model, or 64]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub(crate) max_new_tokens: Option<usize>,
    /// Number of tokens before which the text can't end
    #[arg(long, value_name = "N")]
    pub(crate) min_new_tokens: Option<usize>,
    /// Number of beams; 1 decodes greedily [default: that of the model, or 1]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub(crate) num_beams: Option<usize>,
    /// Exponent of the length that divides a beam's score [default: that of the model, or 1]
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    pub(crate) length_penalty: Option<f64>,
    /// When a beam search ends
    #[arg(long, value_enum, value_name = "WHEN")]
    pub(crate) early_stopping: Option<EarlyStoppingArg>,
    /// Number of texts per row, which requires beams or sampling
    #[arg(long, value_name = "N", value_parser = positive)]
    pub(crate) num_return_sequences: Option<usize>,
    /// Sample tokens; `--do-sample=false` doesn't, even if the model's settings say so
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub(crate) do_sample: Option<bool>,
    /// Sample tokens at this temperature (higher = more random)
    #[arg(long, value_name = "T")]
    pub(crate) temperature: Option<f64>,
    /// Sample from the K most likely tokens; 0 stands for all
    #[arg(long, value_name = "K")]
    pub(crate) top_k: Option<usize>,
    /// Sample from the smallest set of tokens whose total probability is at least P
    #[arg(long, value_name = "P")]
    pub(crate) top_p: Option<f64>,
    /// Sample from tokens with at least P times the probability of the most likely one
    #[arg(long, value_name = "P")]
    pub(crate) min_p: Option<f64>,
    /// Sample from the most typical tokens, whose total probability is at least P
    #[arg(long, value_name = "P")]
    pub(crate) typical_p: Option<f64>,
    /// Sample from the most likely tokens, which have at most H times the entropy
    #[arg(long, value_name = "H")]
    pub(crate) top_h: Option<f64>,
    /// Sample from tokens with at least this probability
    #[arg(long, value_name = "P")]
    pub(crate) epsilon_cutoff: Option<f64>,
    /// Sample from tokens with at least this probability, or less where the entropy is high
    #[arg(long, value_name = "P")]
    pub(crate) eta_cutoff: Option<f64>,
    /// Random seed for sampling
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Length of sequences of tokens that occur at most once; 0 stands for no limit
    #[arg(long, value_name = "N")]
    pub(crate) no_repeat_ngram_size: Option<usize>,
    /// Length of sequences of the input's tokens that don't occur; 0 stands for no limit
    #[arg(long, value_name = "N")]
    pub(crate) encoder_no_repeat_ngram_size: Option<usize>,
    /// Penalty of tokens that have occurred; 1 stands for none
    #[arg(long, value_name = "X")]
    pub(crate) repetition_penalty: Option<f64>,
    /// Penalty of tokens that the input lacks; 1 stands for none
    #[arg(long, value_name = "X")]
    pub(crate) encoder_repetition_penalty: Option<f64>,
    /// Token that ends the text; repeat the option for several
    #[arg(long, value_name = "ID")]
    pub(crate) end_token: Vec<u32>,
    /// Text that ends the text and is not part of it; repeat the option for several
    #[arg(long, value_name = "STRING")]
    pub(crate) stop: Vec<String>,
    /// First token of every text
    #[arg(long, value_name = "ID")]
    pub(crate) forced_bos_token: Option<u32>,
    /// Last token of a text of the maximum length; repeat the option for several
    #[arg(long, value_name = "ID")]
    pub(crate) forced_eos_token: Vec<u32>,
    /// Token that never occurs; repeat the option for several
    #[arg(long, value_name = "ID")]
    pub(crate) suppress_token: Vec<u32>,
    /// Token that doesn't begin a text; repeat the option for several
    #[arg(long, value_name = "ID")]
    pub(crate) begin_suppress_token: Vec<u32>,
    /// First input of the decoder [default: that of the model]
    #[arg(long, value_name = "ID")]
    pub(crate) decoder_start_token: Option<u32>,
    /// Ignore the settings in the model's `generation_config.json`
    #[arg(long)]
    pub(crate) ignore_generation_config: bool,
}

/// When a beam search ends.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum EarlyStoppingArg {
    /// When a better text is improbable: `False` in transformers
    Heuristic,
    /// When there are as many texts as beams: `True` in transformers
    WhenFull,
    /// When no text can become better
    Never,
}

impl From<EarlyStoppingArg> for EarlyStopping {
    fn from(argument: EarlyStoppingArg) -> Self {
        match argument {
            EarlyStoppingArg::Heuristic => Self::Heuristic,
            EarlyStoppingArg::WhenFull => Self::WhenFull,
            EarlyStoppingArg::Never => Self::Never,
        }
    }
}

impl Decoding {
    /// Returns whether options of sampling and of a beam search contradict each other.
    pub(crate) fn is_contradictory(&self) -> bool {
        self.filters_samples() && self.num_beams > Some(1) && self.do_sample.is_none()
    }

    /// Returns whether an option only makes sense with sampling.
    fn filters_samples(&self) -> bool {
        self.top_k.is_some()
            || [
                self.temperature,
                self.top_p,
                self.min_p,
                self.typical_p,
                self.top_h,
                self.epsilon_cutoff,
                self.eta_cutoff,
            ]
            .iter()
            .any(Option::is_some)
    }

    /// Returns the settings that the options give.
    pub(crate) fn settings(&self) -> GenerationSettings {
        let several = |ids: &[u32]| (!ids.is_empty()).then(|| ids.to_vec());
        GenerationSettings {
            max_new_tokens: self.max_new_tokens,
            min_new_tokens: self.min_new_tokens,
            num_beams: self.num_beams,
            length_penalty: self.length_penalty,
            early_stopping: self.early_stopping.map(|when| EarlyStopping::from(when).into()),
            num_return_sequences: self.num_return_sequences,
            do_sample: self.do_sample.or(self.filters_samples().then_some(true)),
            temperature: self.temperature,
            top_k: self.top_k,
            top_p: self.top_p,
            min_p: self.min_p,
            typical_p: self.typical_p,
            top_h: self.top_h,
            epsilon_cutoff: self.epsilon_cutoff,
            eta_cutoff: self.eta_cutoff,
            no_repeat_ngram_size: self.no_repeat_ngram_size,
            encoder_no_repeat_ngram_size: self.encoder_no_repeat_ngram_size,
            repetition_penalty: self.repetition_penalty,
            encoder_repetition_penalty: self.encoder_repetition_penalty,
            eos_token_id: several(&self.end_token).map(EndTokens::Several),
            stop_strings: (!self.stop.is_empty()).then(|| StopStrings::Several(self.stop.clone())),
            forced_bos_token_id: self.forced_bos_token,
            forced_eos_token_id: several(&self.forced_eos_token).map(EndTokens::Several),
            suppress_tokens: several(&self.suppress_token),
            begin_suppress_tokens: several(&self.begin_suppress_token),
            decoder_start_token_id: self.decoder_start_token,
            ..GenerationSettings::default()
        }
    }
}
