#!/bin/sh
# One version: the C sources, the Lua sources, the changelog's newest entry and a release's rockspec
# agree, as far as each names one. The scm rockspec names none.
# SPDX-License-Identifier: MIT
set -u
cd "$(dirname "$0")/../.." || exit 1

versions() {
  grep -rhoE '#define ETTM_VERSION +"[^"]+"' csrc | sed 's/.*"\(.*\)"/\1 csrc/'
  grep -rhoE '_VERSION *= *"(ettsumailer )?[0-9][^"]*"' lua |
    sed 's/.*"\(ettsumailer \)*\([^"]*\)"/\2 lua/'
  [ ! -f CHANGELOG.md ] || sed -n 's/^## \[\([0-9][^]]*\)\].*/\1 CHANGELOG.md/p' CHANGELOG.md | head -n 1
  for rockspec in rockspec/ettsumailer-[0-9]*.rockspec; do
    [ ! -f "$rockspec" ] || basename "$rockspec" | sed 's/^ettsumailer-\(.*\)-[0-9]*\.rockspec$/\1 rockspec/'
  done
}

if [ "$(versions | cut -d' ' -f1 | sort -u | wc -l)" -gt 1 ]; then
  echo "these versions differ:" >&2
  versions >&2
  exit 1
fi
