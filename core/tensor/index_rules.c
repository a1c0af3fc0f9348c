/* index_rules.c - gradient rules of reading and writing at positions. What is read several times adds up; what is overwritten has
** gradient 0, and of several values written to one place only the last, which won, has one. */
#include "tensor/rules.h"
#include "tensor/shape_rules.h"
#include <perigee/index.h>
#include <perigee/shape.h>

static int axis_of(const peri_pull *p) { return (int)(p->args->i[0] < 0 ? p->args->i[0] + p->in[0]->ndim : p->args->i[0]); }
static peri_origin origin_of(const peri_pull *p) { return (peri_origin)p->args->i[1]; }

static peri_tensor *zeros_like(const peri_tensor *x, const peri_tensor *g) { return peri_zeros(x->cx, (peri_dtype)g->dtype, x->ndim, x->dims); }

static peri_tensor *counted(peri_ctx *cx, int64_t n) { return peri_arange(cx, PERI_I64, 0, (double)n, 1); }

peri_status pri_vjp_gather(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *zeros = zeros_like(p->in[0], p->cotangents[0]);
  if (zeros) grads[0] = pri_unbroadcast(peri_scatter_add(zeros, axis_of(p), p->in[1], p->cotangents[0], origin_of(p)), p->in[0]);
  peri_release(zeros);
  return ruled(p, grads);
}

/* The places of x, laid out flat, that `at` reads along the axis: i64, one per element of the result, as a vector. */
static peri_tensor *flat_places(const peri_pull *p, const peri_tensor *result) {
  peri_tensor *x = p->in[0], *at = p->in[1];
  int axis = axis_of(p);
  int64_t stride = 1;
  peri_tensor *sum = NULL;
  for (int a = x->ndim - 1; a >= 0; stride *= x->dims[a--]) {
    peri_tensor *place;
    if (a == axis) { /* counted from 0: negative positions of PERI_FROM_1 from the end */
      peri_tensor *from_end = r2(peri_add, keep(at), peri_scalar_i64(x->cx, x->dims[axis]));
      peri_tensor *from_start = r2(peri_sub, keep(at), peri_scalar_i64(x->cx, origin_of(p)));
      peri_tensor *negative = r2(peri_lt, keep(at), peri_scalar_i64(x->cx, 0));
      place = negative && from_end && from_start ? peri_where(negative, from_end, from_start) : NULL;
      peri_release(negative);
      peri_release(from_end);
      peri_release(from_start);
    } else {
      int64_t dims[PERI_MAXDIM] = {1, 1, 1, 1, 1, 1};
      dims[a] = x->dims[a];
      peri_tensor *line = counted(x->cx, x->dims[a]);
      place = line ? peri_reshape(line, x->ndim, dims) : NULL;
      peri_release(line);
    }
    place = r2(peri_mul, place, peri_scalar_i64(x->cx, stride));
    sum = sum ? r2(peri_add, sum, place) : place;
    if (!sum) return NULL;
  }
  peri_tensor *full = sum ? peri_broadcast_to(sum, result->ndim, result->dims) : NULL, *r = full ? peri_ravel(full) : NULL;
  peri_release(sum);
  peri_release(full);
  return r;
}

peri_status pri_vjp_take_along(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *x = p->in[0], *g = p->cotangents[0], *sum = NULL;
  peri_tensor *places = flat_places(p, p->out[0]), *flat = peri_ravel(g), *zeros = peri_zeros(x->cx, (peri_dtype)g->dtype, 1, &x->size);
  if (places && flat && zeros) sum = peri_scatter_add(zeros, 0, places, flat, PERI_FROM_0);
  if (sum) grads[0] = pri_unbroadcast(peri_reshape(sum, x->ndim, x->dims), x);
  peri_release(places);
  peri_release(flat);
  peri_release(zeros);
  peri_release(sum);
  return ruled(p, grads);
}

peri_status pri_vjp_masked_select(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *zeros = zeros_like(p->in[0], p->cotangents[0]);
  if (zeros) grads[0] = pri_unbroadcast(peri_masked_put(zeros, p->in[1], p->cotangents[0]), p->in[0]);
  peri_release(zeros);
  return ruled(p, grads);
}

