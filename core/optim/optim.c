/* optim.c - optimisers as objects: options, state, one step.
**
** A step checks, allocates, and only then writes: a failed one leaves theta and the state as they were, and an
** interrupt is taken before the pass, never inside it. Large arrays are cut into chunks by their length alone.
*/
#include "optim/optim.h"
#include <math.h>
#include <stdio.h>

enum { CHUNK = 65536 }; /* elements of one task of the pool */

static const pri_method *method_of(const peri_optim *o) { return &pri_methods[o->method]; }
static bool uses(const peri_optim *o, int slot) { return method_of(o)->uses(&o->options) >> slot & 1; }
static bool is_ring(const peri_optim *o) { return o->method == PERI_WINDOWED_ADAGRAD; }

const char *peri_optim_name(peri_method method) { return pri_methods[method].name; }
peri_optim_options peri_optim_defaults(peri_method method) { return pri_methods[method].defaults; }
peri_method peri_optim_method(const peri_optim *o) { return o->method; }
const peri_optim_options *peri_optim_get(const peri_optim *o) { return &o->options; }
int64_t peri_optim_steps(const peri_optim *o) { return o->steps; }
double peri_optim_extra(const peri_optim *o) { return o->extra; }

/* ---- making ---- */

static peri_status check_options(peri_ctx *cx, const pri_method *m, const peri_optim_options *p) {
  if (pri_within(cx, m->name, "lr", p->lr, 0, INFINITY) ||
      pri_within(cx, m->name, "weight_decay", p->weight_decay, 0, INFINITY) ||
      pri_within(cx, m->name, "eps", p->eps, 0, INFINITY))
    return cx->code;
  return m->check(cx, m->name, p);
}

peri_optim *peri_optim_new(peri_ctx *cx, peri_method method, const peri_optim_options *options) {
  if (check_options(cx, &pri_methods[method], options)) return NULL;
  peri_optim *o = peri_alloc(cx, sizeof *o);
  if (!o) return NULL;
  *o = (peri_optim){.cx = cx, .method = method, .options = *options};
  return o;
}

void peri_optim_reset(peri_optim *o) {
  for (int i = 0; i < PERI_OPTIM_SLOTS; i++) {
    peri_release(o->slots[i]);
    o->slots[i] = NULL;
  }
  o->steps = 0;
  o->extra = 0;
  o->bound = false;
}

void peri_optim_free(peri_optim *o) {
  if (!o) return;
  peri_optim_reset(o);
  peri_free(o->cx, o, sizeof *o);
}

/* ---- one step ---- */

typedef struct {
  pri_step *run;
  char *theta;
  const char *g;
  char *slots[PERI_OPTIM_SLOTS];
  const pri_step_args *args;
  size_t bytes;
  int64_t n;
} job;

static void step_chunk(void *ud, int64_t i) {
  const job *j = ud;
  int64_t from = i * CHUNK, n = j->n - from < CHUNK ? j->n - from : CHUNK;
  size_t at = (size_t)from * j->bytes;
  void *slots[PERI_OPTIM_SLOTS];
  for (int k = 0; k < PERI_OPTIM_SLOTS; k++) slots[k] = j->slots[k] ? j->slots[k] + at : NULL;
  j->run(j->theta + at, j->g + at, slots, j->args, n);
}

static void run_step(const peri_optim *o, peri_tensor *theta, const peri_tensor *g, const pri_step_args *args) {
  job j = {.run = o->cx->k->step[method_of(o)->kernel(&o->options)][theta->dtype],
           .theta = theta->data,
           .g = g->data,
           .args = args,
           .bytes = peri_sizeof((peri_dtype)theta->dtype),
           .n = theta->size};
  for (int k = 0; k < PERI_OPTIM_SLOTS; k++) j.slots[k] = o->slots[k] ? o->slots[k]->data : NULL;
  if (j.n <= CHUNK)
    step_chunk(&j, 0);
  else
    pri_parallel(o->cx, (j.n + CHUNK - 1) / CHUNK, step_chunk, &j);
}

static bool fits(const peri_optim *o, const peri_tensor *t) {
  if (t->dtype != o->dtype || t->ndim != o->nd) return false;
  for (int i = 0; i < o->nd; i++)
    if (t->dims[i] != o->dims[i]) return false;
  return true;
}

static const char *bound_shape(const peri_optim *o, peri_tensor *header) {
  *header = (peri_tensor){.cx = o->cx, .ndim = (uint8_t)o->nd};
  memcpy(header->dims, o->dims, sizeof header->dims);
  return peri_shape(header);
}

