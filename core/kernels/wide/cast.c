/* cast.c - conversions between dtypes.
**
** A float becomes an i64 by truncation, saturating at the ends of the range, and 0 for NaN; a bool by x != 0 (NaN: 1).
** A complex number gives its real part, except to bool, where either part counts. i64 to f32 rounds once.
*/
#include "kernels/wide/loops.h"

typedef struct { double re, im; } c128;

PRI_INLINE int64_t to_i64(double x) {
  if (!(x < 0x1p63)) return x != x ? 0 : INT64_MAX;
  return x >= -0x1p63 ? (int64_t)x : INT64_MIN;
}

#define FROM(S, T, re, truth)                                                                                      \
  PRI_LOOP1(cast_bool_##S, T, uint8_t, truth)                                                                      \
  PRI_LOOP1(cast_f32_##S, T, float, re)                                                                            \
  PRI_LOOP1(cast_f64_##S, T, double, re)

FROM(bool, uint8_t, x, x)
FROM(i64, int64_t, x, x != 0)
FROM(f32, float, x, x != 0)
FROM(f64, double, x, x != 0)
FROM(c128, c128, x.re, x.re != 0 || x.im != 0)

PRI_LOOP1(cast_i64_bool, uint8_t, int64_t, x)
PRI_LOOP1(cast_i64_i64, int64_t, int64_t, x)
PRI_LOOP1(cast_i64_f32, float, int64_t, to_i64((double)x))
PRI_LOOP1(cast_i64_f64, double, int64_t, to_i64(x))
PRI_LOOP1(cast_i64_c128, c128, int64_t, to_i64(x.re))

PRI_LOOP1(cast_c128_bool, uint8_t, c128, ((c128){x, 0.0}))
PRI_LOOP1(cast_c128_i64, int64_t, c128, ((c128){(double)x, 0.0}))
PRI_LOOP1(cast_c128_f32, float, c128, ((c128){(double)x, 0.0}))
PRI_LOOP1(cast_c128_f64, double, c128, ((c128){x, 0.0}))
PRI_LOOP1(cast_c128_c128, c128, c128, x)
