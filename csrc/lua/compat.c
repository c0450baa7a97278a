/* SPDX-License-Identifier: MIT */
#include "lua/compat.h"

/* Where there is a pseudo-index of the globals, user values are environments and lua_rawlen is
 * lua_objlen: 5.1 and LuaJIT. */
#if defined(LUA_GLOBALSINDEX)

void ettml_set_user_table(lua_State *L, int index) {
  lua_setfenv(L, index);
}

void ettml_push_user_table(lua_State *L, int index) {
  lua_getfenv(L, index);
}

size_t ettml_raw_length(lua_State *L, int index) {
  return lua_objlen(L, index);
}

#else

void ettml_set_user_table(lua_State *L, int index) {
  lua_setuservalue(L, index);
}

void ettml_push_user_table(lua_State *L, int index) {
  lua_getuservalue(L, index);
}

size_t ettml_raw_length(lua_State *L, int index) {
  return (size_t)lua_rawlen(L, index);
}

#endif

/* LuaJIT, too, which says it is 5.1 and has this of what came later. */
#if LUA_VERSION_NUM >= 503 || (LUA_VERSION_NUM == 501 && defined(LUA_OK))

int ettml_may_yield(lua_State *L) {
  return lua_isyieldable(L);
}

#else

int ettml_may_yield(lua_State *L) {
  int is_main = lua_pushthread(L);
  lua_pop(L, 1);
  return !is_main;
}

#endif

void ettml_set_functions(lua_State *L, const luaL_Reg *functions) {
  for (; functions->name != NULL; functions++) {
    lua_pushcfunction(L, functions->func);
    lua_setfield(L, -2, functions->name);
  }
}
