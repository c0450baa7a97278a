/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE
#include "net/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "loopback.h"

/* --- Endpoints ------------------------------------------------------------------------------- */

static void reads_ip_addresses(void) {
  static const char *const texts[] = {"127.0.0.1", "192.0.2.255", "::1", "2001:db8::1",
                                      "::ffff:192.0.2.1"};
  size_t i;
  for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    char host[128];
    ettm_endpoint e;
    ettm_str guarded = check_guarded(ettm_str_of(texts[i], strlen(texts[i])));
    CHECK_INT(ettm_endpoint_from_ip(&e, guarded, 2525), ETTM_OK);
    CHECK(ettm_endpoint_host(&e, host) == host);
    CHECK_STR(ettm_str_of(host, strlen(host)), guarded);
    CHECK_INT(ettm_endpoint_port(&e), 2525);
  }
}

static void refuses_what_is_no_ip_address(void) {
  static const char *const texts[] = {"",
                                      "localhost",
                                      "127.1",
                                      "[::1]",
                                      "0x7f.1",
                                      "1.2.3.4 ",
                                      " 1.2.3.4",
                                      "1.2.3.4:25",
                                      "1.2.3.",
                                      "1.2.3.4.5",
                                      "fe80::1%lo",
                                      "256.1.1.1",
                                      "::1::1",
                                      "2130706433",
                                      "::g",
                                      "1.2.3.04x",
                                      "0000:0000:0000:0000:0000:ffff:255.255.255.2550000000"};
  ettm_endpoint e;
  size_t i;
  for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    ettm_str text = check_guarded(ettm_str_of(texts[i], strlen(texts[i])));
    CHECK_INT(ettm_endpoint_from_ip(&e, text, 25), ETTM_E_ARGUMENT);
  }
  CHECK_INT(ettm_endpoint_from_ip(&e, ETTM_LIT("127.0.0.1\0"), 25), ETTM_E_ARGUMENT);
  CHECK_INT(ettm_endpoint_from_ip(&e, ETTM_LIT("127.0.0.1"), -1), ETTM_E_ARGUMENT);
  CHECK_INT(ettm_endpoint_from_ip(&e, ETTM_LIT("127.0.0.1"), 65536), ETTM_E_ARGUMENT);
  CHECK_INT(ettm_endpoint_from_ip(&e, ETTM_LIT("127.0.0.1"), 65535), ETTM_OK);
}

static void bounds_the_path_of_a_unix_socket(void) {
  char longest[256];
  char host[128];
  ettm_endpoint e;
  size_t n;
  memset(longest, 'p', sizeof longest);
  for (n = 1; ettm_endpoint_from_path(&e, ettm_str_of(longest, n)) == ETTM_OK; n++) {
    CHECK_INT(strlen(ettm_endpoint_host(&e, host)), n);
    CHECK_INT(ettm_endpoint_port(&e), 0);
  }
  CHECK(n > 90 && n < 128);
  CHECK_INT(ettm_endpoint_from_path(&e, ettm_str_of(longest, n)), ETTM_E_LIMIT);
  CHECK_INT(ettm_endpoint_from_path(&e, ETTM_LIT("/tmp/a\0b")), ETTM_E_UNSAFE);
  CHECK_INT(ettm_endpoint_from_path(&e, ETTM_LIT("\0abstract")), ETTM_E_UNSAFE);
  CHECK_INT(ettm_endpoint_from_path(&e, ETTM_LIT("")), ETTM_E_ARGUMENT);
}

/* --- Connections ----------------------------------------------------------------------------- */

static void talk(loopback *p) {
  char got[16];
  size_t n = 0;
  int error = 99;
  CHECK_INT(ettm_socket_receive(p->server, got, sizeof got, &n, &error), ETTM_NEED_INPUT);
  CHECK_INT(error, 0);
  CHECK_INT(ettm_socket_send(p->client, "EHLO\0\r\n", 7, &n, &error), ETTM_OK);
  CHECK_INT(n, 7);
  CHECK_INT(wait_ready(p->server, ETTM_POLL_READ, PATIENCE), ETTM_POLL_READ);
  CHECK_INT(ettm_socket_receive(p->server, got, sizeof got, &n, &error), ETTM_OK);
  CHECK_STR(ettm_str_of(got, n), ETTM_LIT("EHLO\0\r\n"));
  CHECK_INT(ettm_socket_send(p->server, "250", 3, &n, &error), ETTM_OK);
  ettm_socket_close(&p->server);
  CHECK_INT(p->server, -1);
  CHECK_INT(wait_ready(p->client, ETTM_POLL_READ, PATIENCE), ETTM_POLL_READ);
  CHECK_INT(ettm_socket_receive(p->client, got, 2, &n, &error), ETTM_OK);
  CHECK_INT(ettm_socket_receive(p->client, got, 2, &n, &error), ETTM_OK);
  CHECK_INT(n, 1);
  CHECK_INT(ettm_socket_receive(p->client, got, 2, &n, &error), ETTM_DONE);
  CHECK_INT(error, 0);
}

