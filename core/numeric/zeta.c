/* zeta.c - the zeta functions and the polylogarithm Li_s(x) = sum_k x^k / k^s of real order, -1 <= x <= 1.
**
** zeta(s): Euler and Maclaurin (core/tensor/polygamma.c), the functional equation below -1/2.
** Li_s(x): the series for small |x|; else in m = log|x|,
**     Li_s(e^m)  = Gamma(1-s) (-m)^(s-1) + sum_k zeta(s-k) m^k / k!
**     Li_s(-e^m) = -sum_k eta(s-k) m^k / k!,                            eta(s) = (1 - 2^(1-s)) zeta(s).
** Near an integer s = n + e >= 1 the first term and that of k = n-1 are infinite together; their sum is
**     (-1)^(n-1) (-m)^(n-1) / (n-1)! [zeta(1+e) - 1/e - (R - 1)/e],   R = (pi e / sin pi e) Gamma(n)/Gamma(n+e) (-m)^e.
** Source: Wood, The computation of polylogarithms (Kent, 1992); Crandall, Note on fast polylogarithm computation (2006).
*/
#include "numeric/special.h"
#include "tensor/polygamma.h"

long double pri_riemann(long double s, bool finite) {
  if (s > -0.5L) return pri_hurwitz(s, 1, finite);
  long double quarter = fmodl(s, 4); /* the sine of pi s / 2, exact where it vanishes */
  if (fmodl(s, 2) == 0) return finite ? -1 / (s - 1) : 0;
  long double z = powl(2 * PRI_PI, s) / PRI_PI * sinl(PRI_PI * quarter / 2) * tgammal(1 - s) * pri_hurwitz(1 - s, 1, false);
  return finite ? z - 1 / (s - 1) : z;
}

static long double eta(long double s) {
  long double t = (1 - s) * PRI_LN2;
  if (fabsl(t) > 0.3L) return -expm1l(t) * pri_riemann(s, false);
  return PRI_LN2 * (t == 0 ? 1 : expm1l(t) / t) - expm1l(t) * pri_riemann(s, true);
}

double peri_fn_zeta(double s) { return s == 1 ? INFINITY : (double)pri_riemann(s, false); }
double peri_fn_hurwitz_zeta(double s, double q) { return s > -10 ? (double)pri_hurwitz(s, q, false) : NAN; }

/* ---- the polylogarithm ---- */

static long double power_series(long double s, long double x) {
  long double sum = 0, xk = 1, peak = s < 0 ? s / logl(fabsl(x)) : 0; /* where k^-s |x|^k is largest */
  for (int k = 1; k < 100000; k++) {
    xk *= x;
    long double term = xk * powl(k, -s);
    sum += term;
    if (k > peak && fabsl(term) < 1e-21L * fabsl(sum)) break;
  }
  return sum;
}

/* log(Gamma(n + e) / Gamma(n)), |e| <= 0.05 */
static long double log_gamma_ratio(int n, long double e) {
  long double r = 0, ek = e;
  for (int k = 0; k < 18; k++, ek *= e) {
    long double psi = k == 0 ? -PRI_EULER : (k % 2 ? 1 : -1) * pri_riemann(k + 1, false); /* psi^(k)(1) / k! */
    for (int j = 1; j < n; j++) psi += (k % 2 ? -1 : 1) * powl(j, -k - 1);
    r += psi * ek / (k + 1);
  }
  return r;
}

static long double pole_pair(int n, long double e, long double l) {
  long double factor = n % 2 ? 1 : -1;
  for (int j = 1; j < n; j++) factor *= l / j;
  long double z = pri_hurwitz(1 + e, 1, true), slope;
  if (e == 0) {
    slope = PRI_EULER + logl(l); /* -psi(n) + log l */
    for (int j = 1; j < n; j++) slope -= 1.0L / j;
  } else {
    long double pe = PRI_PI * e, w = pe * pe,
                sinc = w * (1 / 6.0L + w * (1 / 180.0L + w * (1 / 2835.0L + w / 37800))); /* log(pe / sin pe) */
    slope = expm1l(sinc - log_gamma_ratio(n, e) + e * logl(l)) / e;
  }
  return factor * (z - slope);
}

static long double near_one(long double s, long double x) {
  long double m = logl(x), l = -m, sum = 0, mk = 1;
  int n = (int)lrintl(s), skip = -1;
  long double e = s - n;
  if (n >= 1 && n < 60 && fabsl(e) <= 0.02L)
    sum = pole_pair(n, e, l), skip = n - 1;
  else
    sum = tgammal(1 - s) * powl(l, s - 1);
  int small = 0; /* zeta vanishes at every other negative integer: look at two terms */
  for (int k = 0; k < 400 && small < 2; mk *= m / ++k) {
    if (k == skip) continue;
    long double term = pri_riemann(s - k, false) * mk;
    sum += term;
    small = k > s && fabsl(term) <= 1e-21L * fabsl(sum) ? small + 1 : 0;
  }
  return sum;
}

static long double near_minus_one(long double s, long double x) {
  long double m = logl(-x), sum = 0, mk = 1;
  int small = 0;
  for (int k = 0; k < 400 && small < 2; mk *= m / ++k) {
    long double term = eta(s - k) * mk;
    sum += term;
    small = fabsl(term) <= 1e-21L * fabsl(sum) ? small + 1 : 0; /* so does eta */
  }
  return -sum;
}

double peri_fn_polylog(double s, double x) {
  if (isnan(s) || !(fabs(x) <= 1) || fabs(s) > 1000) return NAN;
  if (x == 0) return x;
  if (s == 0) return x == 1 ? INFINITY : (double)(x / (1 - (long double)x));
  if (s == 1) return (double)-log1pl(-(long double)x);
  if (x == 1) return s > 1 ? (double)pri_riemann(s, false) : INFINITY;
  if (s > 70 || (x > 0 && x < 0.6) || (x < 0 && x > (s < 0 ? -0.15 : -0.5))) return (double)power_series(s, x);
  return (double)(x > 0 ? near_one(s, x) : near_minus_one(s, x));
}
