#!/usr/bin/env bash
# All policies against each other and against unlimited memory, within one training: policies.sh [CONFIG] [sample options...].
# Prints a table. Afterwards the first COMPARE steps (default: all) run again unlimited and every loss is compared bit by bit.
#   bench/policies.sh 30M
#   bench/policies.sh 30M --measure 3 --rounds 3    (on a machine whose speed changes: three turns per policy)
#   COMPARE=40 bench/policies.sh gpt2-small --measure 3
#   bench/policies.sh 30M --emulate-read 630MiB --emulate-write 630MiB    (an emulated device)
#   bench/policies.sh 30M --measure 10 --same-traffic    (and what the bytes alone cost: unlimited beside fio, which it needs)
# Needs ./build.sh build first. The store lies in TERAIO_STORE, else in /var/tmp.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

config=${1:-30M}
[ "$#" -gt 0 ] && shift
policies=${POLICIES:-on-demand-lru,on-demand-belady,zero-infinity,ssdtrain,g10,teraio,planned}
sample=(dotnet samples/GptTraining/bin/Release/net10.0/GptTraining.dll --config "$config")
directory=$(mktemp -d "${TERAIO_STORE:-/var/tmp}/teraio-policies-XXXXXX")
trap 'rm -rf "$directory"' EXIT

"${sample[@]}" --study "$policies" --store "$directory" --json "$directory/study.json" "$@" >"$directory/study.txt"
steps=$(jq .steps "$directory/study.json")
compare=${COMPARE:-$steps}

echo "$(bench/machine.sh "$directory")."
echo "$config; unlimited peak $(jq '.unlimitedPeakBytes / 1048576 | round' "$directory/study.json") MiB; $steps steps in one process;" \
    "step times are medians, the rest averages per step; options: $*."
echo
grep '^|' "$directory/study.txt"
echo
if [ "$compare" -gt 0 ]; then
    stop=()
    [ "$compare" -lt "$steps" ] && stop=(--stop-after "$compare" --checkpoint "$directory/checkpoint")
    "${sample[@]}" --no-offload --steps "$steps" "${stop[@]}" --json "$directory/unlimited.json" >/dev/null
    if jq -e --slurpfile other "$directory/unlimited.json" --argjson n "$compare" '.losses[:$n] == $other[0].losses[:$n]' "$directory/study.json" >/dev/null; then
        echo "Losses: all of the first $compare steps, under every budget and policy that they ran, are equal to the last bit to those of an unlimited run."
    else
        echo "Losses: DIFFERENT from those of an unlimited run."
        exit 1
    fi
fi
