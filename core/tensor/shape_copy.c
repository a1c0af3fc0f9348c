/* shape_copy.c - new tensors put together from pieces of others.
**
** Everything here is a few strided copies into windows of a fresh result: a window is a tensor header on the stack that
** describes part of another tensor, so that no view has to be allocated.
*/
#include "tensor/tensor.h"
#include "tensor/example_rules.h"
#include "tensor/shape_rules.h"
#include <perigee/shape.h>

static peri_status give(const peri_tensor *t, peri_tensor **out, peri_tensor *r) {
  out[0] = r;
  return r ? PERI_OK : t->cx->code;
}

static char *at(const peri_tensor *t, int64_t offset) {
  return (char *)t->data + offset * (int64_t)peri_sizeof((peri_dtype)t->dtype);
}

static void resize(peri_tensor *w, int axis, int64_t n) {
  w->dims[axis] = n;
  w->size = 1;
  for (int i = 0; i < w->ndim; i++)
    w->size = (int64_t)((uint64_t)w->size * (uint64_t)w->dims[i]); /* may wrap on its way to 0 */
}

/* Elements from .. from+n-1 of an axis of t. */
static peri_tensor window(const peri_tensor *t, int axis, int64_t from, int64_t n) {
  peri_tensor w = *t;
  w.flags = 0;
  if (n && t->size) w.data = at(t, from * t->strides[axis]);
  resize(&w, axis, n);
  return w;
}

/* Element i of an axis of t, the axis gone. */
static peri_tensor layer(const peri_tensor *t, int axis, int64_t i) {
  peri_tensor w = window(t, axis, i, 1);
  w.ndim--;
  for (int a = axis; a < w.ndim; a++) w.dims[a] = w.dims[a + 1], w.strides[a] = w.strides[a + 1];
  return w;
}

/* ---- joining ---- */

static peri_dtype common_dtype(peri_tensor *const *t, int64_t n) {
  peri_tensor all = {.dtype = t[0]->dtype, .flags = t[0]->flags};
  for (int64_t i = 1; i < n; i++) {
    all.dtype = (uint8_t)peri_promote(&all, t[i]);
    all.flags &= t[i]->flags; /* weak only as long as everything is */
  }
  return (peri_dtype)all.dtype;
}

static peri_status run_concatenate(const peri_op *op, peri_tensor *const *in, const peri_args *args,
                                   peri_tensor **out) {
  peri_ctx *cx = in[0]->cx;
  int64_t n = args->i[0], dims[PERI_MAXDIM], total = 0;
  int axis = pri_axis(op->name, in[0], args->i[1]);
  if (axis < 0) return cx->code;
  for (int64_t k = 0; k < n; k++) {
    bool fits = in[k]->ndim == in[0]->ndim;
    for (int i = 0; fits && i < in[0]->ndim; i++) fits = i == axis || in[k]->dims[i] == in[0]->dims[i];
    if (!fits)
      return peri_fail(cx, PERI_ERR_SHAPE, "%s: shapes differ outside axis %d: %s and, as number %lld, %s", op->name,
                       axis + 1, peri_shape(in[0]), (long long)k + 1, peri_shape(in[k]));
    if (__builtin_add_overflow(total, in[k]->dims[axis], &total))
      return peri_fail(cx, PERI_ERR_SHAPE, "%s: the result is larger than any memory", op->name);
  }
  memcpy(dims, in[0]->dims, sizeof dims);
  dims[axis] = total;
  peri_tensor *r = peri_new(cx, common_dtype(in, n), in[0]->ndim, dims);
  if (!r) return cx->code;
  for (int64_t k = 0, from = 0; k < n; from += in[k++]->dims[axis]) {
    peri_tensor w = window(r, axis, from, in[k]->dims[axis]);
    pri_copy_into(&w, in[k]);
  }
  return give(r, out, r);
}

