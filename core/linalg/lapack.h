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

/* Exchanges rows first .. last (from 1) of A (., n) with those that pivots names, in this order if increment is 1. */
typedef void pri_laswp(const int *n, void *a, const int *lda, const int *first, const int *last, const int *pivots, const int *increment);
pri_laswp slaswp_, dlaswp_, zlaswp_;

/* B (n, nrhs) becomes A^-1 B ("N") or A^-T B ("T"), from getrf's factors. */
typedef void pri_getrs(const char *trans, const int *n, const int *nrhs, const void *lu, const int *lda,
                       const int *pivots, void *b, const int *ldb, int *info, size_t trans_length);
pri_getrs sgetrs_, dgetrs_, zgetrs_;

/* A^-1 in place, from getrf's factors; work has lwork >= n elements. */
typedef void pri_getri(const int *n, void *lu, const int *lda, const int *pivots, void *work, const int *lwork,
                       int *info);
pri_getri sgetri_, dgetri_, zgetri_;

/* A = C C' of a symmetric positive definite band matrix of order n with b diagonals below the main one ("L"), columns of ld >= b + 1 entries from
** the diagonal down; info > 0: that leading minor is not positive. */
void dpbtrf_(const char *part, const int *n, const int *b, double *ab, const int *ld, int *info, size_t part_length);

/* Estimates |A|_1 by reverse communication: start with kase = 0; on return kase 1: x becomes A x; 2: x becomes A^T x; 0: done. */
void dlacn2_(const int *n, double *v, double *x, int *sign, double *estimate, int *kase, int *isave);

/* Eigenvalues wr + i wi of a general matrix, which is destroyed; eigenvectors not asked for with "N", "N". */
void dgeev_(const char *left, const char *right, const int *n, double *a, const int *lda, double *wr, double *wi,
            double *vl, const int *ldvl, double *vr, const int *ldvr, double *work, const int *lwork, int *info,
            size_t left_length, size_t right_length);

/* Factor of a symmetric positive definite A (n, n) in place: R^T R with R upper ("U"), the other triangle untouched. info > 0: the
** leading minor of that order is not positive, and the pivot stands on the diagonal there. */
typedef void pri_potrf(const char *uplo, const int *n, void *a, const int *lda, int *info, size_t uplo_length);
pri_potrf spotrf_, dpotrf_;

/* The inverse of a triangular A (n, n) in place ("N": its diagonal is not taken to be 1), and L^T L of its lower triangle L ("L"). */
void dtrtri_(const char *uplo, const char *diagonal, const int *n, double *a, const int *lda, int *info, size_t uplo_length,
             size_t diagonal_length);
void dlauum_(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t uplo_length);

/* Eigenvalues w, ascending, and with "V" eigenvectors in place of A, of a symmetric A (n, n), by divide and conquer. */
typedef void pri_syevd(const char *vectors, const char *uplo, const int *n, void *a, const int *lda, void *w, void *work,
                       const int *lwork, int *iwork, const int *liwork, int *info, size_t vectors_length, size_t uplo_length);
pri_syevd ssyevd_, dsyevd_;

/* A = U diag(s) VT of an (m, n) A, which is destroyed, by divide and conquer: "N" s alone, "S" the first min(m, n) columns of U and rows
** of VT. iwork has 8 min(m, n) entries. */
typedef void pri_gesdd(const char *job, const int *m, const int *n, void *a, const int *lda, void *s, void *u, const int *ldu,
                       void *vt, const int *ldvt, void *work, const int *lwork, int *iwork, int *info, size_t job_length);
pri_gesdd sgesdd_, dgesdd_;

/* A = Q R (m, n): R in the upper triangle, Q as reflections below it and in tau, min(m, n). */
typedef void pri_geqrf(const int *m, const int *n, void *a, const int *lda, void *tau, void *work, const int *lwork, int *info);
pri_geqrf sgeqrf_, dgeqrf_;

/* The first n columns of Q (m, n) in place, from k reflections. */
typedef void pri_orgqr(const int *m, const int *n, const int *k, void *a, const int *lda, const void *tau, void *work,
                       const int *lwork, int *info);
pri_orgqr sorgqr_, dorgqr_;

/* The X of least norm that minimises |A X - B|, over B (max(m, n), nrhs); singular values s below rcond s[0] count as 0. */
typedef void pri_gelsd(const int *m, const int *n, const int *nrhs, void *a, const int *lda, void *b, const int *ldb, void *s,
                       const void *rcond, int *rank, void *work, const int *lwork, int *iwork, int *info);
pri_gelsd sgelsd_, dgelsd_;

#endif
