/* SPDX-License-Identifier: MIT */
/* SCRAM by the examples of RFC 5802 5 and RFC 7677 3, by exchanges that Python's hashlib worked
 * out, and against servers that cheat. */
#include <string.h>

#include "check.h"
#include "codec/base64.h"
#include "smtp/sasl.h"
#include "tls/digest.h"

typedef struct dialogue {
  const char *mechanism, *user, *password, *nonce, *binding_name;
  int offers_binding;
  const char *first, *server_first, *final, *server_final;
} dialogue;

static const char binding[] =
    "\0\1\2\3\4\5\6\7\x08\x09\x0A\x0B\x0C\x0D\x0E\x0F\x10\x11\x12\x13\x14\x15"
    "\x16\x17\x18\x19\x1A\x1B\x1C\x1D\x1E\x1F";

#define NONCE "rOprNGfwEbeRWgbNEkqO"
#define FIRST "r=" NONCE "server,s=MDEyMzQ1Njc4OWFiY2RlZg==,i=4096"

static const dialogue dialogues[] = {
    {"SCRAM-SHA-1", "user", "pencil", "fyko+d2lbbFgONRv9qkxdawL", "", 0,
     "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
     "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
     "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
     "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
    {"scram-sha-256", "user", "pencil", NONCE, "", 1, "n,,n=user,r=" NONCE,
     "r=" NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
     "c=biws,r=" NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
     "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
     "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
    {"SCRAM-SHA-256-PLUS", "user", "pencil", NONCE, "tls-exporter", 1,
     "p=tls-exporter,,n=user,r=" NONCE, FIRST,
     "c=cD10bHMtZXhwb3J0ZXIsLAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f,r=" NONCE "server,"
     "p=VqnpiV+/0WLInOCi/0da6xXXN8k86sj5FhlU9JRltgk=",
     "v=SqQLgneMbLDdlTIxbx67zGfqrO4F2EAvdkasZ2bIjSw="},
    {"SCRAM-SHA-1-PLUS", "a,b=", "pencil", NONCE, "tls-server-end-point", 1,
     "p=tls-server-end-point,,n=a=2Cb=3D,r=" NONCE,
     "r=" NONCE "server,s=MDEyMzQ1Njc4OWFiY2RlZg==,i=5000",
     "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,r=" NONCE
     "server,p=Y3fL1OzuxAiNqcTuwca6kCWpSgw=",
     "v=IoTgnY2g1FlIPylXzUVvvtRv6Gg="},
    {"SCRAM-SHA-1", "user", "pencil", NONCE, "tls-exporter", 0, "y,,n=user,r=" NONCE, FIRST,
     "c=eSws,r=" NONCE "server,p=hphwHvgo4ENJqFDLBM/WXCb9pq8=", "v=H70vxUEgSOQKBmSP0WAfDbCTJw8="},
};

static ettm_str text_of(const char *text) {
  return ettm_str_of(text, strlen(text));
}

static ettm_status make(ettm_sasl **m, const dialogue *d, const ettm_alloc *a) {
  ettm_credentials c;
  memset(&c, 0, sizeof c);
  c.user = text_of(d->user);
  c.secret = text_of(d->password);
  c.nonce = text_of(d->nonce);
  c.binding_name = text_of(d->binding_name);
  c.binding = ettm_str_of(binding, c.binding_name.n > 0 ? sizeof binding - 1 : 0);
  c.offers_binding = d->offers_binding;
  c.crypto = ettm_crypto();
  return ettm_sasl_new(m, text_of(d->mechanism), &c, a);
}

/* The answer to a challenge, both as text, into out. */
static ettm_status answer(ettm_sasl *m, const char *challenge, ettm_buffer *out,
                          const ettm_alloc *a) {
  ettm_buffer encoded;
  ettm_buffer response;
  ettm_status status;
  ettm_buffer_init(&encoded, a, 20000);
  ettm_buffer_init(&response, a, 20000);
  ettm_buffer_truncate(out, 0);
  status = ettm_base64_append(&encoded, text_of(challenge));
  if (status == ETTM_OK) {
    status = ettm_sasl_answer(m, ettm_buffer_view(&encoded), &response);
  }
  if (status == ETTM_OK) {
    status = ettm_base64_decode(out, ettm_buffer_view(&response));
  }
  ettm_buffer_clear(&encoded);
  ettm_buffer_clear(&response);
  return status;
}

static void speaks_the_vectors(void) {
  size_t i;
  for (i = 0; i < sizeof dialogues / sizeof dialogues[0]; i++) {
    const dialogue *d = &dialogues[i];
    ettm_sasl *m = NULL;
    ettm_buffer out;
    ettm_buffer first;
    ettm_buffer_init(&out, NULL, 20000);
    ettm_buffer_init(&first, NULL, 20000);
    CHECK_INT(make(&m, d, NULL), ETTM_OK);
    CHECK_INT(ettm_sasl_begin(m, &first), ETTM_OK);
    CHECK_INT(ettm_base64_decode(&out, ettm_buffer_view(&first)), ETTM_OK);
    CHECK_STR(ettm_buffer_view(&out), text_of(d->first));
    CHECK_INT(answer(m, d->server_first, &out, NULL), ETTM_OK);
    CHECK_STR(ettm_buffer_view(&out), text_of(d->final));
    CHECK(!ettm_sasl_is_proven(m));
    CHECK_INT(answer(m, d->server_final, &out, NULL), ETTM_OK);
    CHECK_INT(ettm_buffer_size(&out), 0);
    CHECK(ettm_sasl_is_proven(m));
    CHECK_INT(answer(m, "", &out, NULL), ETTM_E_PROTOCOL);
    ettm_sasl_free(m);
    ettm_buffer_clear(&out);
    ettm_buffer_clear(&first);
  }
}

/* The answer to the same challenge with 12345 iterations, most of which are done before, by so many
 * at a time; 0: none. */
static void answer_worked(const dialogue *d, uint32_t most, ettm_buffer *out) {
  ettm_sasl *m = NULL;
  ettm_buffer challenge, encoded;
  unsigned turns = 0;
  ettm_buffer_init(&challenge, NULL, 20000);
  ettm_buffer_init(&encoded, NULL, 20000);
  CHECK_INT(
      ettm_buffer_append(&challenge, ettm_str_of(d->server_first, strlen(d->server_first) - 4)),
      ETTM_OK);
  CHECK_INT(ettm_buffer_append(&challenge, ETTM_LIT("12345")), ETTM_OK);
  CHECK_INT(ettm_base64_append(&encoded, ettm_buffer_view(&challenge)), ETTM_OK);
  CHECK_INT(ettm_buffer_append_char(&challenge, '\0'), ETTM_OK);
  CHECK_INT(make(&m, d, NULL), ETTM_OK);
  CHECK_INT(ettm_sasl_begin(m, out), ETTM_OK);
  while (most > 0 && ettm_sasl_work(m, ettm_buffer_view(&encoded), most) == ETTM_FULL) {
    turns++;
  }
  CHECK_INT(turns, most > 0 ? (12345 - 2) / most : 0);
  CHECK_INT(answer(m, ettm_buffer_view(&challenge).p, out, NULL), ETTM_OK);
  ettm_sasl_free(m);
  ettm_buffer_clear(&challenge);
  ettm_buffer_clear(&encoded);
}

static void works_in_steps(void) {
  static const uint32_t steps[] = {1000, 7, 12344, 1000000};
  size_t i, j;
  for (i = 0; i < sizeof dialogues / sizeof dialogues[0]; i++) {
    ettm_buffer whole, worked;
    ettm_buffer_init(&whole, NULL, 20000);
    ettm_buffer_init(&worked, NULL, 20000);
    answer_worked(&dialogues[i], 0, &whole);
    for (j = 0; j < sizeof steps / sizeof steps[0]; j++) {
      answer_worked(&dialogues[i], steps[j], &worked);
      CHECK_STR(ettm_buffer_view(&worked), ettm_buffer_view(&whole));
    }
    ettm_buffer_clear(&whole);
    ettm_buffer_clear(&worked);
  }
}

/* What is to be done at once, or cannot be answered, is no work. */
static void works_where_it_is_worth_it(void) {
  ettm_sasl *m = NULL;
  ettm_buffer out;
  ettm_buffer_init(&out, NULL, 20000);
  CHECK_INT(make(&m, &dialogues[0], NULL), ETTM_OK);
  CHECK_INT(ettm_sasl_work(m, ETTM_LIT("cj14LHM9eCxpPTk5OTk5"), 1), ETTM_OK); /* nothing was said */
  CHECK_INT(ettm_sasl_begin(m, &out), ETTM_OK);
  CHECK_INT(ettm_base64_append(&out, text_of(dialogues[0].server_first)), ETTM_OK);
  CHECK_INT(ettm_sasl_work(m, ETTM_LIT("!"), 1), ETTM_OK);
  CHECK_INT(ettm_sasl_work(m, ETTM_LIT("cj14LHM9eCxpPTk5OTk5"), 1), ETTM_OK); /* another nonce */
  ettm_buffer_truncate(&out, 0);
  CHECK_INT(answer(m, dialogues[0].server_first, &out, NULL), ETTM_OK);
  CHECK_STR(ettm_buffer_view(&out), text_of(dialogues[0].final));
  ettm_sasl_free(m);
  ettm_buffer_clear(&out);
}

static void held(void) {
  ettm_sasl *m = NULL;
  ettm_buffer out;
  ettm_buffer_init(&out, NULL, 20000);
  CHECK_INT(make(&m, &dialogues[1], NULL), ETTM_OK);
  CHECK_INT(ettm_sasl_begin(m, &out), ETTM_OK);
  ettm_sasl_hold(m);
  CHECK_INT(answer(m, "", &out, NULL), ETTM_OK);
  CHECK_STR(ettm_buffer_view(&out), text_of(dialogues[1].first));
  CHECK_INT(answer(m, dialogues[1].server_first, &out, NULL), ETTM_OK);
  CHECK_STR(ettm_buffer_view(&out), text_of(dialogues[1].final));
  ettm_sasl_free(m);
  ettm_buffer_clear(&out);
}

/* What a server's first message leads to. */
static ettm_status try_first(const char *server_first) {
  ettm_sasl *m = NULL;
  ettm_buffer out;
  ettm_status status;
  ettm_buffer_init(&out, NULL, 20000);
  CHECK_INT(make(&m, &dialogues[2], NULL), ETTM_OK);
  CHECK_INT(ettm_sasl_begin(m, &out), ETTM_OK);
  status = answer(m, server_first, &out, NULL);
  CHECK((status == ETTM_E_PROTOCOL) == (ettm_sasl_problem(m)[0] != '\0'));
  CHECK(!ettm_sasl_is_proven(m));
  ettm_sasl_free(m);
  ettm_buffer_clear(&out);
  return status;
}

static void cheating_first(void) {
  static const char *const bad[] = {
      "",
      "r=" NONCE "server",
      "r=" NONCE ",s=MDEyMw==,i=4096",
      "r=xOprNGfwEbeRWgbNEkqOserver,s=MDEyMw==,i=4096",
      "r=server" NONCE ",s=MDEyMw==,i=4096",
      "m=must," FIRST,
      "r=" NONCE "server,s=,i=4096",
      "r=" NONCE "server,s=!!!!,i=4096",
      "r=" NONCE "server,s=MDEyMw==",
      "r=" NONCE "server,s=MDEyMw==,i=",
      "r=" NONCE "server,s=MDEyMw==,i=0",
      "r=" NONCE "server,s=MDEyMw==,i=1",
      "r=" NONCE "server,s=MDEyMw==,i=4095",
      "r=" NONCE "server,s=MDEyMw==,i=04096",
      "r=" NONCE "server,s=MDEyMw==,i=+4096",
      "r=" NONCE "server,s=MDEyMw==,i=4096x",
      "r=" NONCE "server,s=MDEyMw==,i=600001",
      "r=" NONCE "server,s=MDEyMw==,i=4294971392",
      "r=" NONCE "server,s=MDEyMw==,i=99999999999999999999999999",
      "s=MDEyMw==,r=" NONCE "server,i=4096",
  };
  size_t i;
  for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    CHECK_INT(try_first(bad[i]), ETTM_E_PROTOCOL);
  }
  CHECK_INT(try_first(FIRST ",x=extension"), ETTM_OK);
  CHECK_INT(try_first("r=" NONCE "server,s=MDEyMw==,i=600000"), ETTM_OK);
}

/* Returns what the last message leads to, and in *proven whether the server is believed. */
static ettm_status try_final(const char *server_final, int *proven) {
  ettm_sasl *m = NULL;
  ettm_buffer out;
  ettm_status status;
  ettm_buffer_init(&out, NULL, 20000);
  CHECK_INT(make(&m, &dialogues[2], NULL), ETTM_OK);
  CHECK_INT(ettm_sasl_begin(m, &out), ETTM_OK);
  CHECK_INT(answer(m, FIRST, &out, NULL), ETTM_OK);
  status = answer(m, server_final, &out, NULL);
  *proven = ettm_sasl_is_proven(m);
  ettm_sasl_free(m);
  ettm_buffer_clear(&out);
  return status;
}

static void cheating_final(void) {
  static const char *const bad[] = {"",
                                    "v=",
                                    "v",
                                    "w=SqQLgneMbLDdlTIxbx67zGfqrO4F2EAvdkasZ2bIjSw=",
                                    "v=SqQLgneMbLDdlTIxbx67zGfqrO4F2EAvdkasZ2bIjSs=",
                                    "v=SqQLgneMbLDdlTIxbx67zGfqrO4F2EAvdkasZ2bI",
                                    "v=AAAA",
                                    "v=!",
                                    "v=SqQLgneMbLDdlTIxbx67zGfqrO4F2EAvdkasZ2bIjSxB"};
  int proven = 0;
  size_t i;
  for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    CHECK_INT(try_final(bad[i], &proven), ETTM_E_PROTOCOL);
    CHECK(!proven);
  }
  CHECK_INT(try_final("e=invalid-proof", &proven), ETTM_OK);
  CHECK(!proven);
  CHECK_INT(try_final("v=SqQLgneMbLDdlTIxbx67zGfqrO4F2EAvdkasZ2bIjSw=,x=more", &proven), ETTM_OK);
  CHECK(proven);
}

