/* graph_solve.c - systems with the Laplacian of a large graph, and its effective resistances.
**
** Conjugate gradients within the vectors of mean 0. The preconditioner is (D + E) D^-1 (D + E'), E the strictly lower triangle of L, with
**     D_i = L_ii - sum_{j < i} |L_ij| ((1 - omega) |L_ij| + omega U_j) / D_j,   U_j = sum_{k > j} |L_jk|,
** a modified incomplete factorisation: for omega = 1 its rows have the sums of L's. As D_i >= U_i by induction, no pivot is negative; where one
** nearly vanishes, at nodes without later neighbours, it is lifted. On a line, and on a grid up to constants, that is close to exact.
** For R_e = b_e' x, L x = b_e, the error is the square of that of x in the norm of L, because iterations start from 0.
** Sources: Gustafsson (1978), BIT 18; Saad, Iterative methods for sparse linear systems (2003), section 10.3.
*/
#include "process/graph.h"
#include <math.h>
#include <string.h>

typedef long long ll;

double pri_dot(int64_t n, const double *x, const double *y) {
  double s[4] = {0}; /* four sums of fixed order, so that additions overlap */
  int64_t i = 0;
  for (; i + 4 <= n; i += 4)
    for (int k = 0; k < 4; k++) s[k] += x[i + k] * y[i + k];
  for (; i < n; i++) s[0] += x[i] * y[i];
  return (s[0] + s[1]) + (s[2] + s[3]);
}

void pri_subtract_mean(int64_t n, double *x) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += x[i];
  for (int64_t i = 0; i < n; i++) x[i] -= sum / (double)n;
}

/* ---- conjugate gradients ---- */

static void incomplete_factor(const peri_graph *g, double *d, double *later) {
  const double omega = 0.97, least = 1e-3;
  for (int64_t i = 0; i < g->n; i++) {
    double diagonal = 0, lost = 0;
    later[i] = 0;
    for (int64_t k = g->start[i]; k < g->start[i + 1]; k++) {
      double w = g->w[g->edge[k]];
      int64_t j = g->neighbour[k];
      diagonal += w;
      if (j > i) later[i] += w;
      else lost += w * ((1 - omega) * w + omega * later[j]) / d[j];
    }
    d[i] = fmax(diagonal - lost, least * diagonal);
  }
}

/* z = (D + E')^-1 D (D + E)^-1 r, mean 0. */
static void precondition(const peri_graph *g, const double *d, const double *r, double *z) {
  for (int64_t i = 0; i < g->n; i++) {
    double s = r[i];
    for (int64_t k = g->start[i]; k < g->start[i + 1] && g->neighbour[k] < i; k++) s += g->w[g->edge[k]] * z[g->neighbour[k]];
    z[i] = s / d[i];
  }
  for (int64_t i = g->n - 1; i >= 0; i--) {
    double s = 0;
    for (int64_t k = g->start[i + 1] - 1; k >= g->start[i] && g->neighbour[k] > i; k--) s += g->w[g->edge[k]] * z[g->neighbour[k]];
    z[i] += s / d[i];
  }
  pri_subtract_mean(g->n, z);
}

peri_status pri_open_solver(pri_solver *s, const peri_graph *g) {
  double *a = pri_doubles(g->cx, 5 * g->n);
  if (!a) return peri_errcode(g->cx);
  *s = (pri_solver){g, a, a + g->n, a + 2 * g->n, a + 3 * g->n, a + 4 * g->n};
  incomplete_factor(g, s->d, s->z);
  return PERI_OK;
}
void pri_close_solver(pri_solver *s) { pri_drop(s->g->cx, s->d, 5 * s->g->n); }

/* From x on, until the residual carried along is `enough` or has not halved for 200 steps. r holds the residual of x. */
static peri_status descend(pri_solver *s, double *x, double enough, int64_t *left) {
  int64_t n = s->g->n, stale = 0;
  precondition(s->g, s->d, s->r, s->z);
  memcpy(s->p, s->z, (size_t)n * sizeof *s->p);
  double rz = pri_dot(n, s->r, s->z), best = INFINITY;
  while ((*left)-- > 0 && rz > 0 && stale < 200) {
    peri_graph_apply(s->g, s->p, s->q);
    double step = rz / pri_dot(n, s->p, s->q);
    for (int64_t i = 0; i < n; i++) x[i] += step * s->p[i], s->r[i] -= step * s->q[i];
    double norm = sqrt(pri_dot(n, s->r, s->r));
    if (!(norm > enough)) break;
    stale = norm < best / 2 ? 0 : stale + 1;
    if (norm < best / 2) best = norm;
    if (pri_stopped(s->g->cx)) return peri_check_interrupt(s->g->cx);
    precondition(s->g, s->d, s->r, s->z);
    double next = pri_dot(n, s->r, s->z), beta = next / rz;
    rz = next;
    for (int64_t i = 0; i < n; i++) s->p[i] = s->z[i] + beta * s->p[i];
  }
  return PERI_OK;
}

