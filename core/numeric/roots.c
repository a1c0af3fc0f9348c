/* roots.c - zeros of functions of one variable.
**
** Brent: inverse quadratic interpolation or the secant where it stays well inside the bracket and shrinks it, bisection otherwise.
** Newton: the tangent's step under the same rule. Both keep f(a) f(b) <= 0. Source: Brent, Algorithms for Minimization without
** Derivatives (1973), 4.
*/
#include "numeric/host.h"
#include <float.h>

static peri_status check_bracket(peri_ctx *cx, const char *who, double a, double fa, double b, double fb) {
  if ((fa <= 0) == (fb >= 0) || (fa >= 0) == (fb <= 0)) return PERI_OK;
  return peri_fail(cx, PERI_ERR_VALUE,
                   "%s: f must change sign between the ends, but f(%.6g) = %.6g and f(%.6g) = %.6g; numeric.bracket looks for such ends",
                   who, a, fa, b, fb);
}

static peri_status check_ends(peri_ctx *cx, const char *who, double a, double b) {
  if (isfinite(a) && isfinite(b)) return PERI_OK;
  return peri_fail(cx, PERI_ERR_VALUE, "%s: the ends must be finite, got %g and %g", who, a, b);
}

static peri_status no_end(peri_ctx *cx, const char *who, int64_t n, double x, double fx, double width) {
  return peri_fail(cx, PERI_ERR_NUMERIC, "%s: not converged after %lld iterations: x = %.17g, f(x) = %.3g, bracket of width %.3g", who,
                   (long long)n, x, fx, width);
}

static int64_t iterations(const peri_search *o) { return o && o->max_iterations > 0 ? o->max_iterations : 200; }
static double x_tol(const peri_search *o) { return o && o->x_tol > 0 ? o->x_tol : 0; }

peri_status peri_root(peri_ctx *cx, peri_number_fn f, void *ud, double a, double b, const peri_search *opt, double *x) {
  static const char who[] = "numeric.root";
  double fa, fb;
  if (check_ends(cx, who, a, b)) return peri_errcode(cx);
  peri_status st = pri_value(cx, who, f, ud, a, &fa);
  if (!st) st = pri_value(cx, who, f, ud, b, &fb);
  if (!st) st = check_bracket(cx, who, a, fa, b, fb);
  if (st) return st;
  double c = a, fc = fa, step = b - a, last = step; /* b is the best point, c on the other side */
  for (int64_t i = 0; i < iterations(opt); i++) {
    if (fabs(fc) < fabs(fb)) a = b, b = c, c = a, fa = fb, fb = fc, fc = fa;
    double tol = 2 * DBL_EPSILON * fabs(b) + x_tol(opt) / 2 + DBL_MIN, half = c / 2 - b / 2;
    if (fb == 0 || fabs(half) <= tol) return *x = b, PERI_OK;
    bool bisect = fabs(last) < tol || fabs(fa) <= fabs(fb);
    if (!bisect) {
      double s = fb / fa, p, q;
      if (a == c)
        p = 2 * half * s, q = 1 - s;
      else {
        double u = fa / fc, v = fb / fc;
        p = s * (2 * half * u * (u - v) - (b - a) * (v - 1)), q = (u - 1) * (v - 1) * (s - 1);
      }
      if (p > 0)
        q = -q;
      else
        p = -p;
      if (2 * p < fmin(3 * half * q - fabs(tol * q), fabs(last * q)))
        last = step, step = p / q;
      else
        bisect = true;
    }
    if (bisect) step = last = half;
    a = b, fa = fb;
    b += fabs(step) > tol ? step : copysign(tol, half);
    if ((st = pri_value(cx, who, f, ud, b, &fb))) return st;
    if ((fb > 0) == (fc > 0)) c = a, fc = fa, last = step = b - a;
  }
  return no_end(cx, who, iterations(opt), b, fb, fabs(c - b));
}

