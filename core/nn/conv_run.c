/* conv_run.c - convolutions forwards, and back to the images.
**
** The patches of the images are the columns of a matrix P (c kh kw, places), which is never formed: a task takes COLUMNS places, copies what they
** look at out of the images into a padded window, and lays a block of rows of P out for the tiles from there, by copying runs. Then
**     y = W P,     P = W^T y  (added up in the images),
** by groups of channels. At stride 1 the second is a convolution too, of y with the filters back to front and the padding d (k - 1) - p; else P is
** formed for some channels at a time.
*/
#include "nn/conv.h"
#include "nn/panels.h"

enum { COLUMNS = 256, SLOTS = 16 }; /* places of a task, unless one row of the result is longer; tasks at a time, each with its scratch */

typedef struct { int64_t image, i0, i1, j0, j1, at; } window; /* places i0.. i1-1 x j0.. j1-1 of an image; `at`: offset of its padded copy */

typedef struct {
  const pri_geometry *g;
  const pri_tile *tile;
  peri_ctx *cx;
  int64_t bytes;
  const char *x, *w, *y;
  char *out;
  bool flipped;
  char *filters, *scratch;  /* the panels of all filters; what tasks need, one after the other */
  int64_t slots, tasks, each; /* each: bytes of a task's scratch */
  int64_t rows, pieces;     /* rows of the result of a task; or pieces that a row is cut into */
  int64_t tall, wide, window_size, columns;
  int64_t channels;         /* of P formed at a time */
} job;

/* ---- filters as panels: (groups, blocks of the depth, panels, depth of the block, tile->rows) ---- */

static int64_t lines_padded(const job *j, int64_t lines) { return pri_up(lines, j->tile->rows); }

/* Rows of W (o, patch), or of the flipped filters: row c, at depth (o, tap), is element [o][c][last - tap]. */
static void pack_filters(void *ud, int64_t i) {
  const job *j = ud;
  const pri_geometry *g = j->g;
  int64_t R = j->tile->rows, lines = g->o / g->groups, K = pri_patch(g), T = pri_taps(g), step = pri_depth(K), padded = lines_padded(j, lines);
  int64_t panels = padded / R, group = i / panels, first = i % panels * R, n = lines - first < R ? lines - first : R;
  for (int64_t k0 = 0; k0 < K; k0 += step) {
    int64_t k1 = k0 + step < K ? k0 + step : K;
    char *to = j->filters + ((group * K + k0) * padded + first * (k1 - k0)) * j->bytes;
    if (!j->flipped) {
      pri_lines from = {j->w + ((group * lines + first) * K + k0) * j->bytes, K, 1};
      pri_pack_panel(g->dtype, to, R, from, n, k1 - k0);
      continue;
    }
    for (int64_t k = k0, count; k < k1; k += count, to += count * R * j->bytes) {
      int64_t channel = k / T, tap = k % T, in = K / T;
      count = T - tap < k1 - k ? T - tap : k1 - k;
      pri_lines from = {j->w + (((group * in + channel) * lines + first) * T + T - 1 - tap) * j->bytes, T, -1};
      pri_pack_panel(g->dtype, to, R, from, n, count);
    }
  }
}

/* ---- windows ---- */

/* The windows of task t; returns how many. */
static int64_t windows_of(const job *j, int64_t t, window *w) {
  const pri_geometry *g = j->g;
  if (j->pieces > 1) {
    int64_t row = t / j->pieces, piece = t % j->pieces, from = piece * COLUMNS, to = from + COLUMNS < g->ow ? from + COLUMNS : g->ow;
    w[0] = (window){row / g->oh, row % g->oh, row % g->oh + 1, from, to, 0};
    return 1;
  }
  int64_t row = t * j->rows, end = row + j->rows < g->n * g->oh ? row + j->rows : g->n * g->oh, n = 0, at = 0;
  while (row < end) {
    int64_t i0 = row % g->oh, i1 = i0 + (end - row) < g->oh ? i0 + (end - row) : g->oh;
    w[n] = (window){row / g->oh, i0, i1, 0, g->ow, at};
    at += g->c * ((i1 - i0 - 1) * g->s + j->tall) * j->wide;
    row += i1 - i0;
    n++;
  }
  return n;
}

static int64_t tall(const job *j, const window *w) { return (w->i1 - w->i0 - 1) * j->g->s + j->tall; }

