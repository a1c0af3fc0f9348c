/* triangular.c - systems with a triangular matrix (BLAS trsm), and lower triangles as vectors. */
#include "linalg/linalg.h"
#include "linalg/lapack.h"
#include <cblas.h>
#include <math.h>

/* ---- solve_triangular ---- */

typedef struct {
  const char *who;
  peri_ctx *cx;
  peri_dtype dtype;
  int64_t n, columns;
  bool upper, transposed;
} triangle;

static double element(const triangle *s, const peri_tensor *a, int64_t at) {
  return s->dtype == PERI_F32 ? ((const float *)a->data)[at] : ((const double *)a->data)[at];
}

/* The triangle at `at` of a, strides s0 and s1: finite, without a zero on its diagonal. */
static peri_status check_triangle(const triangle *s, const peri_tensor *a, int64_t at, int64_t which, int64_t count) {
  const int64_t *st = a->strides + a->ndim - 2;
  char text[48];
  for (int64_t i = 0; i < s->n; i++) {
    for (int64_t j = s->upper ? i : 0, end = s->upper ? s->n : i + 1; j < end; j++) {
      double x = element(s, a, at + i * st[0] + j * st[1]);
      if (x - x != 0)
        return peri_fail(s->cx, PERI_ERR_NUMERIC, "%s: the matrix holds %g at row %lld, column %lld", s->who, x,
                         (long long)i + 1, (long long)j + 1);
    }
    if (element(s, a, at + i * (st[0] + st[1])) == 0)
      return peri_fail(s->cx, PERI_ERR_NUMERIC, "%s: %s is singular (diagonal element %lld is 0)", s->who,
                       pri_subject(text, which, count), (long long)i + 1);
  }
  return PERI_OK;
}

/* x (n, columns), row-major, becomes T^-1 x. A column-major T is the transpose of what lies there row by row. */
static void solve_one(const triangle *s, const peri_tensor *a, int64_t at, void *x) {
  const int64_t *st = a->strides + a->ndim - 2;
  bool rows = s->n <= 1 || (st[1] == 1 && st[0] >= s->n);
  int lda = (int)(s->n <= 1 ? 1 : rows ? st[0] : st[1]), n = (int)s->n, columns = (int)s->columns;
  CBLAS_UPLO uplo = s->upper == rows ? CblasUpper : CblasLower;
  CBLAS_TRANSPOSE trans = s->transposed == rows ? CblasTrans : CblasNoTrans;
  const char *t = (const char *)a->data + at * (int64_t)peri_sizeof(s->dtype);
  if (s->dtype == PERI_F32)
    cblas_strsm(CblasRowMajor, CblasLeft, uplo, trans, CblasNonUnit, n, columns, 1, (const float *)t, lda, x, columns);
  else
    cblas_dtrsm(CblasRowMajor, CblasLeft, uplo, trans, CblasNonUnit, n, columns, 1, (const double *)t, lda, x, columns);
}

/* x holds the right-hand sides, broadcast; they become the solutions. */
static peri_status solve_all(const triangle *s, peri_tensor *x, const peri_tensor *a, const pri_batch *batch) {
  int64_t sa[PERI_MAXDIM], size = s->n * s->columns * (int64_t)peri_sizeof(s->dtype), checked = -1;
  pri_batch_strides(batch, a, 2, sa);
  for (int64_t i = 0; i < batch->count; i++) {
    int64_t at = pri_batch_offset(batch, sa, i);
    if (peri_check_interrupt(s->cx)) return s->cx->code;
    if (at != checked && check_triangle(s, a, at, i, batch->count)) return s->cx->code;
    checked = at;
    solve_one(s, a, at, (char *)x->data + i * size);
  }
  return PERI_OK;
}

/* a as BLAS can be given it: one axis dense, the other spaced by 32 bits. */
static peri_tensor *as_stored(peri_tensor *a, peri_dtype t) {
  const int64_t *st = a->strides + a->ndim - 2;
  return pri_fits_blas(st[0]) && pri_fits_blas(st[1]) ? pri_blas_operand(a, t) : peri_cast(a, t);
}

static peri_status run_solve_triangular(const peri_op *op, peri_tensor *const *in, const peri_args *args,
                                        peri_tensor **out) {
  peri_tensor *a = in[0], *b = in[1];
  peri_ctx *cx = a->cx;
  int64_t dims[PERI_MAXDIM];
  int nd;
  triangle s = {.who = op->name,
                .cx = cx,
                .upper = args->i[0] & PERI_TRIANGLE_UPPER,
                .transposed = args->i[0] & PERI_TRIANGLE_TRANSPOSED};
  bool vector = b->ndim == 1;
  if (pri_check_system(op->name, a, b, &s.n) || pri_real_dtype(op->name, a, b, &s.dtype)) return cx->code;
  if (vector) {
    nd = a->ndim - 2;
    memcpy(dims, a->dims, sizeof dims);
  } else if (pri_batch_shape(op->name, a, b, 2, &nd, dims))
    return cx->code;
  pri_batch batch = pri_batch_make(nd, dims);
  dims[nd] = s.n;
  s.columns = vector ? 1 : b->dims[b->ndim - 1];
  if (!vector) dims[nd + 1] = s.columns;
  peri_tensor *x = peri_new(cx, s.dtype, nd + (vector ? 1 : 2), dims), *t = x ? as_stored(a, s.dtype) : NULL;
  peri_status st = t ? PERI_OK : cx->code;
  if (!st && x->size > 0) {
    pri_copy_into(x, b);
    st = solve_all(&s, x, t, &batch);
  }
  peri_release(t);
  if (st) return peri_release(x), st;
  out[0] = x;
  return PERI_OK;
}

