/* graph.c - the graph itself: checked edges, the neighbours of each node, rates, positions, components.
**
** The lists of neighbours come from two passes of a bucket sort: the ends of all edges in buckets by node, then, going through the
** buckets in order, each node handed to its neighbours, so that every list ends up ascending. Repeated edges then stand side by side.
** Components by union and find with halved paths (Tarjan & van Leeuwen 1984); their labels count first nodes.
*/
#include "process/graph.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef long long ll;

peri_status pri_check_nodes(peri_ctx *cx, const char *who, int64_t n) {
  if (n >= 1 && n <= PRI_NODES) return PERI_OK;
  return peri_fail(cx, PERI_ERR_VALUE, "%s: the number of nodes must lie in 1 .. %lld, got %lld", who, (ll)PRI_NODES, (ll)n);
}

/* ---- a growing list of edges ---- */

peri_status pri_edges_start(pri_edges *e, peri_ctx *cx, int64_t room) {
  *e = (pri_edges){.cx = cx, .room = room < 16 ? 16 : room};
  e->u = pri_integers(cx, e->room);
  e->v = e->u ? pri_integers(cx, e->room) : NULL;
  if (e->v) return PERI_OK;
  pri_edges_free(e);
  return peri_errcode(cx);
}

static peri_status grow(pri_edges *e) {
  pri_edges more;
  if (pri_edges_start(&more, e->cx, 2 * e->room)) return peri_errcode(e->cx);
  memcpy(more.u, e->u, (size_t)e->m * sizeof *e->u);
  memcpy(more.v, e->v, (size_t)e->m * sizeof *e->v);
  more.m = e->m;
  pri_edges_free(e);
  *e = more;
  return PERI_OK;
}

peri_status pri_edges_add(pri_edges *e, int64_t u, int64_t v) {
  if (e->m == e->room && grow(e)) return peri_errcode(e->cx);
  e->u[e->m] = u;
  e->v[e->m++] = v;
  if (e->m % 65536 == 0 && pri_stopped(e->cx)) return peri_check_interrupt(e->cx);
  return PERI_OK;
}

void pri_edges_free(pri_edges *e) {
  pri_drop(e->cx, e->u, e->room);
  pri_drop(e->cx, e->v, e->room);
  e->u = e->v = NULL;
}

peri_graph *pri_edges_graph(pri_edges *e, int64_t n) {
  peri_graph *g = peri_graph_new(e->cx, n, e->m, e->u, e->v, NULL);
  pri_edges_free(e);
  return g;
}

/* ---- checks ---- */

static peri_status check_ends(peri_ctx *cx, int64_t n, int64_t m, const int64_t *u, const int64_t *v) {
  for (int64_t e = 0; e < m; e++) {
    int64_t bad = u[e] < 0 || u[e] >= n ? u[e] : v[e];
    if (bad < 0 || bad >= n)
      return peri_fail(cx, PERI_ERR_VALUE, "process.graph: edge %lld leads to node %lld, but the nodes are 1 .. %lld", (ll)e + 1, (ll)bad + 1, (ll)n);
    if (u[e] == v[e]) return peri_fail(cx, PERI_ERR_VALUE, "process.graph: edge %lld joins node %lld to itself", (ll)e + 1, (ll)u[e] + 1);
  }
  return PERI_OK;
}

static peri_status check_weights(peri_ctx *cx, int64_t m, const double *w) {
  double total = 0;
  for (int64_t e = 0; e < m; e++) {
    if (!(w[e] > 0 && w[e] < INFINITY))
      return peri_fail(cx, PERI_ERR_VALUE, "process.graph: the rate of edge %lld is %.15g; rates must be positive and finite", (ll)e + 1, w[e]);
    total += w[e];
  }
  if (m == 0 || (isfinite(total) && isfinite(1 / total))) return PERI_OK;
  return peri_fail(cx, PERI_ERR_VALUE, "process.graph: the total rate %g is out of range", total);
}

/* ---- neighbours ---- */