/* All that the window looks at, zeros where that lies outside the image. */
static void fill_window(const job *j, const window *w, char *buffer) {
  const pri_geometry *g = j->g;
  int64_t rows = tall(j, w), row0 = w->i0 * g->s - g->ph, col0 = w->j0 * g->s - g->pw, b = j->bytes;
  int64_t left = col0 < 0 ? -col0 : 0, right = col0 + j->wide > g->w ? g->w - col0 : j->wide;
  if (left > j->wide) left = j->wide;
  if (right < left) right = left;
  char *to = buffer + w->at * b;
  for (int64_t c = 0; c < g->c; c++)
    for (int64_t r = 0; r < rows; r++, to += j->wide * b) {
      int64_t row = row0 + r;
      if (row < 0 || row >= g->h || left == right) {
        memset(to, 0, (size_t)(j->wide * b));
        continue;
      }
      memset(to, 0, (size_t)(left * b));
      pri_copy_run(to + left * b, j->x + (((w->image * g->c + c) * g->h + row) * g->w + col0 + left) * b, (right - left) * b);
      memset(to + right * b, 0, (size_t)((j->wide - right) * b));
    }
}

/* Rows k0 .. k1-1 of group's P at the places of the windows, as panels of depth k1 - k0. */
static void lay_patches(const job *j, const window *w, int64_t n, const char *buffer, int64_t group, int64_t k0, int64_t k1, char *panels) {
  const pri_geometry *g = j->g;
  int64_t T = pri_taps(g), b = j->bytes, N = j->tile->cols * b, next = (k1 - k0) * N, down = g->s * j->wide * b; /* in bytes */
  for (int64_t k = k0; k < k1; k++) {
    int64_t c = group * (g->c / g->groups) + k / T, up = k % T / g->kw * g->d, across = k % T % g->kw * g->d, at = 0; /* at: within the panel */
    char *to = panels + (k - k0) * N;
    for (int64_t q = 0; q < n; q++) {
      int64_t run = (w[q].j1 - w[q].j0) * b;
      const char *row = buffer + (w[q].at + (c * tall(j, &w[q]) + up) * j->wide + across) * b;
      for (int64_t i = w[q].i0; i < w[q].i1; i++, row += down) {
        const char *from = row;
        for (int64_t left = run, count; left > 0; left -= count, from += count * g->s) {
          count = N - at < left ? N - at : left;
          if (g->s == 1) pri_copy_run(to + at, from, count);
          else pri_copy_spread(to + at, from, g->s, count / b, b);
          at += count;
          if (at == N) at = 0, to += next;
        }
      }
    }
    if (at) memset(to + at, 0, (size_t)(N - at));
  }
}

/* ---- forwards ---- */

/* Columns from .. from + cols - 1 of the task, rows first .. of a tile, to the images that they belong to. */
static void put_places(const job *j, const window *w, int64_t n, int64_t channel, int64_t rows, int64_t from, const char *tile, bool more) {
  const pri_geometry *g = j->g;
  int64_t end = from + j->tile->cols, start = 0;
  for (int64_t q = 0; q < n && start < end; q++) {
    int64_t size = (w[q].i1 - w[q].i0) * (w[q].j1 - w[q].j0), lo = from > start ? from : start, hi = end < start + size ? end : start + size;
    if (lo < hi) {
      char *to = j->out + ((w[q].image * g->o + channel) * pri_places(g) + w[q].i0 * g->ow + w[q].j0 + lo - start) * j->bytes;
      pri_put_tile(g->dtype, to, pri_places(g), tile + (lo - from) * j->bytes, j->tile->cols, rows, hi - lo, more);
    }
    start += size;
  }
}

static void forward_task(const job *j, int64_t t, char *scratch) {
  const pri_geometry *g = j->g;
  int64_t R = j->tile->rows, N = j->tile->cols, lines = g->o / g->groups, padded = lines_padded(j, lines), K = pri_patch(g), step = pri_depth(K), columns = 0;
  window *w = (window *)(void *)scratch;
  char *buffer = scratch + pri_up((j->rows + 1) * (int64_t)sizeof(window), 64), *panels = buffer + pri_up(j->window_size * j->bytes, 64);
  double tile[PRI_TILE_MOST] __attribute__((aligned(64)));
  int64_t n = windows_of(j, t, w);
  for (int64_t q = 0; q < n; q++) {
    fill_window(j, &w[q], buffer);
    columns += (w[q].i1 - w[q].i0) * (w[q].j1 - w[q].j0);
  }
  for (int64_t group = 0; group < g->groups; group++)
    for (int64_t k0 = 0; k0 < K && !pri_stopped(j->cx); k0 += step) {
      int64_t k1 = k0 + step < K ? k0 + step : K, depth = k1 - k0;
      const char *filters = j->filters + (group * K + k0) * padded * j->bytes;
      lay_patches(j, w, n, buffer, group, k0, k1, panels);
      for (int64_t col = 0; col < columns; col += N)
        for (int64_t i = 0; i < lines; i += R) {
          int64_t used = lines - i < R ? lines - i : R;
          j->tile->run(tile, filters + i * depth * j->bytes, panels + col * depth * j->bytes, used, depth);
          put_places(j, w, n, group * lines + i, used, col, (char *)tile, k0 > 0);
        }
    }
}

