/* example_rules.c - tensor primitives and examples: which calls keep them apart, and what each contributes to a shared operand.
**
** Under ad.per_example the first axis of batched operands counts the examples. A call is refused if a row of its result would depend
** on another row of a batched operand. Where the shape of the result tells (its first axis must have length n; the tape looks at that),
** nothing more is checked: with n = 1 there is nothing to mix.
*/
#include "tensor/example_rules.h"
#include "tensor/rules.h"
#include <perigee/index.h>
#include <perigee/reduce.h>
#include <perigee/shape.h>

peri_status pri_mixes(const peri_op *op, const peri_tensor *x, const char *why) {
  return peri_fail(x->cx, PERI_ERR_SHAPE, "ad.per_example: %s %s, got shape %s; axis 1 counts the examples and must stay apart", op->name, why,
                   peri_shape(x));
}

static bool is_batched(uint64_t batched, int64_t i) { return batched >> (i < 63 ? i : 63) & 1; }
static int axis_of(const peri_args *args, int k, int nd) { return (int)(args->i[k] < 0 ? args->i[k] + nd : args->i[k]); }

/* ---- broadcasting from the last axis ---- */

static peri_status check_elementwise(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out,
                                     uint64_t batched) {
  (void)args;
  for (int i = 0; i < op->arity; i++)
    if (is_batched(batched, i) && in[i]->ndim != out[0]->ndim)
      return peri_fail(in[i]->cx, PERI_ERR_SHAPE,
                       "ad.per_example: %s would broadcast the examples of shape %s along another axis of %s; give it axes of length 1", op->name,
                       peri_shape(in[i]), peri_shape(out[0]));
  return PERI_OK;
}

peri_tensor *pri_own_copies(peri_tensor *x, int64_t n, int nd) {
  int64_t dims[PERI_MAXDIM] = {n}, strides[PERI_MAXDIM] = {0};
  int pad = nd - 1 - x->ndim, skip = pad < 0; /* an axis of length 1 in the place of the examples gives way */
  if (nd > PERI_MAXDIM)
    return peri_fail(x->cx, PERI_ERR_SHAPE, "ad.per_example: a value of shape %s has no room for the axis of the examples", peri_shape(x)), NULL;
  for (int i = 1; i <= pad; i++) dims[i] = 1;
  for (int i = skip; i < x->ndim; i++) dims[1 + pad + i] = x->dims[i], strides[1 + pad + i] = x->strides[i];
  return peri_view(x, nd, dims, strides, 0);
}

/* g (n, 1, ..., dims of x) as (n, dims of x). Takes g over. */
static peri_tensor *without_padding(peri_tensor *g, const peri_tensor *x, int64_t n) {
  int64_t dims[PERI_MAXDIM + 1] = {n};
  if (!g) return NULL;
  memcpy(dims + 1, x->dims, (size_t)x->ndim * sizeof dims[0]);
  peri_tensor *r = x->ndim == PERI_MAXDIM ? (pri_own_copies((peri_tensor *)x, n, PERI_MAXDIM + 1), NULL) : peri_reshape(g, x->ndim + 1, dims);
  peri_release(g);
  return r;
}

/* Whether x meets the examples of a result with nd axes along an axis of its own. */
static bool runs_along(const peri_tensor *x, int nd) { return x->ndim == nd && x->dims[0] != 1; }

peri_status pri_vjp_own_copies(const peri_pull *p, uint64_t batched, peri_tensor **grads) {
  enum { MOST = 3 };
  peri_tensor *in[MOST], *copies[MOST] = {0}, *y = NULL;
  peri_pull pull = *p;
  const peri_tensor *g = p->cotangents[0];
  int64_t n = g->dims[0];
  peri_status st = PERI_OK;
  for (int i = 0; i < p->n && !st; i++) {
    in[i] = p->in[i];
    if (is_batched(batched, i) || !needs(p, i)) continue;
    if (runs_along(in[i], g->ndim)) return pri_mixes(p->op, in[i], "combines the examples with a shared operand along axis 1");
    in[i] = copies[i] = pri_own_copies(in[i], n, g->ndim);
    if (!in[i]) st = g->cx->code;
  }
  pull.in = in;
  if (!st && p->out[0]->ndim < g->ndim) { /* all operands are shared, and so is the result */
    y = pri_own_copies(p->out[0], n, g->ndim);
    pull.out = &y;
    if (!y) st = g->cx->code;
  }
  if (!st) st = p->op->vjp(&pull, grads);
  for (int i = 0; i < p->n && !st; i++)
    if (copies[i] && grads[i] && !(grads[i] = without_padding(grads[i], p->in[i], n))) st = g->cx->code;
  for (int i = 0; i < p->n && i < MOST; i++) peri_release(copies[i]);
  peri_release(y);
  return st;
}

peri_tensor *pri_row_squares(peri_tensor *t) {
  if (!t) return NULL;
  peri_tensor *flat = peri_reshape(t, 2, (int64_t[]){t->dims[0], t->dims[0] ? t->size / t->dims[0] : 0});
  peri_release(t);
  peri_tensor *squares = r1(peri_square, flat), *r = squares ? peri_sum(squares, 2, false) : NULL;
  peri_release(squares);
  return r;
}

