/* clock.h - the inside of a superposed Poisson clock, for loops over its events that go through whole batches. */
#ifndef PRI_CLOCK_H
#define PRI_CLOCK_H

#include <perigee/process.h>
#include "random/random.h"

enum { PRI_CLOCK_BATCH = 1024 };

typedef struct { double hi, lo; } pri_pair;

/* What a batch is made from: enough to make it again. */
typedef struct {
  pri_rng times, choices;
  pri_pair base;     /* time of the last event before the batch */
  int64_t count; /* events before it */
} pri_clock_origin;

struct peri_clock {
  peri_ctx *cx;
  int64_t m;
  double total;
  uint64_t rates;     /* hash: a state fits clocks of the same rates only */
  peri_alias *alias;  /* NULL if m = 1 */
  peri_stream times, choices; /* for their keys and increments; positions are in the origins */
  pri_clock_origin this, next;  /* of the present batch and of the one after it */
  int64_t at, filled; /* events given out of this batch; 0 or PRI_CLOCK_BATCH */
  double last;
  double t[PRI_CLOCK_BATCH], gap[PRI_CLOCK_BATCH];
  int64_t index[PRI_CLOCK_BATCH];
};

/* The clock as peri_clock_new would make it from s, whose next word is used; nothing is allocated. */
void pri_clock_restart(peri_clock *c, peri_stream *s);

/* t, gap and index of the next PRI_CLOCK_BATCH events, at = 0. The caller that walks through them sets at and last. */
void pri_clock_refill(peri_clock *c);

#endif
