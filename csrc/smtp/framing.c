/* SPDX-License-Identifier: MIT */
#include "smtp/framing.h"

#include <string.h>

/* How it works: most content is already right, so octets are not moved one by one but in runs that
 * stretch over as many whole lines as need no change. `from` is where the run that was looked at
 * and not yet copied begins; only a dot at a line's start and a bare CR or LF end it. The window
 * never is longer than the room, so a run always fits; every change asks for room first. */
typedef struct window {
  const char *p;    /* the next octet to look at */
  const char *from; /* the first octet not copied */
  const char *end;
  const char *cr; /* the first CR at p or behind it, or end; may have been passed */
  char *out;
  char *out_end;
} window;

static size_t room_behind_run(const window *w) {
  return (size_t)(w->out_end - w->out) - (size_t)(w->p - w->from);
}

/* Copies the run up to p. */
static void copy_run(window *w) {
  size_t run = (size_t)(w->p - w->from);
  if (run > 0) {
    memcpy(w->out, w->from, run);
  }
  w->out += run;
  w->from = w->p;
}

/* Copies the run up to p, then two octets that stand for the one at p. */
static void replace_octet(window *w, const char *by) {
  size_t room;
  copy_run(w);
  memcpy(w->out, by, 2);
  w->out += 2;
  w->from = ++w->p;
  room = (size_t)(w->out_end - w->out);
  if ((size_t)(w->end - w->p) > room) {
    w->end = w->p + room;
    w->cr = w->cr < w->end ? w->cr : w->end;
  }
}

static const char *find(const char *p, const char *end, char c) {
  const char *at = p < end ? (const char *)memchr(p, c, (size_t)(end - p)) : NULL;
  return at != NULL ? at : end;
}

/* The first CR or LF at p or behind it. The search for an LF stops at the CR, so that no octet is
 * searched twice for either. */
static const char *find_line_end(window *w) {
  if (w->cr < w->p) {
    w->cr = find(w->p, w->end, '\r');
  }
  return find(w->p, w->cr, '\n');
}

/* Takes the line end at p. Returns 0 when there is no room for it. */
static int take_line_end(window *w, ettm_framing *f) {
  if (*w->p == '\r' && w->p + 1 < w->end && w->p[1] == '\n') {
    w->p += 2;
  } else {
    if (room_behind_run(w) < 2) {
      return 0;
    }
    f->after_cr = *w->p == '\r';
    replace_octet(w, "\r\n");
  }
  f->line_start = 1;
  return 1;
}

/* Takes a line, or what there is of it. Returns 0 when there is no room to go on. */
static int take_line(window *w, ettm_framing *f) {
  const char *stop;
  f->after_cr = 0;
  if (f->line_start && *w->p == '.') {
    if (room_behind_run(w) < 2) {
      return 0;
    }
    replace_octet(w, "..");
    f->line_start = 0;
  }
  stop = find_line_end(w);
  f->line_start &= stop == w->p;
  w->p = stop;
  return w->p == w->end || take_line_end(w, f);
}

void ettm_framing_init(ettm_framing *f) {
  f->line_start = 1;
  f->after_cr = 0;
}

void ettm_framing_write(ettm_framing *f, ettm_str in, size_t *used, char *out, size_t capacity,
                        size_t *made) {
  window w;
  *used = *made = 0;
  if (in.n == 0) {
    return;
  }
  w.p = in.p + (f->after_cr && *in.p == '\n'); /* its CRLF is written */
  w.from = w.p;
  w.end = in.p + (in.n < capacity ? in.n : capacity);
  w.out = out;
  w.out_end = out + capacity;
  w.cr = find(w.p, w.end, '\r');
  f->after_cr = 0;
  while (w.p < w.end && take_line(&w, f)) {
  }
  copy_run(&w);
  *used = (size_t)(w.p - in.p);
  *made = (size_t)(w.out - out);
}

size_t ettm_framing_end(ettm_framing *f, char *out) {
  static const char end[] = "\r\n.\r\n";
  size_t skip = f->line_start ? 2 : 0;
  size_t n = sizeof end - 1 - skip;
  memcpy(out, &end[skip], n);
  ettm_framing_init(f);
  return n;
}
