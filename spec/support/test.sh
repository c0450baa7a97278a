#!/bin/sh
# make test: what is needed, the C tests, the specs on each engine named, end to end, what foreign
# readers that are there see, the rock, and that no password was printed; then the sum.
# MAKE, JOBS and BUILD come from the Makefile.
# SPDX-License-Identifier: MIT
set -u
cd "$(dirname "$0")/../.." || exit 1
. spec/support/tally.sh
tally_start
keep_logs "${BUILD:-build}/test"

spec/support/deps.sh test || exit 1
make_() { ${MAKE:-make} -j"${JOBS:-1}" BUILD="${BUILD:-build}" "$@"; }
step "C tests" make_ c-test
for engine in "$@"; do
  step "build, $engine" make_ all LUA="$engine"
done
# As many engines at a time as there are processors: half of a run is waiting.
running=0
for engine in "$@"; do
  step_aside "specs, $engine" make_ spec LUA="$engine"
  last=$engine running=$((running + 1))
  [ $((running % ${JOBS:-1})) -ne 0 ] || wait
done
wait
[ $# -eq 1 ] || last=5.4
step "end to end, $last" make_ e2e LUA="$last"
[ $# -eq 1 ] || step "nginx" make_ resty
step "foreign readers, $last" make_ foreign LUA="$last" FOREIGN_COUNT=60 FOREIGN=present
check "rock, $last" make_ rock-test LUA="$last"
check "no password in any output" spec/support/secrets.sh "$LOGS"/*.log build/mta/*/log
tally_end
