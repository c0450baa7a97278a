/* SPDX-License-Identifier: MIT */
#undef _GNU_SOURCE /* glibc's strerror_r has another type under it */
#define _POSIX_C_SOURCE  200809L
#define _DEFAULT_SOURCE    /* glibc, musl: tm_gmtoff */
#define _DARWIN_C_SOURCE   /* SO_NOSIGPIPE, MSG_DONTWAIT, tm_gmtoff */
#define _NETBSD_SOURCE     /* SOCK_CLOEXEC, tm_gmtoff */
#define __BSD_VISIBLE    1 /* FreeBSD: the same */
#include "net/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* macOS before 15: SO_NOSIGPIPE is set on the socket */
#endif
#ifndef MSG_DONTWAIT
#define MSG_DONTWAIT 0 /* our sockets are non-blocking anyway */
#endif
#if defined(SOCK_CLOEXEC) && defined(SOCK_NONBLOCK)
#define OPEN_FLAGS (SOCK_CLOEXEC | SOCK_NONBLOCK)
#else
#define OPEN_FLAGS 0
#endif

#define BACKLOG 128

static ettm_status fail(ettm_status status, int *sys_error) {
  *sys_error = errno;
  return status;
}

/* --- Endpoints ------------------------------------------------------------------------------- */

static const struct sockaddr *address_of(const ettm_endpoint *e) {
  return (const struct sockaddr *)(const void *)e->address.bytes;
}

static void set_endpoint(ettm_endpoint *out, int family, const void *address, size_t n) {
  memset(out, 0, sizeof *out);
  out->family = family;
  out->length = (unsigned)n;
  memcpy(out->address.bytes, address, n);
}

ettm_status ettm_endpoint_from_ip(ettm_endpoint *out, ettm_str ip, int port) {
  char text[INET6_ADDRSTRLEN];
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  if (ip.n == 0 || ip.n >= sizeof text || memchr(ip.p, '\0', ip.n) != NULL || port < 0 ||
      port > 65535) {
    return ETTM_E_ARGUMENT;
  }
  memcpy(text, ip.p, ip.n);
  text[ip.n] = '\0';
  memset(&v4, 0, sizeof v4);
  memset(&v6, 0, sizeof v6);
  if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons((uint16_t)port);
    set_endpoint(out, AF_INET, &v4, sizeof v4);
    return ETTM_OK;
  }
  if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons((uint16_t)port);
    set_endpoint(out, AF_INET6, &v6, sizeof v6);
    return ETTM_OK;
  }
  return ETTM_E_ARGUMENT;
}

ettm_status ettm_endpoint_from_path(ettm_endpoint *out, ettm_str path) {
  struct sockaddr_un address;
  if (path.n == 0) {
    return ETTM_E_ARGUMENT;
  }
  if (path.n >= sizeof address.sun_path) {
    return ETTM_E_LIMIT;
  }
  if (memchr(path.p, '\0', path.n) != NULL) {
    return ETTM_E_UNSAFE;
  }
  memset(&address, 0, sizeof address);
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path.p, path.n);
  set_endpoint(out, AF_UNIX, &address, offsetof(struct sockaddr_un, sun_path) + path.n + 1);
  return ETTM_OK;
}

/* The path of a bound Unix socket; "" for the other end of one, which has none. */
static void copy_path(const ettm_endpoint *e, char out[128]) {
  size_t start = offsetof(struct sockaddr_un, sun_path);
  size_t n = e->length > start ? e->length - start : 0;
  if (n > 127 || n > sizeof e->address.bytes - start) {
    n = 0;
  }
  memcpy(out, e->address.bytes + start, n);
  out[n] = '\0';
}

