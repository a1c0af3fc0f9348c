/* ode.c - initial value problems: Dormand and Prince's explicit Runge-Kutta pair of orders 5 and 4, and the classical method of order 4.
**
** A step of the pair costs six evaluations (its last is the first of the next step). Its error estimate, the difference of the two orders,
** measured as the root mean square of e_i / (abs_tol + rel_tol max|y_i|), decides acceptance; the next step size follows it by a PI
** controller.
** Requested times do not shorten steps: values there come from the pair's interpolant of order 4.
** Sources: Dormand & Prince, J. Comput. Appl. Math. 6 (1980); Hairer, Norsett & Wanner, Solving Ordinary Differential Equations I
** (1993), II.4-II.6.
*/
#include "numeric/host.h"
#include <float.h>
#include <string.h>

#define WHO "numeric.ode"

static const double nodes[7] = {0, 0.2, 0.3, 0.8, 8 / 9., 1, 1};
static const double tableau[7][6] = {{0},
                                     {1 / 5.},
                                     {3 / 40., 9 / 40.},
                                     {44 / 45., -56 / 15., 32 / 9.},
                                     {19372 / 6561., -25360 / 2187., 64448 / 6561., -212 / 729.},
                                     {9017 / 3168., -355 / 33., 46732 / 5247., 49 / 176., -5103 / 18656.},
                                     {35 / 384., 0, 500 / 1113., 125 / 192., -2187 / 6784., 11 / 84.}};
static const double error_weights[7] = {71 / 57600., 0, -71 / 16695., 71 / 1920., -17253 / 339200., 22 / 525., -1 / 40.};
static const double dense_weights[7] = {-12715105075 / 11282082432.,  0,
                                        87487479700 / 32700410799.,   -10690763975 / 1880347072.,
                                        701980252875 / 199316789632., -1453857185 / 822651844.,
                                        69997945 / 29380423.};

typedef struct {
  peri_ctx *cx;
  peri_field_fn f;
  void *ud;
  int64_t n;
  peri_ode_options o;
  double t, *y, *next, *k[7], *tmp;
  double direction;
  peri_ode_report report;
} problem;

static peri_status field(problem *p, double t, const double *y, double *dy) {
  if (pri_stopped(p->cx)) return peri_check_interrupt(p->cx);
  p->report.evaluations++;
  return p->f(p->ud, t, y, dy);
}

static int64_t not_finite(const double *x, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (!isfinite(x[i])) return i;
  return -1;
}

static peri_status broke(problem *p, double t, const char *what, const double *x, int64_t i) {
  return peri_fail(p->cx, PERI_ERR_NUMERIC, WHO ": the %s has component %lld equal to %g at t = %.17g", what, (long long)i + 1, x[i], t);
}

static peri_status checked_field(problem *p, double t, const double *y, double *dy) {
  peri_status st = field(p, t, y, dy);
  int64_t i = st ? -1 : not_finite(dy, p->n);
  return i < 0 ? st : broke(p, t, "derivative", dy, i);
}

static double weighted(const problem *p, const double *e, const double *y, const double *z) { /* root mean square */
  double s = 0;
  for (int64_t i = 0; i < p->n; i++) {
    double w = p->o.abs_tol + p->o.rel_tol * fmax(fabs(y[i]), fabs(z[i])), v = e[i] / w;
    s += v * v;
  }
  return sqrt(s / (double)p->n);
}

/* y + h sum_j a_j k_j */
static void stage(const problem *p, double h, const double *a, int stages, double *to) {
  for (int64_t i = 0; i < p->n; i++) {
    double s = 0;
    for (int j = 0; j < stages; j++) s += a[j] * p->k[j][i];
    to[i] = p->y[i] + h * s;
  }
}

/* A first step for which explicit Euler's error would be a hundredth (Hairer et al., II.4). k[0] is known. */
static peri_status first_step(problem *p, double span, double *h) {
  if (p->o.first_step > 0) return *h = fmin(p->o.first_step, span), PERI_OK;
  double d0 = weighted(p, p->y, p->y, p->y), d1 = weighted(p, p->k[0], p->y, p->y), h0 = d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : 0.01 * d0 / d1;
  h0 = fmin(h0, span);
  for (int64_t i = 0; i < p->n; i++) p->tmp[i] = p->y[i] + p->direction * h0 * p->k[0][i];
  peri_status st = field(p, p->t + p->direction * h0, p->tmp, p->k[1]);
  if (st) return st;
  for (int64_t i = 0; i < p->n; i++) p->tmp[i] = p->k[1][i] - p->k[0][i];
  double d2 = weighted(p, p->tmp, p->y, p->y) / h0, d = fmax(d1, d2);
  double h1 = d <= 1e-15 ? fmax(1e-6, h0 * 1e-3) : pow(0.01 / d, 0.2);
  *h = isfinite(h1) ? fmin(fmin(100 * h0, h1), span) : h0;
  return PERI_OK;
}

