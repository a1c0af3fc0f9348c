/* perigee/op.h (tensor) - one descriptor per primitive.
**
** A primitive is one constant peri_op in the module that owns it. Every primitive runs through peri_apply, which is
** therefore the one place where calls are checked, counted, interrupted and (by the tape) recorded.
*/
#ifndef PERIGEE_OP_H
#define PERIGEE_OP_H

#include <perigee/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is not a tensor: axes, sizes, flags, numbers, by the primitive's own convention. */
typedef struct {
  int64_t i[2 * PERI_MAXDIM + 4];
  double f[4];
} peri_args;

typedef enum {
  PERI_RESULT_SAME,    /* the promoted dtype of the operands */
  PERI_RESULT_FLOAT,   /* the same, but at least f64 for bool and i64 operands */
  PERI_RESULT_BOOL,
  PERI_RESULT_REAL,    /* like SAME, f64 for c128 */
  PERI_RESULT_NUMERIC, /* like SAME, i64 for bool */
  PERI_RESULT_COMPLEX, /* computed in f64, gives c128 */
  PERI_RESULT_OWN      /* `run` decides */
} peri_result;

enum { PERI_VARIADIC = 255 }; /* as an arity: args->i[0] operands; as a number of outputs: args->i[0] results; at least one */

enum { PERI_MAP_SCALAR = -1 }; /* as a map: elementwise, by a plain function of numbers */

typedef struct peri_op peri_op;

/* What a gradient rule is given: the call as it was, the cotangents of its results (NULL: zero), and which operands (bit i; bit 63
** for all from the 64th on) gradients are needed for. */
typedef struct peri_pull {
  const peri_op *op;
  peri_tensor *const *in;
  int64_t n;                /* operands */
  peri_tensor *const *out;
  const peri_args *args;
  peri_tensor *const *cotangents;
  uint64_t needs;
} peri_pull;

/* How a primitive meets examples (ad.per_example, perigee/ad.h). The first axis of a *batched* operand, one that depends on the data,
** counts them; other operands are *shared*. Bit i of `batched` (bit 63 for all from the 64th on): operand i. Nothing of this is
** recorded, so a rule need not be differentiable. */
typedef struct peri_examples {
  /* Refuses calls that would mix examples: row i of each result may depend on row i of the batched operands alone. That results begin
  ** with the axis of examples is looked at afterwards. NULL: nothing else to check. */
  peri_status (*check)(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out, uint64_t batched);
  /* Like the op's vjp, but the gradient of a shared operand has the examples as one axis more, the first. NULL: a shared
  ** operand that needs a gradient is refused. */
  peri_status (*vjp)(const peri_pull *p, uint64_t batched, peri_tensor **grads);
  /* (n): the sum of squares, example by example, of what vjp gives for shared operand i, without forming it. NULL, or *norms
  ** left NULL: it is formed. */
  peri_status (*sqnorms)(const peri_pull *p, uint64_t batched, int i, peri_tensor **norms);
  /* Writes what vjp gives for shared operand i into place, a view of that shape whose elements hold nothing yet. NULL: vjp's result is copied. */
  peri_status (*put)(const peri_pull *p, uint64_t batched, int i, peri_tensor *place);
  bool moves; /* results are views (or, of a reshape, a copy): elements of the first operand, none of them in two places */
} peri_examples;

struct peri_op {
  const char *name;        /* "tensor.exp"; opens its messages */
  const char *signature;   /* "a:exp()" */
  const char *help;        /* one sentence for `help` */
  const char *samples;     /* inputs of its generated test: "any", "positive", "unit", "bool", "integer", ... */
  uint8_t arity, outputs;
  uint8_t result;          /* peri_result */
  uint8_t accepts;         /* bit set of the promoted dtypes it is defined for: 1 << PERI_F64 | ...; 0: all */
  int16_t map;             /* elementwise: row of the kernel table of its arity, starting from 1, or PERI_MAP_SCALAR; 0: uses `run` */
  /* Refuses values of the operands that the kernel cannot be given; NULL: none. dtype is what it computes in. */
  peri_status (*check)(const peri_op *op, peri_dtype dtype, peri_tensor *const *in);
  /* Everything else: computes new tensors out[0 .. outputs-1]; on error releases what it made. */
  peri_status (*run)(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out);
  /* Gradient rule: sets grads[i], a new reference of the shape of in[i], for each operand that p->needs; NULL stands for zero. Written
  ** in recordable primitives, so that it can be differentiated in its turn. NULL: no rule, recording it is an error. */
  peri_status (*vjp)(const struct peri_pull *p, peri_tensor **grads);
  /* With PERI_MAP_SCALAR: the function of as many numbers as the arity, pure, for f64; f32 is computed in double and rounded. */
  union { double (*of1)(double); double (*of2)(double, double); double (*of3)(double, double, double); } scalar;
  /* What it makes of examples. NULL: elementwise primitives broadcast as usual, all others refuse batched operands. */
  const peri_examples *per_example;
};

/* Runs op on its operands (args may be NULL where op takes none). Single output: a new reference, or NULL. */
PERI_API peri_tensor *peri_apply(const peri_op *op, peri_tensor *const *in, const peri_args *args);
PERI_API peri_status peri_apply_many(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out);

/* The in-place family, elementwise ops only: out = op(in...), broadcast to out's shape and cast to out's dtype. out may be
** an operand or overlap one. PERI_ERR_SHAPE if the result would not fit; PERI_ERR_DTYPE if the cast would lose kind
** (float into integer, complex into real). */
PERI_API peri_status peri_apply_(const peri_op *op, peri_tensor *out, peri_tensor *const *in, const peri_args *args);

/* While on, the first primitive, gradient rule or optimiser's step whose result holds NaN though no operand does, or infinity though all operands
** are finite, fails with PERI_ERR_NUMERIC and says which, where and of what shape. Off, it costs a comparison a call; on, a pass over each
** result. Returns what it was. */
PERI_API bool peri_stop_nonfinite(peri_ctx *cx, bool on);
PERI_API void peri_note_step(peri_ctx *cx, int64_t step); /* the step of the host's loop, for that message; 0: none */

#ifdef __cplusplus
}
#endif
#endif
