/* SPDX-License-Identifier: MIT */
/* What one mail needs of ettsumailer.session, in as few calls as it takes: its envelope goes out in
 * one, the replies that say yes come back as numbers, and the receipt as two strings. */
#include <stdio.h>
#include <string.h>

#include "lua/classes.h"
#include "smtp/receipt.h"

enum { ARG_MESSAGE = 2, ARG_FROM, ARG_TO, ARG_UTF8, ARG_LATE_DATA, ARG_RESET };

#define PARAMETERS_MAX 64 /* SIZE=, BODY= and SMTPUTF8 */

static ettm_session *dialogue_of(const ettml_session *s) {
  return ettm_connection_session(s->connection);
}

/* ---- an envelope, before there is a server ---- */

/* Raises an error unless the values are a reverse-path and a list of addresses. Returns how many.
 */
static size_t check_envelope(lua_State *L, int from, int to) {
  ettm_str local, domain;
  size_t count, i;
  luaL_checktype(L, to, LUA_TTABLE);
  count = ettml_raw_length(L, to);
  luaL_argcheck(L, count > 0, to, "the list is empty");
  for (i = 1; i <= count; i++) {
    lua_rawgeti(L, to, (int)i);
    luaL_argcheck(L, ettml_address_view(L, -1, &local, &domain), to,
                  "a list of addresses expected");
    lua_pop(L, 1);
  }
  luaL_argcheck(L, lua_type(L, from) == LUA_TSTRING || ettml_address_view(L, from, &local, &domain),
                from, "an address or the empty string expected");
  return count;
}

/* The views of recipient i; of the reverse-path for 0, which may be empty. They are lent for as
 * long as the list holds the address. */
static void view_mailbox(lua_State *L, int from, size_t i, ettm_str *local, ettm_str *domain) {
  if (i == 0) {
    lua_pushvalue(L, from);
  } else {
    lua_rawgeti(L, from + 1, (int)i);
  }
  if (!ettml_address_view(L, -1, local, domain)) {
    *local = *domain = ETTM_LIT("");
  }
  lua_pop(L, 1);
}

/* Looks a path over; *utf8 is set where nothing else will do. out is empty, and stays so. */
static ettm_status look_at_path(ettm_buffer *out, ettm_str local, ettm_str domain, int *utf8) {
  ettm_status status = ETTM_OK;
  if (domain.n > 0) {
    status = ettm_path_append(out, local, domain, 0);
  }
  if (status == ETTM_E_NEEDS_SMTPUTF8) {
    *utf8 = 1;
    status = ettm_path_append(out, local, domain, 1);
  }
  ettm_buffer_truncate(out, 0);
  return status;
}

/* Pushes "local@domain" of each recipient in a list, as results tell of it. */
static ettm_status push_mailboxes(lua_State *L, int from, size_t count, ettm_buffer *out) {
  ettm_str local, domain;
  ettm_status status = ETTM_OK;
  size_t i;
  lua_createtable(L, (int)count, 0);
  for (i = 1; i <= count && status == ETTM_OK; i++) {
    view_mailbox(L, from, i, &local, &domain);
    status = ettm_buffer_append(out, local);
    status = status == ETTM_OK ? ettm_buffer_append_char(out, '@') : status;
    status = status == ETTM_OK ? ettm_buffer_append(out, domain) : status;
    ettml_push_str(L, ettm_buffer_view(out));
    lua_rawseti(L, -2, (int)i);
    ettm_buffer_truncate(out, 0);
  }
  return status;
}

/* core.envelope(message, from, to): the recipients as text, and whether it takes SMTPUTF8; or them,
 * nil, code, sentence and whose path it is: a recipient's number, or 0. */
static int envelope(lua_State *L) {
  const ettm_message *m = ettml_message_sealed(L, 1);
  size_t count = check_envelope(L, 2, 3);
  ettm_buffer *out = ettml_scratch_again(L, ETTML_SCRATCH_OUT, SIZE_MAX);
  int utf8 = ettm_message_needs_smtputf8(m);
  ettm_str local, domain;
  size_t i;

  ettm_status status = push_mailboxes(L, 2, count, out);
  for (i = 0; i <= count && status == ETTM_OK; i++) {
    view_mailbox(L, 2, i, &local, &domain);
    status = look_at_path(out, local, domain, &utf8);
  }

  if (status != ETTM_OK) {
    ettml_address_fail(L, status);
    lua_pushinteger(L, (lua_Integer)i - 1);
    return 5;
  }
  lua_pushboolean(L, utf8);
  return 2;
}

/* ---- an envelope, as a server takes it ---- */

typedef struct mail {
  const ettm_message *message;
  size_t count; /* recipients */
  int has_reset, has_data;
  int utf8;
  uint64_t size, limit; /* of the message; of the server, or 0 */
} mail;

