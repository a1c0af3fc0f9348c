/* sums.c - reductions of contiguous arrays, in one documented order.
**
** A block is up to 1024 elements; element i of a block is added to lane i mod 32, lanes start at zero, then lane i takes
** lane i + 16, i + 8, i + 4, i + 2, i + 1. Blocks are joined as a binary counter counts: after block number 2^k m, the last
** k pairs of equal-sized neighbours; what is left at the end, from the last to the first. The rounding error grows like
** log n. f32 is summed in double, products are rounded before they are added. Minima and maxima hand on a NaN.
** Moments: each block twice while it is in the cache, for its mean and then for the squared deviations, so that data far
** from zero lose nothing; blocks are joined by the formula of Chan, Golub & LeVeque (1979).
*/
#include "kernels/wide/loops.h"

enum { LANES = 32 };

typedef struct { double sum[64]; int top; uint64_t blocks; } tree;

PRI_INLINE void tree_push(tree *t, double v) {
  for (uint64_t b = ++t->blocks; !(b & 1); b >>= 1) v = t->sum[--t->top] + v;
  t->sum[t->top++] = v;
}

PRI_INLINE double tree_total(const tree *t) {
  double v = t->top ? t->sum[t->top - 1] : 0.0;
  for (int i = t->top - 2; i >= 0; i--) v = t->sum[i] + v;
  return v;
}

PRI_INLINE double join_lanes(double *a) {
  for (int l = 0; l < 16; l++) a[l] += a[l + 16]; /* written out: constant lengths stay in registers */
  for (int l = 0; l < 8; l++) a[l] += a[l + 8];
  for (int l = 0; l < 4; l++) a[l] += a[l + 4];
  return (a[0] + a[2]) + (a[1] + a[3]);
}

/* The loads of the next block would otherwise wait for the joining of this one: 7 % from the outer cache. Past the end of
** the array it is no pointer, only an address. */
#define AHEAD(p) ((const void *)((uintptr_t)(p) + 2048))

/* The sum of `term`, an expression in i. Whole blocks have a loop of their own, in which no lane is addressed by a variable,
** so that lanes and their joining stay in registers. */
#define SUM(name, T, ARGS, term)                                                                                   \
  double PRI_WIDE(name) ARGS {                                                                                     \
    tree t;                                                                                                        \
    t.top = 0, t.blocks = 0;                                                                                       \
    int64_t j = 0;                                                                                                 \
    while (n - j >= PRI_BLOCK) {                                                                                   \
      double a[LANES] = {0};                                                                                       \
      for (const int64_t end = j + PRI_BLOCK; j < end; j += LANES) {                                               \
        for (int64_t l = 0; l < LANES; l += 8) __builtin_prefetch(AHEAD(x + j + l));                               \
        for (int64_t l = 0; l < LANES; l++) { const int64_t i = j + l; a[l] += (term); }                           \
      }                                                                                                            \
      tree_push(&t, join_lanes(a));                                                                                \
    }                                                                                                              \
    if (j < n) {                                                                                                   \
      double a[LANES] = {0};                                                                                       \
      for (; j + LANES <= n; j += LANES)                                                                           \
        for (int64_t l = 0; l < LANES; l++) { const int64_t i = j + l; a[l] += (term); }                           \
      for (int64_t i = j; i < n; i++) a[i - j] += (term);                                                          \
      tree_push(&t, join_lanes(a));                                                                                \
    }                                                                                                              \
    return tree_total(&t);                                                                                         \
  }

SUM(sum_f64, double, (const double *x, int64_t n), x[i])
SUM(sum_f32, float, (const float *x, int64_t n), (double)x[i])
SUM(sumsq_f64, double, (const double *x, int64_t n), x[i] * x[i])
SUM(sumsq_f32, float, (const float *x, int64_t n), (double)x[i] * (double)x[i])
SUM(sumabs_f64, double, (const double *x, int64_t n), __builtin_fabs(x[i]))
SUM(dot_f64, double, (const double *x, const double *y, int64_t n), x[i] * y[i])
SUM(dot_f32, float, (const float *x, const float *y, int64_t n), (double)x[i] * (double)y[i])