static peri_status check_step(const peri_optim *o, const peri_tensor *theta, const peri_tensor *g) {
  const char *who = method_of(o)->name;
  if (theta->cx != o->cx || g->cx != o->cx)
    return peri_fail(o->cx, PERI_ERR_STATE, "%s: the tensors belong to another context", who);
  if (!pri_is_float((peri_dtype)theta->dtype))
    return peri_fail(o->cx, PERI_ERR_DTYPE, "%s: theta must be f32 or f64, got %s %s", who,
                     peri_dtype_name((peri_dtype)theta->dtype), peri_shape(theta));
  if (g->dtype != theta->dtype)
    return peri_fail(o->cx, PERI_ERR_DTYPE, "%s: theta is %s, the gradient %s", who,
                     peri_dtype_name((peri_dtype)theta->dtype), peri_dtype_name((peri_dtype)g->dtype));
  if (!pri_same_shape(theta, g))
    return peri_fail(o->cx, PERI_ERR_SHAPE, "%s: theta and its gradient differ in shape: %s and %s", who,
                     peri_shape(theta), peri_shape(g));
  if (o->bound && !fits(o, theta)) {
    peri_tensor header;
    return peri_fail(
        o->cx, theta->dtype != o->dtype ? PERI_ERR_DTYPE : PERI_ERR_SHAPE,
        "%s: theta is %s %s, but the state belongs to %s %s; reset it, or make one optimiser for each vector", who,
        peri_dtype_name((peri_dtype)theta->dtype), peri_shape(theta), peri_dtype_name(o->dtype),
        bound_shape(o, &header));
  }
  return PERI_OK;
}

static peri_tensor *make_slot(const peri_optim *o, const peri_tensor *theta) {
  if (!is_ring(o))
    return peri_full(o->cx, (peri_dtype)theta->dtype, theta->ndim, theta->dims,
                     o->method == PERI_ADAGRAD ? o->options.initial : 0);
  int64_t dims[PERI_MAXDIM + 1] = {o->options.window};
  if (theta->ndim == PERI_MAXDIM)
    return peri_fail(o->cx, PERI_ERR_SHAPE, "%s: theta may have at most %d axes, got %s", method_of(o)->name,
                     PERI_MAXDIM - 1, peri_shape(theta)),
           NULL;
  memcpy(dims + 1, theta->dims, (size_t)theta->ndim * sizeof *dims);
  return peri_zeros(o->cx, (peri_dtype)theta->dtype, theta->ndim + 1, dims);
}

/* The state of the first step; nesterov's solution starts at theta. */
static peri_status make_slots(peri_optim *o, peri_tensor *theta) {
  for (int i = 0; i < PERI_OPTIM_SLOTS; i++) {
    if (!uses(o, i)) continue;
    o->slots[i] = o->method == PERI_NESTEROV ? peri_clone(theta) : make_slot(o, theta);
    if (!o->slots[i]) return o->cx->code;
  }
  return PERI_OK;
}

static void bind(peri_optim *o, peri_dtype t, int nd, const int64_t *dims) {
  o->bound = true;
  o->dtype = t;
  o->nd = nd;
  memcpy(o->dims, dims, (size_t)nd * sizeof *dims);
}

static pri_step_args arguments(const peri_optim *o, double lr, int64_t n) {
  const peri_optim_options *p = &o->options;
  return (pri_step_args){.lr = lr,
                         .decay = p->weight_decay,
                         .momentum = p->momentum,
                         .beta1 = p->beta1,
                         .rest1 = 1 - p->beta1,
                         .beta2 = p->beta2,
                         .rest2 = 1 - p->beta2,
                         .scale = 1,
                         .eps = p->eps_inside ? 0 : p->eps,
                         .eps_inside = p->eps_inside ? p->eps : 0,
                         .shrink = 1,
                         .nesterov = p->nesterov,
                         .stride = n};
}

/* theta and g made contiguous, g moved off theta's memory unless it is theta itself. */
static peri_status step_arrays(peri_optim *o, peri_tensor *theta, peri_tensor *g, const pri_step_args *args) {
  peri_tensor *x = peri_contiguous(theta), *d = NULL;
  if (x)
    d = x == theta && pri_owner(g) == pri_owner(theta) && g->data != theta->data ? peri_clone(g) : peri_contiguous(g);
  if (d && !peri_check_interrupt(o->cx) && !pri_write_from(method_of(o)->name, theta, g)) {
    run_step(o, x, d, args);
    if (x != theta) pri_copy_into(theta, x);
    peri_release(x);
    peri_release(d);
    return PERI_OK;
  }
  peri_release(x);
  peri_release(d);
  return o->cx->code;
}

peri_status peri_optim_step_of(peri_optim *o, peri_tensor *theta, peri_tensor *g, double lr) {
  const pri_method *m = method_of(o);
  double next = 0;
  if (pri_within(o->cx, m->name, "lr", lr, 0, INFINITY) || check_step(o, theta, g)) return o->cx->code;
  pri_step_args args = arguments(o, lr, theta->size);
  bool watch = o->cx->watch;
  unsigned before = watch ? pri_nonfinite(theta) | pri_nonfinite(g) : 0;
  if (m->prepare && m->prepare(o, &args, &next)) return o->cx->code;
  if ((!o->bound && make_slots(o, theta)) || step_arrays(o, theta, g, &args)) {
    if (!o->bound) peri_optim_reset(o);
    return o->cx->code;
  }
  if (!o->bound) bind(o, (peri_dtype)theta->dtype, theta->ndim, theta->dims);
  o->steps++;
  o->extra = next;
  return watch ? pri_watch(m->name, theta, before) : PERI_OK;
}

