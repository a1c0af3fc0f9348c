/* graph_laplacian.c - the Laplacian as a matrix, its spectrum, effective resistances.
**
** Without the row and column of one node L is positive definite, A = C C' with C lower triangular; for K = C^-1
**     R_e = b_e' A^-1 b_e = |K b_e|^2 = sum_k (K_ku - K_kv)^2,
** where the columns of the missing node are 0. That is one factorisation, one inverse of a triangle and O(n) an edge, and there are no
** differences of large numbers but within the columns. For dense graphs A^-1 = K' K is formed instead. The node of largest rate is left out.
** Source: Klein & Randic (1993), J. Math. Chem. 12; Ghosh, Boyd & Saberi (2008), SIAM Review 50.
*/
#include "process/graph.h"
#include "linalg/lapack.h"
#include <perigee/linalg.h>
#include <math.h>
#include <string.h>

typedef long long ll;
enum { DENSE_EIGEN = 1000 };

peri_tensor *peri_graph_laplacian(const peri_graph *g) {
  peri_tensor *t = peri_zeros(g->cx, PERI_F64, 2, (int64_t[]){g->n, g->n});
  if (!t) return NULL;
  double *a = t->data;
  for (int64_t i = 0; i < g->n; i++) {
    double sum = 0;
    for (int64_t k = g->start[i]; k < g->start[i + 1]; k++) sum += g->w[g->edge[k]], a[i * g->n + g->neighbour[k]] = -g->w[g->edge[k]];
    a[i * g->n + i] = sum;
  }
  return t;
}

void peri_graph_apply(const peri_graph *g, const double *x, double *y) {
  for (int64_t i = 0; i < g->n; i++) {
    double sum = 0;
    for (int64_t k = g->start[i]; k < g->start[i + 1]; k++) sum += g->w[g->edge[k]] * (x[i] - x[g->neighbour[k]]);
    y[i] = sum;
  }
}

/* ---- spectrum ---- */

peri_tensor *peri_graph_eigenvalues(const peri_graph *g) {
  peri_tensor *a = peri_graph_laplacian(g), *values = a ? peri_eigvalsh(a) : NULL;
  peri_release(a);
  return values;
}

peri_status peri_graph_ends(const peri_graph *g, double *gap, double *largest) {
  static const char who[] = "process.graph.spectral_gap";
  if (g->n < 2) return peri_fail(g->cx, PERI_ERR_VALUE, "%s: a graph of one node has no eigenvalue but 0", who);
  if (peri_graph_require_connected(g, who)) return peri_errcode(g->cx);
  if (g->n > DENSE_EIGEN) {
    if (gap && pri_graph_smallest(g, 1, gap, NULL)) return peri_errcode(g->cx);
    return largest ? pri_graph_largest(g, largest) : PERI_OK;
  }
  peri_tensor *values = peri_graph_eigenvalues(g);
  if (!values) return peri_errcode(g->cx);
  if (gap) *gap = ((double *)values->data)[1];
  if (largest) *largest = ((double *)values->data)[g->n - 1];
  peri_release(values);
  return PERI_OK;
}

/* ---- resistances ---- */

static int64_t heaviest(const peri_graph *g) {
  int64_t best = 0;
  double most = -1;
  for (int64_t i = 0; i < g->n; i++) {
    double sum = 0;
    for (int64_t k = g->start[i]; k < g->start[i + 1]; k++) sum += g->w[g->edge[k]];
    if (sum > most) most = sum, best = i;
  }
  return best;
}

/* The place of node i in the matrix without node `out`, -1 for that one. */
static int64_t place_of(int64_t i, int64_t out) { return i == out ? -1 : i - (i > out); }

/* Lower triangle of the reduced Laplacian, order r = n - 1, column-major; what is above stays 0. */
static void fill_reduced(const peri_graph *g, int64_t out, double *a) {
  int64_t r = g->n - 1;
  memset(a, 0, (size_t)(r * r) * sizeof *a);
  for (int64_t e = 0; e < g->m; e++) {
    int64_t i = place_of(g->u[e], out), j = place_of(g->v[e], out);
    if (i >= 0) a[i * r + i] += g->w[e];
    if (j >= 0) a[j * r + j] += g->w[e];
    if (i >= 0 && j >= 0) a[(i < j ? i : j) * r + (i < j ? j : i)] -= g->w[e];
  }
}

/* a becomes K, or A^-1 = K' K, lower triangles. */
static peri_status invert(peri_ctx *cx, double *a, int64_t r, bool whole) {
  int order = (int)r, info = 0;
  dpotrf_("L", &order, a, &order, &info, 1);
  if (!info) dtrtri_("L", "N", &order, a, &order, &info, 1, 1);
  if (!info && whole) dlauum_("L", &order, a, &order, &info, 1);
  if (!info) return PERI_OK;
  return peri_fail(cx, PERI_ERR_NUMERIC, "process.graph.effective_resistances: the rates differ so much that the Laplacian is singular to rounding (pivot %d)", info);
}

