/* block.c - a block of streams: one generator a row, each continuing where it stands. */
#include "random/random.h"

enum { MAX_ROWS = INT32_MAX };

static peri_block *block_of(peri_ctx *cx, peri_output output, int64_t n) {
  if (n < 0 || n > MAX_ROWS)
    return peri_fail(cx, PERI_ERR_VALUE, "random.block: the number of rows must lie in 0..%d, got %lld", MAX_ROWS, (long long)n), NULL;
  peri_block *b = peri_alloc(cx, sizeof *b);
  if (!b) return NULL;
  *b = (peri_block){.cx = cx, .output = output, .n = n};
  b->row = peri_alloc(cx, (size_t)n * sizeof *b->row);
  b->key = b->row ? peri_alloc(cx, (size_t)n * sizeof *b->key) : NULL;
  if (!b->key) return peri_block_free(b), NULL;
  return b;
}

static void put(peri_block *b, int64_t i, const peri_stream *s) {
  b->row[i] = pri_pcg_of(s);
  memcpy(b->key[i], s->key, sizeof s->key);
}

peri_block *peri_block_new(peri_ctx *cx, const peri_stream *parent, const char *name, int64_t first, int64_t n) {
  peri_block *b = block_of(cx, parent->output, n);
  for (int64_t i = 0; b && i < n; i++) {
    peri_stream s = peri_stream_sub(parent, name, first + i);
    put(b, i, &s);
  }
  return b;
}

peri_block *peri_block_sub(const peri_block *b, const char *name, int64_t index) {
  peri_block *r = block_of(b->cx, b->output, b->n);
  for (int64_t i = 0; r && i < b->n; i++) {
    peri_stream row = peri_block_stream(b, i), s = peri_stream_sub(&row, name, index);
    put(r, i, &s);
  }
  return r;
}

void peri_block_free(peri_block *b) {
  if (!b) return;
  peri_free(b->cx, b->row, (size_t)b->n * sizeof *b->row);
  peri_free(b->cx, b->key, (size_t)b->n * sizeof *b->key);
  peri_free(b->cx, b, sizeof *b);
}

int64_t peri_block_rows(const peri_block *b) { return b->n; }
peri_ctx *peri_block_context(const peri_block *b) { return b->cx; }

peri_stream peri_block_stream(const peri_block *b, int64_t row) {
  pri_pcg g = b->row[row];
  peri_stream s = {.inc = {g.inc_hi, g.inc_lo}, .output = b->output};
  pri_pcg_store(&s, g);
  memcpy(s.key, b->key[row], sizeof s.key);
  return s;
}

void peri_block_jump(peri_block *b, int64_t draws) {
  for (int64_t i = 0; i < b->n; i++) pri_pcg_advance(&b->row[i], b->output, (pri_u128)(__int128)draws);
}
