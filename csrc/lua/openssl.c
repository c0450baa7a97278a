/* SPDX-License-Identifier: MIT */
/* ettsumailer.openssl: the module that TLS and digests are in. ettsumailer.core has all of its
 * fields, too, and loads it when one of them is first asked for. */
#include "lua/openssl.h"

#include <string.h>

#include <openssl/crypto.h>

#include "tls/digest.h"
#include "tls/library.h"
#include "tls/one_library.h"

ETTML_EXPORT int luaopen_ettsumailer_openssl(lua_State *L);

/* core.sha256(s) */
static int sha256_hex(lua_State *L) {
  static const char digits[] = "0123456789abcdef";
  ettm_str in = ettml_check_str(L, 1);
  unsigned char digest[32];
  char hex[64];
  size_t i;

  ettm_status status = ettm_sha256(in, digest);

  if (status != ETTM_OK) {
    return ettml_fail(L, status);
  }
  for (i = 0; i < sizeof digest; i++) {
    hex[2 * i] = digits[digest[i] >> 4];
    hex[2 * i + 1] = digits[digest[i] & 15];
  }
  return ettml_push_str(L, ettm_str_of(hex, sizeof hex));
}

static void check_library(lua_State *L) {
  char reason[ETTM_TLS_REASON];
  ettm_status status = ettm_one_library_check(reason);
  if (status == ETTM_OK) {
    status = ettm_library_check(OpenSSL_version_num(), OpenSSL_version(OPENSSL_VERSION), reason);
  }
  if (status != ETTM_OK) {
    luaL_error(L, "ettsumailer: %s", reason);
  }
}

/* An update of the library beside a running program brings another build of this module. */
static void check_core(lua_State *L) {
  const char *found;
  lua_getfield(L, LUA_REGISTRYINDEX, ETTML_CORE_FIELD);
  found = lua_tostring(L, -1);
  if (found == NULL) {
    luaL_error(L, "ettsumailer.openssl is a part of ettsumailer.core: require that one first");
  } else if (strcmp(found, ETTML_INTERFACE) != 0) {
    luaL_error(L,
               "ettsumailer.openssl is %s, and ettsumailer.core is %s: start the program anew, "
               "or install both from one build",
               ETTML_INTERFACE, found);
  }
  lua_pop(L, 1);
}

static void register_crypto(lua_State *L) {
  ettml_crypto *c = (ettml_crypto *)lua_newuserdata(L, sizeof *c);
  c->crypto = ettm_crypto();
  lua_setfield(L, LUA_REGISTRYINDEX, ETTML_CRYPTO_FIELD);
}

int luaopen_ettsumailer_openssl(lua_State *L) {
  static const luaL_Reg functions[] = {{"sha256", sha256_hex}, {NULL, NULL}};
  check_library(L);
  check_core(L);
  lua_newtable(L);
  ettml_set_functions(L, functions);
  ettml_set_text(L, "tls_library", OpenSSL_version(OPENSSL_VERSION));
  lua_pushboolean(L, ettm_crypto()->prepare != NULL);
  lua_setfield(L, -2, "has_saslprep");
  ettml_tls_context_open(L);
  ettml_tls_open(L);
  ettml_digest_open(L);
  register_crypto(L);
  return 1;
}
