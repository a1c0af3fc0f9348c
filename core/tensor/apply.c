/* apply.c - how every primitive runs; the engine behind the elementwise ones.
**
** An elementwise primitive computes in one dtype (the promoted one of its operands), row by row of the broadcast shape. Operands
** that are contiguous or constant along a row and of that dtype go to the kernel as they are; others are gathered and cast
** through blocks of BLOCK elements on the stack. Long results are split over the pool in chunks of CHUNK elements, a partition
** that depends on the size alone; elementwise results do not depend on the partition at all.
*/
#include "tensor/tensor.h"

enum { BLOCK = 1024, CHUNK = 1 << 16, SCALAR_CHUNK = 1024 };

typedef union { double f64[2 * BLOCK]; unsigned char bytes[16 * BLOCK]; } block;

typedef struct {
  const pri_kernels *k;
  const peri_op *op;
  const peri_ctx *cx;             /* for its stop flag */
  pri_walk walk;                  /* operand 0 is the result */
  char *data[PRI_WALK];
  peri_dtype has[PRI_WALK], wants[PRI_WALK];
  int arity, map;
  peri_dtype compute;
  bool stoppable;
} sweep;

static bool defined_for(const pri_kernels *k, int arity, int map, peri_dtype t) {
  if (map == PERI_MAP_SCALAR) return pri_is_float(t);
  switch (arity) {
  case 1: return k->map1[map][t];
  case 2: return k->map2[map][t];
  default: return k->map3[map][t];
  }
}

/* Operand strides are 0 or 1; a result may be an operand. */
#define SCALAR_LOOP(T)                                                                                                  \
  static void scalar_loop_##T(const peri_op *op, T *r, const T *a, int64_t sa, const T *b, int64_t sb, const T *c, int64_t sc, int64_t n) { \
    switch (op->arity) {                                                                                                \
    case 1: for (int64_t i = 0; i < n; i++) r[i] = (T)op->scalar.of1(a[i * sa]); break;                                 \
    case 2: for (int64_t i = 0; i < n; i++) r[i] = (T)op->scalar.of2(a[i * sa], b[i * sb]); break;                      \
    default: for (int64_t i = 0; i < n; i++) r[i] = (T)op->scalar.of3(a[i * sa], b[i * sb], c[i * sc]); break;          \
    }                                                                                                                   \
  }
SCALAR_LOOP(double)
SCALAR_LOOP(float)

static void call_scalar(const peri_op *op, peri_dtype t, void *r, void *const *x, const int64_t *stride, int64_t n) {
  const void *b = op->arity > 1 ? x[2] : NULL, *c = op->arity > 2 ? x[3] : NULL;
  if (t == PERI_F32) scalar_loop_float(op, r, x[1], stride[1], b, stride[2], c, stride[3], n);
  else scalar_loop_double(op, r, x[1], stride[1], b, stride[2], c, stride[3], n);
}

static inline void call(const sweep *s, void *r, void **x, const int64_t *stride, int64_t n) {
  if (s->map == PERI_MAP_SCALAR) {
    call_scalar(s->op, s->compute, r, x, stride, n);
    return;
  }
  switch (s->arity) {
  case 1: s->k->map1[s->map][s->compute](r, x[1], n); break;
  case 2: s->k->map2[s->map][s->compute](r, x[1], stride[1], x[2], stride[2], n); break;
  default: s->k->map3[s->map][s->compute](r, x[1], stride[1], x[2], stride[2], x[3], stride[3], n); break;
  }
}

/* Operand i at `at`, n elements with the given stride, as the kernel wants it: pointer and stride 0 or 1. */
static void *fetch(const sweep *s, int i, char *at, int64_t *stride, int64_t n, block *native, block *cast) {
  size_t bytes = peri_sizeof(s->has[i]);
  void *p = at;
  if (*stride == 0 && s->arity > 1) n = 1;
  else if (*stride != 1) { /* a map1 kernel has no stride: a constant row is written out */
    pri_gather(native, at, *stride, n, bytes);
    p = native;
    *stride = 1;
  }
  if (s->has[i] == s->wants[i]) return p;
  s->k->cast[s->wants[i]][s->has[i]](cast, p, n);
  return cast;
}

static bool direct(const sweep *s, int i, int64_t stride) {
  return s->has[i] == s->wants[i] && (stride == 1 || (i > 0 && stride == 0));
}

