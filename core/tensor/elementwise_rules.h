/* elementwise_rules.h - gradient rules of the elementwise primitives; those without one are NULL. */
#ifndef PRI_ELEMENTWISE_RULES_H
#define PRI_ELEMENTWISE_RULES_H
#include <perigee/ops.h>

#define PRI_RULED1(X)                                                                                                   \
  X(neg) X(abs) X(square) X(reciprocal) X(sqrt) X(rsqrt) X(cbrt) X(exp) X(exp2) X(expm1) X(log) X(log2) X(log10)        \
  X(log1p) X(sin) X(cos) X(tan) X(asin) X(acos) X(atan) X(sinh) X(cosh) X(tanh) X(asinh) X(acosh) X(atanh) X(erf)       \
  X(erfc) X(sigmoid) X(softplus) X(relu) X(normal_cdf) X(normal_quantile) X(real) X(conj)
#define PRI_RULED2(X) X(add) X(sub) X(mul) X(div) X(pow) X(mod) X(minimum) X(maximum) X(atan2) X(hypot)

#define PRI_DECLARE_RULE(op) peri_status pri_vjp_##op(const peri_pull *p, peri_tensor **grads);
PRI_RULED1(PRI_DECLARE_RULE)
PRI_RULED2(PRI_DECLARE_RULE)
PRI_DECLARE_RULE(where)
PRI_DECLARE_RULE(lgamma)
PRI_DECLARE_RULE(digamma)
PRI_DECLARE_RULE(polygamma)
PRI_DECLARE_RULE(clip)
PRI_DECLARE_RULE(fma)

/* Steps and remainders: their derivative is 0 wherever it exists, which is hardly ever what a script means. */
#define pri_vjp_sign NULL
#define pri_vjp_floor NULL
#define pri_vjp_ceil NULL
#define pri_vjp_round NULL
#define pri_vjp_trunc NULL
#define pri_vjp_idiv NULL
#define pri_vjp_copysign NULL
/* Results that carry no gradient. */
#define pri_vjp_lnot NULL
#define pri_vjp_bnot NULL
#define pri_vjp_isnan NULL
#define pri_vjp_isinf NULL
#define pri_vjp_isfinite NULL
#define pri_vjp_eq NULL
#define pri_vjp_ne NULL
#define pri_vjp_lt NULL
#define pri_vjp_le NULL
#define pri_vjp_gt NULL
#define pri_vjp_ge NULL
#define pri_vjp_band NULL
#define pri_vjp_bor NULL
#define pri_vjp_bxor NULL
#define pri_vjp_shl NULL
#define pri_vjp_shr NULL
/* Not differentiated yet: complex results. */
#define pri_vjp_complex NULL
#define pri_vjp_imag NULL
#define pri_vjp_angle NULL

#endif
