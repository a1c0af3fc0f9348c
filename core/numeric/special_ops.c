/* special_ops.c - the special functions as elementwise primitives, and their gradient rules.
**
** Derivatives are closed forms in other primitives, so higher orders follow. Densities enter by their logarithms, f = e^(log f), and
** derivatives of log P as e^(log f - log P): they stay finite where P underflows.
*/
#include "numeric/special.h"
#include "tensor/polygamma.h"
#include "tensor/rules.h"

double peri_fn_digamma(double x) { return pri_digamma(x); }
double peri_fn_polygamma(double x, double n) { return pri_polygamma(x, n); }

static peri_tensor *r3(peri_tensor *(*f)(peri_tensor *, peri_tensor *, peri_tensor *), peri_tensor *a, peri_tensor *b, peri_tensor *c) {
  peri_tensor *r = a && b && c ? f(a, b, c) : NULL;
  peri_release(a);
  peri_release(b);
  peri_release(c);
  return r;
}

static peri_tensor *add(peri_tensor *a, peri_tensor *b) { return r2(peri_add, a, b); }
static peri_tensor *sub(peri_tensor *a, peri_tensor *b) { return r2(peri_sub, a, b); }
static peri_tensor *mul(peri_tensor *a, peri_tensor *b) { return r2(peri_mul, a, b); }
static peri_tensor *over(peri_tensor *a, peri_tensor *b) { return r2(peri_div, a, b); }
static peri_tensor *neg(peri_tensor *a) { return r1(peri_neg, a); }
static peri_tensor *exponential(peri_tensor *a) { return r1(peri_exp, a); }
static peri_tensor *plus(double c, peri_tensor *a) { return a ? add(a, number(a, c)) : NULL; }
static peri_tensor *times(double c, peri_tensor *a) { return a ? mul(a, number(a, c)) : NULL; }
static peri_tensor *psi(peri_tensor *a) { return r1(peri_digamma, a); }

/* Operand i is differentiable only if there is a formula for it. */
static peri_status refuse(const peri_pull *p, int i, const char *name) {
  return peri_fail(p->in[i]->cx, PERI_ERR_STATE, "%s: there is no gradient in %s; ad.stop(%s) makes it a constant if that is meant", p->op->name, name, name);
}

/* RULE(op, derivative), of one operand x and the result y */
#define RULE(op, derivative)                                                                                            \
  static peri_status vjp_##op(const peri_pull *p, peri_tensor **grads) {                                                \
    peri_tensor *x = p->in[0], *y = p->out[0];                                                                          \
    (void)y;                                                                                                            \
    grads[0] = pri_unbroadcast(mul(keep(p->cotangents[0]), derivative), x);                                             \
    return ruled(p, grads);                                                                                             \
  }

/* of two, a and b, or b only */
#define RULE2(op, to_a, to_b)                                                                                           \
  static peri_status vjp_##op(const peri_pull *p, peri_tensor **grads) {                                                \
    peri_tensor *a = p->in[0], *b = p->in[1], *y = p->out[0], *g = p->cotangents[0];                                    \
    (void)y;                                                                                                            \
    if (needs(p, 0)) grads[0] = pri_unbroadcast(mul(keep(g), to_a), a);                                                 \
    if (needs(p, 1)) grads[1] = pri_unbroadcast(mul(keep(g), to_b), b);                                                 \
    return ruled(p, grads);                                                                                             \
  }
#define RULE2_LAST(op, name, to_b)                                                                                      \
  static peri_status vjp_##op(const peri_pull *p, peri_tensor **grads) {                                                \
    peri_tensor *a = p->in[0], *b = p->in[1], *y = p->out[0];                                                           \
    (void)y, (void)a;                                                                                                   \
    if (needs(p, 0)) return refuse(p, 0, name);                                                                         \
    if (needs(p, 1)) grads[1] = pri_unbroadcast(mul(keep(p->cotangents[0]), to_b), b);                                  \
    return ruled(p, grads);                                                                                             \
  }
