/* order.h - elements as unsigned keys of the same order, and what can be done with keys. */
#ifndef PRI_ORDER_H
#define PRI_ORDER_H

#include "tensor/lines.h"

/* A float becomes its bits with the sign flipped, or all bits if it was negative: unsigned comparison of keys is comparison of values.
** NaN becomes PRI_NAN_KEY, above infinity. In descending order keys are complemented, except that of NaN. */
static const uint64_t pri_nan_key = UINT64_MAX;

void pri_keys(uint64_t *key, const void *x, int64_t n, peri_dtype t, bool descending);
void pri_values(void *x, const uint64_t *key, int64_t n, peri_dtype t, bool descending);
double pri_key_value(uint64_t key, peri_dtype t);     /* of an ascending key, as double */

typedef struct { uint64_t key; int64_t position; } pri_ranked;

/* Stable; room has n elements too; the result is in x. Given up early, with x any permutation, once cx is interrupted. */
void pri_sort_keys(const peri_ctx *cx, uint64_t *x, uint64_t *room, int64_t n);
void pri_sort_ranked(const peri_ctx *cx, pri_ranked *x, pri_ranked *room, int64_t n);

/* The key of sorted position k, 0 <= k < n; room has n elements. *below: how many keys are smaller. */
uint64_t pri_select_key(const uint64_t *x, uint64_t *room, int64_t n, int64_t k, int64_t *below);

extern const peri_op pri_op_sort, pri_op_argsort, pri_op_topk, pri_op_partition, pri_op_quantile, pri_op_searchsorted, pri_op_histogram;

/* Lines of `in` along bits, mapped one by one with scratch of room_per_line bytes each; at most SCRATCHES are in use at once. */
typedef struct pri_line_job pri_line_job;
struct pri_line_job {
  void (*line)(const pri_line_job *j, int64_t line, void *scratch);
  peri_ctx *cx;
  pri_lines l;
  size_t scratch;         /* bytes that one line needs */
  void *ud;
  /* private */
  char *room;
  int64_t group;
};
peri_status pri_each_line(pri_line_job *j);

/* PERI_ERR_DTYPE for c128, in the name of op. */
peri_status pri_ordered(const peri_op *op, const peri_tensor *t);

#endif
