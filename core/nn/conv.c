/* conv.c - two-dimensional convolution and its two adjoints.
**
** An image's patches are laid out as the columns of a matrix P (c kh kw, h' w'); then
**     y = W P,     P = W^T y  (scattered back and added up),     dW = sum_n y P^T
** are matrix products for single-threaded BLAS. Small images stand side by side in one P, so that the filters are not read again for each.
** Images are shared out over the pool in a number of groups that depends on the shape alone; filter gradients are summed within a group,
** then over groups in order.
** The three are each other's derivatives, being bilinear: with cotangent u of the result,
**     conv2d(x, w):         to x  conv2d_input(u, w),    to w  conv2d_weight(x, u)
**     conv2d_input(y, w):   to y  conv2d(u, w),          to w  conv2d_weight(u, y)
**     conv2d_weight(x, y):  to x  conv2d_input(y, u),    to y  conv2d(x, u)
*/
#include "nn/conv_examples.h"
#include "tensor/rules.h"
#include <cblas.h>
#include <perigee/nn.h>

enum { GROUPS = 16, COLUMNS = 256 }; /* groups at most; columns of a product that are enough */

typedef struct {
  peri_dtype dtype;
  int64_t n, c, h, w;       /* images */
  int64_t o, kh, kw;        /* filters */
  int64_t oh, ow;           /* result */
  int64_t s, p;
} geometry;

static int64_t patch(const geometry *g) { return g->c * g->kh * g->kw; }
static int64_t places(const geometry *g) { return g->oh * g->ow; }

/* Images of one product; products; groups of images, and the first image of group i. */
static int64_t together(const geometry *g) {
  int64_t b = COLUMNS / places(g);
  return b < 1 ? 1 : b < g->n ? b : g->n;
}
static int64_t products(const geometry *g) { return (g->n + together(g) - 1) / together(g); }
static int64_t groups_of(const geometry *g) { return products(g) < GROUPS ? products(g) : GROUPS; }
static int64_t group_start(const geometry *g, int64_t i) {
  int64_t first = i * products(g) / groups_of(g) * together(g);
  return first < g->n ? first : g->n;
}

/* ---- one image ---- */

/* The first and one past the last place along an axis whose pixel i s + a - p lies in 0..size-1. */
static void inside(int64_t size, int64_t places_, int64_t s, int64_t p, int64_t a, int64_t *from, int64_t *to) {
  int64_t low = p - a, high = size - 1 + p - a;
  *from = low > 0 ? (low + s - 1) / s : 0;
  *to = high < 0 ? 0 : high / s + 1;
  if (*to > places_) *to = places_;
  if (*from > *to) *from = *to;
}

/* Unaligned vectors of 16 bytes, which every machine has. */
typedef float pack_float __attribute__((vector_size(16), aligned(4), may_alias));
typedef double pack_double __attribute__((vector_size(16), aligned(8), may_alias));

