/* blocks.c - loops over a row, sixteen elements at a time. */
#include "kernels/wide/wide.h"
#include "diag/blocks.h"

enum { LANES = 16 };

/* Runs `body`, which sets t to element i and may store it, over 0 .. n - 1 and returns the sum of t^2. */
#define SQUARES(body)                                                                                  \
  double s[LANES] = {0}, sum = 0, t;                                                                   \
  int64_t from = 0;                                                                                    \
  for (; from + LANES <= n; from += LANES)                                                             \
    for (int k = 0; k < LANES; k++) {                                                                  \
      int64_t i = from + k;                                                                            \
      body;                                                                                            \
      s[k] += t * t;                                                                                   \
    }                                                                                                  \
  for (int64_t i = from; i < n; i++) {                                                                 \
    body;                                                                                              \
    s[i - from] += t * t;                                                                              \
  }                                                                                                    \
  for (int k = 0; k < LANES; k++) sum += s[k];                                                         \
  return sum

#define LOOPS(T)                                                                                       \
  static double square_##T(const void *a, int64_t n) {                                                 \
    const T *restrict x = a;                                                                           \
    SQUARES(t = (double)x[i]);                                                                         \
  }                                                                                                    \
  static double pair_##T(double *restrict to, const void *a, const void *b, int64_t n) {               \
    const T *restrict x = a, *restrict y = b;                                                          \
    SQUARES(to[i] = t = (double)x[i] + (double)y[i]);                                                  \
  }                                                                                                    \
  static double add_##T(double *restrict to, const void *a, int64_t n) {                               \
    const T *restrict x = a;                                                                           \
    SQUARES(to[i] = t = to[i] + (double)x[i]);                                                         \
  }
LOOPS(float)
LOOPS(double)

extern const pri_block_loops PRI_WIDE(block_loops);
const pri_block_loops PRI_WIDE(block_loops) = {{square_float, square_double}, {pair_float, pair_double}, {add_float, add_double}};
