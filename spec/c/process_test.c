/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE
#include "net/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "loopback.h"
#include "net/pipe.h"
#include "net/socket.h"

static const ettm_stream in_and_out[3] = {ETTM_STREAM_PIPE, ETTM_STREAM_PIPE, ETTM_STREAM_INHERIT};
static const ettm_stream only_out[3] = {ETTM_STREAM_NULL, ETTM_STREAM_PIPE, ETTM_STREAM_NULL};
static const ettm_stream nothing[3] = {ETTM_STREAM_NULL, ETTM_STREAM_NULL, ETTM_STREAM_NULL};

static ettm_process start(const char *const *arguments, const ettm_stream streams[3]) {
  ettm_process p = {-1, {-1, -1, -1}};
  int error = 99;
  CHECK_INT(ettm_process_start(&p, arguments, streams, &error), ETTM_OK);
  CHECK_INT(error, 0);
  CHECK(p.pid > 0);
  return p;
}

static ettm_process start_shell(const char *script, const ettm_stream streams[3]) {
  const char *arguments[] = {"/bin/sh", "-c", NULL, NULL};
  arguments[2] = script;
  return start(arguments, streams);
}

/* Reads to the end of the child's output; returns its length. */
static size_t read_all(int fd, char *out, size_t capacity) {
  size_t used = 0;
  size_t n = 0;
  int error;
  ettm_status status = ETTM_OK;
  while (status != ETTM_DONE && used < capacity && wait_ready(fd, ETTM_POLL_READ, PATIENCE)) {
    status = ettm_pipe_read(fd, out + used, capacity - used, &n, &error);
    used += status == ETTM_OK ? n : 0;
  }
  CHECK_INT(status, ETTM_DONE);
  return used;
}

static ettm_exit wait_end(ettm_process *p) {
  ettm_exit how = {-99, -99};
  int64_t end = ettm_clock_ms() + PATIENCE;
  int error = 99;
  ettm_status status;
  while ((status = ettm_process_wait(p, &how, &error)) == ETTM_NEED_INPUT &&
         ettm_clock_ms() < end) {
    pause_ms(1);
  }
  CHECK_INT(status, ETTM_OK);
  CHECK_INT(error, 0);
  CHECK_INT(p->pid, -1);
  return how;
}

static void check_end(ettm_process *p, int code, int number) {
  ettm_exit how = wait_end(p);
  CHECK_INT(how.code, code);
  CHECK_INT(how.signal, number);
  ettm_process_close(p);
}

static void check_output(ettm_process *p, ettm_str wanted) {
  char got[4096];
  size_t n = read_all(p->pipes[1], got, sizeof got);
  CHECK_STR(ettm_str_of(got, n), wanted);
  check_end(p, 0, 0);
}

/* --- Streams and arguments ------------------------------------------------------------------- */

static void talks_through_pipes(void) {
  static const char *const cat[] = {"cat", NULL};
  int before = open_descriptors();
  ettm_process p = start(cat, in_and_out);
  char got[8];
  size_t n = 0;
  int error;
  CHECK_INT(p.pipes[2], -1);
  CHECK_INT(ettm_pipe_read(p.pipes[1], got, sizeof got, &n, &error), ETTM_NEED_INPUT);
  CHECK_INT(wait_ready(p.pipes[1], ETTM_POLL_READ, 30), 0);
  CHECK_INT(wait_ready(p.pipes[0], ETTM_POLL_WRITE, PATIENCE), ETTM_POLL_WRITE);
  CHECK_INT(ettm_pipe_write(p.pipes[0], "a\0", 2, &n, &error), ETTM_OK);
  CHECK_INT(wait_ready(p.pipes[1], ETTM_POLL_READ, PATIENCE), ETTM_POLL_READ);
  CHECK_INT(ettm_pipe_read(p.pipes[1], got, sizeof got, &n, &error), ETTM_OK);
  CHECK_STR(ettm_str_of(got, n), ETTM_LIT("a\0"));
  CHECK_INT(ettm_pipe_write(p.pipes[0], "bc", 2, &n, &error), ETTM_OK);
  ettm_socket_close(&p.pipes[0]);
  check_output(&p, ETTM_LIT("bc"));
  CHECK_INT(open_descriptors(), before);
}

static void passes_each_argument_as_it_is(void) {
  static const char *const arguments[] = {"printf", "[%s]",         "a b", "$(id)", "*", "",
                                          "';exit", "\xE3\x82\xA8", "-n",  "\n",    NULL};
  ettm_process p = start(arguments, only_out);
  check_output(&p, ETTM_LIT("[a b][$(id)][*][]['"
                            ";exit][\xE3\x82\xA8][-n][\n]"));
}

