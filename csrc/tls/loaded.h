/* Whether the process has loaded OpenSSL, whoever did: the program, another module, or this one.
 *
 * Calls nothing of OpenSSL, and is of use to who is not linked with it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_TLS_LOADED_H
#define ETTM_TLS_LOADED_H

/* Whether a file of this name is that library, "libssl" or "libcrypto", of any version. */
int ettm_openssl_is_called(const char *name, const char *library);

/* Where the system cannot tell, 0. */
int ettm_openssl_is_loaded(void);

#endif
