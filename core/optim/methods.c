/* methods.c - the rows of the methods: options, state, coefficients of a step. The recursions stand in
** perigee/optim.h, the loops over elements in kernels/wide/optim.c.
*/
#include "optim/optim.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

peri_status pri_within(peri_ctx *cx, const char *who, const char *name, double x, double lo, double hi) {
  if (x >= lo && x < hi) return PERI_OK;
  if (isinf(hi)) return peri_fail(cx, PERI_ERR_VALUE, "%s: %s must be finite and >= %g, got %g", who, name, lo, x);
  return peri_fail(cx, PERI_ERR_VALUE, "%s: %s must lie in [%g, %g), got %g", who, name, lo, hi, x);
}

static void append(char *text, size_t size, const char *fmt, ...) PERI_PRINTF(3, 4);
static void append(char *text, size_t size, const char *fmt, ...) {
  size_t used = strlen(text);
  va_list args;
  va_start(args, fmt);
  vsnprintf(text + used, size - used, fmt, args);
  va_end(args);
}

static unsigned one_slot(const peri_optim_options *p) {
  (void)p;
  return 1;
}
static unsigned two_slots(const peri_optim_options *p) {
  (void)p;
  return 3;
}
static peri_status check_momentum(peri_ctx *cx, const char *who, const peri_optim_options *p) {
  return pri_within(cx, who, "momentum", p->momentum, 0, 1);
}
static void describe_momentum(const peri_optim_options *p, char *text, size_t size) {
  if (p->momentum != 0) append(text, size, ", momentum %.6g", p->momentum);
}

/* ---- sgd, heavy ball ---- */

static peri_status sgd_check(peri_ctx *cx, const char *who, const peri_optim_options *p) {
  if (check_momentum(cx, who, p)) return cx->code;
  if (p->nesterov && p->momentum == 0)
    return peri_fail(cx, PERI_ERR_VALUE, "%s: nesterov = true needs a momentum above 0", who);
  return PERI_OK;
}
static unsigned sgd_uses(const peri_optim_options *p) { return p->momentum != 0; }
static int sgd_kernel(const peri_optim_options *p) { return p->momentum != 0 ? PRI_STEP_momentum : PRI_STEP_sgd; }
static void sgd_describe(const peri_optim_options *p, char *text, size_t size) {
  describe_momentum(p, text, size);
  if (p->nesterov) append(text, size, ", nesterov");
}
static int heavy_ball_kernel(const peri_optim_options *p) {
  (void)p;
  return PRI_STEP_heavy_ball;
}

/* ---- nesterov ---- */

static peri_status nesterov_check(peri_ctx *cx, const char *who, const peri_optim_options *p) {
  return pri_within(cx, who, "mu", p->mu, 0, INFINITY);
}
static int nesterov_kernel(const peri_optim_options *p) {
  (void)p;
  return PRI_STEP_nesterov;
}
static peri_status nesterov_prepare(const peri_optim *o, pri_step_args *a, double *next) {
  double mu = o->options.mu, t = o->extra < 1 ? 1 : o->extra, q = sqrt(mu * a->lr);
  if (!(q <= 1))
    return peri_fail(o->cx, PERI_ERR_VALUE,
                     "optim.nesterov: mu lr must be at most 1 (lr is at most 1/L, L at least mu), got %g", mu * a->lr);
  *next = (1 + sqrt(1 + 4 * t * t)) / 2;
  a->momentum = mu > 0 ? (1 - q) / (1 + q) : (t - 1) / *next;
  return PERI_OK;
}
static void nesterov_describe(const peri_optim_options *p, char *text, size_t size) {
  if (p->mu > 0) append(text, size, ", mu %.6g", p->mu);
}

/* ---- adam ---- */

static peri_status adam_check(peri_ctx *cx, const char *who, const peri_optim_options *p) {
  if (pri_within(cx, who, "beta1", p->beta1, 0, 1) || pri_within(cx, who, "beta2", p->beta2, 0, 1)) return cx->code;
  return PERI_OK;
}
static int adam_kernel(const peri_optim_options *p) {
  (void)p;
  return PRI_STEP_adam;
}
/* lr and the root's scale take up the bias corrections, 1 - beta^t for the step number t. */
static peri_status adam_prepare(const peri_optim *o, pri_step_args *a, double *next) {
  const peri_optim_options *p = &o->options;
  double t = (double)o->steps + 1;
  (void)next;
  a->eps = p->eps; /* there is no form with eps under the root */
  if (o->method == PERI_ADAMW) {
    a->shrink = 1 - a->lr * a->decay;
    a->decay = 0;
  }
  if (p->bias_correction) {
    a->lr /= 1 - pow(p->beta1, t);
    a->scale = 1 / sqrt(1 - pow(p->beta2, t));
  }
  return PERI_OK;
}
static void adam_describe(const peri_optim_options *p, char *text, size_t size) {
  append(text, size, ", beta1 %.6g, beta2 %.6g", p->beta1, p->beta2);
  if (!p->bias_correction) append(text, size, ", no bias correction");
}

