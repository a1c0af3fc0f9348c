/* wide.h - vectors of the width of each build, and what the files of core/fft/wide/ share.
**
** Numbers lie in lines of 16 doubles: the real parts of eight neighbours, then their imaginary parts. A build steps through a line
** by its own width; what is done to one number does not depend on it, so all builds give the same bits. There is no fused
** multiply-add: sums run beside products anyway.
*/
#ifndef PRI_FFT_WIDE_H
#define PRI_FFT_WIDE_H

#include "fft/kernels.h"

#ifndef PRI_ISA
#error "PRI_ISA must be baseline, avx2 or avx512"
#endif

#define PRI_PASTE2(a, b) a##_##b
#define PRI_PASTE(a, b) PRI_PASTE2(a, b)
#define PRI_WIDE(name) PRI_PASTE(pri_fft_##name, PRI_ISA)
#define INLINE static inline __attribute__((always_inline))

#if defined(__AVX512F__)
enum { V = 8 };
#elif defined(__AVX2__)
enum { V = 4 };
#else
enum { V = 2 };
#endif

typedef double vec __attribute__((vector_size(8 * V), may_alias));                    /* a whole register, aligned */
typedef double loose __attribute__((vector_size(8 * V), may_alias, aligned(8)));       /* the same anywhere */
typedef struct { vec r, i; } cv;

INLINE vec load(const double *p) { return *(const vec *)p; }
INLINE void store(double *p, vec v) { *(vec *)p = v; }
INLINE vec load_loose(const double *p) { return *(const loose *)p; }
INLINE void store_loose(double *p, vec v) { *(loose *)p = v; }
INLINE vec spread(double x) { return x - (vec){0}; }

INLINE cv add(cv a, cv b) { return (cv){a.r + b.r, a.i + b.i}; }
INLINE cv sub(cv a, cv b) { return (cv){a.r - b.r, a.i - b.i}; }
INLINE cv add_i(cv a, cv b) { return (cv){a.r - b.i, a.i + b.r}; } /* a + i b */
INLINE cv sub_i(cv a, cv b) { return (cv){a.r + b.i, a.i - b.r}; } /* a - i b */
INLINE cv scale(cv a, double s) { return (cv){a.r * s, a.i * s}; }
INLINE cv mul(cv a, vec r, vec i) { return (cv){a.r * r - a.i * i, a.r * i + a.i * r}; }

/* Two vectors read as one list: every other element of it; and the list with the two interleaved, half by half. */
#if defined(__AVX512F__)
INLINE vec evens(vec a, vec b) { return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14); }
INLINE vec odds(vec a, vec b) { return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15); }
INLINE vec zip_low(vec a, vec b) { return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11); }
INLINE vec zip_high(vec a, vec b) { return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15); }
INLINE vec reversed(vec a) { return __builtin_shufflevector(a, a, 7, 6, 5, 4, 3, 2, 1, 0); }
#elif defined(__AVX2__)
INLINE vec evens(vec a, vec b) { return __builtin_shufflevector(a, b, 0, 2, 4, 6); }
INLINE vec odds(vec a, vec b) { return __builtin_shufflevector(a, b, 1, 3, 5, 7); }
INLINE vec zip_low(vec a, vec b) { return __builtin_shufflevector(a, b, 0, 4, 1, 5); }
INLINE vec zip_high(vec a, vec b) { return __builtin_shufflevector(a, b, 2, 6, 3, 7); }
INLINE vec reversed(vec a) { return __builtin_shufflevector(a, a, 3, 2, 1, 0); }
#else
INLINE vec evens(vec a, vec b) { return __builtin_shufflevector(a, b, 0, 2); }
INLINE vec odds(vec a, vec b) { return __builtin_shufflevector(a, b, 1, 3); }
INLINE vec zip_low(vec a, vec b) { return __builtin_shufflevector(a, b, 0, 2); }
INLINE vec zip_high(vec a, vec b) { return __builtin_shufflevector(a, b, 1, 3); }
INLINE vec reversed(vec a) { return __builtin_shufflevector(a, a, 1, 0); }
#endif

/* V x V numbers from rows into columns: as many perfect shuffles as V has bits. */
INLINE void transpose(vec *a) {
  for (int round = 1; round < V; round *= 2) {
    vec b[V];
#pragma GCC unroll 8
    for (int i = 0; i < V / 2; i++) {
      b[2 * i] = zip_low(a[i], a[i + V / 2]);
      b[2 * i + 1] = zip_high(a[i], a[i + V / 2]);
    }
#pragma GCC unroll 8
    for (int i = 0; i < V; i++) a[i] = b[i];
  }
}

#endif