const char *ettm_endpoint_host(const ettm_endpoint *e, char out[128]) {
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  out[0] = '\0';
  if (e->family == AF_INET) {
    memcpy(&v4, e->address.bytes, sizeof v4);
    (void)inet_ntop(AF_INET, &v4.sin_addr, out, 128);
  } else if (e->family == AF_INET6) {
    memcpy(&v6, e->address.bytes, sizeof v6);
    (void)inet_ntop(AF_INET6, &v6.sin6_addr, out, 128);
  } else if (e->family == AF_UNIX) {
    copy_path(e, out);
  }
  return out;
}

int ettm_endpoint_port(const ettm_endpoint *e) {
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  if (e->family == AF_INET) {
    memcpy(&v4, e->address.bytes, sizeof v4);
    return ntohs(v4.sin_port);
  }
  if (e->family == AF_INET6) {
    memcpy(&v6, e->address.bytes, sizeof v6);
    return ntohs(v6.sin6_port);
  }
  return 0;
}

typedef int (*name_function)(int fd, struct sockaddr *address, socklen_t *length);

static ettm_status ask_name(name_function ask, int fd, ettm_endpoint *out) {
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  memset(&address, 0, sizeof address);
  if (ask(fd, (struct sockaddr *)&address, &length) != 0) {
    return ETTM_E_IO;
  }
  if (length > sizeof out->address.bytes) {
    length = sizeof out->address.bytes;
  }
  set_endpoint(out, address.ss_family, &address, length);
  return ETTM_OK;
}

ettm_status ettm_socket_local(int fd, ettm_endpoint *out) {
  return ask_name(getsockname, fd, out);
}

ettm_status ettm_socket_peer(int fd, ettm_endpoint *out) {
  return ask_name(getpeername, fd, out);
}

/* --- Opening --------------------------------------------------------------------------------- */

static int add_flag(int fd, int get, int set, int flag) {
  int flags = fcntl(fd, get);
  return flags < 0 ? -1 : fcntl(fd, set, flags | flag);
}

static int set_flags(int fd) {
  return add_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC) != 0 ||
                 add_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK) != 0
             ? -1
             : 0;
}

/* What every socket gets. A refusal costs speed only (macOS refuses once the peer is gone). */
static void set_options(int fd, int family) {
  int on = 1;
  (void)on;
#ifdef SO_NOSIGPIPE
  (void)setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
  if (family != AF_UNIX) {
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
}

static int open_socket(int family) {
  int fd = socket(family, SOCK_STREAM | OPEN_FLAGS, 0);
  if (fd < 0) {
    return -1;
  }
  if (OPEN_FLAGS == 0 && set_flags(fd) != 0) {
    ettm_socket_close(&fd);
    return -1;
  }
  set_options(fd, family);
  return fd;
}

/* Closes fd, but keeps the errno that says what went wrong. */
static ettm_status give_up(int fd, ettm_status status, int *sys_error) {
  *sys_error = errno;
  ettm_socket_close(&fd);
  return status;
}

ettm_status ettm_socket_connect(int *fd, const ettm_endpoint *to, const ettm_endpoint *source,
                                int *sys_error) {
  int made = open_socket(to->family);
  *sys_error = 0;
  if (made < 0) {
    return fail(ETTM_E_CONNECT, sys_error);
  }
  if (source != NULL && bind(made, address_of(source), source->length) != 0) {
    return give_up(made, ETTM_E_CONNECT, sys_error);
  }
  /* Interrupted, connect goes on by itself, as with EINPROGRESS; asking again would fail. */
  if (connect(made, address_of(to), to->length) != 0 && errno != EINPROGRESS && errno != EINTR) {
    return give_up(made, ETTM_E_CONNECT, sys_error);
  }
  *fd = made;
  return ETTM_OK;
}

/* SO_ERROR is cleared by reading it; getpeername still tells a failed socket from a good one. */
ettm_status ettm_socket_connected(int fd, int *sys_error) {
  struct pollfd item;
  struct sockaddr_storage peer;
  socklen_t length = sizeof *sys_error;
  int ready;
  *sys_error = 0;
  item.fd = fd;
  item.events = POLLOUT;
  item.revents = 0;
  do {
    ready = poll(&item, 1, 0);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) {
    return ETTM_NEED_INPUT;
  }
  if (ready < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, sys_error, &length) != 0) {
    return fail(ETTM_E_CONNECT, sys_error);
  }
  if (*sys_error != 0) {
    return ETTM_E_CONNECT;
  }
  length = sizeof peer;
  if (getpeername(fd, (struct sockaddr *)&peer, &length) != 0) {
    return fail(ETTM_E_CONNECT, sys_error);
  }
  return ETTM_OK;
}

