/* fft_test.c - transforms against sums in extended precision, and the laws they obey. */
#include <perigee/fft.h>
#include <perigee/shape.h>
#include "fft/fft.h"
#include "../support.h"
#include <stdlib.h>

static long double cosine[1 << 14], sine[1 << 14];

static void turn(int64_t n) { /* the table of n roots */
  for (int64_t k = 0; k < n; k++) {
    long double a = 6.283185307179586476925286766559005768L * (long double)k / (long double)n;
    cosine[k] = cosl(a), sine[k] = sinl(a);
  }
}

/* sum_j x_j e^(-+2 pi i j k / n) */
static void coefficient(const double *x, int64_t n, int64_t k, bool inverse, long double z[2]) {
  z[0] = z[1] = 0;
  for (int64_t j = 0, at = 0; j < n; j++, at = (at + k) % n) {
    long double c = cosine[at], s = inverse ? sine[at] : -sine[at];
    z[0] += x[2 * j] * c - x[2 * j + 1] * s;
    z[1] += x[2 * j] * s + x[2 * j + 1] * c;
  }
}

static peri_tensor *noise(peri_ctx *cx, int nd, const int64_t *dims) {
  peri_tensor *t = MADE(peri_new(cx, PERI_C128, nd, dims));
  uint64_t seed = 17;
  for (int64_t i = 0; i < 2 * t->size; i++) ((double *)t->data)[i] = support_uniform(&seed);
  return t;
}

/* |y - F x| at some rows, against the norm of a whole row of the result divided by its root length. */
static void check_length(peri_ctx *cx, int64_t n, int64_t rows, int64_t bins) {
  peri_tensor *x = noise(cx, 2, (int64_t[]){rows, n});
  turn(n);
  for (int inverse = 0; inverse < 2; inverse++) {
    peri_tensor *y = MADE(peri_fft(x, 1, 0, inverse, PERI_FFT_NONE));
    uint64_t seed = (uint64_t)n;
    double error = 0, size = 0;
    int64_t row = rows / 2, count = bins < n ? bins : n;
    for (int64_t i = 0; i < count; i++) {
      int64_t k = count == n ? i : (int64_t)(support_next(&seed) % (uint64_t)n);
      long double z[2];
      coefficient((double *)x->data + 2 * row * n, n, k, inverse, z);
      const double *got = (double *)y->data + 2 * (row * n + k);
      error += (double)((got[0] - z[0]) * (got[0] - z[0]) + (got[1] - z[1]) * (got[1] - z[1]));
      size += (double)(z[0] * z[0] + z[1] * z[1]);
    }
    error = sqrt(error / size);
    if (!(error <= 4e-16 * fmax(1, log2((double)n)))) fail_msg("length %lld, %lld rows: error %g", (long long)n, (long long)rows, error);
    peri_release(y);
  }
  peri_release(x);
}

static void every_length_agrees_with_the_sum(void **state) {
  peri_ctx *cx = *state;
  for (int64_t n = 1; n <= 512; n++) check_length(cx, n, 1, n), check_length(cx, n, 9, n);
}

static void lengths_to_4096_agree_at_some_places(void **state) {
  peri_ctx *cx = *state;
  for (int64_t n = 513; n <= 4096; n++) check_length(cx, n, 1, 8);
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(every_length_agrees_with_the_sum), TEST(lengths_to_4096_agree_at_some_places)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
