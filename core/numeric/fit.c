/* fit.c - nonlinear least squares by Levenberg and Marquardt, and systems of equations.
**
** Each step minimises |J d + r|^2 + lambda |D d|^2, D the largest column norms of J seen so far (so that units do not matter), by the QR
** factorisation of the stacked matrix (J; sqrt(lambda) D), never by J^T J: a rank-deficient J is harmless. lambda follows the ratio of
** actual
** and predicted decrease (Nielsen). With bounds, variables that the gradient holds at a bound stay there for the step and others are cut
** off at it.
** The covariance is s^2 (J^T J)^+ from the singular values of J / D above m eps.
** Sources: More, The Levenberg-Marquardt algorithm (1978); Nielsen, Damping parameter in Marquardt's method (1999).
*/
#include "numeric/host.h"
#include <float.h>
#include <stdlib.h>
#include <string.h>

/* LAPACK: min |b - A x|, A (m, n) of full rank, column-major; and the singular value decomposition. */
void dgels_(const char *trans, const int *m, const int *n, const int *nrhs, double *a, const int *lda, double *b, const int *ldb,
            double *work, const int *lwork, int *info, size_t trans_length);
void dgesvd_(const char *jobu, const char *jobvt, const int *m, const int *n, double *a, const int *lda, double *s, double *u,
             const int *ldu, double *vt, const int *ldvt, double *work, const int *lwork, int *info, size_t jobu_length,
             size_t jobvt_length);

typedef struct {
  peri_ctx *cx;
  const char *who;
  peri_residual_fn f;
  void *ud;
  int64_t m, n;
  const peri_least_squares *o;
  double *theta, *r, *J, *scale, *step, *next, *r_next, *stacked, *rhs, *work, *gradient;
  bool *held;
  int lwork;
  peri_fit_report report;
} problem;

static double norm2(const double *x, int64_t n) {
  double s = 0;
  for (int64_t i = 0; i < n; i++) s += x[i] * x[i];
  return s;
}

static peri_status residual(problem *p, const double *theta, double *r, double *J, bool may_fail) {
  if (pri_stopped(p->cx)) return peri_check_interrupt(p->cx);
  p->report.evaluations++;
  peri_status st = p->f(p->ud, theta, r, J);
  for (int64_t i = 0; i < p->m && !st && !may_fail; i++)
    if (!isfinite(r[i])) st = peri_fail(p->cx, PERI_ERR_NUMERIC, "%s: residual %lld is %g at the start", p->who, (long long)i + 1, r[i]);
  for (int64_t i = 0; i < p->m * p->n && !st && J; i++)
    if (!isfinite(J[i]))
      st = peri_fail(p->cx, PERI_ERR_NUMERIC, "%s: the derivative of residual %lld by variable %lld is %g, where that variable is %.17g",
                     p->who, (long long)(i / p->n) + 1, (long long)(i % p->n) + 1, J[i], theta[i % p->n]);
  return st;
}

/* The scales, the gradient J^T r, and which variables a bound holds. */
static void look(problem *p) {
  for (int64_t j = 0; j < p->n; j++) {
    double c = 0, g = 0;
    for (int64_t i = 0; i < p->m; i++) c += p->J[i * p->n + j] * p->J[i * p->n + j], g += p->J[i * p->n + j] * p->r[i];
    p->scale[j] = fmax(p->scale[j], sqrt(c));
    p->gradient[j] = g;
    p->held[j] = (p->o->lower && p->theta[j] <= p->o->lower[j] && g > 0) || (p->o->upper && p->theta[j] >= p->o->upper[j] && g < 0);
  }
}

static double unit(const problem *p, int64_t j) { return p->scale[j] > 0 ? p->scale[j] : 1; }

/* The largest cosine of the angle between r and a column of J. */
static double steepness(const problem *p, double rr) {
  double most = 0;
  for (int64_t j = 0; j < p->n; j++) {
    double c = 0;
    for (int64_t i = 0; i < p->m; i++) c += p->J[i * p->n + j] * p->J[i * p->n + j];
    if (c > 0 && rr > 0 && !p->held[j]) most = fmax(most, fabs(p->gradient[j]) / sqrt(c * rr));
  }
  return most;
}

