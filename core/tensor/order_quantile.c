/* order_quantile.c - quantiles, searching in sorted vectors, histograms.
**
** A quantile needs at most two neighbouring order statistics, found by selection in O(n); for more than MANY of them a line is sorted
** instead. A histogram guesses the bin as if the edges were evenly spaced and then walks to the right one, so that it agrees
** with comparisons against the edges to the last bit, whatever they are.
*/
#include <perigee/order.h>
#include "tensor/fold.h"
#include "tensor/order.h"
#include "tensor/reduce_rules.h"
#include "tensor/example_rules.h"
#include <math.h>

enum { MANY = 4, CHUNK = 1 << 16 };

/* ---- quantiles: the values of q are the second operand, 1-d f64 ---- */

typedef struct {
  const double *q;
  int64_t nq, lines;
  char *out;             /* [q][line] */
  peri_dtype result;
} quantiles;

/* a + g (b - a), g in [0, 1); exact where a = b, and where an infinite end is not reached */
static double between(double a, double b, double g) {
  if (g == 0 || a == b) return a;
  double d = b - a;
  return isinf(d) && isfinite(a) && isfinite(b) ? a * (1 - g) + b * g : a + g * d;
}

static void put(const quantiles *p, int64_t i, int64_t line, double x) {
  int64_t at = i * p->lines + line;
  if (p->result == PERI_F32) ((float *)p->out)[at] = (float)x;
  else ((double *)p->out)[at] = x;
}

static int64_t place(const quantiles *p, int64_t i, int64_t n, double *g) {
  double h = (double)(n - 1) * p->q[i], k = floor(h);
  *g = h - k;
  return (int64_t)k;
}

/* The key after position k, given the one at k: the same if it has equals, else the least above. */
static uint64_t next_key(const uint64_t *x, int64_t n, int64_t k, uint64_t key, int64_t below) {
  int64_t equal = 0;
  uint64_t least = UINT64_MAX;
  for (int64_t i = 0; i < n; i++) {
    equal += x[i] == key;
    if (x[i] > key && x[i] < least) least = x[i];
  }
  return below + equal > k + 1 ? key : least;
}

static void quantile_line(const pri_line_job *j, int64_t line, void *scratch) {
  const quantiles *p = j->ud;
  int64_t n = j->l.length;
  uint64_t *keys = scratch, *room = keys + n, above = 0;
  pri_keys(keys, pri_lines_fetch(&j->l, pri_lines_start(&j->l, line), 0, n, room), n, j->l.dtype, false);
  bool nan = false, sorted = p->nq > MANY;
  if (pri_is_float(j->l.dtype))
    for (int64_t i = 0; i < n; i++) nan |= keys[i] == pri_nan_key;
  if (sorted && !nan) pri_sort_keys(j->cx, keys, room, n);
  for (int64_t i = 0; i < p->nq; i++) {
    double g;
    int64_t k = place(p, i, n, &g), below = 0;
    if (nan) {
      put(p, i, line, NAN);
      continue;
    }
    uint64_t key = sorted ? keys[k] : pri_select_key(keys, room, n, k, &below);
    above = g == 0 ? key : sorted ? keys[k + 1] : next_key(keys, n, k, key, below);
    put(p, i, line, between(pri_key_value(key, j->l.dtype), pri_key_value(above, j->l.dtype), g));
  }
}

/* args: i[0] axes, i[1] keep, i[2] whether q has an axis of its own */
static peri_status run_quantile(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *a = in[0], *q = in[1];
  peri_ctx *cx = a->cx;
  uint32_t bits;
  int nd;
  int64_t dims[2 * PERI_MAXDIM];
  if (pri_ordered(op, a) || pri_axes(op->name, a, (uint32_t)args->i[0], &bits)) return cx->code;
  for (int64_t i = 0; i < q->size; i++)
    if (!(peri_item(q, i) >= 0 && peri_item(q, i) <= 1))
      return peri_fail(cx, PERI_ERR_VALUE, "%s: q must lie in [0, 1], got %g", op->name, peri_item(q, i));
  dims[0] = q->size;
  bool many = args->i[2] != 0;
  pri_reduced_shape(a, bits, args->i[1] != 0, &nd, dims + many);
  nd += many;
  peri_tensor *r = peri_new(cx, a->dtype == PERI_F32 ? PERI_F32 : PERI_F64, nd, dims);
  if (!r) return cx->code;
  pri_line_job j = {.line = quantile_line, .cx = cx};
  pri_lines_make(&j.l, a, bits);
  if (j.l.length == 0 && r->size > 0) {
    peri_release(r);
    return peri_fail(cx, PERI_ERR_VALUE, "%s: no elements to choose from in shape %s", op->name, peri_shape(a));
  }
  quantiles p = {.q = q->data, .nq = q->size, .lines = j.l.count, .out = r->data, .result = (peri_dtype)r->dtype};
  j.ud = &p;
  j.scratch = 16 * (size_t)j.l.length;
  if (r->size > 0 && pri_each_line(&j)) return peri_release(r), cx->code;
  out[0] = r;
  return PERI_OK;
}

