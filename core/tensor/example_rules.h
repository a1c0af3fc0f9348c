/* example_rules.h - what tensor primitives make of examples (peri_examples, perigee/op.h). */
#ifndef PRI_EXAMPLE_RULES_H
#define PRI_EXAMPLE_RULES_H
#include <perigee/op.h>

extern const peri_examples pri_examples_elementwise; /* every primitive with a `map` has it */
extern const peri_examples pri_examples_rows;        /* one operand, axis 1 stays where the shape of the result says it does */
extern const peri_examples pri_examples_view;        /* the same, of primitives that give other views of their operand */
extern const peri_examples pri_examples_reduction;   /* i[0]: axes */
extern const peri_examples pri_examples_quantile;
extern const peri_examples pri_examples_axis;        /* along the axis i[0] */
extern const peri_examples pri_examples_axis_view;
extern const peri_examples pri_examples_slice;
extern const peri_examples pri_examples_second_axis; /* along the axis i[1] */
extern const peri_examples pri_examples_join;        /* several operands, along the axis i[1] */
extern const peri_examples pri_examples_transpose;
extern const peri_examples pri_examples_permute;
extern const peri_examples pri_examples_flip;
extern const peri_examples pri_examples_leading;     /* the result has as many axes as the operand */
extern const peri_examples pri_examples_matrices;    /* of the last two axes, neither of which counts examples */
extern const peri_examples pri_examples_matrices_view;
extern const peri_examples pri_examples_unpack;
extern const peri_examples pri_examples_gather;
extern const peri_examples pri_examples_along;       /* operands batched alike, along the axis i[0] */
extern const peri_examples pri_examples_mask;

static inline const peri_examples *pri_examples_of(const peri_op *op) {
  return op->per_example ? op->per_example : op->map ? &pri_examples_elementwise : NULL;
}

/* PERI_ERR_SHAPE: "ad.per_example: tensor.sum ..., got shape (...)". */
peri_status pri_mixes(const peri_op *op, const peri_tensor *x, const char *why);

/* The vjp of primitives that broadcast from the last axis: every example is given its own copy, by a view, of a shared operand, and
** the ordinary rule does the rest. */
peri_status pri_vjp_own_copies(const peri_pull *p, uint64_t batched, peri_tensor **grads);

/* x (...) as n copies of itself, (n, 1, ..., ...) with nd axes in all: a view. */
peri_tensor *pri_own_copies(peri_tensor *x, int64_t n, int nd);

/* (n): sums of squares over all axes but the first. Takes t over. */
peri_tensor *pri_row_squares(peri_tensor *t);

#endif
