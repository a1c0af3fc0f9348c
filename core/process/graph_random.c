/* graph_random.c - random graphs: regular, Erdos-Renyi, preferential attachment, geometric.
**
** Pairs i < j are numbered row by row, so a set of pairs is a set of integers and comes from the samplers of subsets: geometric skips for
** G(n, p), Batagelj & Brandes (2005), Phys. Rev. E 71, and a set of given size for G(n, m).
** Regular: n d half-edges in random pairs, drawn anew until there are neither loops nor repetitions: then all regular graphs are equally likely.
** That happens with probability about exp(-(d^2 - 1) / 4), so after a number of trials a pair that is a loop or repeats another one swaps
** partners with a random pair until none is left, over a hash table of the pairs present. Preferential attachment: a uniform draw from the list of all ends of edges so far is a
** draw in proportion to the degrees. Geometric: points in cells of side r or more, so that only neighbouring cells are searched.
*/
#include "process/graph.h"
#include "random/random.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef long long ll;

/* ---- pairs as integers ---- */

/* The graph whose edges are the pairs of these increasing numbers; frees the tensor. */
static peri_graph *graph_of_pairs(peri_ctx *cx, int64_t n, peri_tensor *which) {
  if (!which) return NULL;
  pri_edges e;
  const int64_t *k = which->data;
  peri_status st = pri_edges_start(&e, cx, which->size);
  for (int64_t i = 0, first = 0, at = 0; !st && at < which->size; at++) { /* row i holds the n - 1 - i numbers from `first` on */
    while (k[at] >= first + n - 1 - i) first += n - 1 - i++;
    st = pri_edges_add(&e, i, i + 1 + k[at] - first);
    if (st) pri_edges_free(&e);
  }
  peri_release(which);
  return st ? NULL : pri_edges_graph(&e, n);
}

/* Puts the stream back where it was if there is no graph. */
static peri_graph *or_back(peri_graph *g, peri_stream *s, const peri_stream *before) {
  if (!g) *s = *before;
  return g;
}

peri_graph *peri_graph_gnp(peri_ctx *cx, int64_t n, double p, peri_stream *s) {
  static const char who[] = "process.graph.erdos_renyi";
  if (pri_check_nodes(cx, who, n)) return NULL;
  if (!(p >= 0 && p <= 1)) return peri_fail(cx, PERI_ERR_VALUE, "%s: p must lie in [0, 1], got %.15g", who, p), NULL;
  peri_stream before = *s;
  return or_back(graph_of_pairs(cx, n, peri_poisson_subset(cx, n * (n - 1) / 2, p, s)), s, &before);
}

peri_graph *peri_graph_gnm(peri_ctx *cx, int64_t n, int64_t m, peri_stream *s) {
  static const char who[] = "process.graph.erdos_renyi";
  if (pri_check_nodes(cx, who, n)) return NULL;
  int64_t pairs = n * (n - 1) / 2;
  if (m < 0 || m > pairs) return peri_fail(cx, PERI_ERR_VALUE, "%s: %lld nodes have room for 0 .. %lld edges, got m = %lld", who, (ll)n, (ll)pairs, (ll)m), NULL;
  peri_stream before = *s;
  return or_back(graph_of_pairs(cx, n, peri_subset(cx, pairs, m, true, s)), s, &before);
}

/* ---- regular ---- */

/* A set of pairs by open addressing; keys i n + j + 1 with i < j, 0 for empty, deletions by moving back (Knuth, section 6.4, algorithm R). */
typedef struct { uint64_t *key, mask; int64_t n; } pair_set;

static uint64_t key_of(const pair_set *t, int64_t i, int64_t j) {
  return i < j ? (uint64_t)i * (uint64_t)t->n + (uint64_t)j + 1 : (uint64_t)j * (uint64_t)t->n + (uint64_t)i + 1;
}
static uint64_t cell_of(const pair_set *t, uint64_t key) { return key * 0x9e3779b97f4a7c15u >> 17 & t->mask; }
static bool has(const pair_set *t, int64_t i, int64_t j) {
  uint64_t key = key_of(t, i, j), c = cell_of(t, key);
  while (t->key[c] && t->key[c] != key) c = (c + 1) & t->mask;
  return t->key[c] == key;
}
static void insert(pair_set *t, int64_t i, int64_t j) {
  uint64_t key = key_of(t, i, j), c = cell_of(t, key);
  while (t->key[c]) c = (c + 1) & t->mask;
  t->key[c] = key;
}
static void delete(pair_set *t, int64_t i, int64_t j) {
  uint64_t key = key_of(t, i, j), hole = cell_of(t, key);
  while (t->key[hole] != key) hole = (hole + 1) & t->mask;
  for (uint64_t c = (hole + 1) & t->mask; t->key[c]; c = (c + 1) & t->mask) {
    uint64_t home = cell_of(t, t->key[c]);
    if (((c - home) & t->mask) < ((c - hole) & t->mask)) continue; /* its home lies behind the hole */
    t->key[hole] = t->key[c];
    hole = c;
  }
  t->key[hole] = 0;
}

