/* index_write.c - writing at positions: scatter, scatter_add, put_along, masked_put.
**
** The counterpart of index.c. Within one outer index the positions are served in their order, always by one task, so
** that of equal positions the last wins (scatter) or the sum is rounded in one order (scatter_add); the pool divides
** outer indices and columns of wide blocks, never positions. Everything is checked and allocated before the first
** element is written.
*/
#include "tensor/index.h"
#include "tensor/example_rules.h"
#include "tensor/shape_rules.h"

enum { COLUMNS = 4096 };

typedef enum { PUT, ADD } manner;
typedef struct {
  double re, im;
} pair;

/* ---- values ---- */

/* `values` with t's dtype and the given shape, contiguous, or as a single element (size 1) that stands for all. */
static peri_tensor *prepare(const char *who, peri_tensor *t, peri_tensor *values, int nd, const int64_t *dims) {
  peri_ctx *cx = t->cx;
  peri_tensor shape = {.cx = cx, .ndim = (uint8_t)nd};
  memcpy(shape.dims, dims, (size_t)nd * sizeof dims[0]);
  bool fits = values->ndim <= nd;
  for (int i = 0; fits && i < values->ndim; i++)
    fits = values->dims[values->ndim - 1 - i] == 1 || values->dims[values->ndim - 1 - i] == dims[nd - 1 - i];
  if (!fits)
    return peri_fail(cx, PERI_ERR_SHAPE, "%s: values of shape %s do not fit into %s", who, peri_shape(values),
                     peri_shape(&shape)),
           NULL;
  if (values->dtype == PERI_C128 && t->dtype != PERI_C128)
    return peri_fail(cx, PERI_ERR_DTYPE, "%s: c128 does not fit into %s; take real(), imag() or abs()", who,
                     peri_dtype_name((peri_dtype)t->dtype)),
           NULL;
  bool as_is = values->dtype == t->dtype && pri_contiguous(values) && pri_owner(values) != pri_owner(t);
  if (as_is && (values->size == 1 || (values->ndim == nd && pri_same_shape(values, &shape))))
    return peri_retain(values);
  peri_tensor *r =
      values->size == 1 ? peri_new(cx, (peri_dtype)t->dtype, 0, NULL) : peri_new(cx, (peri_dtype)t->dtype, nd, dims);
  if (!r) return NULL;
  if (values->size == 1 && values->ndim) {
    peri_tensor one = *values;
    one.ndim = 0;
    pri_copy_into(r, &one);
  } else
    pri_copy_into(r, values);
  return r;
}

/* ---- rows ---- */

#define PUT_ROW(T)                                                                                                     \
  do {                                                                                                                 \
    T *d = (T *)(void *)dst;                                                                                           \
    const T *s = (const T *)(const void *)src;                                                                         \
    for (int64_t i = 0; i < n; i++) d[i * sd] = s[i * ss];                                                             \
  } while (0)
#define ADD_ROW(T)                                                                                                     \
  do {                                                                                                                 \
    T *d = (T *)(void *)dst;                                                                                           \
    const T *s = (const T *)(const void *)src;                                                                         \
    for (int64_t i = 0; i < n; i++) d[i * sd] += s[i * ss];                                                            \
  } while (0)

static void put_row(char *dst, int64_t sd, const char *src, int64_t ss, int64_t n, size_t bytes) {
  if (sd == 1 && ss == 1 && n > 1) {
    memcpy(dst, src, (size_t)n * bytes);
    return;
  }
  switch (bytes) {
  case 1: PUT_ROW(uint8_t); break;
  case 4: PUT_ROW(uint32_t); break;
  case 8: PUT_ROW(uint64_t); break;
  default: PUT_ROW(pair); break;
  }
}

static void add_row(char *dst, int64_t sd, const char *src, int64_t ss, int64_t n, peri_dtype t) {
  switch (t) {
  case PERI_I64: ADD_ROW(uint64_t); break; /* wraps */
  case PERI_F32: ADD_ROW(float); break;
  case PERI_F64: ADD_ROW(double); break;
  case PERI_C128:
    for (int64_t i = 0; i < n; i++) {
      pair *d = (pair *)(void *)dst + i * sd;
      const pair *s = (const pair *)(const void *)src + i * ss;
      d->re += s->re, d->im += s->im;
    }
    break;
  case PERI_BOOL: break; /* refused */
  }
}

