#!/usr/bin/env bash
# Date and machine, for the line under the heading of a measurement, without its full stop: machine.sh [DIRECTORY], where the store lies.
set -euo pipefail

# nproc obeys OMP_NUM_THREADS, which a script may have set for its processes.
echo "$(date -u +%Y-%m-%d), $(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1), $(env -u OMP_NUM_THREADS nproc) cores," \
    "$(awk '/MemTotal/ {printf "%.0f GiB", $2 / 1048576}' /proc/meminfo) memory, Linux $(uname -r)${1:+, store on $(stat -f -c %T "$1")}"
