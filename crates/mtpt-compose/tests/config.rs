use mtpt_compose::{CompositionConfig, ConcatConfig, GateInput, GatedConfig, LowRankConfig};

#[test]
fn configurations_are_tagged_by_strategy() {
    for config in CompositionConfig::catalogue() {
        let text = serde_json::to_string(&config).unwrap();
        assert!(text.contains(&format!("\"strategy\":\"{}\"", config.name())), "{text}");
        assert_eq!(serde_json::from_str::<CompositionConfig>(&text).unwrap(), config);
    }
    let config: CompositionConfig = serde_json::from_str(r#"{"strategy": "low_rank"}"#).unwrap();
    assert_eq!(config, CompositionConfig::LowRank(LowRankConfig { rank: 1 }));
}

#[test]
fn strategy_names_select_default_options() {
    for config in CompositionConfig::catalogue() {
        let text = format!("\"{}\"", config.name());
        assert_eq!(serde_json::from_str::<CompositionConfig>(&text).unwrap(), config);
    }
    let failure = |text| serde_json::from_str::<CompositionConfig>(text).unwrap_err().to_string();
    assert!(failure("\"lowrank\"").contains("`lowrank`"));
    assert!(failure("1").contains("expected a strategy, `{ strategy = \"low_rank\""));
}

#[test]
fn unknown_options_and_strategies_are_named() {
    let failure = |text| serde_json::from_str::<CompositionConfig>(text).unwrap_err().to_string();
    assert!(failure(r#"{"strategy": "low_rank", "ranks": 2}"#).contains("`ranks`"));
    let unknown = failure(r#"{"strategy": "lowrank"}"#);
    assert!(unknown.contains("`lowrank`") && unknown.contains("`low_rank`"), "{unknown}");
}

#[track_caller]
fn check_error(config: CompositionConfig, expected: &str) {
    assert_eq!(config.check(4, 6).unwrap_err().to_string(), expected);
}

#[test]
fn options_out_of_range_are_rejected() {
    let low_rank = |rank| CompositionConfig::LowRank(LowRankConfig { rank });
    check_error(low_rank(0), "`rank` must be between 1 and 4, found 0");
    check_error(low_rank(5), "`rank` must be between 1 and 4, found 5");
    check_error(
        CompositionConfig::Concat(ConcatConfig { task_length: 0 }),
        "`task_length` must be between 1 and 10000, found 0",
    );
    check_error(
        CompositionConfig::Gated(GatedConfig { hidden: 0, input: GateInput::Pooled }),
        "`hidden` must be between 1 and 65536, found 0",
    );
    check_error(
        serde_json::from_str(r#"{"strategy": "weighted", "initial_weight": 21.0}"#).unwrap(),
        "`initial_weight` must be between -20 and 20, found 21",
    );
}
