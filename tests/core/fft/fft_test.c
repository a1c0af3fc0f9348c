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

static peri_tensor *real_noise(peri_ctx *cx, int nd, const int64_t *dims) {
  peri_tensor *t = MADE(peri_new(cx, PERI_F64, nd, dims));
  uint64_t seed = 19;
  for (int64_t i = 0; i < t->size; i++) ((double *)t->data)[i] = support_uniform(&seed);
  return t;
}

static double distance(const peri_tensor *a, const peri_tensor *b) { /* |a - b| / |a|, of c128 or f64 */
  double error = 0, size = 0;
  assert_int_equal(a->size, b->size);
  for (int64_t i = 0, n = a->size * (a->dtype == PERI_C128 ? 2 : 1); i < n; i++) {
    double x = ((double *)a->data)[i], y = ((double *)b->data)[i];
    error += (x - y) * (x - y), size += x * x;
  }
  return sqrt(error / size);
}

/* rows real sequences of n numbers, along an axis of stride 1 or not, against the complex transform and the sum; and back. */
static void check_real(peri_ctx *cx, int64_t n, int64_t rows, bool across) {
  peri_tensor *x = real_noise(cx, 2, (int64_t[]){across ? n : rows, across ? rows : n});
  int64_t axis = across ? 0 : 1, half = n / 2 + 1, row = rows - 1;
  peri_tensor *y = MADE(peri_rfft(x, axis, 0, PERI_FFT_ORTHO)), *back = MADE(peri_irfft(y, axis, n, PERI_FFT_ORTHO));
  double error = 0, size = 0, root = sqrt((double)n), bound = 4e-16 * fmax(1, log2((double)n));
  double *line = calloc((size_t)(2 * n), sizeof *line);
  for (int64_t j = 0; j < n; j++) line[2 * j] = ((double *)x->data)[across ? j * rows + row : row * n + j];
  turn(n);
  assert_int_equal(y->dims[axis], half);
  for (int64_t k = 0; k < half; k++) {
    long double z[2];
    coefficient(line, n, k, false, z);
    const double *got = (double *)y->data + 2 * (across ? k * rows + row : row * half + k);
    double re = got[0] * root - (double)z[0], im = got[1] * root - (double)z[1];
    error += re * re + im * im;
    size += (double)(z[0] * z[0] + z[1] * z[1]);
  }
  free(line);
  if (!(sqrt(error / size) <= 1.5 * bound)) fail_msg("real, length %lld, %lld rows: error %g", (long long)n, (long long)rows, sqrt(error / size));
  if (!(distance(x, back) <= 3 * bound)) fail_msg("real, length %lld, %lld rows: %g after the way back", (long long)n, (long long)rows, distance(x, back));
  peri_release(x), peri_release(y), peri_release(back);
}

static void real_sequences_agree_with_the_sum(void **state) {
  peri_ctx *cx = *state;
  for (int64_t n = 1; n <= 160; n++)
    for (int across = 0; across < 2; across++) check_real(cx, n, 1, across), check_real(cx, n, 11, across);
  for (int64_t n = 510; n <= 520; n++) check_real(cx, n, 5, false);
  check_real(cx, 1 << 13, 1, false);
}

/* What is given back is the real part: imaginary parts where the law of real sequences allows none do not matter. */
static void coefficients_that_belong_to_no_real_sequence_lose_what_does_not(void **state) {
  peri_ctx *cx = *state;
  for (int64_t n = 1; n <= 20; n++) {
    int64_t half = n / 2 + 1;
    peri_tensor *x = noise(cx, 1, &half), *a = MADE(peri_irfft(x, 0, n, PERI_FFT_BACKWARD));
    double *z = x->data;
    z[1] = 0;
    if (n % 2 == 0) z[2 * half - 1] = 0;
    peri_tensor *b = MADE(peri_irfft(x, 0, n, PERI_FFT_BACKWARD)), *c = MADE(peri_rfft(b, 0, 0, PERI_FFT_BACKWARD));
    assert_true(distance(a, b) < 1e-15);
    assert_true(distance(x, c) < 2e-15);
    peri_release(x), peri_release(a), peri_release(b), peri_release(c);
  }
}

static void three_axes_agree_with_the_triple_sum(void **state) {
  peri_ctx *cx = *state;
  const int64_t dims[] = {6, 5, 8}, count = 240;
  peri_tensor *x = noise(cx, 3, dims), *y = MADE(peri_fftn(x, 0, false, PERI_FFT_BACKWARD)), *want = MADE(peri_new(cx, PERI_C128, 3, dims));
  for (int64_t k = 0; k < count; k++) {
    long double re = 0, im = 0;
    for (int64_t j = 0; j < count; j++) {
      long double turns = (long double)((k / 40) * (j / 40)) / 6 + (long double)(k / 8 % 5 * (j / 8 % 5)) / 5 + (long double)(k % 8 * (j % 8)) / 8;
      long double a = -6.283185307179586476925286766559005768L * turns, c = cosl(a), s = sinl(a);
      const double *z = (double *)x->data + 2 * j;
      re += z[0] * c - z[1] * s, im += z[0] * s + z[1] * c;
    }
    ((double *)want->data)[2 * k] = (double)re, ((double *)want->data)[2 * k + 1] = (double)im;
  }
  assert_true(distance(want, y) < 1e-15);
  peri_release(x), peri_release(y), peri_release(want);
}

static void long_ones_agree_at_some_places(void **state) {
  static const int64_t lengths[] = {5000, 8192, 9973, 12288, 16384, 16381, 15625};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) check_length(*state, lengths[i], 1, 24);
}

static peri_tensor *on(int threads, bool real) { /* a transform of three axes, or of one of a real tensor; its context stays open */
  peri_ctx *cx = peri_open(&(peri_config){.threads = threads});
  const int64_t dims[] = {40, 36, 50};
  peri_tensor *x = (real ? real_noise : noise)(cx, 3, dims), *y;
  y = real ? MADE(peri_rfft(x, 2, 0, PERI_FFT_ORTHO)) : MADE(peri_fftn(x, 0, false, PERI_FFT_ORTHO));
  peri_release(x);
  return y;
}

static void threads_do_not_change_a_bit(void **state) {
  (void)state;
  for (int real = 0; real < 2; real++) {
    peri_tensor *x = on(1, real), *y = on(2, real);
    peri_ctx *one = x->cx, *two = y->cx;
    assert_memory_equal(x->data, y->data, (size_t)x->size * 16);
    peri_release(x);
    peri_release(y);
    peri_close(one);
    peri_close(two);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(every_length_agrees_with_the_sum), TEST(lengths_to_4096_agree_at_some_places),
                                     TEST(real_sequences_agree_with_the_sum), TEST(coefficients_that_belong_to_no_real_sequence_lose_what_does_not),
                                     TEST(three_axes_agree_with_the_triple_sum), TEST(long_ones_agree_at_some_places), TEST(threads_do_not_change_a_bit)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
