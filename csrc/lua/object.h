/* What all classes of the binding share: registration, creation, checked arguments and fields,
 * answers.
 *
 * Every method has three paragraphs. First all arguments are checked, which may raise an error;
 * then the core is called, which knows no Lua and cannot; then the results are pushed, when every
 * core object is consistent again and a raised error (no memory) loses nothing but the answer. What
 * is acquired lives in a userdata that was made before, empty and with its metatable. Nothing here
 * calls back into Lua: fields are read raw.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_LUA_OBJECT_H
#define ETTM_LUA_OBJECT_H

#include <stdint.h>

#include "base/buffer.h"
#include "lua/compat.h"

#define ETTML_WHOLE_MAX 9007199254740992 /* 2^53: up to here a number tells every integer apart */

/* A class: its registry name, at an address of its own, which its metatable also gives as __name
 * and in place of itself. */
typedef struct ettml_class {
  const char *name;
  const luaL_Reg *methods;
  const luaL_Reg *more_methods; /* or NULL */
  const luaL_Reg *events;       /* __gc, __close, __tostring ... */
} ettml_class;

/* Makes the metatable, complete before there is any object. Leaves the stack as it is. */
void ettml_class_register(lua_State *L, const ettml_class *c);

/* Pushes a userdata of that class, all zero. */
void *ettml_object_new(lua_State *L, const char *class_name, size_t size);

/* The object at arg, of that class or an error is raised. */
void *ettml_object_check(lua_State *L, int arg, const char *class_name);

/* The same, also for an object that the other module of the two made: asks the registry. */
void *ettml_object_check_any(lua_State *L, int arg, const char *class_name);

/* The object at index when it is of that class, else NULL. Cannot throw. */
void *ettml_object_test(lua_State *L, int index, const char *class_name);

/* Raises that the object at arg is closed. */
int ettml_raise_closed(lua_State *L, int arg, const char *class_name);

/* Pushes "NAME (state)". */
int ettml_push_name(lua_State *L, const char *class_name, const char *state);

/* Gives the userdata on top a fresh table for the Lua values that it needs. */
void ettml_anchors_new(lua_State *L);

/* The allocator of the Lua state. */
ettm_alloc ettml_alloc_of(lua_State *L);

/* Pushes an empty core buffer that the collector frees. */
ettm_buffer *ettml_scratch_new(lua_State *L, size_t max);
void ettml_scratch_register(lua_State *L);

/* The same, but one that the state keeps: empty, and only until the caller returns or asks for the
 * same slot again. For what is done many times a message. */
typedef enum ettml_scratch_slot {
  ETTML_SCRATCH_OUT,
  ETTML_SCRATCH_ARENA,
  ETTML_SCRATCHES
} ettml_scratch_slot;
ettm_buffer *ettml_scratch_again(lua_State *L, ettml_scratch_slot slot, size_t max);

/* Arguments. Strings are strings (no numbers) and are lent while they are on the stack. */
ettm_str ettml_str_at(lua_State *L, int index);
ettm_str ettml_check_str(lua_State *L, int arg);
ettm_str ettml_opt_str(lua_State *L, int arg); /* absent or nil: empty */

/* A whole number from lo to hi, both within +-ETTML_WHOLE_MAX; numeric strings, fractions and NaN
 * are none. */
int64_t ettml_check_size(lua_State *L, int arg, int64_t lo, int64_t hi);
int64_t ettml_opt_size(lua_State *L, int arg, int64_t lo, int64_t hi, int64_t absent);

/* A deadline on ettm_clock_ms's scale: a number, fractions rounded up; -1 for none: absent, nil or
 * infinite. */
int64_t ettml_opt_deadline(lua_State *L, int arg);

/* Raises an error unless arg is a table and has no field but those named (up to a NULL). The second
 * makes an empty table of an absent or nil last argument, and cuts the stack to it. */
void ettml_check_fields(lua_State *L, int arg, const char *const *known);
void ettml_opt_fields(lua_State *L, int arg, const char *const *known);

/* Raises an error about one field of the table at arg. */
int ettml_raise_field(lua_State *L, int arg, const char *field, const char *problem);

/* Fields of the table at arg. A string stays on the stack, and lent, until the method returns. */
ettm_str ettml_field_str(lua_State *L, int arg, const char *field); /* absent: empty, p is NULL */
int ettml_field_flag(lua_State *L, int arg, const char *field);     /* absent: 0 */

typedef struct ettml_range {
  int64_t lo, hi;
  int64_t absent; /* what a field that is not there means */
} ettml_range;
int64_t ettml_field_size(lua_State *L, int arg, const char *field, const ettml_range *range);

/* Answers; each returns the number of values pushed. ETTM_E_MEMORY is raised, not returned. */
int ettml_push_str(lua_State *L, ettm_str s);
int ettml_answer_true(lua_State *L);
int ettml_answer_nil(lua_State *L);
int ettml_answer_not_now(lua_State *L, const char *word); /* nil, "WAIT" and the like */
int ettml_fail(lua_State *L, ettm_status status);         /* nil, code, sentence */
int ettml_fail_text(lua_State *L, ettm_status status, const char *text);
int ettml_fail_top(lua_State *L, ettm_status status); /* the text is on top of the stack */

/* True for ETTM_OK; nil, "WAIT" for ETTM_FULL and ETTM_NEED_INPUT; nil, "DONE"; else as fail. */
int ettml_answer(lua_State *L, ettm_status status);

/* Sets fields of the table on top. */
void ettml_set_str(lua_State *L, const char *field, ettm_str value);
void ettml_set_text(lua_State *L, const char *field, const char *value);
void ettml_set_size(lua_State *L, const char *field, uint64_t value);

#endif
