/* SPDX-License-Identifier: MIT */
/* ettsumailer.session: one SMTP dialogue with its optional TLS, as a byte machine for Lua. */
#include <string.h>

#include "lua/classes.h"

const char ETTML_SESSION[] = "ettsumailer.session";

#define PEEK_MAX 65536 /* octets that one peek makes a string of */

static const char *const event_names[] = {
    "NONE", "GREETING", "CAPABILITIES", "STARTTLS", "CHALLENGE", "AUTHENTICATED", "MAIL",
    "RCPT", "BODY",     "SENT",         "REPLY",    "REFUSED",   "SHUTDOWN",      "CLOSED"};

static const char *const fate_names[] = {"not_sent", "unknown", "rejected", "accepted"};

ettml_session *ettml_session_check(lua_State *L, int arg) {
  ettml_session *s = (ettml_session *)ettml_object_check(L, arg, ETTML_SESSION);
  if (s->connection == NULL) {
    ettml_raise_closed(L, arg, ETTML_SESSION);
  }
  return s;
}

static ettm_session *dialogue_of(const ettml_session *s) {
  return ettm_connection_session(s->connection);
}

ettm_status ettml_session_feed(ettml_session *s, const char *in, size_t n) {
  ettm_status status = ettm_connection_feed(s->connection, in, n);
  if (status == ETTM_OK && n > 0) {
    s->received += n;
    s->fed = 1;
  }
  return status;
}

void ettml_session_skip(ettml_session *s, size_t n) {
  ettm_connection_skip(s->connection, n);
  if (n > 0) {
    s->sent += n;
    s->turns += (uint64_t)s->fed;
    s->fed = 0;
  }
}

ettm_status ettml_session_pull(ettml_session *s, ettm_event *event) {
  if (s->is_holding) {
    s->is_holding = 0;
    *event = s->held;
    return ETTM_OK;
  }
  return ettm_connection_next(s->connection, event);
}

static int is_of_tls(ettm_status status) {
  return status <= -201 && status >= -299;
}

int ettml_session_fail(lua_State *L, ettml_session *s, ettm_status status) {
  const ettm_connection_tls *tls = ettm_connection_tls_of(s->connection);
  const char *reason =
      is_of_tls(status) && tls->engine != NULL ? tls->methods->reason(tls->engine) : "";
  return reason[0] != '\0' ? ettml_fail_text(L, status, reason) : ettml_fail(L, status);
}

int ettml_session_answer(lua_State *L, ettml_session *s, ettm_status status) {
  return status < 0 ? ettml_session_fail(L, s, status) : ettml_answer(L, status);
}

/* core.session([options]) */
static int session_new(lua_State *L) {
  static const char *const known[] = {"without", "lock_step", NULL};
  ettm_session_options options;
  ettm_alloc alloc = ettml_alloc_of(L);
  ettml_session *s;
  ettm_status status;
  ettml_opt_fields(L, 1, known);
  memset(&options, 0, sizeof options);
  options.lock_step = ettml_field_flag(L, 1, "lock_step");
  options.without = ettml_field_str(L, 1, "without");
  s = (ettml_session *)ettml_object_new(L, ETTML_SESSION, sizeof *s);

  status = ettm_connection_new(&s->connection, &options, &alloc);

  return status == ETTM_OK ? 1 : ettml_fail(L, status);
}

static int session_close(lua_State *L) {
  ettml_session *s = (ettml_session *)ettml_object_check(L, 1, ETTML_SESSION);
  ettm_connection *connection = s->connection;
  s->connection = NULL;
  ettml_session_end_login(s);
  ettm_connection_free(connection);
  return 0;
}

static int session_tostring(lua_State *L) {
  const ettml_session *s = (ettml_session *)ettml_object_check(L, 1, ETTML_SESSION);
  const char *state =
      s->connection != NULL ? ettm_phase_name(ettm_connection_phase(s->connection)) : "closed";
  return ettml_push_name(L, ETTML_SESSION, state);
}

/* The five verbs. */

static int session_room(lua_State *L) {
  const ettml_session *s = ettml_session_check(L, 1);
  lua_pushinteger(L, (lua_Integer)ettm_connection_room(s->connection));
  return 1;
}

