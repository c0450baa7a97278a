/* What the classes of the binding let each other see.
 *
 * Each ettml_X_open registers the class and sets its constructors in the table on top: the module.
 * Each ettml_X_check is a class's gate: the object at arg, of that class and not closed, or an
 * error is raised.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_LUA_CLASSES_H
#define ETTM_LUA_CLASSES_H

#include "address/address.h"
#include "address/path.h"
#include "lua/object.h"
#include "lua/openssl.h"
#include "mime/reader.h"
#include "mime/section.h"
#include "net/socket.h"
#include "smtp/connection.h"
#include "smtp/sasl.h"

/* The names of the classes, each at one address: see object.h. */
extern const char ETTML_SESSION[];
extern const char ETTML_MESSAGE[];
extern const char ETTML_READER[];
extern const char ETTML_SCAN[];
extern const char ETTML_ADDRESS[];
extern const char ETTML_SOCKET[];
extern const char ETTML_RESOLVER[];
extern const char ETTML_PROCESS[];
extern const char ETTML_WATCH[];

#define ETTML_BLOCK      (32u * 1024) /* octets of a message that are made in one step */
#define ETTML_BLOCK_MIN  512u         /* and of a small one, rounded up to this */
#define ETTML_FILE_BLOCK (64u * 1024) /* octets of a file that are read in one step */
#define ETTML_NET_BLOCK  (16u * 1024) /* octets that are received in one step, on the C stack */

void ettml_session_open(lua_State *L);
void ettml_message_open(lua_State *L);
void ettml_reader_open(lua_State *L);
void ettml_content_open(lua_State *L);
void ettml_address_open(lua_State *L);
void ettml_socket_open(lua_State *L);
void ettml_resolver_open(lua_State *L);
void ettml_process_open(lua_State *L);
void ettml_watch_open(lua_State *L);
void ettml_folder_open(lua_State *L);

/* A connection, the login that is under way on it, and what is counted on the network's side. */
typedef struct ettml_session {
  ettm_connection *connection; /* NULL: closed */
  ettm_sasl *sasl;             /* NULL: none is under way */
  int is_distrusted;           /* the server let in without the proof that it owed */
  uint64_t sent, received;     /* octets */
  uint64_t turns;              /* flights: the first octets sent after some were fed */
  int fed;                     /* something was fed since the last octets were sent */
  uint64_t counted_sent, counted_received, counted_turns; /* when account was asked last */
  int is_watched;
  int is_holding; /* held is the next event: pass has looked at it, and it is not pass's to tell */
  ettm_event held;
} ettml_session;

ettml_session *ettml_session_check(lua_State *L, int arg);

/* ettm_connection_feed and _skip, counted. */
ETTM_MUST_USE ettm_status ettml_session_feed(ettml_session *s, const char *in, size_t n);
void ettml_session_skip(ettml_session *s, size_t n);

/* The next event: the one that is held, or the connection's next. */
ETTM_MUST_USE ettm_status ettml_session_pull(ettml_session *s, ettm_event *event);

/* As ettml_fail, with TLS's own reason where there is one. */
int ettml_session_fail(lua_State *L, ettml_session *s, ettm_status status);
int ettml_session_answer(lua_State *L, ettml_session *s, ettm_status status); /* as ettml_answer */

/* The same, with the command that was to be queued; never its argument, which may be a secret. */
int ettml_session_command_fail(lua_State *L, ettml_session *s, ettm_verb verb, ettm_status status);

/* The methods that queue commands and content, and log in. */
extern const luaL_Reg ettml_session_commands[];
int ettml_session_auth(lua_State *L);
int ettml_session_auth_step(lua_State *L);
int ettml_session_auth_work(lua_State *L);
int ettml_session_auth_end(lua_State *L);
int ettml_session_channel_binding(lua_State *L);
void ettml_session_end_login(ettml_session *s); /* wipes the secrets */

/* What next gave may be the end of a login. Returns 0 once the server has let in without the proof
 * that SCRAM asks of it. */
int ettml_session_see_login(ettml_session *s, ettm_status status, const ettm_event *event);

void ettml_session_auth_open(lua_State *L);
void ettml_session_mail_open(lua_State *L); /* behind session_open: more methods */

/* The message at argument 1, and the methods that add parts; the sealed message at arg. */
ettm_message *ettml_message_check(lua_State *L);
ettm_message *ettml_message_sealed(lua_State *L, int arg);
extern const luaL_Reg ettml_message_parts[];

