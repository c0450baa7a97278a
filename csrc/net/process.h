/* Child processes by argument vector: no shell, no string that anybody could inject into.
 *
 * The child gets the three standard streams and nothing else: every other descriptor of this
 * process, whoever opened it, is closed in it. Its signals are unblocked, handlers and an ignored
 * SIGPIPE are back at their defaults. It keeps environment, directory and process group. The
 * caller owns the ettm_process and the pipe ends in it, and must see the child's end with
 * ettm_process_wait, or a zombie stays until this process ends. Signal handlers are never touched;
 * where the host has set SIGCHLD to SIG_IGN, the way a child ended is lost (ECHILD).
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_NET_PROCESS_H
#define ETTM_NET_PROCESS_H

#include <stdint.h>

#include "base/status.h"

/* What a standard stream of the child is. */
typedef enum ettm_stream {
  ETTM_STREAM_INHERIT = 0, /* what it is here */
  ETTM_STREAM_PIPE = 1,    /* a pipe; its other end is in ettm_process */
  ETTM_STREAM_NULL = 2     /* /dev/null */
} ettm_stream;

typedef struct ettm_process {
  int64_t pid;  /* -1: not started, or its end was seen */
  int pipes[3]; /* our ends for stdin, stdout and stderr, non-blocking: ettm_pipe_write, _read,
                   ettm_poll, ettm_socket_close; -1 where there is none */
} ettm_process;

/* How a child ended. */
typedef struct ettm_exit {
  int code;   /* its exit status, or -1 when a signal ended it */
  int signal; /* that signal, or 0 */
} ettm_exit;

/* Starts a program. arguments ends with NULL and is copied by the system; arguments[0] is searched
 * for in PATH unless it has a slash in it. streams: of stdin, stdout, stderr. Waits only until the
 * new program has begun or could not begin. Returns ETTM_OK: *p is set; ETTM_E_ARGUMENT: no
 * arguments[0]; ETTM_E_IO: *sys_error says why, such as ENOENT or EACCES for the program. */
ETTM_MUST_USE ettm_status ettm_process_start(ettm_process *p, const char *const *arguments,
                                             const ettm_stream streams[3], int *sys_error);

/* Asks whether it has ended, without waiting. Returns ETTM_OK: *how is set and p->pid is -1 from
 * now on; ETTM_NEED_INPUT: it still runs; ETTM_E_STATE: p->pid is -1; ETTM_E_IO: somebody else
 * has seen its end (ECHILD), p->pid is -1 from now on. */
ETTM_MUST_USE ettm_status ettm_process_wait(ettm_process *p, ettm_exit *how, int *sys_error);

/* Sends SIGTERM, or SIGKILL when force is not 0. Returns ETTM_OK, also when it has ended and nobody
 * has waited for it yet; ETTM_E_STATE: p->pid is -1; ETTM_E_IO. */
ETTM_MUST_USE ettm_status ettm_process_kill(const ettm_process *p, int force, int *sys_error);

/* Closes the pipe ends that are still open. Neither ends the child nor waits for it. */
void ettm_process_close(ettm_process *p);

#endif
