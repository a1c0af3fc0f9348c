/* convex.c - second moments of the continuized iteration on a quadratic, convex case: parameters that follow the clock.
**
** eta = 2 / t, eta' = 0, gamma = 1 / L, gamma' = t / (2 L). With a = 1 - lambda / L, b(t) = -lambda t / (2 L):
**     d/dt E x^2 = -(4/t) (E x^2 - E xz) + (a^2 - 1) E x^2 + s^2 gamma^2
**     d/dt E xz  = -(2/t) (E xz - E z^2) + ab E x^2 + (a - 1) E xz + s^2 gamma gamma'
**     d/dt E z^2 = b^2 E x^2 + 2b E xz + s^2 gamma'^2.
**
** The start t = 0 is singular. In u = z - x the mixing only shrinks: du/dt = -(2/t) u, so u(0+) = 0 whatever x0, that is
** x(0+) = z0. The equations of p = E u^2, q = E uz, r = E z^2 there are p' = -4p/t + P + O(t), q' = -2q/t + Q + O(t),
** r' = O(t), with P = (lambda^2 r + s^2) / L^2 and Q = lambda r / L from a jump at t = 0; the bounded solution is
** p = P t / 5, q = Q t / 3, r = z0^2, each up to O(t^2). It is followed to START, with a relative error of START^2, and
** from there the Runge-Kutta pair of Dormand & Prince (1980), J. Comput. Appl. Math. 6, 19-26, takes over. Early
** steps grow with t, because 4/t bounds them; later ones are set by the accuracy.
*/
#include "diag/moments.h"
#include <math.h>

static const double START = 1e-6, TOLERANCE = 1e-11;

typedef struct {
  const peri_ctx *cx; /* for its stop flag */
  pri_direction d;
  double L;
} direction;

static void slope(const direction *o, double t, const double *m, double *dm) {
  double ratio = o->d.lambda / o->L, a = 1 - ratio, b = -ratio * t / 2, gamma = 1 / o->L, gammap = t / (2 * o->L);
  dm[0] = -4 / t * (m[0] - m[1]) + (a * a - 1) * m[0] + o->d.s2 * gamma * gamma;
  dm[1] = -2 / t * (m[1] - m[2]) + a * b * m[0] + (a - 1) * m[1] + o->d.s2 * gamma * gammap;
  dm[2] = b * b * m[0] + 2 * b * m[1] + o->d.s2 * gammap * gammap;
}

/* The series at the singular start, 0 < t <= START. */
static void series(const direction *o, double t, double *m) {
  double r = o->d.z * o->d.z, ratio = o->d.lambda / o->L;
  double p = (ratio * ratio * r + o->d.s2 / (o->L * o->L)) * t / 5, q = ratio * r * t / 3;
  m[0] = r - 2 * q + p;
  m[1] = r - q;
  m[2] = r;
}

/* One step of size h from (t, m), slope k[0] given: the result into next, its slope into k[6]. Returns the error over the
** tolerance, relative to E x^2, sqrt(E x^2 E z^2), E z^2. */
static double try_step(const direction *o, double t, double h, const double *m, double k[7][3], double *next) {
  static const double at[7] = {0, 1. / 5, 3. / 10, 4. / 5, 8. / 9, 1, 1};
  static const double by[7][6] = {{0},
                                  {1. / 5},
                                  {3. / 40, 9. / 40},
                                  {44. / 45, -56. / 15, 32. / 9},
                                  {19372. / 6561, -25360. / 2187, 64448. / 6561, -212. / 729},
                                  {9017. / 3168, -355. / 33, 46732. / 5247, 49. / 176, -5103. / 18656},
                                  {35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84}};
  static const double error[7] = {71. / 57600, 0, -71. / 16695, 71. / 1920, -17253. / 339200, 22. / 525, -1. / 40};
  for (int s = 1; s < 7; s++) {
    for (int c = 0; c < 3; c++) {
      double sum = 0;
      for (int r = 0; r < s; r++) sum += by[s][r] * k[r][c];
      next[c] = m[c] + h * sum;
    }
    slope(o, t + at[s] * h, next, k[s]);
  }
  double xx = fmax(fabs(m[0]), fabs(next[0])), zz = fmax(fabs(m[2]), fabs(next[2])), scale[3] = {xx, sqrt(xx * zz), zz},
         worst = 0;
  for (int c = 0; c < 3; c++) {
    double e = 0;
    for (int s = 0; s < 7; s++) e += error[s] * k[s][c];
    double relative = fabs(h * e) / (TOLERANCE * scale[c] + 1e-290);
    if (!(relative <= worst)) worst = relative;
  }
  return worst;
}

