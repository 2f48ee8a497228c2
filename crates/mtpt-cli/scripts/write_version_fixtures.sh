#!/usr/bin/env bash
# Writes the fixtures of tests/earlier_versions.rs with an `mtpt` binary of an earlier version:
#
#     MTPT=path/to/mtpt bash write_version_fixtures.sh WORLD OUTPUT
#
# WORLD is a folder as `World::new` in tests/world.rs creates it. OUTPUT gets a prompt file and the
# predictions for every strategy, and a run that was interrupted after a checkpoint, with the
# prompts that the uninterrupted run ended with.
set -euo pipefail
output=$(realpath -m "$2")
work=$(mktemp -d)
cp -r "$1/." "$work"
cd "$work"
mkdir -p "$output"

cat >rows.jsonl <<'ROWS'
{"task": "mood", "text": "day brought sun"}
{"task": "sky/wet", "text": "night brought rain"}
ROWS
cp rows.jsonl "$output"

strategies="low_rank concat add weighted gated concat_features project attention
    instance_attention hierarchy separate"
for strategy in $strategies; do
    "$MTPT" train run.toml --output "$strategy" --set composition.strategy="$strategy" \
        --set training.steps=2 --set evaluation.every=0 >/dev/null 2>&1
    cp "$strategy/prompts.safetensors" "$output/$strategy.safetensors"
    "$MTPT" predict --model model --prompts "$strategy/prompts.safetensors" --input rows.jsonl \
        >"$output/$strategy.jsonl" 2>/dev/null
done

# A checkpoint after step 4 of 6, and the prompts after step 6.
"$MTPT" train run.toml --output run --set evaluation.every=0 >/dev/null 2>&1
cp run/prompts.safetensors "$output/completed.safetensors"
rm -r run/checkpoints/step-00000006* run/prompts.safetensors run/outcome.json run/tensorboard
sed -i "s|$work/||" run/config.toml
head -n 4 run/metrics.jsonl >metrics && mv metrics run/metrics.jsonl
rm -rf "$output/run" && cp -r run "$output/run"
