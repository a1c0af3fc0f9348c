/* perigee/optim.h - optimisers: an object with its options and its state, stepped by a gradient; projections and
** proximal maps.
**
** An optimiser belongs to a context and holds its state in tensors of theta's shape and dtype (f32 or f64), made,
** zero, by the first step. A step is one pass over memory, split by the shape alone: bits depend neither on the
** processor nor on the threads. A gradient that holds NaN or infinities is used as it is: they enter theta and the
** state by the formulas. No step is skipped in silence; stop at the first non-finite loss, or clip, where that matters.
**
** With  d = g + weight_decay theta,  the methods are
**   sgd                theta -= lr d; with momentum m = mu m + d, theta -= lr m (nesterov: lr (d + mu m)): the
**                      momentum of the common libraries, the step size outside. Sutskever et al. (2013), as PyTorch's
**                      SGD without dampening.
**   heavy_ball         v = beta v - lr d, theta += v: Polyak (1964), v = theta_k - theta_{k-1}, the step size inside.
**                      The same iterates as sgd while lr is constant.
**   nesterov           theta is the point y where the gradient is taken, x the solution:
**                      x' = y - lr d,  y = x' + beta_k (x' - x).
**                      mu = 0: beta_k = (t_k - 1)/t_{k+1}, t_1 = 1, t_{k+1} = (1 + sqrt(1 + 4 t_k^2))/2, Nesterov (1983);
**                      mu > 0: beta = (1 - q)/(1 + q), q = sqrt(mu lr), Nesterov (2004), constant step scheme III.
**                      Both are the momentum form of the schemes with two iterates (x, z).
**   adam               m = b1 m + (1 - b1) d,  v = b2 v + (1 - b2) d^2,
**                      theta -= lr (m/(1 - b1^t)) / (sqrt(v/(1 - b2^t)) + eps):
**                      Kingma & Ba (2015), algorithm 1; weight decay is in the gradient. Without bias_correction both
**                      divisors are 1.
**   adamw              the same with theta = (1 - lr weight_decay) theta before, d = g: Loshchilov & Hutter (2019),
**                      with lr in the decay as PyTorch has it.
**   rmsprop            v = b2 v + (1 - b2) d^2, theta -= lr d / (sqrt(v) + eps): Tieleman & Hinton (2012). centred: v
**                      less the square of a running mean, Graves (2013). momentum: b = momentum b + d / (...),
**                      theta -= lr b. warm: v_1 = d_1^2.
**   adagrad            v += d^2, theta -= lr d / (sqrt(v) + eps): Duchi et al. (2011), diagonal. initial: v_0.
**   windowed_adagrad   v = sum of the last `window` d^2, theta -= lr d / sqrt(v + eps): as in PyMC3's adagrad_window.
** eps_inside puts eps under the root.
*/
#ifndef PERIGEE_OPTIM_H
#define PERIGEE_OPTIM_H

#include <perigee/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  PERI_SGD,
  PERI_HEAVY_BALL,
  PERI_NESTEROV,
  PERI_ADAM,
  PERI_ADAMW,
  PERI_RMSPROP,
  PERI_ADAGRAD,
  PERI_WINDOWED_ADAGRAD,
  PERI_OPTIMISERS
} peri_method;

/* What a method has no use for is ignored. */
typedef struct {
  double lr;           /* step size, >= 0 */
  double weight_decay; /* >= 0 */
  double momentum;     /* in [0, 1) */
  double beta1, beta2; /* in [0, 1); rmsprop's beta is beta2 */
  double eps;          /* >= 0 */
  double mu;           /* strong convexity, >= 0 */
  double initial;      /* of adagrad's sum, >= 0 */
  int64_t window;      /* >= 1 */
  bool nesterov, bias_correction, centred, eps_inside, warm;
} peri_optim_options;

typedef struct peri_optim peri_optim;
enum { PERI_OPTIM_SLOTS = 3, PERI_OPTIM_TEXT = 256 };

