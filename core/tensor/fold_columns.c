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
  pri_map2 *add;
  void (*cast)(void *r, const void *x, int64_t n); /* NULL if the rows are of the dtype of the sums */
  const char *x;
  int64_t bytes;             /* of an element of a row */
  const int64_t *offsets;
  int64_t rows, width;
  size_t unit;               /* bytes of a sum */
} tile;

static const void *row_of(const tile *t, int64_t i, void *buffer, int64_t n) {
  const void *row = t->x + t->offsets[i] * t->bytes;
  if (!t->cast) return row;
  t->cast(buffer, row, n);
  return buffer;
}

/* r = the sum of lane `lane`: rows lane, lane + 32, ... */
static void sum_lane(const tile *t, void *r, int64_t lane) {
  double buffer[2 * WIDTH];
  memset(r, 0, (size_t)t->width * t->unit);
  for (int64_t i = lane; i < t->rows; i += LANES) t->add(r, r, 1, row_of(t, i, buffer, t->width), 1, t->width);
}

/* r = the joined sum of the lanes that are `lane` modulo `step`. Lanes without rows are zero and are left out. */
static void sum_tree(const tile *t, void *r, int64_t lane, int64_t step) {
  double other[2 * WIDTH];
  if (step == LANES) {
    sum_lane(t, r, lane);
    return;
  }
  sum_tree(t, r, lane, 2 * step);
  if (lane + step >= t->rows) return;
  sum_tree(t, other, lane + step, 2 * step);
  t->add(r, r, 1, other, 1, t->width);
}

static bool gapless(const tile *t) {
  if (t->width > NARROW) return false;
  for (int64_t i = 1; i < t->rows; i++)
    if (t->offsets[i] - t->offsets[i - 1] != t->width) return false;
  return true;
}

static void sum_gapless(const tile *t, double *r) {
  double buffer[2 * LANES * NARROW];
  memset(r, 0, LANES * (size_t)t->width * t->unit);
  for (int64_t i = 0; i < t->rows; i += LANES) {
    int64_t n = t->width * (t->rows - i < LANES ? t->rows - i : LANES);
    t->add(r, r, 1, row_of(t, i, buffer, n), 1, n);
  }
  for (int half = LANES / 2; half; half /= 2)
    t->add(r, r, 1, (char *)r + (size_t)(half * t->width) * t->unit, 1, half * t->width);
}

void pri_column_sums(const pri_fold *f, const pri_kernels *k, pri_state *s, const char *x, peri_dtype has, const int64_t *offsets,
                     int64_t rows, int64_t width) {
  double sums[2 * LANES * NARROW];
  peri_dtype sum = f->columns == PRI_COLUMNS_I64 ? PERI_I64 : f->columns == PRI_COLUMNS_F64 ? PERI_F64 : PERI_C128;
  tile t = {.add = k->map2[PRI_MAP2_add][sum], .cast = has == sum ? NULL : k->cast[sum][has], .x = x, .bytes = (int64_t)peri_sizeof(has),
            .offsets = offsets, .rows = rows, .width = width, .unit = peri_sizeof(sum)};
  if (gapless(&t)) sum_gapless(&t, sums);
  else sum_tree(&t, sums, 0, 1);
  for (int64_t c = 0; c < width; c++) memcpy(&s[c], (char *)sums + (size_t)c * t.unit, t.unit);
}
