#!/usr/bin/env bash
# Runs on a machine without .NET, out of the folder that pack.sh made: run.sh [DIRECTORY] [options of teraio bench]
# Doctor, then correctness and bandwidth of every backend that works here; ends with one Markdown table. A backend that cannot run is a row
# with the reason, never a figure. Exit code 0 only if every byte that was read was the byte written.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
teraio="$here/bin/teraio"
[ -x "$teraio" ] || { echo "run: $teraio not found: run this out of the folder that bench/gpu/pack.sh packed" >&2; exit 1; }
store="${1:-$PWD}"
shift || true
export TERAIO_NATIVE_DIR="$here/bin"

results="$(mktemp -d)"
trap 'rm -rf "$results"' EXIT

"$teraio" doctor --path "$store"
echo
echo "Measuring $store; every read is checked against what was written." >&2
bench() {
    local code=0
    "$teraio" bench --path "$store" --json "$@" || code=$?
    [ "$code" -eq 0 ] && return
    echo "run: the bench failed with code $code: the figures of this machine are not to be trusted" >&2
    exit "$code"
}
bench "$@" >"$results/host.json"
working="$(awk '
    /^  "measurements": / { exit }
    /"backend": "(staged|cufile)"/ { split($0, words, "\""); name = words[4] }
    /"works": true/ && name != "" { print name; name = "" }' "$results/host.json" | paste -sd, -)"
[ -z "$working" ] || bench --backend "$working" "$@" >"$results/gpu.json"

gpu="no GPU"
for device in /sys/bus/pci/devices/*; do
    case "$(cat "$device/vendor" "$device/class" 2>/dev/null | tr '\n' ' ')" in "0x10de 0x03"*) gpu="" ;; esac
done

# The JSON has one member a line; the members of a measurement end with cpuSecondsPerByte.
awk -v gpu="$gpu" -v store="$store" '
    function text(line) { sub(/^[^:]*: "/, "", line); sub(/",?$/, "", line); return line }
    function number(line) { sub(/^[^:]*: /, "", line); return line + 0 }
    /^  "machine": / { machine = text($0) }
    /^  "measuredAt": / { at = substr(text($0), 1, 16) }
    /^  "measurements": / { part = "cells" }
    /^  "backends": / { part = "backends" }
    /^  "(routes|profile)": / { part = "" }
    /"backend": / { backend = text($0) }
    part == "backends" && /"works": / { works[backend] = /true/ }
    part == "backends" && /"reason": / { reason[backend] = text($0) }
    part == "cells" && /"direction": / { direction = text($0) }
    part == "cells" && /"readBandwidth": / { read = number($0) }
    part == "cells" && /"writeBandwidth": / { write = number($0) }
    part == "cells" && /"cpuSecondsPerByte": / {
        key = backend " " direction
        if (read + write > best[key]) { best[key] = read + write; r[key] = read; w[key] = write }
    }
    function rate(value) { return value > 0 ? sprintf("%.2f", value / 1e9) : "-" }
    function row(name, words) {
        if ((name " read") in best || (name " write") in best || (name " mixed") in best)
            printf "| %s | %s | %s | %s + %s | %s |\n", words, rate(best[name " read"]), rate(best[name " write"]), rate(r[name " mixed"]), rate(w[name " mixed"]), name == "raw" || name == "copy" ? "not checked" : name == "loop" || name == "staged" || name == "cufile" ? "the last block of every thread or slot copied back and compared" : "every read verified"
        else
            printf "| %s | - | - | - | %s |\n", words, name == "io_uring" || name == "threads" ? "not available: " reason[name] : gpu != "" ? "not measured: " gpu : (name in reason) && !works[name] ? "not available: " reason[name] : "not measured"
    }
    END {
        print machine "; " at " UTC; " store "\n"
        print "| way | read, GB/s | write, GB/s | both at once, GB/s | correctness |"
        print "|---|---:|---:|---:|---|"
        row("raw", "memory - SSD, plain loop of pread and pwrite")
        row("io_uring", "memory - SSD, io_uring")
        row("threads", "memory - SSD, threads")
        row("copy", "GPU - pinned memory, copies alone")
        row("loop", "GPU - SSD, plain loop of pread or pwrite and a copy")
        row("staged", "GPU - SSD, staged")
        row("cufile", "GPU - SSD, cuFile")
    }' "$results"/*.json
