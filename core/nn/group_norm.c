/* group_norm.c - normalisation of each example's groups of channels (Wu & He 2018), scaled, shifted and perhaps rectified.
**
** For a row of m numbers, one group of one example, with mean mu, variance v (over m) and s = (v + eps)^(-1/2),
**     h = s (x - mu),     y = gamma h + beta     (max(0, y) with `rectify`),
** and with u the cotangent of y, let pass where y > 0, and w = gamma u,
**     to x  J w = s (w - <w> - h <w h>),    to gamma  sum u h,    to beta  sum u,
** <.> the mean over the row. J is symmetric. Both maps take two passes: moments or sums of a line (a channel of an example), then the line.
**
** The second is a primitive too, B(x, gamma, beta, u) = (J w, sums of u h and of u over each line). For cotangents a, b, c of its results
** and A = J a, V = J w,
**     to u      gamma A + b h + c, let pass where y > 0,
**     to gamma  sum u A,
**     to x      J(b u) - h s <a V> - s <w h> A - s <a h> V,
** written in the two primitives and tensor operations, so that they close. Derived from ds/dx = -s^2 h / m and dh/dx = J.
*/
#include "tensor/rules.h"
#include "tensor/example_rules.h"
#include <perigee/nn.h>
#include <perigee/reduce.h>
#include <perigee/shape.h>
#include <math.h>

typedef struct {
  peri_ctx *cx;
  peri_dtype dtype;
  int64_t n, c, size, groups; /* examples, channels, numbers in a line */
  double eps;
  bool rectify;
  const char *x, *u, *gamma, *beta;
  char *y, *sum_uh, *sum_u;   /* forwards: y; back: y = J w, and the sums (n, c) */
} job;

static double at(const job *j, const char *p, int64_t i) { return j->dtype == PERI_F32 ? (double)((const float *)(const void *)p)[i] : ((const double *)(const void *)p)[i]; }
static void set(const job *j, char *p, int64_t i, double v) {
  if (j->dtype == PERI_F32) ((float *)(void *)p)[i] = (float)v;
  else ((double *)(void *)p)[i] = v;
}

/* Mean and s of row r. */
static double moments(const job *j, int64_t r, double *mean) {
  int64_t m = j->c / j->groups * j->size;
  const char *x = j->x + r * m * (int64_t)peri_sizeof(j->dtype);
  const pri_kernels *k = j->cx->k;
  pri_moments v = j->dtype == PERI_F32 ? k->moments_f32((const float *)(const void *)x, m) : k->moments_f64((const double *)(const void *)x, m);
  *mean = v.mean;
  return 1 / sqrt(v.m2 / (double)m + j->eps);
}

static pri_norm line_of(const job *j, int64_t channel, double mean, double s) { return (pri_norm){mean, s * at(j, j->gamma, channel), at(j, j->beta, channel)}; }

static void forward_row(void *ud, int64_t r) {
  const job *j = ud;
  if (pri_stopped(j->cx)) return;
  int64_t in = j->c / j->groups, bytes = (int64_t)peri_sizeof(j->dtype);
  double mean, s = moments(j, r, &mean);
  for (int64_t i = 0; i < in; i++) {
    pri_norm a = line_of(j, r % j->groups * in + i, mean, s);
    int64_t from = (r * in + i) * j->size * bytes;
    j->cx->k->norm[j->dtype]->forward(j->y + from, j->x + from, &a, j->rectify, j->size);
  }
}

