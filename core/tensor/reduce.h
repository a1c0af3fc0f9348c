/* reduce.h - what the files of the reductions share. */
#ifndef PRI_REDUCE_H
#define PRI_REDUCE_H

#include "tensor/fold.h"

extern const peri_op pri_op_sum, pri_op_prod, pri_op_mean, pri_op_var, pri_op_std, pri_op_min, pri_op_max, pri_op_argmin, pri_op_argmax,
    pri_op_norm, pri_op_dot, pri_op_logsumexp, pri_op_any, pri_op_all, pri_op_count, pri_op_cumsum, pri_op_cumprod;

/* Runs the fold of a's dtype: args i[0] axes, i[1] keep, i[2] ddof, f[0] p. */
peri_status pri_reduce(const peri_op *op, const pri_fold *folds, peri_tensor *a, const peri_args *args, peri_tensor **out);

#endif
