/* normal.c - the normal law far into its tails, and arithmetic with logarithms of probabilities.
**
** erfcx(z) = e^(z^2) erfc(z): the product for z < 4, the continued fraction (1/sqrt pi) / (z + (1/2)/(z + 1/(z + (3/2)/(z + ...)))) beyond.
** log Phi(x) = log(erfcx(-x/sqrt 2)/2) - x^2/2 below 0, log1p(-erfc(x/sqrt 2)/2) above. Its inverse by Newton's method from
** -sqrt(-2 log p), which lies left of the root: log Phi is concave, so the steps never pass it.
** Sources: Cody, Math. Comp. 23 (1969); Maechler, Accurately computing log(1 - exp(-|a|)) (2012).
*/
#include "numeric/special.h"

#define SQRT2 1.41421356237309504880168872420969807857L
#define SQRT_PI 1.77245385090551602729816748334114518280L

long double pri_erfcx(long double z) {
  if (z < 0) return z < -110 ? INFINITY : 2 * expl(z * z) - pri_erfcx(-z);
  if (z < 4) return expl(z * z) * erfcl(z);
  if (z > 1e10L) return 1 / (SQRT_PI * z);
  long double t = z;
  for (int n = (int)(20 + 800 / (z * z)); n > 0; n--) t = z + 0.5L * n / t;
  return 1 / (SQRT_PI * t);
}

long double pri_log_cdf(long double x) {
  if (x >= 0) return log1pl(-0.5L * erfcl(x / SQRT2));
  return logl(0.5L * pri_erfcx(-x / SQRT2)) - x * x / 2;
}

long double pri_log_quantile(long double log_p) {
  if (isinf(log_p)) return -INFINITY;
  long double x = -sqrtl(-2 * log_p);
  for (int i = 0; i < 60; i++) {
    long double slope = SQRT2 / (SQRT_PI * pri_erfcx(-x / SQRT2)); /* phi / Phi */
    long double step = (log_p - pri_log_cdf(x)) / slope;
    x += step;
    if (fabsl(step) < 1e-12L * fmaxl(1, fabsl(x))) break;
  }
  return x;
}

double peri_fn_erfcx(double x) { return (double)pri_erfcx(x); }
double peri_fn_log_normal_cdf(double x) { return (double)pri_log_cdf(x); }

double peri_fn_log_normal_quantile(double log_p) {
  if (!(log_p <= 0)) return NAN;
  if (log_p == 0) return INFINITY;
  if (log_p <= -PRI_LN2) return (double)pri_log_quantile(log_p);
  return (double)-pri_log_quantile(logl(-expm1l(log_p)));
}

/* ---- logarithms ---- */

static long double log1m_exp(long double x) { return x > -PRI_LN2 ? logl(-expm1l(x)) : log1pl(-expl(x)); }

double peri_fn_log1m_exp(double x) { return x > 0 ? NAN : (double)log1m_exp(x); }

double peri_fn_log_add_exp(double a, double b) {
  double hi = fmax(a, b), lo = fmin(a, b);
  if (isnan(a) || isnan(b)) return NAN;
  if (isinf(hi) || isinf(lo)) return hi;
  return (double)(hi + log1pl(expl((long double)lo - hi)));
}

double peri_fn_log_diff_exp(double a, double b) {
  if (!(a >= b)) return NAN;
  if (a == b) return -INFINITY;
  if (isinf(a) || isinf(b)) return a;
  return (double)(a + log1m_exp((long double)b - a));
}

/* Narrow intervals, where log Phi(a) and log Phi(b) would cancel: the density about the middle m, e^(-m t - t^2/2), by Gauss's rule of
** eight points, exact to rounding for |m h| <= 1/2. */
static long double narrow(long double a, long double b) {
  static const long double t[] = {0.1834346424956498049394761L, 0.5255324099163289858177390L, 0.7966664774136267395915539L,
                                  0.9602898564975362316835609L};
  static const long double w[] = {0.3626837833783619829651504L, 0.3137066458778872873379622L, 0.222381034453374470544356L,
                                  0.1012285362903762591525314L};
  long double h = (b - a) / 2, m = (a + b) / 2, sum = 0;
  for (int i = 0; i < 4; i++) {
    long double u = h * t[i];
    sum += 2 * w[i] * expl(-u * u / 2) * coshl(m * u);
  }
  return logl(h * sum) - m * m / 2 - PRI_HALF_LOG_2PI;
}

double peri_fn_log_normal_interval(double a, double b) {
  if (!(a <= b)) return NAN;
  if (a == b) return -INFINITY;
  if (a > 0) return peri_fn_log_normal_interval(-b, -a);
  long double h = ((long double)b - a) / 2;
  if (h * fmaxl(fabsl((long double)a), fabsl((long double)b)) < 0.5L && h < 0.5L) return (double)narrow(a, b);
  if (isinf(a)) return (double)pri_log_cdf(b);
  if (b > 0) return (double)log1pl(-(expl(pri_log_cdf(a)) + expl(pri_log_cdf(-(long double)b)))); /* 1 less both tails */
  long double upper = pri_log_cdf(b);
  return (double)(upper + log1m_exp(pri_log_cdf(a) - upper));
}