/* The stages of one step, the candidate in `next`, and its error; infinity where something is not finite. */
static peri_status attempt(problem *p, double h, double *error) {
  for (int s = 1; s < 7; s++) {
    double *to = s == 6 ? p->next : p->tmp;
    stage(p, h, tableau[s], s, to);
    peri_status st = field(p, p->t + nodes[s] * h, to, p->k[s]);
    if (st) return st;
  }
  for (int64_t i = 0; i < p->n; i++) {
    double e = 0;
    for (int j = 0; j < 7; j++) e += error_weights[j] * p->k[j][i];
    p->tmp[i] = h * e;
  }
  *error = weighted(p, p->tmp, p->y, p->next);
  if (!isfinite(*error) || not_finite(p->next, p->n) >= 0 || not_finite(p->k[6], p->n) >= 0) *error = INFINITY;
  return PERI_OK;
}

static void interpolate(const problem *p, double h, double theta, double *to) {
  for (int64_t i = 0; i < p->n; i++) {
    double rise = p->next[i] - p->y[i], b = h * p->k[0][i] - rise, c = rise - h * p->k[6][i] - b, d = 0;
    for (int j = 0; j < 7; j++) d += dense_weights[j] * p->k[j][i];
    to[i] = p->y[i] + theta * (rise + (1 - theta) * (b + theta * (c + (1 - theta) * h * d)));
  }
}

static peri_status too_small(problem *p, double h, double error) {
  if (!isinf(error))
    return peri_fail(
        p->cx, PERI_ERR_NUMERIC,
        WHO ": the step size %.3g is too small at t = %.17g; the problem is stiff or singular there, or the tolerances are below rounding",
        h, p->t);
  int64_t i = not_finite(p->next, p->n);
  if (i >= 0) return broke(p, p->t + h, "state", p->next, i);
  i = not_finite(p->k[6], p->n);
  return i >= 0 ? broke(p, p->t + h, "derivative", p->k[6], i) : broke(p, p->t + h, "state", &(double){INFINITY}, 0);
}

static peri_status adaptive(problem *p, int64_t n_times, const double *times, double *out) {
  double end = times[n_times - 1], span = fabs(end - p->t), h, before = 1e-4;
  int64_t at = 1, steps = 0;
  bool rejected = false;
  peri_status st = checked_field(p, p->t, p->y, p->k[0]);
  if (!st) st = first_step(p, span, &h);
  while (!st && at < n_times) {
    double left = fabs(end - p->t), error;
    if (p->o.max_step > 0) h = fmin(h, p->o.max_step);
    bool last = h >= left * (1 - 1e-12);
    double step = p->direction * (last ? left : h);
    if (!(fabs(step) > 4 * DBL_EPSILON * fabs(p->t)) && !last) return too_small(p, step, rejected ? INFINITY : 1);
    if (steps++ >= p->o.max_steps)
      return peri_fail(p->cx, PERI_ERR_NUMERIC, WHO ": more than %lld steps, at t = %.17g of %g; the step size is %.3g",
                       (long long)p->o.max_steps, p->t, end, h);
    if ((st = attempt(p, step, &error))) return st;
    if (error > 1) {
      p->report.rejected++;
      h = fabs(step) * (isinf(error) ? 0.1 : fmax(0.2, 0.9 * pow(error, -0.17)));
      rejected = true;
      if (isinf(error) && fabs(step) < 1e-13 * fmax(fabs(p->t), span)) return too_small(p, step, error);
      continue;
    }
    double t = last ? end : p->t + step;
    for (; at < n_times && p->direction * (times[at] - t) <= 0; at++) {
      if (times[at] == t)
        memcpy(out + at * p->n, p->next, (size_t)p->n * sizeof *out);
      else
        interpolate(p, step, (times[at] - p->t) / step, out + at * p->n);
    }
    double factor = 0.9 * pow(fmax(error, 1e-10), -0.17) * pow(before, 0.04);
    h = fabs(step) * fmin(rejected ? 1 : 10, fmax(0.2, factor));
    before = fmax(error, 1e-4);
    rejected = false;
    p->report.accepted++;
    p->t = t;
    double *y = p->y, *k = p->k[0];
    p->y = p->next, p->next = y, p->k[0] = p->k[6], p->k[6] = k;
  }
  return st;
}

