#!/bin/sh
# Brings the clients that are measured beside ours into build/bench, builds the tools, and runs
# run-peers with the arguments given. Nothing is installed: Debian's packages are unpacked there.
# What cannot be had is left out, and run-peers says so.
# SPDX-License-Identifier: MIT
set -u
here=$(cd "$(dirname "$0")" && pwd)
place=$here/../build/bench
root=$place/root
mkdir -p "$root" && place=$(cd "$place" && pwd) && root=$place/root

# bring PACKAGE...: each by itself, so that one that is not there does not keep out the others.
bring() {
  for package; do
    [ -e "$root/.$package" ] && continue
    (cd "$place" && apt-get download "$package" && dpkg -x "$package"_*.deb "$root") \
      >"$place/log" 2>&1 && touch "$root/.$package" || echo "left out: $package" >&2
    rm -f "$place/$package"_*.deb
  done
}

if command -v apt-get >/dev/null && command -v dpkg >/dev/null; then
  apt-cache show lua-socket >/dev/null 2>&1 || apt-get update >/dev/null 2>&1
  bring lua-socket lua-sec postfix libcurl4 libcurl4-openssl-dev
else
  echo "there is no apt-get here: only peers that are installed take part" >&2
fi
libraries=$(find "$root/usr/lib" -maxdepth 1 -name '*-linux-gnu*' 2>/dev/null | head -n 1)
export LUA_PATH="$root/usr/share/lua/5.4/?.lua;$root/usr/share/lua/5.4/?/init.lua;${LUA_PATH:-;}"
export LUA_CPATH="${libraries:-$root}/lua/5.4/?.so;${LUA_CPATH:-;}"

make -s -C "$here" || exit 1
if [ ! -d "$here/peers/node_modules" ] && command -v npm >/dev/null; then
  (cd "$here/peers" && npm install --no-audit --no-fund >"$place/log" 2>&1) \
    || echo "left out: nodemailer" >&2
fi
if [ -x "$root/usr/sbin/smtp-source" ]; then
  printf '#!/bin/sh\nLD_LIBRARY_PATH="%s" exec "%s" "$@"\n' "$root/usr/lib/postfix" \
    "$root/usr/sbin/smtp-source" >"$place/smtp-source"
  chmod +x "$place/smtp-source"
  export SMTP_SOURCE="$place/smtp-source"
fi
if [ ! -x "$place/libcurl" ]; then # against the library that is installed, else the one brought
  ${CC:-cc} -O2 -I"${libraries:-.}/../../include/$(basename "${libraries:-x}")" \
    -I"$root/usr/include" -o "$place/libcurl" "$here/peers/libcurl.c" -L"${libraries:-.}" \
    -Wl,-rpath,"${libraries:-.}" -lcurl 2>"$place/log" || echo "left out: libcurl" >&2
fi

TMPDIR=${TMPDIR:-$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)}
export TMPDIR
exec "$here/run-peers" --workloads W1,W2,W3,W4,W5,W6 \
  --only luasocket-open,luacurl,nodemailer-pool,smtp-source,limit-bdat,limit-data,limit-lockstep \
  --driver "libcurl=$place/libcurl" --driver "ettsumailer=lua5.4 $here/peers/ettsumailer.lua" "$@"
