#!/usr/bin/env bash
# A training end to end over tiers: host memory in front of two paths, against fewer tiers and against unlimited memory: tiers.sh [CONFIG] [sample options...].
# Prints a table. Every loss of every run is compared bit by bit with those of an unlimited run.
#   bench/tiers.sh gpt2-small >docs/benchmarks/tiers.md
#   BUDGET=30% HOST=1GiB RATE=200MiB bench/tiers.sh 30M
# Everything is emulated: the paths are two directories on one disk, each slowed down to RATE per direction, and the host tier lies in the same memory as the model.
# Needs ./build.sh build first. The store lies in TERAIO_STORE, else in /var/tmp.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

config=${1:-gpt2-small}
[ "$#" -gt 0 ] && shift
budget=${BUDGET:-40%}
host=${HOST:-512MiB}
rate=${RATE:-315MiB}
measure=${MEASURE:-2}
improve=${IMPROVE:-4}
steps=$((7 + improve + 3 * measure)) # of a study with one budget and one policy
sample=(dotnet samples/GptTraining/bin/Release/net10.0/GptTraining.dll --config "$config" "$@")
directory=$(mktemp -d "${TERAIO_STORE:-/var/tmp}/teraio-tiers-XXXXXX")
trap 'rm -rf "$directory"' EXIT
mkdir "$directory/a" "$directory/b"

"${sample[@]}" --no-offload --steps "$steps" --json "$directory/unlimited.json" >/dev/null
peak=$(jq .peakLiveBytes "$directory/unlimited.json")

echo "# Tiers on a real training: $config"
echo
echo "$(bench/machine.sh "$directory")."
echo "$config; unlimited peak $((peak / 1048576)) MiB; budget $budget; planned mode; $steps steps per row, of which $measure after $improve under the plan are measured;" \
    "unlimited: the steps before and after them in the same process. Step times are medians, the rest averages per step. Options: ${*:-none}."
echo
echo "**Emulated:** each path is a directory on the same disk, slowed down to $rate/s per direction; the host tier of $host is host memory on the same machine, the same memory that the model is in. On such a"
echo "machine a larger budget does more for less; the table shows what the engine makes of tiers, not what a user of this machine should do."
echo
echo "| tiers | step, s | speed, % of unlimited | stall, s | late prefetch, s | on demand, s | no room, s | read, MiB | of it from host | written, MiB | of it to host | spilled, MiB | peak, MiB | predicted step, s |"
echo "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"

row() {
    local name=$1
    shift
    "${sample[@]}" --study planned --budgets "$budget" --measure "$measure" --improve "$improve" --unlimited-peak "$peak" \
        --emulate-read "$rate" --emulate-write "$rate" "$@" --json "$directory/run.json" >/dev/null
    jq -r --arg name "$name" 'def mib: . / 1048576 | round; def two: . * 100 | round / 100;
        .study[] | select(.policy == "planned") | "| \($name) | \(.stepSeconds | two) | \(1000 * .unlimitedStepSeconds / .stepSeconds | round / 10) | \(.stallSeconds | two) | \(.latePrefetchSeconds | two) "
        + "| \(.onDemandReadSeconds | two) | \(.noRoomSeconds | two) | \(.bytesRead | mib) | \(.bytesReadFromHost | mib) | \(.bytesWritten | mib) | \(.bytesWrittenToHost | mib) | \(.bytesSpilled | mib) "
        + "| \(.peakBytes | mib) | \(.predictedStepSeconds | two) |"' "$directory/run.json"
    if ! jq -e --slurpfile other "$directory/unlimited.json" '.losses == $other[0].losses' "$directory/run.json" >/dev/null; then
        echo
        echo "Losses of '$name': DIFFERENT from those of an unlimited run."
        exit 1
    fi
}

row "host memory + two paths" --store "$directory/a" --store "$directory/b" --host-memory "$host"
row "two paths" --store "$directory/a" --store "$directory/b"
row "host memory + one path" --store "$directory/a" --host-memory "$host"
row "one path" --store "$directory/a"
echo
echo "Losses: all $steps steps of every row are equal to the last bit to those of an unlimited run."
echo
echo "Command: \`bench/tiers.sh $config${*:+ $*}\`, with BUDGET=$budget HOST=$host RATE=$rate MEASURE=$measure IMPROVE=$improve."
