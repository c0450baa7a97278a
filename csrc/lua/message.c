/* SPDX-License-Identifier: MIT */
/* ettsumailer.message: a message under construction, then sealed. Its parts are added in
 * message_parts.c. */
#include <string.h>

#include "lua/charset.h"
#include "lua/classes.h"
#include "net/random.h"

const char ETTML_MESSAGE[] = "ettsumailer.message";

typedef struct message {
  ettm_message *core; /* NULL: closed, or its sealing failed */
} message;

static ettm_message *check_message(lua_State *L, int arg) {
  const message *m = (message *)ettml_object_check(L, arg, ETTML_MESSAGE);
  if (m->core == NULL) {
    ettml_raise_closed(L, arg, ETTML_MESSAGE);
  }
  return m->core;
}

ettm_message *ettml_message_check(lua_State *L) {
  return check_message(L, 1);
}

ettm_message *ettml_message_sealed(lua_State *L, int arg) {
  ettm_message *m = check_message(L, arg);
  luaL_argcheck(L, ettm_message_is_sealed(m), arg, "the message is not sealed");
  return m;
}

static ettm_message *check_sealed(lua_State *L) {
  return ettml_message_sealed(L, 1);
}

/* core.message([kept]): the table kept becomes the message's anchors, by number, and has whatever
 * else Lua puts into it. */
