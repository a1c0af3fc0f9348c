/* lines.c - between complex numbers in memory and lines; transposes; products with twiddles. */
#include "fft/wide/wide.h"
#include <string.h>

/* n <= 8 numbers into one line, the rest zero */
INLINE void split_line(const double *x, double *y, int64_t n) {
  if (n == PRI_LANES) {
    for (int h = 0; h < PRI_LANES; h += V) {
      vec a = load_loose(x + 2 * h), b = load_loose(x + 2 * h + V);
      store(y + h, evens(a, b));
      store(y + h + PRI_LANES, odds(a, b));
    }
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    y[i] = x[2 * i];
    y[PRI_LANES + i] = x[2 * i + 1];
  }
  for (int64_t i = n; i < PRI_LANES; i++) y[i] = y[PRI_LANES + i] = 0;
}

void PRI_WIDE(split)(const double *x, double *y, int64_t rows, int64_t n);
void PRI_WIDE(split)(const double *x, double *y, int64_t rows, int64_t n) {
  for (int64_t j = 0; j < rows; j++, x += 2 * n) {
    int64_t q = 0;
    for (; q + PRI_LANES <= n; q += PRI_LANES, y += PRI_LINE) split_line(x + 2 * q, y, PRI_LANES);
    if (q < n) split_line(x + 2 * q, y, n - q), y += PRI_LINE;
  }
}

INLINE void merge_line(const double *x, double *y, int64_t n, double factor) {
  if (n == PRI_LANES) {
    for (int h = 0; h < PRI_LANES; h += V) {
      vec r = load(x + h) * factor, i = load(x + h + PRI_LANES) * factor;
      store_loose(y + 2 * h, zip_low(r, i));
      store_loose(y + 2 * h + V, zip_high(r, i));
    }
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    y[2 * i] = x[i] * factor;
    y[2 * i + 1] = x[PRI_LANES + i] * factor;
  }
}

void PRI_WIDE(merge)(const double *x, double *y, int64_t rows, int64_t n, double factor);
void PRI_WIDE(merge)(const double *x, double *y, int64_t rows, int64_t n, double factor) {
  for (int64_t j = 0; j < rows; j++, y += 2 * n) {
    int64_t q = 0;
    for (; q + PRI_LANES <= n; q += PRI_LANES, x += PRI_LINE) merge_line(x, y + 2 * q, PRI_LANES, factor);
    if (q < n) merge_line(x, y + 2 * q, n - q, factor), x += PRI_LINE;
  }
}

/* V rows of V lanes, `across` doubles apart, to V rows of V places, `along` apart; im, from real to imaginary parts. */
INLINE void twist_square(const double *x, int64_t across, double *y, int64_t along, int64_t im, const double *t) {
  vec r[V], i[V];
#pragma GCC unroll 8
  for (int j = 0; j < V; j++) r[j] = load(x + j * across), i[j] = load(x + j * across + im);
  transpose(r);
  transpose(i);
#pragma GCC unroll 8
  for (int j = 0; j < V; j++) {
    cv a = mul((cv){r[j], i[j]}, load(t + j * along), load(t + j * along + PRI_LANES));
    store(y + j * along, a.r);
    store(y + j * along + im, a.i);
  }
}

void PRI_WIDE(twist)(const double *x, double *y, int64_t im, int64_t rows, int64_t lanes, const double *t);
void PRI_WIDE(twist)(const double *x, double *y, int64_t im, int64_t rows, int64_t lanes, const double *t) {
  const int64_t across = 2 * lanes, along = 2 * rows;
  for (int64_t l = 0; l < lanes; l += PRI_LANES)
    for (int64_t k = 0; k < rows; k += PRI_LANES)
      for (int h = 0; h < PRI_LANES; h += V)
        for (int g = 0; g < PRI_LANES; g += V) {
          int64_t to = (l + h) * along + 2 * k + g;
          twist_square(x + (k + g) * across + 2 * l + h, across, y + to, along, im, t + to);
        }
}

void PRI_WIDE(times)(const double *x, double *y, int64_t im, int64_t lines, const double *t);
void PRI_WIDE(times)(const double *x, double *y, int64_t im, int64_t lines, const double *t) {
  for (int64_t k = 0; k < lines * PRI_LINE; k += PRI_LINE)
    for (int h = 0; h < PRI_LANES; h += V) {
      cv a = mul((cv){load(x + k + h), load(x + k + h + im)}, load(t + k + h), load(t + k + h + PRI_LANES));
      store(y + k + h, a.r);
      store(y + k + h + im, a.i);
    }
}

