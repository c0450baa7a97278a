/* SPDX-License-Identifier: MIT */
/* getentropy stands in different headers, behind different names, on different systems. */
#if defined(__linux__)
#define _DEFAULT_SOURCE
#elif defined(__APPLE__)
#define _DARWIN_C_SOURCE
#endif

#include "net/random.h"

#include <unistd.h>

#if defined(__linux__) || defined(__APPLE__) || defined(__FreeBSD__) || defined(__OpenBSD__)

#if defined(__APPLE__)
#include <sys/random.h>
#endif

#define ENTROPY_MAX 256 /* octets that getentropy gives at once */

ettm_status ettm_random(char *out, size_t n) {
  while (n > 0) {
    size_t part = n < ENTROPY_MAX ? n : ENTROPY_MAX;
    if (getentropy(out, part) != 0) {
      return ETTM_E_RANDOM;
    }
    out += part;
    n -= part;
  }
  return ETTM_OK;
}

#else

#include <fcntl.h>

ettm_status ettm_random(char *out, size_t n) {
  int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
  ssize_t got = 1;
  while (fd >= 0 && n > 0 && got > 0) {
    got = read(fd, out, n);
    if (got > 0) {
      out += got;
      n -= (size_t)got;
    }
  }
  if (fd >= 0) {
    (void)close(fd);
  }
  return fd >= 0 && n == 0 ? ETTM_OK : ETTM_E_RANDOM;
}

#endif
