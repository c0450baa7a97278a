/* Helpers of the tests of csrc/net: connections over the loopback, waiting, counting descriptors.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_SPEC_LOOPBACK_H
#define ETTM_SPEC_LOOPBACK_H

#include "net/socket.h"

#define PATIENCE 5000 /* milliseconds, for what happens at once */

/* How many descriptors this process has open: the same before and after means that none leaked. */
int open_descriptors(void);

void pause_ms(int ms);

/* The bits of wanted that fd became ready for within ms milliseconds; 0: it did not. */
unsigned wait_ready(int fd, unsigned wanted, int ms);

ettm_endpoint ip_of(const char *text, int port);

/* Both ends of a connection through a listening socket. */
typedef struct loopback {
  int listening;
  int client;
  int server;
} loopback;

/* 1, or 0 when nothing can listen there. */
int loopback_open(loopback *p, const ettm_endpoint *on);
loopback loopback_ipv4(void);
void loopback_close(loopback *p);

/* Closes the socket in the way that the peer sees as a reset. */
void reset_by(int *fd);

#endif
