/* index.c - reading at positions: gather, take_along, masks.
**
** A gather along axis a sees its operand as (outer, n, block): for every outer index and every position it copies
** one block, the axes behind a. Positions are checked in one pass before anything is allocated, then turned into
** offsets a few hundred at a time; contiguous blocks go by memcpy, single elements through a typed loop.
*/
#include "tensor/index.h"
#include "tensor/example_rules.h"
#include "tensor/shape_rules.h"

enum { BATCH = 256, CHUNK = 1 << 16 };

/* ---- positions ---- */

static peri_status outside(const pri_positions *p, const char *who, int axis, peri_ctx *cx) {
  for (int64_t i = 0; i < p->n; i++)
    if ((uint64_t)pri_position(p, p->v[i]) >= (uint64_t)p->dim)
      return peri_fail(cx, PERI_ERR_INDEX, "%s: index %lld (number %lld) lies outside axis %d, which has length %lld",
                       who, (long long)p->v[i], (long long)i + p->origin, axis + 1, (long long)p->dim);
  return PERI_OK;
}

peri_status pri_positions_open(pri_positions *p, const char *who, peri_tensor *at, peri_tensor *t, int axis,
                               peri_origin origin, bool apart) {
  p->kept = NULL;
  if (at->dtype != PERI_I64)
    return peri_fail(t->cx, PERI_ERR_DTYPE, "%s: positions must be i64, got %s; cast them", who,
                     peri_dtype_name((peri_dtype)at->dtype));
  p->kept = apart && pri_owner(at) == pri_owner(t) ? peri_clone(at) : peri_contiguous(at);
  if (!p->kept) return t->cx->code;
  p->v = p->kept->data;
  p->n = at->size;
  p->dim = t->dims[axis];
  p->origin = origin;
  p->wrap = origin == PERI_FROM_1 ? p->dim + 1 : 0;
  uint64_t bad = 0;
  for (int64_t i = 0; i < p->n; i++) bad |= (uint64_t)pri_position(p, p->v[i]) >= (uint64_t)p->dim;
  return bad ? outside(p, who, axis, t->cx) : PERI_OK;
}

void pri_block_make(pri_block *b, const peri_tensor *t, int first) {
  int64_t strides[1][PERI_MAXDIM];
  for (int i = first; i < t->ndim; i++) strides[0][i - first] = t->strides[i];
  pri_walk_make(&b->walk, t->ndim - first, t->dims + first, 1, strides);
  b->size = b->walk.size;
  b->bytes = peri_sizeof((peri_dtype)t->dtype);
}

peri_status pri_replace_axes(const char *who, const peri_tensor *t, int first, int last, int nd_by, const int64_t *by,
                             int *nd, int64_t *dims) {
  *nd = t->ndim - (last - first) + nd_by;
  if (*nd > PERI_MAXDIM)
    return peri_fail(t->cx, PERI_ERR_SHAPE, "%s: the result would have %d axes; at most %d are supported", who, *nd,
                     PERI_MAXDIM);
  memcpy(dims, t->dims, (size_t)first * sizeof dims[0]);
  memcpy(dims + first, by, (size_t)nd_by * sizeof dims[0]);
  memcpy(dims + first + nd_by, t->dims + last, (size_t)(t->ndim - last) * sizeof dims[0]);
  return PERI_OK;
}

/* ---- copying blocks ---- */

#define TAKE(T)                                                                                                        \
  do {                                                                                                                 \
    T *d = (T *)(void *)dst;                                                                                           \
    const T *s = (const T *)(const void *)src;                                                                         \
    for (int64_t i = 0; i < m; i++) d[i] = s[offsets[i]];                                                              \
  } while (0)

typedef struct {
  double re, im;
} pair;

static void take_elements(char *dst, const char *src, const int64_t *offsets, int64_t m, size_t bytes) {
  switch (bytes) {
  case 1: TAKE(uint8_t); break;
  case 4: TAKE(uint32_t); break;
  case 8: TAKE(uint64_t); break;
  default: TAKE(pair); break;
  }
}

static void take_strided(const pri_block *b, char *dst, const char *src) {
  int last = b->walk.nd - 1;
  int64_t index[PERI_MAXDIM], off[PRI_WALK], n = b->walk.dims[last];
  pri_walk_seek(&b->walk, 0, index, off);
  for (int64_t done = 0; done < b->size; done += n) {
    pri_gather(dst + done * (int64_t)b->bytes, src + off[0] * (int64_t)b->bytes, b->walk.strides[0][last], n, b->bytes);
    pri_walk_next_row(&b->walk, index, off);
  }
}