static int message_new(lua_State *L) {
  ettm_alloc alloc = ettml_alloc_of(L);
  ettm_status status;
  message *m;
  lua_settop(L, 1);
  if (lua_isnil(L, 1)) {
    lua_newtable(L);
    lua_replace(L, 1);
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  m = (message *)ettml_object_new(L, ETTML_MESSAGE, sizeof *m);
  lua_pushvalue(L, 1);
  ettml_set_user_table(L, 2);

  status = ettm_message_new(&m->core, &alloc);

  return status == ETTM_OK ? 1 : ettml_fail(L, status);
}

/* The anchors stay: readers may hold them. */
static int message_close(lua_State *L) {
  message *m = (message *)ettml_object_check(L, 1, ETTML_MESSAGE);
  ettm_message *core = m->core;
  m->core = NULL;
  ettm_message_release(core);
  return 0;
}

static int message_tostring(lua_State *L) {
  const message *m = (message *)ettml_object_check(L, 1, ETTML_MESSAGE);
  const char *state = "closed";
  if (m->core != NULL) {
    state = ettm_message_is_sealed(m->core) ? "sealed" : "open";
  }
  return ettml_push_name(L, ETTML_MESSAGE, state);
}

/* core.message_kept(message): that table; also of a closed message. */
static int message_kept(lua_State *L) {
  ettml_object_check(L, 1, ETTML_MESSAGE);
  ettml_push_user_table(L, 1);
  return 1;
}

/* The charset of what is written. */

/* Pushes the charset of the message at argument 1; nil when it is UTF-8. */
static void push_charset(lua_State *L) {
  ettml_push_user_table(L, 1);
  lua_rawgeti(L, -1, ETTML_SLOT_CHARSET);
  lua_remove(L, -2);
}

/* message:charset(name [, strict]): of what is added from now on; once in a message, as what is
 * there already may still need the converter. */
static int message_charset(lua_State *L) {
  ettm_message *m = ettml_message_check(L);
  ettm_str name = ettml_check_str(L, 2);
  int is_strict = lua_toboolean(L, 3);
  const ettm_charset_encoder *encoder;
  ettm_status status;
  lua_settop(L, 2);
  push_charset(L);
  if (!lua_isnil(L, 3) || ettm_message_headers(m) == NULL) {
    return ettml_fail(L, ETTM_E_STATE);
  }
  ettml_push_user_table(L, 1);

  status = ettml_charset_push(L, name, is_strict, &encoder);

  if (status != ETTM_OK) {
    return ettml_charset_fail(L, 5, status);
  }
  lua_rawseti(L, 4, ETTML_SLOT_CHARSET);
  ettm_message_set_encoder(m, encoder);
  return ettml_answer_true(L);
}

static void close_charset(lua_State *L) {
  push_charset(L);
  if (!lua_isnil(L, -1)) {
    ettml_charset_close(L, lua_gettop(L));
  }
  lua_pop(L, 1);
}

/* Pushes what went wrong. */
static void push_problem(lua_State *L, ettm_status status) {
  int at = lua_gettop(L) + 1;
  push_charset(L);
  if (status == ETTM_E_ARGUMENT && !lua_isnil(L, at) && ettml_charset_has_misfit(L, at)) {
    ettml_charset_push_problem(L, at, status);
  } else {
    lua_pushstring(L, ettm_status_sentence(status));
  }
  lua_remove(L, at);
}

int ettml_message_fail(lua_State *L, ettm_status status) {
  push_problem(L, status);
  return ettml_fail_top(L, status);
}

/* Header fields. */

typedef ettm_status (*header_adder)(ettm_headers *h, ettm_str name, ettm_str value);

/* Says which field it was, and of an address list where it went wrong. */
static int header_fail(lua_State *L, ettm_str name, ettm_str value, ettm_status status) {
  ettml_push_str(L, name);
  if (status == ETTM_E_ADDRESS) {
    ettml_push_address_problem(L, value, ETTM_ADDRESS_CARRIERS);
  } else {
    push_problem(L, status);
  }
  lua_pushfstring(L, "%s: %s", lua_tostring(L, -2), lua_tostring(L, -1));
  return ettml_fail_top(L, status);
}

/* Arguments from arg on: kind, name, value. h is NULL when the message is sealed. */
static int add_header(lua_State *L, int arg, ettm_headers *h) {
  static const char *const kinds[] = {"text", "ready", "addresses", NULL};
  static const header_adder adders[] = {ettm_headers_add_text, ettm_headers_add_ready,
                                        ettm_headers_add_addresses};
  int kind = luaL_checkoption(L, arg, NULL, kinds);
  ettm_str name = ettml_check_str(L, arg + 1);
  ettm_str value = ettml_check_str(L, arg + 2);

  ettm_status status = h != NULL ? adders[kind](h, name, value) : ETTM_E_STATE;

  return status == ETTM_OK ? ettml_answer_true(L) : header_fail(L, name, value, status);
}

static int message_header(lua_State *L) {
  ettm_message *m = ettml_message_check(L);
  lua_settop(L, 4);
  return add_header(L, 2, ettm_message_headers(m));
}

/* The header section that others made: the fields go in as they stand. */
static int message_section(lua_State *L) {
  ettm_message *m = ettml_message_check(L);
  ettm_section section;
  ettm_headers *h = ettm_message_headers(m);
  ettm_status status = ETTM_E_STATE;
  lua_settop(L, 2);
  ettm_section_init(&section, ettml_check_str(L, 2), 1, 0);

  if (h != NULL) {
    status = ettm_headers_add_section(h, &section);
  }

  return status == ETTM_OK ? ettml_answer_true(L) : ettml_section_fail(L, &section, status);
}

static int message_part_header(lua_State *L) {
  ettm_message *m = ettml_message_check(L);
  ettm_part part = (ettm_part)ettml_check_size(L, 2, 0, UINT32_MAX);
  ettm_headers *h = ettm_message_part_headers(m, part);
  luaL_argcheck(L, h != NULL || ettm_message_is_sealed(m), 2, "there is no such part");
  lua_settop(L, 5);
  return add_header(L, 3, h);
}

/* Sealing. */

static void check_seal(lua_State *L, ettm_seal *seal) {
  static const char *const known[] = {"now", "zone", "entropy", "host", NULL};
  static const ettml_range zones = {-1440, 1440, -1441};
  ettml_range times = {-ETTML_WHOLE_MAX, ETTML_WHOLE_MAX, 0};
  int64_t zone;
  memset(seal, 0, sizeof *seal);
  seal->now = times.absent = ettm_clock_now(&seal->zone_minutes);
  if (lua_isnoneornil(L, 2)) {
    return;
  }
  ettml_opt_fields(L, 2, known);
  zone = ettml_field_size(L, 2, "zone", &zones);
  if (zone != zones.absent) {
    seal->zone_minutes = (int)zone;
  }
  seal->now = ettml_field_size(L, 2, "now", &times);
  seal->message_id_host = ettml_field_str(L, 2, "host");
  seal->entropy = ettml_field_str(L, 2, "entropy");
}

/* What the core's status cannot tell. */
static const char *seal_problem(ettm_status status, int has_from) {
  if (status == ETTM_E_ARGUMENT && !has_from) {
    return "the message has no From";
  }
  return status == ETTM_E_STATE ? "the message has no part" : ettm_status_sentence(status);
}

static int message_seal(lua_State *L) {
  ettm_message *m = ettml_message_check(L);
  char entropy[ETTM_ENTROPY_SIZE];
  ettm_status status = ETTM_OK;
  int has_from;
  ettm_seal seal;
  check_seal(L, &seal);
  if (ettm_message_is_sealed(m)) {
    return ettml_fail_text(L, ETTM_E_STATE, "the message is sealed already");
  }

  has_from = ettm_headers_find(ettm_message_headers(m), ETTM_LIT("From"), NULL);
  if (seal.entropy.p == NULL) {
    seal.entropy = ettm_str_of(entropy, sizeof entropy);
    status = ettm_random(entropy, sizeof entropy);
  }
  if (status == ETTM_OK) {
    status = ettm_message_seal(m, &seal);
  }
  close_charset(L);

  if (status == ETTM_OK) {
    return ettml_answer_true(L);
  }
  message_close(L); /* all that can be done with it */
  return ettml_fail_text(L, status, seal_problem(status, has_from));
}

static int message_is_sealed(lua_State *L) {
  lua_pushboolean(L, ettm_message_is_sealed(ettml_message_check(L)));
  return 1;
}

/* Of a sealed message. */

static int message_id(lua_State *L) {
  return ettml_push_str(L, ettm_message_id(check_sealed(L)));
}

static int message_header_section(lua_State *L) {
  return ettml_push_str(L, ettm_message_header_section(check_sealed(L)));
}

static int message_size(lua_State *L) {
  uint64_t size = ettm_message_size(check_sealed(L));
  if (size == ETTM_SIZE_UNKNOWN) {
    return ettml_answer_nil(L);
  }
  lua_pushinteger(L, (lua_Integer)size);
  return 1;
}

static int message_needs_8bit(lua_State *L) {
  lua_pushboolean(L, ettm_message_needs_8bit(check_sealed(L)));
  return 1;
}

static int message_needs_smtputf8(lua_State *L) {
  lua_pushboolean(L, ettm_message_needs_smtputf8(check_sealed(L)));
  return 1;
}

/* message:reader([closed_reader]): the one that is closed is used again. */
static int message_reader(lua_State *L) {
  ettm_message *m = check_sealed(L);
  ettm_status status;
  lua_settop(L, 2);
  ettml_push_user_table(L, 1);

  status = ettml_reader_push(L, m, 2);

  return status == ETTM_OK ? 1 : ettml_fail(L, status);
}

static const luaL_Reg methods[] = {{"charset", message_charset},
                                   {"header", message_header},
                                   {"addresses", ettml_message_addresses},
                                   {"section", message_section},
                                   {"part_header", message_part_header},
                                   {"seal", message_seal},
                                   {"is_sealed", message_is_sealed},
                                   {"id", message_id},
                                   {"size", message_size},
                                   {"needs_8bit", message_needs_8bit},
                                   {"needs_smtputf8", message_needs_smtputf8},
                                   {"header_section", message_header_section},
                                   {"reader", message_reader},
                                   {"close", message_close},
                                   {NULL, NULL}};

static const luaL_Reg events[] = {{"__gc", message_close},
                                  {"__close", message_close},
                                  {"__tostring", message_tostring},
                                  {NULL, NULL}};

/* A list of strings and userdata at index. */
static int is_list_of_texts(lua_State *L, int index) {
  int i = 0;
  int type;
  if (lua_getmetatable(L, index)) {
    return 0;
  }
  do {
    lua_rawgeti(L, index, ++i);
    type = lua_type(L, -1);
    lua_pop(L, 1);
  } while (type == LUA_TSTRING || type == LUA_TUSERDATA);
  return type == LUA_TNIL;
}

/* core.is_usual(given, names): whether given is a table whose every field is named, and is a string
 * or, where the name is true, texts: a userdata, or a list of such and strings. Only then it needs
 * no further look; a metatable may hide other fields. */
static int is_usual(lua_State *L) {
  int is = lua_istable(L, 1) && !lua_getmetatable(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  lua_pushnil(L);
  while (is && lua_next(L, 1)) {
    int type = lua_type(L, 4);
    lua_pushvalue(L, 3);
    lua_rawget(L, 2);
    is = type == LUA_TSTRING ? !lua_isnil(L, 5) : lua_toboolean(L, 5);
    if (is && type != LUA_TSTRING) {
      is = type == LUA_TUSERDATA || (type == LUA_TTABLE && is_list_of_texts(L, 4));
    }
    lua_settop(L, 3);
  }
  lua_pushboolean(L, is);
  return 1;
}

static const luaL_Reg functions[] = {
    {"message", message_new}, {"message_kept", message_kept}, {"is_usual", is_usual}, {NULL, NULL}};

void ettml_set_methods(lua_State *L, const char *class_name, const char *field) {
  luaL_getmetatable(L, class_name);
  lua_getfield(L, -1, "__index");
  lua_setfield(L, -3, field);
  lua_pop(L, 1);
}

void ettml_message_open(lua_State *L) {
  static const ettml_class message_class = {ETTML_MESSAGE, methods, ettml_message_parts, events};
  ettml_class_register(L, &message_class);
  ettml_set_functions(L, functions);
  ettml_set_methods(L, ETTML_MESSAGE, "message_methods");
}
