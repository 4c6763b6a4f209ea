#!/usr/bin/env bash
# Packs the teraio tool with its own .NET and native libraries, for a machine that has neither: bench/gpu/pack.sh [OUTPUT.tar.gz]
# There: tar xf teraio-gpu.tar.gz && teraio-gpu/run.sh /mnt/nvme0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

output="$(realpath -m "${1:-artifacts/teraio-gpu.tar.gz}")"
native=out/native/release/libtio_gds_shim.so
staging="$(mktemp -d)"
trap 'rm -rf "$staging"' EXIT

folder="$staging/teraio-gpu"
dotnet publish src/TeraIO.Cli -c Release -r linux-x64 --self-contained -p:PackAsTool=false -p:DebugType=none -o "$folder/bin" -v:q -nologo
[ -e "$native" ] || { echo "pack: $native not found: ./build.sh build makes it" >&2; exit 1; }
cp "$native" "$folder/bin/"
cp bench/gpu/run.sh "$folder/"
mkdir -p "$(dirname "$output")"
tar -C "$staging" -czf "$output" teraio-gpu
echo "$output: $(du -h "$output" | cut -f 1), needs glibc $(objdump -T "$native" 2>/dev/null | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -n 1 | sed 's/GLIBC_//') or newer on x86-64"
