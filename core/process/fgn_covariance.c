/* fgn_covariance.c - autocovariance of unit fractional Gaussian noise, to full precision at every lag.
**
**     gamma(k) = (|k+1|^2H - 2 |k|^2H + |k-1|^2H) / 2,  gamma(0) = 1,  gamma(1) = 2^(2H-1) - 1.
**
** As it stands the second difference loses k^2 in precision, and 1/|2H-1| more near H = 1/2. From k = 2 on we sum the binomial series
**     gamma(k) = k^2H sum_{m>=1} binomial(2H, 2m) k^-2m,
** whose terms all have the sign of 2H - 1 because the factors (2H - 2m)(2H - 2m - 1) are positive for m >= 1: nothing
** cancels, and 2H - 1 is exact or as good as 2H. The power of an even lag is that of its half times 2^(2H-2).
** Source: Mandelbrot & Van Ness (1968), SIAM Review 10, for gamma.
*/
#include "process/fgn.h"
#include <float.h>
#include <math.h>

enum { TERMS = 32 }; /* at k = 2 the terms fall like 4^-m: 27 are enough */

/* sum_{m>=1} c[m-1] x^(m-1), of non-negative relative terms; stops when the next one no longer counts. */
static double series(const double *c, double x) {
  double sum = c[0], power = x;
  for (int m = 1; m < TERMS; m++, power *= x) {
    double term = c[m] * power;
    sum += term;
    if (fabs(term) < DBL_EPSILON / 8 * fabs(sum)) break;
  }
  return sum;
}

/* c[m] = binomial(2H, 2m+2) */
static void binomials(double H, double *c) {
  double h = 2 * H;
  c[0] = H * (h - 1);
  for (int m = 1; m < TERMS; m++) c[m] = c[m - 1] * ((h - 2 * m) / (2 * m + 1)) * ((h - 2 * m - 1) / (2 * m + 2));
}

double pri_fgn_gamma(double H, double k) {
  double c[TERMS];
  k = fabs(k);
  if (k == 0) return 1;
  if (k == 1) return expm1((2 * H - 1) * M_LN2);
  binomials(H, c);
  return pow(k, 2 * H - 2) * series(c, 1 / (k * k));
}

/* Beyond k = 64 four terms are enough. Their sum in Horner's form. */
static double far(const double *c, double x) { return c[0] + x * (c[1] + x * (c[2] + x * (c[3] + x * c[4]))); }

void pri_fgn_gammas(double H, double *g, int64_t n) {
  enum { NEAR = 64 };
  double c[TERMS], half = exp2(2 * H - 2);
  binomials(H, c);
  for (int64_t k = 0; k < n && k < 2; k++) g[k] = pri_fgn_gamma(H, (double)k);
  for (int64_t k = 2; k < n; k++) g[k] = k % 2 ? pow((double)k, 2 * H - 2) : k == 2 ? half : half * g[k / 2];
  for (int64_t k = 2; k < n; k++) {
    double x = 1 / ((double)k * (double)k);
    g[k] *= k < NEAR ? series(c, x) : far(c, x);
  }
}
