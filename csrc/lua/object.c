/* SPDX-License-Identifier: MIT */
#include "lua/object.h"

#include <stdio.h>
#include <string.h>

#define SCRATCH_KEPT 8192 /* octets that a scratch buffer used again may hold meanwhile */

static const char SCRATCH[] = "ettsumailer.scratch";

/* In front of each object. Objects are made here only, so one whose head holds the address of a
 * class's name is of that class; to ask the registry for the metatable takes ten times as long. */
typedef union object_head {
  const char *class_name;
  uint64_t alignment;
} object_head;

void ettml_class_register(lua_State *L, const ettml_class *c) {
  luaL_newmetatable(L, c->name);
  lua_newtable(L);
  ettml_set_functions(L, c->methods);
  if (c->more_methods != NULL) {
    ettml_set_functions(L, c->more_methods);
  }
  lua_setfield(L, -2, "__index");
  ettml_set_functions(L, c->events);
  lua_pushstring(L, c->name);
  lua_setfield(L, -2, "__name");
  lua_pushstring(L, c->name);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

void *ettml_object_new(lua_State *L, const char *class_name, size_t size) {
  object_head *head = (object_head *)lua_newuserdata(L, sizeof *head + size);
  memset(head, 0, sizeof *head + size);
  head->class_name = class_name;
  luaL_getmetatable(L, class_name);
  lua_setmetatable(L, -2);
  return head + 1;
}

void *ettml_object_check(lua_State *L, int arg, const char *class_name) {
  void *object = ettml_object_test(L, arg, class_name);
  if (object == NULL) {
    luaL_checkudata(L, arg, class_name); /* raises the error */
    luaL_argerror(L, arg, "an object that was not made here");
  }
  return object;
}

void *ettml_object_check_any(lua_State *L, int arg, const char *class_name) {
  return (object_head *)luaL_checkudata(L, arg, class_name) + 1;
}

void *ettml_object_test(lua_State *L, int index, const char *class_name) {
  object_head *head;
  if (lua_type(L, index) != LUA_TUSERDATA || ettml_raw_length(L, index) < sizeof *head) {
    return NULL;
  }
  head = (object_head *)lua_touserdata(L, index);
  return head->class_name == class_name ? head + 1 : NULL;
}

int ettml_raise_closed(lua_State *L, int arg, const char *class_name) {
  return luaL_argerror(L, arg, lua_pushfstring(L, "this %s is closed", class_name));
}

int ettml_push_name(lua_State *L, const char *class_name, const char *state) {
  lua_pushfstring(L, "%s (%s)", class_name, state);
  return 1;
}

void ettml_anchors_new(lua_State *L) {
  lua_newtable(L);
  ettml_set_user_table(L, -2);
}

ettm_alloc ettml_alloc_of(lua_State *L) {
  ettm_alloc alloc;
  alloc.fn = lua_getallocf(L, &alloc.ud);
  return alloc;
}

static int scratch_free(lua_State *L) {
  ettm_buffer *buffer = (ettm_buffer *)ettml_object_check_any(L, 1, SCRATCH);
  if (buffer->alloc.fn != NULL) {
    ettm_buffer_clear(buffer);
    buffer->alloc.fn = NULL; /* the state is being closed: nobody uses it again */
  }
  return 0;
}

static const luaL_Reg scratch_methods[] = {{NULL, NULL}};
static const luaL_Reg scratch_events[] = {{"__gc", scratch_free}, {NULL, NULL}};
static const ettml_class scratch_class = {SCRATCH, scratch_methods, NULL, scratch_events};

void ettml_scratch_register(lua_State *L) {
  ettml_class_register(L, &scratch_class);
}

ettm_buffer *ettml_scratch_new(lua_State *L, size_t max) {
  ettm_buffer *buffer = (ettm_buffer *)ettml_object_new(L, SCRATCH, sizeof *buffer);
  ettm_alloc alloc = ettml_alloc_of(L);
  ettm_buffer_init(buffer, &alloc, max);
  return buffer;
}

ettm_buffer *ettml_scratch_again(lua_State *L, ettml_scratch_slot slot, size_t max) {
  static const char keys[ETTML_SCRATCHES] = {0};
  ettm_buffer *buffer;
  lua_pushlightuserdata(L, (void *)&keys[slot]);
  lua_rawget(L, LUA_REGISTRYINDEX);
  buffer = (ettm_buffer *)ettml_object_test(L, -1, SCRATCH);
  if (buffer != NULL && buffer->alloc.fn != NULL) {
    ettm_buffer_truncate(buffer, 0);
    if (buffer->capacity > SCRATCH_KEPT) {
      ettm_buffer_clear(buffer);
    }
    buffer->max = max;
    return buffer;
  }
  lua_pop(L, 1);
  buffer = ettml_scratch_new(L, max);
  lua_pushlightuserdata(L, (void *)&keys[slot]);
  lua_pushvalue(L, -2);
  lua_rawset(L, LUA_REGISTRYINDEX);
  return buffer;
}

ettm_str ettml_str_at(lua_State *L, int index) {
  ettm_str s;
  s.p = lua_tolstring(L, index, &s.n);
  return s;
}

ettm_str ettml_check_str(lua_State *L, int arg) {
  /* luaL_checklstring would take a number, and turn the caller's value into a string. */
  luaL_checktype(L, arg, LUA_TSTRING);
  return ettml_str_at(L, arg);
}

ettm_str ettml_opt_str(lua_State *L, int arg) {
  return lua_isnoneornil(L, arg) ? ETTM_LIT("") : ettml_check_str(L, arg);
}

/* The comparison is false for NaN, so that the cast is always within its range. */
static int is_whole(double x, int64_t lo, int64_t hi) {
  return x >= (double)lo && x <= (double)hi && (double)(int64_t)x == x;
}

/* Pushed, and lent. lua_pushfstring has no format for 64 bits that all engines know. */
static const char *range_text(lua_State *L, int64_t lo, int64_t hi) {
  char text[100];
  snprintf(text, sizeof text, "a whole number from %lld to %lld expected", (long long)lo,
           (long long)hi);
  lua_pushstring(L, text);
  return lua_tostring(L, -1);
}

int64_t ettml_check_size(lua_State *L, int arg, int64_t lo, int64_t hi) {
  double x;
  luaL_checktype(L, arg, LUA_TNUMBER);
  x = (double)lua_tonumber(L, arg);
  if (!is_whole(x, lo, hi)) {
    luaL_argerror(L, arg, range_text(L, lo, hi));
  }
  return (int64_t)x;
}

int64_t ettml_opt_size(lua_State *L, int arg, int64_t lo, int64_t hi, int64_t absent) {
  return lua_isnoneornil(L, arg) ? absent : ettml_check_size(L, arg, lo, hi);
}

int64_t ettml_opt_deadline(lua_State *L, int arg) {
  const double most = (double)ETTML_WHOLE_MAX;
  double x;
  if (lua_isnoneornil(L, arg)) {
    return -1;
  }
  luaL_checktype(L, arg, LUA_TNUMBER);
  x = (double)lua_tonumber(L, arg);
  if (x >= most) {
    return -1;
  }
  if (x <= 0) {
    return 0; /* long over; below zero would mean that there is none */
  }
  luaL_argcheck(L, x > 0, arg, "a number of milliseconds expected"); /* NaN */
  return (int64_t)x + ((double)(int64_t)x < x);
}

static int is_known(const char *name, const char *const *known) {
  for (; *known != NULL; known++) {
    if (strcmp(*known, name) == 0) {
      return 1;
    }
  }
  return 0;
}

void ettml_check_fields(lua_State *L, int arg, const char *const *known) {
  luaL_checktype(L, arg, LUA_TTABLE);
  luaL_checkstack(L, 20, "fields");
  lua_pushnil(L);
  while (lua_next(L, arg)) {
    lua_pop(L, 1);
    if (lua_type(L, -1) != LUA_TSTRING) {
      ettml_raise_field(L, arg, "", "names are strings");
    }
    if (!is_known(lua_tostring(L, -1), known)) {
      ettml_raise_field(L, arg, lua_tostring(L, -1), "there is no such field");
    }
  }
}

void ettml_opt_fields(lua_State *L, int arg, const char *const *known) {
  lua_settop(L, arg);
  if (lua_isnil(L, arg)) {
    lua_newtable(L);
    lua_replace(L, arg);
  }
  ettml_check_fields(L, arg, known);
}

int ettml_raise_field(lua_State *L, int arg, const char *field, const char *problem) {
  return luaL_argerror(L, arg, lua_pushfstring(L, "field '%s': %s", field, problem));
}

/* Pushes the field and returns its type. */
static int push_field(lua_State *L, int arg, const char *field) {
  lua_pushstring(L, field);
  lua_rawget(L, arg);
  return lua_type(L, -1);
}

ettm_str ettml_field_str(lua_State *L, int arg, const char *field) {
  int type = push_field(L, arg, field);
  if (type == LUA_TNIL) {
    lua_pop(L, 1);
    return ettm_str_of(NULL, 0);
  }
  if (type != LUA_TSTRING) {
    ettml_raise_field(L, arg, field, "a string expected");
  }
  return ettml_str_at(L, -1);
}

int ettml_field_flag(lua_State *L, int arg, const char *field) {
  int type = push_field(L, arg, field);
  int flag = lua_toboolean(L, -1);
  if (type != LUA_TNIL && type != LUA_TBOOLEAN) {
    ettml_raise_field(L, arg, field, "true or false expected");
  }
  lua_pop(L, 1);
  return flag;
}

int64_t ettml_field_size(lua_State *L, int arg, const char *field, const ettml_range *range) {
  int type = push_field(L, arg, field);
  double x = (double)lua_tonumber(L, -1);
  lua_pop(L, 1);
  if (type == LUA_TNIL) {
    return range->absent;
  }
  if (type != LUA_TNUMBER || !is_whole(x, range->lo, range->hi)) {
    ettml_raise_field(L, arg, field, range_text(L, range->lo, range->hi));
  }
  return (int64_t)x;
}

int ettml_push_str(lua_State *L, ettm_str s) {
  lua_pushlstring(L, s.n > 0 ? s.p : "", s.n);
  return 1;
}

int ettml_answer_true(lua_State *L) {
  lua_pushboolean(L, 1);
  return 1;
}

int ettml_answer_nil(lua_State *L) {
  lua_pushnil(L);
  return 1;
}

int ettml_answer_not_now(lua_State *L, const char *word) {
  lua_pushnil(L);
  lua_pushstring(L, word);
  return 2;
}

int ettml_fail(lua_State *L, ettm_status status) {
  return ettml_fail_text(L, status, ettm_status_sentence(status));
}

int ettml_fail_text(lua_State *L, ettm_status status, const char *text) {
  lua_pushstring(L, text);
  return ettml_fail_top(L, status);
}

int ettml_fail_top(lua_State *L, ettm_status status) {
  if (status == ETTM_E_MEMORY) {
    lua_pushstring(L, ettm_status_sentence(status));
    return lua_error(L);
  }
  lua_pushnil(L);
  lua_insert(L, -2);
  lua_pushstring(L, ettm_status_code(status));
  lua_insert(L, -2);
  return 3;
}

int ettml_answer(lua_State *L, ettm_status status) {
  switch (status) {
  case ETTM_OK: return ettml_answer_true(L);
  case ETTM_NEED_INPUT:
  case ETTM_FULL: return ettml_answer_not_now(L, "WAIT");
  case ETTM_DONE: return ettml_answer_not_now(L, "DONE");
  default: return ettml_fail(L, status);
  }
}

void ettml_set_str(lua_State *L, const char *field, ettm_str value) {
  ettml_push_str(L, value);
  lua_setfield(L, -2, field);
}

void ettml_set_text(lua_State *L, const char *field, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, field);
}

void ettml_set_size(lua_State *L, const char *field, uint64_t value) {
  lua_pushinteger(L, (lua_Integer)value);
  lua_setfield(L, -2, field);
}
