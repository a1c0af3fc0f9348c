/* hash.c - BLAKE2s-256, from which the keys of substreams are made.
**
** Eight 32-bit words of chaining value; ten rounds of eight quarter-round mixings of a 16-word state with a permuted
** message block; the byte count and a last-block flag enter each block. A personalisation of 8 bytes is xored into the
** initial value. Source: RFC 7693, The BLAKE2 cryptographic hash (2015), whose test vector is in the tests.
*/
#include "random/random.h"

static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static const uint8_t order[10][16] = {
  {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
  {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
  {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
  {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
  {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};

static uint32_t load32(const uint8_t *p) { return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24; }
static uint32_t right(uint32_t x, int k) { return x >> k | x << (32 - k); }

static void mix(uint32_t *v, int a, int b, int c, int d, uint32_t x, uint32_t y) {
  v[a] += v[b] + x;
  v[d] = right(v[d] ^ v[a], 16);
  v[c] += v[d];
  v[b] = right(v[b] ^ v[c], 12);
  v[a] += v[b] + y;
  v[d] = right(v[d] ^ v[a], 8);
  v[c] += v[d];
  v[b] = right(v[b] ^ v[c], 7);
}

static void compress(pri_blake2s *b, bool last) {
  uint32_t v[16], m[16];
  for (int i = 0; i < 8; i++) v[i] = b->h[i], v[i + 8] = initial[i];
  for (int i = 0; i < 16; i++) m[i] = load32(b->buffer + 4 * i);
  v[12] ^= (uint32_t)b->count;
  v[13] ^= (uint32_t)(b->count >> 32);
  if (last) v[14] = ~v[14];
  for (int r = 0; r < 10; r++) {
    const uint8_t *s = order[r];
    mix(v, 0, 4, 8, 12, m[s[0]], m[s[1]]);
    mix(v, 1, 5, 9, 13, m[s[2]], m[s[3]]);
    mix(v, 2, 6, 10, 14, m[s[4]], m[s[5]]);
    mix(v, 3, 7, 11, 15, m[s[6]], m[s[7]]);
    mix(v, 0, 5, 10, 15, m[s[8]], m[s[9]]);
    mix(v, 1, 6, 11, 12, m[s[10]], m[s[11]]);
    mix(v, 2, 7, 8, 13, m[s[12]], m[s[13]]);
    mix(v, 3, 4, 9, 14, m[s[14]], m[s[15]]);
  }
  for (int i = 0; i < 8; i++) b->h[i] ^= v[i] ^ v[i + 8];
}

void pri_blake2s_start(pri_blake2s *b, const char *personal) {
  memset(b, 0, sizeof *b);
  memcpy(b->h, initial, sizeof initial);
  b->h[0] ^= 0x01010020; /* 32 bytes of output, no key, sequential mode */
  if (personal) {
    b->h[6] ^= load32((const uint8_t *)personal);
    b->h[7] ^= load32((const uint8_t *)personal + 4);
  }
}

void pri_blake2s_add(pri_blake2s *b, const void *data, size_t n) {
  const uint8_t *p = data;
  for (size_t i = 0; i < n; i++) {
    if (b->fill == 64) { /* full, and more is coming: not the last block */
      compress(b, false);
      b->fill = 0;
    }
    b->buffer[b->fill++] = p[i];
    b->count++;
  }
}

void pri_blake2s_end(pri_blake2s *b, uint8_t digest[32]) {
  memset(b->buffer + b->fill, 0, (size_t)(64 - b->fill));
  compress(b, true);
  for (int i = 0; i < 32; i++) digest[i] = (uint8_t)(b->h[i / 4] >> (8 * (i % 4)));
}