typedef struct { peri_ctx *cx; pri_rng *g; pair_set set; int64_t m, *u, *v, *bad, bads; uint8_t *present; } pairing;

static void shuffle_ends(pairing *p, int64_t d) {
  int64_t points = 2 * p->m;
  for (int64_t k = 0; k < points; k++) *(k % 2 ? &p->v[k / 2] : &p->u[k / 2]) = k / d;
  for (int64_t k = points - 1; k > 0; k--) {
    int64_t r = (int64_t)pri_below(p->g, (uint64_t)k + 1);
    int64_t *a = k % 2 ? &p->v[k / 2] : &p->u[k / 2], *b = r % 2 ? &p->v[r / 2] : &p->u[r / 2], t = *a;
    *a = *b, *b = t;
  }
}

/* Pairs that may stay into the set, the others into the list of bad ones; or, if one bad pair is enough, up to the first of them. */
static void sort_out(pairing *p, bool one_is_enough) {
  memset(p->set.key, 0, (size_t)(p->set.mask + 1) * sizeof *p->set.key);
  p->bads = 0;
  for (int64_t e = 0; e < p->m; e++) {
    p->present[e] = p->u[e] != p->v[e] && !has(&p->set, p->u[e], p->v[e]);
    if (p->present[e]) insert(&p->set, p->u[e], p->v[e]);
    else p->bad[p->bads++] = e;
    if (p->bads && one_is_enough) return;
  }
}

/* The bad pair e takes a partner of the good pair f and gives its own, if both new pairs may stay. */
static bool swap_partners(pairing *p, int64_t e, int64_t f, bool crossed) {
  int64_t a = p->u[e], b = p->v[e], c = crossed ? p->v[f] : p->u[f], d = crossed ? p->u[f] : p->v[f];
  if (e == f || !p->present[f] || a == d || b == c || has(&p->set, a, d) || has(&p->set, c, b)) return false;
  if ((a == c && b == d) || (a == b && c == d)) return false; /* the two new pairs would be the same */
  delete(&p->set, c, d);
  p->u[e] = a, p->v[e] = d, p->u[f] = c, p->v[f] = b;
  insert(&p->set, a, d);
  insert(&p->set, c, b);
  p->present[e] = true;
  return true;
}

static peri_status draw_pairing(pairing *p, int64_t d) {
  int64_t trials = 20000000 / (p->m + 1);
  if (trials > 1000) trials = 1000;
  for (;;) {
    shuffle_ends(p, d);
    sort_out(p, trials > 0);
    if (p->bads > 0 && trials-- > 0) continue;
    int64_t patience = 100 * p->m + 10000; /* then again from the start */
    while (p->bads > 0 && patience-- > 0) {
      uint64_t r = pri_below(p->g, 2 * (uint64_t)p->m);
      if (swap_partners(p, p->bad[p->bads - 1], (int64_t)(r / 2), r % 2)) p->bads--;
    }
    if (p->bads == 0) return PERI_OK;
    if (pri_stopped(p->cx)) return peri_check_interrupt(p->cx);
  }
}

/* Each edge with its smaller end first, the edges in order, so that the graph does not show how it was found. */
static int by_ends(const void *a, const void *b) {
  const int64_t *x = a, *y = b;
  if (x[0] != y[0]) return x[0] < y[0] ? -1 : 1;
  return (x[1] > y[1]) - (x[1] < y[1]);
}
static peri_graph *graph_of_pairing(pairing *p, int64_t n) {
  int64_t *both = pri_integers(p->cx, 2 * p->m);
  if (!both) return NULL;
  for (int64_t e = 0; e < p->m; e++) {
    bool swap = p->u[e] > p->v[e];
    both[2 * e] = swap ? p->v[e] : p->u[e], both[2 * e + 1] = swap ? p->u[e] : p->v[e];
  }
  qsort(both, (size_t)p->m, 2 * sizeof *both, by_ends);
  for (int64_t e = 0; e < p->m; e++) p->u[e] = both[2 * e], p->v[e] = both[2 * e + 1];
  pri_drop(p->cx, both, 2 * p->m);
  return peri_graph_new(p->cx, n, p->m, p->u, p->v, NULL);
}

static peri_graph *sparse_regular(peri_ctx *cx, int64_t n, int64_t d, pri_rng *g) {
  int64_t m = n * d / 2, cells = 16;
  while (cells < 2 * m) cells *= 2;
  pairing p = {.cx = cx, .g = g, .m = m, .set = {.mask = (uint64_t)cells - 1, .n = n}};
  p.u = pri_integers(cx, m);
  p.v = p.u ? pri_integers(cx, m) : NULL;
  p.bad = p.v ? pri_integers(cx, m) : NULL;
  p.set.key = p.bad ? peri_alloc(cx, (size_t)cells * sizeof *p.set.key) : NULL;
  p.present = p.set.key ? peri_alloc(cx, (size_t)m) : NULL;
  peri_graph *r = p.present && draw_pairing(&p, d) == PERI_OK ? graph_of_pairing(&p, n) : NULL;
  if (p.present) peri_free(cx, p.present, (size_t)m);
  pri_drop(cx, p.set.key, cells);
  pri_drop(cx, p.bad, m), pri_drop(cx, p.v, m), pri_drop(cx, p.u, m);
  return r;
}

