/* order.c - sort, argsort, top-k and partition along an axis, line by line on keys (order.h).
**
** Lines are independent; up to SCRATCHES groups of them run at once, each with its own scratch, a partition that depends on the
** shape alone. All results are determined by the order and its ties, so they do not depend on how they are found.
*/
#include <perigee/order.h>
#include "tensor/order.h"
#include "tensor/reduce_rules.h"
#include "tensor/example_rules.h"

enum { SCRATCHES = 16, AT_ONCE = 1 << 14 };

static void group_task(void *ud, int64_t i) {
  const pri_line_job *j = ud;
  int64_t end = (i + 1) * j->group < j->l.count ? (i + 1) * j->group : j->l.count;
  for (int64_t line = i * j->group; line < end && !pri_stopped(j->cx); line++) j->line(j, line, j->room + (size_t)i * j->scratch);
}

peri_status pri_each_line(pri_line_job *j) {
  int64_t groups = j->l.count < SCRATCHES ? j->l.count : SCRATCHES;
  if (j->l.count == 0 || j->l.length == 0) return PERI_OK;
  if (j->l.count * j->l.length <= AT_ONCE) groups = 1;
  j->group = (j->l.count + groups - 1) / groups;
  j->scratch = (j->scratch + 63) & ~(size_t)63;
  size_t bytes = j->scratch * (size_t)groups;
  if (!(j->room = peri_alloc(j->cx, bytes))) return j->cx->code;
  pri_parallel(j->cx, (j->l.count + j->group - 1) / j->group, group_task, j);
  peri_free(j->cx, j->room, bytes);
  return peri_check_interrupt(j->cx);
}

peri_status pri_ordered(const peri_op *op, const peri_tensor *t) {
  if (t->dtype != PERI_C128) return PERI_OK;
  return peri_fail(t->cx, PERI_ERR_DTYPE, "%s: not defined for c128: complex numbers have no order; take abs(), real() or imag()", op->name);
}

/* ---- lines in and out ---- */

typedef struct {
  peri_tensor *out, *positions;        /* results, contiguous; either may be NULL */
  pri_lines to, to_positions;          /* their lines, in the order of those of the operand */
  bool descending;
  int64_t k;
} ordering;

/* The keys of a line; room holds its values if they must be gathered. */
static void read_keys(const pri_line_job *j, int64_t line, uint64_t *keys, void *room, bool descending) {
  const void *x = pri_lines_fetch(&j->l, pri_lines_start(&j->l, line), 0, j->l.length, room);
  pri_keys(keys, x, j->l.length, j->l.dtype, descending);
}

static void write_line(const pri_lines *l, peri_tensor *t, int64_t line, const void *x) {
  pri_lines_store(l, t->data, pri_lines_start(l, line), x);
}

/* Keys back to values, and out. */
static void write_keys(const pri_line_job *j, int64_t line, uint64_t *keys, uint64_t *room, bool descending) {
  const ordering *o = j->ud;
  pri_values(room, keys, o->to.length, j->l.dtype, descending);
  write_line(&o->to, o->out, line, room);
}

static void write_positions(const ordering *o, int64_t line, const pri_ranked *x, int64_t *room) {
  for (int64_t i = 0; i < o->to_positions.length; i++) room[i] = x[i].position;
  write_line(&o->to_positions, o->positions, line, room);
}

static void sort_line(const pri_line_job *j, int64_t line, void *scratch) {
  const ordering *o = j->ud;
  uint64_t *keys = scratch, *room = keys + j->l.length;
  read_keys(j, line, keys, room, o->descending);
  pri_sort_keys(j->cx, keys, room, j->l.length);
  write_keys(j, line, keys, room, o->descending);
}

static void argsort_line(const pri_line_job *j, int64_t line, void *scratch) {
  const ordering *o = j->ud;
  pri_ranked *x = scratch, *room = x + j->l.length;
  uint64_t *keys = (uint64_t *)room;
  read_keys(j, line, keys, x, o->descending);
  for (int64_t i = 0; i < j->l.length; i++) x[i] = (pri_ranked){keys[i], i};
  pri_sort_ranked(j->cx, x, room, j->l.length);
  write_positions(o, line, x, (int64_t *)room);
}

