/* conv.c - two-dimensional convolution and its two adjoints: shapes, and rules. The loops are in conv_run.c and conv_weight.c.
**
** The three are each other's derivatives, being bilinear: with cotangent u of the result,
**     conv2d(x, w):         to x  conv2d_transpose(u, w),    to w  conv2d_weight(x, u)
**     conv2d_transpose(y, w):   to y  conv2d(u, w),          to w  conv2d_weight(u, y)
**     conv2d_weight(x, y):  to x  conv2d_transpose(y, u),    to y  conv2d(x, u)
*/
#include "nn/conv.h"
#include "nn/conv_examples.h"
#include "tensor/rules.h"

static bool empty(const pri_geometry *g) { return g->n == 0 || g->o == 0 || pri_places(g) == 0 || pri_patch(g) == 0; }

/* ---- shapes ---- */

static peri_status check_pair(const char *who, const peri_tensor *a, const peri_tensor *b) {
  if (a->ndim != 4 || b->ndim != 4)
    return peri_fail(a->cx, PERI_ERR_SHAPE, "%s: two tensors of 4 axes are needed, got %s and %s", who, peri_shape(a), peri_shape(b));
  if (!pri_is_float((peri_dtype)a->dtype) || a->dtype != b->dtype)
    return peri_fail(a->cx, PERI_ERR_DTYPE, "%s: both operands must be f32 or both f64, got %s and %s", who, peri_dtype_name((peri_dtype)a->dtype),
                     peri_dtype_name((peri_dtype)b->dtype));
  return PERI_OK;
}

static peri_status match(peri_ctx *cx, const char *who, const char *what, int64_t a, int64_t b) {
  return a == b ? PERI_OK : peri_fail(cx, PERI_ERR_SHAPE, "%s: %s: %lld and %lld", who, what, (long long)a, (long long)b);
}

/* Fills what follows from the rest. */
static peri_status finish_geometry(peri_ctx *cx, const char *who, pri_geometry *g, peri_conv c) {
  g->s = c.stride;
  g->d = c.dilation;
  g->ph = g->pw = c.padding;
  g->groups = c.groups;
  if (c.stride < 1 || c.padding < 0 || c.padding > INT32_MAX || c.dilation < 1 || c.dilation > INT32_MAX || g->kh > INT32_MAX || g->kw > INT32_MAX)
    return peri_fail(cx, PERI_ERR_VALUE, "%s: the stride must be >= 1, the padding >= 0 and the dilation >= 1, got %lld, %lld and %lld", who, (long long)c.stride,
                     (long long)c.padding, (long long)c.dilation);
  if (c.groups < 1 || g->c % c.groups || g->o % c.groups)
    return peri_fail(cx, PERI_ERR_VALUE, "%s: %lld groups do not divide %lld channels into %lld", who, (long long)c.groups, (long long)g->c, (long long)g->o);
  int64_t dh = g->h + 2 * c.padding - (g->kh - 1) * c.dilation - 1, dw = g->w + 2 * c.padding - (g->kw - 1) * c.dilation - 1;
  if (dh < 0 || dw < 0 || g->kh < 1 || g->kw < 1)
    return peri_fail(cx, PERI_ERR_SHAPE, "%s: a kernel of %lld x %lld%s does not fit into images of %lld x %lld padded by %lld", who, (long long)g->kh,
                     (long long)g->kw, c.dilation > 1 ? ", dilated," : "", (long long)g->h, (long long)g->w, (long long)c.padding);
  if ((double)g->n * (double)g->c * (double)(g->h + 2 * c.padding) * (double)(g->w + 2 * c.padding) > 0x1p48)
    return peri_fail(cx, PERI_ERR_SHAPE, "%s: %lld x %lld images of %lld x %lld padded by %lld are too large", who, (long long)g->n, (long long)g->c, (long long)g->h,
                     (long long)g->w, (long long)c.padding);
  g->oh = dh / c.stride + 1;
  g->ow = dw / c.stride + 1;
  return PERI_OK;
}

