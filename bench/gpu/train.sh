#!/usr/bin/env bash
# Runs on a GPU machine without .NET, out of the folder that pack.sh made: train.sh [DIRECTORY] [sample options...]
# Trains a GPT on the GPU with all of its memory, then with less of it and the rest in DIRECTORY, and compares every loss bit by bit. Needs a
# libtorch with CUDA: TERAIO_LIBTORCH names its folder; without it, that of python3's PyTorch. Without options: GPT-2-small.
#   train.sh /mnt/nvme0
#   STEPS=12 BUDGETS="40% 30%" train.sh /mnt/nvme0 --config gpt2-small --layers 24 --width 2048 --heads 16     (1.3 billion parameters)
#   bin/teraio bench --path /mnt/nvme0 --backend cufile,staged -o gpu.profile.json
#   BACKENDS=auto train.sh /mnt/nvme0 --config gpt2-small --bandwidth-profile gpu.profile.json     (the one that the profile has as the faster)
# Ends with one Markdown table. What does not run is a row with its reason, never a figure. Exit code 0 only if all losses are equal.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
sample="$here/bin/GptTraining"
[ -x "$sample" ] || { echo "train: $sample not found: run this out of the folder that bench/gpu/pack.sh packed" >&2; exit 1; }
store="${1:-$PWD}"
shift || true
[ "$#" -gt 0 ] || set -- --config gpt2-small
steps="${STEPS:-20}"
budgets="${BUDGETS:-60% 40%}"
backends="${BACKENDS:-staged cufile}"
device="${DEVICE:-cuda:0}"

if [ -z "${TERAIO_LIBTORCH:-}" ]; then
    TERAIO_LIBTORCH="$(python3 -c 'import os, torch; print(os.path.join(os.path.dirname(torch.__file__), "lib"))' 2>/dev/null)" ||
        { echo "train: no libtorch: set TERAIO_LIBTORCH to the lib folder of a PyTorch with CUDA" >&2; exit 1; }
fi
export TERAIO_LIBTORCH TERAIO_NATIVE_DIR="$here/bin" CUBLAS_WORKSPACE_CONFIG=:4096:8

results="$(mktemp -d)"
trap 'rm -rf "$results"' EXIT
run() { # NAME OPTIONS...: trains; its last words are kept where it fails
    local name="$1"
    shift
    "$sample" --device "$device" --data "$here/text.txt" --steps "$steps" --json "$results/$name.json" "$@" >"$results/$name.log" 2>&1 && return
    echo "train: $name failed:" >&2
    tail -n 5 "$results/$name.log" >&2
    tr -d '\r|' <"$results/$name.log" | grep -v '^ *$' | tail -n 1 >"$results/$name.why"
}

run unlimited "$@" --no-offload
for budget in $budgets; do
    for backend in $backends; do
        [ -e "$results/unlimited.json" ] || break 2
        peak="$(sed -n 's/^  "peakLiveBytes": \([0-9]*\).*/\1/p' "$results/unlimited.json")"
        run "$budget-$backend" "$@" --budget "$budget" --unlimited-peak "$peak" --backend "$backend" --mode planned --store "$store"
    done
done

gpu="$(sed -n 's/^Model:[[:space:]]*//p' /proc/driver/nvidia/gpus/*/information 2>/dev/null | head -n 1 || true)"
echo "$(date -u +%Y-%m-%d), ${gpu:-no GPU that its driver tells of}, $(nproc) cores, Linux $(uname -r), libtorch in $TERAIO_LIBTORCH; $* --steps $steps."
echo
awk -v order="unlimited $(for budget in $budgets; do for backend in $backends; do printf '%s-%s ' "$budget" "$backend"; done; done)" -v folder="$results" '
    function read_run(name,    file, line, list, at) {
        file = folder "/" name ".json"
        while ((getline line < file) > 0) {
            if (line ~ /^  "[A-Za-z]+": \[$/) { list = line; gsub(/[^A-Za-z]/, "", list); at = 0; continue }
            if (line ~ /^  \],?$/) { list = ""; continue }
            if (list != "") { gsub(/[ ,]/, "", line); values[name, list, at++] = line; count[name, list] = at; continue }
            if (match(line, /^  "[A-Za-z]+": /)) { key = substr(line, 4, RLENGTH - 6); value = substr(line, RLENGTH + 1); sub(/,$/, "", value); single[name, key] = value }
        }
        close(file)
        return count[name, "losses"] > 0
    }
    # The middle of the second half of the steps: by then a plan has been found.
    function median_step(name,    n, i, j, k, sorted, t) {
        n = count[name, "stepSeconds"]; k = 0
        for (i = int(n / 2); i < n; i++) sorted[k++] = values[name, "stepSeconds", i]
        for (i = 1; i < k; i++) for (j = i; j > 0 && sorted[j - 1] + 0 > sorted[j] + 0; j--) { t = sorted[j]; sorted[j] = sorted[j - 1]; sorted[j - 1] = t }
        return sorted[int((k - 1) / 2)] + 0
    }
    function mib(bytes) { return sprintf("%.0f", bytes / 1048576) }
    BEGIN {
        print "| run | losses | step, s | speed, % of unlimited | stalls of all steps, s | read, MiB | written, MiB | peak, MiB | held by libtorch, MiB | budget, MiB |"
        print "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|"
        n = split(order, names, " ")
        for (i = 1; i <= n; i++) {
            name = names[i]
            if (!read_run(name)) {
                why = "not run: without the unlimited run there is nothing to compare with"
                while ((getline line < (folder "/" name ".why")) > 0) why = line
                printf "| %s | failed: %s | | | | | | | | |\n", name, why
                bad = 1
                continue
            }
            same = count[name, "losses"] == count["unlimited", "losses"]
            for (s = 0; s < count[name, "losses"]; s++) same = same && values[name, "losses", s] == values["unlimited", "losses", s]
            if (!same) bad = 1
            step = median_step(name)
            printf "| %s | %s | %.3f | %.1f | %.2f | %s | %s | %s | %s | %s |\n", name, name == "unlimited" ? count[name, "losses"] " steps" : same ? "all equal" : "DIFFERENT", step,
                100 * median_step("unlimited") / step, single[name, "stallSeconds"], mib(single[name, "bytesRead"]), mib(single[name, "bytesWritten"]), mib(single[name, "peakLiveBytes"]),
                (single[name, "reservedBytes"] + 0 > 0) ? mib(single[name, "reservedBytes"]) : "not told",
                name == "unlimited" ? "-" : mib(single[name, "budgetBytes"])
        }
        exit bad
    }'
