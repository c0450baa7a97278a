/* SPDX-License-Identifier: MIT */
/* What puts commands and content into a session: the other half of ettsumailer.session. */
#include <string.h>

#include "lua/classes.h"

static ettm_session *dialogue_of(const ettml_session *s) {
  return ettm_connection_session(s->connection);
}

/* Commands. */

static ettm_verb check_verb(lua_State *L, int arg) {
  ettm_str name = ettml_check_str(L, arg);
  int verb;
  for (verb = ETTM_VERB_EHLO; verb <= ETTM_VERB_OTHER; verb++) {
    const char *known = ettm_verb_name((ettm_verb)verb);
    if (ettm_str_equal(name, ettm_str_of(known, strlen(known)))) {
      return (ettm_verb)verb;
    }
  }
  luaL_argerror(L, arg, lua_pushfstring(L, "there is no verb '%s'", name.p));
  return ETTM_VERB_OTHER;
}

int ettml_session_command_fail(lua_State *L, ettml_session *s, ettm_verb verb, ettm_status status) {
  if (verb == ETTM_VERB_OTHER || ettm_status_is_fatal(status)) {
    return ettml_session_fail(L, s, status);
  }
  lua_pushfstring(L, "%s: %s", ettm_verb_name(verb), ettm_status_sentence(status));
  return ettml_fail_top(L, status);
}

static int session_command(lua_State *L) {
  ettml_session *s = ettml_session_check(L, 1);
  ettm_command command;
  ettm_status status;
  memset(&command, 0, sizeof command);
  command.verb = check_verb(L, 2);
  command.argument = ettml_opt_str(L, 3);
  command.parameters = ettml_opt_str(L, 4);
  command.tag = (uint32_t)ettml_opt_size(L, 5, 0, UINT32_MAX, 0);
  command.utf8 = lua_toboolean(L, 6);

  status = ettm_session_command(dialogue_of(s), &command);

  return status < 0 ? ettml_session_command_fail(L, s, command.verb, status)
                    : ettml_answer(L, status);
}

/* The fields of an envelope: stack places 3 and up hold what the views lend. */
typedef struct envelope {
  ettm_str from, from_parameters;
  int recipients; /* stack index of the list */
  int parameters; /* of recipient_parameters: a string for all, a list, or nil */
  size_t count;
  int data, utf8;
} envelope;

static void check_list(lua_State *L, int index, size_t count, const char *field) {
  size_t i;
  for (i = 1; i <= count; i++) {
    lua_rawgeti(L, index, (int)i);
    if (lua_type(L, -1) != LUA_TSTRING) {
      ettml_raise_field(L, 2, field, "a list of strings expected, one for each recipient");
    }
    lua_pop(L, 1);
  }
}

static void check_recipients(lua_State *L, envelope *e) {
  lua_pushliteral(L, "recipients");
  lua_rawget(L, 2);
  e->recipients = lua_gettop(L);
  if (!lua_istable(L, e->recipients)) {
    ettml_raise_field(L, 2, "recipients", "a list of strings expected");
  }
  e->count = ettml_raw_length(L, e->recipients);
  if (e->count == 0 || e->count > ETTM_SESSION_COMMANDS) {
    ettml_raise_field(L, 2, "recipients", e->count == 0 ? "the list is empty" : "too many");
  }
  check_list(L, e->recipients, e->count, "recipients");

  lua_pushliteral(L, "recipient_parameters");
  lua_rawget(L, 2);
  e->parameters = lua_gettop(L);
  if (lua_istable(L, e->parameters)) {
    check_list(L, e->parameters, e->count, "recipient_parameters");
  } else if (!lua_isnil(L, e->parameters) && lua_type(L, e->parameters) != LUA_TSTRING) {
    ettml_raise_field(L, 2, "recipient_parameters", "a string or a list of strings expected");
  }
}

static void check_envelope(lua_State *L, envelope *e) {
  static const char *const known[] = {"from", "from_parameters",      "data", "recipients",
                                      "utf8", "recipient_parameters", NULL};
  ettml_check_fields(L, 2, known);
  e->data = ettml_field_flag(L, 2, "data");
  e->utf8 = ettml_field_flag(L, 2, "utf8");
  e->from = ettml_field_str(L, 2, "from");
  if (e->from.p == NULL) {
    ettml_raise_field(L, 2, "from", "a string expected; it is empty for the null reverse-path");
  }
  e->from_parameters = ettml_field_str(L, 2, "from_parameters");
  check_recipients(L, e);
}

/* The string at place i of the list at index, or the one that is there for all. Stays on top. */
static ettm_str push_item(lua_State *L, int index, size_t i) {
  if (lua_istable(L, index)) {
    lua_rawgeti(L, index, (int)i);
  } else {
    lua_pushvalue(L, index);
  }
  return lua_isnil(L, -1) ? ETTM_LIT("") : ettml_str_at(L, -1);
}