const peri_examples pri_examples_elementwise = {.check = check_elementwise, .vjp = pri_vjp_own_copies};
const peri_examples pri_examples_rows = {.check = NULL};
const peri_examples pri_examples_view = {.moves = true};

/* ---- reductions, and what runs along an axis ---- */

static peri_status check_reduction(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out, uint64_t batched) {
  (void)out, (void)batched;
  return args->i[0] == 0 || (args->i[0] & 1) ? pri_mixes(op, in[0], "reduces axis 1") : PERI_OK;
}
const peri_examples pri_examples_reduction = {.check = check_reduction};

static peri_status check_quantile(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out, uint64_t batched) {
  if (is_batched(batched, 1) || args->i[2]) return pri_mixes(op, in[0], "takes one shared q here");
  return check_reduction(op, in, args, out, batched);
}
const peri_examples pri_examples_quantile = {.check = check_quantile};

static peri_status check_axis_k(const peri_op *op, peri_tensor *const *in, const peri_args *args, int k) {
  return axis_of(args, k, in[0]->ndim) == 0 ? pri_mixes(op, in[0], "works along axis 1") : PERI_OK;
}
static peri_status check_axis(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out, uint64_t batched) {
  (void)out, (void)batched;
  return check_axis_k(op, in, args, 0);
}
static peri_status check_second_axis(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out, uint64_t batched) {
  (void)out, (void)batched;
  return check_axis_k(op, in, args, 1);
}
/* All examples in their order are no cut: x[{ {1, -1}, 3 }]. */
static peri_status check_slice(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out, uint64_t batched) {
  (void)batched;
  bool all = args->i[3] == 1 && out[0]->dims[0] == in[0]->dims[0];
  return all ? PERI_OK : check_axis_k(op, in, args, 0);
}
const peri_examples pri_examples_slice = {.check = check_slice, .moves = true};
const peri_examples pri_examples_axis = {.check = check_axis};
const peri_examples pri_examples_axis_view = {.check = check_axis, .moves = true};
const peri_examples pri_examples_second_axis = {.check = check_second_axis};

/* ---- shape ---- */

static peri_status check_join(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out, uint64_t batched) {
  (void)batched;
  return axis_of(args, 1, out[0]->ndim) == 0 ? pri_mixes(op, in[0], "joins along axis 1") : PERI_OK;
}
const peri_examples pri_examples_join = {.check = check_join};

static peri_status check_transpose(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out, uint64_t batched) {
  (void)out, (void)batched;
  int nd = in[0]->ndim, a = axis_of(args, 0, nd), b = axis_of(args, 1, nd);
  return a != b && (a == 0 || b == 0) ? pri_mixes(op, in[0], "moves axis 1") : PERI_OK;
}
const peri_examples pri_examples_transpose = {.check = check_transpose, .moves = true};

static peri_status check_permute(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out, uint64_t batched) {
  (void)out, (void)batched;
  return axis_of(args, 1, in[0]->ndim) != 0 ? pri_mixes(op, in[0], "moves axis 1") : PERI_OK;
}
const peri_examples pri_examples_permute = {.check = check_permute, .moves = true};

static peri_status check_flip(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out, uint64_t batched) {
  (void)out, (void)batched;
  return args->i[0] == 0 || (args->i[0] & 1) ? pri_mixes(op, in[0], "turns axis 1 round") : PERI_OK;
}
const peri_examples pri_examples_flip = {.check = check_flip, .moves = true};

static peri_status check_leading(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out, uint64_t batched) {
  (void)args, (void)batched;
  return out[0]->ndim != in[0]->ndim ? pri_mixes(op, in[0], "puts another axis before axis 1") : PERI_OK;
}
const peri_examples pri_examples_leading = {.check = check_leading};

static peri_status check_matrices(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out, uint64_t batched) {
  (void)args, (void)out, (void)batched;
  return in[0]->ndim < 3 ? pri_mixes(op, in[0], "works on the last two axes") : PERI_OK;
}
const peri_examples pri_examples_matrices = {.check = check_matrices};
const peri_examples pri_examples_matrices_view = {.check = check_matrices, .moves = true};

static peri_status check_unpack(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out, uint64_t batched) {
  (void)args, (void)out, (void)batched;
  return pri_mixes(op, in[0], "cuts a vector of parameters");
}
const peri_examples pri_examples_unpack = {.check = check_unpack, .moves = true};

/* ---- positions ---- */

static peri_status check_gather(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out, uint64_t batched) {
  (void)out;
  int axis = axis_of(args, 0, in[0]->ndim);
  if (is_batched(batched, 0) && is_batched(batched, 1)) return pri_mixes(op, in[0], "takes the same positions for all examples (take_along does not)");
  if (is_batched(batched, 0) && axis == 0) return pri_mixes(op, in[0], "picks examples");
  if (is_batched(batched, 1) && axis != 0) return pri_mixes(op, in[1], "puts other axes before axis 1 of the positions");
  return PERI_OK;
}