#define PATCHES(T)                                                                                                      \
  static void copy_##T(T *to, const T *from, int64_t n) {                                                               \
    int64_t lanes = (int64_t)(sizeof(pack_##T) / sizeof(T)), j = 0;                                                     \
    for (; j + lanes <= n; j += lanes) *(pack_##T *)(to + j) = *(const pack_##T *)(from + j);                           \
    for (; j < n; j++) to[j] = from[j];                                                                                 \
  }                                                                                                                     \
  static void zero_##T(T *to, int64_t n) {                                                                              \
    if (n > 8) memset(to, 0, (size_t)n * sizeof(T));                                                                    \
    else for (int64_t j = 0; j < n; j++) to[j] = 0;                                                                     \
  }                                                                                                                     \
  static void add_##T(T *to, const T *from, int64_t n) {                                                                \
    int64_t lanes = (int64_t)(sizeof(pack_##T) / sizeof(T)), j = 0;                                                     \
    for (; j + lanes <= n; j += lanes) *(pack_##T *)(to + j) += *(const pack_##T *)(from + j);                          \
    for (; j < n; j++) to[j] += from[j];                                                                                \
  }                                                                                                                     \
  static void gather_##T(const geometry *g, const T *x, T *P, int64_t ld) {                                             \
    for (int64_t c = 0; c < g->c; c++)                                                                                  \
      for (int64_t a = 0; a < g->kh; a++)                                                                               \
        for (int64_t b = 0; b < g->kw; b++, P += ld) {                                                                  \
          int64_t i0, i1, j0, j1;                                                                                       \
          inside(g->h, g->oh, g->s, g->p, a, &i0, &i1);                                                                 \
          inside(g->w, g->ow, g->s, g->p, b, &j0, &j1);                                                                 \
          zero_##T(P, i0 * g->ow);                                                                                      \
          for (int64_t i = i0; i < i1; i++) {                                                                           \
            const T *from = x + (c * g->h + i * g->s + a - g->p) * g->w + b - g->p;                                     \
            T *to = P + i * g->ow;                                                                                      \
            zero_##T(to, j0);                                                                                           \
            if (g->s == 1) copy_##T(to + j0, from + j0, j1 - j0);                                                       \
            else for (int64_t j = j0; j < j1; j++) to[j] = from[j * g->s];                                              \
            zero_##T(to + j1, g->ow - j1);                                                                              \
          }                                                                                                             \
          zero_##T(P + i1 * g->ow, (g->oh - i1) * g->ow);                                                               \
        }                                                                                                               \
  }                                                                                                                     \
  static void scatter_##T(const geometry *g, const T *P, T *x, int64_t ld) {                                            \
    for (int64_t c = 0; c < g->c; c++)                                                                                  \
      for (int64_t a = 0; a < g->kh; a++)                                                                               \
        for (int64_t b = 0; b < g->kw; b++, P += ld) {                                                                  \
          int64_t i0, i1, j0, j1;                                                                                       \
          inside(g->h, g->oh, g->s, g->p, a, &i0, &i1);                                                                 \
          inside(g->w, g->ow, g->s, g->p, b, &j0, &j1);                                                                 \
          for (int64_t i = i0; i < i1; i++) {                                                                           \
            T *to = x + (c * g->h + i * g->s + a - g->p) * g->w + b - g->p;                                             \
            const T *from = P + i * g->ow;                                                                              \
            if (g->s == 1) add_##T(to + j0, from + j0, j1 - j0);                                                        \
            else for (int64_t j = j0; j < j1; j++) to[j * g->s] += from[j];                                             \
          }                                                                                                             \
        }                                                                                                               \
  }
PATCHES(float)
PATCHES(double)

/* One image to the columns P of a matrix of rows of length ld, and back. */
static void gather(const geometry *g, const void *x, void *P, int64_t ld) {
  if (g->dtype == PERI_F32) gather_float(g, x, P, ld);
  else gather_double(g, x, P, ld);
}

static void scatter(const geometry *g, const void *P, void *x, int64_t ld) {
  if (g->dtype == PERI_F32) scatter_float(g, P, x, ld);
  else scatter_double(g, P, x, ld);
}

/* C (m, n) = [beta C +] A B, row-major, A (m, k) or its transpose, B (k, n) or its transpose. */
static void product(peri_dtype t, bool ta, bool tb, int64_t m, int64_t n, int64_t k, const void *A, const void *B, double beta, void *C) {
  CBLAS_TRANSPOSE a = ta ? CblasTrans : CblasNoTrans, b = tb ? CblasTrans : CblasNoTrans;
  blasint M = (blasint)m, N = (blasint)n, K = (blasint)k, lda = ta ? M : K, ldb = tb ? K : N;
  if (t == PERI_F32) cblas_sgemm(CblasRowMajor, a, b, M, N, K, 1, A, lda, B, ldb, (float)beta, C, N);
  else cblas_dgemm(CblasRowMajor, a, b, M, N, K, 1, A, lda, B, ldb, beta, C, N);
}

/* ---- all images ---- */

typedef enum { FORWARD, INPUT, WEIGHT } direction;

typedef struct {
  const geometry *g;
  peri_ctx *cx;
  direction which;
  const char *x, *w, *y;    /* what is read; the one that is written is `out` */
  char *out, *scratch;      /* scratch: P and Y of each group; WEIGHT: out holds one filter bank a group */
} job;

/* The results of `count` images, one after the other, to the rows of Y (o, count h' w'), or back. */
static void turn(const geometry *g, char *images, char *Y, int64_t count, bool back) {
  size_t bytes = (size_t)places(g) * peri_sizeof(g->dtype);
  for (int64_t q = 0; q < count; q++)
    for (int64_t o = 0; o < g->o; o++) {
      char *image = images + (size_t)(q * g->o + o) * bytes, *row = Y + (size_t)(o * count + q) * bytes;
      memcpy(back ? image : row, back ? row : image, bytes);
    }
}

/* Images i .. i + count - 1 in one product; a single one needs no Y. */
static void run_images(const job *j, int64_t i, int64_t count, char *P, char *Y, char *dw) {
  const geometry *g = j->g;
  int64_t bytes = (int64_t)peri_sizeof(g->dtype), in = g->c * g->h * g->w * bytes, out = g->o * places(g) * bytes, n = count * places(g);
  char *y = (j->which == FORWARD ? j->out : (char *)j->y) + i * out, *rows = count == 1 ? y : Y;
  if (j->which != FORWARD && count > 1) turn(g, y, Y, count, false);
  if (j->which != INPUT)
    for (int64_t q = 0; q < count; q++) gather(g, j->x + (i + q) * in, P + q * places(g) * bytes, n);
  switch (j->which) {
  case FORWARD:
    product(g->dtype, false, false, g->o, n, patch(g), j->w, P, 0, rows);
    if (count > 1) turn(g, y, Y, count, true);
    break;
  case INPUT:
    product(g->dtype, true, false, patch(g), n, g->o, j->w, rows, 0, P);
    for (int64_t q = 0; q < count; q++) scatter(g, P + q * places(g) * bytes, j->out + (i + q) * in, n);
    break;
  case WEIGHT: product(g->dtype, false, true, g->o, patch(g), n, rows, P, 1, dw); break;
  }
}

/* Bytes of P and of Y. */
static size_t patch_bytes(const geometry *g) { return (size_t)(together(g) * patch(g) * places(g)) * peri_sizeof(g->dtype); }
static size_t row_bytes(const geometry *g) { return together(g) > 1 ? (size_t)(together(g) * g->o * places(g)) * peri_sizeof(g->dtype) : 0; }

static void run_group(void *ud, int64_t k) {
  const job *j = ud;
  const geometry *g = j->g;
  char *P = j->scratch + (size_t)k * (patch_bytes(g) + row_bytes(g));
  char *dw = j->which == WEIGHT ? j->out + (size_t)(k * g->o * patch(g)) * peri_sizeof(g->dtype) : NULL;
  int64_t end = group_start(g, k + 1), count;
  for (int64_t i = group_start(g, k); i < end && !pri_stopped(j->cx); i += count) {
    count = end - i < together(g) ? end - i : together(g);
    run_images(j, i, count, P, P + patch_bytes(g), dw);
  }
}

static peri_status run_job(job *j) {
  const geometry *g = j->g;
  size_t bytes = (size_t)groups_of(g) * (patch_bytes(g) + row_bytes(g));
  j->scratch = peri_alloc(j->cx, bytes);
  if (!j->scratch) return j->cx->code;
  pri_parallel(j->cx, groups_of(g), run_group, j);
  peri_free(j->cx, j->scratch, bytes);
  return peri_check_interrupt(j->cx);
}

static bool empty(const geometry *g) { return g->n == 0 || g->o == 0 || places(g) == 0 || patch(g) == 0; }

/* A result that is written whole, unless there is nothing to compute it from. */
static peri_tensor *fresh(peri_ctx *cx, const geometry *g, const int64_t dims[4]) {
  return empty(g) ? peri_zeros(cx, g->dtype, 4, dims) : peri_new(cx, g->dtype, 4, dims);
}

/* ---- shapes ---- */

static peri_status check_pair(const char *who, const peri_tensor *a, const peri_tensor *b) {
  if (a->ndim != 4 || b->ndim != 4)
    return peri_fail(a->cx, PERI_ERR_SHAPE, "%s: two tensors of 4 axes are needed, got %s and %s", who, peri_shape(a), peri_shape(b));
  if (!pri_is_float((peri_dtype)a->dtype) || a->dtype != b->dtype)
    return peri_fail(a->cx, PERI_ERR_DTYPE, "%s: both operands must be f32 or both f64, got %s and %s", who, peri_dtype_name((peri_dtype)a->dtype),
                     peri_dtype_name((peri_dtype)b->dtype));
  return PERI_OK;
}

/* Fills oh, ow from the rest, and refuses what BLAS cannot count. */
static peri_status finish_geometry(peri_ctx *cx, const char *who, geometry *g, peri_conv c) {
  g->s = c.stride;
  g->p = c.padding;
  if (c.stride < 1 || c.padding < 0 || c.padding > INT32_MAX)
    return peri_fail(cx, PERI_ERR_VALUE, "%s: the stride must be >= 1 and the padding >= 0, got %lld and %lld", who, (long long)c.stride, (long long)c.padding);
  int64_t dh = g->h + 2 * c.padding - g->kh, dw = g->w + 2 * c.padding - g->kw;
  if (dh < 0 || dw < 0 || g->kh < 1 || g->kw < 1)
    return peri_fail(cx, PERI_ERR_SHAPE, "%s: a kernel of %lld x %lld does not fit into images of %lld x %lld padded by %lld", who, (long long)g->kh,
                     (long long)g->kw, (long long)g->h, (long long)g->w, (long long)c.padding);
  g->oh = dh / c.stride + 1;
  g->ow = dw / c.stride + 1;
  if (patch(g) > INT32_MAX || places(g) > INT32_MAX || g->o > INT32_MAX)
    return peri_fail(cx, PERI_ERR_SHAPE, "%s: a matrix of %lld x %lld is too large for one product", who, (long long)patch(g), (long long)places(g));
  return PERI_OK;
}

static peri_status match(peri_ctx *cx, const char *who, const char *what, int64_t a, int64_t b) {
  return a == b ? PERI_OK : peri_fail(cx, PERI_ERR_SHAPE, "%s: %s: %lld and %lld", who, what, (long long)a, (long long)b);
}

static peri_conv conv_of(const peri_args *args) { return (peri_conv){args->i[0], args->i[1]}; }

/* Contiguous copies of both operands, or NULL. */
static bool both(peri_tensor *const *in, peri_tensor **a, peri_tensor **b) {
  *a = peri_contiguous(in[0]);
  *b = *a ? peri_contiguous(in[1]) : NULL;
  return *b != NULL;
}

static peri_status deliver(peri_status st, peri_tensor *a, peri_tensor *b, peri_tensor *r, peri_tensor **out) {
  peri_release(a);
  peri_release(b);
  if (st) peri_release(r);
  else out[0] = r;
  return st;
}

/* ---- the primitives ---- */

static peri_status run_conv2d(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *x = in[0], *w = in[1], *a = NULL, *b = NULL, *r = NULL;
  peri_ctx *cx = x->cx;
  if (check_pair(op->name, x, w)) return cx->code;
  geometry g = {(peri_dtype)x->dtype, x->dims[0], x->dims[1], x->dims[2], x->dims[3], w->dims[0], w->dims[2], w->dims[3], 0, 0, 0, 0};
  if (match(cx, op->name, "channels of images and filters differ", g.c, w->dims[1]) || finish_geometry(cx, op->name, &g, conv_of(args))) return cx->code;
  peri_status st = both(in, &a, &b) && (r = fresh(cx, &g, (int64_t[]){g.n, g.o, g.oh, g.ow})) ? PERI_OK : cx->code;
  if (!st && !empty(&g)) st = run_job(&(job){.g = &g, .cx = cx, .which = FORWARD, .x = a->data, .w = b->data, .out = r->data});
  return deliver(st, a, b, r, out);
}

static peri_status run_conv2d_input(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *y = in[0], *w = in[1], *a = NULL, *b = NULL, *r = NULL;
  peri_ctx *cx = y->cx;
  if (check_pair(op->name, y, w)) return cx->code;
  geometry g = {(peri_dtype)y->dtype, y->dims[0], w->dims[1], args->i[2], args->i[3], w->dims[0], w->dims[2], w->dims[3], 0, 0, 0, 0};
  if (finish_geometry(cx, op->name, &g, conv_of(args)) || match(cx, op->name, "channels of result and filters differ", y->dims[1], g.o) ||
      match(cx, op->name, "heights do not fit", y->dims[2], g.oh) || match(cx, op->name, "widths do not fit", y->dims[3], g.ow))
    return cx->code;
  peri_status st = both(in, &a, &b) && (r = peri_zeros(cx, g.dtype, 4, (int64_t[]){g.n, g.c, g.h, g.w})) ? PERI_OK : cx->code;
  if (!st && !empty(&g)) st = run_job(&(job){.g = &g, .cx = cx, .which = INPUT, .y = a->data, .w = b->data, .out = r->data});
  return deliver(st, a, b, r, out);
}

static peri_status run_conv2d_weight(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *x = in[0], *y = in[1], *a = NULL, *b = NULL, *r = NULL, *parts = NULL;
  peri_ctx *cx = x->cx;
  if (check_pair(op->name, x, y)) return cx->code;
  geometry g = {(peri_dtype)x->dtype, x->dims[0], x->dims[1], x->dims[2], x->dims[3], y->dims[1], args->i[2], args->i[3], 0, 0, 0, 0};
  if (finish_geometry(cx, op->name, &g, conv_of(args)) || match(cx, op->name, "numbers of images differ", g.n, y->dims[0]) ||
      match(cx, op->name, "heights do not fit", y->dims[2], g.oh) || match(cx, op->name, "widths do not fit", y->dims[3], g.ow))
    return cx->code;
  int64_t dims[4] = {g.o, g.c, g.kh, g.kw};
  peri_status st = both(in, &a, &b) && (r = peri_zeros(cx, g.dtype, 4, dims)) ? PERI_OK : cx->code;
  if (!st && !empty(&g)) {
    parts = peri_zeros(cx, g.dtype, 2, (int64_t[]){groups_of(&g), r->size});
    st = parts ? run_job(&(job){.g = &g, .cx = cx, .which = WEIGHT, .x = a->data, .y = b->data, .out = parts->data}) : cx->code;
    for (int64_t k = 0; k < groups_of(&g) && !st; k++) {
      peri_tensor part = *r; /* a header on the stack over one group's sum */
      part.data = (char *)parts->data + k * r->size * (int64_t)peri_sizeof(g.dtype);
      st = peri_add_(r, r, &part);
    }
    peri_release(parts);
  }
  return deliver(st, a, b, r, out);
}

static peri_status vjp_conv2d(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *x = p->in[0], *w = p->in[1], *u = p->cotangents[0];
  peri_conv c = conv_of(p->args);
  if (needs(p, 0)) grads[0] = peri_conv2d_input(u, w, x->dims[2], x->dims[3], c);
  if (needs(p, 1)) grads[1] = peri_conv2d_weight(x, u, w->dims[2], w->dims[3], c);
  return ruled(p, grads);
}

static peri_status vjp_conv2d_input(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *y = p->in[0], *w = p->in[1], *u = p->cotangents[0];
  if (needs(p, 0)) grads[0] = peri_conv2d(u, w, conv_of(p->args));
  if (needs(p, 1)) grads[1] = peri_conv2d_weight(u, y, w->dims[2], w->dims[3], conv_of(p->args));
  return ruled(p, grads);
}

static peri_status vjp_conv2d_weight(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *x = p->in[0], *y = p->in[1], *u = p->cotangents[0];
  if (needs(p, 0)) grads[0] = peri_conv2d_input(y, u, x->dims[2], x->dims[3], conv_of(p->args));
  if (needs(p, 1)) grads[1] = peri_conv2d(x, u, conv_of(p->args));
  return ruled(p, grads);
}

#define CONV(NAME, EXAMPLES, SIGNATURE, HELP)                                                                           \
  static const peri_op op_##NAME = {.name = "nn." #NAME, .signature = SIGNATURE, .help = HELP, .samples = "images",     \
                                    .arity = 2, .outputs = 1, .result = PERI_RESULT_OWN, .run = run_##NAME, .vjp = vjp_##NAME,  \
                                    .per_example = EXAMPLES};
