/* shape_rules.h - gradient rules of shape and index primitives. */
#ifndef PRI_SHAPE_RULES_H
#define PRI_SHAPE_RULES_H
#include <perigee/op.h>

#define PRI_SHAPE_RULED(X)                                                                                              \
  X(slice) X(select) X(reshape) X(permute) X(transpose) X(squeeze) X(unsqueeze) X(flip) X(broadcast) X(diagonal)        \
  X(concatenate) X(stack) X(roll) X(repeat_each) X(tile) X(pad) X(tril) X(triu) X(diag)                                 \
  X(gather) X(take_along) X(masked_select) X(scatter) X(scatter_add) X(put_along) X(masked_put)
#define PRI_DECLARE_SHAPE_RULE(op) peri_status pri_vjp_##op(const peri_pull *p, peri_tensor **grads);
PRI_SHAPE_RULED(PRI_DECLARE_SHAPE_RULE)

#endif
