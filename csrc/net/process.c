/* SPDX-License-Identifier: MIT
 *
 * How it works: fork, then exec in the child, and a close-on-exec pipe between the two. A
 * successful exec closes the pipe: the parent reads an end of file. A failed one writes its errno
 * first. Between fork and exec only async-signal-safe functions are called, because the process
 * may have other threads: that is why PATH is searched by hand (execvp is not on POSIX's list, and
 * would run a file without an interpreter line through the shell). */
#define _POSIX_C_SOURCE  200809L
#define _DEFAULT_SOURCE    /* glibc, musl: syscall, NSIG */
#define _DARWIN_C_SOURCE   /* NSIG */
#define _NETBSD_SOURCE     /* NSIG */
#define __BSD_VISIBLE    1 /* FreeBSD: syscall, NSIG */
#include "net/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__linux__) || defined(__FreeBSD__)
#include <sys/syscall.h>
#endif

#include "net/pipe.h"
#include "net/socket.h"

#define PATH_ROOM        4096  /* the longest path of a program that is tried */
#define DESCRIPTORS      65536 /* looked at one by one where the system cannot do it in one call */
#define CLOEXEC_RANGE    4u    /* CLOSE_RANGE_CLOEXEC, the same on Linux and FreeBSD */
#define EXIT_NOT_STARTED 127

/* What the child needs to know, gathered before the fork. */
typedef struct launch {
  const char *const *arguments;
  const char *path;
  const ettm_stream *streams;
  int theirs[3]; /* the child's pipe ends, or -1 */
  int report;    /* the write end of the error pipe */
} launch;

static int mark_range(void) {
#ifdef SYS_close_range
  return syscall(SYS_close_range, 3u, ~0u, CLOEXEC_RANGE) == 0;
#else
  return 0;
#endif
}

/* Marks every descriptor but the standard streams close-on-exec. */
static void mark_all(void) {
  struct rlimit limit;
  int count = DESCRIPTORS;
  int fd;
  if (mark_range()) {
    return;
  }
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < DESCRIPTORS) {
    count = (int)limit.rlim_cur;
  }
  for (fd = 3; fd < count; fd++) {
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* EBADF for those that are not open */
  }
}

static int place_stream(ettm_stream kind, int theirs, int fd) {
  int null;
  if (kind == ETTM_STREAM_PIPE) {
    return dup2(theirs, fd);
  }
  if (kind == ETTM_STREAM_INHERIT) {
    return fd;
  }
  null = open("/dev/null", O_RDWR);
  if (null < 0 || null == fd) {
    return null;
  }
  fd = dup2(null, fd);
  if (null > 2) {
    close(null);
  }
  return fd;
}

/* A handler of the host must not run in the child: back to the default, then unblocked. What the
 * host ignores (SIGHUP under nohup) stays ignored, but for SIGPIPE, which programs rely on. */
static void reset_signals(void) {
  struct sigaction action;
  sigset_t none;
  int i;
  for (i = 1; i < NSIG; i++) {
    if (sigaction(i, NULL, &action) != 0 || (action.sa_handler == SIG_IGN && i != SIGPIPE)) {
      continue;
    }
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    (void)sigaction(i, &action, NULL); /* SIGKILL and SIGSTOP refuse */
  }
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, NULL);
}

/* Writes "directory/name" for the directory of n octets; an empty one is the current. */
static int join(char *out, const char *directory, size_t n, const char *name) {
  size_t length = strlen(name);
  if (n + length + 2 > PATH_ROOM) {
    return 0;
  }
  memcpy(out, directory, n);
  if (n > 0) {
    out[n++] = '/';
  }
  memcpy(out + n, name, length + 1);
  return 1;
}

/* Tries each directory of PATH; returns only when none has it: errno says why, EACCES rather than
 * ENOENT where one had a file that may not be run. */
static void execute(const launch *l) {
  char *const *arguments = (char *const *)l->arguments;
  const char *name = arguments[0];
  const char *at = l->path;
  int error = ENOENT;
  char full[PATH_ROOM];
  if (strchr(name, '/') != NULL) {
    execv(name, arguments);
    return;
  }
  for (;;) {
    size_t n = strcspn(at, ":");
    if (join(full, at, n, name)) {
      execv(full, arguments);
      if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) {
        return;
      }
      error = errno == EACCES ? EACCES : error;
    }
    if (at[n] == '\0') {
      break;
    }
    at += n + 1;
  }
  errno = error;
}

static void be_child(const launch *l) {
  int error;
  ssize_t done;
  int i;
  for (i = 0; i < 3; i++) {
    if (place_stream(l->streams[i], l->theirs[i], i) < 0) {
      goto fail;
    }
  }
  mark_all();
  reset_signals();
  execute(l);
fail:
  error = errno;
  do {
    done = write(l->report, &error, sizeof error);
  } while (done < 0 && errno == EINTR);
  _exit(EXIT_NOT_STARTED);
}

