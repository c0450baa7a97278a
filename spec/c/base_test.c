/* The base: status, allocator and buffer.
 *
 * SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "check.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- status --- */

static const ettm_status all_statuses[] = {ETTM_OK,
                                           ETTM_DONE,
                                           ETTM_NEED_INPUT,
                                           ETTM_FULL,
                                           ETTM_E_ARGUMENT,
                                           ETTM_E_STATE,
                                           ETTM_E_UNSAFE,
                                           ETTM_E_LIMIT,
                                           ETTM_E_ADDRESS,
                                           ETTM_E_UTF8,
                                           ETTM_E_DOMAIN,
                                           ETTM_E_NO_IDNA,
                                           ETTM_E_NAME,
                                           ETTM_E_TOO_LARGE,
                                           ETTM_E_SOURCE,
                                           ETTM_E_DUPLICATE,
                                           ETTM_E_NOT_OFFERED,
                                           ETTM_E_DEPTH,
                                           ETTM_E_PROTOCOL,
                                           ETTM_E_CLOSED,
                                           ETTM_E_REPLY_SIZE,
                                           ETTM_E_INJECTED,
                                           ETTM_E_TLS,
                                           ETTM_E_TLS_VERIFY,
                                           ETTM_E_TLS_MODE,
                                           ETTM_E_TLS_PIN,
                                           ETTM_E_TRUNCATED,
                                           ETTM_E_MEMORY,
                                           ETTM_E_DNS,
                                           ETTM_E_CONNECT,
                                           ETTM_E_IO,
                                           ETTM_E_TIMEOUT,
                                           ETTM_E_RANDOM,
                                           ETTM_E_NEEDS_SMTPUTF8};

static ettm_str text_of(const char *s) {
  return ettm_str_of(s, strlen(s));
}