/* What makes it pointless to send the mail to this server: ETTM_OK, or one of three failures. */
static ettm_status obstacle(const mail *m, unsigned offers) {
  if (m->limit > 0 && m->size != ETTM_SIZE_UNKNOWN && m->size > m->limit) {
    return ETTM_E_TOO_LARGE;
  }
  if (m->utf8 && !(offers & ETTM_EXT_SMTPUTF8)) {
    return ETTM_E_NEEDS_SMTPUTF8;
  }
  return ettm_message_needs_8bit(m->message) && !(offers & ETTM_EXT_8BITMIME) ? ETTM_E_NOT_OFFERED
                                                                              : ETTM_OK;
}

static int obstacle_fail(lua_State *L, const mail *m, ettm_status status) {
  char text[128];
  switch (status) {
  case ETTM_E_TOO_LARGE:
    snprintf(text, sizeof text, "the message has %llu octets, the server takes %llu",
             (unsigned long long)m->size, (unsigned long long)m->limit);
    return ettml_fail_text(L, status, text);
  case ETTM_E_NEEDS_SMTPUTF8:
    return ettml_fail_text(L, status,
                           "an address, or a message within, needs SMTPUTF8, which the server "
                           "does not offer");
  default:
    return ettml_fail_text(L, status,
                           "the message is 8-bit, and the server does not offer 8BITMIME");
  }
}

/* The parameters of MAIL that the server's offers ask for. */
static ettm_str parameters_of(const mail *m, unsigned offers, char text[PARAMETERS_MAX]) {
  size_t n = 0;
  text[0] = '\0';
  if (m->size != ETTM_SIZE_UNKNOWN && (offers & ETTM_EXT_SIZE)) {
    n = (size_t)snprintf(text, PARAMETERS_MAX, " SIZE=%llu", (unsigned long long)m->size);
  }
  if (ettm_message_needs_8bit(m->message)) {
    memcpy(text + n, " BODY=8BITMIME", sizeof " BODY=8BITMIME");
    n += sizeof " BODY=8BITMIME" - 1;
  }
  if (m->utf8) {
    memcpy(text + n, " SMTPUTF8", sizeof " SMTPUTF8");
    n += sizeof " SMTPUTF8" - 1;
  }
  return ettm_str_of(text + (n > 0), n > 0 ? n - 1 : 0);
}

static ettm_status queue_bare(ettm_session *session, ettm_verb verb) {
  ettm_command command;
  memset(&command, 0, sizeof command);
  command.verb = verb;
  return ettm_session_command(session, &command);
}

/* MAIL for i = 0, else RCPT. In UTF-8 only where nothing else will do. */
static ettm_status queue_path(lua_State *L, ettm_session *session, const mail *m, size_t i,
                              ettm_str parameters) {
  ettm_command command;
  ettm_status status;
  memset(&command, 0, sizeof command);
  command.verb = i == 0 ? ETTM_VERB_MAIL : ETTM_VERB_RCPT;
  command.tag = (uint32_t)i;
  command.parameters = parameters;
  view_mailbox(L, ARG_FROM, i, &command.argument, &command.domain);
  status = ettm_session_command(session, &command);
  if (status == ETTM_E_NEEDS_SMTPUTF8 && m->utf8) {
    command.utf8 = 1;
    status = ettm_session_command(session, &command);
  }
  return status;
}

/* Queues all of it or nothing. */
static ettm_status queue_mail(lua_State *L, ettm_session *session, const mail *m,
                              ettm_str parameters, size_t *failed) {
  size_t mark = ettm_session_mark(session);
  ettm_status status = ETTM_OK;
  size_t i;
  *failed = 0;
  if (m->has_reset) {
    status = queue_bare(session, ETTM_VERB_RSET);
  }
  for (i = 0; i <= m->count && status == ETTM_OK; i++) {
    *failed = i;
    status = queue_path(L, session, m, i, i == 0 ? parameters : ETTM_LIT(""));
  }
  if (status == ETTM_OK && m->has_data) {
    status = queue_bare(session, ETTM_VERB_DATA);
  }
  if (status != ETTM_OK) {
    ettm_session_rewind(session, mark);
  }
  return status;
}

/* session:transact(message, from, to, utf8, data_is_late, with_reset): how many replies are due,
 * and whether DATA is among what they answer, and whether it is all one flight. */
static int session_transact(lua_State *L) {
  ettml_session *s = ettml_session_check(L, 1);
  const ettm_capabilities *offers = ettm_session_capabilities(dialogue_of(s));
  char text[PARAMETERS_MAX];
  ettm_status status;
  size_t failed;
  mail m;
  lua_settop(L, ARG_RESET);
  m.message = ettml_message_sealed(L, ARG_MESSAGE);
  m.count = check_envelope(L, ARG_FROM, ARG_TO);
  m.utf8 = lua_toboolean(L, ARG_UTF8);
  m.size = ettm_message_size(m.message);
  m.limit = offers->size_max;
  m.has_reset = lua_toboolean(L, ARG_RESET);
  m.has_data = ettm_session_is_pipelined(dialogue_of(s)) && !lua_toboolean(L, ARG_LATE_DATA);

  status = obstacle(&m, offers->known);
  if (status != ETTM_OK) {
    return obstacle_fail(L, &m, status);
  }
  status = queue_mail(L, dialogue_of(s), &m, parameters_of(&m, offers->known, text), &failed);

  if (status > 0) {
    return ettml_answer(L, status);
  }
  if (status < 0) {
    return ettml_session_command_fail(L, s, failed > 0 ? ETTM_VERB_RCPT : ETTM_VERB_MAIL, status);
  }
  lua_pushinteger(L, (lua_Integer)m.count + 1 + m.has_reset + m.has_data);
  lua_pushboolean(L, m.has_data);
  lua_pushboolean(L, ettm_session_is_pipelined(dialogue_of(s)));
  return 3;
}

