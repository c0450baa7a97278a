#!/bin/sh
# openresty.sh PREFIX: looks what make install-openresty needs in an OpenResty, and prints it as
# variables of make. What is not found is a line on stderr that says what to do, and status 1.
# OPENSSL_DIR, OPENSSL_INCDIR, OPENSSL_STATIC, LUA_INCDIR, INST_LUADIR and DESTDIR in the environment
# are the user's own choices.
# SPDX-License-Identifier: MIT
set -u
prefix=${1%/}
failed=0
found=

missing() { printf '%s\n' "$*" >&2; failed=1; }
say() { found="$found $1"; }

# The first of these folders with this file in it.
first_with() {
  file=$1
  shift
  for folder in "$@"; do
    if [ -e "$folder/$file" ]; then
      printf '%s\n' "$folder"
      return 0
    fi
  done
  return 1
}

if [ ! -d "$prefix" ]; then
  missing "There is no OpenResty in $prefix: install it (https://openresty.org/en/installation.html), or
name the folder that has luajit/, nginx/ and site/ in it: make install-openresty OPENRESTY=/where"
  exit 1
fi

# LuaJIT's headers.
if [ -n "${LUA_INCDIR:-}" ]; then
  [ -e "$LUA_INCDIR/lua.h" ] || missing "LUA_INCDIR=$LUA_INCDIR has no lua.h."
elif headers=$(first_with lua.h "$prefix"/luajit/include/luajit-2*); then
  say "LUA_INCDIR=$headers"
else
  missing "The headers of OpenResty's LuaJIT are not in $prefix/luajit/include/luajit-2.1/lua.h: is OPENRESTY
its prefix? An image that has dropped them lets the module be built in the image it was made from;
or name the headers of a LuaJIT 2.1: make install-openresty LUA_INCDIR=/where/lua.h/is"
fi

# Which OpenSSL nginx takes: the folder of its libssl; "inside"; or nothing where nobody can tell.
nginx=$prefix/nginx/sbin/nginx
libssl_of_nginx() {
  [ -x "$nginx" ] && command -v ldd >/dev/null || return 0
  needed=$(ldd "$nginx" 2>/dev/null) || return 0
  case $needed in
    *libssl.*) printf '%s\n' "$needed" | sed -n 's|.*libssl\.[^ ]* => \(/.*\)/libssl\.[^ ]* .*|\1|p' ;;
    *) if grep -q 'OpenSSL [0-9]' "$nginx"; then echo inside; fi ;;
  esac
}

openssl_lines() {
  case $1 in *1.1* | *111*) package=openresty-openssl111-dev ;; *) package=openresty-openssl3-dev ;; esac
  printf '%s\n' "The headers of OpenResty's OpenSSL (include/openssl/ssl.h) are not in $1. Install them:
  Debian, Ubuntu: apt install $package          Fedora, RHEL: dnf install ${package}el
or name the prefix of an OpenSSL of the same version, with include/ and lib/ in it:
make install-openresty OPENSSL_DIR=/where"
}

# Says where this prefix has its headers and its libraries.
take_openssl() {
  if [ ! -e "$1/include/openssl/ssl.h" ]; then
    missing "$(openssl_lines "$1")"
  elif ! libraries=$(first_with "libssl.${2:-so}" "$1/lib" "$1/lib64" "$1"/lib/*-linux-*); then
    missing "There is no lib/libssl.${2:-so} in $1: name the prefix of nginx's OpenSSL, with OPENSSL_DIR=/where"
  else
    say "OPENSSL_INCDIR=$1/include OPENSSL_LIBDIR=$libraries"
  fi
}

kind=so
[ "${OPENSSL_STATIC:-no}" = yes ] && kind=a
where=$(libssl_of_nginx)
if [ -n "${OPENSSL_INCDIR:-}" ]; then
  : # with OPENSSL_LIBDIR, as the user says
elif [ -n "${OPENSSL_DIR:-}" ]; then
  take_openssl "${OPENSSL_DIR%/}" $kind
elif [ "$where" = inside ] && [ $kind = so ]; then
  missing "$nginx has its OpenSSL inside: the module needs one of its own, which the two do not share.
Build it so: make install-openresty OPENSSL_STATIC=yes (OPENSSL_DIR=/where names which)."
elif [ -n "$where" ] && [ "$where" != inside ]; then
  case $where in
    /lib* | /usr/lib*) ;; # the system's, as make finds it
    *) take_openssl "$(dirname "$where")" $kind ;;
  esac
elif own=$(first_with lib "$prefix"/openssl3 "$prefix"/openssl[0-9]* "$prefix"/openssl); then
  take_openssl "$own" $kind
fi # else the system's

# Where the modules go.
site=${INST_LUADIR:-$prefix/site/lualib}
if [ ! -d "$site" ] && [ -z "${INST_LUADIR:-}" ]; then
  missing "There is no $site: is OPENRESTY its prefix? Or name a folder that its lua_package_path and
lua_package_cpath have in them: make install-openresty INST_LUADIR=/where"
elif [ -z "${DESTDIR:-}" ] && [ -d "$site" ] && [ ! -w "$site" ]; then
  missing "$site is not yours to write into: sudo make install-openresty, or DESTDIR=/elsewhere."
fi

[ $failed -eq 0 ] || exit 1
printf '%s\n' "${found# } INST_LUADIR=$site INST_LIBDIR=$site"
