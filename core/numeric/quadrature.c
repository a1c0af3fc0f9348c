/* quadrature.c - integrals of functions of one variable.
**
** Infinite ranges become finite: x = a + t/(1-t) on [0, 1), x = t/(1-t^2) on (-1, 1). Break points split the range.
** Gauss-Kronrod: the interval with the largest estimate is halved until the sum of estimates is small. The estimate of one interval is
** that of
** QUADPACK: with K and G the rules of 21 and 10 points, A = int |f - mean|, e = A min(1, (200 |K - G| / A)^1.5), at least 50 eps int |f|.
** Tanh-sinh: x = tanh(pi/2 sinh u) makes the integrand vanish double-exponentially at both ends, whatever its singularity, and the
** trapezoidal rule in u, halved level by level, converges geometrically; the difference of two levels is the estimate.
** Sources: Piessens et al., QUADPACK (1983); Takahasi & Mori, Publ. RIMS 9 (1974).
*/
#include "numeric/host.h"
#include <float.h>
#include <stdlib.h>
#include <string.h>

#define WHO "numeric.integrate"

typedef struct {
  peri_ctx *cx;
  peri_number_fn f;
  void *ud;
  double a, b; /* the range; its infinite ends are what `kind` says */
  enum { FINITE, UP, DOWN, LINE } kind;
  int64_t evaluations;
} integrand;

/* The integrand at t, in the variable of the finite range, with the derivative of the change of variable. */
static peri_status at(integrand *g, double t, double *y) {
  double x = t, slope = 1;
  switch (g->kind) {
  case FINITE: break;
  case UP: x = g->a + t / (1 - t), slope = 1 / ((1 - t) * (1 - t)); break;
  case DOWN: x = g->b - t / (1 - t), slope = 1 / ((1 - t) * (1 - t)); break;
  case LINE: x = t / ((1 - t) * (1 + t)), slope = (1 + t * t) / ((1 - t) * (1 - t) * (1 + t) * (1 + t)); break;
  }
  g->evaluations++;
  peri_status st = pri_value(g->cx, WHO, g->f, g->ud, x, y);
  if (st) return st;
  *y = *y == 0 ? 0 : *y * slope;
  return isfinite(*y) ? PERI_OK
                      : peri_fail(g->cx, PERI_ERR_NUMERIC, WHO ": the integral over an infinite range does not converge near x = %.17g", x);
}

/* x as t, for break points. */
static double inverse(const integrand *g, double x) {
  double u = x - g->a, d = g->b - x;
  switch (g->kind) {
  case UP: return u / (1 + u);
  case DOWN: return d / (1 + d);
  case LINE: return x == 0 ? 0 : 2 * x / (1 + sqrt(1 + 4 * x * x));
  default: return x;
  }
}

/* ---- Gauss-Kronrod ---- */

typedef struct {
  double a, b, value, error, magnitude;
} piece;

static peri_status kronrod(integrand *g, piece *p) {
  static const double x[] = {0.995657163025808080735527280689003,
                             0.973906528517171720077964012084452,
                             0.930157491355708226001207180059508,
                             0.865063366688984510732096688423493,
                             0.780817726586416897063717578345042,
                             0.679409568299024406234327365114874,
                             0.562757134668604683339000099272694,
                             0.433395394129247190799265943165784,
                             0.294392862701460198131126603103866,
                             0.148874338981631210884826001129720,
                             0};
  static const double wk[] = {0.011694638867371874278064396062192, 0.032558162307964727478818972459390, 0.054755896574351996031381300244580,
                              0.075039674810919952767043140916190, 0.093125454583697605535065465083366, 0.109387158802297641899210590325805,
                              0.123491976262065851077958109585166, 0.134709217311473325928054001771707, 0.142775938577060080797094273138717,
                              0.147739104901338491374841515972068, 0.149445554002916905664936468389821};
  static const double wg[] = {0.066671344308688137593568809893332, 0.149451349150580593145863396957699, 0.219086362515982043995534934228163,
                              0.269266719309996355091226921569469, 0.295524224714752870173815619188769}; /* of nodes 1, 3, 5, 7, 9 */
  double c = (p->a + p->b) / 2, h = (p->b - p->a) / 2, low[11], high[11], k = 0, gauss = 0, magnitude = 0, spread = 0;
  for (int i = 0; i < 11; i++) {
    peri_status st = at(g, c - h * x[i], &low[i]);
    high[i] = 0;
    if (!st && i < 10) st = at(g, c + h * x[i], &high[i]);
    if (st) return st;
    k += wk[i] * (low[i] + high[i]);
    magnitude += wk[i] * (fabs(low[i]) + fabs(high[i]));
    if (i % 2 && i < 10) gauss += wg[i / 2] * (low[i] + high[i]);
  }
  for (int i = 0; i < 11; i++) spread += wk[i] * (fabs(low[i] - k / 2) + (i < 10 ? fabs(high[i] - k / 2) : 0));
  p->value = k * h;
  p->magnitude = magnitude * fabs(h);
  spread *= fabs(h);
  double e = fabs((k - gauss) * h);
  if (spread > 0 && e > 0) e = spread * fmin(1, pow(200 * e / spread, 1.5));
  p->error = fmax(e, 50 * DBL_EPSILON * p->magnitude);
  return PERI_OK;
}

