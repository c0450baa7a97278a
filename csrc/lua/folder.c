/* SPDX-License-Identifier: MIT */
/* core.make_folder: what Lua has no function for, and mail that goes into files needs. */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "lua/classes.h"
#include "net/socket.h"

static int is_folder(const char *path) {
  struct stat about;
  return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

/* core.make_folder(path): one level, for its owner only; fine where it is a folder already. */
static int make_folder(lua_State *L) {
  ettm_str path = ettml_check_str(L, 1);
  char reason[128];
  luaL_argcheck(L, memchr(path.p, '\0', path.n) == NULL, 1, "there is a NUL in the path");

  if (mkdir(path.p, 0700) == 0 || (errno == EEXIST && is_folder(path.p))) {
    return ettml_answer_true(L);
  }
  lua_pushfstring(L, "cannot make %s: %s", path.p, ettm_system_text(errno, reason));
  return ettml_fail_top(L, ETTM_E_ARGUMENT);
}

static const luaL_Reg functions[] = {{"make_folder", make_folder}, {NULL, NULL}};

void ettml_folder_open(lua_State *L) {
  ettml_set_functions(L, functions);
}