static peri_conv conv_of(const peri_args *args) { return (peri_conv){args->i[0], args->i[1], args->i[2], args->i[3]}; }

/* Zero stands for one in what a C caller left out. */
static peri_args args_of(peri_conv c, int64_t a, int64_t b) {
  return (peri_args){.i = {c.stride, c.padding, c.dilation ? c.dilation : 1, c.groups ? c.groups : 1, a, b}};
}

/* ---- the primitives ---- */

/* Contiguous copies of both operands, and the result, zeros if that is what `run` starts from or if there is nothing to compute. */
typedef struct { peri_tensor *a, *b, *r; } frame;

static peri_status begin(frame *f, const pri_geometry *g, peri_tensor *const *in, bool zeros, const int64_t dims[4]) {
  peri_ctx *cx = in[0]->cx;
  f->a = peri_contiguous(in[0]);
  f->b = f->a ? peri_contiguous(in[1]) : NULL;
  f->r = !f->b ? NULL : zeros || empty(g) ? peri_zeros(cx, g->dtype, 4, dims) : peri_new(cx, g->dtype, 4, dims);
  return f->r ? PERI_OK : cx->code;
}

static peri_status deliver(peri_status st, frame *f, peri_tensor **out) {
  peri_release(f->a);
  peri_release(f->b);
  if (st) peri_release(f->r);
  else out[0] = f->r;
  return st;
}

static peri_status run_conv2d(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *x = in[0], *w = in[1];
  peri_ctx *cx = x->cx;
  frame f;
  if (check_pair(op->name, x, w)) return cx->code;
  pri_geometry g = {.dtype = (peri_dtype)x->dtype, .n = x->dims[0], .c = x->dims[1], .h = x->dims[2], .w = x->dims[3], .o = w->dims[0], .kh = w->dims[2], .kw = w->dims[3]};
  if (finish_geometry(cx, op->name, &g, conv_of(args)) ||
      match(cx, op->name, g.groups > 1 ? "channels of a group of images and of filters differ" : "channels of images and filters differ", g.c / g.groups, w->dims[1]))
    return cx->code;
  peri_status st = begin(&f, &g, in, false, (int64_t[]){g.n, g.o, g.oh, g.ow});
  if (!st && !empty(&g)) st = pri_conv_forward(cx, &g, f.a->data, f.b->data, false, f.r->data);
  return deliver(st, &f, out);
}

static peri_status run_conv2d_transpose(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *y = in[0], *w = in[1];
  peri_ctx *cx = y->cx;
  frame f;
  if (check_pair(op->name, y, w)) return cx->code;
  int64_t groups = args->i[3] > 0 && args->i[3] <= w->dims[0] ? args->i[3] : 1; /* what does not divide is refused below */
  pri_geometry g = {.dtype = (peri_dtype)y->dtype, .n = y->dims[0], .c = w->dims[1] * groups, .h = args->i[4], .w = args->i[5], .o = w->dims[0], .kh = w->dims[2], .kw = w->dims[3]};
  if (finish_geometry(cx, op->name, &g, conv_of(args)) || match(cx, op->name, "channels of result and filters differ", y->dims[1], g.o) ||
      match(cx, op->name, "heights do not fit", y->dims[2], g.oh) || match(cx, op->name, "widths do not fit", y->dims[3], g.ow))
    return cx->code;
  peri_status st = begin(&f, &g, in, g.s > 1, (int64_t[]){g.n, g.c, g.h, g.w});
  if (!st && !empty(&g)) st = pri_conv_input(cx, &g, f.a->data, f.b->data, f.r->data);
  return deliver(st, &f, out);
}

