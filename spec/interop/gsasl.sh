#!/bin/sh
# Brings GNU SASL's gsasl into build/gsasl (downloaded, never installed) and runs it: gsasl.sh ARGUMENT...
# Exits with 77 and a reason where it cannot be had.
# SPDX-License-Identifier: MIT
set -u
packages="gsasl libgsasl18 libgssglue1 libntlm0 libidn12"
place=$(cd "$(dirname "$0")/../.." && pwd)/build/gsasl
cannot() { echo "$*" >&2; exit 77; }

if [ ! -x "$place/root/usr/bin/gsasl" ]; then
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || cannot "bringing gsasl takes apt-get and dpkg"
  rm -rf "$place" && mkdir -p "$place/packages" && cd "$place/packages" || cannot "no folder $place"
  # shellcheck disable=SC2086  # one word a package
  apt-cache show $packages >/dev/null 2>&1 || timeout 300 apt-get -q update >/dev/null 2>&1
  # shellcheck disable=SC2086
  timeout 300 apt-get -q -o APT::Sandbox::User=root download $packages >/dev/null 2>&1 ||
    cannot "apt-get cannot download $packages"
  for package in ./*.deb; do
    dpkg -x "$package" "$place/root" || cannot "$package cannot be unpacked"
  done
fi
libraries=$(dirname "$(find "$place/root/usr/lib" -name 'libgsasl.so.18' | head -n 1)")
LD_LIBRARY_PATH=$libraries exec "$place/root/usr/bin/gsasl" "$@"
