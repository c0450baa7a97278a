/* SPDX-License-Identifier: MIT */
#include "tls/library.h"

#include <openssl/opensslv.h>

#include "tls/reason.h"

/* 0xMNN00PPS: since 3.0 the major version promises what 1.1 did. */
static unsigned long promise_of(unsigned long number) {
  return number >> 28 >= 3 ? number >> 28 : number >> 20;
}

ettm_status ettm_library_check(unsigned long number, const char *text,
                               char reason[ETTM_TLS_REASON]) {
  reason[0] = '\0';
  if (promise_of(number) == promise_of(OPENSSL_VERSION_NUMBER)) {
    return ETTM_OK;
  }
  ettm_reason_set(reason, "this module was built for ");
  ettm_reason_add(reason, OPENSSL_VERSION_TEXT);
  ettm_reason_add(reason, ", and the process has loaded ");
  ettm_reason_add(reason, text);
  ettm_reason_add(reason, ": build it for that one (make OPENSSL_DIR=...), or load the other");
  return ETTM_E_TLS;
}