/* |K b_e|^2 from the columns i < j of K, which start on the diagonal; i = -1: column j alone. */
static double squared_difference(const double *k, int64_t r, int64_t i, int64_t j) {
  double s0 = 0, s1 = 0;
  const double *y = k + j * r, *x = k + (i < 0 ? j : i) * r;
  if (i < 0) {
    for (int64_t l = j; l < r; l++) s0 += y[l] * y[l];
    return s0;
  }
  for (int64_t l = i; l < j; l++) s0 += x[l] * x[l];
  for (int64_t l = j; l < r; l++) s1 += (x[l] - y[l]) * (x[l] - y[l]);
  return s0 + s1;
}

static double from_inverse(const double *a, int64_t r, int64_t i, int64_t j) {
  double jj = a[j * r + j];
  return i < 0 ? jj : a[i * r + i] + jj - 2 * a[i * r + j];
}

static peri_status dense_resistances(const peri_graph *g, double *resistance) {
  int64_t r = g->n - 1, out = heaviest(g);
  bool whole = g->m > g->n * g->n / 32; /* looking up m entries pays for another n^3 / 3 */
  double *a = pri_doubles(g->cx, r * r);
  peri_status st = a ? PERI_OK : peri_errcode(g->cx);
  if (!st && r > 0) {
    fill_reduced(g, out, a);
    st = invert(g->cx, a, r, whole);
  }
  for (int64_t e = 0; !st && e < g->m; e++) {
    int64_t i = place_of(g->u[e], out), j = place_of(g->v[e], out);
    resistance[e] = (whole ? from_inverse : squared_difference)(a, r, i < j ? i : j, i < j ? j : i);
  }
  pri_drop(g->cx, a, r * r);
  return st;
}

peri_tensor *peri_graph_resistances(const peri_graph *g) {
  if (peri_graph_require_connected(g, "process.graph.effective_resistances")) return NULL;
  peri_tensor *t = peri_new(g->cx, PERI_F64, 1, &g->m);
  if (!t) return NULL;
  bool narrow;
  peri_status st = pri_band_resistances(g, t->data, &narrow);
  if (!st && !narrow) st = (g->n <= PERI_GRAPH_DENSE ? dense_resistances : pri_sparse_resistances)(g, t->data);
  if (st == PERI_OK) return t;
  return peri_release(t), NULL;
}

/* ---- drawing ---- */

static void circle(int64_t n, double *x) {
  for (int64_t i = 0; i < n; i++) {
    double a = 2 * 3.141592653589793 * (double)i / (double)n;
    x[2 * i] = cos(a), x[2 * i + 1] = sin(a);
  }
}

/* Coordinate c >= 2 goes off at an angle, shortened, as in a drawing of a cube. */
static void project(const peri_graph *g, double *x) {
  static const double along[PERI_MAXDIM][2] = {{1, 0}, {0, 1}, {0.42, 0.31}, {-0.27, 0.19}, {0.11, -0.17}, {-0.07, -0.13}};
  for (int64_t i = 0; i < g->n; i++) {
    x[2 * i] = x[2 * i + 1] = 0;
    for (int a = 0; a < g->dim; a++)
      for (int c = 0; c < 2; c++) x[2 * i + c] += along[a][c] * g->position[i * g->dim + a];
  }
}

/* Eigenvectors 2 and 3 of the graph with all rates 1. */
static peri_status spectral(const peri_graph *g, double *x) {
  peri_graph *c = peri_graph_copy(g);
  if (!c) return peri_errcode(g->cx);
  for (int64_t e = 0; e < c->m; e++) c->w[e] = 1;
  peri_status st;
  double values[2];
  if (c->n > DENSE_EIGEN) {
    st = pri_graph_smallest(c, 2, values, x);
  } else {
    peri_tensor *l = peri_graph_laplacian(c), *lambda = NULL, *q = NULL;
    st = l ? peri_eigh(l, &lambda, &q) : peri_errcode(g->cx);
    for (int64_t k = 0; !st && k < 2 * c->n; k++) x[k] = peri_item(q, k / 2 * c->n + 1 + k % 2);
    peri_release(l), peri_release(lambda), peri_release(q);
  }
  peri_graph_free(c);
  return st;
}

peri_tensor *peri_graph_layout(const peri_graph *g) {
  peri_tensor *t = peri_new(g->cx, PERI_F64, 2, (int64_t[]){g->n, 2});
  if (!t) return NULL;
  int64_t parts = g->position ? 1 : peri_graph_components(g, NULL);
  peri_status st = parts < 0 ? peri_errcode(g->cx) : PERI_OK;
  if (!st && g->position) project(g, t->data);
  else if (!st && (parts > 1 || g->n < 4)) circle(g->n, t->data);
  else if (!st) st = spectral(g, t->data);
  if (st) return peri_release(t), NULL;
  return t;
}