static peri_status run_conv2d_weight(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *x = in[0], *y = in[1];
  peri_ctx *cx = x->cx;
  frame f;
  if (check_pair(op->name, x, y)) return cx->code;
  pri_geometry g = {.dtype = (peri_dtype)x->dtype, .n = x->dims[0], .c = x->dims[1], .h = x->dims[2], .w = x->dims[3], .o = y->dims[1], .kh = args->i[4], .kw = args->i[5]};
  if (finish_geometry(cx, op->name, &g, conv_of(args)) || match(cx, op->name, "numbers of images differ", g.n, y->dims[0]) ||
      match(cx, op->name, "heights do not fit", y->dims[2], g.oh) || match(cx, op->name, "widths do not fit", y->dims[3], g.ow))
    return cx->code;
  peri_status st = begin(&f, &g, in, false, (int64_t[]){g.o, g.c / g.groups, g.kh, g.kw});
  if (!st && !empty(&g)) st = pri_conv_weight(cx, &g, f.a->data, f.b->data, f.r->data);
  return deliver(st, &f, out);
}

static peri_status vjp_conv2d(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *x = p->in[0], *w = p->in[1], *u = p->cotangents[0];
  if (needs(p, 0)) grads[0] = peri_conv2d_transpose(u, w, x->dims[2], x->dims[3], conv_of(p->args));
  if (needs(p, 1)) grads[1] = peri_conv2d_weight(x, u, w->dims[2], w->dims[3], conv_of(p->args));
  return ruled(p, grads);
}

static peri_status vjp_conv2d_transpose(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *y = p->in[0], *w = p->in[1], *u = p->cotangents[0];
  if (needs(p, 0)) grads[0] = peri_conv2d(u, w, conv_of(p->args));
  if (needs(p, 1)) grads[1] = peri_conv2d_weight(u, y, w->dims[2], w->dims[3], conv_of(p->args));
  return ruled(p, grads);
}

static peri_status vjp_conv2d_weight(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *x = p->in[0], *y = p->in[1], *u = p->cotangents[0];
  if (needs(p, 0)) grads[0] = peri_conv2d_transpose(y, u, x->dims[2], x->dims[3], conv_of(p->args));
  if (needs(p, 1)) grads[1] = peri_conv2d(x, u, conv_of(p->args));
  return ruled(p, grads);
}

#define CONV(NAME, EXAMPLES, SIGNATURE, HELP)                                                                           \
  static const peri_op op_##NAME = {.name = "nn." #NAME, .signature = SIGNATURE, .help = HELP, .samples = "images",     \
                                    .arity = 2, .outputs = 1, .result = PERI_RESULT_OWN, .run = run_##NAME, .vjp = vjp_##NAME,  \
                                    .per_example = EXAMPLES};
CONV(conv2d, &pri_examples_conv2d, "nn.conv2d(x, w[, { stride, padding, dilation, groups }])", "Two-dimensional convolution of images (n, c, h, w) with filters (o, c / groups, kh, kw).")
CONV(conv2d_transpose, &pri_examples_conv2d_transpose, "nn.conv2d_transpose(y, w, h, w[, { stride, padding, dilation, groups }])", "The transposed convolution.")
CONV(conv2d_weight, NULL, "nn.conv2d_weight(x, y, kh, kw)", "The gradient of a convolution by its filters.")

peri_tensor *peri_conv2d(peri_tensor *x, peri_tensor *w, peri_conv c) {
  peri_args args = args_of(c, 0, 0);
  return peri_apply(&op_conv2d, (peri_tensor *[]){x, w}, &args);
}
peri_tensor *peri_conv2d_transpose(peri_tensor *y, peri_tensor *w, int64_t height, int64_t width, peri_conv c) {
  peri_args args = args_of(c, height, width);
  return peri_apply(&op_conv2d_transpose, (peri_tensor *[]){y, w}, &args);
}
peri_tensor *peri_conv2d_weight(peri_tensor *x, peri_tensor *y, int64_t kh, int64_t kw, peri_conv c) {
  peri_args args = args_of(c, kh, kw);
  return peri_apply(&op_conv2d_weight, (peri_tensor *[]){x, y}, &args);
}