static peri_status slope_at(peri_ctx *cx, const char *who, peri_slope_fn f, void *ud, double x, double *y, double *dy) {
  if (pri_stopped(cx)) return peri_check_interrupt(cx);
  peri_status st = f(ud, x, y, dy);
  if (st || (isfinite(*y) && !isnan(*dy))) return st;
  return peri_fail(cx, PERI_ERR_NUMERIC, "%s: the function is %g, its derivative %g at x = %.17g", who, *y, *dy, x);
}

peri_status peri_newton(peri_ctx *cx, peri_slope_fn f, void *ud, double a, double b, const peri_search *opt, double *x) {
  static const char who[] = "numeric.newton";
  double fa, fb, y, dy;
  if (check_ends(cx, who, a, b)) return peri_errcode(cx);
  peri_status st = slope_at(cx, who, f, ud, a, &fa, &dy);
  if (!st) st = slope_at(cx, who, f, ud, b, &fb, &dy);
  if (!st) st = check_bracket(cx, who, a, fa, b, fb);
  if (st) return st;
  if (fa == 0) return *x = a, PERI_OK;
  if (fb == 0) return *x = b, PERI_OK;
  double last = fabs(b - a), at = a + (b - a) / 2;
  for (int64_t i = 0; i < iterations(opt); i++) {
    if ((st = slope_at(cx, who, f, ud, at, &y, &dy))) return st;
    if ((y > 0) == (fa > 0))
      a = at;
    else
      b = at;
    double next = at - y / dy, tol = 2 * DBL_EPSILON * fabs(at) + x_tol(opt) + DBL_MIN;
    bool inside = (next - a) * (next - b) < 0;
    if (y == 0 || (inside && fabs(next - at) <= tol)) return *x = y == 0 ? at : next, PERI_OK;
    if (fabs(b - a) <= tol) return *x = at, PERI_OK;
    if (!inside || fabs(next - at) > last / 2) next = a + (b - a) / 2;
    last = fabs(next - at);
    at = next;
  }
  return no_end(cx, who, iterations(opt), at, y, fabs(b - a));
}

peri_status peri_bracket(peri_ctx *cx, peri_number_fn f, void *ud, double *a, double *b, double lo, double hi) {
  static const char who[] = "numeric.bracket";
  const double growth = 1.6;
  if (*a > *b) {
    double t = *a;
    *a = *b, *b = t;
  }
  if (check_ends(cx, who, *a, *b)) return peri_errcode(cx);
  if (*a == *b || !(lo <= *a && *b <= hi))
    return peri_fail(cx, PERI_ERR_VALUE, "%s: the ends must differ and lie in [%g, %g], got %g and %g", who, lo, hi, *a, *b);
  double fa, fb;
  peri_status st = pri_value(cx, who, f, ud, *a, &fa);
  if (!st) st = pri_value(cx, who, f, ud, *b, &fb);
  for (int i = 0; i < 1000 && !st; i++) {
    if ((fa > 0) != (fb > 0) || fa == 0 || fb == 0) return PERI_OK;
    bool can_a = *a > lo, can_b = *b < hi;
    if (!can_a && !can_b) break;
    double reach = growth * (*b - *a);
    if (can_a && (fabs(fa) < fabs(fb) || !can_b)) { /* the smaller value is likelier to be near a zero */
      *a = fmax(lo, *a - reach);
      if (!isfinite(*a)) break;
      st = pri_value(cx, who, f, ud, *a, &fa);
    } else {
      *b = fmin(hi, *b + reach);
      if (!isfinite(*b)) break;
      st = pri_value(cx, who, f, ud, *b, &fb);
    }
  }
  return st ? st
            : peri_fail(cx, PERI_ERR_NUMERIC, "%s: f does not change sign up to f(%.6g) = %.6g and f(%.6g) = %.6g", who, *a, fa, *b, fb);
}