static void talks_over_ipv4(void) {
  int before = open_descriptors();
  loopback p = loopback_ipv4();
  talk(&p);
  loopback_close(&p);
  CHECK_INT(open_descriptors(), before);
}

static void talks_over_ipv6(void) {
  loopback p;
  ettm_endpoint on = ip_of("::1", 0);
  if (!loopback_open(&p, &on)) {
    printf("  (no IPv6 loopback here: passed over)\n");
    return;
  }
  talk(&p);
  loopback_close(&p);
}

static void talks_over_a_unix_socket(void) {
  char path[64];
  char host[128];
  int before = open_descriptors();
  ettm_endpoint on;
  ettm_endpoint seen;
  loopback p;
  (void)snprintf(path, sizeof path, "/tmp/ettm-socket-%ld", (long)getpid());
  (void)unlink(path);
  CHECK_INT(ettm_endpoint_from_path(&on, ettm_str_of(path, strlen(path))), ETTM_OK);
  CHECK(loopback_open(&p, &on));
  CHECK_INT(ettm_socket_peer(p.client, &seen), ETTM_OK);
  CHECK_INT(seen.family, AF_UNIX);
  CHECK_INT(strcmp(ettm_endpoint_host(&seen, host), path), 0);
  CHECK_INT(ettm_socket_peer(p.server, &seen), ETTM_OK);
  CHECK_INT(ettm_endpoint_host(&seen, host)[0], 0);
  talk(&p);
  loopback_close(&p);
  (void)unlink(path);
  CHECK_INT(open_descriptors(), before);
}

static void knows_both_ends(void) {
  char host[128];
  loopback p = loopback_ipv4();
  ettm_endpoint client;
  ettm_endpoint seen;
  CHECK_INT(ettm_socket_local(p.client, &client), ETTM_OK);
  CHECK_INT(ettm_socket_peer(p.server, &seen), ETTM_OK);
  CHECK_INT(ettm_endpoint_port(&client), ettm_endpoint_port(&seen));
  CHECK(ettm_endpoint_port(&client) > 0);
  CHECK_INT(strcmp(ettm_endpoint_host(&seen, host), "127.0.0.1"), 0);
  CHECK_INT(ettm_socket_peer(p.listening, &seen), ETTM_E_IO);
  CHECK_INT(ettm_socket_local(-1, &seen), ETTM_E_IO);
  loopback_close(&p);
}

static void check_flags(int fd, int has_nodelay) {
  int on = 0;
  socklen_t n = sizeof on;
  CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
  CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
  if (has_nodelay) {
    CHECK_INT(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &n), 0);
    CHECK(on);
  }
}

static void opens_sockets_that_neither_wait_nor_leak_nor_delay(void) {
  loopback p = loopback_ipv4();
  check_flags(p.client, 1);
  check_flags(p.server, 1);
  check_flags(p.listening, 0);
  loopback_close(&p);
}

static void says_when_nobody_is_waiting(void) {
  ettm_endpoint on = ip_of("127.0.0.1", 0);
  int listening = -1;
  int fd = -1;
  int error = 99;
  CHECK_INT(ettm_socket_listen(&listening, &on, &error), ETTM_OK);
  CHECK_INT(ettm_socket_accept(&fd, listening, &error), ETTM_NEED_INPUT);
  CHECK_INT(error, 0);
  CHECK_INT(fd, -1);
  ettm_socket_close(&listening);
  CHECK_INT(ettm_socket_accept(&fd, listening, &error), ETTM_E_IO);
  CHECK_INT(error, EBADF);
}

