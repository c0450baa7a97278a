/* SPDX-License-Identifier: MIT */
/* SCRAM (RFC 5802, RFC 7677), the client's side, with channel binding (-PLUS) and without.
 *
 * How it works. The first message is made with the exchange; its bare part stays in m->auth, to
 * which the server's first message and ours without its proof are appended: then it is the
 * AuthMessage, which all keys sign. The server's signature is worked out at once and kept; the
 * password is wiped before the answer leaves. */
#include <string.h>

#include "codec/base64.h"
#include "smtp/sasl_state.h"

#define SALT_MAX 1024 /* octets */

/* --- The first message ------------------------------------------------------------------------ */

ettm_status ettm_scram_prepare(const ettm_sasl *m, ettm_buffer *out, ettm_str s) {
  int is_ascii = 1;
  size_t i;
  for (i = 0; i < s.n; i++) {
    unsigned char c = (unsigned char)s.p[i];
    if (c < 32 || c == 127) { /* RFC 4013 2.3: prohibited */
      return ETTM_E_SASLPREP;
    }
    is_ascii = is_ascii && c < 128;
  }
  if (is_ascii) {
    return ettm_buffer_append(out, s);
  }
  return m->crypto->prepare != NULL ? m->crypto->prepare(out, s) : ETTM_E_NO_SASLPREP;
}

/* n: we cannot bind; y: we could, and the server seems not to; p: it is done (RFC 5802 6). */
static ettm_status make_header(ettm_sasl *m, const ettm_credentials *c) {
  ettm_str pieces[4];
  ettm_status status;
  memset(pieces, 0, sizeof pieces);
  if (m->kind->is_bound) {
    pieces[0] = ETTM_LIT("p=");
    pieces[1] = c->binding_name;
    pieces[2] = ETTM_LIT(",,");
  } else {
    pieces[0] = c->binding.n > 0 && !c->offers_binding ? ETTM_LIT("y,,") : ETTM_LIT("n,,");
  }
  status = ettm_sasl_join(&m->header, pieces);
  m->gs2_size = ettm_buffer_size(&m->header);
  if (status == ETTM_OK && m->kind->is_bound) {
    status = ettm_buffer_append(&m->header, c->binding);
  }
  return status;
}

static int is_nonce(ettm_str nonce) {
  size_t i;
  for (i = 0; i < nonce.n; i++) {
    if (nonce.p[i] <= ' ' || nonce.p[i] > '~' || nonce.p[i] == ',') {
      return 0;
    }
  }
  return nonce.n > 0 && nonce.n <= ETTM_SASL_NONCE;
}

ettm_status ettm_scram_start(ettm_sasl *m, const ettm_credentials *c) {
  ettm_status status;
  if (!is_nonce(c->nonce) || m->crypto == NULL || (m->kind->is_bound && c->binding.n == 0)) {
    return ETTM_E_ARGUMENT;
  }
  status = make_header(m, c);
  if (status == ETTM_OK) {
    status = ettm_buffer_append(&m->auth, ETTM_LIT("n="));
  }
  if (status == ETTM_OK) {
    status = ettm_sasl_append_name(&m->auth, ettm_buffer_view(&m->user));
  }
  if (status == ETTM_OK) {
    status = ettm_buffer_append(&m->auth, ETTM_LIT(",r="));
  }
  m->nonce_size = c->nonce.n;
  return status == ETTM_OK ? ettm_buffer_append(&m->auth, c->nonce) : status;
}

ettm_status ettm_scram_first(ettm_sasl *m, ettm_str challenge, ettm_buffer *message) {
  ettm_str header = ettm_str_of(ettm_buffer_view(&m->header).p, m->gs2_size);
  ettm_status status = ettm_buffer_append(message, header);
  (void)challenge;
  return status == ETTM_OK ? ettm_buffer_append(message, ettm_buffer_view(&m->auth)) : status;
}

/* --- The server's first message --------------------------------------------------------------- */

typedef struct server_first {
  ettm_str nonce;
  ettm_str salt; /* base64 */
  uint32_t iterations;
} server_first;

/* Takes "x=value" and the comma behind it off the front of *rest. */
static int take_attribute(ettm_str *rest, char name, ettm_str *value) {
  const char *comma;
  size_t n;
  if (rest->n < 2 || rest->p[0] != name || rest->p[1] != '=') {
    return 0;
  }
  comma = (const char *)memchr(rest->p, ',', rest->n);
  n = comma != NULL ? (size_t)(comma - rest->p) : rest->n;
  *value = ettm_str_of(rest->p + 2, n - 2);
  n += comma != NULL;
  *rest = ettm_str_of(rest->p + n, rest->n - n);
  return 1;
}

/* A number from 1 up; what is longer than any bound here stays above it. */
static int read_number(ettm_str digits, uint32_t *number) {
  uint32_t value = 0;
  size_t i;
  if (digits.n == 0 || digits.p[0] == '0') {
    return 0;
  }
  for (i = 0; i < digits.n; i++) {
    if (digits.p[i] < '0' || digits.p[i] > '9') {
      return 0;
    }
    value = value > 100000000u ? value : value * 10 + (uint32_t)(digits.p[i] - '0');
  }
  *number = value;
  return 1;
}