ettm_status ettm_socket_listen(int *fd, const ettm_endpoint *on, int *sys_error) {
  int made = open_socket(on->family);
  int reuse = 1;
  *sys_error = 0;
  if (made < 0) {
    return fail(ETTM_E_IO, sys_error);
  }
  if (on->family != AF_UNIX) {
    (void)setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
  }
  if (bind(made, address_of(on), on->length) != 0 || listen(made, BACKLOG) != 0) {
    return give_up(made, ETTM_E_IO, sys_error);
  }
  *fd = made;
  return ETTM_OK;
}

/* A connection that broke while it waited in the queue is as if nobody were waiting. */
static int is_nobody(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == ECONNABORTED || error == EPROTO;
}

/* accept4 is not in POSIX.1-2008: a child that another thread forks between the two calls inherits
 * the socket, unless it is one of ours (process.c). */
ettm_status ettm_socket_accept(int *fd, int listening, int *sys_error) {
  struct sockaddr_storage peer;
  socklen_t length = sizeof peer;
  int made;
  *sys_error = 0;
  memset(&peer, 0, sizeof peer);
  do {
    made = accept(listening, (struct sockaddr *)&peer, &length);
  } while (made < 0 && errno == EINTR);
  if (made < 0 && is_nobody(errno)) {
    return ETTM_NEED_INPUT;
  }
  if (made < 0) {
    return fail(ETTM_E_IO, sys_error);
  }
  if (set_flags(made) != 0) {
    return give_up(made, ETTM_E_IO, sys_error);
  }
  set_options(made, peer.ss_family);
  *fd = made;
  return ETTM_OK;
}

ettm_status ettm_socket_pair(int fds[2], int *sys_error) {
  int i, made[2];
  *sys_error = 0;
  if (socketpair(AF_UNIX, SOCK_STREAM | OPEN_FLAGS, 0, made) != 0) {
    return fail(ETTM_E_IO, sys_error);
  }
  for (i = 0; i < 2; i++) {
    if (OPEN_FLAGS == 0 && set_flags(made[i]) != 0) {
      ettm_status status = give_up(made[0], ETTM_E_IO, sys_error);
      ettm_socket_close(&made[1]);
      return status;
    }
    set_options(made[i], AF_UNIX);
    fds[i] = made[i];
  }
  return ETTM_OK;
}

void ettm_socket_close(int *fd) {
  if (*fd >= 0) {
    close(*fd); /* never again after EINTR: the number may be somebody else's by then */
    *fd = -1;
  }
}

/* --- Bytes ----------------------------------------------------------------------------------- */

ettm_status ettm_socket_send(int fd, const char *p, size_t n, size_t *sent, int *sys_error) {
  ssize_t done;
  *sys_error = 0;
  if (n == 0) {
    return ETTM_E_ARGUMENT;
  }
  do {
    done = send(fd, p, n < INT_MAX ? n : INT_MAX, MSG_NOSIGNAL);
  } while (done < 0 && errno == EINTR);
  if (done >= 0) {
    *sent = (size_t)done;
    return ETTM_OK;
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK) {
    return ETTM_FULL;
  }
  return fail(errno == EPIPE || errno == ECONNRESET ? ETTM_E_CLOSED : ETTM_E_IO, sys_error);
}

