/* integer.c - arithmetic, comparisons and bits of i64 and bool.
**
** i64 wraps: sums and products are formed unsigned. idiv and mod round towards minus infinity, as Lua's // and %; the
** engine refuses a zero divisor and a negative exponent, and here they give 0 so that nothing traps. Shifts are logical;
** by 64 or more they give 0, and a negative count shifts the other way, as in Lua. Booleans are bytes 0 and 1.
*/
#include "kernels/wide/loops.h"

#define U(x) ((uint64_t)(x))

PRI_INLINE int64_t idiv_i64(int64_t a, int64_t b) {
  if (b == 0) return 0;
  if (b == -1) return (int64_t)(0 - U(a)); /* INT64_MIN / -1 traps */
  int64_t q = a / b;
  return q - ((a % b != 0) & ((a ^ b) < 0));
}

PRI_INLINE int64_t mod_i64(int64_t a, int64_t b) {
  if (b == 0 || b == -1) return 0;
  int64_t m = a % b;
  return m != 0 && (m ^ b) < 0 ? m + b : m;
}

PRI_INLINE int64_t pow_i64(int64_t a, int64_t e) {
  uint64_t r = 1, s = U(a);
  if (e < 0) return 0;
  for (; e; e >>= 1, s *= s)
    if (e & 1) r *= s;
  return (int64_t)r;
}

/* a << s for s in -63..63 or beyond. Both shifts are taken and one is kept, so that this vectorises. */
PRI_INLINE int64_t shift_i64(int64_t a, int64_t s) {
  uint64_t left = U(a) << (s & 63), right = U(a) >> ((0 - U(s)) & 63);
  uint64_t r = s >= 0 ? left : right;
  return (int64_t)(s > -64 && s < 64 ? r : 0);
}
PRI_INLINE int64_t negated_shift(int64_t a, int64_t s) {
  return s == INT64_MIN ? 0 : shift_i64(a, (int64_t)(0 - U(s)));
}

PRI_LOOP1(neg_i64, int64_t, int64_t, 0 - U(x))
PRI_LOOP1(abs_i64, int64_t, int64_t, x < 0 ? 0 - U(x) : U(x))
PRI_LOOP1(sign_i64, int64_t, int64_t, (x > 0) - (x < 0))
PRI_LOOP1(square_i64, int64_t, int64_t, U(x) * U(x))
PRI_LOOP1(relu_i64, int64_t, int64_t, x > 0 ? x : 0)
PRI_LOOP1(floor_i64, int64_t, int64_t, x)
PRI_LOOP1(ceil_i64, int64_t, int64_t, x)
PRI_LOOP1(round_i64, int64_t, int64_t, x)
PRI_LOOP1(trunc_i64, int64_t, int64_t, x)
PRI_LOOP1(lnot_i64, int64_t, uint8_t, x == 0)
PRI_LOOP1(bnot_i64, int64_t, int64_t, ~U(x))
PRI_LOOP1(isnan_i64, int64_t, uint8_t, 0)
PRI_LOOP1(isinf_i64, int64_t, uint8_t, 0)
PRI_LOOP1(isfinite_i64, int64_t, uint8_t, 1)
PRI_LOOP1(real_i64, int64_t, int64_t, x)
PRI_LOOP1(imag_i64, int64_t, int64_t, 0)
PRI_LOOP1(conj_i64, int64_t, int64_t, x)

PRI_LOOP1(lnot_bool, uint8_t, uint8_t, x == 0)
PRI_LOOP1(isnan_bool, uint8_t, uint8_t, 0)
PRI_LOOP1(isinf_bool, uint8_t, uint8_t, 0)
PRI_LOOP1(isfinite_bool, uint8_t, uint8_t, 1)

PRI_LOOP2(add_i64, int64_t, int64_t, U(x) + U(y))
PRI_LOOP2(sub_i64, int64_t, int64_t, U(x) - U(y))
PRI_LOOP2(mul_i64, int64_t, int64_t, U(x) * U(y))
PRI_SERIAL2(pow_i64, int64_t, int64_t, pow_i64(x, y))
PRI_SERIAL2(mod_i64, int64_t, int64_t, mod_i64(x, y))
PRI_SERIAL2(idiv_i64, int64_t, int64_t, idiv_i64(x, y))
PRI_LOOP2(shl_i64, int64_t, int64_t, shift_i64(x, y))
PRI_LOOP2(shr_i64, int64_t, int64_t, negated_shift(x, y))

#define BOTH(S, T)                                                                                                 \
  PRI_LOOP2(minimum_##S, T, T, x < y ? x : y)                                                                      \
  PRI_LOOP2(maximum_##S, T, T, x > y ? x : y)                                                                      \
  PRI_LOOP2(eq_##S, T, uint8_t, x == y)                                                                            \
  PRI_LOOP2(ne_##S, T, uint8_t, x != y)                                                                            \
  PRI_LOOP2(lt_##S, T, uint8_t, x < y)                                                                             \
  PRI_LOOP2(le_##S, T, uint8_t, x <= y)                                                                            \
  PRI_LOOP2(gt_##S, T, uint8_t, x > y)                                                                             \
  PRI_LOOP2(ge_##S, T, uint8_t, x >= y)                                                                            \
  PRI_LOOP2(band_##S, T, T, x & y)                                                                                 \
  PRI_LOOP2(bor_##S, T, T, x | y)                                                                                  \
  PRI_LOOP2(bxor_##S, T, T, x ^ y)                                                                                 \
  PRI_LOOP3(where_##S, uint8_t, T, x ? y : z)

BOTH(i64, int64_t)
BOTH(bool, uint8_t)

PRI_LOOP3(clip_i64, int64_t, int64_t, x < y ? (y > z ? z : y) : (x > z ? z : x))
PRI_LOOP3(fma_i64, int64_t, int64_t, U(x) * U(y) + U(z))
