/* SPDX-License-Identifier: MIT */
/* TLSA records as text: whatever stands there is read within its bounds or refused with a reason.
 */
#include <stdint.h>
#include <stdlib.h>

#include "tls/dane.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok) {
  if (!ok) {
    abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const size_t sizes[] = {0, 32, 64};
  char reason[ETTM_TLS_REASON] = "";
  ettm_dane d = {0};
  ettm_status status = ettm_dane_read(&d, ettm_str_of((const char *)data, size), NULL, reason);
  size_t i;
  must(status == ETTM_OK || (status == ETTM_E_ARGUMENT && reason[0] != '\0'));
  must(status != ETTM_OK || d.count > 0);
  must(d.count <= ETTM_TLSA_RECORDS);
  for (i = 0; i < d.count; i++) {
    const ettm_tlsa *r = &d.records[i];
    must(r->usage >= 2 && r->usage <= 3 && r->selector <= 1 && r->match <= 2);
    must(r->n > 0 && r->n <= size && (r->match == 0 || r->n == sizes[r->match]));
  }
  ettm_dane_clear(&d, NULL);
  must(d.count == 0);
  return 0;
}
