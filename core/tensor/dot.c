/* dot.c - the inner product  sum conj(a_i) b_i  of two tensors of one shape, in the order of a sum (see fold.h). */
#include <perigee/reduce.h>
#include "tensor/reduce.h"
#include "tensor/reduce_rules.h"

enum { BLOCK = PRI_FOLD_BLOCK, CHUNK = PRI_FOLD_CHUNK };

typedef struct {
  const peri_ctx *cx;
  pri_lines a, b;
  peri_dtype t;            /* computed in: i64, f32, f64, c128 */
  int64_t n;
  pri_state *states;       /* one for each chunk */
} job;

static void dot_i64(pri_state *s, const int64_t *a, const int64_t *b, int64_t n) {
  uint64_t r = 0;
  for (int64_t i = 0; i < n; i++) r += (uint64_t)a[i] * (uint64_t)b[i];
  s->i[0] = (int64_t)r;
}

/* conj(a) b into a buffer, then its sum. */
static void dot_c128(const pri_kernels *k, pri_state *s, const double *a, const double *b, int64_t n) {
  double z[2 * BLOCK];
  for (int64_t i = 0; i < n; i++) {
    double ar = a[2 * i], ai = a[2 * i + 1], br = b[2 * i], bi = b[2 * i + 1];
    z[2 * i] = ar * br + ai * bi;
    z[2 * i + 1] = ar * bi - ai * br;
  }
  k->sum_c128(s->f, z, n);
}

static void dot_block(const job *j, pri_state *s, const void *a, const void *b, int64_t n) {
  const pri_kernels *k = j->cx->k;
  switch (j->t) {
  case PERI_F64: s->f[0] = k->dot_f64(a, b, n); break;
  case PERI_F32: s->f[0] = k->dot_f32(a, b, n); break;
  case PERI_C128: dot_c128(k, s, a, b, n); break;
  default: dot_i64(s, a, b, n); break;
  }
}

static void add(const pri_fold_env *e, pri_state *a, const pri_state *b) { (void)e; a->f[0] += b->f[0], a->f[1] += b->f[1]; }
static void add_i64(const pri_fold_env *e, pri_state *a, const pri_state *b) { (void)e; a->i[0] = (int64_t)((uint64_t)a->i[0] + (uint64_t)b->i[0]); }
static const pri_fold sum = {.empty = {.f = {0, 0}}, .merge = add}, sum_i64 = {.empty = {.i = {0}}, .merge = add_i64};
static const pri_fold *sum_of(const job *j) { return j->t == PERI_I64 ? &sum_i64 : &sum; }

static bool plain(const pri_lines *l, peri_dtype t) { return l->dtype == t && l->inner.nd == 1 && l->inner.strides[0][0] == 1; }

static const void *fetch(const job *j, const pri_lines *l, int64_t from, int64_t n, double *native, double *cast) {
  const void *x = pri_lines_fetch(l, 0, from, n, native);
  if (l->dtype == j->t) return x;
  j->cx->k->cast[j->t][l->dtype](cast, x, n);
  return cast;
}

static pri_state dot_range(const job *j, int64_t from, int64_t to) {
  bool whole = j->t != PERI_C128 && plain(&j->a, j->t) && plain(&j->b, j->t);
  double room[4][2 * BLOCK];
  pri_tree tree;
  tree.depth = 0;
  tree.count = 0;
  int64_t span = whole ? CHUNK : BLOCK;
  for (int64_t at = from; at < to; at += span) {
    int64_t n = to - at < span ? to - at : span;
    pri_state s = {.f = {0}};
    dot_block(j, &s, fetch(j, &j->a, at, n, room[0], room[1]), fetch(j, &j->b, at, n, room[2], room[3]), n);
    pri_tree_add(sum_of(j), NULL, &tree, &s);
  }
  return pri_tree_close(sum_of(j), NULL, &tree);
}

static void chunk_task(void *ud, int64_t i) {
  const job *j = ud;
  int64_t from = i * CHUNK;
  if (pri_stopped(j->cx)) return;
  j->states[i] = dot_range(j, from, j->n - from < CHUNK ? j->n : from + CHUNK);
}

static peri_status dot_chunks(peri_ctx *cx, job *j, pri_state *s) {
  int64_t chunks = (j->n + CHUNK - 1) / CHUNK;
  size_t bytes = (size_t)chunks * sizeof *j->states;
  if (!(j->states = peri_alloc(cx, bytes))) return cx->code;
  pri_parallel(cx, chunks, chunk_task, j);
  pri_tree tree;
  tree.depth = 0;
  tree.count = 0;
  for (int64_t i = 0; i < chunks; i++) pri_tree_add(sum_of(j), NULL, &tree, &j->states[i]);
  *s = pri_tree_close(sum_of(j), NULL, &tree);
  peri_free(cx, j->states, bytes);
  return peri_check_interrupt(cx);
}

static bool small(const job *j, const peri_tensor *t) { return j->n <= BLOCK && pri_contiguous(t) && t->dtype == j->t; }

static peri_status dot_lines(peri_ctx *cx, job *j, const peri_tensor *a, const peri_tensor *b, pri_state *s) {
  pri_lines_make(&j->a, a, (1u << a->ndim) - 1);
  pri_lines_make(&j->b, b, (1u << b->ndim) - 1);
  if (j->n > CHUNK) return dot_chunks(cx, j, s);
  *s = dot_range(j, 0, j->n);
  return PERI_OK;
}

static peri_status run_dot(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *a = in[0], *b = in[1];
  peri_ctx *cx = a->cx;
  (void)args;
  if (!pri_same_shape(a, b))
    return peri_fail(cx, PERI_ERR_SHAPE, "%s: shapes differ: %s and %s", op->name, peri_shape(a), peri_shape(b));
  job j = {.cx = cx, .t = peri_promote(a, b), .n = a->size};
  if (j.t == PERI_BOOL) j.t = PERI_I64;
  pri_state s = {.f = {0}};
  if (small(&j, a) && small(&j, b)) dot_block(&j, &s, a->data, b->data, j.n);
  else if (dot_lines(cx, &j, a, b, &s)) return cx->code;
  float narrow = j.t == PERI_F32 ? (float)s.f[0] : 0;
  out[0] = peri_from(cx, j.t, 0, NULL, j.t == PERI_F32 ? (void *)&narrow : (void *)&s);
  return out[0] ? PERI_OK : cx->code;
}

const peri_op pri_op_dot = {.name = "tensor.dot", .signature = "a:dot(b)", .samples = "any", .arity = 2, .outputs = 1, .result = PERI_RESULT_OWN, .vjp = pri_vjp_dot,
                            .run = run_dot, .help = "Inner product sum conj(a) b of two tensors of one shape."};
peri_tensor *peri_dot(peri_tensor *a, peri_tensor *b) { return peri_apply(&pri_op_dot, (peri_tensor *[]){a, b}, NULL); }
