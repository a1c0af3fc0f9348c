/* real.c - between the transform of a real sequence read as complex numbers and its own; formulas in kernels.h. */
#include "fft/wide/wide.h"

/* E + w O and conj(E - w O), times factor, from a = Z_k and b = Z_(h-k); w = cosine - i sine. */
INLINE void unzip_pair(cv *a, cv *b, vec cosine, vec sine, vec factor) {
  const double half = 0.5;
  cv e = {(a->r + b->r) * half, (a->i - b->i) * half}, o = {(a->i + b->i) * half, (b->r - a->r) * half};
  cv w = {o.r * cosine + o.i * sine, o.i * cosine - o.r * sine};
  *a = (cv){(e.r + w.r) * factor, (e.i + w.i) * factor};
  *b = (cv){(e.r - w.r) * factor, (w.i - e.i) * factor};
}

/* 2 Z_k = E + i O and 2 Z_(h-k) = conj(E) + i conj(O), with E = a + conj(b), O = (a - conj(b)) conj(w), from a = X_k and b = X_(h-k). */
INLINE void zip_pair(cv *a, cv *b, vec cosine, vec sine) {
  cv e = {a->r + b->r, a->i - b->i}, d = {a->r - b->r, a->i + b->i};
  cv o = {d.r * cosine - d.i * sine, d.r * sine + d.i * cosine};
  *a = (cv){e.r - o.i, e.i + o.r};
  *b = (cv){e.r + o.i, o.r - e.i};
}

INLINE cv load_pairs(const double *p) {
  vec a = load_loose(p), b = load_loose(p + V);
  return (cv){evens(a, b), odds(a, b)};
}
INLINE void store_pairs(double *p, cv a) {
  store_loose(p, zip_low(a.r, a.i));
  store_loose(p + V, zip_high(a.r, a.i));
}
INLINE cv flipped(cv a) { return (cv){reversed(a.r), reversed(a.i)}; }
INLINE cv one(const double *p) { return (cv){spread(p[0]), spread(p[1])}; }
INLINE void put(double *p, cv a) { p[0] = a.r[0], p[1] = a.i[0]; }

void PRI_WIDE(unzip)(const double *z, double *x, int64_t h, const double *cosine, const double *sine, double factor);
void PRI_WIDE(unzip)(const double *z, double *x, int64_t h, const double *cosine, const double *sine, double factor) {
  int64_t k = 1;
  x[0] = (z[0] + z[1]) * factor, x[1] = 0;
  x[2 * h] = (z[0] - z[1]) * factor, x[2 * h + 1] = 0;
  for (; k + V - 1 < h - k - V + 1; k += V) { /* the vectors of k and of h - k do not meet */
    cv a = load_pairs(z + 2 * k), b = flipped(load_pairs(z + 2 * (h - k - V + 1)));
    unzip_pair(&a, &b, load_loose(cosine + k), load_loose(sine + k), spread(factor));
    store_pairs(x + 2 * k, a);
    store_pairs(x + 2 * (h - k - V + 1), flipped(b));
  }
  for (; k <= h - k; k++) {
    cv a = one(z + 2 * k), b = one(z + 2 * (h - k));
    unzip_pair(&a, &b, spread(cosine[k]), spread(sine[k]), spread(factor));
    put(x + 2 * (h - k), b);
    put(x + 2 * k, a);
  }
}

void PRI_WIDE(zip)(const double *x, double *z, int64_t h, const double *cosine, const double *sine);
void PRI_WIDE(zip)(const double *x, double *z, int64_t h, const double *cosine, const double *sine) {
  int64_t k = 1;
  z[0] = x[0] + x[2 * h], z[1] = x[0] - x[2 * h];
  for (; k + V - 1 < h - k - V + 1; k += V) {
    cv a = load_pairs(x + 2 * k), b = flipped(load_pairs(x + 2 * (h - k - V + 1)));
    zip_pair(&a, &b, load_loose(cosine + k), load_loose(sine + k));
    store_pairs(z + 2 * k, a);
    store_pairs(z + 2 * (h - k - V + 1), flipped(b));
  }
  for (; k <= h - k; k++) {
    cv a = one(x + 2 * k), b = one(x + 2 * (h - k));
    zip_pair(&a, &b, spread(cosine[k]), spread(sine[k]));
    put(z + 2 * (h - k), b);
    put(z + 2 * k, a);
  }
}

