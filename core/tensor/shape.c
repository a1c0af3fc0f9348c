/* shape.c - views: the same memory under other dims and strides.
**
** Element (i_0, ..., i_n) of a tensor lies at offset + sum i_a s_a. A slice scales one s_a and moves the offset, a
** flip negates it, a broadcast sets it to zero, a permutation reorders the pairs (dim, stride); none of them touches
** an element. A reshape is a view exactly if every group of axes that it splits or merges is evenly strided (walked
** below from the last axis).
*/
#include "tensor/tensor.h"
#include "tensor/example_rules.h"
#include "tensor/shape_rules.h"
#include <perigee/shape.h>

static peri_status give(const peri_tensor *t, peri_tensor **out, peri_tensor *r) {
  out[0] = r;
  return r ? PERI_OK : t->cx->code;
}

static const char *shape_text(peri_ctx *cx, int nd, const int64_t *dims) {
  peri_tensor shape = {.ndim = (uint8_t)(nd < PERI_MAXDIM ? nd : PERI_MAXDIM), .cx = cx};
  memcpy(shape.dims, dims, shape.ndim * sizeof dims[0]);
  return peri_shape(&shape);
}

/* Wraps for the strides of empty tensors, which mean nothing and may be as large as they like. */
static int64_t times(int64_t a, int64_t b) { return (int64_t)((uint64_t)a * (uint64_t)b); }

/* ---- slices ---- */

static int64_t visited(int64_t from, int64_t to, int64_t step) {
  if (step > 0) return to > from ? (to - from - 1) / step + 1 : 0;
  return from > to ? (int64_t)((uint64_t)(from - to - 1) / -(uint64_t)step) + 1 : 0;
}

static peri_status run_slice(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *t = in[0];
  int axis = pri_axis(op->name, t, args->i[0]);
  int64_t from = args->i[1], to = args->i[2], step = args->i[3];
  if (axis < 0) return t->cx->code;
  if (step == 0) return peri_fail(t->cx, PERI_ERR_VALUE, "%s: the step must not be 0", op->name);
  int64_t low = step > 0 ? 0 : -1, high = low + t->dims[axis];
  if (from < low || from > high || to < low || to > high)
    return peri_fail(t->cx, PERI_ERR_INDEX, "%s: elements %lld to %lld of axis %d, which has %lld", op->name,
                     (long long)from, (long long)to, axis + 1, (long long)t->dims[axis]);
  int64_t dims[PERI_MAXDIM], strides[PERI_MAXDIM], n = visited(from, to, step);
  memcpy(dims, t->dims, sizeof dims);
  memcpy(strides, t->strides, sizeof strides);
  dims[axis] = n;
  strides[axis] = n > 1 ? times(strides[axis], step) : strides[axis];
  return give(t, out, peri_view(t, t->ndim, dims, strides, n && t->size ? from * t->strides[axis] : 0));
}

static const peri_op op_slice = {
    .name = "tensor.slice",
    .arity = 1,
    .outputs = 1,
    .result = PERI_RESULT_OWN,
    .run = run_slice,
    .vjp = pri_vjp_slice,
    .per_example = &pri_examples_slice,
    .samples = "any",
    .signature = "x:slice(axis, from, to[, step])",
    .help = "A view of the elements from .. to of an axis, both included, every step-th of them."};

peri_tensor *peri_slice(peri_tensor *t, int axis, int64_t from, int64_t to, int64_t step) {
  return peri_apply(&op_slice, &t, &(peri_args){.i = {axis, from, to, step}});
}

peri_tensor *peri_narrow(peri_tensor *t, int axis, int64_t from, int64_t length) {
  int64_t to;
  if (length < 0 || __builtin_add_overflow(from, length, &to))
    return peri_fail(t->cx, PERI_ERR_INDEX, "tensor.narrow: %lld elements from %lld on", (long long)length,
                     (long long)from),
           NULL;
  return peri_slice(t, axis, from, to, 1);
}

