/* table.c - the constant table of one instruction set. */
#include "fft/wide/wide.h"

void PRI_WIDE(pass)(int radix, const double *x, double *y, int64_t im, int64_t m, int64_t s, const double *t);
void PRI_WIDE(split)(const double *x, double *y, int64_t rows, int64_t n);
void PRI_WIDE(merge)(const double *x, double *y, int64_t rows, int64_t n, double factor);
void PRI_WIDE(twist)(const double *x, double *y, int64_t im, int64_t rows, int64_t lanes, const double *t);
void PRI_WIDE(times)(const double *x, double *y, int64_t im, int64_t lines, const double *t);
void PRI_WIDE(times_rows)(const double *x, double *y, int64_t im, int64_t rows, int64_t s, const double *t);
void PRI_WIDE(gather)(const double *x, const int64_t *start, int lanes, int64_t stride, double *y, int64_t rows);
void PRI_WIDE(scatter)(const double *x, double *y, const int64_t *start, int lanes, int64_t stride, int64_t rows, double factor);
void PRI_WIDE(unzip)(const double *z, double *x, int64_t h, const double *cosine, const double *sine, double factor);
void PRI_WIDE(zip)(const double *x, double *z, int64_t h, const double *cosine, const double *sine);
void PRI_WIDE(unzip_rows)(const double *z, double *x, int64_t h, const double *cosine, const double *sine, double factor);
void PRI_WIDE(zip_rows)(const double *x, double *z, int64_t h, const double *cosine, const double *sine);
void PRI_WIDE(gather_real)(const double *x, const int64_t *start, int lanes, int64_t stride, double *y, int64_t n);
void PRI_WIDE(scatter_real)(const double *x, double *y, const int64_t *start, int lanes, int64_t stride, int64_t n, double factor);

#define ENTRY(name) .name = PRI_WIDE(name)

extern const pri_fft_kernels PRI_WIDE(kernels);
const pri_fft_kernels PRI_WIDE(kernels) = {ENTRY(pass), ENTRY(split), ENTRY(merge), ENTRY(twist), ENTRY(times),
                                          ENTRY(times_rows), ENTRY(gather), ENTRY(scatter), ENTRY(unzip), ENTRY(zip), ENTRY(unzip_rows), ENTRY(zip_rows),
                                          ENTRY(gather_real), ENTRY(scatter_real)};
