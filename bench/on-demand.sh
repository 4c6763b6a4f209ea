#!/usr/bin/env bash
# On-demand offloading against unlimited memory: same seed, one process each. Prints Markdown; ends with 1 if any loss differs in any bit or a budget was passed.
#   bench/on-demand.sh CONFIG STEPS BUDGET... >docs/benchmarks/on-demand-CONFIG.md       e.g. bench/on-demand.sh 30M 10 60% 40% 25% 6%
# Settings: STORE (directory on the disk to measure, default /var/tmp).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

config=${1:?usage: bench/on-demand.sh CONFIG STEPS BUDGET...}
steps=${2:?usage: bench/on-demand.sh CONFIG STEPS BUDGET...}
shift 2
command -v jq >/dev/null || { echo "on-demand: jq not found: apt-get install jq" >&2; exit 1; }
directory="$(mktemp -d "${STORE:-/var/tmp}/teraio-bench-XXXXXX")"
trap 'rm -rf "$directory"' EXIT
sample=(dotnet samples/GptTraining/bin/Release/net10.0/GptTraining.dll --config "$config" --steps "$steps")

mib() { awk -v b="$1" 'BEGIN {printf "%.0f", b / 1048576}'; }
# The first step warms caches and the JIT up: it is left out of the median.
step_seconds() { jq '.stepSeconds[1:] | sort | .[(length - 1) / 2 | floor]' "$1"; }

"${sample[@]}" --no-offload --json "$directory/unlimited.json" >&2
unlimited_step=$(step_seconds "$directory/unlimited.json")
unlimited_peak=$(jq .peakLiveBytes "$directory/unlimited.json")
idle=$(jq .idleRssBytes "$directory/unlimited.json")

echo "# On demand: $config"
echo
echo "$(bench/machine.sh "$directory")."
echo "$steps steps; step times are medians without the first step, memory of the process is VmHWM above the idle process."
echo
echo "| budget | losses | peak of live tensors, MiB | process, MiB | step, s | step / unlimited | stall per step, s | read per step, MiB | written per step, MiB |"
echo "|---|---|---:|---:|---:|---:|---:|---:|---:|"
printf '| unlimited | | %s | %s | %.2f | 1.00 | | | |\n' "$(mib "$unlimited_peak")" \
    "$(mib $(($(jq .peakRssBytes "$directory/unlimited.json") - idle)))" "$unlimited_step"
failed=0
for budget in "$@"; do
    json="$directory/offloaded.json"
    "${sample[@]}" --mode ondemand --budget "$budget" --unlimited-peak "$unlimited_peak" --store "$directory" --json "$json" >&2
    equal=equal
    if ! jq -e --slurpfile other "$directory/unlimited.json" '.losses == $other[0].losses' "$json" >/dev/null; then equal=DIFFERENT; failed=1; fi
    if ! jq -e '.peakLiveBytes <= .budgetBytes' "$json" >/dev/null; then equal="$equal, BUDGET PASSED"; failed=1; fi
    step=$(step_seconds "$json")
    printf '| %s | %s | %s | %s | %.2f | %.2f | %.2f | %s | %s |\n' "$budget" "$equal" "$(mib "$(jq .peakLiveBytes "$json")")" \
        "$(mib $(($(jq .peakRssBytes "$json") - $(jq .idleRssBytes "$json"))))" "$step" \
        "$(awk -v a="$step" -v b="$unlimited_step" 'BEGIN {print a / b}')" "$(jq ".stallSeconds / $steps" "$json")" \
        "$(mib "$(jq ".bytesRead / $steps" "$json")")" "$(mib "$(jq ".bytesWritten / $steps" "$json")")"
done
echo
echo "Smallest budget that could work: $(mib "$(jq .smallestBudgetBytes "$directory/unlimited.json")") MiB" \
    "($(jq -r .largestWorkingSetOp "$directory/unlimited.json"))."
echo
echo "Command: \`bench/on-demand.sh $config $steps $*\`"
exit "$failed"