const peri_op pri_op_quantile = {.name = "tensor.quantile", .signature = "a:quantile(q[, axis | {axes=, keep=}])", .samples = "any", .arity = 2,
                                 .outputs = 1, .result = PERI_RESULT_OWN, .run = run_quantile, .vjp = pri_vjp_quantile, .per_example = &pri_examples_quantile,
                                 .help = "Quantiles of type 7 at q, a number or a list, over all elements or along axes; NaN if there is one."};

static peri_tensor *quantile(peri_tensor *a, int64_t nq, const double *q, uint32_t axes, bool keep, bool many) {
  peri_tensor *qs = peri_from(a->cx, PERI_F64, 1, &nq, q);
  if (!qs) return NULL;
  peri_tensor *r = peri_apply(&pri_op_quantile, (peri_tensor *[]){a, qs}, &(peri_args){.i = {axes, keep, many}});
  peri_release(qs);
  return r;
}
peri_tensor *peri_quantile(peri_tensor *a, double q, uint32_t axes, bool keep) { return quantile(a, 1, &q, axes, keep, false); }
peri_tensor *peri_quantiles(peri_tensor *a, int64_t nq, const double *q, uint32_t axes, bool keep) { return quantile(a, nq, q, axes, keep, true); }
peri_tensor *peri_median(peri_tensor *a, uint32_t axes, bool keep) { return peri_quantile(a, 0.5, axes, keep); }

/* ---- searching: everything as keys of the promoted dtype ---- */

typedef struct {
  const peri_ctx *cx;
  const uint64_t *sorted;
  int64_t m;
  pri_lines values;
  peri_dtype t;
  bool right;
  int64_t *out;
} searching;

/* How many of the m keys are < key, or <= key: bisection without branches, because they could not be predicted. */
#define BISECT(OP)                                                                                                     \
  int64_t at = 0;                                                                                                      \
  for (int64_t half; m > 1; m -= half) {                                                                               \
    half = m / 2;                                                                                                      \
    at += half & -(int64_t)(x[at + half - 1] OP key);                                                                  \
  }                                                                                                                    \
  return m ? at + (x[at] OP key) : 0
static int64_t below_key(const uint64_t *x, int64_t m, uint64_t key) { BISECT(<); }
static int64_t up_to_key(const uint64_t *x, int64_t m, uint64_t key) { BISECT(<=); }

/* -0 and 0 are one value here: a vector in ascending order may hold them in any order. */
static void plain_keys(uint64_t *key, void *x, int64_t n, peri_dtype t) {
  if (t == PERI_F64)
    for (int64_t i = 0; i < n; i++) ((double *)x)[i] += 0.0;
  if (t == PERI_F32)
    for (int64_t i = 0; i < n; i++) ((float *)x)[i] += 0.0f;
  pri_keys(key, x, n, t, false);
}

static void block_keys(const peri_ctx *cx, const pri_lines *l, int64_t from, int64_t n, peri_dtype t, uint64_t *keys) {
  double native[PRI_FOLD_BLOCK], cast[PRI_FOLD_BLOCK];
  cx->k->cast[t][l->dtype](cast, pri_lines_fetch(l, 0, from, n, native), n);
  plain_keys(keys, cast, n, t);
}

static void search_task(void *ud, int64_t i) {
  const searching *s = ud;
  uint64_t keys[PRI_FOLD_BLOCK];
  int64_t end = (i + 1) * CHUNK < s->values.length ? (i + 1) * CHUNK : s->values.length;
  for (int64_t at = i * CHUNK; at < end && !pri_stopped(s->cx); at += PRI_FOLD_BLOCK) {
    int64_t n = end - at < PRI_FOLD_BLOCK ? end - at : PRI_FOLD_BLOCK;
    block_keys(s->cx, &s->values, at, n, s->t, keys);
    for (int64_t c = 0; c < n; c++) s->out[at + c] = s->right ? up_to_key(s->sorted, s->m, keys[c]) : below_key(s->sorted, s->m, keys[c]);
  }
}

/* args: i[0] right */
static peri_status run_searchsorted(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *a = in[0], *v = in[1];
  peri_ctx *cx = a->cx;
  if (pri_ordered(op, a) || pri_ordered(op, v)) return cx->code;
  if (a->ndim != 1) return peri_fail(cx, PERI_ERR_SHAPE, "%s: the sorted tensor must be 1-d, got shape %s", op->name, peri_shape(a));
  size_t bytes = 8 * (size_t)a->size;
  uint64_t *sorted = peri_alloc(cx, bytes);
  if (!sorted) return cx->code;
  peri_tensor *r = peri_new(cx, PERI_I64, v->ndim, v->dims);
  if (!r) return peri_free(cx, sorted, bytes), cx->code;
  searching s = {.cx = cx, .sorted = sorted, .m = a->size, .t = peri_promote(a, v), .right = args->i[0] != 0, .out = r->data};
  pri_lines edges;
  pri_lines_make(&edges, a, 1);
  pri_lines_make(&s.values, v, (1u << v->ndim) - 1);
  for (int64_t at = 0; at < a->size; at += PRI_FOLD_BLOCK)
    block_keys(cx, &edges, at, a->size - at < PRI_FOLD_BLOCK ? a->size - at : PRI_FOLD_BLOCK, s.t, sorted + at);
  pri_parallel(cx, (v->size + CHUNK - 1) / CHUNK, search_task, &s);
  peri_free(cx, sorted, bytes);
  if (peri_check_interrupt(cx)) return peri_release(r), cx->code;
  out[0] = r;
  return PERI_OK;
}

