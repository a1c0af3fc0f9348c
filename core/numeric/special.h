/* special.h - what the special functions share. They compute in extended precision (64 bits of mantissa) and round once. */
#ifndef PRI_SPECIAL_H
#define PRI_SPECIAL_H
#include <math.h>
#include <perigee/numeric.h>
#include <stdbool.h>

#define PRI_PI 3.14159265358979323846264338327950288L
#define PRI_LN2 0.693147180559945309417232121458176568L
#define PRI_EULER 0.577215664901532860606512090082402431L
#define PRI_HALF_LOG_2PI 0.918938533204672741780329736405617640L

/* One of two complementary probabilities p + q = 1, the one that is not near 1 by cancellation: log_d + log(factor). */
typedef struct {
  bool lower;         /* it is p */
  bool invalid;
  long double log_d;  /* of the density's part, which may be far below the smallest number */
  long double factor;
} pri_tail;

double pri_tail_of(const pri_tail *t, bool lower);      /* p or q */
long double pri_log_tail(const pri_tail *t, bool lower); /* its logarithm */

pri_tail pri_gamma_tail(double a, long double x);
pri_tail pri_beta_tail(double a, double b, long double x, long double y); /* y = 1 - x */

long double pri_log1p_gamma(long double a);        /* log Gamma(1 + a), relative accuracy near a = 0 */
long double pri_stirling_rest(long double a);      /* log Gamma(a) - (a - 1/2) log a + a - log(2 pi)/2 */
long double pri_log_excess(long double m, long double ratio); /* m - log(ratio) >= 0 without cancellation; ratio = 1 + m > 0 */
long double pri_gamma_log_d(double a, long double x);                          /* log(x^a e^-x / Gamma(a)) */
long double pri_beta_log_d(double a, double b, long double x, long double y);  /* log(x^a y^b / B(a, b)) */
long double pri_erfcx(long double z);              /* e^(z^2) erfc z */
long double pri_log_cdf(long double x);            /* log Phi(x) */
long double pri_log_quantile(long double log_p);   /* the x <= 0 with log Phi(x) = log_p, log_p <= log(1/2) */
long double pri_riemann(long double s, bool finite); /* zeta(s), less 1/(s - 1) if finite */

#endif
