#!/usr/bin/env bash
# Optimizer offload mechanism by mechanism against a DeepSpeed-like baseline, on two emulated paths and on the disk as it is; two processes with and without leases; a share of
# the update on a simulated device. Markdown.
#   bench/optimizer.sh [MILLIONS [STEPS [RATES...]]] >docs/benchmarks/optimizer.md
# MILLIONS: of parameters, even unless RANKS=0. RATES: MB/s of the two paths, such as 400+200 (emulated), or disk; default both.
# Settings: STORE (directory on the disk that carries both paths, default /var/tmp), ROWS (mechanisms to print after the baseline, such as paths,narrow; default all);
# HEADER, RANKS, INTERLEAVE (0: not that part, to print it all in several runs).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

millions="${1:-100}"
steps="${2:-4}"
rates=("${@:3}")
[ ${#rates[@]} -gt 0 ] || rates=(400+200 disk)
# Before the rows, which take long, and not only after them.
if [ "${RANKS:-1}" != 0 ] && [[ "$millions" != *[02468] ]]; then
    echo "optimizer: $millions million parameters cannot be halved for two processes: use a multiple of 2, or RANKS=0" >&2
    exit 1
fi
dotnet build bench/TeraIO.Studies -c Release -v:q -nologo >&2
study=(dotnet bench/TeraIO.Studies/bin/Release/net10.0/TeraIO.Studies.dll)
directory="$(mktemp -d "${STORE:-/var/tmp}/teraio-bench-XXXXXX")"
trap 'rm -rf "$directory"' EXIT

if [ "${HEADER:-1}" != 0 ]; then
    echo "# Optimizer state on storage"
    echo
    echo "Each row adds a mechanism to the one above; all have the same host memory (decision 0024). *read* and *written*: bytes of a step, gradients included, *exact* where the store's own counters"
    echo "equal the closed form in every step. *cached*: subgroups that stay in memory. *update*: the step itself, and its CPU part; *MB/s*: its bytes both ways per second. *gradients*: what comes before,"
    echo "FP32 written to storage or BF16 copied in memory. *final state*: all parameters and moments, bit by bit, beside AdamW in memory; for BF16 gradients beside AdamW that is fed the same rounded"
    echo "ones, and the largest distance from FP32 gradients as a share of the stated bound."
fi

for rate in "${rates[@]}"; do
    echo
    echo "## $millions million parameters, $rate"
    echo
    echo "$(bench/machine.sh "$directory"), O_DIRECT. Command: \`bench/optimizer.sh $millions $steps $rate\`"
    echo
    "${study[@]}" optimizer "$directory" "$millions" "$steps" "$rate" "${ROWS:-}"
done

if [ "${RANKS:-1}" != 0 ]; then
    echo
    echo "## Two processes"
    echo
    "${study[@]}" optimizer-ranks "$directory" "$millions" 6
fi

if [ "${INTERLEAVE:-1}" != 0 ]; then
    echo
    echo "## A share of the update on a device, simulated"
    echo
    "${study[@]}" interleave "$directory" 64 "$steps"
fi
