/* block.c - a block of streams: one generator a row, each continuing where it stands. */
#include "random/random.h"

enum { MAX_ROWS = INT32_MAX };

peri_block *peri_block_new(peri_ctx *cx, const peri_stream *parent, const char *name, int64_t first, int64_t n) {
  if (n < 0 || n > MAX_ROWS)
    return peri_fail(cx, PERI_ERR_VALUE, "random.block: the number of rows must lie in 0..%d, got %lld", MAX_ROWS, (long long)n), NULL;
  size_t length = strlen(name) + 1, bytes = sizeof(peri_block) + length;
  peri_block *b = peri_alloc(cx, bytes);
  if (!b) return NULL;
  *b = (peri_block){.cx = cx, .parent = *parent, .first = first, .n = n, .bytes = bytes};
  memcpy(b->name, name, length);
  b->row = peri_alloc(cx, (size_t)n * sizeof *b->row);
  if (!b->row) return peri_free(cx, b, bytes), NULL;
  for (int64_t i = 0; i < n; i++) {
    peri_stream s = peri_stream_sub(parent, name, first + i);
    b->row[i] = pri_pcg_of(&s);
  }
  return b;
}

void peri_block_free(peri_block *b) {
  if (!b) return;
  peri_free(b->cx, b->row, (size_t)b->n * sizeof *b->row);
  peri_free(b->cx, b, b->bytes);
}

int64_t peri_block_rows(const peri_block *b) { return b->n; }
peri_ctx *peri_block_context(const peri_block *b) { return b->cx; }

peri_stream peri_block_stream(const peri_block *b, int64_t row) {
  peri_stream s = peri_stream_sub(&b->parent, b->name, b->first + row);
  pri_pcg_store(&s, b->row[row]);
  return s;
}

void peri_block_jump(peri_block *b, int64_t draws) {
  for (int64_t i = 0; i < b->n; i++) pri_pcg_advance(&b->row[i], b->parent.output, (pri_u128)(__int128)draws);
}
