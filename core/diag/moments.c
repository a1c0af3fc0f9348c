/* moments.c - exact second moments of the continuized iteration on a quadratic, constant parameters.
**
** Between jumps m = (E x^2, E xz, E z^2) obeys dm/dt = D m, at a jump m becomes J m + s^2 g:
**     D = theta [-2  2  0]      J = [a^2   0  0]     g = (gamma^2, gamma gamma', gamma'^2),
**               [ 1 -2  1]          [ab    a  0]     a = 1 - gamma lambda, b = -gamma' lambda.
**               [ 0  2 -2]          [b^2  2b  1]
** Gaps are Exp(1), so from one jump to the next m -> J (I - D)^-1 m + s^2 g, and weighted by e^(r T):
** J ((1 - r) I - D)^-1. In time dm/dt = (D + J - I) m + s^2 g. Both are linear in the vector (m, 1), four numbers, on which a
** 4 x 4 matrix acts; its last component is the weight E e^(r T_k) itself, or 0 when there is no noise to weigh.
** Source: Even, Berthier, Bach, Flammarion, Gaillard, Hendrikx, Massoulie & Taylor (2021), NeurIPS 34, for the iteration;
** the moment equations follow by Ito's rule for jump processes.
*/
#include "diag/moments.h"
#include "linalg/lapack.h"
#include <perigee/linalg.h>
#include <float.h>
#include <math.h>

typedef struct {
  double m[4][4];
} affine;

/* r = a b */
static void compose(affine *r, const affine *a, const affine *b) {
  affine t;
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 4; j++) {
      double sum = 0;
      for (int k = 0; k < 4; k++) sum += a->m[i][k] * b->m[k][j];
      t.m[i][j] = sum;
    }
  *r = t;
}

static void act(const affine *a, double *v) {
  double t[4];
  for (int i = 0; i < 4; i++) t[i] = a->m[i][0] * v[0] + a->m[i][1] * v[1] + a->m[i][2] * v[2] + a->m[i][3] * v[3];
  memcpy(v, t, sizeof t);
}

/* v = a^n v; a is overwritten. */
static void act_often(affine *a, int64_t n, double *v) {
  for (; n > 0; n >>= 1) {
    if (n & 1) act(a, v);
    compose(a, a, a);
  }
}

static affine drift(const peri_quadratic *q) {
  double t = q->theta;
  return (affine){{{-2 * t, 2 * t, 0, 0}, {t, -2 * t, t, 0}, {0, 2 * t, -2 * t, 0}, {0, 0, 0, 0}}};
}

static affine jump(const peri_quadratic *q, const pri_direction *d) {
  double a = 1 - q->gamma * d->lambda, b = -q->gammap * d->lambda, g = q->gamma, h = q->gammap;
  return (affine){
      {{a * a, 0, 0, d->s2 * g * g}, {a * b, a, 0, d->s2 * g * h}, {b * b, 2 * b, 1, d->s2 * h * h}, {0, 0, 0, 1}}};
}

/* E e^(r gap) e^(gap D) = (c I - D)^-1 with c = 1 - r, written out: every term is positive, nothing cancels. */
static affine mixing(const peri_quadratic *q, double r) {
  double c = 1 - r, t = q->theta, w = 1 / (c * (c + 2 * t) * (c + 4 * t));
  double stay = (c * c + 4 * c * t + 2 * t * t) * w, pass = t * (c + 2 * t) * w, swap = 2 * t * t * w,
         middle = (c + 2 * t) * (c + 2 * t) * w;
  return (affine){{{stay, 2 * pass, swap, 0}, {pass, middle, pass, 0}, {swap, 2 * pass, stay, 0}, {0, 0, 0, 1 / c}}};
}

static affine step(const peri_quadratic *q, const pri_direction *d, double r) {
  affine j = jump(q, d), m = mixing(q, r), s;
  compose(&s, &j, &m);
  return s;
}

static void start(const pri_direction *d, double *v) {
  v[0] = d->x * d->x;
  v[1] = d->x * d->z;
  v[2] = d->z * d->z;
  v[3] = d->s2 > 0;
}

/* D + J - I on (m, 1). */
static affine generator(const peri_quadratic *q, const pri_direction *d) {
  affine g = jump(q, d), f = drift(q);
  for (int i = 0; i < 4; i++)
    for (int k = 0; k < 4; k++) g.m[i][k] += f.m[i][k] - (i == k);
  return g;
}