/* Waits for the end of the error pipe: 0, or the errno that came through it. */
static int read_report(int fd) {
  int error = 0;
  ssize_t done;
  do {
    done = read(fd, &error, sizeof error);
  } while (done < 0 && errno == EINTR);
  return done == (ssize_t)sizeof error ? error : 0;
}

static void reap(pid_t pid) {
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
  }
}

/* Forks with all signals blocked, so that no handler of the host runs in the child. */
static pid_t fork_blocked(const launch *l) {
  sigset_t all;
  sigset_t before;
  pid_t pid;
  int error;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid = fork();
  if (pid == 0) {
    be_child(l);
  }
  error = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  errno = error;
  return pid;
}

static void close_all(int *fds, size_t n) {
  size_t i;
  for (i = 0; i < n; i++) {
    ettm_socket_close(&fds[i]);
  }
}

/* Opens the pipes that are asked for: ours[i] stays here, theirs[i] goes to the child. */
static ettm_status open_streams(const ettm_stream streams[3], int ours[3], int theirs[3],
                                int *sys_error) {
  int i;
  for (i = 0; i < 3; i++) {
    int ends[2];
    int child_reads = i == 0;
    if (streams[i] != ETTM_STREAM_PIPE) {
      continue;
    }
    if (ettm_pipe_open(ends, sys_error) != ETTM_OK) {
      return ETTM_E_IO;
    }
    theirs[i] = ends[child_reads ? 0 : 1];
    ours[i] = ends[child_reads ? 1 : 0];
    if (ettm_pipe_prepare(ours[i], sys_error) != ETTM_OK) {
      return ETTM_E_IO;
    }
  }
  return ETTM_OK;
}

/* Forks and learns whether the program began. */
static ettm_status run(launch *l, pid_t *pid, int *sys_error) {
  int ends[2];
  if (ettm_pipe_open(ends, sys_error) != ETTM_OK) {
    return ETTM_E_IO;
  }
  l->report = ends[1];
  *pid = fork_blocked(l);
  *sys_error = *pid < 0 ? errno : 0;
  ettm_socket_close(&ends[1]);
  if (*pid > 0) {
    *sys_error = read_report(ends[0]);
    if (*sys_error != 0) {
      reap(*pid);
    }
  }
  ettm_socket_close(&ends[0]);
  return *sys_error == 0 ? ETTM_OK : ETTM_E_IO;
}

ettm_status ettm_process_start(ettm_process *p, const char *const *arguments,
                               const ettm_stream streams[3], int *sys_error) {
  int ours[3] = {-1, -1, -1};
  launch l = {NULL, NULL, NULL, {-1, -1, -1}, -1};
  pid_t pid = -1;
  ettm_status status;
  *sys_error = 0;
  if (arguments[0] == NULL || arguments[0][0] == '\0') {
    return ETTM_E_ARGUMENT;
  }
  l.arguments = arguments;
  l.streams = streams;
  l.path = getenv("PATH");
  if (l.path == NULL) {
    l.path = "/bin:/usr/bin";
  }
  status = open_streams(streams, ours, l.theirs, sys_error);
  if (status == ETTM_OK) {
    status = run(&l, &pid, sys_error);
  }
  close_all(l.theirs, 3);
  if (status != ETTM_OK) {
    close_all(ours, 3);
    return status;
  }
  p->pid = pid;
  memcpy(p->pipes, ours, sizeof ours);
  return ETTM_OK;
}

ettm_status ettm_process_wait(ettm_process *p, ettm_exit *how, int *sys_error) {
  int status = 0;
  pid_t got;
  *sys_error = 0;
  if (p->pid <= 0) {
    return ETTM_E_STATE;
  }
  do {
    got = waitpid((pid_t)p->pid, &status, WNOHANG);
  } while (got < 0 && errno == EINTR);
  if (got == 0) {
    return ETTM_NEED_INPUT;
  }
  p->pid = -1; /* the number may be given to another process from here on */
  if (got < 0) {
    *sys_error = errno;
    return ETTM_E_IO;
  }
  how->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  how->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  return ETTM_OK;
}

ettm_status ettm_process_kill(const ettm_process *p, int force, int *sys_error) {
  *sys_error = 0;
  if (p->pid <= 0) { /* kill(2) takes 0 and -1 for whole groups of processes */
    return ETTM_E_STATE;
  }
  if (kill((pid_t)p->pid, force ? SIGKILL : SIGTERM) != 0) {
    *sys_error = errno;
    return ETTM_E_IO;
  }
  return ETTM_OK;
}

void ettm_process_close(ettm_process *p) {
  close_all(p->pipes, 3);
}
