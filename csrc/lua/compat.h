/* What the Lua engines call by different names, under one name each: 5.1, 5.2, 5.3, 5.4, LuaJIT.
 *
 * Our own names, so that no engine's header can clash with them: LuaJIT says it is 5.1 and has half
 * of what 5.2 brought. Hidden here: lua_setfenv or lua_setuservalue; lua_objlen or lua_rawlen;
 * luaL_setfuncs, luaL_testudata and lua_isyieldable, which 5.1 does not have. Only what the binding
 * uses.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_LUA_COMPAT_H
#define ETTM_LUA_COMPAT_H

#include <lauxlib.h>
#include <lua.h>

#if defined(__GNUC__)
#define ETTML_EXPORT __attribute__((visibility("default")))
#else
#define ETTML_EXPORT
#endif

/* Makes the table on top the one user value of the userdata at index, and pops it. */
void ettml_set_user_table(lua_State *L, int index);

/* Pushes that table. Cannot throw. */
void ettml_push_user_table(lua_State *L, int index);

/* The length of the table or string at index, without metamethods. */
size_t ettml_raw_length(lua_State *L, int index);

/* Whether the running coroutine could yield here: no C function but the caller is in the way. 5.1
 * and 5.2 know only whether it is the main one, which never can. */
int ettml_may_yield(lua_State *L);

/* Sets the functions, up to the entry without a name, in the table on top. */
void ettml_set_functions(lua_State *L, const luaL_Reg *functions);

#endif
