#!/bin/sh
# Runs each C test given, shows what it prints, and ends with the sum of their cases.
# A test that dies or says no count counts as one failure. TALLY=file also gets the sum, as a line
# "passed failed what", for the total of several runners.
# SPDX-License-Identifier: MIT
set -u
passed=0 failed=0
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT

for test in "$@"; do
  timeout "${TEST_SECONDS:-900}" "$test" >"$out" 2>&1 </dev/null
  status=$?
  cat "$out"
  counts=$(sed -n 's/^.*: \([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$out" | tail -n 1)
  p=${counts% *} f=${counts#* }
  if [ -z "$counts" ] || { [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; }; then
    echo "$test: ended with status $status"
    p=${p:-0} f=$((${f:-0} + 1))
  fi
  passed=$((passed + p)) failed=$((failed + f))
done

echo "C tests: $passed passed, $failed failed"
[ -z "${TALLY:-}" ] || echo "$passed $failed C tests" >>"$TALLY"
[ "$failed" -eq 0 ]