static peri_status run_select(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *t = in[0];
  int axis = pri_axis(op->name, t, args->i[0]);
  int64_t index = args->i[1], dims[PERI_MAXDIM], strides[PERI_MAXDIM];
  if (axis < 0) return t->cx->code;
  if (index < 0 || index >= t->dims[axis])
    return peri_fail(t->cx, PERI_ERR_INDEX, "%s: element %lld of axis %d, which has %lld", op->name, (long long)index,
                     axis + 1, (long long)t->dims[axis]);
  for (int i = 0, j = 0; i < t->ndim; i++) {
    if (i == axis) continue;
    dims[j] = t->dims[i];
    strides[j++] = t->strides[i];
  }
  return give(t, out, peri_view(t, t->ndim - 1, dims, strides, t->size ? index * t->strides[axis] : 0));
}

static const peri_op op_select = {.name = "tensor.select",
                                  .arity = 1,
                                  .outputs = 1,
                                  .result = PERI_RESULT_OWN,
                                  .run = run_select,
                                  .vjp = pri_vjp_select,
                                  .per_example = &pri_examples_axis_view,
                                  .samples = "any",
                                  .signature = "x:select(axis, index)",
                                  .help = "A view of one element of an axis; the axis disappears."};

peri_tensor *peri_select(peri_tensor *t, int axis, int64_t index) {
  return peri_apply(&op_select, &t, &(peri_args){.i = {axis, index}});
}

/* ---- reshape ---- */

/* Strides under which t's memory has the new dims in C order; false if there are none. Both have the same, positive
** number of elements. From the last axis outwards, t's axes fall into chunks that are evenly strided; each chunk
** must be filled exactly by new axes. */
static bool strides_for(const peri_tensor *t, int nd, const int64_t *dims, int64_t *strides) {
  int64_t have = 1, want = 1, base = t->ndim ? t->strides[t->ndim - 1] : 1;
  int v = nd - 1;
  for (int a = t->ndim - 1; a >= 0; a--) {
    have *= t->dims[a];
    if (a > 0 && (t->dims[a - 1] == 1 || t->strides[a - 1] == have * base)) continue;
    for (; v >= 0 && (want < have || dims[v] == 1); v--) {
      strides[v] = want * base;
      want *= dims[v];
    }
    if (want != have) return false;
    if (a > 0) base = t->strides[a - 1], have = want = 1;
  }
  for (; v >= 0; v--) strides[v] = 1; /* t is 0-d: only ones are left */
  return true;
}

static bool view_strides(const peri_tensor *t, int nd, const int64_t *dims, int64_t *strides) {
  if (!pri_contiguous(t)) return strides_for(t, nd, dims, strides);
  int64_t run = 1;
  for (int i = nd - 1; i >= 0; i--) {
    strides[i] = run;
    run = times(run, dims[i] ? dims[i] : 1);
  }
  return true;
}

static peri_status run_reshape(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  int64_t strides[PERI_MAXDIM];
  int nd = (int)args->i[0];
  if (!view_strides(in[0], nd, args->i + 1, strides))
    return peri_fail(in[0]->cx, PERI_ERR_STATE, "%s: the strides allow no view; make a contiguous copy first",
                     op->name);
  return give(in[0], out, peri_view(in[0], nd, args->i + 1, strides, 0));
}

static const peri_op op_reshape = {.name = "tensor.reshape",
                                   .arity = 1,
                                   .outputs = 1,
                                   .result = PERI_RESULT_OWN,
                                   .run = run_reshape,
                                   .vjp = pri_vjp_reshape,
                                   .per_example = &pri_examples_view,
                                   .samples = "any",
                                   .signature = "x:reshape(dims)",
                                   .help = "The same elements under another shape; one dimension may be -1."};

static peri_status mismatch(const peri_tensor *t, int nd, const int64_t *dims) {
  return peri_fail(t->cx, PERI_ERR_SHAPE, "tensor.reshape: the %lld elements of shape %s do not fill shape %s",
                   (long long)t->size, peri_shape(t), shape_text(t->cx, nd, dims));
}

