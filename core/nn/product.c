/* product.c - C = A B on the pool, from tiles, with what follows it.
**
** Strips of the operands are laid out as panels, by all threads; then the columns of panels are tasks. Bits do not depend on any of this
** (panels.h).
*/
#include "nn/panels.h"

enum { STRIP = 1024, DEEP = 8 }; /* lines of a strip; blocks of k of a strip */
static const double SMALL = 1 << 16; /* multiply-adds below which the pool is not asked */

typedef struct {
  const pri_factors *p;
  const pri_tile *tile;
  peri_ctx *cx;
  int64_t bytes, step;
  int64_t i0, i1, j0, j1, k0, k1; /* the strip */
  char *a, *b;
} job;

/* Panel `first` .. of `lines` lines of the strip, all its blocks: (blocks, padded lines, depth of the block). */
static void pack(const job *j, char *to, int64_t width, pri_lines from, int64_t start, int64_t first, int64_t lines) {
  int64_t padded = pri_up(lines, width), n = lines - first < width ? lines - first : width;
  for (int64_t k = j->k0; k < j->k1; k += j->step) {
    int64_t count = k + j->step < j->k1 ? j->step : j->k1 - k;
    pri_lines at = {from.data + ((start + first) * from.line + k * from.k) * j->bytes, from.line, from.k};
    pri_pack_panel(j->p->dtype, to + ((k - j->k0) * padded + first * count) * j->bytes, width, at, n, count);
  }
}

static void pack_task(void *ud, int64_t t) {
  const job *j = ud;
  int64_t R = j->tile->rows, N = j->tile->cols, panels = (j->i1 - j->i0 + R - 1) / R;
  if (pri_stopped(j->cx)) return;
  if (t < panels) pack(j, j->a, R, j->p->a, j->i0, t * R, j->i1 - j->i0);
  else pack(j, j->b, N, j->p->b, j->j0, (t - panels) * N, j->j1 - j->j0);
}

/* What follows the sum, for `cols` columns from col of the rows row .. row + rows - 1. */
static void finish(const job *j, int64_t row, int64_t rows, int64_t col, int64_t cols) {
  const pri_factors *p = j->p;
  const pri_kernels *k = j->cx->k;
  for (int64_t i = row; i < row + rows; i++) {
    char *c = (char *)p->c + (i * p->n + col) * j->bytes;
    if (p->bias) k->map2[PRI_MAP2_add][p->dtype](c, c, 1, (const char *)p->bias + col * j->bytes, 1, cols);
    if (p->rectify) k->map1[PRI_MAP1_relu][p->dtype](c, c, cols);
  }
}

static void multiply_task(void *ud, int64_t t) {
  const job *j = ud;
  const pri_factors *p = j->p;
  int64_t R = j->tile->rows, N = j->tile->cols, rows = j->i1 - j->i0, columns = j->j1 - j->j0, col = t * N, cols = columns - col < N ? columns - col : N;
  double tile[PRI_TILE_MOST] __attribute__((aligned(64)));
  for (int64_t k = j->k0; k < j->k1 && !pri_stopped(j->cx); k += j->step) {
    int64_t count = k + j->step < j->k1 ? j->step : j->k1 - k;
    const char *a = j->a + (k - j->k0) * pri_up(rows, R) * j->bytes, *b = j->b + ((k - j->k0) * pri_up(columns, N) + col * count) * j->bytes;
    for (int64_t i = 0; i < rows; i += R) {
      int64_t used = rows - i < R ? rows - i : R;
      j->tile->run(tile, a + i * count * j->bytes, b, used, count);
      pri_put_tile(p->dtype, (char *)p->c + ((j->i0 + i) * p->n + j->j0 + col) * j->bytes, p->n, tile, N, used, cols, k > 0);
    }
  }
  if (j->k1 < p->k || (!p->bias && !p->rectify)) return;
  finish(j, j->i0, rows, j->j0 + col, cols);
}

static void run_tasks(const job *j, int64_t n, void (*task)(void *, int64_t), double work) {
  if (work >= SMALL) pri_parallel(j->cx, n, task, (void *)j);
  else
    for (int64_t t = 0; t < n; t++) task((void *)j, t);
}

static void run_strip(const job *j) {
  int64_t R = j->tile->rows, N = j->tile->cols, down = (j->i1 - j->i0 + R - 1) / R, across = (j->j1 - j->j0 + N - 1) / N;
  double work = (double)(j->i1 - j->i0) * (double)(j->j1 - j->j0) * (double)(j->k1 - j->k0);
  run_tasks(j, down + across, pack_task, work);
  run_tasks(j, across, multiply_task, work);
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

peri_status pri_multiply(peri_ctx *cx, const pri_factors *p) {
  job j = {.p = p, .tile = cx->k->tile[p->dtype], .cx = cx, .bytes = (int64_t)peri_sizeof(p->dtype), .step = pri_depth(p->k)};
  int64_t deep = least(p->k, DEEP * j.step);
  size_t a = (size_t)(pri_up(least(p->m, STRIP), j.tile->rows) * deep * j.bytes), b = (size_t)(pri_up(least(p->n, STRIP), j.tile->cols) * deep * j.bytes);
  j.a = peri_alloc(cx, (a + 63) / 64 * 64 + b);
  if (!j.a) return cx->code;
  j.b = j.a + (a + 63) / 64 * 64;
  for (j.j0 = 0; j.j0 < p->n; j.j0 = j.j1)
    for (j.i0 = 0, j.j1 = least(j.j0 + STRIP, p->n); j.i0 < p->m; j.i0 = j.i1)
      for (j.k0 = 0, j.i1 = least(j.i0 + STRIP, p->m); j.k0 < p->k && !pri_stopped(cx); j.k0 = j.k1) {
        j.k1 = least(j.k0 + DEEP * j.step, p->k);
        run_strip(&j);
      }
  peri_free(cx, j.a, (a + 63) / 64 * 64 + b);
  return peri_check_interrupt(cx);
}
