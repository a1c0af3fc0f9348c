/* pool.c - maxima over windows of images, and their derivatives.
**
** Window (i, j) of a plane holds the pixels i s - p .. i s - p + k - 1 down and j s - p .. across that lie inside; k(i, j) is the place of
** its first maximum (of its first NaN if there is one). With the places of x held fixed
**     pick(v, x)[i, j] = v[k(i, j)],          max_pool2d(x) = pick(x, x),
**     place(u, x)[q]   = sum of u[i, j] over the windows with k(i, j) = q
** are linear and adjoint to each other, and the places do not move but on a set of measure zero, so that these rules close:
**     max_pool2d: place(g, x),     place: to u  pick(g, x), to x  zero,     pick: to v  place(g, x), to x  zero.
** The places are looked for again on the way back: cheaper than keeping an index for each window.
*/
#include "nn/pool.h"
#include "tensor/example_rules.h"
#include "tensor/rules.h"
#include <assert.h>

/* ---- one plane ---- */

typedef uint32_t bits_float;
typedef uint64_t bits_double;

#define PLANES(T)                                                                                                       \
  static int64_t highest_##T(const pri_windows *g, const T *x, int64_t i, int64_t j) {                                     \
    int64_t a0 = i * g->s - g->p, b0 = j * g->s - g->p, a1 = pri_least(a0 + g->k, g->h), b1 = pri_least(b0 + g->k, g->w);       \
    if (a0 < 0) a0 = 0;                                                                                                 \
    if (b0 < 0) b0 = 0;                                                                                                 \
    int64_t best = a0 * g->w + b0;                                                                                      \
    T m = x[best];                                                                                                      \
    for (int64_t a = a0; a < a1; a++)                                                                                   \
      for (int64_t q = a * g->w + b0; q < a * g->w + b1; q++)                                                           \
        if (x[q] > m || (x[q] != x[q] && m == m)) m = x[q], best = q;                                                   \
    return best;                                                                                                        \
  }                                                                                                                     \
  static void pick_##T(const pri_windows *g, const T *v, const T *x, T *y) {                                               \
    for (int64_t i = 0; i < g->oh; i++)                                                                                 \
      for (int64_t j = 0; j < g->ow; j++) *y++ = v[highest_##T(g, x, i, j)];                                            \
  }                                                                                                                     \
  static void place_##T(const pri_windows *g, const T *u, const T *x, T *y) {                                              \
    for (int64_t i = 0; i < g->oh; i++)                                                                                 \
      for (int64_t j = 0; j < g->ow; j++) y[highest_##T(g, x, i, j)] += *u++;                                           \
  }                                                                                                                     \
  /* Windows of 2 x 2 that touch. A sum that is a number has no NaN in it, and such windows need no branch. */          \
  static T higher_##T(T m, T a) { return a > m ? a : m; }                                                               \
  static T gate_##T(bool open, T u) {                                                                                   \
    bits_##T b;                                                                                                         \
    memcpy(&b, &u, sizeof b);                                                                                           \
    b &= (bits_##T)0 - open;                                                                                            \
    memcpy(&u, &b, sizeof b);                                                                                           \
    return u;                                                                                                           \
  }                                                                                                                     \
  static void halve_##T(const pri_windows *g, const T *restrict x, T *restrict y) {                                        \
    for (int64_t i = 0; i < g->oh; i++, y += g->ow) {                                                                   \
      const T *up = x + 2 * i * g->w, *down = up + g->w;                                                                \
      for (int64_t j = 0; j < g->ow; j++) {                                                                             \
        T a = up[2 * j], b = up[2 * j + 1], c = down[2 * j], d = down[2 * j + 1], sum = (a + b) + (c + d);              \
        y[j] = __builtin_expect(sum == sum, 1) ? higher_##T(higher_##T(a, b), higher_##T(c, d)) : x[highest_##T(g, x, i, j)]; \
      }                                                                                                                 \
    }                                                                                                                   \
  }                                                                                                                     \
  static void place_halves_##T(const pri_windows *g, const T *restrict u, const T *restrict x, T *restrict y) {            \
    for (int64_t i = 0; i < g->oh; i++, u += g->ow) {                                                                   \
      const T *up = x + 2 * i * g->w, *down = up + g->w;                                                                \
      T *yu = y + 2 * i * g->w, *yd = yu + g->w;                                                                        \
      for (int64_t j = 0; j < g->ow; j++) {                                                                             \
        T a = up[2 * j], b = up[2 * j + 1], c = down[2 * j], d = down[2 * j + 1], sum = (a + b) + (c + d);              \
        if (__builtin_expect(sum != sum, 0)) {                                                                          \
          y[highest_##T(g, x, i, j)] = u[j];                                                                            \
          continue;                                                                                                     \
        }                                                                                                               \
        T m = higher_##T(higher_##T(a, b), higher_##T(c, d));                                                           \
        bool ia = a == m, ib = !ia & (b == m), ic = !(ia | ib) & (c == m), id = !(ia | ib | ic);                        \
        yu[2 * j] = gate_##T(ia, u[j]);                                                                                 \
        yu[2 * j + 1] = gate_##T(ib, u[j]);                                                                             \
        yd[2 * j] = gate_##T(ic, u[j]);                                                                                 \
        yd[2 * j + 1] = gate_##T(id, u[j]);                                                                             \
      }                                                                                                                 \
    }                                                                                                                   \
  }
