/* fgn.c - matrices of fractional noise and fractional Brownian motion, whatever method makes the paths.
**
** Paths are made in tiles of a few, one work area a thread, then scaled, summed if Brownian motion is asked for, and written to their
** columns together. A path is a function of its own normals alone: stream, or row of the block, and its number within
** it. So neither tiles nor threads nor other paths show in a result.
*/
#include "process/fgn.h"
#include <inttypes.h>
#include <math.h>
#include <perigee/shape.h>
#include <stdio.h>

static const int64_t longest = (int64_t)1 << 40;

peri_fractional peri_fractional_of(double H) { return (peri_fractional){.H = H, .dt = 1, .scale = 1, .dtype = PERI_F64}; }

void pri_fgn_normals(pri_rng *g, double *x, int64_t n) {
  enum { RUN = 512 };
  uint64_t w[RUN];
  for (int64_t at = 0; at < n; at += RUN) {
    int64_t m = n - at < RUN ? n - at : RUN;
    pri_words(g, w, m);
    g->k->normal(x + at, w, m);
  }
}

const pri_fgn_loops *pri_fgn_loops_of(const peri_ctx *cx) {
  extern const pri_fgn_loops pri_fgn_loops_baseline, pri_fgn_loops_avx2, pri_fgn_loops_avx512;
  return pri_kernels_pick(cx->k, &pri_fgn_loops_baseline, &pri_fgn_loops_avx2, &pri_fgn_loops_avx512);
}

/* ---- plans ---- */

static void fill_white(const pri_fgn_plan *p, int64_t first, pri_rng *g, int width, double *x, int64_t ld, void *scratch) {
  (void)first, (void)scratch;
  for (int j = 0; j < width; j++) pri_fgn_normals(&g[j], x + j * ld, p->n);
}

peri_status pri_fgn_white(pri_fgn_plan *p) {
  p->fill = fill_white;
  p->words = p->n;
  return PERI_OK;
}

void pri_fgn_plan_close(pri_fgn_plan *p) {
  pri_fgn_circulant_close(p);
  peri_release(p->factor);
  if (p->gamma) peri_free(p->cx, p->gamma, (size_t)(p->steps + p->n) * sizeof(double));
}

/* ---- one request ---- */

typedef struct {
  peri_ctx *cx;
  const char *who;
  const peri_fractional *f;
  pri_pcg *row;              /* a copy of where the streams stand */
  peri_output output;
  int64_t rows, per;         /* streams; paths from each */
  bool motion;               /* Brownian motion: sums */
  int64_t zeros;             /* 1: row 0 of the result is B_0 = 0 */
  peri_tensor *out;
  pri_fgn_plan plan;
  double factor;             /* of unit noise */
  int width, slots;          /* paths a tile; tiles at a time */
  int64_t tile;              /* the first of those */
  bool direct;               /* a single path is made in place */
  char *work;                /* slots times slot bytes */
  size_t slot, matrix;       /* the part of a slot that holds the tile */
} request;

static int64_t paths_of(const request *q) { return q->rows * q->per; }

/* x[0..n-1] of path q: scaled, and summed. */
static void finish_path(const request *q, double *x) {
  int64_t n = q->plan.n;
  double *g = x + q->zeros;
  if (q->factor != 1)
    for (int64_t i = 0; i < n; i++) g[i] *= q->factor;
  if (q->zeros) x[0] = 0;
  double sum = 0;
  for (int64_t i = 0; q->motion && i < n; i++) g[i] = sum += g[i];
}

static void write_columns(const request *q, const double *x, int64_t ld, int64_t first, int width) {
  int64_t stride = paths_of(q);
  if (q->out->dtype == PERI_F32) {
    float *r = (float *)q->out->data + first;
    for (int64_t i = 0; i < ld; i++)
      for (int j = 0; j < width; j++) r[i * stride + j] = (float)x[j * ld + i];
    return;
  }
  double *r = (double *)q->out->data + first;
  if (width == PRI_FGN_TILE) {
    for (int64_t i = 0; i < ld; i++)
      for (int j = 0; j < PRI_FGN_TILE; j++) r[i * stride + j] = x[j * ld + i];
    return;
  }
  for (int64_t i = 0; i < ld; i++)
    for (int j = 0; j < width; j++) r[i * stride + j] = x[j * ld + i];
}