static void back_row(void *ud, int64_t r) {
  const job *j = ud;
  const pri_kernels *k = j->cx->k;
  if (pri_stopped(j->cx)) return;
  int64_t in = j->c / j->groups, bytes = (int64_t)peri_sizeof(j->dtype);
  double mean, s = moments(j, r, &mean), w = 0, wh = 0, m = (double)(in * j->size);
  for (int64_t i = 0; i < in; i++) {
    int64_t channel = r % j->groups * in + i, line = r * in + i, from = line * j->size * bytes;
    pri_norm a = line_of(j, channel, mean, s);
    const void *u = j->u + from, *x = j->x + from;
    if (j->rectify) {
      k->norm[j->dtype]->gate(j->y + from, u, x, &a, j->size);
      u = j->y + from;
    }
    double sum = j->dtype == PERI_F32 ? k->sum_f32(u, j->size) : k->sum_f64(u, j->size);
    double dot = ((j->dtype == PERI_F32 ? k->dot_f32(u, x, j->size) : k->dot_f64(u, x, j->size)) - mean * sum) * s;
    set(j, j->sum_u, line, sum);
    set(j, j->sum_uh, line, dot);
    w += at(j, j->gamma, channel) * sum / m;
    wh += at(j, j->gamma, channel) * dot / m;
  }
  for (int64_t i = 0; i < in; i++) {
    int64_t channel = r % j->groups * in + i, from = (r * in + i) * j->size * bytes;
    pri_norm a = line_of(j, channel, mean, s);
    k->norm[j->dtype]->back(j->y + from, j->rectify ? j->y + from : j->u + from, j->x + from, &a, a.slope, -s * s * wh, -s * w, j->size);
  }
}

/* ---- the primitives; args: i[0] groups, i[1] rectify, f[0] eps; operands x, gamma, beta and (back) u ---- */

static peri_status check(const char *who, peri_tensor *const *in, const peri_args *args) {
  peri_tensor *x = in[0];
  peri_ctx *cx = x->cx;
  if (x->ndim < 2) return peri_fail(cx, PERI_ERR_SHAPE, "%s: examples of channels are needed, got shape %s", who, peri_shape(x));
  if (!pri_is_float((peri_dtype)x->dtype))
    return peri_fail(cx, PERI_ERR_DTYPE, "%s: x must be f32 or f64, got %s", who, peri_dtype_name((peri_dtype)x->dtype));
  if (args->i[0] < 1 || x->dims[1] % args->i[0])
    return peri_fail(cx, PERI_ERR_VALUE, "%s: %lld groups do not divide %lld channels", who, (long long)args->i[0], (long long)x->dims[1]);
  if (!(args->f[0] >= 0)) return peri_fail(cx, PERI_ERR_VALUE, "%s: eps must be >= 0, got %g", who, args->f[0]);
  for (int i = 1; i < 3; i++)
    if (in[i]->size != x->dims[1] || in[i]->dtype != x->dtype)
      return peri_fail(cx, in[i]->size != x->dims[1] ? PERI_ERR_SHAPE : PERI_ERR_DTYPE, "%s: %s must have %lld elements of %s, got %s of %s", who,
                       i == 1 ? "gamma" : "beta", (long long)x->dims[1], peri_dtype_name((peri_dtype)x->dtype), peri_shape(in[i]),
                       peri_dtype_name((peri_dtype)in[i]->dtype));
  return PERI_OK;
}

static peri_status run_rows(const peri_op *op, peri_tensor *const *in, int operands, const peri_args *args, peri_tensor **out) {
  peri_ctx *cx = in[0]->cx;
  peri_tensor *t[4] = {0}, *r[3] = {0};
  if (check(op->name, in, args)) return cx->code;
  bool ok = true;
  for (int i = 0; i < operands && ok; i++) ok = (t[i] = peri_contiguous(in[i])) != NULL;
  peri_tensor *x = in[0];
  int64_t lines[2] = {x->dims[0], x->dims[1]};
  ok = ok && (r[0] = peri_new(cx, (peri_dtype)x->dtype, x->ndim, x->dims));
  for (int i = 1; i < op->outputs && ok; i++) ok = (r[i] = peri_zeros(cx, (peri_dtype)x->dtype, 2, lines)) != NULL;
  if (ok && x->size) {
    job j = {.cx = cx, .dtype = (peri_dtype)x->dtype, .n = lines[0], .c = lines[1], .size = x->size / (lines[0] * lines[1]), .groups = args->i[0],
             .eps = args->f[0], .rectify = args->i[1], .x = t[0]->data, .gamma = t[1]->data, .beta = t[2]->data, .y = r[0]->data};
    if (operands == 4) j.u = t[3]->data, j.sum_uh = r[1]->data, j.sum_u = r[2]->data;
    pri_parallel(cx, j.n * j.groups, operands == 4 ? back_row : forward_row, &j);
    ok = !peri_check_interrupt(cx);
  }
  for (int i = 0; i < 4; i++) peri_release(t[i]);
  for (int i = 0; i < op->outputs; i++) {
    if (ok) out[i] = r[i];
    else peri_release(r[i]);
  }
  return ok ? PERI_OK : cx->code;
}