static int session_feed(lua_State *L) {
  ettml_session *s = ettml_session_check(L, 1);
  ettm_str in = ettml_check_str(L, 2);

  ettm_status status = ettml_session_feed(s, in.p, in.n);

  /* Only now: a session that has failed has no room, and the failure is what there is to say. */
  luaL_argcheck(L, status != ETTM_FULL, 2, "longer than there is room");
  return ettml_session_answer(L, s, status);
}

static int session_feed_eof(lua_State *L) {
  ettml_session *s = ettml_session_check(L, 1);
  return ettml_session_answer(L, s, ettm_connection_feed_eof(s->connection));
}

static int session_peek(lua_State *L) {
  ettml_session *s = ettml_session_check(L, 1);
  size_t max = (size_t)ettml_opt_size(L, 2, 1, ETTML_WHOLE_MAX, PEEK_MAX);
  ettm_str out = ettm_connection_peek(s->connection);
  max = max > PEEK_MAX ? PEEK_MAX : max;
  out.n = out.n > max ? max : out.n;
  return ettml_push_str(L, out);
}

static int session_skip(lua_State *L) {
  ettml_session *s = ettml_session_check(L, 1);
  size_t n = (size_t)ettml_check_size(L, 2, 0, ETTML_WHOLE_MAX);
  luaL_argcheck(L, n <= ettm_connection_peek(s->connection).n, 2, "more than peek lends");
  ettml_session_skip(s, n);
  return 0;
}

/* What goes on. */

/* A number of up to three digits (RFC 3463 2). lua_pushfstring takes ten times as long, and there
 * are four replies to a message. */
static char *put_number(char *out, int n) {
  if (n > 99) {
    *out++ = (char)('0' + n / 100 % 10);
  }
  if (n > 9) {
    *out++ = (char)('0' + n / 10 % 10);
  }
  *out++ = (char)('0' + n % 10);
  return out;
}

static void set_enhanced(lua_State *L, const int enhanced[3]) {
  char text[12];
  char *end = put_number(text, enhanced[0]);
  *end++ = '.';
  end = put_number(end, enhanced[1]);
  *end++ = '.';
  end = put_number(end, enhanced[2]);
  ettml_set_str(L, "enhanced", ettm_str_of(text, (size_t)(end - text)));
}

static void set_reply(lua_State *L, const ettm_reply *reply) {
  ettml_set_size(L, "smtp_code", (uint64_t)reply->code);
  if (reply->enhanced[0] != 0) {
    set_enhanced(L, reply->enhanced);
  }
  ettml_set_str(L, "text", reply->text);
  ettml_set_str(L, "raw_text", reply->raw_text);
  ettml_set_size(L, "lines", reply->lines);
  if (reply->has_8bit) {
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, "has_8bit");
  }
}

static int session_next(lua_State *L) {
  ettml_session *s = ettml_session_check(L, 1);
  ettm_event event;

  ettm_status status = ettml_session_pull(s, &event);

  if (status == ETTM_NEED_INPUT && !s->is_distrusted) {
    return ettml_answer_nil(L);
  }
  if (!ettml_session_see_login(s, status, &event)) {
    return ettml_fail_text(L, ETTM_E_PROTOCOL,
                           "the server let this client in without proving that it knows the "
                           "password: it may not be what it says it is");
  }
  if (status != ETTM_OK) {
    return ettml_session_answer(L, s, status);
  }
  lua_createtable(L, 0, 9);
  ettml_set_text(L, "kind", event_names[event.kind]);
  ettml_set_text(L, "stage", ettm_phase_name(event.phase));
  ettml_set_text(L, "verb", ettm_verb_name(event.verb));
  ettml_set_size(L, "tag", event.tag);
  if (event.reply != NULL) {
    set_reply(L, event.reply);
  }
  return 1;
}

/* Which of the waits of RFC 5321 4.5.3.2 this is. The end of a content that waits for room is not
 * awaited yet, it is sent. */
static const char *patience(const ettml_session *s) {
  switch (ettm_connection_phase(s->connection)) {
  case ETTM_PHASE_GREETING: return "greeting";
  case ETTM_PHASE_TLS: return "tls";
  case ETTM_PHASE_DATA: return "data";
  case ETTM_PHASE_BODY: return "block";
  case ETTM_PHASE_FINAL:
    return ettm_session_fate(dialogue_of(s)) == ETTM_FATE_NOT_SENT ? "block" : "final";
  case ETTM_PHASE_QUIT: return "quit";
  default: return "command";
  }
}

