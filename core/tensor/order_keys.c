/* order_keys.c - sorting and selecting unsigned keys.
**
** Below SMALL elements: merge sort on top of insertion sort. From there on: radix sort from the last byte to the first, which is stable
** and does n operations for each byte that is not the same in all keys (one pass counts all eight). Selection is by radix as well,
** from the first byte on, keeping the bucket that holds the k-th key: O(n) for any input.
** Sources: Knuth, TAOCP 3, 5.2.4-5.2.5.
*/
#include "tensor/order.h"
#include <math.h>

enum { RUN = 16, SMALL = 512, BYTES = 8, DIGITS = 256 };

/* ---- elements and keys ---- */

static const uint64_t sign64 = (uint64_t)1 << 63;

static inline uint64_t key_f64(double x) {
  uint64_t u;
  memcpy(&u, &x, 8);
  if (x != x) return pri_nan_key;
  return u & sign64 ? ~u : u | sign64;
}
static inline double value_f64(uint64_t key) {
  double x;
  uint64_t u = key & sign64 ? key ^ sign64 : ~key;
  if (key == pri_nan_key) return NAN;
  memcpy(&x, &u, 8);
  return x;
}
/* f32 in the low half, so that four passes of the radix sort fall away; NaN as above */
static inline uint64_t key_f32(float x) {
  uint32_t u;
  memcpy(&u, &x, 4);
  if (x != x) return pri_nan_key;
  return u >> 31 ? ~u : u | 0x80000000u;
}
static inline float value_f32(uint64_t key) {
  float x;
  uint32_t k = (uint32_t)key, u = k >> 31 ? k ^ 0x80000000u : ~k;
  if (key == pri_nan_key) return NAN;
  memcpy(&x, &u, 4);
  return x;
}
static inline uint64_t key_i64(int64_t x) { return (uint64_t)x ^ sign64; }
static inline int64_t value_i64(uint64_t key) { return (int64_t)(key ^ sign64); }
static inline uint64_t key_bool(uint8_t x) { return x; }
static inline uint8_t value_bool(uint64_t key) { return (uint8_t)key; }

/* The complement that keeps NaN last. f32 and bool are complemented within their bits, to stay short. */
static inline uint64_t turn(uint64_t key, peri_dtype t) {
  if (t == PERI_F32) return key == pri_nan_key ? key : key ^ 0xffffffffu;
  if (t == PERI_BOOL) return key ^ 1;
  return t == PERI_F64 && key == pri_nan_key ? key : ~key;
}

#define KEYS(T, name) for (int64_t i = 0; i < n; i++) key[i] = key_##name(((const T *)x)[i])
void pri_keys(uint64_t *key, const void *x, int64_t n, peri_dtype t, bool descending) {
  switch (t) {
  case PERI_BOOL: KEYS(uint8_t, bool); break;
  case PERI_I64: KEYS(int64_t, i64); break;
  case PERI_F32: KEYS(float, f32); break;
  default: KEYS(double, f64); break;
  }
  if (descending)
    for (int64_t i = 0; i < n; i++) key[i] = turn(key[i], t);
}

#define VALUES(T, name) for (int64_t i = 0; i < n; i++) ((T *)x)[i] = value_##name(descending ? turn(key[i], t) : key[i])
void pri_values(void *x, const uint64_t *key, int64_t n, peri_dtype t, bool descending) {
  switch (t) {
  case PERI_BOOL: VALUES(uint8_t, bool); break;
  case PERI_I64: VALUES(int64_t, i64); break;
  case PERI_F32: VALUES(float, f32); break;
  default: VALUES(double, f64); break;
  }
}

double pri_key_value(uint64_t key, peri_dtype t) {
  switch (t) {
  case PERI_BOOL: return (double)key;
  case PERI_I64: return (double)value_i64(key);
  case PERI_F32: return (double)value_f32(key);
  default: return value_f64(key);
  }
}

/* ---- sorting ---- */

#define KEY(x) (x)
#define RANKED_KEY(x) ((x).key)

