rockspec_format = "3.0"
package = "ettsumailer"
version = "scm-1"

-- The archive that make rock puts beside this file; luarocks make takes the checkout it stands in.
source = {
  url = "ettsumailer-scm-1.tar.gz",
  dir = "ettsumailer-scm-1",
}

description = {
  summary = "Sends mail: composes MIME messages and speaks SMTP",
  detailed = [[
    A mail-sending library with a C core: RFC 5322 and MIME messages, SMTP and LMTP with TLS,
    pipelining and pooled connections, in plain Lua 5.1 to 5.4, LuaJIT and OpenResty.
  ]],
  license = "MIT",
  labels = { "email", "smtp", "mime" },
}

dependencies = { "lua >= 5.1, < 5.5" }

-- OPENSSL_DIR=/prefix on LuaRocks' command line names another one.
external_dependencies = { OPENSSL = { header = "openssl/ssl.h" } }

-- The list of sources is the Makefile's; LuaRocks only says where things are.
build = {
  type = "make",
  variables = {
    BUILD = "build/rock",
    CFLAGS = "$(CFLAGS)",
    LIBFLAG = "$(LIBFLAG)",
    LUA_INCDIR = "$(LUA_INCDIR)",
    OPENSSL_INCDIR = "$(OPENSSL_INCDIR)",
    OPENSSL_LIBDIR = "$(OPENSSL_LIBDIR)",
  },
  install_variables = {
    INST_LIBDIR = "$(LIBDIR)",
    INST_LUADIR = "$(LUADIR)",
  },
}
