#!/usr/bin/env bash
# What this disk allows at all: measures the disk, records a training's step unlimited, and prints for each budget the lower bound of the step beside what the policies reach in the
# simulator. policies-bound.sh [CONFIG [BUDGETS]]. A real run (policies.sh) cannot be faster than the bound, whoever plans it.
#   bench/policies-bound.sh 30M
#   bench/policies-bound.sh gpt2-small 40%,30%
# Needs ./build.sh build first. The store lies in TERAIO_STORE, else in /var/tmp. POLICIES: which (default all that the engine carries out).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

config=${1:-30M}
budgets=${2:-60%,40%,30%,20%}
policies=${POLICIES:-unlimited,on-demand-lru,zero-infinity,g10,teraio,planned}
teraio=(dotnet src/TeraIO.Cli/bin/Release/net10.0/teraio.dll)
directory=$(mktemp -d "${TERAIO_STORE:-/var/tmp}/teraio-policies-XXXXXX")
trap 'rm -rf "$directory"' EXIT

"${teraio[@]}" bench --path "$directory" --size 1MiB --depth 16 --seconds 3 -o "$directory/profile.json" -q >/dev/null
# The last steps of a study are unlimited, and the trace has their durations.
dotnet samples/GptTraining/bin/Release/net10.0/GptTraining.dll --config "$config" --study planned --budgets 60% --measure 5 --improve 3 \
    --store "$directory" --trace "$directory/trace.json" >/dev/null

echo "$(bench/machine.sh "$directory"). Command: \`bench/policies-bound.sh $config $budgets\`"
echo
"${teraio[@]}" compare --trace "$directory/trace.json" --profile "$directory/profile.json" --budget "$budgets" --policies "$policies" -q
