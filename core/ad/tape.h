/* tape.h - what the files of the tape share: slots, and the state of a backward pass. */
#ifndef PRI_TAPE_H
#define PRI_TAPE_H

#include "base/base.h"
#include "tensor/tensor.h"
#include <perigee/ad.h>

enum { PRI_INLINE = 4 };

/* What a slot's results are to a pass over examples; both 0 outside ad.per_example. */
enum {
  PRI_BATCHED = 1,  /* they begin with the axis of examples */
  PRI_INACTIVE = 2  /* nothing to differentiate: the slot is only there for the flag, and describes no call */
};

typedef struct {
  const peri_op *op;        /* NULL: a further result of the call before */
  peri_args *args;
  int32_t in, out;          /* numbers of operands and results */
  peri_tensor **many;       /* in + out tensors if they do not fit */
  peri_tensor *few[PRI_INLINE];
  uint32_t versions[PRI_INLINE];
  uint32_t flags;
} pri_slot;

struct pri_tape {
  pri_slot *slots;
  int64_t n, cap;
  uint64_t base;            /* serial of slots[0] */
  int depth;                /* open marks */
  int64_t examples;         /* how many; -1: not a tape of examples */
};

static inline peri_tensor **pri_tensors_of(pri_slot *s) { return s->many ? s->many : s->few; }
static inline uint32_t *pri_versions_of(pri_slot *s) { return s->many ? (uint32_t *)(s->many + s->in + s->out) : s->versions; }
static inline bool pri_carries_gradient(const peri_tensor *t) { return pri_is_float((peri_dtype)t->dtype); }

typedef struct {
  peri_ctx *cx;
  pri_tape *tape;
  uint64_t lo, hi;          /* serials that the pass covers, both included */
  peri_tensor **adjoints;   /* of serial lo + i */
  uint8_t *needed;          /* whether serial lo + i depends on an x */
} pri_pass;

static inline pri_slot *pri_slot_at(const pri_pass *p, uint64_t serial) { return &p->tape->slots[serial - p->tape->base]; }
static inline int64_t pri_span(const pri_pass *p) { return (int64_t)(p->hi - p->lo) + 1; }
/* Whether t is a result within the pass through which gradients flow to an x. */
static inline bool pri_inside(const pri_pass *p, const peri_tensor *t) {
  return t->node >= p->lo && t->node <= p->hi && p->needed[t->node - p->lo] && pri_carries_gradient(t);
}
static inline bool pri_batched_at(const pri_pass *p, const peri_tensor *t) {
  return t->node >= p->tape->base && t->node < p->tape->base + (uint64_t)p->tape->n && (pri_slot_at(p, t->node)->flags & PRI_BATCHED);
}

/* The range of serials from the xs to y; *reached tells whether y lies above one of them. PERI_ERR_STATE if an x is not on the tape. */
peri_status pri_pass_begin(pri_pass *p, const char *who, peri_tensor *y, peri_tensor *const *xs, int n, bool *reached);
peri_status pri_pass_open(pri_pass *p, peri_tensor *const *xs, int n); /* allocates, and finds what is needed */
void pri_pass_close(pri_pass *p);
/* adjoint of serial += g; takes the reference. */
peri_status pri_accumulate(pri_pass *p, uint64_t serial, peri_tensor *g);
peri_status pri_check_versions(peri_ctx *cx, pri_slot *s);

/* The call of a slot as a rule wants it. t points to the operands and results, at a place that stays when the tape grows. */
typedef struct { peri_pull pull; peri_tensor *few[PRI_INLINE], **t; } pri_call;
void pri_call_of(pri_pass *p, uint64_t serial, pri_call *c);

bool pri_is_x(peri_tensor *const *xs, int n, uint64_t serial);
/* Whether the slot of that serial describes a call that the pass must go through. */
bool pri_visits(pri_pass *p, uint64_t serial);
void pri_drop_adjoints(pri_pass *p, uint64_t serial, int32_t n);

extern const peri_op pri_op_lift;

#endif
