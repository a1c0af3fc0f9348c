/* create.c - tensors from values, copies and casts. */
#include "tensor/tensor.h"
#include "tensor/example_rules.h"
#include <math.h>

static void fill_bytes(peri_tensor *t, const void *value) {
  char *p = t->data;
  size_t bytes = peri_sizeof((peri_dtype)t->dtype);
  if (t->size == 0) return;
  pri_gather(p, value, 0, t->size, bytes);
}

peri_tensor *peri_full(peri_ctx *cx, peri_dtype t, int nd, const int64_t *dims, double value) {
  peri_tensor *r = peri_new(cx, t, nd, dims);
  double cast[2];
  if (!r) return NULL;
  cx->k->cast[t][PERI_F64](cast, &value, 1);
  fill_bytes(r, cast);
  return r;
}

peri_tensor *peri_arange(peri_ctx *cx, peri_dtype t, double from, double to, double step) {
  double n = ceil((to - from) / step);
  if (step == 0 || !isfinite(n))
    return peri_fail(cx, PERI_ERR_VALUE, "tensor.arange: from %g to %g by %g has no end; give a finite step that is not zero", from, to, step),
           NULL;
  if (n > 1e15) return peri_fail(cx, PERI_ERR_SHAPE, "tensor.arange: %g elements are larger than any memory", n), NULL;
  int64_t count = n > 0 ? (int64_t)n : 0;
  peri_tensor *wide = peri_new(cx, PERI_F64, 1, &count);
  if (!wide) return NULL;
  for (int64_t i = 0; i < count; i++) ((double *)wide->data)[i] = from + (double)i * step;
  if (t == PERI_F64) return wide;
  peri_tensor *r = peri_cast(wide, t);
  peri_release(wide);
  return r;
}

peri_tensor *peri_linspace(peri_ctx *cx, double from, double to, int64_t n) {
  if (n < 0) return peri_fail(cx, PERI_ERR_VALUE, "tensor.linspace: the number of points must be >= 0, got %lld", (long long)n), NULL;
  peri_tensor *r = peri_new(cx, PERI_F64, 1, &n);
  if (!r) return NULL;
  double *x = r->data, step = n > 1 ? (to - from) / (double)(n - 1) : 0;
  for (int64_t i = 0; i < n; i++) x[i] = from + (double)i * step;
  if (n > 1) x[n - 1] = to; /* exact, whatever the step's rounding */
  return r;
}

peri_tensor *peri_eye(peri_ctx *cx, peri_dtype t, int64_t rows, int64_t cols) {
  peri_tensor *r = peri_zeros(cx, t, 2, (int64_t[]){rows, cols});
  if (!r) return NULL;
  int64_t n = rows < cols ? rows : cols;
  double one = 1, cast[2];
  cx->k->cast[t][PERI_F64](cast, &one, 1);
  for (int64_t i = 0; i < n; i++)
    memcpy((char *)r->data + i * (cols + 1) * (int64_t)peri_sizeof(t), cast, peri_sizeof(t));
  return r;
}

enum { COPY_BLOCK = 1024, COPY_CHUNK = 1 << 16 };

typedef struct { const pri_kernels *k; pri_walk w; char *to, *from; peri_dtype tt, tf; } copying;

static void copy_row(const copying *c, char *to, int64_t st, const char *from, int64_t sf, int64_t n) {
  int64_t bt = (int64_t)peri_sizeof(c->tt), bf = (int64_t)peri_sizeof(c->tf);
  void (*cast)(void *, const void *, int64_t) = c->k->cast[c->tt][c->tf];
  if (c->tt == c->tf) {
    if (st == 1 && sf == 1) memcpy(to, from, (size_t)(n * bt));
    else if (st == 1) pri_gather(to, from, sf, n, (size_t)bt);
    else if (sf == 1) pri_scatter(to, st, from, n, (size_t)bt);
    else for (int64_t i = 0; i < n; i++) memcpy(to + i * st * bt, from + i * sf * bt, (size_t)bt);
    return;
  }
  double a[2 * COPY_BLOCK], b[2 * COPY_BLOCK];
  for (int64_t done = 0; done < n; done += COPY_BLOCK) {
    int64_t m = n - done < COPY_BLOCK ? n - done : COPY_BLOCK;
    const void *x = from + done * sf * bf;
    if (sf != 1) pri_gather(a, x, sf, m, (size_t)bf), x = a;
    void *y = to + done * st * bt;
    cast(st == 1 ? y : b, x, m);
    if (st != 1) pri_scatter(y, st, b, m, (size_t)bt);
  }
}

