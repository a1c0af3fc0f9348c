/* conv_weight.c - the filter gradient dW = sum over images and places of y P^T (conv_run.c).
**
** Images are first laid out with their channels innermost and their padding around them, so that what one place looks at is a few
** contiguous runs: rows of P^T. Then blocks of places are summed tile by tile; the number of the place is the depth of the product. Where
** there are few filters, `parts` sums over parts of the places run side by side and are added in order.
*/
#include "nn/conv.h"
#include "nn/panels.h"

enum { TAPS = 256, SLOTS = 16, PARTS = 8, FEW = 1 << 20 }; /* FEW: elements of all parts together */

typedef struct {
  const pri_geometry *g;
  const pri_tile *tile;
  peri_ctx *cx;
  int64_t bytes;
  const char *x, *y;
  char *images, *sums, *scratch; /* images (n, tall, wide, c); sums (parts, o, taps of a group) by (kh, kw, c / groups) */
  int64_t tall, wide, each;
  int64_t blocks, parts, step, depth; /* of TAPS filter elements; of places, `depth` in all */
} job;

static void lay_image(void *ud, int64_t i) {
  const job *j = ud;
  const pri_geometry *g = j->g;
  int64_t image = i / j->tall, row = i % j->tall - g->ph, b = j->bytes, left = g->pw > 0 ? g->pw : 0, start = g->pw > 0 ? 0 : -g->pw;
  char *to = j->images + i * j->wide * g->c * b;
  int64_t count = g->w - start < j->wide - left ? g->w - start : j->wide - left;
  if (row < 0 || row >= g->h || count <= 0) {
    memset(to, 0, (size_t)(j->wide * g->c * b));
    return;
  }
  memset(to, 0, (size_t)(left * g->c * b));
  pri_lines from = {j->x + ((image * g->c * g->h + row) * g->w + start) * b, g->h * g->w, 1};
  pri_lay_out(g->dtype, to + left * g->c * b, g->c, from, g->c, count);
  memset(to + (left + count) * g->c * b, 0, (size_t)((j->wide - left - count) * g->c * b));
}

/* What a place hands to the panels, in bytes: `count` from `from` behind the place's corner, to `to`. */
typedef struct { int64_t from, to, count; } run;
enum { RUNS = 2 * TAPS }; /* at most: each run ends with a tap or with a panel */

/* The runs of filter elements from .. to-1, in panels of that depth. */
static int64_t runs_of(const job *j, int64_t from, int64_t to, int64_t depth, run *r) {
  const pri_geometry *g = j->g;
  int64_t in = g->c / g->groups, b = j->bytes, N = j->tile->cols, n = 0;
  int64_t line = g->d == 1 && g->groups == 1 ? g->kw * in : in; /* elements that lie side by side */
  for (int64_t t = from, count; t < to; t += count) {
    int64_t at = (t - from) % N, tap = t / line * (line / in);
    count = line - t % line;
    if (count > N - at) count = N - at;
    if (count > to - t) count = to - t;
    r[n++] = (run){((tap / g->kw * j->wide + tap % g->kw) * g->d * g->c + t % line) * b, ((t - from) / N * depth * N + at) * b, count * b};
  }
  return n;
}

/* Places p0 .. p1-1 of all images, a row of the panels each. */
static void lay_places(const job *j, int64_t group, int64_t p0, int64_t p1, int64_t from, int64_t to, char *panels) {
  const pri_geometry *g = j->g;
  int64_t b = j->bytes, N = j->tile->cols, corner = group * (g->c / g->groups);
  run runs[RUNS];
  int64_t n = runs_of(j, from, to, p1 - p0, runs);
  if ((to - from) % N) { /* what no place writes */
    char *last = panels + (to - from) / N * N * (p1 - p0) * b;
    memset(last, 0, (size_t)(N * (p1 - p0) * b));
  }
  int64_t image = p0 / pri_places(g), i = p0 % pri_places(g) / g->ow, q = p0 % g->ow;
  for (int64_t p = p0; p < p1; p++, panels += N * b) {
    const char *x = j->images + (((image * j->tall + i * g->s) * j->wide + q * g->s) * g->c + corner) * b;
    for (int64_t k = 0; k < n; k++) pri_copy_run(panels + runs[k].to, x + runs[k].from, runs[k].count);
    if (++q == g->ow) {
      q = 0;
      if (++i == g->oh) i = 0, image++;
    }
  }
}

/* The rows of y at these places, as panels. */
static void lay_results(const job *j, int64_t group, int64_t p0, int64_t p1, char *panels) {
  const pri_geometry *g = j->g;
  int64_t R = j->tile->rows, lines = g->o / g->groups, places = pri_places(g), b = j->bytes;
  for (int64_t first = 0; first < lines; first += R)
    for (int64_t p = p0, count; p < p1; p += count, panels += count * R * b) {
      count = places - p % places < p1 - p ? places - p % places : p1 - p;
      pri_lines from = {j->y + ((p / places * g->o + group * lines + first) * places + p % places) * b, places, 1};
      pri_pack_panel(g->dtype, panels, R, from, lines - first < R ? lines - first : R, count);
    }
}