static peri_status run_group_norm(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) { return run_rows(op, in, 3, args, out); }
static peri_status run_back(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) { return run_rows(op, in, 4, args, out); }

static peri_status vjp_group_norm(const peri_pull *p, peri_tensor **grads);
static peri_status vjp_back(const peri_pull *p, peri_tensor **grads);

/* Rows belong to examples; gamma and beta do not. */
static peri_status check_examples(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out, uint64_t batched) {
  (void)args, (void)out;
  if (!(batched & 1)) return pri_mixes(op, in[0], "takes the examples' scales for shared data");
  return batched & 6 ? pri_mixes(op, in[batched & 2 ? 1 : 2], "takes scales and shifts that the examples make up together") : PERI_OK;
}

static peri_status vjp_examples(const peri_pull *p, uint64_t batched, peri_tensor **grads);
static const peri_examples examples_group_norm = {.check = check_examples, .vjp = vjp_examples}, examples_back = {.check = check_examples};

static const peri_op op_group_norm = {.name = "nn.group_norm2d", .signature = "nn.group_norm2d(x, gamma, beta, groups[, { eps, rectify }])",
                                      .help = "Group normalisation of images (n, c, h, w).", .samples = "images", .arity = 3, .outputs = 1,
                                      .result = PERI_RESULT_OWN, .run = run_group_norm, .vjp = vjp_group_norm, .per_example = &examples_group_norm};
static const peri_op op_back = {.name = "nn.group_norm2d_back", .signature = "the gradient of group_norm2d", .help = "The gradient of group_norm2d.",
                                .samples = "none", .arity = 4, .outputs = 3, .result = PERI_RESULT_OWN, .run = run_back, .vjp = vjp_back,
                                .per_example = &examples_back};

peri_tensor *peri_group_norm2d(peri_tensor *x, peri_tensor *gamma, peri_tensor *beta, int64_t groups, double eps, bool rectify) {
  return peri_apply(&op_group_norm, (peri_tensor *[]){x, gamma, beta}, &(peri_args){.i = {groups, rectify}, .f = {eps}});
}

/* ---- rules ---- */

static peri_tensor *shaped_like(peri_tensor *t, const peri_tensor *like) {
  peri_tensor *r = t ? peri_reshape(t, like->ndim, like->dims) : NULL;
  peri_release(t);
  return r;
}

static peri_tensor *over_examples(peri_tensor *t) {
  peri_tensor *r = t ? peri_sum(t, 1, false) : NULL;
  peri_release(t);
  return r;
}

static peri_status vjp_group_norm(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *back[3];
  if (peri_apply_many(&op_back, (peri_tensor *[]){p->in[0], p->in[1], p->in[2], p->cotangents[0]}, p->args, back)) return p->in[0]->cx->code;
  for (int i = 0; i < 3; i++) {
    if (!needs(p, i)) peri_release(back[i]);
    else grads[i] = i == 0 ? back[i] : shaped_like(over_examples(back[i]), p->in[i]);
  }
  return ruled(p, grads);
}

static peri_status vjp_examples(const peri_pull *p, uint64_t batched, peri_tensor **grads) {
  peri_tensor *back[3];
  (void)batched;
  if (peri_apply_many(&op_back, (peri_tensor *[]){p->in[0], p->in[1], p->in[2], p->cotangents[0]}, p->args, back)) return p->in[0]->cx->code;
  for (int i = 0; i < 3; i++) {
    peri_tensor *like = p->in[i];
    int64_t dims[PERI_MAXDIM + 1] = {p->in[0]->dims[0]};
    memcpy(dims + 1, like->dims, (size_t)like->ndim * sizeof dims[0]);
    if (!needs(p, i)) continue;
    if (i == 0) grads[0] = keep(back[0]);
    else if (like->ndim < PERI_MAXDIM) grads[i] = peri_reshape(back[i], like->ndim + 1, dims);
    else pri_mixes(p->op, like, "has no room for an axis of examples");
  }
  for (int i = 0; i < 3; i++) peri_release(back[i]);
  return ruled(p, grads);
}

