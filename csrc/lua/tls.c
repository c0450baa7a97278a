/* SPDX-License-Identifier: MIT */
/* ettsumailer.tls: a TLS engine by itself, for a server that tests talk to; and certificates made
 * on the spot. A session has an engine of its own and needs none of this. */
#include <string.h>

#include "lua/openssl.h"
#include "tls/certificate.h"
#include "tls/engine.h"

const char ETTML_TLS[] = "ettsumailer.tls";

#define PEEK_MAX        65536 /* octets that one peek makes a string of */
#define READ_MAX        16384 /* octets that one read gives */
#define CERTIFICATE_MAX (64u * 1024)

typedef struct tls_box {
  ettm_tls *tls; /* NULL: closed */
} tls_box;

static ettm_tls *check_tls(lua_State *L) {
  const tls_box *t = (tls_box *)ettml_object_check(L, 1, ETTML_TLS);
  if (t->tls == NULL) {
    ettml_raise_closed(L, 1, ETTML_TLS);
  }
  return t->tls;
}

static int answer(lua_State *L, const ettm_tls *tls, ettm_status status) {
  const char *reason = status < 0 ? ettm_tls_reason(tls) : "";
  return reason[0] != '\0' ? ettml_fail_text(L, status, reason) : ettml_answer(L, status);
}

/* core.tls(context [, name]) */
static int tls_new(lua_State *L) {
  ettm_tls_context *context = ettml_tls_context_check(L, 1)->context;
  ettm_str name = ettml_opt_str(L, 2);
  ettm_alloc alloc = ettml_alloc_of(L);
  tls_box *t = (tls_box *)ettml_object_new(L, ETTML_TLS, sizeof *t);

  ettm_status status = ettm_tls_new(&t->tls, context, name, &alloc);

  return status == ETTM_OK ? 1 : ettml_fail(L, status);
}

static int tls_room(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)ettm_tls_room(check_tls(L)));
  return 1;
}

static int tls_feed(lua_State *L) {
  ettm_tls *tls = check_tls(L);
  ettm_str in = ettml_check_str(L, 2);

  ettm_status status = ettm_tls_feed(tls, in.p, in.n);

  luaL_argcheck(L, status != ETTM_FULL, 2, "longer than there is room");
  return answer(L, tls, status);
}

static int tls_feed_eof(lua_State *L) {
  ettm_tls *tls = check_tls(L);
  return answer(L, tls, ettm_tls_feed_eof(tls));
}

static int tls_peek(lua_State *L) {
  ettm_tls *tls = check_tls(L);
  size_t max = (size_t)ettml_opt_size(L, 2, 1, ETTML_WHOLE_MAX, PEEK_MAX);
  ettm_str out = ettm_tls_peek(tls);
  max = max > PEEK_MAX ? PEEK_MAX : max;
  out.n = out.n > max ? max : out.n;
  return ettml_push_str(L, out);
}

static int tls_skip(lua_State *L) {
  ettm_tls *tls = check_tls(L);
  size_t n = (size_t)ettml_check_size(L, 2, 0, ETTML_WHOLE_MAX);
  luaL_argcheck(L, n <= ettm_tls_peek(tls).n, 2, "more than peek lends");
  ettm_tls_skip(tls, n);
  return 0;
}

static int tls_handshake(lua_State *L) {
  ettm_tls *tls = check_tls(L);
  return answer(L, tls, ettm_tls_handshake(tls));
}

static int tls_read(lua_State *L) {
  ettm_tls *tls = check_tls(L);
  size_t max = (size_t)ettml_opt_size(L, 2, 1, ETTML_WHOLE_MAX, READ_MAX);
  char plain[READ_MAX];
  size_t n = 0;

  ettm_status status = ettm_tls_read(tls, plain, max < READ_MAX ? max : READ_MAX, &n);

  return status == ETTM_OK ? ettml_push_str(L, ettm_str_of(plain, n)) : answer(L, tls, status);
}

/* t:write(bytes [, first]) */
static int tls_write(lua_State *L) {
  ettm_tls *tls = check_tls(L);
  ettm_str in = ettml_check_str(L, 2);
  size_t first = (size_t)ettml_opt_size(L, 3, 1, (int64_t)in.n + 1, 1) - 1;
  size_t used = 0;

  ettm_status status =
      in.n > first ? ettm_tls_write(tls, in.p + first, in.n - first, &used) : ETTM_OK;

  if (status != ETTM_OK) {
    return answer(L, tls, status);
  }
  lua_pushinteger(L, (lua_Integer)used);
  return 1;
}

static int tls_channel_binding(lua_State *L) {
  return ettml_push_binding(L, ettm_tls_methods_of_openssl(), check_tls(L));
}

static int tls_finish(lua_State *L) {
  ettm_tls_close(check_tls(L));
  return 0;
}

static int tls_close(lua_State *L) {
  tls_box *t = (tls_box *)ettml_object_check(L, 1, ETTML_TLS);
  ettm_tls *tls = t->tls;
  t->tls = NULL;
  ettm_tls_free(tls);
  return 0;
}