static void count_starts(const peri_graph *g, int64_t *start) {
  memset(start, 0, (size_t)(g->n + 1) * sizeof *start);
  for (int64_t e = 0; e < g->m; e++) start[g->u[e] + 1]++, start[g->v[e] + 1]++;
  for (int64_t i = 0; i < g->n; i++) start[i + 1] += start[i];
}

/* at: scratch (n); first: scratch (2m), edges by node in their own order. */
static void list_neighbours(peri_graph *g, int64_t *at, int64_t *first) {
  count_starts(g, g->start);
  memcpy(at, g->start, (size_t)g->n * sizeof *at);
  for (int64_t e = 0; e < g->m; e++) first[at[g->u[e]]++] = e, first[at[g->v[e]]++] = e;
  memcpy(at, g->start, (size_t)g->n * sizeof *at);
  for (int64_t i = 0; i < g->n; i++)
    for (int64_t k = g->start[i]; k < g->start[i + 1]; k++) {
      int64_t e = first[k], j = g->u[e] == i ? g->v[e] : g->u[e];
      g->neighbour[at[j]] = i;
      g->edge[at[j]++] = e;
    }
}

static peri_status check_repeats(const peri_graph *g) {
  for (int64_t i = 0; i < g->n; i++)
    for (int64_t k = g->start[i] + 1; k < g->start[i + 1]; k++)
      if (g->neighbour[k] == g->neighbour[k - 1]) {
        ll a = g->edge[k - 1], b = g->edge[k];
        return peri_fail(g->cx, PERI_ERR_VALUE, "process.graph: edge %lld repeats edge %lld, between nodes %lld and %lld; give one with the sum of the rates",
                         (a > b ? a : b) + 1, (a < b ? a : b) + 1, (ll)i + 1, (ll)g->neighbour[k] + 1);
      }
  return PERI_OK;
}

static peri_status index_edges(peri_graph *g) {
  int64_t *at = pri_integers(g->cx, g->n), *first = at ? pri_integers(g->cx, 2 * g->m) : NULL;
  if (first) list_neighbours(g, at, first);
  pri_drop(g->cx, first, 2 * g->m);
  pri_drop(g->cx, at, g->n);
  return first ? check_repeats(g) : peri_errcode(g->cx);
}

/* ---- making and freeing ---- */

static bool allocate(peri_graph *g) {
  return (g->u = pri_integers(g->cx, g->m)) && (g->v = pri_integers(g->cx, g->m)) && (g->w = pri_doubles(g->cx, g->m)) &&
         (g->start = pri_integers(g->cx, g->n + 1)) && (g->neighbour = pri_integers(g->cx, 2 * g->m)) &&
         (g->edge = pri_integers(g->cx, 2 * g->m));
}

peri_graph *peri_graph_new(peri_ctx *cx, int64_t n, int64_t m, const int64_t *u, const int64_t *v, const double *w) {
  if (pri_check_nodes(cx, "process.graph", n)) return NULL;
  if (m < 0) return peri_fail(cx, PERI_ERR_VALUE, "process.graph: the number of edges must not be negative, got %lld", (ll)m), NULL;
  if (check_ends(cx, n, m, u, v) || (w && check_weights(cx, m, w))) return NULL;
  peri_graph *g = peri_alloc(cx, sizeof *g);
  if (!g) return NULL;
  memset(g, 0, sizeof *g);
  g->cx = cx, g->n = n, g->m = m;
  if (!allocate(g)) return peri_graph_free(g), NULL;
  if (m > 0) memcpy(g->u, u, (size_t)m * sizeof *u), memcpy(g->v, v, (size_t)m * sizeof *v);
  for (int64_t e = 0; e < m; e++) g->w[e] = w ? w[e] : 1 / (double)m;
  if (index_edges(g)) return peri_graph_free(g), NULL;
  return g;
}

peri_graph *peri_graph_copy(const peri_graph *g) {
  peri_graph *c = peri_graph_new(g->cx, g->n, g->m, g->u, g->v, g->w);
  if (!c) return NULL;
  c->placement = g->placement;
  if (!g->position || peri_graph_place(c, g->dim, g->position) == PERI_OK) return c;
  return peri_graph_free(c), NULL;
}