static int64_t part_start(const job *j, int64_t part) {
  int64_t steps = (j->depth + j->step - 1) / j->step, first = part * steps / j->parts * j->step;
  return first < j->depth ? first : j->depth;
}

static void weight_task(const job *j, int64_t task, char *scratch) {
  const pri_geometry *g = j->g;
  int64_t R = j->tile->rows, N = j->tile->cols, lines = g->o / g->groups, K = pri_patch(g), b = j->bytes;
  int64_t part = task / (g->groups * j->blocks), group = task / j->blocks % g->groups, from = task % j->blocks * TAPS, to = from + TAPS < K ? from + TAPS : K;
  char *results = scratch, *places = scratch + pri_up(lines, R) * j->step * b, *sums = j->sums + ((part * g->o + group * lines) * K + from) * b;
  double tile[PRI_TILE_MOST] __attribute__((aligned(64)));
  int64_t start = part_start(j, part), end = part_start(j, part + 1);
  for (int64_t p0 = start; p0 < end && !pri_stopped(j->cx); p0 += j->step) {
    int64_t p1 = p0 + j->step < end ? p0 + j->step : end, depth = p1 - p0;
    lay_results(j, group, p0, p1, results);
    lay_places(j, group, p0, p1, from, to, places);
    for (int64_t col = 0; col < to - from; col += N)
      for (int64_t i = 0; i < lines; i += R) {
        int64_t used = lines - i < R ? lines - i : R;
        j->tile->run(tile, results + i * depth * b, places + col * depth * b, used, depth);
        pri_put_tile(g->dtype, sums + (i * K + col) * b, K, tile, N, used, to - from - col < N ? to - from - col : N, p0 > start);
      }
  }
}

typedef struct { const job *j; int64_t tasks, slots; } weight_run;

static void run_slot(void *ud, int64_t slot) {
  const weight_run *r = ud;
  for (int64_t t = slot * r->tasks / r->slots; t < (slot + 1) * r->tasks / r->slots && !pri_stopped(r->j->cx); t++)
    weight_task(r->j, t, r->j->scratch + slot * r->j->each);
}

/* The sums of all parts, from (kh, kw, c) to (c, kh, kw). */
#define GATHER(T)                                                                                                       \
  static void gather_##T(const job *j, const T *sums, T *w) {                                                           \
    const pri_geometry *g = j->g;                                                                                       \
    int64_t in = g->c / g->groups, taps = pri_taps(g), K = in * taps;                                                   \
    for (int64_t o = 0; o < g->o; o++)                                                                                  \
      for (int64_t c = 0; c < in; c++)                                                                                  \
        for (int64_t t = 0; t < taps; t++) {                                                                            \
          T sum = sums[o * K + t * in + c];                                                                             \
          for (int64_t part = 1; part < j->parts; part++) sum += sums[(part * g->o + o) * K + t * in + c];              \
          *w++ = sum;                                                                                                   \
        }                                                                                                               \
  }
GATHER(float)
GATHER(double)

static int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }

peri_status pri_conv_weight(peri_ctx *cx, const pri_geometry *g, const void *x, const void *y, void *w) {
  job j = {.g = g, .tile = cx->k->tile[g->dtype], .cx = cx, .bytes = (int64_t)peri_sizeof(g->dtype), .x = x, .y = y};
  int64_t K = pri_patch(g), steps, filters = g->o * K;
  j.tall = (g->oh - 1) * g->s + (g->kh - 1) * g->d + 1;
  j.wide = (g->ow - 1) * g->s + (g->kw - 1) * g->d + 1;
  j.depth = g->n * pri_places(g);
  j.step = pri_depth(j.depth);
  steps = (j.depth + j.step - 1) / j.step;
  j.blocks = (K + TAPS - 1) / TAPS;
  j.parts = g->groups * j.blocks >= PARTS ? 1 : at_most(at_most(PARTS, steps), filters < FEW ? FEW / filters : 1);
  weight_run r = {&j, j.parts * g->groups * j.blocks, 0};
  r.slots = at_most(r.tasks, SLOTS);
  j.each = pri_up((pri_up(g->o / g->groups, j.tile->rows) + pri_up(at_most(K, TAPS), j.tile->cols)) * j.step * j.bytes, 64);
  size_t images = (size_t)(g->n * j.tall * j.wide * g->c * j.bytes), sums = (size_t)(j.parts * filters * j.bytes), scratch = (size_t)(r.slots * j.each);
  j.images = peri_alloc(cx, images);
  j.sums = j.images ? peri_alloc(cx, sums) : NULL;
  j.scratch = j.sums ? peri_alloc(cx, scratch) : NULL;
  peri_status st = j.scratch ? PERI_OK : cx->code;
  if (!st) {
    pri_parallel(cx, g->n * j.tall, lay_image, &j);
    pri_parallel(cx, r.slots, run_slot, &r);
    if (g->dtype == PERI_F32) gather_float(&j, (float *)(void *)j.sums, w);
    else gather_double(&j, (double *)(void *)j.sums, w);
    st = peri_check_interrupt(cx);
  }
  if (j.scratch) peri_free(cx, j.scratch, scratch);
  if (j.sums) peri_free(cx, j.sums, sums);
  if (j.images) peri_free(cx, j.images, images);
  return st;
}
