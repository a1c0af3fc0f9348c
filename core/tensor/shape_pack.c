/* shape_pack.c - a model's parameters as one vector: unpack cuts it into views, pack puts tensors together.
**
** unpack is one primitive with as many results as there are shapes, so that its gradient is one concatenation. The shapes travel as a
** second operand, i64 (n, 1 + PERI_MAXDIM): the number of dims, then the dims.
*/
#include "tensor/example_rules.h"
#include "tensor/rules.h"
#include <perigee/shape.h>

enum { SPEC = 1 + PERI_MAXDIM };

static int64_t piece(const int64_t *spec, int64_t i, int64_t *dims) {
  int64_t n = 1;
  for (int k = 0; k < spec[i * SPEC]; k++) n *= dims[k] = spec[i * SPEC + 1 + k];
  return n;
}

static peri_status run_unpack(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)op;
  peri_tensor *theta = in[0];
  int64_t dims[PERI_MAXDIM], strides[PERI_MAXDIM], from = 0, stride = theta->strides[0];
  for (int64_t i = 0; i < args->i[0]; i++) {
    const int64_t *spec = in[1]->data;
    int nd = (int)spec[i * SPEC];
    int64_t n = piece(spec, i, dims);
    for (int64_t k = nd - 1, run = stride; k >= 0; run *= dims[k--]) strides[k] = run;
    out[i] = peri_view(theta, nd, dims, strides, n ? from * stride : 0);
    if (!out[i]) {
      while (i > 0) peri_release(out[--i]), out[i] = NULL;
      return theta->cx->code;
    }
    from += n;
  }
  return PERI_OK;
}

static peri_status vjp_unpack(const peri_pull *p, peri_tensor **grads) {
  peri_ctx *cx = p->in[0]->cx;
  int64_t n = p->args->i[0];
  if (!needs(p, 0)) return PERI_OK;
  size_t bytes = (size_t)n * sizeof(peri_tensor *);
  peri_tensor **parts = peri_alloc(cx, bytes);
  if (!parts) return cx->code;
  memset(parts, 0, bytes);
  bool ok = true;
  for (int64_t i = 0; i < n && ok; i++) {
    peri_tensor *g = p->cotangents[i];
    parts[i] = g ? peri_ravel(g) : peri_zeros(cx, (peri_dtype)p->in[0]->dtype, 1, &p->out[i]->size);
    ok = parts[i] != NULL;
  }
  if (ok) grads[0] = pri_unbroadcast(peri_concatenate(parts, (int)n, 0), p->in[0]);
  for (int64_t i = 0; i < n; i++) peri_release(parts[i]);
  peri_free(cx, parts, bytes);
  return ruled(p, grads);
}

static const peri_op op_unpack = {.name = "tensor.unpack", .signature = "pg.unpack(theta, {dims}, ...)", .samples = "vector", .arity = 2,
                                  .help = "Cuts a flat vector into views of these shapes, which must fill it.", .outputs = PERI_VARIADIC,
                                  .result = PERI_RESULT_OWN, .run = run_unpack, .vjp = vjp_unpack,
                                  .per_example = &pri_examples_unpack};

/* Number of elements of the shapes together; -1 with a message. */
static int64_t total(peri_ctx *cx, int64_t n, const peri_dims *shapes) {
  int64_t sum = 0;
  for (int64_t i = 0; i < n; i++) {
    int64_t size = 1;
    bool bad = shapes[i].nd < 0 || shapes[i].nd > PERI_MAXDIM;
    for (int k = 0; !bad && k < shapes[i].nd; k++) bad = shapes[i].dims[k] < 0 || __builtin_mul_overflow(size, shapes[i].dims[k], &size);
    if (bad || __builtin_add_overflow(sum, size, &sum)) {
      peri_fail(cx, PERI_ERR_SHAPE, "tensor.unpack: shape %lld of %lld is no shape of a tensor", (long long)i + 1, (long long)n);
      return -1;
    }
  }
  return sum;
}

peri_status peri_unpack(peri_tensor *theta, int64_t n, const peri_dims *shapes, peri_tensor **out) {
  peri_ctx *cx = theta->cx;
  int64_t sum = total(cx, n, shapes);
  if (sum < 0) return cx->code;
  if (theta->ndim != 1 || theta->size != sum || n < 1)
    return peri_fail(cx, PERI_ERR_SHAPE, "tensor.unpack: %lld shapes take a vector of %lld elements, got shape %s", (long long)n, (long long)sum, peri_shape(theta));
  peri_tensor *spec = peri_zeros(cx, PERI_I64, 2, (int64_t[]){n, SPEC});
  if (!spec) return cx->code;
  for (int64_t i = 0; i < n; i++) {
    int64_t *row = (int64_t *)spec->data + i * SPEC;
    row[0] = shapes[i].nd;
    memcpy(row + 1, shapes[i].dims, (size_t)shapes[i].nd * sizeof row[0]);
  }
  peri_status st = peri_apply_many(&op_unpack, (peri_tensor *[]){theta, spec}, &(peri_args){.i = {n}}, out);
  peri_release(spec);
  return st;
}

peri_tensor *peri_pack(peri_tensor *const *t, int64_t n) {
  peri_ctx *cx = t[0]->cx;
  size_t bytes = (size_t)n * sizeof(peri_tensor *);
  peri_tensor **flat = peri_alloc(cx, bytes), *r = NULL;
  if (!flat) return NULL;
  memset(flat, 0, bytes);
  bool ok = true;
  for (int64_t i = 0; i < n && ok; i++) ok = (flat[i] = peri_ravel(t[i])) != NULL;
  if (ok) r = peri_concatenate(flat, (int)n, 0);
  for (int64_t i = 0; i < n; i++) peri_release(flat[i]);
  peri_free(cx, flat, bytes);
  return r;
}