PLANES(float)
PLANES(double)

/* ---- all planes ---- */

typedef enum { PICK, PLACE } direction;

typedef struct {
  const pri_windows *g;
  peri_ctx *cx;
  peri_dtype dtype;
  direction which;
  const char *v, *x; /* what is moved, what decides where */
  char *out;
} job;

#define PLANE(T)                                                                                                        \
  static void plane_##T(const job *j, const T *v, const T *x, T *y) {                                                   \
    bool halves = j->g->k == 2 && j->g->s == 2 && j->g->p == 0;                                                         \
    if (j->which == PICK && halves && v == x) halve_##T(j->g, x, y);                                                    \
    else if (j->which == PICK) pick_##T(j->g, v, x, y);                                                                 \
    else if (halves) place_halves_##T(j->g, v, x, y);                                                                   \
    else place_##T(j->g, v, x, y);                                                                                      \
  }
PLANE(float)
PLANE(double)

static void run_group(void *ud, int64_t k) {
  const job *j = ud;
  const pri_windows *g = j->g;
  int64_t bytes = (int64_t)peri_sizeof(j->dtype), image = g->h * g->w * bytes, result = g->oh * g->ow * bytes, n = pri_window_groups(g);
  int64_t from = j->which == PICK ? image : result, to = j->which == PICK ? result : image;
  for (int64_t i = k * g->planes / n; i < (k + 1) * g->planes / n && !pri_stopped(j->cx); i++) {
    const void *v = j->v + i * from, *x = j->x + i * image;
    if (j->dtype == PERI_F32) plane_float(j, v, x, (float *)(void *)(j->out + i * to));
    else plane_double(j, v, x, (double *)(void *)(j->out + i * to));
  }
}

/* Moves v to out[0], of shape `dims`, by the places of x. */
static peri_status move(const pri_windows *g, direction which, peri_tensor *v, peri_tensor *x, const int64_t *dims, peri_tensor **out) {
  peri_ctx *cx = x->cx;
  peri_tensor *a = peri_contiguous(v), *b = v == x ? keep(a) : peri_contiguous(x), *r = NULL;
  peri_status st = a && b && (r = which == PICK ? peri_new(cx, (peri_dtype)x->dtype, 4, dims) : peri_zeros(cx, (peri_dtype)x->dtype, 4, dims)) ? PERI_OK : cx->code;
  if (!st && a->size && b->size) {
    job j = {.g = g, .cx = cx, .dtype = (peri_dtype)x->dtype, .which = which, .v = a->data, .x = b->data, .out = r->data};
    pri_parallel(cx, pri_window_groups(g), run_group, &j);
    st = peri_check_interrupt(cx);
  }
  peri_release(a);
  peri_release(b);
  if (st) peri_release(r);
  else out[0] = r;
  return st;
}

