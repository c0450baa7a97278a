#!/bin/sh
# exports.sh MODULE.so: the module shows nothing but luaopen_*.
# SPDX-License-Identifier: MIT
set -u
symbols=$(nm -D --defined-only "$1" | awk '{ print $3 }')
if ! echo "$symbols" | grep -q '^luaopen_ettsumailer_core$'; then
  echo "$1 does not export luaopen_ettsumailer_core" >&2
  exit 1
fi
others=$(echo "$symbols" | grep -v '^luaopen_')
[ -z "$others" ] || { echo "$1 also exports: $others" >&2; exit 1; }
