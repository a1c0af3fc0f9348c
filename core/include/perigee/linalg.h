/* perigee/linalg.h - products, linear systems, the matrix exponential.
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

/* The descriptors of this header, ended by NULL. */
PERI_API const peri_op *const *peri_linalg_ops(void);

#ifdef __cplusplus
}
#endif
#endif
