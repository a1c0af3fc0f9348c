/* perigee/numeric.h - special functions, quadrature, roots, minima, least squares, differential equations.
**
** Each special function exists twice: peri_fn_NAME for numbers, and peri_NAME, a primitive that works elementwise on tensors with
** broadcasting, computes
** f64 and f32 in extended precision and rounds once, and has a gradient where a closed form exists. Outside their domain they are
** NaN; so are incomplete beta functions for a + b above 1e10, bessel_ie for orders and arguments above 1e8 with x < 2 nu^2, and
** bessel_ke for orders
** above 1e4, where the methods would take too long. Relative errors are at most 2e-16, unless a line says more, wherever the value is
** not near a zero of the
** function, except: beta_q for a < 1e-3 (1e-19/a, where it is small), polylog for x < 0 and s < -10, hurwitz_zeta for s < 1 (relative to
** (q+10)^(1-s)),
** orders above 100 in Bessel functions.
*/
#ifndef PERIGEE_NUMERIC_H
#define PERIGEE_NUMERIC_H

#include <perigee/op.h>
#include <stdbool.h>

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

/* Stable laws, 0 < alpha <= 2, -1 <= beta <= 1, scale > 0: the parameters of peri_stable in perigee/random.h, form S1 or S0. The result is a
** new tensor of the shape and dtype (f64 or f32) of x. Relative errors are below 1e-9 everywhere, typically 1e-12, where the parameters
** themselves determine the value so well: in S1 an error of one rounding in x grows like 1/|1 - alpha|; S0 does not. The log density goes on
** where the density underflows. Quantiles of 0 and 1 are the ends of the support. PERI_ERR_VALUE for parameters or probabilities out of
** range, PERI_ERR_DTYPE. Source: Zolotarev's integral, Nolan, Comm. Statist. Stoch. Models 13 (1997). */
typedef enum { PERI_STABLE_LOG_DENSITY, PERI_STABLE_CDF, PERI_STABLE_UPPER, PERI_STABLE_QUANTILE, PERI_STABLE_UPPER_QUANTILE } peri_stable_part;
typedef struct { double alpha, beta, scale, location; bool s0; } peri_stable_parameters;
PERI_API peri_tensor *peri_stable_values(peri_tensor *x, peri_stable_part part, const peri_stable_parameters *p);

/* ---- what follows calls the host's functions ----
**
** A callback writes its result and returns PERI_OK, or another status, which ends the computation and is returned untouched. Where it
** writes NaN or
** infinity the computation fails with PERI_ERR_NUMERIC and a message that says where. Interrupts are seen between calls. Options of 0
** have the default that is named. */
typedef peri_status (*peri_number_fn)(void *ud, double x, double *y);
typedef peri_status (*peri_slope_fn)(void *ud, double x, double *y, double *dy);

/* Integral of f from a to b, either of which may be infinite; b < a changes the sign. PERI_ERR_NUMERIC if max(abs_tol, rel_tol |value|)
** is not
** reached; *r holds the best value all the same. */
typedef struct {
  double abs_tol, rel_tol;      /* 1e-12, 1e-10; one may be 0 if the other is not */
  int64_t max_evaluations;      /* 200 000 */
  const double *breaks;         /* points inside (a, b) where f or a derivative jumps */
  int64_t n_breaks;
  bool tanh_sinh;               /* for singular end points, at which f is not called; else adaptive Gauss-Kronrod 10-21 */
} peri_quadrature;
typedef struct { double value, error; int64_t evaluations; } peri_integral;
PERI_API peri_status peri_integrate(peri_ctx *cx, peri_number_fn f, void *ud, double a, double b, const peri_quadrature *opt, peri_integral *r);

/* Gauss's rule of n points for a weight: nodes (n) increasing, weights (n) and their logarithms (n), which do not underflow; any may be NULL. */
typedef enum {
  PERI_GAUSS_LEGENDRE,  /* 1 on [-1, 1] */
  PERI_GAUSS_LAGUERRE,  /* x^alpha e^-x on [0, inf), alpha > -1 */
  PERI_GAUSS_HERMITE,   /* e^-x^2 on the real line */
  PERI_GAUSS_JACOBI     /* (1-x)^alpha (1+x)^beta on [-1, 1], alpha, beta > -1 */
} peri_gauss_kind;
PERI_API peri_status peri_gauss(peri_ctx *cx, peri_gauss_kind kind, int64_t n, double alpha, double beta, double *nodes, double *weights, double *log_weights);

