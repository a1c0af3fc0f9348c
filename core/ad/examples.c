/* examples.c - gradients example by example, and their norms without them.
**
** A batched value has one cotangent, of its own shape: row k is example k's. Where it meets a shared operand the ordinary rule would sum
** over the examples; the per-example rule leaves them in place, and from there down to the variables every cotangent has the axis of
** examples in front: (n, dims). Between shared values cotangents travel back
**     through views of contiguous memory     by writing into the same places of n copies of it,
**     through elementwise primitives         by the ordinary rule on n copies of the operands (views: nothing is copied),
**     through all others                     one example after the other.
**
** Squared norms need no sum over uses where a value is used once and lies in a range of its variable that no other value meets: there
** |g|^2 is a sum over such ranges, each found by the primitive without forming g (|x|^2 |g|^2 for a matrix product), or from g
** formed and dropped at once. Other ranges are formed. Source: Goodfellow (2015), Efficient per-example gradient computations;
** Li, Tramer, Liang & Hashimoto (2022), Large language models can be strong differentially private learners (ghost clipping).
*/
#include "ad/tape.h"
#include "tensor/example_rules.h"
#include <perigee/ops.h>
#include <perigee/reduce.h>
#include <perigee/shape.h>

/* A shared value that a batched call, or a computation on shared values, takes as operand. */
typedef struct {
  uint64_t serial, root;    /* root: of the variable whose elements it rearranges; 0 if it is computed */
  const char *lo, *hi;      /* the memory of its variable that it stands for */
  bool formed;              /* an operand of a computation on shared values: its gradient is a sum to be formed */
  bool direct, written;     /* its gradients go straight to their places in those of the variable; they are there */
  int64_t uses;
} border;

typedef struct {
  pri_pass pass;
  int64_t n;                /* examples */
  peri_tensor *const *xs;
  int nx;
  border *borders;
  int64_t border_count, border_cap;
  peri_tensor *norms;       /* (n), f64; NULL unless they alone are wanted */
} sweep;

/* ---- which values stand alone ---- */

/* The call that made a serial: down from a further result to the first. */
static uint64_t call_of_result(const sweep *w, uint64_t serial) {
  while (!pri_slot_at(&w->pass, serial)->op) serial--;
  return serial;
}

static peri_tensor *value_of(const sweep *w, uint64_t serial) {
  uint64_t first = call_of_result(w, serial);
  pri_slot *e = pri_slot_at(&w->pass, first);
  return pri_tensors_of(e)[e->in + (int32_t)(serial - first)];
}

static bool moves(const pri_slot *e) {
  const peri_examples *rule = pri_examples_of(e->op);
  return rule && rule->moves;
}

/* The variable whose elements a value rearranges: its serial; 0 if it is computed. */
static uint64_t root_of(const sweep *w, uint64_t serial) {
  while (!pri_is_x(w->xs, w->nx, serial)) {
    pri_slot *e = pri_slot_at(&w->pass, call_of_result(w, serial));
    if (!moves(e)) return 0;
    serial = pri_tensors_of(e)[0]->node;
  }
  return serial;
}

static void extent(const peri_tensor *t, const char **lo, const char **hi) {
  int64_t bytes = (int64_t)peri_sizeof((peri_dtype)t->dtype), low = 0, high = 0;
  for (int i = 0; i < t->ndim; i++) {
    int64_t reach = (t->dims[i] - 1) * t->strides[i];
    if (reach < 0) low += reach;
    else high += reach;
  }
  *lo = (const char *)t->data + low * bytes;
  *hi = t->size ? (const char *)t->data + (high + 1) * bytes : *lo;
}

/* Where in its variable's memory a value comes from. What a reshape copied comes from all of what was reshaped. */
static void locate(const sweep *w, border *b) {
  uint64_t s = b->serial;
  b->root = root_of(w, s);
  if (!b->root) return;
  peri_tensor *owner = pri_owner(value_of(w, b->root)), *t;
  while (pri_owner(t = value_of(w, s)) != owner) s = pri_tensors_of(pri_slot_at(&w->pass, call_of_result(w, s)))[0]->node;
  extent(t, &b->lo, &b->hi);
}

