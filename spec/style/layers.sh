#!/bin/sh
# layers.sh CORE_SOURCE...: dependencies point down (base < codec < address < mime < smtp < tls, net <
# lua; tls and net do not know each other), and the core knows no library, no file, no clock.
# SPDX-License-Identifier: MIT
set -u
cd "$(dirname "$0")/../.." || exit 1
fell=0
complain() { echo "$1" >&2; fell=1; }

# What each folder may include besides itself.
below() {
  case "$1" in
    base) echo ;;
    codec) echo base ;;
    address) echo base codec ;;
    mime) echo base codec address ;;
    smtp) echo base codec address mime ;;
    tls | net) echo base codec address mime smtp ;;
    lua) echo base codec address mime smtp tls net ;;
    *) return 1 ;;
  esac
}

for path in csrc/*/; do
  folder=$(basename "$path")
  allowed=$(below "$folder") || { complain "$path is no layer of DESIGN's"; continue; }
  upward=$(grep -nE '^#include "[a-z_]+/' "$path"*.[ch] /dev/null |
    awk -F'["/]' -v ok=" $folder $allowed " '{ split($0, q, "\""); split(q[2], d, "/") }
      index(ok, " " d[1] " ") == 0')
  [ -z "$upward" ] || complain "$folder includes what is not below it:
$upward"
done

# Only these headers in the core; libidn2 where names become A-labels, the heap in the default allocator.
for folder in base codec address mime smtp; do
  [ -d "csrc/$folder" ] || continue
  foreign=$(grep -nE '^ *# *include *<' csrc/$folder/*.[ch] /dev/null |
    grep -vE '<(stddef|stdint|string|limits)\.h>|^csrc/address/idna\.c:.*<idn2\.h>|^csrc/base/alloc\.c:.*<stdlib\.h>')
  [ -z "$foreign" ] || complain "the core includes a header it may not:
$foreign"
done

# Calls that are not wanted: without bounds anywhere, of the locale, the clock or the process in the core.
banned() { # banned WHY FUNCTIONS FILES...
  why=$1 functions=$2
  shift 2
  calls=$(grep -nE "(^|[^A-Za-z0-9_.>\"])($functions) *\(" "$@" /dev/null | grep -vE ':[0-9]+: *(/?\*|//)')
  [ -z "$calls" ] || complain "$why:
$calls"
}
unbounded='strcpy|strcat|strncpy|strncat|stpcpy|sprintf|vsprintf|gets|strtok|strtok_r|scanf|sscanf|alloca'
banned "calls without a bound" "$unbounded|atoi|atol|atoll|atof|system|popen|tmpnam|mktemp" csrc/*/*.[ch]
banned "the core depends on the locale, the clock or the process" \
  "isalpha|isdigit|isalnum|isspace|isupper|islower|isprint|isxdigit|iscntrl|ispunct|isgraph|toupper|tolower|\
strtol|strtoul|strtod|strcoll|strftime|setlocale|strcasecmp|strncasecmp|time|clock|gmtime|localtime|mktime|\
gettimeofday|clock_gettime|printf|fprintf|snprintf|vsnprintf|puts|putchar|fopen|fread|fwrite|\
getenv|exit|abort|rand|random|srand" \
  csrc/base/*.[ch] csrc/codec/*.[ch] csrc/address/*.[ch] csrc/mime/*.[ch] csrc/smtp/*.[ch]

# The proof: the core compiles where neither Lua nor OpenSSL nor the C library's own headers are in
# reach, only the compiler's and the few functions that spec/style/freestanding declares.
for source in "$@"; do
  clang -std=c99 -ffreestanding -nostdlibinc -isystem spec/style/freestanding -Icsrc -Wall -Werror \
    -fsyntax-only "$source" || fell=1
done
exit $fell
