/* SPDX-License-Identifier: MIT */
/* ettsumailer.process: a child process with pipes to its standard input and output.
 *
 * The end of its input is the signal to end: close_input, then wait until it has. close, and the
 * collector, close both pipes and look once whether it has ended; they neither kill nor wait. pid,
 * wait and kill go on after close; a child that nobody waits for stays a zombie from its end to
 * that of this process. */
#define _POSIX_C_SOURCE 200809L

#include <string.h>
#include <unistd.h>

#include "lua/classes.h"
#include "net/pipe.h"
#include "net/process.h"

const char ETTML_PROCESS[] = "ettsumailer.process";

#define ARGUMENTS_MAX 4096

enum { CHILD_INPUT, CHILD_OUTPUT, CHILD_ERRORS };

typedef struct process_box {
  ettm_process process;
  int is_open;     /* the pipes are */
  int is_borrowed; /* it is this process's own input, which is never closed here */
  int has_ended;
  ettm_exit how; /* it has ended, then */
} process_box;

/* Closed or not: the child may outlive its pipes, and somebody has to see its end. */
static process_box *check_child(lua_State *L) {
  return (process_box *)ettml_object_check(L, 1, ETTML_PROCESS);
}

static process_box *push_process(lua_State *L) {
  process_box *p = (process_box *)ettml_object_new(L, ETTML_PROCESS, sizeof *p);
  p->process.pid = -1;
  p->process.pipes[CHILD_INPUT] = p->process.pipes[CHILD_OUTPUT] = -1;
  p->process.pipes[CHILD_ERRORS] = -1;
  return p;
}

static process_box *check_process(lua_State *L) {
  process_box *p = check_child(L);
  if (!p->is_open) {
    ettml_raise_closed(L, 1, ETTML_PROCESS);
  }
  return p;
}