static ettm_status try_new(const char *user, const char *password, const char *nonce) {
  dialogue d = dialogues[1];
  ettm_sasl *m = NULL;
  ettm_status status;
  d.user = user;
  d.password = password;
  d.nonce = nonce;
  status = make(&m, &d, NULL);
  ettm_sasl_free(m);
  return status;
}

static void refusals(void) {
  dialogue unbound = dialogues[2];
  ettm_sasl *m = NULL;
  unbound.binding_name = "";
  CHECK_INT(make(&m, &unbound, NULL), ETTM_E_ARGUMENT);
  CHECK_INT(try_new("u", "p", ""), ETTM_E_ARGUMENT);
  CHECK_INT(try_new("u", "p", "a,b"), ETTM_E_ARGUMENT);
  CHECK_INT(try_new("u", "p", "a b"), ETTM_E_ARGUMENT);
  CHECK_INT(try_new("u\a", "p", "n"), ETTM_E_SASLPREP);
  CHECK_INT(try_new("u", "p\x7F", "n"), ETTM_E_SASLPREP);
  if (ettm_crypto()->prepare == NULL) {
    CHECK_INT(try_new("u", "\xC2\xAA", "n"), ETTM_E_NO_SASLPREP);
  } else {
    CHECK_INT(try_new("u", "\xC2\xAA", "n"), ETTM_OK);
    CHECK_INT(try_new("u", "\xD8\xA7\x31", "n"), ETTM_E_SASLPREP);
  }
}

