/* SPDX-License-Identifier: MIT */
/* How it works: the loader has bound this module's calls of OpenSSL by now. Whatever else among the
 * loaded files calls itself libssl or libcrypto, and is not the one that those calls go to, is a
 * second one; also when they go into the program itself, as where nginx has OpenSSL inside. Calls
 * that go into this module itself go to no other (OPENSSL_STATIC=yes). */
#if defined(__linux__) || defined(__FreeBSD__)
#define ETTM_HAS_PHDR
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* glibc, musl: dl_iterate_phdr */
#endif
#endif

#include "tls/one_library.h"

#ifdef ETTM_HAS_PHDR

#include <link.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include "tls/loaded.h"
#include "tls/reason.h"

#define SHOWN_MAX 96 /* octets of a path that are shown, its last ones */

/* One of the two libraries that are OpenSSL. */
typedef struct half {
  const char *name;
  uintptr_t call; /* where this module's calls of it go */
  int is_taken;
  int has_another;
  char taken[SHOWN_MAX + 1]; /* the files */
  char another[SHOWN_MAX + 1];
} half;

typedef struct view {
  uintptr_t own; /* an address in this module */
  half halves[2];
} view;

static int holds(const struct dl_phdr_info *file, uintptr_t address) {
  int i;
  for (i = 0; i < file->dlpi_phnum; i++) {
    uintptr_t start = file->dlpi_addr + file->dlpi_phdr[i].p_vaddr;
    if (file->dlpi_phdr[i].p_type == PT_LOAD && address >= start &&
        address - start < file->dlpi_phdr[i].p_memsz) {
      return 1;
    }
  }
  return 0;
}

/* Copies the end of a name, which is there only while the file is loaded. */
static void keep(char kept[SHOWN_MAX + 1], const char *name) {
  size_t n;
  name = name != NULL && name[0] != '\0' ? name : "the program itself";
  n = strlen(name);
  name += n > SHOWN_MAX ? n - SHOWN_MAX : 0;
  memcpy(kept, name, strlen(name) + 1);
}

static int look_at(struct dl_phdr_info *file, size_t size, void *data) {
  view *v = (view *)data;
  int is_own = holds(file, v->own);
  size_t i;
  (void)size;
  for (i = 0; i < 2; i++) {
    half *h = &v->halves[i];
    if (holds(file, h->call)) {
      h->is_taken = !is_own;
      keep(h->taken, file->dlpi_name);
    } else if (!h->has_another && ettm_openssl_is_called(file->dlpi_name, h->name)) {
      h->has_another = 1;
      keep(h->another, file->dlpi_name);
    }
  }
  return 0;
}

static void explain(char *reason, const half *h) {
  ettm_reason_set(reason, "this module was built for ");
  ettm_reason_add(reason, OPENSSL_VERSION_TEXT);
  ettm_reason_add(reason, ", and the process has loaded ");
  ettm_reason_add(reason, OpenSSL_version(OPENSSL_VERSION));
  ettm_reason_add(reason, " (");
  ettm_reason_add(reason, h->taken);
  ettm_reason_add(reason, ") and a second one (");
  ettm_reason_add(reason, h->another);
  ettm_reason_add(reason, "): build it for the one of the program (make install-openresty, or "
                          "OPENSSL_DIR=...), or with its own inside (OPENSSL_STATIC=yes)");
}

ettm_status ettm_one_library_check(char reason[ETTM_TLS_REASON]) {
  static const char here = 0;
  view v;
  size_t i;
  memset(&v, 0, sizeof v);
  v.own = (uintptr_t)&here;
  v.halves[0].name = "libssl";
  v.halves[0].call = (uintptr_t)&TLS_method;
  v.halves[1].name = "libcrypto";
  v.halves[1].call = (uintptr_t)&CRYPTO_free;
  reason[0] = '\0';
  (void)dl_iterate_phdr(look_at, &v);
  for (i = 0; i < 2; i++) {
    if (v.halves[i].is_taken && v.halves[i].has_another) {
      explain(reason, &v.halves[i]);
      return ETTM_E_TLS;
    }
  }
  return ETTM_OK;
}

#else

ettm_status ettm_one_library_check(char reason[ETTM_TLS_REASON]) {
  reason[0] = '\0';
  return ETTM_OK;
}

#endif
