/* project.c - Euclidean projections and proximal maps, prox_f(x) = argmin_u f(u) + |u - x|^2 / 2.
**
** Each is a composition of recordable primitives, so gradients pass through. Selections (inside or outside, which
** coordinates stay positive) are comparisons, hence constants to the tape: the derivative is that of the active face.
*/
#include "optim/optim.h"
#include "tensor/rules.h"
#include <float.h>
#include <math.h>
#include <perigee/order.h>
#include <perigee/reduce.h>
#include <perigee/shape.h>

static bool is_real(const char *who, const peri_tensor *x) {
  if (pri_is_float((peri_dtype)x->dtype)) return true;
  peri_fail(x->cx, PERI_ERR_DTYPE, "%s: x must be f32 or f64, got %s", who, peri_dtype_name((peri_dtype)x->dtype));
  return false;
}

/* PERI_OK unless a > b somewhere. */
static peri_status ordered(const char *who, peri_tensor *a, peri_tensor *b, const char *complaint) {
  peri_tensor *wrong = r2(peri_gt, peri_stop_gradient(a), peri_stop_gradient(b)),
              *any = wrong ? peri_any(wrong, 0, false) : NULL;
  bool holds = any && peri_item_i64(any, 0) == 0;
  peri_release(wrong);
  bool known = any != NULL;
  peri_release(any);
  if (holds) return PERI_OK;
  return known ? peri_fail(a->cx, PERI_ERR_VALUE, "%s: %s", who, complaint) : a->cx->code;
}

/* The result has x's shape: a bound does not widen it. */
static peri_status within_shape(const char *who, const char *name, const peri_tensor *x, const peri_tensor *b) {
  int nd;
  int64_t dims[PERI_MAXDIM];
  if (peri_broadcast_shapes(who, x, b, &nd, dims)) return x->cx->code;
  if (nd == x->ndim && memcmp(dims, x->dims, (size_t)nd * sizeof *dims) == 0) return PERI_OK;
  return peri_fail(x->cx, PERI_ERR_SHAPE, "%s: %s of shape %s does not broadcast to x %s", who, name, peri_shape(b),
                   peri_shape(x));
}

peri_tensor *peri_project_box(peri_tensor *x, peri_tensor *lo, peri_tensor *hi) {
  const char *who = "optim.project_box";
  if (!is_real(who, x) || within_shape(who, "lo", x, lo) || within_shape(who, "hi", x, hi) ||
      ordered(who, lo, hi, "lo must not exceed hi"))
    return NULL;
  return peri_clip(x, lo, hi);
}

peri_tensor *peri_project_ball(peri_tensor *x, double radius, peri_tensor *centre) {
  const char *who = "optim.project_ball";
  if (!is_real(who, x) || pri_within(x->cx, who, "radius", radius, 0, INFINITY) ||
      (centre && within_shape(who, "centre", x, centre)))
    return NULL;
  peri_tensor *from = centre ? peri_sub(x, centre) : keep(x), *norm = from ? peri_norm(from, 2, 0, false) : NULL;
  peri_tensor *inside = norm ? r2(peri_le, peri_stop_gradient(norm), number(x, radius)) : NULL;
  peri_tensor *least =
      number(x, radius > FLT_MIN ? radius : FLT_MIN); /* outside the norm is above: no effect; inside it avoids 0/0 */
  peri_tensor *factor = r2(peri_div, number(x, radius), r2(peri_maximum, norm, least));
  peri_tensor *outside = r2(peri_mul, from, factor);
  if (centre) outside = r2(peri_add, outside, keep(centre));
  peri_tensor *r = inside && outside ? peri_where(inside, x, outside) : NULL;
  peri_release(inside);
  peri_release(outside);
  return r;
}

