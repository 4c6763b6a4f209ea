#!/usr/bin/env bash
# ./build.sh help. Twin of build.ps1: the steps themselves are in build/build.proj and build/*.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# Reused build nodes would outlive the script and keep a CI runner's pipe open.
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 MSBUILDDISABLENODEREUSE=1

step() { dotnet msbuild build/build.proj -nologo -v:minimal -tl:off -clp:NoSummary "-t:$1"; }

command="${1:-help}"
if [ "$command" = help ]; then exec cat build/help.txt; fi
shift || true
bash build/prerequisites.sh install "$command"
case "$command" in
    build | lint | format | clean) step "$command" ;;
    test | sanitizers)
        rm -f artifacts/tests/summary.txt
        step "$command" || code=$?
        cat artifacts/tests/summary.txt 2>/dev/null || true
        exit "${code:-0}"
        ;;
    train) step build && exec bash build/train.sh "$@" ;;
    bench) step bench && exec bash bench/run.sh "$@" ;;
    *) echo "build.sh: unknown command '$command'; ./build.sh help lists them." >&2 && exit 2 ;;
esac
