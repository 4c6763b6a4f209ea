#!/usr/bin/env bash
# Which system packages a step needs, told or installed.
#   prerequisites.sh check   STEP   one MSBuild-style error line per missing package; exit code 1 if there is one
#   prerequisites.sh install STEP   installs what is missing with apt; elsewhere the same as check
# STEP is a command of build.sh.
set -euo pipefail

mode="$1"
step="$2"

has_program() { command -v "$1" >/dev/null 2>&1; }

# CMakePresets.json needs 3.25 (Debian 12 has it, Ubuntu 22.04 does not).
has_cmake() {
    local version
    version="$(cmake --version 2>/dev/null | sed -n '1s/.* //p')"
    [ -n "$version" ] && [ "$(printf '3.25\n%s\n' "$version" | sort -V | head -n 1)" = 3.25 ]
}

# Asks the compiler, where there is one, so that headers outside /usr/include count too.
has_header() {
    if has_program c++; then
        echo "#include <$1>" | c++ -E -x c++ - >/dev/null 2>&1
    else
        [ -e "/usr/include/$1" ]
    fi
}

missing_packages=()
report=()
need() { # CODE PACKAGE WHAT PROBE...
    local code="$1" package="$2" what="$3"
    shift 3
    if "$@"; then return; fi
    missing_packages+=("$package")
    report+=("prerequisites : error $code: $what not found: apt-get install $package")
}

# MPICH's mpirun has the same name.
has_open_mpi() { has_program mpirun && [[ "$(mpirun --version 2>/dev/null)" == *"Open MPI"* ]]; }

need_native_build() {
    need TIO0001 cmake "cmake 3.25 or newer" has_cmake
    need TIO0002 g++ "C++ compiler" has_program c++
    need TIO0003 ninja-build ninja has_program ninja
    need TIO0004 liburing-dev liburing.h has_header liburing.h
}

case "$step" in
    build | train) need_native_build ;;
    test | sanitizers)
        need_native_build
        need TIO0005 libgtest-dev gtest/gtest.h has_header gtest/gtest.h
        # mpirun with the library: the tests of data-parallel training start ranks.
        if [ "$step" = test ]; then need TIO0012 openmpi-bin "Open MPI's mpirun" has_open_mpi; fi
        ;;
    bench)
        need_native_build
        need TIO0006 fio fio has_program fio
        need TIO0007 jq jq has_program jq
        ;;
    lint | format)
        need TIO0008 clang-format clang-format has_program clang-format
        need TIO0009 shellcheck shellcheck has_program shellcheck
        ;;
esac

if ! has_program dotnet; then
    report+=("prerequisites : error TIO0010: dotnet not found: install the .NET 10 SDK, https://dotnet.microsoft.com/download/dotnet/10.0")
elif ! sdk="$(dotnet --version 2>&1)"; then
    report+=("prerequisites : error TIO0010: no .NET 10 SDK: install it from https://dotnet.microsoft.com/download/dotnet/10.0 (${sdk%%$'\n'*})")
fi

if [ "${#report[@]}" -eq 0 ]; then exit 0; fi
if [ "$mode" = check ] || [ "${#missing_packages[@]}" -eq 0 ] || [ -n "${TERAIO_NO_INSTALL:-}" ] || ! has_program apt-get; then
    printf '%s\n' "${report[@]}"
    exit 1
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! has_program sudo; then
        printf '%s\n' "${report[@]}" "prerequisites : error TIO0011: not root and no sudo: install the packages above as root"
        exit 1
    fi
    as_root=(sudo)
    # Without a terminal nobody could type a password: fail at once instead of waiting for one.
    if [ ! -t 0 ]; then as_root+=(-n); fi
fi

echo "Installing ${missing_packages[*]}"
"${as_root[@]}" apt-get update -qq </dev/null
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing_packages[@]}" </dev/null >/dev/null
exec bash "${BASH_SOURCE[0]}" check "$step"
