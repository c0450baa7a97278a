/* SPDX-License-Identifier: MIT
 *
 * How it works: whoever asks and the thread share one block, and each leaves it by one atomic
 * exchange of its state; the second to leave frees the block and closes the pipe. The thread fills
 * the block, writes one byte and leaves. Both ends of the pipe live as long as the block, so that
 * the thread never writes to a pipe whose reader is gone (SIGPIPE), and no lock exists that a fork
 * could leave locked. After an answer was taken the thread has left, and ettm_resolver_free closes
 * everything; the price of an abandoned look-up is its two descriptors, until getaddrinfo returns.
 *
 * The number of running threads is the only mutable static of the net folder, and is atomic. A fork
 * while threads run leaves their places taken in the child. */
#define _POSIX_C_SOURCE 200809L
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* glibc: EAI_NODATA, EAI_ADDRFAMILY */
#endif
#define _DARWIN_C_SOURCE
#define _NETBSD_SOURCE
#define __BSD_VISIBLE 1
#include "net/resolver.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/pipe.h"

/* The tests plug in a resolver of their own: a silent one, or one with a chosen answer. */
#ifndef ETTM_GETADDRINFO
#define ETTM_GETADDRINFO  getaddrinfo
#define ETTM_FREEADDRINFO freeaddrinfo
#endif

#define HOST_MAX   253          /* RFC 1035 2.3.4, as text */
#define STACK_SIZE (256 * 1024) /* C libraries keep answers of 64 KiB on the stack */

enum { LOOKING = 0, ANSWERED = 1, ABANDONED = 2 };

struct ettm_resolver {
  int state; /* atomic: ANSWERED: the thread has left and what is below will not change any more */
  int error; /* of getaddrinfo */
  int port;
  int ends[2];
  size_t count;
  ettm_endpoint list[ETTM_RESOLVER_ENDPOINTS];
  char host[HOST_MAX + 1];
};

static int running; /* atomic: the threads of this process, at most ETTM_RESOLVER_THREADS */

/* --- What getaddrinfo says ------------------------------------------------------------------- */

typedef struct failure {
  int error;
  int may_pass;
  const char *sentence;
} failure;

static const char no_address[] =
    "the host has neither an IPv4 nor an IPv6 address; check that it is the name of a mail server";

static const failure failures[] = {
    {EAI_NONAME, 0, "there is no host of this name; check its spelling"},
    {EAI_AGAIN, 1,
     "no name server answered; check the network and /etc/resolv.conf, or try again later"},
    {EAI_FAIL, 0,
     "the name server could not look the name up; check its spelling and /etc/resolv.conf"},
    {EAI_MEMORY, 1, "there was not enough memory to look the name up; try again later"},
    {EAI_SYSTEM, 1,
     "the system could not look the name up; check the limit of open files, or try again later"},
#ifdef EAI_NODATA
    {EAI_NODATA, 0, no_address},
#endif
#ifdef EAI_ADDRFAMILY
    {EAI_ADDRFAMILY, 0, no_address},
#endif
};

static const failure no_endpoint = {0, 0, no_address};
static const failure other = {0, 0,
                              "the system's resolver failed; check that other programs can look "
                              "the name up, for instance with getent hosts"};

static const failure *find_failure(int error) {
  size_t i;
  if (error == 0) {
    return &no_endpoint;
  }
  for (i = 0; i < sizeof failures / sizeof failures[0]; i++) {
    if (failures[i].error == error) {
      return &failures[i];
    }
  }
  return &other;
}

/* --- The answer, in our order ---------------------------------------------------------------- */

static int is_usable(const struct addrinfo *a) {
  return a->ai_addr != NULL &&
         ((a->ai_family == AF_INET && a->ai_addrlen >= sizeof(struct sockaddr_in)) ||
          (a->ai_family == AF_INET6 && a->ai_addrlen >= sizeof(struct sockaddr_in6)));
}

