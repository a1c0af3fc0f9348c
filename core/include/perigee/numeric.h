/* perigee/numeric.h - special functions, quadrature, roots, minima, least squares, differential equations.
**
** Each special function exists twice: peri_fn_NAME for numbers, and peri_NAME, a primitive that works elementwise on tensors with
** broadcasting, computes
** f64 and f32 in extended precision and rounds once, and has a gradient where a closed form exists. Outside their domain they are
** NaN; so are incomplete beta functions for a + b above 1e10, bessel_ie for orders and arguments above 1e8 with x < 2 nu^2, and bessel_ke for orders
** above 1e4, where the methods would take too long. Relative errors are at most 2e-16, unless a line says more, wherever the value is not near a zero of the
** function, except: beta_q for a < 1e-3 (1e-19/a, where it is small), polylog for x < 0 and s < -10, hurwitz_zeta for s < 1 (relative to (q+10)^(1-s)),
** orders above 100 in Bessel functions.
*/
#ifndef PERIGEE_NUMERIC_H
#define PERIGEE_NUMERIC_H

#include <perigee/op.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, help); "of order ...": no gradient in it. Of one number: */
#define PERI_SPECIAL1_LIST(X)                                                                                           \
  X(erfcx, "e^(x^2) erfc(x), which does not underflow, elementwise.")                                                   \
  X(log_normal_cdf, "log of the distribution function of N(0, 1), far into both tails, elementwise.")                   \
  X(log_normal_quantile, "The x with log_normal_cdf(x) = a; a <= 0, elementwise.")                                      \
  X(log1m_exp, "log(1 - e^x) for x <= 0 without cancellation, elementwise.")                                            \
  X(lambert_w, "Principal branch of Lambert's W, W e^W = x, W >= -1; x >= -1/e, elementwise.")                          \
  X(lambert_wm1, "The branch of Lambert's W below -1; -1/e <= x < 0, elementwise.")                                     \
  X(expint_e1, "Exponential integral E1(x), the integral of e^-t / t from x > 0 to infinity, elementwise.")             \
  X(zeta, "Riemann's zeta function for real arguments, elementwise; without gradient.")

/* of two: */
#define PERI_SPECIAL2_LIST(X)                                                                                           \
  X(log_beta, "a, b", "log B(a, b) = lgamma(a) + lgamma(b) - lgamma(a + b) without cancellation, elementwise.")         \
  X(gamma_p, "a, x", "Regularised incomplete gamma function P(a, x), the distribution function of Gamma(a, 1), elementwise; no gradient in a.") \
  X(gamma_q, "a, x", "1 - P(a, x) with full relative accuracy, elementwise; no gradient in a.")                         \
  X(log_gamma_p, "a, x", "log P(a, x), where P would underflow too, elementwise; no gradient in a.")                    \
  X(log_gamma_q, "a, x", "log Q(a, x), where Q would underflow too, elementwise; no gradient in a.")                    \
  X(gamma_p_inverse, "a, p", "The x with P(a, x) = p, a quantile of Gamma(a, 1), elementwise; no gradient in a.")       \
  X(gamma_q_inverse, "a, q", "The x with Q(a, x) = q, for the upper tail, elementwise; no gradient in a.")              \
  X(gamma_log_density, "a, x", "log density of Gamma(a, 1) at x, elementwise.")                                         \
  X(hurwitz_zeta, "s, q", "sum over k >= 0 of (q + k)^-s, continued to s > -10, q > 0, elementwise; no gradient in s.")  \
  X(polylog, "s, x", "Li_s(x) = sum over k >= 1 of x^k / k^s for real s and |x| <= 1, elementwise; no gradient in s.")  \
  X(log_add_exp, "a, b", "log(e^a + e^b), elementwise.")                                                                \
  X(log_diff_exp, "a, b", "log(e^a - e^b) for a >= b, elementwise.")                                                    \
  X(log_normal_interval, "a, b", "log(Phi(b) - Phi(a)), a <= b, without cancellation in tails and narrow intervals, elementwise.") \
  X(bessel_ie, "nu, x", "e^-x I_nu(x), modified Bessel function of the first kind, nu >= 0, x >= 0, elementwise; no gradient in nu.") \
  X(bessel_ke, "nu, x", "e^x K_nu(x), modified Bessel function of the second kind, x > 0, elementwise; no gradient in nu.")

/* of three: */
#define PERI_SPECIAL3_LIST(X)                                                                                           \
  X(beta_p, "a, b, x", "Regularised incomplete beta function I_x(a, b), the distribution function of Beta(a, b), elementwise; gradient in x only.") \
  X(beta_q, "a, b, x", "1 - I_x(a, b) with full relative accuracy, elementwise; gradient in x only.")                   \
  X(log_beta_p, "a, b, x", "log I_x(a, b), elementwise; gradient in x only.")                                           \
  X(log_beta_q, "a, b, x", "log(1 - I_x(a, b)), elementwise; gradient in x only.")                                      \
  X(beta_p_inverse, "a, b, p", "The x with I_x(a, b) = p, a quantile of Beta(a, b), elementwise; gradient in p only.")  \
  X(beta_q_inverse, "a, b, q", "The x with 1 - I_x(a, b) = q, elementwise; gradient in q only.")                        \
  X(beta_log_density, "a, b, x", "log density of Beta(a, b) at x, elementwise.")

#define PERI_DECLARE_SPECIAL1(name, help) PERI_API double peri_fn_##name(double); PERI_API peri_tensor *peri_##name(peri_tensor *a);
#define PERI_DECLARE_SPECIAL2(name, operands, help)                                                                     \
  PERI_API double peri_fn_##name(double, double); PERI_API peri_tensor *peri_##name(peri_tensor *a, peri_tensor *b);
#define PERI_DECLARE_SPECIAL3(name, operands, help)                                                                     \
  PERI_API double peri_fn_##name(double, double, double); PERI_API peri_tensor *peri_##name(peri_tensor *a, peri_tensor *b, peri_tensor *c);
PERI_SPECIAL1_LIST(PERI_DECLARE_SPECIAL1)
PERI_SPECIAL2_LIST(PERI_DECLARE_SPECIAL2)
PERI_SPECIAL3_LIST(PERI_DECLARE_SPECIAL3)
PERI_API double peri_fn_digamma(double x);
PERI_API double peri_fn_polygamma(double x, double n);

/* The descriptors of the above, ended by NULL. */
PERI_API const peri_op *const *peri_special_ops(void);

#ifdef __cplusplus
}
#endif
#endif
