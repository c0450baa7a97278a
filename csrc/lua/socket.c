/* SPDX-License-Identifier: MIT */
/* ettsumailer.socket: non-blocking sockets for plain Lua, and the two moves between a socket and a
 * session that make no Lua strings. */
#define _POSIX_C_SOURCE 200809L

#include <sys/socket.h>

#include "lua/classes.h"

const char ETTML_SOCKET[] = "ettsumailer.socket";

#define RECEIVE_MAX 1048576 /* octets that one receive may be asked for; ETTML_NET_BLOCK come */

typedef struct socket_box {
  int fd; /* -1: closed */
  int listens;
} socket_box;

static socket_box *check_socket(lua_State *L) {
  socket_box *s = (socket_box *)ettml_object_check(L, 1, ETTML_SOCKET);
  if (s->fd < 0) {
    ettml_raise_closed(L, 1, ETTML_SOCKET);
  }
  return s;
}

int ettml_socket_descriptor(lua_State *L, int index) {
  const socket_box *s = (socket_box *)ettml_object_test(L, index, ETTML_SOCKET);
  return s != NULL ? s->fd : -1;
}

static socket_box *push_socket(lua_State *L) {
  socket_box *s = (socket_box *)ettml_object_new(L, ETTML_SOCKET, sizeof *s);
  s->fd = -1;
  return s;
}

/* nil, code and what the system says, where it says something. */
static int system_fail(lua_State *L, ettm_status status, int sys_error) {
  char text[128];
  if (sys_error == 0) {
    return ettml_fail(L, status);
  }
  return ettml_fail_text(L, status, ettm_system_text(sys_error, text));
}

static int system_answer(lua_State *L, ettm_status status, int sys_error) {
  return status < 0 ? system_fail(L, status, sys_error) : ettml_answer(L, status);
}

static int address_fail(lua_State *L, ettm_status status, const char *text, const char *what) {
  lua_pushfstring(L, "'%s' is not %s", text, what);
  return ettml_fail_top(L, status);
}

/* The object that was pushed before, or the failure. */
static int answer_socket(lua_State *L, ettm_status status, int sys_error) {
  return status == ETTM_OK ? 1 : system_answer(L, status, sys_error);
}

/* core.connect(ip, port [, source_ip]) */
static int connect_ip(lua_State *L) {
  ettm_str ip = ettml_check_str(L, 1);
  int port = (int)ettml_check_size(L, 2, 1, 65535);
  ettm_str source_ip = ettml_opt_str(L, 3);
  socket_box *s = push_socket(L);
  ettm_endpoint to, source;
  int sys_error = 0;

  ettm_status status = ettm_endpoint_from_ip(&to, ip, port);
  if (status != ETTM_OK) {
    return address_fail(L, status, ip.p, "an IP address");
  }
  if (source_ip.n > 0 && (status = ettm_endpoint_from_ip(&source, source_ip, 0)) != ETTM_OK) {
    return address_fail(L, status, source_ip.p, "an IP address");
  }
  status = ettm_socket_connect(&s->fd, &to, source_ip.n > 0 ? &source : NULL, &sys_error);

  return answer_socket(L, status, sys_error);
}

/* core.connect_path(path) */
static int connect_path(lua_State *L) {
  ettm_str path = ettml_check_str(L, 1);
  socket_box *s = push_socket(L);
  ettm_endpoint to;
  int sys_error = 0;

  ettm_status status = ettm_endpoint_from_path(&to, path);
  if (status != ETTM_OK) {
    return address_fail(L, status, path.p, "the path of a Unix socket");
  }
  status = ettm_socket_connect(&s->fd, &to, NULL, &sys_error);

  return answer_socket(L, status, sys_error);
}

/* core.listen(ip, port) */
static int listen_ip(lua_State *L) {
  ettm_str ip = ettml_check_str(L, 1);
  int port = (int)ettml_check_size(L, 2, 0, 65535);
  socket_box *s = push_socket(L);
  ettm_endpoint on;
  int sys_error = 0;

  ettm_status status = ettm_endpoint_from_ip(&on, ip, port);
  if (status != ETTM_OK) {
    return address_fail(L, status, ip.p, "an IP address");
  }
  status = ettm_socket_listen(&s->fd, &on, &sys_error);
  s->listens = 1;

  return answer_socket(L, status, sys_error);
}

/* core.socket_pair(): two that are connected to each other. */
static int socket_pair(lua_State *L) {
  socket_box *a = push_socket(L);
  socket_box *b = push_socket(L);
  int fds[2] = {-1, -1};
  int sys_error = 0;

  ettm_status status = ettm_socket_pair(fds, &sys_error);

  if (status != ETTM_OK) {
    return system_answer(L, status, sys_error);
  }
  a->fd = fds[0];
  b->fd = fds[1];
  return 2;
}

static int socket_accept(lua_State *L) {
  const socket_box *listener = check_socket(L);
  socket_box *s;
  int sys_error = 0;
  ettm_status status;
  luaL_argcheck(L, listener->listens, 1, "this socket does not listen");
  s = push_socket(L);

  status = ettm_socket_accept(&s->fd, listener->fd, &sys_error);

  return answer_socket(L, status, sys_error);
}

static int socket_connected(lua_State *L) {
  const socket_box *s = check_socket(L);
  int sys_error = 0;
  ettm_status status = ettm_socket_connected(s->fd, &sys_error);
  return system_answer(L, status, sys_error);
}