/* dst[i] = the block of src at offsets[i], in elements; dst is contiguous. */
static void take_blocks(const pri_block *b, char *dst, const char *src, const int64_t *offsets, int64_t m) {
  int64_t bytes = (int64_t)b->bytes, length = b->size * bytes;
  if (b->size == 1)
    take_elements(dst, src, offsets, m, b->bytes);
  else if (b->walk.nd == 1 && b->walk.strides[0][0] == 1)
    for (int64_t i = 0; i < m; i++) memcpy(dst + i * length, src + offsets[i] * bytes, (size_t)length);
  else
    for (int64_t i = 0; i < m; i++) take_strided(b, dst + i * length, src + offsets[i] * bytes);
}

/* ---- gather ---- */

typedef struct {
  const peri_ctx *cx;
  pri_positions p;
  pri_walk outer;
  pri_block block;
  int64_t stride, picks, per_task; /* of the axis; blocks of the whole result, of a task */
  char *dst;
  const char *src;
} gathering;

static void gather_task(void *ud, int64_t task) {
  const gathering *g = ud;
  int64_t k = task * g->per_task, to = k + g->per_task < g->picks ? k + g->per_task : g->picks;
  int64_t index[PERI_MAXDIM], off[PRI_WALK], offsets[BATCH], bytes = (int64_t)g->block.bytes;
  if (pri_stopped(g->cx)) return;
  while (k < to) {
    int64_t o = k / g->p.n, i = k % g->p.n, m = g->p.n - i;
    if (m > to - k) m = to - k;
    if (m > BATCH) m = BATCH;
    pri_walk_seek(&g->outer, o, index, off);
    for (int64_t j = 0; j < m; j++) offsets[j] = off[0] + pri_position(&g->p, g->p.v[i + j]) * g->stride;
    take_blocks(&g->block, g->dst + k * g->block.size * bytes, g->src, offsets, m);
    k += m;
  }
}

static void gather_into(peri_tensor *r, const peri_tensor *t, int axis, const pri_positions *p) {
  int64_t strides[1][PERI_MAXDIM];
  gathering g = {.cx = t->cx, .p = *p, .stride = t->strides[axis], .dst = r->data, .src = t->data};
  memcpy(strides[0], t->strides, sizeof t->strides);
  pri_walk_make(&g.outer, axis, t->dims, 1, strides);
  pri_block_make(&g.block, t, axis + 1);
  g.picks = g.outer.size * p->n;
  g.per_task = CHUNK / g.block.size > 0 ? CHUNK / g.block.size : 1;
  pri_parallel(t->cx, (g.picks + g.per_task - 1) / g.per_task, gather_task, &g);
}

static peri_status finished(peri_tensor *r, peri_tensor **out) {
  if (peri_check_interrupt(r->cx)) {
    peri_status st = r->cx->code;
    peri_release(r);
    return st;
  }
  out[0] = r;
  return PERI_OK;
}

static peri_status run_gather(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *t = in[0], *at = in[1], *r = NULL;
  peri_ctx *cx = t->cx;
  pri_positions p;
  int64_t dims[PERI_MAXDIM];
  int nd, axis = pri_axis(op->name, t, args->i[0]);
  if (axis < 0 || pri_replace_axes(op->name, t, axis, axis + 1, at->ndim, at->dims, &nd, dims)) return cx->code;
  peri_status st = pri_positions_open(&p, op->name, at, t, axis, (peri_origin)args->i[1], false);
  if (!st && !(r = peri_new(cx, (peri_dtype)t->dtype, nd, dims))) st = cx->code;
  if (!st && r->size) gather_into(r, t, axis, &p);
  pri_positions_close(&p);
  return st ? st : finished(r, out);
}

static const peri_op op_gather = {.name = "tensor.gather",
                                  .arity = 2,
                                  .outputs = 1,
                                  .result = PERI_RESULT_OWN,
                                  .run = run_gather,
                                  .vjp = pri_vjp_gather,
                                  .per_example = &pri_examples_gather,
                                  .samples = "any, positions",
                                  .signature = "x:gather(indices[, axis])",
                                  .help =
                                      "The layers at these indices along an axis, by default the first: x[indices]."};