static void reports_a_refused_connection_each_time_it_is_asked(void) {
  int before = open_descriptors();
  ettm_endpoint to = ip_of("127.0.0.1", 0);
  int fd = -1;
  int error = 0;
  CHECK_INT(ettm_socket_listen(&fd, &to, &error), ETTM_OK);
  CHECK_INT(ettm_socket_local(fd, &to), ETTM_OK);
  ettm_socket_close(&fd);
  if (ettm_socket_connect(&fd, &to, NULL, &error) == ETTM_OK) {
    CHECK_INT(wait_ready(fd, ETTM_POLL_WRITE, PATIENCE), ETTM_POLL_WRITE);
    CHECK_INT(ettm_socket_connected(fd, &error), ETTM_E_CONNECT);
    CHECK_INT(error, ECONNREFUSED);
    CHECK_INT(ettm_socket_connected(fd, &error), ETTM_E_CONNECT);
    ettm_socket_close(&fd);
  }
  CHECK(error != 0);
  CHECK_INT(open_descriptors(), before);
}

/* A listener that accepts nothing and whose queue is full: further connections stay half-open. */
static void says_not_yet_while_a_connection_is_being_made(void) {
  ettm_endpoint on = ip_of("127.0.0.1", 0);
  int clients[8];
  int listening = -1;
  int error = 0;
  int not_yet = 0;
  size_t i;
  CHECK_INT(ettm_socket_listen(&listening, &on, &error), ETTM_OK);
  CHECK_INT(listen(listening, 0), 0);
  CHECK_INT(ettm_socket_local(listening, &on), ETTM_OK);
  for (i = 0; i < 8; i++) {
    clients[i] = -1;
    CHECK_INT(ettm_socket_connect(&clients[i], &on, NULL, &error), ETTM_OK);
    if (wait_ready(clients[i], ETTM_POLL_WRITE, 20) == 0) {
      CHECK_INT(ettm_socket_connected(clients[i], &error), ETTM_NEED_INPUT);
      CHECK_INT(error, 0);
      not_yet++;
    }
  }
  CHECK(not_yet > 0);
  for (i = 0; i < 8; i++) {
    ettm_socket_close(&clients[i]);
  }
  ettm_socket_close(&listening);
}

static void comes_from_the_address_it_is_told(void) {
  ettm_endpoint on = ip_of("127.0.0.1", 0);
  ettm_endpoint elsewhere = ip_of("192.0.2.1", 0);
  ettm_endpoint seen;
  int before = open_descriptors();
  int listening = -1;
  int client = -1;
  int other = -1;
  int error = 0;
  int port;
  CHECK_INT(ettm_socket_listen(&other, &on, &error), ETTM_OK);
  CHECK_INT(ettm_socket_local(other, &seen), ETTM_OK);
  port = ettm_endpoint_port(&seen);
  ettm_socket_close(&other);
  CHECK_INT(ettm_socket_listen(&listening, &on, &error), ETTM_OK);
  CHECK_INT(ettm_socket_local(listening, &on), ETTM_OK);
  CHECK_INT(ettm_socket_connect(&client, &on, &seen, &error), ETTM_OK);
  CHECK_INT(ettm_socket_local(client, &seen), ETTM_OK);
  CHECK_INT(ettm_endpoint_port(&seen), port);
  CHECK_INT(ettm_socket_connect(&other, &on, &elsewhere, &error), ETTM_E_CONNECT);
  CHECK_INT(error, EADDRNOTAVAIL);
  CHECK_INT(other, -1);
  ettm_socket_close(&client);
  ettm_socket_close(&listening);
  CHECK_INT(open_descriptors(), before);
}

static void says_why_a_socket_could_not_be_opened(void) {
  int before = open_descriptors();
  ettm_endpoint absent;
  ettm_endpoint strange = ip_of("127.0.0.1", 1);
  ettm_endpoint taken;
  loopback p = loopback_ipv4();
  int fd = -1;
  int error = 0;
  strange.family = 12345;
  CHECK_INT(ettm_socket_connect(&fd, &strange, NULL, &error), ETTM_E_CONNECT);
  CHECK_INT(error, EAFNOSUPPORT);
  CHECK_INT(ettm_socket_listen(&fd, &strange, &error), ETTM_E_IO);
  CHECK_INT(error, EAFNOSUPPORT);
  CHECK_INT(ettm_endpoint_from_path(&absent, ETTM_LIT("/nonexistent/socket")), ETTM_OK);
  CHECK_INT(ettm_socket_connect(&fd, &absent, NULL, &error), ETTM_E_CONNECT);
  CHECK_INT(error, ENOENT);
  CHECK_INT(ettm_socket_local(p.listening, &taken), ETTM_OK);
  CHECK_INT(ettm_socket_listen(&fd, &taken, &error), ETTM_E_IO);
  CHECK_INT(error, EADDRINUSE);
  CHECK_INT(fd, -1);
  loopback_close(&p);
  CHECK_INT(open_descriptors(), before);
}