static int tls_tostring(lua_State *L) {
  const tls_box *t = (tls_box *)ettml_object_check(L, 1, ETTML_TLS);
  return ettml_push_name(L, ETTML_TLS, t->tls != NULL ? "open" : "closed");
}

/* Appends the name on top of the stack to those that spaces part. */
static void check_name(lua_State *L, ettm_buffer *names) {
  ettm_str name;
  ettm_status status;
  if (lua_type(L, -1) != LUA_TSTRING) {
    ettml_raise_field(L, 1, "names", "a list of strings expected");
  }
  name = ettml_str_at(L, -1);
  if (strcspn(name.p, " ,") < name.n) { /* a NUL as well */
    ettml_raise_field(L, 1, "names", "a name has a space, a comma or a NUL in it");
  }
  status = ettm_buffer_append(names, name);
  if (status == ETTM_OK) {
    status = ettm_buffer_append_char(names, ' ');
  }
  if (status != ETTM_OK) {
    ettml_raise_field(L, 1, "names", ettm_status_sentence(status));
  }
}

/* The names, a list of strings, as one text. */
static ettm_str check_names(lua_State *L) {
  ettm_buffer *names = ettml_scratch_new(L, CERTIFICATE_MAX);
  size_t i, count;
  lua_pushliteral(L, "names");
  lua_rawget(L, 1);
  if (lua_isnil(L, -1)) {
    return ETTM_LIT("");
  }
  if (!lua_istable(L, -1)) {
    ettml_raise_field(L, 1, "names", "a list of strings expected");
  }
  count = ettml_raw_length(L, -1);
  if (count > ETTM_CERTIFICATE_NAMES) {
    ettml_raise_field(L, 1, "names", "too many");
  }
  for (i = 1; i <= count; i++) {
    lua_rawgeti(L, -1, (int)i);
    check_name(L, names);
    lua_pop(L, 1);
  }
  return ettm_buffer_view(names);
}

/* Seconds from now. The core's 0 means its default: a second earlier is what "now" comes to. */
static long check_seconds(lua_State *L, const char *field) {
  static const ettml_range range = {-2000000000, 2000000000, 2000000001};
  int64_t seconds = ettml_field_size(L, 1, field, &range);
  if (seconds == range.absent) {
    return 0;
  }
  return seconds == 0 ? -1 : (long)seconds;
}

static long check_end(lua_State *L) {
  static const ettml_range range = {1, 20000, 0};
  long seconds = check_seconds(L, "not_after");
  int64_t days = ettml_field_size(L, 1, "days", &range);
  if (days != 0 && seconds != 0) {
    ettml_raise_field(L, 1, "days", "not together with not_after");
  }
  return days != 0 ? (long)(days * 86400) : seconds;
}

/* core.certificate([options]) -> certificate, key */
static int certificate_new(lua_State *L) {
  static const char *const known[] = {"names",      "common_name",        "days",
                                      "not_before", "not_after",          "authority",
                                      "issuer_key", "issuer_certificate", NULL};
  ettm_certificate_options o;
  ettm_buffer *certificate;
  ettm_buffer *key;
  ettm_status status;
  ettml_opt_fields(L, 1, known);
  memset(&o, 0, sizeof o);
  o.common_name = ettml_field_str(L, 1, "common_name");
  o.issuer_certificate = ettml_field_str(L, 1, "issuer_certificate");
  o.issuer_key = ettml_field_str(L, 1, "issuer_key");
  o.is_ca = ettml_field_flag(L, 1, "authority");
  o.not_before = check_seconds(L, "not_before");
  o.not_after = check_end(L);
  o.names = check_names(L);
  certificate = ettml_scratch_new(L, CERTIFICATE_MAX);
  key = ettml_scratch_new(L, CERTIFICATE_MAX);
  key->secret = 1;

  status = ettm_certificate_make(&o, certificate, key);

  if (status != ETTM_OK) {
    return ettml_fail(L, status);
  }
  ettml_push_str(L, ettm_buffer_view(certificate));
  ettml_push_str(L, ettm_buffer_view(key));
  return 2;
}

static const luaL_Reg methods[] = {{"room", tls_room},
                                   {"feed", tls_feed},
                                   {"feed_eof", tls_feed_eof},
                                   {"peek", tls_peek},
                                   {"skip", tls_skip},
                                   {"handshake", tls_handshake},
                                   {"read", tls_read},
                                   {"write", tls_write},
                                   {"finish", tls_finish},
                                   {"close", tls_close},
                                   {"channel_binding", tls_channel_binding},
                                   {NULL, NULL}};

static const luaL_Reg events[] = {
    {"__gc", tls_close}, {"__close", tls_close}, {"__tostring", tls_tostring}, {NULL, NULL}};

static const luaL_Reg functions[] = {
    {"tls", tls_new}, {"certificate", certificate_new}, {NULL, NULL}};

void ettml_tls_open(lua_State *L) {
  static const ettml_class tls_class = {ETTML_TLS, methods, NULL, events};
  ettml_class_register(L, &tls_class);
  ettml_set_functions(L, functions);
}
