/* order_rules.c - gradient rules of sort, topk and quantile: the result takes elements of x from positions that are locally constant,
** so the gradient goes back to those positions. Equal elements: the positions that the stable sort chose. */
#include "tensor/reduce_rules.h"
#include "tensor/rules.h"
#include <math.h>
#include <perigee/index.h>
#include <perigee/order.h>
#include <perigee/reduce.h>
#include <perigee/shape.h>

/* Zeros in the shape of x with g added at the positions `at` along an axis. Takes g and at over. Positions along an axis of a line differ. */
static peri_tensor *spread(peri_tensor *g, peri_tensor *at, peri_tensor *x, int axis) {
  peri_tensor *zeros = g && at ? peri_zeros(x->cx, (peri_dtype)x->dtype, x->ndim, x->dims) : NULL;
  peri_tensor *r = zeros ? peri_put_along(zeros, at, axis, g, PERI_FROM_0) : NULL;
  peri_release(zeros);
  peri_release(g);
  peri_release(at);
  return r;
}

static int axis_of(const peri_pull *p) { return (int)(p->args->i[0] < 0 ? p->args->i[0] + p->in[0]->ndim : p->args->i[0]); }

peri_status pri_vjp_sort(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *at = peri_argsort(p->in[0], axis_of(p), p->args->i[1] != 0);
  grads[0] = spread(keep(p->cotangents[0]), at, p->in[0], axis_of(p));
  return ruled(p, grads);
}

peri_status pri_vjp_topk(const peri_pull *p, peri_tensor **grads) {
  if (!p->cotangents[0]) return PERI_OK;
  grads[0] = spread(keep(p->cotangents[0]), keep(p->out[1]), p->in[0], axis_of(p));
  return ruled(p, grads);
}

/* x with the reduced axes moved to the end and made one: (kept axes, n). */
static peri_tensor *lines(peri_tensor *x, uint32_t axes, int *order, int *kept) {
  int64_t dims[PERI_MAXDIM];
  int n = 0;
  for (int i = 0; i < x->ndim; i++)
    if (!(axes >> i & 1)) dims[n] = x->dims[i], order[n++] = i;
  *kept = n;
  for (int i = 0, k = n; i < x->ndim; i++)
    if (axes >> i & 1) order[k++] = i;
  dims[n] = -1;
  if (x->size == 0 || n == PERI_MAXDIM) return NULL;
  peri_tensor *moved = peri_permute(x, x->ndim, order), *r = moved ? peri_reshape(moved, n + 1, dims) : NULL;
  peri_release(moved);
  return r;
}

/* Undoes `lines` for a tensor of its shape. Takes t over. */
static peri_tensor *unlines(peri_tensor *t, const peri_tensor *x, const int *order) {
  int64_t dims[PERI_MAXDIM];
  int back[PERI_MAXDIM];
  if (!t) return NULL;
  for (int i = 0; i < x->ndim; i++) dims[i] = x->dims[order[i]], back[order[i]] = i;
  peri_tensor *shaped = peri_reshape(t, x->ndim, dims), *r = shaped ? peri_permute(shaped, x->ndim, back) : NULL;
  peri_release(t);
  peri_release(shaped);
  return r;
}

/* Cotangent of the quantile at q_j, in the shape of the kept axes with a last axis of size 1. */
static peri_tensor *quantile_cotangent(const peri_pull *p, int64_t j, int kept, const int *order) {
  peri_tensor *g = p->cotangents[0], *x = p->in[0];
  int64_t dims[PERI_MAXDIM];
  for (int i = 0; i < kept; i++) dims[i] = x->dims[order[i]];
  dims[kept] = 1;
  peri_tensor *part = p->args->i[2] ? peri_select(g, 0, j) : keep(g);
  peri_tensor *r = part ? peri_reshape(part, kept + 1, dims) : NULL;
  peri_release(part);
  return r;
}

/* w g added to the sorted position k of each line of `sum`. */
static peri_status add_at(peri_tensor **sum, peri_tensor *ranks, peri_tensor *line, int64_t k, double w, peri_tensor *g) {
  if (w == 0) return PERI_OK;
  int last = line->ndim - 1;
  peri_tensor *at = peri_narrow(ranks, last, k, 1);
  peri_tensor *more = spread(r2(peri_mul, keep(g), number(g, w)), at, line, last);
  *sum = r2(peri_add, *sum, more);
  return *sum ? PERI_OK : line->cx->code;
}

peri_status pri_vjp_quantile(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *x = p->in[0], *q = p->in[1];
  int order[PERI_MAXDIM], kept;
  uint32_t axes = p->args->i[0] ? (uint32_t)p->args->i[0] : ~0u;
  if (needs(p, 1)) return peri_fail(x->cx, PERI_ERR_STATE, "ad: %s has no gradient by q", p->op->name);
  if (!needs(p, 0)) return PERI_OK;
  peri_tensor *line = lines(x, axes, order, &kept), *ranks = line ? peri_argsort(line, kept, false) : NULL;
  peri_tensor *sum = ranks ? peri_zeros(x->cx, (peri_dtype)x->dtype, line->ndim, line->dims) : NULL;
  peri_status st = sum ? PERI_OK : x->cx->code;
  for (int64_t j = 0; j < q->size && !st; j++) {
    double h = (double)(line->dims[kept] - 1) * peri_item(q, j), below = floor(h);
    peri_tensor *g = quantile_cotangent(p, j, kept, order);
    if (!g || add_at(&sum, ranks, line, (int64_t)below, 1 - (h - below), g) || add_at(&sum, ranks, line, (int64_t)below + 1, h - below, g))
      st = x->cx->code;
    peri_release(g);
  }
  peri_release(line);
  peri_release(ranks);
  if (st) return peri_release(sum), st;
  grads[0] = pri_unbroadcast(unlines(sum, x, order), x);
  return ruled(p, grads);
}
