/* norm.c - the maps of a normalisation, along a line of one mean and one scale.
**
** What the mean loses in f32 goes into the shift, so that lines far from zero keep what their numbers hold. `gate` lets pass what the
** forward map, with `rectify`, let pass, deciding by the same bits.
*/
#include "kernels/wide/wide.h"
#include <math.h>

#define NORM(T, t, FMA)                                                                                                 \
  PRI_INLINE T shift_##t(const pri_norm *a) { return (T)(a->shift + ((double)(T)a->mean - a->mean) * a->slope); }       \
  static void forward_##t(void *r_, const void *x_, const pri_norm *a, bool rectify, int64_t n) {                      \
    T *r = r_, mean = (T)a->mean, slope = (T)a->slope, shift = shift_##t(a);                                           \
    const T *x = x_;                                                                                                    \
    if (rectify) {                                                                                                      \
      PRI_IVDEP                                                                                                         \
      for (int64_t i = 0; i < n; i++) { T y = FMA(x[i] - mean, slope, shift); r[i] = y < 0 ? 0 : y; }                   \
    } else {                                                                                                            \
      PRI_IVDEP                                                                                                         \
      for (int64_t i = 0; i < n; i++) r[i] = FMA(x[i] - mean, slope, shift);                                            \
    }                                                                                                                   \
  }                                                                                                                     \
  static void gate_##t(void *r_, const void *u_, const void *x_, const pri_norm *a, int64_t n) {                       \
    T *r = r_, mean = (T)a->mean, slope = (T)a->slope, shift = shift_##t(a);                                           \
    const T *x = x_, *u = u_;                                                                                           \
    PRI_IVDEP                                                                                                           \
    for (int64_t i = 0; i < n; i++) r[i] = FMA(x[i] - mean, slope, shift) > 0 ? u[i] : 0;                               \
  }                                                                                                                     \
  static void back_##t(void *r_, const void *u_, const void *x_, const pri_norm *a, double grow_, double tilt_, double offset_, int64_t n) { \
    T *r = r_, mean = (T)a->mean, grow = (T)grow_, tilt = (T)tilt_, offset = (T)(offset_ + ((double)mean - a->mean) * tilt_);  \
    const T *x = x_, *u = u_;                                                                                           \
    PRI_IVDEP                                                                                                           \
    for (int64_t i = 0; i < n; i++) r[i] = FMA(u[i], grow, FMA(x[i] - mean, tilt, offset));                             \
  }                                                                                                                     \
  const pri_norm_maps PRI_WIDE(norm_##t) = {forward_##t, gate_##t, back_##t};
NORM(float, f32, fmaf)
NORM(double, f64, fma)
