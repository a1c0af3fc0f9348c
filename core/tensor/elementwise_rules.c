/* elementwise_rules.c - gradient rules of the elementwise primitives, in recordable primitives.
**
** For r = f(a) the rule is g f'(a), written in the result y where that saves work. Conventions at kinks: abs and relu have derivative
** 0 at 0; minimum and maximum give half to each of two equal operands; clip passes the gradient at its bounds.
*/
#include "tensor/elementwise_rules.h"
#include "tensor/rules.h"
#include <math.h>
#include <perigee/reduce.h>
#include <perigee/shape.h>

peri_tensor *pri_unbroadcast(peri_tensor *g, const peri_tensor *like) {
  if (!g) return NULL;
  if (!pri_same_shape(g, like)) {
    int lead = g->ndim - like->ndim;
    uint32_t axes = 0;
    for (int i = 0; i < g->ndim; i++)
      if (i < lead || (like->dims[i - lead] == 1 && g->dims[i] != 1)) axes |= 1u << i;
    if (axes) {
      peri_tensor *sum = peri_sum(g, axes, true);
      peri_release(g);
      if (!sum) return NULL;
      g = sum;
    }
    if (lead) {
      peri_tensor *shaped = peri_reshape(g, like->ndim, like->dims);
      peri_release(g);
      if (!shaped) return NULL;
      g = shaped;
    }
  }
  if (g->dtype == like->dtype || !pri_is_float((peri_dtype)like->dtype)) return g;
  peri_tensor *cast = peri_cast(g, (peri_dtype)like->dtype);
  peri_release(g);
  return cast;
}

/* ---- one operand: RULE(op, derivative in x, y, and numbers) ---- */

#define RULE(op, derivative)                                                                                            \
  peri_status pri_vjp_##op(const peri_pull *p, peri_tensor **grads) {                                                   \
    peri_tensor *x = p->in[0], *y = p->out[0];                                                                          \
    (void)x, (void)y;                                                                                                   \
    grads[0] = pri_unbroadcast(r2(peri_mul, keep(p->cotangents[0]), derivative), x);                                    \
    return ruled(p, grads);                                                                                             \
  }

static peri_tensor *plus(double c, peri_tensor *a) { return a ? r2(peri_add, a, number(a, c)) : NULL; }
static peri_tensor *times(double c, peri_tensor *a) { return a ? r2(peri_mul, a, number(a, c)) : NULL; }
static peri_tensor *negated(peri_tensor *a) { return r1(peri_neg, a); }
static peri_tensor *squared(peri_tensor *a) { return r1(peri_square, keep(a)); }
static peri_tensor *inverse(peri_tensor *a) { return r1(peri_reciprocal, a); }
static peri_tensor *one_minus(peri_tensor *a) { return plus(1, negated(a)); }

