/* SPDX-License-Identifier: MIT */
/* The login of a session: the secrets stay in C, from the credentials to the line on the wire. */
#include <string.h>

#include "lua/classes.h"

/* The longest AUTH line with an initial response, with CRLF: AUTH itself stays under the limit of
 * RFC 5321 4.5.3.1.4, only the lines behind a challenge may be longer (RFC 4954 4). */
#define AUTH_COMMAND 512

void ettml_session_end_login(ettml_session *s) {
  ettm_sasl *sasl = s->sasl;
  s->sasl = NULL;
  ettm_sasl_free(sasl);
}

/* Events of commands that were queued before AUTH leave the login alone. */
static int is_end(const ettm_event *event) {
  int is_of_auth = event->phase == ETTM_PHASE_AUTH && event->kind != ETTM_EVENT_CHALLENGE;
  return is_of_auth || event->kind == ETTM_EVENT_SHUTDOWN || event->kind == ETTM_EVENT_CLOSED;
}

void ettml_session_see_login(ettml_session *s, ettm_status status, const ettm_event *event) {
  if (status != ETTM_NEED_INPUT && (status != ETTM_OK || is_end(event))) {
    ettml_session_end_login(s);
  }
}

/* The initial response into out. It stays empty where the mechanism has none, or the line no room
 * for it: the server asks for it then. */
static ettm_status initial_response(ettm_sasl *sasl, ettm_buffer *out) {
  size_t rest = sizeof "AUTH  \r\n" - 1 + ettm_sasl_name(sasl).n;
  ettm_status status = ettm_sasl_begin(sasl, out);
  if (status != ETTM_OK) {
    return status == ETTM_DONE ? ETTM_OK : status;
  }
  if (ettm_buffer_size(out) == 0) {
    return ettm_buffer_append_char(out, '='); /* RFC 4954 4: an empty one is not none */
  }
  if (rest + ettm_buffer_size(out) > AUTH_COMMAND) {
    ettm_sasl_hold(sasl);
    ettm_buffer_truncate(out, 0);
  }
  return ETTM_OK;
}

static ettm_status queue_auth(ettml_session *s, ettm_buffer *response) {
  ettm_status status = initial_response(s->sasl, response);
  ettm_command command;
  memset(&command, 0, sizeof command);
  command.verb = ETTM_VERB_AUTH;
  command.argument = ettm_sasl_name(s->sasl);
  command.parameters = ettm_buffer_view(response);
  return status == ETTM_OK ? ettm_session_command(ettm_connection_session(s->connection), &command)
                           : status;
}

/* Never tells what it is about: that may be a secret. */
static int auth_fail(lua_State *L, ettml_session *s, ettm_str mechanism, ettm_status status) {
  if (!ettm_sasl_knows(mechanism)) {
    return ettml_fail_text(L, status, "AUTH: this mechanism is not known here");
  }
  if (ettm_status_is_fatal(status)) {
    return ettml_session_fail(L, s, status);
  }
  lua_pushfstring(L, "AUTH: %s", ettm_status_sentence(status));
  return ettml_fail_top(L, status);
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
  if (s->sasl != NULL) {
    return ettml_fail_text(L, ETTM_E_STATE, "AUTH: a login is under way");
  }

  status = ettm_sasl_new(&s->sasl, mechanism, &credentials, &alloc);
  if (status == ETTM_OK) {
    status = queue_auth(s, response);
  }
  ettm_buffer_clear(response);
  if (status != ETTM_OK) {
    ettml_session_end_login(s);
  }

  return status < 0 ? auth_fail(L, s, mechanism, status) : ettml_answer(L, status);
}

/* Answers the challenge, or cancels with "*" (RFC 4954 4), and tells then why. */
static ettm_status answer_challenge(ettml_session *s, ettm_str challenge, ettm_buffer *response) {
  ettm_session *dialogue = ettm_connection_session(s->connection);
  ettm_status status = ettm_sasl_answer(s->sasl, challenge, response);
  ettm_status sent;
  if (status != ETTM_OK) {
    ettm_buffer_truncate(response, 0);
  }
  sent = ettm_session_respond(dialogue,
                              status == ETTM_OK ? ettm_buffer_view(response) : ETTM_LIT("*"));
  return sent == ETTM_OK ? status : sent;
}

/* s:auth_step(challenge) */
int ettml_session_auth_step(lua_State *L) {
  ettml_session *s = ettml_session_check(L, 1);
  ettm_str challenge = ettml_check_str(L, 2);
  ettm_buffer *response = ettml_scratch_new(L, ETTM_AUTH_LINE);
  ettm_status status;
  response->secret = 1;
  if (s->sasl == NULL) {
    return ettml_fail_text(L, ETTM_E_STATE, "AUTH: no login is under way");
  }

  status = answer_challenge(s, challenge, response);
  ettm_buffer_clear(response);
  if (status != ETTM_OK) {
    ettml_session_end_login(s);
  }

  if (status == ETTM_E_PROTOCOL) {
    return ettml_fail_text(L, status, "AUTH: there is no answer to what the server asked");
  }
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