static peri_status check_parameters(const peri_quadratic *q) {
  peri_ctx *cx = q->lambda->cx;
  if (!(q->theta > 0 && isfinite(q->theta)))
    return peri_fail(cx, PERI_ERR_VALUE, "diag.moments: theta must be > 0, got %g", q->theta);
  if (!isfinite(q->gamma)) return peri_fail(cx, PERI_ERR_VALUE, "diag.moments: gamma must be finite, got %g", q->gamma);
  if (!isfinite(q->gammap))
    return peri_fail(cx, PERI_ERR_VALUE, "diag.moments: gammap must be finite, got %g", q->gammap);
  return PERI_OK;
}

/* Opens the problem and makes the result; on error p is closed and NULL returned. */
static peri_tensor *begin(pri_problem *p, const peri_quadratic *q, int nd, int64_t *dims, int axis_of_n) {
  *p = (pri_problem){.cx = q->lambda->cx};
  peri_tensor *r = NULL;
  if (!check_parameters(q) && !pri_problem_open(p, q)) {
    dims[axis_of_n] = p->n;
    r = peri_new(p->cx, PERI_F64, nd, dims);
  }
  if (!r) pri_problem_close(p);
  return r;
}

static peri_tensor *end(pri_problem *p, peri_status st, peri_tensor *r) {
  pri_problem_close(p);
  if (!st) return r;
  peri_release(r);
  return NULL;
}

/* ---- at jumps ---- */

static peri_status check_jumps(peri_ctx *cx, int64_t count, const int64_t *ks, double rate) {
  static const int64_t most = 1000000000000000;
  if (!(rate >= 0 && rate < 1))
    return peri_fail(cx, PERI_ERR_VALUE, "diag.moments: the rate of the weight must lie in [0, 1), got %g", rate);
  for (int64_t j = 0; j < count; j++)
    if (ks[j] < 0 || ks[j] > most)
      return peri_fail(cx, PERI_ERR_VALUE, "diag.moments: a number of jumps must lie in 0..10^15, got %lld",
                       (long long)ks[j]);
  return PERI_OK;
}

/* out[j * stride ..] = moments of direction d after ks[j] jumps; increasing ks continue from one to the next. */
static void follow_jumps(const peri_quadratic *q, const pri_direction *d, double rate, int64_t count, const int64_t *ks,
                         double *out, int64_t stride) {
  enum { SHORT = 32 }; /* gaps up to here are stepped, longer ones squared */
  affine s = step(q, d, rate);
  double v[4];
  int64_t at = 0;
  start(d, v);
  for (int64_t j = 0; j < count; j++) {
    if (ks[j] < at) start(d, v), at = 0;
    if (ks[j] - at <= SHORT)
      for (; at < ks[j]; at++) act(&s, v);
    else {
      affine power = s;
      act_often(&power, ks[j] - at, v);
      at = ks[j];
    }
    memcpy(out + j * stride, v, 3 * sizeof *v);
  }
}

peri_tensor *peri_moments_at_jumps(const peri_quadratic *q, int64_t count, const int64_t *ks, double rate) {
  pri_problem p;
  if (check_jumps(q->lambda->cx, count, ks, rate)) return NULL;
  peri_tensor *r = begin(&p, q, 3, (int64_t[]){count, 0, 3}, 1);
  if (!r) return NULL;
  for (int64_t i = 0; i < p.n && !pri_stopped(p.cx); i++)
    follow_jumps(q, &p.d[i], rate, count, ks, (double *)r->data + 3 * i, 3 * p.n);
  return end(&p, peri_check_interrupt(p.cx), r);
}

/* ---- in time ---- */

static peri_status check_times(peri_ctx *cx, int64_t count, const double *ts) {
  for (int64_t j = 0; j < count; j++)
    if (!(ts[j] >= 0 && isfinite(ts[j])))
      return peri_fail(cx, PERI_ERR_VALUE, "diag.moments: a time must be >= 0, got %g", ts[j]);
  return PERI_OK;
}

/* out (n, 3) = moments at time t; generators is scratch, (n, 4, 4). */
static peri_status flow(const peri_quadratic *q, const pri_problem *p, double t, peri_tensor *generators, double *out) {
  double *g = generators->data;
  for (int64_t i = 0; i < p->n; i++) {
    affine a = generator(q, &p->d[i]);
    for (int k = 0; k < 16; k++) g[16 * i + k] = t * a.m[k / 4][k % 4];
  }
  peri_tensor *e = peri_expm(generators);
  if (!e) return p->cx->code;
  for (int64_t i = 0; i < p->n; i++) {
    affine a;
    double v[4];
    memcpy(a.m, (double *)e->data + 16 * i, sizeof a.m);
    start(&p->d[i], v);
    act(&a, v);
    memcpy(out + 3 * i, v, 3 * sizeof *v);
  }
  peri_release(e);
  return PERI_OK;
}

