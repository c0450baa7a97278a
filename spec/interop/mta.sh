#!/bin/sh
# Brings a real mail server and runs it beside the machine's own: mta.sh NAME start [CERTIFICATE.pem],
# mta.sh NAME stop. NAME is a folder here with the file packages (Debian packages, one a line) and
# run.sh, which configures the server and becomes it; it gets the ports and /srv, which is build/mta/NAME.
#
# start prints port=, submission=, smtps= (ports), mail= (what was delivered) and log=; it exits with 77
# and a reason where this machine cannot do it. CERTIFICATE.pem holds a key and its chain: with it the
# server offers STARTTLS. A line "user password" on standard input is whom submission and smtps (TLS
# from the start) let in; without one, or without a certificate, those two are not served.
#
# How it works: the package is downloaded, never installed. In mount and process namespaces of its own
# an overlay lies over /, with what the server changes and the unpacked package on a tmpfs. When its
# first process is killed, the kernel ends all others and drops every mount: nothing can be left behind.
# SPDX-License-Identifier: MIT
set -u

cannot() { echo "$*" >&2; exit 77; }
die() { echo "$*" >&2; exit 1; }

# --- In the namespaces ---------------------------------------------------------------------------

# Debian's / has lib, bin and sbin as links into usr: a package that brings them as folders is merged.
merge_into_usr() {
  for name in lib lib64 bin sbin; do
    [ -d "$1/$name" ] || continue
    mkdir -p "$1/usr/$name"
    cp -a "$1/$name/." "$1/usr/$name/" && rm -rf "${1:?}/$name"
  done
}

inside() { # inside STATE PORT...
  state=$1 top=/mnt
  shift
  mount -t tmpfs -o mode=755 ettsumailer "$top" || die "no tmpfs can be mounted"
  mkdir "$top/package" "$top/changes" "$top/scratch" "$top/root"
  for package in "$state"/packages/*.deb; do
    dpkg -x "$package" "$top/package" || die "$package cannot be unpacked"
  done
  merge_into_usr "$top/package"
  mount -t overlay overlay "$top/root" -o \
    "lowerdir=$top/package:/,upperdir=$top/changes,workdir=$top/scratch" || die "no overlay over /"
  mkdir -p "$top/root/srv" "$top/root/tmp"
  chmod 1777 "$top/root/tmp"
  mount --bind "$state" "$top/root/srv" || die "no bind mount"
  mount --rbind /dev "$top/root/dev" || die "no /dev"
  mount -t proc proc "$top/root/proc" || mount --rbind /proc "$top/root/proc" || die "no /proc"
  cd "$top/root" || exit 1
  exec chroot "$top/root" /bin/sh /srv/server/run.sh "$@"
}

# --- Outside -------------------------------------------------------------------------------------

# The packages named, and of what they depend on the libraries this machine has not. apt-get puts them
# into the current folder.
fetch() {
  known=" "
  set -- "$@"
  while [ $# -gt 0 ]; do
    package=$1
    shift
    case "$known" in *" $package "*) continue ;; esac
    known="$known$package "
    timeout 300 apt-get -q -o APT::Sandbox::User=root download "$package" || return 1
    for library in $(apt-cache depends --important "$package" | sed -n 's/^ *|*Depends: \(lib[^<]*\)$/\1/p'); do
      dpkg-query -W -f '${Status}' "$library" 2>/dev/null | grep -q 'ok installed' || set -- "$@" "$library"
    done
  done
}

bring() {
  cmp -s "$here/$name/packages" "$state/packages/complete" && return
  mkdir -p "$state/packages"
  # shellcheck disable=SC2046  # one word a package
  set -- $(cat "$here/$name/packages")
  apt-cache show "$@" >/dev/null 2>&1 || timeout 300 apt-get -q update || cannot "apt-get update failed"
  (cd "$state/packages" && rm -f ./*.deb && fetch "$@") || cannot "apt-get cannot download $*"
  cp "$here/$name/packages" "$state/packages/complete"
}

# Three ports nobody listens on, below those the kernel gives out by itself.
free_ports() {
  port=$((20000 + $$ % 10000)) found=
  # shellcheck disable=SC2086  # one word a port
  while set -- $found && [ $# -lt 3 ]; do
    grep -qi ":$(printf %04X "$port") [0-9A-F]*:0000 0A" /proc/net/tcp || found="$found $port"
    port=$((port + 1))
  done
  echo "$found"
}

# When the process began, which tells it from a later one under the same number.
birth() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

running() {
  [ -s "$state/process" ] || return 1
  read -r pid born <"$state/process"
  [ -n "$born" ] && [ "$(birth "$pid")" = "$born" ]
}

# The namespaces' first process, a child of unshare: its end is the end of all of them. (Killing unshare
# is not enough: a server that changes its user loses the signal it would get when its parent dies.)
child() {
  for stat in /proc/[0-9]*/stat; do
    sed 's/^\([0-9]*\) (.*) . \([0-9]*\) .*/\1 \2/' "$stat" 2>/dev/null
  done | awk -v parent="$1" '$2 == parent { print $1; exit }'
}

stop() {
  if running; then
    first=$(child "$pid")
    kill -KILL ${first:+"$first"} "$pid" 2>/dev/null
    i=0
    while { kill -0 "$pid" || kill -0 "${first:-$pid}"; } 2>/dev/null && [ $((i += 1)) -le 100 ]; do
      sleep 0.05
    done
  fi
  rm -f "$state/process"
}

start() {
  [ "$(id -u)" -eq 0 ] || cannot "starting $name takes root"
  for program in unshare chroot dpkg apt-get apt-cache; do
    command -v "$program" >/dev/null || cannot "starting $name takes $program"
  done
  unshare --mount --pid --fork true 2>/dev/null || cannot "this system allows no namespaces"
  stop
  bring >&2
  rm -rf "$state/server" "$state/mail" "$state/log"
  mkdir -p "$state/mail" "$state/server"
  cp "$here/$name"/* "$state/server/"
  [ -z "${1:-}" ] || cp "$1" "$state/server/certificate.pem" || die "no certificate in $1"
  [ -t 0 ] || (umask 077 && cat >"$state/server/login") || die "no place for the login"
  # shellcheck disable=SC2046  # one word a port
  set -- $(free_ports)
  setsid unshare --mount --pid --fork --kill-child --propagation private \
    "$here/mta.sh" --inside "$state" "$@" >"$state/start.log" 2>&1 </dev/null &
  pid=$!
  echo "$pid $(birth $pid)" >"$state/process"
  i=0
  until grep -q "$(cat "$here/$name/ready")" "$state/log" 2>/dev/null; do
    if [ $((i += 1)) -gt 300 ] || ! running; then
      stop
      cat "$state/start.log" "$state/log" >&2 2>/dev/null
      cannot "$name did not start"
    fi
    sleep 0.1
  done
  rm -f "$state/server/login"
  printf 'port=%s\nsubmission=%s\nsmtps=%s\n' "$@"
  printf 'mail=%s\nlog=%s\n' "$state/mail" "$state/log"
}

here=$(cd "$(dirname "$0")" && pwd) || exit 1
if [ "${1:-}" = --inside ]; then
  shift
  inside "$@"
fi
name=${1:-}
usage="usage: mta.sh NAME start [CERTIFICATE.pem] [<LOGIN] | stop"
[ -f "$here/$name/packages" ] || die "$usage"
state=$(cd "$here/../.." && pwd)/build/mta/$name
case "${2:-}" in
  start) start "${3:-}" ;;
  stop) stop ;;
  *) die "$usage" ;;
esac