/* Where values come from: element i of the selection is at data + i * step * bytes; step is 0 for a single value. */
typedef struct {
  const char *data;
  int64_t step;
} feed;

static feed feed_of(const peri_tensor *values) { return (feed){values->data, values->size != 1}; }

static void write_row(char *dst, int64_t sd, const char *src, int64_t ss, int64_t n, peri_dtype t, manner how) {
  if (how == ADD)
    add_row(dst, sd, src, ss, n, t);
  else
    put_row(dst, sd, src, ss, n, peri_sizeof(t));
}

/* Columns from .. from+n-1 of a block; a block that is not one row is written whole. */
static void write_block(const pri_block *b, char *dst, const char *src, int64_t ss, int64_t from, int64_t n,
                        peri_dtype t, manner how) {
  int64_t bytes = (int64_t)b->bytes, index[PERI_MAXDIM], off[PRI_WALK];
  int last = b->walk.nd - 1;
  int64_t sd = b->walk.strides[0][last];
  if (last == 0) {
    write_row(dst + from * sd * bytes, sd, src + from * ss * bytes, ss, n, t, how);
    return;
  }
  int64_t row = b->walk.dims[last];
  pri_walk_seek(&b->walk, 0, index, off);
  for (int64_t done = 0; done < b->size; done += row) {
    write_row(dst + off[0] * bytes, sd, src + done * ss * bytes, ss, row, t, how);
    pri_walk_next_row(&b->walk, index, off);
  }
}

/* ---- scatter ---- */

typedef struct {
  pri_positions p;
  pri_walk outer;
  pri_block block;
  int64_t stride, columns, parts; /* of the axis; of a task; tasks to an outer index */
  char *dst;
  feed from;
  peri_dtype t;
  manner how;
} scattering;

#define SCATTER(T, op)                                                                                                 \
  do {                                                                                                                 \
    T *d = (T *)(void *)dst;                                                                                           \
    const T *x = (const T *)(const void *)src;                                                                         \
    for (int64_t i = 0; i < s->p.n; i++) d[pri_position(&s->p, s->p.v[i]) * s->stride] op x[i * s->from.step];         \
  } while (0)

/* Blocks of one element, in the common cases. */
static bool scatter_elements(const scattering *s, char *dst, const char *src) {
  if (s->how == PUT && s->block.bytes == 8)
    SCATTER(uint64_t, =);
  else if (s->how == PUT && s->block.bytes == 4)
    SCATTER(uint32_t, =);
  else if (s->how == PUT && s->block.bytes == 1)
    SCATTER(uint8_t, =);
  else if (s->how == ADD && s->t == PERI_F64)
    SCATTER(double, +=);
  else if (s->how == ADD && s->t == PERI_I64)
    SCATTER(uint64_t, +=);
  else if (s->how == ADD && s->t == PERI_F32)
    SCATTER(float, +=);
  else
    return false;
  return true;
}

static void scatter_task(void *ud, int64_t task) {
  const scattering *s = ud;
  int64_t o = task / s->parts, from = task % s->parts * s->columns, n = s->block.size - from;
  int64_t index[PERI_MAXDIM], off[PRI_WALK], bytes = (int64_t)s->block.bytes, block = s->block.size * s->from.step;
  if (n > s->columns) n = s->columns;
  pri_walk_seek(&s->outer, o, index, off);
  char *dst = s->dst + off[0] * bytes;
  const char *src = s->from.data + o * s->p.n * block * bytes;
  if (s->block.size == 1 && scatter_elements(s, dst, src)) return;
  for (int64_t i = 0; i < s->p.n; i++)
    write_block(&s->block, dst + pri_position(&s->p, s->p.v[i]) * s->stride * bytes, src + i * block * bytes,
                s->from.step, from, n, s->t, s->how);
}

static void scatter_into(peri_tensor *t, int axis, const pri_positions *p, const peri_tensor *values, manner how) {
  int64_t strides[1][PERI_MAXDIM];
  scattering s = {.p = *p,
                  .stride = t->strides[axis],
                  .dst = t->data,
                  .from = feed_of(values),
                  .t = (peri_dtype)t->dtype,
                  .how = how};
  memcpy(strides[0], t->strides, sizeof t->strides);
  pri_walk_make(&s.outer, axis, t->dims, 1, strides);
  pri_block_make(&s.block, t, axis + 1);
  s.columns = s.block.walk.nd == 1 ? COLUMNS : s.block.size;
  s.parts = (s.block.size + s.columns - 1) / s.columns;
  pri_parallel(t->cx, s.outer.size * s.parts, scatter_task, &s);
}

