# One engine per build: make LUA=5.4 (also 5.1, 5.2, 5.3, luajit). Objects go to build/, never beside the sources.
CFLAGS ?= -O2 -g
WARNINGS = -std=c99 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
  -Wmissing-prototypes -Wwrite-strings -Wundef -Wc++-compat
