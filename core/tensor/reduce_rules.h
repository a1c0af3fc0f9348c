/* reduce_rules.h - gradient rules of the reductions, running sums and order statistics. */
#ifndef PRI_REDUCE_RULES_H
#define PRI_REDUCE_RULES_H
#include <perigee/op.h>

#define PRI_REDUCE_RULED(X)                                                                                             \
  X(sum) X(mean) X(var) X(std) X(prod) X(min) X(max) X(norm) X(dot) X(logsumexp) X(cumsum) X(cumprod) X(sort) X(topk) X(quantile)
#define PRI_DECLARE_REDUCE_RULE(op) peri_status pri_vjp_##op(const peri_pull *p, peri_tensor **grads);
PRI_REDUCE_RULED(PRI_DECLARE_REDUCE_RULE)

/* Results that carry no gradient, and a rearrangement that none is wanted of. */
#define pri_vjp_any NULL
#define pri_vjp_all NULL
#define pri_vjp_count NULL
#define pri_vjp_argmin NULL
#define pri_vjp_argmax NULL
#define pri_vjp_argsort NULL
#define pri_vjp_partition NULL

#endif
