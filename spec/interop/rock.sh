#!/bin/sh
# rock.sh ROCK VERSION INTERPRETER: the source rock installs into an empty tree without any network,
# and a script that sees nothing but that tree and Lua's own library sends a mail.
# SPDX-License-Identifier: MIT
set -u
version=$2 interpreter=$3
rock=$(cd "$(dirname "$1")" && pwd)/$(basename "$1") || exit 1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
tree=$folder/tree

# Where it may, it has no network at all; LuaRocks is told of no server in any case.
alone=
if unshare --net true 2>/dev/null; then alone="unshare --net"; fi
# shellcheck disable=SC2086  # a command of two words, or none
if ! HOME=$folder MAKEFLAGS=-j${JOBS:-1} $alone luarocks --lua-version="$version" install \
  --tree="$tree" --only-server="file://$folder/none" --no-doc "$rock" >install.log 2>&1 </dev/null; then
  cat install.log
  echo "the rock does not install" >&2
  exit 1
fi

cat >send.lua <<'END'
local ettsumailer = require "ettsumailer"
local server = assert(require("ettsumailer.testing.server").start { tls = true })
local result = assert(ettsumailer.send {
  host = "localhost", port = server.port, ca_pem = server.certificate, timeout = 30,
  from = "ettsu@example.jp", to = "taro@example.com", subject = "岩", text = "hello from a rock\n",
})
local messages = server:messages()
server:stop()
assert(#messages == 1 and messages[1].tls and messages[1].data:find("hello from a rock", 1, true))
assert(messages[1].data:find(result.message_id, 1, true))
print("sent " .. result.message_id)
END
unset LUA_INIT LUA_INIT_5_2 LUA_INIT_5_3 LUA_INIT_5_4
unset LUA_PATH_5_2 LUA_PATH_5_3 LUA_PATH_5_4 LUA_CPATH_5_2 LUA_CPATH_5_3 LUA_CPATH_5_4
LUA_PATH="$tree/share/lua/$version/?.lua;$tree/share/lua/$version/?/init.lua" \
  LUA_CPATH="$tree/lib/lua/$version/?.so" timeout 60 "$interpreter" send.lua