peri_tensor *peri_gather(peri_tensor *t, int axis, peri_tensor *at, peri_origin origin) {
  return peri_apply(&op_gather, (peri_tensor *[]){t, at}, &(peri_args){.i = {axis, origin}});
}

/* ---- take_along ---- */

peri_status pri_along_shape(const char *who, const peri_tensor *t, const peri_tensor *at, int axis, int64_t *dims) {
  bool ok = at->ndim == t->ndim;
  for (int i = 0; ok && i < t->ndim; i++) {
    ok = i == axis || at->dims[i] == t->dims[i] || at->dims[i] == 1 || t->dims[i] == 1;
    dims[i] = i == axis || t->dims[i] == 1 ? at->dims[i] : t->dims[i];
  }
  if (ok) return PERI_OK;
  return peri_fail(t->cx, PERI_ERR_SHAPE, "%s: positions of shape %s do not fit %s off axis %d", who, peri_shape(at),
                   peri_shape(t), axis + 1);
}

typedef struct {
  const peri_ctx *cx;
  pri_positions p;
  pri_walk walk; /* result, positions, operand without its axis */
  int64_t stride;
  size_t bytes;
  char *dst;
  const char *src;
} along;

#define ALONG(T)                                                                                                       \
  do {                                                                                                                 \
    T *d = (T *)(void *)a->dst + off[0];                                                                               \
    const T *s = (const T *)(const void *)a->src + off[2];                                                             \
    for (int64_t i = 0; i < n; i++) d[i * sd] = s[i * ss + pri_position(&a->p, v[i * sv]) * a->stride];                \
  } while (0)

static void along_row(const along *a, const int64_t *off, int64_t n) {
  int last = a->walk.nd - 1;
  int64_t sd = a->walk.strides[0][last], sv = a->walk.strides[1][last], ss = a->walk.strides[2][last];
  const int64_t *v = a->p.v + off[1];
  switch (a->bytes) {
  case 1: ALONG(uint8_t); break;
  case 4: ALONG(uint32_t); break;
  case 8: ALONG(uint64_t); break;
  default: ALONG(pair); break;
  }
}

static void along_task(void *ud, int64_t task) {
  const along *a = ud;
  int last = a->walk.nd - 1;
  int64_t k = task * CHUNK, to = k + CHUNK < a->walk.size ? k + CHUNK : a->walk.size, index[PERI_MAXDIM], off[PRI_WALK];
  if (pri_stopped(a->cx)) return;
  pri_walk_seek(&a->walk, k, index, off);
  while (k < to) {
    int64_t m = a->walk.dims[last] - index[last];
    if (m > to - k) m = to - k;
    along_row(a, off, m);
    k += m;
    for (int i = 0; i < 3; i++) off[i] -= index[last] * a->walk.strides[i][last];
    index[last] = 0;
    if (k < to) pri_walk_next_row(&a->walk, index, off);
  }
}

static void along_into(peri_tensor *r, const peri_tensor *t, int axis, const pri_positions *p) {
  int64_t strides[PRI_WALK][PERI_MAXDIM];
  along a = {.cx = t->cx,
             .p = *p,
             .stride = t->strides[axis],
             .bytes = peri_sizeof((peri_dtype)t->dtype),
             .dst = r->data,
             .src = t->data};
  memcpy(strides[0], r->strides, sizeof r->strides);
  pri_broadcast_strides(p->kept, r->ndim, strides[1]);
  pri_broadcast_strides(t, r->ndim, strides[2]);
  strides[2][axis] = 0;
  pri_walk_make(&a.walk, r->ndim, r->dims, 3, strides);
  pri_parallel(t->cx, (a.walk.size + CHUNK - 1) / CHUNK, along_task, &a);
}

static peri_status run_take_along(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *t = in[0], *at = in[1], *r = NULL;
  peri_ctx *cx = t->cx;
  pri_positions p;
  int64_t dims[PERI_MAXDIM];
  int axis = pri_axis(op->name, t, args->i[0]);
  if (axis < 0 || pri_along_shape(op->name, t, at, axis, dims)) return cx->code;
  peri_status st = pri_positions_open(&p, op->name, at, t, axis, (peri_origin)args->i[1], false);
  if (!st && !(r = peri_new(cx, (peri_dtype)t->dtype, t->ndim, dims))) st = cx->code;
  if (!st && r->size) along_into(r, t, axis, &p);
  pri_positions_close(&p);
  return st ? st : finished(r, out);
}