int ettml_process_descriptor(lua_State *L, int index, unsigned wanted) {
  const process_box *p = (process_box *)ettml_object_test(L, index, ETTML_PROCESS);
  if (p == NULL || !p->is_open || wanted == (ETTM_POLL_READ | ETTM_POLL_WRITE)) {
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

/* Number i of the strings in the list at argument 1, lent while the list holds it; NULL behind the
 * last one. */
static const char *argument_at(lua_State *L, int i) {
  ettm_str argument = ettm_str_of(NULL, 0);
  lua_rawgeti(L, 1, i);
  if (!lua_isnil(L, -1)) {
    luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 1, "a list of strings expected");
    argument = ettml_str_at(L, -1);
    luaL_argcheck(L, memchr(argument.p, '\0', argument.n + 1) == argument.p + argument.n, 1,
                  "an argument has a NUL in it");
  }
  lua_pop(L, 1);
  return argument.p;
}

/* The list at argument 1 as the system wants it, on top of the stack. */
static const char *const *check_arguments(lua_State *L) {
  const char **arguments;
  int i, count = 0;
  luaL_checktype(L, 1, LUA_TTABLE);
  while (argument_at(L, count + 1) != NULL) {
    count++;
    luaL_argcheck(L, count <= ARGUMENTS_MAX, 1, "a list of at most 4096 strings expected");
  }
  luaL_argcheck(L, count > 0 && argument_at(L, 1)[0] != '\0', 1, "the program's name expected");
  arguments = (const char **)lua_newuserdata(L, ((size_t)count + 1) * sizeof *arguments);
  for (i = 0; i <= count; i++) {
    arguments[i] = argument_at(L, i + 1);
  }
  return arguments;
}

/* core.spawn({ program, argument, ... } [, "errors"]): with a pipe for what it says of errors, too.
 */
static int process_new(lua_State *L) {
  static const char *const choices[] = {"no errors", "errors", NULL};
  ettm_stream streams[3] = {ETTM_STREAM_PIPE, ETTM_STREAM_PIPE, ETTM_STREAM_INHERIT};
  const char *const *arguments;
  int sys_error = 0;
  ettm_status status;
  process_box *p;
  if (luaL_checkoption(L, 2, choices[0], choices) == 1) {
    streams[CHILD_ERRORS] = ETTM_STREAM_PIPE;
  }
  arguments = check_arguments(L);
  p = push_process(L);

  status = ettm_process_start(&p->process, arguments, streams, &sys_error);

  if (status != ETTM_OK) {
    return system_fail(L, status, sys_error);
  }
  p->is_open = 1;
  return 1;
}

/* core.standard_input(): whoever writes to this process, to be waited for ("r") and read. It is
 * blocking, as it came: read it when it is ready. */
static int standard_input(lua_State *L) {
  process_box *p = push_process(L);
  p->process.pipes[CHILD_OUTPUT] = STDIN_FILENO;
  p->is_open = p->is_borrowed = 1;
  return 1;
}

/* Its number; nil when it has ended. */
static int process_pid(lua_State *L) {
  const process_box *p = check_child(L);
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
  size_t first = (size_t)ettml_opt_size(L, 3, 1, (int64_t)in.n + 1, 1) - 1;
  int fd = p->process.pipes[CHILD_INPUT];
  size_t n = 0;
  int sys_error = 0;
  ettm_status status = ETTM_OK;
  luaL_argcheck(L, fd >= 0, 1, "its input is closed");

  if (in.n > first) {
    status = ettm_pipe_write(fd, in.p + first, in.n - first, &n, &sys_error);
  }

  if (status != ETTM_OK) {
    return system_fail(L, status, sys_error);
  }
  lua_pushinteger(L, (lua_Integer)n);
  return 1;
}

static int read_pipe(lua_State *L, int which) {
  const process_box *p = check_process(L);
  size_t max = (size_t)ettml_opt_size(L, 2, 1, ETTML_WHOLE_MAX, ETTML_NET_BLOCK);
  char bytes[ETTML_NET_BLOCK];
  size_t n = 0;
  int sys_error = 0;
  ettm_status status;
  luaL_argcheck(L, p->process.pipes[which] >= 0, 1, "it has no pipe for that");

  status = ettm_pipe_read(p->process.pipes[which], bytes, max < sizeof bytes ? max : sizeof bytes,
                          &n, &sys_error);

  return status == ETTM_OK ? ettml_push_str(L, ettm_str_of(bytes, n))
                           : system_fail(L, status, sys_error);
}

/* p:read([max]): of its output */
static int process_read(lua_State *L) {
  return read_pipe(L, CHILD_OUTPUT);
}

/* p:read_errors([max]) */
static int process_read_errors(lua_State *L) {
  return read_pipe(L, CHILD_ERRORS);
}

/* fd(direction): the descriptor of its standard output for "r", of its input for "w"; else nil. */
static int process_fd(lua_State *L) {
  const process_box *p = check_process(L);
  ettm_str direction = ettml_check_str(L, 2);
  int writes = direction.n == 1 && direction.p[0] == 'w';
  int fd = p->process.pipes[writes ? CHILD_INPUT : CHILD_OUTPUT];
  if (fd < 0) {
    return ettml_answer_nil(L);
  }
  lua_pushinteger(L, fd);
  return 1;
}

static int process_close_input(lua_State *L) {
  process_box *p = check_process(L);
  ettm_socket_close(&p->process.pipes[CHILD_INPUT]);
  return 0;
}

/* Looks whether it has ended. */
static ettm_status look(process_box *p, int *sys_error) {
  ettm_status status;
  *sys_error = 0;
  if (p->has_ended) {
    return ETTM_OK;
  }
  status = ettm_process_wait(&p->process, &p->how, sys_error);
  p->has_ended = status == ETTM_OK;
  return status;
}

/* p:wait(): its exit status and 0, or -1 and the signal that ended it; does not wait. */
static int process_wait(lua_State *L) {
  process_box *p = check_child(L);
  int sys_error = 0;

  ettm_status status = look(p, &sys_error);

  if (status != ETTM_OK) {
    return system_fail(L, status, sys_error);
  }
  lua_pushinteger(L, p->how.code);
  lua_pushinteger(L, p->how.signal);
  return 2;
}

/* p:kill(["TERM" | "KILL"]) */
static int process_kill(lua_State *L) {
  static const char *const signals[] = {"TERM", "KILL", NULL};
  const process_box *p = check_child(L);
  int force = luaL_checkoption(L, 2, "TERM", signals);
  int sys_error = 0;

  ettm_status status = ettm_process_kill(&p->process, force, &sys_error);

  return status == ETTM_OK ? ettml_answer_true(L) : system_fail(L, status, sys_error);
}

static int process_close(lua_State *L) {
  process_box *p = check_child(L);
  if (p->is_open) {
    int sys_error;
    p->is_open = 0;
    if (!p->is_borrowed) {
      ettm_process_close(&p->process);
      (void)!look(p, &sys_error);
    }
  }
  return 0;
}

static int process_tostring(lua_State *L) {
  const process_box *p = check_child(L);
  const char *state = p->has_ended ? "ended" : p->is_borrowed ? "standard input" : "started";
  return ettml_push_name(L, ETTML_PROCESS, p->is_open ? state : "closed");
}

static const luaL_Reg methods[] = {{"pid", process_pid},
                                   {"fd", process_fd},
                                   {"write", process_write},
                                   {"read", process_read},
                                   {"read_errors", process_read_errors},
                                   {"close_input", process_close_input},
                                   {"wait", process_wait},
                                   {"kill", process_kill},
                                   {"close", process_close},
                                   {NULL, NULL}};

static const luaL_Reg events[] = {{"__gc", process_close},
                                  {"__close", process_close},
                                  {"__tostring", process_tostring},
                                  {NULL, NULL}};

static const luaL_Reg functions[] = {
    {"spawn", process_new}, {"standard_input", standard_input}, {NULL, NULL}};

void ettml_process_open(lua_State *L) {
  static const ettml_class process_class = {ETTML_PROCESS, methods, NULL, events};
  ettml_class_register(L, &process_class);
  ettml_set_functions(L, functions);
}
