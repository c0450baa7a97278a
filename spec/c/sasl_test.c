/* SPDX-License-Identifier: MIT */
#include "smtp/sasl.h"

#include <string.h>

#include "check.h"
#include "tls/digest.h"

static ettm_credentials credentials(ettm_str user, ettm_str password) {
  ettm_credentials c;
  memset(&c, 0, sizeof c);
  c.user = user;
  c.secret = password;
  c.nonce = ETTM_LIT("nonce");
  c.host = ETTM_LIT("server.example.com");
  c.port = 143;
  c.crypto = ettm_crypto();
  return c;
}

static ettm_sasl *begin(const char *mechanism, ettm_buffer *out, ettm_status wanted) {
  ettm_credentials c = credentials(ETTM_LIT("tim"), ETTM_LIT("tanstaaftanstaaf"));
  ettm_sasl *m = NULL;
  ettm_buffer_init(out, NULL, 1000);
  CHECK_INT(ettm_sasl_new(&m, ettm_str_of(mechanism, strlen(mechanism)), &c, NULL), ETTM_OK);
  CHECK_INT(ettm_sasl_begin(m, out), wanted);
  return m;
}

static void plain(void) {
  ettm_buffer out;
  ettm_sasl *m = begin("plain", &out, ETTM_OK);
  CHECK_STR(ettm_buffer_view(&out), ETTM_LIT("AHRpbQB0YW5zdGFhZnRhbnN0YWFm")); /* RFC 4616 4 */
  CHECK_STR(ettm_sasl_name(m), ETTM_LIT("PLAIN"));
  CHECK_INT(ettm_sasl_answer(m, ETTM_LIT(""), &out), ETTM_E_PROTOCOL);
  ettm_sasl_free(m);
  ettm_buffer_clear(&out);
}

static void held(void) {
  ettm_buffer out;
  ettm_sasl *m = begin("PLAIN", &out, ETTM_OK);
  ettm_buffer_truncate(&out, 0);
  ettm_sasl_hold(m);
  CHECK_INT(ettm_sasl_answer(m, ETTM_LIT(""), &out), ETTM_OK);
  CHECK_STR(ettm_buffer_view(&out), ETTM_LIT("AHRpbQB0YW5zdGFhZnRhbnN0YWFm"));
  ettm_sasl_free(m);
  ettm_buffer_clear(&out);
}

static void order(void) {
  static const char *const names[] = {"SCRAM-SHA-256-PLUS",
                                      "SCRAM-SHA-1-PLUS",
                                      "SCRAM-SHA-256",
                                      "SCRAM-SHA-1",
                                      "OAUTHBEARER",
                                      "XOAUTH2",
                                      "PLAIN",
                                      "LOGIN",
                                      "CRAM-MD5",
                                      "EXTERNAL",
                                      ""};
  static const ettm_sasl_needs needs[] = {
      ETTM_SASL_NEEDS_PASSWORD, ETTM_SASL_NEEDS_PASSWORD, ETTM_SASL_NEEDS_PASSWORD,
      ETTM_SASL_NEEDS_PASSWORD, ETTM_SASL_NEEDS_TOKEN,    ETTM_SASL_NEEDS_TOKEN,
      ETTM_SASL_NEEDS_PASSWORD, ETTM_SASL_NEEDS_PASSWORD, ETTM_SASL_NEEDS_PASSWORD,
      ETTM_SASL_NEEDS_NOTHING,  ETTM_SASL_NEEDS_NOTHING};
  unsigned i;
  for (i = 0; i < sizeof names / sizeof names[0]; i++) {
    ettm_sasl_needs needed = ETTM_SASL_NEEDS_NOTHING;
    CHECK_STR(ettm_sasl_mechanism(i, &needed), ettm_str_of(names[i], strlen(names[i])));
    CHECK_INT(needed, needs[i]);
  }
}

/* RFC 2195 2. */
static void cram(void) {
  ettm_buffer out;
  ettm_sasl *m = begin("CRAM-MD5", &out, ETTM_DONE);
  ettm_str challenge = ETTM_LIT("PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+");
  CHECK_INT(ettm_sasl_answer(m, challenge, &out), ETTM_OK);
  CHECK_STR(ettm_buffer_view(&out), ETTM_LIT("dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"));
  CHECK_INT(ettm_sasl_answer(m, challenge, &out), ETTM_E_PROTOCOL);
  ettm_sasl_free(m);
  ettm_buffer_clear(&out);
}

static void check_token(const char *mechanism, const ettm_credentials *c, ettm_str wanted,
                        ettm_str to_error) {
  ettm_buffer out;
  ettm_sasl *m = NULL;
  ettm_buffer_init(&out, NULL, 1000);
  CHECK_INT(ettm_sasl_new(&m, ettm_str_of(mechanism, strlen(mechanism)), c, NULL), ETTM_OK);
  CHECK_INT(ettm_sasl_begin(m, &out), ETTM_OK);
  CHECK_STR(ettm_buffer_view(&out), wanted);
  ettm_buffer_truncate(&out, 0);
  CHECK_INT(ettm_sasl_answer(m, ETTM_LIT("eyJzdGF0dXMiOiI0MDEifQ=="), &out), ETTM_OK);
  CHECK_STR(ettm_buffer_view(&out), to_error);
  CHECK_INT(ettm_sasl_answer(m, ETTM_LIT(""), &out), ETTM_E_PROTOCOL);
  ettm_sasl_free(m);
  ettm_buffer_clear(&out);
}

