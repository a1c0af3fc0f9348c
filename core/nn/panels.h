/* panels.h - matrix products of networks, put together from tiles.
**
** C = A B is summed over k in blocks of pri_depth(k), each block a chain of fused multiply-adds from 0 (kernels/wide/tile.c), blocks added in
** order. So an element's bits depend on its row of A and column of B alone: not on tiles, tasks, threads, nor the instruction set.
** A panel holds, for each k, `width` lines (rows of A, columns of B) side by side.
*/
#ifndef PRI_PANELS_H
#define PRI_PANELS_H
#include "tensor/tensor.h"

/* Element (line, k) lies `line` (`k`) elements from the next; strides may be negative. */
typedef struct { const char *data; int64_t line, k; } pri_lines;

/* How much of k a block takes: nearly equal blocks of 320 at most. */
static inline int64_t pri_depth(int64_t k) {
  int64_t blocks = (k + 319) / 320;
  return k ? (k + blocks - 1) / blocks : 1;
}

static inline int64_t pri_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

/* panel[k * width + line] = element (line, k); lines from `lines` to `width` are zero. */
void pri_pack_panel(peri_dtype t, void *panel, int64_t width, pri_lines from, int64_t lines, int64_t k);

/* to[k * pitch + line] = element (line, k). */
void pri_lay_out(peri_dtype t, void *to, int64_t pitch, pri_lines from, int64_t lines, int64_t k);

/* Unaligned vectors of 16 bytes, which every machine has. */
typedef float pri_four __attribute__((vector_size(16), aligned(4), may_alias));
typedef double pri_two __attribute__((vector_size(16), aligned(8), may_alias));
typedef uint32_t pri_word __attribute__((may_alias));

/* Copies bytes, a multiple of 4; short runs, which a call would cost more than. */
static inline void pri_copy_run(char *to, const char *from, int64_t bytes) {
  for (; bytes >= 64; bytes -= 64, to += 64, from += 64) memcpy(to, from, 64);
  for (; bytes >= 16; bytes -= 16, to += 16, from += 16) *(pri_four *)to = *(const pri_four *)from;
  for (; bytes > 0; bytes -= 4, to += 4, from += 4) *(pri_word *)to = *(const pri_word *)from;
}

/* Copies n elements of 4 or 8 bytes, which lie `stride` elements apart in `from`. */
void pri_copy_spread(char *to, const char *from, int64_t stride, int64_t n, int64_t bytes);

/* The rows x cols corner of a tile of that pitch to C, whose rows lie `row` elements apart; added if `more`. */
void pri_put_tile(peri_dtype t, void *c, int64_t row, const void *tile, int64_t pitch, int64_t rows, int64_t cols, bool more);

/* c (m, n; contiguous) = A B [+ bias (n)] [max(0, .)], with m, n, k >= 1; a holds the lines of A, b the columns of B. */
typedef struct {
  peri_dtype dtype;
  int64_t m, n, k;
  pri_lines a, b;
  void *c;
  const void *bias; /* or NULL */
  bool rectify;
} pri_factors;
peri_status pri_multiply(peri_ctx *cx, const pri_factors *p);

#endif
