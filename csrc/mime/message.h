/* A MIME tree under construction, and the sealed message it becomes.
 *
 * Parts are named by small numbers; part 0 is the top. Content is copied in, or external: bytes
 * that whoever reads the message hands over when the reader asks for that number. Sealing chooses
 * the transfer encodings, boundaries and missing headers; time, entropy and host name are inputs,
 * so a message is a pure function of what it was given. A sealed message never changes, is shared
 * by reference count (not thread-safe), and is read through any number of readers (mime/reader.h).
 * Memory: what was copied in, plus a fixed size a part.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_MIME_MESSAGE_H
#define ETTM_MIME_MESSAGE_H

#include <stdint.h>

#include "codec/quoted_printable.h"
#include "mime/header.h"

#ifndef ETTM_PART_DEPTH
#define ETTM_PART_DEPTH 16 /* multiparts within multiparts */
#endif
#ifndef ETTM_PARTS_MAX
#define ETTM_PARTS_MAX 10000 /* parts of a message */
#endif
#define ETTM_SIZE_UNKNOWN UINT64_MAX
/* Octets that seal needs: 16 for the Message-ID, 16 for the boundaries. */
#define ETTM_ENTROPY_SIZE 32

typedef struct ettm_message ettm_message;
typedef uint32_t ettm_part; /* the number of a part of one message */

/* What the choice of an encoding needs to know of a content; filled by ettm_content_scan. */
typedef struct ettm_content_facts {
  uint64_t size;      /* octets as given */
  uint64_t qp_size;   /* octets as quoted-printable text: see ettm_content_look */
  uint64_t crlf_size; /* octets with every line end as CRLF */
  uint64_t high;      /* octets above 127 */
  uint32_t longest;   /* octets of the longest line, its line end not counted */
  int shifts;         /* ESC, SO or SI: what ISO-2022 charsets are made with */
  int fragile;  /* what a relay may change: other control characters, a bare CR, white space at a
                   line's end, a line that starts with "From " or "." or "--=_" */
  int open_end; /* the last line has no line end */
  int not_utf8; /* somewhere it is not valid UTF-8 */
  uint64_t long_line;  /* the first line above 998 octets, counted from 1; 0: there is none */
  uint64_t bare_line;  /* the first that ends with a CR or an LF alone */
  uint64_t nul_line;   /* the first with a NUL */
  uint64_t high_line;  /* the first with an octet above 127 */
  uint64_t empty_line; /* the first without an octet: the end of a header section */
} ettm_content_facts;

/* What a leaf is. All views are borrowed for the call only; an empty one means absent. */
typedef struct ettm_leaf {
  ettm_str type;    /* "text/plain", also with parameters; empty: text/plain; no multipart */
  ettm_str charset; /* a token; empty: for is_text and text/... UTF-8 (or us-ascii), else none */
  ettm_str disposition; /* "attachment", "inline"; empty: no Content-Disposition */
  ettm_str file_name;   /* UTF-8; its base name is sent, as filename* and as the legacy name */
  ettm_str content_id;  /* "id@domain" without brackets */
  int is_text;          /* 1: line ends are line ends and become CRLF; 0: every octet is kept.
                           Content of message/... (not message/global) is always text: it may not
                           be encoded (RFC 2046 5.2.1) */
  int allow_8bit;       /* 1: text that is not ASCII may go as 8bit, if its lines allow that */
  int is_ready; /* 1: the body of a ready-made message, whose header section is in the headers
                   of the message and says all; the other fields are ignored, nothing is
                   encoded. It must be the only part */
} ettm_leaf;

typedef struct ettm_seal {
  int64_t now;              /* Unix time of Date, seconds */
  int zone_minutes;         /* east of UTC */
  ettm_str entropy;         /* ETTM_ENTROPY_SIZE octets or more, random */
  ettm_str message_id_host; /* right side of Message-ID, UTF-8; empty: the domain of From */
} ettm_seal;

/* Makes an empty message with one reference. */
ETTM_MUST_USE ettm_status ettm_message_new(ettm_message **out, const ettm_alloc *a);

/* One reference more, one less; the last one frees. NULL is fine. */
void ettm_message_retain(ettm_message *m);
void ettm_message_release(ettm_message *m);

/* The headers of the whole message, to add to: NULL once sealed. MIME-Version and the Content-Type,
 * -Transfer-Encoding, -Disposition and -ID are the message's own business and are refused there at
 * seal (ETTM_E_DUPLICATE). A Date or Message-ID that is there is kept. They are sent in their
 * order, with Date in front, Message-ID, MIME-Version and Content-* behind. */
ettm_headers *ettm_message_headers(ettm_message *m);

/* The headers of a part beyond those the leaf makes; NULL once sealed or for a number not given.
 * Those of part 0 are those of the message. Valid until the message is sealed. */
ettm_headers *ettm_message_part_headers(ettm_message *m, ettm_part part);

