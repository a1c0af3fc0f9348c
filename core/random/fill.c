/* fill.c - tensors filled from a stream, or row by row from a block of streams.
**
** Variates are produced in C order, a chunk at a time, into out itself if it is contiguous and of the native dtype (f64 or,
** for integer laws, i64), otherwise into a buffer that is cast and scattered. What comes out does not depend on chunks:
** laws of one or two words take those of index k for variate k, the others draw serially.
*/
#include "random/random.h"
#include "tensor/tensor.h"
#include <math.h>

enum { CHUNK = 1024 };

/* Who fills what: row r of `length` elements is drawn from pcg[r]. */
typedef struct {
  const pri_law_row *row;
  pri_ready ready;
  const pri_kernels *k;
  peri_output output;
  pri_pcg *pcg;
  int64_t length;
} job;

static void job_start(job *j, peri_ctx *cx, peri_output output, peri_law law) {
  *j = (job){.row = &pri_law_rows[law.kind], .ready.law = law, .k = cx->k, .output = output};
  j->row->prepare(&j->ready, &(pri_rng){.k = cx->k});
}

/* Elements at .. at + n - 1 into r: double[] or int64_t[], n <= CHUNK. */
static void produce(job *j, void *r, int64_t at, int64_t n) {
  uint64_t w[2 * CHUNK];
  int words = j->row->words;
  for (int64_t done = 0, m; done < n; done += m) {
    int64_t i = (at + done) / j->length, left = (i + 1) * j->length - (at + done);
    m = n - done < left ? n - done : left;
    pri_rng g = {j->k, j->pcg[i], j->output};
    if (j->row->map) pri_words(&g, w + words * done, words * m);
    else j->row->serial(&j->ready, &g, (double *)r + done, m); /* int64_t is as wide */
    j->pcg[i] = g.pcg;
  }
  if (j->row->map) j->row->map(&j->ready, j->k, r, w, n);
}

static void write_strided(const pri_walk *walk, peri_tensor *out, const char *src, int64_t at, int64_t n) {
  size_t bytes = peri_sizeof(out->dtype);
  int64_t index[PERI_MAXDIM], offset[PRI_WALK], length = walk->dims[walk->nd - 1], stride = walk->strides[0][walk->nd - 1];
  while (n > 0) {
    pri_walk_seek(walk, at, index, offset);
    int64_t left = length - index[walk->nd - 1], m = n < left ? n : left;
    pri_scatter((char *)out->data + offset[0] * (int64_t)bytes, stride, src, m, bytes);
    src += m * (int64_t)bytes, at += m, n -= m;
  }
}

static peri_status run(job *j, peri_tensor *out) {
  peri_dtype native = j->row->integer ? PERI_I64 : PERI_F64;
  bool direct = pri_contiguous(out) && out->dtype == native;
  double buffer[CHUNK], cast[CHUNK];
  pri_walk walk;
  pri_walk_make(&walk, out->ndim, out->dims, 1, (int64_t(*)[PERI_MAXDIM])out->strides);
  for (int64_t at = 0; at < out->size; at += CHUNK) {
    int64_t n = out->size - at < CHUNK ? out->size - at : CHUNK;
    if (pri_stopped(out->cx)) return peri_check_interrupt(out->cx);
    if (direct) {
      produce(j, (double *)out->data + at, at, n);
      continue;
    }
    void *src = buffer;
    produce(j, buffer, at, n);
    if (out->dtype != native) j->k->cast[out->dtype][native](src = cast, buffer, n);
    write_strided(&walk, out, src, at, n);
  }
  return PERI_OK;
}

/* f32: keep what rounds up to hi below it */
static void cap_f32(job *j) {
  float hi = (float)j->ready.law.b;
  if ((double)hi >= j->ready.law.b) hi = nextafterf(hi, -INFINITY);
  j->ready.c[2] = hi;
}

