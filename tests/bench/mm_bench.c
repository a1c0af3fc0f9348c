/* mm_bench.c - products against raw cblas_dgemm, and two of our threads against one. */
#include "bench.h"
#include <perigee/linalg.h>
#include <cblas.h>
#include <stdlib.h>

typedef struct {
  peri_ctx *cx;
  peri_tensor *a, *b, *c; /* c: the yardstick's result */
  int n;
} square;

static peri_tensor *filled(peri_ctx *cx, int n) {
  peri_tensor *t = peri_new(cx, PERI_F64, 2, (int64_t[]){n, n});
  if (!t) abort();
  for (int64_t i = 0; i < t->size; i++) ((double *)t->data)[i] = (double)(i * 7919 % 1000) / 1000 - 0.5;
  return t;
}

static void ours(void *ud) {
  square *s = ud;
  peri_set_threads(s->cx, 1);
  peri_release(peri_mm(s->a, s->b));
}

static void ours_on_two(void *ud) {
  square *s = ud;
  peri_release(peri_mm(s->a, s->b));
}

static void raw(void *ud) {
  square *s = ud;
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, s->n, s->n, s->n, 1, s->a->data, s->n, s->b->data, s->n, 0,
              s->c->data, s->n);
}

static void one_thread(peri_ctx *cx, int n, double bar) {
  char task[64];
  square s = {cx, filled(cx, n), filled(cx, n), filled(cx, n), n};
  snprintf(task, sizeof task, "mm, %d x %d, one thread", n, n);
  bench_case(task, ours, raw, "cblas_dgemm", &s, 1, "speed", bar);
  peri_release(s.a);
  peri_release(s.b);
  peri_release(s.c);
}

/* The same tensors on a context of two threads and on one of one. */
typedef struct {
  square one, two;
} pair;
static void on_one(void *ud) { ours_on_two(&((pair *)ud)->one); }
static void on_two(void *ud) { ours_on_two(&((pair *)ud)->two); }

static void two_threads(int n, double bar) {
  char task[64];
  peri_ctx *one = peri_open(NULL), *two = peri_open(&(peri_config){.threads = 2});
  pair p = {{one, filled(one, n), filled(one, n), NULL, n}, {two, filled(two, n), filled(two, n), NULL, n}};
  snprintf(task, sizeof task, "mm, %d x %d, two threads", n, n);
  bench_case(task, on_two, on_one, "one thread", &p, 1, "speed", bar);
  peri_tensor *all[] = {p.one.a, p.one.b, p.two.a, p.two.b};
  for (int i = 0; i < 4; i++) peri_release(all[i]);
  peri_close(one);
  peri_close(two);
}

int main(void) {
  peri_ctx *cx = peri_open(&(peri_config){.blas_threads = 1});
  if (!cx) return 1;
  one_thread(cx, 64, 0.93);
  one_thread(cx, 256, 0.95);
  one_thread(cx, 1024, 0.95);
  peri_close(cx);
  two_threads(1024, 1.8);
  return 0;
}
