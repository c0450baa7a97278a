/* SPDX-License-Identifier: MIT */
#include "codec/quoted_printable.h"

#include <string.h>

/* How it works: an octet is placed once the one behind it is known, because that says whether white
 * space is at a line's end and whether the 76th column is free (it is where the line ends there; a
 * soft break needs it for its "="). An "F" that may begin a line waits for four more, a CR for its
 * LF. So no more than four octets ever wait, and they wait in the state. Of a run of octets that
 * stand for themselves, all but the last are copied without further thought. */

#define FROM_SIZE  5 /* "From " */
#define PLACE_ROOM 6 /* a soft break and one octet in three */
#define SOFT_LIMIT (ETTM_QP_LINE - 1)

/* clang-format off */
#define X4(bit)  (bit), (bit), (bit), (bit)
#define X16(bit) X4(bit), X4(bit), X4(bit), X4(bit)
#define PLAIN    1 /* stands for itself within a line. SP and TAB do, too */
#define LINE_END 2 /* in a text; else it is coded, as all the others are */
static const unsigned char kinds[256] = {
    X4(0), X4(0), 0, 1 /* TAB */, 2 /* LF */, 0, 0, 2 /* CR */, 0, 0, X16(0), X16(1), /* 0 to 47 */
    X4(1), X4(1), X4(1), 1, 0 /* = */, 1, 1,                                /* 48 to 63 */
    X16(1), X16(1), X16(1), X4(1), X4(1), X4(1), 1, 1, 1, 0    /* 64 to 127; the rest is 0 */
};
/* clang-format on */

/* What is known of the input: more may follow behind end, unless it is the last of all. */
typedef struct qp_view {
  const char *p;
  const char *end;
  int is_last;
} qp_view;

static int is_plain(char c) {
  return kinds[(unsigned char)c] == PLAIN;
}

static int is_space(char c) {
  return c == ' ' || c == '\t';
}

static int is_line_end(const ettm_qp *e, char c) {
  return e->is_text && kinds[(unsigned char)c] == LINE_END;
}

/* True when the next octet may come to stand at a line's start. */
static int may_start_line(const ettm_qp *e) {
  return e->column == 0 || e->column >= SOFT_LIMIT;
}

/* -1: not known before more of the input is. */
static int is_from(const qp_view *v) {
  size_t known = (size_t)(v->end - v->p);
  size_t n = known < FROM_SIZE ? known : FROM_SIZE;
  if (memcmp(v->p, "From ", n) != 0) {
    return 0;
  }
  return n == FROM_SIZE ? 1 : v->is_last ? 0 : -1;
}

static char *put_coded(char *out, char c) {
  static const char digits[] = "0123456789ABCDEF"; /* upper case: RFC 2045 6.7 (1) */
  out[0] = '=';
  out[1] = digits[(unsigned char)c >> 4];
  out[2] = digits[(unsigned char)c & 15];
  return out + 3;
}

static char *put_soft_break(ettm_qp *e, char *out) {
  e->column = 0;
  memcpy(out, "=\r\n", 3);
  return out + 3;
}

/* The octets of the line end at the front, which becomes CRLF; 0: not known yet. */
static size_t place_line_end(ettm_qp *e, const qp_view *v, char **out) {
  size_t size = 1;
  if (*v->p == '\r') {
    if (v->end - v->p == 1 && !v->is_last) {
      return 0;
    }
    size += v->end - v->p > 1 && v->p[1] == '\n';
  }
  memcpy(*out, "\r\n", 2);
  *out += 2;
  e->column = 0;
  return size;
}

/* How an octet is to be written. */
typedef struct qp_form {
  int is_coded;
  int is_coded_at_start; /* of a line, where a relay could change it */
  unsigned limit;        /* the last column it may reach */
} qp_form;

static char *put_octet(ettm_qp *e, char c, const qp_form *form, char *out) {
  int is_coded = form->is_coded;
  if (e->column + (is_coded ? 3u : 1u) > form->limit) {
    out = put_soft_break(e, out);
  }
  if (is_coded || (e->column == 0 && form->is_coded_at_start)) {
    e->column += 3;
    return put_coded(out, c);
  }
  e->column++;
  *out++ = c;
  return out;
}

/* Decides about the octet at the front, which is no line end. Returns 0 when more of the input has
 * to be known. */
static int choose_form(const ettm_qp *e, const qp_view *v, qp_form *form) {
  int has_next = v->end - v->p > 1;
  int ends_line = has_next && is_line_end(e, v->p[1]);
  char c = *v->p;
  int from = may_start_line(e) ? is_from(v) : 0;
  if (!has_next && !v->is_last) {
    return 0;
  }
  form->is_coded = !is_plain(c) || (is_space(c) && (ends_line || !has_next));
  form->is_coded_at_start = c == '.' || from;
  form->limit = ends_line ? ETTM_QP_LINE : SOFT_LIMIT;
  return from >= 0;
}

/* Writes what the octet at the front becomes. Returns how many octets that was: 1, or 2 for a CRLF;
 * 0 when more of the input has to be known. out has PLACE_ROOM. */
static size_t place(ettm_qp *e, const qp_view *v, char **out) {
  qp_form form;
  if (is_line_end(e, *v->p)) {
    return place_line_end(e, v, out);
  }
  if (!choose_form(e, v, &form)) {
    return 0;
  }
  *out = put_octet(e, *v->p, &form, *out);
  return 1;
}