/* n elements of one row; at[i] is where operand i starts. */
static void run_row(const sweep *s, char **at, const int64_t *row_stride, int64_t n) {
  int64_t stride[PRI_WALK];
  memcpy(stride, row_stride, sizeof stride);
  if (n == 1)
    for (int i = 0; i <= s->arity; i++) stride[i] = 1;
  bool plain = s->arity > 1 || stride[1] == 1;
  for (int i = 0; i <= s->arity && plain; i++) plain = direct(s, i, stride[i]);
  if (plain) {
    call(s, at[0], (void **)at, stride, n);
    return;
  }
  block native[PRI_WALK], cast[PRI_WALK];
  for (int64_t done = 0; done < n; done += BLOCK) {
    int64_t m = n - done < BLOCK ? n - done : BLOCK;
    void *x[PRI_WALK];
    for (int i = 1; i <= s->arity; i++) {
      stride[i] = row_stride[i];
      char *from = at[i] + done * row_stride[i] * (int64_t)peri_sizeof(s->has[i]);
      x[i] = fetch(s, i, from, &stride[i], m, native + i, cast + i);
    }
    char *to = at[0] + done * row_stride[0] * (int64_t)peri_sizeof(s->has[0]);
    if (direct(s, 0, row_stride[0])) {
      call(s, to, x, stride, m);
      continue;
    }
    call(s, cast, x, stride, m);
    void *result = cast;
    if (s->has[0] != s->wants[0]) s->k->cast[s->has[0]][s->wants[0]](native, cast, m), result = native;
    pri_scatter(to, row_stride[0], result, m, peri_sizeof(s->has[0]));
  }
}

/* Elements from..to-1 in C order. */
static void run_range(const sweep *s, int64_t from, int64_t to) {
  const pri_walk *w = &s->walk;
  int64_t index[PERI_MAXDIM], offsets[PRI_WALK], row_stride[PRI_WALK] = {0};
  int last = w->nd - 1;
  pri_walk_seek(w, from, index, offsets);
  for (int i = 0; i < w->n; i++) row_stride[i] = w->strides[i][last];
  while (from < to) {
    int64_t left = w->dims[last] - index[last], m = to - from < left ? to - from : left;
    char *at[PRI_WALK];
    for (int i = 0; i < w->n; i++) at[i] = s->data[i] + offsets[i] * (int64_t)peri_sizeof(s->has[i]);
    run_row(s, at, row_stride, m);
    from += m;
    if (from == to) return;
    for (int i = 0; i < w->n; i++) offsets[i] -= index[last] * row_stride[i];
    index[last] = 0;
    pri_walk_next_row(w, index, offsets);
  }
}

static inline int64_t chunk_of(int map) { return map == PERI_MAP_SCALAR ? SCALAR_CHUNK : CHUNK; }

static void chunk_task(void *ud, int64_t i) {
  const sweep *s = ud;
  if (s->stoppable && pri_stopped(s->cx)) return;
  int64_t chunk = chunk_of(s->map), from = i * chunk, to = from + chunk;
  run_range(s, from, to < s->walk.size ? to : s->walk.size);
}

static void run_sweep(peri_ctx *cx, sweep *s) {
  if (s->walk.size == 0) return;
  int64_t chunk = chunk_of(s->map);
  if (s->walk.size <= chunk) run_range(s, 0, s->walk.size);
  else pri_parallel(cx, (s->walk.size + chunk - 1) / chunk, chunk_task, s);
}

/* ---- what a call means: dtypes and shapes ---- */

static inline bool is_where(const peri_op *op) { return op->arity == 3 && op->map == PRI_MAP3_where; }

static peri_dtype compute_dtype(const peri_op *op, peri_tensor *const *in) {
  int i = is_where(op); /* its condition has no say */
  peri_dtype t = (peri_dtype)in[i]->dtype;
  bool weak = in[i]->flags & PERI_WEAK;
  for (i++; i < op->arity; i++) {
    t = pri_promote(t, weak, (peri_dtype)in[i]->dtype, in[i]->flags & PERI_WEAK);
    weak &= (in[i]->flags & PERI_WEAK) != 0;
  }
  if (op->result == PERI_RESULT_FLOAT && t < PERI_F32) return PERI_F64;
  if (op->result == PERI_RESULT_NUMERIC && t == PERI_BOOL) return PERI_I64;
  if (op->result == PERI_RESULT_COMPLEX) return PERI_F64;
  return t;
}

static peri_dtype result_dtype(const peri_op *op, peri_dtype compute) {
  switch ((peri_result)op->result) {
  case PERI_RESULT_BOOL: return PERI_BOOL;
  case PERI_RESULT_REAL: return compute == PERI_C128 ? PERI_F64 : compute;
  case PERI_RESULT_COMPLEX: return PERI_C128;
  default: return compute;
  }
}

