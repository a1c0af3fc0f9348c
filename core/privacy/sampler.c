/* sampler.c - batches drawn record by record.
**
** Poisson: the cells (record, step), laid out record after record, are each chosen with probability q; gaps between chosen cells are
** geometric, so the work is in the pairs. Balls and bins: one uniform step a record. Every pair has a random key, from another stream;
** keeping the `most` pairs of least key of a step keeps a uniformly random subset. Step and key share 64 bits, so that of m pairs two have
** equal keys with probability below m^2 2^-41; the smaller record then comes first.
*/
#include "privacy/sampler.h"
#include "tensor/tensor.h"
#include <math.h>

enum { AHEAD = 256, LEAST_MEMORY = 1 << 16, MOST_STEPS = 1 << 24 };

/* ---- drawing ---- */

static inline peri_status emit(peri_pairs *p, int64_t step, int64_t record, uint64_t key) {
  if (p->n == p->room && pri_spill(p)) return p->cx->code;
  p->pairs[p->n++] = (pri_pair){(uint64_t)step << p->shift | key >> (64 - p->shift), record};
  p->total++;
  return PERI_OK;
}

static peri_status draw_poisson(peri_pairs *p, pri_rng *cells, pri_rng *keys) {
  uint64_t w[AHEAD], key[AHEAD];
  double e[AHEAD], per = -1 / pri_log1p(cells, -p->plan.rate); /* rate 1: 0 */
  int64_t T = p->plan.steps, left = p->plan.records * T, step = 0, record = 0;
  for (;;) {
    pri_words(cells, w, AHEAD);
    cells->k->exponential(e, w, AHEAD);
    pri_words(keys, key, AHEAD);
    for (int c = 0; c < AHEAD; c++) {
      double gap = floor(e[c] * per);
      if (gap >= (double)left) return PERI_OK;
      left -= (int64_t)gap + 1;
      step += (int64_t)gap;
      if (step >= T) record += step / T, step %= T;
      if (emit(p, step, record, key[c])) return p->cx->code;
      if (++step == T) step = 0, record++;
    }
    if (pri_stopped(p->cx)) return peri_check_interrupt(p->cx);
  }
}

static peri_status draw_once(peri_pairs *p, pri_rng *cells, pri_rng *keys) {
  for (int64_t i = 0; i < p->plan.records; i++) {
    if (emit(p, (int64_t)pri_below(cells, (uint64_t)p->plan.steps), i, pri_next(keys))) return p->cx->code;
    if ((i & 0xffff) == 0 && pri_stopped(p->cx)) return peri_check_interrupt(p->cx);
  }
  return PERI_OK;
}

/* ---- making ---- */

static peri_status check(peri_ctx *cx, const peri_pairs_plan *o) {
  static const char who[] = "privacy.pairs";
  if (o->records < 1) return peri_fail(cx, PERI_ERR_VALUE, "%s: the number of records must be at least 1, got %lld", who, (long long)o->records);
  if (o->steps < 1 || o->steps > MOST_STEPS) return peri_fail(cx, PERI_ERR_VALUE, "%s: the number of steps must lie in 1..2^24, got %lld; draw an epoch at a time", who, (long long)o->steps);
  if (o->records > ((int64_t)1 << 62) / o->steps) return peri_fail(cx, PERI_ERR_VALUE, "%s: %lld records times %lld steps exceed 2^62", who, (long long)o->records, (long long)o->steps);
  if (!o->once && !(o->rate >= 0 && o->rate <= 1)) return peri_fail(cx, PERI_ERR_VALUE, "%s: the rate must lie in [0, 1], got %.15g", who, o->rate);
  if (o->most < 0) return peri_fail(cx, PERI_ERR_VALUE, "%s: the largest batch must not be negative, got %lld", who, (long long)o->most);
  if (o->memory < LEAST_MEMORY) return peri_fail(cx, PERI_ERR_VALUE, "%s: the memory must be at least %d bytes, got %zu", who, LEAST_MEMORY, o->memory);
  return PERI_OK;
}

static peri_status draw(peri_pairs *p, const peri_stream *s) {
  peri_stream a = peri_stream_sub(s, "cells", 0), b = peri_stream_sub(s, "keys", 0);
  pri_rng cells = {p->cx->k, pri_pcg_of(&a), a.output}, keys = {p->cx->k, pri_pcg_of(&b), b.output};
  if (p->plan.once) return draw_once(p, &cells, &keys);
  return p->plan.rate == 0 ? PERI_OK : draw_poisson(p, &cells, &keys);
}

/* Room for all pairs, with six standard deviations to spare, if the budget holds them twice; else for what it does hold twice. */
static int64_t room_of(const peri_pairs_plan *o) {
  double n = (double)o->records, expected = o->once ? n : n * (double)o->steps * o->rate, most = (double)(o->memory / (2 * sizeof(pri_pair)));
  return (int64_t)fmin(expected + 6 * sqrt(expected) + 16, most);
}

