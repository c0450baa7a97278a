#!/bin/sh
# Builds the bench tools and measures requests of nginx that each send one mail, side by side with
# lua-resty-mail where RESTY_PATH tells where that is (README.md).
# SPDX-License-Identifier: MIT
set -u
here=$(cd "$(dirname "$0")" && pwd)
command -v python3 >/dev/null || { echo "bench-nginx needs python3" >&2; exit 1; }
make -s -C "$here/.." || exit 1
TMPDIR=${TMPDIR:-$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)}
export TMPDIR
exec python3 "$here/mail.py" "$@"
