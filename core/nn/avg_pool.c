/* avg_pool.c - means over windows of images, and their adjoint.
**
** Window (i, j) of a plane holds the pixels i s - p .. i s - p + k - 1 down and j s - p .. across that lie inside. Its sum is divided by
** k^2 if what was padded counts (as zeros), else by the number of these pixels. The map and its adjoint
**     avg_pool2d_spread(u)[q] = sum of u[i, j] / count(i, j) over the windows that hold q
** are linear, hence each other's gradient rule.
*/
#include "nn/pool.h"
#include "tensor/example_rules.h"
#include "tensor/rules.h"

peri_status pri_windows_of(const char *who, const peri_tensor *x, const peri_args *args, pri_windows *g) {
  peri_ctx *cx = x->cx;
  int64_t k = args->i[0], s = args->i[1], p = args->i[2];
  if (x->ndim != 4) return peri_fail(cx, PERI_ERR_SHAPE, "%s: images of 4 axes are needed, got shape %s", who, peri_shape(x));
  if (!pri_is_float((peri_dtype)x->dtype))
    return peri_fail(cx, PERI_ERR_DTYPE, "%s: images must be f32 or f64, got %s", who, peri_dtype_name((peri_dtype)x->dtype));
  if (k < 1 || s < 1 || p < 0 || p > k / 2 || k > INT32_MAX || s > INT32_MAX)
    return peri_fail(cx, PERI_ERR_VALUE, "%s: size and stride must be >= 1 and the padding lie in 0..size/2, got %lld, %lld and %lld", who, (long long)k,
                     (long long)s, (long long)p);
  if (x->dims[2] < 1 || x->dims[3] < 1 || x->dims[2] + 2 * p < k || x->dims[3] + 2 * p < k)
    return peri_fail(cx, PERI_ERR_SHAPE, "%s: windows of %lld x %lld do not fit into images of shape %s padded by %lld", who, (long long)k, (long long)k,
                     peri_shape(x), (long long)p);
  *g = (pri_windows){x->dims[0] * x->dims[1], x->dims[2], x->dims[3], (x->dims[2] + 2 * p - k) / s + 1, (x->dims[3] + 2 * p - k) / s + 1, k, s, p};
  return PERI_OK;
}

/* ---- one plane ---- */

typedef struct { int64_t a0, a1, b0, b1; double count; } extent;

static extent window(const pri_windows *g, bool padded, int64_t i, int64_t j) {
  int64_t a = i * g->s - g->p, b = j * g->s - g->p;
  extent e = {a < 0 ? 0 : a, pri_least(a + g->k, g->h), b < 0 ? 0 : b, pri_least(b + g->k, g->w), (double)(g->k * g->k)};
  if (!padded) e.count = (double)((e.a1 - e.a0) * (e.b1 - e.b0));
  return e;
}

#define PLANE(T)                                                                                                        \
  static void mean_##T(const pri_windows *g, bool padded, const T *x, T *y) {                                           \
    for (int64_t i = 0; i < g->oh; i++)                                                                                 \
      for (int64_t j = 0; j < g->ow; j++) {                                                                             \
        extent e = window(g, padded, i, j);                                                                             \
        double sum = 0;                                                                                                 \
        for (int64_t a = e.a0; a < e.a1; a++)                                                                           \
          for (int64_t b = e.b0; b < e.b1; b++) sum += (double)x[a * g->w + b];                                         \
        *y++ = (T)(sum / e.count);                                                                                      \
      }                                                                                                                 \
  }                                                                                                                     \
  static void spread_##T(const pri_windows *g, bool padded, const T *u, T *x) {                                         \
    for (int64_t i = 0; i < g->oh; i++)                                                                                 \
      for (int64_t j = 0; j < g->ow; j++) {                                                                             \
        extent e = window(g, padded, i, j);                                                                             \
        T part = (T)((double)*u++ / e.count);                                                                           \
        for (int64_t a = e.a0; a < e.a1; a++)                                                                           \
          for (int64_t b = e.b0; b < e.b1; b++) x[a * g->w + b] += part;                                                \
      }                                                                                                                 \
  }
PLANE(float)
PLANE(double)

/* ---- all planes ---- */

typedef struct {
  const pri_windows *g;
  peri_ctx *cx;
  peri_dtype dtype;
  bool spread, padded;
  const char *from;
  char *to;
} job;

