/* Parameters of MIME header fields: token, quoted-string, or the extended form of RFC 2231.
 *
 * Appends "; name=value" to a value under construction, a space in front of each parameter where
 * the header writer may fold. A value that is not plain ASCII, or too long, or looks like an
 * encoded word, is written as name*=UTF-8''..., in continuations of at most 75 octets; for names of
 * files the legacy name="=?UTF-8?..." may be added by the caller. O(n).
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_MIME_PARAMETER_H
#define ETTM_MIME_PARAMETER_H

#include "codec/encoded_word.h"

/* Appends one parameter. name: a token of at most 40 octets; value: UTF-8 without control
 * characters. Returns as ettm_buffer_append, or ETTM_E_NAME, ETTM_E_UTF8, ETTM_E_UNSAFE. */
ETTM_MUST_USE ettm_status ettm_parameter_append(ettm_buffer *out, ettm_str name, ettm_str value);

/* The same in another charset: a value that is not ASCII is written as name*=CHARSET''..., each
 * segment complete in itself; in UTF-8 when encoder is NULL, or when the value does not fit the
 * charset and the encoder is not strict. Also returns ETTM_E_ARGUMENT: it does not fit and the
 * encoder is strict, or its name is none; and what its functions return. */
ETTM_MUST_USE ettm_status ettm_parameter_append_charset(ettm_buffer *out, ettm_str name,
                                                        ettm_str value,
                                                        const ettm_charset_encoder *encoder);

/* Appends one parameter whose value is quoted encoded words (not by any RFC, but what old readers
 * know): for name= of Content-Type beside filename* of Content-Disposition. Plain ASCII values are
 * written as by ettm_parameter_append; encoder as above. */
ETTM_MUST_USE ettm_status ettm_parameter_append_legacy(ettm_buffer *out, ettm_str name,
                                                       ettm_str value,
                                                       const ettm_charset_encoder *encoder);

/* Reads the next parameter of *rest, which is "; name=value; ..." with the value a token or a
 * quoted-string, and moves *rest behind it. The value is given as it stands there. Returns ETTM_OK;
 * ETTM_DONE: *rest is over; ETTM_E_NAME: this is not by the grammar (RFC 2045 5.1). */
ETTM_MUST_USE ettm_status ettm_parameter_next(ettm_str *rest, ettm_str *name, ettm_str *value);

/* Walks over parameters, as ettm_parameter_next reads them; *value becomes that of the one called
 * name (any case), empty when there is none. Returns ETTM_OK or ETTM_E_NAME. */
ETTM_MUST_USE ettm_status ettm_parameter_find(ettm_str parameters, ettm_str name, ettm_str *value);

/* The base name of a path with / or \: what may be told to others of a file's name. Lends. */
ettm_str ettm_file_base_name(ettm_str path);

#endif
