/* perigee/diag.h - diagnostics: what theory says of a run, computed exactly.
**
** Moments of the continuized iteration on a quadratic (Even et al. 2021; equations in core/diag/moments.c). Coordinates are
** those of the eigenvectors, relative to the minimiser, and do not interact: f = sum_i lambda_i x_i^2 / 2, and of each
** direction the state is m = (E x^2, E xz, E z^2). Two points x and z mix by
**     dx = eta (z - x) dt,  dz = eta' (x - z) dt
** and take at the jumps T_1 < T_2 < ... of a Poisson clock of rate 1 the steps x -= gamma g, z -= gamma' g, where
** g = lambda x + noise and the noise of direction i has mean 0 and variance s_i^2, fresh at each jump.
*/
#ifndef PERIGEE_DIAG_H
#define PERIGEE_DIAG_H

#include <perigee/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The problem, and constant parameters (the strongly convex case: eta = eta' = theta = sqrt(mu / L), gamma = 1 / L,
** gamma' = 1 / sqrt(mu L)). Tensors are (n), or 0-d for the same value in every direction; borrowed during the call. */
typedef struct {
  peri_tensor *lambda;   /* curvatures, >= 0; (n) */
  peri_tensor *x0, *z0;  /* the start, relative to the minimiser; z0 NULL: x0 */
  peri_tensor *variance; /* s_i^2 >= 0; NULL: no noise */
  double theta;          /* > 0 */
  double gamma, gammap;  /* finite */
} peri_quadratic;

/* Moments just after jump number ks[j] (0: the start), (count, n, 3) f64. With rate r, 0 <= r < 1, those weighted by e^(r T_k):
** E[e^(r T_k) m]; r = 0 are the plain ones. PERI_ERR_VALUE for a k below 0 or above 10^15. */
PERI_API peri_tensor *peri_moments_at_jumps(const peri_quadratic *q, int64_t count, const int64_t *ks, double rate);

/* Moments at times ts[j] >= 0, (count, n, 3), through the matrix exponential. */
PERI_API peri_tensor *peri_moments_at_times(const peri_quadratic *q, int64_t count, const double *ts);

/* The limit of the moments, (n, 3): just after jumps, or (in_time) at a fixed time, which is also just before jumps.
** PERI_ERR_NUMERIC if a direction does not contract. */
PERI_API peri_tensor *peri_moments_stationary(const peri_quadratic *q, bool in_time);

/* Spectral radius of the map from the moments after one jump to those after the next, (n): below 1 the direction converges. */
PERI_API peri_tensor *peri_moments_contraction(const peri_quadratic *q);

/* The convex case, whose parameters follow the clock: eta = 2 / t, eta' = 0, gamma = 1 / L, gamma' = t / (2 L); theta, gamma and
** gammap of q are not read, L > 0. Moments at increasing times ts[j] >= 0, (count, n, 3), by an adaptive Runge-Kutta
** method with relative error per step 1e-11. At t = 0 the mixing is infinitely fast: x(0+) = z0, whatever x0. */
PERI_API peri_tensor *peri_moments_convex(const peri_quadratic *q, double L, int64_t count, const double *ts);

/* E f = sum_i lambda_i m_i1 / 2 over the last two axes of moments (..., n, 3); (...) f64. */
PERI_API peri_tensor *peri_moments_value(peri_tensor *lambda, peri_tensor *moments);

/* ---- multiplicative noise: least squares with an exact solution, and gossip ---- */

/* The same iteration with the gradient g = a <a, x> of one random row a, fresh at each jump, x relative to the solution. The law
** of a is one of three; give its tensor and leave the others NULL:
**     h      (n), >= 0: a ~ N(0, diag h), in the coordinates of the eigenvectors of H = E a a^T;
**     rows   (m, n): a is row e with probability weights[e] / sum weights;
**     edges  (m, 2) i64, pairs of different nodes from 0, of `nodes` in all: a = e_v - e_w, with the same probabilities.
** gossip is edges with x relative to the average. theta = gammap = 0 is plain stochastic gradient descent, and simple gossip if
** gamma = 1/2. Memory: O(n) for h, O(n^2) otherwise; a jump costs O(n), O(n^2 (m + n)), O(n (m + n)). */
typedef struct {
  peri_tensor *h, *rows, *edges;
  int64_t nodes;
  peri_tensor *weights;        /* of rows or edges, (m), >= 0; NULL: equal */
  peri_tensor *x0, *z0;        /* (n), or 0-d for the same in every direction; z0 NULL: x0 */
  double theta, gamma, gammap; /* theta >= 0, all finite */
} peri_design;

/* (E x_i^2, E x_i z_i, E z_i^2) just after jump number ks[j], weighted by e^(rate T_k), 0 <= rate < 1: (count, n, 3) f64. The work
** is that of the largest k; ks that decrease start again. PERI_ERR_NUMERIC if moments overflow. */
PERI_API peri_tensor *peri_design_at_jumps(const peri_design *d, int64_t count, const int64_t *ks, double rate);

/* The same at times ts[j], by uniformisation (core/diag/design.c), about 1 + 4 theta applications of the jump a unit of time. */
PERI_API peri_tensor *peri_design_at_times(const peri_design *d, int64_t count, const double *ts);

/* ---- tails ---- */

/* mean[0] = (1/N) sum_j log(|x_j| + 2^-52) over the rows of x (N, d), f32 or f64, and mean[1 + c] the same over the sums of its N / m[c] blocks of
** m[c] rows; sizes increase and divide N. order: (N) rows from 0 as the blocks take them, or NULL. All sizes in one reading: core/diag/blocks.c. */
PERI_API peri_status peri_block_logs(peri_tensor *x, const int64_t *order, int count, const int64_t *m, double *mean);

#ifdef __cplusplus
}
#endif
#endif
