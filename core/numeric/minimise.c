/* minimise.c - minima without derivatives.
**
** One variable, Brent: the parabola through the best three points where its vertex lies inside and the steps shrink, golden sections
** otherwise. A minimum is located to sqrt(eps) only: f is flat there.
** n variables, Nelder and Mead: reflect 1, expand 1 + 2/n, contract 3/4 - 1/(2n), shrink 1 - 1/n (for n = 1 as for n = 2), which keeps
** simplices from
** collapsing in high dimension. Sources: Brent (1973), 5; Gao & Han, Comput. Optim. Appl. 51 (2012).
*/
#include "numeric/host.h"
#include <float.h>
#include <string.h>

peri_status peri_minimise(peri_ctx *cx, peri_number_fn f, void *ud, double a, double b, bool golden, const peri_search *opt, double *x,
                          double *fx) {
  static const char who[] = "numeric.minimise";
  const double section = 0.38196601125010515; /* (3 - sqrt 5) / 2 */
  if (!isfinite(a) || !isfinite(b)) return peri_fail(cx, PERI_ERR_VALUE, "%s: the ends must be finite, got %g and %g", who, a, b);
  if (a > b) {
    double t = a;
    a = b, b = t;
  }
  double tolerance = fmax(opt && opt->x_tol > 0 ? opt->x_tol : 1e-8, DBL_EPSILON);
  int64_t most = opt && opt->max_iterations > 0 ? opt->max_iterations : 200;
  double best = a + section * (b - a), second = best, third = best, y, y2, y3, step = 0, last = 0;
  peri_status st = pri_value(cx, who, f, ud, best, &y);
  if (st) return st;
  y2 = y3 = y;
  for (int64_t i = 0; i < most; i++) {
    double middle = a + (b - a) / 2, tol = tolerance * (fabs(best) + 1) / 3, width = b - a;
    if (fabs(best - middle) <= 2 * tol - width / 2) return *x = best, *fx = y, PERI_OK;
    bool parabola = false;
    if (!golden && fabs(last) > tol) {
      double r = (best - second) * (y - y3), q = (best - third) * (y - y2), p = (best - third) * q - (best - second) * r;
      q = 2 * (q - r);
      if (q > 0)
        p = -p;
      else
        q = -q;
      parabola = fabs(p) < fabs(q * last / 2) && p > q * (a - best) && p < q * (b - best);
      last = step;
      if (parabola) {
        step = p / q;
        double u = best + step;
        if (u - a < 2 * tol || b - u < 2 * tol) step = copysign(tol, middle - best);
      }
    }
    if (!parabola) last = best < middle ? b - best : a - best, step = section * last;
    double u = best + (fabs(step) >= tol ? step : copysign(tol, step)), yu;
    if ((st = pri_value(cx, who, f, ud, u, &yu))) return st;
    if (yu <= y) {
      if (u < best)
        b = best;
      else
        a = best;
      third = second, y3 = y2, second = best, y2 = y, best = u, y = yu;
    } else {
      if (u < best)
        a = u;
      else
        b = u;
      if (yu <= y2 || second == best)
        third = second, y3 = y2, second = u, y2 = yu;
      else if (yu <= y3 || third == best || third == second)
        third = u, y3 = yu;
    }
  }
  return peri_fail(cx, PERI_ERR_NUMERIC, "%s: not converged after %lld iterations: f(%.17g) = %.17g, interval of width %.3g", who,
                   (long long)most, best, y, b - a);
}

/* ---- Nelder and Mead ---- */

typedef struct {
  peri_ctx *cx;
  peri_vector_fn f;
  void *ud;
  int64_t n, evaluations;
  double *points; /* (n + 1, n), and the three below behind them */
  double *values; /* (n + 1) */
  double *centre, *trial, *other;
} simplex;

static peri_status value_at(simplex *s, const double *x, double *y) {
  if (pri_stopped(s->cx)) return peri_check_interrupt(s->cx);
  s->evaluations++;
  peri_status st = s->f(s->ud, x, y);
  if (st || !isnan(*y)) return st; /* infinity is a wall */
  return peri_fail(s->cx, PERI_ERR_NUMERIC, "numeric.nelder_mead: the function is nan at evaluation %lld, first variable %.17g",
                   (long long)s->evaluations, x[0]);
}

static peri_status start(simplex *s, const double *x, double step) {
  for (int64_t k = 0; k <= s->n; k++) {
    double *p = s->points + k * s->n;
    memcpy(p, x, (size_t)s->n * sizeof *p);
    if (k) p[k - 1] += step > 0 ? step : 0.1 * (1 + fabs(x[k - 1]));
    peri_status st = value_at(s, p, &s->values[k]);
    if (st) return st;
  }
  if (isfinite(s->values[0])) return PERI_OK;
  return peri_fail(s->cx, PERI_ERR_NUMERIC, "numeric.nelder_mead: the function is %g at the start", s->values[0]);
}