static peri_status classical(problem *p, int64_t n_times, const double *times, double *out) {
  static const double half[4][3] = {{0}, {0.5}, {0, 0.5}, {0, 0, 1}}, c[4] = {0, 0.5, 0.5, 1};
  for (int64_t at = 1; at < n_times; at++) {
    double from = times[at - 1], h = (times[at] - from) / (double)p->o.steps;
    for (int64_t s = 0; s < p->o.steps; s++) {
      p->t = from + (double)s * h;
      for (int j = 0; j < 4; j++) {
        stage(p, h, half[j], j, p->tmp);
        peri_status st = checked_field(p, p->t + c[j] * h, p->tmp, p->k[j]);
        if (st) return st;
      }
      for (int64_t i = 0; i < p->n; i++) p->y[i] += h / 6 * (p->k[0][i] + 2 * p->k[1][i] + 2 * p->k[2][i] + p->k[3][i]);
      int64_t bad = not_finite(p->y, p->n);
      if (bad >= 0) return broke(p, p->t + h, "state", p->y, bad);
      p->report.accepted++;
    }
    memcpy(out + at * p->n, p->y, (size_t)p->n * sizeof *out);
  }
  return PERI_OK;
}

static peri_status check(peri_ctx *cx, int64_t n, int64_t n_times, const double *times, const peri_ode_options *o) {
  if (n < 1) return peri_fail(cx, PERI_ERR_SHAPE, WHO ": the state is empty");
  if (n_times < 1) return peri_fail(cx, PERI_ERR_SHAPE, WHO ": at least one time is needed");
  for (int64_t i = 0; i < n_times; i++) {
    if (!isfinite(times[i]))
      return peri_fail(cx, PERI_ERR_VALUE, WHO ": times must be finite, number %lld is %g", (long long)i + 1, times[i]);
    if (i && (times[i] == times[i - 1] || (times[i] > times[i - 1]) != (times[1] > times[0])))
      return peri_fail(cx, PERI_ERR_VALUE, WHO ": times must go strictly up or strictly down, but %.17g follows %.17g", times[i],
                       times[i - 1]);
  }
  if (!(o->rel_tol > 0 && o->abs_tol > 0))
    return peri_fail(cx, PERI_ERR_VALUE, WHO ": tolerances must be positive, got %g and %g", o->rel_tol, o->abs_tol);
  return PERI_OK;
}

peri_status peri_ode(peri_ctx *cx, peri_field_fn f, void *ud, int64_t n, const double *y0, int64_t n_times, const double *times,
                     const peri_ode_options *opt, double *out, peri_ode_report *report) {
  problem p = {.cx = cx, .f = f, .ud = ud, .n = n};
  if (opt) p.o = *opt;
  if (p.o.rel_tol == 0) p.o.rel_tol = 1e-8;
  if (p.o.abs_tol == 0) p.o.abs_tol = 1e-10;
  if (p.o.max_steps == 0) p.o.max_steps = 1000000;
  if (check(cx, n, n_times, times, &p.o)) return peri_errcode(cx);
  size_t bytes = (size_t)(10 * n) * sizeof(double);
  double *room = peri_alloc(cx, bytes);
  if (!room) return peri_errcode(cx);
  p.y = room, p.next = room + n, p.tmp = room + 2 * n;
  for (int j = 0; j < 7; j++) p.k[j] = room + (3 + j) * n;
  memcpy(p.y, y0, (size_t)n * sizeof *y0);
  memcpy(out, y0, (size_t)n * sizeof *y0);
  p.t = times[0];
  p.direction = n_times > 1 && times[1] < times[0] ? -1 : 1;
  int64_t bad = not_finite(y0, n);
  peri_status st = bad >= 0 ? broke(&p, p.t, "initial state", y0, bad) : PERI_OK;
  if (!st && n_times > 1) st = p.o.steps > 0 ? classical(&p, n_times, times, out) : adaptive(&p, n_times, times, out);
  if (report) *report = p.report;
  peri_free(cx, room, bytes);
  return st;
}
