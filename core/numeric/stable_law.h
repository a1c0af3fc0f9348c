/* stable_law.h - a stable law of unit scale at one point; what depends on the parameters alone is computed once. */
#ifndef PRI_STABLE_LAW_H
#define PRI_STABLE_LAW_H
#include <stdbool.h>

enum { PRI_STABLE_TERMS = 60, PRI_STABLE_GRID = 16, PRI_STABLE_RANGE = 48, PRI_STABLE_NODES = 2 * PRI_STABLE_GRID * PRI_STABLE_RANGE + 1 };

/* One point of the integral: angles from both ends, log g less its part in x, and its slope in v. */
typedef struct { double eps, delta, log_g, slope; } pri_stable_node;

/* Nodes already computed, at multiples of 1/PRI_STABLE_GRID; eps is 0 where there is none yet. Zeros make an empty one. */
typedef struct { pri_stable_node wide[PRI_STABLE_NODES], narrow[PRI_STABLE_NODES]; } pri_stable_cache;

/* The half line on one side of zeta: the angle runs over an interval of length `length`. */
typedef struct {
  double length, scaled;                                /* l, alpha l */
  double beyond, beyond_scaled;                         /* pi - l, pi - alpha l, not by subtraction where they are small */
  double tail[PRI_STABLE_TERMS];                        /* coefficients of the series in z^k, k = 1, 2, ... */
  double bound[PRI_STABLE_TERMS];                       /* of their absolute values */
} pri_stable_side;

typedef struct {
  double alpha, beta, e, sign;                          /* e = 1 - alpha; sign: x is mirrored so that zeta <= 0 */
  double zeta, tan_kappa, log_sin, log_cos;             /* -cot kappa, and of the angle kappa */
  pri_stable_side wide, narrow;                         /* above zeta and below it */
  pri_stable_cache *cache;                              /* or NULL; the caller's */
  bool flat;                                            /* |beta| = 1: one tail of the wide side is light, or ends at zeta */
} pri_stable_law;

typedef struct { double log_density, lower, upper; } pri_stable_value;

/* 0 < alpha <= 2, |beta| <= 1, unchecked. */
void pri_stable_law_of(pri_stable_law *l, double alpha, double beta);
/* At x of the form S0, or (centred false; alpha != 1 then) S1. */
pri_stable_value pri_stable_at(const pri_stable_law *l, double x, bool centred);
/* The x with P(X < x) = p and P(X > x) = q, p + q = 1, both in (0, 1). */
double pri_stable_point(const pri_stable_law *l, double p, double q, bool centred);

#endif