/* The shift that makes the sum right: with u the values in decreasing order and rho the number of k with
** k u_k > u_1 + ... + u_k - total,  the first rho stay positive and  tau = (u_1 + ... + u_rho - total) / rho. */
static peri_tensor *simplex_support(peri_tensor *u, double total) { /* bool, of the shape of u: the first rho */
  int last = u->ndim - 1;
  peri_tensor *k = peri_arange(u->cx, PERI_F64, 1, (double)u->dims[last] + 1, 1);
  peri_tensor *wide = k ? r2(peri_mul, keep(k), peri_cast(u, PERI_F64)) : NULL; /* sums in f64 whatever x is */
  peri_tensor *v = peri_cast(u, PERI_F64), *sums = v ? peri_cumsum(v, last) : NULL;
  peri_release(v);
  peri_tensor *positive = r2(peri_gt, wide, r2(peri_sub, sums, number(u, total)));
  peri_tensor *rho = positive ? peri_count(positive, 1u << last, true) : NULL;
  peri_release(positive);
  return r2(peri_le, k, rho);
}

peri_tensor *peri_project_simplex(peri_tensor *x, double total) {
  const char *who = "optim.project_simplex";
  int last = x->ndim - 1;
  if (!is_real(who, x)) return NULL;
  if (!(total > 0 && total < INFINITY))
    return peri_fail(x->cx, PERI_ERR_VALUE, "%s: total must be finite and > 0, got %g", who, total), NULL;
  if (last < 0 || x->dims[last] == 0)
    return peri_fail(x->cx, PERI_ERR_SHAPE,
                     "%s: x must be a vector, or vectors along the last axis, of at least one element; got shape %s",
                     who, peri_shape(x)),
           NULL;
  if (x->size == 0) return peri_clone(x);
  uint32_t axis = 1u << last;
  peri_tensor *constant = peri_stop_gradient(x), *top = constant ? peri_max(constant, axis, true) : NULL;
  peri_release(constant);
  peri_tensor *y = r2(peri_sub, keep(x), top); /* a shift changes nothing, and keeps the sums small */
  peri_tensor *u = y ? peri_sort(y, last, true) : NULL, *still = u ? peri_stop_gradient(u) : NULL;
  peri_tensor *support = still ? simplex_support(still, total) : NULL, *zero = number(x, 0);
  peri_tensor *kept = support && zero ? peri_where(support, u, zero) : NULL,
              *sum = kept ? peri_sum(kept, axis, true) : NULL;
  peri_tensor *count = support ? peri_count(support, axis, true) : NULL,
              *rho = count ? peri_cast(count, (peri_dtype)x->dtype) : NULL;
  peri_release(still), peri_release(u), peri_release(zero), peri_release(support), peri_release(kept),
      peri_release(count);
  peri_tensor *tau = r2(peri_div, r2(peri_sub, sum, number(x, total)), rho);
  return r1(peri_relu, r2(peri_sub, y, tau));
}

peri_tensor *peri_soft_threshold(peri_tensor *x, peri_tensor *t) {
  const char *who = "optim.soft_threshold";
  if (!is_real(who, x) || within_shape(who, "the threshold", x, t)) return NULL;
  peri_tensor *zero = number(x, 0);
  bool fine = zero && ordered(who, zero, t, "the threshold must be >= 0") == PERI_OK;
  peri_release(zero);
  if (!fine) return NULL;
  peri_tensor *above = r1(peri_relu, peri_sub(x, t)), *below = r1(peri_relu, r2(peri_sub, peri_neg(x), keep(t)));
  return r2(peri_sub, above, below);
}

peri_tensor *peri_huber_prox(peri_tensor *x, double t, double delta) {
  const char *who = "optim.huber_prox";
  if (!is_real(who, x) || pri_within(x->cx, who, "t", t, 0, INFINITY) ||
      pri_within(x->cx, who, "delta", delta, 0, INFINITY))
    return NULL;
  peri_tensor *slope = r2(peri_div, keep(x), number(x, 1 + t)), *lo = number(x, -delta), *hi = number(x, delta),
              *clipped = NULL;
  if (slope && lo && hi) clipped = peri_clip(slope, lo, hi);
  peri_release(slope);
  peri_release(lo);
  peri_release(hi);
  return r2(peri_sub, keep(x), r2(peri_mul, clipped, number(x, t)));
}
