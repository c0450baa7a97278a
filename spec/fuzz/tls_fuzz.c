/* SPDX-License-Identifier: MIT */
/* The TLS engine under octets from nowhere, and under a real handshake that is cut and changed.
 *
 * The first octet says how: 0 raw octets to a client, 1 to a server, otherwise a client and a
 * server talk, and each further pair of octets says how many the network carries and what it does
 * to the first of them (0: nothing). Whatever comes, the engines must keep their bounds, leave
 * OpenSSL's error queue empty and stay failed once they have failed. */
#include <openssl/err.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tls/certificate.h"
#include "tls/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ettm_tls_context *client_context;
static ettm_tls_context *server_context;

static void must(int ok) {
  if (!ok) {
    abort();
  }
}

static void make_contexts(void) {
  ettm_certificate_options names;
  ettm_tls_options o;
  ettm_buffer certificate, key;
  char reason[ETTM_TLS_REASON];
  memset(&names, 0, sizeof names);
  names.names = ETTM_LIT("localhost");
  ettm_buffer_init(&certificate, NULL, 65536);
  ettm_buffer_init_secret(&key, NULL, 65536);
  must(ettm_certificate_make(&names, &certificate, &key) == ETTM_OK);
  memset(&o, 0, sizeof o);
  o.ca_pem = ettm_buffer_view(&certificate);
  must(ettm_tls_context_new(&client_context, &o, NULL, reason) == ETTM_OK);
  memset(&o, 0, sizeof o);
  o.is_server = 1;
  o.certificate = ettm_buffer_view(&certificate);
  o.key = ettm_buffer_view(&key);
  must(ettm_tls_context_new(&server_context, &o, NULL, reason) == ETTM_OK);
  ettm_buffer_clear(&certificate);
  ettm_buffer_clear(&key);
}

/* Does what a driver would: handshake, read all, write a little. */
static void step(ettm_tls *t) {
  char plain[512];
  size_t n = 0;
  ettm_status status = ettm_tls_handshake(t);
  must(ERR_peek_error() == 0);
  if (ettm_status_is_fatal(status)) {
    must(ettm_tls_handshake(t) == status);
    must(ettm_tls_reason(t)[0] != '\0');
    must(ettm_tls_read(t, plain, sizeof plain, &n) == status);
  }
  if (status == ETTM_OK) {
    while ((status = ettm_tls_read(t, plain, sizeof plain, &n)) == ETTM_OK) {
      must(n > 0 && n <= sizeof plain);
    }
    (void)!ettm_tls_write(t, "250 ok\r\n", 8, &n);
  }
  must(ERR_peek_error() == 0);
  must(ettm_tls_peek(t).n <= ETTM_TLS_WIRE);
}

static void run_raw(ettm_tls *t, const uint8_t *data, size_t size) {
  size_t i = 0;
  step(t);
  while (i < size) {
    size_t n = size - i < 64 ? size - i : 64;
    if (ettm_tls_feed(t, (const char *)data + i, n) != ETTM_OK) {
      break;
    }
    i += n;
    step(t);
    ettm_tls_skip(t, ettm_tls_peek(t).n);
  }
  (void)!ettm_tls_feed_eof(t);
  step(t);
}

static void carry(ettm_tls *from, ettm_tls *to, size_t most, uint8_t change) {
  char piece[256];
  ettm_str out = ettm_tls_peek(from);
  size_t n = out.n < most ? out.n : most;
  n = n < ettm_tls_room(to) ? n : ettm_tls_room(to);
  if (n == 0) {
    return;
  }
  memcpy(piece, out.p, n);
  piece[0] = (char)(piece[0] ^ (char)change);
  (void)!ettm_tls_feed(to, piece, n);
  ettm_tls_skip(from, n);
}

static void run_pair(ettm_tls *client, ettm_tls *server, const uint8_t *data, size_t size) {
  size_t i;
  for (i = 0; i + 1 < size; i += 2) {
    ettm_tls *from = data[i] & 1 ? server : client;
    ettm_tls *to = data[i] & 1 ? client : server;
    step(client);
    step(server);
    carry(from, to, (size_t)(data[i] >> 1) + 1, data[i + 1]);
  }
  ettm_tls_close(client);
  (void)!ettm_tls_feed_eof(client);
  (void)!ettm_tls_feed_eof(server);
  step(client);
  step(server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  ettm_tls *client = NULL;
  ettm_tls *server = NULL;
  if (client_context == NULL) {
    make_contexts();
  }
  if (size == 0) {
    return 0;
  }
  must(ettm_tls_new(&client, client_context, ETTM_LIT("localhost"), NULL) == ETTM_OK);
  must(ettm_tls_new(&server, server_context, ETTM_LIT(""), NULL) == ETTM_OK);
  if (data[0] == 0) {
    run_raw(client, data + 1, size - 1);
  } else if (data[0] == 1) {
    run_raw(server, data + 1, size - 1);
  } else {
    run_pair(client, server, data + 1, size - 1);
  }
  ettm_tls_free(client);
  ettm_tls_free(server);
  return 0;
}