/* ---- writing ---- */

/* Which of n values written to these places of a vector of length `room` are still there: bool (n). */
static peri_tensor *winners(peri_tensor *places, int64_t room, peri_origin origin) {
  peri_ctx *cx = places->cx;
  peri_tensor *order = counted(cx, places->size), *blank = peri_zeros(cx, PERI_I64, 1, &room), *flat = peri_ravel(places);
  peri_tensor *last = order && blank && flat ? peri_scatter(blank, 0, flat, order, origin) : NULL;
  peri_tensor *holder = last ? peri_gather(last, 0, flat, origin) : NULL, *won = holder ? peri_eq(holder, order) : NULL;
  peri_release(order);
  peri_release(blank);
  peri_release(flat);
  peri_release(last);
  peri_release(holder);
  return won;
}

static peri_tensor *only_where(peri_tensor *condition, peri_tensor *g) {
  peri_tensor *nought = g ? number(g, 0) : NULL, *r = condition && nought ? peri_where(condition, g, nought) : NULL;
  peri_release(condition);
  peri_release(nought);
  peri_release(g);
  return r;
}

peri_status pri_vjp_scatter(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *x = p->in[0], *at = p->in[1], *g = p->cotangents[0];
  int axis = axis_of(p);
  if (needs(p, 0)) {
    peri_tensor *nought = number(g, 0);
    if (nought) grads[0] = pri_unbroadcast(peri_scatter(g, axis, at, nought, origin_of(p)), x);
    peri_release(nought);
  }
  if (needs(p, 2)) {
    int64_t dims[PERI_MAXDIM];
    int nd = at->ndim;
    memcpy(dims, at->dims, sizeof dims);
    for (int i = axis + 1; i < x->ndim; i++) dims[nd++] = 1;
    peri_tensor *won = winners(at, x->dims[axis], origin_of(p)), *shaped = won ? peri_reshape(won, nd, dims) : NULL;
    peri_release(won);
    grads[2] = pri_unbroadcast(only_where(shaped, peri_gather(g, axis, at, origin_of(p))), p->in[2]);
  }
  return ruled(p, grads);
}

peri_status pri_vjp_scatter_add(const peri_pull *p, peri_tensor **grads) {
  if (needs(p, 0)) grads[0] = pri_unbroadcast(keep(p->cotangents[0]), p->in[0]);
  if (needs(p, 2)) grads[2] = pri_unbroadcast(peri_gather(p->cotangents[0], axis_of(p), p->in[1], origin_of(p)), p->in[2]);
  return ruled(p, grads);
}

peri_status pri_vjp_put_along(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *x = p->in[0], *at = p->in[1], *g = p->cotangents[0];
  int axis = axis_of(p);
  if (needs(p, 0)) {
    peri_tensor *nought = number(g, 0);
    if (nought) grads[0] = pri_unbroadcast(peri_put_along(g, at, axis, nought, origin_of(p)), x);
    peri_release(nought);
  }
  if (needs(p, 2)) {
    peri_tensor *read = peri_take_along(g, at, axis, origin_of(p)), *places = read ? flat_places(p, read) : NULL;
    peri_tensor *won = places ? winners(places, x->size, PERI_FROM_0) : NULL, *shaped = won ? peri_reshape(won, read->ndim, read->dims) : NULL;
    peri_release(places);
    peri_release(won);
    grads[2] = pri_unbroadcast(only_where(shaped, read), p->in[2]);
  }
  return ruled(p, grads);
}

peri_status pri_vjp_masked_put(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *g = p->cotangents[0];
  if (needs(p, 0)) {
    peri_tensor *nought = number(g, 0);
    if (nought) grads[0] = pri_unbroadcast(peri_masked_put(g, p->in[1], nought), p->in[0]);
    peri_release(nought);
  }
  if (needs(p, 2)) grads[2] = pri_unbroadcast(peri_masked_select(g, p->in[1]), p->in[2]);
  return ruled(p, grads);
}