static void run_slot(void *ud, int64_t slot) {
  const job *j = ud;
  for (int64_t t = slot * j->tasks / j->slots; t < (slot + 1) * j->tasks / j->slots && !pri_stopped(j->cx); t++)
    forward_task(j, t, j->scratch + slot * j->each);
}

/* Packs the filters, `lines` of each group, and runs the slots. */
static peri_status run_job(job *j, int64_t lines, int64_t depth, void (*pack)(void *, int64_t), void (*slot)(void *, int64_t)) {
  int64_t padded = lines_padded(j, lines);
  j->slots = j->tasks < SLOTS ? j->tasks : SLOTS;
  size_t filters = (size_t)(j->g->groups * padded * depth * j->bytes), scratch = (size_t)(j->slots * j->each);
  j->filters = peri_alloc(j->cx, filters);
  j->scratch = j->filters ? peri_alloc(j->cx, scratch) : NULL;
  if (j->scratch) {
    pri_parallel(j->cx, j->g->groups * (padded / j->tile->rows), pack, j);
    pri_parallel(j->cx, j->slots, slot, j);
  }
  peri_status st = j->scratch ? peri_check_interrupt(j->cx) : j->cx->code;
  if (j->scratch) peri_free(j->cx, j->scratch, scratch);
  if (j->filters) peri_free(j->cx, j->filters, filters);
  return st;
}

peri_status pri_conv_forward(peri_ctx *cx, const pri_geometry *g, const void *x, const void *w, bool flipped, void *y) {
  job j = {.g = g, .tile = cx->k->tile[g->dtype], .cx = cx, .bytes = (int64_t)peri_sizeof(g->dtype), .x = x, .w = w, .out = y, .flipped = flipped};
  j.pieces = (g->ow + COLUMNS - 1) / COLUMNS;
  j.rows = j.pieces > 1 ? 1 : COLUMNS / g->ow;
  j.tasks = j.pieces > 1 ? g->n * g->oh * j.pieces : (g->n * g->oh + j.rows - 1) / j.rows;
  j.tall = (g->kh - 1) * g->d + 1;
  j.wide = ((g->ow < COLUMNS ? g->ow : COLUMNS) - 1) * g->s + (g->kw - 1) * g->d + 1;
  int64_t images = (j.rows + g->oh - 2) / g->oh + 1; /* that a task can touch */
  j.window_size = g->c * ((j.rows - 1) * g->s + images * j.tall) * j.wide;
  j.columns = pri_up(COLUMNS, j.tile->cols);
  j.each = pri_up((j.rows + 1) * (int64_t)sizeof(window), 64) + pri_up(j.window_size * j.bytes, 64) + pri_up(j.columns * pri_depth(pri_patch(g)) * j.bytes, 64);
  return run_job(&j, g->o / g->groups, pri_patch(g), pack_filters, run_slot);
}

/* ---- back to the images, at strides above 1 ---- */

/* Columns of W (o, patch) by depth o. */
static void pack_transposed(void *ud, int64_t i) {
  const job *j = ud;
  const pri_geometry *g = j->g;
  int64_t R = j->tile->rows, K = pri_patch(g), depth = g->o / g->groups, step = pri_depth(depth), padded = lines_padded(j, K), panels = padded / R;
  int64_t group = i / panels, first = i % panels * R, n = K - first < R ? K - first : R;
  for (int64_t k0 = 0; k0 < depth; k0 += step) {
    int64_t k1 = k0 + step < depth ? k0 + step : depth;
    pri_lines from = {j->w + ((group * depth + k0) * K + first) * j->bytes, 1, K};
    pri_pack_panel(g->dtype, j->filters + ((group * depth + k0) * padded + first * (k1 - k0)) * j->bytes, R, from, n, k1 - k0);
  }
}

/* The first and one past the last place along an axis whose pixel i s + shift lies in 0..size-1. */
static void inside(int64_t size, int64_t places, int64_t s, int64_t shift, int64_t *from, int64_t *to) {
  *from = shift < 0 ? (-shift + s - 1) / s : 0;
  *to = size - 1 < shift ? 0 : (size - 1 - shift) / s + 1;
  if (*to > places) *to = places;
  if (*from > *to) *from = *to;
}

