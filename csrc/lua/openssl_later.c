/* SPDX-License-Identifier: MIT */
/* How ettsumailer.core comes by ettsumailer.openssl. This is the one place in C that calls Lua: the
 * function `require`, to load a module of C. It is called while nothing of the core is under way,
 * and by nothing that may have to yield. */
#include <string.h>

#include "lua/openssl.h"
#include "tls/loaded.h"

/* Of the registry: the function as core found it. */
#define REQUIRE_FIELD "ettsumailer.require"

/* The functions and texts that ettsumailer.openssl has. */
static const char *const names[] = {"tls_context",  "tls",  "certificate", "sha256",
                                    "digest",       "hmac", "pbkdf2",      "tls_library",
                                    "has_saslprep", NULL};

static int is_of_openssl(ettm_str name) {
  size_t i;
  for (i = 0; names[i] != NULL; i++) {
    if (strlen(names[i]) == name.n && memcmp(names[i], name.p, name.n) == 0) {
      return 1;
    }
  }
  return 0;
}

static void push_require(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, REQUIRE_FIELD);
  lua_pushliteral(L, ETTML_OPENSSL);
}

/* Copies the fields of the table on top to the one at index `to`, past its metatable. */
static void copy_fields(lua_State *L, int to) {
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, to);
  }
}

/* Gives the module at that index all that ettsumailer.openssl has. */
static void load_into(lua_State *L, int module) {
  push_require(L);
  lua_call(L, 1, 1);
  luaL_checktype(L, -1, LUA_TTABLE);
  copy_fields(L, module);
  lua_pop(L, 1);
}

/* __index of the module: core.tls_context and the like. */
static int find_later(lua_State *L) {
  lua_settop(L, 2);
  if (lua_type(L, 2) != LUA_TSTRING || !is_of_openssl(ettml_str_at(L, 2))) {
    return ettml_answer_nil(L);
  }
  load_into(L, 1);
  lua_rawget(L, 1);
  return 1;
}

void ettml_openssl_open(lua_State *L) {
  lua_getglobal(L, "require");
  lua_setfield(L, LUA_REGISTRYINDEX, REQUIRE_FIELD);
  lua_pushliteral(L, ETTML_INTERFACE);
  lua_setfield(L, LUA_REGISTRYINDEX, ETTML_CORE_FIELD);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, find_later);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  if (ettm_openssl_is_loaded()) {
    load_into(L, lua_gettop(L));
  }
}

/* Pops the field of the registry. */
static const ettm_sasl_crypto *find_crypto(lua_State *L) {
  const ettml_crypto *found;
  lua_getfield(L, LUA_REGISTRYINDEX, ETTML_CRYPTO_FIELD);
  found = (const ettml_crypto *)lua_touserdata(L, -1);
  lua_pop(L, 1);
  return found != NULL ? found->crypto : NULL;
}

const ettm_sasl_crypto *ettml_crypto_of(lua_State *L) {
  const ettm_sasl_crypto *crypto = find_crypto(L);
  int status;
  if (crypto != NULL) {
    return crypto;
  }
  push_require(L);
  status = lua_pcall(L, 1, 1, 0);
  if (status == LUA_ERRMEM) {
    lua_error(L);
  }
  if (status != 0) {
    return NULL;
  }
  lua_pop(L, 1);
  return find_crypto(L);
}
