/* backward.c - the backward pass.
**
** It walks the slots down from y. Adjoints are local to the pass, so nested passes cannot mix. It visits only what lies between y and
** the xs. Nothing recurses: a million slots are a loop.
*/
#include "ad/tape.h"
#include <perigee/ops.h>
#include <stdio.h>

void pri_pass_close(pri_pass *p) {
  if (p->adjoints)
    for (int64_t i = 0; i < pri_span(p); i++) peri_release(p->adjoints[i]);
  peri_free(p->cx, p->adjoints, (size_t)pri_span(p) * sizeof(peri_tensor *));
  peri_free(p->cx, p->needed, (size_t)pri_span(p));
}

peri_status pri_pass_begin(pri_pass *p, const char *who, peri_tensor *y, peri_tensor *const *xs, int n, bool *reached) {
  *p = (pri_pass){.cx = y->cx, .tape = y->cx->tape, .lo = UINT64_MAX, .hi = y->node};
  if (!p->tape) return peri_fail(p->cx, PERI_ERR_STATE, "%s: no tape is open", who);
  for (int i = 0; i < n; i++) {
    if (!peri_recorded(xs[i])) return peri_fail(p->cx, PERI_ERR_STATE, "%s: variable %d was not lifted on the open tape", who, i + 1);
    if (xs[i]->node < p->lo) p->lo = xs[i]->node;
  }
  *reached = n > 0 && peri_recorded(y) && y->node >= p->lo;
  while (*reached && p->hi + 1 < p->tape->base + (uint64_t)p->tape->n && !pri_slot_at(p, p->hi + 1)->op) p->hi++; /* the whole call */
  return PERI_OK;
}

peri_status pri_pass_open(pri_pass *p, peri_tensor *const *xs, int n) {
  p->adjoints = peri_alloc(p->cx, (size_t)pri_span(p) * sizeof(peri_tensor *));
  if (!p->adjoints) return p->cx->code;
  memset(p->adjoints, 0, (size_t)pri_span(p) * sizeof(peri_tensor *));
  p->needed = peri_alloc(p->cx, (size_t)pri_span(p));
  if (!p->needed) return p->cx->code;
  memset(p->needed, 0, (size_t)pri_span(p));
  for (int i = 0; i < n; i++)
    if (xs[i]->node <= p->hi) p->needed[xs[i]->node - p->lo] = 1;
  for (uint64_t s = p->lo; s <= p->hi; s++) {
    pri_slot *e = pri_slot_at(p, s);
    if (!e->op || p->needed[s - p->lo]) continue;
    peri_tensor **t = pri_tensors_of(e);
    bool any = false;
    for (int i = 0; i < e->in; i++) any |= pri_inside(p, t[i]) && t[i]->node < s;
    for (int i = 0; any && i < e->out; i++) p->needed[s - p->lo + (uint64_t)i] = 1;
  }
  return PERI_OK;
}

