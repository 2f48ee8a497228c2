#!/usr/bin/env bash
# Writes the run folders in corpus/: `generate_runs.sh PATH_OF_MTPT`.
set -euo pipefail
mtpt=$(realpath "$1")
crate=$(realpath "$(dirname "$0")/..")
world=$(mktemp -d)
cp "$crate"/scripts/run/* "$world"
cp -r "$crate/../mtpt-cli/tests/fixtures/data_files/answers" "$world/model"
cd "$world"
"$mtpt" train run.toml --output run
rm -rf "$crate/corpus/resume" "$crate/corpus/run_folder/run"
mkdir -p "$crate/corpus/resume/run" "$crate/corpus/run_folder"
cp run/metrics.jsonl "$crate/corpus/resume/run"
mv run/checkpoints "$crate/corpus/resume/run"
rm -r "$crate/corpus/resume/run/checkpoints/step-00000001"
mv run "$crate/corpus/run_folder/run"
rm -r "$world"
