/* fold_columns.c - sums down the columns of a tile, by adding rows.
**
** A block of up to 1024 rows goes into 32 lanes, row i into lane i mod 32; then lane i takes lane i + 16, i + 8, ... : in each column
** the order in which the kernels sum a contiguous block (core/kernels/wide/sums.c), so the bits are the same.
** Narrow rows without gaps: 32 rows are one long row, and all lanes of all columns are added at once. Otherwise the tree
** over lanes is walked from its root, and each leaf adds the rows of its lane: seven rows of sums live at a time.
*/
#include "tensor/fold.h"

enum { LANES = 32, WIDTH = PRI_COLUMN_WIDTH, NARROW = 64 };

typedef struct {
  const pri_kernels *k;
  pri_map2 *add;
  void (*cast)(void *r, const void *x, int64_t n); /* NULL if the rows are of the dtype of the sums */
  const char *x;
  int64_t bytes, stride;     /* of an element of a row; from one to the next, in elements */
  const int64_t *offsets;
  int64_t rows, width;
  peri_dtype sum;
  size_t unit;               /* bytes of a sum */
} tile;

/* n elements from row i on, as the sums want them: in place, or in one of two buffers of 2 n doubles */
static const void *row_of(const tile *t, int64_t i, int64_t n, double *native, double *cast) {
  const void *row = t->x + t->offsets[i] * t->bytes;
  if (t->stride != 1) {
    pri_gather(native, row, t->stride, n, (size_t)t->bytes);
    row = native;
  }
  if (!t->cast) return row;
  t->cast(cast, row, n);
  return cast;
}

static void add_row(const tile *t, void *r, int64_t i) {
  double native[2 * WIDTH], cast[2 * WIDTH];
  t->add(r, r, 1, row_of(t, i, t->width, native, cast), 1, t->width);
}

/* r = 0 + row i: lanes start at zero, which turns -0 into 0 */
static void start_row(const tile *t, void *r, int64_t i) {
  static const double zero[2] = {0, 0};
  double native[2 * WIDTH], cast[2 * WIDTH];
  t->add(r, row_of(t, i, t->width, native, cast), 1, zero, 0, t->width);
}

static const double *plain_row(const tile *t, int64_t i) { return (const double *)(t->x + t->offsets[i] * t->bytes); }

/* r = the sum of lane `lane`: rows lane, lane + 32, ...; four at a time where they can be read in place */
static void sum_lane(const tile *t, void *r, int64_t lane) {
  bool plain = !t->cast && t->stride == 1 && t->sum != PERI_I64;
  int64_t i = lane + LANES, n = t->width * (int64_t)(t->unit / 8);
  start_row(t, r, lane);
  for (; plain && i + 3 * LANES < t->rows; i += 4 * LANES)
    t->k->add4_f64(r, plain_row(t, i), plain_row(t, i + LANES), plain_row(t, i + 2 * LANES), plain_row(t, i + 3 * LANES), n);
  for (; i < t->rows; i += LANES) add_row(t, r, i);
}

/* r = the joined sum of the lanes that are `lane` modulo `step`. Lanes without rows are zero and are left out; what is joined to
** the first lane may be a row itself, because a sum that started at zero is not -0. */
static void sum_tree(const tile *t, void *r, int64_t lane, int64_t step) {
  if (step == LANES) {
    sum_lane(t, r, lane);
    return;
  }
  sum_tree(t, r, lane, 2 * step);
  if (lane + step >= t->rows) return;
  if (lane + 3 * step >= t->rows) {
    add_row(t, r, lane + step);
    return;
  }
  double other[2 * WIDTH];
  sum_tree(t, other, lane + step, 2 * step);
  t->add(r, r, 1, other, 1, t->width);
}

static bool gapless(const tile *t) {
  if (t->width > NARROW || t->stride != 1) return false;
  for (int64_t i = 1; i < t->rows; i++)
    if (t->offsets[i] - t->offsets[i - 1] != t->width) return false;
  return true;
}

static void sum_gapless(const tile *t, double *r) {
  double cast[2 * LANES * NARROW];
  memset(r, 0, LANES * (size_t)t->width * t->unit);
  for (int64_t i = 0; i < t->rows; i += LANES) {
    int64_t n = t->width * (t->rows - i < LANES ? t->rows - i : LANES);
    t->add(r, r, 1, row_of(t, i, n, NULL, cast), 1, n);
  }
  for (int half = LANES / 2; half; half /= 2)
    t->add(r, r, 1, (char *)r + (size_t)(half * t->width) * t->unit, 1, half * t->width);
}

void pri_column_sums(const pri_kernels *k, void *sums, peri_dtype sum, const char *x, peri_dtype has, int64_t stride, const int64_t *offsets,
                     int64_t rows, int64_t width) {
  tile t = {.k = k, .add = k->map2[PRI_MAP2_add][sum], .cast = has == sum ? NULL : k->cast[sum][has], .x = x,
            .bytes = (int64_t)peri_sizeof(has), .stride = stride, .offsets = offsets, .rows = rows, .width = width, .sum = sum,
            .unit = peri_sizeof(sum)};
  if (gapless(&t)) sum_gapless(&t, sums);
  else sum_tree(&t, sums, 0, 1);
}