/* RFC 7628 4.1; Google's description of XOAUTH2. */
static void tokens(void) {
  ettm_credentials c = credentials(ETTM_LIT("user@example.com"),
                                   ETTM_LIT("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="));
  check_token(
      "OAUTHBEARER", &c,
      ETTM_LIT("bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dG"
               "g9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"),
      ETTM_LIT("AQ=="));
  c = credentials(ETTM_LIT("someuser@example.com"),
                  ETTM_LIT("ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"));
  check_token(
      "XOAUTH2", &c,
      ETTM_LIT("dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNS"
               "bGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ=="),
      ETTM_LIT(""));
}

static void external(void) {
  ettm_buffer out;
  ettm_sasl *m = begin("EXTERNAL", &out, ETTM_OK);
  CHECK_STR(ettm_buffer_view(&out), ETTM_LIT("dGlt"));
  CHECK_INT(ettm_sasl_answer(m, ETTM_LIT(""), &out), ETTM_E_PROTOCOL);
  ettm_sasl_free(m);
  ettm_buffer_clear(&out);
}

static void login(void) {
  ettm_buffer out;
  ettm_sasl *m = begin("LOGIN", &out, ETTM_DONE);
  CHECK_INT(ettm_sasl_answer(m, ETTM_LIT("VXNlcm5hbWU6"), &out), ETTM_OK);
  CHECK_STR(ettm_buffer_view(&out), ETTM_LIT("dGlt"));
  ettm_buffer_truncate(&out, 0);
  CHECK_INT(ettm_sasl_answer(m, ETTM_LIT("UGFzc3dvcmQ6"), &out), ETTM_OK);
  CHECK_STR(ettm_buffer_view(&out), ETTM_LIT("dGFuc3RhYWZ0YW5zdGFhZg=="));
  CHECK_INT(ettm_sasl_answer(m, ETTM_LIT("VXNlcm5hbWU6"), &out), ETTM_E_PROTOCOL);
  ettm_sasl_free(m);
  ettm_buffer_clear(&out);
}

static void not_base64(void) {
  static const char *const challenges[] = {"=AAA", "AA=A", "!", "Password:", "AAA", "AAAA AAAA"};
  size_t i;
  for (i = 0; i < sizeof challenges / sizeof challenges[0]; i++) {
    ettm_buffer out;
    ettm_sasl *m = begin("LOGIN", &out, ETTM_DONE);
    ettm_str challenge = ettm_str_of(challenges[i], strlen(challenges[i]));
    CHECK_INT(ettm_sasl_answer(m, challenge, &out), ETTM_E_PROTOCOL);
    CHECK_INT(ettm_buffer_size(&out), 0);
    ettm_sasl_free(m);
    ettm_buffer_clear(&out);
  }
}

static ettm_status try_new(ettm_str mechanism, ettm_str user, ettm_str password) {
  ettm_credentials c = credentials(user, password);
  ettm_sasl *m = NULL;
  ettm_status status = ettm_sasl_new(&m, mechanism, &c, NULL);
  ettm_sasl_free(m);
  return status;
}

static void refusals(void) {
  static char longest[ETTM_SASL_SECRET + 1];
  memset(longest, 'x', sizeof longest);
  CHECK_INT(try_new(ETTM_LIT("GSSAPI"), ETTM_LIT("u"), ETTM_LIT("p")), ETTM_E_ARGUMENT);
  CHECK_INT(try_new(ETTM_LIT("PLAIN"), ETTM_LIT("u\0v"), ETTM_LIT("p")), ETTM_E_UNSAFE);
  CHECK_INT(try_new(ETTM_LIT("PLAIN"), ETTM_LIT("u"), ETTM_LIT("p\0")), ETTM_E_UNSAFE);
  CHECK_INT(try_new(ETTM_LIT("PLAIN"), ETTM_LIT("\xFF"), ETTM_LIT("p")), ETTM_E_UTF8);
  CHECK_INT(try_new(ETTM_LIT("LOGIN"), ETTM_LIT("u"), ettm_str_of(longest, sizeof longest)),
            ETTM_E_LIMIT);
  CHECK_INT(try_new(ETTM_LIT("LOGIN"), ETTM_LIT(""), ettm_str_of(longest, sizeof longest - 1)),
            ETTM_OK);
  CHECK_INT(try_new(ETTM_LIT("XOAUTH2"), ETTM_LIT("u\001v"), ETTM_LIT("t")), ETTM_E_UNSAFE);
  CHECK_INT(try_new(ETTM_LIT("OAUTHBEARER"), ETTM_LIT("u"), ETTM_LIT("t\001")), ETTM_E_UNSAFE);
  CHECK_INT(try_new(ETTM_LIT("OAUTHBEARER"), ETTM_LIT("u"), ETTM_LIT("t t")), ETTM_E_UNSAFE);
  CHECK_INT(try_new(ETTM_LIT("XOAUTH2"), ETTM_LIT("u"), ETTM_LIT("\xC3\xA4")), ETTM_E_UNSAFE);
  CHECK(ettm_sasl_knows(ETTM_LIT("login")));
  CHECK(ettm_sasl_list_has_binding(ETTM_LIT("PLAIN scram-sha-1-plus LOGIN")));
  CHECK(!ettm_sasl_list_has_binding(ETTM_LIT("PLAIN -PLUS SCRAM-PLUS-1")));
  CHECK(!ettm_sasl_list_has_binding(ETTM_LIT("")));
  CHECK(!ettm_sasl_knows(ETTM_LIT("")));
}

