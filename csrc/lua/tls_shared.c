/* SPDX-License-Identifier: MIT */
/* What both modules do with TLS: the gate of contexts, and what a login can be bound to. */
#include "lua/openssl.h"

const char ETTML_TLS_CONTEXT[] = "ettsumailer.tls_context";

ettml_tls_context *ettml_tls_context_check(lua_State *L, int arg) {
  ettml_tls_context *c = (ettml_tls_context *)ettml_object_check_any(L, arg, ETTML_TLS_CONTEXT);
  if (c->context == NULL) {
    ettml_raise_closed(L, arg, ETTML_TLS_CONTEXT);
  }
  return c;
}

int ettml_push_binding(lua_State *L, const ettm_tls_methods *methods, const ettm_tls *tls) {
  ettm_binding binding;
  if (tls == NULL || methods->binding(tls, &binding) != ETTM_OK) {
    return ettml_answer_nil(L);
  }
  lua_pushstring(L, binding.name);
  return 1 + ettml_push_str(L, ettm_str_of((const char *)binding.octets, binding.n));
}