/* Insertion sort of runs, then merges of neighbours, back and forth between x and room. */
#define SORT(name, T, K)                                                                                               \
  static void name##_insertion(T *x, int64_t n) {                                                                      \
    for (int64_t i = 1; i < n; i++) {                                                                                  \
      T v = x[i];                                                                                                      \
      int64_t j = i;                                                                                                   \
      for (; j > 0 && K(x[j - 1]) > K(v); j--) x[j] = x[j - 1];                                                        \
      x[j] = v;                                                                                                        \
    }                                                                                                                  \
  }                                                                                                                    \
  static void name##_merge(T *restrict r, const T *a, int64_t na, const T *b, int64_t nb) {                            \
    int64_t i = 0, j = 0;                                                                                              \
    while (i < na && j < nb) {                                                                                         \
      bool second = K(b[j]) < K(a[i]);                                                                                 \
      *r++ = second ? b[j] : a[i];                                                                                     \
      j += second;                                                                                                     \
      i += !second;                                                                                                    \
    }                                                                                                                  \
    memcpy(r, a + i, (size_t)(na - i) * sizeof *r);                                                                    \
    memcpy(r + (na - i), b + j, (size_t)(nb - j) * sizeof *r);                                                         \
  }                                                                                                                    \
  static void name##_small(T *x, T *room, int64_t n) {                                                                 \
    T *from = x, *to = room;                                                                                           \
    for (int64_t i = 0; i < n; i += RUN) name##_insertion(x + i, n - i < RUN ? n - i : RUN);                           \
    for (int64_t run = RUN; run < n; run *= 2) {                                                                       \
      for (int64_t i = 0; i < n; i += 2 * run) {                                                                       \
        int64_t na = n - i < run ? n - i : run, nb = n - i - na < run ? n - i - na : run;                              \
        name##_merge(to + i, from + i, na, from + i + na, nb);                                                         \
      }                                                                                                                \
      T *swap = from;                                                                                                  \
      from = to;                                                                                                       \
      to = swap;                                                                                                       \
    }                                                                                                                  \
    if (from != x) memcpy(x, from, (size_t)n * sizeof *x);                                                             \
  }                                                                                                                    \
  static void name##_pass(T *restrict to, const T *from, int64_t n, const int64_t *count, int shift) {                 \
    int64_t place[DIGITS], sum = 0;                                                                                    \
    for (int d = 0; d < DIGITS; d++) place[d] = sum, sum += count[d];                                                  \
    for (int64_t i = 0; i < n; i++) to[place[K(from[i]) >> shift & 255]++] = from[i];                                  \
  }                                                                                                                    \
  static void name(const peri_ctx *cx, T *x, T *room, int64_t n) {                                                     \
    int64_t count[BYTES][DIGITS] = {{0}};                                                                              \
    T *from = x, *to = room;                                                                                           \
    if (n < SMALL) {                                                                                                   \
      name##_small(x, room, n);                                                                                        \
      return;                                                                                                          \
    }                                                                                                                  \
    for (int64_t i = 0; i < n; i++)                                                                                    \
      for (int b = 0; b < BYTES; b++) count[b][K(x[i]) >> 8 * b & 255]++;                                              \
    for (int b = 0; b < BYTES && !pri_stopped(cx); b++) {                                                              \
      if (count[b][K(x[0]) >> 8 * b & 255] == n) continue; /* all the same */                                         \
      name##_pass(to, from, n, count[b], 8 * b);                                                                       \
      T *swap = from;                                                                                                  \
      from = to;                                                                                                       \
      to = swap;                                                                                                       \
    }                                                                                                                  \
    if (from != x) memcpy(x, from, (size_t)n * sizeof *x);                                                             \
  }
SORT(sort_keys, uint64_t, KEY)
SORT(sort_ranked, pri_ranked, RANKED_KEY)

void pri_sort_keys(const peri_ctx *cx, uint64_t *x, uint64_t *room, int64_t n) { sort_keys(cx, x, room, n); }
void pri_sort_ranked(const peri_ctx *cx, pri_ranked *x, pri_ranked *room, int64_t n) { sort_ranked(cx, x, room, n); }

/* ---- selection ---- */

static uint64_t select_small(uint64_t *x, int64_t n, int64_t k, int64_t *below) {
  sort_keys_insertion(x, n);
  while (k > 0 && x[k - 1] == x[k]) k--;
  *below += k;
  return x[k];
}

uint64_t pri_select_key(const uint64_t *x, uint64_t *room, int64_t n, int64_t k, int64_t *below) {
  *below = 0;
  for (int shift = 56; shift >= 0; shift -= 8) {
    if (n <= 2 * RUN) break;
    int64_t count[DIGITS] = {0}, m = 0;
    uint64_t digit = 0;
    for (int64_t i = 0; i < n; i++) count[x[i] >> shift & 255]++;
    while (k >= count[digit]) k -= count[digit], *below += count[digit], digit++;
    if (count[digit] == n) continue; /* nothing to leave out: x may still be the caller's */
    for (int64_t i = 0; i < n; i++) { /* in place once x is room: the write never overtakes the read */
      room[m] = x[i];
      m += (x[i] >> shift & 255) == digit;
    }
    x = room;
    n = m;
  }
  if (n > 2 * RUN) return x[0]; /* all bytes are the same */
  memmove(room, x, (size_t)n * sizeof *x);
  return select_small(room, n, k, below);
}
