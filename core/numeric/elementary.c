/* elementary.c - Lambert's W, the exponential integral, and modified Bessel functions.
**
** W e^W = x by Halley's iteration; near the branch point -1/e from the series in p = sqrt(2 (e x + 1)), e x + 1 with the rounding of e.
** E1(x) = int_x^inf e^-t / t dt: -gamma - log x - sum (-x)^k / (k k!) up to 2, the continued fraction beyond.
** I_nu(x) = sum_k (x/2)^(2k+nu) / (k! Gamma(k+nu+1)), all terms positive, summed outwards from the largest, times e^-x.
** K_nu(x) = int_0^inf e^(-x cosh t) cosh(nu t) dt, times e^x, by the trapezoidal rule, which converges geometrically for such integrands.
** Sources: Corless et al., Adv. Comput. Math. 5 (1996); Abramowitz & Stegun 5.1, 9.6; Trefethen & Weideman, SIAM Review 56 (2014).
*/
#include "numeric/special.h"

#define E_HIGH 2.71828182845904523542816810799L

/* e x + 1 to extended precision; x near -1/e. e = E_HIGH + e_low, and E_HIGH x is not rounded by the fused operation. */
static long double above_branch(double x) {
  const long double e_high = E_HIGH, e_low = -6.788063664127784117170386e-20L; /* e_high is e rounded to 64 bits */
  return fmal(e_high, x, 1) + e_low * x;
}

static long double halley(long double w, long double x) {
  for (int i = 0; i < 50; i++) {
    long double e = expl(w), f = w - x / e, up = w + 1; /* (w e^w - x) / e^w */
    long double step = f / (up - (w + 2) * f / (2 * up));
    w -= step;
    if (fabsl(step) < 1e-13L * fabsl(w)) break;
  }
  return w;
}

/* -1 + p - p^2/3 + 11 p^3/72 - 43 p^4/540 + 769 p^5/17280 - 221 p^6/8505, either sign of p */
static long double branch_series(long double p) {
  return -1 + p * (1 + p * (-1 / 3.0L + p * (11 / 72.0L + p * (-43 / 540.0L + p * (769 / 17280.0L - p * (221 / 8505.0L))))));
}

/* The double next to -1/e lies below it; what rounds to it is meant to be the branch point. */
static long double from_branch(double x) {
  long double above = x > -0.4 && x < -0.3 ? above_branch(x) : x <= -0.4 ? -1 : 1;
  return above < 0 && above > -1e-16L ? 0 : above;
}

double peri_fn_lambert_w(double x) {
  long double above = from_branch(x);
  if (isnan(x) || above < 0) return NAN;
  if (x == 0 || isinf(x)) return x;
  long double p = sqrtl(2 * above);
  if (x < -0.3) return (double)(p < 1e-3L ? branch_series(p) : halley(branch_series(p), x));
  if (x < 3) return (double)halley(log1pl(x), x);
  long double l = logl(x);
  return (double)halley(l - logl(l), x);
}

double peri_fn_lambert_wm1(double x) {
  long double above = from_branch(x);
  if (isnan(x) || above < 0 || x > 0) return NAN;
  if (x == 0) return -INFINITY;
  long double p = sqrtl(2 * above);
  if (x < -0.3) return (double)(p < 1e-3L ? branch_series(-p) : halley(branch_series(-p), x));
  long double l = logl(-(long double)x), w = l - logl(-l);
  if (x < -0.2) w = -1 - sqrtl(2 * (-1 - l)) - (-1 - l) / 3 * 2;
  /* w + log(-w) = log(-x): Newton's method on logarithms, which neither overflows nor leaves the branch */
  for (int i = 0; i < 60; i++) {
    long double step = (w + logl(-w) - l) / (1 + 1 / w);
    w -= step;
    if (w > -1) w = -1 - 1e-3L;
    if (fabsl(step) < 1e-13L * fabsl(w)) break;
  }
  return (double)w;
}