PERI_API const char *peri_optim_name(peri_method method);            /* "optim.sgd" */
PERI_API peri_optim_options peri_optim_defaults(peri_method method); /* lr < 0 where there is no usual one */

/* A new optimiser with a copy of these options. PERI_ERR_VALUE if one is outside its range. */
PERI_API peri_optim *peri_optim_new(peri_ctx *cx, peri_method method, const peri_optim_options *options);
PERI_API void peri_optim_free(peri_optim *o); /* NULL is fine */

/* One step of size lr (peri_optim_step: of options.lr), theta written in place. theta and g have one shape and dtype,
** f32 or f64, always those of the first step; g may be theta. All of theta is updated or nothing. PERI_ERR_SHAPE,
** PERI_ERR_DTYPE, PERI_ERR_VALUE (lr negative or not finite), PERI_ERR_STATE (theta or g recorded, or of another
** context), PERI_ERR_MEMORY, PERI_ERR_INTERRUPT. */
PERI_API peri_status peri_optim_step(peri_optim *o, peri_tensor *theta, peri_tensor *g);
PERI_API peri_status peri_optim_step_of(peri_optim *o, peri_tensor *theta, peri_tensor *g, double lr);

PERI_API void peri_optim_reset(peri_optim *o); /* as new: steps 0, no state */

PERI_API peri_method peri_optim_method(const peri_optim *o);
PERI_API const peri_optim_options *peri_optim_get(const peri_optim *o);
PERI_API int64_t peri_optim_steps(const peri_optim *o);
PERI_API double peri_optim_extra(const peri_optim *o); /* nesterov: t of the next step; else 0. Part of the state */

/* Slot i in 0..PERI_OPTIM_SLOTS-1: its name ("m"), NULL if these options have no such slot; *t is the tensor,
** borrowed, NULL before the first step. */
PERI_API const char *peri_optim_slot(const peri_optim *o, int i, peri_tensor **t);

/* The state becomes a copy of the given one; slots[i] NULL for all used slots if steps = 0. PERI_ERR_SHAPE or
** PERI_ERR_DTYPE if a slot fits neither the others nor the present state, PERI_ERR_VALUE for bad counters; *o is then
** unchanged. */
PERI_API peri_status peri_optim_load(peri_optim *o, int64_t steps, double extra, peri_tensor *const *slots);

/* "sgd: lr 0.1, momentum 0.9, 1200 steps". lr NULL: the number in the options. */
PERI_API void peri_optim_describe(const peri_optim *o, const char *lr, char text[PERI_OPTIM_TEXT]);

/* ---- projections and proximal maps: new tensors, differentiable wherever the map is ---- */

/* min(max(x, lo), hi); lo and hi broadcast to x, infinities allowed. PERI_ERR_VALUE if lo > hi somewhere. */
PERI_API peri_tensor *peri_project_box(peri_tensor *x, peri_tensor *lo, peri_tensor *hi);
/* The nearest point of  |x - centre|_2 <= radius  over all elements; radius >= 0, centre NULL: 0. */
PERI_API peri_tensor *peri_project_ball(peri_tensor *x, double radius, peri_tensor *centre);
/* The nearest point of  { x >= 0, sum x = total },  total > 0, along the last axis. Exact, O(n log n): Held, Wolfe &
** Crowder (1974). */
PERI_API peri_tensor *peri_project_simplex(peri_tensor *x, double total);
/* Prox of t |x|_1:  sign(x) max(|x| - t, 0);  t >= 0 broadcasts to x. */
PERI_API peri_tensor *peri_soft_threshold(peri_tensor *x, peri_tensor *t);
/* Prox of t sum h(x),  h(x) = x^2/2 for |x| <= delta, else delta (|x| - delta/2):  x - t clip(x/(1 + t), -delta,
** delta); t >= 0, delta >= 0. */
PERI_API peri_tensor *peri_huber_prox(peri_tensor *x, double t, double delta);

#ifdef __cplusplus
}
#endif
#endif
