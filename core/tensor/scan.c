/* scan.c - running sums and products along an axis.
**
** A running sum s carries the rounding errors of its additions in c (exactly, by Knuth's two-sum; Neumaier 1974) and each entry is
** s + c rounded: the error does not grow with the length until n eps does. The additions to c are off the chain that bounds
** the speed. Along the last axis lines are scanned one by one; along another, rows are added to a row of states.
*/
#include <perigee/reduce.h>
#include "tensor/reduce.h"
#include "tensor/reduce_rules.h"
#include "tensor/example_rules.h"

enum { BLOCK = 1024 };

typedef struct { double s, c; } running; /* sum and its error; or product (real, imaginary) */
typedef struct scanner scanner;
struct scanner {
  peri_dtype wants, result;
  running start;
  /* n entries along one line; n entries each of its own line */
  void (*along)(void *r, running *state, const void *x, int64_t n);
  void (*across)(void *r, running *state, const void *x, int64_t n);
};

typedef struct {
  const scanner *s;
  const peri_ctx *cx;
  pri_lines l;               /* the lines along the axis (after = 1), or the rows of the axes after it */
  char *out;
  int64_t n, after, tiles;   /* length of a scan; elements of a row; pieces of a row */
  int64_t group, units;
} job;

/* What is left of an overflow has no error: inf - inf would make it NaN. */
static inline double add(running *a, double x) {
  double t = a->s + x, z = t - a->s;
  a->c += (a->s - (t - z)) + (x - z);
  a->s = t;
  return t - t == 0 ? t + a->c : t;
}

static void sum_along(void *r, running *state, const void *x, int64_t n) {
  running a = *state;
  for (int64_t i = 0; i < n; i++) ((double *)r)[i] = add(&a, ((const double *)x)[i]);
  *state = a;
}
static void sum_across(void *r, running *state, const void *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) ((double *)r)[i] = add(&state[i], ((const double *)x)[i]);
}
/* c128: two states for each line. */
static void sum_along_c128(void *r, running *state, const void *x, int64_t n) {
  running a = state[0], b = state[1];
  for (int64_t i = 0; i < n; i++) {
    ((double *)r)[2 * i] = add(&a, ((const double *)x)[2 * i]);
    ((double *)r)[2 * i + 1] = add(&b, ((const double *)x)[2 * i + 1]);
  }
  state[0] = a;
  state[1] = b;
}
static void sum_across_c128(void *r, running *state, const void *x, int64_t n) { sum_across(r, state, x, 2 * n); }

static inline double multiply(running *a, double x) { return a->s *= x; }
static inline void multiply_c128(double *r, running *a, const double *z) {
  double re = a->s * z[0] - a->c * z[1], im = a->s * z[1] + a->c * z[0];
  r[0] = a->s = re;
  r[1] = a->c = im;
}
static void prod_along(void *r, running *state, const void *x, int64_t n) {
  running a = *state;
  for (int64_t i = 0; i < n; i++) ((double *)r)[i] = multiply(&a, ((const double *)x)[i]);
  *state = a;
}
static void prod_across(void *r, running *state, const void *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) ((double *)r)[i] = multiply(&state[i], ((const double *)x)[i]);
}
static void prod_along_c128(void *r, running *state, const void *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) multiply_c128((double *)r + 2 * i, &state[0], (const double *)x + 2 * i);
}
static void prod_across_c128(void *r, running *state, const void *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) multiply_c128((double *)r + 2 * i, &state[2 * i], (const double *)x + 2 * i);
}

/* Integers wrap around; the state holds the bits of one. */
#define INTEGER(name, OP)                                                                                              \
  static inline uint64_t name(running *a, int64_t x) {                                                                 \
    uint64_t v;                                                                                                        \
    memcpy(&v, &a->s, 8);                                                                                              \
    v = v OP (uint64_t)x;                                                                                              \
    memcpy(&a->s, &v, 8);                                                                                              \
    return v;                                                                                                          \
  }                                                                                                                    \
  static void name##_along(void *r, running *state, const void *x, int64_t n) {                                       \
    for (int64_t i = 0; i < n; i++) ((uint64_t *)r)[i] = name(state, ((const int64_t *)x)[i]);                         \
  }                                                                                                                    \
  static void name##_across(void *r, running *state, const void *x, int64_t n) {                                      \
    for (int64_t i = 0; i < n; i++) ((uint64_t *)r)[i] = name(&state[i], ((const int64_t *)x)[i]);                     \
  }
INTEGER(sum_i64, +)
INTEGER(prod_i64, *)

static const union { int64_t i; double f; } one = {1};