static peri_status check_add(const char *who, const peri_tensor *t, const peri_tensor *values) {
  bool loses = t->dtype == PERI_BOOL || (t->dtype == PERI_I64 && values->dtype > PERI_I64) ||
               (t->dtype != PERI_C128 && values->dtype == PERI_C128);
  if (!loses) return PERI_OK;
  return peri_fail(t->cx, PERI_ERR_DTYPE, "%s: sums of %s do not fit into %s", who,
                   peri_dtype_name((peri_dtype)values->dtype), peri_dtype_name((peri_dtype)t->dtype));
}

static peri_status check_contexts(const char *who, const peri_tensor *t, const peri_tensor *at,
                                  const peri_tensor *values) {
  if (at->cx == t->cx && values->cx == t->cx) return PERI_OK;
  return peri_fail(t->cx, PERI_ERR_STATE, "%s: an operand belongs to another context; copy its values across", who);
}

/* fresh: t is a copy that nobody else sees, so it may be written whatever its flags. */
static peri_status scatter(const char *who, peri_tensor *t, int64_t given, peri_tensor *at, peri_tensor *values,
                           peri_origin origin, manner how, bool fresh) {
  pri_positions p;
  int64_t dims[PERI_MAXDIM];
  int nd, axis = pri_axis(who, t, given);
  if (axis < 0 || check_contexts(who, t, at, values) || (how == ADD && check_add(who, t, values)) ||
      pri_replace_axes(who, t, axis, axis + 1, at->ndim, at->dims, &nd, dims))
    return t->cx->code;
  peri_tensor *v = NULL;
  peri_status st = pri_positions_open(&p, who, at, t, axis, origin, true);
  if (!st && !(v = prepare(who, t, values, nd, dims))) st = t->cx->code;
  if (!st && !fresh) st = pri_write_from(who, t, values);
  if (!st && t->size && p.n) scatter_into(t, axis, &p, v, how);
  peri_release(v);
  pri_positions_close(&p);
  return st;
}

/* ---- put_along ---- */

static void put_along_rows(peri_tensor *t, int axis, const pri_positions *p, const peri_tensor *values) {
  int64_t strides[PRI_WALK][PERI_MAXDIM], dims[PERI_MAXDIM], index[PERI_MAXDIM], off[PRI_WALK];
  int64_t bytes = (int64_t)peri_sizeof((peri_dtype)t->dtype);
  pri_walk w;
  memcpy(dims, t->dims, sizeof dims);
  dims[axis] = p->kept->dims[axis];
  memcpy(strides[0], t->strides, sizeof t->strides);
  strides[0][axis] = 0;
  pri_broadcast_strides(p->kept, t->ndim, strides[1]);
  pri_broadcast_strides(values, t->ndim, strides[2]);
  pri_walk_make(&w, t->ndim, dims, 3, strides);
  int last = w.nd - 1;
  pri_walk_seek(&w, 0, index, off);
  for (int64_t done = 0; done < w.size; done += w.dims[last]) {
    for (int64_t i = 0; i < w.dims[last]; i++) {
      int64_t k = pri_position(p, p->v[off[1] + i * w.strides[1][last]]);
      put_row((char *)t->data + (off[0] + i * w.strides[0][last] + k * t->strides[axis]) * bytes, 1,
              (const char *)values->data + (off[2] + i * w.strides[2][last]) * bytes, 1, 1, (size_t)bytes);
    }
    pri_walk_next_row(&w, index, off);
  }
}

