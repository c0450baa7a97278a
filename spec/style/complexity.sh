#!/bin/sh
# complexity.sh FILE.c...: fails where a function is above complexity 15 (McCabe's, a case counts) or
# longer than 80 lines; lists what is above 10 or 50, and files above 500 lines.
# SPDX-License-Identifier: MIT
set -u
said=$(mktemp) || exit 1
trap 'rm -f "$said"' EXIT
pmccabe "$@" 2>"$said" | awk -F'\t' '
  { functions++ }
  $2 > 15 || $5 > 80 { printf "too much: %s: complexity %d, %d lines\n", $6, $2, $5; bad++; next }
  $2 > 10 || $5 > 50 { printf "much:     %s: complexity %d, %d lines\n", $6, $2, $5; near++ }
  END {
    printf "%d functions: %d above 10 or 50 lines, %d above 15 or 80\n", functions, near, bad
    exit bad > 0
  }' || exit 1
# It misses a semicolon behind CHECK_MAIN, the macro that is a test's main; nothing is lost by that.
grep -v -e '^$' -e 'closing paren of function, but got EOF' "$said"
wc -l "$@" | awk '$2 != "total" && $1 > 500 { printf "long:     %s: %d lines\n", $2, $1 }'