/* dims with its -1 replaced, in full[]. */
static peri_status complete(const peri_tensor *t, int nd, const int64_t *dims, int64_t *full) {
  int unknown = -1;
  int64_t n = 1;
  bool huge = false, empty = false;
  if (nd < 0 || nd > PERI_MAXDIM)
    return peri_fail(t->cx, PERI_ERR_SHAPE, "tensor.reshape: %d dimensions; at most %d are supported", nd, PERI_MAXDIM);
  for (int i = 0; i < nd; i++) {
    full[i] = dims[i];
    if (dims[i] >= 0) {
      empty |= dims[i] == 0;
      huge |= __builtin_mul_overflow(n, dims[i] ? dims[i] : 1, &n);
    } else if (dims[i] == -1 && unknown < 0)
      unknown = i;
    else
      return peri_fail(t->cx, PERI_ERR_SHAPE, "tensor.reshape: dimension %d of %s must be >= 0, or -1 once", i + 1,
                       shape_text(t->cx, nd, dims));
  }
  if (empty)
    n = 0;
  else if (huge)
    return mismatch(t, nd, dims);
  if (unknown >= 0) {
    if (n == 0 || t->size % n) return mismatch(t, nd, dims);
    full[unknown] = t->size / n;
  } else if (n != t->size)
    return mismatch(t, nd, dims);
  return PERI_OK;
}

peri_tensor *peri_reshape(peri_tensor *t, int nd, const int64_t *dims) {
  peri_args args = {.i = {nd}};
  int64_t strides[PERI_MAXDIM];
  if (complete(t, nd, dims, args.i + 1)) return NULL;
  if (view_strides(t, nd, args.i + 1, strides)) return peri_apply(&op_reshape, &t, &args);
  peri_tensor *copy = peri_clone(t);
  peri_tensor *r = copy ? peri_apply(&op_reshape, &copy, &args) : NULL;
  peri_release(copy);
  return r;
}

peri_tensor *peri_ravel(peri_tensor *t) { return peri_reshape(t, 1, &t->size); }

peri_tensor *peri_flatten(peri_tensor *t, int first, int last) {
  int64_t dims[PERI_MAXDIM];
  if (t->ndim == 0) return peri_ravel(t);
  int a = pri_axis("tensor.flatten", t, first), b = pri_axis("tensor.flatten", t, last), nd = 0;
  if (a < 0 || b < 0) return NULL;
  if (a > b) return peri_fail(t->cx, PERI_ERR_INDEX, "tensor.flatten: axis %d comes after axis %d", a + 1, b + 1), NULL;
  for (int i = 0; i < t->ndim; i++)
    if (i <= a || i > b)
      dims[nd++] = t->dims[i];
    else if (__builtin_mul_overflow(dims[nd - 1], t->dims[i], &dims[nd - 1])) /* only of an empty tensor */
      return peri_fail(t->cx, PERI_ERR_SHAPE, "tensor.flatten: axes %d to %d of shape %s are too long for one", a + 1,
                       b + 1, peri_shape(t)),
             NULL;
  return peri_reshape(t, nd, dims);
}

/* ---- axes ---- */

static peri_status run_permute(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *t = in[0];
  int64_t dims[PERI_MAXDIM], strides[PERI_MAXDIM];
  uint32_t seen = 0;
  if (args->i[0] != t->ndim)
    return peri_fail(t->cx, PERI_ERR_SHAPE, "%s: %lld axes given for a tensor of shape %s", op->name,
                     (long long)args->i[0], peri_shape(t));
  for (int i = 0; i < t->ndim; i++) {
    int a = pri_axis(op->name, t, args->i[1 + i]);
    if (a < 0) return t->cx->code;
    if (seen & 1u << a) return peri_fail(t->cx, PERI_ERR_VALUE, "%s: axis %d is given twice", op->name, a + 1);
    seen |= 1u << a;
    dims[i] = t->dims[a];
    strides[i] = t->strides[a];
  }
  return give(t, out, peri_view(t, t->ndim, dims, strides, 0));
}

static const peri_op op_permute = {.name = "tensor.permute",
                                   .arity = 1,
                                   .outputs = 1,
                                   .result = PERI_RESULT_OWN,
                                   .run = run_permute,
                                   .vjp = pri_vjp_permute,
                                   .per_example = &pri_examples_permute,
                                   .samples = "any",
                                   .signature = "x:permute{axes}",
                                   .help =
                                       "A view with the axes in another order: axis i of the result is axes[i] of x."};