ettm_status ettm_socket_receive(int fd, char *p, size_t capacity, size_t *got, int *sys_error) {
  ssize_t done;
  *sys_error = 0;
  if (capacity == 0) { /* recv would return 0, which means the end */
    return ETTM_E_ARGUMENT;
  }
  do {
    done = recv(fd, p, capacity < INT_MAX ? capacity : INT_MAX, 0);
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
  return fail(errno == ECONNRESET ? ETTM_E_CLOSED : ETTM_E_IO, sys_error);
}

int ettm_socket_has_news(int fd) {
  char byte;
  ssize_t done;
  do {
    done = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  } while (done < 0 && errno == EINTR);
  return done >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

/* --- Poll ------------------------------------------------------------------------------------ */

/* An item that wants nothing is left out: a hang-up, which poll always reports, would otherwise
 * end each wait at once with nothing ready. */
static void to_system(const ettm_poll_item *items, size_t count, struct pollfd *out) {
  size_t i;
  for (i = 0; i < count; i++) {
    out[i].fd = items[i].wanted != 0 ? items[i].fd : -1;
    out[i].events = (short)((items[i].wanted & ETTM_POLL_READ ? POLLIN : 0) |
                            (items[i].wanted & ETTM_POLL_WRITE ? POLLOUT : 0));
    out[i].revents = 0;
  }
}

static void from_system(ettm_poll_item *items, size_t count, const struct pollfd *in) {
  size_t i;
  for (i = 0; i < count; i++) {
    short seen = in[i].revents;
    unsigned ready =
        (seen & POLLIN ? ETTM_POLL_READ : 0u) | (seen & POLLOUT ? ETTM_POLL_WRITE : 0u);
    if (seen & (POLLERR | POLLHUP | POLLNVAL)) {
      ready = ETTM_POLL_READ | ETTM_POLL_WRITE;
    }
    items[i].ready = ready & items[i].wanted;
  }
}

/* What poll(2) is to wait for at most: -1 for ever. */
static int time_left(int64_t deadline_ms) {
  int64_t left;
  if (deadline_ms < 0) {
    return -1;
  }
  left = deadline_ms - ettm_clock_ms();
  if (left <= 0) {
    return 0;
  }
  return left < INT_MAX ? (int)left : INT_MAX;
}

ettm_status ettm_poll(ettm_poll_item *items, size_t count, int64_t deadline_ms, int *sys_error) {
  struct pollfd system[ETTM_POLL_ITEMS];
  *sys_error = 0;
  if (count > ETTM_POLL_ITEMS) {
    return ETTM_E_LIMIT;
  }
  to_system(items, count, system);
  for (;;) {
    int wait_ms = time_left(deadline_ms);
    int ready = poll(system, (nfds_t)count, wait_ms);
    if (ready > 0) {
      from_system(items, count, system);
      return ETTM_OK;
    }
    if (ready < 0 && errno != EINTR) {
      return fail(ETTM_E_IO, sys_error);
    }
    if (ready == 0 && wait_ms >= 0 && time_left(deadline_ms) == 0) {
      from_system(items, count, system);
      return ETTM_E_TIMEOUT;
    }
  }
}

/* --- Clocks and names ------------------------------------------------------------------------ */

int64_t ettm_clock_ms(void) {
  struct timespec now;
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
    return 0;
  }
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t ettm_clock_now(int *zone_minutes) {
  time_t now = time(NULL);
  struct tm local;
  memset(&local, 0, sizeof local);
  *zone_minutes = localtime_r(&now, &local) != NULL ? (int)(local.tm_gmtoff / 60) : 0;
  return (int64_t)now;
}

const char *ettm_host_name(char out[256]) {
  if (gethostname(out, 256) != 0) {
    out[0] = '\0';
  }
  out[255] = '\0'; /* a name that was cut need not be terminated */
  return out;
}

const char *ettm_system_text(int sys_error, char out[128]) {
  static const char unknown[] = "unknown system error";
  out[0] = '\0';
  (void)strerror_r(sys_error, out, 128);
  if (out[0] == '\0') {
    memcpy(out, unknown, sizeof unknown);
  }
  return out;
}