peri_tensor *peri_moments_at_times(const peri_quadratic *q, int64_t count, const double *ts) {
  pri_problem p;
  if (check_times(q->lambda->cx, count, ts)) return NULL;
  peri_tensor *r = begin(&p, q, 3, (int64_t[]){count, 0, 3}, 1);
  if (!r) return NULL;
  peri_tensor *generators = peri_new(p.cx, PERI_F64, 3, (int64_t[]){p.n, 4, 4});
  peri_status st = generators ? PERI_OK : p.cx->code;
  for (int64_t j = 0; j < count && !st; j++) st = flow(q, &p, ts[j], generators, (double *)r->data + j * p.n * 3);
  peri_release(generators);
  return end(&p, st, r);
}

/* ---- long run ---- */

static double spectral_radius(const affine *s) {
  double a[9], re[3], im[3], work[12], largest = 0;
  int n = 3, one = 1, lwork = 12, info = 0;
  for (int k = 0; k < 9; k++) a[k] = s->m[k / 3][k % 3];
  dgeev_("N", "N", &n, a, &n, re, im, NULL, &one, NULL, &one, work, &lwork, &info, 1, 1);
  for (int k = 0; k < 3; k++) largest = fmax(largest, hypot(re[k], im[k]));
  return info == 0 ? largest : NAN;
}

static peri_status all_finite(peri_ctx *cx, const affine *s, int64_t i) {
  for (int k = 0; k < 16; k++)
    if (!isfinite(s->m[k / 4][k % 4]))
      return peri_fail(cx, PERI_ERR_NUMERIC, "diag.moments: overflow in direction %lld", (long long)i + 1);
  return PERI_OK;
}

peri_tensor *peri_moments_contraction(const peri_quadratic *q) {
  pri_problem p;
  peri_tensor *r = begin(&p, q, 1, (int64_t[]){0}, 0);
  peri_status st = PERI_OK;
  if (!r) return NULL;
  for (int64_t i = 0; i < p.n && !st; i++) {
    affine s = step(q, &p.d[i], 0);
    st = all_finite(p.cx, &s, i);
    if (!st) ((double *)r->data)[i] = spectral_radius(&s);
  }
  return end(&p, st, r);
}

/* m (3) with s m + constant = m, where s contracts. */
static peri_status fixed_point(peri_ctx *cx, const affine *s, int64_t i, double *m) {
  double a[9];
  int n = 3, one = 1, pivots[3], info = 0;
  if (all_finite(cx, s, i)) return cx->code;
  double rho = spectral_radius(s);
  if (!(rho < 1 - 16 * DBL_EPSILON)) /* a spectral radius of 1 may come out just below */
    return peri_fail(
        cx, PERI_ERR_NUMERIC,
        "diag.moments: direction %lld has no stationary law: its second moments change by a factor %.16g a jump",
        (long long)i + 1, rho);
  for (int r = 0; r < 3; r++) {
    for (int c = 0; c < 3; c++) a[r + 3 * c] = (r == c) - s->m[r][c];
    m[r] = s->m[r][3];
  }
  dgetrf_(&n, &n, a, &n, pivots, &info);
  if (info == 0) dgetrs_("N", &n, &one, a, &n, pivots, m, &n, &info, 1);
  if (info != 0)
    return peri_fail(cx, PERI_ERR_NUMERIC, "diag.moments: direction %lld has no stationary law", (long long)i + 1);
  return PERI_OK;
}

peri_tensor *peri_moments_stationary(const peri_quadratic *q, bool in_time) {
  pri_problem p;
  peri_tensor *r = begin(&p, q, 2, (int64_t[]){0, 3}, 0);
  peri_status st = PERI_OK;
  if (!r) return NULL;
  for (int64_t i = 0; i < p.n && !st; i++) {
    affine s = step(q, &p.d[i], 0), m = mixing(q, 0);
    double v[4] = {0, 0, 0, 1};
    st = fixed_point(p.cx, &s, i, v);
    if (in_time) act(&m, v); /* jumps see time averages, so the law in time is the one just before a jump */
    memcpy((double *)r->data + 3 * i, v, 3 * sizeof *v);
  }
  return end(&p, st, r);
}