static peri_status damped_step(problem *p, double lambda) {
  int64_t rows = p->m + p->n;
  memset(p->stacked, 0, (size_t)(rows * p->n) * sizeof *p->stacked);
  for (int64_t j = 0; j < p->n; j++) {
    double *column = p->stacked + j * rows, u = unit(p, j);
    for (int64_t i = 0; i < p->m && !p->held[j]; i++) column[i] = p->J[i * p->n + j] / u;
    column[p->m + j] = sqrt(lambda);
  }
  for (int64_t i = 0; i < p->m; i++) p->rhs[i] = -p->r[i];
  memset(p->rhs + p->m, 0, (size_t)p->n * sizeof *p->rhs);
  int m = (int)rows, n = (int)p->n, one = 1, info = 0;
  dgels_("N", &m, &n, &one, p->stacked, &m, p->rhs, &m, p->work, &p->lwork, &info, 1);
  if (info) return peri_fail(p->cx, PERI_ERR_NUMERIC, "%s: the linear least-squares problem of a step could not be solved", p->who);
  for (int64_t j = 0; j < p->n; j++) {
    p->next[j] = p->theta[j] + p->rhs[j] / unit(p, j);
    if (p->o->lower && p->next[j] < p->o->lower[j]) p->next[j] = p->o->lower[j];
    if (p->o->upper && p->next[j] > p->o->upper[j]) p->next[j] = p->o->upper[j];
    p->step[j] = p->next[j] - p->theta[j];
  }
  return PERI_OK;
}

/* |r|^2 - |r + J step|^2 */
static double predicted(const problem *p, double rr) {
  double s = 0;
  for (int64_t i = 0; i < p->m; i++) {
    double v = p->r[i];
    for (int64_t j = 0; j < p->n; j++) v += p->J[i * p->n + j] * p->step[j];
    s += v * v;
  }
  return rr - s;
}

static bool short_step(const problem *p, double tol) {
  for (int64_t j = 0; j < p->n; j++)
    if (fabs(p->step[j]) > tol * (fabs(p->theta[j]) + tol)) return false;
  return true;
}

static peri_status iterate(problem *p, double f_tol, double x_tol, double g_tol, int64_t most) {
  peri_status st = residual(p, p->theta, p->r, p->J, false);
  double rr = st ? 0 : norm2(p->r, p->m), lambda = 1e-3, growth = 2;
  while (!st) {
    p->report.rss = rr;
    look(p);
    if (rr == 0 || steepness(p, rr) <= g_tol) return PERI_OK;
    if (p->report.iterations++ >= most)
      return peri_fail(p->cx, PERI_ERR_NUMERIC,
                       "%s: not converged after %lld iterations: sum of squares %.17g, still at an angle of cosine %.2g to J", p->who,
                       (long long)most, rr, steepness(p, rr));
    for (;;) {
      if ((st = damped_step(p, lambda))) return st;
      double gain = predicted(p, rr);
      if (short_step(p, x_tol)) return PERI_OK;
      if ((st = residual(p, p->next, p->r_next, NULL, true))) return st;
      double after = norm2(p->r_next, p->m), ratio = gain > 0 ? (rr - after) / gain : rr - after; /* NaN after: refused below */
      if (ratio > 0 && isfinite(after)) {
        bool flat = rr - after <= f_tol * rr && gain <= f_tol * rr;
        memcpy(p->theta, p->next, (size_t)p->n * sizeof *p->theta);
        lambda = fmax(1e-20, lambda * fmax(1 / 3., 1 - pow(2 * fmin(ratio, 1) - 1, 3))), growth = 2;
        if ((st = residual(p, p->theta, p->r, p->J, false))) return st;
        rr = norm2(p->r, p->m);
        if (flat) return p->report.rss = rr, look(p), PERI_OK;
        break;
      }
      if (gain <= f_tol * rr * 1e-2) return PERI_OK; /* rounding: no step makes it smaller */
      lambda *= growth, growth *= 2;
      if (!(lambda < 1e30)) return PERI_OK;
    }
  }
  return st;
}

/* s^2 (J^T J)^+ */
static peri_status covariance(problem *p, double *out) {
  int m = (int)p->m, n = (int)p->n, k = m < n ? m : n, info = 0, none = 1;
  for (int64_t j = 0; j < n; j++)
    for (int64_t i = 0; i < m; i++) p->stacked[j * m + i] = p->held[j] ? 0 : p->J[i * n + j] / unit(p, j);
  size_t bytes = (size_t)(k + k * n) * sizeof(double);
  double *s = peri_alloc(p->cx, bytes), *vt = s + k, u;
  if (!s) return peri_errcode(p->cx);
  dgesvd_("N", "S", &m, &n, p->stacked, &m, s, &u, &none, vt, &k, p->work, &p->lwork, &info, 1, 1);
  peri_status st = info ? peri_fail(p->cx, PERI_ERR_NUMERIC, "%s: the singular values of the Jacobian did not converge", p->who) : PERI_OK;
  int64_t rank = 0;
  while (!st && rank < k && s[rank] > s[0] * fmax(m, n) * DBL_EPSILON && s[rank] > 0) rank++;
  p->report.rank = rank;
  double s2 = p->m > rank ? p->report.rss / (double)(p->m - rank) : 1;
  for (int64_t a = 0; a < n && !st && out; a++)
    for (int64_t b = 0; b < n; b++) {
      double sum = 0;
      for (int64_t q = 0; q < rank; q++) sum += vt[a * k + q] * vt[b * k + q] / (s[q] * s[q]);
      out[a * n + b] = s2 * sum / (unit(p, a) * unit(p, b));
    }
  peri_free(p->cx, s, bytes);
  return st;
}

