#!/bin/sh
# Installs what this Debian machine lacks: deps.sh build|test|all [list].
#   build  the module for Lua 5.4       test  also every engine, the specs' runner, the parsers they ask
#   all    also what check-style, asan and fuzz need         list  only prints what is missing
# What counts is whether the thing is there, not which package brought it. Nothing is done where
# nothing is missing; where there is no apt or no root, it says what is missing and fails.
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2086  # probes and their arguments are words
set -u
wanted=${1:-all}
action=${2:-install}

command_there() { command -v "$1" >/dev/null 2>&1; }

header_there() { # the headers may lie in a folder of their own, which pkg-config knows
  flags=$(pkg-config --cflags ${2:+"$2"} 2>/dev/null)
  echo "#include <$1>" | ${CC:-cc} $flags -E - >/dev/null 2>&1
}

file_there() { [ -s "$1" ]; }

lua_there() { "$1" -e "require '$2'" >/dev/null 2>&1; }

fuzzer_there() {
  command_there clang || return 1
  for file in "$(clang -print-runtime-dir)" "$(clang -print-resource-dir)"/lib/*; do
    ls "$file"/libclang_rt.fuzzer*.a >/dev/null 2>&1 && return 0
  done
  return 1
}

# group, package, how to see it.
needs() {
  cat <<'END'
build gcc                command_there cc
build libc6-dev          header_there stdio.h
build make               command_there make
build pkg-config         command_there pkg-config
build libssl-dev         header_there openssl/ssl.h openssl
build libidn2-dev        header_there idn2.h libidn2
build libunistring-dev   header_there uninorm.h libunistring
build lua5.4             command_there lua5.4
build liblua5.4-dev      header_there lua.h lua5.4
test  lua5.1             command_there lua5.1
test  liblua5.1-0-dev    header_there lua.h lua5.1
test  lua5.2             command_there lua5.2
test  liblua5.2-dev      header_there lua.h lua5.2
test  lua5.3             command_there lua5.3
test  liblua5.3-dev      header_there lua.h lua5.3
test  luajit2            command_there luajit
test  libluajit2-5.1-dev header_there luajit.h luajit
test  lua-busted         command_there busted
test  lua-cqueues        lua_there lua5.4 cqueues
test  lua-copas          lua_there lua5.1 copas
test  lua-luv            lua_there lua5.4 luv
test  luarocks           command_there luarocks
test  zip                command_there zip
test  python3            command_there python3
test  strace             command_there strace
test  openssl            command_there openssl
test  ca-certificates    file_there /etc/ssl/certs/ca-certificates.crt
all   binutils           command_there nm
all   lua-check          command_there luacheck
all   clang-format       command_there clang-format
all   cppcheck           command_there cppcheck
all   pmccabe            command_there pmccabe
all   clang              command_there clang
all   libclang-rt        fuzzer_there
END
}

in_wanted() {
  case "$wanted/$1" in all/* | */build | test/test) return 0 ;; *) return 1 ;; esac
}

# The fuzzers' runtime has clang's version in its name.
package_name() {
  if [ "$1" = libclang-rt ]; then
    version=$(clang -dumpversion 2>/dev/null | cut -d. -f1)
    version=${version:-$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p')}
    echo "libclang-rt-${version:-14}-dev"
  else
    echo "$1"
  fi
}

missing() {
  needs | while read -r group package probe arguments; do
    if in_wanted "$group" && ! $probe $arguments; then package_name "$package"; fi
  done
}

install() {
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 "$@" </dev/null
}

update() { apt-get update </dev/null; }

# Package lists are fetched when they do not know a name, and when what they name is gone.
bring() {
  echo "installing: $*"
  apt-cache show "$@" >/dev/null 2>&1 || update
  install "$@" || { update && install "$@"; }
}

# shellcheck disable=SC2046  # one word a package
set -- $(missing)
if [ $# -eq 0 ] || [ "$action" = list ]; then
  [ $# -eq 0 ] || printf '%s\n' "$@"
  exit 0
fi
if ! command_there apt-get; then
  echo "These are missing, and there is no apt-get here. Their names on Debian: $*" >&2
  exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "These are missing; only root can install them: sudo apt-get install $*" >&2
  exit 1
fi
bring "$@" >&2

# clang's runtime can be named only once clang is known.
# shellcheck disable=SC2046
set -- $(missing)
[ $# -eq 0 ] || bring "$@" >&2
left=$(missing)
[ -z "$left" ] || { echo "still missing: $left" >&2; exit 1; }
