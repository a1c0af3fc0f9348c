/* random_bench.c - alias draws and events of a superposed Poisson clock, a thousand and a hundred thousand rates; a heap of clocks. */
#include "bench.h"
#include <perigee/process.h>
#include <stdlib.h>

enum { BATCH = 65536 };

typedef struct {
  peri_ctx *cx;
  peri_stream s;
  peri_alias *table;
  peri_clock *clock;
  peri_tensor *out;
} task;

static double *rates(int64_t m) {
  double *w = malloc((size_t)m * sizeof *w);
  if (!w) abort();
  for (int64_t i = 0; i < m; i++) w[i] = 0.5 + (double)(i * 7919 % 1000) / 1000;
  return w;
}

static void draw(void *ud) {
  task *t = ud;
  if (peri_fill(t->out, &t->s, peri_categorical(t->table, 0))) abort();
}

static void batch(void *ud) {
  task *t = ud;
  peri_tensor *times = NULL, *index = NULL;
  if (peri_clock_batch(t->clock, BATCH, &times, NULL, &index)) abort();
  peri_release(times);
  peri_release(index);
}

static void next(void *ud) {
  task *t = ud;
  double sum = 0;
  for (int i = 0; i < BATCH; i++) sum += peri_clock_next(t->clock).t;
  if (!isfinite(sum)) abort();
}

/* A binary heap as one writes it down: the least time rings, draws its next one, and sinks. */
enum { CLOCKS = 1000 };
static struct { double t; int i; } heap[CLOCKS];

static void plain_heap(void *ud) {
  static double rate[CLOCKS];
  task *t = ud;
  double sum = 0;
  for (int i = 0; i < CLOCKS; i++) rate[i] = 0.5 + (double)(i * 7919 % 1000) / 1000, heap[i].t = (double)i / CLOCKS, heap[i].i = i;
  for (int k = 0; k < BATCH; k++) {
    int at = 0, i = heap[0].i;
    double now = heap[0].t, then = now - log(((double)(peri_stream_next(&t->s) >> 12) + 0.5) * 0x1p-52) / rate[i];
    for (int down; (down = 2 * at + 1) < CLOCKS; at = down) {
      if (down + 1 < CLOCKS && heap[down + 1].t < heap[down].t) down++;
      if (heap[down].t >= then) break;
      heap[at] = heap[down];
    }
    heap[at].t = then, heap[at].i = i;
    sum += now;
  }
  if (!isfinite(sum)) abort();
}

static void heap_clock(void) {
  double *w = rates(CLOCKS);
  task t = {.cx = peri_open(NULL)};
  t.s = peri_stream_root(1);
  t.clock = peri_heap_new(t.cx, w, CLOCKS, &t.s);
  if (!t.clock) abort();
  bench_case("heap clock event, 1000 rates, one by one", next, plain_heap, "plain C loop", &t, BATCH, "ns", 80);
  peri_clock_free(t.clock);
  peri_close(t.cx);
  free(w);
}

static void with(int64_t m) {
  char name[64];
  int64_t n = BATCH;
  double *w = rates(m);
  task t = {.cx = peri_open(NULL)};
  t.s = peri_stream_root(1);
  t.table = peri_alias_new(t.cx, "bench", w, m);
  t.clock = peri_clock_new(t.cx, w, m, &t.s);
  t.out = peri_new(t.cx, PERI_I64, 1, &n);
  if (!t.table || !t.clock || !t.out) abort();
  snprintf(name, sizeof name, "alias draw, %lld weights", (long long)m);
  bench_case(name, draw, NULL, NULL, &t, BATCH, "ns", 4);
  snprintf(name, sizeof name, "Poisson clock event, %lld rates, in batches", (long long)m);
  bench_case(name, batch, NULL, NULL, &t, BATCH, "ns", 7);
  snprintf(name, sizeof name, "Poisson clock event, %lld rates, one by one", (long long)m);
  bench_case(name, next, NULL, NULL, &t, BATCH, "ns", 7);
  peri_release(t.out);
  peri_clock_free(t.clock);
  peri_alias_free(t.table);
  peri_close(t.cx);
  free(w);
}

int main(void) {
  with(1000);
  with(100000);
  heap_clock();
  return 0;
}
