/* clock_heap.c - clocks in a heap of their next times: rates may change, and a clock may be told when to ring.
**
** The heap is a tournament: a complete binary tree whose leaf i is the next time of clock i and whose inner nodes hold the earlier of their two
** children, so the root is the next event. A leaf that changes replays its games up to the root, log2 m of them, against opponents that are
** known beforehand: no load waits for a comparison, unlike in a heap that moves its entries. Times are positive, so the bits of their leading
** halves compare as integers; the trailing halves decide only between equal ones, and the smaller index between equal times.
**
** A new rate w' at time s turns what is left, an exponential of rate w, into one of rate w' by the factor w / w': no draw is wasted.
** Source: Gibson & Bruck (2000), J. Phys. Chem. A 104 (the next reaction method); Knuth, The Art of Computer Programming 3, section 5.4.1.
*/
#include "process/clock.h"
#include <math.h>

typedef struct { int64_t hi; double lo; int64_t who; } entry; /* bits of the time's leading half; its trailing half; the clock */

typedef struct {
  peri_clock head;
  int64_t leaves;     /* a power of two >= m */
  entry *node;        /* 2 leaves: node 1 is the root, the children of q are 2q and 2q + 1, leaf i is leaves + i */
  double *rate;
  uint8_t *scheduled; /* the next time of this clock was given, not drawn */
  pri_draws draws;
} heap;

static heap *of(const peri_clock *c) { return (heap *)c; }
static const entry never = {.hi = 0x7ff0000000000000, .lo = 0, .who = 0};

static pri_pair time_of(const entry *e) { return (pri_pair){pri_from_bits((uint64_t)e->hi), e->lo}; }

/* Whether the opponent of the winner so far wins; `right` says that the winner so far plays from the right. */
static inline bool loses(entry winner, entry opponent, bool right) {
  if (__builtin_expect(opponent.hi == winner.hi, 0)) return opponent.lo < winner.lo || (opponent.lo == winner.lo && right);
  return opponent.hi < winner.hi;
}

/* Leaf i is now e. */
static inline void replay(heap *h, int64_t i, entry e) {
  int64_t p = h->leaves + i;
  h->node[p] = e;
  for (; p > 1; p >>= 1) {
    entry other = h->node[p ^ 1];
    bool l = loses(e, other, p & 1);
    e.hi = l ? other.hi : e.hi, e.lo = l ? other.lo : e.lo, e.who = l ? other.who : e.who;
    h->node[p >> 1] = e;
  }
}

static void play_all(heap *h) {
  for (int64_t q = h->leaves - 1; q > 0; q--) {
    entry a = h->node[2 * q], b = h->node[2 * q + 1];
    h->node[q] = loses(a, b, false) ? b : a;
  }
}

static entry entry_of(pri_pair t, int64_t i) { return (entry){(int64_t)pri_bits(t.hi), t.lo, i}; }

/* The next time of clock i, drawn from where the clock stands. */
static entry drawn(heap *h, int64_t i) {
  if (h->rate[i] == 0) return (entry){never.hi, 0, i};
  return entry_of(pri_add_to(h->head.now, pri_exponential(&h->draws) / h->rate[i]), i);
}

static peri_status advance(peri_clock *c, double limit, peri_event *e) {
  heap *h = of(c);
  entry top = h->node[1];
  pri_pair t = time_of(&top);
  if (!(t.hi <= limit) || top.hi == never.hi) {
    if (limit == INFINITY) return pri_never_rings(c);
    *e = pri_wait(c, limit);
    return PERI_OK;
  }
  *e = pri_ring(c, t, top.who);
  h->scheduled[top.who] = 0;
  replay(h, top.who, drawn(h, top.who));
  return PERI_OK;
}

static peri_status set_rate(peri_clock *c, int64_t i, double rate) {
  heap *h = of(c);
  double old = h->rate[i];
  h->rate[i] = rate;
  if (h->scheduled[i] || rate == old) return PERI_OK;
  entry e = h->node[h->leaves + i];
  if (old > 0 && rate > 0) replay(h, i, entry_of(pri_add_to(c->now, pri_since(time_of(&e), c->now) * (old / rate)), i));
  else replay(h, i, drawn(h, i));
  return PERI_OK;
}

static peri_status schedule(peri_clock *c, int64_t i, double t) {
  of(c)->scheduled[i] = 1;
  replay(of(c), i, entry_of((pri_pair){t, 0}, i));
  return PERI_OK;
}