/* Of the k best: those better than the k-th key, and of its equals the first ones; then sorted. */
static void topk_line(const pri_line_job *j, int64_t line, void *scratch) {
  const ordering *o = j->ud;
  int64_t n = j->l.length, below, m = 0;
  uint64_t *keys = scratch, *room = keys + n;
  pri_ranked *best = (pri_ranked *)(room + n), *spare = best + o->k;
  if (o->k == 0) return;
  read_keys(j, line, keys, room, o->descending);
  uint64_t last = pri_select_key(keys, room, n, o->k - 1, &below);
  int64_t equals = o->k - below;
  for (int64_t i = 0; i < n && m < o->k; i++)
    if (keys[i] < last || (keys[i] == last && equals-- > 0)) best[m++] = (pri_ranked){keys[i], i};
  pri_sort_ranked(j->cx, best, spare, m);
  for (int64_t i = 0; i < m; i++) keys[i] = best[i].key;
  write_keys(j, line, keys, room, o->descending);
  write_positions(o, line, best, (int64_t *)room);
}

/* Smaller, equal, larger than the k-th, each in the old order. */
static void partition_line(const pri_line_job *j, int64_t line, void *scratch) {
  const ordering *o = j->ud;
  int64_t n = j->l.length, below, equal = 0, less = 0, more;
  uint64_t *keys = scratch, *room = keys + n;
  read_keys(j, line, keys, room, false);
  uint64_t pivot = pri_select_key(keys, room, n, o->k, &below);
  for (int64_t i = 0; i < n; i++) equal += keys[i] == pivot;
  more = below + equal;
  for (int64_t i = 0; i < n; i++)
    if (keys[i] < pivot) room[less++] = keys[i];
    else if (keys[i] > pivot) room[more++] = keys[i];
  for (int64_t i = 0; i < equal; i++) room[below + i] = pivot;
  write_keys(j, line, room, keys, false);
}

/* ---- primitives: args i[0] axis, i[1] descending or largest, i[2] k ---- */

/* A 0-d operand is a line of one element. */
static int axis_of(const peri_op *op, const peri_tensor *a, int64_t axis) {
  return a->ndim == 0 && (axis == 0 || axis == -1) ? 0 : pri_axis(op->name, a, axis);
}

static peri_status run_lines(ordering *o, peri_tensor *a, int axis, size_t scratch, void (*line)(const pri_line_job *, int64_t, void *)) {
  pri_line_job j = {.line = line, .cx = a->cx, .scratch = scratch, .ud = o};
  uint32_t bit = a->ndim ? 1u << axis : 0;
  pri_lines_make(&j.l, a, bit);
  if (o->out) pri_lines_make(&o->to, o->out, bit);
  if (o->positions) pri_lines_make(&o->to_positions, o->positions, bit);
  peri_status st = pri_each_line(&j);
  if (!st) return PERI_OK;
  peri_release(o->out);
  peri_release(o->positions);
  return st;
}

static int64_t length_of(const peri_tensor *a, int axis) { return a->ndim ? a->dims[axis] : 1; }

static peri_status run_sort(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *a = in[0];
  int axis = axis_of(op, a, args->i[0]);
  if (axis < 0 || pri_ordered(op, a)) return a->cx->code;
  ordering o = {.descending = args->i[1] != 0, .out = peri_new(a->cx, (peri_dtype)a->dtype, a->ndim, a->dims)};
  if (!o.out || run_lines(&o, a, axis, 16 * (size_t)length_of(a, axis), sort_line)) return a->cx->code;
  out[0] = o.out;
  return PERI_OK;
}

static peri_status run_argsort(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *a = in[0];
  int axis = axis_of(op, a, args->i[0]);
  if (axis < 0 || pri_ordered(op, a)) return a->cx->code;
  ordering o = {.descending = args->i[1] != 0, .positions = peri_new(a->cx, PERI_I64, a->ndim, a->dims)};
  if (!o.positions || run_lines(&o, a, axis, 32 * (size_t)length_of(a, axis), argsort_line)) return a->cx->code;
  out[0] = o.positions;
  return PERI_OK;
}