static ettm_str own_nonce(const ettm_sasl *m) {
  ettm_str all = ettm_buffer_view(&m->auth);
  return ettm_str_of(all.p + all.n - m->nonce_size, m->nonce_size);
}

/* Returns what is wrong with it, or NULL. An extension that is a must ("m=") stands where the nonce
 * is due, and so fails, as it has to. */
static const char *read_first(const ettm_sasl *m, ettm_str challenge, server_first *first) {
  ettm_str own = own_nonce(m);
  ettm_str number;
  if (!take_attribute(&challenge, 'r', &first->nonce) ||
      !take_attribute(&challenge, 's', &first->salt) || !take_attribute(&challenge, 'i', &number) ||
      !read_number(number, &first->iterations)) {
    return "the server's SCRAM message is not well formed";
  }
  if (first->nonce.n <= own.n || memcmp(first->nonce.p, own.p, own.n) != 0) {
    return "the server's SCRAM nonce does not continue this client's";
  }
  if (first->iterations < ETTM_SASL_ITERATIONS_MIN) {
    return "the server's SCRAM asks for too few iterations to protect the password";
  }
  if (first->iterations > ETTM_SASL_ITERATIONS_MAX) {
    return "the server's SCRAM asks for more iterations than are done here";
  }
  return NULL;
}

/* --- The proof -------------------------------------------------------------------------------- */

typedef struct scram_keys {
  unsigned char salted[ETTM_HASH_MAX];
  unsigned char client[ETTM_HASH_MAX]; /* the key, then the proof */
  unsigned char stored[ETTM_HASH_MAX];
  unsigned char server[ETTM_HASH_MAX];
  unsigned char signature[ETTM_HASH_MAX];
} scram_keys;

static size_t size_of(const ettm_sasl *m) {
  return m->kind->hash == ETTM_HASH_SHA1 ? 20 : 32;
}

static ettm_str view_of(const ettm_sasl *m, const unsigned char *octets) {
  return ettm_str_of((const char *)octets, size_of(m));
}

/* The first iteration of PBKDF2 (RFC 8018 5.2): of its only block. */
static ettm_status begin_work(ettm_sasl *m, const server_first *first) {
  ettm_buffer salt;
  ettm_status status;
  ettm_buffer_init(&salt, &m->alloc, SALT_MAX + 4);
  status = ettm_base64_decode(&salt, first->salt);
  if (status == ETTM_OK && (ettm_buffer_size(&salt) == 0 || ettm_buffer_size(&salt) > SALT_MAX)) {
    status = ETTM_E_PROTOCOL;
  }
  if (status == ETTM_OK) {
    status = ettm_buffer_append(&salt, ettm_str_of("\0\0\0\1", 4));
  }
  if (status == ETTM_OK) {
    status = m->crypto->hmac(m->kind->hash, ettm_buffer_view(&m->secret), ettm_buffer_view(&salt),
                             m->last);
  }
  ettm_buffer_clear(&salt);
  memcpy(m->salted, m->last, sizeof m->salted);
  m->worked = status == ETTM_OK;
  return status;
}

static ettm_status iterate(ettm_sasl *m) {
  unsigned char next[ETTM_HASH_MAX];
  ettm_status status =
      m->crypto->hmac(m->kind->hash, ettm_buffer_view(&m->secret), view_of(m, m->last), next);
  size_t i;
  if (status != ETTM_OK) {
    return status;
  }
  for (i = 0; i < size_of(m); i++) {
    m->last[i] = next[i];
    m->salted[i] = (unsigned char)(m->salted[i] ^ next[i]);
  }
  m->worked++;
  return ETTM_OK;
}

ettm_status ettm_scram_work(ettm_sasl *m, ettm_str challenge, uint32_t most) {
  server_first first;
  ettm_status status = ETTM_OK;
  if (read_first(m, challenge, &first) != NULL || first.iterations <= ETTM_SASL_AT_ONCE) {
    return ETTM_OK;
  }
  if (m->worked == 0) {
    status = begin_work(m, &first);
  }
  while (status == ETTM_OK && most-- > 0 && m->worked < first.iterations) {
    status = iterate(m);
  }
  if (status != ETTM_OK) {
    m->worked = 0;
    return ETTM_OK;
  }
  return m->worked < first.iterations ? ETTM_FULL : ETTM_OK;
}

static ettm_status derive_salted(ettm_sasl *m, const server_first *first, unsigned char *out) {
  ettm_derivation d;
  ettm_buffer salt;
  ettm_status status;
  if (m->worked > 0 && m->worked == first->iterations) {
    memcpy(out, m->salted, sizeof m->salted);
    return ETTM_OK;
  }
  ettm_buffer_init(&salt, &m->alloc, SALT_MAX);
  status = ettm_base64_decode(&salt, first->salt);
  if (status == ETTM_OK && ettm_buffer_size(&salt) > 0) {
    d.password = ettm_buffer_view(&m->secret);
    d.salt = ettm_buffer_view(&salt);
    d.iterations = first->iterations;
    status = m->crypto->derive(m->kind->hash, &d, out);
  } else if (status != ETTM_E_MEMORY) {
    status = ettm_sasl_refuse(m, "the server's SCRAM salt is no base64, empty or too long");
  }
  ettm_buffer_clear(&salt);
  return status;
}