static const peri_op op_take_along = {
    .name = "tensor.take_along",
    .arity = 2,
    .outputs = 1,
    .result = PERI_RESULT_OWN,
    .run = run_take_along,
    .vjp = pri_vjp_take_along,
    .per_example = &pri_examples_along,
    .samples = "any, positions",
    .signature = "x:take_along(indices, axis)",
    .help = "One element of x per index, looked up along an axis; undoes argsort: x:take_along(x:argsort(1), 1)."};

peri_tensor *peri_take_along(peri_tensor *t, peri_tensor *at, int axis, peri_origin origin) {
  return peri_apply(&op_take_along, (peri_tensor *[]){t, at}, &(peri_args){.i = {axis, origin}});
}

/* ---- masks ---- */

static peri_status check_mask(const char *who, const peri_tensor *t, const peri_tensor *mask) {
  if (mask->dtype != PERI_BOOL)
    return peri_fail(t->cx, PERI_ERR_DTYPE, "%s: a mask must be bool, got %s", who,
                     peri_dtype_name((peri_dtype)mask->dtype));
  if (mask->ndim <= t->ndim && memcmp(mask->dims, t->dims, mask->ndim * sizeof t->dims[0]) == 0) return PERI_OK;
  return peri_fail(t->cx, PERI_ERR_SHAPE, "%s: a mask of shape %s does not cover the leading axes of %s", who,
                   peri_shape(mask), peri_shape(t));
}

/* Calls for the rows of the mask; each appends the offsets of its true elements without a branch: offsets has one
** place to spare. */
static void mask_rows(const pri_walk *w, const uint8_t *mask, int64_t *offsets) {
  int last = w->nd - 1;
  int64_t index[PERI_MAXDIM], off[PRI_WALK], n = w->dims[last], sm = w->strides[0][last], st = w->strides[1][last],
                                             count = 0;
  pri_walk_seek(w, 0, index, off);
  for (int64_t done = 0; done < w->size; done += n) {
    const uint8_t *row = mask + off[0];
    for (int64_t i = 0; i < n; i++) {
      offsets[count] = off[1] + i * st;
      count += row[i * sm] != 0;
    }
    pri_walk_next_row(w, index, off);
  }
}

static int64_t mask_count(const pri_walk *w, const uint8_t *mask) {
  int last = w->nd - 1;
  int64_t index[PERI_MAXDIM], off[PRI_WALK], n = w->dims[last], sm = w->strides[0][last], count = 0;
  pri_walk_seek(w, 0, index, off);
  for (int64_t done = 0; done < w->size; done += n) {
    for (int64_t i = 0; i < n; i++) count += mask[off[0] + i * sm] != 0;
    pri_walk_next_row(w, index, off);
  }
  return count;
}

static size_t mask_bytes(const pri_mask *m) { return (size_t)(m->n + 1) * sizeof(int64_t); }

peri_status pri_mask_open(pri_mask *m, const char *who, const peri_tensor *t, const peri_tensor *mask) {
  int64_t strides[PRI_WALK][PERI_MAXDIM];
  pri_walk w;
  m->offsets = NULL;
  m->n = 0;
  if (check_mask(who, t, mask)) return t->cx->code;
  memcpy(strides[0], mask->strides, sizeof mask->strides);
  memcpy(strides[1], t->strides, sizeof t->strides);
  pri_walk_make(&w, mask->ndim, mask->dims, 2, strides);
  if (mask->size) m->n = mask_count(&w, mask->data);
  m->offsets = peri_alloc(t->cx, mask_bytes(m));
  if (!m->offsets) return t->cx->code;
  if (mask->size) mask_rows(&w, mask->data, m->offsets);
  return PERI_OK;
}

void pri_mask_close(pri_mask *m, peri_ctx *cx) { peri_free(cx, m->offsets, mask_bytes(m)); }

typedef struct {
  const peri_ctx *cx;
  pri_mask mask;
  pri_block block;
  int64_t per_task;
  char *dst;
  const char *src;
} selecting;

static void select_task(void *ud, int64_t task) {
  const selecting *s = ud;
  int64_t k = task * s->per_task, m = s->mask.n - k < s->per_task ? s->mask.n - k : s->per_task;
  if (pri_stopped(s->cx)) return;
  take_blocks(&s->block, s->dst + k * s->block.size * (int64_t)s->block.bytes, s->src, s->mask.offsets + k, m);
}