static peri_status run_topk(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *a = in[0];
  peri_ctx *cx = a->cx;
  int axis = axis_of(op, a, args->i[0]);
  if (axis < 0 || pri_ordered(op, a)) return cx->code;
  int64_t n = length_of(a, axis), k = args->i[2], dims[PERI_MAXDIM];
  if (k < 0 || k > n)
    return peri_fail(cx, PERI_ERR_VALUE, "%s: k must lie in 0..%lld, the size of the axis, got %lld", op->name, (long long)n, (long long)k);
  memcpy(dims, a->dims, sizeof dims);
  dims[axis] = k;
  int nd = a->ndim ? a->ndim : 1; /* the line of a 0-d operand shows */
  ordering o = {.descending = args->i[1] != 0, .k = k, .out = peri_new(cx, (peri_dtype)a->dtype, nd, dims)};
  if (!o.out) return cx->code;
  if (!(o.positions = peri_new(cx, PERI_I64, nd, dims))) return peri_release(o.out), cx->code;
  size_t scratch = 16 * (size_t)n + 32 * (size_t)k;
  if (k > 0 && run_lines(&o, a, axis, scratch, topk_line)) return cx->code;
  out[0] = o.out;
  out[1] = o.positions;
  return PERI_OK;
}

static peri_status run_partition(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *a = in[0];
  int axis = axis_of(op, a, args->i[0]);
  if (axis < 0 || pri_ordered(op, a)) return a->cx->code;
  int64_t n = length_of(a, axis), k = args->i[2] < 0 ? args->i[2] + n : args->i[2];
  if (k < 0 || k >= n)
    return peri_fail(a->cx, PERI_ERR_INDEX, "%s: no position %lld along axis %d of shape %s", op->name,
                     (long long)(args->i[2] < 0 ? args->i[2] : args->i[2] + 1), axis + 1, peri_shape(a));
  ordering o = {.k = k, .out = peri_new(a->cx, (peri_dtype)a->dtype, a->ndim, a->dims)};
  if (!o.out || run_lines(&o, a, axis, 16 * (size_t)n, partition_line)) return a->cx->code;
  out[0] = o.out;
  return PERI_OK;
}

#define OP(NAME, OUTPUTS, SIGNATURE, HELP)                                                                             \
  const peri_op pri_op_##NAME = {.name = "tensor." #NAME, .signature = SIGNATURE, .help = HELP, .samples = "any", .arity = 1, \
                                 .outputs = OUTPUTS, .result = PERI_RESULT_OWN, .run = run_##NAME, .vjp = pri_vjp_##NAME, \
                                 .per_example = &pri_examples_axis}
OP(sort, 1, "a:sort([axis][, {descending=}])", "Elements in order along an axis, the last by default; stable, NaN last.");
OP(argsort, 1, "a:argsort([axis][, {descending=}])", "Positions that sort a along an axis, the last by default; stable, NaN last.");
OP(topk, 2, "a:topk(k[, axis][, {largest=}])", "The k largest (or smallest) elements along an axis, best first, and their positions.");
OP(partition, 1, "a:partition(k[, axis])", "a with the k-th smallest element in its place, smaller ones before it, the rest after.");

peri_tensor *peri_sort(peri_tensor *a, int axis, bool descending) {
  return peri_apply(&pri_op_sort, &a, &(peri_args){.i = {axis, descending}});
}
peri_tensor *peri_argsort(peri_tensor *a, int axis, bool descending) {
  return peri_apply(&pri_op_argsort, &a, &(peri_args){.i = {axis, descending}});
}
peri_tensor *peri_partition(peri_tensor *a, int64_t k, int axis) {
  return peri_apply(&pri_op_partition, &a, &(peri_args){.i = {axis, 0, k}});
}
peri_status peri_topk(peri_tensor *a, int64_t k, int axis, bool largest, peri_tensor **values, peri_tensor **positions) {
  peri_tensor *out[2] = {NULL, NULL};
  peri_status st = peri_apply_many(&pri_op_topk, &a, &(peri_args){.i = {axis, largest, k}}, out);
  *values = out[0];
  *positions = out[1];
  return st;
}

const peri_op *const *peri_order_ops(void) {
  static const peri_op *const all[] = {&pri_op_sort, &pri_op_argsort, &pri_op_topk, &pri_op_partition, &pri_op_quantile,
                                       &pri_op_searchsorted, &pri_op_histogram, NULL};
  return all;
}