static size_t smaller(size_t a, size_t b) {
  return a < b ? a : b;
}

#define EACH(octet) (UINT64_C(0x0101010101010101) * (octet))

/* True (1) when the eight octets at p are plain: 32 to 126, and no "=". In each octet the top bit
 * says otherwise; a borrow can only spoil an octet above one that is not plain itself. */
static int are_plain(const char *p) {
  uint64_t x, below_32, del, equals;
  memcpy(&x, p, sizeof x);
  below_32 = x - EACH(32);
  del = (x ^ EACH(127)) - EACH(1);
  equals = (x ^ EACH('=')) - EACH(1);
  return ((x | below_32 | del | equals) & EACH(0x80)) == 0;
}

/* Copies the octets of a run that need no thought: those before another plain one, up to where a
 * soft break may be due. Returns how many. */
static size_t copy_run(ettm_qp *e, const qp_view *v, char *out, size_t room) {
  const char *p = v->p;
  size_t most = smaller((size_t)(v->end - p) - 1, room);
  size_t i = 0;
  if (e->column >= SOFT_LIMIT || !is_plain(*p) || (e->column == 0 && (*p == '.' || *p == 'F'))) {
    return 0;
  }
  most = smaller(most, SOFT_LIMIT - e->column);
  for (; most - i >= 8 && are_plain(p + i + 1); i += 8) {
    memcpy(out + i, p + i, 8);
  }
  while (i < most && is_plain(p[i + 1])) {
    out[i] = p[i];
    i++;
  }
  e->column += (unsigned)i;
  return i;
}

/* Codes the octets of a run that must be coded whatever follows, up to where a soft break may be
 * due. Returns how many. out has room for a line. */
static size_t code_run(ettm_qp *e, const qp_view *v, char *out) {
  size_t left = e->column < SOFT_LIMIT ? (SOFT_LIMIT - e->column) / 3 : 0;
  size_t most = smaller((size_t)(v->end - v->p), left);
  size_t i = 0;
  while (i < most && kinds[(unsigned char)v->p[i]] == 0) {
    out = put_coded(out, v->p[i]);
    i++;
  }
  e->column += 3 * (unsigned)i;
  return i;
}

/* Places as much as can be; moves v->p and *out on. */
static void place_all(ettm_qp *e, qp_view *v, char **out, const char *out_end) {
  while (v->p < v->end) {
    size_t n = copy_run(e, v, *out, (size_t)(out_end - *out));
    *out += n;
    v->p += n;
    if (out_end - *out >= ETTM_QP_LINE) {
      n = code_run(e, v, *out);
      *out += 3 * n;
      v->p += n;
    }
    if (v->p == v->end || out_end - *out < PLACE_ROOM) {
      return;
    }
    n = place(e, v, out);
    if (n == 0) {
      return;
    }
    v->p += n;
  }
}

/* Places the octets held back, with enough of `in` behind them to decide about each. Returns how
 * many octets of `in` were used. */
static size_t place_held(ettm_qp *e, ettm_str in, char **out, const char *out_end) {
  char window[2 * sizeof e->held];
  size_t more = in.n < sizeof e->held ? in.n : sizeof e->held;
  size_t held = e->held_size;
  size_t placed;
  qp_view v;
  memcpy(window, e->held, held);
  memcpy(window + held, in.p, more);
  v.p = window;
  v.end = window + held + more;
  v.is_last = 0;
  place_all(e, &v, out, out_end);
  placed = (size_t)(v.p - window);
  if (placed >= held) {
    e->held_size = 0;
    return placed - held;
  }
  e->held_size = (unsigned)(held - placed);
  memmove(e->held, e->held + placed, e->held_size);
  return 0;
}

void ettm_qp_init(ettm_qp *e, int is_text) {
  memset(e, 0, sizeof *e);
  e->is_text = is_text;
}

void ettm_qp_encode(ettm_qp *e, ettm_str in, size_t *used, char *out, size_t capacity,
                    size_t *made) {
  const char *out_end = out + capacity;
  char *start = out;
  size_t done = 0;
  *used = *made = 0;
  if (in.n == 0) {
    return;
  }
  if (e->held_size > 0) {
    done = place_held(e, in, &out, out_end);
  }
  if (e->held_size == 0) {
    qp_view v;
    v.p = in.p + done;
    v.end = in.p + in.n;
    v.is_last = 0;
    place_all(e, &v, &out, out_end);
    done = (size_t)(v.p - in.p);
  }
  /* With room left, what is not placed waits for more input: at most four octets with those held.
   */
  if (out_end - out >= PLACE_ROOM) {
    memcpy(e->held + e->held_size, in.p + done, in.n - done);
    e->held_size += (unsigned)(in.n - done);
    done = in.n;
  }
  *used = done;
  *made = (size_t)(out - start);
}

void ettm_qp_finish(ettm_qp *e, char *out, size_t capacity, size_t *made) {
  char *start = out;
  qp_view v;
  v.p = e->held;
  v.end = e->held + e->held_size;
  v.is_last = 1;
  place_all(e, &v, &out, out + capacity);
  e->held_size = 0;
  if (e->column > 0) {
    out = put_soft_break(e, out);
  }
  *made = (size_t)(out - start);
}