static const peri_op op_concatenate = {.name = "tensor.concatenate",
                                       .arity = PERI_VARIADIC,
                                       .outputs = 1,
                                       .result = PERI_RESULT_OWN,
                                       .run = run_concatenate,
                                       .vjp = pri_vjp_concatenate,
                                       .per_example = &pri_examples_join,
                                       .samples = "any",
                                       .signature = "pg.concatenate({x, y, ...}[, axis])",
                                       .help = "Tensors behind one another along an axis, by default the first."};

peri_tensor *peri_concatenate(peri_tensor *const *t, int n, int axis) {
  return peri_apply(&op_concatenate, t, &(peri_args){.i = {n, axis}});
}

static peri_status run_stack(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_ctx *cx = in[0]->cx;
  int64_t n = args->i[0], given = args->i[1], axis = given < 0 ? given + in[0]->ndim + 1 : given, dims[PERI_MAXDIM];
  if (axis < 0 || axis > in[0]->ndim)
    return peri_fail(cx, PERI_ERR_INDEX, "%s: axis %lld of a result of %d axes", op->name,
                     (long long)(given < 0 ? given : given + 1), in[0]->ndim + 1);
  if (in[0]->ndim == PERI_MAXDIM)
    return peri_fail(cx, PERI_ERR_SHAPE, "%s: %s has %d axes already", op->name, peri_shape(in[0]), PERI_MAXDIM);
  for (int64_t k = 1; k < n; k++)
    if (!pri_same_shape(in[0], in[k]))
      return peri_fail(cx, PERI_ERR_SHAPE, "%s: shapes differ: %s and, as number %lld, %s", op->name, peri_shape(in[0]),
                       (long long)k + 1, peri_shape(in[k]));
  for (int i = 0; i <= in[0]->ndim; i++) dims[i] = i == axis ? n : in[0]->dims[i - (i > axis)];
  peri_tensor *r = peri_new(cx, common_dtype(in, n), in[0]->ndim + 1, dims);
  if (!r) return cx->code;
  for (int64_t k = 0; k < n; k++) {
    peri_tensor w = layer(r, (int)axis, k);
    pri_copy_into(&w, in[k]);
  }
  return give(r, out, r);
}

static const peri_op op_stack = {.name = "tensor.stack",
                                 .arity = PERI_VARIADIC,
                                 .outputs = 1,
                                 .result = PERI_RESULT_OWN,
                                 .run = run_stack,
                                 .vjp = pri_vjp_stack,
                                 .per_example = &pri_examples_join,
                                 .samples = "any",
                                 .signature = "pg.stack({x, y, ...}[, axis])",
                                 .help = "Tensors of one shape as the layers of a new axis, by default the first."};

peri_tensor *peri_stack(peri_tensor *const *t, int n, int axis) {
  return peri_apply(&op_stack, t, &(peri_args){.i = {n, axis}});
}

/* ---- repeating ---- */

static peri_status run_roll(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *t = in[0];
  int axis = pri_axis(op->name, t, args->i[1]);
  if (axis < 0) return t->cx->code;
  peri_tensor *r = peri_new(t->cx, (peri_dtype)t->dtype, t->ndim, t->dims);
  if (!r) return t->cx->code;
  int64_t n = t->dims[axis], shift = n ? args->i[0] % n : 0;
  if (shift < 0) shift += n;
  peri_tensor head = window(r, axis, 0, shift), tail = window(r, axis, shift, n - shift);
  peri_tensor last = window(t, axis, n - shift, shift), first = window(t, axis, 0, n - shift);
  pri_copy_into(&head, &last);
  pri_copy_into(&tail, &first);
  return give(t, out, r);
}

static const peri_op op_roll = {
    .name = "tensor.roll",
    .arity = 1,
    .outputs = 1,
    .result = PERI_RESULT_OWN,
    .run = run_roll,
    .vjp = pri_vjp_roll,
    .per_example = &pri_examples_second_axis,
    .samples = "any",
    .signature = "x:roll(shift[, axis])",
    .help = "The elements moved along an axis by `shift` places, the last ones coming in at the front."};

