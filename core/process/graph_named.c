/* graph_named.c - lines, cycles, grids and tori, complete graphs, stars, trees, hypercubes, and where to draw their nodes. */
#include "process/graph.h"
#include <math.h>
#include <string.h>

typedef long long ll;

/* g with the position of node i from place(i, n, x), dim coordinates; frees g on error. */
typedef void place_fn(int64_t i, int64_t n, double *x);
static peri_graph *placed(peri_graph *g, int dim, place_fn *place) {
  if (!g) return NULL;
  g->position = pri_doubles(g->cx, g->n * dim);
  if (!g->position) return peri_graph_free(g), NULL;
  g->dim = dim, g->placement = PERI_PLACED_GIVEN;
  for (int64_t i = 0; i < g->n; i++) place(i, g->n, g->position + i * dim);
  return g;
}

static void at_index(int64_t i, int64_t n, double *x) { (void)n, x[0] = (double)i; }
static void on_circle(int64_t i, int64_t n, double *x) {
  double a = 2 * 3.141592653589793 * (double)i / (double)n;
  x[0] = cos(a), x[1] = sin(a);
}
static void around_first(int64_t i, int64_t n, double *x) {
  if (i == 0) x[0] = x[1] = 0;
  else on_circle(i - 1, n - 1, x);
}

peri_graph *peri_graph_line(peri_ctx *cx, int64_t n) {
  pri_edges e;
  if (pri_check_nodes(cx, "process.graph.line", n) || pri_edges_start(&e, cx, n)) return NULL;
  for (int64_t i = 0; i + 1 < n; i++) e.u[i] = i, e.v[i] = i + 1;
  e.m = n - 1;
  return placed(pri_edges_graph(&e, n), 1, at_index);
}

peri_graph *peri_graph_cycle(peri_ctx *cx, int64_t n) {
  pri_edges e;
  if (n < 3) return peri_fail(cx, PERI_ERR_VALUE, "process.graph.cycle: a cycle has at least 3 nodes, got %lld", (ll)n), NULL;
  if (pri_check_nodes(cx, "process.graph.cycle", n) || pri_edges_start(&e, cx, n)) return NULL;
  for (int64_t i = 0; i < n; i++) e.u[i] = i, e.v[i] = (i + 1) % n;
  e.m = n;
  peri_graph *g = placed(pri_edges_graph(&e, n), 2, on_circle);
  if (g) g->placement = PERI_PLACED_ON_CIRCLE;
  return g;
}

peri_graph *peri_graph_complete(peri_ctx *cx, int64_t n) {
  pri_edges e;
  if (pri_check_nodes(cx, "process.graph.complete", n) || pri_edges_start(&e, cx, n * (n - 1) / 2)) return NULL;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = i + 1; j < n; j++)
      if (pri_edges_add(&e, i, j)) return pri_edges_free(&e), NULL;
  peri_graph *g = placed(pri_edges_graph(&e, n), 2, on_circle);
  if (g) g->placement = PERI_PLACED_ON_CIRCLE;
  return g;
}

peri_graph *peri_graph_star(peri_ctx *cx, int64_t n) {
  pri_edges e;
  if (pri_check_nodes(cx, "process.graph.star", n) || pri_edges_start(&e, cx, n)) return NULL;
  for (int64_t i = 1; i < n; i++) e.u[i - 1] = 0, e.v[i - 1] = i;
  e.m = n - 1;
  return placed(pri_edges_graph(&e, n), 2, around_first);
}

/* Layer by layer below the root, each node at the middle of its share of the width. */
static void place_tree(peri_graph *g, int64_t arity) {
  double width = 1; /* nodes of a full layer */
  for (int64_t layer = 0, first = 0; first < g->n; layer++, width *= (double)arity) {
    int64_t count = width < (double)(g->n - first) ? (int64_t)width : g->n - first;
    for (int64_t k = 0; k < count; k++) {
      double *x = g->position + 2 * (first + k);
      x[0] = ((double)k + 0.5) / width, x[1] = -(double)layer;
    }
    first += count;
  }
}
static void nowhere(int64_t i, int64_t n, double *x) { (void)i, (void)n, x[0] = x[1] = 0; }

