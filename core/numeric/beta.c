/* beta.c - the incomplete beta function P = I_x(a, b) = int_0^x t^(a-1) (1-t)^(b-1) dt / B(a, b), Q = 1 - P = I_{1-x}(b, a), and its
** density.
**
** I_x(a, b) = d / (beta_0 + alpha_1/(beta_1 + alpha_2/(beta_2 + ...))) for x below (a+1)/(a+b+2), the mirror image above, d = x^a y^b /
** B(a, b),
**     alpha_n = (a+n-1) (a+b+n-1) n (b-n) x^2 / (a+2n-1)^2,   beta_n = n + n (b-n) x / (a+2n-1) + (a+n)/(a+2n+1) (l + 1 + n (1+y)),
** y = 1 - x, l = a y - b x (every second convergent of the common fraction, which loses digits where x is near 1 and a large). Relative
** to its
** value at the mean a/(a+b),  log d = -(a phi(u) + b phi(v)) + log(ab / 2 pi (a+b))/2 + rests,
** phi(m) = m - log(1+m), u = (x b - y a)/a, v = -(x b - y a)/b: nothing cancels for large a and b. The time grows as sqrt(a + b).
** Sources: Didonato & Morris, ACM TOMS 18 (1992), equation 9.
*/
#include "numeric/special.h"

long double pri_beta_log_d(double a, double b, long double x, long double y) {
  long double s = (long double)a + b, off = x * b - y * a;
  return -(a * pri_log_excess(off / a, x * s / a) + b * pri_log_excess(-off / b, y * s / b)) + 0.5L * (logl(a) + logl(b / s)) -
         PRI_HALF_LOG_2PI + (pri_stirling_rest(s) - pri_stirling_rest(a) - pri_stirling_rest(b));
}

enum { MAX_TERMS = 200000 }; /* enough for a + b = 1e10; beyond, NaN */

/* I_x(a, b) / d by Lentz's algorithm; y = 1 - x. */
static long double fraction(long double a, long double b, long double x, long double y) {
  const long double tiny = 1e-3000L;
  long double lambda = a * y - b * x, f = a / (a + 1) * (lambda + 1), c = f, d = 0;
  if (fabsl(f) < tiny) f = c = tiny;
  for (int n = 1; n < MAX_TERMS; n++) {
    long double w = a + 2 * n - 1, beta = n + n * (b - n) * x / w + (a + n) / (w + 2) * (lambda + 1 + n * (1 + y));
    long double alpha = (a + n - 1) * (a + b + n - 1) / w * (n * (b - n) * x / w) * x;
    d = beta + alpha * d, c = beta + alpha / c;
    d = 1 / (fabsl(d) < tiny ? tiny : d), c = fabsl(c) < tiny ? tiny : c;
    f *= c * d;
    if (fabsl(c * d - 1) < 2e-19L) return 1 / f;
  }
  return NAN;
}

pri_tail pri_beta_tail(double a, double b, long double x, long double y) {
  if (isnan(x) || !(a > 0) || !(b > 0) || isinf(a) || isinf(b) || x < 0 || x > 1) return (pri_tail){.invalid = true};
  if (x == 0 || y == 0) return (pri_tail){.lower = x == 0, .factor = 0};
  long double log_d = pri_beta_log_d(a, b, x, y);
  if (x < ((long double)a + 1) / ((long double)a + b + 2)) return (pri_tail){.lower = true, .log_d = log_d, .factor = fraction(a, b, x, y)};
  return (pri_tail){.log_d = log_d, .factor = fraction(b, a, y, x)};
}

static pri_tail tail(double a, double b, double x) { return pri_beta_tail(a, b, x, 1 - (long double)x); }

double peri_fn_beta_p(double a, double b, double x) {
  pri_tail t = tail(a, b, x);
  return pri_tail_of(&t, true);
}
double peri_fn_beta_q(double a, double b, double x) {
  pri_tail t = tail(a, b, x);
  return pri_tail_of(&t, false);
}
double peri_fn_log_beta_p(double a, double b, double x) {
  pri_tail t = tail(a, b, x);
  return (double)pri_log_tail(&t, true);
}
double peri_fn_log_beta_q(double a, double b, double x) {
  pri_tail t = tail(a, b, x);
  return (double)pri_log_tail(&t, false);
}

/* The density's limit at an end where its exponent is e. */
static double at_end(double e, double log_other) { return e < 1 ? INFINITY : e > 1 ? -INFINITY : log_other; }

double peri_fn_beta_log_density(double a, double b, double x) {
  if (isnan(x) || !(a > 0) || !(b > 0) || isinf(a) || isinf(b)) return NAN;
  if (x < 0 || x > 1) return -INFINITY;
  if (x == 0) return at_end(a, log(b));
  if (x == 1) return at_end(b, log(a));
  long double y = 1 - (long double)x;
  return (double)(pri_beta_log_d(a, b, x, y) - logl(x) - logl(y));
}
