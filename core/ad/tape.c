/* tape.c - what was computed, in order.
**
** Every recorded result has a serial number, never reused; slot `serial - base` of the tape describes the call that made it (a call
** with several results takes as many slots, the first of which describes it). Operands and results are retained, with the version of
** the memory behind them, so that a later write in place is found out.
**
** On a tape of examples (peri_lift_data) every call with a batched operand is recorded as well, be it only as a mark on its results: so
** are integers and conditions. What would mix examples is refused there and then.
*/
#include "ad/tape.h"
#include "tensor/example_rules.h"
#include <perigee/ops.h>
#include <stdio.h>

static size_t many_bytes(int64_t n) { return (size_t)n * (sizeof(peri_tensor *) + sizeof(uint32_t)); }

bool peri_recorded(const peri_tensor *x) { return pri_recorded(x); }
bool peri_tape_open(const peri_ctx *cx) { return cx->tape != NULL; }
uint64_t peri_tape_id(const peri_ctx *cx) { return cx->tape ? cx->tape->base : 0; }

static void clear_slot(peri_ctx *cx, pri_slot *s) {
  int64_t n = s->in + s->out;
  peri_tensor **t = pri_tensors_of(s);
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
  pri_slot *wider = peri_alloc(cx, (size_t)cap * sizeof *wider);
  if (!wider) return cx->code;
  if (tape->n) memcpy(wider, tape->slots, (size_t)tape->n * sizeof *wider);
  peri_free(cx, tape->slots, (size_t)tape->cap * sizeof *wider);
  tape->slots = wider;
  tape->cap = cap;
  return PERI_OK;
}

static peri_status fill_slot(peri_ctx *cx, pri_slot *s, const peri_op *op, int64_t nin, peri_tensor *const *in, const peri_args *args,
                             int64_t nout, peri_tensor *const *out) {
  *s = (pri_slot){.op = op, .in = (int32_t)nin, .out = (int32_t)nout};
  if (nin + nout > PRI_INLINE && !(s->many = peri_alloc(cx, many_bytes(nin + nout)))) return cx->code;
  if (args && !(s->args = peri_alloc(cx, sizeof *args))) {
    if (s->many) peri_free(cx, s->many, many_bytes(nin + nout));
    return cx->code;
  }
  if (args) *s->args = *args;
  peri_tensor **t = pri_tensors_of(s);
  uint32_t *version = pri_versions_of(s);
  for (int64_t i = 0; i < nin + nout; i++) {
    t[i] = peri_retain(i < nin ? in[i] : out[i - nin]);
    version[i] = pri_owner(t[i])->version;
  }
  return PERI_OK;
}

static peri_status append(peri_ctx *cx, const peri_op *op, int64_t nin, peri_tensor *const *in, const peri_args *args, int64_t nout,
                          peri_tensor *const *out, uint32_t flags) {
  pri_tape *tape = cx->tape;
  if (reserve(cx, tape, nout)) return cx->code;
  if (fill_slot(cx, &tape->slots[tape->n], op, nin, in, args, nout, out)) return cx->code;
  for (int64_t i = 0; i < nout; i++) {
    if (i) tape->slots[tape->n + i] = (pri_slot){0};
    tape->slots[tape->n + i].flags = flags;
    if (pri_carries_gradient(out[i])) out[i]->node = tape->base + (uint64_t)(tape->n + i);
  }
  tape->n += nout;
  return PERI_OK;
}

static peri_status check_rule(peri_ctx *cx, const peri_op *op, int64_t nout, peri_tensor *const *out) {
  for (int64_t i = 0; i < nout; i++)
    if (out[i]->dtype == PERI_C128)
      return peri_fail(cx, PERI_ERR_DTYPE, "ad: %s gives a complex result of a recorded operand; complex tensors carry no gradient (ad.stop makes the operand a constant)", op->name);
  return PERI_OK;
}

static peri_status refuse(peri_ctx *cx, const peri_op *op) {
  return peri_fail(cx, PERI_ERR_STATE, "ad: %s has no gradient rule; ad.stop(x) makes its operand a constant if that is meant", op->name);
}

/* ---- examples ---- */

/* Slots that only say that these results are batched. */
static peri_status mark_batched(peri_ctx *cx, int64_t nout, peri_tensor *const *out) {
  pri_tape *tape = cx->tape;
  if (reserve(cx, tape, nout)) return cx->code;
  for (int64_t i = 0; i < nout; i++) {
    tape->slots[tape->n] = (pri_slot){.flags = PRI_BATCHED | PRI_INACTIVE};
    out[i]->node = tape->base + (uint64_t)tape->n++;
  }
  return PERI_OK;
}

static uint32_t flags_of(const pri_tape *tape, const peri_tensor *t) {
  return pri_recorded(t) ? tape->slots[t->node - tape->base].flags : PRI_INACTIVE;
}

