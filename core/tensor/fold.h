/* fold.h - the engine behind reductions: an associative combination of the elements of lines.
**
** A fold takes a line in blocks of up to `span` elements; `block` makes the state of one, `merge` joins the states of neighbours in
** a binary tree (equal-sized ones first, as in a binary counter), `finish` turns the last state into an element of the
** result. A span of PRI_FOLD_CHUNK is for combinations whose `block` already has that tree inside, or has no rounding.
*/
#ifndef PRI_FOLD_H
#define PRI_FOLD_H

#include "tensor/lines.h"

enum { PRI_FOLD_BLOCK = 1024, PRI_FOLD_CHUNK = 1 << 16 };

typedef union { double f[4]; int64_t i[4]; } pri_state;

/* What is the same for all lines of one call. */
typedef struct {
  const pri_kernels *k;
  double p;        /* of norms */
  int64_t ddof;    /* of variances */
} pri_fold_env;

typedef enum { PRI_COLUMNS_NONE, PRI_COLUMNS_F64, PRI_COLUMNS_I64, PRI_COLUMNS_C128 } pri_columns;

typedef struct {
  peri_dtype wants, result;    /* elements are cast to `wants` first */
  int span;
  pri_columns columns;         /* the state is a plain sum of `wants` in f[0], i[0], or f[0] and f[1] */
  pri_state empty;             /* of no elements */
  /* n >= 1 elements of `wants`, the first of them at position `first` of its line */
  void (*block)(const pri_fold_env *e, pri_state *s, const void *x, int64_t n, int64_t first);
  void (*merge)(const pri_fold_env *e, pri_state *a, const pri_state *b);                /* a = a then b */
  void (*finish)(const pri_fold_env *e, const pri_state *s, int64_t n, void *out);       /* n elements in all */
} pri_fold;

/* The heads of the three functions, whose unused parameters are no matter. */
#define PRI_UNUSED __attribute__((unused))
#define PRI_BLOCK(name)                                                                                                \
  static void name(PRI_UNUSED const pri_fold_env *e, pri_state *s, const void *x, int64_t n, PRI_UNUSED int64_t first)
#define PRI_MERGE(name) static void name(PRI_UNUSED const pri_fold_env *e, pri_state *a, const pri_state *b)
#define PRI_FINISH(name)                                                                                               \
  static void name(PRI_UNUSED const pri_fold_env *e, const pri_state *s, PRI_UNUSED int64_t n, void *out)

/* The fold over `bits` (see pri_axes) as a new tensor; NULL on error. */
peri_tensor *pri_fold_run(const pri_fold *f, const pri_fold_env *e, peri_tensor *a, uint32_t bits, bool keep);

/* States in the order of their blocks, joined as they come. */
typedef struct {
  pri_state stack[48];
  int depth;
  int64_t count;
} pri_tree;
void pri_tree_add(const pri_fold *f, const pri_fold_env *e, pri_tree *t, const pri_state *s);
pri_state pri_tree_close(const pri_fold *f, const pri_fold_env *e, pri_tree *t);

/* fold_columns.c: the plain sums of `rows` <= PRI_FOLD_BLOCK rows of `width` <= PRI_COLUMN_WIDTH elements, one for each column, in the
** order of a block, as dtype `sum`; sums has room for PRI_COLUMN_ROOM doubles. Row i starts offsets[i] elements from x, the elements
** of a row are `stride` apart and of dtype `has`. */
enum { PRI_COLUMN_WIDTH = 512, PRI_COLUMN_ROOM = 4096 };
void pri_column_sums(const pri_kernels *k, void *sums, peri_dtype sum, const char *x, peri_dtype has, int64_t stride, const int64_t *offsets,
                     int64_t rows, int64_t width);

#endif