/* r = b - mean(b) - L x; its norm. */
static double residual(pri_solver *s, const double *b, const double *x) {
  int64_t n = s->g->n;
  peri_graph_apply(s->g, x, s->q);
  for (int64_t i = 0; i < n; i++) s->r[i] = b[i] - s->q[i];
  pri_subtract_mean(n, s->r);
  return sqrt(pri_dot(n, s->r, s->r));
}

peri_status pri_solve(pri_solver *s, const double *b, double tol, double *x, double *reached) {
  int64_t n = s->g->n, left = 20 * n + 1000;
  memset(x, 0, (size_t)n * sizeof *x);
  double size = residual(s, b, x), norm = size, before = INFINITY;
  while (norm > tol * size && norm <= before / 2 && left > 0) { /* anew from the true residual, as long as that helps */
    before = norm;
    if (descend(s, x, tol * size, &left)) return peri_errcode(s->g->cx);
    norm = residual(s, b, x);
  }
  pri_subtract_mean(n, x);
  *reached = size > 0 ? norm / size : 0;
  return PERI_OK;
}

peri_status peri_graph_solve(const peri_graph *g, const double *b, double tol, double *x) {
  static const char who[] = "process.graph.solve";
  pri_solver s;
  double reached = 0;
  if (!(tol > 0)) return peri_fail(g->cx, PERI_ERR_VALUE, "%s: tol must be positive, got %g", who, tol);
  for (int64_t i = 0; i < g->n; i++)
    if (!isfinite(b[i])) return peri_fail(g->cx, PERI_ERR_NUMERIC, "%s: element %lld of b is %g", who, (ll)i + 1, b[i]);
  if (peri_graph_require_connected(g, who) || pri_open_solver(&s, g)) return peri_errcode(g->cx);
  peri_status st = pri_solve(&s, b, tol, x, &reached);
  pri_close_solver(&s);
  if (st || reached <= tol) return st;
  return peri_fail(g->cx, PERI_ERR_NUMERIC, "%s: the relative residual came down to %.2g, not to tol = %.2g", who, reached, tol);
}

/* ---- effective resistances ---- */

/* The edges of trees that hang off the rest: nodes with one edge left are taken away again and again. Their R_e is 1 / w_e; the others
** get -1. left: scratch (n); queue: scratch (n). */
static void cut_trees(const peri_graph *g, double *resistance, int64_t *left, int64_t *queue) {
  int64_t head = 0, tail = 0;
  for (int64_t e = 0; e < g->m; e++) resistance[e] = -1;
  for (int64_t i = 0; i < g->n; i++)
    if ((left[i] = g->start[i + 1] - g->start[i]) == 1) queue[tail++] = i;
  while (head < tail) {
    int64_t i = queue[head++];
    for (int64_t k = g->start[i]; k < g->start[i + 1]; k++) {
      if (resistance[g->edge[k]] >= 0) continue;
      resistance[g->edge[k]] = 1 / g->w[g->edge[k]];
      left[i]--;
      if (--left[g->neighbour[k]] == 1) queue[tail++] = g->neighbour[k];
    }
  }
}

/* |residual| <= 1e-9 |b| suffices, see above; where rounding stops earlier, 1e-7 does. */
static peri_status resistance_of(pri_solver *s, int64_t u, int64_t v, double *b, double *x, double *resistance) {
  double reached = 0;
  b[u] = 1, b[v] = -1;
  peri_status st = pri_solve(s, b, 1e-9, x, &reached);
  b[u] = b[v] = 0;
  *resistance = x[u] - x[v];
  if (st || reached <= 1e-7) return st;
  return peri_fail(s->g->cx, PERI_ERR_NUMERIC, "process.graph.effective_resistances: the relative residual came down to %.2g only", reached);
}

peri_status pri_sparse_resistances(const peri_graph *g, double *resistance) {
  int64_t n = g->n, *left = pri_integers(g->cx, n), *queue = left ? pri_integers(g->cx, n) : NULL;
  double *b = queue ? pri_doubles(g->cx, 2 * n) : NULL;
  pri_solver s;
  peri_status st = b ? pri_open_solver(&s, g) : peri_errcode(g->cx);
  if (!st) {
    cut_trees(g, resistance, left, queue);
    memset(b, 0, (size_t)n * sizeof *b);
    for (int64_t e = 0; !st && e < g->m; e++)
      if (resistance[e] < 0) st = resistance_of(&s, g->u[e], g->v[e], b, b + n, &resistance[e]);
    pri_close_solver(&s);
  }
  pri_drop(g->cx, b, 2 * n), pri_drop(g->cx, queue, n), pri_drop(g->cx, left, n);
  return st;
}
