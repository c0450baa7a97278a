#!/bin/sh
# run-fuzzers.sh PROGRAM...: runs each for FUZZ_SECONDS, JOBS at once. What is new goes to
# $OUT/corpus/NAME, what crashes to $OUT/NAME-*; the project's own seeds are spec/fuzz/corpus/NAME.
# A fuzzer is one case, passed when it found nothing. TALLY=file gets "passed failed what".
# SPDX-License-Identifier: MIT
set -u
seconds=${FUZZ_SECONDS:-60}

# One fuzzer; its output goes to its log, which is shown when it finds something.
if [ "${1:-}" = --one ]; then
  name=$(basename "$2" _fuzz)
  seeds=spec/fuzz/corpus/$name
  mkdir -p "$OUT/corpus/$name"
  set -- "$2" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
    -artifact_prefix="$OUT/$name-" "$OUT/corpus/$name"
  [ ! -d "$seeds" ] || set -- "$@" "$seeds"
  if timeout -k 10 $((seconds + 120)) "$@" >"$OUT/$name.log" 2>&1 </dev/null; then
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$OUT/$name.log")
    echo "fuzz $name: nothing found in ${runs:-?} runs"
    [ -z "${TALLY:-}" ] || echo "1 0 fuzz $name" >>"$TALLY"
  else
    tail -n 60 "$OUT/$name.log"
    echo "fuzz $name: FOUND something; see $OUT/$name-*"
    [ -z "${TALLY:-}" ] || echo "0 1 fuzz $name" >>"$TALLY"
    exit 1
  fi
  exit 0
fi

[ $# -gt 0 ] || { echo "there are no fuzzers"; exit 0; }
printf '%s\n' "$@" | xargs -n 1 -P "${JOBS:-1}" "$0" --one
