#!/bin/sh
# Brings Debian's nginx with its Lua module into build/nginx, unpacked and never installed, and prints
# what to run it with: program=, modules=, lua= (a Lua path). Exits with 77 and a reason where this
# machine cannot do it.
# SPDX-License-Identifier: MIT
set -u

cannot() { echo "$*" >&2; exit 77; }

PACKAGES="nginx libnginx-mod-http-ndk libnginx-mod-http-lua lua-resty-core lua-resty-lrucache libluajit2-5.1-2"

top=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
mkdir -p "${BUILD:-$top/build}" && state=$(cd "${BUILD:-$top/build}" && pwd)/nginx || exit 1
if [ ! -s "$state/complete" ]; then
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || cannot "there is no apt-get here"
  rm -rf "$state" && mkdir -p "$state/packages" "$state/root" || exit 1
  # shellcheck disable=SC2086  # one word a package
  apt-cache show $PACKAGES >/dev/null 2>&1 || timeout 300 apt-get -q update >&2 || cannot "apt-get update failed"
  # shellcheck disable=SC2086
  (cd "$state/packages" && timeout 300 apt-get -q -o APT::Sandbox::User=root download $PACKAGES) >&2 ||
    cannot "apt-get cannot download $PACKAGES"
  for package in "$state"/packages/*.deb; do
    dpkg -x "$package" "$state/root" || cannot "$package cannot be unpacked"
  done
  echo yes >"$state/complete"
fi
root=$state/root
library=$(dirname "$(find "$root" -name 'libluajit-5.1.so.2' | head -n 1)")
echo "program=$root/usr/sbin/nginx"
echo "modules=$root/usr/lib/nginx/modules"
echo "lua=$root/usr/share/lua/5.1/?.lua;$root/usr/share/lua/5.1/?/init.lua"
echo "library=$library"
