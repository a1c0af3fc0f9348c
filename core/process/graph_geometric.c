/* graph_geometric.c - random geometric graphs: points of the unit cube or torus, joined when nearer than r.
**
** The cube is cut into c cells a side, each of side 1/c >= r, so that a point's neighbours lie in its own cell or in the 3^dim - 1 around
** it; points are listed by cell (a bucket sort). c is bounded so that there are about as many cells as points. On a torus with fewer than
** three cells a side the cells around would be met twice, so there is then one cell: all pairs are looked at.
*/
#include "process/graph.h"
#include "random/random.h"
#include <math.h>
#include <stdlib.h>

typedef struct {
  peri_ctx *cx;
  int64_t n, cells; /* points; cells in all */
  int dim, side;    /* cells along a side */
  bool torus;
  double r2;
  const double *x;
  int64_t *start, *point; /* point[start[c]] .. are in cell c, ascending */
  int64_t *found, count;  /* (n) neighbours of one point */
} space;

static int cell_along(const space *s, double x) {
  int c = (int)(x * s->side);
  return c < s->side ? c : s->side - 1;
}

static int64_t cell_of(const space *s, const double *x) {
  int64_t c = 0;
  for (int a = 0; a < s->dim; a++) c = c * s->side + cell_along(s, x[a]);
  return c;
}

static void list_points(space *s) {
  for (int64_t c = 0; c <= s->cells; c++) s->start[c] = 0;
  for (int64_t i = 0; i < s->n; i++) s->start[cell_of(s, s->x + i * s->dim) + 1]++;
  for (int64_t c = 0; c < s->cells; c++) s->start[c + 1] += s->start[c];
  for (int64_t i = 0; i < s->n; i++) s->point[s->start[cell_of(s, s->x + i * s->dim)]++] = i;
  for (int64_t c = s->cells; c > 0; c--) s->start[c] = s->start[c - 1]; /* the filling moved each start to the next */
  s->start[0] = 0;
}

static double squared_distance(const space *s, const double *x, const double *y) {
  double sum = 0;
  for (int a = 0; a < s->dim; a++) {
    double d = fabs(x[a] - y[a]);
    if (s->torus && d > 0.5) d = 1 - d;
    sum += d * d;
  }
  return sum;
}

/* The points after i in cell c that are near i. */
static void search_cell(space *s, int64_t i, int64_t c) {
  for (int64_t k = s->start[c]; k < s->start[c + 1]; k++) {
    int64_t j = s->point[k];
    if (j > i && squared_distance(s, s->x + i * s->dim, s->x + j * s->dim) < s->r2) s->found[s->count++] = j;
  }
}

/* All cells around that of i, from axis a on; c: the cell's number so far. */
static void search_around(space *s, int64_t i, int a, int64_t c) {
  if (a == s->dim) {
    search_cell(s, i, c);
    return;
  }
  int here = cell_along(s, s->x[i * s->dim + a]);
  for (int step = -1; step <= 1; step++) {
    int k = here + step;
    if (s->side == 1 && step) continue;
    if (s->torus) k = (k + s->side) % s->side;
    if (k >= 0 && k < s->side) search_around(s, i, a + 1, c * s->side + k);
  }
}

static int ascending(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static peri_status join_near(space *s, pri_edges *e) {
  for (int64_t i = 0; i < s->n; i++) {
    s->count = 0;
    search_around(s, i, 0, 0);
    qsort(s->found, (size_t)s->count, sizeof *s->found, ascending);
    for (int64_t k = 0; k < s->count; k++)
      if (pri_edges_add(e, i, s->found[k])) return peri_errcode(s->cx);
    if (i % 1024 == 0 && pri_stopped(s->cx)) return peri_check_interrupt(s->cx);
  }
  return PERI_OK;
}

static int cells_along(int64_t n, int dim, double r, bool torus) {
  double most = floor(pow((double)n, 1.0 / dim)) + 1, c = floor(1 / r);
  int side = c < 1 ? 1 : (int)(c < most ? c : most);
  return torus && side < 3 ? 1 : side;
}

static peri_graph *graph_of_points(peri_ctx *cx, int64_t n, int dim, double r, bool torus, const double *x) {
  space s = {.cx = cx, .n = n, .dim = dim, .side = cells_along(n, dim, r, torus), .torus = torus, .r2 = r * r, .x = x, .cells = 1};
  for (int a = 0; a < dim; a++) s.cells *= s.side;
  s.start = pri_integers(cx, s.cells + 1);
  s.point = s.start ? pri_integers(cx, n) : NULL;
  s.found = s.point ? pri_integers(cx, n) : NULL;
  pri_edges e;
  peri_status st = s.found ? pri_edges_start(&e, cx, 4 * n) : peri_errcode(cx);
  if (!st) {
    list_points(&s);
    st = join_near(&s, &e);
    if (st) pri_edges_free(&e);
  }
  pri_drop(cx, s.found, n), pri_drop(cx, s.point, n), pri_drop(cx, s.start, s.cells + 1);
  peri_graph *g = st ? NULL : pri_edges_graph(&e, n);
  if (!g || peri_graph_place(g, dim, x) == PERI_OK) return g;
  return peri_graph_free(g), NULL;
}

peri_graph *peri_graph_geometric(peri_ctx *cx, int64_t n, int dim, double r, bool torus, peri_stream *stream) {
  static const char who[] = "process.graph.geometric";
  if (pri_check_nodes(cx, who, n)) return NULL;
  if (dim < 1 || dim > PERI_MAXDIM) return peri_fail(cx, PERI_ERR_VALUE, "%s: dim must lie in 1 .. %d, got %d", who, PERI_MAXDIM, dim), NULL;
  if (!(r > 0 && r < INFINITY)) return peri_fail(cx, PERI_ERR_VALUE, "%s: the radius must be positive and finite, got %.15g", who, r), NULL;
  double *x = pri_doubles(cx, n * dim);
  if (!x) return NULL;
  pri_rng g = {cx->k, pri_pcg_of(stream), stream->output};
  for (int64_t k = 0; k < n * dim; k++) x[k] = pri_open(&g);
  peri_graph *r_graph = graph_of_points(cx, n, dim, r, torus, x);
  pri_drop(cx, x, n * dim);
  if (r_graph) pri_pcg_store(stream, g.pcg);
  return r_graph;
}