peri_tensor *peri_roll(peri_tensor *t, int64_t shift, int axis) {
  return peri_apply(&op_roll, &t, &(peri_args){.i = {shift, axis}});
}

static bool times_ok(const peri_op *op, const peri_tensor *t, int64_t dim, int64_t times, int64_t *product) {
  if (times < 0)
    peri_fail(t->cx, PERI_ERR_VALUE, "%s: the number of repetitions must be >= 0, got %lld", op->name,
              (long long)times);
  else if (__builtin_mul_overflow(dim, times, product))
    peri_fail(t->cx, PERI_ERR_SHAPE, "%s: shape %s repeated %lld times is larger than any memory", op->name,
              peri_shape(t), (long long)times);
  else
    return true;
  return false;
}

/* The result seen as (outer, n, times, inner), the operand as (outer, n, 1, inner). */
static peri_status run_repeat_each(const peri_op *op, peri_tensor *const *in, const peri_args *args,
                                   peri_tensor **out) {
  peri_ctx *cx = in[0]->cx;
  int64_t times = args->i[0], dims[PERI_MAXDIM], outer = 1, inner = 1;
  int axis = pri_axis(op->name, in[0], args->i[1]);
  if (axis < 0) return cx->code;
  memcpy(dims, in[0]->dims, sizeof dims);
  if (!times_ok(op, in[0], dims[axis], times, &dims[axis])) return cx->code;
  peri_tensor *r = peri_new(cx, (peri_dtype)in[0]->dtype, in[0]->ndim, dims);
  if (!r) return cx->code;
  if (r->size == 0) return give(r, out, r);
  peri_tensor *t = peri_new(cx, (peri_dtype)in[0]->dtype, in[0]->ndim, in[0]->dims);
  if (!t) return peri_release(r), cx->code;
  pri_copy_into(t, in[0]);
  for (int i = 0; i < axis; i++) outer *= dims[i];
  for (int i = axis + 1; i < t->ndim; i++) inner *= dims[i];
  int64_t n = t->dims[axis];
  peri_tensor to = {.cx = cx,
                    .dtype = r->dtype,
                    .ndim = 4,
                    .size = r->size,
                    .data = r->data,
                    .dims = {outer, n, times, inner},
                    .strides = {n * times * inner, times * inner, inner, 1}};
  peri_tensor from = {.cx = cx,
                      .dtype = t->dtype,
                      .ndim = 4,
                      .size = t->size,
                      .data = t->data,
                      .dims = {outer, n, 1, inner},
                      .strides = {n * inner, inner, inner, 1}};
  pri_copy_into(&to, &from);
  peri_release(t);
  return give(r, out, r);
}

static const peri_op op_repeat_each = {.name = "tensor.repeat_each",
                                       .arity = 1,
                                       .outputs = 1,
                                       .result = PERI_RESULT_OWN,
                                       .run = run_repeat_each,
                                       .vjp = pri_vjp_repeat_each,
                                       .per_example = &pri_examples_second_axis,
                                       .samples = "any",
                                       .signature = "x:repeat_each(n[, axis])",
                                       .help = "Every element of an axis n times in a row."};

peri_tensor *peri_repeat_each(peri_tensor *t, int64_t n, int axis) {
  return peri_apply(&op_repeat_each, &t, &(peri_args){.i = {n, axis}});
}