/* Real and imaginary parts each in their own 32 lanes. */
void PRI_WIDE(sum_c128)(double r[2], const double *x, int64_t n) {
  tree re = {.top = 0}, im = {.top = 0};
  for (int64_t at = 0; at < n; at += PRI_BLOCK) {
    int64_t end = n - at < PRI_BLOCK ? n : at + PRI_BLOCK, j = at;
    double a[2 * LANES] = {0};
    for (; j + LANES <= end; j += LANES)
      for (int64_t l = 0; l < 2 * LANES; l++) a[l] += x[2 * j + l];
    for (int64_t l = 0; l < 2 * (end - j); l++) a[l] += x[2 * j + l];
    for (int half = LANES; half > 1; half /= 2)
      for (int l = 0; l < half; l++) a[l] += a[l + half];
    tree_push(&re, a[0]);
    tree_push(&im, a[1]);
  }
  r[0] = tree_total(&re);
  r[1] = tree_total(&im);
}

int64_t PRI_WIDE(sum_i64)(const int64_t *x, int64_t n) {
  uint64_t s = 0;
  for (int64_t i = 0; i < n; i++) s += (uint64_t)x[i];
  return (int64_t)s;
}

/* Bytes 0 and 1, eight to a word: 255 words can be added before a byte of the sum may overflow. */
int64_t PRI_WIDE(sum_bool)(const uint8_t *x, int64_t n) {
  int64_t total = 0, i = 0;
  while (n - i >= 8 * LANES) {
    int64_t rows = (n - i) / (8 * LANES);
    if (rows > 255) rows = 255;
    uint64_t a[LANES] = {0};
    for (int64_t k = 0; k < rows; k++, i += 8 * LANES)
      for (int l = 0; l < LANES; l++) {
        uint64_t w;
        memcpy(&w, x + i + 8 * l, 8);
        a[l] += w;
      }
    for (int l = 0; l < LANES; l++)
      for (uint64_t w = a[l]; w; w >>= 8) total += (int64_t)(w & 255);
  }
  for (; i < n; i++) total += x[i];
  return total;
}

/* Moments of one block, the mean relative to origin: of blocks far from zero, the means would differ by little more than
** their rounding. Deviations are taken from the first element, which is exact for neighbours, then from the rounded mean;
** what the rounding lost is taken off again. n is a constant for whole blocks, which keeps the lanes in registers. */
#define MOMENTS_BLOCK(name, T)                                                                                     \
  PRI_INLINE pri_moments name(const T *x, int64_t n, double origin) {                                              \
    const double x0 = (double)x[0];                                                                                \
    double a[LANES] = {0}, q[LANES] = {0};                                                                         \
    int64_t j = 0;                                                                                                 \
    for (; j + LANES <= n; j += LANES) {                                                                           \
      for (int64_t l = 0; l < LANES; l += 8) __builtin_prefetch(AHEAD(x + j + l));                                 \
      for (int64_t l = 0; l < LANES; l++) a[l] += (double)x[j + l] - x0;                                           \
    }                                                                                                              \
    for (int64_t i = j; i < n; i++) a[i - j] += (double)x[i] - x0;                                                 \
    const double shift = join_lanes(a) / (double)n, mean = x0 + shift, lost = (x0 - mean) + shift;                  \
    for (j = 0; j + LANES <= n; j += LANES)                                                                        \
      for (int64_t l = 0; l < LANES; l++) {                                                                        \
        double v = (double)x[j + l] - mean;                                                                        \
        q[l] += v * v;                                                                                             \
      }                                                                                                            \
    for (int64_t i = j; i < n; i++) {                                                                              \
      double v = (double)x[i] - mean;                                                                              \
      q[i - j] += v * v;                                                                                           \
    }                                                                                                              \
    const double m2 = join_lanes(q) - (double)n * (lost * lost);                                                   \
    return (pri_moments){(double)n, (x0 - origin) + shift, m2 < 0.0 ? 0.0 : m2};                                   \
  }
MOMENTS_BLOCK(moments_block_f64, double)
MOMENTS_BLOCK(moments_block_f32, float)

PRI_INLINE pri_moments moments_join(pri_moments a, pri_moments b) {
  double n = a.count + b.count, d = b.mean - a.mean;
  return (pri_moments){n, a.mean + d * (b.count / n), a.m2 + b.m2 + d * d * (a.count * (b.count / n))};
}