INLINE cv load_line(const double *p) { return (cv){load(p), load(p + PRI_LANES)}; }
INLINE void store_line(double *p, cv a) {
  store(p, a.r);
  store(p + PRI_LANES, a.i);
}

void PRI_WIDE(unzip_rows)(const double *z, double *x, int64_t h, const double *cosine, const double *sine, double factor);
void PRI_WIDE(unzip_rows)(const double *z, double *x, int64_t h, const double *cosine, const double *sine, double factor) {
  for (int64_t k = 0; k <= h - k; k++)
    for (int q = 0; q < PRI_LANES; q += V) {
      cv a = load_line(z + k * PRI_LINE + q), b = k ? load_line(z + (h - k) * PRI_LINE + q) : a;
      unzip_pair(&a, &b, spread(cosine[k]), spread(sine[k]), spread(factor));
      if (k == 0) a.i = b.i = spread(0);
      store_line(x + (h - k) * PRI_LINE + q, b);
      store_line(x + k * PRI_LINE + q, a);
    }
}

void PRI_WIDE(zip_rows)(const double *x, double *z, int64_t h, const double *cosine, const double *sine);
void PRI_WIDE(zip_rows)(const double *x, double *z, int64_t h, const double *cosine, const double *sine) {
  for (int64_t k = 0; k <= h - k; k++)
    for (int q = 0; q < PRI_LANES; q += V) {
      cv a = load_line(x + k * PRI_LINE + q), b = load_line(x + (h - k) * PRI_LINE + q);
      if (k == 0) a.i = b.i = spread(0);
      zip_pair(&a, &b, spread(cosine[k]), spread(sine[k]));
      if (k) store_line(z + (h - k) * PRI_LINE + q, b);
      store_line(z + k * PRI_LINE + q, a);
    }
}

void PRI_WIDE(gather_real)(const double *x, const int64_t *start, int lanes, int64_t stride, double *y, int64_t n);
void PRI_WIDE(gather_real)(const double *x, const int64_t *start, int lanes, int64_t stride, double *y, int64_t n) {
  int64_t j = 0;
  if (stride == 1 && lanes == PRI_LANES)
    for (; j + V <= n; j += V, x += V, y += V * PRI_LANES)
      for (int h = 0; h < PRI_LANES; h += V) {
        vec r[V];
#pragma GCC unroll 8
        for (int l = 0; l < V; l++) r[l] = load_loose(x + start[h + l]);
        transpose(r);
#pragma GCC unroll 8
        for (int i = 0; i < V; i++) store(y + i * PRI_LANES + h, r[i]);
      }
  for (; j < n; j++, x += stride, y += PRI_LANES) {
    for (int l = 0; l < lanes; l++) y[l] = x[start[l]];
    for (int l = lanes; l < PRI_LANES; l++) y[l] = 0;
  }
}

void PRI_WIDE(scatter_real)(const double *x, double *y, const int64_t *start, int lanes, int64_t stride, int64_t n, double factor);
void PRI_WIDE(scatter_real)(const double *x, double *y, const int64_t *start, int lanes, int64_t stride, int64_t n, double factor) {
  int64_t j = 0;
  if (stride == 1 && lanes == PRI_LANES)
    for (; j + V <= n; j += V, x += V * PRI_LANES, y += V)
      for (int h = 0; h < PRI_LANES; h += V) {
        vec r[V];
#pragma GCC unroll 8
        for (int i = 0; i < V; i++) r[i] = load(x + i * PRI_LANES + h) * factor;
        transpose(r);
#pragma GCC unroll 8
        for (int l = 0; l < V; l++) store_loose(y + start[h + l], r[l]);
      }
  for (; j < n; j++, x += PRI_LANES, y += stride)
    for (int l = 0; l < lanes; l++) y[start[l]] = x[l] * factor;
}