static ettm_status exchange(check_heap *h, void *ud) {
  ettm_credentials c = credentials(ETTM_LIT("u"), ETTM_LIT("p"));
  ettm_buffer out;
  ettm_sasl *m = NULL;
  ettm_str name = ettm_str_of((const char *)ud, strlen((const char *)ud));
  ettm_status status = ettm_sasl_new(&m, name, &c, &h->alloc);
  ettm_buffer_init(&out, &h->alloc, 1000);
  if (status == ETTM_OK) {
    status = ettm_sasl_begin(m, &out);
  }
  if (status == ETTM_DONE) {
    status = ettm_sasl_answer(m, ETTM_LIT(""), &out);
  }
  ettm_sasl_free(m);
  ettm_buffer_clear(&out);
  return status;
}

static void failures(void) {
  static char names[][12] = {"PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2", "OAUTHBEARER", "EXTERNAL"};
  size_t i;
  for (i = 0; i < sizeof names / sizeof names[0]; i++) {
    check_every_failure(exchange, names[i]);
  }
}

/* An allocator that looks for the password in whatever is given back. */
typedef struct spy {
  check_heap heap;
  int seen;
} spy;

static void *spying(void *ud, void *ptr, size_t osize, size_t nsize) {
  spy *s = (spy *)ud;
  size_t i;
  for (i = 0; ptr != NULL && i + 6 <= osize; i++) {
    s->seen += memcmp((const char *)ptr + i, "s3cr3t", 6) == 0;
  }
  return s->heap.alloc.fn(&s->heap, ptr, osize, nsize);
}

static void wiped_by(const char *mechanism, const char *challenge) {
  ettm_credentials c = credentials(ETTM_LIT("user"), ETTM_LIT("s3cr3t"));
  ettm_sasl *m = NULL;
  ettm_buffer out;
  ettm_alloc a;
  spy s;
  ettm_status status;
  memset(&s, 0, sizeof s);
  check_heap_init(&s.heap);
  a.fn = spying;
  a.ud = &s;
  ettm_buffer_init_secret(&out, &a, 1000);
  CHECK_INT(ettm_sasl_new(&m, ettm_str_of(mechanism, strlen(mechanism)), &c, &a), ETTM_OK);
  status = ettm_sasl_begin(m, &out);
  CHECK(status == ETTM_OK || status == ETTM_DONE);
  status = ettm_sasl_answer(m, ettm_str_of(challenge, strlen(challenge)), &out);
  CHECK(status == ETTM_OK || status == ETTM_E_PROTOCOL);
  ettm_sasl_free(m);
  ettm_buffer_clear(&out);
  CHECK_INT(s.seen, 0);
  CHECK_INT(s.heap.blocks, 0);
}

static void wiping(void) {
  wiped_by("PLAIN", "");
  wiped_by("LOGIN", "");
  wiped_by("CRAM-MD5", "");
  wiped_by("XOAUTH2", "e30=");
  wiped_by("OAUTHBEARER", "e30=");
  wiped_by("SCRAM-SHA-1", "cj1ub25jZXNlcnZlcixzPU1ERXlNdz09LGk9NDA5Ng=="); /* r=nonceserver,... */
}

static const check_case cases[] = {
    {"PLAIN sends user and password in its initial response", plain},
    {"PLAIN answers the first challenge where its initial response was held back", held},
    {"tells the mechanisms in the order to try them", order},
    {"LOGIN answers the first challenge with the user, the second with the password", login},
    {"CRAM-MD5 answers with a keyed digest of the challenge (RFC 2195)", cram},
    {"OAUTHBEARER and XOAUTH2 send the token, and answer the error", tokens},
    {"EXTERNAL sends whom to act as", external},
    {"does not answer a challenge that is no strict base64 (RFC 4954 4)", not_base64},
    {"refuses unknown mechanisms, NUL, broken UTF-8 and endless secrets", refusals},
    {"survives the failure of each allocation", failures},
    {"leaves no password in memory that it gives back", wiping},
};

CHECK_MAIN("sasl", cases)
