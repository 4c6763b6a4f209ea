#!/usr/bin/env bash
# A store over two paths of unequal rates: adaptive split against a static one and one path, a path that slows down, a path that fails. Markdown.
#   bench/paths.sh >docs/benchmarks/paths.md
# Settings: STORE (directory on the disk that carries both paths, default /var/tmp).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

dotnet build bench/TeraIO.Studies -c Release -v:q -nologo >&2
directory="$(mktemp -d "${STORE:-/var/tmp}/teraio-bench-XXXXXX")"
trap 'rm -rf "$directory"' EXIT
echo "# A store over two paths"
echo
echo "$(date -u +%Y-%m-%d), $(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, Linux $(uname -r), store on $(stat -f -c %T "$directory")." \
    "Stripes of 1 MiB, tensors of 8 MiB, four in flight. Path rates are emulated unless a row says otherwise. Command: \`bench/paths.sh\`"
echo
dotnet bench/TeraIO.Studies/bin/Release/net10.0/TeraIO.Studies.dll paths "$directory"
