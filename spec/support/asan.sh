#!/bin/sh
# make asan: the C tests with leak detection, then the specs of Lua 5.4, all under the address and
# undefined-behaviour sanitizers. Lua itself is not built with them, so the runtime is preloaded.
# MAKE, JOBS and BUILD come from the Makefile.
# SPDX-License-Identifier: MIT
set -u
cd "$(dirname "$0")/../.." || exit 1
. spec/support/tally.sh
tally_start
keep_logs "${BUILD:-build}/asan"

make_() { ${MAKE:-make} -j"${JOBS:-1}" BUILD="${BUILD:-build}" VARIANT=asan CC=gcc "$@"; }
export UBSAN_OPTIONS=print_stacktrace=1
ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1 \
  step "C tests, sanitized" make_ c-test
step "build, sanitized" make_ all LUA=5.4
export SPEC_SECONDS=1800 ASAN_OPTIONS=detect_leaks=0
SPEC_PRELOAD=$(gcc -print-file-name=libasan.so)
export SPEC_PRELOAD
# In two halves, side by side: half of a run is waiting.
step_aside "unit specs, 5.4, sanitized" make_ spec LUA=5.4 SPEC_FOLDERS="spec/unit spec/wire"
step_aside "other specs, 5.4, sanitized" make_ spec LUA=5.4 \
  SPEC_FOLDERS="spec/regress spec/engine spec/loops"
wait
unset SPEC_PRELOAD
check "no password in any output, sanitized" spec/support/secrets.sh "$LOGS"/*.log
tally_end
