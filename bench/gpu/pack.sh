#!/usr/bin/env bash
# Packs the teraio tool and the GPT sample with their own .NET and native libraries, for a machine that has none: bench/gpu/pack.sh [OUTPUT.tar.gz]
# There: tar xf teraio-gpu.tar.gz && teraio-gpu/run.sh /mnt/nvme0 && teraio-gpu/train.sh /mnt/nvme0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

output="$(realpath -m "${1:-artifacts/teraio-gpu.tar.gz}")"
natives=(out/native/release/libtio_gds_shim.so out/native/release/libtio_torch_observer.so)
staging="$(mktemp -d)"
trap 'rm -rf "$staging"' EXIT

folder="$staging/teraio-gpu"
for native in "${natives[@]}"; do
    [ -e "$native" ] || { echo "pack: $native not found: ./build.sh build makes it" >&2; exit 1; }
done
for project in src/TeraIO.Cli samples/GptTraining; do # one .NET for both; libtorch is the other machine's own
    dotnet publish "$project" -c Release -r linux-x64 --self-contained -p:PackAsTool=false -p:DebugType=none -o "$folder/bin" -v:q -nologo
done
strip --strip-unneeded -o "$folder/bin/${natives[0]##*/}" "${natives[0]}"
strip --strip-unneeded -o "$folder/bin/${natives[1]##*/}" "${natives[1]}"
# Bounds need OR-Tools, which is half of all; the rest is for debuggers.
(cd "$folder/bin" && rm -f -- google-ortools-native.so libortools.so* libscip.so* libhighs.so* libprotobuf* libabsl* libCbc* libCgl* libClp* libCoin* libOsi* libutf8* libre2.so* *.xml libmscordbi.so libmscordaccore.so libclrgcexp.so createdump)
cp bench/gpu/run.sh bench/gpu/train.sh "$folder/"
cat README.md docs/*.md docs/decisions/*.md >"$folder/text.txt" # something to train on
mkdir -p "$(dirname "$output")"
tar -C "$staging" -czf "$output" teraio-gpu
echo "$output: $(du -h "$output" | cut -f 1), needs glibc $(objdump -T "${natives[@]}" 2>/dev/null | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -n 1 | sed 's/GLIBC_//') or newer on x86-64"
