/* pcg.c - raw words of PCG64: s <- m s + c modulo 2^128, DXSM or XSL-RR output, in sequence order.
**
** The DXSM sequence is computed in L lanes (16 with AVX-512, 8 with AVX2): lane j holds s[n+j], and all lanes step by L at
** once with s <- A s + C, the composition of L steps:
**
**     A = m^L,   C = c G,   G = 1 + m + ... + m^(L-1).
**
** A and G are constants, so that C costs one multiplication a call. Lane order is sequence order: the words and the state
** left behind are those of the serial generator. Products of 128 bits are put together from 32 x 32 -> 64 bit ones.
** Sources: O'Neill, PCG: A family of simple fast space-efficient statistically good algorithms for random number
** generation (2014), and the author's cheap-multiplier DXSM variant (2019); Brown, Random number generation with
** arbitrary strides (1994), for the composition.
*/
#include "kernels/wide/wide.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

typedef unsigned __int128 u128;

#define DXSM_MULTIPLIER 0xda942042e4dd58b5u
static const u128 xslrr_multiplier = (u128)0x2360ed051fc65da4u << 64 | 0x4385df649fccf645u;

PRI_INLINE u128 join(uint64_t hi, uint64_t lo) { return (u128)hi << 64 | lo; }
PRI_INLINE u128 state_of(const pri_pcg *g) { return join(g->state_hi, g->state_lo); }
PRI_INLINE u128 increment_of(const pri_pcg *g) { return join(g->inc_hi, g->inc_lo); }
PRI_INLINE void set_state(pri_pcg *g, u128 s) { g->state_hi = (uint64_t)(s >> 64), g->state_lo = (uint64_t)s; }

/* The output is taken from the state before it steps. */
PRI_INLINE uint64_t dxsm(u128 s) {
  uint64_t hi = (uint64_t)(s >> 64), lo = (uint64_t)s | 1;
  hi ^= hi >> 32;
  hi *= DXSM_MULTIPLIER;
  hi ^= hi >> 48;
  return hi * lo;
}

static void dxsm_serial(uint64_t *w, int64_t n, pri_pcg *g) {
  u128 s = state_of(g), c = increment_of(g);
  for (int64_t i = 0; i < n; i++) {
    w[i] = dxsm(s);
    s = s * DXSM_MULTIPLIER + c;
  }
  set_state(g, s);
}

#if defined(__AVX2__)
enum { SERIAL_BELOW = 64 }; /* words; filling and emptying the lanes costs some twenty serial steps */

/* Lane multiplier A and factor G of the increment, for as many steps as there are lanes. */
#if defined(__AVX512DQ__)
enum { LANES = 16, GROUP = 8 };
#define LANE_A join(0x7cf5993a0390be85u, 0x90c84ffd768b76c1u)
#define LANE_G join(0xa2f51844a30f5b27u, 0xd50cbd4e9f961270u)

typedef __m512i vec;
PRI_INLINE vec splat(uint64_t x) { return _mm512_set1_epi64((long long)x); }
PRI_INLINE vec load(const uint64_t *p) { return _mm512_loadu_si512(p); }
PRI_INLINE void store(uint64_t *p, vec v) { _mm512_storeu_si512(p, v); }
PRI_INLINE vec add(vec a, vec b) { return _mm512_add_epi64(a, b); }
PRI_INLINE vec xor(vec a, vec b) { return _mm512_xor_si512(a, b); }
PRI_INLINE vec or(vec a, vec b) { return _mm512_or_si512(a, b); }
PRI_INLINE vec and(vec a, vec b) { return _mm512_and_si512(a, b); }
PRI_INLINE vec mul32(vec a, vec b) { return _mm512_mul_epu32(a, b); }
PRI_INLINE vec mul64(vec a, vec b) { return _mm512_mullo_epi64(a, b); }
#define RIGHT(v, k) _mm512_srli_epi64(v, k)
#define LEFT(v, k) _mm512_slli_epi64(v, k)

/* a + 1 where x < y, unsigned: the carry of a sum x = y + z */
PRI_INLINE vec add_carry(vec a, vec x, vec y) {
  return _mm512_mask_sub_epi64(a, _mm512_cmplt_epu64_mask(x, y), a, splat(~0ull));
}
#else
enum { LANES = 8, GROUP = 4 };
#define LANE_A join(0x3b4f2ed0402963a5u, 0x26fab1d0b0b1c961u)
#define LANE_G join(0xe2e55d6e9cf2a02cu, 0xf587137fab63cab8u)

