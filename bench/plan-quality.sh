#!/usr/bin/env bash
# Quality of plans on random traces: against the budget, every baseline, the lower bound and, where it is small enough, the exact plan. Prints Markdown; ends with 1 if an aim is missed.
#   bench/plan-quality.sh [COUNT [EXACT_SECONDS [FIRST_SEED]]] >docs/benchmarks/plan-quality.md
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

dotnet build bench/TeraIO.PlanQuality -c Release -v:q -nologo >&2
echo "# Quality of plans"
echo
echo "$(date -u +%Y-%m-%d), $(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, Linux $(uname -r). Times are simulated: they do not depend on this machine."
echo
echo "Command: \`bench/plan-quality.sh ${*:-1000}\`. [docs/bounds.md](../bounds.md) says what bound and exact plan are and how to read the gap."
echo
exec dotnet bench/TeraIO.PlanQuality/bin/Release/net10.0/TeraIO.PlanQuality.dll "$@"
