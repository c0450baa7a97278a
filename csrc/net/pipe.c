/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* glibc, musl: pipe2 */
#endif
#define _DARWIN_C_SOURCE   /* F_SETNOSIGPIPE */
#define _NETBSD_SOURCE     /* pipe2 */
#define __BSD_VISIBLE    1 /* FreeBSD: pipe2 */
#include "net/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#if defined(__linux__) || defined(__FreeBSD__) || defined(__NetBSD__) || defined(__OpenBSD__) ||   \
    defined(__DragonFly__)
#define HAS_PIPE2 1
#else
#define HAS_PIPE2 0
#endif

#define FIRST_FREE 3 /* behind the standard streams */

static int add_flag(int fd, int get, int set, int flag) {
  int flags = fcntl(fd, get);
  return flags < 0 ? -1 : fcntl(fd, set, flags | flag);
}

static void close_both(const int ends[2]) {
  close(ends[0]);
  close(ends[1]);
}

static int open_close_on_exec(int ends[2]) {
#if HAS_PIPE2
  return pipe2(ends, O_CLOEXEC);
#else
  if (pipe(ends) != 0) {
    return -1;
  }
  if (add_flag(ends[0], F_GETFD, F_SETFD, FD_CLOEXEC) != 0 ||
      add_flag(ends[1], F_GETFD, F_SETFD, FD_CLOEXEC) != 0) {
    int error = errno;
    close_both(ends);
    errno = error;
    return -1;
  }
  return 0;
#endif
}

/* A descriptor below 3 would be taken for a standard stream, by a child above all. */
static int move_up(int *fd) {
  int moved;
  if (*fd >= FIRST_FREE) {
    return 0;
  }
  moved = fcntl(*fd, F_DUPFD_CLOEXEC, FIRST_FREE);
  if (moved < 0) {
    return -1;
  }
  close(*fd);
  *fd = moved;
  return 0;
}

ettm_status ettm_pipe_open(int ends[2], int *sys_error) {
  int made[2];
  *sys_error = 0;
  if (open_close_on_exec(made) != 0) {
    *sys_error = errno;
    return ETTM_E_IO;
  }
  if (move_up(&made[0]) != 0 || move_up(&made[1]) != 0) {
    *sys_error = errno;
    close_both(made);
    return ETTM_E_IO;
  }
  ends[0] = made[0];
  ends[1] = made[1];
  return ETTM_OK;
}

ettm_status ettm_pipe_prepare(int fd, int *sys_error) {
  *sys_error = 0;
#ifdef F_SETNOSIGPIPE
  /* There the signal goes to the whole process, so that blocking it in one thread is not enough. */
  (void)fcntl(fd, F_SETNOSIGPIPE, 1);
#endif
  if (add_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK) != 0) {
    *sys_error = errno;
    return ETTM_E_IO;
  }
  return ETTM_OK;
}

static int sigpipe_is_pending(void) {
  sigset_t pending;
  return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

/* write(2) that never lets SIGPIPE out: the signal of a write goes to the thread that wrote, where
 * it waits, blocked, until it is taken. One that waited before is somebody else's and stays. */
static ssize_t write_quietly(int fd, const char *p, size_t n) {
  sigset_t only_pipe;
  sigset_t before;
  int was_pending = sigpipe_is_pending();
  int error;
  int number;
  ssize_t done;
  sigemptyset(&only_pipe);
  sigaddset(&only_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &only_pipe, &before);
  do {
    done = write(fd, p, n);
  } while (done < 0 && errno == EINTR);
  error = errno;
  if (done < 0 && error == EPIPE && !was_pending && sigpipe_is_pending()) {
    (void)sigwait(&only_pipe, &number);
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  errno = error;
  return done;
}

ettm_status ettm_pipe_write(int fd, const char *p, size_t n, size_t *written, int *sys_error) {
  ssize_t done;
  *sys_error = 0;
  if (n == 0) {
    return ETTM_E_ARGUMENT;
  }
  done = write_quietly(fd, p, n < INT_MAX ? n : INT_MAX);
  if (done >= 0) {
    *written = (size_t)done;
    return ETTM_OK;
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK) {
    return ETTM_FULL;
  }
  *sys_error = errno;
  return errno == EPIPE ? ETTM_E_CLOSED : ETTM_E_IO;
}

ettm_status ettm_pipe_read(int fd, char *p, size_t capacity, size_t *got, int *sys_error) {
  ssize_t done;
  *sys_error = 0;
  if (capacity == 0) {
    return ETTM_E_ARGUMENT;
  }
  do {
    done = read(fd, p, capacity < INT_MAX ? capacity : INT_MAX);
  } while (done < 0 && errno == EINTR);
  if (done > 0) {
    *got = (size_t)done;
    return ETTM_OK;
  }
  if (done == 0) {
    return ETTM_DONE;
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK) {
    return ETTM_NEED_INPUT;
  }
  *sys_error = errno;
  return ETTM_E_IO;
}
