/* SPDX-License-Identifier: MIT */
/* The first octet chooses the mechanism, the second how many challenges follow, parted by LF, and
 * whether they are given as they are or in base64; a last one may be blown up to 1 MB. Whatever
 * comes: an answer is base64 of a bounded length, the server is believed only when it has proven
 * itself, and nothing stays behind. The digests are cheap ones: PBKDF2 is not what is looked at. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base64.h"
#include "smtp/command.h"
#include "smtp/sasl.h"

#define BLOWN_UP (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int ok) {
  if (!ok) {
    abort();
  }
}

/* Mixes everything into every octet. */
static void mix(ettm_hash hash, ettm_str s, uint32_t seed, unsigned char *out) {
  size_t n = hash == ETTM_HASH_MD5 ? 16 : hash == ETTM_HASH_SHA1 ? 20 : 32;
  uint32_t state = seed * 2654435761u + 1;
  size_t i;
  for (i = 0; i < s.n; i++) {
    state = (state ^ (unsigned char)s.p[i]) * 16777619u;
  }
  for (i = 0; i < n; i++) {
    state = state * 1664525u + 1013904223u;
    out[i] = (unsigned char)(state >> 24);
  }
}

static ettm_status digest(ettm_hash hash, ettm_str s, unsigned char *out) {
  mix(hash, s, 1, out);
  return ETTM_OK;
}

static ettm_status hmac(ettm_hash hash, ettm_str key, ettm_str s, unsigned char *out) {
  unsigned char first[ETTM_HASH_MAX];
  mix(hash, key, 2, first);
  mix(hash, s, (uint32_t)first[0] + 256u * first[1], out);
  return ETTM_OK;
}

static ettm_status derive(ettm_hash hash, const ettm_derivation *d, unsigned char *out) {
  demand(d->iterations >= ETTM_SASL_ITERATIONS_MIN && d->iterations <= ETTM_SASL_ITERATIONS_MAX);
  demand(d->salt.n > 0);
  mix(hash, d->salt, d->iterations, out);
  return ETTM_OK;
}

static const ettm_sasl_crypto crypto = {digest, hmac, derive, NULL};

static ettm_sasl *make(unsigned which) {
  ettm_credentials c;
  ettm_sasl *m = NULL;
  memset(&c, 0, sizeof c);
  c.user = ETTM_LIT("u,=ser");
  c.secret = ETTM_LIT("secret");
  c.host = ETTM_LIT("mx.example");
  c.port = 587;
  c.nonce = ETTM_LIT("nonce");
  c.binding_name = ETTM_LIT("tls-exporter");
  c.binding = ETTM_LIT("0123456789abcdef");
  c.crypto = &crypto;
  demand(ettm_sasl_new(&m, ettm_sasl_mechanism(which, NULL), &c, NULL) == ETTM_OK);
  return m;
}

static ettm_status answer(ettm_sasl *m, ettm_str challenge) {
  ettm_buffer out;
  ettm_status status;
  ettm_buffer_init_secret(&out, NULL, ETTM_AUTH_LINE);
  status = ettm_sasl_answer(m, challenge, &out);
  demand(status == ETTM_OK || status == ETTM_E_PROTOCOL || status == ETTM_E_LIMIT);
  demand((status == ETTM_E_PROTOCOL) == (ettm_sasl_problem(m)[0] != '\0'));
  if (status == ETTM_OK) {
    demand(ettm_is_base64(ettm_buffer_view(&out)));
  }
  ettm_buffer_clear(&out);
  return status;
}

/* In base64, and n times over. */
static ettm_status answer_encoded(ettm_sasl *m, ettm_str challenge, size_t times) {
  ettm_buffer text;
  ettm_buffer encoded;
  ettm_status status;
  char *place;
  size_t i;
  ettm_buffer_init(&text, NULL, 2 * BLOWN_UP);
  ettm_buffer_init(&encoded, NULL, 4 * BLOWN_UP);
  demand(ettm_buffer_reserve(&text, challenge.n * times + 1, &place) == ETTM_OK);
  for (i = 0; i < times && challenge.n > 0; i++) {
    memcpy(place + i * challenge.n, challenge.p, challenge.n);
  }
  ettm_buffer_commit(&text, challenge.n * times);
  demand(ettm_base64_append(&encoded, ettm_buffer_view(&text)) == ETTM_OK);
  status = answer(m, ettm_buffer_view(&encoded));
  ettm_buffer_clear(&text);
  ettm_buffer_clear(&encoded);
  return status;
}

static size_t times_of(uint8_t how, ettm_str challenge) {
  return how == 2 && challenge.n > 0 ? BLOWN_UP / challenge.n : 1; /* rarely: it takes long */
}

static void play(ettm_sasl *m, uint8_t how, ettm_str rest) {
  ettm_status status = ETTM_OK;
  unsigned turns;
  for (turns = 0; status == ETTM_OK && turns < 8; turns++) {
    const char *end = rest.n > 0 ? (const char *)memchr(rest.p, '\n', rest.n) : NULL;
    size_t n = end != NULL ? (size_t)(end - rest.p) : rest.n;
    ettm_str challenge = ettm_str_of(rest.p, n);
    status = (how & 1) != 0 ? answer(m, challenge)
                            : answer_encoded(m, challenge, times_of(how, challenge));
    n += end != NULL;
    rest = ettm_str_of(rest.p + n, rest.n - n);
  }
  demand(status != ETTM_OK); /* no mechanism answers for ever */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  ettm_buffer first;
  ettm_sasl *m;
  ettm_status status;
  if (size < 2) {
    return 0;
  }
  m = make(data[0] % 10);
  ettm_buffer_init_secret(&first, NULL, ETTM_AUTH_LINE);
  status = ettm_sasl_begin(m, &first);
  demand(status == ETTM_OK || status == ETTM_DONE);
  if ((data[1] & 4) != 0) {
    ettm_sasl_hold(m);
  }
  play(m, data[1], ettm_str_of((const char *)data + 2, size - 2));
  ettm_buffer_clear(&first);
  ettm_sasl_free(m);
  return 0;
}
