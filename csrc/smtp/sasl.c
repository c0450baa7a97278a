/* SPDX-License-Identifier: MIT */
#include "smtp/sasl.h"

#include <string.h>

#include "base/utf8.h"
#include "codec/base64.h"
#include "smtp/command.h"
#include "smtp/sasl_state.h"

static ettm_str text_of(const char *terminated) {
  return ettm_str_of(terminated, strlen(terminated));
}

ettm_status ettm_sasl_refuse(ettm_sasl *m, const char *problem) {
  m->problem = problem;
  return ETTM_E_PROTOCOL;
}

ettm_status ettm_sasl_join(ettm_buffer *out, const ettm_str *pieces) {
  ettm_status status = ETTM_OK;
  for (; status == ETTM_OK && pieces->p != NULL; pieces++) {
    status = ettm_buffer_append(out, *pieces);
  }
  return status;
}

/* message = [authzid] NUL authcid NUL passwd (RFC 4616 2); the authzid is left to the server. */
static ettm_status plain_message(ettm_sasl *m, ettm_str challenge, ettm_buffer *message) {
  ettm_status status = ettm_buffer_append_char(message, '\0');
  (void)challenge;
  if (status == ETTM_OK) {
    status = ettm_buffer_append(message, ettm_buffer_view(&m->user));
  }
  if (status == ETTM_OK) {
    status = ettm_buffer_append_char(message, '\0');
  }
  return status == ETTM_OK ? ettm_buffer_append(message, ettm_buffer_view(&m->secret)) : status;
}

/* LOGIN's answer to the first challenge; EXTERNAL's message is the same: an authzid. */
static ettm_status user_message(ettm_sasl *m, ettm_str challenge, ettm_buffer *message) {
  (void)challenge;
  return ettm_buffer_append(message, ettm_buffer_view(&m->user));
}

static ettm_status secret_message(ettm_sasl *m, ettm_str challenge, ettm_buffer *message) {
  (void)challenge;
  return ettm_buffer_append(message, ettm_buffer_view(&m->secret));
}

/* The user, a space, and the keyed digest of the challenge in hex (RFC 2195 2). */
static ettm_status cram_message(ettm_sasl *m, ettm_str challenge, ettm_buffer *message) {
  static const char digits[] = "0123456789abcdef";
  unsigned char digest[ETTM_HASH_MAX];
  ettm_status status =
      m->crypto->hmac(ETTM_HASH_MD5, ettm_buffer_view(&m->secret), challenge, digest);
  size_t i;
  if (status == ETTM_OK) {
    status = ettm_buffer_append(message, ettm_buffer_view(&m->user));
  }
  if (status == ETTM_OK) {
    status = ettm_buffer_append_char(message, ' ');
  }
  for (i = 0; i < 16 && status == ETTM_OK; i++) {
    status = ettm_buffer_append_char(message, digits[digest[i] >> 4]);
    if (status == ETTM_OK) {
      status = ettm_buffer_append_char(message, digits[digest[i] & 15]);
    }
  }
  ettm_wipe(digest, sizeof digest);
  return status;
}

/* Bearer's fields are parted by %x01. */
static ettm_status xoauth_message(ettm_sasl *m, ettm_str challenge, ettm_buffer *message) {
  ettm_str pieces[6];
  (void)challenge;
  memset(pieces, 0, sizeof pieces);
  pieces[0] = ETTM_LIT("user=");
  pieces[1] = ettm_buffer_view(&m->user);
  pieces[2] = ETTM_LIT("\001auth=Bearer ");
  pieces[3] = ettm_buffer_view(&m->secret);
  pieces[4] = ETTM_LIT("\001\001");
  return ettm_sasl_join(message, pieces);
}

ettm_status ettm_sasl_append_name(ettm_buffer *out, ettm_str name) {
  ettm_status status = ETTM_OK;
  size_t i;
  for (i = 0; i < name.n && status == ETTM_OK; i++) {
    switch (name.p[i]) {
    case ',': status = ettm_buffer_append(out, ETTM_LIT("=2C")); break;
    case '=': status = ettm_buffer_append(out, ETTM_LIT("=3D")); break;
    default: status = ettm_buffer_append_char(out, name.p[i]); break;
    }
  }
  return status;
}

