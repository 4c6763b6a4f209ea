#!/usr/bin/env bash
# Compiles checksum.cu to checksum.ptx, which is committed: building TeraIO needs neither clang nor CUDA. With --check it only tells whether the committed file is up to date (1: it is not).
# LLVM 14 (Debian: apt-get install clang-14), because another LLVM writes other text for the same kernel. sm_60 is the oldest GPU that GPUDirect Storage serves; drivers compile PTX for what they find.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

clang="${CLANG:-clang-14}"
command -v "$clang" >/dev/null || { echo "$0: there is no $clang: apt-get install clang-14" >&2; exit 2; }
fresh="$(mktemp)"
trap 'rm -f "$fresh"' EXIT
"$clang" -x cuda --cuda-device-only --cuda-gpu-arch=sm_60 -nocudainc -nocudalib -std=c++17 -Wall -Wextra -Werror -O2 -S -o "$fresh" checksum.cu
if [ "${1:-}" = --check ]; then
    cmp "$fresh" checksum.ptx
else
    cp "$fresh" checksum.ptx
    chmod 644 checksum.ptx
fi