/* --- Bytes ----------------------------------------------------------------------------------- */

static char pattern(size_t i) {
  return (char)(i * 31 % 251);
}

static size_t fill(int fd) {
  char block[10007];
  size_t total = 0;
  size_t n = 0;
  size_t i;
  int error;
  ettm_status status;
  do {
    for (i = 0; i < sizeof block; i++) {
      block[i] = pattern(total + i);
    }
    status = ettm_socket_send(fd, block, sizeof block, &n, &error);
    total += status == ETTM_OK ? n : 0;
  } while (status == ETTM_OK && total < ((size_t)1 << 28));
  CHECK_INT(status, ETTM_FULL);
  CHECK_INT(error, 0);
  return total;
}

static void sends_a_part_until_the_peer_reads(void) {
  char block[8192];
  loopback p = loopback_ipv4();
  size_t total = fill(p.client);
  size_t received = 0;
  size_t wrong = 0;
  size_t n = 0;
  size_t i;
  int error;
  CHECK(total > 0);
  CHECK_INT(wait_ready(p.client, ETTM_POLL_WRITE, 20), 0);
  while (received < total && wait_ready(p.server, ETTM_POLL_READ, PATIENCE)) {
    CHECK_INT(ettm_socket_receive(p.server, block, sizeof block, &n, &error), ETTM_OK);
    for (i = 0; i < n; i++) {
      wrong += block[i] != pattern(received + i);
    }
    received += n;
  }
  CHECK_INT(received, total);
  CHECK_INT(wrong, 0);
  CHECK_INT(wait_ready(p.client, ETTM_POLL_WRITE, PATIENCE), ETTM_POLL_WRITE);
  CHECK_INT(ettm_socket_send(p.client, "x", 1, &n, &error), ETTM_OK);
  loopback_close(&p);
}

static void tells_a_reset_from_an_end(void) {
  char got[4];
  size_t n;
  int error = 0;
  loopback p = loopback_ipv4();
  reset_by(&p.server);
  CHECK_INT(wait_ready(p.client, ETTM_POLL_READ, PATIENCE), ETTM_POLL_READ);
  CHECK_INT(ettm_socket_receive(p.client, got, sizeof got, &n, &error), ETTM_E_CLOSED);
  CHECK_INT(error, ECONNRESET);
  loopback_close(&p);
  p = loopback_ipv4();
  reset_by(&p.server);
  CHECK_INT(wait_ready(p.client, ETTM_POLL_READ, PATIENCE), ETTM_POLL_READ);
  CHECK_INT(ettm_socket_send(p.client, "x", 1, &n, &error), ETTM_E_CLOSED);
  CHECK(error == ECONNRESET || error == EPIPE);
  loopback_close(&p);
}

static void send_until_closed(int fd) {
  size_t n;
  int error = 0;
  int tries;
  ettm_status status = ETTM_OK;
  for (tries = 0; tries < 500 && status == ETTM_OK; tries++) {
    status = ettm_socket_send(fd, "x", 1, &n, &error);
    pause_ms(1);
  }
  CHECK_INT(status, ETTM_E_CLOSED);
  CHECK(error == EPIPE || error == ECONNRESET);
}

static void never_raises_sigpipe(void) {
  struct sigaction before;
  loopback p = loopback_ipv4();
  int ends[2];
  CHECK_INT(sigaction(SIGPIPE, NULL, &before), 0);
  CHECK(before.sa_handler == SIG_DFL); /* so that this process would end here */
  ettm_socket_close(&p.server);
  send_until_closed(p.client);
  send_until_closed(p.client);
  loopback_close(&p);
  CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  ettm_socket_close(&ends[1]);
  send_until_closed(ends[0]);
  ettm_socket_close(&ends[0]);
}

static void refuses_to_move_nothing(void) {
  char got[1];
  size_t n;
  int error = 99;
  loopback p = loopback_ipv4();
  CHECK_INT(ettm_socket_send(p.client, "", 0, &n, &error), ETTM_E_ARGUMENT);
  CHECK_INT(ettm_socket_receive(p.client, got, 0, &n, &error), ETTM_E_ARGUMENT);
  CHECK_INT(error, 0);
  loopback_close(&p);
  CHECK_INT(ettm_socket_send(-1, "x", 1, &n, &error), ETTM_E_IO);
  CHECK_INT(error, EBADF);
  CHECK_INT(ettm_socket_receive(-1, got, 1, &n, &error), ETTM_E_IO);
  CHECK_INT(error, EBADF);
}