CONV(conv2d, &pri_examples_conv2d, "nn.conv2d(x, w[, { stride, padding }])", "Two-dimensional convolution of images (n, c, h, w) with filters (o, c, kh, kw).")
CONV(conv2d_input, &pri_examples_conv2d_input, "nn.conv2d_input(y, w, h, w)", "The transposed convolution.")
CONV(conv2d_weight, NULL, "nn.conv2d_weight(x, y, kh, kw)", "The gradient of a convolution by its filters.")

peri_tensor *peri_conv2d(peri_tensor *x, peri_tensor *w, peri_conv c) {
  return peri_apply(&op_conv2d, (peri_tensor *[]){x, w}, &(peri_args){.i = {c.stride, c.padding}});
}
peri_tensor *peri_conv2d_input(peri_tensor *y, peri_tensor *w, int64_t height, int64_t width, peri_conv c) {
  return peri_apply(&op_conv2d_input, (peri_tensor *[]){y, w}, &(peri_args){.i = {c.stride, c.padding, height, width}});
}
peri_tensor *peri_conv2d_weight(peri_tensor *x, peri_tensor *y, int64_t kh, int64_t kw, peri_conv c) {
  return peri_apply(&op_conv2d_weight, (peri_tensor *[]){x, y}, &(peri_args){.i = {c.stride, c.padding, kh, kw}});
}
