/* optim_bench.c - a step of Adam on 10^6 and on 1000 parameters against the loop a C programmer writes, with the compiler's vectors.
** Both work on the same arrays: where pages happen to lie makes as much as a factor of two.
*/
#include "bench.h"
#include <perigee/optim.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  peri_optim *o;
  peri_tensor *x, *g, *m, *v; /* m, v: the optimiser's own */
  int64_t t;
} adam;

static void ours(void *ud) {
  adam *a = ud;
  peri_optim_step(a->o, a->x, a->g);
}

#if defined(__clang__)
#define VECTORS(isa) __attribute__((target(isa)))
#define WIDE "avx512f"
#else
#define VECTORS(isa) __attribute__((target(isa), optimize("O3")))
#define WIDE "avx512f,prefer-vector-width=512"
#endif

#define LOOP(name, isa, T, SQRT)                                                                                       \
  VECTORS(isa) static void name(void *ud) {                                                                            \
    adam *a = ud;                                                                                                      \
    T *restrict x = a->x->data, *restrict m = a->m->data, *restrict v = a->v->data;                                    \
    const T *restrict g = a->g->data;                                                                                  \
    int64_t n = a->g->size;                                                                                            \
    a->t++;                                                                                                            \
    T rate = (T)(1e-3 / (1 - pow(0.9, (double)a->t))), root = (T)(1 / sqrt(1 - pow(0.999, (double)a->t)));             \
    for (int64_t i = 0; i < n; i++) {                                                                                  \
      m[i] = (T)0.9 * m[i] + (T)(1 - 0.9) * g[i];                                                                      \
      v[i] = (T)0.999 * v[i] + (T)(1 - 0.999) * g[i] * g[i];                                                           \
      x[i] -= rate * m[i] / (SQRT(v[i]) * root + (T)1e-8);                                                             \
    }                                                                                                                  \
  }
LOOP(plain_f64_avx2, "avx2", double, sqrt)
LOOP(plain_f64_avx512, WIDE, double, sqrt)
LOOP(plain_f32_avx2, "avx2", float, sqrtf)
LOOP(plain_f32_avx512, WIDE, float, sqrtf)

static bench_fn *plain(const peri_ctx *cx, peri_dtype t) {
  if (strcmp(peri_isa(cx), "avx512") == 0) return t == PERI_F64 ? plain_f64_avx512 : plain_f32_avx512;
  if (strcmp(peri_isa(cx), "avx2") == 0) return t == PERI_F64 ? plain_f64_avx2 : plain_f32_avx2;
  return NULL;
}

static int run(peri_ctx *cx, peri_dtype t, int64_t n, const char *task) {
  peri_optim_options p = peri_optim_defaults(PERI_ADAM);
  adam a = {.o = peri_optim_new(cx, PERI_ADAM, &p), .x = peri_full(cx, t, 1, &n, 1), .g = peri_full(cx, t, 1, &n, 0.5)};
  int failed = !a.o || !a.x || !a.g || peri_optim_step(a.o, a.x, a.g);
  if (failed) {
    fprintf(stderr, "optim_bench: %s\n", peri_errmsg(cx));
  } else {
    peri_optim_slot(a.o, 0, &a.m), peri_optim_slot(a.o, 1, &a.v);
    bench_case(task, ours, plain(cx, t), "plain loop", &a, (double)n, plain(cx, t) ? "ratio" : "-", 1.1);
  }
  peri_release(a.x), peri_release(a.g);
  peri_optim_free(a.o);
  return failed;
}

int main(void) {
  peri_ctx *cx = peri_open(NULL);
  if (!cx) return 1;
  int failed = run(cx, PERI_F64, 1000000, "adam step, 10^6 f64, an element") ||
               run(cx, PERI_F32, 1000000, "adam step, 10^6 f32, an element") ||
               run(cx, PERI_F64, 1000, "adam step, 1000 f64, an element");
  peri_close(cx);
  return failed;
}
