/* roots.c - e^(-2 pi i k / n), the angle taken into the first octant exactly, then from two tables in extended precision.
**
** An angle of a = i B + j units the root is the product of the roots of i B and of j: two tables of about sqrt(n / 2) long doubles instead of one sine
** and cosine a root. The product is off by 2^-63, so its rounding to double is nearly always the right one. Quarter turns are
** exact because their a is 0.
*/
#include "fft/roots.h"
#include <math.h>

static void exact_root(int64_t n, int64_t k, long double w[2]) {
  long double a = 6.283185307179586476925286766559005768L * (long double)k / (long double)n;
  w[0] = cosl(a);
  w[1] = sinl(a);
}

peri_status pri_roots_open(peri_ctx *cx, pri_roots *r, int64_t n) {
  int64_t most = n / 2 + 1, step = 1; /* an eighth of a turn, in units of 1 / (4 n) */
  while (step * step < most) step *= 2;
  *r = (pri_roots){cx, n, step, NULL, most / step + 1 + step};
  if (!(r->coarse = peri_alloc(cx, (size_t)r->many * 2 * sizeof *r->coarse))) return cx->code;
  int64_t coarse = r->many - step;
  for (int64_t i = 0; i < coarse; i++) exact_root(4 * n, i * step, r->coarse + 2 * i);
  for (int64_t j = 0; j < step; j++) exact_root(4 * n, j, r->coarse + 2 * (coarse + j));
  return PERI_OK;
}

void pri_roots_close(pri_roots *r) {
  if (r->coarse) peri_free(r->cx, r->coarse, (size_t)r->many * 2 * sizeof *r->coarse);
  r->coarse = NULL;
}

void pri_root(const pri_roots *r, int64_t k, double w[2]) {
  const int64_t n = r->n;
  int64_t a = 4 * k; /* a whole turn is 4 n, so reflections in the axes and in the diagonal stay whole */
  bool below = a > 2 * n, left, swap;
  if (below) a = 4 * n - a;
  if ((left = a > n)) a = 2 * n - a;
  if ((swap = 2 * a > n)) a = n - a;
  const long double *p = r->coarse + 2 * (a / r->step), *q = r->coarse + 2 * (r->many - r->step + a % r->step);
  double c = (double)(p[0] * q[0] - p[1] * q[1]), s = (double)(p[0] * q[1] + p[1] * q[0]);
  w[0] = swap ? s : c;
  w[1] = swap ? c : s;
  if (left) w[0] = -w[0];
  if (!below) w[1] = -w[1];
}