static void copy_address(const struct addrinfo *a, int port, ettm_endpoint *out) {
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  memset(out, 0, sizeof *out);
  out->family = a->ai_family;
  if (a->ai_family == AF_INET) {
    memcpy(&v4, a->ai_addr, sizeof v4);
    v4.sin_port = htons((uint16_t)port);
    memcpy(out->address.bytes, &v4, sizeof v4);
    out->length = (unsigned)sizeof v4;
  } else {
    memcpy(&v6, a->ai_addr, sizeof v6);
    v6.sin6_port = htons((uint16_t)port);
    memcpy(out->address.bytes, &v6, sizeof v6);
    out->length = (unsigned)sizeof v6;
  }
}

static int is_known(const ettm_resolver *r, const ettm_endpoint *e) {
  size_t i;
  for (i = 0; i < r->count; i++) {
    if (r->list[i].length == e->length &&
        memcmp(r->list[i].address.bytes, e->address.bytes, e->length) == 0) {
      return 1;
    }
  }
  return 0;
}

/* Appends the first new address of a family from *at on; 0 when there is none left. */
static int append_next(ettm_resolver *r, const struct addrinfo **at, int family) {
  while (*at != NULL) {
    const struct addrinfo *a = *at;
    *at = a->ai_next;
    if (a->ai_family == family && is_usable(a)) {
      ettm_endpoint e;
      copy_address(a, r->port, &e);
      if (!is_known(r, &e)) {
        r->list[r->count++] = e;
        return 1;
      }
    }
  }
  return 0;
}

static int first_family(const struct addrinfo *found) {
  while (found != NULL && !is_usable(found)) {
    found = found->ai_next;
  }
  return found != NULL ? found->ai_family : AF_INET6;
}

/* RFC 8305 4, with a First Address Family Count of 1: one family that is broken costs one try. */
static void collect(ettm_resolver *r, const struct addrinfo *found) {
  const struct addrinfo *at[2];
  int family[2];
  int turn = 0;
  at[0] = at[1] = found;
  family[0] = first_family(found);
  family[1] = family[0] == AF_INET ? AF_INET6 : AF_INET;
  while (r->count < ETTM_RESOLVER_ENDPOINTS) {
    if (!append_next(r, &at[turn], family[turn]) && !append_next(r, &at[!turn], family[!turn])) {
      return;
    }
    turn = !turn;
  }
}

/* --- The two who share the block ------------------------------------------------------------- */

static void destroy(ettm_resolver *r) {
  ettm_socket_close(&r->ends[0]);
  ettm_socket_close(&r->ends[1]);
  ettm_free(NULL, r, sizeof *r);
}

static void leave(ettm_resolver *r, int as, int other_side_left) {
  if (__atomic_exchange_n(&r->state, as, __ATOMIC_ACQ_REL) == other_side_left) {
    destroy(r);
  }
}

static void publish(ettm_resolver *r) {
  ssize_t done;
  do {
    done = write(r->ends[1], "", 1); /* the first byte of an empty pipe: neither waits nor fails */
  } while (done < 0 && errno == EINTR);
  leave(r, ANSWERED, ABANDONED);
}

/* Without AI_ADDRCONFIG: by it, a machine whose only interface is the loopback has no address at
 * all, so that "localhost" or a name from /etc/hosts may not be found there. An address of a family
 * that the machine has not got fails at once when it is tried, which costs nothing. */
static void *look_up(void *ud) {
  ettm_resolver *r = (ettm_resolver *)ud;
  struct addrinfo hints;
  struct addrinfo *found = NULL;
  memset(&hints, 0, sizeof hints);
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  r->error = ETTM_GETADDRINFO(r->host, NULL, &hints, &found);
  if (r->error == 0) {
    collect(r, found);
    ETTM_FREEADDRINFO(found);
  }
  /* Before the answer is out, so that whoever has it finds the place free. */
  __atomic_sub_fetch(&running, 1, __ATOMIC_RELEASE);
  publish(r);
  return NULL;
}

/* The thread inherits the mask: with all signals blocked no handler of the host ever runs in it. */
static int create_thread(ettm_resolver *r, const pthread_attr_t *attributes) {
  pthread_t thread;
  sigset_t all;
  sigset_t before;
  int error;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  error = pthread_create(&thread, attributes, look_up, r);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return error;
}