static peri_tensor *normal_density(peri_tensor *x) { return times(1 / sqrt(2 * M_PI), r1(peri_exp, times(-0.5, squared(x)))); }
static peri_tensor *gauss(peri_tensor *x) { return times(2 / sqrt(M_PI), r1(peri_exp, negated(squared(x)))); }
RULE(neg, number(x, -1))
RULE(abs, r1(peri_sign, peri_stop_gradient(x)))
RULE(square, times(2, keep(x)))
RULE(reciprocal, negated(squared(y)))
RULE(sqrt, times(0.5, inverse(keep(y))))
RULE(rsqrt, times(-0.5, r2(peri_div, keep(y), keep(x))))
RULE(cbrt, times(1 / 3., inverse(squared(y))))
RULE(exp, keep(y))
RULE(exp2, times(M_LN2, keep(y)))
RULE(expm1, plus(1, keep(y)))
RULE(log, inverse(keep(x)))
RULE(log2, times(1 / M_LN2, inverse(keep(x))))
RULE(log10, times(1 / M_LN10, inverse(keep(x))))
RULE(log1p, inverse(plus(1, keep(x))))
RULE(sin, r1(peri_cos, keep(x)))
RULE(cos, negated(r1(peri_sin, keep(x))))
RULE(tan, plus(1, squared(y)))
RULE(asin, r1(peri_rsqrt, one_minus(squared(x))))
RULE(acos, negated(r1(peri_rsqrt, one_minus(squared(x)))))
RULE(atan, inverse(plus(1, squared(x))))
RULE(sinh, r1(peri_cosh, keep(x)))
RULE(cosh, r1(peri_sinh, keep(x)))
RULE(tanh, one_minus(squared(y)))
RULE(asinh, r1(peri_rsqrt, plus(1, squared(x))))
RULE(acosh, r1(peri_rsqrt, plus(-1, squared(x))))
RULE(atanh, inverse(one_minus(squared(x))))
RULE(erf, gauss(x))
RULE(erfc, negated(gauss(x)))
RULE(sigmoid, r2(peri_mul, keep(y), one_minus(keep(y))))
RULE(softplus, r1(peri_sigmoid, keep(x)))
RULE(normal_cdf, normal_density(x))
RULE(normal_quantile, inverse(normal_density(y)))
RULE(real, number(x, 1))
RULE(conj, number(x, 1))

/* g where x > 0, in one pass: what a mask of zeros and ones would take two for. */
peri_status pri_vjp_relu(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *x = p->in[0], *positive = r2(peri_gt, keep(x), number(x, 0)), *nought = number(x, 0);
  grads[0] = positive && nought ? pri_unbroadcast(peri_where(positive, p->cotangents[0], nought), x) : NULL;
  peri_release(positive);
  peri_release(nought);
  return ruled(p, grads);
}

/* ---- two operands: RULE2(op, to a, to b), in the operands a, b, the result y and the cotangent g ---- */

#define RULE2(op, to_a, to_b)                                                                                           \
  peri_status pri_vjp_##op(const peri_pull *p, peri_tensor **grads) {                                                   \
    peri_tensor *a = p->in[0], *b = p->in[1], *y = p->out[0], *g = p->cotangents[0];                                    \
    (void)y;                                                                                                            \
    if (needs(p, 0)) grads[0] = pri_unbroadcast(to_a, a);                                                               \
    if (needs(p, 1)) grads[1] = pri_unbroadcast(to_b, b);                                                               \
    return ruled(p, grads);                                                                                             \
  }

/* d a^b / da = b a^(b-1), and 0 for b = 0 even at a = 0. */
static peri_tensor *power_base(peri_tensor *a, peri_tensor *b) {
  peri_tensor *slope = r2(peri_mul, keep(b), r2(peri_pow, keep(a), plus(-1, keep(b))));
  peri_tensor *zero = r2(peri_eq, keep(b), number(b, 0)), *nought = number(b, 0);
  peri_tensor *r = slope && zero && nought ? peri_where(zero, nought, slope) : NULL;
  peri_release(slope);
  peri_release(zero);
  peri_release(nought);
  return r;
}

/* d a^b / db = a^b log a, and 0 at a = 0. */
static peri_tensor *power_exponent(peri_tensor *a, peri_tensor *y) {
  peri_tensor *zero = r2(peri_eq, keep(a), number(a, 0)), *one = number(a, 1);
  peri_tensor *safe = zero && one ? peri_where(zero, one, a) : NULL;
  peri_release(zero);
  peri_release(one);
  return r2(peri_mul, keep(y), r1(peri_log, safe));
}

/* 1 where a is the extreme, 1/2 where both are. */
static peri_tensor *share(pri_binary *wins, peri_tensor *a, peri_tensor *b, const peri_tensor *like) {
  return r2(peri_add, mask(r2(wins, keep(a), keep(b)), like), times(0.5, mask(r2(peri_eq, keep(a), keep(b)), like)));
}