static border *find_border(const sweep *w, uint64_t serial) {
  for (int64_t i = 0; i < w->border_count; i++)
    if (w->borders[i].serial == serial) return &w->borders[i];
  return NULL;
}

static peri_status add_border(sweep *w, uint64_t serial, bool formed) {
  peri_ctx *cx = w->pass.cx;
  border *b = find_border(w, serial);
  if (!b) {
    if (w->border_count == w->border_cap) {
      int64_t cap = w->border_cap ? 2 * w->border_cap : 32;
      border *wider = peri_alloc(cx, (size_t)cap * sizeof *wider);
      if (!wider) return cx->code;
      if (w->border_count) memcpy(wider, w->borders, (size_t)w->border_count * sizeof *wider);
      peri_free(cx, w->borders, (size_t)w->border_cap * sizeof *wider);
      w->borders = wider;
      w->border_cap = cap;
    }
    b = &w->borders[w->border_count++];
    *b = (border){.serial = serial};
    locate(w, b);
  }
  b->formed |= formed;
  b->uses++;
  return PERI_OK;
}

static peri_status find_borders(sweep *w) {
  pri_pass *p = &w->pass;
  for (uint64_t s = p->lo; s <= p->hi; s++) {
    pri_slot *e = pri_slot_at(p, s);
    if (!e->op || !p->needed[s - p->lo]) continue;
    bool batched = e->flags & PRI_BATCHED;
    if ((!batched && moves(e)) || pri_is_x(w->xs, w->nx, s)) continue;
    for (int i = 0; i < e->in; i++) {
      peri_tensor *t = pri_tensors_of(e)[i];
      if (pri_inside(p, t) && !pri_batched_at(p, t) && add_border(w, t->node, !batched)) return p->cx->code;
    }
  }
  return PERI_OK;
}

/* The border of that serial if its norm can be taken on its own. */
static border *alone(const sweep *w, uint64_t serial) {
  border *b = find_border(w, serial);
  if (!b || !b->root || b->formed) return NULL;
  for (int64_t i = 0; i < w->border_count; i++) {
    const border *other = &w->borders[i];
    if (other != b && other->root && other->lo < b->hi && b->lo < other->hi) return NULL;
  }
  return b;
}

/* Where every value taken from a contiguous variable is a view that stands alone, gradients are written but once. */
static void find_direct(sweep *w) {
  for (int64_t i = 0; i < w->border_count; i++) {
    border *b = &w->borders[i];
    if (!b->root || b->root == b->serial || !alone(w, b->serial)) continue;
    peri_tensor *x = value_of(w, b->root), *y = value_of(w, b->serial);
    b->direct = pri_owner(x) == pri_owner(y) && pri_contiguous(x) && x->ndim < PERI_MAXDIM && y->ndim < PERI_MAXDIM;
  }
  for (int64_t i = 0; i < w->border_count; i++)
    for (int64_t k = 0; k < w->border_count && !w->borders[i].direct; k++)
      if (w->borders[k].root == w->borders[i].root) w->borders[k].direct = false;
}

/* norms += more, which is taken over. */
static peri_status add_norms(sweep *w, peri_tensor *more) {
  if (!more) return w->pass.cx->code;
  peri_status st = peri_add_(w->norms, w->norms, more);
  peri_release(more);
  return st;
}

static peri_tensor *squares_of(peri_tensor *g) {
  return pri_row_squares(g->dtype == PERI_F64 ? peri_retain(g) : peri_cast(g, PERI_F64));
}

/* ---- back through a call between shared values ---- */

/* (n, dims of x): zeros, or not yet written. */
static peri_tensor *room_for_each(const sweep *w, const peri_tensor *x, bool zeros) {
  int64_t dims[PERI_MAXDIM] = {w->n};
  if (x->ndim == PERI_MAXDIM)
    return peri_fail(x->cx, PERI_ERR_SHAPE, "ad.per_example: a value of shape %s has no room for the axis of the examples", peri_shape(x)), NULL;
  memcpy(dims + 1, x->dims, (size_t)x->ndim * sizeof dims[0]);
  return zeros ? peri_zeros(x->cx, (peri_dtype)x->dtype, x->ndim + 1, dims) : peri_new(x->cx, (peri_dtype)x->dtype, x->ndim + 1, dims);
}

