/* tape.c - what was computed, in order, and the backward pass over it.
**
** Every recorded result has a serial number, never reused; slot `serial - base` of the tape describes the call that made it (a call
** with several results takes as many slots, the first of which describes it). Operands and results are retained, with the version of
** the memory behind them, so that a later write in place is found out.
**
** The backward pass walks the slots down from y. Adjoints are local to the pass, so nested passes cannot mix. It visits only
** what lies between y and the xs. Nothing recurses: a million slots are a loop.
*/
#include "base/base.h"
#include "tensor/tensor.h"
#include <perigee/ad.h>
#include <perigee/ops.h>
#include <stdio.h>

enum { INLINE = 4 };

typedef struct {
  const peri_op *op;        /* NULL: a further result of the call before */
  peri_args *args;
  int32_t in, out;          /* numbers of operands and results */
  peri_tensor **many;       /* in + out tensors if they do not fit */
  peri_tensor *few[INLINE];
  uint32_t versions[INLINE];
} slot;

struct pri_tape {
  slot *slots;
  int64_t n, cap;
  uint64_t base;            /* serial of slots[0] */
  int depth;                /* open marks */
};

static peri_tensor **tensors_of(slot *s) { return s->many ? s->many : s->few; }
static uint32_t *versions_of(slot *s) { return s->many ? (uint32_t *)(s->many + s->in + s->out) : s->versions; }
static size_t many_bytes(int64_t n) { return (size_t)n * (sizeof(peri_tensor *) + sizeof(uint32_t)); }

bool peri_recorded(const peri_tensor *x) { return pri_recorded(x); }
bool peri_tape_open(const peri_ctx *cx) { return cx->tape != NULL; }

static void clear_slot(peri_ctx *cx, slot *s) {
  int64_t n = s->in + s->out;
  peri_tensor **t = tensors_of(s);
  for (int64_t i = 0; i < n; i++) peri_release(t[i]);
  if (s->many) peri_free(cx, s->many, many_bytes(n));
  if (s->args) peri_free(cx, s->args, sizeof *s->args);
}

static void truncate(peri_ctx *cx, pri_tape *tape, int64_t n) {
  while (tape->n > n) clear_slot(cx, &tape->slots[--tape->n]);
}

static peri_status reserve(peri_ctx *cx, pri_tape *tape, int64_t more) {
  if (tape->n + more <= tape->cap) return PERI_OK;
  int64_t cap = tape->cap ? 2 * tape->cap : 256;
  while (cap < tape->n + more) cap *= 2;
  slot *wider = peri_alloc(cx, (size_t)cap * sizeof *wider);
  if (!wider) return cx->code;
  if (tape->n) memcpy(wider, tape->slots, (size_t)tape->n * sizeof *wider);
  peri_free(cx, tape->slots, (size_t)tape->cap * sizeof *wider);
  tape->slots = wider;
  tape->cap = cap;
  return PERI_OK;
}

static peri_status fill_slot(peri_ctx *cx, slot *s, const peri_op *op, int64_t nin, peri_tensor *const *in, const peri_args *args,
                             int64_t nout, peri_tensor *const *out) {
  *s = (slot){.op = op, .in = (int32_t)nin, .out = (int32_t)nout};
  if (nin + nout > INLINE && !(s->many = peri_alloc(cx, many_bytes(nin + nout)))) return cx->code;
  if (args && !(s->args = peri_alloc(cx, sizeof *args))) {
    if (s->many) peri_free(cx, s->many, many_bytes(nin + nout));
    return cx->code;
  }
  if (args) *s->args = *args;
  peri_tensor **t = tensors_of(s);
  uint32_t *version = versions_of(s);
  for (int64_t i = 0; i < nin + nout; i++) {
    t[i] = peri_retain(i < nin ? in[i] : out[i - nin]);
    version[i] = pri_owner(t[i])->version;
  }
  return PERI_OK;
}

static bool carries_gradient(const peri_tensor *t) { return pri_is_float((peri_dtype)t->dtype); }

static peri_status append(peri_ctx *cx, const peri_op *op, int64_t nin, peri_tensor *const *in, const peri_args *args, int64_t nout,
                          peri_tensor *const *out) {
  pri_tape *tape = cx->tape;
  if (reserve(cx, tape, nout)) return cx->code;
  if (fill_slot(cx, &tape->slots[tape->n], op, nin, in, args, nout, out)) return cx->code;
  for (int64_t i = 0; i < nout; i++) {
    if (i) tape->slots[tape->n + i] = (slot){0};
    if (carries_gradient(out[i])) out[i]->node = tape->base + (uint64_t)(tape->n + i);
  }
  tape->n += nout;
  return PERI_OK;
}

