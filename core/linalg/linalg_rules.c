/* linalg_rules.c - gradient rules of products, systems and the inverse, in recordable primitives.
**
** With G the cotangent of the result:
**     C = A B        G B^T  and  A^T G                  (stacks: summed over the axes along which an operand was broadcast)
**     A X = B        A^-T G =: S  to B,  -S X^T  to A
**     Y = A^-1       -Y^T G Y^T
** Source: Giles (2008), Collected matrix derivative results for forward and reverse mode algorithmic differentiation.
*/
#include "linalg/linalg.h"
#include "tensor/rules.h"
#include <perigee/shape.h>

static peri_tensor *matrix_transpose(peri_tensor *a) { return peri_transpose(a, -1, -2); }
static peri_tensor *transposed(peri_tensor *a) { return r1(matrix_transpose, keep(a)); }
static peri_tensor *as_columns(peri_tensor *a) { return peri_unsqueeze(a, a->ndim); }
static peri_tensor *drop_columns(peri_tensor *a) { return peri_squeeze(a, 1u << (a->ndim - 1)); }

peri_status pri_vjp_mm(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *a = p->in[0], *b = p->in[1], *g = p->cotangents[0];
  if (needs(p, 0)) grads[0] = pri_unbroadcast(r2(peri_mm, keep(g), transposed(b)), a);
  if (needs(p, 1)) grads[1] = pri_unbroadcast(r2(peri_mm, transposed(a), keep(g)), b);
  return ruled(p, grads);
}

peri_status pri_vjp_mv(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *a = p->in[0], *x = p->in[1], *g = p->cotangents[0];
  if (needs(p, 0)) grads[0] = pri_unbroadcast(r2(peri_outer, keep(g), keep(x)), a);
  if (needs(p, 1)) grads[1] = pri_unbroadcast(r2(peri_mv, transposed(a), keep(g)), x);
  return ruled(p, grads);
}

peri_status pri_vjp_outer(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *a = p->in[0], *b = p->in[1], *g = p->cotangents[0];
  if (needs(p, 0)) grads[0] = pri_unbroadcast(r2(peri_mv, keep(g), keep(b)), a);
  if (needs(p, 1)) grads[1] = pri_unbroadcast(r2(peri_mv, transposed(g), keep(a)), b);
  return ruled(p, grads);
}

/* All rows of a stack (..., m, k) as one matrix (rows, k). */
static peri_tensor *rows_of(peri_tensor *a) { return peri_flatten(a, 0, a->ndim - 2); }

/* A^T G summed over the stack, for one matrix B in all the products: one product of all rows, and no stack of (k, n) matrices. */
static peri_tensor *to_shared_factor(peri_tensor *a, peri_tensor *g) {
  return r2(peri_mm, r1(matrix_transpose, rows_of(a)), rows_of(g));
}

peri_status pri_vjp_bmm(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *a = p->in[0], *b = p->in[1], *g = p->cotangents[0];
  if (needs(p, 0)) grads[0] = pri_unbroadcast(r2(peri_bmm, keep(g), transposed(b)), a);
  if (needs(p, 1))
    grads[1] = pri_unbroadcast(b->ndim == 2 ? to_shared_factor(a, g) : r2(peri_bmm, transposed(a), keep(g)), b);
  return ruled(p, grads);
}

peri_status pri_vjp_solve(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *a = p->in[0], *b = p->in[1];
  bool vector = b->ndim == 1;
  peri_tensor *g = vector ? as_columns(p->cotangents[0]) : keep(p->cotangents[0]);
  peri_tensor *x = vector ? as_columns(p->out[0]) : keep(p->out[0]);
  peri_tensor *s = x ? r2(peri_solve, transposed(a), g) : (peri_release(g), NULL);
  if (s && needs(p, 0)) grads[0] = pri_unbroadcast(r1(peri_neg, r2(peri_bmm, keep(s), transposed(x))), a);
  if (s && needs(p, 1)) grads[1] = pri_unbroadcast(vector ? r1(drop_columns, keep(s)) : keep(s), b);
  peri_release(s);
  peri_release(x);
  return ruled(p, grads);
}

peri_status pri_vjp_inverse(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *y = p->out[0], *g = p->cotangents[0];
  grads[0] = pri_unbroadcast(r1(peri_neg, r2(peri_bmm, transposed(y), r2(peri_bmm, keep(g), transposed(y)))), p->in[0]);
  return ruled(p, grads);
}
