/* optim_bench.c - a step of Adam on 10^6 and on 1000 parameters against the loop a C programmer writes, with the compiler's vectors. */
#include "bench.h"
#include <perigee/optim.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  peri_optim *o;
  peri_tensor *x, *g;
  void *m, *v; /* of the plain loop, which has a theta of its own */
  void *theta;
  int64_t t;
} adam;

static void ours(void *ud) {
  adam *a = ud;
  peri_optim_step(a->o, a->x, a->g);
}

#if defined(__clang__)
#define VECTORS(isa) __attribute__((target(isa)))
#else
#define VECTORS(isa) __attribute__((target(isa), optimize("O3")))
#endif

#define LOOP(name, isa, T, SQRT)                                                                                       \
  VECTORS(isa) static void name(void *ud) {                                                                            \
    adam *a = ud;                                                                                                      \
    T *restrict x = a->theta, *restrict m = a->m, *restrict v = a->v;                                                  \
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
LOOP(plain_f64_avx512, "avx512f,prefer-vector-width=512", double, sqrt)
LOOP(plain_f32_avx2, "avx2", float, sqrtf)
LOOP(plain_f32_avx512, "avx512f,prefer-vector-width=512", float, sqrtf)

static bench_fn *plain(const peri_ctx *cx, peri_dtype t) {
  if (strcmp(peri_isa(cx), "avx512") == 0) return t == PERI_F64 ? plain_f64_avx512 : plain_f32_avx512;
  if (strcmp(peri_isa(cx), "avx2") == 0) return t == PERI_F64 ? plain_f64_avx2 : plain_f32_avx2;
  return NULL;
}

static int run(peri_ctx *cx, peri_dtype t, int64_t n, const char *task, const char *kind, double bar) {
  size_t bytes = (size_t)n * peri_sizeof(t);
  peri_optim_options p = peri_optim_defaults(PERI_ADAM);
  adam a = {.o = peri_optim_new(cx, PERI_ADAM, &p), .x = peri_full(cx, t, 1, &n, 1), .g = peri_full(cx, t, 1, &n, 0.5)};
  a.m = peri_alloc(cx, bytes), a.v = peri_alloc(cx, bytes), a.theta = peri_alloc(cx, bytes);
  int failed = !a.o || !a.x || !a.g || !a.m || !a.v || !a.theta;
  if (failed) {
    fprintf(stderr, "optim_bench: %s\n", peri_errmsg(cx));
  } else {
    memset(a.m, 0, bytes), memset(a.v, 0, bytes), memcpy(a.theta, a.x->data, bytes);
    bench_case(task, ours, plain(cx, t), "plain loop", &a, (double)n, plain(cx, t) ? kind : "-", bar);
  }
  peri_release(a.x), peri_release(a.g);
  peri_optim_free(a.o);
  if (a.m) peri_free(cx, a.m, bytes);
  if (a.v) peri_free(cx, a.v, bytes);
  if (a.theta) peri_free(cx, a.theta, bytes);
  return failed;
}

int main(void) {
  peri_ctx *cx = peri_open(NULL);
  if (!cx) return 1;
  int failed = run(cx, PERI_F64, 1000000, "adam step, 10^6 f64, an element", "ratio", 1.25) ||
               run(cx, PERI_F32, 1000000, "adam step, 10^6 f32, an element", "ratio", 1.25) ||
               run(cx, PERI_F64, 1000, "adam step, 1000 f64, an element", "ratio", 1.25);
  peri_close(cx);
  return failed;
}
