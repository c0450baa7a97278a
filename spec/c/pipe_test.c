/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "net/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <unistd.h>

#include "check.h"
#include "loopback.h"
#include "net/socket.h"

static void open_prepared(int ends[2]) {
  int error = 99;
  CHECK_INT(ettm_pipe_open(ends, &error), ETTM_OK);
  CHECK_INT(error, 0);
  CHECK_INT(ettm_pipe_prepare(ends[0], &error), ETTM_OK);
  CHECK_INT(ettm_pipe_prepare(ends[1], &error), ETTM_OK);
  CHECK_INT(error, 0);
}

static void close_both(int ends[2]) {
  ettm_socket_close(&ends[0]);
  ettm_socket_close(&ends[1]);
}

static void opens_ends_that_do_not_leak_into_children(void) {
  int ends[2];
  int error;
  CHECK_INT(ettm_pipe_open(ends, &error), ETTM_OK);
  CHECK(fcntl(ends[0], F_GETFD) & FD_CLOEXEC);
  CHECK(fcntl(ends[1], F_GETFD) & FD_CLOEXEC);
  CHECK(!(fcntl(ends[0], F_GETFL) & O_NONBLOCK));
  CHECK(!(fcntl(ends[1], F_GETFL) & O_NONBLOCK));
  CHECK_INT(ettm_pipe_prepare(ends[1], &error), ETTM_OK);
  CHECK(!(fcntl(ends[0], F_GETFL) & O_NONBLOCK)); /* that of a child stays as it is */
  CHECK(fcntl(ends[1], F_GETFL) & O_NONBLOCK);
  close_both(ends);
}

static void stays_above_the_standard_streams(void) {
  int before = open_descriptors();
  int saved = dup(0);
  int ends[2];
  int error;
  close(0);
  CHECK_INT(ettm_pipe_open(ends, &error), ETTM_OK);
  CHECK(ends[0] >= 3);
  CHECK(ends[1] >= 3);
  CHECK(fcntl(ends[0], F_GETFD) & FD_CLOEXEC);
  CHECK_INT(fcntl(0, F_GETFD), -1);
  close_both(ends);
  CHECK_INT(dup2(saved, 0), 0);
  close(saved);
  CHECK_INT(open_descriptors(), before);
}

static void carries_bytes_and_an_end(void) {
  char got[8];
  size_t n = 0;
  int error = 99;
  int ends[2];
  open_prepared(ends);
  CHECK_INT(ettm_pipe_read(ends[0], got, sizeof got, &n, &error), ETTM_NEED_INPUT);
  CHECK_INT(error, 0);
  CHECK_INT(ettm_pipe_write(ends[1], "a\0b", 3, &n, &error), ETTM_OK);
  CHECK_INT(n, 3);
  CHECK_INT(ettm_pipe_read(ends[0], got, 2, &n, &error), ETTM_OK);
  CHECK_STR(ettm_str_of(got, n), ETTM_LIT("a\0"));
  ettm_socket_close(&ends[1]);
  CHECK_INT(ettm_pipe_read(ends[0], got, 2, &n, &error), ETTM_OK);
  CHECK_STR(ettm_str_of(got, n), ETTM_LIT("b"));
  CHECK_INT(ettm_pipe_read(ends[0], got, 2, &n, &error), ETTM_DONE);
  CHECK_INT(error, 0);
  close_both(ends);
}

static void says_when_it_is_full(void) {
  static char block[4096];
  char got[4096];
  size_t n = 0;
  size_t total = 0;
  int error;
  int ends[2];
  ettm_status status = ETTM_OK;
  open_prepared(ends);
  while (status == ETTM_OK && total < ((size_t)1 << 26)) {
    status = ettm_pipe_write(ends[1], block, sizeof block, &n, &error);
    total += status == ETTM_OK ? n : 0;
  }
  CHECK_INT(status, ETTM_FULL);
  CHECK_INT(error, 0);
  CHECK(total > 0);
  CHECK_INT(ettm_pipe_read(ends[0], got, sizeof got, &n, &error), ETTM_OK);
  CHECK_INT(ettm_pipe_write(ends[1], "x", 1, &n, &error), ETTM_OK);
  close_both(ends);
}

