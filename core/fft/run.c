/* run.c - carrying out a plan. */
#include "fft/plan.h"
#include <string.h>

/* Passes over rows of so many lanes, to and fro between x and y; where the result is. The inverse exchanges the parts. */
static double *run_columns(const pri_fft_plan *p, const pri_columns *c, double *x, double *y, int64_t lanes, bool inverse) {
  int64_t re = inverse ? PRI_LANES : 0, im = inverse ? -PRI_LANES : PRI_LANES;
  for (int i = 0; i < c->count && !pri_stopped(p->kept.cx); i++) {
    p->k->pass(c->pass[i].radix, x + re, y + re, im, c->pass[i].m, lanes, c->pass[i].twiddles);
    lanes *= c->pass[i].radix;
    double *t = x;
    x = y, y = t;
  }
  return x;
}

double *pri_fft_lines(const pri_fft_plan *p, double *x, double *y, bool inverse) {
  if (p->kind == PRI_FFT_LANES) return run_columns(p, &p->columns, x, y, PRI_LANES, inverse);
  int64_t m = p->columns.length, lanes = pri_padded(p->rows.length), rows = pri_padded(m);
  int64_t re = inverse ? PRI_LANES : 0, im = inverse ? -PRI_LANES : PRI_LANES;
  double *a = run_columns(p, &p->columns, x, y, lanes, inverse), *b = a == x ? y : x;
  memset(a + 2 * m * lanes, 0, (size_t)(2 * (rows - m) * lanes) * sizeof *a);
  p->k->twist(a + re, b + re, im, rows, lanes, p->twist);
  return run_columns(p, &p->rows, b, a, rows, inverse);
}

int64_t pri_fft_work(const pri_fft_plan *p) {
  const pri_fft_plan *top = p;
  while (p->inner) p = p->inner;
  int64_t size = 4 * pri_inner_size(p), own = top->kind == PRI_FFT_REAL ? (top->n + 7) & ~(int64_t)7 : 0;
  return own + (size < 128 ? 128 : size);
}

/* Bluestein's convolution, all in lines; x has room for the inner length. */
static double *convolve(const pri_fft_plan *p, double *x, double *y, bool inverse) {
  const pri_fft_kernels *k = p->k;
  const pri_fft_plan *q = p->inner;
  bool one = p->kind == PRI_FFT_ONE;
  int64_t re = inverse ? PRI_LANES : 0, im = inverse ? -PRI_LANES : PRI_LANES;
  int64_t filled = (one ? pri_padded(p->n) : PRI_LANES * p->n) * 2, size = 2 * pri_inner_size(q);
  if (one) k->times(x + re, x + re, im, filled / PRI_LINE, p->chirp);
  else k->times_rows(x + re, x + re, im, p->n, PRI_LANES, p->chirp);
  memset(x + filled, 0, (size_t)(size - filled) * sizeof *x);
  double *a = pri_fft_lines(q, x, y, inverse), *b = a == x ? y : x;
  if (one) k->times(a + re, a + re, im, q->n / PRI_LANES, p->spectrum);
  else k->times_rows(a + re, a + re, im, q->n, PRI_LANES, p->spectrum);
  a = pri_fft_lines(q, a, b, !inverse);
  if (one) k->times(a + re, a + re, im, filled / PRI_LINE, p->chirp);
  else k->times_rows(a + re, a + re, im, p->n, PRI_LANES, p->chirp);
  return a;
}

void pri_fft_run(const pri_fft_plan *p, const double *in, double *out, bool inverse, double factor, double *work) {
  if (p->inner) {
    double *x = work, *y = work + 2 * pri_inner_size(p->inner);
    p->k->split(in, x, 1, p->n);
    p->k->merge(convolve(p, x, y, inverse), out, 1, p->n, factor);
    return;
  }
  int64_t m = p->columns.length, lanes = p->rows.length;
  double *x = work, *y = work + 2 * pri_inner_size(p);
  p->k->split(in, x, m, lanes);
  p->k->merge(pri_fft_lines(p, x, y, inverse), out, lanes, m, factor);
}

double *pri_fft_run_lanes(const pri_fft_plan *p, double *x, bool inverse, double *work) {
  if (!p->inner) return pri_fft_lines(p, x, work, inverse);
  double *big = work, *y = work + 2 * pri_inner_size(p->inner);
  memcpy(big, x, (size_t)(p->n * PRI_LINE) * sizeof *x);
  return convolve(p, big, y, inverse);
}

void pri_fft_run_real(const pri_fft_plan *p, const double *in, double *out, double factor, double *work) {
  int64_t h = p->n / 2;
  double *z = work;
  pri_fft_run(p->inner, in, z, false, 1, work + ((2 * h + 7) & ~(int64_t)7));
  p->k->unzip(z, out, h, p->cosine, p->sine, factor);
}

void pri_fft_run_real_back(const pri_fft_plan *p, const double *in, double *out, double factor, double *work) {
  int64_t h = p->n / 2;
  double *z = work;
  p->k->zip(in, z, h, p->cosine, p->sine);
  pri_fft_run(p->inner, z, out, true, factor, work + ((2 * h + 7) & ~(int64_t)7));
}

double *pri_fft_run_real_lanes(const pri_fft_plan *p, double *x, double *out, double factor, double *work) {
  p->k->unzip_rows(pri_fft_run_lanes(p->inner, x, false, work), out, p->n / 2, p->cosine, p->sine, factor);
  return out;
}

double *pri_fft_run_real_lanes_back(const pri_fft_plan *p, const double *x, double *out, double *work) {
  p->k->zip_rows(x, out, p->n / 2, p->cosine, p->sine);
  return pri_fft_run_lanes(p->inner, out, true, work);
}
