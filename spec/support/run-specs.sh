#!/bin/sh
# run-specs.sh NAME INTERPRETER FOLDER...: busted over the specs, in the interpreter given, with the
# module below $OUT. A run that dies counts as one failure. TALLY=file gets "passed failed what".
# SPEC_PRELOAD=library is loaded into the interpreter first (a sanitizer's runtime).
# SPDX-License-Identifier: MIT
set -u
name="Lua $1" interpreter=$2
shift 2
[ $# -gt 0 ] || { echo "$name: no specs"; exit 0; }
[ -n "$interpreter" ] || { echo "$name: there is no such interpreter" >&2; exit 1; }
busted=$(command -v busted) || { echo "busted is not installed" >&2; exit 1; }

# A user's own paths for one version would win over LUA_PATH.
unset LUA_INIT LUA_INIT_5_2 LUA_INIT_5_3 LUA_INIT_5_4
unset LUA_PATH_5_2 LUA_PATH_5_3 LUA_PATH_5_4 LUA_CPATH_5_2 LUA_CPATH_5_3 LUA_CPATH_5_4
export LUA_PATH="lua/?.lua;lua/?/init.lua;spec/?.lua;;"
export LUA_CPATH="$OUT/?.so;;"
export ETTM_LUA="$interpreter"
mkdir -p "$OUT/scratch" || exit 1

out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
timeout -k 10 "${SPEC_SECONDS:-900}" env ${SPEC_PRELOAD:+LD_PRELOAD="$SPEC_PRELOAD"} \
  "$interpreter" "$busted" --ignore-lua -o plainTerminal --pattern=_spec "$@" >"$out" 2>&1 </dev/null
status=$?
cat "$out"

# "12 successes / 1 failure / 0 errors / 0 pending : 0.1 seconds"
counts=$(sed -n 's|^\([0-9]*\) success[es]* / \([0-9]*\) failures* / \([0-9]*\) errors* / .*|\1 \2 \3|p' \
  "$out" | tail -n 1)
if [ -n "$counts" ]; then
  # shellcheck disable=SC2086  # three numbers
  set -- $counts
  passed=$1 failed=$(($2 + $3))
else
  passed=0 failed=0
fi
if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
  echo "$name: the specs ended with status $status"
  failed=1
fi
echo "$name: $passed passed, $failed failed"
[ -z "${TALLY:-}" ] || echo "$passed $failed specs, $name" >>"$TALLY"
[ "$failed" -eq 0 ]
