/* fold.c - folding lines: see fold.h.
**
** Two ways through memory, one result. Lines whose elements are near each other are folded one by one, in chunks of CHUNK elements.
** Lines that run across rows (a reduction over an outer axis) are folded in tiles of neighbouring lines, one block of
** 1024 positions at a time: plain sums by adding rows (fold_columns.c), everything else by transposing the tile into a
** buffer. The partition into tasks depends on shape and strides only, and the states of tasks are joined by the same tree
** that a single thread would have used, so neither threads nor strides show in the result.
*/
#include "tensor/fold.h"

enum { BLOCK = PRI_FOLD_BLOCK, CHUNK = PRI_FOLD_CHUNK, TILE = 8, SHORT = 16 };

typedef struct {
  const pri_fold *f;
  const pri_fold_env *e;
  const peri_ctx *cx;
  pri_lines l;
  char *out;
  int64_t unit;              /* bytes of an element of the result */
  int64_t piece, pieces;     /* positions of a line in one task; tasks along a line */
  int64_t width, tiles;      /* columns of a tile; tiles in the innermost kept axis (columns only) */
  int64_t group, units;      /* lines or tiles of one task; lines or tiles times pieces in all */
  pri_state *states;         /* [line][piece], NULL if there is one piece */
} job;

void pri_tree_add(const pri_fold *f, const pri_fold_env *e, pri_tree *t, const pri_state *s) {
  t->stack[t->depth++] = *s;
  for (int64_t c = ++t->count; !(c & 1); c >>= 1) {
    t->depth--;
    f->merge(e, &t->stack[t->depth - 1], &t->stack[t->depth]);
  }
}

