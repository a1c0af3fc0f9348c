/* cross_entropy.c - softmax cross-entropy of scores with classes, one value an example.
**
** With p = softmax(z) of a row z of c scores and the target t of class y, 1 - q at y and q / (c - 1) elsewhere,
**     L(z) = log sum e^z - <t, z>,    G(z) = p - t is its gradient,    that of <a, G(z)> is p (a - <p, a>).
** L and G are primitives; the last is put together from others, so that rules close. Rows are summed in f64, from their largest score.
*/
#include "tensor/example_rules.h"
#include "tensor/rules.h"
#include <perigee/nn.h>
#include <perigee/reduce.h>
#include <perigee/shape.h>
#include <math.h>

enum { BLOCK = 1024, ROWS = 64 }; /* scores at a time; rows of a task */

typedef struct {
  peri_ctx *cx;
  peri_dtype dtype;
  int64_t n, c;
  const char *z;
  const int64_t *y;
  int64_t origin;
  double at, off;           /* target at the class, and elsewhere */
  char *out;                /* L (n) or G (n, c) */
  bool gradient;
} job;

static double score(const job *j, const char *z, int64_t i) { return j->dtype == PERI_F32 ? (double)((const float *)(const void *)z)[i] : ((const double *)(const void *)z)[i]; }
static void set(const job *j, int64_t i, double v) {
  if (j->dtype == PERI_F32) ((float *)(void *)j->out)[i] = (float)v;
  else ((double *)(void *)j->out)[i] = v;
}

/* e^(z - shift) of scores from .. from + n - 1. */
static void exponentials(const job *j, const char *z, int64_t from, int64_t n, double shift, double *e) {
  for (int64_t i = 0; i < n; i++) e[i] = score(j, z, from + i) - shift;
  j->cx->k->map1[PRI_MAP1_exp][PERI_F64](e, e, n);
}

static void run_row(const job *j, int64_t row) {
  const char *z = j->z + row * j->c * (int64_t)peri_sizeof(j->dtype);
  double e[BLOCK], most = -INFINITY, sum = 0, all = 0, log_sum;
  for (int64_t i = 0; i < j->c; i++) {
    double v = score(j, z, i);
    if (v > most) most = v;
    all += v;
  }
  double shift = isfinite(most) ? most : 0;
  for (int64_t i = 0; i < j->c; i += BLOCK) {
    int64_t n = j->c - i < BLOCK ? j->c - i : BLOCK;
    exponentials(j, z, i, n, shift, e);
    sum += j->cx->k->sum_f64(e, n);
  }
  int64_t y = j->y[row] - j->origin;
  if (!j->gradient) {
    j->cx->k->map1[PRI_MAP1_log][PERI_F64](&log_sum, &sum, 1);
    double own = score(j, z, y);
    set(j, row, shift + log_sum - (j->off == 0 ? own : (j->at - j->off) * own + j->off * all));
    return;
  }
  for (int64_t i = 0; i < j->c; i += BLOCK) {
    int64_t n = j->c - i < BLOCK ? j->c - i : BLOCK;
    if (j->c > BLOCK) exponentials(j, z, i, n, shift, e);
    for (int64_t q = 0; q < n; q++) set(j, row * j->c + i + q, e[q] / sum - (i + q == y ? j->at : j->off));
  }
}

static void run_rows(void *ud, int64_t t) {
  const job *j = ud;
  int64_t end = (t + 1) * ROWS < j->n ? (t + 1) * ROWS : j->n;
  for (int64_t row = t * ROWS; row < end && !pri_stopped(j->cx); row++) run_row(j, row);
}

/* ---- the primitives; operands z, y; args: i[0] the number of the first class, f[0] smoothing ---- */

static peri_status check(peri_tensor *const *in, const peri_args *args) {
  peri_tensor *z = in[0], *y = in[1];
  peri_ctx *cx = z->cx;
  int64_t first = args->i[0];
  if (z->ndim != 2 || y->ndim != 1 || y->dims[0] != z->dims[0])
    return peri_fail(cx, PERI_ERR_SHAPE, "nn.cross_entropy: scores (n, classes) and labels (n) are needed, got %s and %s", peri_shape(z), peri_shape(y));
  if (!pri_is_float((peri_dtype)z->dtype) || y->dtype != PERI_I64)
    return peri_fail(cx, PERI_ERR_DTYPE, "nn.cross_entropy: scores must be f32 or f64 and labels i64, got %s and %s", peri_dtype_name((peri_dtype)z->dtype),
                     peri_dtype_name((peri_dtype)y->dtype));
  if (!(args->f[0] >= 0 && args->f[0] <= 1)) return peri_fail(cx, PERI_ERR_VALUE, "nn.cross_entropy: smoothing must lie in 0..1, got %g", args->f[0]);
  for (int64_t i = 0; i < y->size; i++) {
    int64_t label = ((const int64_t *)y->data)[i * y->strides[0]];
    if (label < first || label - first >= z->dims[1])
      return peri_fail(cx, PERI_ERR_INDEX, "nn.cross_entropy: labels must lie in %lld..%lld, got %lld", (long long)first, (long long)(first + z->dims[1] - 1), (long long)label);
  }
  return PERI_OK;
}