static peri_status put_along(const char *who, peri_tensor *t, peri_tensor *at, int64_t given, peri_tensor *values,
                             peri_origin origin, bool fresh) {
  pri_positions p;
  int64_t dims[PERI_MAXDIM];
  int axis = pri_axis(who, t, given);
  if (axis < 0 || check_contexts(who, t, at, values) || pri_along_shape(who, t, at, axis, dims)) return t->cx->code;
  for (int i = 0; i < t->ndim; i++)
    if (i != axis && dims[i] != t->dims[i])
      return peri_fail(t->cx, PERI_ERR_SHAPE, "%s: positions of shape %s do not fit %s off axis %d", who,
                       peri_shape(at), peri_shape(t), axis + 1);
  peri_tensor *v = NULL;
  peri_status st = pri_positions_open(&p, who, at, t, axis, origin, true);
  if (!st && !(v = prepare(who, t, values, t->ndim, dims))) st = t->cx->code;
  if (!st && !fresh) st = pri_write_from(who, t, values);
  if (!st && t->size && p.n) put_along_rows(t, axis, &p, v);
  peri_release(v);
  pri_positions_close(&p);
  return st;
}

/* ---- masked_put ---- */

#define PUT_AT(T)                                                                                                      \
  do {                                                                                                                 \
    T *d = (T *)(void *)dst;                                                                                           \
    const T *x = (const T *)(const void *)from.data;                                                                   \
    for (int64_t i = 0; i < m; i++) d[offsets[i]] = x[i * from.step];                                                  \
  } while (0)

static void put_elements(char *dst, const int64_t *offsets, int64_t m, feed from, size_t bytes) {
  switch (bytes) {
  case 1: PUT_AT(uint8_t); break;
  case 4: PUT_AT(uint32_t); break;
  case 8: PUT_AT(uint64_t); break;
  default: PUT_AT(pair); break;
  }
}

static void put_masked(peri_tensor *t, int axes, const pri_mask *m, feed from) {
  pri_block block;
  int64_t bytes = (int64_t)peri_sizeof((peri_dtype)t->dtype);
  pri_block_make(&block, t, axes);
  if (block.size == 1)
    put_elements(t->data, m->offsets, m->n, from, (size_t)bytes);
  else
    for (int64_t i = 0; i < m->n; i++)
      write_block(&block, (char *)t->data + m->offsets[i] * bytes, from.data + i * block.size * from.step * bytes,
                  from.step, 0, block.size, (peri_dtype)t->dtype, PUT);
}

static peri_status masked_put(const char *who, peri_tensor *t, peri_tensor *mask, peri_tensor *values, bool fresh) {
  pri_mask m;
  int64_t dims[PERI_MAXDIM];
  int nd;
  if (check_contexts(who, t, mask, values)) return t->cx->code;
  peri_tensor *v = NULL;
  peri_status st = pri_mask_open(&m, who, t, mask);
  if (!st) st = pri_replace_axes(who, t, 0, mask->ndim, 1, &m.n, &nd, dims);
  if (!st && !(v = prepare(who, t, values, nd, dims))) st = t->cx->code;
  if (!st && !fresh) st = pri_write_from(who, t, values);
  if (!st && t->size) put_masked(t, mask->ndim, &m, feed_of(v));
  peri_release(v);
  pri_mask_close(&m, t->cx);
  return st;
}

/* ---- primitives: the same into a copy ---- */

static peri_tensor *copy_of(const peri_tensor *t) {
  peri_tensor *r = peri_new(t->cx, (peri_dtype)t->dtype, t->ndim, t->dims);
  if (r) pri_copy_into(r, t);
  return r;
}

static peri_status give(peri_tensor *r, peri_status st, peri_tensor **out) {
  if (st)
    peri_release(r);
  else
    out[0] = r;
  return st;
}

static peri_status run_scatter(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *r = copy_of(in[0]);
  if (!r) return in[0]->cx->code;
  return give(r, scatter(op->name, r, args->i[0], in[1], in[2], (peri_origin)args->i[1], (manner)args->i[2], true),
              out);
}

static peri_status run_put_along(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *r = copy_of(in[0]);
  if (!r) return in[0]->cx->code;
  return give(r, put_along(op->name, r, in[1], args->i[0], in[2], (peri_origin)args->i[1], true), out);
}

static peri_status run_masked_put(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)args;
  peri_tensor *r = copy_of(in[0]);
  if (!r) return in[0]->cx->code;
  return give(r, masked_put(op->name, r, in[1], in[2], true), out);
}

static const peri_op op_scatter = {.name = "tensor.scatter",
                                   .arity = 3,
                                   .outputs = 1,
                                   .result = PERI_RESULT_OWN,
                                   .run = run_scatter,
                                   .vjp = pri_vjp_scatter,
                                   .samples = "any, positions, any",
                                   .signature = "x:scatter(indices, values[, axis])",
                                   .help =
                                       "A copy with layers replaced at these indices; of equal indices the last wins."};