static double rate_of(const peri_clock *c, int64_t i) { return of(c)->rate[i]; }
static double rate(const peri_clock *c) {
  double sum = 0;
  for (int64_t i = 0; i < c->m; i++) sum += of(c)->rate[i];
  return sum;
}

static void free_clock(peri_clock *c) {
  heap *h = of(c);
  if (h->node) peri_free(c->cx, h->node, 2 * (size_t)h->leaves * sizeof *h->node);
  if (h->rate) peri_free(c->cx, h->rate, (size_t)c->m * sizeof *h->rate);
  if (h->scheduled) peri_free(c->cx, h->scheduled, (size_t)c->m);
  peri_free(c->cx, c, sizeof *h);
}

/* ---- state: the head, then rate, next time and whether it was given for each clock ---- */

enum { EACH = 4 };
static int64_t words(const peri_clock *c) { return PRI_HEAD_WORDS + EACH * c->m; }

static uint64_t word(const peri_clock *c, int64_t k) {
  const heap *h = of(c);
  if (k < PRI_HEAD_WORDS) return pri_head_word(c, k);
  int64_t i = (k - PRI_HEAD_WORDS) / EACH;
  const entry *leaf = &h->node[h->leaves + i];
  const uint64_t w[EACH] = {pri_bits(h->rate[i]), (uint64_t)leaf->hi, pri_bits(leaf->lo), h->scheduled[i]};
  return w[(k - PRI_HEAD_WORDS) % EACH];
}

static const char *set_words(peri_clock *c, const uint64_t *w, const peri_stream *times, const peri_stream *choices) {
  heap *h = of(c);
  bool fits = pri_head_fits(w);
  (void)choices;
  for (int64_t i = 0; fits && i < c->m; i++) {
    const uint64_t *v = w + PRI_HEAD_WORDS + EACH * i;
    double r = pri_from_bits(v[0]), hi = pri_from_bits(v[1]), lo = pri_from_bits(v[2]);
    fits = r >= 0 && r < INFINITY && hi >= pri_from_bits(w[1]) && isfinite(lo) && v[3] <= 1;
  }
  if (!fits) return "the position is out of range";
  pri_set_head(c, w);
  pri_draws_start(c->cx, &h->draws, *times);
  for (int64_t i = 0; i < c->m; i++) {
    const uint64_t *v = w + PRI_HEAD_WORDS + EACH * i;
    h->rate[i] = pri_from_bits(v[0]);
    h->node[h->leaves + i] = (entry){(int64_t)v[1], pri_from_bits(v[2]), i};
    h->scheduled[i] = (uint8_t)v[3];
  }
  play_all(h);
  return NULL;
}

/* There are no choices: the second stream is the first. */
static void streams(const peri_clock *c, peri_stream *times, peri_stream *choices) { *times = *choices = pri_draws_position(&of(c)->draws); }

static const pri_clock_kind kind = {.name = "heap", .advance = advance, .rate = rate, .rate_of = rate_of, .set_rate = set_rate, .schedule = schedule,
                                    .words = words, .word = word, .set_words = set_words, .streams = streams, .free = free_clock};

static bool allocate(heap *h) {
  peri_ctx *cx = h->head.cx;
  for (h->leaves = 1; h->leaves < h->head.m;) h->leaves *= 2;
  return (h->node = peri_alloc(cx, 2 * (size_t)h->leaves * sizeof *h->node)) && (h->rate = peri_alloc(cx, (size_t)h->head.m * sizeof *h->rate)) &&
         (h->scheduled = peri_alloc(cx, (size_t)h->head.m));
}

peri_clock *peri_heap_new(peri_ctx *cx, const double *rates, int64_t m, peri_stream *s) {
  double total;
  if (pri_check_rates(cx, "process.heap", rates, m, true, &total)) return NULL;
  peri_clock *c = pri_clock_make(cx, &kind, sizeof(heap), m);
  if (!c) return NULL;
  heap *h = of(c);
  if (!allocate(h)) return peri_clock_free(c), NULL;
  memcpy(h->rate, rates, (size_t)m * sizeof *rates);
  memset(h->scheduled, 0, (size_t)m);
  pri_draws_start(cx, &h->draws, peri_stream_sub(s, "times", (int64_t)peri_stream_next(s)));
  for (int64_t i = 0; i < h->leaves; i++) h->node[h->leaves + i] = i < m ? drawn(h, i) : (entry){never.hi, 0, i};
  play_all(h);
  return c;
}