static void has_news_of_bytes_without_reading_them(void) {
  char got[4];
  size_t n = 0;
  int error;
  loopback p = loopback_ipv4();
  CHECK_INT(ettm_socket_has_news(p.client), 0);
  CHECK_INT(ettm_socket_send(p.server, "4", 1, &n, &error), ETTM_OK);
  CHECK(wait_ready(p.client, ETTM_POLL_READ, PATIENCE) != 0);
  CHECK_INT(ettm_socket_has_news(p.client), 1);
  CHECK_INT(ettm_socket_has_news(p.client), 1);
  CHECK_INT(ettm_socket_receive(p.client, got, sizeof got, &n, &error), ETTM_OK);
  CHECK_STR(ettm_str_of(got, n), ETTM_LIT("4"));
  CHECK_INT(ettm_socket_has_news(p.client), 0);
  loopback_close(&p);
}

static void has_news_of_an_end_and_of_a_reset(void) {
  loopback p = loopback_ipv4();
  ettm_socket_close(&p.server);
  CHECK(wait_ready(p.client, ETTM_POLL_READ, PATIENCE) != 0);
  CHECK_INT(ettm_socket_has_news(p.client), 1);
  loopback_close(&p);
  p = loopback_ipv4();
  reset_by(&p.server);
  CHECK(wait_ready(p.client, ETTM_POLL_READ, PATIENCE) != 0);
  CHECK_INT(ettm_socket_has_news(p.client), 1);
  loopback_close(&p);
  CHECK_INT(ettm_socket_has_news(-1), 1);
}

static void closes_once(void) {
  int fd = dup(0);
  int again = fd;
  ettm_socket_close(&fd);
  CHECK_INT(fd, -1);
  CHECK_INT(fcntl(again, F_GETFD), -1);
  ettm_socket_close(&fd);
  CHECK_INT(fd, -1);
}

static void makes_two_that_are_connected(void) {
  int before = open_descriptors(), error = 99, pair[2] = {-1, -1};
  char got[8];
  size_t n = 0;
  CHECK_INT(ettm_socket_pair(pair, &error), ETTM_OK);
  CHECK_INT(error, 0);
  CHECK_INT(ettm_socket_receive(pair[0], got, sizeof got, &n, &error), ETTM_NEED_INPUT);
  CHECK_INT(ettm_socket_send(pair[1], "x", 1, &n, &error), ETTM_OK);
  CHECK_INT(wait_ready(pair[0], ETTM_POLL_READ, PATIENCE), ETTM_POLL_READ);
  CHECK_INT(ettm_socket_receive(pair[0], got, sizeof got, &n, &error), ETTM_OK);
  CHECK_INT(n, 1);
  ettm_socket_close(&pair[0]);
  ettm_socket_close(&pair[1]);
  CHECK_INT(open_descriptors(), before);
}

static const check_case cases[] = {
    {"reads IP addresses", reads_ip_addresses},
    {"refuses what is no IP address", refuses_what_is_no_ip_address},
    {"bounds the path of a Unix socket", bounds_the_path_of_a_unix_socket},
    {"talks over IPv4", talks_over_ipv4},
    {"talks over IPv6", talks_over_ipv6},
    {"talks over a Unix socket", talks_over_a_unix_socket},
    {"knows both ends of a connection", knows_both_ends},
    {"opens sockets that neither wait nor leak nor delay",
     opens_sockets_that_neither_wait_nor_leak_nor_delay},
    {"says when nobody is waiting", says_when_nobody_is_waiting},
    {"reports a refused connection each time it is asked",
     reports_a_refused_connection_each_time_it_is_asked},
    {"says 'not yet' while a connection is being made",
     says_not_yet_while_a_connection_is_being_made},
    {"comes from the address it is told", comes_from_the_address_it_is_told},
    {"says why a socket could not be opened", says_why_a_socket_could_not_be_opened},
    {"sends a part until the peer reads", sends_a_part_until_the_peer_reads},
    {"tells a reset from an end", tells_a_reset_from_an_end},
    {"never raises SIGPIPE", never_raises_sigpipe},
    {"refuses to move nothing", refuses_to_move_nothing},
    {"has news of bytes without reading them", has_news_of_bytes_without_reading_them},
    {"has news of an end and of a reset", has_news_of_an_end_and_of_a_reset},
    {"makes two that are connected to each other", makes_two_that_are_connected},
    {"closes once", closes_once},
};

CHECK_MAIN("socket", cases)