/* The pairs that g has not; frees g. */
static peri_graph *complement(peri_graph *g) {
  pri_edges e;
  if (!g) return NULL;
  peri_status st = pri_edges_start(&e, g->cx, g->n * (g->n - 1) / 2 - g->m);
  if (st) return peri_graph_free(g), NULL;
  for (int64_t i = 0; !st && i < g->n; i++)
    for (int64_t j = i + 1, k = g->start[i]; !st && j < g->n; j++) {
      while (k < g->start[i + 1] && g->neighbour[k] < j) k++;
      if (k == g->start[i + 1] || g->neighbour[k] != j) st = pri_edges_add(&e, i, j);
    }
  peri_graph *c = NULL;
  if (st) pri_edges_free(&e);
  else c = pri_edges_graph(&e, g->n);
  peri_graph_free(g);
  return c;
}

peri_graph *peri_graph_regular(peri_ctx *cx, int64_t n, int64_t d, peri_stream *s) {
  static const char who[] = "process.graph.random_regular";
  if (pri_check_nodes(cx, who, n)) return NULL;
  if (d < 0 || d >= n) return peri_fail(cx, PERI_ERR_VALUE, "%s: the degree must lie in 0 .. n - 1 = %lld, got %lld", who, (ll)n - 1, (ll)d), NULL;
  if (n % 2 && d % 2) return peri_fail(cx, PERI_ERR_VALUE, "%s: n d is the number of ends of edges and must be even, got n = %lld, d = %lld", who, (ll)n, (ll)d), NULL;
  pri_rng g = {cx->k, pri_pcg_of(s), s->output};
  bool dense = 2 * d > n - 1; /* then its complement, which is as uniform, has fewer clashes */
  peri_graph *r = sparse_regular(cx, n, dense ? n - 1 - d : d, &g);
  if (dense) r = complement(r);
  if (r) pri_pcg_store(s, g.pcg);
  return r;
}

/* ---- preferential attachment ---- */

static peri_status join_core(pri_edges *e, int64_t nodes) {
  for (int64_t i = 0; i < nodes; i++)
    for (int64_t j = i + 1; j < nodes; j++)
      if (pri_edges_add(e, i, j)) return peri_errcode(e->cx);
  return PERI_OK;
}

/* An end of one of the first `edges` edges. */
static int64_t some_end(const pri_edges *e, int64_t edges, pri_rng *g) {
  uint64_t r = pri_below(g, 2 * (uint64_t)edges);
  return r % 2 ? e->v[r / 2] : e->u[r / 2];
}

/* Node i joined to k different older ones. chosen_by[j] = i marks a node as taken. */
static peri_status attach(pri_edges *e, int64_t i, int64_t k, int64_t *chosen_by, pri_rng *g) {
  int64_t edges = e->m;
  while (e->m < edges + k) {
    int64_t j = some_end(e, edges, g);
    if (chosen_by[j] == i) continue;
    chosen_by[j] = i;
    if (pri_edges_add(e, j, i)) return peri_errcode(e->cx);
  }
  return PERI_OK;
}

peri_graph *peri_graph_barabasi_albert(peri_ctx *cx, int64_t n, int64_t k, peri_stream *s) {
  static const char who[] = "process.graph.barabasi_albert";
  pri_edges e;
  if (pri_check_nodes(cx, who, n)) return NULL;
  if (k < 1 || k >= n) return peri_fail(cx, PERI_ERR_VALUE, "%s: the edges of a new node must be 1 .. n - 1 = %lld, got %lld", who, (ll)n - 1, (ll)k), NULL;
  int64_t *chosen_by = pri_integers(cx, n);
  if (!chosen_by) return NULL;
  memset(chosen_by, 0, (size_t)n * sizeof *chosen_by);
  pri_rng g = {cx->k, pri_pcg_of(s), s->output};
  peri_status st = pri_edges_start(&e, cx, k * (k + 1) / 2 + (n - k - 1) * k);
  if (!st) {
    st = join_core(&e, k + 1);
    for (int64_t i = k + 1; !st && i < n; i++) st = attach(&e, i, k, chosen_by, &g);
    if (st) pri_edges_free(&e);
  }
  pri_drop(cx, chosen_by, n);
  peri_graph *r = st ? NULL : pri_edges_graph(&e, n);
  if (r) pri_pcg_store(s, g.pcg);
  return r;
}