double peri_fn_expint_e1(double x) {
  if (isnan(x) || x < 0) return NAN;
  if (x == 0) return INFINITY;
  if (x <= 2) {
    long double sum = 0, term = 1;
    for (int k = 1; k < 60; k++) {
      term *= -(long double)x / k;
      sum += term / k;
      if (fabsl(term) < 1e-22L) break;
    }
    return (double)(-PRI_EULER - logl(x) - sum);
  }
  if (x > 12000) return 0;
  long double b = (long double)x + 1, c = 0, d = 1 / b, h = d;
  for (int n = 1; n < 1000; n++) {
    long double num = -(long double)n * n;
    b += 2;
    d = 1 / (num * d + b);
    c = n == 1 ? b : b + num / c;
    h *= c * d;
    if (fabsl(c * d - 1) < 2e-19L) break;
  }
  return (double)(h * expl(-(long double)x));
}

/* ---- Bessel functions ---- */

/* log of (x/2)^(2k+nu) e^-x / (k! Gamma(k+nu+1)). From k = 1 on, with w = x/2 and m = k + nu, as
** -k phi(w/k - 1) - m phi(w/m - 1) - log(km)/2 - log(2 pi) - rests, phi(r) = r - log(1+r): the large parts have cancelled. */
static long double log_largest(long double nu, long double x, long double k) {
  long double w = x / 2, m = k + nu;
  if (k < 1) return nu * logl(w) - lgammal(nu + 1) - x;
  return -k * pri_log_excess((w - k) / k, w / k) - m * pri_log_excess((w - m) / m, w / m) - logl(k * m) / 2 - 2 * PRI_HALF_LOG_2PI -
         pri_stirling_rest(k) - pri_stirling_rest(m);
}

/* Limits that bound the time; beyond them NaN. */
#define MAX_LARGEST 1e8 /* index of the largest term of I */
#define MAX_ORDER_K 1e4

double peri_fn_bessel_ie(double nu, double x) {
  if (isnan(nu) || isnan(x) || nu < 0 || x < 0 || isinf(nu)) return NAN;
  if (x == 0) return nu == 0;
  if (isinf(x)) return 0;
  long double z = x, mu = 4 * (long double)nu * nu;
  if (z > 30 && z > 2 * (long double)nu * nu) { /* Hankel's expansion; what it leaves out is e^-2x */
    long double sum = 1, term = 1;
    for (int k = 1; k < 200; k++) {
      long double next = -term * (mu - (2.0L * k - 1) * (2.0L * k - 1)) / (8 * z * k);
      if (fabsl(next) > fabsl(term) || fabsl(next) < 1e-21L * fabsl(sum)) break;
      sum += term = next;
    }
    return (double)(sum / sqrtl(2 * PRI_PI * z));
  }
  long double q = z * z / 4, top = floorl((sqrtl(nu * (long double)nu + z * z) - nu) / 2), sum = 1,
              term = 1; /* k (k + nu) = q at the largest */
  if (top > MAX_LARGEST) return NAN;
  for (long double k = top; term > 1e-21L * sum; k += 1) sum += term *= q / ((k + 1) * (k + 1 + nu));
  term = 1;
  for (long double k = top; k > 0 && term > 1e-21L * sum; k -= 1) sum += term *= k * (k + nu) / q;
  return (double)(sum * expl(log_largest(nu, z, top)));
}

/* The integrand at t, relative to its peak: e^(x (1 - cosh t) + nu t) (1 + e^(-2 nu t))/2. */
static long double integrand(long double nu, long double x, long double t, long double peak) {
  long double s = sinhl(t / 2);
  return expl(-2 * x * s * s + nu * t - peak) * (1 + expl(-2 * nu * t)) / 2;
}

double peri_fn_bessel_ke(double nu, double x) {
  if (isnan(nu) || isnan(x) || x < 0 || fabs(nu) > MAX_ORDER_K) return NAN;
  if (x == 0) return INFINITY;
  if (isinf(x)) return 0;
  nu = fabs(nu);
  long double z = x, h = fminl(0.125L, 0.5L / sqrtl(hypotl(z, nu)));
  long double top = asinhl(nu / z), half = sinhl(top / 2), peak = -2 * z * half * half + nu * top, sum = 0;
  int64_t middle = (int64_t)(top / h);
  for (int64_t k = middle + 1;; k++) {
    long double term = integrand(nu, z, k * h, peak);
    sum += term;
    if (term <= 1e-21L * sum) break;
  }
  for (int64_t k = middle; k >= 0; k--) {
    long double term = integrand(nu, z, k * h, peak);
    sum += k ? term : term / 2;
    if (term <= 1e-21L * sum) break;
  }
  return (double)expl(logl(sum * h) + peak);
}
