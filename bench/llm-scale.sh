#!/usr/bin/env bash
# The planner's policies on traces of large models, as Markdown; no GPU and no disk is used.
#   bench/llm-scale.sh [--quick] >docs/benchmarks/llm-scale.md
# Other studies: bench/llm-scale.sh peaks | emulation | compare TRACE MODEL BATCH [MICRO_BATCHES]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

study=(dotnet bench/TeraIO.Studies/bin/Release/net10.0/TeraIO.Studies.dll)
[ -f "${study[1]}" ] || dotnet build bench/TeraIO.Studies -c Release -v:q -nologo >&2
case "${1:-}" in
    "" | --quick) ;;
    *) exec "${study[@]}" "$@" ;;
esac

echo "# Policies at LLM scale"
echo
echo "$(date -u +%Y-%m-%d), $(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1), one core. Command: \`bench/llm-scale.sh${1:+ $1}\`"
echo
"${study[@]}" llm-scale "$@"
echo
echo "## Peaks beside published ones"
echo
"${study[@]}" peaks