/* Indices of the best, the worst and the second worst; ties go to the earlier. */
static void rank(const simplex *s, int64_t *best, int64_t *worst, int64_t *next) {
  *best = *worst = 0;
  for (int64_t k = 1; k <= s->n; k++) {
    if (s->values[k] < s->values[*best]) *best = k;
    if (s->values[k] >= s->values[*worst]) *worst = k;
  }
  *next = *best;
  for (int64_t k = 0; k <= s->n; k++)
    if (k != *worst && s->values[k] >= s->values[*next]) *next = k;
}

static void towards(const simplex *s, double t, const double *worst, double *to) { /* centre + t (centre - worst) */
  for (int64_t i = 0; i < s->n; i++) to[i] = s->centre[i] + t * (s->centre[i] - worst[i]);
}

static bool small(const simplex *s, int64_t best, int64_t worst, double xt, double ft) {
  double size = 0, scale = 1;
  for (int64_t k = 0; k <= s->n; k++)
    for (int64_t i = 0; i < s->n; i++) {
      size = fmax(size, fabs(s->points[k * s->n + i] - s->points[best * s->n + i]));
      scale = fmax(scale, fabs(s->points[best * s->n + i]));
    }
  return size <= xt * scale && s->values[worst] - s->values[best] <= ft * (1 + fabs(s->values[best]));
}

static peri_status shrink(simplex *s, int64_t best, double by) {
  for (int64_t k = 0; k <= s->n; k++) {
    if (k == best) continue;
    for (int64_t i = 0; i < s->n; i++) {
      double b = s->points[best * s->n + i];
      s->points[k * s->n + i] = b + by * (s->points[k * s->n + i] - b);
    }
    peri_status st = value_at(s, s->points + k * s->n, &s->values[k]);
    if (st) return st;
  }
  return PERI_OK;
}

static peri_status move(simplex *s, int64_t best, int64_t worst, int64_t next) {
  double n = fmax(2, (double)s->n), *w = s->points + worst * s->n, y, y2;
  memset(s->centre, 0, (size_t)s->n * sizeof *s->centre);
  for (int64_t k = 0; k <= s->n; k++)
    for (int64_t i = 0; i < s->n && k != worst; i++) s->centre[i] += s->points[k * s->n + i] / (double)s->n;
  towards(s, 1, w, s->trial);
  peri_status st = value_at(s, s->trial, &y);
  if (st) return st;
  double *taken = s->trial;
  if (y < s->values[best]) {
    towards(s, 1 + 2 / n, w, s->other);
    if ((st = value_at(s, s->other, &y2))) return st;
    if (y2 < y) taken = s->other, y = y2;
  } else if (y >= s->values[next]) {
    bool outside = y < s->values[worst];
    double c = 0.75 - 0.5 / n;
    towards(s, outside ? c : -c, w, s->other);
    if ((st = value_at(s, s->other, &y2))) return st;
    if (!(outside ? y2 <= y : y2 < s->values[worst])) return shrink(s, best, 1 - 1 / n);
    taken = s->other, y = y2;
  }
  memcpy(w, taken, (size_t)s->n * sizeof *w);
  s->values[worst] = y;
  return PERI_OK;
}

peri_status peri_nelder_mead(peri_ctx *cx, peri_vector_fn f, void *ud, int64_t n, double *x, const peri_simplex *opt, double *fx,
                             int64_t *evaluations) {
  peri_simplex o = opt ? *opt : (peri_simplex){0};
  if (n < 1 || n > 10000)
    return peri_fail(cx, PERI_ERR_VALUE, "numeric.nelder_mead: between 1 and 10000 variables, got %lld", (long long)n);
  if (o.x_tol == 0) o.x_tol = 1e-8;
  if (o.f_tol == 0) o.f_tol = 1e-12;
  if (o.max_evaluations == 0) o.max_evaluations = 1000 * n;
  size_t bytes = (size_t)((n + 4) * n + n + 1) * sizeof(double);
  simplex s = {.cx = cx, .f = f, .ud = ud, .n = n, .points = peri_alloc(cx, bytes)};
  if (!s.points) return peri_errcode(cx);
  s.centre = s.points + (n + 1) * n, s.trial = s.centre + n, s.other = s.trial + n, s.values = s.other + n;
  int64_t best = 0, worst = 0, next = 0;
  peri_status st = start(&s, x, o.step);
  while (!st) {
    rank(&s, &best, &worst, &next);
    if (small(&s, best, worst, o.x_tol, o.f_tol)) break;
    if (s.evaluations >= o.max_evaluations)
      st = peri_fail(cx, PERI_ERR_NUMERIC, "numeric.nelder_mead: not converged after %lld evaluations: best value %.17g",
                     (long long)s.evaluations, s.values[best]);
    else
      st = move(&s, best, worst, next);
  }
  if (!st) memcpy(x, s.points + best * n, (size_t)n * sizeof *x), *fx = s.values[best];
  if (evaluations) *evaluations = s.evaluations;
  peri_free(cx, s.points, bytes);
  return st;
}
