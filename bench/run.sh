#!/usr/bin/env bash
# What ./build.sh bench runs after the build: run.sh [BenchmarkDotNet options, such as --filter '*Checksum*'].
# Without options: every micro-benchmark, then the storage shim against fio.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

micro=(dotnet bench/TeraIO.Benchmarks/bin/Release/net10.0/TeraIO.Benchmarks.dll)
if [ "$#" -gt 0 ]; then exec "${micro[@]}" "$@"; fi
"${micro[@]}" --filter '*'
exec bench/store-vs-fio.sh
