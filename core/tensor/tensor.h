/* tensor.h - what the modules above know of tensors beyond the public header. */
#ifndef PRI_TENSOR_H
#define PRI_TENSOR_H

#include <perigee/tensor.h>
#include <perigee/op.h>
#include "base/base.h"
#include <string.h>

enum { PRI_CONTIGUOUS = 1 << 8 }; /* in peri_tensor.flags, beside the public ones: C order without gaps */

static inline peri_tensor *pri_owner(peri_tensor *t) { return t->base ? t->base : t; }
static inline bool pri_contiguous(const peri_tensor *t) { return (t->flags & PRI_CONTIGUOUS) != 0; }
static inline bool pri_same_shape(const peri_tensor *a, const peri_tensor *b) {
  if (a->ndim != b->ndim) return false;
  for (int i = 0; i < a->ndim; i++)
    if (a->dims[i] != b->dims[i]) return false;
  return true;
}
static inline bool pri_recorded(const peri_tensor *t) { return t->cx->tape && t->node > t->cx->serial; }
static inline bool pri_is_float(peri_dtype t) { return t == PERI_F32 || t == PERI_F64; }

/* How many results a call gives. */
static inline int64_t pri_outputs(const peri_op *op, const peri_args *args) { return op->outputs == PERI_VARIADIC ? args->i[0] : op->outputs; }

/* The right-most of two dtypes; a weak one counts only if it is of a later kind (bool, integer, float, complex). */
static inline peri_dtype pri_promote(peri_dtype a, bool a_weak, peri_dtype b, bool b_weak) {
  if (a == b) return a;
  if (a_weak == b_weak) return a > b ? a : b;
  peri_dtype weak = a_weak ? a : b, strong = a_weak ? b : a;
  bool later = weak > strong && !(weak == PERI_F64 && strong == PERI_F32);
  return later ? weak : strong;
}

/* A walk over up to four operands of one shape, in C order: axes of size 1 dropped, neighbours merged where every
** operand allows, so that the innermost run is as long as it can be. strides are in elements. */
enum { PRI_WALK = 4 };
typedef struct {
  int nd, n;                                   /* axes (>= 1), operands */
  int64_t dims[PERI_MAXDIM];
  int64_t strides[PRI_WALK][PERI_MAXDIM];
  int64_t size;
} pri_walk;
/* strides of operand k of a common shape (nd, dims), broadcasting from the last axis. */
void pri_broadcast_strides(const peri_tensor *t, int nd, int64_t *strides);
void pri_walk_make(pri_walk *w, int nd, const int64_t *dims, int n, int64_t strides[][PERI_MAXDIM]);
/* The position of linear index k: index[] along the axes, offsets[] of the operands. */
void pri_walk_seek(const pri_walk *w, int64_t k, int64_t *index, int64_t *offsets);
/* One step along the second-innermost axis and outwards; index[] and offsets[] are those of a row start. */
void pri_walk_next_row(const pri_walk *w, int64_t *index, int64_t *offsets);

/* Copies n elements of `bytes` each between a strided and a contiguous place; stride in elements. */
void pri_gather(void *dst, const void *src, int64_t stride, int64_t n, size_t bytes);
void pri_scatter(void *dst, int64_t stride, const void *src, int64_t n, size_t bytes);

/* Copies src, broadcast and cast, into dst; they do not overlap. Records nothing: for what a primitive does inside. Neither
** needs to be a real object: a header on the stack with cx, dtype, shape, strides, size and data will do. */
void pri_copy_into(peri_tensor *dst, const peri_tensor *src);

/* Axis k counted from 0, negative from the end; -1 with PERI_ERR_INDEX in the name of `who` if there is none. */
int pri_axis(const char *who, const peri_tensor *t, int64_t axis);

/* PERI_OK if t may be written in place; PERI_ERR_STATE in the name of `who` otherwise. Marks the write. */
peri_status pri_write(const char *who, peri_tensor *t);
/* The same where `from` supplies the values. Writing in place is not recorded: a recorded `from` would lose its gradient without a word,
** so it is PERI_ERR_STATE. */
peri_status pri_write_from(const char *who, peri_tensor *t, const peri_tensor *from);

/* ---- peri_stop_nonfinite (watch.c) ---- */
enum { PRI_HAS_NAN = 1, PRI_HAS_INF = 2 };
unsigned pri_nonfinite(const peri_tensor *t);                        /* bit set of the above */
unsigned pri_nonfinite_of(peri_tensor *const *in, int64_t n);        /* of any of them; NULLs are skipped */
/* Fails in the name of `what` if result holds something worse than its operands did (pri_nonfinite). To be called while cx->watch. */
peri_status pri_watch(const char *what, const peri_tensor *result, unsigned operands);
peri_status pri_watch_results(const peri_op *op, peri_tensor *const *in, int64_t n, peri_tensor *const *out, int64_t outputs);
/* The op's gradient rule, looked at as a whole while cx->watch. */
peri_status pri_run_rule(const peri_pull *p, peri_tensor **grads);

#endif
