/* SPDX-License-Identifier: MIT */
#include "smtp/sasl.h"

#include <string.h>

#include "check.h"

static ettm_credentials credentials(ettm_str user, ettm_str password) {
  ettm_credentials c;
  c.user = user;
  c.password = password;
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
  CHECK_STR(ettm_sasl_mechanism(0), ETTM_LIT("PLAIN"));
  CHECK_STR(ettm_sasl_mechanism(1), ETTM_LIT("LOGIN"));
  CHECK_STR(ettm_sasl_mechanism(2), ETTM_LIT(""));
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
  CHECK(ettm_sasl_knows(ETTM_LIT("login")));
  CHECK(!ettm_sasl_knows(ETTM_LIT("")));
}

static ettm_status exchange(check_heap *h, void *ud) {
  ettm_credentials c = credentials(ETTM_LIT("u"), ETTM_LIT("p"));
  ettm_buffer out;
  ettm_sasl *m = NULL;
  ettm_status status = ettm_sasl_new(&m, ettm_str_of((const char *)ud, 5), &c, &h->alloc);
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
  char plain_name[] = "PLAIN";
  char login_name[] = "LOGIN";
  check_every_failure(exchange, plain_name);
  check_every_failure(exchange, login_name);
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

static void wiping(void) {
  ettm_credentials c = credentials(ETTM_LIT("user"), ETTM_LIT("s3cr3t"));
  ettm_sasl *m = NULL;
  ettm_buffer out;
  ettm_alloc a;
  spy s;
  memset(&s, 0, sizeof s);
  check_heap_init(&s.heap);
  a.fn = spying;
  a.ud = &s;
  ettm_buffer_init_secret(&out, &a, 1000);
  CHECK_INT(ettm_sasl_new(&m, ETTM_LIT("PLAIN"), &c, &a), ETTM_OK);
  CHECK_INT(ettm_sasl_begin(m, &out), ETTM_OK);
  ettm_sasl_free(m);
  ettm_buffer_clear(&out);
  CHECK_INT(s.seen, 0);
  CHECK_INT(s.heap.blocks, 0);
}

static const check_case cases[] = {
    {"PLAIN sends user and password in its initial response", plain},
    {"PLAIN answers the first challenge where its initial response was held back", held},
    {"tells the mechanisms in the order to try them", order},
    {"LOGIN answers the first challenge with the user, the second with the password", login},
    {"does not answer a challenge that is no strict base64 (RFC 4954 4)", not_base64},
    {"refuses unknown mechanisms, NUL, broken UTF-8 and endless secrets", refusals},
    {"survives the failure of each allocation", failures},
    {"leaves no password in memory that it gives back", wiping},
};

CHECK_MAIN("sasl", cases)
