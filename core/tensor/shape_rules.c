/* shape_rules.c - gradient rules of the primitives that move elements: the cotangents move back, those of repeated ones add up. */
#include "tensor/shape_rules.h"
#include "tensor/rules.h"
#include <perigee/index.h>
#include <perigee/reduce.h>
#include <perigee/shape.h>

static peri_status give(const peri_pull *p, peri_tensor **grads, peri_tensor *g) {
  grads[0] = pri_unbroadcast(g, p->in[0]);
  return ruled(p, grads);
}

static int axis_at(const peri_pull *p, int k, int nd) { return (int)(p->args->i[k] < 0 ? p->args->i[k] + nd : p->args->i[k]); }

/* f(t, ...) where t is taken over. */
#define FROM(t, call)                                                                                                   \
  ({                                                                                                                    \
    peri_tensor *from_ = (t), *r_ = from_ ? (call) : NULL;                                                              \
    peri_release(from_);                                                                                                \
    r_;                                                                                                                 \
  })

static peri_tensor *reshaped(peri_tensor *t, int nd, const int64_t *dims) { return FROM(t, peri_reshape(from_, nd, dims)); }
static peri_tensor *shaped_like(peri_tensor *t, const peri_tensor *like) { return reshaped(t, like->ndim, like->dims); }

/* Zeros in the shape of x around g, which starts at `from` along the axis. */
static peri_tensor *surrounded(peri_tensor *g, const peri_tensor *x, int axis, int64_t from) {
  int64_t before[PERI_MAXDIM] = {0}, after[PERI_MAXDIM] = {0};
  if (!g) return NULL;
  before[axis] = from;
  after[axis] = x->dims[axis] - from - g->dims[axis];
  return FROM(g, peri_pad(from_, before, after, 0));
}

/* ---- views ---- */

peri_status pri_vjp_slice(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *x = p->in[0], *g = p->cotangents[0];
  int axis = axis_at(p, 0, x->ndim);
  int64_t from = p->args->i[1], step = p->args->i[3], n = g->dims[axis];
  if (n == 0) return give(p, grads, peri_zeros(x->cx, (peri_dtype)g->dtype, x->ndim, x->dims));
  if (step == 1) return give(p, grads, surrounded(keep(g), x, axis, from));
  if (step == -1) return give(p, grads, surrounded(peri_flip(g, 1u << axis), x, axis, from - n + 1));
  peri_tensor *zeros = peri_zeros(x->cx, (peri_dtype)g->dtype, x->ndim, x->dims), *at = peri_new(x->cx, PERI_I64, 1, &n), *r = NULL;
  for (int64_t i = 0; at && i < n; i++) ((int64_t *)at->data)[i] = from + i * step;
  if (zeros && at) r = peri_scatter(zeros, axis, at, g, PERI_FROM_0);
  peri_release(zeros);
  peri_release(at);
  return give(p, grads, r);
}

peri_status pri_vjp_select(const peri_pull *p, peri_tensor **grads) {
  int axis = axis_at(p, 0, p->in[0]->ndim);
  return give(p, grads, surrounded(peri_unsqueeze(p->cotangents[0], axis), p->in[0], axis, p->args->i[1]));
}

peri_status pri_vjp_reshape(const peri_pull *p, peri_tensor **grads) { return give(p, grads, shaped_like(keep(p->cotangents[0]), p->in[0])); }
peri_status pri_vjp_squeeze(const peri_pull *p, peri_tensor **grads) { return pri_vjp_reshape(p, grads); }
peri_status pri_vjp_unsqueeze(const peri_pull *p, peri_tensor **grads) { return pri_vjp_reshape(p, grads); }
peri_status pri_vjp_broadcast(const peri_pull *p, peri_tensor **grads) { return give(p, grads, keep(p->cotangents[0])); }
peri_status pri_vjp_flip(const peri_pull *p, peri_tensor **grads) { return give(p, grads, peri_flip(p->cotangents[0], (uint32_t)p->args->i[0])); }

peri_status pri_vjp_permute(const peri_pull *p, peri_tensor **grads) {
  int back[PERI_MAXDIM], nd = p->in[0]->ndim;
  for (int i = 0; i < nd; i++) back[axis_at(p, 1 + i, nd)] = i;
  return give(p, grads, peri_permute(p->cotangents[0], nd, back));
}

peri_status pri_vjp_transpose(const peri_pull *p, peri_tensor **grads) {
  int nd = p->in[0]->ndim;
  return give(p, grads, peri_transpose(p->cotangents[0], axis_at(p, 0, nd), axis_at(p, 1, nd)));
}

