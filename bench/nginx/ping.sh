#!/bin/sh
# Builds the bench tools and measures how long one nginx worker lets others wait while it sends mail
# (README.md).
# SPDX-License-Identifier: MIT
set -u
here=$(cd "$(dirname "$0")" && pwd)
command -v python3 >/dev/null || { echo "bench-ping needs python3" >&2; exit 1; }
make -s -C "$here/.." || exit 1
TMPDIR=${TMPDIR:-$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)}
export TMPDIR
exec python3 "$here/ping.py" "$@"