peri_pairs *peri_pairs_draw(peri_ctx *cx, const peri_pairs_plan *plan, const peri_stream *s) {
  peri_pairs_plan o = *plan;
  if (!o.memory) o.memory = (size_t)256 << 20;
  if (!o.dir) o.dir = "/tmp";
  if (check(cx, &o)) return NULL;
  peri_pairs *p = peri_alloc(cx, sizeof *p);
  if (!p) return NULL;
  *p = (peri_pairs){.cx = cx, .plan = o, .shift = 63, .file.fd = -1, .room = room_of(&o)};
  while ((int64_t)1 << (64 - p->shift) < o.steps) p->shift--;
  p->pairs = peri_alloc(cx, (size_t)p->room * sizeof *p->pairs);
  p->other = p->pairs ? peri_alloc(cx, (size_t)p->room * sizeof *p->other) : NULL;
  if (!p->other || draw(p, s) || pri_merge_begin(p)) return peri_pairs_free(p), NULL;
  p->plan.dir = NULL; /* the caller's text; no run is written from here on */
  return p;
}

void peri_pairs_free(peri_pairs *p) {
  if (!p) return;
  for (int64_t i = 0; p->spilled && i < p->run_count; i++)
    if (p->runs[i].buffer) peri_free(p->cx, p->runs[i].buffer, PRI_RUN_BLOCK * sizeof(pri_pair));
  if (p->pairs) peri_free(p->cx, p->pairs, (size_t)p->room * sizeof *p->pairs);
  if (p->other) peri_free(p->cx, p->other, (size_t)p->room * sizeof *p->other);
  if (p->heap) peri_free(p->cx, p->heap, (size_t)p->run_count * sizeof *p->heap);
  if (p->runs) peri_free(p->cx, p->runs, (size_t)p->run_room * sizeof *p->runs);
  pri_scratch_close(&p->file);
  peri_free(p->cx, p, sizeof *p);
}

int64_t peri_pairs_runs(const peri_pairs *p) { return p->spilled ? p->run_count : 0; }
int64_t peri_pairs_left(const peri_pairs *p) { return p->plan.steps - p->step; }

/* ---- reading ---- */

/* A growing list of records. */
typedef struct { peri_ctx *cx; int64_t *at, n, room; } list;

static peri_status append(list *l, int64_t record) {
  if (l->n == l->room) {
    int64_t room = l->room ? 2 * l->room : 64;
    int64_t *at = peri_alloc(l->cx, (size_t)room * sizeof *at);
    if (!at) return l->cx->code;
    if (l->at) {
      memcpy(at, l->at, (size_t)l->n * sizeof *at);
      peri_free(l->cx, l->at, (size_t)l->room * sizeof *at);
    }
    l->at = at, l->room = room;
  }
  l->at[l->n++] = record;
  return PERI_OK;
}

/* Room at once for what is to come. */
static peri_status expect(list *l, int64_t room) {
  l->room = room;
  l->at = peri_alloc(l->cx, (size_t)room * sizeof *l->at);
  return l->at ? PERI_OK : l->cx->code;
}

static peri_status take_step(peri_pairs *p, list *l, int64_t *drawn) {
  const pri_pair *x;
  int64_t count = 0, most = p->plan.most ? p->plan.most : INT64_MAX;
  for (; (x = pri_merge_least(p)) && (int64_t)(x->order >> p->shift) == p->step; count++) {
    if (count < most && append(l, x->record)) return p->cx->code;
    if (pri_merge_advance(p)) return p->cx->code;
  }
  p->step++;
  p->taken += count;
  if (drawn) *drawn = count;
  return pri_stopped(p->cx) ? peri_check_interrupt(p->cx) : PERI_OK;
}

static peri_tensor *records_of(list *l, peri_status st) {
  static const int64_t none;
  peri_tensor *t = st ? NULL : peri_from(l->cx, PERI_I64, 1, &l->n, l->n ? l->at : &none);
  if (l->at) peri_free(l->cx, l->at, (size_t)l->room * sizeof *l->at);
  return t;
}

peri_tensor *peri_pairs_next(peri_pairs *p, int64_t *drawn) {
  list l = {.cx = p->cx};
  if (p->step == p->plan.steps) return peri_fail(p->cx, PERI_ERR_STATE, "privacy.pairs: all %lld steps have been taken", (long long)p->plan.steps), NULL;
  return records_of(&l, take_step(p, &l, drawn));
}

peri_tensor *peri_pairs_rest(peri_pairs *p, peri_tensor **starts) {
  list l = {.cx = p->cx};
  int64_t steps = peri_pairs_left(p), count = steps + 1;
  *starts = peri_new(p->cx, PERI_I64, 1, &count);
  if (!*starts) return NULL;
  peri_status st = expect(&l, p->total - p->taken);
  for (int64_t t = 0; t < steps && !st; t++) {
    ((int64_t *)(*starts)->data)[t] = l.n;
    st = take_step(p, &l, NULL);
  }
  ((int64_t *)(*starts)->data)[steps] = l.n;
  peri_tensor *records = records_of(&l, st);
  if (!records) peri_release(*starts), *starts = NULL;
  return records;
}