/* ---- the primitives; args: i[0] size, i[1] stride, i[2] padding ---- */

static peri_status run_max_pool2d(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  pri_windows g;
  peri_tensor *x = in[0];
  if (pri_windows_of(op->name, x, args, &g)) return x->cx->code;
  return move(&g, PICK, x, x, (int64_t[]){x->dims[0], x->dims[1], g.oh, g.ow}, out);
}

static peri_status run_pick(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  pri_windows g;
  peri_tensor *v = in[0], *x = in[1];
  if (pri_windows_of(op->name, x, args, &g)) return x->cx->code;
  assert(pri_same_shape(v, x) && v->dtype == x->dtype); /* only rules call it */
  return move(&g, PICK, v, x, (int64_t[]){x->dims[0], x->dims[1], g.oh, g.ow}, out);
}

static peri_status run_place(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  pri_windows g;
  peri_tensor *u = in[0], *x = in[1];
  if (pri_windows_of(op->name, x, args, &g)) return x->cx->code;
  assert(u->ndim == 4 && u->dims[2] == g.oh && u->dims[3] == g.ow && u->dtype == x->dtype); /* only rules call it */
  return move(&g, PLACE, u, x, x->dims, out);
}

static peri_status vjp_pick(const peri_pull *p, peri_tensor **grads);
static peri_status vjp_place(const peri_pull *p, peri_tensor **grads);

/* Row k of either result is of row k of both operands: what is moved must be the examples' own, the images may be shared. */
static peri_status check_moved(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out, uint64_t batched) {
  (void)args, (void)out;
  return batched & 1 ? PERI_OK : pri_mixes(op, in[0], "moves values that the examples make up together");
}

static const peri_examples examples_moved = {.check = check_moved};

static const peri_op op_pick = {.name = "nn.max_pool2d_pick", .signature = "v at the maxima of x", .help = "Derivative of max_pool2d along v.",
                                .samples = "none", .arity = 2, .outputs = 1, .result = PERI_RESULT_OWN, .run = run_pick, .vjp = vjp_pick, .per_example = &examples_moved};
static const peri_op op_place = {.name = "nn.max_pool2d_place", .signature = "u put at the maxima of x", .help = "The adjoint of max_pool2d_pick.",
                                 .samples = "none", .arity = 2, .outputs = 1, .result = PERI_RESULT_OWN, .run = run_place, .vjp = vjp_place, .per_example = &examples_moved};

/* The gradient by the first operand; what only decides on places has none. */
static peri_status moved(const peri_pull *p, const peri_op *op, peri_tensor *x, peri_tensor **grads) {
  if (!needs(p, 0)) return PERI_OK;
  grads[0] = peri_apply(op, (peri_tensor *[]){p->cotangents[0], x}, p->args);
  return grads[0] ? PERI_OK : x->cx->code;
}

static peri_status vjp_max_pool2d(const peri_pull *p, peri_tensor **grads) { return moved(p, &op_place, p->in[0], grads); }
static peri_status vjp_pick(const peri_pull *p, peri_tensor **grads) { return moved(p, &op_place, p->in[1], grads); }
static peri_status vjp_place(const peri_pull *p, peri_tensor **grads) { return moved(p, &op_pick, p->in[1], grads); }

static const peri_op op_max_pool2d = {.name = "nn.max_pool2d", .signature = "nn.max_pool2d(x, size[, { stride, padding }])",
                                      .help = "Maxima over windows of images (n, c, h, w).", .samples = "images", .arity = 1, .outputs = 1,
                                      .result = PERI_RESULT_OWN, .run = run_max_pool2d, .vjp = vjp_max_pool2d, .per_example = &pri_examples_rows};

peri_tensor *peri_max_pool2d(peri_tensor *x, int64_t size, int64_t stride, int64_t padding) {
  return peri_apply(&op_max_pool2d, &x, &(peri_args){.i = {size, stride, padding}});
}