static ettm_status queue_recipients(lua_State *L, ettm_session *session, const envelope *e,
                                    size_t *failed) {
  ettm_status status = ETTM_OK;
  ettm_command command;
  size_t i;
  memset(&command, 0, sizeof command);
  command.verb = ETTM_VERB_RCPT;
  command.utf8 = e->utf8;
  for (i = 1; i <= e->count && status == ETTM_OK; i++) {
    command.tag = (uint32_t)i;
    command.argument = push_item(L, e->recipients, i);
    command.parameters = push_item(L, e->parameters, i);
    status = ettm_session_command(session, &command);
    lua_pop(L, 2);
    *failed = i;
  }
  return status;
}

/* Queues MAIL, each RCPT and DATA, or nothing. Uses two stack slots; cannot throw. */
static ettm_status queue_envelope(lua_State *L, ettm_session *session, const envelope *e,
                                  size_t *failed) {
  size_t mark = ettm_session_mark(session);
  ettm_command command;
  ettm_status status;
  memset(&command, 0, sizeof command);
  command.verb = ETTM_VERB_MAIL;
  command.argument = e->from;
  command.parameters = e->from_parameters;
  command.utf8 = e->utf8;
  *failed = 0;
  status = ettm_session_command(session, &command);
  if (status == ETTM_OK) {
    status = queue_recipients(L, session, e, failed);
  }
  if (status == ETTM_OK && e->data) {
    memset(&command, 0, sizeof command);
    command.verb = ETTM_VERB_DATA;
    *failed = 0;
    status = ettm_session_command(session, &command);
  }
  if (status != ETTM_OK) {
    ettm_session_rewind(session, mark);
  }
  return status;
}

static int session_submit(lua_State *L) {
  ettml_session *s = ettml_session_check(L, 1);
  ettm_status status;
  size_t failed;
  envelope e;
  int answers;
  check_envelope(L, &e);

  status = queue_envelope(L, dialogue_of(s), &e, &failed);

  if (status >= 0) {
    return ettml_answer(L, status);
  }
  answers = ettml_session_command_fail(L, s, failed > 0 ? ETTM_VERB_RCPT : ETTM_VERB_MAIL, status);
  lua_pushinteger(L, (lua_Integer)failed);
  return answers + 1;
}

/* The content. */

static int session_body(lua_State *L) {
  ettml_session *s = ettml_session_check(L, 1);
  ettm_str in = ettml_check_str(L, 2);
  size_t first = (size_t)ettml_opt_size(L, 3, 1, (int64_t)in.n + 1, 1);
  size_t used = 0;

  ettm_status status =
      ettm_session_body(dialogue_of(s), in.p + (first - 1), in.n - (first - 1), &used);

  if (status < 0) {
    return ettml_session_fail(L, s, status);
  }
  lua_pushinteger(L, (lua_Integer)used);
  return 1;
}

static int session_body_end(lua_State *L) {
  ettml_session *s = ettml_session_check(L, 1);
  return ettml_session_answer(L, s, ettm_session_body_end(dialogue_of(s)));
}

/* Moves one block, or what of it there is room for. */
static ettm_status pump_block(ettm_session *session, ettml_reader *r) {
  ettm_str rest = ettml_reader_rest(r);
  size_t used = 0;
  ettm_status status = ettm_session_body(session, rest.p, rest.n, &used);
  ettml_reader_skip(r, status == ETTM_OK ? used : 0);
  return status;
}

static int session_pump(lua_State *L) {
  ettml_session *s = ettml_session_check(L, 1);
  ettml_reader *r = ettml_reader_check(L, 2);
  ettm_session *session = dialogue_of(s);
  ettm_status pulled, status = ETTM_OK;
  lua_settop(L, 2);

  while ((pulled = ettml_reader_pull(L, 2, r)) == ETTM_OK && status == ETTM_OK) {
    status = pump_block(session, r);
  }
  if (pulled == ETTM_DONE && status == ETTM_OK) {
    status = ettm_session_body_end(session);
    pulled = ETTM_OK;
  }

  if (status != ETTM_OK) {
    return ettml_session_answer(L, s, status);
  }
  return pulled == ETTM_OK ? ettml_answer_true(L) : ettml_reader_answer(L, 2, r, pulled);
}

static int session_respond(lua_State *L) {
  ettml_session *s = ettml_session_check(L, 1);
  ettm_str response = ettml_check_str(L, 2);
  return ettml_session_answer(L, s, ettm_session_respond(dialogue_of(s), response));
}

const luaL_Reg ettml_session_commands[] = {{"command", session_command},
                                           {"submit", session_submit},
                                           {"body", session_body},
                                           {"body_end", session_body_end},
                                           {"pump", session_pump},
                                           {"respond", session_respond},
                                           {NULL, NULL}};
