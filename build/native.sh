#!/usr/bin/env bash
# Configures and builds the native code: native.sh PRESET TARGET...   (presets: CMakePresets.json; "all" includes the tests)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset="$1"
shift
# The presets build the tests; the libraries alone must not need GoogleTest.
tests=ON
if [ "$*" != all ] && ! echo '#include <gtest/gtest.h>' | c++ -E -x c++ - >/dev/null 2>&1; then tests=OFF; fi

mkdir -p out/native
# Two builds of the repository at once (an IDE and a shell) would write the same object files.
exec 9>"out/native/$preset.lock"
flock 9
log="out/native/$preset.configure.log"
cmake --preset "$preset" "-DTIO_BUILD_TESTS=$tests" >"$log" 2>&1 || { cat "$log"; exit 1; }
# The lock is not for the children: a compiler server that outlives the build would hold it.
cmake --build --preset "$preset" --parallel "$(nproc)" --target "$@" 9>&-