/* ---- lower triangles as vectors, row by row ---- */

/* Copies n (n + 1) / 2 elements between a packed triangle and an (n, n) matrix. */
static void copy_triangle(char *packed, char *full, int64_t n, size_t bytes, bool pack) {
  for (int64_t i = 0; i < n; i++) {
    size_t length = (size_t)(i + 1) * bytes;
    if (pack)
      memcpy(packed, full, length);
    else
      memcpy(full, packed, length);
    packed += length;
    full += (size_t)n * bytes;
  }
}

static peri_status run_pack_tril(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)args;
  int64_t n;
  if (pri_square(op->name, in[0], &n)) return in[0]->cx->code;
  peri_dtype t = (peri_dtype)in[0]->dtype;
  size_t bytes = peri_sizeof(t);
  int64_t length = n * (n + 1) / 2;
  peri_tensor *a = peri_contiguous(in[0]), *r = a ? pri_like_stack(a, t, 1, 0, length) : NULL;
  for (int64_t i = 0, count = pri_count_matrices(in[0]); r && i < count; i++)
    copy_triangle((char *)r->data + (size_t)(i * length) * bytes, (char *)a->data + (size_t)(i * n * n) * bytes, n,
                  bytes, true);
  peri_release(a);
  out[0] = r;
  return r ? PERI_OK : in[0]->cx->code;
}

/* The n with n (n + 1) / 2 = length, or the largest one below. */
static int64_t triangle_side(int64_t length) {
  int64_t n = (int64_t)((sqrt(8.0 * (double)length + 1) - 1) / 2);
  while (n > 0 && n * (n + 1) / 2 > length) n--;
  while ((n + 1) * (n + 2) / 2 <= length) n++;
  return n;
}

static peri_status check_packed(const peri_op *op, const peri_tensor *v, int64_t *n) {
  if (v->ndim < 1 || v->ndim >= PERI_MAXDIM)
    return peri_fail(v->cx, PERI_ERR_SHAPE, "%s: a packed triangle has 1 to %d axes, got shape %s", op->name,
                     PERI_MAXDIM - 1, peri_shape(v));
  int64_t length = v->dims[v->ndim - 1];
  *n = triangle_side(length);
  if (*n * (*n + 1) / 2 == length) return PERI_OK;
  return peri_fail(v->cx, PERI_ERR_SHAPE,
                   "%s: %lld elements are no triangle; n (n + 1) / 2 is %lld for n = %lld and %lld for n = %lld",
                   op->name, (long long)length, (long long)(*n * (*n + 1) / 2), (long long)*n,
                   (long long)((*n + 1) * (*n + 2) / 2), (long long)*n + 1);
}

static peri_status run_unpack_tril(const peri_op *op, peri_tensor *const *in, const peri_args *args,
                                   peri_tensor **out) {
  (void)args;
  int64_t n = 0, dims[PERI_MAXDIM];
  int nd = in[0]->ndim;
  if (check_packed(op, in[0], &n)) return in[0]->cx->code;
  peri_dtype t = (peri_dtype)in[0]->dtype;
  size_t bytes = peri_sizeof(t);
  memcpy(dims, in[0]->dims, sizeof dims);
  dims[nd - 1] = dims[nd] = n;
  int64_t length = n * (n + 1) / 2;
  peri_tensor *v = peri_contiguous(in[0]), *r = v ? peri_zeros(v->cx, t, nd + 1, dims) : NULL;
  for (int64_t i = 0, count = r ? pri_count_matrices(r) : 0; i < count; i++)
    copy_triangle((char *)v->data + (size_t)(i * length) * bytes, (char *)r->data + (size_t)(i * n * n) * bytes, n,
                  bytes, false);
  peri_release(v);
  out[0] = r;
  return r ? PERI_OK : in[0]->cx->code;
}

const peri_op pri_op_solve_triangular = {.name = "linalg.solve_triangular",
                                         .arity = 2,
                                         .outputs = 1,
                                         .result = PERI_RESULT_OWN,
                                         .run = run_solve_triangular,
                                         .vjp = pri_vjp_solve_triangular,
                                         .samples = "triangular system",
                                         .signature = "linalg.solve_triangular(a, b)",
                                         .help = "X with T X = b, T a triangle of a or its transpose."};
const peri_op pri_op_pack_tril = {.name = "linalg.pack_tril",
                                  .arity = 1,
                                  .outputs = 1,
                                  .result = PERI_RESULT_OWN,
                                  .run = run_pack_tril,
                                  .vjp = pri_vjp_pack_tril,
                                  .samples = "square",
                                  .signature = "linalg.pack_tril(a)",
                                  .help = "The lower triangle of a square matrix as a vector, row by row."};
const peri_op pri_op_unpack_tril = {.name = "linalg.unpack_tril",
                                    .arity = 1,
                                    .outputs = 1,
                                    .result = PERI_RESULT_OWN,
                                    .run = run_unpack_tril,
                                    .vjp = pri_vjp_unpack_tril,
                                    .samples = "triangle",
                                    .signature = "linalg.unpack_tril(v)",
                                    .help = "The lower triangular matrix with the elements of a vector, row by row."};

peri_tensor *peri_solve_triangular(peri_tensor *a, peri_tensor *b, uint32_t flags) {
  return peri_apply(&pri_op_solve_triangular, (peri_tensor *[]){a, b}, &(peri_args){.i = {flags}});
}
peri_tensor *peri_pack_tril(peri_tensor *a) { return peri_apply(&pri_op_pack_tril, &a, NULL); }
peri_tensor *peri_unpack_tril(peri_tensor *v) { return peri_apply(&pri_op_unpack_tril, &v, NULL); }
