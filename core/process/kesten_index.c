/* kesten_index.c - h(alpha) = 1, and whether anything is stationary at all.
**
** log h is convex and 0 at 0, so phi(r) = log h(r) / r increases from phi(0) = h'(0): its zero is alpha, and the only one. The bracket
** starts at r = 2, where h(2) = 1 - 2c + c^2 (b+d+1)/b for Gaussian rows: alpha = 2 exactly at c = 2b/(b+d+1).
*/
#include "process/kesten.h"
#include <inttypes.h>
#include <math.h>
#include <perigee/numeric.h>

static const double last_power = 4096;
#define LOG_SQRT_PI 0.572364942924700087071713675676529356
#define EULER_GAMMA 0.577215664901532860606512090082402431

/* ---- checks ---- */

static peri_status check_batch(peri_ctx *cx, const char *who, int64_t b, int64_t d) {
  const int64_t most = 1000000;
  if (b < 1 || b > most) return peri_fail(cx, PERI_ERR_VALUE, "%s: the batch b must be a whole number from 1 to %" PRId64 ", got %" PRId64, who, most, b);
  if (d < 1 || d > most) return peri_fail(cx, PERI_ERR_VALUE, "%s: the dimension d must be a whole number from 1 to %" PRId64 ", got %" PRId64, who, most, d);
  return PERI_OK;
}

static peri_status check_data(peri_ctx *cx, const char *who, const peri_kesten *k) {
  if (!k->A || !k->y) return peri_fail(cx, PERI_ERR_VALUE, "%s: data need rows A (n, d) and targets y (n)", who);
  if (k->A->ndim != 2 || k->y->ndim != 1 || k->A->dims[0] != k->y->dims[0] || k->A->dims[1] < 1)
    return peri_fail(cx, PERI_ERR_SHAPE, "%s: rows must be (n, d) and targets (n), got %s and %s", who, peri_shape(k->A), peri_shape(k->y));
  if (k->b < 1 || k->b > k->A->dims[0])
    return peri_fail(cx, PERI_ERR_VALUE, "%s: the batch b must be a whole number from 1 to %" PRId64 ", the rows there are, got %" PRId64, who, k->A->dims[0], k->b);
  return PERI_OK;
}

static peri_status check_number(peri_ctx *cx, const char *who, const char *name, double x) {
  return x >= 0 && isfinite(x) ? PERI_OK : peri_fail(cx, PERI_ERR_VALUE, "%s: %s must be finite and not negative, got %g", who, name, x);
}

peri_status pri_kesten_check(peri_ctx *cx, const char *who, const peri_kesten *k) {
  bool steps = k->kind == PERI_KESTEN_GAUSS || k->kind == PERI_KESTEN_NORM || k->kind == PERI_KESTEN_DATA;
  if (steps && !(k->c > 0 && isfinite(k->c)))
    return peri_fail(cx, PERI_ERR_VALUE, "%s: c, the step size times s^2, must be positive and finite, got %g", who, k->c);
  if (k->kind == PERI_KESTEN_DATA) return check_data(cx, who, k);
  if (steps) return check_batch(cx, who, k->b, k->d) ? cx->code : check_number(cx, who, "the noise", k->noise);
  if (k->kind == PERI_KESTEN_ARCH) return check_number(cx, who, "lam", k->lam) ? cx->code : check_number(cx, who, "g", k->g);
  if (!isfinite(k->mu)) return peri_fail(cx, PERI_ERR_VALUE, "%s: mu must be finite, got %g", who, k->mu);
  return check_number(cx, who, "s", k->s);
}

/* ---- phi ---- */

typedef struct { peri_ctx *cx; const peri_kesten *k; } asked;

/* phi(r), r > 0, or h'(0). */
static peri_status phi(void *ud, double r, double *y) {
  const asked *a = ud;
  const peri_kesten *k = a->k;
  int sign;
  if (k->kind == PERI_KESTEN_LOGNORMAL) return *y = k->mu + k->s * k->s * r / 2, PERI_OK;
  if (k->kind == PERI_KESTEN_ARCH && r == 0) return *y = (log(k->lam / 2) - EULER_GAMMA) / 2, PERI_OK;
  if (k->kind == PERI_KESTEN_ARCH) return *y = log(2 * k->lam) / 2 + (lgamma_r((r + 1) / 2, &sign) - LOG_SQRT_PI) / r, PERI_OK;
  peri_status st = pri_kesten_moment(a->cx, k->c, k->b, k->d, r, y);
  if (!st && r > 0) *y /= r;
  return st;
}

static peri_status check_asked(peri_ctx *cx, const char *who, const peri_kesten *k) {
  if (k->kind == PERI_KESTEN_DATA) return peri_fail(cx, PERI_ERR_VALUE, "%s: fixed data have no index of this kind; ask for that of fresh rows, law \"gauss\"", who);
  return pri_kesten_check(cx, who, k);
}

peri_status peri_kesten_log_moment(peri_ctx *cx, const peri_kesten *k, double r, double *log_h) {
  static const char who[] = "process.kesten.log_moment";
  if (check_asked(cx, who, k)) return cx->code;
  if (!(r >= 0 && r <= last_power)) return peri_fail(cx, PERI_ERR_VALUE, "%s: the power r must lie in [0, %g], got %g", who, last_power, r);
  *log_h = 0;
  if (r == 0) return PERI_OK;
  peri_status st = phi(&(asked){cx, k}, r, log_h);
  *log_h *= r;
  return st;
}

peri_status peri_kesten_index(peri_ctx *cx, const peri_kesten *k, peri_tail *tail) {
  asked a = {cx, k};
  double low = 0, high = 2, y;
  *tail = (peri_tail){PERI_TAIL_NONE, NAN, NAN};
  if (check_asked(cx, "process.kesten.index", k) || phi(&a, 0, &tail->drift)) return cx->code;
  if (tail->drift >= 0) return PERI_OK;
  *tail = (peri_tail){PERI_TAIL_LIGHT, INFINITY, tail->drift};
  for (;; low = high, high *= 2) {
    if (high > last_power) return PERI_OK;
    if (phi(&a, high, &y)) return cx->code;
    if (y >= 0) break;
  }
  tail->verdict = PERI_TAIL_FINITE;
  if (y == 0) return tail->alpha = high, PERI_OK;
  return peri_root(cx, phi, &a, low, high, &(peri_search){.x_tol = 1e-12 * high}, &tail->alpha);
}

/* ---- the end of stationarity ---- */

static peri_status drift_of_c(void *ud, double c, double *y) {
  const asked *a = ud;
  return pri_kesten_moment(a->cx, c, a->k->b, a->k->d, 0, y);
}

peri_status peri_kesten_critical(peri_ctx *cx, int64_t b, int64_t d, double *c) {
  if (check_batch(cx, "process.kesten.critical", b, d)) return cx->code;
  asked a = {cx, &(peri_kesten){.b = b, .d = d}};
  double low = 2 * (double)b / (double)(b + d + 1), high = low, y; /* alpha = 2 there */
  do {
    low = high, high *= 2;
    if (drift_of_c(&a, high, &y)) return cx->code;
  } while (y < 0);
  return peri_root(cx, drift_of_c, &a, low, high, &(peri_search){.x_tol = 1e-12 * high}, c);
}