static peri_status run(peri_tensor *const *in, const peri_args *args, bool gradient, peri_tensor **out) {
  peri_tensor *z = in[0];
  peri_ctx *cx = z->cx;
  if (check(in, args)) return cx->code;
  peri_tensor *a = peri_contiguous(z), *b = a ? peri_contiguous(in[1]) : NULL, *r = b ? peri_new(cx, (peri_dtype)z->dtype, gradient ? 2 : 1, z->dims) : NULL;
  peri_status st = r ? PERI_OK : cx->code;
  if (!st && r->size) {
    double q = z->dims[1] > 1 ? args->f[0] : 0, off = q > 0 ? q / (double)(z->dims[1] - 1) : 0; /* a single class has no others */
    job j = {.cx = cx, .dtype = (peri_dtype)z->dtype, .n = z->dims[0], .c = z->dims[1], .z = a->data, .y = b->data, .origin = args->i[0], .at = 1 - q, .off = off,
             .out = r->data, .gradient = gradient};
    if (z->size <= 1 << 14) /* less work than waking the pool */
      for (int64_t row = 0; row < j.n; row++) run_row(&j, row);
    else pri_parallel(cx, (j.n + ROWS - 1) / ROWS, run_rows, &j);
    st = peri_check_interrupt(cx);
  }
  peri_release(a);
  peri_release(b);
  if (st) peri_release(r);
  else out[0] = r;
  return st;
}

static peri_status run_loss(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)op;
  return run(in, args, false, out);
}

static peri_status run_gradient(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)op;
  return run(in, args, true, out);
}

static peri_status vjp_loss(const peri_pull *p, peri_tensor **grads);
static peri_status vjp_gradient(const peri_pull *p, peri_tensor **grads);

/* Row by row; the classes may be the same for all data. */
static peri_status check_examples(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out, uint64_t batched) {
  (void)args, (void)out;
  return batched & 1 ? PERI_OK : pri_mixes(op, in[0], "takes the examples' classes for shared scores");
}
static const peri_examples examples = {.check = check_examples};

static const peri_op op_loss = {.name = "nn.softmax_loss", .signature = "nn.softmax_loss(z, y[, { smoothing }])", .help = "Softmax cross-entropy of scores (n, classes) with classes (n).",
                                .samples = "none", .arity = 2, .outputs = 1, .result = PERI_RESULT_OWN, .run = run_loss, .vjp = vjp_loss, .per_example = &examples};
static const peri_op op_gradient = {.name = "nn.softmax_gradient", .signature = "softmax(z) less the target", .help = "The gradient of the softmax cross-entropy.",
                                    .samples = "none", .arity = 2, .outputs = 1, .result = PERI_RESULT_OWN, .run = run_gradient, .vjp = vjp_gradient, .per_example = &examples};

static peri_tensor *as_column(peri_tensor *t) { return peri_unsqueeze(t, 1); }

static peri_status vjp_loss(const peri_pull *p, peri_tensor **grads) {
  if (!needs(p, 0)) return PERI_OK;
  grads[0] = r2(peri_mul, r1(as_column, keep(p->cotangents[0])), peri_apply(&op_gradient, p->in, p->args));
  return ruled(p, grads);
}

static peri_tensor *row_sums(peri_tensor *t) { return peri_sum(t, 2, true); }
static peri_tensor *log_sums(peri_tensor *t) { return peri_logsumexp(t, 2, true); }

static peri_status vjp_gradient(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *z = p->in[0], *a = p->cotangents[0];
  if (!needs(p, 0)) return PERI_OK;
  peri_tensor *s = r1(peri_exp, r2(peri_sub, keep(z), r1(log_sums, keep(z))));
  grads[0] = r2(peri_mul, keep(s), r2(peri_sub, keep(a), r1(row_sums, r2(peri_mul, keep(s), keep(a)))));
  peri_release(s);
  return ruled(p, grads);
}

peri_tensor *peri_softmax_loss(peri_tensor *z, peri_tensor *y, int64_t first, double smoothing) {
  return peri_apply(&op_loss, (peri_tensor *[]){z, y}, &(peri_args){.i = {first}, .f = {smoothing}});
}