static peri_tensor *radius2(peri_tensor *a, peri_tensor *b) { return r2(peri_add, squared(a), squared(b)); }
static peri_tensor *floored(peri_tensor *a, peri_tensor *b) { return r2(peri_idiv, peri_stop_gradient(a), peri_stop_gradient(b)); }

RULE2(add, keep(g), keep(g))
RULE2(sub, keep(g), negated(keep(g)))
RULE2(mul, r2(peri_mul, keep(g), keep(b)), r2(peri_mul, keep(g), keep(a)))
RULE2(div, r2(peri_div, keep(g), keep(b)), negated(r2(peri_mul, keep(g), r2(peri_div, keep(y), keep(b)))))
RULE2(pow, r2(peri_mul, keep(g), power_base(a, b)), r2(peri_mul, keep(g), power_exponent(a, y)))
RULE2(mod, keep(g), negated(r2(peri_mul, keep(g), floored(a, b))))
RULE2(minimum, r2(peri_mul, keep(g), share(peri_lt, a, b, g)), r2(peri_mul, keep(g), share(peri_lt, b, a, g)))
RULE2(maximum, r2(peri_mul, keep(g), share(peri_gt, a, b, g)), r2(peri_mul, keep(g), share(peri_gt, b, a, g)))
RULE2(atan2, r2(peri_mul, keep(g), r2(peri_div, keep(b), radius2(a, b))), negated(r2(peri_mul, keep(g), r2(peri_div, keep(a), radius2(a, b)))))
RULE2(hypot, r2(peri_mul, keep(g), r2(peri_div, keep(a), keep(y))), r2(peri_mul, keep(g), r2(peri_div, keep(b), keep(y))))

/* ---- three operands ---- */

/* g where the condition holds and 0 elsewhere, or the other way round. Takes the condition over. */
static peri_tensor *choose(peri_tensor *condition, peri_tensor *g, bool holds) {
  peri_tensor *nought = number(g, 0);
  peri_tensor *r = condition && nought ? holds ? peri_where(condition, g, nought) : peri_where(condition, nought, g) : NULL;
  peri_release(condition);
  peri_release(nought);
  return r;
}

peri_status pri_vjp_where(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *g = p->cotangents[0];
  if (needs(p, 1)) grads[1] = pri_unbroadcast(choose(keep(p->in[0]), g, true), p->in[1]);
  if (needs(p, 2)) grads[2] = pri_unbroadcast(choose(keep(p->in[0]), g, false), p->in[2]);
  return ruled(p, grads);
}

peri_status pri_vjp_clip(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *x = p->in[0], *lo = p->in[1], *hi = p->in[2], *g = p->cotangents[0];
  if (needs(p, 0))
    grads[0] = pri_unbroadcast(choose(r2(peri_band, r2(peri_ge, keep(x), keep(lo)), r2(peri_le, keep(x), keep(hi))), g, true), x);
  if (needs(p, 1)) /* hi wins where the bounds cross */
    grads[1] = pri_unbroadcast(choose(r2(peri_band, r2(peri_lt, keep(x), keep(lo)), r2(peri_le, keep(lo), keep(hi))), g, true), lo);
  if (needs(p, 2)) grads[2] = pri_unbroadcast(choose(r2(peri_gt, r2(peri_maximum, keep(x), keep(lo)), keep(hi)), g, true), hi);
  return ruled(p, grads);
}

peri_status pri_vjp_fma(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *g = p->cotangents[0];
  if (needs(p, 0)) grads[0] = pri_unbroadcast(r2(peri_mul, keep(g), keep(p->in[1])), p->in[0]);
  if (needs(p, 1)) grads[1] = pri_unbroadcast(r2(peri_mul, keep(g), keep(p->in[0])), p->in[1]);
  if (needs(p, 2)) grads[2] = pri_unbroadcast(keep(g), p->in[2]);
  return ruled(p, grads);
}