peri_graph *peri_graph_tree(peri_ctx *cx, int64_t n, int64_t arity) {
  pri_edges e;
  if (arity < 1) return peri_fail(cx, PERI_ERR_VALUE, "process.graph.tree: the arity must be at least 1, got %lld", (ll)arity), NULL;
  if (pri_check_nodes(cx, "process.graph.tree", n) || pri_edges_start(&e, cx, n)) return NULL;
  for (int64_t i = 1; i < n; i++) e.u[i - 1] = (i - 1) / arity, e.v[i - 1] = i;
  e.m = n - 1;
  peri_graph *g = placed(pri_edges_graph(&e, n), 2, nowhere);
  if (g) place_tree(g, arity);
  return g;
}

/* ---- boxes ---- */

/* Edges of the box along its axis of length d, whose neighbours lie `stride` apart; n points in all. */
static peri_status join_axis(pri_edges *e, int64_t n, int64_t d, int64_t stride, bool torus) {
  for (int64_t i = 0; i < n; i++) {
    int64_t k = i / stride % d;
    if (k + 1 < d && pri_edges_add(e, i, i + stride)) return peri_errcode(e->cx);
    if (k + 1 == d && torus && d > 2 && pri_edges_add(e, i - (d - 1) * stride, i)) return peri_errcode(e->cx);
  }
  return PERI_OK;
}

static peri_graph *box_graph(peri_ctx *cx, int nd, const int64_t *dims, int64_t n, bool torus) {
  pri_edges e;
  if (pri_edges_start(&e, cx, n * nd)) return NULL;
  int64_t stride = n;
  for (int a = 0; a < nd; a++) {
    stride /= dims[a];
    if (join_axis(&e, n, dims[a], stride, torus)) return pri_edges_free(&e), NULL;
  }
  return pri_edges_graph(&e, n);
}

peri_graph *peri_graph_grid(peri_ctx *cx, int nd, const int64_t *dims, bool torus) {
  const char *who = torus ? "process.graph.torus" : "process.graph.grid";
  int64_t n = 1;
  if (nd < 1 || nd > PERI_MAXDIM) return peri_fail(cx, PERI_ERR_VALUE, "%s: 1 .. %d sides are needed, got %d", who, PERI_MAXDIM, nd), NULL;
  for (int a = 0; a < nd; a++) {
    if (dims[a] < 1) return peri_fail(cx, PERI_ERR_VALUE, "%s: side %d is %lld; it must be at least 1", who, a + 1, (ll)dims[a]), NULL;
    if (dims[a] > PRI_NODES / n) return peri_fail(cx, PERI_ERR_VALUE, "%s: more than %lld nodes", who, (ll)PRI_NODES), NULL;
    n *= dims[a];
  }
  peri_graph *g = box_graph(cx, nd, dims, n, torus);
  if (!g) return NULL;
  g->position = pri_doubles(cx, n * nd);
  if (!g->position) return peri_graph_free(g), NULL;
  g->dim = nd, g->placement = PERI_PLACED_GIVEN;
  for (int64_t i = 0; i < n; i++)
    for (int64_t a = nd - 1, rest = i; a >= 0; rest /= dims[a--]) g->position[i * nd + a] = (double)(rest % dims[a]);
  return g;
}

peri_graph *peri_graph_hypercube(peri_ctx *cx, int d) {
  int64_t two[30];
  if (d < 0 || d > 30) return peri_fail(cx, PERI_ERR_VALUE, "process.graph.hypercube: the dimension must lie in 0 .. 30, got %d", d), NULL;
  for (int a = 0; a < 30; a++) two[a] = 2;
  return box_graph(cx, d, two, (int64_t)1 << d, false);
}