static peri_tensor *shaped_for(const sweep *w, peri_tensor *g, const peri_tensor *x) {
  int64_t dims[PERI_MAXDIM + 1] = {w->n};
  memcpy(dims + 1, x->dims, (size_t)x->ndim * sizeof dims[0]);
  return peri_reshape(g, x->ndim + 1, dims);
}

/* The places of the elements of y, a view of x, in each of the rows of `sum` (n, dims of x). */
static peri_tensor *places_of(peri_tensor *sum, const peri_tensor *x, const peri_tensor *y) {
  int64_t dims[PERI_MAXDIM] = {sum->dims[0]}, strides[PERI_MAXDIM] = {x->size};
  int64_t offset = y->size ? ((const char *)y->data - (const char *)x->data) / (int64_t)peri_sizeof((peri_dtype)x->dtype) : 0;
  if (y->ndim == PERI_MAXDIM)
    return peri_fail(y->cx, PERI_ERR_SHAPE, "ad.per_example: a value of shape %s has no room for the axis of the examples", peri_shape(y)), NULL;
  memcpy(dims + 1, y->dims, (size_t)y->ndim * sizeof dims[0]);
  memcpy(strides + 1, y->strides, (size_t)y->ndim * sizeof strides[0]);
  return peri_view(sum, y->ndim + 1, dims, strides, offset);
}

/* Whether the cotangents of a call's results, disjoint views of x, make up one of all of x. */
static bool cover(const sweep *w, pri_slot *e, uint64_t serial, const peri_tensor *x) {
  int64_t covered = 0;
  for (int32_t i = 0; i < e->out; i++)
    if (w->pass.adjoints[serial - w->pass.lo + (uint64_t)i]) covered += pri_tensors_of(e)[e->in + i]->size;
  return covered == x->size;
}

/* Result y of x has all of x's elements in x's order: its cotangents only need another shape. */
static bool same_order(const peri_tensor *x, const peri_tensor *y) {
  return pri_owner((peri_tensor *)y) != pri_owner((peri_tensor *)x) || (y->data == x->data && y->size == x->size && pri_contiguous(y));
}

/* Results that are views of a contiguous operand, or the one result that is a copy of all of it. What is big here is written once: into the sum
** that is already there, or into a fresh one, which is cleared first only if the results leave gaps. */
static peri_status back_through_views(sweep *w, pri_slot *e, uint64_t serial) {
  pri_pass *p = &w->pass;
  peri_tensor **t = pri_tensors_of(e), *x = t[0], *sum = p->adjoints[x->node - p->lo];
  if (e->out == 1 && same_order(x, t[1])) {
    peri_tensor *shaped = shaped_for(w, p->adjoints[serial - p->lo], x);
    return shaped ? pri_accumulate(p, x->node, shaped) : p->cx->code;
  }
  bool fresh = !sum || sum->refs != 1 || sum->base || !pri_contiguous(sum) || sum->dtype != x->dtype;
  if (fresh) sum = room_for_each(w, x, !cover(w, e, serial, x));
  peri_status st = sum ? PERI_OK : p->cx->code;
  for (int32_t i = 0; i < e->out && !st; i++) {
    peri_tensor *g = p->adjoints[serial - p->lo + (uint64_t)i];
    if (!g) continue;
    peri_tensor *place = places_of(sum, x, t[e->in + i]);
    st = !place ? p->cx->code : fresh ? peri_copy_(place, g) : peri_add_(place, place, g);
    peri_release(place);
  }
  if (fresh && st) peri_release(sum);
  return fresh && !st ? pri_accumulate(p, x->node, sum) : st;
}

/* The places of a direct border in the gradients of its variable, which are cleared only if the borders leave gaps. */
static peri_tensor *place_of(sweep *w, const border *b) {
  peri_tensor *x = value_of(w, b->root), **sum = &w->pass.adjoints[b->root - w->pass.lo];
  int64_t covered = 0;
  for (int64_t i = 0; i < w->border_count; i++)
    if (w->borders[i].root == b->root) covered += value_of(w, w->borders[i].serial)->size;
  if (!*sum && !(*sum = room_for_each(w, x, covered != x->size))) return NULL;
  return places_of(*sum, x, value_of(w, b->serial));
}