/* message:addresses(name, value [, mode]): adds a field of one text or address, or of a list of
 * them, each read by itself, and answers with the list of their mailboxes; nil where there is a
 * group or a mistake in it: nothing was added then. */
int ettml_message_addresses(lua_State *L);

/* Sets a field of the table on top to the class's table of methods: the Lua layer adds those that
 * ask content of Lua, as that may yield. */
void ettml_set_methods(lua_State *L, const char *class_name, const char *field);

/* nil, code and a sentence, for a failure of the message at argument 1: what does not fit its
 * charset is named. */
int ettml_message_fail(lua_State *L, ettm_status status);

/* Where the external content of a message comes from: three slots a part in the message's anchors.
 */
enum { ETTML_SOURCE_NONE, ETTML_SOURCE_STRING, ETTML_SOURCE_FILE, ETTML_SOURCE_LUA };
#define ETTML_SLOT_CHARSET     0                     /* of the message's texts, if not UTF-8 */
#define ETTML_SLOT_VALUE(part) (3 * (int)(part) + 1) /* the string, the file's path, or Lua's */
#define ETTML_SLOT_START(part) (3 * (int)(part) + 2) /* octets in front, of a string or a file */
#define ETTML_SLOT_KIND(part)  (3 * (int)(part) + 3) /* ETTML_SOURCE_ */

/* The facts of the finished scan at arg; NULL: absent or nil. */
const ettm_content_facts *ettml_scan_opt(lua_State *L, int arg);

/* The answer to a header section that is none: the sentence tells the line. */
int ettml_section_fail(lua_State *L, const ettm_section *s, ettm_status status);

/* A reader and the block that it made last. */
typedef struct ettml_reader ettml_reader;

/* Pushes a reader of m whose content comes from what the table on top (popped) has in its slots. It
 * is the one at old, where that is one and closed. */
ETTM_MUST_USE ettm_status ettml_reader_push(lua_State *L, ettm_message *m, int old);

ettml_reader *ettml_reader_check(lua_State *L, int arg);

/* Makes sure that there are octets to take. arg: the reader's place on the stack. Returns ETTM_OK;
 * ETTM_DONE: there are no more; ETTM_NEED_INPUT: a part whose content comes from Lua wants some;
 * ETTM_E_SOURCE, ETTM_E_MEMORY: failed for ever. Cannot throw; uses five stack slots. */
ETTM_MUST_USE ettm_status ettml_reader_pull(lua_State *L, int arg, ettml_reader *r);

/* The octets to take, lent until the next pull; n of them were taken. */
ettm_str ettml_reader_rest(const ettml_reader *r);
void ettml_reader_skip(ettml_reader *r, size_t n);

/* The answer to a pull that was not ETTM_OK. */
int ettml_reader_answer(lua_State *L, int arg, ettml_reader *r, ettm_status status);

#define ETTML_REASON 128 /* octets of why something could not be read, with a NUL */

/* Opens a regular file for reading. Returns the descriptor, or -1 with the reason. */
int ettml_file_open(const char *path, uint64_t *size, char reason[ETTML_REASON]);

/* True (1) when that could be done, also with a NUL in the path; else 0 and the reason. */
int ettml_file_look(ettm_str path, uint64_t *size, char reason[ETTML_REASON]);

/* The parser's flags for the option at arg: absent, "strict", "lenient". */
unsigned ettml_address_flags(lua_State *L, int arg);

/* The views of the address at index, lent for as long as it lives. Returns 0 where it is none. */
int ettml_address_view(lua_State *L, int index, ettm_str *local, ettm_str *domain);

/* nil, code and sentence: what is wrong with the text of an address is wrong with the address. */
int ettml_address_fail(lua_State *L, ettm_status status);

/* Pushes a sentence on why the list is none, and where. */
void ettml_push_address_problem(lua_State *L, ettm_str list, unsigned flags);

/* The descriptor of the socket or the resolver at arg or on the stack; -1 for any other value. */
int ettml_socket_descriptor(lua_State *L, int index);
int ettml_resolver_descriptor(lua_State *L, int index);

/* The same of a process: its standard output for reading, its standard input for writing. */
int ettml_process_descriptor(lua_State *L, int index, unsigned wanted);

/* The same of a watch. */
int ettml_watch_descriptor(lua_State *L, int index);

/* The list that is argument 1, { { object, "r", "w" or "rw" }, ... }, as items for ettm_poll.
 * Returns their number. */
size_t ettml_check_items(lua_State *L, ettm_poll_item items[ETTM_POLL_ITEMS]);

#endif