static double wanted(const peri_quadrature *o, double value) { return fmax(o->abs_tol, o->rel_tol * fabs(value)); }

static peri_status not_reached(const integrand *g, const peri_quadrature *o, const peri_integral *r, double t, const char *advice) {
  double x = t;
  if (g->kind == UP)
    x = g->a + t / (1 - t);
  else if (g->kind == DOWN)
    x = g->b - t / (1 - t);
  else if (g->kind == LINE)
    x = t / (1 - t * t);
  return peri_fail(
      g->cx, PERI_ERR_NUMERIC,
      WHO ": the tolerance %.3g is not reached after %lld evaluations: best value %.17g, error about %.2g, the worst near x = %.6g; %s",
      wanted(o, r->value), (long long)r->evaluations, r->value, r->error, x, advice);
}

typedef struct {
  piece *at;
  int64_t n, cap;
} pieces;

static peri_status push(peri_ctx *cx, pieces *s, piece p) {
  if (s->n == s->cap) {
    int64_t cap = s->cap ? 2 * s->cap : 64;
    piece *wider = peri_alloc(cx, (size_t)cap * sizeof *wider);
    if (!wider) return peri_errcode(cx);
    if (s->n) memcpy(wider, s->at, (size_t)s->n * sizeof *wider);
    if (s->cap) peri_free(cx, s->at, (size_t)s->cap * sizeof *wider);
    s->at = wider, s->cap = cap;
  }
  s->at[s->n++] = p;
  return PERI_OK;
}

static void sum_pieces(const pieces *s, peri_integral *r, int64_t *worst) {
  double sum = 0, rest = 0, error = 0; /* compensated: thousands of pieces may add up to a small number */
  *worst = 0;
  for (int64_t i = 0; i < s->n; i++) {
    double v = s->at[i].value, t = sum + v;
    rest += fabs(sum) >= fabs(v) ? (sum - t) + v : (v - t) + sum;
    sum = t;
    error += s->at[i].error;
    if (s->at[i].error > s->at[*worst].error) *worst = i;
  }
  r->value = sum + rest;
  r->error = error;
}

static peri_status adaptive(integrand *g, const peri_quadrature *o, const double *cuts, int64_t n_cuts, peri_integral *r) {
  pieces s = {0};
  peri_status st = PERI_OK;
  int64_t worst = 0;
  for (int64_t i = 0; i + 1 < n_cuts && !st; i++) {
    piece p = {.a = cuts[i], .b = cuts[i + 1]};
    st = kronrod(g, &p);
    if (!st) st = push(g->cx, &s, p);
  }
  while (!st) {
    sum_pieces(&s, r, &worst);
    r->evaluations = g->evaluations;
    if (r->error <= wanted(o, r->value)) break;
    piece left = s.at[worst], right = left;
    double c = (left.a + left.b) / 2;
    bool thin = !(fabs(left.b - left.a) > 64 * DBL_EPSILON * fabs(c)), noise = left.error <= 51 * DBL_EPSILON * left.magnitude;
    if (thin || noise || g->evaluations + 42 > o->max_evaluations) {
      st = not_reached(g, o, r, c,
                       noise  ? "rounding does not allow more: ask for less"
                       : thin ? "a singularity: put it at an end or a break and use tanh_sinh"
                              : "allow more evaluations, or give break points");
      break;
    }
    left.b = right.a = c;
    st = kronrod(g, &left);
    if (!st) st = kronrod(g, &right);
    if (!st) s.at[worst] = left, st = push(g->cx, &s, right);
  }
  if (s.cap) peri_free(g->cx, s.at, (size_t)s.cap * sizeof *s.at);
  return st;
}

/* ---- tanh-sinh ---- */