/* RFC 5802 3: the proof ends up in k->client, the server's signature in m. */
static ettm_status make_proof(ettm_sasl *m, scram_keys *k) {
  const ettm_sasl_crypto *c = m->crypto;
  ettm_hash hash = m->kind->hash;
  ettm_str auth = ettm_buffer_view(&m->auth);
  ettm_status status = c->hmac(hash, view_of(m, k->salted), ETTM_LIT("Client Key"), k->client);
  size_t i;
  if (status == ETTM_OK) {
    status = c->digest(hash, view_of(m, k->client), k->stored);
  }
  if (status == ETTM_OK) {
    status = c->hmac(hash, view_of(m, k->stored), auth, k->signature);
  }
  if (status == ETTM_OK) {
    status = c->hmac(hash, view_of(m, k->salted), ETTM_LIT("Server Key"), k->server);
  }
  if (status == ETTM_OK) {
    status = c->hmac(hash, view_of(m, k->server), auth, m->signature);
  }
  for (i = 0; i < size_of(m); i++) {
    k->client[i] = (unsigned char)(k->client[i] ^ k->signature[i]);
  }
  return status;
}

/* "c=...,r=...": the binding and the whole nonce; then both halves of the AuthMessage that are
 * still missing. */
static ettm_status append_final(ettm_sasl *m, ettm_str challenge, ettm_str nonce,
                                ettm_buffer *message) {
  ettm_str pieces[3];
  ettm_str rest[5];
  ettm_status status = ettm_buffer_append(message, ETTM_LIT("c="));
  memset(pieces, 0, sizeof pieces);
  memset(rest, 0, sizeof rest);
  if (status == ETTM_OK) {
    status = ettm_base64_append(message, ettm_buffer_view(&m->header));
  }
  pieces[0] = ETTM_LIT(",r=");
  pieces[1] = nonce;
  if (status == ETTM_OK) {
    status = ettm_sasl_join(message, pieces);
  }
  rest[0] = ETTM_LIT(",");
  rest[1] = challenge;
  rest[2] = ETTM_LIT(",");
  rest[3] = ettm_buffer_view(message);
  return status == ETTM_OK ? ettm_sasl_join(&m->auth, rest) : status;
}

ettm_status ettm_scram_final(ettm_sasl *m, ettm_str challenge, ettm_buffer *message) {
  server_first first;
  scram_keys keys;
  ettm_status status;
  const char *problem = read_first(m, challenge, &first);
  if (problem != NULL) {
    return ettm_sasl_refuse(m, problem);
  }
  memset(&keys, 0, sizeof keys);
  status = append_final(m, challenge, first.nonce, message);
  if (status == ETTM_OK) {
    status = derive_salted(m, &first, keys.salted);
  }
  if (status == ETTM_OK) {
    status = make_proof(m, &keys);
  }
  if (status == ETTM_OK) {
    status = ettm_buffer_append(message, ETTM_LIT(",p="));
  }
  if (status == ETTM_OK) {
    status = ettm_base64_append(message, view_of(m, keys.client));
  }
  ettm_wipe(&keys, sizeof keys);
  ettm_buffer_clear(&m->secret);
  return status;
}

/* --- The server's proof ----------------------------------------------------------------------- */

/* Takes as long whatever differs. */
static int is_equal(ettm_str a, ettm_str b) {
  unsigned difference = a.n != b.n;
  size_t i;
  for (i = 0; i < a.n && i < b.n; i++) {
    difference |= (unsigned)((unsigned char)a.p[i] ^ (unsigned char)b.p[i]);
  }
  return difference == 0;
}

/* "v=..." with the signature; "e=..." is an error, behind which the server says why in its reply:
 * it is let speak. */
ettm_status ettm_scram_verify(ettm_sasl *m, ettm_str challenge, ettm_buffer *message) {
  ettm_str value;
  ettm_buffer given;
  ettm_status status;
  (void)message;
  if (take_attribute(&challenge, 'e', &value)) {
    return ETTM_OK;
  }
  if (!take_attribute(&challenge, 'v', &value)) {
    return ettm_sasl_refuse(m, "the server's last SCRAM message is not well formed");
  }
  ettm_buffer_init(&given, &m->alloc, 2 * ETTM_HASH_MAX);
  status = ettm_base64_decode(&given, value);
  if (status != ETTM_E_MEMORY) {
    m->is_proven =
        status == ETTM_OK && is_equal(ettm_buffer_view(&given), view_of(m, m->signature));
    status = m->is_proven ? ETTM_OK
                          : ettm_sasl_refuse(m, "the server's SCRAM proof is wrong: it does not "
                                                "know the password");
  }
  ettm_buffer_clear(&given);
  return status;
}