/* g, or zeros if NULL, into the places of a direct border. */
static peri_status write_border(sweep *w, border *b, peri_tensor *g) {
  peri_tensor *place = place_of(w, b);
  peri_status st = !place ? w->pass.cx->code : g ? peri_copy_(place, g) : peri_fill_(place, 0);
  peri_release(place);
  b->written = true;
  return st;
}

static peri_status clear_unwritten(sweep *w) {
  for (int64_t i = 0; i < w->border_count; i++) {
    border *b = &w->borders[i];
    if (b->direct && !b->written && w->pass.adjoints[b->root - w->pass.lo] && write_border(w, b, NULL)) return w->pass.cx->code;
  }
  return PERI_OK;
}

/* The ordinary rule for example k: its gradients into row k of sums[]. */
static peri_status example_step(sweep *w, pri_call *c, int32_t nout, int64_t k, peri_tensor **cotangents, peri_tensor **grads, peri_tensor **sums) {
  peri_tensor *const *all = c->pull.cotangents;
  peri_ctx *cx = w->pass.cx;
  peri_status st = PERI_OK;
  for (int32_t i = 0; i < nout; i++) {
    cotangents[i] = all[i] && !st ? peri_select(all[i], 0, k) : NULL;
    if (all[i] && !cotangents[i]) st = cx->code;
  }
  pri_call one = *c;
  one.pull.cotangents = cotangents;
  for (int64_t i = 0; i < c->pull.n; i++) grads[i] = NULL;
  if (!st) st = pri_run_rule(&one.pull, grads);
  for (int64_t i = 0; i < c->pull.n; i++) {
    if (!grads[i]) continue;
    if (!st && pri_inside(&w->pass, c->t[i])) {
      if (!sums[i] && !(sums[i] = room_for_each(w, c->t[i], true))) st = cx->code;
      peri_tensor *row = st ? NULL : peri_select(sums[i], 0, k);
      st = row ? peri_copy_(row, grads[i]) : cx->code;
      peri_release(row);
    }
    peri_release(grads[i]);
  }
  for (int32_t i = 0; i < nout; i++) peri_release(cotangents[i]);
  return st;
}

static peri_status back_one_by_one(sweep *w, pri_call *c, int32_t nout, peri_tensor **sums) {
  peri_ctx *cx = w->pass.cx;
  size_t bytes = (size_t)(nout + c->pull.n) * sizeof(peri_tensor *);
  peri_tensor **room = peri_alloc(cx, bytes);
  if (!room) return cx->code;
  peri_status st = PERI_OK;
  for (int64_t k = 0; k < w->n && !st; k++) st = example_step(w, c, nout, k, room, room + nout, sums);
  peri_free(cx, room, bytes);
  return st;
}

/* ---- back through a batched call ---- */

static peri_status refuse_shared(const pri_call *c) {
  return peri_fail(c->t[0]->cx, PERI_ERR_STATE,
                   "ad.per_example: %s has no per-example rule for an operand that the examples share; ad.stop(x) makes it a constant",
                   c->pull.op->name);
}

/* The contribution to a shared operand that is used once and stands alone: its norms without it, or itself in its final place. */
static peri_status take_alone(sweep *w, pri_call *c, const peri_examples *rule, uint64_t batched, int i, bool *done) {
  border *b = alone(w, c->t[i]->node);
  if (!b || b->uses != 1) return PERI_OK;
  if (w->norms) {
    peri_tensor *norms = NULL;
    if (rule->sqnorms && rule->sqnorms(&c->pull, batched, i, &norms)) return w->pass.cx->code;
    *done = norms != NULL;
    return norms ? add_norms(w, norms) : PERI_OK;
  }
  if (!b->direct || !rule->put) return PERI_OK;
  peri_tensor *place = place_of(w, b);
  peri_status st = place ? rule->put(&c->pull, batched, i, place) : w->pass.cx->code;
  peri_release(place);
  *done = b->written = true;
  return st;
}

