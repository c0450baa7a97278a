/* Pipes whose ends do not leak into child processes, and reading and writing them without waiting.
 *
 * Writing to a pipe that nobody reads raises SIGPIPE, and no flag of write(2) keeps it away as
 * MSG_NOSIGNAL does for sockets: here the calling thread blocks that one signal for the moment of
 * the write and takes back the one it caused. Signal handlers are never touched. Ends belong to
 * whoever opened them; ettm_socket_close closes them.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_NET_PIPE_H
#define ETTM_NET_PIPE_H

#include "base/status.h"

/* Opens a pipe: ends[0] to read, ends[1] to write. Both are close-on-exec, blocking, and above the
 * three standard streams, even where the process has closed one of these. ETTM_OK or ETTM_E_IO. */
ETTM_MUST_USE ettm_status ettm_pipe_open(int ends[2], int *sys_error);

/* Makes an end that this process itself reads or writes non-blocking. ETTM_OK or ETTM_E_IO. */
ETTM_MUST_USE ettm_status ettm_pipe_prepare(int fd, int *sys_error);

/* ETTM_OK: *written > 0 octets were taken; ETTM_FULL: none now; ETTM_E_CLOSED: nobody reads any
 * more; ETTM_E_IO; ETTM_E_ARGUMENT: n is 0. */
ETTM_MUST_USE ettm_status ettm_pipe_write(int fd, const char *p, size_t n, size_t *written,
                                          int *sys_error);

/* ETTM_OK: *got > 0 octets; ETTM_NEED_INPUT: none now; ETTM_DONE: nobody writes any more;
 * ETTM_E_IO; ETTM_E_ARGUMENT: capacity is 0. */
ETTM_MUST_USE ettm_status ettm_pipe_read(int fd, char *p, size_t capacity, size_t *got,
                                         int *sys_error);

#endif