static peri_status check_examples(peri_ctx *cx, const peri_op *op, peri_tensor *const *in, const peri_args *args, int64_t nout,
                                  peri_tensor *const *out, uint64_t batched) {
  const peri_examples *rule = pri_examples_of(op);
  if (!rule)
    return peri_fail(cx, PERI_ERR_STATE, "ad.per_example: %s does not say how it keeps examples apart; compute it outside, or take one ad.grad an example", op->name);
  if (rule->check && rule->check(op, in, args, out, batched)) return cx->code;
  for (int64_t i = 0; i < nout; i++)
    if (out[i]->ndim == 0 || out[i]->dims[0] != cx->tape->examples) {
      for (int k = 0; k < 63; k++)
        if (batched >> k & 1) return pri_mixes(op, in[k], "moves or merges axis 1");
      return pri_mixes(op, out[i], "moves or merges axis 1");
    }
  return PERI_OK;
}

static peri_status record_examples(peri_ctx *cx, const peri_op *op, int64_t nin, peri_tensor *const *in, const peri_args *args, int64_t nout,
                                   peri_tensor *const *out, bool carries) {
  uint64_t batched = 0;
  bool active = false;
  for (int64_t i = 0; i < nin; i++) {
    uint32_t flags = flags_of(cx->tape, in[i]);
    if (flags & PRI_BATCHED) batched |= (uint64_t)1 << (i < 63 ? i : 63);
    active |= !(flags & PRI_INACTIVE);
  }
  if (batched && check_examples(cx, op, in, args, nout, out, batched)) return cx->code;
  if (active && check_rule(cx, op, nout, out)) return cx->code;
  if (!active || !carries) return batched ? mark_batched(cx, nout, out) : PERI_OK;
  if (!op->vjp) return refuse(cx, op);
  return append(cx, op, nin, in, args, nout, out, batched ? PRI_BATCHED : 0);
}

/* What peri_apply calls after each primitive while a tape is open. */
static peri_status record(peri_ctx *cx, const peri_op *op, int64_t nin, peri_tensor *const *in, const void *args, peri_tensor *const *out) {
  bool descends = false, carries = false;
  int64_t nout = pri_outputs(op, args);
  for (int64_t i = 0; i < nin; i++) descends |= peri_recorded(in[i]);
  for (int64_t i = 0; i < nout; i++) carries |= pri_carries_gradient(out[i]);
  if (!descends) return PERI_OK;
  if (cx->tape->examples >= 0) return record_examples(cx, op, nin, in, args, nout, out, carries);
  if (check_rule(cx, op, nout, out)) return cx->code;
  if (!carries) return PERI_OK;
  if (!op->vjp) return refuse(cx, op);
  return append(cx, op, nin, in, args, nout, out, 0);
}

peri_status peri_tape_begin(peri_ctx *cx, peri_mark *m) {
  pri_tape *tape = cx->tape;
  if (!tape) {
    tape = peri_alloc(cx, sizeof *tape);
    if (!tape) return cx->code;
    *tape = (pri_tape){.base = cx->serial + 1, .examples = -1};
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
  cx->serial = tape->base + (uint64_t)tape->n; /* one beyond the last slot: no two tapes begin alike */
  cx->tape = NULL;
  cx->record = NULL;
  truncate(cx, tape, 0);
  peri_free(cx, tape->slots, (size_t)tape->cap * sizeof(pri_slot));
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

const peri_op pri_op_lift = {.name = "ad.lift", .arity = 1, .outputs = 1, .result = PERI_RESULT_OWN, .run = run_lift, .vjp = vjp_lift,
                             .per_example = &pri_examples_view, .signature = "peri_lift(x)", .help = "A differentiable alias.", .samples = "none"};

peri_tensor *peri_lift(peri_tensor *x) {
  peri_ctx *cx = x->cx;
  if (!cx->tape) return peri_fail(cx, PERI_ERR_STATE, "ad.lift: no tape is open"), NULL;
  if (!pri_carries_gradient(x))
    return peri_fail(cx, PERI_ERR_DTYPE, "ad: a tensor of dtype %s carries no gradient; cast it to f32 or f64",
                     peri_dtype_name((peri_dtype)x->dtype)),
           NULL;
  peri_tensor *v = NULL;
  if (run_lift(&pri_op_lift, &x, NULL, &v)) return NULL;
  if (append(cx, &pri_op_lift, 1, &x, NULL, 1, &v, flags_of(cx->tape, x) & PRI_BATCHED)) return peri_release(v), NULL;
  return v;
}

peri_tensor *peri_lift_data(peri_tensor *x) {
  peri_ctx *cx = x->cx;
  pri_tape *tape = cx->tape;
  if (!tape || tape->depth != 1) return peri_fail(cx, PERI_ERR_STATE, "ad.per_example: cannot be differentiated, or nested in another gradient"), NULL;
  if (x->ndim == 0) return peri_fail(cx, PERI_ERR_SHAPE, "ad.per_example: data need an axis of examples, got a tensor of shape ()"), NULL;
  if (tape->examples < 0) tape->examples = x->dims[0];
  if (x->dims[0] != tape->examples)
    return peri_fail(cx, PERI_ERR_SHAPE, "ad.per_example: data of shape %s do not have %lld examples along axis 1, as those before do", peri_shape(x),
                     (long long)tape->examples),
           NULL;
  peri_tensor *v = NULL;
  if (run_lift(&pri_op_lift, &x, NULL, &v)) return NULL;
  if (mark_batched(cx, 1, &v)) return peri_release(v), NULL;
  return v;
}