static void status_has_texts(void) {
  size_t i;
  for (i = 0; i < COUNT(all_statuses); i++) {
    const char *code = ettm_status_code(all_statuses[i]);
    const char *sentence = ettm_status_sentence(all_statuses[i]);
    CHECK(strlen(code) > 0);
    CHECK_INT(strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789"), strlen(code));
    CHECK(strcmp(sentence, "an unknown status was returned") != 0);
    CHECK(sentence[strlen(sentence) - 1] != '.');
  }
}

static void status_unknown_has_texts(void) {
  CHECK_STR(text_of(ettm_status_code((ettm_status)-99)), ETTM_LIT("STATE"));
  CHECK(strlen(ettm_status_sentence((ettm_status)-99)) > 0);
}

static void status_classes(void) {
  size_t i;
  for (i = 0; i < COUNT(all_statuses); i++) {
    CHECK_INT(ettm_status_is_fatal(all_statuses[i]), all_statuses[i] <= -101);
    CHECK_INT(strcmp(ettm_status_code(all_statuses[i]), "OK") == 0, all_statuses[i] >= 0);
  }
}

static void str_equality(void) {
  CHECK(ettm_str_equal(ETTM_LIT("a\0b"), ETTM_LIT("a\0b")));
  CHECK(!ettm_str_equal(ETTM_LIT("a\0b"), ETTM_LIT("a\0c")));
  CHECK(!ettm_str_equal(ETTM_LIT("ab"), ETTM_LIT("abc")));
  CHECK(ettm_str_equal(ettm_str_of(NULL, 0), ETTM_LIT("")));
}

static void str_equality_without_case(void) {
  CHECK(ettm_str_equal_nocase(ETTM_LIT("StartTLS"), ETTM_LIT("STARTTLS")));
  CHECK(!ettm_str_equal_nocase(ETTM_LIT("a@"), ETTM_LIT("A`")));
  CHECK(!ettm_str_equal_nocase(ETTM_LIT("\xC3\xA9"), ETTM_LIT("\xC3\x89")));
  CHECK(!ettm_str_equal_nocase(ETTM_LIT("a"), ETTM_LIT("")));
}

/* --- allocator --- */

static void alloc_standard(void) {
  char *p = (char *)ettm_new(NULL, 8);
  CHECK(p != NULL && memcmp(p, "\0\0\0\0\0\0\0\0", 8) == 0);
  memcpy(p, "12345678", 8);
  p = (char *)ettm_resize(NULL, p, 8, 4000);
  CHECK(p != NULL && memcmp(p, "12345678", 8) == 0);
  ettm_free(NULL, p, 4000);
}

static void alloc_given(void) {
  check_heap h;
  char *p;
  check_heap_init(&h);
  p = ettm_copy(&h.alloc, ETTM_LIT("a\0b"));
  CHECK(p != NULL && memcmp(p, "a\0b", 4) == 0);
  CHECK_INT(h.bytes, 4);
  ettm_free(&h.alloc, p, 4);
  ettm_free(&h.alloc, NULL, 4);
  CHECK_INT(h.blocks, 0);
}

static ettm_status make_things(check_heap *h, void *ud) {
  char *first = (char *)ettm_new(&h->alloc, 3);
  char *copy = ettm_copy(&h->alloc, ETTM_LIT("copy"));
  (void)ud;
  ettm_free(&h->alloc, first, 3);
  ettm_free(&h->alloc, copy, 5);
  return first != NULL && copy != NULL ? ETTM_OK : ETTM_E_MEMORY;
}

static void alloc_failure(void) {
  check_every_failure(make_things, NULL);
}

static void alloc_copy_too_large(void) {
  CHECK(ettm_copy(NULL, ettm_str_of("x", SIZE_MAX)) == NULL);
}

static void alloc_wipe(void) {
  char bytes[6] = "ab12c";
  ettm_wipe(bytes + 1, 3);
  CHECK(memcmp(bytes, "a\0\0\0c", 6) == 0);
}

static void alloc_sizes(void) {
  size_t n = 7;
  CHECK(ettm_size_add(SIZE_MAX - 1, 1, &n));
  CHECK_INT(n == SIZE_MAX, 1);
  n = 7;
  CHECK(!ettm_size_add(SIZE_MAX, 1, &n));
  CHECK(!ettm_size_mul(SIZE_MAX / 2 + 1, 2, &n));
  CHECK_INT(n, 7);
  CHECK(ettm_size_mul(SIZE_MAX / 2, 2, &n));
  CHECK(n == SIZE_MAX - 1);
  CHECK(ettm_size_mul(SIZE_MAX, 0, &n));
  CHECK_INT(n, 0);
}

/* --- buffer --- */

static void buffer_queue(void) {
  ettm_buffer b;
  ettm_buffer_init(&b, NULL, 100);
  CHECK_INT(ettm_buffer_append(&b, ETTM_LIT("one ")), ETTM_OK);
  CHECK_INT(ettm_buffer_append(&b, ETTM_LIT("two")), ETTM_OK);
  CHECK_INT(ettm_buffer_append_char(&b, '!'), ETTM_OK);
  ettm_buffer_consume(&b, 4);
  CHECK_STR(ettm_buffer_view(&b), ETTM_LIT("two!"));
  ettm_buffer_truncate(&b, 9);
  ettm_buffer_truncate(&b, 2);
  CHECK_STR(ettm_buffer_view(&b), ETTM_LIT("tw"));
  CHECK_INT(ettm_buffer_room(&b), 98);
  ettm_buffer_consume(&b, 1000);
  CHECK_INT(ettm_buffer_size(&b), 0);
  ettm_buffer_clear(&b);
}

static void buffer_empty(void) {
  ettm_buffer b;
  ettm_buffer_init(&b, NULL, 0);
  CHECK_STR(ettm_buffer_view(&b), ETTM_LIT(""));
  CHECK_INT(ettm_buffer_append(&b, ettm_str_of(NULL, 0)), ETTM_OK);
  CHECK_INT(ettm_buffer_append_char(&b, 'x'), ETTM_E_LIMIT);
  CHECK(b.bytes == NULL);
  ettm_buffer_clear(&b);
}

static void buffer_limit(void) {
  ettm_buffer b;
  char *place;
  ettm_buffer_init(&b, NULL, 5);
  CHECK_INT(ettm_buffer_append(&b, ETTM_LIT("abc")), ETTM_OK);
  CHECK_INT(ettm_buffer_append(&b, ETTM_LIT("def")), ETTM_E_LIMIT);
  CHECK_INT(ettm_buffer_reserve(&b, SIZE_MAX, &place), ETTM_E_LIMIT);
  CHECK_STR(ettm_buffer_view(&b), ETTM_LIT("abc"));
  CHECK_INT(ettm_buffer_append(&b, ETTM_LIT("de")), ETTM_OK);
  CHECK_INT(ettm_buffer_room(&b), 0);
  ettm_buffer_clear(&b);
}

/* A queue that is filled and emptied for long must neither grow nor lose its order. */
static void buffer_long_queue(void) {
  ettm_buffer b;
  check_heap h;
  unsigned char in = 0, out = 0;
  int round, i;
  int wrong = 0;
  check_heap_init(&h);
  ettm_buffer_init(&b, &h.alloc, 1000);
  for (round = 0; round < 3000; round++) {
    for (i = 0; i < 7; i++) {
      wrong += ettm_buffer_append_char(&b, (char)in++) != ETTM_OK;
    }
    while (ettm_buffer_size(&b) > 20) {
      wrong += (unsigned char)ettm_buffer_view(&b).p[0] != out++;
      ettm_buffer_consume(&b, 1);
    }
  }
  CHECK_INT(wrong, 0);
  CHECK(h.peak < 2000);
  ettm_buffer_clear(&b);
  CHECK_INT(h.blocks, 0);
}

static void buffer_reserve_and_commit(void) {
  ettm_buffer b;
  char *place;
  ettm_buffer_init(&b, NULL, 1000);
  CHECK_INT(ettm_buffer_append(&b, ETTM_LIT("ab")), ETTM_OK);
  CHECK_INT(ettm_buffer_reserve(&b, 600, &place), ETTM_OK);
  memcpy(place, "cd", 2);
  ettm_buffer_commit(&b, 2);
  CHECK_STR(ettm_buffer_view(&b), ETTM_LIT("abcd"));
  ettm_buffer_clear(&b);
}

static void buffer_on_storage(void) {
  char storage[8];
  ettm_buffer b;
  check_heap h;
  check_heap_init(&h);
  ettm_buffer_init_on(&b, &h.alloc, 20, storage, sizeof storage);
  CHECK_INT(ettm_buffer_append(&b, ETTM_LIT("12345678")), ETTM_OK);
  CHECK_INT(h.calls, 0);
  ettm_buffer_consume(&b, 1);
  CHECK_INT(ettm_buffer_append(&b, ETTM_LIT("9")), ETTM_OK);
  CHECK_INT(h.blocks, 1);
  CHECK_STR(ettm_buffer_view(&b), ETTM_LIT("23456789"));
  ettm_buffer_clear(&b);
  CHECK_INT(h.blocks, 0);
  CHECK_INT(ettm_buffer_append(&b, ETTM_LIT("again")), ETTM_OK);
  CHECK_STR(ettm_buffer_view(&b), ETTM_LIT("again"));
  ettm_buffer_clear(&b);
  CHECK_INT(h.blocks, 0);
  ettm_buffer_init_on(&b, &h.alloc, 5, storage, sizeof storage);
  CHECK_INT(ettm_buffer_append(&b, ETTM_LIT("123456")), ETTM_E_LIMIT);
  ettm_buffer_clear(&b);
}

static int has_bytes(const ettm_buffer *b, ettm_str s) {
  size_t i;
  for (i = 0; i + s.n <= b->capacity; i++) {
    if (memcmp(b->bytes + i, s.p, s.n) == 0) {
      return 1;
    }
  }
  return 0;
}

static void buffer_secret(void) {
  ettm_buffer b;
  ettm_buffer_init_secret(&b, NULL, 1000);
  CHECK_INT(ettm_buffer_append(&b, ETTM_LIT("passwordSECRET")), ETTM_OK);
  CHECK(has_bytes(&b, ETTM_LIT("password")));
  ettm_buffer_consume(&b, 8);
  CHECK(!has_bytes(&b, ETTM_LIT("pass")));
  ettm_buffer_truncate(&b, 1);
  CHECK(!has_bytes(&b, ETTM_LIT("ECR")));
  CHECK_STR(ettm_buffer_view(&b), ETTM_LIT("S"));
  ettm_buffer_clear(&b);
}

static void *watch_frees(void *ud, void *ptr, size_t osize, size_t nsize) {
  int *seen = (int *)ud;
  ettm_alloc standard = ettm_alloc_of(NULL);
  if (ptr != NULL && nsize == 0 && osize > 5) {
    *seen += memchr(ptr, 'S', osize) != NULL;
  }
  return standard.fn(standard.ud, ptr, osize, nsize);
}

static void buffer_secret_is_freed_wiped(void) {
  ettm_buffer b;
  ettm_alloc a;
  int seen = 0;
  int i;
  a.fn = watch_frees;
  a.ud = &seen;
  ettm_buffer_init_secret(&b, &a, 100000);
  for (i = 0; i < 2000; i++) {
    CHECK_INT(ettm_buffer_append(&b, ETTM_LIT("SS")), ETTM_OK);
  }
  ettm_buffer_clear(&b);
  CHECK_INT(seen, 0);
}

static ettm_status fill_buffer(check_heap *h, void *ud) {
  ettm_buffer b;
  ettm_status status = ETTM_OK;
  int i;
  (void)ud;
  ettm_buffer_init(&b, &h->alloc, 10000);
  for (i = 0; i < 900 && status == ETTM_OK; i++) {
    size_t size = ettm_buffer_size(&b);
    status = ettm_buffer_append(&b, ETTM_LIT("0123456789"));
    CHECK_INT(ettm_buffer_size(&b), status == ETTM_OK ? size + 10 : size);
  }
  ettm_buffer_clear(&b);
  return status;
}

static void buffer_failure(void) {
  check_every_failure(fill_buffer, NULL);
}

static const check_case cases[] = {
    {"gives every status a code and a sentence", status_has_texts},
    {"gives a status it does not know a text, too", status_unknown_has_texts},
    {"says OK for what is no failure, and fatal from -101 on", status_classes},
    {"compares strings with embedded NULs", str_equality},
    {"compares strings without the case of ASCII letters only", str_equality_without_case},
    {"uses the C library's allocator when none is given", alloc_standard},
    {"tells a given allocator the true old sizes", alloc_given},
    {"returns NULL when the allocator does", alloc_failure},
    {"refuses a copy whose size overflows", alloc_copy_too_large},
    {"wipes exactly the bytes asked for", alloc_wipe},
    {"sees sums and products that do not fit", alloc_sizes},
    {"is a queue of bytes", buffer_queue},
    {"allocates nothing for nothing", buffer_empty},
    {"appends all or nothing at its maximum", buffer_limit},
    {"neither grows nor loses order as a long-lived queue", buffer_long_queue},
    {"lends a place to write and takes what was written", buffer_reserve_and_commit},
    {"takes no memory for what storage of the caller's has room for", buffer_on_storage},
    {"wipes secret bytes that it consumes or cuts off", buffer_secret},
    {"wipes secret bytes before it frees or moves them", buffer_secret_is_freed_wiped},
    {"is unchanged when memory fails", buffer_failure},
};

CHECK_MAIN("base", cases)
