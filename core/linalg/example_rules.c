/* example_rules.c - products and examples. For a batched A, row b of it a_b and of the cotangent g_b, a shared matrix B gets from example b
**     C = A B            a_b g_b^T                squared norm |a_b|^2 |g_b|^2
**     c = A x            g_b a_b                               |a_b|^2 g_b^2
**     stacks A_b B       A_b^T G_b                             <A_b A_b^T, G_b G_b^T>, where that is less work
*/
#include "linalg/example_rules.h"
#include "linalg/linalg.h"
#include "tensor/example_rules.h"
#include "tensor/rules.h"
#include <perigee/reduce.h>
#include <perigee/shape.h>

static peri_tensor *columns(peri_tensor *a) { return peri_unsqueeze(a, a->ndim); }
static peri_tensor *matrix_transpose(peri_tensor *a) { return peri_transpose(a, -1, -2); }
static peri_tensor *row_squares(peri_tensor *a) { return pri_row_squares(a->dtype == PERI_F64 ? keep(a) : peri_cast(a, PERI_F64)); }

/* Of a matrix by a matrix or vector: the rows of the first are the examples. */
static peri_status check_rows(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out, uint64_t batched) {
  (void)args, (void)out;
  return batched & 2 ? pri_mixes(op, in[1], "multiplies by what the examples make up together") : PERI_OK;
}

typedef struct { pri_map2 *times; char *out; const char *a, *g; int64_t k, n, across, down, bytes; } outers; /* strides of examples, rows */

static void outer_task(void *ud, int64_t b) {
  const outers *o = ud;
  const char *g = o->g + b * o->n * o->bytes;
  for (int64_t i = b * o->k; i < (b + 1) * o->k; i++) {
    char *row = o->out + (b * o->across + (i - b * o->k) * o->down) * o->bytes;
    o->times(row, o->a + i * o->bytes, 0, g, 1, o->n);
  }
}

/* place (examples, k, n) = a_b g_b^T, by rows, which are too short for the general machinery. The last axis of place is dense. */
static peri_status put_outer_products(peri_tensor *a, peri_tensor *g, peri_tensor *place) {
  peri_dtype t = (peri_dtype)place->dtype;
  peri_tensor *x = r1(peri_contiguous, a->dtype == t ? keep(a) : peri_cast(a, t));
  peri_tensor *y = x ? r1(peri_contiguous, g->dtype == t ? keep(g) : peri_cast(g, t)) : NULL;
  peri_status st = y ? PERI_OK : a->cx->code;
  if (y && place->size) {
    outers o = {.times = a->cx->k->map2[PRI_MAP2_mul][t], .out = place->data, .a = x->data, .g = y->data, .k = x->dims[1], .n = y->dims[1]};
    o.across = place->strides[0];
    o.down = place->strides[1];
    o.bytes = (int64_t)peri_sizeof(t);
    if (place->size <= 65536)
      for (int64_t b = 0; b < place->dims[0]; b++) outer_task(&o, b);
    else pri_parallel(a->cx, place->dims[0], outer_task, &o);
  }
  peri_release(x);
  peri_release(y);
  return st;
}

static peri_tensor *outer_products(peri_tensor *a, peri_tensor *g) {
  peri_tensor *r = peri_new(a->cx, (peri_dtype)g->dtype, 3, (int64_t[]){a->dims[0], a->dims[1], g->dims[1]});
  if (r && put_outer_products(a, g, r)) return peri_release(r), NULL;
  return r;
}

static peri_status put_mm(const peri_pull *p, uint64_t batched, int i, peri_tensor *place) {
  peri_tensor *a = p->in[0], *g = p->cotangents[0];
  (void)batched, (void)i;
  if (place->strides[2] == 1 || place->dims[2] <= 1) return put_outer_products(a, g, place);
  peri_tensor *r = outer_products(a, g);
  peri_status st = r ? peri_copy_(place, r) : a->cx->code;
  peri_release(r);
  return st;
}

static peri_status vjp_mm(const peri_pull *p, uint64_t batched, peri_tensor **grads) {
  peri_tensor *a = p->in[0], *b = p->in[1], *g = p->cotangents[0];
  (void)batched;
  if (needs(p, 0)) grads[0] = pri_unbroadcast(r2(peri_mm, keep(g), r1(matrix_transpose, keep(b))), a);
  if (needs(p, 1)) grads[1] = outer_products(a, g);
  return ruled(p, grads);
}

static peri_status vjp_mv(const peri_pull *p, uint64_t batched, peri_tensor **grads) {
  peri_tensor *a = p->in[0], *x = p->in[1], *g = p->cotangents[0];
  (void)batched;
  if (needs(p, 0)) grads[0] = pri_unbroadcast(r2(peri_mul, columns(g), keep(x)), a);
  if (needs(p, 1)) grads[1] = r2(peri_mul, columns(g), keep(a));
  return ruled(p, grads);
}

static peri_status sqnorms_rank_one(const peri_pull *p, uint64_t batched, int i, peri_tensor **norms) {
  (void)batched, (void)i;
  *norms = r2(peri_mul, row_squares(p->in[0]), row_squares(p->cotangents[0]));
  return *norms ? PERI_OK : p->in[0]->cx->code;
}

const peri_examples pri_examples_mm = {.check = check_rows, .vjp = vjp_mm, .sqnorms = sqnorms_rank_one, .put = put_mm};
const peri_examples pri_examples_mv = {.check = check_rows, .vjp = vjp_mv, .sqnorms = sqnorms_rank_one};

/* Stacks: the leading axes broadcast from the last, and the matrices stand behind them. */
static peri_status check_stacks(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out, uint64_t batched) {
  (void)args;
  for (int i = 0; i < 2; i++)
    if (batched >> i & 1 && (in[i]->ndim != out[0]->ndim || in[i]->ndim < 3))
      return pri_mixes(op, in[i], "takes axis 1 for one of a matrix, or broadcasts it");
  return PERI_OK;
}

static peri_tensor *gram(peri_tensor *a) { return r2(peri_bmm, keep(a), r1(matrix_transpose, keep(a))); }

static peri_status sqnorms_bmm(const peri_pull *p, uint64_t batched, int i, peri_tensor **norms) {
  peri_tensor *a = p->in[0], *b = p->in[1], *g = p->cotangents[0];
  (void)batched;
  if (i != 1 || a->ndim != 3 || b->ndim != 2) return PERI_OK;
  double T = (double)a->dims[1], k = (double)b->dims[0], n = (double)b->dims[1];
  if (T * T * (k + n) > 2 * T * k * n) return PERI_OK; /* forming it is less work */
  peri_tensor *product = r2(peri_mul, gram(a), gram(g));
  *norms = product ? peri_sum(product, 6, false) : NULL;
  peri_release(product);
  return *norms ? PERI_OK : a->cx->code;
}
const peri_examples pri_examples_bmm = {.check = check_stacks, .vjp = pri_vjp_own_copies, .sqnorms = sqnorms_bmm};
