#!/usr/bin/env bash
# Runs samples/GptTraining: train.sh [options of the sample]. Without options: the headline comparison of the README.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

sample=(dotnet samples/GptTraining/bin/Release/net10.0/GptTraining.dll)
if [ "$#" -gt 0 ]; then exec "${sample[@]}" "$@"; fi

# A store on tmpfs would offload memory into memory.
store=""
for parent in ${TERAIO_STORE:+"$TERAIO_STORE"} ${TMPDIR:+"$TMPDIR"} /var/tmp "$PWD/out"; do
    mkdir -p "$parent" 2>/dev/null || continue
    case "$(stat -f -c %T "$parent")" in tmpfs | ramfs) continue ;; esac
    if store="$(mktemp -d "$parent/teraio-XXXXXX" 2>/dev/null)"; then break; fi
done
if [ -z "$store" ]; then
    echo "train: no writable directory on a disk (TMPDIR, /var/tmp and out/ are memory or read-only): set TERAIO_STORE to one." >&2
    exit 1
fi
trap 'rm -rf "$store"' EXIT
"${sample[@]}" --config 30M --budget 25% --steps 50 --compare --store "$store"