/* The matrices laid out flat, so that their diagonals are evenly spaced positions of one axis. */
peri_status pri_vjp_diagonal(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *x = p->in[0], *g = p->cotangents[0];
  int64_t rows = x->dims[x->ndim - 2], cols = x->dims[x->ndim - 1], k = p->args->i[0], n = g->dims[g->ndim - 1];
  int64_t batch = x->size ? x->size / (rows * cols) : 0;
  peri_tensor *zeros = peri_zeros(x->cx, (peri_dtype)g->dtype, 2, (int64_t[]){batch, rows * cols}), *at = peri_new(x->cx, PERI_I64, 1, &n);
  for (int64_t i = 0; at && i < n; i++) ((int64_t *)at->data)[i] = k >= 0 ? i * cols + i + k : (i - k) * cols + i;
  peri_tensor *flat = reshaped(keep(g), 2, (int64_t[]){batch, n}), *r = zeros && at && flat ? peri_scatter(zeros, 1, at, flat, PERI_FROM_0) : NULL;
  peri_release(zeros);
  peri_release(at);
  peri_release(flat);
  return give(p, grads, r ? shaped_like(r, x) : NULL);
}

/* ---- joining, repeating, cutting ---- */

peri_status pri_vjp_concatenate(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *g = p->cotangents[0];
  int axis = axis_at(p, 1, g->ndim);
  for (int64_t i = 0, from = 0; i < p->n; from += p->in[i++]->dims[axis])
    if (!(grads[i] = pri_unbroadcast(peri_narrow(g, axis, from, p->in[i]->dims[axis]), p->in[i]))) return g->cx->code;
  return PERI_OK;
}

peri_status pri_vjp_stack(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *g = p->cotangents[0];
  int axis = axis_at(p, 1, g->ndim);
  for (int64_t i = 0; i < p->n; i++)
    if (!(grads[i] = pri_unbroadcast(peri_select(g, axis, i), p->in[i]))) return g->cx->code;
  return PERI_OK;
}

peri_status pri_vjp_roll(const peri_pull *p, peri_tensor **grads) {
  int axis = axis_at(p, 1, p->in[0]->ndim);
  int64_t n = p->in[0]->dims[axis];
  return give(p, grads, peri_roll(p->cotangents[0], n ? -(p->args->i[0] % n) : 0, axis));
}

static int64_t product(const int64_t *dims, int from, int to) {
  int64_t n = 1;
  for (int i = from; i < to; i++) n *= dims[i];
  return n;
}

/* Sums the middle one of three groups that an axis is made of: (outer, first, second, inner), over first (which = 1) or second (2). */
static peri_tensor *sum_group(peri_tensor *g, int axis, int64_t first, int64_t second, int which) {
  int64_t dims[PERI_MAXDIM], outer, inner;
  if (!g) return NULL;
  int nd = g->ndim;
  memcpy(dims, g->dims, sizeof dims);
  outer = product(dims, 0, axis);
  inner = product(dims, axis + 1, nd);
  dims[axis] = which == 1 ? second : first;
  peri_tensor *grouped = reshaped(g, 4, (int64_t[]){outer, first, second, inner});
  return reshaped(FROM(grouped, peri_sum(from_, 1u << which, false)), nd, dims);
}

peri_status pri_vjp_repeat_each(const peri_pull *p, peri_tensor **grads) {
  int axis = axis_at(p, 1, p->in[0]->ndim);
  return give(p, grads, sum_group(keep(p->cotangents[0]), axis, p->in[0]->dims[axis], p->args->i[0], 2));
}

peri_status pri_vjp_tile(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *x = p->in[0], *g = keep(p->cotangents[0]);
  int nd = g->ndim, lead = nd - x->ndim;
  for (int i = 0; i < nd && g; i++) g = sum_group(g, i, p->args->i[1 + i], i < lead ? 1 : x->dims[i - lead], 1);
  return give(p, grads, g ? shaped_like(g, x) : NULL);
}

peri_status pri_vjp_pad(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *g = keep(p->cotangents[0]);
  for (int i = 0; i < p->in[0]->ndim && g; i++) g = FROM(g, peri_narrow(from_, i, p->args->i[i], p->in[0]->dims[i]));
  return give(p, grads, g);
}

peri_status pri_vjp_tril(const peri_pull *p, peri_tensor **grads) { return give(p, grads, peri_tril(p->cotangents[0], p->args->i[0])); }
peri_status pri_vjp_triu(const peri_pull *p, peri_tensor **grads) { return give(p, grads, peri_triu(p->cotangents[0], p->args->i[0])); }
peri_status pri_vjp_diag(const peri_pull *p, peri_tensor **grads) { return give(p, grads, peri_diagonal(p->cotangents[0], p->args->i[0])); }
