/* kesten_moment.c - moments of |M e|, M = I - (c/b) sum of b terms g g^T, g ~ N(0, I_d), e a unit vector.
**
** With X ~ chi2_b, Y ~ chi2_{d-1}:  W = |M e|^2 = (1 - cX/b)^2 + (c/b)^2 X Y. Put S = X + Y ~ chi2_{b+d-1}, independent of the share T = X/S ~ Beta(b/2, (d-1)/2):
**
**     W = (1 - T) + T u^2,   u = 1 - cS/b.
**
** So E W^(r/2) is a mean over S of a mean over T of something smooth but for u = 0, T = 1. Both are taken by the trapezoidal rule in variables
** in which every singularity lies at infinity or off the real line by a fixed distance, where that rule converges exponentially:
**
**   T = 1/(1 + e^-s):  W^(r/2) = ((e^-s + u^2) / (1 + e^-s))^(r/2) is analytic for |Im s| < pi, however small u is;
**   S = (b/c) / (1 + e^-t) below the kink at b/c, where u = 1/(1 + e^t),  and S = (b/c) (1 + e^t) above it, where |u| = e^t.
**
** The error of a step h is e^(-2 pi a/h) for functions analytic in |Im| < a: h = 1/4 and 1/2 leave less than 1e-15. Powers narrow the peaks to
** 1/sqrt(power), and h with them. Weights are divided by their sum, so that h(0) = 1 to the last bit. Everything is added up in
** logarithms: h(r) overflows long before r is large.
** Source of the rule: Trefethen & Weideman, The exponentially convergent trapezoidal rule, SIAM Review 56 (2014).
*/
#include "process/kesten.h"
#include <math.h>

static const double depth = 40; /* terms below e^-40 of the largest are left out */

typedef struct { double top, sum; } log_sum; /* e^top sum */

static void add(log_sum *a, double l) {
  if (l <= a->top) {
    a->sum += exp(l - a->top);
    return;
  }
  a->sum = a->sum * exp(a->top - l) + 1;
  a->top = l;
}

/* ---- the share T, in s ---- */

typedef struct { int64_t n; double *t, *rest, *w; } shares; /* T, 1 - T, weight; n = 0: T = 1 */

static double log_beta_shape(double p, double q, double s) { /* p log T + q log(1 - T) */
  return -p * (s < 0 ? log1p(exp(s)) - s : log1p(exp(-s))) - q * (s > 0 ? log1p(exp(-s)) + s : log1p(exp(s)));
}

/* Where that concave function has fallen by `depth` from its maximum, on the side of `sign`. */
static double end_of(double p, double q, double sign) {
  double mode = log(p / q), least = log_beta_shape(p, q, mode) - depth, in = 0, out = 1;
  while (log_beta_shape(p, q, mode + sign * out) > least) in = out, out *= 2;
  for (int i = 0; i < 20; i++) {
    double mid = (in + out) / 2;
    if (log_beta_shape(p, q, mode + sign * mid) > least) in = mid;
    else out = mid;
  }
  return mode + sign * out;
}

static peri_status make_shares(peri_ctx *cx, shares *a, int64_t b, int64_t d, double r) {
  double p = (double)b / 2, q = (double)(d - 1) / 2, h = fmin(0.5, 1 / sqrt(fmin(p, q) + r / 2));
  *a = (shares){.n = 0};
  if (d == 1) return PERI_OK;
  double low = end_of(p, q + r / 2, -1), high = end_of(p + r / 2, q, 1), sum = 0; /* the peak lies between those for u = 0 and u = inf */
  double top = log_beta_shape(p, q, log(p / q));
  int64_t n = (int64_t)((high - low) / h) + 2;
  if (!(a->t = peri_alloc(cx, (size_t)n * 3 * sizeof(double)))) return cx->code;
  a->n = n, a->rest = a->t + n, a->w = a->rest + n;
  for (int64_t i = 0; i < n; i++) {
    double s = low + (double)i * h;
    a->t[i] = 1 / (1 + exp(-s)), a->rest[i] = 1 / (1 + exp(s));
    sum += a->w[i] = exp(log_beta_shape(p, q, s) - top);
  }
  for (int64_t i = 0; i < n; i++) a->w[i] /= sum;
  return PERI_OK;
}

/* log E_T W^(r/2), or E_T log W / 2 for r = 0. Above 1, u^2 is taken out. */
static double over_shares(const shares *a, double u, double log_u, double r) {
  if (a->n == 0) return r > 0 ? r * log_u : log_u;
  bool far = u > 1;
  double one = far ? 1 / u : 1, square = far ? 1 : u * u, sum = 0;
  one *= one;
  if (r > 0)
    for (int64_t i = 0; i < a->n; i++) sum += a->w[i] * pow(a->rest[i] * one + a->t[i] * square, r / 2);
  else
    for (int64_t i = 0; i < a->n; i++) sum += a->w[i] * log(a->rest[i] * one + a->t[i] * square) / 2;
  return r > 0 ? log(sum) + (far ? r * log_u : 0) : sum + (far ? log_u : 0);
}

/* ---- the sum S, in t ---- */

typedef struct { const shares *a; double r; log_sum weight, moment; double mean; } totals;

/* A node of weight e^l at |u|. */
static void node(totals *x, double l, double u, double log_u) {
  add(&x->weight, l);
  if (l + (x->r > 0 && u > 1 ? x->r * log_u : 0) < (x->r > 0 ? x->moment.top : 0) - depth) return;
  double v = over_shares(x->a, u, log_u, x->r);
  if (x->r > 0) add(&x->moment, l + v);
  else x->mean += exp(l) * v;
}

peri_status pri_kesten_moment(peri_ctx *cx, double c, int64_t b, int64_t d, double r, double *value) {
  shares a;
  if (make_shares(cx, &a, b, d, r)) return cx->code;
  int sign;
  double k = (double)(b + d - 1) / 2, split = (double)b / c, h = fmin(0.25, 0.7 / sqrt(k + r)), gamma = lgamma_r(k, &sign);
  double power = k + r, reach = power + sqrt(2 * depth * power) + depth; /* P(Gamma(power) > reach) < e^-depth */
  double least = 2 * exp((gamma + log(k) - depth) / k), start = least < split ? log(least / (split - least)) : depth;
  totals x = {.a = &a, .r = r, .weight = {-INFINITY, 0}, .moment = {-INFINITY, 0}};
  for (double t = h * floor(start / h); t <= depth && !pri_stopped(cx); t += h) {
    double u = 1 / (1 + exp(t)), half = split / (1 + exp(-t)) / 2;
    node(&x, k * log(half) - half - gamma + log(u), u, log(u));
  }
  double end = log(2 * reach / split) + h;
  for (double t = -h * floor(depth / h); t <= end && !pri_stopped(cx); t += h) {
    double u = exp(t), half = split * (1 + u) / 2;
    node(&x, (k - 1) * log(half) - half - gamma + log(split / 2) + t, u, t);
  }
  if (a.n > 0) peri_free(cx, a.t, (size_t)a.n * 3 * sizeof(double));
  double weight = log(x.weight.sum) + x.weight.top;
  *value = r > 0 ? log(x.moment.sum) + x.moment.top - weight : x.mean / exp(weight);
  return peri_check_interrupt(cx);
}