static ettm_status append_number(ettm_buffer *out, unsigned number) {
  char digits[12];
  size_t at = sizeof digits;
  do {
    digits[--at] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  return ettm_buffer_append(out, ettm_str_of(digits + at, sizeof digits - at));
}

/* The host and the port, where they are known (RFC 7628 3.1). */
static ettm_status append_place(const ettm_sasl *m, ettm_buffer *message) {
  ettm_str host[3];
  ettm_status status = ETTM_OK;
  memset(host, 0, sizeof host);
  host[0] = ETTM_LIT("\001host=");
  host[1] = ettm_buffer_view(&m->host);
  if (host[1].n > 0) {
    status = ettm_sasl_join(message, host);
  }
  if (status == ETTM_OK && m->port > 0) {
    status = ettm_buffer_append(message, ETTM_LIT("\001port="));
    if (status == ETTM_OK) {
      status = append_number(message, m->port);
    }
  }
  return status;
}

static ettm_status bearer_message(ettm_sasl *m, ettm_str challenge, ettm_buffer *message) {
  ettm_str pieces[4];
  ettm_str user = ettm_buffer_view(&m->user);
  ettm_status status = ettm_buffer_append(message, user.n > 0 ? ETTM_LIT("n,a=") : ETTM_LIT("n,"));
  (void)challenge;
  memset(pieces, 0, sizeof pieces);
  pieces[0] = ETTM_LIT("\001auth=Bearer ");
  pieces[1] = ettm_buffer_view(&m->secret);
  pieces[2] = ETTM_LIT("\001\001");
  if (status == ETTM_OK) {
    status = ettm_sasl_append_name(message, user);
  }
  if (status == ETTM_OK) {
    status = ettm_buffer_append_char(message, ',');
  }
  if (status == ETTM_OK) {
    status = append_place(m, message);
  }
  return status == ETTM_OK ? ettm_sasl_join(message, pieces) : status;
}

/* The challenge behind a token is the error, as JSON; the dummy answer lets the server go on to its
 * 535 (RFC 7628 3.2.3). */
static ettm_status bearer_refused(ettm_sasl *m, ettm_str challenge, ettm_buffer *message) {
  (void)m;
  (void)challenge;
  return ettm_buffer_append_char(message, '\001');
}

static ettm_status xoauth_refused(ettm_sasl *m, ettm_str challenge, ettm_buffer *message) {
  (void)m;
  (void)challenge;
  (void)message;
  return ETTM_OK;
}

#define SCRAM(name, bound, hash)                                                                   \
  {                                                                                                \
    name, ETTM_SASL_NEEDS_PASSWORD, 1, 1, 1, bound, hash, {                                        \
      ettm_scram_first, ettm_scram_final, ettm_scram_verify                                        \
    }                                                                                              \
  }

/* In the order to try them. EXTERNAL is what somebody has to ask for. */
static const ettm_sasl_kind kinds[] = {
    SCRAM("SCRAM-SHA-256-PLUS", 1, ETTM_HASH_SHA256),
    SCRAM("SCRAM-SHA-1-PLUS", 1, ETTM_HASH_SHA1),
    SCRAM("SCRAM-SHA-256", 0, ETTM_HASH_SHA256),
    SCRAM("SCRAM-SHA-1", 0, ETTM_HASH_SHA1),
    {"OAUTHBEARER",
     ETTM_SASL_NEEDS_TOKEN,
     1,
     0,
     0,
     0,
     ETTM_HASH_MD5,
     {bearer_message, bearer_refused, NULL}},
    {"XOAUTH2",
     ETTM_SASL_NEEDS_TOKEN,
     1,
     0,
     0,
     0,
     ETTM_HASH_MD5,
     {xoauth_message, xoauth_refused, NULL}},
    {"PLAIN", ETTM_SASL_NEEDS_PASSWORD, 1, 0, 0, 0, ETTM_HASH_MD5, {plain_message, NULL, NULL}},
    {"LOGIN",
     ETTM_SASL_NEEDS_PASSWORD,
     0,
     0,
     0,
     0,
     ETTM_HASH_MD5,
     {user_message, secret_message, NULL}},
    {"CRAM-MD5", ETTM_SASL_NEEDS_PASSWORD, 0, 1, 0, 0, ETTM_HASH_MD5, {cram_message, NULL, NULL}},
    {"EXTERNAL", ETTM_SASL_NEEDS_NOTHING, 1, 0, 0, 0, ETTM_HASH_MD5, {user_message, NULL, NULL}},
};

enum { KINDS = sizeof kinds / sizeof kinds[0], STEPS = 3 };

static const ettm_sasl_kind *find_kind(ettm_str name) {
  size_t i;
  for (i = 0; i < KINDS; i++) {
    if (ettm_str_equal_nocase(name, text_of(kinds[i].name))) {
      return &kinds[i];
    }
  }
  return NULL;
}

ettm_str ettm_sasl_mechanism(unsigned i, ettm_sasl_needs *needs) {
  if (i >= KINDS) {
    return ETTM_LIT("");
  }
  if (needs != NULL) {
    *needs = kinds[i].needs;
  }
  return text_of(kinds[i].name);
}

int ettm_sasl_knows(ettm_str mechanism) {
  return find_kind(mechanism) != NULL;
}

int ettm_sasl_list_has_binding(ettm_str offer) {
  static const size_t plus = sizeof "-PLUS" - 1;
  size_t start = 0;
  size_t i;
  for (i = 0; i <= offer.n; i++) {
    if (i == offer.n || offer.p[i] == ' ') {
      if (i - start > plus &&
          ettm_str_equal_nocase(ettm_str_of(offer.p + i - plus, plus), ETTM_LIT("-PLUS"))) {
        return 1;
      }
      start = i + 1;
    }
  }
  return 0;
}

/* --- Credentials ------------------------------------------------------------------------------ */

static int has_control(ettm_str s) {
  size_t i;
  for (i = 0; i < s.n; i++) {
    if ((unsigned char)s.p[i] < 32 || s.p[i] == 127) {
      return 1;
    }
  }
  return 0;
}

/* A token travels in a line of fields that %x01 parts: printable ASCII (RFC 6750 2.1). */
static ettm_status check_token(ettm_str token) {
  size_t i;
  if (token.n > ETTM_SASL_TOKEN) {
    return ETTM_E_LIMIT;
  }
  for (i = 0; i < token.n; i++) {
    if (token.p[i] <= ' ' || token.p[i] > '~') {
      return ETTM_E_UNSAFE;
    }
  }
  return ETTM_OK;
}

static ettm_status check_text(ettm_str s) {
  if (s.n > ETTM_SASL_SECRET) {
    return ETTM_E_LIMIT;
  }
  if (s.n > 0 && memchr(s.p, '\0', s.n) != NULL) {
    return ETTM_E_UNSAFE;
  }
  return ettm_utf8_valid(s) ? ETTM_OK : ETTM_E_UTF8;
}

static ettm_status check_credentials(const ettm_sasl_kind *kind, const ettm_credentials *c) {
  int is_token = kind->needs == ETTM_SASL_NEEDS_TOKEN;
  ettm_status status = check_text(c->user);
  if (status == ETTM_OK) {
    status = is_token ? check_token(c->secret) : check_text(c->secret);
  }
  if (status == ETTM_OK && is_token && (has_control(c->user) || has_control(c->host))) {
    return ETTM_E_UNSAFE;
  }
  return status;
}

static ettm_status copy_text(const ettm_sasl *m, ettm_buffer *out, ettm_str s) {
  return m->kind->is_scram ? ettm_scram_prepare(m, out, s) : ettm_buffer_append(out, s);
}

static ettm_status take_credentials(ettm_sasl *m, const ettm_credentials *c) {
  ettm_status status = copy_text(m, &m->user, c->user);
  m->port = c->port;
  m->crypto = c->crypto;
  if (status == ETTM_OK) {
    status = copy_text(m, &m->secret, c->secret);
  }
  if (status == ETTM_OK) {
    status = ettm_buffer_append(&m->host, c->host);
  }
  return status == ETTM_OK && m->kind->is_scram ? ettm_scram_start(m, c) : status;
}

ettm_status ettm_sasl_new(ettm_sasl **out, ettm_str mechanism, const ettm_credentials *c,
                          const ettm_alloc *a) {
  const ettm_sasl_kind *known = find_kind(mechanism);
  ettm_sasl *m;
  ettm_status status = known != NULL ? check_credentials(known, c) : ETTM_E_ARGUMENT;
  if (status != ETTM_OK) {
    return status;
  }
  m = (ettm_sasl *)ettm_new(a, sizeof *m);
  if (m == NULL) {
    return ETTM_E_MEMORY;
  }
  m->alloc = ettm_alloc_of(a);
  m->kind = known;
  m->crypto = c->crypto;
  m->is_proven = !known->is_scram;
  m->problem = "";
  ettm_buffer_init_secret(&m->user, a, ETTM_SASL_MESSAGE);
  ettm_buffer_init_secret(&m->secret, a, ETTM_SASL_MESSAGE);
  ettm_buffer_init(&m->host, a, ETTM_SASL_SECRET);
  ettm_buffer_init_secret(&m->header, a, ETTM_SASL_SECRET);
  ettm_buffer_init_secret(&m->auth, a, 3 * ETTM_SASL_MESSAGE);
  status = take_credentials(m, c);
  if (status != ETTM_OK) {
    ettm_sasl_free(m);
    return status;
  }
  *out = m;
  return ETTM_OK;
}

void ettm_sasl_free(ettm_sasl *m) {
  ettm_alloc alloc;
  if (m == NULL) {
    return;
  }
  alloc = m->alloc;
  ettm_buffer_clear(&m->user);
  ettm_buffer_clear(&m->secret);
  ettm_buffer_clear(&m->host);
  ettm_buffer_clear(&m->header);
  ettm_buffer_clear(&m->auth);
  ettm_wipe(m, sizeof *m);
  ettm_free(&alloc, m, sizeof *m);
}

ettm_str ettm_sasl_name(const ettm_sasl *m) {
  return text_of(m->kind->name);
}

int ettm_sasl_is_proven(const ettm_sasl *m) {
  return m->is_proven;
}

const char *ettm_sasl_problem(const ettm_sasl *m) {
  return m->problem;
}

/* --- The exchange ----------------------------------------------------------------------------- */

static ettm_status run_step(ettm_sasl *m, ettm_str challenge, ettm_buffer *response) {
  ettm_buffer message;
  ettm_status status;
  if (m->step >= STEPS || m->kind->steps[m->step] == NULL) {
    return ettm_sasl_refuse(m, "the server asks for more than the mechanism has to say");
  }
  ettm_buffer_init_secret(&message, &m->alloc, ETTM_SASL_MESSAGE);
  status = m->kind->steps[m->step++](m, challenge, &message);
  if (status == ETTM_OK) {
    status = ettm_base64_append(response, ettm_buffer_view(&message));
  }
  ettm_buffer_clear(&message);
  return status;
}

ettm_status ettm_sasl_begin(ettm_sasl *m, ettm_buffer *response) {
  return m->kind->is_client_first ? run_step(m, ETTM_LIT(""), response) : ETTM_DONE;
}

void ettm_sasl_hold(ettm_sasl *m) {
  m->step = 0;
}

static ettm_status answer_decoded(ettm_sasl *m, ettm_str challenge, ettm_buffer *response) {
  ettm_buffer decoded;
  ettm_status status;
  ettm_buffer_init(&decoded, &m->alloc, ETTM_SASL_MESSAGE);
  status = ettm_base64_decode(&decoded, challenge);
  if (status == ETTM_OK) {
    status = run_step(m, ettm_buffer_view(&decoded), response);
  } else if (status != ETTM_E_MEMORY) {
    status = ettm_sasl_refuse(m, "the server's challenge is no base64, or too long");
  }
  ettm_buffer_clear(&decoded);
  return status;
}

/* Some mechanisms take no notice of what a challenge says, but it has to be base64: a client must
 * cancel at one that it cannot decode (RFC 4954 4). */
ettm_status ettm_sasl_work(ettm_sasl *m, ettm_str challenge, uint32_t most) {
  ettm_buffer decoded;
  ettm_status status = ETTM_OK;
  if (!m->kind->is_scram || m->step >= STEPS || m->kind->steps[m->step] != ettm_scram_final) {
    return ETTM_OK;
  }
  ettm_buffer_init(&decoded, &m->alloc, ETTM_SASL_MESSAGE);
  if (ettm_base64_decode(&decoded, challenge) == ETTM_OK) {
    status = ettm_scram_work(m, ettm_buffer_view(&decoded), most);
  }
  ettm_buffer_clear(&decoded);
  return status;
}

ettm_status ettm_sasl_answer(ettm_sasl *m, ettm_str challenge, ettm_buffer *response) {
  if (m->kind->reads_challenges) {
    return answer_decoded(m, challenge, response);
  }
  if (!ettm_is_base64(challenge)) {
    return ettm_sasl_refuse(m, "the server's challenge is no base64");
  }
  return run_step(m, challenge, response);
}