pri_state pri_tree_close(const pri_fold *f, const pri_fold_env *e, pri_tree *t) {
  if (t->depth == 0) return f->empty;
  while (t->depth > 1) {
    t->depth--;
    f->merge(e, &t->stack[t->depth - 1], &t->stack[t->depth]);
  }
  return t->stack[0];
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- line by line ---- */

/* Positions from .. to-1 of the line that starts at `start`. */
static pri_state fold_range(const job *j, int64_t start, int64_t from, int64_t to) {
  const pri_fold *f = j->f;
  bool in_place = j->l.inner.nd == 1 && j->l.inner.strides[0][0] == 1 && j->l.dtype == f->wants;
  int64_t span = in_place ? f->span : BLOCK;
  double native[2 * BLOCK], cast[2 * BLOCK];
  pri_tree tree;
  tree.depth = 0;
  tree.count = 0;
  for (int64_t at = from; at < to; at += span) {
    int64_t n = least(span, to - at);
    const void *x = pri_lines_fetch(&j->l, start, at, n, native);
    if (j->l.dtype != f->wants) {
      j->e->k->cast[f->wants][j->l.dtype](cast, x, n);
      x = cast;
    }
    pri_state s;
    f->block(j->e, &s, x, n, at);
    if (at == from && to - at <= span) return s;
    pri_tree_add(f, j->e, &tree, &s);
  }
  return pri_tree_close(f, j->e, &tree);
}

static void deliver(const job *j, int64_t line, int64_t piece, const pri_state *s) {
  if (j->states) j->states[line * j->pieces + piece] = *s;
  else j->f->finish(j->e, s, j->l.length, j->out + line * j->unit);
}

static void line_task(void *ud, int64_t i) {
  const job *j = ud;
  for (int64_t u = i * j->group; u < least((i + 1) * j->group, j->units); u++) {
    if (pri_stopped(j->cx)) return;
    int64_t line = j->pieces == 1 ? u : u / j->pieces, piece = u - line * j->pieces, from = piece * j->piece;
    pri_state s = fold_range(j, pri_lines_start(&j->l, line), from, least(from + j->piece, j->l.length));
    deliver(j, line, piece, &s);
  }
}

/* ---- tiles of neighbouring lines ---- */

/* Tile t covers columns `column` .. of the kept axes before the innermost; returns the first line, sets the columns. */
static int64_t tile_place(const job *j, int64_t t, int64_t *width) {
  int64_t columns = j->l.outer.dims[j->l.outer.nd - 1], row = t / j->tiles, column = t % j->tiles * j->width;
  *width = least(j->width, columns - column);
  return row * columns + column;
}

/* buffer[c][r] = element r of column c, as `bytes` units */
#define TRANSPOSE(T)                                                                                                   \
  for (int64_t r = 0; r < rows; r++) {                                                                                 \
    const T *from = (const T *)x + offsets[r];                                                                         \
    T *to = (T *)buffer + r;                                                                                           \
    for (int64_t c = 0; c < width; c++) to[c * BLOCK] = from[c * stride];                                              \
  }

typedef struct { double re, im; } pair;

static void transpose(void *buffer, const void *x, const int64_t *offsets, int64_t rows, int64_t stride, int64_t width, size_t bytes) {
  switch (bytes) {
  case 1: TRANSPOSE(uint8_t) break;
  case 4: TRANSPOSE(uint32_t) break;
  case 8: TRANSPOSE(uint64_t) break;
  default: TRANSPOSE(pair) break;
  }
}

static void fold_transposed(const job *j, int64_t line, int64_t width, int64_t piece, const char *x, const int64_t *offsets, int64_t rows) {
  const pri_fold *f = j->f;
  int64_t stride = j->l.outer.strides[0][j->l.outer.nd - 1], bytes = (int64_t)peri_sizeof(j->l.dtype);
  double buffer[2 * BLOCK * TILE], cast[2 * BLOCK];
  transpose(buffer, x, offsets, rows, stride, width, (size_t)bytes);
  for (int64_t c = 0; c < width; c++) {
    const void *column = (const char *)buffer + c * BLOCK * bytes;
    if (j->l.dtype != f->wants) {
      j->e->k->cast[f->wants][j->l.dtype](cast, column, rows);
      column = cast;
    }
    pri_state s;
    f->block(j->e, &s, column, rows, piece * j->piece);
    deliver(j, line + c, piece, &s);
  }
}

static void fold_sums(const job *j, int64_t line, int64_t width, int64_t piece, const char *x, const int64_t *offsets, int64_t rows) {
  static const peri_dtype sum_of[] = {[PRI_COLUMNS_I64] = PERI_I64, [PRI_COLUMNS_F64] = PERI_F64, [PRI_COLUMNS_C128] = PERI_C128};
  double sums[PRI_COLUMN_ROOM];
  peri_dtype sum = sum_of[j->f->columns];
  int64_t stride = j->l.outer.strides[0][j->l.outer.nd - 1];
  pri_column_sums(j->e->k, sums, sum, x, j->l.dtype, stride, offsets, rows, width);
  for (int64_t c = 0; c < width; c++) {
    pri_state s = {.f = {sums[c]}}; /* the bits of an i64 as well */
    if (sum == PERI_C128) s.f[0] = sums[2 * c], s.f[1] = sums[2 * c + 1];
    deliver(j, line + c, piece, &s);
  }
}

static void tile_task(void *ud, int64_t i) {
  const job *j = ud;
  int64_t offsets[BLOCK];
  for (int64_t u = i * j->group; u < least((i + 1) * j->group, j->units); u++) {
    if (pri_stopped(j->cx)) return;
    int64_t tile = u / j->pieces, piece = u % j->pieces, from = piece * BLOCK, rows = least(BLOCK, j->l.length - from), width;
    int64_t line = tile_place(j, tile, &width);
    const char *x = j->l.data + pri_lines_start(&j->l, line) * (int64_t)peri_sizeof(j->l.dtype);
    pri_lines_offsets(&j->l, from, rows, offsets);
    if (j->width > TILE) fold_sums(j, line, width, piece, x, offsets, rows);
    else fold_transposed(j, line, width, piece, x, offsets, rows);
  }
}

/* ---- the call ---- */

static int64_t distance(int64_t stride) { return stride < 0 ? -stride : stride; }

/* Whether neighbouring lines are nearer in memory than neighbours of one line, or lines too short to be worth a call each. */
static bool across(const pri_fold *f, const pri_lines *l) {
  int o = l->outer.nd - 1, i = l->inner.nd - 1;
  if (l->length <= 1 || l->outer.dims[o] <= 1) return false;
  if (f->columns && l->length <= SHORT && l->outer.dims[o] >= SHORT) return true;
  return distance(l->outer.strides[0][o]) < distance(l->inner.strides[0][i]);
}

static void plan(job *j, bool tiled) {
  const pri_lines *l = &j->l;
  int64_t lines = l->count, columns = l->outer.dims[l->outer.nd - 1];
  j->piece = tiled ? BLOCK : CHUNK;
  j->pieces = l->length ? (l->length + j->piece - 1) / j->piece : 1;
  j->width = 1;
  if (tiled) {
    bool rows_add = j->f->columns && (l->outer.strides[0][l->outer.nd - 1] == 1 || l->length <= SHORT);
    j->width = rows_add ? PRI_COLUMN_WIDTH : TILE;
    j->tiles = (columns + j->width - 1) / j->width;
    lines = lines / columns * j->tiles;
  }
  int64_t work = least(l->length, j->piece) * least(j->width, columns);
  j->units = lines * j->pieces;
  j->group = work >= CHUNK ? 1 : CHUNK / (work ? work : 1);
}

static void join_pieces(const job *j) {
  for (int64_t line = 0; line < j->l.count; line++) {
    pri_tree tree;
    tree.depth = 0;
    tree.count = 0;
    for (int64_t p = 0; p < j->pieces; p++) pri_tree_add(j->f, j->e, &tree, &j->states[line * j->pieces + p]);
    pri_state s = pri_tree_close(j->f, j->e, &tree);
    j->f->finish(j->e, &s, j->l.length, j->out + line * j->unit);
  }
}

static peri_status run_job(peri_ctx *cx, job *j, bool tiled) {
  size_t bytes = (size_t)j->l.count * (size_t)j->pieces * sizeof(pri_state);
  if (j->pieces > 1 && !(j->states = peri_alloc(cx, bytes))) return cx->code;
  pri_parallel(cx, (j->units + j->group - 1) / j->group, tiled ? tile_task : line_task, j);
  peri_status st = peri_check_interrupt(cx);
  if (j->states && !st) join_pieces(j);
  peri_free(cx, j->states, bytes);
  return st;
}

peri_tensor *pri_fold_run(const pri_fold *f, const pri_fold_env *e, peri_tensor *a, uint32_t bits, bool keep) {
  peri_ctx *cx = a->cx;
  int nd;
  int64_t dims[PERI_MAXDIM];
  pri_reduced_shape(a, bits, keep, &nd, dims);
  peri_tensor *out = peri_new(cx, f->result, nd, dims);
  if (!out || out->size == 0) return out;
  if (a->size > 0 && a->size <= f->span && out->size == 1 && pri_contiguous(a) && a->dtype == f->wants) { /* small: nothing to set up */
    pri_state all;
    f->block(e, &all, a->data, a->size, 0);
    f->finish(e, &all, a->size, out->data);
    return out;
  }
  job j = {.f = f, .e = e, .cx = cx, .out = out->data, .unit = (int64_t)peri_sizeof(f->result)};
  pri_lines_make(&j.l, a, bits);
  if (j.l.length == 0) {
    for (int64_t i = 0; i < out->size; i++) f->finish(e, &f->empty, 0, j.out + i * j.unit);
    return out;
  }
  bool tiled = across(f, &j.l);
  plan(&j, tiled);
  if (run_job(cx, &j, tiled)) return peri_release(out), NULL;
  return out;
}