/* adjoint of serial += g; takes the reference. Writes in place only into a sum that is the pass's own. */
peri_status pri_accumulate(pri_pass *p, uint64_t serial, peri_tensor *g) {
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

peri_status pri_check_versions(peri_ctx *cx, pri_slot *s) {
  peri_tensor **t = pri_tensors_of(s);
  uint32_t *version = pri_versions_of(s);
  char where[128];
  for (int i = 0; i < s->in + s->out; i++)
    if (pri_owner(t[i])->version != version[i])
      return peri_fail(cx, PERI_ERR_STATE, "ad: %s %d of %s, of shape %s, was modified in place%s after it was recorded; clone it or compute out of place",
                       i < s->in ? "operand" : "result", i < s->in ? i + 1 : i - s->in + 1, s->op->name, peri_shape(t[i]), where_written(cx, t[i], where));
  return PERI_OK;
}

enum { OPERANDS = 64 }; /* a bit each in peri_pull.needs; variadic primitives beyond that need all */

void pri_call_of(pri_pass *p, uint64_t serial, pri_call *c) {
  pri_slot *e = pri_slot_at(p, serial);
  c->t = e->many ? e->many : memcpy(c->few, e->few, sizeof c->few); /* the slots move when a rule appends to the tape */
  c->pull = (peri_pull){.op = e->op, .in = c->t, .n = e->in, .out = c->t + e->in, .args = e->args, .cotangents = &p->adjoints[serial - p->lo]};
  for (int i = 0; i < e->in; i++)
    if (i >= OPERANDS || pri_inside(p, c->t[i])) c->pull.needs |= (uint64_t)1 << (i < OPERANDS ? i : OPERANDS - 1);
}

/* One slot backwards: its results' adjoints through the rule to its operands' adjoints. */
static peri_status step(pri_pass *p, uint64_t serial) {
  peri_tensor *few[PRI_INLINE] = {0}, **grads = few;
  pri_call c;
  if (pri_check_versions(p->cx, pri_slot_at(p, serial))) return p->cx->code;
  pri_call_of(p, serial, &c);
  size_t bytes = (size_t)c.pull.n * sizeof(peri_tensor *);
  if (c.pull.n > PRI_INLINE) {
    grads = peri_alloc(p->cx, bytes);
    if (!grads) return p->cx->code;
    memset(grads, 0, bytes);
  }
  peri_status st = pri_run_rule(&c.pull, grads);
  for (int64_t i = 0; i < c.pull.n; i++) {
    if (!grads[i]) continue;
    if (!st && pri_inside(p, c.t[i])) st = pri_accumulate(p, c.t[i]->node, grads[i]);
    else peri_release(grads[i]);
  }
  if (grads != few) peri_free(p->cx, grads, bytes);
  return st;
}

bool pri_is_x(peri_tensor *const *xs, int n, uint64_t serial) {
  for (int i = 0; i < n; i++)
    if (xs[i]->node == serial) return true;
  return false;
}

bool pri_visits(pri_pass *p, uint64_t serial) {
  pri_slot *e = pri_slot_at(p, serial);
  bool any = false;
  for (int i = 0; e->op && i < e->out; i++) any |= p->adjoints[serial - p->lo + (uint64_t)i] != NULL;
  return any;
}

void pri_drop_adjoints(pri_pass *p, uint64_t serial, int32_t n) {
  for (int i = 0; i < n; i++) {
    peri_release(p->adjoints[serial - p->lo + (uint64_t)i]);
    p->adjoints[serial - p->lo + (uint64_t)i] = NULL;
  }
}

static peri_status sweep_back(pri_pass *p, peri_tensor *const *xs, int n) {
  for (uint64_t s = p->hi + 1; s-- > p->lo;) {
    if (!p->needed[s - p->lo] || !pri_visits(p, s) || pri_is_x(xs, n, s)) continue;
    int32_t out = pri_slot_at(p, s)->out;
    if (pri_stopped(p->cx)) return peri_check_interrupt(p->cx);
    if (step(p, s)) return p->cx->code;
    pri_drop_adjoints(p, s, out);
  }
  return PERI_OK;
}

static peri_status collect(pri_pass *p, bool reached, peri_tensor *const *xs, int n, peri_tensor **grads) {
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
  pri_pass p = {.cx = cx};
  bool reached;
  for (int i = 0; i < n; i++) grads[i] = NULL;
  if (pri_pass_begin(&p, "ad.backward", y, xs, n, &reached)) return cx->code;
  if (seed && !pri_same_shape(seed, y))
    return peri_fail(cx, PERI_ERR_SHAPE, "ad.backward: the seed has shape %s, the result %s", peri_shape(seed), peri_shape(y));
  pri_record *before = cx->record;
  if (p.tape->depth <= 1) cx->record = NULL; /* nobody will differentiate the pass itself */
  peri_status st = PERI_OK;
  if (reached && !(st = pri_pass_open(&p, xs, n)) && p.needed[y->node - p.lo]) {
    peri_tensor **top = &p.adjoints[y->node - p.lo];
    *top = seed ? peri_retain(seed) : ones_like(y);
    st = *top ? sweep_back(&p, xs, n) : cx->code;
  }
  if (!st) st = collect(&p, reached, xs, n, grads);
  if (reached) pri_pass_close(&p);
  cx->record = before;
  if (st)
    for (int i = 0; i < n; i++) peri_release(grads[i]), grads[i] = NULL;
  return st;
}