peri_tensor *peri_permute(peri_tensor *t, int n, const int *axes) {
  peri_args args = {.i = {n}};
  for (int i = 0; i < n && i < PERI_MAXDIM; i++) args.i[1 + i] = axes[i];
  return peri_apply(&op_permute, &t, &args);
}

static peri_status run_transpose(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *t = in[0];
  int a = pri_axis(op->name, t, args->i[0]), b = a < 0 ? a : pri_axis(op->name, t, args->i[1]);
  if (b < 0) return t->cx->code;
  int64_t dims[PERI_MAXDIM], strides[PERI_MAXDIM];
  memcpy(dims, t->dims, sizeof dims);
  memcpy(strides, t->strides, sizeof strides);
  dims[a] = t->dims[b], strides[a] = t->strides[b];
  dims[b] = t->dims[a], strides[b] = t->strides[a];
  return give(t, out, peri_view(t, t->ndim, dims, strides, 0));
}

static const peri_op op_transpose = {.name = "tensor.transpose",
                                     .arity = 1,
                                     .outputs = 1,
                                     .result = PERI_RESULT_OWN,
                                     .run = run_transpose,
                                     .vjp = pri_vjp_transpose,
                                     .per_example = &pri_examples_transpose,
                                     .samples = "any",
                                     .signature = "x:transpose([a, b])",
                                     .help = "A view with two axes exchanged, by default the last two."};

peri_tensor *peri_transpose(peri_tensor *t, int a, int b) {
  return peri_apply(&op_transpose, &t, &(peri_args){.i = {a, b}});
}

static peri_status run_squeeze(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *t = in[0];
  int64_t dims[PERI_MAXDIM], strides[PERI_MAXDIM];
  uint32_t axes = (uint32_t)args->i[0];
  int nd = 0;
  if (axes >> t->ndim)
    return peri_fail(t->cx, PERI_ERR_INDEX, "%s: axis %d of a tensor of shape %s", op->name, 32 - __builtin_clz(axes),
                     peri_shape(t));
  for (int i = 0; i < t->ndim; i++) {
    if ((axes >> i & 1) && t->dims[i] != 1)
      return peri_fail(t->cx, PERI_ERR_SHAPE, "%s: axis %d of shape %s has not length 1", op->name, i + 1,
                       peri_shape(t));
    if (t->dims[i] == 1 && (!axes || axes >> i & 1)) continue;
    dims[nd] = t->dims[i];
    strides[nd++] = t->strides[i];
  }
  return give(t, out, peri_view(t, nd, dims, strides, 0));
}

static const peri_op op_squeeze = {.name = "tensor.squeeze",
                                   .arity = 1,
                                   .outputs = 1,
                                   .result = PERI_RESULT_OWN,
                                   .run = run_squeeze,
                                   .vjp = pri_vjp_squeeze,
                                   .per_example = &pri_examples_view,
                                   .samples = "any",
                                   .signature = "x:squeeze([axis])",
                                   .help = "A view without that axis of length 1, or without any axis of length 1."};

peri_tensor *peri_squeeze(peri_tensor *t, uint32_t axes) {
  return peri_apply(&op_squeeze, &t, &(peri_args){.i = {axes}});
}

static peri_status run_unsqueeze(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *t = in[0];
  int64_t dims[PERI_MAXDIM], strides[PERI_MAXDIM], given = args->i[0], axis = given < 0 ? given + t->ndim + 1 : given;
  if (axis < 0 || axis > t->ndim)
    return peri_fail(t->cx, PERI_ERR_INDEX, "%s: axis %lld of a result of %d axes", op->name,
                     (long long)(given < 0 ? given : given + 1), t->ndim + 1);
  if (t->ndim == PERI_MAXDIM)
    return peri_fail(t->cx, PERI_ERR_SHAPE, "%s: %s has %d axes already", op->name, peri_shape(t), PERI_MAXDIM);
  for (int i = 0, j = 0; i <= t->ndim; i++) {
    dims[i] = i == axis ? 1 : t->dims[j];
    strides[i] = i == axis ? (i < t->ndim ? times(t->dims[j], t->strides[j]) : 1) : t->strides[j];
    j += i != axis;
  }
  return give(t, out, peri_view(t, t->ndim + 1, dims, strides, 0));
}

