/* stable.c - stable laws over tensors: the scale, the location, and which of their functions. */
#include "numeric/stable_law.h"
#include "base/base.h"
#include "tensor/tensor.h"
#include <math.h>
#include <perigee/numeric.h>
#include <string.h>

#define WHO "numeric.stable"
#define PI 3.141592653589793238462643383279502884

/* x = shift + scale z, z of unit scale; centred: z in the form S0. */
typedef struct {
  pri_stable_law unit;
  double scale, shift;
  bool centred;
} law;

static peri_status check(const peri_tensor *x, const peri_stable_parameters *p) {
  peri_ctx *cx = x->cx;
  if (!pri_is_float(x->dtype)) return peri_fail(cx, PERI_ERR_DTYPE, WHO ": the argument must be f64 or f32, got %s", peri_dtype_name(x->dtype));
  if (!(p->alpha > 0 && p->alpha <= 2)) return peri_fail(cx, PERI_ERR_VALUE, WHO ": alpha must lie in (0, 2], got %.15g", p->alpha);
  if (!(p->beta >= -1 && p->beta <= 1)) return peri_fail(cx, PERI_ERR_VALUE, WHO ": beta must lie in [-1, 1], got %.15g", p->beta);
  if (!(p->scale > 0 && p->scale < INFINITY)) return peri_fail(cx, PERI_ERR_VALUE, WHO ": scale must be positive, got %.15g", p->scale);
  if (!isfinite(p->location)) return peri_fail(cx, PERI_ERR_VALUE, WHO ": location must be finite, got %.15g", p->location);
  return PERI_OK;
}

static void prepare(law *l, const peri_stable_parameters *p) {
  pri_stable_law_of(&l->unit, p->alpha, p->beta);
  l->scale = p->scale, l->shift = p->location;
  l->centred = p->s0 || p->alpha == 1;
  if (!p->s0 && p->alpha == 1) l->shift += 2 / PI * p->beta * p->scale * log(p->scale);
}

static double value(const law *l, peri_stable_part part, double x) {
  pri_stable_value v = pri_stable_at(&l->unit, (x - l->shift) / l->scale, l->centred);
  return part == PERI_STABLE_CDF ? v.lower : part == PERI_STABLE_UPPER ? v.upper : v.log_density - log(l->scale);
}

/* p and q = 1 - p: one of them is given, the other as good as it can be. */
static double point(const law *l, double p, double q) {
  double alpha = l->unit.alpha, beta = l->unit.beta, edge = l->centred && alpha < 1 ? l->unit.sign * l->unit.zeta : 0;
  if (isnan(p)) return p;
  if (p == 0) return alpha < 1 && beta == 1 ? l->shift + l->scale * edge : -INFINITY;
  if (q == 0) return alpha < 1 && beta == -1 ? l->shift + l->scale * edge : INFINITY;
  return l->shift + l->scale * pri_stable_point(&l->unit, p, q, l->centred);
}

static peri_status fill(const law *l, peri_stable_part part, peri_ctx *cx, double *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    if (pri_stopped(cx)) return peri_check_interrupt(cx);
    if (part < PERI_STABLE_QUANTILE) x[i] = value(l, part, x[i]);
    else if (x[i] < 0 || x[i] > 1) return peri_fail(cx, PERI_ERR_VALUE, WHO ": a probability must lie in [0, 1], got %.15g", x[i]);
    else x[i] = part == PERI_STABLE_QUANTILE ? point(l, x[i], 1 - x[i]) : point(l, 1 - x[i], x[i]);
  }
  return PERI_OK;
}

peri_tensor *peri_stable_values(peri_tensor *x, peri_stable_part part, const peri_stable_parameters *p) {
  law l;
  if (check(x, p) != PERI_OK) return NULL;
  peri_tensor *wide = peri_cast(x, PERI_F64), *r = wide;
  if (!wide) return NULL;
  prepare(&l, p);
  if (!(l.unit.cache = peri_alloc(x->cx, sizeof *l.unit.cache))) return peri_release(wide), NULL;
  memset(l.unit.cache, 0, sizeof *l.unit.cache);
  peri_status st = fill(&l, part, x->cx, wide->data, wide->size);
  peri_free(x->cx, l.unit.cache, sizeof *l.unit.cache);
  if (st != PERI_OK) return peri_release(wide), NULL;
  if (x->dtype != PERI_F64) {
    r = peri_cast(wide, x->dtype);
    peri_release(wide);
  }
  return r;
}