/* The operand goes into the first corner of the result; then, from the last axis outwards, what is there is doubled
** until the axis is full. */
static peri_status run_tile(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *t = in[0];
  int nd = (int)args->i[0], lead = nd - t->ndim;
  int64_t dims[PERI_MAXDIM], from[PERI_MAXDIM];
  for (int i = 0; i < nd; i++) {
    from[i] = i < lead ? 1 : t->dims[i - lead];
    if (!times_ok(op, t, from[i], args->i[1 + i], &dims[i])) return t->cx->code;
  }
  peri_tensor *r = peri_new(t->cx, (peri_dtype)t->dtype, nd, dims);
  if (!r) return t->cx->code;
  if (r->size == 0) return give(t, out, r);
  peri_tensor corner = *r;
  corner.flags = 0;
  for (int i = 0; i < nd; i++) resize(&corner, i, from[i]);
  pri_copy_into(&corner, t);
  for (int i = nd - 1; i >= 0; i--) {
    for (int64_t full = from[i]; full < dims[i];) {
      int64_t more = full < dims[i] - full ? full : dims[i] - full;
      resize(&corner, i, dims[i]);
      peri_tensor source = window(&corner, i, 0, more), target = window(&corner, i, full, more);
      pri_copy_into(&target, &source);
      full += more;
    }
    resize(&corner, i, dims[i]);
  }
  return give(t, out, r);
}

static const peri_op op_tile = {.name = "tensor.tile",
                                .arity = 1,
                                .outputs = 1,
                                .result = PERI_RESULT_OWN,
                                .run = run_tile,
                                .vjp = pri_vjp_tile,
                                .per_example = &pri_examples_leading,
                                .samples = "any",
                                .signature = "x:tile{times}",
                                .help = "The whole tensor repeated times[i] times along axis i."};

peri_tensor *peri_tile(peri_tensor *t, int nd, const int64_t *times) {
  peri_args args = {.i = {nd}};
  if (nd < t->ndim || nd > PERI_MAXDIM)
    return peri_fail(t->cx, PERI_ERR_SHAPE, "tensor.tile: %d repetitions for a tensor of shape %s; give %d to %d", nd,
                     peri_shape(t), t->ndim, PERI_MAXDIM),
           NULL;
  memcpy(args.i + 1, times, (size_t)nd * sizeof times[0]);
  return peri_apply(&op_tile, &t, &args);
}

/* ---- padding and triangles ---- */

static peri_status run_pad(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *t = in[0];
  const int64_t *before = args->i, *after = args->i + PERI_MAXDIM;
  int64_t dims[PERI_MAXDIM];
  for (int i = 0; i < t->ndim; i++) {
    if (before[i] < 0 || after[i] < 0)
      return peri_fail(t->cx, PERI_ERR_VALUE, "%s: %lld and %lld elements at axis %d; both must be >= 0", op->name,
                       (long long)before[i], (long long)after[i], i + 1);
    if (__builtin_add_overflow(before[i], after[i], &dims[i]) || __builtin_add_overflow(dims[i], t->dims[i], &dims[i]))
      return peri_fail(t->cx, PERI_ERR_SHAPE, "%s: axis %d of the result is larger than any memory", op->name, i + 1);
  }
  peri_tensor *r = peri_full(t->cx, (peri_dtype)t->dtype, t->ndim, dims, args->f[0]);
  if (!r) return t->cx->code;
  peri_tensor middle = *r;
  for (int i = 0; i < t->ndim; i++) middle = window(&middle, i, before[i], t->dims[i]);
  pri_copy_into(&middle, t);
  return give(t, out, r);
}

static const peri_op op_pad = {.name = "tensor.pad",
                               .arity = 1,
                               .outputs = 1,
                               .result = PERI_RESULT_OWN,
                               .run = run_pad,
                               .vjp = pri_vjp_pad,
                               .per_example = &pri_examples_rows,
                               .samples = "any",
                               .signature = "x:pad({{before, after}, ...}[, value])",
                               .help = "The tensor with elements of one value, by default 0, around it."};

peri_tensor *peri_pad(peri_tensor *t, const int64_t *before, const int64_t *after, double value) {
  peri_args args = {.f = {value}};
  memcpy(args.i, before, t->ndim * sizeof before[0]);
  memcpy(args.i + PERI_MAXDIM, after, t->ndim * sizeof after[0]);
  return peri_apply(&op_pad, &t, &args);
}

