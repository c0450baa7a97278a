#!/bin/sh
# run.sh [ROUNDS [SECONDS]]: render speed of templates beside text made by hand and mustache.js, from
# the root, after make for each engine. The best of all rounds; ways take turns in each round.
# SPDX-License-Identifier: MIT
set -eu
rounds=${1:-5} seconds=${2:-0.2} out=build/bench/template
mkdir -p "$out"
cp bench/template/package.json bench/template/package-lock.json bench/template/mustache.js "$out"
[ -d "$out/node_modules" ] || (cd "$out" && npm ci --silent --no-audit --no-fund) ||
  echo "npm or its registry is not here: without mustache.js" >&2

run_lua() { # ENGINE INTERPRETER
  LUA_PATH="lua/?.lua;lua/?/init.lua;;" LUA_CPATH="build/$1/?.so;;" \
    "$2" bench/template/run.lua "$seconds" | sed "s/^/$1 /"
}

lua5.4 bench/template/run.lua 0 "$out/cases.json"
: >"$out/results"
for _ in $(seq "$rounds"); do
  for engine in 5.1 5.4 luajit; do
    interpreter=lua$engine
    [ "$engine" = luajit ] && interpreter=luajit
    [ -f "build/$engine/ettsumailer/core.so" ] && run_lua "$engine" "$interpreter" >>"$out/results"
  done
  [ -d "$out/node_modules" ] &&
    node "$out/mustache.js" "$seconds" "$out/cases.json" | sed "s/^/node /" >>"$out/results"
done

awk '{
  key = $2 " " $1 " " $3
  if (!(key in best) || $4 < best[key]) best[key] = $4
} END {
  for (key in best) {
    split(key, k, " ")
    hand = best[k[1] " " k[2] " by-hand"]; js = best[k[1] " node mustache.js"]
    printf "%-7s %-7s %-12s %9.2f us", k[1], k[2], k[3], best[key] / 1000
    if (k[3] == "ettsumailer") printf "   %5.2f x by hand", best[key] / hand
    if (k[3] == "ettsumailer" && js) printf "   %5.2f x mustache.js", best[key] / js
    printf "\n"
  }
}' "$out/results" | sort