peri_status peri_optim_step(peri_optim *o, peri_tensor *theta, peri_tensor *g) {
  return peri_optim_step_of(o, theta, g, o->options.lr);
}

/* ---- state ---- */

const char *peri_optim_slot(const peri_optim *o, int i, peri_tensor **t) {
  if (t) *t = o->slots[i];
  return uses(o, i) ? method_of(o)->slots[i] : NULL;
}

/* One slot of a saved state as it would be adopted into `fresh`: the first fixes shape and dtype. */
static peri_status load_slot(peri_optim *fresh, int i, peri_tensor *t) {
  const char *who = method_of(fresh)->name, *name = method_of(fresh)->slots[i];
  int lead = is_ring(fresh);
  if (!t) return peri_fail(fresh->cx, PERI_ERR_VALUE, "%s: the saved state lacks '%s'", who, name);
  if (t->cx != fresh->cx)
    return peri_fail(fresh->cx, PERI_ERR_STATE, "%s: the saved '%s' belongs to another context", who, name);
  if (!pri_is_float((peri_dtype)t->dtype))
    return peri_fail(fresh->cx, PERI_ERR_DTYPE, "%s: the saved '%s' must be f32 or f64, got %s", who, name,
                     peri_dtype_name((peri_dtype)t->dtype));
  if (lead && (t->ndim == 0 || t->dims[0] != fresh->options.window))
    return peri_fail(fresh->cx, PERI_ERR_SHAPE, "%s: the saved '%s' has shape %s, not the %lld rows of this window",
                     who, name, peri_shape(t), (long long)fresh->options.window);
  peri_tensor like = *t;
  like.ndim = (uint8_t)(t->ndim - lead);
  memmove(like.dims, t->dims + lead, (size_t)like.ndim * sizeof *like.dims);
  if (fresh->bound && !fits(fresh, &like)) {
    peri_tensor header;
    return peri_fail(fresh->cx, like.dtype != fresh->dtype ? PERI_ERR_DTYPE : PERI_ERR_SHAPE,
                     "%s: the saved '%s' is for %s %s, not for %s %s", who, name,
                     peri_dtype_name((peri_dtype)like.dtype), peri_shape(&like), peri_dtype_name(fresh->dtype),
                     bound_shape(fresh, &header));
  }
  if (!fresh->bound) bind(fresh, (peri_dtype)like.dtype, like.ndim, like.dims);
  return (fresh->slots[i] = peri_clone(t)) ? PERI_OK : fresh->cx->code;
}

peri_status peri_optim_load(peri_optim *o, int64_t steps, double extra, peri_tensor *const *slots) {
  peri_optim fresh = *o;
  memset(fresh.slots, 0, sizeof fresh.slots);
  if (steps < 0)
    return peri_fail(o->cx, PERI_ERR_VALUE, "%s: the saved number of steps is %lld", method_of(o)->name,
                     (long long)steps);
  if (!(extra >= 0 && extra < INFINITY))
    return peri_fail(o->cx, PERI_ERR_VALUE, "%s: the saved t is %g", method_of(o)->name, extra);
  for (int i = 0; i < PERI_OPTIM_SLOTS; i++) {
    if (!uses(o, i) || (steps == 0 && !slots[i])) continue;
    if (load_slot(&fresh, i, slots[i])) {
      peri_optim_reset(&fresh);
      return o->cx->code;
    }
  }
  if (steps == 0) { /* as new, whatever came with it */
    peri_optim_reset(&fresh);
    peri_optim_reset(o);
    return PERI_OK;
  }
  peri_optim_reset(o);
  *o = fresh;
  o->steps = steps;
  o->extra = extra;
  return PERI_OK;
}

void peri_optim_describe(const peri_optim *o, const char *lr, char text[PERI_OPTIM_TEXT]) {
  const peri_optim_options *p = &o->options;
  const char *name = strchr(method_of(o)->name, '.') + 1;
  if (lr)
    snprintf(text, PERI_OPTIM_TEXT, "%s: lr %.100s", name, lr);
  else
    snprintf(text, PERI_OPTIM_TEXT, "%s: lr %.6g", name, p->lr);
  if (method_of(o)->describe) method_of(o)->describe(p, text, PERI_OPTIM_TEXT);
  size_t used = strlen(text);
  if (p->weight_decay != 0) snprintf(text + used, PERI_OPTIM_TEXT - used, ", weight decay %.6g", p->weight_decay);
  used = strlen(text);
  snprintf(text + used, PERI_OPTIM_TEXT - used, ", %lld steps", (long long)o->steps);
}
