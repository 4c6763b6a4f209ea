#!/usr/bin/env bash
# What this disk allows at all: measures the disk, records a training's step unlimited, and prints for each budget the lower bound of the step beside what the policies reach in the
# simulator (gap: how far above the bound); first with the processor time that this disk needs per byte taken from the ops, as on a CPU-only machine that has no core to spare, then
# by the disk alone. policies-bound.sh [CONFIG [BUDGETS]].
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

"${teraio[@]}" bench --path "$directory" --size 1MiB --depth 1,16 --seconds 2 -o "$directory/profile.json" -q >/dev/null
# The last steps of a study are unlimited, and the trace has their durations.
dotnet samples/GptTraining/bin/Release/net10.0/GptTraining.dll --config "$config" --study planned --budgets 60% --measure 5 --improve 3 \
    --store "$directory" --trace "$directory/trace.json" >/dev/null

echo "$(bench/machine.sh "$directory"). Command: \`bench/policies-bound.sh $config $budgets\`"
echo
compare() {
    "${teraio[@]}" compare --trace "$directory/trace.json" --profile "$directory/profile.json" --budget "$budgets" -q "$@"
}
echo '```'
compare --policies "$policies"
echo '```'
echo
echo "The disk alone, no processor time:"
echo
echo '```'
compare --policies unlimited,planned --compute-per-gib 0
echo '```'
