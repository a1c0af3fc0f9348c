/* stream.c - streams: keys, seeding, jumps, raw words.
**
** key of a root       BLAKE2s-256(seed, 8 bytes)
** key of a substream  BLAKE2s-256(key of the parent, 32 bytes; index, 8 bytes; name)
** key of a raw stream BLAKE2s-256(state, 16 bytes; inc, 16 bytes; output, 1 byte)
**
** all little-endian, personalised "perigee1"; the lengths 8, >= 40 and 33 keep the three apart. State and increment are the
** two halves of the key, the increment made odd. Jumps compose affine maps in O(log d): Brown, Random number generation with
** arbitrary strides (1994).
*/
#include "random/random.h"

static void bytes64(uint8_t *p, uint64_t x) {
  for (int i = 0; i < 8; i++) p[i] = (uint8_t)(x >> (8 * i));
}
static uint64_t word64(const uint8_t *p) {
  uint64_t x = 0;
  for (int i = 0; i < 8; i++) x |= (uint64_t)p[i] << (8 * i);
  return x;
}

static void end_key(pri_blake2s *b, uint64_t key[4]) {
  uint8_t digest[32];
  pri_blake2s_end(b, digest);
  for (int i = 0; i < 4; i++) key[i] = word64(digest + 8 * i);
}

static peri_stream from_key(pri_blake2s *b, peri_output output) {
  peri_stream s = {.output = output};
  end_key(b, s.key);
  s.state = (peri_u128){s.key[0], s.key[1]};
  s.inc = (peri_u128){s.key[2], s.key[3] | 1};
  return s;
}

peri_stream peri_stream_root(uint64_t seed) {
  pri_blake2s b;
  uint8_t message[8];
  bytes64(message, seed);
  pri_blake2s_start(&b, "perigee1");
  pri_blake2s_add(&b, message, sizeof message);
  return from_key(&b, PERI_DXSM);
}

peri_stream peri_stream_sub(const peri_stream *s, const char *name, int64_t index) {
  pri_blake2s b;
  uint8_t message[40];
  for (int i = 0; i < 4; i++) bytes64(message + 8 * i, s->key[i]);
  bytes64(message + 32, (uint64_t)index);
  pri_blake2s_start(&b, "perigee1");
  pri_blake2s_add(&b, message, sizeof message);
  pri_blake2s_add(&b, name, strlen(name));
  return from_key(&b, s->output);
}

static peri_stream raw(peri_u128 state, peri_u128 inc, peri_output output) {
  pri_blake2s b;
  uint8_t message[33];
  bytes64(message, state.lo), bytes64(message + 8, state.hi);
  bytes64(message + 16, inc.lo), bytes64(message + 24, inc.hi);
  message[32] = (uint8_t)output;
  pri_blake2s_start(&b, "perigee1");
  pri_blake2s_add(&b, message, sizeof message);
  peri_stream s = {.state = state, .inc = inc, .output = output};
  end_key(&b, s.key);
  return s;
}

peri_status peri_stream_raw(peri_ctx *cx, peri_stream *s, peri_u128 state, peri_u128 inc, peri_output output) {
  if (!(inc.lo & 1))
    return peri_fail(cx, PERI_ERR_VALUE, "random.pcg64: the increment must be odd, got 0x%llx%016llx", (unsigned long long)inc.hi,
                     (unsigned long long)inc.lo);
  *s = raw(state, inc, output);
  return PERI_OK;
}

static peri_stream seed_with(pri_u128 m, peri_u128 initstate, peri_u128 initseq, peri_output output) {
  pri_u128 inc = pri_join(initseq.hi, initseq.lo) << 1 | 1;
  pri_u128 s = inc; /* a step from 0 */
  s = (s + pri_join(initstate.hi, initstate.lo)) * m + inc;
  return raw((peri_u128){(uint64_t)(s >> 64), (uint64_t)s}, (peri_u128){(uint64_t)(inc >> 64), (uint64_t)inc}, output);
}
peri_stream peri_stream_seed(peri_u128 initstate, peri_u128 initseq, peri_output output) {
  return seed_with(pri_multiplier(output), initstate, initseq, output);
}
peri_stream peri_stream_seed_numpy(peri_u128 initstate, peri_u128 initseq, peri_output output) {
  return seed_with(PRI_XSLRR_MULTIPLIER, initstate, initseq, output);
}

uint64_t peri_stream_next(peri_stream *s) {
  pri_rng g = {NULL, pri_pcg_of(s), s->output};
  uint64_t w = pri_next(&g);
  pri_pcg_store(s, g.pcg);
  return w;
}

/* s -> A s + C for d steps, from the maps of 1, 2, 4, ... steps. */
void pri_pcg_advance(pri_pcg *g, peri_output o, pri_u128 d) {
  pri_u128 m = pri_multiplier(o), c = pri_join(g->inc_hi, g->inc_lo), A = 1, C = 0;
  for (; d; d >>= 1) {
    if (d & 1) A *= m, C = C * m + c;
    c *= m + 1;
    m *= m;
  }
  pri_u128 s = A * pri_join(g->state_hi, g->state_lo) + C;
  g->state_hi = (uint64_t)(s >> 64), g->state_lo = (uint64_t)s;
}

static void advance(peri_stream *s, pri_u128 d) {
  pri_pcg g = pri_pcg_of(s);
  pri_pcg_advance(&g, s->output, d);
  pri_pcg_store(s, g);
}
void peri_stream_jump(peri_stream *s, int64_t draws) { advance(s, (pri_u128)(__int128)draws); }
void peri_stream_advance(peri_stream *s, peri_u128 draws) { advance(s, pri_join(draws.hi, draws.lo)); }

void peri_stream_words(peri_ctx *cx, peri_stream *s, uint64_t *w, int64_t n) {
  pri_rng g = {cx->k, pri_pcg_of(s), s->output};
  pri_words(&g, w, n);
  pri_pcg_store(s, g.pcg);
}