/* args: k, 1 for the upper triangle. */
static peri_status run_triangle(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *t = in[0];
  if (t->ndim < 2) return peri_fail(t->cx, PERI_ERR_SHAPE, "%s: shape %s has no two axes", op->name, peri_shape(t));
  peri_tensor *r = peri_new(t->cx, (peri_dtype)t->dtype, t->ndim, t->dims);
  if (!r) return t->cx->code;
  pri_copy_into(r, t);
  int64_t rows = t->dims[t->ndim - 2], cols = t->dims[t->ndim - 1], k = args->i[0];
  if (k > cols) k = cols;
  if (k < -rows) k = -rows;
  size_t bytes = peri_sizeof((peri_dtype)t->dtype);
  for (int64_t i = 0; i < (cols ? r->size / cols : 0); i++) {
    int64_t edge = i % rows + k + (args->i[1] ? 0 : 1); /* the triangle's boundary lies before this column */
    edge = edge < 0 ? 0 : edge > cols ? cols : edge;
    if (args->i[1])
      memset(at(r, i * cols), 0, (size_t)edge * bytes);
    else
      memset(at(r, i * cols + edge), 0, (size_t)(cols - edge) * bytes);
  }
  return give(t, out, r);
}

static const peri_op op_tril = {.name = "tensor.tril",
                                .arity = 1,
                                .outputs = 1,
                                .result = PERI_RESULT_OWN,
                                .run = run_triangle,
                                .vjp = pri_vjp_tril,
                                .per_example = &pri_examples_matrices,
                                .samples = "matrix",
                                .signature = "x:tril([k])",
                                .help = "Lower triangle of the last two axes, with the k-th diagonal; zeros above."};
static const peri_op op_triu = {.name = "tensor.triu",
                                .arity = 1,
                                .outputs = 1,
                                .result = PERI_RESULT_OWN,
                                .run = run_triangle,
                                .vjp = pri_vjp_triu,
                                .per_example = &pri_examples_matrices,
                                .samples = "matrix",
                                .signature = "x:triu([k])",
                                .help = "Upper triangle of the last two axes, with the k-th diagonal; zeros below."};

peri_tensor *peri_tril(peri_tensor *t, int64_t k) { return peri_apply(&op_tril, &t, &(peri_args){.i = {k, 0}}); }
peri_tensor *peri_triu(peri_tensor *t, int64_t k) { return peri_apply(&op_triu, &t, &(peri_args){.i = {k, 1}}); }

static peri_status run_diag(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *t = in[0];
  int64_t k = args->i[0], n = t->dims[0], side;
  if (k < -INT64_MAX || __builtin_add_overflow(n, k < 0 ? -k : k, &side))
    return peri_fail(t->cx, PERI_ERR_SHAPE, "%s: diagonal %lld is larger than any memory", op->name, (long long)k);
  peri_tensor *r = peri_zeros(t->cx, (peri_dtype)t->dtype, 2, (int64_t[]){side, side});
  if (!r) return t->cx->code;
  peri_tensor line = {.cx = t->cx,
                      .dtype = t->dtype,
                      .ndim = 1,
                      .size = n,
                      .dims = {n},
                      .strides = {side + 1},
                      .data = at(r, n == 0  ? 0
                                    : k < 0 ? -k * side
                                            : k)};
  pri_copy_into(&line, t);
  return give(t, out, r);
}

static const peri_op op_diag = {
    .name = "tensor.diag",
    .arity = 1,
    .outputs = 1,
    .result = PERI_RESULT_OWN,
    .run = run_diag,
    .vjp = pri_vjp_diag,
    .samples = "vector",
    .signature = "x:diag([k])",
    .help = "Of a vector: the square matrix with it on the k-th diagonal. Of a matrix: that diagonal, a view."};

peri_tensor *peri_diag(peri_tensor *t, int64_t k) {
  if (t->ndim == 0)
    return peri_fail(t->cx, PERI_ERR_SHAPE, "tensor.diag: a scalar has no diagonal; unsqueeze it first"), NULL;
  return t->ndim == 1 ? peri_apply(&op_diag, &t, &(peri_args){.i = {k}}) : peri_diagonal(t, k);
}