static void select_into(peri_tensor *r, const peri_tensor *t, int axes, const pri_mask *mask) {
  selecting s = {.cx = t->cx, .mask = *mask, .dst = r->data, .src = t->data};
  pri_block_make(&s.block, t, axes);
  s.per_task = CHUNK / s.block.size > 0 ? CHUNK / s.block.size : 1;
  pri_parallel(t->cx, (mask->n + s.per_task - 1) / s.per_task, select_task, &s);
}

static peri_status run_masked_select(const peri_op *op, peri_tensor *const *in, const peri_args *args,
                                     peri_tensor **out) {
  (void)args;
  peri_tensor *t = in[0], *r = NULL;
  peri_ctx *cx = t->cx;
  pri_mask mask;
  int64_t dims[PERI_MAXDIM];
  int nd, axes = in[1]->ndim;
  peri_status st = pri_mask_open(&mask, op->name, t, in[1]);
  if (!st) st = pri_replace_axes(op->name, t, 0, axes, 1, &mask.n, &nd, dims);
  if (!st && !(r = peri_new(cx, (peri_dtype)t->dtype, nd, dims))) st = cx->code;
  if (!st && r->size) select_into(r, t, axes, &mask);
  pri_mask_close(&mask, cx);
  return st ? st : finished(r, out);
}

static const peri_op op_masked_select = {.name = "tensor.masked_select",
                                         .arity = 2,
                                         .outputs = 1,
                                         .result = PERI_RESULT_OWN,
                                         .run = run_masked_select,
                                         .vjp = pri_vjp_masked_select,
                                         .samples = "any, mask",
                                         .signature = "x:masked_select(mask)",
                                         .help =
                                             "The layers where a bool tensor over the leading axes is true: x[mask]."};

peri_tensor *peri_masked_select(peri_tensor *t, peri_tensor *mask) {
  return peri_apply(&op_masked_select, (peri_tensor *[]){t, mask}, NULL);
}

/* ---- nonzero ---- */

/* Coordinates, counted from origin, of the true elements of a contiguous mask of at least one axis. */
static void coordinates(const peri_tensor *mask, int64_t origin, int64_t *r) {
  int nd = mask->ndim;
  const uint8_t *m = mask->data;
  int64_t index[PERI_MAXDIM] = {0}, n = mask->dims[nd - 1];
  for (int64_t done = 0; done < mask->size; done += n) {
    for (int64_t i = 0; i < n; i++) {
      if (!m[done + i]) continue;
      for (int a = 0; a < nd - 1; a++) *r++ = index[a] + origin;
      *r++ = i + origin;
    }
    for (int a = nd - 2; a >= 0; a--) {
      if (++index[a] < mask->dims[a]) break;
      index[a] = 0;
    }
  }
}

static int64_t count_true(const peri_tensor *mask) {
  const uint8_t *m = mask->data;
  int64_t n = 0;
  for (int64_t i = 0; i < mask->size; i++) n += m[i] != 0;
  return n;
}

static peri_status run_nonzero(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_ctx *cx = in[0]->cx;
  if (in[0]->ndim == 0)
    return peri_fail(cx, PERI_ERR_SHAPE, "%s: a scalar has no positions; unsqueeze it first", op->name);
  peri_tensor *mask = peri_new(cx, PERI_BOOL, in[0]->ndim, in[0]->dims), *r = NULL;
  if (!mask) return cx->code;
  pri_copy_into(mask, in[0]);
  r = peri_new(cx, PERI_I64, mask->ndim == 1 ? 1 : 2, (int64_t[]){count_true(mask), mask->ndim});
  if (r) coordinates(mask, args->i[0], r->data);
  peri_release(mask);
  return r ? finished(r, out) : cx->code;
}

static const peri_op op_nonzero = {
    .name = "tensor.nonzero",
    .arity = 1,
    .outputs = 1,
    .result = PERI_RESULT_OWN,
    .run = run_nonzero,
    .samples = "any",
    .signature = "x:nonzero()",
    .help = "Indices of the elements that are not zero: (k) of a vector, (k, ndim) otherwise."};

peri_tensor *peri_nonzero(peri_tensor *t, peri_origin origin) {
  return peri_apply(&op_nonzero, &t, &(peri_args){.i = {origin}});
}