/* The positions of each example in a table of its own, all tables one after the other: at - origin + b V, as a vector. */
static peri_tensor *places_in_own_tables(const peri_pull *p) {
  peri_tensor *x = p->in[0], *at = p->in[1];
  int64_t n = at->dims[0], V = x->dims[0], column[PERI_MAXDIM] = {n, 1, 1, 1, 1, 1};
  peri_tensor *from_end = r2(peri_add, keep(at), peri_scalar_i64(x->cx, V));
  peri_tensor *from_start = r2(peri_sub, keep(at), peri_scalar_i64(x->cx, p->args->i[1]));
  peri_tensor *negative = r2(peri_lt, keep(at), peri_scalar_i64(x->cx, 0));
  peri_tensor *place = negative && from_end && from_start ? peri_where(negative, from_end, from_start) : NULL;
  peri_tensor *table = peri_arange(x->cx, PERI_I64, 0, (double)n, 1);
  peri_tensor *first = r2(peri_mul, table ? peri_reshape(table, at->ndim, column) : NULL, peri_scalar_i64(x->cx, V));
  peri_release(negative);
  peri_release(from_end);
  peri_release(from_start);
  peri_release(table);
  return r1(peri_ravel, r2(peri_add, place, first));
}

/* What looks up shared rows: (n, V, ...), zeros but for the rows that each example looked up, repeated ones summed. */
static peri_status vjp_gather(const peri_pull *p, uint64_t batched, peri_tensor **grads) {
  peri_tensor *x = p->in[0], *at = p->in[1], *g = p->cotangents[0], *sum = NULL;
  (void)batched;
  int64_t n = at->dims[0], row = x->dims[0] ? x->size / x->dims[0] : 0, dims[PERI_MAXDIM + 1] = {n};
  if (x->ndim == PERI_MAXDIM) return pri_mixes(p->op, x, "has no room for an axis of examples");
  memcpy(dims + 1, x->dims, (size_t)x->ndim * sizeof dims[0]);
  peri_tensor *zeros = peri_zeros(x->cx, (peri_dtype)g->dtype, 2, (int64_t[]){n * x->dims[0], row});
  peri_tensor *places = places_in_own_tables(p), *values = peri_reshape(g, 2, (int64_t[]){at->size, row});
  if (zeros && places && values) sum = peri_scatter_add(zeros, 0, places, values, PERI_FROM_0);
  if (sum) grads[0] = peri_reshape(sum, x->ndim + 1, dims);
  peri_release(zeros);
  peri_release(places);
  peri_release(values);
  peri_release(sum);
  return grads[0] ? PERI_OK : x->cx->code;
}

/* |sum over repeated rows|^2 of one example: L values of `row` numbers each at these places. */
static double norm_of_rows(const double *g, const int64_t *place, int64_t L, int64_t row) {
  double sum = 0;
  for (int64_t i = 0; i < L; i++)
    for (int64_t j = 0; j <= i; j++) {
      double dot = 0;
      if (place[i] != place[j]) continue;
      for (int64_t k = 0; k < row; k++) dot += g[i * row + k] * g[j * row + k];
      sum += i == j ? dot : 2 * dot;
    }
  return sum;
}

/* sum over pairs of positions of one row of <g, g'>: no table is formed. */
static peri_status sqnorms_gather(const peri_pull *p, uint64_t batched, int i, peri_tensor **norms) {
  peri_tensor *at = p->in[1], *g = p->cotangents[0];
  (void)batched, (void)i;
  int64_t n = at->dims[0], L = n ? at->size / n : 0, row = at->size ? g->size / at->size : 0;
  peri_tensor *values = r1(peri_contiguous, peri_cast(g, PERI_F64)), *places = places_in_own_tables(p);
  peri_tensor *r = values && places ? peri_new(g->cx, PERI_F64, 1, &n) : NULL;
  for (int64_t b = 0; r && b < n; b++)
    ((double *)r->data)[b] = norm_of_rows((double *)values->data + b * L * row, (int64_t *)places->data + b * L, L, row);
  peri_release(values);
  peri_release(places);
  *norms = r;
  return r ? PERI_OK : g->cx->code;
}
const peri_examples pri_examples_gather = {.check = check_gather, .vjp = vjp_gather, .sqnorms = sqnorms_gather};

static peri_status check_along(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out, uint64_t batched) {
  (void)out;
  if (axis_of(args, 0, in[0]->ndim) == 0) return pri_mixes(op, in[0], "works along axis 1");
  return is_batched(batched, 0) ? PERI_OK : pri_mixes(op, in[0], "reads a shared tensor at positions of the examples");
}
const peri_examples pri_examples_along = {.check = check_along};

static peri_status check_mask(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out, uint64_t batched) {
  (void)out, (void)args;
  if (in[2]->size != 1 || is_batched(batched, 2)) return pri_mixes(op, in[2], "fills with one number here");
  return is_batched(batched, 0) ? PERI_OK : pri_mixes(op, in[0], "writes where the examples say into a shared tensor");
}
const peri_examples pri_examples_mask = {.check = check_mask};
