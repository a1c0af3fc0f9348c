/* linalg.h - what the files of this module, and the modules above, share. */
#ifndef PRI_LINALG_H
#define PRI_LINALG_H

#include <perigee/linalg.h>
#include "tensor/tensor.h"

extern const peri_op pri_op_mm, pri_op_mv, pri_op_bmm, pri_op_outer, pri_op_solve, pri_op_inverse, pri_op_expm;
extern const peri_op pri_op_cholesky, pri_op_logdet, pri_op_slogdet, pri_op_solve_triangular, pri_op_pack_tril, pri_op_unpack_tril;
extern const peri_op pri_op_eigvalsh, pri_op_eigh, pri_op_svdvals, pri_op_svd, pri_op_qr, pri_op_lstsq, pri_op_pinv;

/* Gradient rules (linalg_rules.c, factor_rules.c). */
peri_status pri_vjp_mm(const peri_pull *p, peri_tensor **grads);
peri_status pri_vjp_mv(const peri_pull *p, peri_tensor **grads);
peri_status pri_vjp_bmm(const peri_pull *p, peri_tensor **grads);
peri_status pri_vjp_outer(const peri_pull *p, peri_tensor **grads);
peri_status pri_vjp_solve(const peri_pull *p, peri_tensor **grads);
peri_status pri_vjp_inverse(const peri_pull *p, peri_tensor **grads);
peri_status pri_vjp_solve_triangular(const peri_pull *p, peri_tensor **grads);
peri_status pri_vjp_pack_tril(const peri_pull *p, peri_tensor **grads);
peri_status pri_vjp_unpack_tril(const peri_pull *p, peri_tensor **grads);
peri_status pri_vjp_cholesky(const peri_pull *p, peri_tensor **grads);
peri_status pri_vjp_logdet(const peri_pull *p, peri_tensor **grads);
peri_status pri_vjp_slogdet(const peri_pull *p, peri_tensor **grads);
peri_status pri_vjp_eigvalsh(const peri_pull *p, peri_tensor **grads);
peri_status pri_vjp_eigh(const peri_pull *p, peri_tensor **grads);
peri_status pri_vjp_svdvals(const peri_pull *p, peri_tensor **grads);
peri_status pri_vjp_svd(const peri_pull *p, peri_tensor **grads);

/* The dtype in which an operation on a and b (NULL: a alone) computes, f64 for exact operands. */
peri_dtype pri_float_dtype(const peri_tensor *a, const peri_tensor *b);

/* t itself (retained) if its dtype is `to` and its last two axes suit BLAS, else a contiguous copy. NULL on error. */
peri_tensor *pri_blas_operand(peri_tensor *t, peri_dtype to);

/* Leading axes (all but `inner` last ones) of a and b broadcast into dims, their number into nd. */
peri_status pri_batch_shape(const char *who, const peri_tensor *a, const peri_tensor *b, int inner, int *nd,
                            int64_t *dims);

/* A stack of matrices: which one is index i in C order. */
typedef struct {
  int nd;
  int64_t dims[PERI_MAXDIM], count;
} pri_batch;
pri_batch pri_batch_make(int nd, const int64_t *dims);
/* Strides of the leading axes of t (all but `inner` last ones) along the batch: 0 where they broadcast. */
void pri_batch_strides(const pri_batch *batch, const peri_tensor *t, int inner, int64_t *strides);
int64_t pri_batch_offset(const pri_batch *batch, const int64_t *strides, int64_t i);

/* PERI_OK if the last two axes of t are equal and fit LAPACK; n receives their length. */
peri_status pri_square(const char *who, const peri_tensor *t, int64_t *n);

/* PERI_OK if a is square, (..., n, n), and b a vector (n) or matrices (..., n, k) that fit LAPACK. */
peri_status pri_check_system(const char *who, const peri_tensor *a, const peri_tensor *b, int64_t *n);

/* PERI_OK if a contiguous (n, n) matrix, column-major if `columns`, is finite; PERI_ERR_NUMERIC names the first element that is not. */
peri_status pri_finite(peri_ctx *cx, const char *who, peri_dtype t, const void *matrix, int64_t n, bool columns);

/* The same for `lines` contiguous lines of `length` elements, rows or columns of `what` ("matrix"). */
peri_status pri_finite_lines(peri_ctx *cx, const char *who, const char *what, peri_dtype t, const void *matrix, int64_t lines,
                             int64_t length, bool columns);

/* PERI_OK if a contiguous f32 or f64 (n, n) matrix is finite and |a_ij - a_ji| <= sqrt(machine epsilon) max |a| everywhere, else
** PERI_ERR_NUMERIC or PERI_ERR_VALUE with the place. */
peri_status pri_symmetric(peri_ctx *cx, const char *who, peri_dtype t, const void *a, int64_t n);

/* The dtype a factorisation computes in, f32 or f64; PERI_ERR_DTYPE for complex operands. */
peri_status pri_real_dtype(const char *who, const peri_tensor *a, const peri_tensor *b, peri_dtype *t);

/* The last two axes of t, which must be there and fit LAPACK. */
peri_status pri_matrices(const char *who, const peri_tensor *t, int64_t *rows, int64_t *cols);
int64_t pri_count_matrices(const peri_tensor *t); /* of a stack (..., m, n) */

/* A new tensor with the leading axes of the stack a: (..., rows, cols) if inner is 2, (..., cols) if it is 1. */
peri_tensor *pri_like_stack(const peri_tensor *a, peri_dtype t, int inner, int64_t rows, int64_t cols);

/* "matrix", or "matrix 3 of the stack", for messages; which counts from 0. */
const char *pri_subject(char text[48], int64_t which, int64_t count);

/* PERI_ERR_SHAPE unless a work array of so many elements can be passed to LAPACK. To be asked with a bound before a query is made, whose
** answer is computed in 32 bits. */
peri_status pri_work_fits(peri_ctx *cx, const char *who, double elements);

/* The number of elements of a work array from LAPACK's answer to a query. */
peri_status pri_work_size(peri_ctx *cx, const char *who, double answer, int *size);

/* dst[i + j ldd] = src[i s0 + j s1], i < rows, j < cols: a copy into column-major order, in tiles. */
void pri_to_columns(void *dst, int64_t ldd, const void *src, int64_t s0, int64_t s1, int64_t rows, int64_t cols,
                    size_t bytes);

/* LAPACK's potrf and getrf of a contiguous (n, n) matrix on the pool, with their `info`; may be cut short by the stop flag. The lower
** triangle of a row-major f32 or f64 matrix becomes L, what is above it is undefined; a column-major matrix becomes its LU factors. */
int pri_blocked_cholesky(peri_ctx *cx, peri_dtype t, void *a, int64_t n);
int pri_blocked_lu(peri_ctx *cx, peri_dtype t, void *a, int64_t n, int *pivots);

/* C = A B of contiguous (n, n) f64 matrices, none overlapping C, on the pool. May be cut short by the stop flag. */
void pri_product(peri_ctx *cx, int64_t n, double *c, const double *a, const double *b);

/* a (n, n), row-major, becomes e^a; work holds pri_expm_work(n) doubles, pivots n. */
int64_t pri_expm_work(int64_t n);
peri_status pri_expm(peri_ctx *cx, int64_t n, double *a, double *work, int *pivots);

#endif