/* Adds row `tap` of P, the places of one channel, to its image. */
#define ADD_ROW(T)                                                                                                      \
  static void add_row_##T(const pri_geometry *g, int64_t tap, const T *P, T *image) {                                   \
    int64_t up = tap / g->kw * g->d - g->ph, across = tap % g->kw * g->d - g->pw, i0, i1, j0, j1;                       \
    inside(g->h, g->oh, g->s, up, &i0, &i1);                                                                            \
    inside(g->w, g->ow, g->s, across, &j0, &j1);                                                                        \
    for (int64_t i = i0; i < i1; i++) {                                                                                 \
      T *to = image + (i * g->s + up) * g->w + across;                                                                  \
      for (int64_t q = j0; q < j1; q++) to[q * g->s] += P[i * g->ow + q];                                               \
    }                                                                                                                   \
  }
ADD_ROW(float)
ADD_ROW(double)

/* One image: its rows of y as panels, then P for `channels` channels at a time. */
static void input_task(const job *j, int64_t image, char *scratch) {
  const pri_geometry *g = j->g;
  int64_t R = j->tile->rows, N = j->tile->cols, K = pri_patch(g), T = pri_taps(g), depth = g->o / g->groups, step = pri_depth(depth), places = pri_places(g);
  int64_t padded = lines_padded(j, K), wide = pri_up(places, N), in = g->c / g->groups, b = j->bytes;
  char *panels = scratch, *P = scratch + wide * depth * b;
  double tile[PRI_TILE_MOST] __attribute__((aligned(64)));
  for (int64_t group = 0; group < g->groups; group++) {
    for (int64_t k0 = 0; k0 < depth; k0 += step)
      for (int64_t col = 0; col < places; col += N) {
        int64_t count = k0 + step < depth ? step : depth - k0;
        pri_lines from = {j->y + ((image * g->o + group * depth + k0) * places + col) * b, 1, places};
        pri_pack_panel(g->dtype, panels + (k0 * wide + col * count) * b, N, from, places - col < N ? places - col : N, count);
      }
    for (int64_t row = 0; row < K; row += R) {
      if (pri_stopped(j->cx)) return;
      int64_t used = K - row < R ? K - row : R;
      for (int64_t col = 0; col < places; col += N)
        for (int64_t k0 = 0; k0 < depth; k0 += step) {
          int64_t count = k0 + step < depth ? step : depth - k0;
          j->tile->run(tile, j->filters + ((group * depth + k0) * padded + row * count) * b, panels + (k0 * wide + col * count) * b, used, count);
          pri_put_tile(g->dtype, P + col * b, places, tile, N, used, places - col < N ? places - col : N, k0 > 0);
        }
      for (int64_t r = row; r < row + used; r++) {
        char *to = j->out + (image * g->c + group * in + r / T) * g->h * g->w * b;
        if (g->dtype == PERI_F32) add_row_float(g, r % T, (float *)(void *)(P + (r - row) * places * b), (float *)(void *)to);
        else add_row_double(g, r % T, (double *)(void *)(P + (r - row) * places * b), (double *)(void *)to);
      }
    }
  }
}

static void run_input_slot(void *ud, int64_t slot) {
  const job *j = ud;
  for (int64_t t = slot * j->tasks / j->slots; t < (slot + 1) * j->tasks / j->slots && !pri_stopped(j->cx); t++)
    input_task(j, t, j->scratch + slot * j->each);
}

peri_status pri_conv_input(peri_ctx *cx, const pri_geometry *g, const void *y, const void *w, void *x) {
  if (g->s == 1) { /* of images y, with as many filters as x has channels */
    pri_geometry back = {g->dtype, g->n, g->o, g->oh, g->ow, g->c, g->kh, g->kw, g->h, g->w, 1, g->d, (g->kh - 1) * g->d - g->ph, (g->kw - 1) * g->d - g->pw, g->groups};
    return pri_conv_forward(cx, &back, y, w, true, x);
  }
  job j = {.g = g, .tile = cx->k->tile[g->dtype], .cx = cx, .bytes = (int64_t)peri_sizeof(g->dtype), .y = y, .w = w, .out = x, .tasks = g->n};
  j.each = (pri_up(pri_places(g), j.tile->cols) * (g->o / g->groups) + j.tile->rows * pri_places(g)) * j.bytes;
  j.each = pri_up(j.each, 64);
  return run_job(&j, pri_patch(g), g->o / g->groups, pack_transposed, run_input_slot);
}