static peri_status refuse_dtype(const peri_op *op, peri_tensor *const *in, peri_dtype t) {
  char list[64] = "";
  for (int i = 0; i < PERI_DTYPES; i++)
    if (defined_for(in[0]->cx->k, op->arity, op->map, (peri_dtype)i) && (!op->accepts || op->accepts >> i & 1)) {
      if (list[0]) strcat(list, ", ");
      strcat(list, peri_dtype_name((peri_dtype)i));
    }
  return peri_fail(in[0]->cx, PERI_ERR_DTYPE, "%s: not defined for %s; it takes %s", op->name, peri_dtype_name(t), list);
}

static peri_status check_dtype(const peri_op *op, peri_tensor *const *in, peri_dtype t) {
  if (!defined_for(in[0]->cx->k, op->arity, op->map, t) || (op->accepts && !(op->accepts >> t & 1))) return refuse_dtype(op, in, t);
  if (is_where(op) && in[0]->dtype != PERI_BOOL)
    return peri_fail(in[0]->cx, PERI_ERR_DTYPE, "%s: the condition must be bool, got %s", op->name, peri_dtype_name((peri_dtype)in[0]->dtype));
  return op->check ? op->check(op, t, in) : PERI_OK;
}

static int64_t operands_of(const peri_op *op, const peri_args *args) { return op->arity == PERI_VARIADIC ? args->i[0] : op->arity; }

static peri_status check_context(const peri_op *op, peri_tensor *const *in, const peri_args *args) {
  peri_ctx *cx = in[0]->cx;
  int64_t n = operands_of(op, args);
  for (int64_t i = 1; i < n; i++)
    if (in[i]->cx != cx)
      return peri_fail(cx, PERI_ERR_STATE, "%s: operand %lld belongs to another context; copy its values across", op->name, (long long)i + 1);
  return pri_stopped(cx) ? peri_check_interrupt(cx) : PERI_OK;
}

static peri_status common_shape(const peri_op *op, peri_tensor *const *in, int *nd, int64_t *dims) {
  peri_tensor shape; /* of the operands so far; only ndim, dims and cx are used */
  const peri_tensor *so_far = in[0];
  for (int i = 1; i < op->arity; i++) {
    if (in[i]->ndim == 0 || pri_same_shape(so_far, in[i])) continue;
    if (so_far->ndim == 0) {
      so_far = in[i];
      continue;
    }
    int n;
    if (peri_broadcast_shapes(op->name, so_far, in[i], &n, dims)) return in[0]->cx->code;
    shape.ndim = (uint8_t)n;
    shape.cx = in[0]->cx;
    memcpy(shape.dims, dims, sizeof shape.dims);
    so_far = &shape;
  }
  *nd = so_far->ndim;
  for (int i = 0; i < *nd; i++) dims[i] = so_far->dims[i];
  return PERI_OK;
}

static void sweep_make(sweep *s, const peri_op *op, peri_dtype compute, peri_tensor *out, peri_tensor *const *in) {
  int64_t strides[PRI_WALK][PERI_MAXDIM];
  s->k = out->cx->k;
  s->cx = out->cx;
  s->op = op;
  s->arity = op->arity;
  s->map = op->map;
  s->compute = compute;
  for (int i = 0; i <= op->arity; i++) {
    peri_tensor *t = i ? in[i - 1] : out;
    s->data[i] = t->data;
    s->has[i] = (peri_dtype)t->dtype;
    s->wants[i] = i ? compute : result_dtype(op, compute);
    if (i) pri_broadcast_strides(t, out->ndim, strides[i]);
    else memcpy(strides[0], t->strides, sizeof t->strides);
  }
  if (is_where(op)) s->wants[1] = PERI_BOOL;
  pri_walk_make(&s->walk, out->ndim, out->dims, op->arity + 1, strides);
}

/* Operands of one dtype, contiguous, of one shape or (number) 0-d: one kernel call, nothing to set up. */
static bool simple(const peri_op *op, peri_tensor *const *in, peri_dtype compute, const peri_tensor *out) {
  if (out->size > CHUNK || op->arity > 2 || op->map == PERI_MAP_SCALAR) return false;
  for (int i = 0; i < op->arity; i++) {
    const peri_tensor *t = in[i];
    if (t->dtype != compute) return false;
    if (t->ndim == 0 && op->arity > 1) continue;
    if (!pri_contiguous(t) || !pri_same_shape(t, out)) return false;
  }
  return true;
}