static scanner sums(peri_dtype t) {
  if (t == PERI_C128) return (scanner){t, t, {0, 0}, sum_along_c128, sum_across_c128};
  if (pri_is_float(t)) return (scanner){PERI_F64, t, {0, 0}, sum_along, sum_across};
  return (scanner){PERI_I64, PERI_I64, {0, 0}, sum_i64_along, sum_i64_across};
}
static scanner products(peri_dtype t) {
  if (t == PERI_C128) return (scanner){t, t, {1, 0}, prod_along_c128, prod_across_c128};
  if (pri_is_float(t)) return (scanner){PERI_F64, t, {1, 0}, prod_along, prod_across};
  return (scanner){PERI_I64, PERI_I64, {one.f, 0}, prod_i64_along, prod_i64_across};
}

/* One step for m elements: line `line` from position `from`, into the result from element `at`. */
static void step(const job *j, running *state, void (*scan)(void *, running *, const void *, int64_t), int64_t line, int64_t from, int64_t m,
                 int64_t at) {
  double native[2 * BLOCK], cast[2 * BLOCK], wide[2 * BLOCK];
  const scanner *s = j->s;
  const void *x = pri_lines_fetch(&j->l, pri_lines_start(&j->l, line), from, m, native);
  if (j->l.dtype != s->wants) {
    j->cx->k->cast[s->wants][j->l.dtype](cast, x, m);
    x = cast;
  }
  char *to = j->out + at * (int64_t)peri_sizeof(s->result);
  scan(s->result == s->wants ? (void *)to : wide, state, x, m);
  if (s->result != s->wants) j->cx->k->cast[s->result][s->wants](to, wide, m);
}

static void scan_line(const job *j, int64_t line) {
  running state[2] = {j->s->start, j->s->start};
  for (int64_t at = 0; at < j->n; at += BLOCK) {
    if (pri_stopped(j->cx)) return;
    step(j, state, j->s->along, line, at, j->n - at < BLOCK ? j->n - at : BLOCK, line * j->n + at);
  }
}

/* Rows line .. line+n-1, columns of one tile. */
static void scan_rows(const job *j, int64_t unit) {
  running state[2 * BLOCK];
  int64_t block = unit / j->tiles, column = unit % j->tiles * BLOCK, m = j->after - column < BLOCK ? j->after - column : BLOCK;
  for (int64_t i = 0; i < 2 * m; i++) state[i] = j->s->start;
  for (int64_t i = 0; i < j->n; i++) {
    if (pri_stopped(j->cx)) return;
    int64_t row = block * j->n + i;
    step(j, state, j->s->across, row, column, m, row * j->after + column);
  }
}

static void scan_task(void *ud, int64_t i) {
  const job *j = ud;
  int64_t end = (i + 1) * j->group < j->units ? (i + 1) * j->group : j->units;
  for (int64_t u = i * j->group; u < end; u++)
    if (j->after == 1) scan_line(j, u);
    else scan_rows(j, u);
}

static peri_status run_scan(const scanner *s, peri_tensor *a, int axis, peri_tensor **out) {
  peri_ctx *cx = a->cx;
  peri_tensor *r = peri_new(cx, s->result, a->ndim, a->dims);
  if (!r) return cx->code;
  job j = {.s = s, .cx = cx, .out = r->data, .n = a->dims[axis], .after = 1};
  uint32_t bits = 0;
  for (int i = axis + 1; i < a->ndim; i++) {
    j.after *= a->dims[i];
    bits |= 1u << i;
  }
  pri_lines_make(&j.l, a, j.after == 1 ? 1u << axis : bits);
  j.tiles = (j.after + BLOCK - 1) / BLOCK;
  j.units = r->size ? r->size / (j.n * j.after) * j.tiles : 0;
  int64_t work = j.n * (j.after < BLOCK ? j.after : BLOCK);
  j.group = work > 0 && work < 65536 ? 65536 / work : 1;
  pri_parallel(cx, (j.units + j.group - 1) / j.group, scan_task, &j);
  if (peri_check_interrupt(cx)) return peri_release(r), cx->code;
  out[0] = r;
  return PERI_OK;
}

#define SCAN(NAME, RULE, HELP)                                                                                         \
  static peri_status run_##NAME(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) { \
    int axis = pri_axis(op->name, in[0], args->i[0]);                                                                  \
    scanner s = RULE((peri_dtype)in[0]->dtype);                                                                        \
    return axis < 0 ? in[0]->cx->code : run_scan(&s, in[0], axis, out);                                                \
  }                                                                                                                    \
  const peri_op pri_op_##NAME = {.name = "tensor." #NAME, .signature = "a:" #NAME "([axis])", .help = HELP, .samples = "any", \
                                 .arity = 1, .outputs = 1, .result = PERI_RESULT_OWN, .run = run_##NAME, .vjp = pri_vjp_##NAME, \
                                 .per_example = &pri_examples_axis}; \
  peri_tensor *peri_##NAME(peri_tensor *a, int axis) { return peri_apply(&pri_op_##NAME, &a, &(peri_args){.i = {axis}}); }
SCAN(cumsum, sums, "Running sum along an axis, the last one by default, in the shape of a.")
SCAN(cumprod, products, "Running product along an axis, the last one by default, in the shape of a.")
