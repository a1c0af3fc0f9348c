/* clock.h - what the kinds of clocks share: a head, times of twice the precision, buffered draws.
**
** A clock is a source of events. `advance` gives the next one if it lies at or before a limit; otherwise it moves the clock to the limit, and what
** follows later is the same as if nobody had looked. The position as a state is a list of words, one function giving them and one taking them,
** and the two streams.
*/
#ifndef PRI_CLOCK_H
#define PRI_CLOCK_H

#include <perigee/process.h>
#include "random/random.h"

/* hi + lo, |lo| at most half a unit in the last place of hi: the time so far does not lose small gaps. */
typedef struct { double hi, lo; } pri_pair;

static inline pri_pair pri_two_sum(double a, double b) {
  double s = a + b, t = s - a;
  return (pri_pair){s, (a - (s - t)) + (b - t)};
}
static inline pri_pair pri_add_to(pri_pair a, double x) {
  pri_pair s = pri_two_sum(a.hi, x);
  return pri_two_sum(s.hi, s.lo + a.lo);
}
static inline double pri_since(pri_pair a, pri_pair b) { return (a.hi - b.hi) + (a.lo - b.lo); } /* a - b */

static inline uint64_t pri_bits(double x) {
  uint64_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}
static inline double pri_from_bits(uint64_t u) {
  double x;
  memcpy(&x, &u, sizeof x);
  return x;
}

/* Exponential variates of mean 1 from a stream, one word each, made some at a time; the stream's position is that of the variates given out. */
enum { PRI_DRAWS = 256 };
typedef struct { peri_stream stream; pri_rng from; int at, filled; double x[PRI_DRAWS]; } pri_draws;
void pri_draws_start(peri_ctx *cx, pri_draws *d, peri_stream s);
void pri_draws_refill(pri_draws *d);
peri_stream pri_draws_position(const pri_draws *d);
static inline double pri_exponential(pri_draws *d) {
  if (d->at == d->filled) pri_draws_refill(d);
  return d->x[d->at++];
}

/* What a clock draws from that needs exponential gaps and, beside them, uniform numbers for what is decided at an event. */
typedef struct { pri_draws gaps; peri_stream stream; pri_rng choices; } pri_sources; /* stream: key and increment of the choices */
void pri_sources_start(peri_ctx *cx, pri_sources *r, peri_stream *parent); /* its next word chooses them */
void pri_sources_set(peri_ctx *cx, pri_sources *r, const peri_stream *times, const peri_stream *choices);
void pri_sources_position(const pri_sources *r, peri_stream *times, peri_stream *choices);

typedef struct {
  const char *name; /* "heap": in states and messages */
  peri_status (*advance)(peri_clock *c, double limit, peri_event *e); /* e->index = -1: nothing up to the limit */
  void (*take)(peri_clock *c, int64_t n, double *t, double *gap, int64_t *index); /* the next n, some pointers NULL; or NULL: one by one */
  double (*rate)(const peri_clock *c);
  double (*rate_of)(const peri_clock *c, int64_t i);                  /* or NULL */
  peri_status (*set_rate)(peri_clock *c, int64_t i, double rate);     /* or NULL */
  peri_status (*schedule)(peri_clock *c, int64_t i, double t);        /* or NULL */
  int64_t (*words)(const peri_clock *c);                              /* of a state, beside the streams */
  uint64_t (*word)(const peri_clock *c, int64_t i);
  const char *(*set_words)(peri_clock *c, const uint64_t *w, const peri_stream *times, const peri_stream *choices); /* NULL, or what is wrong */
  void (*streams)(const peri_clock *c, peri_stream *times, peri_stream *choices); /* where they stand */
  void (*free)(peri_clock *c);
} pri_clock_kind;

struct peri_clock {
  const pri_clock_kind *kind;
  peri_ctx *cx;
  int64_t m, count;    /* clocks; events so far */
  pri_pair now, last;  /* where the clock stands; its last event */
};

/* A clock of `bytes`, zeroed but for kind, context and m. */
peri_clock *pri_clock_make(peri_ctx *cx, const pri_clock_kind *kind, size_t bytes, int64_t m);

/* The event at time t of clock i: notes it in the head. */
static inline peri_event pri_ring(peri_clock *c, pri_pair t, int64_t i) {
  peri_event e = {t.hi, pri_since(t, c->last), i};
  c->now = c->last = t;
  c->count++;
  return e;
}
/* Nothing up to the limit. */
static inline peri_event pri_wait(peri_clock *c, double limit) {
  if (limit > c->now.hi) c->now = (pri_pair){limit, 0};
  return (peri_event){limit, 0, -1};
}
/* The head's own words of a state: count, now, last. */
enum { PRI_HEAD_WORDS = 5 };
uint64_t pri_head_word(const peri_clock *c, int64_t i);
bool pri_head_fits(const uint64_t *w); /* whether they can be taken */
void pri_set_head(peri_clock *c, const uint64_t *w);

peri_status pri_never_rings(peri_clock *c); /* PERI_ERR_STATE: no clock has a rate, nothing is scheduled */

/* rates[i] finite and > 0 (or >= 0 if zero is allowed), their sum in range: PERI_ERR_VALUE in the name of `who`, naming the rate. */
peri_status pri_check_rates(peri_ctx *cx, const char *who, const double *rates, int64_t m, bool zero, double *total);

/* ---- superposed clocks (clock_superposed.c), for loops over their events that go through whole batches ---- */

enum { PRI_CLOCK_BATCH = 1024 };

/* What a batch is made from: enough to make it again. */
typedef struct {
  pri_rng times, choices;
  pri_pair base; /* time of the last event before the batch */
  int64_t count; /* events before it */
} pri_clock_origin;

typedef struct {
  peri_clock head;
  double total;
  uint64_t rates;              /* hash: a state fits clocks of the same rates only */
  peri_alias *alias;           /* NULL if m = 1 */
  peri_stream times, choices;  /* for their keys and increments; positions are in the origins */
  pri_clock_origin this, next; /* of the present batch and of the one after it */
  int64_t at, filled;          /* events given out of this batch; 0 or PRI_CLOCK_BATCH */
  double t[PRI_CLOCK_BATCH], gap[PRI_CLOCK_BATCH];
  int64_t index[PRI_CLOCK_BATCH];
} pri_superposed;

/* The clock as peri_clock_new would make it from s, whose next word is used; nothing is allocated. */
void pri_clock_restart(pri_superposed *c, peri_stream *s);
/* t, gap and index of the next PRI_CLOCK_BATCH events, at = 0. */
void pri_clock_refill(pri_superposed *c);
/* n >= 1 events of the batch have been seen. */
void pri_clock_pass(pri_superposed *c, int64_t n);

/* gap[i] *= mean_gap; t[i] = base + gap[0] + ... + gap[i]; base moves along. */
void pri_add_gaps(double *t, double *gap, int64_t n, double mean_gap, pri_pair *base);

#endif