/* The zero of a continuous f between a and b, where f must have opposite signs (or be 0), by Brent's method, to within x_tol + 4 eps |x|. */
typedef struct { double x_tol; int64_t max_iterations; } peri_search; /* 0: as far as doubles go; 200 */
PERI_API peri_status peri_root(peri_ctx *cx, peri_number_fn f, void *ud, double a, double b, const peri_search *opt, double *x);
/* The same by Newton's steps, which f's derivative gives, halving the bracket where they leave it or are slow. */
PERI_API peri_status peri_newton(peri_ctx *cx, peri_slope_fn f, void *ud, double a, double b, const peri_search *opt, double *x);
/* Widens [*a, *b] geometrically, up to [lo, hi], until f changes sign over it. */
PERI_API peri_status peri_bracket(peri_ctx *cx, peri_number_fn f, void *ud, double *a, double *b, double lo, double hi);
/* A local minimum of f in [a, b], by Brent's parabolas or, with golden, sections only: to within x_tol (1e-8) (1 + |x|), below which f is flat to rounding. */
PERI_API peri_status peri_minimise(peri_ctx *cx, peri_number_fn f, void *ud, double a, double b, bool golden, const peri_search *opt, double *x, double *fx);

/* A minimum of a function of n variables without derivatives, by Nelder and Mead's simplex with coefficients that depend on n. x holds
** the start
** and the result. Ends when the simplex is smaller than x_tol and its values agree within f_tol. */
typedef peri_status (*peri_vector_fn)(void *ud, const double *x, double *y);
typedef struct { double step, x_tol, f_tol; int64_t max_evaluations; } peri_simplex; /* 0.1 (1 + |x|), 1e-8, 1e-12, 1000 n */
PERI_API peri_status peri_nelder_mead(peri_ctx *cx, peri_vector_fn f, void *ud, int64_t n, double *x, const peri_simplex *opt, double *fx, int64_t *evaluations);

/* min |r(theta)|^2 over theta in R^n, r in R^m, by Levenberg and Marquardt. The callback writes r (m) and, if J is not NULL, the
** Jacobian J (m, n) in C order.
** theta holds the start and the result. lower, upper (n): bounds, or NULL. covariance (n, n): s^2 (J^T J)^+, s^2 = |r|^2 / (m - rank),
** or NULL; scaled
** by s^2 = 1 where m = rank. Variables at a bound count as constants there. */
typedef peri_status (*peri_residual_fn)(void *ud, const double *theta, double *r, double *J);
typedef struct {
  double f_tol, x_tol, g_tol;   /* relative change of |r|^2 (1e-14) and theta (1e-12); cosine between r and the columns of J (1e-12) */
  int64_t max_iterations;       /* 200 */
  const double *lower, *upper;
} peri_least_squares;
typedef struct { double rss, largest; int64_t iterations, evaluations, rank; } peri_fit_report; /* |r|^2, max |r_i|; calls; rank of J */
PERI_API peri_status peri_fit(peri_ctx *cx, peri_residual_fn f, void *ud, int64_t m, int64_t n, double *theta, const peri_least_squares *opt,
                              double *covariance, peri_fit_report *report);
/* F(x) = 0, n equations in n unknowns, by the same damped steps; PERI_ERR_NUMERIC if they end where max |F| exceeds tol (1e-10). */
PERI_API peri_status peri_solve_system(peri_ctx *cx, peri_residual_fn f, void *ud, int64_t n, double *x, double tol, peri_fit_report *report);

/* y' = f(t, y), y in R^n: states at n_times times, monotone in either direction from the first, at which y0 holds. out is (n_times, n).
** Dormand and
** Prince's pair of orders 5 and 4 with their interpolant of order 4, error per step within abs_tol + rel_tol |y|; with `steps` > 0 the
** classical method of order 4 instead,
** that many equal steps from each time to the next. */
typedef peri_status (*peri_field_fn)(void *ud, double t, const double *y, double *dy);
typedef struct { double rel_tol, abs_tol, first_step, max_step; int64_t max_steps, steps; } peri_ode_options; /* 1e-8, 1e-10, found, none, 10^6 */
typedef struct { int64_t accepted, rejected, evaluations; } peri_ode_report;
PERI_API peri_status peri_ode(peri_ctx *cx, peri_field_fn f, void *ud, int64_t n, const double *y0, int64_t n_times, const double *times,
                              const peri_ode_options *opt, double *out, peri_ode_report *report);

#ifdef __cplusplus
}
#endif
#endif
