#!/bin/sh
# run.sh TARGET SEEDS: fuzzes for CONVD_FUZZ_SECONDS (10), from the seeds, and leaves them as they are. What makes it fail is kept
# beside the target. An input hangs when it takes a minute: a machine may stand still for some seconds.
set -eu
target=$1
seeds=$2
[ -d "$seeds" ] || { echo "there are no seeds in $seeds"; exit 1; }
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
"$target" -max_total_time="${CONVD_FUZZ_SECONDS:-10}" -timeout=60 -max_len=8192 -print_final_stats=1 \
  -artifact_prefix="$target." "$found" "$seeds"