typedef __m256i vec;
PRI_INLINE vec splat(uint64_t x) { return _mm256_set1_epi64x((long long)x); }
PRI_INLINE vec load(const uint64_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
PRI_INLINE void store(uint64_t *p, vec v) { _mm256_storeu_si256((__m256i *)p, v); }
PRI_INLINE vec add(vec a, vec b) { return _mm256_add_epi64(a, b); }
PRI_INLINE vec xor(vec a, vec b) { return _mm256_xor_si256(a, b); }
PRI_INLINE vec or(vec a, vec b) { return _mm256_or_si256(a, b); }
PRI_INLINE vec and(vec a, vec b) { return _mm256_and_si256(a, b); }
PRI_INLINE vec mul32(vec a, vec b) { return _mm256_mul_epu32(a, b); }
#define RIGHT(v, k) _mm256_srli_epi64(v, k)
#define LEFT(v, k) _mm256_slli_epi64(v, k)

/* a b modulo 2^64: both cross products in one 32-bit multiply, then their sum moved into the high half */
PRI_INLINE vec mul64(vec a, vec b) {
  vec cross = _mm256_mullo_epi32(a, _mm256_shuffle_epi32(b, 0xb1));
  vec high = add(LEFT(cross, 32), and(cross, splat(0xffffffff00000000u)));
  return add(mul32(a, b), high);
}
PRI_INLINE vec add_carry(vec a, vec x, vec y) {
  vec flip = splat(1ull << 63); /* the comparison is a signed one */
  return _mm256_sub_epi64(a, _mm256_cmpgt_epi64(xor(y, flip), xor(x, flip)));
}
#endif

typedef struct { vec hi, lo; } lanes;       /* GROUP states */
typedef struct { vec a_hi, a_lo, a_lo1, c_hi, c_lo; } step; /* A and C; a_lo1 = a_lo >> 32 */

PRI_INLINE vec dxsm_lanes(lanes s) {
  const vec m = splat(DXSM_MULTIPLIER);
  vec hi = xor(s.hi, RIGHT(s.hi, 32));
  hi = mul64(hi, m);
  hi = xor(hi, RIGHT(hi, 48));
  return mul64(hi, or(s.lo, splat(1)));
}

/* A s + C. The full product of the low halves, schoolbook in base 2^32; no partial sum exceeds 64 bits. */
PRI_INLINE lanes advance(lanes s, step k) {
  const vec mask = splat(0xffffffffu);
  vec lo1 = RIGHT(s.lo, 32);
  vec p00 = mul32(s.lo, k.a_lo), p01 = mul32(s.lo, k.a_lo1), p10 = mul32(lo1, k.a_lo), p11 = mul32(lo1, k.a_lo1);
  vec mid = add(p01, RIGHT(p00, 32));
  vec mid2 = add(p10, and(mid, mask));
  vec lo = or(LEFT(mid2, 32), and(p00, mask));
  vec hi = add(add(p11, RIGHT(mid, 32)), RIGHT(mid2, 32));
  hi = add(hi, add(mul64(s.lo, k.a_hi), mul64(s.hi, k.a_lo)));
  lanes r = { add(hi, k.c_hi), add(lo, k.c_lo) };
  r.hi = add_carry(r.hi, r.lo, k.c_lo);
  return r;
}

static void dxsm_wide(uint64_t *w, int64_t n, pri_pcg *g) {
  uint64_t hi[LANES], lo[LANES];
  u128 s = state_of(g), c = increment_of(g), a = LANE_A, cl = c * LANE_G;
  for (int j = 0; j < LANES; j++) {
    hi[j] = (uint64_t)(s >> 64), lo[j] = (uint64_t)s;
    s = s * DXSM_MULTIPLIER + c;
  }
  lanes x = { load(hi), load(lo) }, y = { load(hi + GROUP), load(lo + GROUP) };
  step k = { splat((uint64_t)(a >> 64)), splat((uint64_t)a), splat((uint64_t)a >> 32), splat((uint64_t)(cl >> 64)), splat((uint64_t)cl) };
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    store(w + i, dxsm_lanes(x));
    store(w + i + GROUP, dxsm_lanes(y));
    x = advance(x, k);
    y = advance(y, k);
  }
  store(hi, x.hi), store(lo, x.lo);
  set_state(g, join(hi[0], lo[0])); /* lane 0 is i steps from the start */
  dxsm_serial(w + i, n - i, g);
}
#endif

void PRI_WIDE(pcg_dxsm)(uint64_t *w, int64_t n, pri_pcg *g) {
#if defined(__AVX2__)
  if (n >= SERIAL_BELOW) {
    dxsm_wide(w, n, g);
    return;
  }
#endif
  dxsm_serial(w, n, g);
}

/* Steps first; the output is taken from the new state. */
void PRI_WIDE(pcg_xslrr)(uint64_t *w, int64_t n, pri_pcg *g) {
  u128 s = state_of(g), c = increment_of(g);
  for (int64_t i = 0; i < n; i++) {
    s = s * xslrr_multiplier + c;
    uint64_t x = (uint64_t)(s >> 64) ^ (uint64_t)s;
    unsigned r = (unsigned)(s >> 122);
    w[i] = x >> r | x << (-r & 63);
  }
  set_state(g, s);
}