void PRI_WIDE(times_rows)(const double *x, double *y, int64_t im, int64_t rows, int64_t s, const double *t);
void PRI_WIDE(times_rows)(const double *x, double *y, int64_t im, int64_t rows, int64_t s, const double *t) {
  for (int64_t j = 0; j < rows; j++, t += 2)
    for (int64_t q = 0; q < 2 * s; q += PRI_LINE, x += PRI_LINE, y += PRI_LINE)
      for (int h = 0; h < PRI_LANES; h += V) {
        cv a = mul((cv){load(x + h), load(x + h + im)}, spread(t[0]), spread(t[1]));
        store(y + h, a.r);
        store(y + h + im, a.i);
      }
}

/* Whether eight sequences start side by side, as they do along every axis but the last. */
INLINE int adjacent(const int64_t *start, int lanes) {
  if (lanes < PRI_LANES) return 0;
  for (int l = 1; l < PRI_LANES; l++)
    if (start[l] != start[0] + l) return 0;
  return 1;
}

/* V numbers of each of V contiguous sequences into V rows of V lanes, and back. */
INLINE void gather_square(const double *x, const int64_t *start, double *y) {
  vec r[V], i[V];
#pragma GCC unroll 8
  for (int l = 0; l < V; l++) {
    vec a = load_loose(x + 2 * start[l]), b = load_loose(x + 2 * start[l] + V);
    r[l] = evens(a, b), i[l] = odds(a, b);
  }
  transpose(r);
  transpose(i);
#pragma GCC unroll 8
  for (int j = 0; j < V; j++) {
    store(y + j * PRI_LINE, r[j]);
    store(y + j * PRI_LINE + PRI_LANES, i[j]);
  }
}

INLINE void scatter_square(const double *x, double *y, const int64_t *start, double factor) {
  vec r[V], i[V];
#pragma GCC unroll 8
  for (int j = 0; j < V; j++) r[j] = load(x + j * PRI_LINE) * factor, i[j] = load(x + j * PRI_LINE + PRI_LANES) * factor;
  transpose(r);
  transpose(i);
#pragma GCC unroll 8
  for (int l = 0; l < V; l++) {
    store_loose(y + 2 * start[l], zip_low(r[l], i[l]));
    store_loose(y + 2 * start[l] + V, zip_high(r[l], i[l]));
  }
}

void PRI_WIDE(gather)(const double *x, const int64_t *start, int lanes, int64_t stride, double *y, int64_t rows);
void PRI_WIDE(gather)(const double *x, const int64_t *start, int lanes, int64_t stride, double *y, int64_t rows) {
  int64_t j = 0;
  if (adjacent(start, lanes))
    for (; j < rows; j++, x += 2 * stride, y += PRI_LINE) split_line(x + 2 * start[0], y, PRI_LANES);
  if (stride == 1 && lanes == PRI_LANES)
    for (; j + V <= rows; j += V, x += 2 * V, y += V * PRI_LINE)
      for (int h = 0; h < PRI_LANES; h += V) gather_square(x, start + h, y + h);
  for (; j < rows; j++, x += 2 * stride, y += PRI_LINE) {
    for (int l = 0; l < lanes; l++) {
      y[l] = x[2 * start[l]];
      y[l + PRI_LANES] = x[2 * start[l] + 1];
    }
    for (int l = lanes; l < PRI_LANES; l++) y[l] = y[l + PRI_LANES] = 0;
  }
}

void PRI_WIDE(scatter)(const double *x, double *y, const int64_t *start, int lanes, int64_t stride, int64_t rows, double factor);
void PRI_WIDE(scatter)(const double *x, double *y, const int64_t *start, int lanes, int64_t stride, int64_t rows, double factor) {
  int64_t j = 0;
  if (adjacent(start, lanes))
    for (; j < rows; j++, x += PRI_LINE, y += 2 * stride) merge_line(x, y + 2 * start[0], PRI_LANES, factor);
  if (stride == 1 && lanes == PRI_LANES)
    for (; j + V <= rows; j += V, x += V * PRI_LINE, y += 2 * V)
      for (int h = 0; h < PRI_LANES; h += V) scatter_square(x + h, y, start + h, factor);
  for (; j < rows; j++, x += PRI_LINE, y += 2 * stride)
    for (int l = 0; l < lanes; l++) {
      y[2 * start[l]] = x[l] * factor;
      y[2 * start[l] + 1] = x[l + PRI_LANES] * factor;
    }
}
