#!/bin/sh
# Runs each C test given, as many at once as there are processors, shows what each prints, and ends
# with the sum of their cases. A test that dies or says no count counts as one failure. TALLY=file also
# gets the sum, as a line "passed failed what", for the total of several runners.
# SPDX-License-Identifier: MIT
set -u

# One test; what it says goes to a file, its status behind that.
if [ "${1:-}" = --one ]; then
  name=$(basename "$3")
  timeout "${TEST_SECONDS:-900}" "$3" >"$2/$name.out" 2>&1 </dev/null
  echo $? >"$2/$name.status"
  exit 0
fi

passed=0 failed=0
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

# The last ones take longest and are begun first.
printf '%s\n' "$@" | sed '1!G;h;$!d' | xargs -n 1 -P "$(nproc 2>/dev/null || echo 1)" "$0" --one "$folder"
for test in "$@"; do
  out=$folder/$(basename "$test").out
  status=$(cat "${out%.out}.status")
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
