/* real.c - arithmetic, comparisons and rounding of f64 and f32, one element at a time.
**
** minimum, maximum and clip hand on a NaN of any operand; comparisons with NaN are false (ne: true). mod and idiv round
** towards minus infinity, as Lua's % and //; round goes to the even neighbour.
*/
#include <math.h>

#include "kernels/wide/loops.h"

#define MINIMUM(x, y) ((x) < (y) || (x) != (x) ? (x) : (y))
#define MAXIMUM(x, y) ((x) > (y) || (x) != (x) ? (x) : (y))

/* a - floor(a/b) b without the rounding of the quotient: the exact remainder, moved to the sign of b. */
PRI_INLINE double mod_f64(double a, double b) {
  double m = fmod(a, b);
  return (m > 0 ? b < 0 : m < 0 && b > 0) ? m + b : m;
}

/* The exponents that occur most, each rounded once. Where the exponent is the same for all, the choice leaves the loop. */
PRI_INLINE double pow_f64(double x, double y) { return y == 2.0 ? x * x : y == -1.0 ? 1.0 / x : y == 1.0 ? x : pow(x, y); }

PRI_INLINE uint32_t bits_f32(float x) { uint32_t u; memcpy(&u, &x, 4); return u; }
PRI_INLINE int finite_f64(double x) { return __builtin_fabs(x) <= 0x1.fffffffffffffp1023; }
PRI_INLINE int finite_f32(float x) { return __builtin_fabsf(x) <= 0x1.fffffep127f; }
PRI_INLINE float copysign_f32(float x, float s) {
  uint32_t u = (bits_f32(x) & 0x7fffffff) | (bits_f32(s) & 0x80000000);
  float r;
  memcpy(&r, &u, 4);
  return r;
}

#define UNARY(S, T, F, ONE)                                                                                        \
  PRI_LOOP1(neg_##S, T, T, -x)                                                                                     \
  PRI_LOOP1(abs_##S, T, T, __builtin_fabs##F(x))                                                                   \
  PRI_LOOP1(sign_##S, T, T, x > 0 ? ONE : x < 0 ? -ONE : x)                                                        \
  PRI_LOOP1(square_##S, T, T, x * x)                                                                               \
  PRI_LOOP1(reciprocal_##S, T, T, ONE / x)                                                                         \
  PRI_LOOP1(sqrt_##S, T, T, __builtin_sqrt##F(x))                                                                  \
  PRI_LOOP1(rsqrt_##S, T, T, 1.0 / __builtin_sqrt(x))                                                              \
  PRI_LOOP1(relu_##S, T, T, x < 0 ? 0 : x)                                                                         \
  PRI_LOOP1(floor_##S, T, T, __builtin_floor##F(x))                                                                \
  PRI_LOOP1(ceil_##S, T, T, __builtin_ceil##F(x))                                                                  \
  PRI_LOOP1(round_##S, T, T, __builtin_rint##F(x))                                                                 \
  PRI_LOOP1(trunc_##S, T, T, __builtin_trunc##F(x))                                                                \
  PRI_LOOP1(lnot_##S, T, uint8_t, x == 0)                                                                          \
  PRI_LOOP1(isnan_##S, T, uint8_t, x != x)                                                                         \
  PRI_LOOP1(isinf_##S, T, uint8_t, __builtin_fabs##F(x) == __builtin_inf##F())                                     \
  PRI_LOOP1(isfinite_##S, T, uint8_t, finite_##S(x))                                                               \
  PRI_LOOP1(real_##S, T, T, x)                                                                                     \
  PRI_LOOP1(imag_##S, T, T, 0)                                                                                     \
  PRI_LOOP1(conj_##S, T, T, x)                                                                                     \
  PRI_LOOP1(angle_##S, T, T, x < 0 ? (T)0x1.921fb54442d18p1 : x == x ? 0 : x)

UNARY(f64, double, , 1.0)
UNARY(f32, float, f, 1.0f)

#define BINARY(S, T)                                                                                               \
  PRI_LOOP2(add_##S, T, T, x + y)                                                                                  \
  PRI_LOOP2(sub_##S, T, T, x - y)                                                                                  \
  PRI_LOOP2(mul_##S, T, T, x * y)                                                                                  \
  PRI_LOOP2(div_##S, T, T, x / y)                                                                                  \
  PRI_LOOP2(minimum_##S, T, T, MINIMUM(x, y))                                                                      \
  PRI_LOOP2(maximum_##S, T, T, MAXIMUM(x, y))                                                                      \
  PRI_LOOP2(eq_##S, T, uint8_t, x == y)                                                                            \
  PRI_LOOP2(ne_##S, T, uint8_t, x != y)                                                                            \
  PRI_LOOP2(lt_##S, T, uint8_t, x < y)                                                                             \
  PRI_LOOP2(le_##S, T, uint8_t, x <= y)                                                                            \
  PRI_LOOP2(gt_##S, T, uint8_t, x > y)                                                                             \
  PRI_LOOP2(ge_##S, T, uint8_t, x >= y)                                                                            \
  PRI_SERIAL2(mod_##S, T, T, mod_f64(x, y))                                                                        \
  PRI_SERIAL2(atan2_##S, T, T, atan2(x, y))                                                                        \
  PRI_SERIAL2(hypot_##S, T, T, hypot(x, y))                                                                        \
  PRI_SERIAL2(pow_##S, T, T, pow_f64(x, y))

BINARY(f64, double)
BINARY(f32, float)
PRI_LOOP2(idiv_f64, double, double, __builtin_floor(x / y))
PRI_LOOP2(idiv_f32, float, float, __builtin_floorf(x / y))
PRI_LOOP2(copysign_f64, double, double, __builtin_copysign(x, y))
PRI_LOOP2(copysign_f32, float, float, copysign_f32(x, y))

PRI_LOOP3(where_f64, uint8_t, double, x ? y : z)
PRI_LOOP3(where_f32, uint8_t, float, x ? y : z)
PRI_LOOP3(clip_f64, double, double, MINIMUM(MAXIMUM(x, y), z))
PRI_LOOP3(clip_f32, float, float, MINIMUM(MAXIMUM(x, y), z))
PRI_LOOP3(fma_f64, double, double, __builtin_fma(x, y, z))
PRI_LOOP3(fma_f32, float, float, __builtin_fmaf(x, y, z))