static void run_simple(const peri_op *op, peri_tensor *const *in, peri_dtype t, peri_tensor *out) {
  const pri_kernels *k = out->cx->k;
  if (op->arity == 1) k->map1[op->map][t](out->data, in[0]->data, out->size);
  else k->map2[op->map][t](out->data, in[0]->data, in[0]->ndim != 0, in[1]->data, in[1]->ndim != 0, out->size);
}

/* A bare number meets a tensor of another dtype: a 0-d copy in the dtype of the computation, on the caller's stack. */
typedef struct { peri_tensor t; double value[2]; } number;
static peri_tensor *as_number(number *n, const peri_tensor *t, peri_dtype to) {
  n->t = *t;
  n->t.dtype = (uint8_t)to;
  n->t.data = n->value;
  t->cx->k->cast[to][t->dtype](n->value, t->data, 1);
  return &n->t;
}

static peri_tensor *apply_map(const peri_op *op, peri_tensor *const *operands) {
  peri_ctx *cx = operands[0]->cx;
  peri_dtype compute = compute_dtype(op, operands);
  int nd;
  int64_t dims[PERI_MAXDIM];
  if (check_dtype(op, operands, compute) || common_shape(op, operands, &nd, dims)) return NULL;
  peri_tensor *out = peri_new(cx, result_dtype(op, compute), nd, dims);
  if (!out) return NULL;
  number numbers[3];
  peri_tensor *in[3];
  for (int i = 0; i < op->arity; i++) {
    bool convert = operands[i]->ndim == 0 && operands[i]->dtype != compute && !is_where(op);
    in[i] = convert ? as_number(&numbers[i], operands[i], compute) : operands[i];
  }
  if (simple(op, in, compute, out)) {
    run_simple(op, in, compute, out);
    return out;
  }
  sweep s = {.stoppable = true};
  sweep_make(&s, op, compute, out, in);
  run_sweep(cx, &s);
  if (peri_check_interrupt(cx)) return peri_release(out), NULL;
  return out;
}

static peri_status watched(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  int64_t outputs = pri_outputs(op, args);
  peri_status st = pri_watch_results(op, in, operands_of(op, args), out, outputs);
  for (int64_t i = 0; st && i < outputs; i++) peri_release(out[i]), out[i] = NULL;
  return st;
}

/* Hands the call to the tape; what the tape refuses has not happened. */
static peri_status recorded(peri_ctx *cx, const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  if (!cx->record) return PERI_OK;
  peri_status st = cx->record(cx, op, operands_of(op, args), in, args, out);
  for (int64_t i = 0; st && i < pri_outputs(op, args); i++) peri_release(out[i]), out[i] = NULL;
  return st;
}

/* A primitive that is put together from others is recorded, and watched, as one. */
static peri_status run_unrecorded(peri_ctx *cx, const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  pri_record *record = cx->record;
  bool watch = cx->watch;
  cx->record = NULL;
  cx->watch = false;
  peri_status st = op->run(op, in, args, out);
  cx->record = record;
  cx->watch = watch;
  return st;
}

peri_status peri_apply_many(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_ctx *cx = in[0]->cx;
  if (check_context(op, in, args)) return cx->code;
  if (!op->map) {
    if (run_unrecorded(cx, op, in, args, out)) return cx->code;
  } else if (!(out[0] = apply_map(op, in))) return cx->code;
  if (cx->watch && watched(op, in, args, out)) return cx->code;
  return recorded(cx, op, in, args, out);
}

peri_tensor *peri_apply(const peri_op *op, peri_tensor *const *in, const peri_args *args) {
  peri_tensor *out[1] = {NULL};
  return peri_apply_many(op, in, args, out) ? NULL : out[0];
}

/* ---- in place ---- */

static void extent(const peri_tensor *t, const char **lo, const char **hi) {
  int64_t bytes = (int64_t)peri_sizeof((peri_dtype)t->dtype), low = 0, high = 0;
  for (int i = 0; i < t->ndim; i++) {
    int64_t reach = (t->dims[i] - 1) * t->strides[i];
    if (reach < 0) low += reach;
    else high += reach;
  }
  *lo = (const char *)t->data + low * bytes;
  *hi = (const char *)t->data + (high + 1) * bytes;
}

