use mtpt::compose::{CompositionConfig, HierarchyConfig};

/// Describes how a strategy computes a prompt from the parent's prompt, which is the shared one or
/// that of the group.
pub(crate) fn strategy_words(config: &CompositionConfig, parent: &str) -> String {
    match config {
        CompositionConfig::LowRank(config) => {
            let rank = config.rank;
            format!("{parent} × a low-rank matrix (rank {rank})")
        }
        CompositionConfig::Concat(_) => format!("{parent}, followed by vectors of its own"),
        CompositionConfig::Add(_) => format!("{parent} + a prompt of its own"),
        CompositionConfig::Weighted(_) => {
            format!("weighted mean of {parent} and a prompt of its own")
        }
        CompositionConfig::Gated(_) => format!("gated sum of {parent} and a prompt of its own"),
        CompositionConfig::ConcatFeatures(_) => {
            format!("some features from {parent}, the others its own")
        }
        CompositionConfig::Project(_) => format!("{parent}, projected by its own matrix"),
        CompositionConfig::Attention(config) => {
            format!("{parent} + attention over a pool of {} prompts", config.components)
        }
        CompositionConfig::InstanceAttention(config) => format!(
            "a prompt of its own + attention of the input over {} prompts",
            config.components
        ),
        CompositionConfig::Hierarchy(_) => "one strategy per level of the task tree".to_owned(),
        CompositionConfig::Separate(_) => "a prompt of its own, nothing shared".to_owned(),
        CompositionConfig::Custom(config) => format!("custom strategy {}", config.name),
        _ => config.name().to_owned(),
    }
}

/// Returns the strategy of a level of a hierarchy, the root's first.
pub(crate) fn level_strategy(config: &HierarchyConfig, depth: usize) -> CompositionConfig {
    let configured = config.levels.as_ref().and_then(|levels| levels.get(depth).cloned());
    configured.unwrap_or_else(|| match depth {
        0 => CompositionConfig::Separate(Default::default()),
        _ => CompositionConfig::LowRank(Default::default()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_strategy_has_words() {
        for config in CompositionConfig::catalogue() {
            let words = strategy_words(&config, "shared prompt");
            assert!(words.contains(' ') && words != config.name(), "{words}");
        }
    }
}
