/* perigee/linalg.h - products, linear systems, factorisations, the matrix exponential.
**
** Products and factorisations go through BLAS and LAPACK. Products are cut into panels by a grid that depends on the shapes
** alone, inner dimensions never cut, and the panels are shared over the context's pool: the bits of a result do not depend
** on the number of our threads. They may depend on OpenBLAS's own threads, a setting of the whole process that the
** library leaves alone unless peri_config.blas_threads asks; set it to 1, then the pool is the only source of threads.
**
** Element types: f32, f64, c128, promoted as everywhere. i64 and bool meet the products' PERI_ERR_DTYPE when both operands are
** exact (cast one to f64); solve, inverse and expm compute them in f64. A strided or transposed matrix is passed on as it
** is if one of its axes is contiguous, else copied. Dimensions that do not fit BLAS's 32-bit integers are PERI_ERR_SHAPE.
** The stop flag is read between panels, and between the matrices of a stack; one factorisation runs to its end.
*/
#ifndef PERIGEE_LINALG_H
#define PERIGEE_LINALG_H

#include <perigee/op.h>

#ifdef __cplusplus
extern "C" {
#endif

/* C = A B.  A is (m, k), B is (k, n), C is a new (m, n) tensor of the promoted dtype (f64 over f32).
** Either may be a strided view; neither is copied unless no axis is contiguous. k = 0 gives zeros.
** Bits of C do not depend on the number of threads.
** NULL on error: PERI_ERR_SHAPE if the inner dimensions differ, PERI_ERR_DTYPE for i64/bool, PERI_ERR_MEMORY. */
PERI_API peri_tensor *peri_mm(peri_tensor *a, peri_tensor *b);

/* y = A x.  A is (m, k), x is (k), y is a new (m). Errors as for peri_mm. */
PERI_API peri_tensor *peri_mv(peri_tensor *a, peri_tensor *x);

/* C[i] = A[i] B[i] for every index i of the leading axes, which broadcast.  A is (..., m, k), B is (..., k, n), each at least
** 2-d; C is (..., m, n). A broadcast operand is not copied. Errors as for peri_mm. */
PERI_API peri_tensor *peri_bmm(peri_tensor *a, peri_tensor *b);

/* C[i, j] = a[i] b[j].  a is (m), b is (n), C is (m, n); any dtype but bool stays itself. */
PERI_API peri_tensor *peri_outer(peri_tensor *a, peri_tensor *b);

/* X with A X = B, by LU factorisation with partial pivoting.  A is (..., n, n). B is a vector (n), used for every A, or
** matrices (..., n, k); leading axes broadcast. X has the broadcast shape, (..., n) or (..., n, k).
** PERI_ERR_NUMERIC if a pivot is exactly 0 or A holds a NaN or an infinity; those of B go into X. A badly conditioned A
** is not an error. n = 0 and k = 0 give an empty X. */
PERI_API peri_tensor *peri_solve(peri_tensor *a, peri_tensor *b);

/* A^-1 of each (n, n) matrix of (..., n, n). Errors as for peri_solve. */
PERI_API peri_tensor *peri_inverse(peri_tensor *a);

/* e^A of each (n, n) matrix of (..., n, n), f32 computed in f64, by scaling and squaring of a Pade approximant with a backward
** error of unit roundoff: Al-Mohy & Higham (2009), SIAM J. Matrix Anal. Appl. 31, algorithm 6.1.
** PERI_ERR_NUMERIC if A holds a NaN or an infinity, or if e^A overflows. */
PERI_API peri_tensor *peri_expm(peri_tensor *a);

/* ---- factorisations ----
**
** Of each matrix of a stack, real: f32 is computed in its own precision, i64 and bool in f64, c128 is PERI_ERR_DTYPE. A NaN or an
** infinity in the matrix is PERI_ERR_NUMERIC, with its row and column. "Symmetric" matrices must be so up to sqrt(machine epsilon)
** times their largest element, else PERI_ERR_VALUE; their gradients are symmetric. Those without a gradient rule say so when recorded. */

/* Lower triangular L (..., n, n) with L L^T = A, symmetric positive definite. PERI_ERR_NUMERIC with the pivot if it is not. */
PERI_API peri_tensor *peri_cholesky(peri_tensor *a);

/* log det A (...) of symmetric positive definite A, by Cholesky; errors as there. */
PERI_API peri_tensor *peri_logdet(peri_tensor *a);

/* Sign of det A, -1, 0 or 1, and log |det A| (-inf if 0), both (...), by LU. The sign's gradient is 0. */
PERI_API peri_status peri_slogdet(peri_tensor *a, peri_tensor **sign, peri_tensor **logarithm);

/* X with T X = B; T is the lower (or upper) triangle of A, or its transpose: the rest of A is not read. Shapes as for peri_solve.
** PERI_ERR_NUMERIC if T holds a NaN or an infinity, or a 0 on its diagonal. */
enum { PERI_TRIANGLE_UPPER = 1, PERI_TRIANGLE_TRANSPOSED = 2 };
PERI_API peri_tensor *peri_solve_triangular(peri_tensor *a, peri_tensor *b, uint32_t flags);

/* Lower triangle of (..., n, n), any dtype, as (..., n (n + 1) / 2), row by row; and back, zeros above the diagonal. */
PERI_API peri_tensor *peri_pack_tril(peri_tensor *a);
PERI_API peri_tensor *peri_unpack_tril(peri_tensor *v);

/* Eigenvalues (..., n), ascending, of symmetric A, and orthonormal eigenvectors, the columns of (..., n, n). The vectors' gradient
** (and so the second derivative of the values) is PERI_ERR_NUMERIC where two eigenvalues coincide to rounding. */
PERI_API peri_tensor *peri_eigvalsh(peri_tensor *a);
PERI_API peri_status peri_eigh(peri_tensor *a, peri_tensor **values, peri_tensor **vectors);

/* A = U diag(s) VT for A (..., m, n), k = min(m, n): U (..., m, k), s (..., k) descending and >= 0, VT (..., k, n). As with peri_eigh,
** the gradient of the vectors needs distinct s, and s > 0 unless A is square. */
PERI_API peri_tensor *peri_svdvals(peri_tensor *a);
PERI_API peri_status peri_svd(peri_tensor *a, peri_tensor **u, peri_tensor **s, peri_tensor **vt);

/* A = Q R for A (..., m, n): Q (..., m, k) with orthonormal columns, R (..., k, n) upper triangular. No gradient. */
PERI_API peri_status peri_qr(peri_tensor *a, peri_tensor **q, peri_tensor **r);

/* In the next three, singular values up to rcond times the largest count as 0; rcond < 0 means max(m, n) machine epsilons. */

/* The X of least norm that minimises |A X - B|: A (m, n), B (m) or (m, p), X (n) or (n, p); and the singular values s of A, min(m, n).
** No gradient. NaN and infinities are refused in B too. */
PERI_API peri_status peri_lstsq(peri_tensor *a, peri_tensor *b, double rcond, peri_tensor **x, peri_tensor **s);

/* Pseudo-inverse (..., n, m) of A (..., m, n). No gradient. */
PERI_API peri_tensor *peri_pinv(peri_tensor *a, double rcond);

/* Number of singular values that count, i64 (...). */
PERI_API peri_tensor *peri_matrix_rank(peri_tensor *a, double rcond);

/* The descriptors of this header, ended by NULL. */
PERI_API const peri_op *const *peri_linalg_ops(void);

#ifdef __cplusplus
}
#endif
#endif
