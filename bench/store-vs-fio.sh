#!/usr/bin/env bash
# The storage shim against fio: same file system, block size, queue depth and bytes, in alternation. Prints Markdown:
#   bench/store-vs-fio.sh [DIRECTORY] >docs/benchmarks/store-vs-fio.md
# Settings: SIZE (bytes per pass, default 2 GiB), BLOCK (default 1 MiB), DEPTH (default 16), RUNS (default 5).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

parent="${1:-${TMPDIR:-/var/tmp}}"
size="${SIZE:-$((2 << 30))}"
block="${BLOCK:-$((1 << 20))}"
depth="${DEPTH:-16}"
runs="${RUNS:-5}"
bench=out/native/release/bin/tio_gds_bench

for program in fio jq; do
    command -v "$program" >/dev/null || { echo "store-vs-fio: $program not found: apt-get install $program" >&2; exit 1; }
done
[ -x "$bench" ] || { echo "store-vs-fio: $bench not found: ./build.sh bench builds it" >&2; exit 1; }

directory="$(mktemp -d "$parent/teraio-bench-XXXXXX")"
trap 'rm -rf "$directory"' EXIT

# Both print MiB/s. The same byte pattern for both: a virtual disk may treat zeros or repeats specially.
with_fio() {
    fio --name=fio --filename="$directory/fio" --ioengine=io_uring --direct=1 --rw="$1" --bs="$block" --iodepth="$depth" \
        --size="$size" --buffer_pattern=0x5a --output-format=json | jq ".jobs[0].$1.bw_bytes / 1048576"
}
with_shim() {
    "$bench" "$directory/shim" "$1" --size "$size" --block "$block" --depth "$depth" >"$directory/shim.json"
    jq .mib_per_second "$directory/shim.json"
}

median() { sort -n | awk '{v[NR] = $1} END {m = int((NR + 1) / 2); print NR % 2 ? v[m] : (v[m] + v[m + 1]) / 2}'; }
spread() { sort -n | awk 'NR == 1 {low = $1} {high = $1} END {printf "%.0f to %.0f", low, high}'; }

# The first pass lays both files out on disk; measured passes overwrite and read what is there.
with_fio write >/dev/null
with_shim write >/dev/null
for ((run = 1; run <= runs; run++)); do
    for direction in write read; do
        with_fio "$direction" >>"$directory/fio.$direction"
        with_shim "$direction" >>"$directory/shim.$direction"
        echo "pass $run of $runs, $direction: fio $(tail -n 1 "$directory/fio.$direction"), shim $(tail -n 1 "$directory/shim.$direction") MiB/s" >&2
    done
done

echo "# Storage shim against fio"
echo
echo "$(bench/machine.sh), $(stat -f -c %T "$directory") on" \
    "$(df --output=source "$directory" | tail -n 1), $(fio --version)."
echo
echo "$((size >> 20)) MiB per pass, blocks of $((block >> 10)) KiB, queue depth $depth, O_DIRECT $(jq -r .direct "$directory/shim.json")," \
    "backend $(jq -r .backend "$directory/shim.json"); medians of $runs alternating passes after one unmeasured pass, in brackets the range."
echo
echo "| | fio, MiB/s | shim, MiB/s | shim / fio |"
echo "|---|---:|---:|---:|"
for direction in write read; do
    fio_median="$(median <"$directory/fio.$direction")"
    shim_median="$(median <"$directory/shim.$direction")"
    printf '| %s | %.0f (%s) | %.0f (%s) | %.0f %% |\n' "$direction" "$fio_median" "$(spread <"$directory/fio.$direction")" \
        "$shim_median" "$(spread <"$directory/shim.$direction")" \
        "$(awk -v a="$shim_median" -v b="$fio_median" 'BEGIN {print 100 * a / b}')"
done
echo
echo "Command: \`SIZE=$size BLOCK=$block DEPTH=$depth RUNS=$runs bench/store-vs-fio.sh\`"