static peri_status back_through_batched(sweep *w, pri_call *c, peri_tensor **grads) {
  const peri_examples *rule = pri_examples_of(c->pull.op);
  uint64_t batched = 0, shared = 0;
  for (int64_t i = 0; i < c->pull.n; i++) {
    uint64_t bit = (uint64_t)1 << (i < 63 ? i : 63);
    if (pri_batched_at(&w->pass, c->t[i])) batched |= bit;
    else if (c->pull.needs & bit) shared |= bit;
  }
  for (int i = 0; i < 63 && i < c->pull.n; i++) {
    bool done = false;
    if (shared >> i & 1 && take_alone(w, c, rule, batched, i, &done)) return w->pass.cx->code;
    if (!done) continue;
    shared &= ~((uint64_t)1 << i);
    c->pull.needs &= ~((uint64_t)1 << i);
  }
  if (!shared) return c->pull.needs ? pri_run_rule(&c->pull, grads) : PERI_OK;
  return rule->vjp ? rule->vjp(&c->pull, batched, grads) : refuse_shared(c);
}

/* ---- the sweep ---- */

static peri_status back_through(sweep *w, uint64_t serial, peri_tensor **grads) {
  pri_pass *p = &w->pass;
  pri_slot *e = pri_slot_at(p, serial);
  pri_call c;
  if (!(e->flags & PRI_BATCHED) && moves(e)) {
    peri_tensor **t = pri_tensors_of(e);
    bool copied = pri_owner(t[e->in]) != pri_owner(t[0]);
    if (t[0]->ndim < PERI_MAXDIM && (copied || pri_contiguous(t[0]))) return back_through_views(w, e, serial);
  }
  pri_call_of(p, serial, &c);
  if (e->flags & PRI_BATCHED) return back_through_batched(w, &c, grads);
  if (e->op->map) return pri_vjp_own_copies(&c.pull, 0, grads);
  return back_one_by_one(w, &c, e->out, grads);
}

static peri_status step(sweep *w, uint64_t serial) {
  pri_pass *p = &w->pass;
  pri_slot *e = pri_slot_at(p, serial);
  peri_tensor **t = pri_tensors_of(e);
  if (pri_check_versions(p->cx, e)) return p->cx->code;
  size_t bytes = (size_t)e->in * sizeof(peri_tensor *);
  peri_tensor **grads = peri_alloc(p->cx, bytes);
  if (!grads) return p->cx->code;
  memset(grads, 0, bytes);
  peri_status st = back_through(w, serial, grads);
  for (int32_t i = 0; i < e->in; i++) {
    if (!grads[i]) continue;
    if (!st && pri_inside(p, t[i])) st = pri_accumulate(p, t[i]->node, grads[i]);
    else peri_release(grads[i]);
  }
  peri_free(p->cx, grads, bytes);
  return st;
}

/* Takes the norms of those results of a call that stand alone, or puts their gradients in place, and forgets their cotangents. */
static peri_status settle(sweep *w, uint64_t serial, int32_t nout) {
  pri_pass *p = &w->pass;
  for (uint64_t s = serial; s < serial + (uint64_t)nout; s++) {
    peri_tensor *g = p->adjoints[s - p->lo];
    border *b = g ? alone(w, s) : NULL;
    if (!b || !(w->norms || b->direct)) continue;
    if (w->norms ? add_norms(w, squares_of(g)) : write_border(w, b, g)) return p->cx->code;
    pri_drop_adjoints(p, s, 1);
  }
  return PERI_OK;
}

static peri_status sweep_back(sweep *w) {
  pri_pass *p = &w->pass;
  for (uint64_t s = p->hi + 1; s-- > p->lo;) {
    if (!p->needed[s - p->lo] || !pri_visits(p, s) || pri_is_x(w->xs, w->nx, s)) continue;
    int32_t out = pri_slot_at(p, s)->out;
    bool batched = pri_slot_at(p, s)->flags & PRI_BATCHED;
    if (pri_stopped(p->cx)) return peri_check_interrupt(p->cx);
    if (!batched && settle(w, s, out)) return p->cx->code;
    if (pri_visits(p, s) && step(w, s)) return p->cx->code;
    pri_drop_adjoints(p, s, out);
  }
  return PERI_OK;
}