static int socket_send(lua_State *L) {
  const socket_box *s = check_socket(L);
  ettm_str out = ettml_check_str(L, 2);
  size_t skipped = (size_t)ettml_opt_size(L, 3, 1, (int64_t)out.n + 1, 1) - 1;
  size_t sent = 0;
  int sys_error = 0;
  ettm_status status = ETTM_OK;

  if (out.n > skipped) {
    status = ettm_socket_send(s->fd, out.p + skipped, out.n - skipped, &sent, &sys_error);
  }

  if (status != ETTM_OK) {
    return system_answer(L, status, sys_error);
  }
  lua_pushinteger(L, (lua_Integer)sent);
  return 1;
}

static int socket_receive(lua_State *L) {
  const socket_box *s = check_socket(L);
  size_t max = (size_t)ettml_check_size(L, 2, 1, RECEIVE_MAX);
  char block[ETTML_NET_BLOCK];
  size_t got = 0;
  int sys_error = 0;

  ettm_status status =
      ettm_socket_receive(s->fd, block, max < sizeof block ? max : sizeof block, &got, &sys_error);

  if (status != ETTM_OK) {
    return system_answer(L, status, sys_error);
  }
  return ettml_push_str(L, ettm_str_of(block, got));
}

/* Sends what the session has to send, up to the last octet or until the socket takes no more. */
static int socket_flush(lua_State *L) {
  const socket_box *s = check_socket(L);
  ettml_session *session = ettml_session_check(L, 2);
  ettm_status status = ETTM_OK;
  int sys_error = 0;
  ettm_str out;

  while (status == ETTM_OK && (out = ettm_connection_peek(session->connection)).n > 0) {
    size_t sent = 0;
    status = ettm_socket_send(s->fd, out.p, out.n, &sent, &sys_error);
    ettml_session_skip(session, status == ETTM_OK ? sent : 0);
  }

  return system_answer(L, status, sys_error);
}

/* Feeds the session what has come, one block at most. */
static int socket_fill(lua_State *L) {
  const socket_box *s = check_socket(L);
  ettml_session *session = ettml_session_check(L, 2);
  size_t room = ettm_connection_room(session->connection);
  char block[ETTML_NET_BLOCK];
  size_t got = 0;
  int sys_error = 0;
  ettm_status status = ETTM_OK;

  if (room > 0) {
    status = ettm_socket_receive(s->fd, block, room < sizeof block ? room : sizeof block, &got,
                                 &sys_error);
  }
  if (status == ETTM_OK && got > 0) {
    status = ettml_session_feed(session, block, got);
  } else if (status == ETTM_DONE) {
    ettm_status fed = ettm_connection_feed_eof(session->connection);
    status = fed == ETTM_OK ? ETTM_DONE : fed;
  }

  if (status != ETTM_OK) {
    return system_answer(L, status, sys_error);
  }
  lua_pushinteger(L, (lua_Integer)got);
  return 1;
}

static int socket_has_news(lua_State *L) {
  lua_pushboolean(L, ettm_socket_has_news(check_socket(L)->fd));
  return 1;
}

static int socket_fd(lua_State *L) {
  lua_pushinteger(L, check_socket(L)->fd);
  return 1;
}

/* ip, port; nil where there is none: a Unix socket. */
static int answer_endpoint(lua_State *L, ettm_status status, const ettm_endpoint *e) {
  char host[128];
  if (status != ETTM_OK) {
    return ettml_fail(L, status);
  }
  if (e->family != AF_INET && e->family != AF_INET6) {
    return ettml_answer_nil(L);
  }
  lua_pushstring(L, ettm_endpoint_host(e, host));
  lua_pushinteger(L, ettm_endpoint_port(e));
  return 2;
}

static int socket_local_address(lua_State *L) {
  ettm_endpoint e;
  ettm_status status = ettm_socket_local(check_socket(L)->fd, &e);
  return answer_endpoint(L, status, &e);
}

static int socket_peer_address(lua_State *L) {
  ettm_endpoint e;
  ettm_status status = ettm_socket_peer(check_socket(L)->fd, &e);
  return answer_endpoint(L, status, &e);
}

static int socket_close(lua_State *L) {
  socket_box *s = (socket_box *)ettml_object_check(L, 1, ETTML_SOCKET);
  ettm_socket_close(&s->fd);
  return 0;
}

static int socket_tostring(lua_State *L) {
  const socket_box *s = (socket_box *)ettml_object_check(L, 1, ETTML_SOCKET);
  const char *state = s->listens ? "listening" : "open";
  return ettml_push_name(L, ETTML_SOCKET, s->fd >= 0 ? state : "closed");
}

static const luaL_Reg methods[] = {{"accept", socket_accept},
                                   {"connected", socket_connected},
                                   {"send", socket_send},
                                   {"receive", socket_receive},
                                   {"flush", socket_flush},
                                   {"fill", socket_fill},
                                   {"has_news", socket_has_news},
                                   {"fd", socket_fd},
                                   {"local_address", socket_local_address},
                                   {"peer_address", socket_peer_address},
                                   {"close", socket_close},
                                   {NULL, NULL}};

static const luaL_Reg events[] = {{"__gc", socket_close},
                                  {"__close", socket_close},
                                  {"__tostring", socket_tostring},
                                  {NULL, NULL}};

static const luaL_Reg functions[] = {{"connect", connect_ip},
                                     {"connect_path", connect_path},
                                     {"listen", listen_ip},
                                     {"socket_pair", socket_pair},
                                     {NULL, NULL}};

void ettml_socket_open(lua_State *L) {
  static const ettml_class socket_class = {ETTML_SOCKET, methods, NULL, events};
  ettml_class_register(L, &socket_class);
  ettml_set_functions(L, functions);
}
