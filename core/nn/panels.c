/* panels.c - laying out matrices for tiles, and tiles for results. */
#include "nn/panels.h"

/* Four by four (two by two) elements with rows and columns exchanged. */
static inline void turn_float(float *to, int64_t pitch, const float *from, int64_t line) {
  pri_four a = *(const pri_four *)from, b = *(const pri_four *)(from + line), c = *(const pri_four *)(from + 2 * line), d = *(const pri_four *)(from + 3 * line);
  pri_four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  pri_four AB = __builtin_shufflevector(a, b, 2, 6, 3, 7), CD = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  *(pri_four *)to = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
  *(pri_four *)(to + pitch) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
  *(pri_four *)(to + 2 * pitch) = __builtin_shufflevector(AB, CD, 0, 1, 4, 5);
  *(pri_four *)(to + 3 * pitch) = __builtin_shufflevector(AB, CD, 2, 3, 6, 7);
}

static inline void turn_double(double *to, int64_t pitch, const double *from, int64_t line) {
  pri_two a = *(const pri_two *)from, b = *(const pri_two *)(from + line);
  *(pri_two *)to = __builtin_shufflevector(a, b, 0, 2);
  *(pri_two *)(to + pitch) = __builtin_shufflevector(a, b, 1, 3);
}

#define LAY(T, V, SIDE)                                                                                                  \
  static void lay_##T(T *to, int64_t pitch, const T *from, int64_t line, int64_t step, int64_t lines, int64_t k) {      \
    int64_t i = 0;                                                                                                      \
    if (line == 1) {                                                                                                    \
      for (int64_t p = 0; p < k; p++) pri_copy_run((char *)(to + p * pitch), (const char *)(from + p * step), lines * (int64_t)sizeof(T)); \
      return;                                                                                                           \
    }                                                                                                                   \
    for (; step == 1 && i + SIDE <= lines; i += SIDE) {                                                                 \
      int64_t p = 0;                                                                                                    \
      for (; p + SIDE <= k; p += SIDE) turn_##T(to + p * pitch + i, pitch, from + i * line + p, line);                  \
      for (; p < k; p++)                                                                                                \
        for (int64_t q = i; q < i + SIDE; q++) to[p * pitch + q] = from[q * line + p];                                  \
    }                                                                                                                   \
    for (int64_t p = 0; p < k; p++)                                                                                     \
      for (int64_t q = i; q < lines; q++) to[p * pitch + q] = from[q * line + p * step];                                \
  }                                                                                                                     \
  static void put_##T(T *c, int64_t row, const T *tile, int64_t pitch, int64_t rows, int64_t cols, bool more) {         \
    for (int64_t i = 0; i < rows; i++, c += row, tile += pitch) {                                                       \
      int64_t j = 0;                                                                                                    \
      if (!more) pri_copy_run((char *)c, (const char *)tile, cols * (int64_t)sizeof(T)), j = cols;                             \
      for (; j + SIDE <= cols; j += SIDE) *(V *)(c + j) += *(const V *)(tile + j);                                      \
      for (; j < cols; j++) c[j] += tile[j];                                                                            \
    }                                                                                                                   \
  }
LAY(float, pri_four, 4)
LAY(double, pri_two, 2)

void pri_lay_out(peri_dtype t, void *to, int64_t pitch, pri_lines from, int64_t lines, int64_t k) {
  if (t == PERI_F32) lay_float(to, pitch, (const float *)(const void *)from.data, from.line, from.k, lines, k);
  else lay_double(to, pitch, (const double *)(const void *)from.data, from.line, from.k, lines, k);
}

void pri_pack_panel(peri_dtype t, void *panel, int64_t width, pri_lines from, int64_t lines, int64_t k) {
  if (lines < width) memset(panel, 0, (size_t)(width * k) * peri_sizeof(t));
  pri_lay_out(t, panel, width, from, lines, k);
}

void pri_put_tile(peri_dtype t, void *c, int64_t row, const void *tile, int64_t pitch, int64_t rows, int64_t cols, bool more) {
  if (t == PERI_F32) put_float(c, row, tile, pitch, rows, cols, more);
  else put_double(c, row, tile, pitch, rows, cols, more);
}

typedef uint64_t long_word __attribute__((may_alias, aligned(4)));

void pri_copy_spread(char *to, const char *from, int64_t stride, int64_t n, int64_t bytes) {
  if (bytes == 4)
    for (int64_t i = 0; i < n; i++) ((pri_word *)to)[i] = ((const pri_word *)from)[i * stride];
  else
    for (int64_t i = 0; i < n; i++) ((long_word *)to)[i] = ((const long_word *)from)[i * stride];
}