#define MOMENTS(S, T)                                                                                              \
  pri_moments PRI_WIDE(moments_##S)(const T *x, int64_t n) {                                                       \
    pri_moments stack[64], v = {0, 0, 0};                                                                          \
    int top = 0;                                                                                                   \
    uint64_t blocks = 0;                                                                                           \
    const double origin = n > 0 ? (double)x[0] : 0.0;                                                              \
    for (int64_t at = 0; at < n; at += PRI_BLOCK) {                                                                \
      if (n - at >= PRI_BLOCK) v = moments_block_##S(x + at, PRI_BLOCK, origin);                                   \
      else v = moments_block_##S(x + at, n - at, origin);                                                          \
      for (uint64_t b = ++blocks; !(b & 1); b >>= 1) v = moments_join(stack[--top], v);                            \
      stack[top++] = v;                                                                                            \
    }                                                                                                              \
    if (top) v = stack[--top];                                                                                     \
    while (top) v = moments_join(stack[--top], v);                                                                 \
    v.mean += origin;                                                                                              \
    return v;                                                                                                      \
  }
MOMENTS(f64, double)
MOMENTS(f32, float)

/* Whether a NaN is among x, by integers: the bits of |NaN| exceed those of infinity. */
PRI_INLINE int any_nan_f64(const double *x, int64_t n) {
  uint64_t bad = 0;
  for (int64_t i = 0; i < n; i++) bad |= 0x7ff0000000000000 - (pri_bits(x[i]) & 0x7fffffffffffffff);
  return (int64_t)bad < 0;
}
PRI_INLINE int any_nan_f32(const float *x, int64_t n) {
  uint32_t bad = 0;
  for (int64_t i = 0; i < n; i++) {
    uint32_t u;
    memcpy(&u, x + i, 4);
    bad |= 0x7f800000 - (u & 0x7fffffff);
  }
  return (int32_t)bad < 0;
}
PRI_INLINE int any_nan_i64(const int64_t *x, int64_t n) { (void)x, (void)n; return 0; }

/* The least or greatest element in 32 lanes. Each block is searched for NaN first, which comparisons would drop. */
#define EXTREME(name, S, T, OP, nan)                                                                               \
  T PRI_WIDE(name##_##S)(const T *x, int64_t n) {                                                                  \
    T m[LANES];                                                                                                    \
    for (int l = 0; l < LANES; l++) m[l] = x[0];                                                                   \
    for (int64_t at = 0; at < n; at += PRI_BLOCK) {                                                                \
      int64_t end = n - at < PRI_BLOCK ? n : at + PRI_BLOCK, j = at;                                               \
      if (any_nan_##S(x + at, end - at)) return nan;                                                               \
      for (; j + LANES <= end; j += LANES)                                                                         \
        for (int l = 0; l < LANES; l++) m[l] = x[j + l] OP m[l] ? x[j + l] : m[l];                                 \
      for (int64_t i = j; i < end; i++) m[i - j] = x[i] OP m[i - j] ? x[i] : m[i - j];                             \
    }                                                                                                              \
    T best = m[0];                                                                                                 \
    for (int l = 1; l < LANES; l++) best = m[l] OP best ? m[l] : best;                                             \
    return best;                                                                                                   \
  }
EXTREME(min, f64, double, <, __builtin_nan(""))
EXTREME(max, f64, double, >, __builtin_nan(""))
EXTREME(min, f32, float, <, __builtin_nanf(""))
EXTREME(max, f32, float, >, __builtin_nanf(""))
EXTREME(min, i64, int64_t, <, 0)
EXTREME(max, i64, int64_t, >, 0)

void PRI_WIDE(axpy_f64)(double *r, double a, const double *x, int64_t n) {
  PRI_IVDEP
  for (int64_t i = 0; i < n; i++) r[i] = __builtin_fma(a, x[i], r[i]);
}

void PRI_WIDE(add4_f64)(double *r, const double *a, const double *b, const double *c, const double *d, int64_t n) {
  PRI_IVDEP
  for (int64_t i = 0; i < n; i++) r[i] = (((r[i] + a[i]) + b[i]) + c[i]) + d[i];
}
