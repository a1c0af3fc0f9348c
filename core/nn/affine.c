/* affine.c - x W + b, perhaps rectified: the dense layer, with its two adjoints.
**
** With u the cotangent of y = x W + b, let pass where y > 0 if y was rectified,
**     affine(x, W, b):      to x  affine_input(u, W),    to W  affine_weight(x, u),    to b  the sum of u over examples
**     affine_input(y, W) = y W^T:    to y  affine(u, W),            to W  affine_weight(u, y)
**     affine_weight(x, y) = x^T y:   to x  affine_input(y, u),      to y  affine(x, u)
** as with convolutions. Products that are too thin for tiles are left to tensor.mm; which ones, the shape alone decides.
*/
#include "linalg/example_rules.h"
#include "linalg/linalg.h"
#include "nn/panels.h"
#include "tensor/example_rules.h"
#include "tensor/rules.h"
#include <perigee/linalg.h>
#include <perigee/nn.h>
#include <perigee/reduce.h>
#include <perigee/shape.h>

/* ---- products ---- */

static bool thin(int64_t m, int64_t n, int64_t k) { return m < 8 || n < 16 || k < 1 || (double)m * (double)n * (double)k < 32768; }

static peri_tensor *thin_product(peri_tensor *a, peri_tensor *b, peri_tensor *bias, bool rectify) {
  peri_tensor *r = peri_mm(a, b);
  if (r && ((bias && peri_add_(r, r, bias)) || (rectify && peri_relu_(r, r)))) peri_release(r), r = NULL;
  return r;
}

static peri_tensor *in_dtype(peri_tensor *t, peri_dtype dtype) { return t->dtype == dtype ? keep(t) : peri_cast(t, dtype); }

/* a (m, k) b (k, n) [+ bias (n)], any strides. */
static peri_status product(peri_tensor *a, peri_tensor *b, peri_tensor *bias, bool rectify, peri_tensor **out) {
  peri_ctx *cx = a->cx;
  int64_t m = a->dims[0], k = a->dims[1], n = b->dims[1];
  if (thin(m, n, k)) return (out[0] = thin_product(a, b, bias, rectify)) ? PERI_OK : cx->code;
  peri_dtype t = pri_float_dtype(a, b);
  peri_tensor *x = in_dtype(a, t), *w = x ? in_dtype(b, t) : NULL, *c = w && bias ? r1(peri_contiguous, in_dtype(bias, t)) : NULL;
  peri_tensor *r = w && (c || !bias) ? peri_new(cx, t, 2, (int64_t[]){m, n}) : NULL;
  peri_status st = r ? PERI_OK : cx->code;
  if (!st)
    st = pri_multiply(cx, &(pri_factors){.dtype = t, .m = m, .n = n, .k = k, .a = {x->data, x->strides[0], x->strides[1]}, .b = {w->data, w->strides[1], w->strides[0]},
                                         .c = r->data, .bias = c ? c->data : NULL, .rectify = rectify});
  peri_release(x);
  peri_release(w);
  peri_release(c);
  if (st) peri_release(r);
  else out[0] = r;
  return st;
}

static peri_status check_matrices(const peri_op *op, const peri_tensor *a, const peri_tensor *b, int inner_a, int inner_b) {
  peri_ctx *cx = a->cx;
  if (a->ndim != 2 || b->ndim != 2)
    return peri_fail(cx, PERI_ERR_SHAPE, "%s: two matrices are needed, got %s and %s", op->name, peri_shape(a), peri_shape(b));
  if (a->dims[inner_a] != b->dims[inner_b])
    return peri_fail(cx, PERI_ERR_SHAPE, "%s: %lld and %lld elements do not fit: %s and %s", op->name, (long long)a->dims[inner_a],
                     (long long)b->dims[inner_b], peri_shape(a), peri_shape(b));
  peri_dtype t = peri_promote(a, b);
  if (!pri_is_float(t)) return peri_fail(cx, PERI_ERR_DTYPE, "%s: not defined for %s x %s; cast one operand to f32 or f64", op->name,
                                         peri_dtype_name((peri_dtype)a->dtype), peri_dtype_name((peri_dtype)b->dtype));
  return PERI_OK;
}

