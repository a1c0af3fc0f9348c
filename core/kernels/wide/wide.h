/* wide.h - what the files of core/kernels/wide/ share.
**
** Each of them is compiled three times, with -DPRI_ISA=baseline, avx2 or avx512. Functions that another file refers to
** are named PRI_WIDE(name), which appends the suffix; everything else is static. Helpers must be inlined (PRI_INLINE): a
** call in the body of a loop stops its vectorisation.
*/
#ifndef PRI_WIDE_H
#define PRI_WIDE_H

#include <string.h>

#include "kernels/kernels.h"

#ifndef PRI_ISA
#error "PRI_ISA must be baseline, avx2 or avx512"
#endif

#define PRI_PASTE2(a, b) a##_##b
#define PRI_PASTE(a, b) PRI_PASTE2(a, b)
#define PRI_WIDE(name) PRI_PASTE(pri_##name, PRI_ISA)

#define PRI_INLINE static inline __attribute__((always_inline))

/* Before a loop whose iterations are independent although the result may be an operand itself (r == x, never shifted). */
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed" /* where it cannot vectorise, the plain loop is right too */
#define PRI_IVDEP _Pragma("clang loop vectorize(assume_safety)")
#else
#define PRI_IVDEP _Pragma("GCC ivdep")
#endif

/* Bits of a double and back; free in registers. */
PRI_INLINE uint64_t pri_bits(double x) { uint64_t u; memcpy(&u, &x, 8); return u; }
PRI_INLINE double pri_double(uint64_t u) { double x; memcpy(&x, &u, 8); return x; }

enum { PRI_BLOCK = 1024 }; /* elements between two decisions about special cases; also the block of sums */

/* random.c, pcg.c */
void PRI_WIDE(pcg_dxsm)(uint64_t *w, int64_t n, pri_pcg *g);
void PRI_WIDE(pcg_xslrr)(uint64_t *w, int64_t n, pri_pcg *g);
void PRI_WIDE(uniform)(double *r, const uint64_t *w, int64_t n);
void PRI_WIDE(normal)(double *r, const uint64_t *w, int64_t n);
void PRI_WIDE(exponential)(double *r, const uint64_t *w, int64_t n);
void PRI_WIDE(laplace)(double *r, const uint64_t *w, int64_t n);
void PRI_WIDE(stable)(double *r, const uint64_t *w, const pri_stable *c, int64_t n); /* stable.c */

#endif