typedef struct {
  double t, h, m[3];
} state;

/* From s->t to t. False if the moments overflow or no step is small enough. */
static bool advance(const direction *o, state *s, double t) {
  double k[7][3], next[3];
  slope(o, s->t, s->m, k[0]);
  while (s->t < t && !pri_stopped(o->cx)) {
    bool last = s->t + s->h >= t;
    double h = last ? t - s->t : s->h, worst = try_step(o, s->t, h, s->m, k, next);
    if (!isfinite(worst)) return false;
    double grow = worst > 0 ? 0.9 * pow(worst, -0.2) : 5;
    if (worst <= 1) {
      s->t = last ? t : s->t + h;
      memcpy(s->m, next, sizeof next);
      memcpy(k[0], k[6], sizeof k[0]);
    } else if (h <= 1e-14 * s->t)
      return false;
    if (worst > 1 || !last || grow < 1) s->h = h * fmin(5, fmax(0.2, grow));
  }
  return true;
}

/* out[j * stride ..] = moments at ts[j]; false as `advance`. */
static bool follow(const direction *o, int64_t count, const double *ts, double *out, int64_t stride) {
  state s = {.t = START, .h = START / 4};
  series(o, START, s.m);
  for (int64_t j = 0; j < count; j++) {
    double *m = out + j * stride, x = o->d.x, z = o->d.z;
    if (ts[j] == 0)
      m[0] = x * x, m[1] = x * z, m[2] = z * z;
    else if (ts[j] <= START)
      series(o, ts[j], m);
    else {
      if (!advance(o, &s, ts[j])) return false;
      memcpy(m, s.m, sizeof s.m);
    }
  }
  return true;
}

static peri_status check_times(peri_ctx *cx, double L, int64_t count, const double *ts) {
  if (!(L > 0 && isfinite(L))) return peri_fail(cx, PERI_ERR_VALUE, "diag.moments: L must be > 0, got %g", L);
  for (int64_t j = 0; j < count; j++) {
    if (!(ts[j] >= 0 && isfinite(ts[j])))
      return peri_fail(cx, PERI_ERR_VALUE, "diag.moments: a time must be >= 0, got %g", ts[j]);
    if (j > 0 && ts[j] < ts[j - 1])
      return peri_fail(cx, PERI_ERR_VALUE, "diag.moments: times must increase, got %g after %g", ts[j], ts[j - 1]);
  }
  return PERI_OK;
}

peri_tensor *peri_moments_convex(const peri_quadratic *q, double L, int64_t count, const double *ts) {
  pri_problem p = {.cx = q->lambda->cx};
  if (check_times(p.cx, L, count, ts) || pri_problem_open(&p, q)) return pri_problem_close(&p), NULL;
  peri_tensor *r = peri_new(p.cx, PERI_F64, 3, (int64_t[]){count, p.n, 3});
  peri_status st = r ? PERI_OK : p.cx->code;
  for (int64_t i = 0; i < p.n && !st; i++) {
    direction o = {p.cx, p.d[i], L};
    bool ok = follow(&o, count, ts, (double *)r->data + 3 * i, 3 * p.n);
    st = peri_check_interrupt(p.cx);
    if (!st && !ok)
      st = peri_fail(p.cx, PERI_ERR_NUMERIC, "diag.moments: the moments of direction %lld diverge (lambda / L is %g)",
                     (long long)i + 1, p.d[i].lambda / L);
  }
  pri_problem_close(&p);
  if (st) peri_release(r), r = NULL;
  return r;
}
