/* clock_superposed.c - superposed Poisson clocks.
**
** Events are made 1024 at a time: exponential gaps by the block kernel, running sums, then one word of the other stream
** for cell and threshold of the alias table, without a branch, so that the loads of many events overlap. Sums of 32 gaps
** start from 0 and are added to the time so far, kept as hi + lo, so that rounding does not pile up.
** Source of the superposition: e.g. Kingman, Poisson Processes (1993), section 2.2.
*/
#include "process/clock.h"
#include <math.h>

enum { BATCH = PRI_CLOCK_BATCH };

static pri_superposed *of(const peri_clock *c) { return (pri_superposed *)c; }

/* Stretches of 32 are summed from 0 and added to the base. */
void pri_add_gaps(double *t, double *gap, int64_t n, double mean_gap, pri_pair *base) {
  enum { STRETCH = 32 };
  for (int64_t i = 0; i < n; i++) gap[i] *= mean_gap;
  for (int64_t at = 0; at < n; at += STRETCH) {
    int64_t end = at + STRETCH < n ? at + STRETCH : n;
    double s = 0;
    for (int64_t i = at; i < end; i++) t[i] = s += gap[i];
    for (int64_t i = at; i < end; i++) t[i] = base->hi + (base->lo + t[i]);
    *base = pri_add_to(*base, s);
  }
}

void pri_clock_refill(pri_superposed *c) {
  uint64_t w[BATCH];
  c->this = c->next;
  pri_clock_origin *o = &c->next;
  pri_words(&o->times, w, BATCH);
  c->head.cx->k->exponential(c->gap, w, BATCH);
  pri_add_gaps(c->t, c->gap, BATCH, 1 / c->total, &o->base);
  o->count += BATCH;
  if (c->alias) {
    pri_words(&o->choices, w, BATCH);
    for (int i = 0; i < BATCH; i++) c->index[i] = pri_alias_of(c->alias, w[i]);
  }
  c->at = 0, c->filled = BATCH;
}

void pri_clock_pass(pri_superposed *c, int64_t n) {
  c->at += n;
  c->head.count += n;
  c->head.now = c->head.last = (pri_pair){c->t[c->at - 1], 0};
}

static peri_status advance(peri_clock *head, double limit, peri_event *e) {
  pri_superposed *c = of(head);
  if (c->at == c->filled) pri_clock_refill(c);
  int64_t i = c->at;
  if (c->t[i] > limit) {
    *e = pri_wait(head, limit);
    return PERI_OK;
  }
  pri_clock_pass(c, 1);
  *e = (peri_event){c->t[i], c->gap[i], c->index[i]};
  return PERI_OK;
}

/* Copies the next n events. */
static void take(peri_clock *head, int64_t n, double *t, double *gap, int64_t *index) {
  pri_superposed *c = of(head);
  for (int64_t done = 0, m; done < n; done += m) {
    if (c->at == c->filled) pri_clock_refill(c);
    m = c->filled - c->at;
    if (m > n - done) m = n - done;
    if (t) memcpy(t + done, c->t + c->at, (size_t)m * sizeof *t);
    if (gap) memcpy(gap + done, c->gap + c->at, (size_t)m * sizeof *gap);
    if (index) memcpy(index + done, c->index + c->at, (size_t)m * sizeof *index);
    pri_clock_pass(c, m);
  }
}

static double rate(const peri_clock *c) { return of(c)->total; }

static void free_clock(peri_clock *c) {
  peri_alias_free(of(c)->alias);
  peri_free(c->cx, c, sizeof(pri_superposed));
}

/* ---- state: hash of the rates; of the batch its base, the events before it and how many are given out; where the clock stands ---- */

enum { WORDS = 6 };
static int64_t words(const peri_clock *c) { return (void)c, WORDS; }

static const pri_clock_origin *origin_of(const pri_superposed *c) { return c->filled ? &c->this : &c->next; }

static uint64_t word(const peri_clock *head, int64_t i) {
  const pri_superposed *c = of(head);
  const pri_clock_origin *o = origin_of(c);
  const uint64_t w[WORDS] = {c->rates, pri_bits(o->base.hi), pri_bits(o->base.lo), (uint64_t)o->count, (uint64_t)c->at, pri_bits(head->now.hi)};
  return w[i];
}

static peri_stream standing(const peri_stream *s, const pri_rng *g) {
  peri_stream now = *s;
  pri_pcg_store(&now, g->pcg);
  return now;
}

static void streams(const peri_clock *head, peri_stream *times, peri_stream *choices) {
  const pri_superposed *c = of(head);
  *times = standing(&c->times, &origin_of(c)->times);
  *choices = standing(&c->choices, &origin_of(c)->choices);
}

static const char *set_words(peri_clock *head, const uint64_t *w, const peri_stream *times, const peri_stream *choices) {
  pri_superposed *c = of(head);
  double hi = pri_from_bits(w[1]), lo = pri_from_bits(w[2]), now = pri_from_bits(w[5]);
  if (w[0] != c->rates) return "the state is of a clock with other rates";
  if (w[4] > BATCH || w[3] > INT64_MAX - BATCH || !isfinite(hi) || !isfinite(lo) || !isfinite(now)) return "the position is out of range";
  c->times = *times, c->choices = *choices;
  c->next = (pri_clock_origin){{head->cx->k, pri_pcg_of(times), times->output}, {head->cx->k, pri_pcg_of(choices), choices->output}, {hi, lo}, (int64_t)w[3]};
  pri_clock_refill(c);
  c->at = (int64_t)w[4];
  head->count = (int64_t)w[3] + c->at;
  head->now = (pri_pair){now, 0};
  head->last = (pri_pair){c->at > 0 ? c->t[c->at - 1] : hi, 0};
  return NULL;
}

static const pri_clock_kind kind = {.name = "clock", .advance = advance, .take = take, .rate = rate, .words = words, .word = word,
                                    .set_words = set_words, .streams = streams, .free = free_clock};

void pri_clock_restart(pri_superposed *c, peri_stream *s) {
  int64_t which = (int64_t)peri_stream_next(s);
  const pri_kernels *k = c->head.cx->k;
  c->times = peri_stream_sub(s, "times", which);
  c->choices = peri_stream_sub(s, "choices", which);
  c->next = (pri_clock_origin){.times = {k, pri_pcg_of(&c->times), c->times.output}, .choices = {k, pri_pcg_of(&c->choices), c->choices.output}};
  c->at = c->filled = 0;
  c->head.count = 0;
  c->head.now = c->head.last = (pri_pair){0, 0};
}

peri_clock *peri_clock_new(peri_ctx *cx, const double *rates, int64_t m, peri_stream *s) {
  double total = 0;
  if (pri_check_rates(cx, "process.poisson", rates, m, false, &total) != PERI_OK) return NULL;
  peri_clock *head = pri_clock_make(cx, &kind, sizeof(pri_superposed), m);
  if (!head) return NULL;
  pri_superposed *c = of(head);
  c->total = total;
  c->rates = pri_checksum(rates, (size_t)m * sizeof *rates);
  if (m > 1 && !(c->alias = peri_alias_new(cx, "process.poisson", rates, m))) {
    peri_clock_free(head);
    return NULL;
  }
  pri_clock_restart(c, s);
  return head;
}
