/* words.h - what the maps from random words share: a word as a signed distance from the nearer end of its range. */
#ifndef PRI_WIDE_WORDS_H
#define PRI_WIDE_WORDS_H

#include "kernels/wide/wide.h"

/* x as a double, rounded to nearest */
PRI_INLINE double from_u64(uint64_t x) {
#if defined(__AVX512DQ__)
  return (double)x;
#else
  double hi = pri_double(x >> 32 | 0x4530000000000000) - 0x1p84;          /* exact */
  double lo = pri_double((x & 0xffffffff) | 0x4330000000000000) - 0x1p52; /* exact */
  return hi + lo;
#endif
}

/* k < 2^63, and the sign bit of the variate: negative in the lower half */
PRI_INLINE uint64_t end_distance(uint64_t w) { return w ^ (0 - (w >> 63)); }
PRI_INLINE uint64_t sign_bit(uint64_t w) { return ~w & 0x8000000000000000; }

#endif
