/* SPDX-License-Identifier: MIT */
/* ettsumailer.process: a child process with pipes to its standard input and output. */
#include <string.h>

#include "lua/classes.h"
#include "net/pipe.h"
#include "net/process.h"

#define ARGUMENTS_MAX 64

enum { CHILD_INPUT, CHILD_OUTPUT };

typedef struct process_box {
  ettm_process process;
  int is_open; /* the pipes are */
} process_box;

static process_box *check_process(lua_State *L) {
  process_box *p = (process_box *)ettml_object_check(L, 1, ETTML_PROCESS);
  if (!p->is_open) {
    ettml_raise_closed(L, 1, ETTML_PROCESS);
  }
  return p;
}

int ettml_process_descriptor(lua_State *L, int index, unsigned wanted) {
  const process_box *p = (process_box *)ettml_test_userdata(L, index, ETTML_PROCESS);
  if (p == NULL || !p->is_open) {
    return -1;
  }
  return p->process.pipes[wanted == ETTM_POLL_WRITE ? CHILD_INPUT : CHILD_OUTPUT];
}

static int system_fail(lua_State *L, ettm_status status, int sys_error) {
  char text[128];
  if (sys_error != 0) {
    return ettml_fail_text(L, status, ettm_system_text(sys_error, text));
  }
  return ettml_answer(L, status);
}

/* The list of strings at argument 1; each stays on the stack, and lent, until the method returns.
 */
static void check_arguments(lua_State *L, const char *arguments[ARGUMENTS_MAX + 1]) {
  int i;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  luaL_checkstack(L, ARGUMENTS_MAX + 4, "too many arguments");
  for (i = 0; i <= ARGUMENTS_MAX; i++) {
    ettm_str argument;
    lua_rawgeti(L, 1, i + 1);
    if (lua_isnil(L, -1)) {
      break;
    }
    luaL_argcheck(L, i < ARGUMENTS_MAX && lua_type(L, -1) == LUA_TSTRING, 1,
                  "a list of at most 64 strings expected");
    argument = ettml_str_at(L, -1);
    luaL_argcheck(L, memchr(argument.p, '\0', argument.n + 1) == argument.p + argument.n, 1,
                  "an argument has a NUL in it");
    arguments[i] = argument.p;
  }
  luaL_argcheck(L, i > 0, 1, "the program's name expected");
  arguments[i] = NULL;
}

/* core.spawn{ program, argument, ... } */
static int process_new(lua_State *L) {
  static const ettm_stream streams[3] = {ETTM_STREAM_PIPE, ETTM_STREAM_PIPE, ETTM_STREAM_INHERIT};
  const char *arguments[ARGUMENTS_MAX + 1];
  int sys_error = 0;
  ettm_status status;
  process_box *p;
  check_arguments(L, arguments);
  p = (process_box *)ettml_object_new(L, ETTML_PROCESS, sizeof *p);
  p->process.pid = -1;

  status = ettm_process_start(&p->process, arguments, streams, &sys_error);

  if (status != ETTM_OK) {
    return system_fail(L, status, sys_error);
  }
  p->is_open = 1;
  return 1;
}

static int process_pid(lua_State *L) {
  const process_box *p = (process_box *)ettml_object_check(L, 1, ETTML_PROCESS);
  if (p->process.pid < 0) {
    return ettml_answer_nil(L);
  }
  lua_pushinteger(L, (lua_Integer)p->process.pid);
  return 1;
}

/* p:write(bytes [, first]) */
static int process_write(lua_State *L) {
  const process_box *p = check_process(L);
  ettm_str in = ettml_check_str(L, 2);
  size_t first = (size_t)ettml_opt_size(L, 3, 1, (int64_t)in.n, 1) - 1;
  size_t n = 0;
  int sys_error = 0;
  ettm_status status;
  luaL_argcheck(L, p->process.pipes[CHILD_INPUT] >= 0, 1, "its input is closed");

  status =
      ettm_pipe_write(p->process.pipes[CHILD_INPUT], in.p + first, in.n - first, &n, &sys_error);

  if (status != ETTM_OK) {
    return system_fail(L, status, sys_error);
  }
  lua_pushinteger(L, (lua_Integer)n);
  return 1;
}

static int process_read(lua_State *L) {
  const process_box *p = check_process(L);
  size_t max = (size_t)ettml_opt_size(L, 2, 1, ETTML_WHOLE_MAX, ETTML_NET_BLOCK);
  char bytes[ETTML_NET_BLOCK];
  size_t n = 0;
  int sys_error = 0;
  ettm_status status;

  status = ettm_pipe_read(p->process.pipes[CHILD_OUTPUT], bytes,
                          max < sizeof bytes ? max : sizeof bytes, &n, &sys_error);

  return status == ETTM_OK ? ettml_push_str(L, ettm_str_of(bytes, n))
                           : system_fail(L, status, sys_error);
}

static int process_close_input(lua_State *L) {
  process_box *p = check_process(L);
  ettm_socket_close(&p->process.pipes[CHILD_INPUT]);
  return 0;
}

/* p:wait() -> exit status, or nil, "WAIT" while it runs; -1 and the signal that ended it */
static int process_wait(lua_State *L) {
  process_box *p = (process_box *)ettml_object_check(L, 1, ETTML_PROCESS);
  ettm_exit how;
  int sys_error = 0;

  ettm_status status = ettm_process_wait(&p->process, &how, &sys_error);

  if (status != ETTM_OK) {
    return system_fail(L, status, sys_error);
  }
  lua_pushinteger(L, how.code);
  lua_pushinteger(L, how.signal);
  return 2;
}

/* p:kill([force]) */
static int process_kill(lua_State *L) {
  const process_box *p = (process_box *)ettml_object_check(L, 1, ETTML_PROCESS);
  int force = lua_toboolean(L, 2);
  int sys_error = 0;

  ettm_status status = ettm_process_kill(&p->process, force, &sys_error);

  return status == ETTM_OK ? ettml_answer_true(L) : system_fail(L, status, sys_error);
}

/* Closes the pipes, which tells a child that reads its input to end. Does not wait for that. */
static int process_close(lua_State *L) {
  process_box *p = (process_box *)ettml_object_check(L, 1, ETTML_PROCESS);
  if (p->is_open) {
    p->is_open = 0;
    ettm_process_close(&p->process);
  }
  return 0;
}

static int process_tostring(lua_State *L) {
  const process_box *p = (process_box *)ettml_object_check(L, 1, ETTML_PROCESS);
  return ettml_push_name(L, ETTML_PROCESS, p->process.pid >= 0 ? "started" : "ended");
}

static const luaL_Reg methods[] = {{"pid", process_pid},     {"write", process_write},
                                   {"read", process_read},   {"close_input", process_close_input},
                                   {"wait", process_wait},   {"kill", process_kill},
                                   {"close", process_close}, {NULL, NULL}};

static const luaL_Reg events[] = {{"__gc", process_close},
                                  {"__close", process_close},
                                  {"__tostring", process_tostring},
                                  {NULL, NULL}};

static const luaL_Reg functions[] = {{"spawn", process_new}, {NULL, NULL}};

void ettml_process_open(lua_State *L) {
  static const ettml_class process_class = {ETTML_PROCESS, methods, NULL, events};
  ettml_class_register(L, &process_class);
  ettml_set_functions(L, functions);
}