static void gives_the_child_dev_null(void) {
  ettm_process p = start_shell("cat; echo lost >&2; echo ok", only_out);
  check_output(&p, ETTM_LIT("ok\n"));
}

static void catches_the_error_stream(void) {
  static const ettm_stream errors[3] = {ETTM_STREAM_NULL, ETTM_STREAM_NULL, ETTM_STREAM_PIPE};
  char got[64];
  ettm_process p = start_shell("echo out; echo err >&2; exit 75", errors);
  size_t n = read_all(p.pipes[2], got, sizeof got);
  CHECK_STR(ettm_str_of(got, n), ETTM_LIT("err\n"));
  CHECK_INT(p.pipes[0], -1);
  CHECK_INT(p.pipes[1], -1);
  check_end(&p, 75, 0);
}

static void lets_the_child_inherit_a_stream(void) {
  static const char *const echo[] = {"/bin/echo", "inherited", NULL};
  static const ettm_stream inherit[3] = {ETTM_STREAM_INHERIT, ETTM_STREAM_INHERIT,
                                         ETTM_STREAM_INHERIT};
  char got[64];
  int ends[2];
  int saved;
  ettm_process p;
  ssize_t n;
  CHECK_INT(pipe(ends), 0);
  (void)fflush(stdout);
  saved = dup(1);
  CHECK_INT(dup2(ends[1], 1), 1);
  p = start(echo, inherit);
  CHECK_INT(dup2(saved, 1), 1);
  close(saved);
  close(ends[1]);
  check_end(&p, 0, 0);
  n = read(ends[0], got, sizeof got);
  CHECK_STR(ettm_str_of(got, n > 0 ? (size_t)n : 0), ETTM_LIT("inherited\n"));
  close(ends[0]);
}

static void works_where_standard_input_is_closed(void) {
  static const ettm_stream quiet[3] = {ETTM_STREAM_PIPE, ETTM_STREAM_PIPE, ETTM_STREAM_NULL};
  int saved = dup(0);
  ettm_process p;
  size_t n;
  int error;
  CHECK_INT(fcntl(saved, F_SETFD, FD_CLOEXEC), 0);
  close(0);
  p = start_shell("cat; echo err >&2", quiet);
  CHECK_INT(ettm_pipe_write(p.pipes[0], "hi", 2, &n, &error), ETTM_OK);
  ettm_socket_close(&p.pipes[0]);
  check_output(&p, ETTM_LIT("hi"));
  CHECK_INT(fcntl(0, F_GETFD), -1);
  CHECK_INT(dup2(saved, 0), 0);
  close(saved);
}

/* --- What the child does not get ------------------------------------------------------------- */

static void passes_no_other_descriptor_on(void) {
  static const char *const list[] = {"ls", "/proc/self/fd", NULL};
  int careless[3];
  ettm_process other = start_shell("cat", in_and_out);
  ettm_process p;
  if (access("/proc/self/fd/0", F_OK) != 0) {
    printf("  (no /proc here: passed over)\n");
  } else {
    CHECK_INT(pipe(careless), 0);
    careless[2] = fcntl(0, F_DUPFD, 500);
    CHECK_INT(careless[2], 500);
    p = start(list, only_out);
    check_output(&p, ETTM_LIT("0\n1\n2\n3\n")); /* 3 is the directory that ls reads */
    CHECK_INT(fcntl(careless[0], F_GETFD), 0);  /* here nothing has changed */
    CHECK_INT(fcntl(careless[2], F_GETFD), 0);
    close(careless[0]);
    close(careless[1]);
    close(careless[2]);
  }
  ettm_socket_close(&other.pipes[0]);
  check_output(&other, ETTM_LIT(""));
}

static volatile sig_atomic_t handled;

static void on_signal(int number) {
  (void)number;
  handled++;
}

