/* SPDX-License-Identifier: MIT */
/* So many GET requests at once, each on a connection of its own that is open already, and how long
 * each was answered later.  ping PORT [COUNT [PATH]]: one line of JSON; the times are in ms. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 10000, PATIENCE_MS = 30000 };

static double sent_at[MOST], took[MOST];
static int fds[MOST];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int open_one(int epoll, int port, int i) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  struct epoll_event event = {.events = EPOLLIN, .data = {.u32 = (unsigned)i}};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0 ||
      epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
    fail("connect");
  }
  return fd;
}

/* Whether the answer has come. */
static int take(int i) {
  char answer[4096];
  ssize_t n = recv(fds[i], answer, sizeof answer, MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN) {
    return 0;
  }
  if (n <= 0 || memcmp(answer, "HTTP/1.1 200", 12) != 0) {
    fprintf(stderr, "a request was not answered with 200\n");
    exit(1);
  }
  took[i] = now() - sent_at[i];
  close(fds[i]);
  return 1;
}

static void take_all(int epoll, int count) {
  double end = now() + PATIENCE_MS;
  int left = count;
  while (left > 0 && now() < end) {
    struct epoll_event events[64];
    int n = epoll_wait(epoll, events, 64, PATIENCE_MS);
    for (int i = 0; i < n; i++) {
      left -= take((int)events[i].data.u32);
    }
  }
  if (left > 0) {
    fprintf(stderr, "%d requests were not answered in time\n", left);
    exit(1);
  }
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  int port = argc > 1 ? atoi(argv[1]) : 0, count = argc > 2 ? atoi(argv[2]) : 1000;
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  char request[256];
  int size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n",
                      argc > 3 ? argv[3] : "/ping");
  if (port <= 0 || count <= 0 || count > MOST || size >= (int)sizeof request || epoll < 0) {
    fprintf(stderr, "ping PORT [COUNT [PATH]]\n");
    return 2;
  }
  for (int i = 0; i < count; i++) {
    fds[i] = open_one(epoll, port, i);
  }
  usleep(50000); /* all are accepted */
  for (int i = 0; i < count; i++) {
    sent_at[i] = now();
    if (send(fds[i], request, (size_t)size, MSG_NOSIGNAL) != size) {
      fail("send");
    }
  }
  take_all(epoll, count);
  qsort(took, (size_t)count, sizeof took[0], by_size);
  printf("{\"count\": %d, \"p50\": %.3f, \"p99\": %.3f, \"max\": %.3f}\n", count, took[count / 2],
         took[count * 99 / 100], took[count - 1]);
  return 0;
}