static peri_status check_losses(const peri_tensor *y, bool *batched) {
  pri_tape *tape = y->cx->tape;
  *batched = tape && pri_recorded(y) && (tape->slots[y->node - tape->base].flags & PRI_BATCHED);
  if (!*batched)
    return peri_fail(y->cx, PERI_ERR_STATE, "ad.per_example: the losses, of shape %s, do not depend on the data given as arguments", peri_shape(y));
  if (y->ndim != 1)
    return peri_fail(y->cx, PERI_ERR_SHAPE, "ad.per_example: the function returned a tensor of shape %s; return one loss an example, (%lld)", peri_shape(y),
                     (long long)tape->examples);
  if (!pri_carries_gradient(y))
    return peri_fail(y->cx, PERI_ERR_DTYPE, "ad.per_example: the function returned %s, which carries no gradient; return f32 or f64",
                     peri_dtype_name((peri_dtype)y->dtype));
  return PERI_OK;
}

/* Opens the sweep and runs it; *reached as in pri_pass_begin. */
static peri_status run(sweep *w, peri_tensor *y, bool *reached) {
  pri_pass *p = &w->pass;
  bool batched;
  *reached = false;
  if (check_losses(y, &batched) || pri_pass_begin(p, "ad.per_example", y, w->xs, w->nx, reached)) return y->cx->code;
  w->n = p->tape->examples;
  if (!*reached) return PERI_OK;
  if (pri_pass_open(p, w->xs, w->nx)) return p->cx->code;
  if (!p->needed[y->node - p->lo]) return PERI_OK;
  if (find_borders(w)) return p->cx->code;
  if (!w->norms) find_direct(w);
  peri_tensor **top = &p->adjoints[y->node - p->lo];
  *top = peri_full(p->cx, (peri_dtype)y->dtype, y->ndim, y->dims, 1);
  if (!*top || sweep_back(w)) return p->cx->code;
  return w->norms ? PERI_OK : clear_unwritten(w);
}

static void close_sweep(sweep *w, bool reached) {
  if (reached) pri_pass_close(&w->pass);
  peri_free(w->pass.cx, w->borders, (size_t)w->border_cap * sizeof *w->borders);
}

static peri_tensor *adjoint_of(const sweep *w, bool reached, const peri_tensor *x) {
  const pri_pass *p = &w->pass;
  return reached && p->adjoints && x->node <= p->hi ? p->adjoints[x->node - p->lo] : NULL;
}

static peri_status collect(const sweep *w, bool reached, peri_tensor **grads) {
  for (int i = 0; i < w->nx; i++) {
    peri_tensor *x = w->xs[i], *g = adjoint_of(w, reached, x);
    if (!g) grads[i] = room_for_each(w, x, true);
    else grads[i] = g->dtype == x->dtype ? peri_retain(g) : peri_cast(g, (peri_dtype)x->dtype);
    if (!grads[i]) return x->cx->code;
  }
  return PERI_OK;
}

peri_status peri_backward_examples(peri_tensor *y, peri_tensor *const *xs, int n, peri_tensor **grads) {
  peri_ctx *cx = y->cx;
  sweep w = {.xs = xs, .nx = n, .pass = {.cx = cx}};
  bool reached;
  pri_record *before = cx->record;
  for (int i = 0; i < n; i++) grads[i] = NULL;
  cx->record = NULL;
  peri_status st = run(&w, y, &reached);
  if (!st) st = collect(&w, reached, grads);
  close_sweep(&w, reached);
  cx->record = before;
  for (int i = 0; st && i < n; i++) peri_release(grads[i]), grads[i] = NULL;
  return st;
}

peri_tensor *peri_sqnorms(peri_tensor *y, peri_tensor *const *xs, int n) {
  peri_ctx *cx = y->cx;
  sweep w = {.xs = xs, .nx = n, .pass = {.cx = cx}};
  bool reached = false;
  if (y->ndim > 0 && !(w.norms = peri_zeros(cx, PERI_F64, 1, y->dims))) return NULL;
  pri_record *before = cx->record;
  cx->record = NULL;
  peri_status st = run(&w, y, &reached);
  for (int i = 0; i < n && !st; i++) {
    peri_tensor *g = adjoint_of(&w, reached, xs[i]);
    if (g) st = add_norms(&w, squares_of(g));
  }
  close_sweep(&w, reached);
  cx->record = before;
  if (st) return peri_release(w.norms), NULL;
  return w.norms;
}