static void puts_signals_back_to_their_defaults(void) {
  struct sigaction action;
  struct sigaction pipe_before;
  struct sigaction hup_before;
  struct sigaction usr_before;
  sigset_t all;
  sigset_t mask_before;
  sigset_t mask_after;
  ettm_process p;
  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_IGN;
  CHECK_INT(sigaction(SIGPIPE, &action, &pipe_before), 0);
  CHECK_INT(sigaction(SIGHUP, &action, &hup_before), 0);
  action.sa_handler = on_signal;
  CHECK_INT(sigaction(SIGUSR1, &action, &usr_before), 0);
  sigfillset(&all);
  CHECK_INT(pthread_sigmask(SIG_SETMASK, &all, &mask_before), 0);
  p = start_shell("kill -PIPE $$; exit 3", nothing);
  check_end(&p, -1, SIGPIPE);
  p = start_shell("kill -TERM $$; exit 3", nothing);
  check_end(&p, -1, SIGTERM);
  p = start_shell("kill -USR1 $$; exit 3", nothing);
  check_end(&p, -1, SIGUSR1);
  p = start_shell("kill -HUP $$; exit 3", nothing); /* as under nohup */
  check_end(&p, 3, 0);
  CHECK_INT(pthread_sigmask(SIG_SETMASK, &mask_before, &mask_after), 0);
  CHECK_INT(sigismember(&mask_after, SIGTERM), 1);
  CHECK_INT(sigaction(SIGPIPE, &pipe_before, &action), 0);
  CHECK(action.sa_handler == SIG_IGN);
  CHECK_INT(sigaction(SIGHUP, &hup_before, NULL), 0);
  CHECK_INT(sigaction(SIGUSR1, &usr_before, &action), 0);
  CHECK(action.sa_handler == on_signal);
  CHECK_INT(handled, 0);
}

/* --- Programs that cannot be started --------------------------------------------------------- */

static void check_not_started(const char *program, int wanted) {
  const char *arguments[] = {NULL, "argument", NULL};
  ettm_process p = {-5, {-5, -5, -5}};
  int before = open_descriptors();
  int error = 0;
  arguments[0] = program;
  CHECK_INT(ettm_process_start(&p, arguments, in_and_out, &error), ETTM_E_IO);
  CHECK_INT(error, wanted);
  CHECK_INT(p.pid, -5);
  CHECK_INT(p.pipes[0], -5);
  CHECK_INT(open_descriptors(), before);
  CHECK_INT(waitpid(-1, NULL, WNOHANG), -1); /* no zombie is left */
  CHECK_INT(errno, ECHILD);
}

static void write_file(const char *path, const char *text, mode_t mode) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  CHECK_INT(write(fd, text, strlen(text)), (long long)strlen(text));
  close(fd);
  CHECK_INT(chmod(path, mode), 0);
}

static void says_why_a_program_cannot_be_started(void) {
  char long_name[5000];
  memset(long_name, 'x', sizeof long_name - 1);
  long_name[sizeof long_name - 1] = '\0';
  check_not_started("/nonexistent/sendmail", ENOENT);
  check_not_started("ettm-no-such-program", ENOENT);
  check_not_started("/etc/passwd", EACCES);
  check_not_started("/", EACCES);
  check_not_started("/etc/passwd/x", ENOTDIR);
  check_not_started(long_name, ENOENT);
}

static void refuses_to_start_nothing(void) {
  static const char *const none[] = {NULL};
  static const char *const empty[] = {"", NULL};
  ettm_process p = {-1, {-1, -1, -1}};
  int error = 99;
  CHECK_INT(ettm_process_start(&p, none, nothing, &error), ETTM_E_ARGUMENT);
  CHECK_INT(ettm_process_start(&p, empty, nothing, &error), ETTM_E_ARGUMENT);
  CHECK_INT(error, 0);
}

static void searches_path_and_uses_no_shell(void) {
  static const char *const tool[] = {"ettm-tool", NULL};
  char directory[] = "/tmp/ettm-process-XXXXXX";
  char path[64];
  char search[128];
  char *before = strdup(getenv("PATH"));
  ettm_process p;
  CHECK(mkdtemp(directory) != NULL);
  (void)snprintf(path, sizeof path, "%s/ettm-tool", directory);
  (void)snprintf(search, sizeof search, "/nonexistent:/etc/passwd:%s:/usr/bin", directory);
  CHECK_INT(setenv("PATH", search, 1), 0);
  write_file(path, "#!/bin/sh\necho found\n", 0600);
  check_not_started("ettm-tool", EACCES);
  write_file(path, "#!/bin/sh\necho found\n", 0700);
  p = start(tool, only_out);
  check_output(&p, ETTM_LIT("found\n"));
  write_file(path, "echo by the shell\n", 0700);
  check_not_started("ettm-tool", ENOEXEC);
  CHECK_INT(unlink(path), 0);
  check_not_started("ettm-tool", ENOENT);
  CHECK_INT(unsetenv("PATH"), 0);
  check_not_started("ettm-tool", ENOENT);
  CHECK_INT(setenv("PATH", before, 1), 0);
  free(before);
  CHECK_INT(rmdir(directory), 0);
}

/* --- The end --------------------------------------------------------------------------------- */

static void tells_how_a_child_ended_once(void) {
  ettm_process p = start_shell("exit 7", nothing);
  ettm_exit how;
  int error = 99;
  check_end(&p, 7, 0);
  CHECK_INT(ettm_process_wait(&p, &how, &error), ETTM_E_STATE);
  CHECK_INT(ettm_process_kill(&p, 1, &error), ETTM_E_STATE);
  CHECK_INT(error, 0);
}

