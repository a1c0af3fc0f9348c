/* polygamma.c - digamma, its derivatives, and the Hurwitz zeta function.
**
** psi(x) = log x - 1/(2x) - sum_j B_2j / (2j x^2j) where x is large, brought there by psi(x) = psi(x + 1) - 1/x; its Taylor series about
** the positive zero, where the sum would cancel; the reflection psi(x) = psi(1 - x) - pi / tan(pi x) below 0.
** psi^(n)(x) = (-1)^(n+1) n! zeta(n + 1, x), and below 0 the n-th derivative of the reflection.
** zeta(s, q) by Euler and Maclaurin: a = q + N,
**     sum_{k < N} (q + k)^-s + a^(1-s)/(s - 1) + a^-s/2 + sum_j B_2j/(2j)! s (s+1) ... (s+2j-2) a^(1-s-2j).
** All in extended precision, rounded once. Sources: Abramowitz & Stegun, chapters 6 and 23; Johansson, Numer. Algorithms 69 (2015).
*/
#include "tensor/polygamma.h"
#include "tensor/elementwise_rules.h"
#include "tensor/rules.h"
#include <math.h>

#define PI_L 3.14159265358979323846264338327950288L

/* B_2j / (2j)! */
static const long double euler_maclaurin[] = {
    0.08333333333333333333333333L,      -0.001388888888888888888888889L,     0.00003306878306878306878306878L, -0.0000008267195767195767195767196L,
    2.087675698786809897921009e-8L,     -5.284190138687493184847682e-10L,    1.338253653068467883282698e-11L,  -3.389680296322582866830195e-13L,
    8.586062056277844564135905e-15L,    -2.174868698558061873041516e-16L,    5.509002828360229515202653e-18L,  -1.395446468581252334070769e-19L,
    3.53470703962946747169323e-21L,     -8.953517427037546850402611e-23L,    2.267952452337683060310951e-24L};
enum { EULER_MACLAURIN = sizeof euler_maclaurin / sizeof euler_maclaurin[0] };

static long double power(long double x, long double s) { /* x^-s */
  if (s != floorl(s) || fabsl(s) > 64) return powl(x, -s);
  long double r = 1, b = x;
  for (unsigned n = (unsigned)fabsl(s); n; n >>= 1, b *= b)
    if (n & 1) r *= b;
  return s < 0 ? r : 1 / r;
}

long double pri_hurwitz(long double s, long double q, bool finite) {
  if (isnan(s) || isnan(q) || q <= 0 || (s == 1 && !finite)) return s == 1 && q > 0 ? INFINITY : NAN;
  if (isinf(s)) return s > 0 ? (q > 1 ? 0 : q == 1 ? 1 : INFINITY) : NAN;
  if (isinf(q)) return s > 1 && !finite ? 0 : NAN;
  long double far = 10 + (s > 0 ? 0.7L * s : 0), sum = 0, a = q;
  for (; a < far; a += 1) {
    long double term = power(a, s);
    sum += term;
    if (s > 20 && term <= 1e-22L * sum && !finite) return sum; /* never so many terms that s = 1e300 would hang */
  }
  long double tail = power(a, s), integral;
  if (finite) integral = s == 1 ? -logl(a) : expm1l((1 - s) * logl(a)) / (s - 1);
  else integral = a * tail / (s - 1);
  long double corrections = 0, rising = s, down = tail / a;
  for (int j = 0; j < EULER_MACLAURIN; j++) {
    long double term = euler_maclaurin[j] * rising * down;
    corrections += term;
    if (fabsl(term) < 1e-22L * fabsl(tail)) break;
    rising *= (s + 2 * j + 1) * (s + 2 * j + 2);
    down /= a * a;
  }
  return sum + (integral + (tail / 2 + corrections));
}

/* ---- digamma ---- */

/* The zero of psi is root_hi + root_lo; psi^(j)(zero) / j!, j = 1, 2, ... */
static const double root_hi = 0x1.762d86356be3fp+0;
static const long double root_lo = 9.549995429965697715184199e-17L;
static const long double at_root[] = {0.9676722454476211704274448L,   -0.4427631689835921060928653L,  0.2584997609556510106244014L,
                                      -0.1639427054424065275042513L,  0.1078240506912623657571829L,   -0.07219956125645471092612178L,
                                      0.04880428816414310722509253L,  -0.0331611264748473592922584L,  0.02259764823221810465962483L,
                                      -0.01542476590494895913880032L, 0.01053879161661217538812405L,  -0.007204534386356868240970474L};