/* f at u and -u: x = c +- h (1 - d), d = 2 / (1 + e^(pi sinh u)) being the distance from the end. Ends themselves are left out. */
static peri_status pair(integrand *g, double a, double b, double u, double *sum) {
  double e = exp(-M_PI * sinh(u)), d = 2 * e / (1 + e),
         weight = M_PI * cosh(u) * 2 * e / ((1 + e) * (1 + e)); /* pi/2 cosh u / cosh^2(pi/2 sinh u) */
  double h = (b - a) / 2, lo = a + h * d, hi = b - h * d, y;
  *sum = 0;
  if (lo != a && weight > 0) {
    peri_status st = at(g, lo, &y);
    if (st) return st;
    *sum += weight * y;
  }
  if (u != 0 && hi != b && weight > 0) {
    peri_status st = at(g, hi, &y);
    if (st) return st;
    *sum += weight * y;
  }
  return PERI_OK;
}

static peri_status tanh_sinh(integrand *g, const peri_quadrature *o, double a, double b, double share, peri_integral *r) {
  double step = 0.5, total = 0, before = 0, h = (b - a) / 2, magnitude = 0;
  for (int level = 0;; level++, step /= 2) {
    for (int64_t k = level ? 1 : 0; k * step < 6.2; k += level ? 2 : 1) { /* beyond, e^-(pi sinh u) underflows */
      double y;
      peri_status st = pair(g, a, b, k * step, &y);
      if (st) return st;
      total += y;
      magnitude += fabs(y);
    }
    double value = total * step * h;
    r->value = value, r->evaluations = g->evaluations;
    r->error = fmax(level ? fabs(value - before) : INFINITY, 8 * DBL_EPSILON * magnitude * step * fabs(h));
    if (level > 2 && r->error <= share * wanted(o, value)) return PERI_OK;
    if (level > 2 && g->evaluations > o->max_evaluations / 2)
      return not_reached(g, o, r, (a + b) / 2, "allow more evaluations, or give break points");
    before = value;
  }
}

/* ---- both ---- */

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static peri_status make_cuts(integrand *g, const peri_quadrature *o, double *cuts, int64_t *n) {
  *n = 0;
  cuts[(*n)++] = g->kind == LINE ? -1 : g->kind == FINITE ? g->a : 0;
  for (int64_t i = 0; i < o->n_breaks; i++) {
    double x = o->breaks[i];
    if (!(x > g->a && x < g->b))
      return peri_fail(g->cx, PERI_ERR_VALUE, WHO ": break points must lie inside (%g, %g), got %g", g->a, g->b, x);
    cuts[(*n)++] = inverse(g, x);
  }
  cuts[(*n)++] = g->kind == FINITE ? g->b : 1;
  qsort(cuts, (size_t)*n, sizeof *cuts, ascending);
  return PERI_OK;
}

static peri_status run(integrand *g, const peri_quadrature *o, peri_integral *r) {
  int64_t room = o->n_breaks + 2, n;
  double *cuts = peri_alloc(g->cx, (size_t)room * sizeof *cuts);
  if (!cuts) return peri_errcode(g->cx);
  peri_status st = make_cuts(g, o, cuts, &n);
  if (!st && !o->tanh_sinh) st = adaptive(g, o, cuts, n, r);
  for (int64_t i = 0; i + 1 < n && !st && o->tanh_sinh; i++) {
    peri_integral part;
    st = tanh_sinh(g, o, cuts[i], cuts[i + 1], 1. / (double)(n - 1), &part);
    r->value += part.value, r->error += part.error, r->evaluations = g->evaluations;
  }
  peri_free(g->cx, cuts, (size_t)room * sizeof *cuts);
  return st;
}

peri_status peri_integrate(peri_ctx *cx, peri_number_fn f, void *ud, double a, double b, const peri_quadrature *opt, peri_integral *r) {
  peri_quadrature o = opt ? *opt : (peri_quadrature){0};
  if (o.abs_tol == 0 && o.rel_tol == 0) o.abs_tol = 1e-12, o.rel_tol = 1e-10;
  if (o.max_evaluations == 0) o.max_evaluations = 200000;
  *r = (peri_integral){0};
  if (isnan(a) || isnan(b)) return peri_fail(cx, PERI_ERR_VALUE, WHO ": the ends must be numbers, got %g and %g", a, b);
  if (!(o.abs_tol >= 0) || !(o.rel_tol >= 0))
    return peri_fail(cx, PERI_ERR_VALUE, WHO ": tolerances must not be negative, got %g and %g", o.abs_tol, o.rel_tol);
  if (a == b) return PERI_OK;
  integrand g = {.cx = cx, .f = f, .ud = ud, .a = fmin(a, b), .b = fmax(a, b)};
  if (!isinf(g.a) && !isinf(g.b))
    g.kind = FINITE;
  else if (g.a == g.b || g.a == INFINITY || g.b == -INFINITY)
    return PERI_OK;
  else
    g.kind = isinf(g.a) ? isinf(g.b) ? LINE : DOWN : UP;
  peri_status st = run(&g, &o, r);
  if (b < a) r->value = -r->value;
  return st;
}
