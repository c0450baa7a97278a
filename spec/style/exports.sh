#!/bin/sh
# exports.sh MODULE.so: the module shows nothing but luaopen_*, and only openssl.so needs OpenSSL.
# SPDX-License-Identifier: MIT
set -u
name=$(basename "$1" .so)
symbols=$(nm -D --defined-only "$1" | awk '{ print $3 }')
if ! echo "$symbols" | grep -q "^luaopen_ettsumailer_$name\$"; then
  echo "$1 does not export luaopen_ettsumailer_$name" >&2
  exit 1
fi
others=$(echo "$symbols" | grep -v '^luaopen_')
[ -z "$others" ] || { echo "$1 also exports: $others" >&2; exit 1; }
needs=$(readelf -d "$1" 2>/dev/null | grep -cE 'NEEDED.*lib(ssl|crypto)')
[ "$name" = openssl ] || [ "$needs" -eq 0 ] || { echo "$1 is linked with OpenSSL" >&2; exit 1; }