static peri_status check(peri_ctx *cx, const peri_law *law, const peri_tensor *out) {
  const pri_law_row *row = &pri_law_rows[law->kind];
  if (row->check(cx, row->name, law) != PERI_OK) return peri_errcode(cx);
  if (!out || pri_is_float(out->dtype) || (row->integer && out->dtype == PERI_I64)) return PERI_OK;
  if (law->kind == PERI_BERNOULLI && out->dtype == PERI_BOOL) return PERI_OK;
  return peri_fail(cx, PERI_ERR_DTYPE, "%s: cannot fill a tensor of dtype %s; use f64, f32%s", row->name, peri_dtype_name(out->dtype),
                   law->kind == PERI_BERNOULLI ? ", i64 or bool" : row->integer ? " or i64" : "");
}

static peri_status fill(peri_tensor *out, peri_output output, pri_pcg *pcg, int64_t rows, peri_law law) {
  job j;
  if (check(out->cx, &law, out) != PERI_OK) return peri_errcode(out->cx);
  if (pri_write(pri_law_rows[law.kind].name, out) != PERI_OK) return peri_errcode(out->cx);
  if (out->size == 0) return PERI_OK;
  job_start(&j, out->cx, output, law);
  j.pcg = pcg, j.length = out->size / rows;
  if (law.kind == PERI_UNIFORM && out->dtype == PERI_F32) cap_f32(&j);
  return run(&j, out);
}

peri_status peri_fill(peri_tensor *out, peri_stream *s, peri_law law) {
  pri_pcg g = pri_pcg_of(s);
  peri_status st = fill(out, s->output, &g, 1, law);
  if (st == PERI_OK) pri_pcg_store(s, g);
  return st;
}
peri_status peri_fill_uniform(peri_tensor *out, peri_stream *s) { return peri_fill(out, s, peri_uniform(0, 1)); }
peri_status peri_fill_normal(peri_tensor *out, peri_stream *s) { return peri_fill(out, s, peri_normal(0, 1)); }
peri_status peri_fill_exponential(peri_tensor *out, peri_stream *s) { return peri_fill(out, s, peri_exponential(1)); }

peri_status pri_block_rows_of(peri_tensor *out, peri_block *b, int axes) {
  if (out->cx != b->cx) return peri_fail(out->cx, PERI_ERR_STATE, "random.block: the tensor belongs to another context");
  if (out->ndim >= axes && out->dims[0] == b->n) return PERI_OK;
  return peri_fail(b->cx, PERI_ERR_SHAPE, "random.block: a block of %lld rows cannot fill a tensor of shape %s", (long long)b->n, peri_shape(out));
}

peri_status peri_block_fill(peri_tensor *out, peri_block *b, peri_law law) {
  if (pri_block_rows_of(out, b, 1) != PERI_OK) return peri_errcode(out->cx);
  size_t bytes = (size_t)b->n * sizeof *b->row;
  pri_pcg *row = peri_alloc(b->cx, bytes); /* on a copy, so that an error leaves the block where it was */
  if (!row) return peri_errcode(b->cx);
  memcpy(row, b->row, bytes);
  peri_status st = fill(out, b->output, row, b->n, law);
  if (st == PERI_OK) memcpy(b->row, row, bytes);
  peri_free(b->cx, row, bytes);
  return st;
}

/* ---- single variates ---- */

static peri_status draw(peri_ctx *cx, peri_stream *s, peri_law law, void *r) {
  job j;
  if (check(cx, &law, NULL) != PERI_OK) return peri_errcode(cx);
  pri_pcg g = pri_pcg_of(s);
  job_start(&j, cx, s->output, law);
  j.pcg = &g, j.length = 1;
  produce(&j, r, 0, 1);
  pri_pcg_store(s, g);
  return PERI_OK;
}

peri_status peri_draw(peri_ctx *cx, peri_stream *s, peri_law law, double *x) {
  if (!peri_law_is_integer(law)) return draw(cx, s, law, x);
  int64_t v;
  peri_status st = draw(cx, s, law, &v);
  if (st == PERI_OK) *x = (double)v;
  return st;
}

peri_status peri_draw_i64(peri_ctx *cx, peri_stream *s, peri_law law, int64_t *x) {
  if (peri_law_is_integer(law)) return draw(cx, s, law, x);
  return peri_fail(cx, PERI_ERR_DTYPE, "%s: not a law on the integers", pri_law_rows[law.kind].name);
}
