/* The part of the binding that is linked with OpenSSL, a module of its own: ettsumailer.openssl.
 *
 * To load OpenSSL takes longer than to send a mail without it, so ettsumailer.core is not linked
 * with it, and loads that module when TLS or a digest is first asked for. The two see of each other
 * what stands here: classes by their names in the registry, and tables of functions. Either has its
 * own copy of the helpers in object.h; they keep nothing outside of the Lua state.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_LUA_OPENSSL_H
#define ETTM_LUA_OPENSSL_H

#include "lua/object.h"
#include "smtp/sasl.h"
#include "smtp/tls_engine.h"

#define ETTM_VERSION "0.1.0"

/* Changed whenever something of this file, or a structure that it hands over, does: modules of two
 * builds must not meet. */
#define ETTML_INTERFACE ETTM_VERSION " interface 1"

#define ETTML_OPENSSL "ettsumailer.openssl"
extern const char ETTML_TLS_CONTEXT[]; /* the classes */
extern const char ETTML_TLS[];

/* Fields of the registry: core's ETTML_INTERFACE, and an ettml_crypto, once OpenSSL is there. */
#define ETTML_CORE_FIELD   "ettsumailer.core interface"
#define ETTML_CRYPTO_FIELD "ettsumailer.crypto"

typedef struct ettml_crypto {
  const ettm_sasl_crypto *crypto;
} ettml_crypto;

/* Objects of the class ETTML_TLS_CONTEXT. */
typedef struct ettml_tls_context {
  ettm_tls_context *context; /* NULL: closed */
  const ettm_tls_methods *methods;
} ettml_tls_context;

/* ---- of both modules ---- */

/* The context at arg, and not closed; or an error is raised. */
ettml_tls_context *ettml_tls_context_check(lua_State *L, int arg);

/* Pushes the name and the octets of what a login can be bound to, or nil; tls may be NULL. */
int ettml_push_binding(lua_State *L, const ettm_tls_methods *methods, const ettm_tls *tls);

/* ---- of ettsumailer.core ---- */

/* Gives the table on top, the module, what ettsumailer.openssl brings: loaded when first used; but
 * at once where the process has OpenSSL already, as then there is little to wait for, and one that
 * does not fit is to be an error of require. */
void ettml_openssl_open(lua_State *L);

/* What SASL's mechanisms need; NULL where ettsumailer.openssl cannot be loaded: why is pushed. */
const ettm_sasl_crypto *ettml_crypto_of(lua_State *L);

/* ---- of ettsumailer.openssl ---- */

void ettml_tls_context_open(lua_State *L);
void ettml_tls_open(lua_State *L);
void ettml_digest_open(lua_State *L);

#endif