/* B_2j / 2j */
static const long double stirling[] = {0.08333333333333333333333333L, -0.008333333333333333333333333L, 0.003968253968253968253968254L,
                                       -0.004166666666666666666666667L, 0.007575757575757575757575758L, -0.0210927960927960927960928L,
                                       0.08333333333333333333333333L, -0.4432598039215686274509804L, 3.053954330270119743803954L,
                                       -26.45621212121212121212121L};

static long double horner(const long double *c, int n, long double x) {
  long double r = c[n - 1];
  for (int i = n - 2; i >= 0; i--) r = r * x + c[i];
  return r;
}

static long double digamma_positive(long double x) {
  long double below = 0;
  for (; x < 16; x += 1) below += 1 / x;
  long double w = 1 / (x * x);
  return logl(x) - 0.5L / x - w * horner(stirling, sizeof stirling / sizeof stirling[0], w) - below;
}

/* x - round(x), exact: what trigonometric functions of pi x need. */
static double fraction(double x) { return x - nearbyint(x); }

double pri_digamma(double x) {
  if (x == 0) return signbit(x) ? INFINITY : -INFINITY;
  if (isnan(x) || isinf(x)) return x > 0 ? x : NAN;
  if (x < 0) {
    double f = fraction(x);
    return f == 0 ? NAN : (double)(digamma_positive(1 - (long double)x) - PI_L / tanl(PI_L * f));
  }
  if (fabs(x - root_hi) < 0.03) {
    long double d = (long double)(x - root_hi) - root_lo;
    return (double)(d * horner(at_root, sizeof at_root / sizeof at_root[0], d));
  }
  return (double)digamma_positive(x);
}

/* ---- polygamma ---- */

enum { MAX_REFLECTED = 100 };

/* The n-th derivative of pi cot(pi x): pi^(n+1) P_n(c), c = cot(pi x), P_0 = c, P_{n+1} = -(1 + c^2) P_n'. */
static long double cotangent(double x, int n) {
  long double p[MAX_REFLECTED + 3] = {0, 1}, next[MAX_REFLECTED + 3], c = 1 / tanl(PI_L * fraction(x)), scale = PI_L;
  for (int k = 0; k < n; k++) {
    for (int i = 0; i <= k + 2; i++) next[i] = 0;
    for (int i = 1; i <= k + 1; i++) {
      next[i - 1] -= i * p[i];
      next[i + 1] -= i * p[i];
    }
    for (int i = 0; i <= k + 2; i++) p[i] = next[i];
    scale *= PI_L;
  }
  return scale * horner(p, n + 2, c);
}

double pri_polygamma(double x, double n) {
  if (isnan(x) || !(n >= 0) || n != floor(n)) return NAN;
  if (n == 0) return pri_digamma(x);
  bool odd = fmod(n, 2) != 0;
  if (x > 0) {
    if (isinf(x)) return 0;
    long double r = tgammal(n + 1) * pri_hurwitz(n + 1, x, false);
    return (double)(odd ? r : -r);
  }
  if (x == 0) return odd || signbit(x) ? INFINITY : -INFINITY;
  if (fraction(x) == 0 || isinf(x) || n > MAX_REFLECTED) return NAN;
  /* psi(1 - x) - psi(x) = pi cot(pi x), differentiated */
  long double mirrored = tgammal(n + 1) * pri_hurwitz(n + 1, 1 - (long double)x, false); /* |psi^(n)(1 - x)|; the signs cancel to -1 */
  return (double)(-mirrored - cotangent(x, (int)n));
}

/* ---- the primitives' rules ---- */

static peri_tensor *next_order(peri_tensor *x, peri_tensor *n) { return r2(peri_polygamma, keep(x), r2(peri_add, keep(n), number(n, 1))); }

peri_status pri_vjp_lgamma(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *x = p->in[0];
  grads[0] = pri_unbroadcast(r2(peri_mul, keep(p->cotangents[0]), r1(peri_digamma, keep(x))), x);
  return ruled(p, grads);
}

peri_status pri_vjp_digamma(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *x = p->in[0];
  grads[0] = pri_unbroadcast(r2(peri_mul, keep(p->cotangents[0]), r2(peri_polygamma, keep(x), number(x, 1))), x);
  return ruled(p, grads);
}

peri_status pri_vjp_polygamma(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *x = p->in[0];
  if (needs(p, 1))
    return peri_fail(x->cx, PERI_ERR_STATE, "%s: there is no gradient in the order n; ad.stop(n) makes it a constant if that is meant", p->op->name);
  if (needs(p, 0)) grads[0] = pri_unbroadcast(r2(peri_mul, keep(p->cotangents[0]), next_order(x, p->in[1])), x);
  return ruled(p, grads);
}