/* The shapes of the second-order formulas: lines (n, c, size) and rows (n, groups, m). */
typedef struct { int64_t line[3], row[3], groups; double eps; peri_tensor *ones, *zeros; } frame;

static peri_tensor *lines(const frame *f, peri_tensor *t) {
  peri_tensor *r = t ? peri_reshape(t, 3, f->line) : NULL;
  peri_release(t);
  return r;
}
static peri_tensor *rows(const frame *f, peri_tensor *t) {
  peri_tensor *r = t ? peri_reshape(t, 3, f->row) : NULL;
  peri_release(t);
  return r;
}
static peri_tensor *column(peri_tensor *t) { return t ? peri_unsqueeze(t, t->ndim) : NULL; }           /* (n, c, 1) of (n, c) */
static peri_tensor *channels(peri_tensor *t) { return peri_reshape(t, 2, (int64_t[]){t->size, 1}); }    /* (c, 1), beside lines */
static peri_tensor *mean(peri_tensor *t) {
  peri_tensor *r = t ? peri_mean(t, 1u << 2, true) : NULL;
  peri_release(t);
  return r;
}
static peri_tensor *times(peri_tensor *a, peri_tensor *b) { return r2(peri_mul, a, b); }
static peri_tensor *plus(peri_tensor *a, peri_tensor *b) { return r2(peri_add, a, b); }

/* J v at x, and h, as lines; s as (n, groups, 1). v is taken over. */
static peri_tensor *J(const frame *f, peri_tensor *x, peri_tensor *v) {
  peri_tensor *back[3], *r = NULL;
  peri_args args = {.i = {f->groups}, .f = {f->eps}};
  if (v && !peri_apply_many(&op_back, (peri_tensor *[]){x, f->ones, f->zeros, v}, &args, back)) {
    r = back[0];
    peri_release(back[1]);
    peri_release(back[2]);
  }
  peri_release(v);
  return r;
}
static peri_tensor *normal(const frame *f, peri_tensor *x) { return peri_group_norm2d(x, f->ones, f->zeros, f->groups, f->eps, false); }
static peri_tensor *scale(const frame *f, peri_tensor *x) {
  peri_tensor *row = rows(f, keep(x)), *v = row ? peri_var(row, 1u << 2, true, 0) : NULL;
  peri_release(row);
  return v ? r1(peri_rsqrt, plus(v, number(x, f->eps))) : NULL;
}

/* u where y > 0. */
static peri_tensor *passed(const peri_pull *p, const frame *f, peri_tensor *x, peri_tensor *u) {
  if (!p->args->i[1]) return u;
  peri_tensor *y = peri_group_norm2d(x, p->in[1], p->in[2], f->groups, f->eps, false);
  peri_tensor *open = y ? r2(peri_gt, y, number(x, 0)) : NULL, *nought = number(x, 0);
  peri_tensor *r = open && nought && u ? peri_where(open, u, nought) : NULL;
  peri_release(open);
  peri_release(nought);
  peri_release(u);
  return r;
}

/* The gradients in lines; x, u (passed) and a, b, c as lines and (n, c, 1), a, b or c NULL for zero. */
static peri_tensor *to_u(const frame *f, peri_tensor *x, peri_tensor *gamma, peri_tensor *A, peri_tensor *b, peri_tensor *c) {
  peri_tensor *sum = A ? times(keep(gamma), keep(A)) : NULL, *more = b ? times(keep(b), normal(f, x)) : NULL;
  if (b && !more) return peri_release(sum), NULL;
  sum = !sum ? more : !more ? sum : plus(sum, more);
  if (!c) return sum;
  return sum ? plus(sum, keep(c)) : r2(peri_add, peri_zeros(x->cx, (peri_dtype)x->dtype, 3, f->line), keep(c));
}