static void run_tile(void *ud, int64_t i) {
  const request *q = ud;
  pri_rng g[PRI_FGN_TILE];
  char *work = q->work + (size_t)i * q->slot;
  int64_t ld = q->out->dims[0], first = (q->tile + i) * q->width, left = paths_of(q) - first;
  int width = left < q->width ? (int)left : q->width;
  double *x = q->direct ? q->out->data : (double *)(void *)work;
  for (int j = 0; j < width; j++) {
    int64_t path = first + j;
    g[j] = (pri_rng){q->cx->k, q->row[path / q->per], q->output};
    pri_pcg_advance(&g[j].pcg, q->output, (pri_u128)(path % q->per) * (pri_u128)q->plan.words);
  }
  q->plan.fill(&q->plan, first, g, width, x + q->zeros, ld, work + q->matrix);
  if (pri_stopped(q->cx)) return;
  for (int j = 0; j < width; j++) finish_path(q, x + j * ld);
  if (!q->direct) write_columns(q, x, ld, first, width);
}

static peri_status too_large(const request *q, size_t bytes) {
  size_t used, limit;
  char room[64] = "";
  peri_memory(q->cx, &used, NULL, &limit);
  if (limit) snprintf(room, sizeof room, " with %.3g MB of the budget free", (double)(limit > used ? limit - used : 0) / 1e6);
  return peri_fail(q->cx, PERI_ERR_MEMORY, "%s: out of memory: %" PRId64 " steps of %" PRId64 " paths need %.3g MB%s; process.fgn_stream makes the noise step by step", q->who,
                   q->plan.n, paths_of(q), (double)bytes / 1e6, room);
}

static size_t result_bytes(const request *q) {
  return (size_t)(q->plan.n + q->zeros) * (size_t)paths_of(q) * peri_sizeof(q->f->dtype);
}

/* Work memory for as many tiles at a time as there are threads; for one, if there is no room for more. */
static peri_status take_work(request *q) {
  static const size_t line = 64;
  int64_t ld = q->out->dims[0], paths = paths_of(q);
  q->direct = paths == 1 && q->f->dtype == PERI_F64;
  q->width = ld <= 1 << 16 ? PRI_FGN_TILE : ld <= 1 << 18 ? (int)(((int64_t)1 << 19) / ld) : 1; /* at most 4 MB a tile */
  int64_t tiles = (paths + q->width - 1) / q->width;
  q->slots = q->cx->threads < tiles ? q->cx->threads : (int)tiles;
  q->matrix = q->direct ? 0 : ((size_t)q->width * (size_t)ld * sizeof(double) + line - 1) / line * line;
  q->slot = (q->matrix + q->plan.scratch + line - 1) / line * line;
  for (;; q->slots = 1) {
    if ((q->work = pri_get(q->cx, (size_t)q->slots * q->slot))) return PERI_OK;
    if (q->slots == 1) return too_large(q, q->slot + result_bytes(q));
  }
}

static peri_status make_paths(request *q) {
  if (paths_of(q) == 0 || q->plan.n == 0) {
    memset(q->out->data, 0, (size_t)q->out->size * peri_sizeof((peri_dtype)q->out->dtype));
    return PERI_OK;
  }
  if (take_work(q)) return peri_errcode(q->cx);
  int64_t tiles = (paths_of(q) + q->width - 1) / q->width;
  for (q->tile = 0; q->tile < tiles && !pri_stopped(q->cx); q->tile += q->slots)
    pri_parallel(q->cx, tiles - q->tile < q->slots ? tiles - q->tile : q->slots, run_tile, q);
  peri_free(q->cx, q->work, (size_t)q->slots * q->slot);
  return peri_check_interrupt(q->cx);
}

/* ---- checks ---- */

peri_status pri_fgn_check_law(peri_ctx *cx, const char *who, const peri_fractional *f) {
  if (!(f->H > 0 && f->H < 1)) return peri_fail(cx, PERI_ERR_VALUE, "%s: H must lie in (0, 1), got %g", who, f->H);
  if (!(f->dt > 0 && isfinite(f->dt))) return peri_fail(cx, PERI_ERR_VALUE, "%s: dt must be positive and finite, got %g", who, f->dt);
  if (!(f->scale >= 0 && isfinite(f->scale))) return peri_fail(cx, PERI_ERR_VALUE, "%s: scale must be finite and not negative, got %g", who, f->scale);
  return PERI_OK;
}

static peri_status check_law(const request *q) {
  const peri_fractional *f = q->f;
  if (pri_fgn_check_law(q->cx, q->who, f)) return peri_errcode(q->cx);
  if (f->dtype != PERI_F64 && f->dtype != PERI_F32)
    return peri_fail(q->cx, PERI_ERR_DTYPE, "%s: the result is f64 or f32, not %s", q->who, peri_dtype_name(f->dtype));
  return PERI_OK;
}

