/* fgn_cholesky.c - fractional noise as L z, L the Cholesky factor of its covariance: the plainest exact method, O(n^3) once and O(n^2) a
** path; and the only one here for fractional Brownian motion at arbitrary times.
**
** There the covariance of the increments over (t_{i-1}, t_i] is factored, not that of B itself, which is worse conditioned by
** the square of the number of times:  with D(i, j) = |t_i - t_j|^2H,
**     2 cov(i, j) = D(i, j-1) + D(i-1, j) - D(i-1, j-1) - D(i, j),
** in long double, because it cancels for intervals far apart.
** Each value is one dot product in the library's order of sums, so that a path does not depend on how many are drawn with it.
*/
#include "process/fgn.h"
#include <math.h>
#include <perigee/linalg.h>

static void fill_factor(const pri_fgn_plan *p, int64_t first, pri_rng *g, int width, double *x, int64_t ld, void *scratch) {
  double *z = scratch;
  const double *factor = p->factor->data;
  (void)first;
  for (int j = 0; j < width; j++) {
    if (pri_stopped(p->cx)) return;
    pri_fgn_normals(&g[j], z, p->n);
    for (int64_t i = 0; i < p->n; i++) x[j * ld + i] = p->cx->k->dot_f64(factor + i * p->n, z, i + 1);
  }
}

enum { LARGEST = 16384 };

static peri_status check_size(const pri_fgn_plan *p, const char *instead) {
  if (p->n <= LARGEST) return PERI_OK;
  return peri_fail(p->cx, PERI_ERR_VALUE, "process.fgn: the Cholesky factor of %lld steps is too large, at most %d; %s", (long long)p->n, LARGEST, instead);
}

/* Takes the covariance away from the caller. */
static peri_status factorise(pri_fgn_plan *p, peri_tensor *covariance) {
  p->fill = fill_factor;
  p->words = p->n;
  p->scratch = (size_t)p->n * sizeof(double);
  p->factor = peri_cholesky(covariance);
  peri_release(covariance);
  if (p->factor) return PERI_OK;
  if (peri_errcode(p->cx) != PERI_ERR_NUMERIC) return peri_errcode(p->cx);
  return peri_fail(p->cx, PERI_ERR_NUMERIC, "process.fgn: the covariance is singular in double precision at H = %.17g%s", p->H,
                   p->H > 0.999 ? "" : "; some times are too close to each other");
}

peri_status pri_fgn_cholesky(pri_fgn_plan *p) {
  int64_t n = p->n;
  if (check_size(p, "method = \"hosking\" has no such limit")) return peri_errcode(p->cx);
  peri_tensor *c = peri_new(p->cx, PERI_F64, 2, (int64_t[]){n, n});
  double *gamma = c ? peri_alloc(p->cx, (size_t)n * sizeof *gamma) : NULL;
  if (!gamma) {
    peri_release(c);
    return peri_errcode(p->cx);
  }
  pri_fgn_gammas(p->H, gamma, n);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) ((double *)c->data)[i * n + j] = gamma[i > j ? i - j : j - i];
  peri_free(p->cx, gamma, (size_t)n * sizeof *gamma);
  return factorise(p, c);
}

/* d[j] = |t - t_j|^2H, t_0 = 0, t_{j+1} = times[j]. */
static void powers(long double *d, long double t, const double *times, int64_t n, double H) {
  for (int64_t j = 0; j <= n; j++) d[j] = powl(fabsl(t - (j ? times[j - 1] : 0)), 2 * H);
}

peri_status pri_fgn_irregular(pri_fgn_plan *p, const double *times) {
  int64_t n = p->n;
  if (check_size(p, "use process.fgn_stream or a regular grid")) return peri_errcode(p->cx);
  size_t bytes = 2 * (size_t)(n + 1) * sizeof(long double);
  peri_tensor *c = peri_new(p->cx, PERI_F64, 2, (int64_t[]){n, n});
  long double *d = c ? peri_alloc(p->cx, bytes) : NULL, *before = d, *now = d ? d + n + 1 : NULL;
  peri_status st = d ? PERI_OK : peri_errcode(p->cx);
  if (st == PERI_OK) powers(before, 0, times, n, p->H);
  for (int64_t i = 0; st == PERI_OK && i < n; i++) {
    double *row = (double *)c->data + i * n;
    powers(now, times[i], times, n, p->H);
    for (int64_t j = 0; j < n; j++) row[j] = (double)((now[j] + before[j + 1] - before[j] - now[j + 1]) / 2);
    long double *swap = before;
    before = now, now = swap;
    st = peri_check_interrupt(p->cx);
  }
  if (d) peri_free(p->cx, d, bytes);
  if (st == PERI_OK) return factorise(p, c);
  peri_release(c);
  return st;
}
