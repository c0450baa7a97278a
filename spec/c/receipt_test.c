/* SPDX-License-Identifier: MIT */
#include "smtp/receipt.h"

#include <string.h>

#include "check.h"

typedef struct receipt {
  const char *text;
  const char *id;
} receipt;

static const receipt receipts[] = {
    {"Ok: queued as 4F2aB.c-d", "4F2aB.c-d"},
    {"OK id=1abcDE-0001", "1abcDE-0001"},
    {"message queued with id 12.x (please)", "12.x"},
    {"queued as  x, queued as y", "y"},
    {"first\nqueued as 7\nlast", "7"},
    {"OK id=1 queued as 2", "2"}, /* the one that says more */
    {"queued as", ""},
    {"queued as ", ""},
    {"queued as (nothing)", ""},
    {"qqueued as 1", "1"},
    {"ok", ""},
    {"", ""},
};

static void finds_ids(void) {
  size_t i;
  for (i = 0; i < sizeof receipts / sizeof receipts[0]; i++) {
    const receipt *r = &receipts[i];
    ettm_str id = ettm_receipt_id(check_guarded(ettm_str_of(r->text, strlen(r->text))));
    CHECK_STR(id, ettm_str_of(r->id, strlen(r->id)));
  }
}

static const check_case cases[] = {
    {"finds what a server calls a message by, and nothing else", finds_ids},
};
CHECK_MAIN("receipt", cases)
