/* blocks.c - mean log norms of block sums, for all block sizes in one reading.
**
** Rows x_1 .. x_N of length d; block i of size m has the sum Y_i of its m rows. The block log-norm estimator of a tail index needs the means of
** log(|Y_i| + 2^-52) for several m. A size takes its sums from the largest smaller one that divides it, the first from the rows: a tree
** of accumulators, each of which passes its vector on when it is complete. Of nested sizes all together cost as much as the first two.
** Source: Mohammadi, Mohammadpour & Ogata (2015), Metrika 78.
*/
#include <perigee/diag.h>
#include "diag/blocks.h"
#include <math.h>

enum { MOST = 64 };

typedef struct {
  int64_t m, ratio, have; /* the size; how many vectors of the parent make a block; how many have come */
  int parent;             /* -1: the rows */
  int turn;               /* which of the two sums is being made: children may still point at the other */
  double *sum[2], logs;
  const void *first;      /* the first vector of the block, where it is */
} node;

typedef struct {
  const pri_block_loops *loops;
  int64_t d;
  int count;
  node at[MOST];
} tree;

static double log_norm(double square) { return log(sqrt(square) + 0x1p-52); }

/* A vector of the node `from` goes to its children, and on from those it completes. It must stay until the next but one comes. */
static void pass(tree *t, int from, const void *x, int type) {
  for (int c = from + 1; c < t->count; c++) {
    node *n = &t->at[c];
    double square = 0, *sum = n->sum[n->turn];
    if (n->parent != from) continue;
    if (n->have == 0) n->first = x;
    else if (n->have == 1) square = t->loops->pair[type](sum, n->first, x, t->d);
    else square = t->loops->add[type](sum, x, t->d);
    if (++n->have < n->ratio) continue;
    n->have = 0, n->turn ^= 1;
    n->logs += log_norm(square);
    pass(t, c, sum, 1);
  }
}

/* Sizes ascending; parents come before their children. sums: 2 count vectors. */
static void grow(tree *t, int count, const int64_t *m, double *sums) {
  t->count = count;
  for (int c = 0; c < count; c++) {
    node *n = &t->at[c];
    *n = (node){.m = m[c], .ratio = m[c], .parent = -1, .sum = {sums + 2 * c * t->d, sums + (2 * c + 1) * t->d}};
    for (int p = c - 1; p >= 0 && n->parent < 0; p--)
      if (m[c] % m[p] == 0) n->parent = p, n->ratio = m[c] / m[p];
  }
}

static peri_status check(peri_tensor *x, int count, const int64_t *m) {
  peri_ctx *cx = x->cx;
  if (x->ndim != 2 || x->dims[0] < 1 || x->dims[1] < 1) return peri_fail(cx, PERI_ERR_SHAPE, "diag.block_logs: rows (N, d) are needed, got shape %s", peri_shape(x));
  if (x->dtype != PERI_F32 && x->dtype != PERI_F64) return peri_fail(cx, PERI_ERR_DTYPE, "diag.block_logs: rows must be f32 or f64, got %s", peri_dtype_name((peri_dtype)x->dtype));
  if (count < 0 || count > MOST) return peri_fail(cx, PERI_ERR_VALUE, "diag.block_logs: at most %d block sizes, got %d", MOST, count);
  for (int c = 0; c < count; c++) {
    if (m[c] < 2 || x->dims[0] % m[c] != 0)
      return peri_fail(cx, PERI_ERR_VALUE, "diag.block_logs: blocks of %lld rows do not cut %lld rows evenly into sums of 2 or more", (long long)m[c], (long long)x->dims[0]);
    if (c && m[c] <= m[c - 1]) return peri_fail(cx, PERI_ERR_VALUE, "diag.block_logs: block sizes must increase, but %lld follows %lld", (long long)m[c], (long long)m[c - 1]);
  }
  return PERI_OK;
}

peri_status peri_block_logs(peri_tensor *rows, const int64_t *order, int count, const int64_t *m, double *mean) {
  extern const pri_block_loops pri_block_loops_baseline, pri_block_loops_avx2, pri_block_loops_avx512;
  peri_ctx *cx = rows->cx;
  if (check(rows, count, m)) return peri_errcode(cx);
  int64_t N = rows->dims[0], d = rows->dims[1];
  for (int64_t i = 0; order && i < N; i++)
    if (order[i] < 0 || order[i] >= N) return peri_fail(cx, PERI_ERR_VALUE, "diag.block_logs: row %lld of %lld in the order", (long long)order[i] + 1, (long long)N);
  peri_tensor *x = peri_contiguous(rows);
  size_t size = (size_t)(2 * count * d) * sizeof(double);
  double *sums = x && count ? peri_alloc(cx, size) : NULL;
  peri_status st = x && (sums || !count) ? PERI_OK : peri_errcode(cx);
  if (!st) {
    tree t = {.loops = pri_kernels_pick(cx->k, &pri_block_loops_baseline, &pri_block_loops_avx2, &pri_block_loops_avx512), .d = d};
    int type = x->dtype == PERI_F64;
    int64_t bytes = (int64_t)peri_sizeof((peri_dtype)x->dtype) * d;
    double logs = 0;
    grow(&t, count, m, sums);
    for (int64_t i = 0; i < N && !st; i++) {
      const char *row = (const char *)x->data + (order ? order[i] : i) * bytes;
      logs += log_norm(t.loops->square[type](row, d));
      pass(&t, -1, row, type);
      if (i % 64 == 0 && pri_stopped(cx)) st = peri_check_interrupt(cx);
    }
    mean[0] = logs / (double)N;
    for (int c = 0; c < count; c++) mean[1 + c] = t.at[c].logs / (double)(N / m[c]);
  }
  if (sums) peri_free(cx, sums, size);
  peri_release(x);
  return st;
}