/* Whether writing out element by element could change what is still to be read of t. */
static bool conflicts(const peri_tensor *out, const peri_tensor *t) {
  if (out->size == 0 || t->size == 0 || pri_owner((peri_tensor *)out) != pri_owner((peri_tensor *)t)) return false;
  if (out->data == t->data && out->dtype == t->dtype && pri_same_shape(out, t) &&
      memcmp(out->strides, t->strides, out->ndim * sizeof out->strides[0]) == 0)
    return false;
  const char *a, *b, *c, *d;
  extent(out, &a, &b);
  extent(t, &c, &d);
  return a < d && c < b;
}

static peri_status check_fits(const peri_op *op, const peri_tensor *out, peri_dtype result, int nd, const int64_t *dims) {
  bool ok = nd <= out->ndim;
  for (int i = 0; ok && i < nd; i++) ok = dims[nd - 1 - i] == 1 || dims[nd - 1 - i] == out->dims[out->ndim - 1 - i];
  if (!ok) {
    peri_tensor shape = {.ndim = (uint8_t)nd, .cx = out->cx};
    memcpy(shape.dims, dims, sizeof shape.dims);
    return peri_fail(out->cx, PERI_ERR_SHAPE, "%s_: a result of shape %s does not fit into %s in place", op->name, peri_shape(&shape),
                     peri_shape(out));
  }
  bool loses = (result == PERI_C128 && out->dtype != PERI_C128) || (pri_is_float(result) && out->dtype < PERI_F32) ||
               (result == PERI_I64 && out->dtype == PERI_BOOL);
  if (loses)
    return peri_fail(out->cx, PERI_ERR_DTYPE, "%s_: a result of %s does not fit into %s in place", op->name, peri_dtype_name(result),
                     peri_dtype_name((peri_dtype)out->dtype));
  return PERI_OK;
}

static peri_status run_in_place(const peri_op *op, peri_tensor *out, peri_dtype compute, peri_tensor *const *in) {
  sweep s = {0};
  sweep_make(&s, op, compute, out, in);
  run_sweep(out->cx, &s);
  return PERI_OK;
}

/* Operands that overlap out without being out are copied first. */
static peri_status run_apart(const peri_op *op, peri_tensor *out, peri_dtype compute, peri_tensor *const *operands) {
  peri_tensor *in[3] = {0}, *copies[3] = {0};
  peri_status st = PERI_OK;
  for (int i = 0; i < op->arity && !st; i++) {
    in[i] = operands[i];
    if (!conflicts(out, in[i])) continue;
    in[i] = copies[i] = peri_clone(in[i]);
    if (!in[i]) st = out->cx->code;
  }
  if (!st) st = run_in_place(op, out, compute, in);
  for (int i = 0; i < 3; i++) peri_release(copies[i]);
  return st;
}

static peri_status apply_in_place(const peri_op *op, peri_tensor *out, peri_tensor *const *operands, const peri_args *args) {
  peri_ctx *cx = out->cx;
  if (operands[0]->cx != cx) return peri_fail(cx, PERI_ERR_STATE, "%s_: the operands belong to another context", op->name);
  if (check_context(op, operands, args)) return cx->code;
  peri_dtype compute = compute_dtype(op, operands);
  int nd;
  int64_t dims[PERI_MAXDIM];
  if (check_dtype(op, operands, compute) || common_shape(op, operands, &nd, dims) ||
      check_fits(op, out, result_dtype(op, compute), nd, dims))
    return cx->code;
  number numbers[3];
  peri_tensor *in[3];
  bool apart = false;
  for (int i = 0; i < op->arity; i++) {
    bool convert = operands[i]->ndim == 0 && operands[i]->dtype != compute && !is_where(op);
    in[i] = convert ? as_number(&numbers[i], operands[i], compute) : operands[i];
    apart |= !convert && conflicts(out, in[i]);
  }
  for (int i = 0; i < op->arity; i++)
    if (pri_write_from(op->name, out, operands[i])) return cx->code;
  if (apart) return run_apart(op, out, compute, in);
  if (pri_contiguous(out) && out->dtype == result_dtype(op, compute) && simple(op, in, compute, out)) {
    run_simple(op, in, compute, out);
    return PERI_OK;
  }
  return run_in_place(op, out, compute, in);
}

peri_status peri_apply_(const peri_op *op, peri_tensor *out, peri_tensor *const *operands, const peri_args *args) {
  bool watch = out->cx->watch;
  unsigned before = watch ? pri_nonfinite_of(operands, op->arity) : 0; /* out may be one of them */
  peri_status st = apply_in_place(op, out, operands, args);
  return st || !watch ? st : pri_watch(op->name, out, before);
}