static int session_want(lua_State *L) {
  static const unsigned bits[] = {ETTM_WANT_READ, ETTM_WANT_WRITE, ETTM_WANT_BODY, ETTM_WANT_TLS,
                                  ETTM_WANT_COMMAND};
  const ettml_session *s = ettml_session_check(L, 1);
  unsigned want = ettm_connection_want(s->connection);
  size_t i;
  for (i = 0; i < sizeof bits / sizeof bits[0]; i++) {
    lua_pushboolean(L, (want & bits[i]) != 0);
  }
  lua_pushstring(L, patience(s));
  return (int)i + 1;
}

static int session_phase(lua_State *L) {
  const ettml_session *s = ettml_session_check(L, 1);
  lua_pushstring(L, ettm_phase_name(ettm_connection_phase(s->connection)));
  return 1;
}

static int session_fate(lua_State *L) {
  const ettml_session *s = ettml_session_check(L, 1);
  lua_pushstring(L, fate_names[ettm_session_fate(dialogue_of(s))]);
  return 1;
}

/* TLS. */

static int session_start_tls(lua_State *L) {
  ettml_session *s = ettml_session_check(L, 1);
  const ettml_tls_context *c = ettml_tls_context_check(L, 2);
  ettm_str name = ettml_opt_str(L, 3);
  return ettml_session_answer(
      L, s, ettm_connection_start_tls(s->connection, c->methods, c->context, name));
}

static int session_tls_done(lua_State *L) {
  ettml_session *s = ettml_session_check(L, 1);
  return ettml_session_answer(L, s, ettm_session_tls_done(dialogue_of(s)));
}

static int session_tls(lua_State *L) {
  ettml_session *s = ettml_session_check(L, 1);
  const ettm_connection_tls *tls = ettm_connection_tls_of(s->connection);
  if (tls->engine == NULL || ettm_connection_phase(s->connection) == ETTM_PHASE_TLS) {
    return ettml_answer_nil(L);
  }
  lua_createtable(L, 0, 4);
  ettml_set_text(L, "version", tls->methods->version(tls->engine));
  ettml_set_text(L, "cipher", tls->methods->cipher(tls->engine));
  lua_pushboolean(L, tls->methods->is_verified(tls->engine));
  lua_setfield(L, -2, "verified");
  lua_pushboolean(L, tls->methods->is_resumed(tls->engine));
  lua_setfield(L, -2, "resumed");
  return 1;
}

static void set_known(lua_State *L, const char *field, const char *text) {
  if (text != NULL && text[0] != '\0') {
    ettml_set_text(L, field, text);
  }
}

/* What is known of TLS's failure besides its sentence; nil without one. */
static int session_tls_failure(lua_State *L) {
  const ettml_session *s = ettml_session_check(L, 1);
  const ettm_connection_tls *tls = ettm_connection_tls_of(s->connection);
  const ettm_tls_failure *failure;
  if (tls->engine == NULL || tls->methods->reason(tls->engine)[0] == '\0') {
    return ettml_answer_nil(L);
  }
  failure = tls->methods->failure(tls->engine);
  lua_createtable(L, 0, 9);
  set_known(L, "hint", failure->hint);
  set_known(L, "wanted", tls->methods->name(tls->engine));
  set_known(L, "names", failure->names);
  set_known(L, "subject", failure->subject);
  set_known(L, "issuer", failure->issuer);
  set_known(L, "not_before", failure->not_before);
  set_known(L, "not_after", failure->not_after);
  if (failure->verify_code != 0) {
    set_known(L, "verify_text", failure->verify_text);
    lua_pushinteger(L, failure->verify_code);
    lua_setfield(L, -2, "verify_code");
  }
  return 1;
}

static int session_tls_close(lua_State *L) {
  ettml_session *s = ettml_session_check(L, 1);
  ettm_connection_close(s->connection);
  return 0;
}

/* What the server offers, and what was said. */

static int session_offers(lua_State *L) {
  const ettml_session *s = ettml_session_check(L, 1);
  ettm_str keyword = ettml_check_str(L, 2);
  ettm_str parameters;
  const ettm_capabilities *c = ettm_session_capabilities(dialogue_of(s));
  return ettm_capabilities_find(c, keyword, &parameters) ? ettml_push_str(L, parameters)
                                                         : ettml_answer_nil(L);
}

