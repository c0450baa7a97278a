#!/bin/sh
# secrets.sh FILE...: no password of secrets.txt stands in the files: not as it is, not in base64 as
# AUTH LOGIN has it, not with its user in base64 as AUTH PLAIN and AUTH XOAUTH2 have it. Where one
# does, only the place is shown.
# SPDX-License-Identifier: MIT
set -u
export LC_ALL=C
list=$(dirname "$0")/secrets.txt
forms=$(mktemp) probe=$(mktemp) || exit 1
trap 'rm -f "$forms" "$probe"' EXIT

grep -v '^#' "$list" | while read -r user password; do
  printf '%s\n' "$password"
  printf '%s' "$password" | base64 -w 0
  echo
  printf '\0%s\0%s' "$user" "$password" | base64 -w 0
  echo
  printf 'user=%s\001auth=Bearer %s\001\001' "$user" "$password" | base64 -w 0
  echo
done >"$forms"

# A check that cannot fail would be none: each form has to be seen, in the middle of a line.
sed 's/.*/C: AUTH & seen/' "$forms" >"$probe"
expected=$(($(grep -vc '^#' "$list") * 4))
if [ "$expected" -eq 0 ] || [ "$(grep -caF -f "$forms" "$probe")" -ne "$expected" ]; then
  echo "the passwords of $list would not be seen" >&2
  exit 1
fi

hits=$(for file in "$@"; do
  [ ! -f "$file" ] || grep -naF -f "$forms" "$file" | sed "s|^\([0-9]*\):.*|$file:\1: a password|"
done)
if [ -n "$hits" ]; then
  echo "$hits"
  exit 1
fi
echo "$# files, no password in them"
