/* polygamma.h - the derivatives of log Gamma, and the Hurwitz zeta function that they are made of. */
#ifndef PRI_POLYGAMMA_H
#define PRI_POLYGAMMA_H
#include <stdbool.h>

/* zeta(s, q) = sum_k (q + k)^-s for q > 0, continued analytically to s < 1; with `finite`, less its pole 1 / (s - 1), so s = 1 is
** allowed. For s > 1 the error is within a few units of extended precision; below, relative to (q + 10)^(1 - s). */
long double pri_hurwitz(long double s, long double q, bool finite);

/* psi(x); NaN at negative integers, -inf at +0, inf at -0. */
double pri_digamma(double x);

/* The n-th derivative of psi, n >= 0 an integer (for x < 0 at most 100; NaN otherwise). */
double pri_polygamma(double x, double n);

#endif
