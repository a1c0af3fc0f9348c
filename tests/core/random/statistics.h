/* statistics.h - what the statistical tests share. All use five standard errors, or a tail of the same 5.7e-7. */
#ifndef PERIGEE_TESTS_STATISTICS_H
#define PERIGEE_TESTS_STATISTICS_H

#include <stdlib.h>
#include "support.h"

static inline int stat_by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* sqrt(n) sup |F_n - F| for a continuous law; sorts x. P(K > 2.75) = 2 exp(-2 2.75^2) = 5.4e-7. */
#define KS_BOUND 2.75
static inline double stat_ks(double *x, int64_t n, double (*cdf)(double x, const double *p), const double *p) {
  double d = 0;
  qsort(x, (size_t)n, sizeof *x, stat_by_value);
  for (int64_t i = 0; i < n; i++) {
    double f = cdf(x[i], p), hi = (double)(i + 1) / (double)n - f, lo = f - (double)i / (double)n;
    d = fmax(d, fmax(hi, lo));
  }
  return d * sqrt((double)n);
}

/* A chi-square value of df degrees as a standard normal (Wilson and Hilferty). */
static inline double stat_chi_z(double chi2, double df) {
  double v = 2 / (9 * df);
  return (cbrt(chi2 / df) - (1 - v)) / sqrt(v);
}

/* Pearson's statistic of n counts against probabilities; cells of fewer than 10 expected are merged with their
** neighbours. As a standard normal. */
static inline double stat_pearson(const int64_t *count, const double *p, int cells, double n) {
  double chi2 = 0, expected = 0, seen = 0;
  int df = -1;
  for (int i = 0; i < cells; i++) {
    expected += n * p[i], seen += (double)count[i];
    if (expected < 10 && i + 1 < cells) continue;
    if (expected > 0) chi2 += (seen - expected) * (seen - expected) / expected, df++;
    expected = seen = 0;
  }
  return df > 0 ? stat_chi_z(chi2, df) : 0;
}

#endif
