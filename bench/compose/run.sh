#!/bin/sh
# run.sh [ROUNDS [OCTETS]]: composes a message with a file of 100,000,000 octets attached, by us and by
# others, one after the other, ROUNDS times (5); prints the median of each and what memory does in
# that time. Needs make in the folder above all; what is missing of the others is left out.
# SPDX-License-Identifier: MIT
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
rounds=${1:-5} octets=${2:-100000000}
place=$root/build/bench/compose
mkdir -p "$place" || exit 1
shelf=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")") || exit 1
trap 'rm -rf "$shelf"' EXIT
trap 'exit 130' INT TERM
file=$shelf/file
head -c "$octets" /dev/urandom >"$file" || exit 1

${CC:-cc} -O2 -o "$place/copy" "$here/copy.c" || exit 1
${CC:-cc} -O2 -o "$place/measure" "$root/bench/measure.c" 2>/dev/null || exit 1
if pkg-config --exists gmime-3.0 2>/dev/null; then
  # shellcheck disable=SC2046  # words
  ${CC:-cc} -O2 -o "$place/gmime" "$here/gmime.c" $(pkg-config --cflags --libs gmime-3.0)
fi
modules=$place/node_modules
if command -v npm >/dev/null 2>&1 && [ ! -d "$modules/nodemailer" ]; then
  cp "$root/bench/peers/package.json" "$place" &&
    (cd "$place" && npm install --ignore-scripts --no-audit --no-fund >npm.log 2>&1)
fi

there() {
  case $1 in
    ettsumailer-luajit) [ -e "$root/build/luajit/ettsumailer/core.so" ] ;;
    ettsumailer*) [ -e "$root/build/5.4/ettsumailer/core.so" ] ;;
    gmime) [ -x "$place/gmime" ] ;;
    node) [ -d "$modules/nodemailer" ] ;;
    python) command -v python3 >/dev/null ;;
  esac
}

command_of() {
  case $1 in
    copy) echo "$place/copy $file" ;;
    ettsumailer) echo "lua5.4 $here/compose.lua $file path" ;;
    ettsumailer-string) echo "lua5.4 $here/compose.lua $file string" ;;
    ettsumailer-luajit) echo "luajit $here/compose.lua $file path" ;;
    gmime) echo "$place/gmime $file" ;;
    node) echo "node $here/compose.js $file $modules" ;;
    python) echo "python3 $here/compose.py $file" ;;
  esac
}

names=copy
for name in ettsumailer ettsumailer-string ettsumailer-luajit gmime node python; do
  if there $name; then names="$names $name"; else echo "left out: $name" >&2; fi
done
round=0
while [ $round -lt "$rounds" ]; do
  for name in $names; do
    # shellcheck disable=SC2046  # the words of a command
    said=$("$place/measure" "$shelf/cost" $(command_of "$name")) || { echo "$name failed" >&2; exit 1; }
    cost=$(sed 's/.*"user_s":\([0-9.]*\),"sys_s":\([0-9.]*\),"max_rss_kb":\([0-9]*\).*/\1 \2 \3/' "$shelf/cost")
    echo "$name $said $cost" >>"$shelf/all"
  done
  round=$((round + 1))
done

# NAME seconds N octets N, and the process's seconds of user and system, and its kilobytes.
awk -v size="$octets" '
  function median(name, text,   n, i, j, t, list) {
    n = split(text, list, " ")
    for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (list[j] + 0 < list[i] + 0) { t = list[i]; list[i] = list[j]; list[j] = t }
    least[name] = list[1]; most[name] = list[n]
    return list[int((n + 1) / 2)]
  }
  !($1 in seconds) { order[++count] = $1 }
  { seconds[$1] = seconds[$1] " " $3; cpu[$1] = cpu[$1] " " ($6 + $7); if ($8 > rss[$1]) rss[$1] = $8 }
  $1 != "copy" && $5 < size * 4 / 3 { print $1 " composed too little" > "/dev/stderr"; wrong = 1 }
  END {
    print "| | median s | min - max | MB/s of the file | times the copy | CPU s of the process | peak MB |"
    print "|---|--:|--:|--:|--:|--:|--:|"
    for (i = 1; i <= count; i++) {
      name = order[i]; c = median(name, cpu[name]); m = median(name, seconds[name]); if (i == 1) base = m
      printf "| %s | %.3f | %.3f - %.3f | %.0f | %.1f | %.2f | %.1f |\n", name, m, least[name], most[name], size / m / 1e6, m / base, c, rss[name] / 1024
    }
    exit wrong
  }' "$shelf/all"
