# shellcheck shell=sh
# Sourced by the scripts that run several runners: counts what they report.
# Each runner adds lines "passed failed what" to the file $TALLY; a step that fails without having
# reported a failure (it did not build, it crashed) counts as one. After keep_logs FOLDER, what each
# step prints is kept there as well.
# SPDX-License-Identifier: MIT

tally_start() { # keeps the file of a caller that is itself counting
  if [ -z "${TALLY:-}" ]; then
    TALLY=$(mktemp) || exit 1
    export TALLY
    trap 'rm -f "$TALLY"' EXIT
  fi
  tally_from=$(wc -l <"$TALLY")
}

failures_from() {
  tail -n +$(($1 + 1)) "$TALLY" | awk '{ n += $2 } END { print n + 0 }'
}

keep_logs() {
  LOGS=$1
  rm -rf "$LOGS" && mkdir -p "$LOGS"
}

# The command's own status comes through the pipe in a file.
run_step() {
  [ -n "${LOGS:-}" ] || { "$@" </dev/null; return; }
  log=$LOGS/$(echo "$name" | tr -sc 'A-Za-z0-9.\n' '-')
  {
    "$@" </dev/null 2>&1
    echo $? >"$log.status"
  } | tee "$log.log"
  return "$(cat "$log.status")"
}

# step NAME COMMAND...
step() {
  name=$1 before=$(wc -l <"$TALLY")
  shift
  printf '\n== %s\n' "$name"
  if ! run_step "$@" && [ "$(failures_from "$before")" -eq 0 ]; then
    echo "$name: failed" >&2
    echo "0 1 $name" >>"$TALLY"
  fi
}

# The same beside others, in the background: it counts in a file of its own, and is shown at its end.
step_aside() {
  (
    all=$TALLY
    TALLY=$(mktemp) && shown=$(mktemp) || exit 1
    export TALLY
    step "$@" >"$shown" 2>&1
    cat "$shown"
    cat "$TALLY" >>"$all"
    rm -f "$TALLY" "$shown"
  ) &
}

# A step that only says yes or no: one case.
check() {
  before=$(wc -l <"$TALLY")
  step "$@"
  [ "$(failures_from "$before")" -ne 0 ] || echo "1 0 $1" >>"$TALLY"
}

# Prints "N passed, N failed" alone on the last line; false when anything failed.
tally_end() {
  printf '\n'
  tail -n +$((tally_from + 1)) "$TALLY" |
    awk '{ p += $1; f += $2; what = $0; sub(/^[0-9]+ [0-9]+ /, "", what)
           printf "%-40s %6d passed %4d failed\n", what, $1, $2 }
         END { printf "%d passed, %d failed\n", p, f; exit f > 0 }'
}
