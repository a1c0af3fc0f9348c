/* clock_thinned.c - a clock whose rate is a function of time, by thinning.
**
** Candidates come at a rate b that bounds the function, and one at time t is an event with probability rate(t) / b. The bound holds up to a
** horizon, at which a candidate that would come later is forgotten and the next bound asked for; exponentials have no memory. A
** candidate that is due stays due when the clock is stopped before it, so stops leave no trace.
** Source: Lewis & Shedler (1979), Naval Research Logistics Quarterly 26.
*/
#include "process/clock.h"
#include <math.h>

typedef struct {
  peri_clock head;
  peri_rate_function f;
  double bound, horizon; /* horizon = now: a bound is to be asked for */
  pri_pair from, due;    /* how far candidates are drawn; the next one, infinite: none is drawn */
  pri_sources random;
} thinned;

static thinned *of(const peri_clock *c) { return (thinned *)c; }
static const pri_pair none = {INFINITY, 0};

static peri_status bad(peri_clock *c, const char *what, double t, double value) {
  return peri_fail(c->cx, PERI_ERR_VALUE, "process.inhomogeneous: the %s at time %.15g is %.15g; it must be finite and not negative", what, t, value);
}

static peri_status ask_bound(thinned *h) {
  double t = h->from.hi, until = INFINITY;
  peri_status st = h->f.bound(h->f.ud, t, &h->bound, &until);
  if (st) return st;
  if (!(h->bound >= 0 && h->bound < INFINITY)) return bad(&h->head, "bound", t, h->bound);
  if (!(until > t)) return peri_fail(h->head.cx, PERI_ERR_VALUE, "process.inhomogeneous: the bound at time %.15g must hold until later than that, got %.15g", t, until);
  h->horizon = until;
  return PERI_OK;
}

/* The next candidate before the limit, or none with `from` at the limit. */
static peri_status find_candidate(thinned *h, double limit) {
  while (h->due.hi == INFINITY) {
    peri_status st = h->from.hi >= h->horizon ? ask_bound(h) : PERI_OK;
    if (st) return st;
    if (h->bound > 0) h->due = pri_add_to(h->from, pri_exponential(&h->random.gaps) / h->bound);
    if (h->due.hi <= h->horizon && h->due.hi < INFINITY) return PERI_OK;
    h->due = none;
    if (h->horizon == INFINITY) return limit == INFINITY ? pri_never_rings(&h->head) : PERI_OK;
    if (h->horizon > limit) { /* nothing before the horizon, so nothing before the limit: remembered by from */
      h->from = (pri_pair){h->horizon, 0};
      return PERI_OK;
    }
    h->from = (pri_pair){h->horizon, 0};
    if (pri_stopped(h->head.cx)) return peri_check_interrupt(h->head.cx);
  }
  return PERI_OK;
}

static peri_status accept(thinned *h, double t, bool *yes) {
  double r;
  peri_status st = h->f.rate(h->f.ud, t, &r);
  if (st) return st;
  if (!(r >= 0 && r < INFINITY)) return bad(&h->head, "rate", t, r);
  if (r > h->bound * (1 + 1e-12)) /* rounding of the function */
    return peri_fail(h->head.cx, PERI_ERR_VALUE, "process.inhomogeneous: the rate at time %.15g is %.15g, above its bound %.15g", t, r, h->bound);
  *yes = pri_open(&h->random.choices) * h->bound < r;
  return PERI_OK;
}

static peri_status advance(peri_clock *c, double limit, peri_event *e) {
  thinned *h = of(c);
  for (int64_t k = 1;; k++) {
    peri_status st = h->from.hi <= limit ? find_candidate(h, limit) : PERI_OK;
    if (st) return st;
    if (!(h->due.hi <= limit) || h->due.hi == INFINITY) {
      *e = pri_wait(c, limit);
      return PERI_OK;
    }
    bool yes = false;
    if ((st = accept(h, h->due.hi, &yes))) return st;
    h->from = h->due, h->due = none;
    if (yes) {
      *e = pri_ring(c, h->from, 0);
      return PERI_OK;
    }
    if (k % 1024 == 0 && pri_stopped(c->cx)) return peri_check_interrupt(c->cx);
  }
}

static double rate(const peri_clock *c) { return of(c)->bound; }
static void free_clock(peri_clock *c) { peri_free(c->cx, c, sizeof(thinned)); }

/* ---- state: the head, bound and horizon, how far candidates are drawn, the one that is due ---- */

enum { WORDS = PRI_HEAD_WORDS + 6 };
static int64_t words(const peri_clock *c) { return (void)c, WORDS; }

static uint64_t word(const peri_clock *c, int64_t k) {
  const thinned *h = of(c);
  if (k < PRI_HEAD_WORDS) return pri_head_word(c, k);
  const double x[6] = {h->bound, h->horizon, h->from.hi, h->from.lo, h->due.hi, h->due.lo};
  return pri_bits(x[k - PRI_HEAD_WORDS]);
}

static const char *set_words(peri_clock *c, const uint64_t *w, const peri_stream *times, const peri_stream *choices) {
  thinned *h = of(c);
  double x[6];
  bool fits = pri_head_fits(w);
  for (int k = 0; k < 6; k++) x[k] = pri_from_bits(w[PRI_HEAD_WORDS + k]), fits = fits && !isnan(x[k]);
  if (!fits || x[0] < 0 || !isfinite(x[0]) || x[1] < 0 || !isfinite(x[2]) || !isfinite(x[3]) || !isfinite(x[5]) || x[4] < 0) return "the position is out of range";
  pri_set_head(c, w);
  h->bound = x[0], h->horizon = x[1], h->from = (pri_pair){x[2], x[3]}, h->due = (pri_pair){x[4], x[5]};
  pri_sources_set(c->cx, &h->random, times, choices);
  return NULL;
}

static void streams(const peri_clock *c, peri_stream *times, peri_stream *choices) { pri_sources_position(&of(c)->random, times, choices); }

static const pri_clock_kind kind = {.name = "inhomogeneous", .advance = advance, .rate = rate, .words = words, .word = word, .set_words = set_words,
                                    .streams = streams, .free = free_clock};

peri_clock *peri_inhomogeneous_new(peri_ctx *cx, peri_rate_function f, peri_stream *s) {
  peri_clock *c = pri_clock_make(cx, &kind, sizeof(thinned), 1);
  if (!c) return NULL;
  thinned *h = of(c);
  h->f = f, h->due = none;
  pri_sources_start(cx, &h->random, s);
  return c;
}