/* session:withdraw(): what has not left is not said. */
static int session_withdraw(lua_State *L) {
  const ettml_session *s = ettml_session_check(L, 1);
  ettm_session_rewind(dialogue_of(s), 0);
  return 0;
}

/* ---- the replies ---- */

static int is_yes(ettm_event_kind kind, ettm_verb verb) {
  return kind == ETTM_EVENT_MAIL || kind == ETTM_EVENT_RCPT ||
         (kind == ETTM_EVENT_REPLY && verb == ETTM_VERB_RSET);
}

/* Counts events that say yes, up to one that ends them or does not. Returns its kind; NONE where
 * there is no more for now. */
static ettm_event_kind pass_events(ettml_session *s, lua_Integer *count, lua_Integer *recipients) {
  ettm_event event;
  ettm_status status = ettml_session_pull(s, &event);
  while (status == ETTM_OK && is_yes(event.kind, event.verb)) {
    *count += 1;
    *recipients += event.kind == ETTM_EVENT_RCPT;
    if (s->is_watched) {
      return ETTM_EVENT_NONE; /* whoever looks on is told of each */
    }
    status = ettml_session_pull(s, &event);
  }
  if (status == ETTM_NEED_INPUT && !s->is_distrusted) {
    return ETTM_EVENT_NONE;
  }
  if (status == ETTM_OK && (event.kind == ETTM_EVENT_BODY || event.kind == ETTM_EVENT_SENT)) {
    *count += 1;
    return event.kind;
  }
  if (status == ETTM_OK) {
    s->held = event;
    s->is_holding = 1;
  }
  return ETTM_EVENT_CLOSED;
}

/* session:pass(): how many replies said yes, of them to RCPT, and what ended them: "BODY", "SENT",
 * "OTHER" (next tells it) or nil. */
static int session_pass(lua_State *L) {
  ettml_session *s = ettml_session_check(L, 1);
  lua_Integer count = 0, recipients = 0;

  ettm_event_kind kind = pass_events(s, &count, &recipients);

  lua_pushinteger(L, count);
  lua_pushinteger(L, recipients);
  switch (kind) {
  case ETTM_EVENT_NONE: lua_pushnil(L); break;
  case ETTM_EVENT_BODY: lua_pushliteral(L, "BODY"); break;
  case ETTM_EVENT_SENT: lua_pushliteral(L, "SENT"); break;
  default: lua_pushliteral(L, "OTHER"); break;
  }
  return 3;
}

/* session:receipt(): the last reply as one string, and what the server calls the message by. */
static int session_receipt(lua_State *L) {
  const ettml_session *s = ettml_session_check(L, 1);
  const ettm_reply *reply = ettm_session_reply(dialogue_of(s));
  char code[4];
  ettm_str id;
  luaL_Buffer text;
  code[0] = (char)('0' + reply->code / 100 % 10);
  code[1] = (char)('0' + reply->code / 10 % 10);
  code[2] = (char)('0' + reply->code % 10);
  code[3] = ' ';
  id = ettm_receipt_id(reply->text);

  luaL_buffinit(L, &text);
  luaL_addlstring(&text, code, sizeof code);
  luaL_addlstring(&text, reply->raw_text.n > 0 ? reply->raw_text.p : "", reply->raw_text.n);
  luaL_pushresult(&text);
  return 1 + (id.n > 0 ? ettml_push_str(L, id) : ettml_answer_nil(L));
}

/* session:account(): turns and octets both ways, since it was asked last. */
static int session_account(lua_State *L) {
  ettml_session *s = ettml_session_check(L, 1);
  lua_pushinteger(L, (lua_Integer)(s->turns - s->counted_turns));
  lua_pushinteger(L, (lua_Integer)(s->sent - s->counted_sent));
  lua_pushinteger(L, (lua_Integer)(s->received - s->counted_received));
  s->counted_turns = s->turns;
  s->counted_sent = s->sent;
  s->counted_received = s->received;
  return 3;
}

static const luaL_Reg methods[] = {{"transact", session_transact}, {"withdraw", session_withdraw},
                                   {"pass", session_pass},         {"receipt", session_receipt},
                                   {"account", session_account},   {NULL, NULL}};

static const luaL_Reg functions[] = {{"envelope", envelope}, {NULL, NULL}};

void ettml_session_mail_open(lua_State *L) {
  luaL_getmetatable(L, ETTML_SESSION);
  lua_getfield(L, -1, "__index");
  ettml_set_functions(L, methods);
  lua_pop(L, 2);
  ettml_set_functions(L, functions);
}