static peri_status check(problem *p) {
  if (p->n < 1 || p->m < 1)
    return peri_fail(p->cx, PERI_ERR_SHAPE, "%s: there must be residuals and variables, got %lld and %lld", p->who, (long long)p->m,
                     (long long)p->n);
  if (p->m + p->n > INT32_MAX / 8 || p->n > 20000)
    return peri_fail(p->cx, PERI_ERR_SHAPE, "%s: %lld residuals of %lld variables are too many", p->who, (long long)p->m, (long long)p->n);
  for (int64_t j = 0; j < p->n; j++) {
    double lo = p->o->lower ? p->o->lower[j] : -INFINITY, hi = p->o->upper ? p->o->upper[j] : INFINITY;
    if (!(lo <= p->theta[j] && p->theta[j] <= hi))
      return peri_fail(p->cx, PERI_ERR_VALUE, "%s: variable %lld starts at %g, outside its bounds [%g, %g]", p->who, (long long)j + 1,
                       p->theta[j], lo, hi);
  }
  return PERI_OK;
}

static peri_status with_room(problem *p, double *cov, double f_tol, double x_tol, double g_tol, int64_t most) {
  int64_t m = p->m, n = p->n;
  p->lwork = (int)(64 * (n + 8) + 5 * (m + n));
  size_t count = (size_t)(m + m * n + 4 * n + m + (m + n) * n + (m + n) + p->lwork), bytes = count * sizeof(double) + (size_t)n;
  double *room = peri_alloc(p->cx, bytes);
  if (!room) return peri_errcode(p->cx);
  memset(room, 0, bytes);
  p->r = room, p->J = p->r + m, p->scale = p->J + m * n, p->step = p->scale + n, p->next = p->step + n, p->gradient = p->next + n;
  p->r_next = p->gradient + n, p->stacked = p->r_next + m, p->rhs = p->stacked + (m + n) * n, p->work = p->rhs + m + n;
  p->held = (bool *)(p->work + p->lwork);
  peri_status st = iterate(p, f_tol, x_tol, g_tol, most);
  if (!st) st = covariance(p, cov);
  for (int64_t i = 0; i < m; i++) p->report.largest = fmax(p->report.largest, fabs(p->r[i]));
  peri_free(p->cx, room, bytes);
  return st;
}

static double given(double x, double missing) { return x > 0 ? x : missing; }

peri_status peri_fit(peri_ctx *cx, peri_residual_fn f, void *ud, int64_t m, int64_t n, double *theta, const peri_least_squares *opt,
                     double *cov, peri_fit_report *report) {
  static const peri_least_squares none = {0};
  problem p = {.cx = cx, .who = "numeric.fit", .f = f, .ud = ud, .m = m, .n = n, .o = opt ? opt : &none, .theta = theta};
  peri_status st = check(&p);
  if (!st)
    st = with_room(&p, cov, given(p.o->f_tol, 1e-14), given(p.o->x_tol, 1e-12), given(p.o->g_tol, 1e-12),
                   p.o->max_iterations > 0 ? p.o->max_iterations : 200);
  if (report) *report = p.report;
  return st;
}

peri_status peri_solve_system(peri_ctx *cx, peri_residual_fn f, void *ud, int64_t n, double *x, double tol, peri_fit_report *report) {
  static const peri_least_squares none = {0};
  problem p = {.cx = cx, .who = "numeric.solve", .f = f, .ud = ud, .m = n, .n = n, .o = &none, .theta = x};
  if (!(tol > 0)) tol = 1e-10;
  peri_status st = check(&p);
  if (!st) st = with_room(&p, NULL, 1e-30, 1e-15, 1e-15, 500);
  if (report) *report = p.report;
  if (st || p.report.largest <= tol) return st;
  return peri_fail(cx, PERI_ERR_NUMERIC,
                   "numeric.solve: the largest |F| is still %.3g where no step makes it smaller (the Jacobian there has rank %lld of "
                   "%lld); start elsewhere",
                   p.report.largest, (long long)p.report.rank, (long long)n);
}
