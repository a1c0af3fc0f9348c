/* reduce_rules.c - gradient rules of the reductions and running sums.
**
** In the formulas g is the cotangent and y the result, both brought back to the shape of x: reduced axes return with size 1 and
** broadcast. Conventions: equal extremes share the gradient equally; the 2-norm has gradient 0 at 0. The second derivative of a product
** at exact zeros of its factors is not available from these rules; the first is.
*/
#include "tensor/reduce_rules.h"
#include "tensor/rules.h"
#include <math.h>
#include <perigee/reduce.h>
#include <perigee/shape.h>

static uint32_t reduced(const peri_pull *p) { return p->args->i[0] ? (uint32_t)p->args->i[0] : ~0u; }

static int64_t group_size(const peri_pull *p) {
  int64_t n = 1;
  for (int i = 0; i < p->in[0]->ndim; i++)
    if (reduced(p) >> i & 1) n *= p->in[0]->dims[i];
  return n;
}

/* t, of the shape of the result, with the reduced axes back as size 1. */
static peri_tensor *kept(const peri_pull *p, peri_tensor *t) {
  peri_tensor *x = p->in[0];
  int64_t dims[PERI_MAXDIM];
  if (p->args->i[1] || x->ndim == 0) return keep(t);
  for (int i = 0; i < x->ndim; i++) dims[i] = reduced(p) >> i & 1 ? 1 : x->dims[i];
  return peri_reshape(t, x->ndim, dims);
}

static peri_tensor *wide(const peri_pull *p, peri_tensor *t) {
  peri_tensor *k = kept(p, t), *r = k ? peri_broadcast_to(k, p->in[0]->ndim, p->in[0]->dims) : NULL;
  peri_release(k);
  return r;
}

static peri_tensor *scaled(double c, peri_tensor *a) { return a ? r2(peri_mul, a, number(a, c)) : NULL; }
static peri_tensor *sum_kept(const peri_pull *p, peri_tensor *t) {
  peri_tensor *r = t ? peri_sum(t, (uint32_t)p->args->i[0], true) : NULL;
  peri_release(t);
  return r;
}

static peri_status give(const peri_pull *p, peri_tensor **grads, peri_tensor *g) {
  grads[0] = pri_unbroadcast(g, p->in[0]);
  return ruled(p, grads);
}

/* where(condition, a, b); takes everything over. */
static peri_tensor *pick(peri_tensor *condition, peri_tensor *a, peri_tensor *b) {
  peri_tensor *r = condition && a && b ? peri_where(condition, a, b) : NULL;
  peri_release(condition);
  peri_release(a);
  peri_release(b);
  return r;
}

static peri_tensor *is_zero(peri_tensor *t) { return r2(peri_eq, keep(t), number(t, 0)); }
/* a / b, and 0 where b is 0. */
static peri_tensor *ratio(peri_tensor *a, peri_tensor *b) {
  if (!a || !b) return peri_release(a), peri_release(b), NULL;
  peri_tensor *quotient = r2(peri_div, a, pick(is_zero(b), number(b, 1), keep(b)));
  peri_tensor *r = quotient ? pick(is_zero(b), number(b, 0), quotient) : NULL;
  peri_release(b);
  return r;
}

peri_status pri_vjp_sum(const peri_pull *p, peri_tensor **grads) { return give(p, grads, wide(p, p->cotangents[0])); }

peri_status pri_vjp_mean(const peri_pull *p, peri_tensor **grads) {
  return give(p, grads, scaled(1 / (double)group_size(p), wide(p, p->cotangents[0])));
}

static peri_tensor *deviation(const peri_pull *p) {
  return r2(peri_sub, keep(p->in[0]), peri_mean(p->in[0], (uint32_t)p->args->i[0], true));
}

peri_status pri_vjp_var(const peri_pull *p, peri_tensor **grads) {
  double n = (double)(group_size(p) - p->args->i[2]);
  return give(p, grads, r2(peri_mul, wide(p, p->cotangents[0]), scaled(2 / n, deviation(p))));
}

peri_status pri_vjp_std(const peri_pull *p, peri_tensor **grads) {
  double n = (double)(group_size(p) - p->args->i[2]);
  return give(p, grads, r2(peri_mul, ratio(wide(p, p->cotangents[0]), wide(p, p->out[0])), scaled(1 / n, deviation(p))));
}

/* y / x where no factor is 0. With one zero its own gradient is the product of the others, all else is 0; with two all is 0. */
peri_status pri_vjp_prod(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *x = p->in[0];
  peri_tensor *zero = is_zero(x), *safe = zero ? pick(keep(zero), number(x, 1), keep(x)) : NULL;
  peri_tensor *zeros = zero ? sum_kept(p, keep(zero)) : NULL;
  peri_tensor *others = safe ? peri_prod(safe, (uint32_t)p->args->i[0], true) : NULL;
  peri_tensor *slope = NULL;
  if (zeros && others) {
    peri_tensor *at_zero = pick(r2(peri_eq, keep(zeros), number(zeros, 1)), keep(others), number(x, 0));
    peri_tensor *elsewhere = pick(r2(peri_eq, keep(zeros), number(zeros, 0)), r2(peri_div, keep(others), keep(safe)), number(x, 0));
    slope = pick(keep(zero), at_zero, elsewhere);
  }
  peri_release(zero);
  peri_release(safe);
  peri_release(zeros);
  peri_release(others);
  return give(p, grads, r2(peri_mul, wide(p, p->cotangents[0]), slope));
}