/* What peri_apply calls after each primitive while a tape is open. */
static peri_status record(peri_ctx *cx, const peri_op *op, int64_t nin, peri_tensor *const *in, const void *args, peri_tensor *const *out) {
  bool descends = false, carries = false;
  int64_t nout = pri_outputs(op, args);
  for (int64_t i = 0; i < nin; i++) descends |= peri_recorded(in[i]);
  for (int64_t i = 0; i < nout; i++) carries |= carries_gradient(out[i]);
  if (!descends) return PERI_OK;
  for (int64_t i = 0; i < nout; i++)
    if (out[i]->dtype == PERI_C128)
      return peri_fail(cx, PERI_ERR_DTYPE, "ad: %s gives a complex result of a recorded operand; complex tensors carry no gradient (ad.stop makes the operand a constant)", op->name);
  if (!carries) return PERI_OK;
  if (!op->vjp)
    return peri_fail(cx, PERI_ERR_STATE, "ad: %s has no gradient rule; ad.stop(x) makes its operand a constant if that is meant", op->name);
  return append(cx, op, nin, in, args, nout, out);
}

peri_status peri_tape_begin(peri_ctx *cx, peri_mark *m) {
  pri_tape *tape = cx->tape;
  if (!tape) {
    tape = peri_alloc(cx, sizeof *tape);
    if (!tape) return cx->code;
    *tape = (pri_tape){.base = cx->serial + 1};
    cx->tape = tape;
  }
  m->from = tape->base + (uint64_t)tape->n;
  m->depth = tape->depth++;
  cx->record = record;
  return PERI_OK;
}

/* The outermost end closes the tape; serials go on, so that what was recorded is constant from now on. */
void peri_tape_end(peri_ctx *cx, peri_mark m) {
  pri_tape *tape = cx->tape;
  if (!tape) return;
  tape->depth = m.depth;
  if (tape->depth > 0) return; /* the outer pass still goes through what the inner one computed */
  cx->serial = tape->base + (uint64_t)tape->n;
  cx->tape = NULL;
  cx->record = NULL;
  truncate(cx, tape, 0);
  peri_free(cx, tape->slots, (size_t)tape->cap * sizeof(slot));
  peri_free(cx, tape, sizeof *tape);
}

/* ---- lifting: an identity whose result is a fresh alias ---- */

static peri_status run_lift(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)op, (void)args;
  out[0] = peri_view(in[0], in[0]->ndim, in[0]->dims, in[0]->strides, 0);
  return out[0] ? PERI_OK : in[0]->cx->code;
}

static peri_status vjp_lift(const peri_pull *p, peri_tensor **grads) {
  grads[0] = peri_retain(p->cotangents[0]);
  return PERI_OK;
}

static const peri_op op_lift = {.name = "ad.lift", .arity = 1, .outputs = 1, .result = PERI_RESULT_OWN, .run = run_lift, .vjp = vjp_lift,
                                .signature = "peri_lift(x)", .help = "A differentiable alias.", .samples = "none"};

peri_tensor *peri_lift(peri_tensor *x) {
  peri_ctx *cx = x->cx;
  if (!cx->tape) return peri_fail(cx, PERI_ERR_STATE, "ad.lift: no tape is open"), NULL;
  if (!carries_gradient(x))
    return peri_fail(cx, PERI_ERR_DTYPE, "ad: a tensor of dtype %s carries no gradient; cast it to f32 or f64",
                     peri_dtype_name((peri_dtype)x->dtype)),
           NULL;
  peri_tensor *v = NULL;
  if (run_lift(&op_lift, &x, NULL, &v)) return NULL;
  if (append(cx, &op_lift, 1, &x, NULL, 1, &v)) return peri_release(v), NULL;
  return v;
}

/* ---- the backward pass ---- */

typedef struct {
  peri_ctx *cx;
  pri_tape *tape;
  uint64_t lo, hi;          /* serials that the pass covers, both included */
  peri_tensor **adjoints;   /* of serial lo + i */
  uint8_t *needed;          /* whether serial lo + i depends on an x */
} pass;

static int64_t span(const pass *p) { return (int64_t)(p->hi - p->lo) + 1; }

static bool inside(const pass *p, const peri_tensor *t) { return t->node >= p->lo && t->node <= p->hi && p->needed[t->node - p->lo]; }

static void pass_free(pass *p) {
  if (p->adjoints)
    for (int64_t i = 0; i < span(p); i++) peri_release(p->adjoints[i]);
  peri_free(p->cx, p->adjoints, (size_t)span(p) * sizeof(peri_tensor *));
  peri_free(p->cx, p->needed, (size_t)span(p));
}