static void never_waits_for_a_child_that_runs(void) {
  static const char *const sleep_long[] = {"sleep", "1000", NULL};
  ettm_process p = start(sleep_long, nothing);
  int64_t begin = ettm_clock_ms();
  ettm_exit how;
  int error = 99;
  CHECK_INT(ettm_process_wait(&p, &how, &error), ETTM_NEED_INPUT);
  CHECK(ettm_clock_ms() - begin < PATIENCE);
  CHECK_INT(ettm_process_kill(&p, 0, &error), ETTM_OK);
  check_end(&p, -1, SIGTERM);
}

static void ends_a_child_by_force(void) {
  ettm_process p = start_shell("trap '' TERM; echo ready; while :; do sleep 1; done", only_out);
  ettm_exit how;
  int error = 99;
  CHECK_INT(wait_ready(p.pipes[1], ETTM_POLL_READ, PATIENCE), ETTM_POLL_READ);
  CHECK_INT(ettm_process_kill(&p, 0, &error), ETTM_OK);
  pause_ms(30);
  CHECK_INT(ettm_process_wait(&p, &how, &error), ETTM_NEED_INPUT);
  CHECK_INT(ettm_process_kill(&p, 1, &error), ETTM_OK);
  check_end(&p, -1, SIGKILL);
}

static void never_kills_what_is_no_child(void) {
  static const int64_t numbers[] = {0, -1, -2};
  size_t i;
  for (i = 0; i < 3; i++) {
    ettm_process p = {0, {-1, -1, -1}};
    ettm_exit how;
    int error = 99;
    p.pid = numbers[i];
    CHECK_INT(ettm_process_kill(&p, 0, &error), ETTM_E_STATE);
    CHECK_INT(ettm_process_wait(&p, &how, &error), ETTM_E_STATE);
  }
}

static void says_when_somebody_else_saw_the_end(void) {
  ettm_process p = start_shell("exit 0", nothing);
  ettm_exit how;
  int error = 0;
  CHECK_INT(waitpid((pid_t)p.pid, NULL, 0), p.pid);
  CHECK_INT(ettm_process_wait(&p, &how, &error), ETTM_E_IO);
  CHECK_INT(error, ECHILD);
  CHECK_INT(ettm_process_kill(&p, 1, &error), ETTM_E_STATE);
}

static void writing_to_a_child_that_ended_says_closed(void) {
  ettm_process p = start_shell("exit 0", in_and_out);
  size_t n;
  int error = 0;
  CHECK_INT(wait_end(&p).code, 0);
  CHECK_INT(ettm_pipe_write(p.pipes[0], "x", 1, &n, &error), ETTM_E_CLOSED);
  CHECK_INT(error, EPIPE);
  ettm_process_close(&p);
  CHECK_INT(p.pipes[0], -1);
  ettm_process_close(&p);
}

static void runs_many_one_after_another_without_a_leak(void) {
  static const char *const true_[] = {"true", NULL};
  int before = open_descriptors();
  int i;
  for (i = 0; i < 50; i++) {
    ettm_process p = start(true_, in_and_out);
    check_end(&p, 0, 0);
  }
  CHECK_INT(open_descriptors(), before);
}

static const check_case cases[] = {
    {"talks through pipes", talks_through_pipes},
    {"passes each argument as it is", passes_each_argument_as_it_is},
    {"gives the child /dev/null", gives_the_child_dev_null},
    {"catches the error stream", catches_the_error_stream},
    {"lets the child inherit a stream", lets_the_child_inherit_a_stream},
    {"works where standard input is closed", works_where_standard_input_is_closed},
    {"passes no other descriptor on", passes_no_other_descriptor_on},
    {"puts signals back to their defaults", puts_signals_back_to_their_defaults},
    {"says why a program cannot be started", says_why_a_program_cannot_be_started},
    {"refuses to start nothing", refuses_to_start_nothing},
    {"searches PATH and uses no shell", searches_path_and_uses_no_shell},
    {"tells how a child ended, once", tells_how_a_child_ended_once},
    {"never waits for a child that runs", never_waits_for_a_child_that_runs},
    {"ends a child by force", ends_a_child_by_force},
    {"never kills what is no child", never_kills_what_is_no_child},
    {"says when somebody else saw the end", says_when_somebody_else_saw_the_end},
    {"says 'closed' when it writes to a child that ended",
     writing_to_a_child_that_ended_says_closed},
    {"runs many, one after another, without a leak", runs_many_one_after_another_without_a_leak},
};

CHECK_MAIN("process", cases)
