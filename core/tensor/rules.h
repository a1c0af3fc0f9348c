/* rules.h - how gradient rules are written.
**
** A rule builds new tensors from others, and any step may run out of memory. So the combinators here take references over: they
** release their operands, and give NULL if one is NULL or the operation fails. A formula is then one nested expression,
**     grads[0] = r2(peri_mul, keep(g), r2(peri_sub, number(g, 1), r1(peri_square, keep(y))));      g (1 - y^2)
** and only its result needs to be looked at.
*/
#ifndef PRI_RULES_H
#define PRI_RULES_H

#include "tensor/tensor.h"
#include <perigee/ops.h>

typedef peri_tensor *pri_unary(peri_tensor *);
typedef peri_tensor *pri_binary(peri_tensor *, peri_tensor *);

static inline peri_tensor *keep(peri_tensor *t) { return t ? peri_retain(t) : NULL; }
static inline peri_tensor *number(const peri_tensor *like, double v) { return peri_scalar(like->cx, v); }

static inline peri_tensor *r1(pri_unary *f, peri_tensor *a) {
  peri_tensor *r = a ? f(a) : NULL;
  peri_release(a);
  return r;
}

static inline peri_tensor *r2(pri_binary *f, peri_tensor *a, peri_tensor *b) {
  peri_tensor *r = a && b ? f(a, b) : NULL;
  peri_release(a);
  peri_release(b);
  return r;
}

/* A condition as 0 and 1 of the dtype of `like`. */
static inline peri_tensor *mask(peri_tensor *condition, const peri_tensor *like) {
  peri_tensor *r = condition ? peri_cast(condition, (peri_dtype)like->dtype) : NULL;
  peri_release(condition);
  return r;
}

static inline bool needs(const peri_pull *p, int i) { return p->needs >> i & 1; }

/* g summed over the axes along which an operand of the shape of `like` was broadcast, in the dtype of `like`. Takes g over. */
peri_tensor *pri_unbroadcast(peri_tensor *g, const peri_tensor *like);

/* Ends a rule: PERI_OK if every needed gradient is there. */
static inline peri_status ruled(const peri_pull *p, peri_tensor *const *grads) {
  for (int i = 0; i < p->n; i++)
    if (needs(p, i) && !grads[i]) return p->in[i]->cx->code;
  return PERI_OK;
}

#endif
