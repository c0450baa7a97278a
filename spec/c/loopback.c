/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "loopback.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "check.h"

int open_descriptors(void) {
  int fd;
  int count = 0;
  for (fd = 0; fd < 1024; fd++) {
    count += fcntl(fd, F_GETFD) >= 0;
  }
  return count;
}

void pause_ms(int ms) {
  int error;
  CHECK_INT(ettm_poll(NULL, 0, ettm_clock_ms() + ms, &error), ETTM_E_TIMEOUT);
}

unsigned wait_ready(int fd, unsigned wanted, int ms) {
  ettm_poll_item item;
  int error;
  item.fd = fd;
  item.wanted = wanted;
  item.ready = 99;
  if (ettm_poll(&item, 1, ettm_clock_ms() + ms, &error) == ETTM_OK) {
    CHECK(item.ready != 0); /* else whoever waits in a loop would not wait at all */
    return item.ready;
  }
  CHECK_INT(item.ready, 0);
  return 0;
}

ettm_endpoint ip_of(const char *text, int port) {
  ettm_endpoint e;
  memset(&e, 0, sizeof e);
  CHECK_INT(ettm_endpoint_from_ip(&e, ettm_str_of(text, strlen(text)), port), ETTM_OK);
  return e;
}

int loopback_open(loopback *p, const ettm_endpoint *on) {
  ettm_endpoint bound;
  int error;
  p->listening = p->client = p->server = -1;
  if (ettm_socket_listen(&p->listening, on, &error) != ETTM_OK) {
    return 0;
  }
  CHECK_INT(ettm_socket_local(p->listening, &bound), ETTM_OK);
  CHECK_INT(ettm_socket_connect(&p->client, &bound, NULL, &error), ETTM_OK);
  CHECK_INT(wait_ready(p->listening, ETTM_POLL_READ, PATIENCE), ETTM_POLL_READ);
  CHECK_INT(ettm_socket_accept(&p->server, p->listening, &error), ETTM_OK);
  CHECK_INT(wait_ready(p->client, ETTM_POLL_WRITE, PATIENCE), ETTM_POLL_WRITE);
  CHECK_INT(ettm_socket_connected(p->client, &error), ETTM_OK);
  CHECK_INT(error, 0);
  return 1;
}

loopback loopback_ipv4(void) {
  loopback p;
  ettm_endpoint on = ip_of("127.0.0.1", 0);
  CHECK(loopback_open(&p, &on));
  return p;
}

void loopback_close(loopback *p) {
  ettm_socket_close(&p->client);
  ettm_socket_close(&p->server);
  ettm_socket_close(&p->listening);
}

void reset_by(int *fd) {
  struct linger hard;
  hard.l_onoff = 1;
  hard.l_linger = 0;
  CHECK_INT(setsockopt(*fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
  ettm_socket_close(fd);
}
