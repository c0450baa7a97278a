/* copy FILE: what memory does. Reads the file (not timed), then copies it to another place, with
 * fresh pages touched before, and prints the seconds that took and the octets copied.
 *
 * SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
  char *from, *to;
  long size;
  double start, end;
  if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) <= 0) {
    return 2;
  }
  rewind(file);
  from = (char *)malloc((size_t)size);
  to = (char *)malloc((size_t)size);
  if (from == NULL || to == NULL || fread(from, 1, (size_t)size, file) != (size_t)size) {
    return 1;
  }
  memset(to, 1, (size_t)size);
  start = now();
  memcpy(to, from, (size_t)size);
  end = now();
  /* The copy is looked at, so that it is made. */
  printf("seconds %.6f octets %ld\n", end - start, to[size - 1] == from[size - 1] ? size : 0);
  return 0;
}
