/* SPDX-License-Identifier: MIT */
/* How it works: the loader binds a weak name where the program itself has OpenSSL inside, or was
 * started with it; else its list of files is looked through for names. */
#if defined(__linux__) || defined(__FreeBSD__)
#define ETTM_HAS_PHDR
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* glibc, musl: dl_iterate_phdr */
#endif
#endif

#include "tls/loaded.h"

#include <string.h>

/* libssl.so.3, or libssl-1a2b3c.so.1.1 as some packagers say; not libssl3.so, which is of NSS. */
int ettm_openssl_is_called(const char *name, const char *library) {
  const char *slash = name != NULL ? strrchr(name, '/') : NULL;
  const char *base = slash != NULL ? slash + 1 : name;
  size_t n = strlen(library);
  return base != NULL && strncmp(base, library, n) == 0 && (base[n] == '.' || base[n] == '-');
}

#ifdef ETTM_HAS_PHDR

#include <link.h>

#pragma weak OpenSSL_version_num
#pragma weak CRYPTO_free
extern unsigned long OpenSSL_version_num(void);
extern void CRYPTO_free(void *block, const char *file, int line); /* whatever part is inside */

static int look_at(struct dl_phdr_info *file, size_t size, void *unused) {
  (void)size;
  (void)unused;
  return ettm_openssl_is_called(file->dlpi_name, "libssl") ||
         ettm_openssl_is_called(file->dlpi_name, "libcrypto");
}

int ettm_openssl_is_loaded(void) {
  return OpenSSL_version_num != NULL || CRYPTO_free != NULL || dl_iterate_phdr(look_at, NULL) != 0;
}

#else

int ettm_openssl_is_loaded(void) {
  return 0;
}

#endif