/* The gradient goes to the elements that equal the result, in equal shares. */
static peri_tensor *shared(const peri_pull *p, peri_tensor *g, peri_tensor *value) {
  peri_tensor *chosen = mask(r2(peri_eq, value, wide(p, p->out[0])), g);
  peri_tensor *each = chosen ? r2(peri_div, kept(p, g), sum_kept(p, keep(chosen))) : NULL;
  return r2(peri_mul, each, chosen);
}

peri_status pri_vjp_min(const peri_pull *p, peri_tensor **grads) { return give(p, grads, shared(p, p->cotangents[0], keep(p->in[0]))); }
peri_status pri_vjp_max(const peri_pull *p, peri_tensor **grads) { return pri_vjp_min(p, grads); }

static peri_tensor *sign_of(peri_tensor *x) { return r1(peri_sign, peri_stop_gradient(x)); }

/* p = 2: x / y;  p = 1: sign x;  p = inf: sign x at the extremes;  else sign x (|x| / y)^(p-1). */
peri_status pri_vjp_norm(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *x = p->in[0], *g = p->cotangents[0];
  double order = p->args->f[0];
  if (order == 0) return peri_fail(x->cx, PERI_ERR_STATE, "ad: %s with p = 0 counts elements and has no gradient", p->op->name);
  if (order == 2) return give(p, grads, r2(peri_mul, wide(p, g), ratio(keep(x), wide(p, p->out[0]))));
  if (order == 1) return give(p, grads, r2(peri_mul, wide(p, g), sign_of(x)));
  if (isinf(order)) return give(p, grads, r2(peri_mul, shared(p, g, r1(peri_abs, keep(x))), sign_of(x)));
  peri_tensor *power = r2(peri_pow, ratio(r1(peri_abs, keep(x)), wide(p, p->out[0])), number(x, order - 1));
  return give(p, grads, r2(peri_mul, wide(p, g), r2(peri_mul, sign_of(x), power)));
}

peri_status pri_vjp_dot(const peri_pull *p, peri_tensor **grads) {
  for (int i = 0; i < 2; i++)
    if (needs(p, i)) grads[i] = pri_unbroadcast(r2(peri_mul, keep(p->cotangents[0]), keep(p->in[1 - i])), p->in[i]);
  return ruled(p, grads);
}

/* e^(x - y), where an infinite y (nothing but -inf, or +inf among them) counts as 0 to avoid inf - inf. */
peri_status pri_vjp_logsumexp(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *y = wide(p, p->out[0]);
  peri_tensor *finite = y ? peri_isfinite(y) : NULL;
  peri_tensor *safe = finite ? pick(finite, y, number(p->in[0], 0)) : (peri_release(y), NULL);
  return give(p, grads, r2(peri_mul, wide(p, p->cotangents[0]), r1(peri_exp, r2(peri_sub, keep(p->in[0]), safe))));
}

/* ---- running sums ---- */

static int scan_axis(const peri_pull *p) {
  int64_t axis = p->args->i[0];
  return (int)(axis < 0 ? axis + p->in[0]->ndim : axis);
}

/* sum_{k >= i} t_k along the axis of the scan. Takes t over. */
static peri_tensor *sum_from(const peri_pull *p, peri_tensor *t) {
  uint32_t axis = 1u << scan_axis(p);
  peri_tensor *back = t ? peri_flip(t, axis) : NULL, *sums = back ? peri_cumsum(back, scan_axis(p)) : NULL;
  peri_tensor *r = sums ? peri_flip(sums, axis) : NULL;
  peri_release(t);
  peri_release(back);
  peri_release(sums);
  return r;
}

peri_status pri_vjp_cumsum(const peri_pull *p, peri_tensor **grads) { return give(p, grads, sum_from(p, keep(p->cotangents[0]))); }

/* With no zero so far, sum_{k>=i} g_k y_k / x_i. At the first zero the products that leave it out; behind it 0. */
peri_status pri_vjp_cumprod(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *x = p->in[0], *g = p->cotangents[0];
  peri_tensor *zero = is_zero(x), *count = zero ? peri_cumsum(zero, scan_axis(p)) : NULL;
  peri_tensor *none = count ? is_zero(count) : NULL;
  peri_tensor *first = count ? r2(peri_band, keep(zero), r2(peri_eq, keep(count), number(count, 1))) : NULL;
  peri_tensor *slope = NULL;
  if (none && first) {
    peri_tensor *skipped = pick(keep(first), number(x, 1), keep(x));
    peri_tensor *without = skipped ? peri_cumprod(skipped, scan_axis(p)) : NULL;
    peri_tensor *before = r2(peri_div, sum_from(p, r2(peri_mul, keep(g), keep(p->out[0]))), pick(keep(zero), number(x, 1), keep(x)));
    peri_tensor *at = sum_from(p, r2(peri_mul, keep(g), without));
    peri_release(skipped);
    slope = pick(keep(none), before, pick(keep(first), at, number(x, 0)));
  }
  peri_release(zero);
  peri_release(count);
  peri_release(none);
  peri_release(first);
  return give(p, grads, slope);
}
