#!/usr/bin/env bash
# One process against two ranks of mpirun with the same global batch, unlimited and offloaded. Prints Markdown; ends with 1 if a loss lies outside the bound, if
# offloading changed a bit, or if a budget was passed.
#   bench/data-parallel.sh [CONFIG [STEPS [BUDGET_PERCENT [options of the sample]]]] >docs/benchmarks/data-parallel.md      default: 30M 12 40
# Settings: STORE (directory on the disk to measure, default /var/tmp). Needs ./build.sh build first, jq and Open MPI.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

config=${1:-30M}
steps=${2:-12}
percent=${3:-40}
shift $(($# < 3 ? $# : 3))
command="bench/data-parallel.sh $config $steps $percent${*:+ $*}"
ranks=2
cores=$(nproc) # before OMP_NUM_THREADS is set, which nproc obeys
threads=$((cores > ranks ? cores / ranks : 1))
for tool in jq mpirun; do
    command -v "$tool" >/dev/null || { echo "data-parallel: $tool not found: apt-get install jq openmpi-bin" >&2; exit 1; }
done
directory="$(mktemp -d "${STORE:-/var/tmp}/teraio-ranks-XXXXXX")"
trap 'rm -rf "$directory"' EXIT
# Containers run as root and forbid process_vm_readv. Ranks that wait give way to the threads that move bytes.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
mpi=(mpirun -n "$ranks" --oversubscribe --bind-to none --mca btl "self,vader" --mca btl_vader_single_copy_mechanism none --mca mpi_yield_when_idle 1)
# Dropout draws other numbers in another split of the batch: without it the losses can be compared.
sample=(dotnet samples/GptTraining/bin/Release/net10.0/GptTraining.dll --config "$config" --steps "$steps" --dropout 0 "$@")

train() { # NAME, command...
    local name="$1"
    shift
    "$@" --json "$directory/$name.json" >&2
}
step_seconds() { jq '.stepSeconds | .[(length / 2 | floor):] | sort | .[(length - 1) / 2 | floor]' "$directory/$1.json"; }
mib() { awk -v b="$1" 'BEGIN {printf "%.0f", b / 1048576}'; }

train single "${sample[@]}" --no-offload
export OMP_NUM_THREADS="$threads"
train unlimited "${mpi[@]}" "${sample[@]}" --data-parallel --no-offload
peak=$(jq '.rankPeakLiveBytes | max' "$directory/unlimited.json")
for mode in ondemand planned; do
    train "$mode" "${mpi[@]}" "${sample[@]}" --data-parallel --mode "$mode" --budget "$percent%" --unlimited-peak "$peak" --store "$directory"
done

# The largest difference of a loss to that of the single process, relative, and the largest share of the bound that one uses up (docs/data-parallel.md).
difference() {
    jq --slurpfile single "$directory/single.json" '
        ($single[0].tokensPerStep / 16777216 | 2 * . / (1 - .)) as $bound
        | [.losses, $single[0].losses] | transpose | to_entries
        | map({difference: ((.value[0] - .value[1]) / .value[1] | fabs), step: (.key + 1)})
        | {difference: (map(.difference) | max), share: (map(.difference / (.step * $bound)) | max), last: (length * $bound)}' "$directory/$1.json"
}

echo "# Data-parallel training: $config"
echo
echo "$(bench/machine.sh "$directory"), $(mpirun --version | head -n 1)."
echo "$steps steps of $(jq .tokensPerStep "$directory/single.json") tokens; the single process has $cores threads for its ops, each rank $threads. Step times are medians without the first half" \
    "(planned mode learns in it), peaks those of the rank with the highest."
echo
echo "| run | step, s | step / single | peak of live tensors per rank, MiB | process (VmHWM), MiB | read and written per step and rank, MiB | largest difference of a loss, relative | of the bound, % | bits of the 2 ranks |"
echo "|---|---:|---:|---:|---:|---:|---:|---:|---|"
failed=0
row() { # NAME TITLE
    local json="$directory/$1.json" bits="" step apart
    step=$(step_seconds "$1")
    apart=$(difference "$1")
    if [ "$1" = ondemand ] || [ "$1" = planned ]; then
        bits=equal
        jq -e --slurpfile other "$directory/unlimited.json" '.losses == $other[0].losses' "$json" >/dev/null || { bits=DIFFERENT; failed=1; }
        jq -e '.budgetBytes as $budget | all(.rankPeakLiveBytes[]; . <= $budget)' "$json" >/dev/null || { bits="$bits, BUDGET PASSED"; failed=1; }
    fi
    jq -e '.share <= 1' >/dev/null <<<"$apart" || { bits="$bits OUTSIDE THE BOUND"; failed=1; }
    printf '| %s | %.2f | %.2f | %s | %s | %s | %.1e | %.2f | %s |\n' "$2" "$step" \
        "$(awk -v a="$step" -v b="$(step_seconds single)" 'BEGIN {print a / b}')" \
        "$(mib "$(jq '.rankPeakLiveBytes | max' "$json")")" "$(mib "$(jq '.rankPeakRssBytes | max' "$json")")" \
        "$(mib "$(jq '(.rankTrafficBytes // [0] | max) / .steps' "$json")")" "$(jq .difference <<<"$apart")" "$(jq '100 * .share' <<<"$apart")" "$bits"
}
row single "one process, unlimited"
row unlimited "2 ranks, unlimited"
row ondemand "2 ranks, $percent %, on demand"
row planned "2 ranks, $percent %, planned"
echo
echo "The bound grows from step to step, to $(jq '.last' <<<"$(difference unlimited)") at the last. Steps by plan in rank 0: $(jq .plannedSteps "$directory/planned.json") of $steps."
echo
echo "Command: \`$command\`"
exit "$failed"