static peri_status pass_open(pass *p, peri_tensor *const *xs, int n) {
  p->adjoints = peri_alloc(p->cx, (size_t)span(p) * sizeof(peri_tensor *));
  if (!p->adjoints) return p->cx->code;
  memset(p->adjoints, 0, (size_t)span(p) * sizeof(peri_tensor *));
  p->needed = peri_alloc(p->cx, (size_t)span(p));
  if (!p->needed) return p->cx->code;
  memset(p->needed, 0, (size_t)span(p));
  for (int i = 0; i < n; i++)
    if (xs[i]->node <= p->hi) p->needed[xs[i]->node - p->lo] = 1;
  for (uint64_t s = p->lo; s <= p->hi; s++) {
    slot *e = &p->tape->slots[s - p->tape->base];
    if (!e->op || p->needed[s - p->lo]) continue;
    peri_tensor **t = tensors_of(e);
    bool any = false;
    for (int i = 0; i < e->in; i++) any |= inside(p, t[i]) && t[i]->node < s;
    for (int i = 0; any && i < e->out; i++) p->needed[s - p->lo + (uint64_t)i] = 1;
  }
  return PERI_OK;
}

/* adjoint of serial += g; takes the reference. Writes in place only into a sum that is the pass's own. */
static peri_status accumulate(pass *p, uint64_t serial, peri_tensor *g) {
  peri_tensor **a = &p->adjoints[serial - p->lo];
  if (!*a) {
    *a = g;
    return PERI_OK;
  }
  bool own = (*a)->refs == 1 && !(*a)->base && !peri_recorded(*a) && !peri_recorded(g) && (*a)->dtype >= g->dtype;
  peri_status st = PERI_OK;
  if (own) st = peri_add_(*a, *a, g);
  else {
    peri_tensor *sum = peri_add(*a, g);
    if (!sum) st = p->cx->code;
    else peri_release(*a), *a = sum;
  }
  peri_release(g);
  return st;
}

void peri_note_write(peri_tensor *t, const char *where) {
  peri_ctx *cx = t->cx;
  if (!cx->tape) return;
  unsigned k = cx->write_turn++ % 4;
  cx->writes[k].owner = pri_owner(t);
  snprintf(cx->writes[k].where, sizeof cx->writes[k].where, "%s", where);
}

/* " (add_ at step.lua:41)" if the host noted it, else "". */
static const char *where_written(peri_ctx *cx, peri_tensor *t, char text[128]) {
  text[0] = 0;
  for (unsigned back = 1; back <= 4 && back <= cx->write_turn; back++) {
    unsigned k = (cx->write_turn - back) % 4;
    if (cx->writes[k].owner != pri_owner(t)) continue;
    snprintf(text, 128, " (%s)", cx->writes[k].where);
    break;
  }
  return text;
}

static peri_status check_versions(peri_ctx *cx, slot *s) {
  peri_tensor **t = tensors_of(s);
  uint32_t *version = versions_of(s);
  char where[128];
  for (int i = 0; i < s->in + s->out; i++)
    if (pri_owner(t[i])->version != version[i])
      return peri_fail(cx, PERI_ERR_STATE, "ad: %s %d of %s, of shape %s, was modified in place%s after it was recorded; clone it or compute out of place",
                       i < s->in ? "operand" : "result", i < s->in ? i + 1 : i - s->in + 1, s->op->name, peri_shape(t[i]), where_written(cx, t[i], where));
  return PERI_OK;
}

enum { OPERANDS = 64 }; /* a bit each in peri_pull.needs; variadic primitives beyond that need all */

/* One slot backwards: its results' adjoints through the rule to its operands' adjoints. */
static peri_status step(pass *p, uint64_t serial) {
  slot *e = &p->tape->slots[serial - p->tape->base];
  peri_tensor *operands[INLINE], *few[INLINE] = {0}, **grads = few, **t = e->many;
  if (check_versions(p->cx, e)) return p->cx->code;
  if (!t) t = memcpy(operands, e->few, sizeof operands); /* the slots move when the rule appends to the tape */
  peri_pull pull = {.op = e->op, .in = t, .n = e->in, .out = t + e->in, .args = e->args, .cotangents = &p->adjoints[serial - p->lo]};
  for (int i = 0; i < e->in; i++)
    if (i >= OPERANDS || inside(p, t[i])) pull.needs |= (uint64_t)1 << (i < OPERANDS ? i : OPERANDS - 1);
  size_t bytes = (size_t)e->in * sizeof(peri_tensor *);
  if (e->in > INLINE) {
    grads = peri_alloc(p->cx, bytes);
    if (!grads) return p->cx->code;
    memset(grads, 0, bytes);
  }
  int64_t nin = e->in;
  peri_status st = e->op->vjp(&pull, grads); /* e is stale from here on */
  for (int64_t i = 0; i < nin; i++) {
    if (!grads[i]) continue;
    if (!st && inside(p, t[i])) st = accumulate(p, t[i]->node, grads[i]);
    else peri_release(grads[i]);
  }
  if (grads != few) peri_free(p->cx, grads, bytes);
  return st;
}

