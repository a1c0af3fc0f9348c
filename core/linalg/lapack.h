/* lapack.h - the Fortran routines of LAPACK that we call, as gfortran's convention has them.
**
** Everything is a pointer; matrices are column-major; every character argument adds its length, a size_t, at the end.
** Arrays are void * so that the routines of the four element types share a type. Integers are 32-bit (DEPENDENCIES: sizeof
** blasint is 4): callers check dimensions with pri_fits_blas.
*/
#ifndef PRI_LAPACK_H
#define PRI_LAPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool pri_fits_blas(int64_t n) { return n <= INT32_MAX; }

/* P L U = A (m, n) in place; pivots has min(m, n) entries, from 1; info > 0: that pivot is exactly 0. */
typedef void pri_getrf(const int *m, const int *n, void *a, const int *lda, int *pivots, int *info);
pri_getrf sgetrf_, dgetrf_, zgetrf_;

/* B (n, nrhs) becomes A^-1 B ("N") or A^-T B ("T"), from getrf's factors. */
typedef void pri_getrs(const char *trans, const int *n, const int *nrhs, const void *lu, const int *lda,
                       const int *pivots, void *b, const int *ldb, int *info, size_t trans_length);
pri_getrs sgetrs_, dgetrs_, zgetrs_;

/* A^-1 in place, from getrf's factors; work has lwork >= n elements. */
typedef void pri_getri(const int *n, void *lu, const int *lda, const int *pivots, void *work, const int *lwork,
                       int *info);
pri_getri sgetri_, dgetri_, zgetri_;

/* Estimates |A|_1 by reverse communication: start with kase = 0; on return kase 1: x becomes A x; 2: x becomes A^T x; 0: done. */
void dlacn2_(const int *n, double *v, double *x, int *sign, double *estimate, int *kase, int *isave);

/* Eigenvalues wr + i wi of a general matrix, which is destroyed; eigenvectors not asked for with "N", "N". */
void dgeev_(const char *left, const char *right, const int *n, double *a, const int *lda, double *wr, double *wi,
            double *vl, const int *ldvl, double *vr, const int *ldvr, double *work, const int *lwork, int *info,
            size_t left_length, size_t right_length);

#endif