static const peri_op op_scatter_add = {
    .name = "tensor.scatter_add",
    .arity = 3,
    .outputs = 1,
    .result = PERI_RESULT_OWN,
    .run = run_scatter,
    .vjp = pri_vjp_scatter_add,
    .samples = "any, positions, any",
    .signature = "x:scatter_add(indices, values[, axis])",
    .help = "A copy with values added to the layers at these indices; equal indices add up."};
static const peri_op op_put_along = {.name = "tensor.put_along",
                                     .arity = 3,
                                     .outputs = 1,
                                     .result = PERI_RESULT_OWN,
                                     .run = run_put_along,
                                     .vjp = pri_vjp_put_along,
                                     .per_example = &pri_examples_along,
                                     .samples = "any, positions, any",
                                     .signature = "x:put_along(indices, axis, values)",
                                     .help = "A copy with the elements replaced that take_along would read."};
static const peri_op op_masked_put = {.name = "tensor.masked_put",
                                      .arity = 3,
                                      .outputs = 1,
                                      .result = PERI_RESULT_OWN,
                                      .run = run_masked_put,
                                      .vjp = pri_vjp_masked_put,
                                      .per_example = &pri_examples_mask,
                                      .samples = "any, mask, any",
                                      .signature = "x:masked_put(mask, values)",
                                      .help =
                                          "A copy with the layers replaced where the mask is true; a number fills."};

peri_tensor *peri_scatter(peri_tensor *t, int axis, peri_tensor *at, peri_tensor *values, peri_origin origin) {
  return peri_apply(&op_scatter, (peri_tensor *[]){t, at, values}, &(peri_args){.i = {axis, origin, PUT}});
}

peri_tensor *peri_scatter_add(peri_tensor *t, int axis, peri_tensor *at, peri_tensor *values, peri_origin origin) {
  return peri_apply(&op_scatter_add, (peri_tensor *[]){t, at, values}, &(peri_args){.i = {axis, origin, ADD}});
}

peri_tensor *peri_put_along(peri_tensor *t, peri_tensor *at, int axis, peri_tensor *values, peri_origin origin) {
  return peri_apply(&op_put_along, (peri_tensor *[]){t, at, values}, &(peri_args){.i = {axis, origin}});
}

peri_tensor *peri_masked_put(peri_tensor *t, peri_tensor *mask, peri_tensor *values) {
  return peri_apply(&op_masked_put, (peri_tensor *[]){t, mask, values}, NULL);
}

peri_status peri_scatter_(peri_tensor *t, int axis, peri_tensor *at, peri_tensor *values, peri_origin origin) {
  return scatter("tensor.scatter_", t, axis, at, values, origin, PUT, false);
}

peri_status peri_scatter_add_(peri_tensor *t, int axis, peri_tensor *at, peri_tensor *values, peri_origin origin) {
  return scatter("tensor.scatter_add_", t, axis, at, values, origin, ADD, false);
}

peri_status peri_put_along_(peri_tensor *t, peri_tensor *at, int axis, peri_tensor *values, peri_origin origin) {
  return put_along("tensor.put_along_", t, at, axis, values, origin, false);
}

peri_status peri_masked_put_(peri_tensor *t, peri_tensor *mask, peri_tensor *values) {
  return masked_put("tensor.masked_put_", t, mask, values, false);
}

/* ---- one element ---- */

static peri_status set_element(peri_tensor *t, int64_t k, peri_dtype from, const void *value) {
  double cast[2];
  int64_t offset = 0;
  if (pri_write("tensor", t)) return t->cx->code;
  for (int i = t->ndim - 1; i >= 0; i--) {
    offset += k % t->dims[i] * t->strides[i];
    k /= t->dims[i];
  }
  size_t bytes = peri_sizeof((peri_dtype)t->dtype);
  t->cx->k->cast[t->dtype][from](cast, value, 1);
  memcpy((char *)t->data + offset * (int64_t)bytes, cast, bytes);
  return PERI_OK;
}

peri_status peri_set_(peri_tensor *t, int64_t k, double value) { return set_element(t, k, PERI_F64, &value); }
peri_status peri_set_i64_(peri_tensor *t, int64_t k, int64_t value) { return set_element(t, k, PERI_I64, &value); }