static void run_group(void *ud, int64_t k) {
  const job *j = ud;
  const pri_windows *g = j->g;
  int64_t bytes = (int64_t)peri_sizeof(j->dtype), image = g->h * g->w * bytes, result = g->oh * g->ow * bytes, n = pri_window_groups(g);
  for (int64_t i = k * g->planes / n; i < (k + 1) * g->planes / n && !pri_stopped(j->cx); i++) {
    const void *from = j->from + i * (j->spread ? result : image);
    void *to = j->to + i * (j->spread ? image : result);
    if (j->dtype == PERI_F32) (j->spread ? spread_float : mean_float)(g, j->padded, from, to);
    else (j->spread ? spread_double : mean_double)(g, j->padded, from, to);
  }
}

static peri_status run_job(job *j, peri_tensor *from, const int64_t *dims, peri_tensor **out) {
  peri_ctx *cx = from->cx;
  peri_tensor *a = peri_contiguous(from), *r = !a ? NULL : (j->spread ? peri_zeros : peri_new)(cx, j->dtype, 4, dims);
  peri_status st = r ? PERI_OK : cx->code;
  if (!st && r->size && a->size) {
    j->cx = cx;
    j->from = a->data;
    j->to = r->data;
    pri_parallel(cx, pri_window_groups(j->g), run_group, j);
    st = peri_check_interrupt(cx);
  }
  peri_release(a);
  if (st) peri_release(r);
  else out[0] = r;
  return st;
}

/* ---- the primitives; args: i[0] size, i[1] stride, i[2] padding, i[3] whether the padding counts; spread: i[4], i[5] height and width ---- */

static peri_status run_mean(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  pri_windows g;
  peri_tensor *x = in[0];
  if (pri_windows_of(op->name, x, args, &g)) return x->cx->code;
  return run_job(&(job){.g = &g, .dtype = (peri_dtype)x->dtype, .padded = args->i[3]}, x, (int64_t[]){x->dims[0], x->dims[1], g.oh, g.ow}, out);
}

static peri_status run_spread(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  pri_windows g;
  peri_tensor *u = in[0], image = *u; /* a header with the shape of the images: only rules call it */
  image.dims[2] = args->i[4];
  image.dims[3] = args->i[5];
  if (pri_windows_of(op->name, &image, args, &g)) return u->cx->code;
  return run_job(&(job){.g = &g, .dtype = (peri_dtype)u->dtype, .spread = true, .padded = args->i[3]}, u, image.dims, out);
}

static peri_status vjp_mean(const peri_pull *p, peri_tensor **grads);
static peri_status vjp_spread(const peri_pull *p, peri_tensor **grads);

static const peri_op op_avg_pool2d = {.name = "nn.avg_pool2d", .signature = "nn.avg_pool2d(x, size[, { stride, padding, count_padding }])",
                                      .help = "Means over windows of images (n, c, h, w).", .samples = "images", .arity = 1, .outputs = 1,
                                      .result = PERI_RESULT_OWN, .run = run_mean, .vjp = vjp_mean, .per_example = &pri_examples_rows};
static const peri_op op_spread = {.name = "nn.avg_pool2d_spread", .signature = "u spread over its windows", .help = "The adjoint of avg_pool2d.",
                                  .samples = "none", .arity = 1, .outputs = 1, .result = PERI_RESULT_OWN, .run = run_spread, .vjp = vjp_spread,
                                  .per_example = &pri_examples_rows};

static peri_status vjp_mean(const peri_pull *p, peri_tensor **grads) {
  peri_args args = *p->args;
  args.i[4] = p->in[0]->dims[2];
  args.i[5] = p->in[0]->dims[3];
  grads[0] = peri_apply(&op_spread, p->cotangents, &args);
  return ruled(p, grads);
}

static peri_status vjp_spread(const peri_pull *p, peri_tensor **grads) {
  grads[0] = peri_apply(&op_avg_pool2d, p->cotangents, p->args);
  return ruled(p, grads);
}

peri_tensor *peri_avg_pool2d(peri_tensor *x, int64_t size, int64_t stride, int64_t padding, bool count_padding) {
  return peri_apply(&op_avg_pool2d, &x, &(peri_args){.i = {size, stride, padding, count_padding}});
}