static ettm_status start_thread(ettm_resolver *r) {
  pthread_attr_t attributes;
  int error;
  if (__atomic_add_fetch(&running, 1, __ATOMIC_RELAXED) > ETTM_RESOLVER_THREADS) {
    __atomic_sub_fetch(&running, 1, __ATOMIC_RELAXED);
    return ETTM_E_LIMIT;
  }
  error = pthread_attr_init(&attributes);
  if (error == 0) {
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attributes, STACK_SIZE); /* else the default size */
    error = create_thread(r, &attributes);
    (void)pthread_attr_destroy(&attributes);
  }
  if (error != 0) {
    __atomic_sub_fetch(&running, 1, __ATOMIC_RELAXED);
    return error == ENOMEM ? ETTM_E_MEMORY : ETTM_E_IO;
  }
  return ETTM_OK;
}

static int is_host(ettm_str host) {
  size_t i;
  if (host.n == 0 || host.n > HOST_MAX) {
    return 0;
  }
  for (i = 0; i < host.n; i++) {
    unsigned char c = (unsigned char)host.p[i];
    if (c <= 32 || c == 127) {
      return 0;
    }
  }
  return 1;
}

ettm_status ettm_resolver_start(ettm_resolver **out, ettm_str host, int port) {
  ettm_resolver *r;
  ettm_status status;
  int sys_error;
  if (!is_host(host) || port < 0 || port > 65535) {
    return ETTM_E_ARGUMENT;
  }
  r = (ettm_resolver *)ettm_new(NULL, sizeof *r);
  if (r == NULL) {
    return ETTM_E_MEMORY;
  }
  r->ends[0] = r->ends[1] = -1;
  r->port = port;
  memcpy(r->host, host.p, host.n);
  status = ettm_pipe_open(r->ends, &sys_error);
  if (status == ETTM_OK && ettm_endpoint_from_ip(&r->list[0], host, port) == ETTM_OK) {
    r->count = 1;
    publish(r);
  } else if (status == ETTM_OK) {
    status = start_thread(r);
  }
  if (status != ETTM_OK) {
    destroy(r);
    return status;
  }
  *out = r;
  return ETTM_OK;
}

int ettm_resolver_fd(const ettm_resolver *r) {
  return r->ends[0];
}

static int is_answered(const ettm_resolver *r) {
  return __atomic_load_n(&r->state, __ATOMIC_ACQUIRE) == ANSWERED;
}

/* Between the thread's write and its leaving are a few instructions: who polls may be faster. It
 * is slept through, not spun through, for a thread of lower priority has to get the processor. */
static int is_answered_soon(const ettm_resolver *r) {
  static const struct timespec moment = {0, 20000};
  struct pollfd item;
  item.fd = r->ends[0];
  item.events = POLLIN;
  item.revents = 0;
  if (is_answered(r)) {
    return 1;
  }
  if (poll(&item, 1, 0) != 1) {
    return 0;
  }
  while (!is_answered(r)) {
    (void)nanosleep(&moment, NULL);
  }
  return 1;
}

ettm_status ettm_resolver_take(ettm_resolver *r, ettm_endpoint *list, size_t max, size_t *count,
                               const char **reason) {
  size_t n;
  if (!is_answered_soon(r)) {
    return ETTM_NEED_INPUT;
  }
  if (r->count == 0) {
    *reason = find_failure(r->error)->sentence;
    return ETTM_E_DNS;
  }
  n = r->count < max ? r->count : max;
  if (n > 0) {
    memcpy(list, r->list, n * sizeof list[0]);
  }
  *count = n;
  return ETTM_OK;
}

int ettm_resolver_may_pass(const ettm_resolver *r) {
  return is_answered(r) && r->count == 0 && find_failure(r->error)->may_pass;
}

void ettm_resolver_free(ettm_resolver *r) {
  if (r != NULL) {
    leave(r, ABANDONED, ANSWERED);
  }
}
