#!/bin/sh
# The foreign readers.
#   run.sh setup          makes them ready; prints "ready NAME" or "missing NAME why" for each
#   run.sh read NAME...   each reads build/foreign/mail/*.eml and writes build/foreign/NAME.jsonl
# Debian packages (named in packages) are installed by root where there is apt-get; mailparser comes
# from npm by package-lock.json; the reader with GMime is compiled. With FOREIGN=present nothing is
# fetched.
# SPDX-License-Identifier: MIT
set -u
here=spec/interop/foreign
home=build/foreign
mkdir -p "$home/mail" || exit 1

there() { # is what the reader NAME needs from the system there?
  case $1 in
    python) command -v python3 ;;
    node) command -v node && command -v npm ;;
    perl) perl -MMIME::Parser -MMail::Address -MJSON::PP -e 1 ;;
    gmime) pkg-config --exists gmime-3.0 ;;
  esac >/dev/null 2>&1
}

apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 "$@" </dev/null
}

bring() { # NAME: its packages
  [ "${FOREIGN:-}" != present ] && command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" -eq 0 ] ||
    return 1
  # shellcheck disable=SC2046  # one word a package
  set -- $(sed -n "s/^$1 //p" "$here/packages")
  apt install -y --no-install-recommends "$@" || { apt update &&
    apt install -y --no-install-recommends "$@"; }
}

modules() { # mailparser and what it needs, as the lock file says
  cmp -s "$here/package-lock.json" "$home/installed" && return
  [ "${FOREIGN:-}" != present ] || { echo "mailparser is not installed"; return 1; }
  cp "$here/package.json" "$here/package-lock.json" "$home" &&
    (cd "$home" && npm ci --ignore-scripts --no-audit --no-fund) &&
    cp "$here/package-lock.json" "$home/installed"
}

compile() {
  [ -n "$(find "$home/read_gmime" -newer "$here/read_gmime.c" 2>/dev/null)" ] && return
  # shellcheck disable=SC2046  # words
  ${CC:-cc} -O1 -o "$home/read_gmime" "$here/read_gmime.c" $(pkg-config --cflags --libs gmime-3.0)
}

finish() { # NAME: what comes from elsewhere
  case $1 in
    node) modules ;;
    gmime) compile ;;
  esac
}

setup() { # NAME
  log=$home/$1.log
  there "$1" || bring "$1" >"$log" 2>&1
  if ! there "$1"; then
    echo "missing $1: $(sed -n "s/^$1 //p" "$here/packages" | tr '\n' ' ')(Debian packages)"
  elif finish "$1" >>"$log" 2>&1; then
    echo "ready $1"
  else
    echo "missing $1: $(tail -n 1 "$log")"
  fi
}

read_all() { # NAME
  case $1 in
    python) python3 "$here/read_python.py" "$home/mail" ;;
    node) node "$here/read_node.js" "$home/mail" "$home/node_modules" ;;
    perl) perl "$here/read_perl.pl" "$home/mail" ;;
    gmime) "$home/read_gmime" "$home/mail" ;;
  esac >"$home/$1.jsonl"
}

action=$1
shift
case $action in
  setup) for name in python node perl gmime; do setup "$name"; done ;;
  read)
    for name in "$@"; do read_all "$name" & done
    wait
    ;;
  *) exit 2 ;;
esac
