#!/usr/bin/env bash
# Two processes that share a directory, with no control, one lock for the node, and leases; a holder killed with -9; and simulated plans for 1 to 8 ranks. Prints Markdown:
#   bench/ranks.sh [DIRECTORY] >docs/benchmarks/ranks.md
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

study=(dotnet bench/TeraIO.Studies/bin/Release/net10.0/TeraIO.Studies.dll)
[ -f "${study[1]}" ] || dotnet build bench/TeraIO.Studies -c Release -v:q -nologo >&2
directory="$(mktemp -d "${1:-${TMPDIR:-/var/tmp}}/teraio-ranks-XXXXXX")"
trap 'rm -rf "$directory"' EXIT

echo "# Ranks that share a path"
echo
echo "## Two real processes"
echo
echo "$(bench/machine.sh), $(stat -f -c %T "$directory") on" \
    "$(df --output=source "$directory" | tail -n 1), O_DIRECT, not throttled. Command: \`bench/ranks.sh\`"
echo
"${study[@]}" ranks "$directory"
left="$(find /dev/shm -maxdepth 1 -name "teraio-leases-$(id -u)-*")"
echo
echo "Lock files left in /dev/shm: ${left:-none}."
echo
"${study[@]}" rank-plans
