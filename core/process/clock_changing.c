/* clock_changing.c - superposed clocks whose rates change: O(log m) for an event and for a change.
**
** One exponential of the total rate gives the next time, a tree of sums which clock it is: leaf i holds rate i, an inner node the sum of its
** two children, and a uniform number below the root finds its leaf on the way down. A change adds up the sums on the way to the root
** anew, so they depend on the rates alone and do not drift with the number of changes, as the differences that a Fenwick tree adds do.
** A change at time s of the total from W to W' turns what is left of the gap into an exponential of rate W' by the factor W / W'.
** Source: Wong & Easton (1980), SIAM J. Comput. 9; Fenwick (1994), Software: Practice and Experience 24, for the idea of partial sums.
*/
#include "process/clock.h"
#include <math.h>

typedef struct {
  peri_clock head;
  int64_t leaves;  /* a power of two >= m */
  double *sum;     /* 2 leaves; the root is sum[1] */
  pri_pair due;    /* the next event; infinite while the total is 0 */
  double hazard;   /* then: what is left of the gap in units of 1 / rate */
  pri_sources random;
} changing;

static changing *of(const peri_clock *c) { return (changing *)c; }

static double total(const changing *h) { return h->sum[1]; }

static void set_leaf(changing *h, int64_t i, double rate) {
  int64_t p = h->leaves + i;
  h->sum[p] = rate;
  for (p >>= 1; p > 0; p >>= 1) h->sum[p] = h->sum[2 * p] + h->sum[2 * p + 1];
}

static void add_all(changing *h) {
  for (int64_t p = h->leaves - 1; p > 0; p--) h->sum[p] = h->sum[2 * p] + h->sum[2 * p + 1];
}

/* The leaf below which u in (0, total) falls; one of positive rate even if rounding leads u astray. */
static int64_t find(const changing *h, double u) {
  int64_t p = 1;
  while (p < h->leaves) {
    double left = h->sum[2 * p];
    bool right = (u >= left && h->sum[2 * p + 1] > 0) || left == 0;
    u = right ? u - left : u;
    p = 2 * p + right;
  }
  return p - h->leaves;
}

/* `hazard` of exponential time is left at where the clock stands. */
static void set_due(changing *h, double hazard) {
  bool ever = total(h) > 0;
  h->due = ever ? pri_add_to(h->head.now, hazard / total(h)) : (pri_pair){INFINITY, 0};
  h->hazard = ever ? 0 : hazard;
}

static peri_status advance(peri_clock *c, double limit, peri_event *e) {
  changing *h = of(c);
  if (!(h->due.hi <= limit) || h->due.hi == INFINITY) {
    if (limit == INFINITY) return pri_never_rings(c);
    *e = pri_wait(c, limit);
    return PERI_OK;
  }
  *e = pri_ring(c, h->due, find(h, pri_open(&h->random.choices) * total(h)));
  set_due(h, pri_exponential(&h->random.gaps));
  return PERI_OK;
}

static peri_status set_rate(peri_clock *c, int64_t i, double rate) {
  changing *h = of(c);
  double left = total(h) > 0 ? pri_since(h->due, c->now) * total(h) : h->hazard, old = h->sum[h->leaves + i];
  set_leaf(h, i, rate);
  if (!isfinite(total(h))) {
    set_leaf(h, i, old);
    return peri_fail(c->cx, PERI_ERR_VALUE, "process.set_rate: with the rate %g the total is out of range", rate);
  }
  set_due(h, left);
  return PERI_OK;
}

static double rate_of(const peri_clock *c, int64_t i) { return of(c)->sum[of(c)->leaves + i]; }
static double rate(const peri_clock *c) { return total(of(c)); }

static void free_clock(peri_clock *c) {
  changing *h = of(c);
  if (h->sum) peri_free(c->cx, h->sum, 2 * (size_t)h->leaves * sizeof *h->sum);
  peri_free(c->cx, c, sizeof *h);
}

/* ---- state: the head, the next time, what is left of a gap, the rates ---- */

enum { FIXED = PRI_HEAD_WORDS + 3 };
static int64_t words(const peri_clock *c) { return FIXED + c->m; }

static uint64_t word(const peri_clock *c, int64_t k) {
  const changing *h = of(c);
  if (k < PRI_HEAD_WORDS) return pri_head_word(c, k);
  if (k >= FIXED) return pri_bits(rate_of(c, k - FIXED));
  return pri_bits(k == PRI_HEAD_WORDS ? h->due.hi : k == PRI_HEAD_WORDS + 1 ? h->due.lo : h->hazard);
}

static const char *set_words(peri_clock *c, const uint64_t *w, const peri_stream *times, const peri_stream *choices) {
  changing *h = of(c);
  double hi = pri_from_bits(w[PRI_HEAD_WORDS]), lo = pri_from_bits(w[PRI_HEAD_WORDS + 1]), hazard = pri_from_bits(w[PRI_HEAD_WORDS + 2]), sum = 0;
  bool fits = pri_head_fits(w) && hi >= pri_from_bits(w[1]) && isfinite(lo) && isfinite(hazard);
  for (int64_t i = 0; fits && i < c->m; i++) {
    double r = pri_from_bits(w[FIXED + i]);
    sum += r;
    fits = r >= 0 && isfinite(sum);
  }
  if (!fits || (sum > 0) != (hi < INFINITY)) return "the position is out of range";
  pri_set_head(c, w);
  pri_sources_set(c->cx, &h->random, times, choices);
  h->due = (pri_pair){hi, lo}, h->hazard = hazard;
  for (int64_t i = 0; i < c->m; i++) h->sum[h->leaves + i] = pri_from_bits(w[FIXED + i]);
  add_all(h);
  return NULL;
}

static void streams(const peri_clock *c, peri_stream *times, peri_stream *choices) { pri_sources_position(&of(c)->random, times, choices); }

static const pri_clock_kind kind = {.name = "changing", .advance = advance, .rate = rate, .rate_of = rate_of, .set_rate = set_rate,
                                    .words = words, .word = word, .set_words = set_words, .streams = streams, .free = free_clock};

peri_clock *peri_changing_new(peri_ctx *cx, const double *rates, int64_t m, peri_stream *s) {
  double sum;
  if (pri_check_rates(cx, "process.changing", rates, m, true, &sum)) return NULL;
  peri_clock *c = pri_clock_make(cx, &kind, sizeof(changing), m);
  if (!c) return NULL;
  changing *h = of(c);
  for (h->leaves = 1; h->leaves < m;) h->leaves *= 2;
  h->sum = peri_alloc(cx, 2 * (size_t)h->leaves * sizeof *h->sum);
  if (!h->sum) return peri_clock_free(c), NULL;
  for (int64_t i = 0; i < h->leaves; i++) h->sum[h->leaves + i] = i < m ? rates[i] : 0;
  add_all(h);
  pri_sources_start(cx, &h->random, s);
  set_due(h, pri_exponential(&h->random.gaps));
  return c;
}