static void check_closed(void) {
  size_t n;
  int error = 0;
  int ends[2];
  open_prepared(ends);
  ettm_socket_close(&ends[0]);
  CHECK_INT(ettm_pipe_write(ends[1], "x", 1, &n, &error), ETTM_E_CLOSED);
  CHECK_INT(error, EPIPE);
  CHECK_INT(ettm_pipe_write(ends[1], "x", 1, &n, &error), ETTM_E_CLOSED);
  close_both(ends);
}

static int is_pending(void) {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGPIPE);
}

static void never_raises_sigpipe(void) {
  struct sigaction action;
  sigset_t mask;
  CHECK_INT(sigaction(SIGPIPE, NULL, &action), 0);
  CHECK(action.sa_handler == SIG_DFL); /* so that this process would end here */
  check_closed();
  CHECK_INT(is_pending(), 0);
  CHECK_INT(sigaction(SIGPIPE, NULL, &action), 0);
  CHECK(action.sa_handler == SIG_DFL);
  CHECK_INT(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
  CHECK_INT(sigismember(&mask, SIGPIPE), 0);
}

static void works_where_the_host_ignores_sigpipe(void) {
  struct sigaction ignore;
  struct sigaction before;
  memset(&ignore, 0, sizeof ignore);
  ignore.sa_handler = SIG_IGN;
  CHECK_INT(sigaction(SIGPIPE, &ignore, &before), 0);
  check_closed();
  CHECK_INT(is_pending(), 0);
  CHECK_INT(sigaction(SIGPIPE, &before, NULL), 0);
}

static void leaves_a_sigpipe_of_others_alone(void) {
  sigset_t only_pipe;
  sigset_t before;
  int number = 0;
  sigemptyset(&only_pipe);
  sigaddset(&only_pipe, SIGPIPE);
  CHECK_INT(pthread_sigmask(SIG_BLOCK, &only_pipe, &before), 0);
  check_closed();
  CHECK_INT(is_pending(), 0);
  CHECK_INT(raise(SIGPIPE), 0);
  check_closed();
  CHECK_INT(is_pending(), 1);
  CHECK_INT(sigwait(&only_pipe, &number), 0);
  CHECK_INT(number, SIGPIPE);
  CHECK_INT(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
}

static void says_why_it_failed(void) {
  struct rlimit limit;
  struct rlimit none;
  char got[1];
  size_t n;
  int ends[2] = {-7, -7};
  int before = open_descriptors();
  int error = 0;
  CHECK_INT(ettm_pipe_write(-1, "x", 1, &n, &error), ETTM_E_IO);
  CHECK_INT(error, EBADF);
  CHECK_INT(ettm_pipe_read(-1, got, 1, &n, &error), ETTM_E_IO);
  CHECK_INT(error, EBADF);
  CHECK_INT(ettm_pipe_prepare(-1, &error), ETTM_E_IO);
  CHECK_INT(error, EBADF);
  CHECK_INT(ettm_pipe_write(1, "", 0, &n, &error), ETTM_E_ARGUMENT);
  CHECK_INT(error, 0);
  CHECK_INT(ettm_pipe_read(0, got, 0, &n, &error), ETTM_E_ARGUMENT);
  CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
  none = limit;
  none.rlim_cur = 3;
  CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
  CHECK_INT(ettm_pipe_open(ends, &error), ETTM_E_IO);
  CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
  CHECK_INT(error, EMFILE);
  CHECK_INT(ends[0], -7);
  CHECK_INT(open_descriptors(), before);
}

static const check_case cases[] = {
    {"opens ends that do not leak into children", opens_ends_that_do_not_leak_into_children},
    {"stays above the standard streams", stays_above_the_standard_streams},
    {"carries bytes and an end", carries_bytes_and_an_end},
    {"says when it is full", says_when_it_is_full},
    {"never raises SIGPIPE", never_raises_sigpipe},
    {"works where the host ignores SIGPIPE", works_where_the_host_ignores_sigpipe},
    {"leaves a SIGPIPE of others alone", leaves_a_sigpipe_of_others_alone},
    {"says why it failed", says_why_it_failed},
};

CHECK_MAIN("pipe", cases)
