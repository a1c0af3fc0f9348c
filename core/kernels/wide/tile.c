/* tile.c - the innermost part of a matrix product: a tile of the result that stays in registers.
**
** Element (i, j) is a chain of fused multiply-adds in order of k that begins with 0,
**     c = fma(a[k][i], b[k][j], c),
** whatever the size of the tile: so every build gives the same bits, and how a product is cut into tiles cannot be seen in it. The operands
** are panels: for each k the `rows` (`cols`) elements side by side. Source for the arrangement: Goto & van de Geijn (2008), Anatomy of
** high-performance matrix multiplication.
*/
#include "kernels/wide/wide.h"
#include <math.h>

#if defined(__AVX512F__) || defined(__FMA__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__) /* 24 sums of 32 registers */
enum { ROWS = 12, STEP = 4, VECTORS = 2 };
typedef __m512 vec_f32;
typedef __m512d vec_f64;
#define OF_f32(name) _mm512_##name##_ps
#define OF_f64(name) _mm512_##name##_pd
#elif defined(__FMA__) /* 12 of 16 */
enum { ROWS = 6, STEP = 2, VECTORS = 2 };
typedef __m256 vec_f32;
typedef __m256d vec_f64;
#define OF_f32(name) _mm256_##name##_ps
#define OF_f64(name) _mm256_##name##_pd
#else /* fma is a call here: right, and slow */
enum { ROWS = 4, STEP = 2, VECTORS = 4 };
typedef float vec_f32;
typedef double vec_f64;
#define OF_f32(name) name##_f32
#define OF_f64(name) name##_f64
#define ONE_LANE(T, t, FMA)                                                                                             \
  PRI_INLINE T setzero_##t(void) { return 0; }                                                                          \
  PRI_INLINE T set1_##t(T x) { return x; }                                                                              \
  PRI_INLINE T loadu_##t(const T *p) { return *p; }                                                                     \
  PRI_INLINE void storeu_##t(T *p, T x) { *p = x; }                                                                     \
  PRI_INLINE T fmadd_##t(T a, T b, T c) { return FMA(a, b, c); }
ONE_LANE(float, f32, fmaf)
ONE_LANE(double, f64, fma)
#endif

enum { LANES_f32 = sizeof(vec_f32) / sizeof(float), LANES_f64 = sizeof(vec_f64) / sizeof(double) };

#define TILE(T, t)                                                                                                      \
  PRI_INLINE void tile_rows_##t(T *c, const T *a, const T *b, int64_t k, int rows) {                                    \
    enum { COLS = VECTORS * LANES_##t };                                                                                \
    vec_##t sum[ROWS][VECTORS], y[VECTORS];                                                                             \
    for (int i = 0; i < rows; i++)                                                                                      \
      for (int j = 0; j < VECTORS; j++) sum[i][j] = OF_##t(setzero)();                                                  \
    for (; k > 0; k--, a += ROWS, b += COLS) {                                                                          \
      for (int j = 0; j < VECTORS; j++) y[j] = OF_##t(loadu)(b + j * LANES_##t);                                        \
      for (int i = 0; i < rows; i++) {                                                                                  \
        vec_##t x = OF_##t(set1)(a[i]);                                                                                 \
        for (int j = 0; j < VECTORS; j++) sum[i][j] = OF_##t(fmadd)(x, y[j], sum[i][j]);                                \
      }                                                                                                                 \
    }                                                                                                                   \
    for (int i = 0; i < rows; i++)                                                                                      \
      for (int j = 0; j < VECTORS; j++) OF_##t(storeu)(c + i * COLS + j * LANES_##t, sum[i][j]);                        \
  }                                                                                                                     \
  static void tile_##t(void *c, const void *a, const void *b, int64_t rows, int64_t k) {                                \
    if (rows > ROWS - STEP) tile_rows_##t(c, a, b, k, ROWS);                                                            \
    else if (rows > STEP) tile_rows_##t(c, a, b, k, ROWS - STEP);                                                       \
    else tile_rows_##t(c, a, b, k, STEP);                                                                               \
  }                                                                                                                     \
  const pri_tile PRI_WIDE(tile_##t) = {.rows = ROWS, .cols = VECTORS * LANES_##t, .run = tile_##t};
TILE(float, f32)
TILE(double, f64)
