/* SPDX-License-Identifier: MIT */
/* core.hmac, core.pbkdf2 and core.digest: for mechanisms of one's own, and the testing server's. */
#include "tls/digest.h"
#include "lua/openssl.h"

#define ITERATIONS_MAX 10000000

static ettm_hash check_hash(lua_State *L, int arg) {
  static const char *const names[] = {"md5", "sha1", "sha256", NULL};
  return (ettm_hash)luaL_checkoption(L, arg, NULL, names);
}

static int answer(lua_State *L, ettm_status status, ettm_hash hash, unsigned char *octets) {
  if (status != ETTM_OK) {
    return ettml_fail(L, status);
  }
  ettml_push_str(L, ettm_str_of((const char *)octets, ettm_hash_size(hash)));
  ettm_wipe(octets, ETTM_HASH_MAX);
  return 1;
}

/* core.digest(name, s) */
static int digest(lua_State *L) {
  unsigned char octets[ETTM_HASH_MAX];
  ettm_hash hash = check_hash(L, 1);
  ettm_str s = ettml_check_str(L, 2);
  return answer(L, ettm_crypto()->digest(hash, s, octets), hash, octets);
}

/* core.hmac(name, key, s) */
static int hmac(lua_State *L) {
  unsigned char octets[ETTM_HASH_MAX];
  ettm_hash hash = check_hash(L, 1);
  ettm_str key = ettml_check_str(L, 2);
  ettm_str s = ettml_check_str(L, 3);
  return answer(L, ettm_crypto()->hmac(hash, key, s, octets), hash, octets);
}

/* core.pbkdf2(name, password, salt, iterations) */
static int pbkdf2(lua_State *L) {
  unsigned char octets[ETTM_HASH_MAX];
  ettm_hash hash = check_hash(L, 1);
  ettm_derivation d;
  d.password = ettml_check_str(L, 2);
  d.salt = ettml_check_str(L, 3);
  d.iterations = (uint32_t)ettml_check_size(L, 4, 1, ITERATIONS_MAX);
  return answer(L, ettm_crypto()->derive(hash, &d, octets), hash, octets);
}

void ettml_digest_open(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"digest", digest}, {"hmac", hmac}, {"pbkdf2", pbkdf2}, {NULL, NULL}};
  ettml_set_functions(L, functions);
}
