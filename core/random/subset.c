/* subset.c - permutations and random subsets of 0 .. n-1.
**
** Permutation: Fisher and Yates' shuffle. Fixed size: Floyd's algorithm (Bentley & Floyd, CACM 30, 1987): for j = n-k .. n-1 draw
** t in 0..j and take t, or j if t is taken already; every k-set is equally likely. What is taken is remembered in a bitmap
** of n bits, or in a hash table of the chosen when that is smaller. Random order is a shuffle of the set afterwards.
** Poisson: the gaps between chosen indices are geometric, so the work is in the size of the subset.
*/
#include "random/random.h"
#include "tensor/tensor.h"
#include <math.h>
#include <stdlib.h>

static pri_rng rng_of(peri_ctx *cx, const peri_stream *s) { return (pri_rng){cx->k, pri_pcg_of(s), s->output}; }

/* Whether to give up: looked at every 2^16 steps of a long loop. */
static bool told_to_stop(peri_ctx *cx, int64_t i) { return (i & 0xffff) == 0 && pri_stopped(cx); }

static peri_status shuffle(peri_ctx *cx, int64_t *v, int64_t n, pri_rng *g) {
  for (int64_t i = n - 1; i > 0; i--) {
    int64_t j = (int64_t)pri_below(g, (uint64_t)i + 1), t = v[i];
    v[i] = v[j], v[j] = t;
    if (told_to_stop(cx, i)) return peri_check_interrupt(cx);
  }
  return PERI_OK;
}

peri_tensor *peri_permutation(peri_ctx *cx, int64_t n, peri_stream *s) {
  if (n < 0) return peri_fail(cx, PERI_ERR_VALUE, "random.permutation: n must not be negative, got %lld", (long long)n), NULL;
  peri_tensor *t = peri_new(cx, PERI_I64, 1, &n);
  if (!t) return NULL;
  int64_t *v = t->data;
  for (int64_t i = 0; i < n; i++) v[i] = i;
  pri_rng g = rng_of(cx, s);
  if (shuffle(cx, v, n, &g) != PERI_OK) return peri_release(t), NULL;
  pri_pcg_store(s, g.pcg);
  return t;
}

/* ---- fixed size ---- */

/* The indices taken so far: bits if table is false, else an open hash table of index + 1, 0 being free. */
typedef struct { uint64_t *at; int64_t slots; bool table; } taken;

static bool take(taken *m, int64_t i) { /* whether i was free; it is taken now */
  if (!m->table) {
    uint64_t bit = 1ull << (i & 63), *w = m->at + (i >> 6);
    bool was_free = !(*w & bit);
    *w |= bit;
    return was_free;
  }
  uint64_t mask = (uint64_t)m->slots - 1, h = ((uint64_t)i * 0x9e3779b97f4a7c15u) >> 20;
  for (;; h++) {
    uint64_t *w = m->at + (h & mask);
    if (*w == (uint64_t)i + 1) return false;
    if (*w == 0) return *w = (uint64_t)i + 1, true;
  }
}

static peri_status floyd(peri_ctx *cx, int64_t *v, int64_t n, int64_t k, taken *m, pri_rng *g) {
  for (int64_t j = n - k, c = 0; j < n; j++) {
    int64_t i = (int64_t)pri_below(g, (uint64_t)j + 1);
    if (!take(m, i)) take(m, i = j);
    v[c++] = i;
    if (told_to_stop(cx, c)) return peri_check_interrupt(cx);
  }
  return PERI_OK;
}

