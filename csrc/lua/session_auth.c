/* SPDX-License-Identifier: MIT */
/* The login of a session: the secrets stay in C, from the credentials to the line on the wire. */
#include <string.h>

#include "codec/base64.h"
#include "lua/classes.h"
#include "net/random.h"

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

int ettml_session_see_login(ettml_session *s, ettm_status status, const ettm_event *event) {
  int is_welcome = status == ETTM_OK && event->kind == ETTM_EVENT_AUTHENTICATED;
  if (is_welcome && s->sasl != NULL && !ettm_sasl_is_proven(s->sasl)) {
    s->is_distrusted = 1;
  }
  if (status != ETTM_NEED_INPUT && (status != ETTM_OK || is_end(event))) {
    ettml_session_end_login(s);
  }
  return !s->is_distrusted;
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

/* 24 random octets as text. */
static ettm_status fill_nonce(ettm_buffer *nonce) {
  char octets[24];
  ettm_status status = ettm_random(octets, sizeof octets);
  if (status == ETTM_OK) {
    status = ettm_base64_append(nonce, ettm_str_of(octets, sizeof octets));
  }
  return status;
}

/* What TLS the login can be bound to, and whether the server would. */
static void set_binding(ettml_session *s, ettm_credentials *c, ettm_binding *binding) {
  const ettm_connection_tls *tls = ettm_connection_tls_of(s->connection);
  const ettm_capabilities *offered =
      ettm_session_capabilities(ettm_connection_session(s->connection));
  ettm_str mechanisms;
  if (tls->engine != NULL && tls->methods->binding(tls->engine, binding) == ETTM_OK) {
    c->binding_name = ettm_str_of(binding->name, strlen(binding->name));
    c->binding = ettm_str_of((const char *)binding->octets, binding->n);
  }
  if (ettm_capabilities_find(offered, ETTM_LIT("AUTH"), &mechanisms)) {
    c->offers_binding = ettm_sasl_list_has_binding(mechanisms);
  }
}

static ettm_status begin_login(lua_State *L, ettml_session *s, ettm_str mechanism,
                               ettm_credentials *c) {
  ettm_alloc alloc = ettml_alloc_of(L);
  ettm_binding binding;
  ettm_status status;
  set_binding(s, c, &binding);
  status = ettm_session_hide(ettm_connection_session(s->connection), c->secret);
  if (status == ETTM_OK) {
    status = ettm_sasl_new(&s->sasl, mechanism, c, &alloc);
  }
  ettm_wipe(&binding, sizeof binding);
  return status;
}

/* s:auth(mechanism, user, secret [, { host =, port =, nonce = }]) */
int ettml_session_auth(lua_State *L) {
  static const char *const known[] = {"host", "port", "nonce", NULL};
  static const ettml_range ports = {1, 65535, 0};
  ettml_session *s = ettml_session_check(L, 1);
  ettm_str mechanism = ettml_check_str(L, 2);
  ettm_credentials credentials;
  ettm_buffer *response;
  ettm_buffer *nonce;
  ettm_status status = ETTM_OK;
  memset(&credentials, 0, sizeof credentials);
  credentials.user = ettml_check_str(L, 3);
  credentials.secret = ettml_check_str(L, 4);
  ettml_opt_fields(L, 5, known);
  credentials.host = ettml_field_str(L, 5, "host");
  credentials.port = (unsigned)ettml_field_size(L, 5, "port", &ports);
  credentials.nonce = ettml_field_str(L, 5, "nonce");
  response = ettml_scratch_new(L, ETTM_AUTH_LINE);
  response->secret = 1;
  nonce = ettml_scratch_new(L, ETTM_SASL_NONCE);
  if (s->sasl != NULL) {
    return ettml_fail_text(L, ETTM_E_STATE, "AUTH: a login is under way");
  }
  credentials.crypto = ettml_crypto_of(L);
  if (credentials.crypto == NULL) {
    return ettml_fail_top(L, ETTM_E_NO_DIGEST);
  }

  if (credentials.nonce.p == NULL) {
    status = fill_nonce(nonce);
    credentials.nonce = ettm_buffer_view(nonce);
  }
  if (status == ETTM_OK) {
    status = begin_login(L, s, mechanism, &credentials);
  }
  if (status == ETTM_OK) {
    status = queue_auth(s, response);
  }
  ettm_buffer_clear(response);
  if (status != ETTM_OK) {
    ettml_session_end_login(s);
    ettm_session_forget_login(ettm_connection_session(s->connection));
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
  const char *problem;
  ettm_status status;
  response->secret = 1;
  if (s->sasl == NULL) {
    return ettml_fail_text(L, ETTM_E_STATE, "AUTH: no login is under way");
  }

  status = answer_challenge(s, challenge, response);
  problem = ettm_sasl_problem(s->sasl);
  ettm_buffer_clear(response);
  if (status != ETTM_OK) {
    ettml_session_end_login(s);
  }

  if (status == ETTM_E_PROTOCOL && problem[0] != '\0') {
    return ettml_fail_text(L, status, problem);
  }
  return ettml_session_answer(L, s, status);
}

/* s:auth_work(challenge, most): true while there is more to do of what the answer takes */
int ettml_session_auth_work(lua_State *L) {
  const ettml_session *s = ettml_session_check(L, 1);
  ettm_str challenge = ettml_check_str(L, 2);
  uint32_t most = (uint32_t)ettml_check_size(L, 3, 1, UINT32_MAX);

  ettm_status status = s->sasl != NULL ? ettm_sasl_work(s->sasl, challenge, most) : ETTM_OK;

  return status == ETTM_FULL ? ettml_answer_true(L) : ettml_answer_nil(L);
}

/* s:auth_end(): no login goes on; its secrets are wiped. */
int ettml_session_auth_end(lua_State *L) {
  ettml_session *s = ettml_session_check(L, 1);
  ettml_session_end_login(s);
  ettm_session_forget_login(ettm_connection_session(s->connection));
  return 0;
}

/* s:channel_binding() -> name, octets; nil where there is no TLS to bind to. */
int ettml_session_channel_binding(lua_State *L) {
  const ettml_session *s = ettml_session_check(L, 1);
  const ettm_connection_tls *tls = ettm_connection_tls_of(s->connection);
  return ettml_push_binding(L, tls->methods, tls->engine);
}

/* core.sasl_mechanisms() -> list, needs: in the order in which they should be tried; what each
 * takes by its name: "password", "token" or "nothing". */
static int sasl_mechanisms(lua_State *L) {
  static const char *const needs_names[] = {"password", "token", "nothing"};
  ettm_sasl_needs needs = ETTM_SASL_NEEDS_NOTHING;
  ettm_str name;
  unsigned i;
  lua_newtable(L);
  lua_newtable(L);
  for (i = 0; (name = ettm_sasl_mechanism(i, &needs)).n > 0; i++) {
    ettml_push_str(L, name);
    lua_pushvalue(L, -1);
    lua_rawseti(L, -4, (int)i + 1);
    lua_pushstring(L, needs_names[needs]);
    lua_rawset(L, -3);
  }
  return 2;
}

void ettml_session_auth_open(lua_State *L) {
  static const luaL_Reg functions[] = {{"sasl_mechanisms", sasl_mechanisms}, {NULL, NULL}};
  ettml_set_functions(L, functions);
}
