/* lines.c - between complex numbers in memory and lines; transposes; products with twiddles. */
#include "fft/wide/wide.h"
#include <string.h>

/* n <= 8 numbers into one line, the rest zero */
INLINE void split_line(const double *x, double *y, int64_t n) {
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

void PRI_WIDE(twist)(const double *x, double *y, int64_t im, int64_t rows, int64_t lanes, const double *t);
void PRI_WIDE(twist)(const double *x, double *y, int64_t im, int64_t rows, int64_t lanes, const double *t) {
  for (int64_t l = 0; l < lanes; l++)
    for (int64_t k = 0; k < rows; k += PRI_LANES, y += PRI_LINE, t += PRI_LINE) {
      const double *from = x + (k * lanes + l / PRI_LANES * PRI_LANES) * 2 + l % PRI_LANES;
      for (int i = 0; i < PRI_LANES; i++) {
        double r = from[i * 2 * lanes], s = from[i * 2 * lanes + im];
        y[i] = r * t[i] - s * t[PRI_LANES + i];
        y[im + i] = r * t[PRI_LANES + i] + s * t[i];
      }
    }
}

void PRI_WIDE(times)(const double *x, double *y, int64_t im, int64_t lines, const double *t, int conjugate);
void PRI_WIDE(times)(const double *x, double *y, int64_t im, int64_t lines, const double *t, int conjugate) {
  double sign = conjugate ? -1 : 1;
  for (int64_t k = 0; k < lines * PRI_LINE; k += PRI_LINE)
    for (int h = 0; h < PRI_LANES; h += V) {
      cv a = mul((cv){load(x + k + h), load(x + k + h + im)}, load(t + k + h), load(t + k + h + PRI_LANES) * sign);
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

void PRI_WIDE(gather)(const double *x, const int64_t *start, int lanes, int64_t stride, double *y, int64_t rows);
void PRI_WIDE(gather)(const double *x, const int64_t *start, int lanes, int64_t stride, double *y, int64_t rows) {
  for (int64_t j = 0; j < rows; j++, x += 2 * stride, y += PRI_LINE) {
    for (int l = 0; l < lanes; l++) {
      y[l] = x[2 * start[l]];
      y[l + PRI_LANES] = x[2 * start[l] + 1];
    }
    for (int l = lanes; l < PRI_LANES; l++) y[l] = y[l + PRI_LANES] = 0;
  }
}

void PRI_WIDE(scatter)(const double *x, double *y, const int64_t *start, int lanes, int64_t stride, int64_t rows, double factor);
void PRI_WIDE(scatter)(const double *x, double *y, const int64_t *start, int lanes, int64_t stride, int64_t rows, double factor) {
  for (int64_t j = 0; j < rows; j++, x += PRI_LINE, y += 2 * stride)
    for (int l = 0; l < lanes; l++) {
      y[2 * start[l]] = x[l] * factor;
      y[2 * start[l] + 1] = x[l + PRI_LANES] * factor;
    }
}