/* of three, the last only */
#define RULE3_LAST(op, to_x)                                                                                            \
  static peri_status vjp_##op(const peri_pull *p, peri_tensor **grads) {                                                \
    peri_tensor *a = p->in[0], *b = p->in[1], *x = p->in[2], *y = p->out[0];                                            \
    (void)y;                                                                                                            \
    if (needs(p, 0)) return refuse(p, 0, "a");                                                                          \
    if (needs(p, 1)) return refuse(p, 1, "b");                                                                          \
    if (needs(p, 2)) grads[2] = pri_unbroadcast(mul(keep(p->cotangents[0]), to_x), x);                                  \
    return ruled(p, grads);                                                                                             \
  }

/* ---- one operand ---- */

/* sqrt(2/pi) / erfcx(-x / sqrt 2) = density / distribution function */
static peri_tensor *hazard(peri_tensor *x) { return over(number(x, sqrt(2 / M_PI)), r1(peri_erfcx, times(-M_SQRT1_2, keep(x)))); }

RULE(erfcx, plus(-2 / sqrt(M_PI), times(2, mul(keep(x), keep(y)))))
RULE(log_normal_cdf, hazard(x))
RULE(log_normal_quantile, r1(peri_reciprocal, hazard(y)))
RULE(log1m_exp, neg(r1(peri_reciprocal, r1(peri_expm1, neg(keep(x))))))
RULE(lambert_w, over(exponential(neg(keep(y))), plus(1, keep(y))))
RULE(lambert_wm1, over(exponential(neg(keep(y))), plus(1, keep(y))))
RULE(expint_e1, neg(over(exponential(neg(keep(x))), keep(x))))
#define vjp_zeta NULL

/* ---- two operands ---- */

static peri_tensor *gamma_density(peri_tensor *a, peri_tensor *x) { return r2(peri_gamma_log_density, keep(a), keep(x)); }
static peri_tensor *normal_log_density(peri_tensor *x) { return plus(-0.91893853320467274, times(-0.5, r1(peri_square, keep(x)))); }

RULE2(log_beta, sub(psi(keep(a)), psi(add(keep(a), keep(b)))), sub(psi(keep(b)), psi(add(keep(a), keep(b)))))
RULE2_LAST(gamma_p, "a", exponential(gamma_density(a, b)))
RULE2_LAST(gamma_q, "a", neg(exponential(gamma_density(a, b))))
RULE2_LAST(log_gamma_p, "a", exponential(sub(gamma_density(a, b), keep(y))))
RULE2_LAST(log_gamma_q, "a", neg(exponential(sub(gamma_density(a, b), keep(y)))))
RULE2_LAST(gamma_p_inverse, "a", exponential(neg(gamma_density(a, y))))
RULE2_LAST(gamma_q_inverse, "a", neg(exponential(neg(gamma_density(a, y)))))
RULE2(gamma_log_density, sub(r1(peri_log, keep(b)), psi(keep(a))), plus(-1, over(plus(-1, keep(a)), keep(b))))
RULE2_LAST(hurwitz_zeta, "s", neg(mul(keep(a), r2(peri_hurwitz_zeta, plus(1, keep(a)), keep(b)))))
RULE2(log_add_exp, exponential(sub(keep(a), keep(y))), exponential(sub(keep(b), keep(y))))
RULE2(log_diff_exp, exponential(sub(keep(a), keep(y))), neg(exponential(sub(keep(b), keep(y)))))
RULE2(log_normal_interval, neg(exponential(sub(normal_log_density(a), keep(y)))), exponential(sub(normal_log_density(b), keep(y))))

/* Li_{s-1}(x) / x, which is 1 at 0; its own derivative there is NaN. */
static peri_tensor *polylog_slope(peri_tensor *s, peri_tensor *x) {
  peri_tensor *ratio = over(r2(peri_polylog, plus(-1, keep(s)), keep(x)), keep(x));
  return r3(peri_where, r2(peri_eq, keep(x), number(x, 0)), number(x, 1), ratio);
}
RULE2_LAST(polylog, "s", polylog_slope(a, b))