static void copy_task(void *ud, int64_t task) {
  const copying *c = ud;
  int64_t k = task * COPY_CHUNK, to = k + COPY_CHUNK < c->w.size ? k + COPY_CHUNK : c->w.size;
  int64_t index[PERI_MAXDIM], off[PRI_WALK];
  int last = c->w.nd - 1;
  pri_walk_seek(&c->w, k, index, off);
  while (k < to) {
    int64_t m = c->w.dims[last] - index[last];
    if (m > to - k) m = to - k;
    copy_row(c, c->to + off[0] * (int64_t)peri_sizeof(c->tt), c->w.strides[0][last], c->from + off[1] * (int64_t)peri_sizeof(c->tf),
             c->w.strides[1][last], m);
    k += m;
    for (int i = 0; i < 2; i++) off[i] -= index[last] * c->w.strides[i][last];
    index[last] = 0;
    if (k < to) pri_walk_next_row(&c->w, index, off);
  }
}

void pri_copy_into(peri_tensor *dst, const peri_tensor *src) {
  int64_t strides[PRI_WALK][PERI_MAXDIM];
  copying c = {.k = dst->cx->k, .to = dst->data, .from = src->data, .tt = (peri_dtype)dst->dtype, .tf = (peri_dtype)src->dtype};
  if (dst->size == 0) return;
  memcpy(strides[0], dst->strides, sizeof dst->strides);
  pri_broadcast_strides(src, dst->ndim, strides[1]);
  pri_walk_make(&c.w, dst->ndim, dst->dims, 2, strides);
  pri_parallel(dst->cx, (c.w.size + COPY_CHUNK - 1) / COPY_CHUNK, copy_task, &c);
}

/* clone, contiguous and cast are one primitive (its gradient is the cast back). */
static peri_status run_cast(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)op;
  peri_tensor *r = peri_new(in[0]->cx, (peri_dtype)args->i[0], in[0]->ndim, in[0]->dims);
  if (!r) return in[0]->cx->code;
  pri_copy_into(r, in[0]);
  out[0] = r;
  return PERI_OK;
}

static peri_status vjp_cast(const peri_pull *p, peri_tensor **grads) {
  grads[0] = peri_cast(p->cotangents[0], (peri_dtype)p->in[0]->dtype);
  return grads[0] ? PERI_OK : p->in[0]->cx->code;
}

static const peri_op op_cast = {.name = "tensor.cast", .arity = 1, .outputs = 1, .result = PERI_RESULT_OWN, .run = run_cast, .vjp = vjp_cast, .per_example = &pri_examples_rows, .samples = "any",
                                .signature = "a:cast(dtype)", .help = "A copy with elements of another dtype."};

peri_tensor *peri_cast(peri_tensor *t, peri_dtype to) { return peri_apply(&op_cast, &t, &(peri_args){.i = {to}}); }
peri_tensor *peri_clone(peri_tensor *t) { return peri_cast(t, (peri_dtype)t->dtype); }
peri_tensor *peri_contiguous(peri_tensor *t) { return pri_contiguous(t) ? peri_retain(t) : peri_clone(t); }

peri_status peri_copy_(peri_tensor *dst, peri_tensor *src) {
  peri_ctx *cx = dst->cx;
  if (src->cx != cx) return peri_fail(cx, PERI_ERR_STATE, "tensor.copy_: the source belongs to another context");
  int nd;
  int64_t dims[PERI_MAXDIM];
  if (peri_broadcast_shapes("tensor.copy_", dst, src, &nd, dims)) return cx->code;
  if (nd != dst->ndim || memcmp(dims, dst->dims, (size_t)nd * sizeof dims[0]) != 0)
    return peri_fail(cx, PERI_ERR_SHAPE, "tensor.copy_: %s does not fit into %s", peri_shape(src), peri_shape(dst));
  if (src->dtype == PERI_C128 && dst->dtype != PERI_C128)
    return peri_fail(cx, PERI_ERR_DTYPE, "tensor.copy_: c128 does not fit into %s; take real(), imag() or abs()",
                     peri_dtype_name((peri_dtype)dst->dtype));
  peri_tensor *apart = pri_owner(src) == pri_owner(dst) ? peri_clone(src) : peri_retain(src);
  if (!apart) return cx->code;
  peri_status st = pri_write_from("tensor.copy_", dst, src);
  if (!st) pri_copy_into(dst, apart);
  peri_release(apart);
  return st;
}

peri_status peri_fill_(peri_tensor *t, double value) {
  peri_tensor *s = peri_scalar(t->cx, value);
  if (!s) return t->cx->code;
  peri_status st = peri_copy_(t, s);
  peri_release(s);
  return st;
}