void peri_graph_free(peri_graph *g) {
  if (!g) return;
  pri_drop(g->cx, g->u, g->m), pri_drop(g->cx, g->v, g->m), pri_drop(g->cx, g->w, g->m);
  pri_drop(g->cx, g->start, g->n + 1);
  pri_drop(g->cx, g->neighbour, 2 * g->m), pri_drop(g->cx, g->edge, 2 * g->m);
  pri_drop(g->cx, g->position, g->n * g->dim);
  peri_free(g->cx, g, sizeof *g);
}

peri_status peri_graph_set_weights(peri_graph *g, const double *w) {
  if (check_weights(g->cx, g->m, w)) return peri_errcode(g->cx);
  if (g->m > 0) memcpy(g->w, w, (size_t)g->m * sizeof *w);
  return PERI_OK;
}

peri_status peri_graph_place(peri_graph *g, int dim, const double *position) {
  if (dim < 1 || dim > PERI_MAXDIM)
    return peri_fail(g->cx, PERI_ERR_VALUE, "process.graph: positions have 1 .. %d coordinates, got %d", PERI_MAXDIM, dim);
  for (int64_t k = 0; k < g->n * dim; k++)
    if (!isfinite(position[k])) return peri_fail(g->cx, PERI_ERR_VALUE, "process.graph: coordinate %d of node %lld is %g", (int)(k % dim) + 1, (ll)(k / dim) + 1, position[k]);
  double *copy = pri_doubles(g->cx, g->n * dim);
  if (!copy) return peri_errcode(g->cx);
  memcpy(copy, position, (size_t)(g->n * dim) * sizeof *copy);
  pri_drop(g->cx, g->position, g->n * g->dim);
  g->position = copy, g->dim = dim, g->placement = PERI_PLACED_GIVEN;
  return PERI_OK;
}

/* ---- components ---- */

static int64_t root_of(int64_t *parent, int64_t i) {
  while (parent[i] != i) i = parent[i] = parent[parent[i]];
  return i;
}

int64_t peri_graph_components(const peri_graph *g, int64_t *label) {
  int64_t *parent = pri_integers(g->cx, g->n), count = 0;
  if (!parent) return -1;
  for (int64_t i = 0; i < g->n; i++) parent[i] = i;
  for (int64_t e = 0; e < g->m; e++) { /* the smaller root stays, so every root is the first node of its component */
    int64_t a = root_of(parent, g->u[e]), b = root_of(parent, g->v[e]);
    if (a < b) parent[b] = a;
    else parent[a] = b;
  }
  for (int64_t i = 0; i < g->n; i++) {
    int64_t r = root_of(parent, i);
    if (label) label[i] = r == i ? count : label[r];
    count += r == i;
  }
  pri_drop(g->cx, parent, g->n);
  return count;
}

/* "1, 5, 9, ...": a node of each component, the first ten. */
static void name_nodes(const peri_graph *g, const int64_t *label, char *text, size_t room) {
  int64_t seen = 0;
  size_t at = 0;
  text[0] = '\0';
  for (int64_t i = 0; i < g->n && at < room; i++) {
    if (label[i] != seen) continue;
    if (seen++ == 10) {
      snprintf(text + at, room - at, ", ...");
      return;
    }
    at += (size_t)snprintf(text + at, room - at, "%s%lld", seen > 1 ? ", " : "", (ll)i + 1);
  }
}

peri_status peri_graph_require_connected(const peri_graph *g, const char *who) {
  int64_t *label = pri_integers(g->cx, g->n);
  int64_t count = label ? peri_graph_components(g, label) : -1;
  char nodes[200];
  if (count > 1) name_nodes(g, label, nodes, sizeof nodes);
  pri_drop(g->cx, label, g->n);
  if (count == 1) return PERI_OK;
  if (count < 0) return peri_errcode(g->cx);
  return peri_fail(g->cx, PERI_ERR_VALUE, "%s: the graph is not connected: it has %lld components, around the nodes %s", who, (ll)count, nodes);
}