static peri_status check_length(const request *q, int64_t n) {
  if (n < 0) return peri_fail(q->cx, PERI_ERR_VALUE, "%s: the number of steps must not be negative, got %" PRId64, q->who, n);
  if (n > longest)
    return peri_fail(q->cx, PERI_ERR_VALUE, "%s: a path of %" PRId64 " steps is too long, at most 2^40; process.fgn_stream makes the noise step by step", q->who, n);
  return PERI_OK;
}

/* The past as a new contiguous f64 tensor in unit noise, (m, paths). */
static peri_tensor *unit_past(const request *q) {
  peri_tensor *past = q->f->past, *flat = NULL;
  if (past->ndim < 1 || (past->dims[0] > 0 && past->size / past->dims[0] != paths_of(q)))
    return peri_fail(q->cx, PERI_ERR_SHAPE, "%s: the past must hold the steps so far of %" PRId64 " paths, got shape %s", q->who, paths_of(q), peri_shape(past)), NULL;
  if (q->f->scale == 0) return peri_fail(q->cx, PERI_ERR_VALUE, "%s: a past of scale 0 has no continuation", q->who), NULL;
  peri_tensor *cast = peri_cast(past, PERI_F64);
  if (cast) flat = peri_clone(cast);
  peri_release(cast);
  for (int64_t i = 0; flat && i < flat->size; i++) ((double *)flat->data)[i] /= q->factor;
  return flat;
}

static const double *check_times(const request *q, int64_t n, peri_tensor **flat) {
  peri_tensor *times = q->f->times, *cast;
  if (times->ndim != 1 || times->dims[0] != n)
    return peri_fail(q->cx, PERI_ERR_SHAPE, "%s: times must be a vector of %" PRId64 ", one for each row of the result, got shape %s", q->who, n, peri_shape(times)), NULL;
  if (q->f->dt != 1) return peri_fail(q->cx, PERI_ERR_VALUE, "%s: give either dt or times, not both", q->who), NULL;
  if (!(cast = peri_cast(times, PERI_F64))) return NULL;
  *flat = peri_contiguous(cast);
  peri_release(cast);
  if (!*flat) return NULL;
  const double *t = (*flat)->data;
  for (int64_t i = 0; i < n; i++)
    if (!(t[i] >= 0 && t[i] < INFINITY && (i == 0 || t[i] > t[i - 1])))
      return peri_fail(q->cx, PERI_ERR_VALUE, "%s: times must increase from 0 or later, got %.17g at place %" PRId64, q->who, t[i], i + 1), NULL;
  return t;
}

/* ---- the request ---- */

static peri_status choose(request *q, const double *times, const peri_tensor *past) {
  pri_fgn_plan *p = &q->plan;
  peri_fgn_method method = q->f->method;
  if (times) return pri_fgn_irregular(p, times);
  if (past) return pri_fgn_hosking(p, past);
  if (q->f->H == 0.5) return pri_fgn_white(p);
  if (method == PERI_FGN_CHOLESKY) return pri_fgn_cholesky(p);
  if (method == PERI_FGN_HOSKING) return pri_fgn_hosking(p, NULL);
  peri_status st = pri_fgn_circulant(p); /* its tables are as long as two paths */
  return st == PERI_ERR_MEMORY ? too_large(q, (size_t)(12 * p->n) * sizeof(double) + result_bytes(q)) : st;
}

/* Shapes and law known: plans, makes, and leaves the result in q->out. */
static peri_status carry_out(request *q, int nd, const int64_t *dims) {
  peri_ctx *cx = q->cx;
  peri_tensor *flat = NULL, *past = NULL;
  const double *times = NULL;
  peri_status st = PERI_OK;
  q->factor = q->f->scale * pow(q->f->dt, q->f->H);
  if (q->f->times && !(times = check_times(q, dims[0], &flat))) st = peri_errcode(cx);
  if (q->f->past && st == PERI_OK && !(past = unit_past(q))) st = peri_errcode(cx);
  q->zeros = q->motion && dims[0] > 0 && (!times || times[0] == 0);
  q->plan = (pri_fgn_plan){.cx = cx, .H = q->f->H, .n = dims[0] - q->zeros, .paths = paths_of(q)};
  if (st == PERI_OK && !(q->out = peri_new(cx, q->f->dtype, nd, dims)))
    st = peri_errcode(cx) == PERI_ERR_MEMORY ? too_large(q, result_bytes(q)) : peri_errcode(cx);
  if (st == PERI_OK && q->plan.n > 0) st = choose(q, times ? times + q->zeros : NULL, past);
  if (st == PERI_OK) st = make_paths(q);
  if (st == PERI_OK)
    for (int64_t i = 0; i < q->rows; i++) pri_pcg_advance(&q->row[i], q->output, (pri_u128)q->per * (pri_u128)q->plan.words);
  pri_fgn_plan_close(&q->plan);
  peri_release(flat);
  peri_release(past);
  if (st != PERI_OK) {
    peri_release(q->out);
    q->out = NULL;
  }
  return st;
}

