/* variants.h - the kernel tables that this processor can run, best first, and numbers to feed them. */
#ifndef PERIGEE_TESTS_VARIANTS_H
#define PERIGEE_TESTS_VARIANTS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "kernels/kernels.h"

enum { VARIANTS = 3 };

/* Fills tables, returns how many there are; the baseline is always the last. */
static inline int variants(const pri_kernels *tables[VARIANTS]) {
  static const char *const names[VARIANTS] = {"avx512", "avx2", "baseline"};
  int n = 0;
  for (int i = 0; i < VARIANTS; i++) {
    const pri_kernels *k = pri_kernels_select(names[i]);
    if (k) tables[n++] = k;
    else print_message("this processor cannot run %s\n", names[i]);
  }
  return n;
}

/* SplitMix64, so that the arguments do not come from what is being tested. */
static inline uint64_t next_word(uint64_t *s) {
  uint64_t z = (*s += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}
static inline double next_unit(uint64_t *s) { return (double)(next_word(s) >> 11) * 0x1p-53; }

static inline void *bytes(size_t n) {
  void *p = malloc(n ? n : 1);
  if (!p) fail_msg("no memory for %zu bytes", n);
  return p;
}

static inline uint64_t bits64(double x) { uint64_t u; memcpy(&u, &x, 8); return u; }

/* |got - want| in units of the last place of want as a double; zero signs, infinities and NaN must agree. */
static inline double ulps(double got, long double want) {
  double w = (double)want;
  int e;
  if (isnan(w) || isnan(got)) return isnan(w) && isnan(got) ? 0 : INFINITY;
  if (isinf(w) || isinf(got)) return w == got ? 0 : INFINITY;
  if (w == 0 && got == 0) return !signbit(w) == !signbit(got) ? 0 : INFINITY;
  frexpl(want, &e);
  if (e < -1021) e = -1021;
  return (double)(fabsl(got - want) / ldexpl(1, e - 53));
}

#endif
