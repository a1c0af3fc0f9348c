/* random.c - maps from 64-bit words to variates, exactly one word each. r may be w.
**
**     uniform       (w >> 11) 2^-53                                       in [0, 1)
**     normal        the quantile of (w + 1/2) 2^-64                       increasing in w; ~w gives the antithetic variate
**     laplace       the quantile of the same of density e^-|x| / 2
**     exponential   -log u, u = ((w >> 12) + 1/2) 2^-52                   in (0, 36.8)
**
** A normal is computed from p = (k + 1/2) 2^-64, the distance of its word from the nearer end (k < 2^63), so that both tails
** reach to 2^-65 (x = 9.1), and q = 1/2 - p is rounded once from the exact integer, so that small values keep all digits.
*/
#include "kernels/wide/quantile.h"
#include "kernels/wide/words.h"

typedef uint64_t __attribute__((may_alias)) word; /* r and w may be the same memory */

void PRI_WIDE(uniform)(double *r, const uint64_t *words, int64_t n) {
  const word *w = words;
  PRI_IVDEP
  for (int64_t i = 0; i < n; i++) { /* the top 52 bits, then the last one; all exact */
    double high = pri_double(w[i] >> 12 | 0x3ff0000000000000) - 1.0;
    uint64_t last = (w[i] >> 11) & 1;
    r[i] = high + pri_double((0 - last) & 0x3ca0000000000000);
  }
}

void PRI_WIDE(exponential)(double *r, const uint64_t *words, int64_t n) {
  const word *w = words;
  PRI_IVDEP
  for (int64_t i = 0; i < n; i++) {
    double u = (pri_double(w[i] >> 12 | 0x3ff0000000000000) - 1.0) + 0x1p-53;
    r[i] = -m_log_fast(u);
  }
}

PRI_INLINE double signed_as(double x, uint64_t w) { return pri_double(pri_bits(x) | sign_bit(w)); }

#define TAIL_BELOW 0x1333333333333333u /* 0.075 2^64 */

PRI_INLINE double normal_middle(uint64_t w) {
  uint64_t k = end_distance(w);
  return signed_as(q_middle(from_u64(0 - (2 * k + 1)) * 0x1p-65), w);
}
PRI_INLINE double normal_tail(uint64_t w) {
  uint64_t k = end_distance(w);
  return signed_as(q_tail(from_u64(2 * k + 1) * 0x1p-65), w);
}

/* At most Q_BLOCK words: the middle formula for all, then the seventh in the tails, gathered. */
static void normal_block(double *r, const word *w, int n) {
  double y[Q_BLOCK], x[Q_BLOCK];
  uint64_t rare[Q_BLOCK];
  int32_t at[Q_BLOCK];
  int c = 0;
  for (int i = 0; i < n; i++) y[i] = normal_middle(w[i]);
  for (int i = 0; i < n; i++) at[c] = i, c += end_distance(w[i]) < TAIL_BELOW;
  for (int i = 0; i < c; i++) rare[i] = w[at[i]];
  for (int i = 0; i < c; i++) x[i] = normal_tail(rare[i]);
  for (int i = 0; i < c; i++) y[at[i]] = x[i];
  memcpy(r, y, (size_t)n * sizeof *r);
}

void PRI_WIDE(normal)(double *r, const uint64_t *words, int64_t n) {
  const word *w = words;
  if (n < 8) { /* not worth the passes */
    for (int64_t i = 0; i < n; i++) r[i] = end_distance(w[i]) < TAIL_BELOW ? normal_tail(w[i]) : normal_middle(w[i]);
    return;
  }
  for (int64_t i = 0; i < n; i += Q_BLOCK) normal_block(r + i, w + i, n - i < Q_BLOCK ? (int)(n - i) : Q_BLOCK);
}

void PRI_WIDE(laplace)(double *r, const uint64_t *words, int64_t n) {
  const word *w = words;
  PRI_IVDEP
  for (int64_t i = 0; i < n; i++) r[i] = signed_as(-m_log_fast(from_u64(2 * end_distance(w[i]) + 1) * 0x1p-64), w[i]);
}
