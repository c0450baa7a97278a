/* The system's random octets.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_NET_RANDOM_H
#define ETTM_NET_RANDOM_H

#include "base/status.h"

/* Fills out with n octets fit for secrets. Returns ETTM_OK or ETTM_E_RANDOM. */
ETTM_MUST_USE ettm_status ettm_random(char *out, size_t n);

#endif
