/* graph_band.c - effective resistances of graphs that are long rather than wide: lines, rings, grids, tori.
**
** In breadth-first order from a node at the rim, edges join places at most b apart, so L without its last row and column is a band matrix, L = C C'.
** R_e needs entries of L^-1 on edges only, and those within the band follow from one another, last column first (Takahashi's equations):
**     v = C[j+1 .. j+b, j] / C[j, j],   Z[j+1 .. j+b, j] = -Z[block] v,   Z[j, j] = 1 / C[j, j]^2 - v' Z[j+1 .. j+b, j],
** n b^2 operations of each kind instead of n^3. With columns of b + 1 entries, entry (i, j) lies at b j + i, so that the block is an
** ordinary symmetric matrix of leading dimension b.
** Sources: Cuthill & McKee (1969); Takahashi, Fagan & Chin (1973); Erisman & Tinney (1975), Comm. ACM 18.
*/
#include "process/graph.h"
#include "linalg/lapack.h"
#include <cblas.h>
#include <math.h>
#include <string.h>

/* Breadth-first order of a connected graph from `from`; place[i] is that of node i. Returns the last node reached. */
static int64_t breadth_first(const peri_graph *g, int64_t from, int64_t *place, int64_t *queue) {
  int64_t head = 0, tail = 0;
  for (int64_t i = 0; i < g->n; i++) place[i] = -1;
  place[from] = 0, queue[tail++] = from;
  while (head < tail) {
    int64_t i = queue[head++];
    for (int64_t k = g->start[i]; k < g->start[i + 1]; k++) {
      int64_t j = g->neighbour[k];
      if (place[j] < 0) place[j] = tail, queue[tail++] = j;
    }
  }
  return queue[tail - 1];
}

/* Places in breadth-first order from a node far from others, and the bandwidth. */
static int64_t order(const peri_graph *g, int64_t *place, int64_t *queue) {
  int64_t rim = breadth_first(g, breadth_first(g, 0, place, queue), place, queue), b = 0;
  breadth_first(g, rim, place, queue);
  for (int64_t e = 0; e < g->m; e++) {
    int64_t d = place[g->u[e]] - place[g->v[e]];
    if (d < 0) d = -d;
    if (d > b) b = d;
  }
  return b;
}

/* The lower band of L without the row and column of the last place, r = n - 1. */
static void fill_band(const peri_graph *g, const int64_t *place, int64_t b, double *a) {
  int64_t r = g->n - 1;
  memset(a, 0, (size_t)(r * (b + 1)) * sizeof *a);
  for (int64_t e = 0; e < g->m; e++) {
    int64_t i = place[g->u[e]], j = place[g->v[e]];
    if (i < r) a[i * (b + 1)] += g->w[e];
    if (j < r) a[j * (b + 1)] += g->w[e];
    if (i < r && j < r) a[b * (i < j ? i : j) + (i < j ? j : i)] -= g->w[e];
  }
}

/* z: the band of the inverse from the factor c, which is scaled column by column on the way. */
static peri_status select_inverse(peri_ctx *cx, double *c, double *z, int64_t r, int64_t b) {
  for (int64_t j = r - 1; j >= 0; j--) {
    int64_t below = r - 1 - j < b ? r - 1 - j : b;
    double *v = c + j * (b + 1), *to = z + j * (b + 1), pivot = v[0];
    for (int64_t k = 1; k <= below; k++) v[k] /= pivot;
    if (below > 0) cblas_dsymv(CblasColMajor, CblasLower, (int)below, -1, to + b + 1, (int)b, v + 1, 1, 0, to + 1, 1);
    to[0] = 1 / (pivot * pivot) - pri_dot(below, v + 1, to + 1);
    if (pri_stopped(cx)) return peri_check_interrupt(cx);
  }
  return PERI_OK;
}

static peri_status resistances(const peri_graph *g, const int64_t *place, int64_t b, double *resistance) {
  int r = (int)(g->n - 1), band = (int)b, rows = band + 1, info = 0;
  int64_t size = (g->n - 1) * (b + 1);
  double *c = pri_doubles(g->cx, size), *z = c ? pri_doubles(g->cx, size) : NULL;
  peri_status st = z ? PERI_OK : peri_errcode(g->cx);
  if (!st) {
    fill_band(g, place, b, c);
    dpbtrf_("L", &r, &band, c, &rows, &info, 1);
    if (info) st = peri_fail(g->cx, PERI_ERR_NUMERIC, "process.graph.effective_resistances: the rates differ so much that the Laplacian is singular to rounding (pivot %d)", info);
  }
  if (!st) st = select_inverse(g->cx, c, z, r, b);
  for (int64_t e = 0; !st && e < g->m; e++) {
    int64_t i = place[g->u[e]], j = place[g->v[e]], low = i < j ? i : j, high = i < j ? j : i;
    resistance[e] = z[low * (b + 1)] + (high < r ? z[high * (b + 1)] - 2 * z[b * low + high] : 0);
  }
  pri_drop(g->cx, z, size), pri_drop(g->cx, c, size);
  return st;
}

peri_status pri_band_resistances(const peri_graph *g, double *resistance, bool *narrow) {
  enum { WIDTHS = 8 };                                      /* b <= n / WIDTHS pays */
  const int64_t most = (int64_t)1 << 27;                    /* doubles of a band, 1 GiB */
  int64_t n = g->n, *place = pri_integers(g->cx, n), *queue = place ? pri_integers(g->cx, n) : NULL;
  peri_status st = queue ? PERI_OK : peri_errcode(g->cx);
  int64_t b = st ? 0 : order(g, place, queue);
  *narrow = !st && n > WIDTHS && b <= n / WIDTHS && n * (b + 1) <= most;
  if (*narrow) st = resistances(g, place, b, resistance);
  pri_drop(g->cx, queue, n), pri_drop(g->cx, place, n);
  return st;
}
