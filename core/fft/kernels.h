/* kernels.h - the loops of the transforms, one table per instruction set, same bits in all three.
**
** A *line* is 16 doubles: the real parts of eight numbers, then their imaginary parts. A *row* is a number of lines, so its length
** in numbers, its lanes, is a multiple of eight. The distance from a real to its imaginary part is an argument, `im`: 8, or -8 with
** pointers moved by 8, which exchanges the parts and turns the transform into the inverse one.
*/
#ifndef PRI_FFT_KERNELS_H
#define PRI_FFT_KERNELS_H

#include <stdint.h>

enum { PRI_LANES = 8, PRI_LINE = 2 * PRI_LANES, PRI_RADIX_MAX = 13 };

typedef struct {
  /* One decimation-in-frequency step of Stockham's transform, radix R, on rows of s lanes: for p < m, q < s,
  **     y[q + s (R p + k)] = w^(p k) sum_j x[q + s (p + j m)] e^(-2 pi i j k / R),  w = e^(-2 pi i / (R m)).
  ** twiddles: w^(p k) as (re, im), k = 1 .. R-1 for each p = 1 .. m-1. x and y aligned to 64 bytes, not overlapping. */
  void (*pass)(int radix, const double *x, double *y, int64_t im, int64_t m, int64_t s, const double *twiddles);

  /* rows rows of n complex numbers, contiguous from x, into rows of n lanes filled up with zeros to a multiple of eight; and back,
  ** times factor. */
  void (*split)(const double *x, double *y, int64_t rows, int64_t n);
  void (*merge)(const double *x, double *y, int64_t rows, int64_t n, double factor);

  /* The transpose of `rows` x `lanes` numbers, both multiples of eight, each times its twiddle: y[l][k] = x[k][l] t[l][k]; the
  ** twiddles are lines, in the order of y. */
  void (*twist)(const double *x, double *y, int64_t im, int64_t rows, int64_t lanes, const double *twiddles);

  /* y = x t, line by line; x may be y */
  void (*times)(const double *x, double *y, int64_t im, int64_t lines, const double *t);
  /* row k of s lanes times the number (t[2k], t[2k+1]) */
  void (*times_rows)(const double *x, double *y, int64_t im, int64_t rows, int64_t s, const double *t);

  /* eight sequences in the lanes of a line: row j from the eight numbers at x + 2 (start[l] + j stride), and back */
  void (*gather)(const double *x, const int64_t *start, int lanes, int64_t stride, double *y, int64_t rows);
  void (*scatter)(const double *x, double *y, const int64_t *start, int lanes, int64_t stride, int64_t rows, double factor);

  /* A real sequence of n = 2 h numbers read as h complex ones, z_j = x_2j + i x_(2j+1), has with w = e^(-2 pi i / n) the coefficients
  **     X_k = E_k + w^k O_k,  X_(h-k) = conj(E_k - w^k O_k),  E_k = (Z_k + conj Z_(h-k)) / 2,  O_k = (Z_k - conj Z_(h-k)) / (2 i).
  ** unzip: the h numbers Z into the h + 1 numbers X, times factor. zip: back, 2 Z_k. Complex numbers in memory, or _rows: lines.
  ** cosine, sine: of 2 pi k / n, k <= h / 2. x and z must not overlap. */
  void (*unzip)(const double *z, double *x, int64_t h, const double *cosine, const double *sine, double factor);
  void (*zip)(const double *x, double *z, int64_t h, const double *cosine, const double *sine);
  void (*unzip_rows)(const double *z, double *x, int64_t h, const double *cosine, const double *sine, double factor);
  void (*zip_rows)(const double *x, double *z, int64_t h, const double *cosine, const double *sine);

  /* eight real sequences: line j from the numbers 2 j (real part) and 2 j + 1 at x + start[l] + i stride, n of them given; and back */
  void (*gather_real)(const double *x, const int64_t *start, int lanes, int64_t stride, double *y, int64_t n);
  void (*scatter_real)(const double *x, double *y, const int64_t *start, int lanes, int64_t stride, int64_t n, double factor);
} pri_fft_kernels;

#endif