/* nu/x f, and 0 for nu = 0, where it may be 0/0 */
static peri_tensor *order_term(peri_tensor *nu, peri_tensor *x, peri_tensor *y) {
  peri_tensor *term = mul(over(keep(nu), keep(x)), keep(y));
  return r3(peri_where, r2(peri_eq, keep(nu), number(x, 0)), number(x, 0), term);
}
RULE2_LAST(bessel_ie, "nu", sub(add(r2(peri_bessel_ie, plus(1, keep(a)), keep(b)), order_term(a, b, y)), keep(y)))
RULE2_LAST(bessel_ke, "nu", add(sub(order_term(a, b, y), r2(peri_bessel_ke, plus(1, keep(a)), keep(b))), keep(y)))

/* ---- three operands ---- */

static peri_tensor *beta_density(peri_tensor *a, peri_tensor *b, peri_tensor *x) { return r3(peri_beta_log_density, keep(a), keep(b), keep(x)); }

RULE3_LAST(beta_p, exponential(beta_density(a, b, x)))
RULE3_LAST(beta_q, neg(exponential(beta_density(a, b, x))))
RULE3_LAST(log_beta_p, exponential(sub(beta_density(a, b, x), keep(y))))
RULE3_LAST(log_beta_q, neg(exponential(sub(beta_density(a, b, x), keep(y)))))
RULE3_LAST(beta_p_inverse, exponential(neg(beta_density(a, b, y))))
RULE3_LAST(beta_q_inverse, neg(exponential(neg(beta_density(a, b, y)))))

static peri_status vjp_beta_log_density(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *a = p->in[0], *b = p->in[1], *x = p->in[2], *g = p->cotangents[0];
  peri_tensor *both = needs(p, 0) || needs(p, 1) ? psi(add(keep(a), keep(b))) : NULL;
  if (needs(p, 0)) grads[0] = pri_unbroadcast(mul(keep(g), add(sub(r1(peri_log, keep(x)), psi(keep(a))), keep(both))), a);
  if (needs(p, 1)) grads[1] = pri_unbroadcast(mul(keep(g), add(sub(r1(peri_log1p, neg(keep(x))), psi(keep(b))), keep(both))), b);
  if (needs(p, 2))
    grads[2] = pri_unbroadcast(mul(keep(g), sub(over(plus(-1, keep(a)), keep(x)), over(plus(-1, keep(b)), plus(1, neg(keep(x)))))), x);
  peri_release(both);
  return ruled(p, grads);
}

/* ---- descriptors ---- */

#define OP(op, ops, operands, text, field)                                                                              \
  static const peri_op op_##op = {.name = "numeric." #op, .signature = "numeric." #op "(" operands ")", .help = text,   \
                                  .samples = "any", .arity = ops, .outputs = 1, .result = PERI_RESULT_FLOAT,            \
                                  .map = PERI_MAP_SCALAR, .scalar.field = peri_fn_##op, .vjp = vjp_##op};
#define OP1(op, text) OP(op, 1, "x", text, of1) peri_tensor *peri_##op(peri_tensor *a) { return peri_apply(&op_##op, &a, NULL); }
#define OP2(op, operands, text)                                                                                         \
  OP(op, 2, operands, text, of2)                                                                                        \
  peri_tensor *peri_##op(peri_tensor *a, peri_tensor *b) { return peri_apply(&op_##op, (peri_tensor *[]){a, b}, NULL); }
#define OP3(op, operands, text)                                                                                         \
  OP(op, 3, operands, text, of3)                                                                                        \
  peri_tensor *peri_##op(peri_tensor *a, peri_tensor *b, peri_tensor *c) {                                              \
    return peri_apply(&op_##op, (peri_tensor *[]){a, b, c}, NULL);                                                      \
  }
PERI_SPECIAL1_LIST(OP1)
PERI_SPECIAL2_LIST(OP2)
PERI_SPECIAL3_LIST(OP3)

#define ADDRESS1(op, text) &op_##op,
#define ADDRESS2(op, operands, text) &op_##op,
const peri_op *const *peri_special_ops(void) {
  static const peri_op *const all[] = {PERI_SPECIAL1_LIST(ADDRESS1) PERI_SPECIAL2_LIST(ADDRESS2) PERI_SPECIAL3_LIST(ADDRESS2) NULL};
  return all;
}