static const peri_op op_unsqueeze = {.name = "tensor.unsqueeze",
                                     .arity = 1,
                                     .outputs = 1,
                                     .result = PERI_RESULT_OWN,
                                     .run = run_unsqueeze,
                                     .vjp = pri_vjp_unsqueeze,
                                     .per_example = &pri_examples_view,
                                     .samples = "any",
                                     .signature = "x:unsqueeze(axis)",
                                     .help = "A view with a new axis of length 1 at that place."};

peri_tensor *peri_unsqueeze(peri_tensor *t, int axis) {
  return peri_apply(&op_unsqueeze, &t, &(peri_args){.i = {axis}});
}

static peri_status run_flip(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *t = in[0];
  int64_t strides[PERI_MAXDIM], offset = 0;
  uint32_t axes = args->i[0] ? (uint32_t)args->i[0] : (1u << t->ndim) - 1;
  if (axes >> t->ndim)
    return peri_fail(t->cx, PERI_ERR_INDEX, "%s: axis %d of a tensor of shape %s", op->name, 32 - __builtin_clz(axes),
                     peri_shape(t));
  memcpy(strides, t->strides, sizeof strides);
  for (int i = 0; i < t->ndim; i++)
    if (axes >> i & 1) {
      if (t->size) offset += (t->dims[i] - 1) * t->strides[i];
      strides[i] = times(-1, t->strides[i]);
    }
  return give(t, out, peri_view(t, t->ndim, t->dims, strides, offset));
}

static const peri_op op_flip = {.name = "tensor.flip",
                                .arity = 1,
                                .outputs = 1,
                                .result = PERI_RESULT_OWN,
                                .run = run_flip,
                                .vjp = pri_vjp_flip,
                                .per_example = &pri_examples_flip,
                                .samples = "any",
                                .signature = "x:flip([axis | {axes}])",
                                .help = "A view backwards along some axes, by default all."};

peri_tensor *peri_flip(peri_tensor *t, uint32_t axes) { return peri_apply(&op_flip, &t, &(peri_args){.i = {axes}}); }

/* ---- broadcast ---- */

static peri_status run_broadcast(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)op;
  int64_t strides[PERI_MAXDIM];
  pri_broadcast_strides(in[0], (int)args->i[0], strides);
  return give(in[0], out, peri_view(in[0], (int)args->i[0], args->i + 1, strides, 0));
}

static const peri_op op_broadcast = {
    .name = "tensor.broadcast_to",
    .arity = 1,
    .outputs = 1,
    .result = PERI_RESULT_OWN,
    .run = run_broadcast,
    .vjp = pri_vjp_broadcast,
    .per_example = &pri_examples_leading,
    .samples = "any",
    .signature = "x:broadcast_to(dims)",
    .help = "A view of a larger shape, the elements repeated without a copy; -1 keeps a length."};

peri_tensor *peri_broadcast_to(peri_tensor *t, int nd, const int64_t *dims) {
  peri_args args = {.i = {nd}};
  bool ok = nd >= t->ndim && nd <= PERI_MAXDIM;
  for (int i = 0; ok && i < nd; i++) {
    int k = t->ndim - nd + i;
    int64_t has = k < 0 ? 1 : t->dims[k], want = dims[i] == -1 && k >= 0 ? has : dims[i];
    ok = want >= 0 && (has == 1 || has == want);
    args.i[1 + i] = want;
  }
  if (ok) return peri_apply(&op_broadcast, &t, &args);
  return peri_fail(t->cx, PERI_ERR_SHAPE, "tensor.broadcast_to: shape %s does not broadcast to %s", peri_shape(t),
                   shape_text(t->cx, nd < 0 ? 0 : nd, dims)),
         NULL;
}

/* ---- diagonals ---- */