/* Adds a multipart under parent (a multipart), or as the top when it is the first part (parent is
 * then ignored). subtype: "mixed", "alternative", "related"; parameters: ready text such as
 * "; type=\"text/html\"", or empty. Returns ETTM_OK and the number, or: ETTM_E_STATE: sealed, or
 * the parent takes no children; ETTM_E_NAME; ETTM_E_DEPTH; ETTM_E_LIMIT: too many; ETTM_E_MEMORY.
 */
ETTM_MUST_USE ettm_status ettm_message_add_multipart(ettm_message *m, ettm_part parent,
                                                     ettm_str subtype, ettm_str parameters,
                                                     ettm_part *out);

/* Adds a leaf whose content is copied in. Same returns, and what its fields can cause:
 * ETTM_E_UNSAFE (also: a NUL in message/... or a ready body), ETTM_E_UTF8 (text in UTF-8 that is
 * not), ETTM_E_NAME (of a type, charset, disposition or content_id), ETTM_E_LIMIT (also:
 * message/... or a ready body with a line above 998 octets). */
ETTM_MUST_USE ettm_status ettm_message_add_leaf(ettm_message *m, ettm_part parent,
                                                const ettm_leaf *leaf, ettm_str content,
                                                ettm_part *out);

/* Adds a leaf whose content comes when it is read. size: octets as given, or ETTM_SIZE_UNKNOWN.
 * facts: of the whole content, by which it is checked as if it were copied; or NULL: it is not
 * checked, and sent in base64 (message/... and a ready body: as 8bit). Same returns. */
ETTM_MUST_USE ettm_status ettm_message_add_external(ettm_message *m, ettm_part parent,
                                                    const ettm_leaf *leaf, uint64_t size,
                                                    const ettm_content_facts *facts,
                                                    ettm_part *out);

/* Adds a leaf whose content stays with the caller, who has all of it now: it is looked through
 * where that matters, and handed over when it is read, as external content. Same returns. */
ETTM_MUST_USE ettm_status ettm_message_add_kept(ettm_message *m, ettm_part parent,
                                                const ettm_leaf *leaf, ettm_str content,
                                                ettm_part *out);

/* Fixes everything. A ready-made message gets nothing that it does not have. Returns ETTM_OK, or:
 * ETTM_E_STATE: sealed already, no part, or a multipart without parts; ETTM_E_ARGUMENT: no From,
 * several authors in From without a Sender (RFC 5322 3.6.2), too little entropy, a date out of
 * range, a host that can stand in no Message-ID; ETTM_E_ADDRESS, ETTM_E_DOMAIN, ETTM_E_NO_IDNA:
 * From or the host; ETTM_E_DUPLICATE; ETTM_E_LIMIT; ETTM_E_MEMORY. After a failure the message can
 * only be released. */
ETTM_MUST_USE ettm_status ettm_message_seal(ettm_message *m, const ettm_seal *seal);

int ettm_message_is_sealed(const ettm_message *m);

/* Texts, names and file names that are added from now on go in that charset, UTF-8 where NULL.
 * encoder is lent until the message is sealed or the last field was added. What does not fit, and
 * is no error by the encoder, is in UTF-8; else adding returns ETTM_E_ARGUMENT. */
void ettm_message_set_encoder(ettm_message *m, const ettm_charset_encoder *encoder);

/* How many parts it has; their numbers are below. */
ettm_part ettm_message_count(const ettm_message *m);

/* Of a sealed message: its Message-ID with brackets, and its whole header section with the empty
 * line behind it. Lent while the reference is held. */
ettm_str ettm_message_id(const ettm_message *m);
ettm_str ettm_message_header_section(const ettm_message *m);

/* Of a sealed message: octets as they are sent, CRLF line ends, before dot-stuffing; or
 * ETTM_SIZE_UNKNOWN. */
uint64_t ettm_message_size(const ettm_message *m);

/* True (1) when some content comes from whoever reads it. */
int ettm_message_is_external(const ettm_message *m);

/* What a server must offer for it: 1 or 0. */
int ettm_message_needs_8bit(const ettm_message *m);
int ettm_message_needs_smtputf8(const ettm_message *m);

/* Looks through a content given in pieces: init, scan each piece, finish. */
typedef struct ettm_content_scan {
  ettm_content_facts facts;
  uint64_t line;  /* octets of the present line */
  char start[5];  /* how the present line begins */
  char last;      /* the octet before */
  uint64_t lines; /* that are over */
  char cut[4];    /* a code point that began in an earlier piece */
  size_t cut_size;
  ettm_qp qp;
  int skips_qp;
} ettm_content_scan;

void ettm_content_scan_init(ettm_content_scan *s);
void ettm_content_scan_feed(ettm_content_scan *s, ettm_str piece);
void ettm_content_scan_finish(ettm_content_scan *s, ettm_content_facts *facts);

/* The same of a content that is there in one piece, with less work: qp_size is counted only where
 * quoted-printable may be chosen, and else is a bound from below. */
void ettm_content_look(ettm_str content, ettm_content_facts *facts);

#endif