static size_t length_up_to(ettm_str s, char end) {
  const char *found = s.n > 0 ? (const char *)memchr(s.p, end, s.n) : NULL;
  return found != NULL ? (size_t)(found - s.p) : s.n;
}

static int session_capabilities(lua_State *L) {
  const ettml_session *s = ettml_session_check(L, 1);
  ettm_str rest = ettm_capabilities_view(ettm_session_capabilities(dialogue_of(s)));
  lua_newtable(L);
  while (rest.n > 0) {
    ettm_str line = ettm_str_of(rest.p, length_up_to(rest, '\n'));
    size_t keyword = length_up_to(line, ' ');
    size_t parameters = keyword < line.n ? keyword + 1 : line.n;
    size_t taken = line.n < rest.n ? line.n + 1 : line.n;
    ettml_push_str(L, ettm_str_of(line.p, keyword));
    ettml_push_str(L, ettm_str_of(line.p + parameters, line.n - parameters));
    lua_rawset(L, -3);
    rest = ettm_str_of(rest.p + taken, rest.n - taken);
  }
  return 1;
}

static int session_size_limit(lua_State *L) {
  const ettml_session *s = ettml_session_check(L, 1);
  uint64_t limit = ettm_session_capabilities(dialogue_of(s))->size_max;
  if (limit == 0 || limit > ETTML_WHOLE_MAX) {
    return ettml_answer_nil(L);
  }
  lua_pushinteger(L, (lua_Integer)limit);
  return 1;
}

static int session_transcript(lua_State *L) {
  const ettml_session *s = ettml_session_check(L, 1);
  return ettml_push_str(L, ettm_session_transcript(dialogue_of(s)));
}

static int session_take_transcript(lua_State *L) {
  const ettml_session *s = ettml_session_check(L, 1);
  return ettml_push_str(L, ettm_session_take_transcript(dialogue_of(s)));
}

/* session:watch(flag): every line is kept for take_transcript. */
static int session_watch(lua_State *L) {
  ettml_session *s = ettml_session_check(L, 1);
  luaL_checktype(L, 2, LUA_TBOOLEAN);
  s->is_watched = lua_toboolean(L, 2);
  ettm_session_watch(dialogue_of(s), s->is_watched);
  return 0;
}

static int session_turns(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)ettml_session_check(L, 1)->turns);
  return 1;
}

static int session_bytes(lua_State *L) {
  const ettml_session *s = ettml_session_check(L, 1);
  lua_pushinteger(L, (lua_Integer)s->sent);
  lua_pushinteger(L, (lua_Integer)s->received);
  return 2;
}

static const luaL_Reg methods[] = {{"room", session_room},
                                   {"feed", session_feed},
                                   {"feed_eof", session_feed_eof},
                                   {"peek", session_peek},
                                   {"skip", session_skip},
                                   {"next", session_next},
                                   {"want", session_want},
                                   {"phase", session_phase},
                                   {"fate", session_fate},
                                   {"auth", ettml_session_auth},
                                   {"auth_step", ettml_session_auth_step},
                                   {"auth_work", ettml_session_auth_work},
                                   {"auth_end", ettml_session_auth_end},
                                   {"channel_binding", ettml_session_channel_binding},
                                   {"start_tls", session_start_tls},
                                   {"tls_done", session_tls_done},
                                   {"tls", session_tls},
                                   {"tls_failure", session_tls_failure},
                                   {"tls_close", session_tls_close},
                                   {"offers", session_offers},
                                   {"capabilities", session_capabilities},
                                   {"size_limit", session_size_limit},
                                   {"transcript", session_transcript},
                                   {"take_transcript", session_take_transcript},
                                   {"watch", session_watch},
                                   {"turns", session_turns},
                                   {"bytes", session_bytes},
                                   {"close", session_close},
                                   {NULL, NULL}};

static const luaL_Reg events[] = {{"__gc", session_close},
                                  {"__close", session_close},
                                  {"__tostring", session_tostring},
                                  {NULL, NULL}};

static const luaL_Reg functions[] = {{"session", session_new}, {NULL, NULL}};

void ettml_session_open(lua_State *L) {
  static const ettml_class session_class = {ETTML_SESSION, methods, ettml_session_commands, events};
  ettml_class_register(L, &session_class);
  ettml_set_functions(L, functions);
}
