/* sampler_sort.c - pairs sorted by their 64-bit order, stably: one pass over the highest bits into buckets that fit into the cache, then in each
** bucket eight counting passes over bytes, least bytes first. Two thousand pairs a bucket pay for the counters; sixteen need none. */
#include "privacy/sampler.h"

enum { BYTES = 8, CELLS = 256, MOST_BITS = 11, BUCKET = 2048, FEW = 16 };

static void insert(pri_pair *a, int64_t n) {
  for (int64_t i = 1; i < n; i++) {
    pri_pair x = a[i];
    int64_t j = i;
    for (; j > 0 && a[j - 1].order > x.order; j--) a[j] = a[j - 1];
    a[j] = x;
  }
}

static void starts_of(uint32_t *count, int cells) {
  uint32_t sum = 0;
  for (int c = 0; c < cells; c++) {
    uint32_t here = count[c];
    count[c] = sum;
    sum += here;
  }
}

/* In place, n < 2^32; an even number of passes ends where it began. */
static void by_bytes(pri_pair *a, pri_pair *other, int64_t n) {
  uint32_t count[BYTES][CELLS] = {{0}};
  for (int64_t i = 0; i < n; i++)
    for (int b = 0; b < BYTES; b++) count[b][a[i].order >> 8 * b & 255]++;
  for (int b = 0; b < BYTES; b++) {
    uint32_t *start = count[b];
    starts_of(start, CELLS);
    for (int64_t i = 0; i < n; i++) other[start[a[i].order >> 8 * b & 255]++] = a[i];
    pri_pair *swap = a;
    a = other, other = swap;
  }
}

static void sort_bucket(pri_pair *a, pri_pair *other, int64_t n) {
  if (n <= FEW) insert(a, n);
  else by_bytes(a, other, n);
}

pri_pair *pri_sort_pairs(pri_pair *from, pri_pair *to, int64_t n) {
  int64_t end[1 << MOST_BITS] = {0};
  int bits = 0;
  while (bits < MOST_BITS && n >> bits > BUCKET) bits++;
  if (bits == 0) return sort_bucket(from, to, n), from;
  for (int64_t i = 0; i < n; i++) end[from[i].order >> (64 - bits)]++;
  for (int64_t c = 0, sum = 0; c < 1 << bits; c++) {
    int64_t here = end[c];
    end[c] = sum;
    sum += here;
  }
  for (int64_t i = 0; i < n; i++) to[end[from[i].order >> (64 - bits)]++] = from[i];
  for (int64_t c = 0, at = 0; c < 1 << bits; at = end[c++]) sort_bucket(to + at, from + at, end[c] - at);
  return to;
}