static peri_tensor *to_x(const frame *f, peri_tensor *x, peri_tensor *gamma, peri_tensor *u, peri_tensor *a, peri_tensor *A, peri_tensor *b) {
  peri_tensor *sum = b ? J(f, x, times(keep(b), keep(u))) : NULL;
  if ((b && !sum) || !A) return sum;
  peri_tensor *w = times(keep(gamma), keep(u)), *h = rows(f, normal(f, x)), *s = scale(f, x), *V = rows(f, J(f, x, keep(w)));
  peri_tensor *by_h = mean(times(rows(f, keep(a)), keep(V))), *by_A = mean(times(rows(f, keep(w)), keep(h))), *by_V = mean(times(rows(f, keep(a)), keep(h)));
  peri_tensor *three = plus(times(keep(h), by_h), plus(times(rows(f, keep(A)), by_A), times(keep(V), by_V)));
  peri_tensor *r = r1(peri_neg, times(three, keep(s)));
  peri_release(w), peri_release(h), peri_release(s), peri_release(V);
  r = lines(f, r);
  return b ? plus(sum, r) : r;
}

static peri_status vjp_back(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *const *in = p->in, *const *g = p->cotangents;
  peri_ctx *cx = in[0]->cx;
  int64_t n = in[0]->dims[0], c = in[0]->dims[1], size = in[0]->size ? in[0]->size / (n * c) : 0, groups = p->args->i[0];
  frame f = {.line = {n, c, size}, .row = {n, groups, c / groups * size}, .groups = groups, .eps = p->args->f[0]};
  if (in[0]->size == 0) {
    for (int i = 0; i < 4; i++)
      if (needs(p, i)) grads[i] = peri_zeros(cx, (peri_dtype)in[i]->dtype, in[i]->ndim, in[i]->dims);
    return ruled(p, grads);
  }
  f.ones = peri_full(cx, (peri_dtype)in[0]->dtype, 1, &c, 1);
  f.zeros = peri_zeros(cx, (peri_dtype)in[0]->dtype, 1, &c);
  peri_tensor *x = f.ones && f.zeros ? lines(&f, keep(in[0])) : NULL, *gamma = x ? channels(in[1]) : NULL;
  peri_tensor *u = gamma ? passed(p, &f, x, lines(&f, keep(in[3]))) : NULL;
  peri_tensor *a = u && g[0] ? lines(&f, keep(g[0])) : NULL, *b = u && g[1] ? column(g[1]) : NULL, *e = u && g[2] ? column(g[2]) : NULL;
  peri_tensor *A = a ? J(&f, x, keep(a)) : NULL;
  bool ok = u && (!g[0] || A) && (!g[1] || b) && (!g[2] || e);
  if (ok && needs(p, 3)) grads[3] = shaped_like(passed(p, &f, x, to_u(&f, x, gamma, A, b, e)), in[3]);
  if (ok && needs(p, 1)) {
    peri_tensor *uA = A ? times(keep(u), keep(A)) : peri_zeros(cx, (peri_dtype)x->dtype, 3, f.line), *sum = uA ? peri_sum(uA, 5, false) : NULL;
    peri_release(uA);
    grads[1] = shaped_like(sum, in[1]);
  }
  if (ok && needs(p, 2)) grads[2] = peri_zeros(cx, (peri_dtype)in[2]->dtype, in[2]->ndim, in[2]->dims);
  if (ok && needs(p, 0)) {
    peri_tensor *r = a || b ? to_x(&f, x, gamma, u, a, A, b) : peri_zeros(cx, (peri_dtype)x->dtype, 3, f.line);
    grads[0] = shaped_like(r, in[0]);
  }
  peri_tensor *mine[] = {f.ones, f.zeros, x, gamma, u, a, b, e, A};
  for (size_t i = 0; i < sizeof mine / sizeof *mine; i++) peri_release(mine[i]);
  return ok ? ruled(p, grads) : cx->code;
}
