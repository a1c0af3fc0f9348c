/* sums_bench.c - the sum of 10^6 doubles against a plain loop over four vector accumulators. */
#include "bench.h"
#include <perigee/reduce.h>
#include <stdlib.h>

typedef struct {
  peri_tensor *x;
  double total; /* kept, so that nothing is optimised away */
} sums;

static void ours(void *ud) {
  sums *s = ud;
  peri_tensor *t = peri_sum(s->x, 0, false);
  s->total += peri_item(t, 0);
  peri_release(t);
}

/* What a C programmer writes: the compiler's own vectors, sums in as many lanes as hide the latency of addition. */
#define LOOP(name, isa, width)                                                                                         \
  __attribute__((target(isa))) static void name(void *ud) {                                                            \
    typedef double lanes __attribute__((vector_size(8 * width), aligned(8)));                                          \
    sums *s = ud;                                                                                                      \
    const double *x = s->x->data;                                                                                      \
    int64_t n = s->x->size, i = 0;                                                                                     \
    lanes a = {0}, b = {0}, c = {0}, d = {0};                                                                          \
    for (; i + 4 * width <= n; i += 4 * width) {                                                                       \
      a += *(const lanes *)(x + i);                                                                                    \
      b += *(const lanes *)(x + i + width);                                                                            \
      c += *(const lanes *)(x + i + 2 * width);                                                                        \
      d += *(const lanes *)(x + i + 3 * width);                                                                        \
    }                                                                                                                  \
    double total = 0;                                                                                                  \
    for (; i < n; i++) total += x[i];                                                                                  \
    a = (a + b) + (c + d);                                                                                             \
    for (int k = 0; k < width; k++) total += a[k];                                                                     \
    s->total += total;                                                                                                 \
  }
LOOP(plain_avx2, "avx2", 4)
LOOP(plain_avx512, "avx512f", 8)

int main(void) {
  peri_ctx *cx = peri_open(NULL);
  if (!cx) return 1;
  sums s = {peri_linspace(cx, -1, 1, 1000000), 0};
  if (!s.x) return 1;
  bool wide = peri_isa(cx)[3] == '5';
  bench_case("sum, 10^6 doubles, plain loop", ours, wide ? plain_avx512 : plain_avx2,
             wide ? "AVX-512 loop" : "AVX2 loop", &s, 1e6, "ratio", 1.15);
  if (!isfinite(s.total)) return 1;
  peri_release(s.x);
  peri_close(cx);
  return 0;
}