static peri_status check_request(const request *q, int nd, const int64_t *dims) {
  if (check_law(q)) return peri_errcode(q->cx);
  if (nd < 1) return peri_fail(q->cx, PERI_ERR_SHAPE, "%s: the shape must start with the number of steps, got ()", q->who);
  if (q->f->past && (q->motion || q->f->method == PERI_FGN_CHOLESKY || q->f->method == PERI_FGN_CIRCULANT))
    return peri_fail(q->cx, PERI_ERR_VALUE, "%s: a past is continued by process.fgn and the hosking method alone", q->who);
  if (q->f->times && (!q->motion || q->f->method == PERI_FGN_HOSKING || q->f->method == PERI_FGN_CIRCULANT))
    return peri_fail(q->cx, PERI_ERR_VALUE, "%s: arbitrary times are for process.fbm and the cholesky method alone", q->who);
  return check_length(q, dims[0]);
}

static int64_t product(const int64_t *dims, int from, int nd) {
  int64_t p = 1;
  for (int i = from; i < nd; i++)
    if (__builtin_mul_overflow(p, dims[i], &p)) return INT64_MAX;
  return p;
}

static peri_tensor *from_stream(const char *who, peri_ctx *cx, int nd, const int64_t *dims, const peri_fractional *f, peri_stream *s, bool motion) {
  pri_pcg at = pri_pcg_of(s);
  request q = {.cx = cx, .who = who, .f = f, .row = &at, .output = s->output, .rows = 1, .per = product(dims, 1, nd), .motion = motion};
  if (check_request(&q, nd, dims) || carry_out(&q, nd, dims)) return NULL;
  pri_pcg_store(s, at);
  return q.out;
}

static peri_tensor *from_block(const char *who, peri_block *b, int nd, const int64_t *dims, const peri_fractional *f, bool motion) {
  int64_t full[PERI_MAXDIM + 1] = {nd > 0 ? dims[0] : 0, b->n};
  size_t bytes = (size_t)b->n * sizeof *b->row;
  request q = {.cx = b->cx, .who = who, .f = f, .output = b->output, .rows = b->n, .per = product(dims, 1, nd), .motion = motion};
  if (check_request(&q, nd, dims)) return NULL;
  for (int i = 1; i < nd && i < PERI_MAXDIM; i++) full[i + 1] = dims[i];
  if (!(q.row = peri_alloc(b->cx, bytes))) return NULL;
  memcpy(q.row, b->row, bytes);
  if (carry_out(&q, nd + 1, full) == PERI_OK) memcpy(b->row, q.row, bytes);
  peri_free(b->cx, q.row, bytes);
  return q.out;
}

peri_tensor *peri_fgn(peri_ctx *cx, int nd, const int64_t *dims, const peri_fractional *f, peri_stream *s) {
  return from_stream("process.fgn", cx, nd, dims, f, s, false);
}
peri_tensor *peri_fbm(peri_ctx *cx, int nd, const int64_t *dims, const peri_fractional *f, peri_stream *s) {
  return from_stream("process.fbm", cx, nd, dims, f, s, true);
}
peri_tensor *peri_fgn_block(peri_block *b, int nd, const int64_t *dims, const peri_fractional *f) {
  return from_block("process.fgn", b, nd, dims, f, false);
}
peri_tensor *peri_fbm_block(peri_block *b, int nd, const int64_t *dims, const peri_fractional *f) {
  return from_block("process.fbm", b, nd, dims, f, true);
}

peri_tensor *peri_fgn_covariance(peri_ctx *cx, double H, int64_t n) {
  if (!(H > 0 && H < 1)) return peri_fail(cx, PERI_ERR_VALUE, "process.fgn_covariance: H must lie in (0, 1), got %g", H), NULL;
  if (n < 0 || n > longest) return peri_fail(cx, PERI_ERR_VALUE, "process.fgn_covariance: the number of lags must lie in 0..2^40, got %" PRId64, n), NULL;
  peri_tensor *r = peri_new(cx, PERI_F64, 1, &n);
  if (r) pri_fgn_gammas(H, r->data, n);
  return r;
}
