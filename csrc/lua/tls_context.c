/* SPDX-License-Identifier: MIT */
/* ettsumailer.tls_context: what the TLS of many connections has in common. */
#include <string.h>

#include "lua/openssl.h"
#include "tls/engine.h"

static void check_options(lua_State *L, ettm_tls_options *o) {
  static const char *const known[] = {"insecure_skip_verify",
                                      "ca_file",
                                      "ca_pem",
                                      "certificate",
                                      "key",
                                      "key_password",
                                      "tls_min_version",
                                      "tls_max_version",
                                      "ciphers",
                                      "security_level",
                                      "server",
                                      "crl_file",
                                      "pin_sha256",
                                      "tlsa",
                                      NULL};
  static const ettml_range levels = {0, 5, 2};
  ettml_opt_fields(L, 1, known);
  memset(o, 0, sizeof *o);
  o->is_server = ettml_field_flag(L, 1, "server");
  o->insecure_skip_verify = ettml_field_flag(L, 1, "insecure_skip_verify");
  o->security_level = (int)ettml_field_size(L, 1, "security_level", &levels);
  if (o->security_level == 0) {
    o->security_level = -1; /* the core's word for OpenSSL's level 0 */
  }
  o->ca_file = ettml_field_str(L, 1, "ca_file");
  o->ca_pem = ettml_field_str(L, 1, "ca_pem");
  o->crl_file = ettml_field_str(L, 1, "crl_file");
  o->tlsa = ettml_field_str(L, 1, "tlsa");
  o->pin_sha256 = ettml_field_str(L, 1, "pin_sha256");
  o->certificate = ettml_field_str(L, 1, "certificate");
  o->key = ettml_field_str(L, 1, "key");
  o->key_password = ettml_field_str(L, 1, "key_password");
  o->min_version = ettml_field_str(L, 1, "tls_min_version");
  o->max_version = ettml_field_str(L, 1, "tls_max_version");
  o->ciphers = ettml_field_str(L, 1, "ciphers");
}

/* core.tls_context([options]) */
static int tls_context_new(lua_State *L) {
  ettm_alloc alloc = ettml_alloc_of(L);
  char reason[ETTM_TLS_REASON] = "";
  ettm_tls_options options;
  ettm_status status;
  ettml_tls_context *c;
  check_options(L, &options);
  c = (ettml_tls_context *)ettml_object_new(L, ETTML_TLS_CONTEXT, sizeof *c);
  c->methods = ettm_tls_methods_of_openssl();

  status = ettm_tls_context_new(&c->context, &options, &alloc, reason);

  if (status == ETTM_OK) {
    return 1;
  }
  return reason[0] != '\0' ? ettml_fail_text(L, status, reason) : ettml_fail(L, status);
}

static int tls_context_trust_path(lua_State *L) {
  lua_pushstring(L, ettm_tls_context_trust_path(ettml_tls_context_check(L, 1)->context));
  return 1;
}

static int tls_context_close(lua_State *L) {
  ettml_tls_context *c = (ettml_tls_context *)ettml_object_check(L, 1, ETTML_TLS_CONTEXT);
  ettm_tls_context *context = c->context;
  c->context = NULL;
  if (context != NULL) {
    ettm_tls_context_release(context);
  }
  return 0;
}

static int tls_context_tostring(lua_State *L) {
  const ettml_tls_context *c = (ettml_tls_context *)ettml_object_check(L, 1, ETTML_TLS_CONTEXT);
  return ettml_push_name(L, ETTML_TLS_CONTEXT, c->context != NULL ? "open" : "closed");
}

static const luaL_Reg methods[] = {
    {"trust_path", tls_context_trust_path}, {"close", tls_context_close}, {NULL, NULL}};

static const luaL_Reg events[] = {{"__gc", tls_context_close},
                                  {"__close", tls_context_close},
                                  {"__tostring", tls_context_tostring},
                                  {NULL, NULL}};

static const luaL_Reg functions[] = {{"tls_context", tls_context_new}, {NULL, NULL}};

void ettml_tls_context_open(lua_State *L) {
  static const ettml_class tls_context_class = {ETTML_TLS_CONTEXT, methods, NULL, events};
  ettml_class_register(L, &tls_context_class);
  ettml_set_functions(L, functions);
}
