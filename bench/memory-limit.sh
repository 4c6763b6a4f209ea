#!/usr/bin/env bash
# Trains under a memory limit of the kernel (a memory cgroup, v1 or v2; needs root) that ends the unlimited run and lets the offloaded one finish.
# usage: bench/memory-limit.sh [LIMIT_MIB] [options of the sample]   (default: 640 --config 30M --steps 3)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

limit_mib=${1:-640}
if [ "$#" -gt 0 ]; then shift; fi
if [ "$#" -gt 0 ]; then options=("$@"); else options=(--config 30M --steps 3); fi
sample=(dotnet samples/GptTraining/bin/Release/net10.0/GptTraining.dll)

if [ -d /sys/fs/cgroup/memory ]; then
    group=/sys/fs/cgroup/memory/teraio-limit-$$
    limit_file=memory.limit_in_bytes
elif [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    group=/sys/fs/cgroup/teraio-limit-$$
    limit_file=memory.max
else
    echo "memory-limit: no memory cgroup on this machine" >&2
    exit 1
fi
mkdir "$group" || { echo "memory-limit: cannot create $group (root is needed)" >&2; exit 1; }
store=$(mktemp -d /var/tmp/teraio-XXXXXX)
trap 'rm -rf "$store"; rmdir "$group" 2>/dev/null || true' EXIT
echo $((limit_mib * 1024 * 1024)) >"$group/$limit_file"

# Runs the sample inside the group. Page cache counts towards the group as well, but the kernel reclaims it before it kills.
limited() {
    bash -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' _ "$group" "${sample[@]}" "${options[@]}" "$@"
}

echo "== unlimited, memory limit ${limit_mib} MiB"
if limited --no-offload; then
    echo "memory-limit: the unlimited run fitted: choose a smaller limit" >&2
    exit 1
else
    echo "== ended with status $? (137: killed by the kernel)"
fi
echo "== offloaded, the same limit"
limited --budget "$((limit_mib * 35 / 100))MiB" --store "$store"
echo "== finished with status $?"