static peri_status run_diagonal(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *t = in[0];
  if (t->ndim < 2) return peri_fail(t->cx, PERI_ERR_SHAPE, "%s: shape %s has no two axes", op->name, peri_shape(t));
  int nd = t->ndim - 1;
  int64_t k = args->i[0], rows = t->dims[nd - 1], cols = t->dims[nd], dims[PERI_MAXDIM], strides[PERI_MAXDIM];
  int64_t n = k >= 0 ? (k < cols ? cols - k : 0) : (k > -rows ? rows + k : 0), across = k >= 0 ? rows : cols;
  if (n > across) n = across;
  memcpy(dims, t->dims, sizeof dims);
  memcpy(strides, t->strides, sizeof strides);
  dims[nd - 1] = n;
  strides[nd - 1] = (int64_t)((uint64_t)t->strides[nd - 1] + (uint64_t)t->strides[nd]);
  int64_t offset = n == 0 || t->size == 0 ? 0 : k >= 0 ? k * t->strides[nd] : -k * t->strides[nd - 1];
  return give(t, out, peri_view(t, nd, dims, strides, offset));
}

static const peri_op op_diagonal = {.name = "tensor.diagonal",
                                    .arity = 1,
                                    .outputs = 1,
                                    .result = PERI_RESULT_OWN,
                                    .run = run_diagonal,
                                    .vjp = pri_vjp_diagonal,
                                    .per_example = &pri_examples_matrices_view,
                                    .samples = "matrix",
                                    .signature = "x:diagonal([k])",
                                    .help = "A view of the elements (i, i + k) of the last two axes."};

peri_tensor *peri_diagonal(peri_tensor *t, int64_t k) { return peri_apply(&op_diagonal, &t, &(peri_args){.i = {k}}); }

/* ---- several views ---- */

static peri_status drop(peri_ctx *cx, int n, peri_tensor **out) {
  for (int i = 0; i < n; i++) {
    peri_release(out[i]);
    out[i] = NULL;
  }
  return cx->code;
}

static peri_status check_lengths(const peri_tensor *t, int axis, int n, const int64_t *lengths) {
  int64_t left = t->dims[axis];
  bool ok = n >= 1;
  for (int i = 0; ok && lengths && i < n; i++) {
    ok = lengths[i] >= 0 && lengths[i] <= left;
    left -= lengths[i];
  }
  if (ok && (!lengths || left == 0)) return PERI_OK;
  return peri_fail(t->cx, PERI_ERR_SHAPE, "tensor.split: %d parts do not add up to the %lld elements of axis %d", n,
                   (long long)t->dims[axis], axis + 1);
}

peri_status peri_split(peri_tensor *t, int axis, int n, const int64_t *lengths, peri_tensor **out) {
  int a = pri_axis("tensor.split", t, axis);
  if (a < 0 || check_lengths(t, a, n, lengths)) return t->cx->code;
  int64_t from = 0, each = t->dims[a] / n, longer = t->dims[a] % n;
  for (int i = 0; i < n; i++) {
    int64_t length = lengths ? lengths[i] : each + (i < longer);
    out[i] = peri_narrow(t, a, from, length);
    if (!out[i]) return drop(t->cx, i, out);
    from += length;
  }
  return PERI_OK;
}

peri_status peri_meshgrid(peri_tensor *const *v, int n, peri_tensor **out) {
  int64_t dims[PERI_MAXDIM];
  peri_ctx *cx = v[0]->cx;
  if (n < 1 || n > PERI_MAXDIM)
    return peri_fail(cx, PERI_ERR_SHAPE, "tensor.meshgrid: %d axes; at most %d are supported", n, PERI_MAXDIM);
  for (int i = 0; i < n; i++) {
    if (v[i]->ndim != 1)
      return peri_fail(cx, PERI_ERR_SHAPE, "tensor.meshgrid: operand %d is no vector: shape %s", i + 1,
                       peri_shape(v[i]));
    dims[i] = v[i]->dims[0];
  }
  for (int i = 0; i < n; i++) {
    int64_t own[PERI_MAXDIM] = {1, 1, 1, 1, 1, 1};
    own[i] = dims[i];
    peri_tensor *column = peri_reshape(v[i], n, own);
    out[i] = column ? peri_broadcast_to(column, n, dims) : NULL;
    peri_release(column);
    if (!out[i]) return drop(cx, i, out);
  }
  return PERI_OK;
}