/* ---- rmsprop ---- */

static peri_status rmsprop_check(peri_ctx *cx, const char *who, const peri_optim_options *p) {
  if (pri_within(cx, who, "beta", p->beta2, 0, 1)) return cx->code;
  return check_momentum(cx, who, p);
}
static unsigned rmsprop_uses(const peri_optim_options *p) {
  return 1u | (p->centred ? 2u : 0) | (p->momentum != 0 ? 4u : 0);
}
static int rmsprop_kernel(const peri_optim_options *p) {
  (void)p;
  return PRI_STEP_rmsprop;
}
static peri_status rmsprop_prepare(const peri_optim *o, pri_step_args *a, double *next) {
  (void)next;
  if (o->options.warm && o->steps == 0) a->beta2 = 0, a->rest2 = 1;
  return PERI_OK;
}
static void rmsprop_describe(const peri_optim_options *p, char *text, size_t size) {
  append(text, size, ", beta %.6g", p->beta2);
  describe_momentum(p, text, size);
  if (p->centred) append(text, size, ", centred");
}

/* ---- adagrad ---- */

static peri_status adagrad_check(peri_ctx *cx, const char *who, const peri_optim_options *p) {
  return pri_within(cx, who, "initial", p->initial, 0, INFINITY);
}
static int adagrad_kernel(const peri_optim_options *p) {
  (void)p;
  return PRI_STEP_adagrad;
}
static peri_status window_check(peri_ctx *cx, const char *who, const peri_optim_options *p) {
  if (p->window >= 1) return PERI_OK;
  return peri_fail(cx, PERI_ERR_VALUE, "%s: window must be at least 1, got %lld", who, (long long)p->window);
}
static int window_kernel(const peri_optim_options *p) {
  (void)p;
  return PRI_STEP_window;
}
static peri_status window_prepare(const peri_optim *o, pri_step_args *a, double *next) {
  (void)next;
  a->window = o->options.window;
  a->row = o->steps % a->window;
  return PERI_OK;
}
static void window_describe(const peri_optim_options *p, char *text, size_t size) {
  append(text, size, ", window %lld", (long long)p->window);
}

const pri_method pri_methods[PERI_OPTIMISERS] = {
    [PERI_SGD] = {"optim.sgd", {"momentum"}, {.lr = -1}, sgd_check, sgd_uses, sgd_kernel, NULL, sgd_describe},
    [PERI_HEAVY_BALL] = {"optim.heavy_ball",
                         {"velocity"},
                         {.lr = -1, .momentum = 0.9},
                         check_momentum,
                         one_slot,
                         heavy_ball_kernel,
                         NULL,
                         describe_momentum},
    [PERI_NESTEROV] = {"optim.nesterov",
                       {"solution"},
                       {.lr = -1},
                       nesterov_check,
                       one_slot,
                       nesterov_kernel,
                       nesterov_prepare,
                       nesterov_describe},
    [PERI_ADAM] = {"optim.adam",
                   {"m", "v"},
                   {.lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .bias_correction = true},
                   adam_check,
                   two_slots,
                   adam_kernel,
                   adam_prepare,
                   adam_describe},
    [PERI_ADAMW] =
        {"optim.adamw",
         {"m", "v"},
         {.lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0.01, .bias_correction = true},
         adam_check,
         two_slots,
         adam_kernel,
         adam_prepare,
         adam_describe},
    [PERI_RMSPROP] = {"optim.rmsprop",
                      {"v", "mean", "momentum"},
                      {.lr = 0.01, .beta2 = 0.99, .eps = 1e-8},
                      rmsprop_check,
                      rmsprop_uses,
                      rmsprop_kernel,
                      rmsprop_prepare,
                      rmsprop_describe},
    [PERI_ADAGRAD] =
        {"optim.adagrad", {"v"}, {.lr = 0.01, .eps = 1e-10}, adagrad_check, one_slot, adagrad_kernel, NULL, NULL},
    [PERI_WINDOWED_ADAGRAD] = {"optim.windowed_adagrad",
                               {"squares"},
                               {.lr = 1e-3, .eps = 0.1, .window = 10, .eps_inside = true},
                               window_check,
                               one_slot,
                               window_kernel,
                               window_prepare,
                               window_describe},
};