/* ---- the primitives; args: i[0] rectify ---- */

static peri_status run_affine(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *x = in[0], *w = in[1], *b = op->arity == 3 ? in[2] : NULL;
  if (check_matrices(op, x, w, 1, 0)) return x->cx->code;
  if (b && (b->ndim != 1 || b->dims[0] != w->dims[1] || b->dtype != w->dtype))
    return peri_fail(x->cx, PERI_ERR_SHAPE, "%s: the shift must have %lld elements of %s, got %s of %s", op->name, (long long)w->dims[1],
                     peri_dtype_name((peri_dtype)w->dtype), peri_shape(b), peri_dtype_name((peri_dtype)b->dtype));
  return product(x, w, b, args->i[0], out);
}

static peri_status with_transposed(peri_tensor *a, peri_tensor *b, bool second, peri_tensor **out) {
  peri_tensor *t = peri_transpose(second ? b : a, 0, 1);
  peri_status st = !t ? a->cx->code : second ? product(a, t, NULL, false, out) : product(t, b, NULL, false, out);
  peri_release(t);
  return st;
}

static peri_status run_input(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)args;
  return check_matrices(op, in[0], in[1], 1, 1) ? in[0]->cx->code : with_transposed(in[0], in[1], true, out);
}

static peri_status run_weight(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)args;
  return check_matrices(op, in[0], in[1], 0, 0) ? in[0]->cx->code : with_transposed(in[0], in[1], false, out);
}

static peri_status vjp_affine(const peri_pull *p, peri_tensor **grads);
static peri_status vjp_input(const peri_pull *p, peri_tensor **grads);
static peri_status vjp_weight(const peri_pull *p, peri_tensor **grads);
static peri_status check_rows(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out, uint64_t batched);
static peri_status vjp_examples(const peri_pull *p, uint64_t batched, peri_tensor **grads);
static peri_status sqnorms(const peri_pull *p, uint64_t batched, int i, peri_tensor **norms);
static peri_status put(const peri_pull *p, uint64_t batched, int i, peri_tensor *place);

static const peri_examples examples = {.check = check_rows, .vjp = vjp_examples, .sqnorms = sqnorms, .put = put};

#define AFFINE(VAR, NAME, ARITY, RUN, VJP, EXAMPLES, SIGNATURE, HELP)                                                   \
  static const peri_op VAR = {.name = NAME, .signature = SIGNATURE, .help = HELP, .samples = "product", .arity = ARITY, .outputs = 1,  \
                              .result = PERI_RESULT_OWN, .run = RUN, .vjp = VJP, .per_example = EXAMPLES};
AFFINE(op_affine, "nn.affine", 3, run_affine, vjp_affine, &examples, "nn.affine(x, W[, b[, { rectify }]])", "x W + b, rectified if asked to.")
AFFINE(op_linear, "nn.affine", 2, run_affine, vjp_affine, &examples, "nn.affine(x, W)", "x W.")
AFFINE(op_input, "nn.affine_input", 2, run_input, vjp_input, NULL, "y W^T", "The gradient of an affine map by its input.")
AFFINE(op_weight, "nn.affine_weight", 2, run_weight, vjp_weight, NULL, "x^T y", "The gradient of an affine map by its matrix.")

static peri_tensor *apply2(const peri_op *op, peri_tensor *a, peri_tensor *b) { return peri_apply(op, (peri_tensor *[]){a, b}, &(peri_args){.i = {0}}); }

peri_tensor *peri_affine(peri_tensor *x, peri_tensor *w, peri_tensor *b, bool rectify) {
  return peri_apply(b ? &op_affine : &op_linear, (peri_tensor *[]){x, w, b}, &(peri_args){.i = {rectify}});
}