static int by_value(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static void put_in_order(int64_t *v, int64_t k, const taken *m) {
  if (m->table) {
    qsort(v, (size_t)k, sizeof *v, by_value);
    return;
  }
  for (int64_t i = 0; i < m->slots; i++)
    for (uint64_t w = m->at[i]; w; w &= w - 1) *v++ = 64 * i + __builtin_ctzll(w);
}

peri_tensor *peri_subset(peri_ctx *cx, int64_t n, int64_t k, bool increasing, peri_stream *s) {
  if (n < 0 || k < 0 || k > n)
    return peri_fail(cx, PERI_ERR_VALUE, "random.subset: the size must lie in 0..n, got %lld of n = %lld", (long long)k, (long long)n), NULL;
  peri_tensor *t = peri_new(cx, PERI_I64, 1, &k);
  if (!t || k == 0) return t;
  taken m = {.slots = 4};
  while (m.slots < 2 * k) m.slots *= 2;
  m.table = m.slots < (n - 1) / 64 + 1;
  if (!m.table) m.slots = (n - 1) / 64 + 1;
  size_t bytes = (size_t)m.slots * sizeof *m.at;
  m.at = peri_alloc(cx, bytes);
  if (!m.at) return peri_release(t), NULL;
  memset(m.at, 0, bytes);
  pri_rng g = rng_of(cx, s);
  peri_status st = floyd(cx, t->data, n, k, &m, &g);
  if (st == PERI_OK && increasing) put_in_order(t->data, k, &m);
  else if (st == PERI_OK) st = shuffle(cx, t->data, k, &g);
  peri_free(cx, m.at, bytes);
  if (st != PERI_OK) return peri_release(t), NULL;
  pri_pcg_store(s, g.pcg);
  return t;
}

peri_tensor *peri_subset_replaced(peri_ctx *cx, int64_t n, int64_t k, peri_stream *s) {
  if (k < 0 || n < 0 || (n == 0 && k > 0))
    return peri_fail(cx, PERI_ERR_VALUE, "random.subset: cannot draw %lld with replacement from n = %lld", (long long)k, (long long)n), NULL;
  peri_tensor *t = peri_new(cx, PERI_I64, 1, &k);
  if (t && k > 0 && peri_fill(t, s, peri_integers(0, n - 1)) != PERI_OK) return peri_release(t), NULL;
  return t;
}

/* ---- Poisson ---- */

/* A growing list; doubling keeps the copying in proportion. */
typedef struct { peri_ctx *cx; int64_t *at, n, room; } list;

static bool grow(list *l) {
  int64_t room = 2 * l->room;
  int64_t *at = peri_alloc(l->cx, (size_t)room * sizeof *at);
  if (!at) return false;
  memcpy(at, l->at, (size_t)l->n * sizeof *at);
  peri_free(l->cx, l->at, (size_t)l->room * sizeof *at);
  l->at = at, l->room = room;
  return true;
}

/* Index i + 1 + floor(E / -log(1 - q)) follows i, E exponential: one word an index, and one for the end. Words are drawn ahead in
** blocks; the generator is left behind the last one used. */
static peri_status skip_along(list *l, int64_t n, double q, pri_rng *g) {
  enum { AHEAD = 256 };
  uint64_t w[AHEAD];
  double e[AHEAD], per = -1 / pri_log1p(g, -q); /* q = 1: 0 */
  pri_pcg start = g->pcg;
  int64_t i = 0;
  for (bool done = false; !done;) {
    int64_t m = l->room - l->n;
    m = m < 8 ? 8 : m > AHEAD ? AHEAD : m;
    pri_words(g, w, m);
    g->k->exponential(e, w, m);
    for (int64_t c = 0; c < m && !done; c++) {
      double gap = floor(e[c] * per);
      if ((done = gap >= (double)(n - i))) break;
      i += (int64_t)gap;
      if (l->n == l->room && !grow(l)) return PERI_ERR_MEMORY;
      l->at[l->n++] = i++;
    }
    if (pri_stopped(l->cx)) return peri_check_interrupt(l->cx);
  }
  g->pcg = start;
  pri_pcg_advance(&g->pcg, g->output, (pri_u128)l->n + 1);
  return PERI_OK;
}

peri_tensor *peri_poisson_subset(peri_ctx *cx, int64_t n, double q, peri_stream *s) {
  if (n < 0) return peri_fail(cx, PERI_ERR_VALUE, "random.poisson_subset: n must not be negative, got %lld", (long long)n), NULL;
  if (!(q >= 0 && q <= 1)) return peri_fail(cx, PERI_ERR_VALUE, "random.poisson_subset: q must lie in [0, 1], got %.15g", q), NULL;
  double expected = (double)n * q;
  if (expected > 0x1p48) return peri_fail(cx, PERI_ERR_MEMORY, "random.poisson_subset: a subset of about %g indices does not fit", expected), NULL;
  list l = {.cx = cx, .room = (int64_t)(expected + 6 * sqrt(expected)) + 16};
  l.at = peri_alloc(cx, (size_t)l.room * sizeof *l.at);
  if (!l.at) return NULL;
  pri_rng g = rng_of(cx, s);
  peri_tensor *t = NULL;
  if (q == 0 || skip_along(&l, n, q, &g) == PERI_OK) t = peri_from(cx, PERI_I64, 1, &l.n, l.at);
  peri_free(cx, l.at, (size_t)l.room * sizeof *l.at);
  if (t) pri_pcg_store(s, g.pcg);
  return t;
}
