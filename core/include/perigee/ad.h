/* perigee/ad.h - reverse-mode differentiation over a tape.
**
** A context has one tape, open between peri_tape_begin and peri_tape_end. While it is open, every primitive with an operand that
** descends from a lifted tensor is recorded; nothing else is. Calls nest: an inner begin/end pair works on a range of the same
** tape, and recording stays on during an inner backward pass, so that its result can be differentiated again.
**
**     peri_mark m;
**     peri_tape_begin(cx, &m);
**     peri_tensor *v = peri_lift(x), *y = f(v), *g = NULL;
**     if (v && y) peri_backward(y, NULL, &v, 1, &g);
**     peri_tape_end(cx, m);                                     always, after errors too
**
** Only f32 and f64 carry gradients; results of another dtype are constants. After peri_tape_end of the outermost mark every
** tensor is a constant again.
*/
#ifndef PERIGEE_AD_H
#define PERIGEE_AD_H

#include <perigee/op.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct { uint64_t from; int depth; } peri_mark;

PERI_API peri_status peri_tape_begin(peri_ctx *cx, peri_mark *m);
PERI_API void peri_tape_end(peri_ctx *cx, peri_mark m);

/* A fresh alias of x that gradients can be taken with respect to; recorded in its turn if x is. PERI_ERR_DTYPE unless f32 or f64. */
PERI_API peri_tensor *peri_lift(peri_tensor *x);

/* Whether x descends from a lifted tensor of the open tape. */
PERI_API bool peri_recorded(const peri_tensor *x);

/* Whether a tape is open: what is written in place now may have been recorded. */
PERI_API bool peri_tape_open(const peri_ctx *cx);

/* A number that no two tapes share; 0 if none is open. */
PERI_API uint64_t peri_tape_id(const peri_ctx *cx);

/* Says who writes into t in place ("add_ at step.lua:41"), for the message if t turns out to be needed as it was. */
PERI_API void peri_note_write(peri_tensor *t, const char *where);

/* grads[i] = d<seed, y> / d xs[i], new references of the shapes and dtypes of xs; zeros where y does not depend on xs[i]. seed has
** y's shape; NULL means ones. The xs come from peri_lift. PERI_ERR_STATE if an operand was modified in place after it was
** recorded. On error every grads[i] is NULL. */
PERI_API peri_status peri_backward(peri_tensor *y, peri_tensor *seed, peri_tensor *const *xs, int n, peri_tensor **grads);

/* ---- gradients example by example ----
**
** What depends on data lifted by peri_lift_data is *batched*: its first axis counts the examples, which every primitive must keep apart
** (peri_examples, perigee/op.h), else PERI_ERR_SHAPE; everything else is *shared*. y is batched of shape (examples).
** Only within the outermost begin/end pair. */

/* A fresh alias of x, of any dtype, whose first axis counts examples; all x of a tape have as many. PERI_ERR_SHAPE. */
PERI_API peri_tensor *peri_lift_data(peri_tensor *x);

/* grads[i], of shape (examples, dims of xs[i]): row k is d y[k] / d xs[i]. On error every grads[i] is NULL. */
PERI_API peri_status peri_backward_examples(peri_tensor *y, peri_tensor *const *xs, int n, peri_tensor **grads);

/* (examples), f64: the squared norm of example k's gradient by all xs together. Gradients by what is used once are not formed
** where the primitive knows better. */
PERI_API peri_tensor *peri_sqnorms(peri_tensor *y, peri_tensor *const *xs, int n);

#ifdef __cplusplus
}
#endif
#endif