const peri_op pri_op_searchsorted = {.name = "tensor.searchsorted", .signature = "a:searchsorted(values[, {right=}])", .samples = "any", .arity = 2,
                                     .outputs = 1, .result = PERI_RESULT_OWN, .run = run_searchsorted,
                                     .help = "For each value, how many elements of the ascending vector a come before it."};
peri_tensor *peri_searchsorted(peri_tensor *a, peri_tensor *values, bool right) {
  return peri_apply(&pri_op_searchsorted, (peri_tensor *[]){a, values}, &(peri_args){.i = {right}});
}

/* ---- histograms ---- */

static bool inside(const double *edges, int64_t i, double x) { return x >= edges[i] && x < edges[i + 1]; }

static int64_t bin_of(const double *edges, int64_t m, double per_width, double x) {
  if (!(x >= edges[0] && x <= edges[m])) return -1;
  double guess = (x - edges[0]) * per_width;
  int64_t i = guess >= 0 && guess < (double)m ? (int64_t)guess : m - 1;
  if (inside(edges, i, x)) return i;
  if (i > 0 && inside(edges, i - 1, x)) return i - 1;
  if (i + 1 < m && inside(edges, i + 1, x)) return i + 1;
  for (int64_t lo = 0, hi = m;; ) { /* edges[lo] <= x, and x < edges[hi] or hi = m */
    if (hi - lo == 1) return lo;
    int64_t mid = lo + (hi - lo) / 2;
    if (x >= edges[mid]) lo = mid;
    else hi = mid;
  }
}

static peri_status check_edges(const peri_op *op, const peri_tensor *e) {
  if (e->ndim != 1 || e->size < 2)
    return peri_fail(e->cx, PERI_ERR_SHAPE, "%s: edges must be 1-d with at least two entries, got shape %s", op->name, peri_shape(e));
  for (int64_t i = 0; i < e->size; i++) {
    double x = peri_item(e, i);
    if (!isfinite(x)) return peri_fail(e->cx, PERI_ERR_VALUE, "%s: edge %lld is %g; edges must be finite", op->name, (long long)i + 1, x);
    if (i && x <= peri_item(e, i - 1))
      return peri_fail(e->cx, PERI_ERR_VALUE, "%s: edges must increase, but edge %lld is %g after %g", op->name, (long long)i + 1, x,
                       peri_item(e, i - 1));
  }
  return PERI_OK;
}

static void fill_bins(const peri_ctx *cx, peri_tensor *a, const double *edges, int64_t m, int64_t *count) {
  double native[PRI_FOLD_BLOCK], cast[PRI_FOLD_BLOCK], per_width = (double)m / (edges[m] - edges[0]);
  pri_lines l;
  pri_lines_make(&l, a, (1u << a->ndim) - 1);
  for (int64_t at = 0; at < l.length && !pri_stopped(cx); at += PRI_FOLD_BLOCK) {
    int64_t n = l.length - at < PRI_FOLD_BLOCK ? l.length - at : PRI_FOLD_BLOCK;
    cx->k->cast[PERI_F64][a->dtype](cast, pri_lines_fetch(&l, 0, at, n, native), n);
    for (int64_t i = 0; i < n; i++) {
      int64_t bin = bin_of(edges, m, per_width, cast[i]);
      if (bin >= 0) count[bin]++;
    }
  }
}

static peri_status run_histogram(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *a = in[0];
  peri_ctx *cx = a->cx;
  (void)args;
  if (pri_ordered(op, a) || pri_ordered(op, in[1]) || check_edges(op, in[1])) return cx->code;
  int64_t m = in[1]->size - 1;
  peri_tensor *edges = peri_cast(in[1], PERI_F64), *r = edges ? peri_zeros(cx, PERI_I64, 1, &m) : NULL;
  if (r) fill_bins(cx, a, edges->data, m, r->data);
  peri_release(edges);
  if (!r || peri_check_interrupt(cx)) return peri_release(r), cx->code;
  out[0] = r;
  return PERI_OK;
}

const peri_op pri_op_histogram = {.name = "tensor.histogram", .signature = "a:histogram(edges)", .samples = "any", .arity = 2, .outputs = 1,
                                  .result = PERI_RESULT_OWN, .run = run_histogram,
                                  .help = "Counts of elements between neighbouring edges; the last bin is closed."};
peri_tensor *peri_histogram(peri_tensor *a, peri_tensor *edges) { return peri_apply(&pri_op_histogram, (peri_tensor *[]){a, edges}, NULL); }
