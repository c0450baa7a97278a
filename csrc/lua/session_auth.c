/* SPDX-License-Identifier: MIT */
/* The login of a session: the secrets stay in C, from the credentials to the line on the wire. */
#include <string.h>

#include "lua/classes.h"

void ettml_session_end_login(ettml_session *s) {
  ettm_sasl *sasl = s->sasl;
  s->sasl = NULL;
  ettm_sasl_free(sasl);
}

/* Queues AUTH with the initial response, or without it where the mechanism has none or the line has
 * no room: the server asks for it then (RFC 4954 4). */
static ettm_status queue_auth(ettml_session *s, ettm_buffer *response) {
  ettm_session *dialogue = ettm_connection_session(s->connection);
  ettm_command command;
  ettm_status status = ettm_sasl_begin(s->sasl, response);
  if (status != ETTM_OK && status != ETTM_DONE) {
    return status;
  }
  memset(&command, 0, sizeof command);
  command.verb = ETTM_VERB_AUTH;
  command.argument = ettm_sasl_name(s->sasl);
  command.parameters = ettm_buffer_view(response);
  status = ettm_session_command(dialogue, &command);
  if (status == ETTM_E_LIMIT && command.parameters.n > 0) {
    ettm_sasl_hold(s->sasl);
    command.parameters = ETTM_LIT("");
    status = ettm_session_command(dialogue, &command);
  }
  return status;
}

/* s:auth(mechanism, user, password) */
int ettml_session_auth(lua_State *L) {
  ettml_session *s = ettml_session_check(L, 1);
  ettm_str mechanism = ettml_check_str(L, 2);
  ettm_alloc alloc = ettml_alloc_of(L);
  ettm_credentials credentials;
  ettm_buffer *response;
  ettm_status status;
  credentials.user = ettml_check_str(L, 3);
  credentials.password = ettml_check_str(L, 4);
  response = ettml_scratch_new(L, ETTM_AUTH_LINE);
  response->secret = 1;

  ettml_session_end_login(s);
  status = ettm_sasl_new(&s->sasl, mechanism, &credentials, &alloc);
  if (status == ETTM_OK) {
    status = queue_auth(s, response);
  }
  ettm_buffer_clear(response);
  if (status != ETTM_OK) {
    ettml_session_end_login(s);
  }

  return ettml_session_answer(L, s, status);
}

/* s:auth_step(challenge): answers it, or cancels the exchange and tells why. */
int ettml_session_auth_step(lua_State *L) {
  ettml_session *s = ettml_session_check(L, 1);
  ettm_str challenge = ettml_check_str(L, 2);
  ettm_session *dialogue = ettm_connection_session(s->connection);
  ettm_buffer *response = ettml_scratch_new(L, ETTM_AUTH_LINE);
  ettm_status status = ETTM_E_STATE;
  response->secret = 1;

  if (s->sasl != NULL) {
    status = ettm_sasl_answer(s->sasl, challenge, response);
  }
  if (status == ETTM_OK) {
    status = ettm_session_respond(dialogue, ettm_buffer_view(response));
  } else {
    ettml_session_end_login(s);
    (void)!ettm_session_respond(dialogue, ETTM_LIT("*"));
  }
  ettm_buffer_clear(response);

  return ettml_session_answer(L, s, status);
}

/* core.sasl_mechanisms(): in the order in which they should be tried. */
static int sasl_mechanisms(lua_State *L) {
  unsigned i;
  lua_newtable(L);
  for (i = 0; ettm_sasl_mechanism(i).n > 0; i++) {
    ettml_push_str(L, ettm_sasl_mechanism(i));
    lua_rawseti(L, -2, (int)i + 1);
  }
  return 1;
}

void ettml_session_auth_open(lua_State *L) {
  static const luaL_Reg functions[] = {{"sasl_mechanisms", sasl_mechanisms}, {NULL, NULL}};
  ettml_set_functions(L, functions);
}