/* ---- rules ---- */

/* The cotangent of x W + b: a new reference. */
static peri_tensor *passed(const peri_pull *p) {
  peri_tensor *u = p->cotangents[0], *r = NULL;
  if (!p->args->i[0]) return keep(u);
  peri_tensor *nought = number(u, 0), *open = nought ? peri_gt(p->out[0], nought) : NULL;
  if (open) r = peri_where(open, u, nought);
  peri_release(nought);
  peri_release(open);
  return r;
}

static peri_status vjp_affine(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *x = p->in[0], *w = p->in[1], *u = passed(p);
  if (!u) return x->cx->code;
  if (needs(p, 0)) grads[0] = pri_unbroadcast(apply2(&op_input, u, w), x);
  if (needs(p, 1)) grads[1] = pri_unbroadcast(apply2(&op_weight, x, u), w);
  if (p->n == 3 && needs(p, 2)) grads[2] = pri_unbroadcast(keep(u), p->in[2]);
  peri_release(u);
  return ruled(p, grads);
}

static peri_status vjp_input(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *y = p->in[0], *w = p->in[1], *u = p->cotangents[0];
  if (needs(p, 0)) grads[0] = pri_unbroadcast(apply2(&op_linear, u, w), y);
  if (needs(p, 1)) grads[1] = pri_unbroadcast(apply2(&op_weight, u, y), w);
  return ruled(p, grads);
}

static peri_status vjp_weight(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *x = p->in[0], *y = p->in[1], *u = p->cotangents[0];
  if (needs(p, 0)) grads[0] = pri_unbroadcast(apply2(&op_input, y, u), x);
  if (needs(p, 1)) grads[1] = pri_unbroadcast(apply2(&op_linear, x, u), y);
  return ruled(p, grads);
}

/* ---- examples: the matrix as in a product (linalg), with the cotangent of x W; of the shift, the cotangent itself ---- */

static peri_status check_rows(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out, uint64_t batched) {
  (void)args, (void)out;
  return batched & 1 && batched == 1 ? PERI_OK : pri_mixes(op, in[batched & 2 ? 1 : batched & 4 ? 2 : 0], "multiplies by what the examples make up together");
}

static peri_pull as_product(const peri_pull *p, peri_tensor **u) {
  peri_pull q = *p;
  q.n = 2;
  q.cotangents = u;
  return q;
}

static peri_status vjp_examples(const peri_pull *p, uint64_t batched, peri_tensor **grads) {
  peri_tensor *u = passed(p);
  if (!u) return p->in[0]->cx->code;
  peri_pull q = as_product(p, &u);
  peri_status st = pri_examples_mm.vjp(&q, batched, grads);
  if (p->n == 3 && needs(p, 2)) grads[2] = keep(u);
  peri_release(u);
  return st ? st : ruled(p, grads);
}

static peri_status sqnorms(const peri_pull *p, uint64_t batched, int i, peri_tensor **norms) {
  peri_tensor *u = passed(p);
  if (!u) return p->in[0]->cx->code;
  peri_pull q = as_product(p, &u);
  if (i == 1) {
    peri_status st = pri_examples_mm.sqnorms(&q, batched, 1, norms);
    peri_release(u);
    return st;
  }
  *norms = pri_row_squares(u->dtype == PERI_F64 ? keep(u) : peri_cast(u, PERI_F64));
  peri_release(u);
  return *norms ? PERI_OK : p->in[0]->cx->code;
}

static peri_status put(const peri_pull *p, uint64_t batched, int i, peri_tensor *place) {
  peri_tensor *u = passed(p);
  if (!u) return p->in[0]->cx->code;
  peri_pull q = as_product(p, &u);
  peri_status st = i == 1 ? pri_examples_mm.put(&q, batched, 1, place) : peri_copy_(place, u);
  peri_release(u);
  return st;
}