static ettm_status exchange(check_heap *h, void *ud) {
  const dialogue *d = (const dialogue *)ud;
  ettm_sasl *m = NULL;
  ettm_buffer out;
  ettm_status status = make(&m, d, &h->alloc);
  ettm_buffer_init(&out, &h->alloc, 20000);
  if (status == ETTM_OK) {
    status = ettm_sasl_begin(m, &out);
  }
  if (status == ETTM_OK) {
    status = answer(m, d->server_first, &out, &h->alloc);
  }
  if (status == ETTM_OK) {
    status = answer(m, d->server_final, &out, &h->alloc);
  }
  ettm_sasl_free(m);
  ettm_buffer_clear(&out);
  return status;
}

static void failures(void) {
  dialogue d = dialogues[2];
  check_every_failure(exchange, &d);
}

static const check_case cases[] = {
    {"hashes in steps what it hashes at once", works_in_steps},
    {"hashes in steps where that is worth it", works_where_it_is_worth_it},
    {"speaks the exchanges of RFC 5802, RFC 7677 and with channel binding", speaks_the_vectors},
    {"says its first message where the server asks for it", held},
    {"goes no further with a server whose first message cheats", cheating_first},
    {"does not believe a server that cannot prove itself", cheating_final},
    {"refuses a binding or a nonce that is none, and what SASLprep forbids", refusals},
    {"survives the failure of each allocation", failures},
};

CHECK_MAIN("scram", cases)