static bool is_x(peri_tensor *const *xs, int n, uint64_t serial) {
  for (int i = 0; i < n; i++)
    if (xs[i]->node == serial) return true;
  return false;
}

static peri_status sweep_back(pass *p, peri_tensor *const *xs, int n) {
  for (uint64_t s = p->hi + 1; s-- > p->lo;) {
    slot *e = &p->tape->slots[s - p->tape->base];
    bool any = false;
    for (int i = 0; e->op && i < e->out; i++) any |= p->adjoints[s - p->lo + (uint64_t)i] != NULL;
    if (!any || !p->needed[s - p->lo] || is_x(xs, n, s)) continue;
    int32_t out = e->out;
    if (pri_stopped(p->cx)) return peri_check_interrupt(p->cx);
    if (step(p, s)) return p->cx->code;
    for (int i = 0; i < out; i++) {
      peri_release(p->adjoints[s - p->lo + (uint64_t)i]);
      p->adjoints[s - p->lo + (uint64_t)i] = NULL;
    }
  }
  return PERI_OK;
}

static peri_status collect(pass *p, bool reached, peri_tensor *const *xs, int n, peri_tensor **grads) {
  for (int i = 0; i < n; i++) {
    peri_tensor *g = reached && xs[i]->node <= p->hi ? p->adjoints[xs[i]->node - p->lo] : NULL;
    if (!g) grads[i] = peri_zeros(p->cx, (peri_dtype)xs[i]->dtype, xs[i]->ndim, xs[i]->dims);
    else if (g->dtype != xs[i]->dtype) grads[i] = peri_cast(g, (peri_dtype)xs[i]->dtype);
    else grads[i] = peri_retain(g);
    if (!grads[i]) return p->cx->code;
  }
  return PERI_OK;
}

static peri_tensor *ones_like(peri_tensor *y) { return peri_full(y->cx, (peri_dtype)y->dtype, y->ndim, y->dims, 1); }

peri_status peri_backward(peri_tensor *y, peri_tensor *seed, peri_tensor *const *xs, int n, peri_tensor **grads) {
  peri_ctx *cx = y->cx;
  pass p = {.cx = cx, .tape = cx->tape, .lo = UINT64_MAX, .hi = y->node};
  for (int i = 0; i < n; i++) grads[i] = NULL;
  if (!p.tape) return peri_fail(cx, PERI_ERR_STATE, "ad.backward: no tape is open");
  for (int i = 0; i < n; i++) {
    if (!peri_recorded(xs[i])) return peri_fail(cx, PERI_ERR_STATE, "ad.backward: variable %d was not lifted on the open tape", i + 1);
    if (xs[i]->node < p.lo) p.lo = xs[i]->node;
  }
  if (seed && !pri_same_shape(seed, y))
    return peri_fail(cx, PERI_ERR_SHAPE, "ad.backward: the seed has shape %s, the result %s", peri_shape(seed), peri_shape(y));
  bool reached = n > 0 && peri_recorded(y) && y->node >= p.lo;
  while (reached && p.hi + 1 < p.tape->base + (uint64_t)p.tape->n && !p.tape->slots[p.hi + 1 - p.tape->base].op) p.hi++; /* the whole call */
  pri_record *before = cx->record;
  if (p.tape->depth <= 1) cx->record = NULL; /* nobody will differentiate the pass itself */
  peri_status st = PERI_OK;
  if (reached && !(st = pass_open(&p, xs, n)) && p.needed[y->node - p.lo]) {
    peri_tensor **top = &p.adjoints[y->node - p.lo];
    *top = seed ? peri_retain(seed) : ones_like(y);
    st = *top ? sweep_back(&p, xs, n) : cx->code;
  }
  if (!st) st = collect(&p, reached, xs, n, grads);
  if (reached) pass_free(&p);
  cx->record = before;
  if (st)
    for (int i = 0; i < n; i++) peri_release(grads[i]), grads[i] = NULL;
  return st;
}
