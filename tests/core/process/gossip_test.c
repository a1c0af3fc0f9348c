/* gossip_test.c - gossip against the loops of the texts, written out with every node in every event and the same clock; the same bits
** for any grouping and threads; conserved sums, closed forms, exact moments, rounds. */
#include "support.h"
#include <perigee/diag.h>
#include <perigee/gossip.h>
#include <perigee/process.h>
#include <perigee/reduce.h>
#include <stdlib.h>

#define RELATIVE(got, want, tolerance) NEAR(got, want, (tolerance)*fabs((double)(want)))

/* A path of n nodes with chords, rates unequal and not of sum 1. */
static peri_graph *some_graph(peri_ctx *cx, int64_t n) {
  int64_t u[100], v[100], m = 0;
  double w[100];
  for (int64_t i = 0; i + 1 < n; i++) u[m] = i, v[m] = i + 1, w[m++] = 1 + 0.3 * (double)(i % 4);
  for (int64_t i = 0; i + 5 < n; i += 3) u[m] = i + 5, v[m] = i, w[m++] = 0.4;
  peri_graph *g = peri_graph_new(cx, n, m, u, v, w);
  assert_non_null(g);
  return g;
}

static peri_block *block(peri_ctx *cx, int64_t first, int64_t n) {
  peri_stream s = peri_stream_root(7);
  peri_block *b = peri_block_new(cx, &s, "runs", first, n);
  assert_non_null(b);
  return b;
}

static peri_tensor *indicator(peri_ctx *cx, int64_t n) {
  peri_tensor *x = MADE(peri_full(cx, PERI_F64, 1, &n, -1. / (double)n));
  ((double *)x->data)[0] += 1;
  return x;
}

static void drop(peri_gossip_record *r) {
  peri_tensor *all[] = {r->energy, r->when, r->x, r->z};
  for (int i = 0; i < 4; i++) peri_release(all[i]);
}

/* The methods as written down, all nodes always at the present time: x and z just after event number k, k = 0 .. events, (events + 1, n),
** and the times; read at times through the same mixing. */
typedef struct { int64_t n, events; double *x, *z, *t; } story;

static void mix(const peri_gossip_method *m, int64_t n, double dt, double *x, double *z) {
  double c = m->kind == PERI_GOSSIP_CONTINUIZED ? -expm1(-2 * m->theta * dt) / 2 : 0;
  for (int64_t v = 0; v < n; v++) {
    double a = x[v], b = z[v];
    x[v] = a + c * (b - a), z[v] = b + c * (a - b);
  }
}

static story tell(peri_ctx *cx, const peri_graph *g, const peri_gossip_method *m, const peri_block *b, const double *x0, int64_t events) {
  int64_t n = g->n;
  story s = {n, events, calloc((size_t)((events + 1) * n), 8), calloc((size_t)((events + 1) * n), 8), calloc((size_t)(events + 1), 8)};
  peri_stream stream = peri_block_stream(b, 0);
  peri_clock *c = peri_clock_new(cx, g->w, g->m, &stream);
  memcpy(s.x, x0, (size_t)n * 8), memcpy(s.z, x0, (size_t)n * 8);
  for (int64_t k = 1; k <= events; k++) {
    double *x = s.x + k * n, *z = s.z + k * n, *before = s.x + (k - 1) * n;
    peri_event e = peri_clock_next(c);
    memcpy(x, before, (size_t)n * 8), memcpy(z, z - n, (size_t)n * 8);
    mix(m, n, e.dt, x, z);
    int64_t v = g->u[e.index], w = g->v[e.index];
    double d = x[v] - x[w], gamma = m->kind == PERI_GOSSIP_CONTINUIZED ? m->gamma : 0.5;
    x[v] -= gamma * d, x[w] += gamma * d;
    if (m->kind == PERI_GOSSIP_CONTINUIZED) z[v] -= m->gammap * d, z[w] += m->gammap * d;
    for (int64_t i = 0; m->kind == PERI_GOSSIP_HEAVY_BALL && k > 1 && i < n; i++) x[i] += m->beta * (before[i] - before[i - n]);
    if (m->kind != PERI_GOSSIP_CONTINUIZED) memcpy(z, x, (size_t)n * 8);
    s.t[k] = e.t;
  }
  peri_clock_free(c);
  return s;
}

static void forget(story *s) { free(s->x), free(s->z), free(s->t); }

/* Values at record j of r are x, z, up to rounding in the largest of them, and in the start (1), which the conserved sum remembers. */
static void same_values(peri_gossip_record *r, int64_t j, const double *x, const double *z, peri_tensor *x0) {
  int64_t n = x0->size;
  double scale = 4e-4, energy = 0, mean = 0;
  for (int64_t v = 0; v < n; v++) mean += peri_item(x0, v) / (double)n;
  for (int64_t v = 0; v < n; v++) scale = fmax(scale, fmax(fabs(x[v]), fabs(z[v])));
  for (int64_t v = 0; v < n; v++) {
    NEAR(peri_item(r->x, j * n + v), x[v], 1e-12 * scale);
    NEAR(peri_item(r->z, j * n + v), z[v], 1e-12 * scale);
    energy += (peri_item(r->x, j * n + v) - mean) * (peri_item(r->x, j * n + v) - mean);
  }
  NEAR(peri_item(r->energy, j), energy, 1e-12 * energy + 1e-16 * sqrt(energy) + 1e-30);
}

static const peri_gossip_method methods[] = {
    {.kind = PERI_GOSSIP_SIMPLE},
    {.kind = PERI_GOSSIP_CONTINUIZED, .theta = 0.08, .gamma = 0.5, .gammap = 1.7},
    {.kind = PERI_GOSSIP_CONTINUIZED, .theta = 11, .gamma = 0.4, .gammap = 0.6},  /* the differences change their reference every few events */
    {.kind = PERI_GOSSIP_CONTINUIZED, .theta = 900, .gamma = 0.5, .gammap = 0.5}, /* within every gap */
    {.kind = PERI_GOSSIP_CONTINUIZED, .theta = 0, .gamma = 0.5, .gammap = 1},     /* no mixing */
    {.kind = PERI_GOSSIP_HEAVY_BALL, .beta = 0.4},
    {.kind = PERI_GOSSIP_HEAVY_BALL, .beta = 0.5},
    {.kind = PERI_GOSSIP_HEAVY_BALL, .beta = 0},
};
enum { METHODS = sizeof methods / sizeof *methods };

static void events_are_those_of_the_texts(void **state) {
  peri_ctx *cx = *state;
  enum { N = 14, EVENTS = 2500 };
  peri_graph *g = some_graph(cx, N);
  peri_tensor *x0 = indicator(cx, N);
  int64_t *ks = calloc(EVENTS + 1, sizeof *ks);
  for (int k = 0; k <= EVENTS; k++) ks[k] = k;
  for (int m = 0; m < METHODS; m++) {
    peri_block *b = block(cx, 0, 1);
    story s = tell(cx, g, &methods[m], b, x0->data, EVENTS);
    peri_gossip_record r;
    EXPECT_OK(peri_gossip(b, g, &methods[m], x0, &(peri_gossip_plan){.records = EVENTS + 1, .counts = ks, .keep = 1}, &r));
    double sum = 0;
    for (int64_t k = 0; k <= EVENTS; k++) {
      same_values(&r, k, s.x + k * N, s.z + k * N, x0);
      RELATIVE(peri_item(r.when, k), s.t[k], 0);
      double now = 0;
      for (int64_t v = 0; v < N; v++) now += peri_item(r.x, k * N + v) + peri_item(r.z, k * N + v);
      NEAR(now, sum, 1e-12 * N); /* A12 */
    }
    assert_true(peri_item(r.energy, EVENTS) < 0.05 * peri_item(r.energy, 0));
    drop(&r);
    forget(&s);
    peri_block_free(b);
  }
  free(ks);
  peri_release(x0);
  peri_graph_free(g);
}

static void times_are_read_between_events(void **state) {
  peri_ctx *cx = *state;
  enum { N = 9, RECORDS = 400, EVENTS = 6000 };
  peri_graph *g = some_graph(cx, N);
  peri_tensor *x0 = indicator(cx, N);
  double ts[RECORDS];
  for (int j = 0; j < RECORDS; j++) ts[j] = j < 300 ? 0.1 * (j / 2) : 15 + (j - 300) * 2.7; /* several between two events, and repeated */
  for (int m = 0; m < METHODS; m++) {
    peri_block *b = block(cx, 0, 1);
    story s = tell(cx, g, &methods[m], b, x0->data, EVENTS);
    assert_true(s.t[EVENTS] > ts[RECORDS - 1]);
    peri_gossip_record r;
    EXPECT_OK(peri_gossip(b, g, &methods[m], x0, &(peri_gossip_plan){.records = RECORDS, .times = ts, .keep = 1}, &r));
    for (int64_t j = 0, k = 0; j < RECORDS; j++) {
      double x[N], z[N];
      while (s.t[k + 1] <= ts[j]) k++;
      RELATIVE(peri_item(r.when, j), (double)k, 0);
      memcpy(x, s.x + k * N, sizeof x), memcpy(z, s.z + k * N, sizeof z);
      mix(&methods[m], N, ts[j] - s.t[k], x, z);
      same_values(&r, j, x, z, x0);
    }
    drop(&r);
    forget(&s);
    peri_block_free(b);
  }
  peri_release(x0);
  peri_graph_free(g);
}

/* Row i of many is stream i alone, on one thread or four, from a common start or its own. */
static void replicas_do_not_know_of_each_other(void **state) {
  peri_ctx *cx = *state;
  enum { N = 11, ROWS = 37 };
  peri_graph *g = some_graph(cx, N);
  int64_t ks[3] = {0, 700, 3000}, dims[2] = {ROWS, N};
  peri_tensor *starts = MADE(peri_zeros(cx, PERI_F64, 2, dims));
  uint64_t seed = 5;
  for (int64_t k = 0; k < starts->size; k++) ((double *)starts->data)[k] = support_uniform(&seed);
  for (int m = 0; m < METHODS; m++) {
    peri_gossip_plan plan = {.records = 3, .counts = ks, .keep = ROWS};
    peri_gossip_record one, four, again;
    peri_block *b = block(cx, 0, ROWS), *c = block(cx, 0, ROWS);
    EXPECT_OK(peri_gossip(b, g, &methods[m], starts, &plan, &one));
    peri_set_threads(cx, 4);
    EXPECT_OK(peri_gossip(c, g, &methods[m], starts, &plan, &four));
    EXPECT_OK(peri_gossip(c, g, &methods[m], starts, &plan, &again));
    peri_set_threads(cx, 1);
    SAME_BITS(one.energy, four.energy);
    SAME_BITS(one.when, four.when);
    SAME_BITS(one.x, four.x);
    SAME_BITS(one.z, four.z);
    assert_true(peri_item(again.when, ROWS) != peri_item(one.when, ROWS)); /* the streams go on */
    for (int64_t i = 0; i < ROWS; i += 9) {
      peri_block *alone = block(cx, i, 1);
      peri_tensor *start = MADE(peri_from(cx, PERI_F64, 1, &dims[1], (double *)starts->data + i * N));
      peri_gossip_record r;
      plan.keep = 1;
      EXPECT_OK(peri_gossip(alone, g, &methods[m], start, &plan, &r));
      for (int64_t j = 0; j < 3; j++) {
        RELATIVE(peri_item(r.energy, j), peri_item(one.energy, j * ROWS + i), 0);
        for (int64_t v = 0; v < N; v++) RELATIVE(peri_item(r.x, j * N + v), peri_item(one.x, (j * ROWS + i) * N + v), 0);
      }
      drop(&r);
      peri_release(start);
      peri_block_free(alone);
    }
    drop(&one), drop(&four), drop(&again);
    peri_block_free(b), peri_block_free(c);
  }
  peri_release(starts);
  peri_graph_free(g);
}

/* A8: on the complete graph gamma' = gamma = 1/2, so x = z for ever, and acceleration is simple gossip. */
static void no_gain_on_the_complete_graph(void **state) {
  peri_ctx *cx = *state;
  enum { N = 12 };
  peri_graph *g = peri_graph_complete(cx, N);
  peri_tensor *x0 = indicator(cx, N);
  int64_t ks[200];
  for (int k = 0; k < 200; k++) ks[k] = k;
  double mu, R = N - 1;
  EXPECT_OK(peri_graph_ends(g, &mu, NULL));
  peri_gossip_method fast = {.kind = PERI_GOSSIP_CONTINUIZED, .theta = sqrt(mu / 2 / R), .gammap = 1 / sqrt(2 * mu * R)};
  peri_gossip_plan plan = {.records = 200, .counts = ks, .keep = 1};
  peri_gossip_record a, s;
  peri_block *b = block(cx, 3, 1), *c = block(cx, 3, 1);
  EXPECT_OK(peri_gossip(b, g, &fast, x0, &plan, &a));
  EXPECT_OK(peri_gossip(c, g, &methods[0], x0, &plan, &s));
  for (int64_t k = 0; k < a.x->size; k++) {
    NEAR(peri_item(a.x, k), peri_item(a.z, k), 1e-12);
    NEAR(peri_item(a.x, k), peri_item(s.x, k), 1e-12);
  }
  drop(&a), drop(&s);
  peri_block_free(b), peri_block_free(c);
  peri_release(x0);
  peri_graph_free(g);
}

/* A10: line of 10 nodes, 20 000 runs, means within five standard errors of the exact ones, and those of the reference. */
static void means_are_the_exact_moments(void **state) {
  peri_ctx *cx = *state;
  enum { N = 10, ROWS = 20000, COUNT = 4 };
  static const int64_t ks[COUNT] = {20, 50, 100, 200};
  static const double want[2][COUNT] = {{.33166526, .15253784, 7.3086184e-2, 2.3512170e-2}, {.33476048, .11315180, 1.99706465e-2, 5.9925677e-4}};
  peri_graph *g = peri_graph_line(cx, N);
  peri_tensor *x0 = indicator(cx, N);
  double mu, R = N - 1;
  EXPECT_OK(peri_graph_ends(g, &mu, NULL));
  for (int kind = 0; kind < 2; kind++) {
    peri_gossip_method m = {.kind = (peri_gossip_kind)kind, .theta = sqrt(mu / 2 / R), .gammap = 1 / sqrt(2 * mu * R)};
    peri_block *b = block(cx, 0, ROWS);
    peri_gossip_record r;
    EXPECT_OK(peri_gossip(b, g, &m, x0, &(peri_gossip_plan){.records = COUNT, .counts = ks}, &r));
    for (int64_t j = 0; j < COUNT; j++) {
      double sum = 0, squares = 0;
      for (int64_t i = 0; i < ROWS; i++) {
        double e = peri_item(r.energy, j * ROWS + i);
        sum += e, squares += e * e;
      }
      double mean = sum / ROWS, error = sqrt((squares / ROWS - mean * mean) / ROWS);
      assert_true(error < 0.05 * mean);
      NEAR(mean, want[kind][j], 5 * error);
    }
    assert_null(r.x);
    drop(&r);
    peri_block_free(b);
  }
  peri_release(x0);
  peri_graph_free(g);
}

static int64_t rounds_to(peri_ctx *cx, peri_graph *g, bool shift) {
  double low, high;
  peri_tensor *x0 = indicator(cx, g->n), *e;
  EXPECT_OK(peri_graph_ends(g, &low, &high));
  EXPECT_OK(peri_gossip_rounds(g, x0, shift, low, high, 1200, &e, NULL));
  int64_t k = 0;
  while (k < 1200 && peri_item(e, k) > 1e-6) k++;
  peri_release(e);
  peri_release(x0);
  return k;
}

static void rounds_until_it_is_small(void **state) { /* A13 */
  peri_ctx *cx = *state;
  peri_graph *all[3] = {peri_graph_line(cx, 30), peri_graph_grid(cx, 2, (int64_t[]){8, 8}, false), peri_graph_cycle(cx, 30)};
  static const int want[3][2] = {{1012, 75}, {140, 28}, {264, 38}};
  for (int i = 0; i < 3; i++) {
    for (int shift = 0; shift < 2; shift++) assert_int_equal(rounds_to(cx, all[i], shift), want[i][shift]);
    peri_graph_free(all[i]);
  }
}

/* From an eigenvector of the smallest non-zero eigenvalue W acts as rho, and the second order has the double root r = omega rho / 2:
** x_k = r^k (1 + k (2 / omega - 1)) x_0. Unequal sizes of equal rates do not matter. */
static void rounds_of_an_eigenvector(void **state) {
  peri_ctx *cx = *state;
  enum { N = 20 };
  peri_graph *g = peri_graph_cycle(cx, N);
  double w[N], x[N], low, high;
  for (int v = 0; v < N; v++) w[v] = 2.5, x[v] = cos(2 * M_PI * v / N);
  EXPECT_OK(peri_graph_set_weights(g, w));
  EXPECT_OK(peri_graph_ends(g, &low, &high));
  double rho = (high - low) / (high + low), omega = 2 / (1 + sqrt(1 - rho * rho)), r = omega * rho / 2;
  peri_tensor *x0 = MADE(peri_from(cx, PERI_F64, 1, (int64_t[]){N}, x)), *e, *f, *values;
  EXPECT_OK(peri_gossip_rounds(g, x0, false, low, high, 40, &e, NULL));
  EXPECT_OK(peri_gossip_rounds(g, x0, true, low, high, 40, &f, &values));
  for (int k = 0; k <= 40; k++) {
    double second = pow(r, k) * (1 + k * (2 / omega - 1));
    RELATIVE(peri_item(e, k), 10 * pow(rho, 2 * k), 1e-9);
    RELATIVE(peri_item(f, k), 10 * second * second, 1e-9);
    for (int v = 0; v < N; v++) NEAR(peri_item(values, k * N + v), second * x[v], 1e-10);
  }
  peri_release(e), peri_release(f), peri_release(values), peri_release(x0);
  peri_graph_free(g);
}

static void arguments_are_checked(void **state) {
  peri_ctx *cx = *state;
  peri_graph *g = some_graph(cx, 6), *lonely = peri_graph_line(cx, 1);
  peri_block *b = block(cx, 0, 2), *same = block(cx, 0, 2);
  peri_tensor *x0 = indicator(cx, 6), *five = indicator(cx, 5), *e, *x;
  peri_gossip_record r;
  int64_t ks[2] = {5, 3}, negative = -1;
  double never = NAN, low, high;
  peri_gossip_method bad = methods[1];
  peri_gossip_plan plan = {.records = 1, .counts = ks};
  EXPECT_FAILS(peri_gossip(b, g, &methods[0], x0, &(peri_gossip_plan){.records = 2, .counts = ks}, &r), PERI_ERR_VALUE, "event counts must ascend, got 3 after 5");
  EXPECT_FAILS(peri_gossip(b, g, &methods[0], x0, &(peri_gossip_plan){.records = 1, .counts = &negative}, &r), PERI_ERR_VALUE, "event counts must be >= 0, got -1");
  EXPECT_FAILS(peri_gossip(b, g, &methods[0], x0, &(peri_gossip_plan){.records = 1, .times = &never}, &r), PERI_ERR_VALUE, "times must be >= 0, got nan");
  EXPECT_FAILS(peri_gossip(b, g, &methods[0], x0, &(peri_gossip_plan){.records = 1, .counts = ks, .keep = 3}, &r), PERI_ERR_VALUE, "keep must lie in 0..2");
  bad.theta = -1;
  EXPECT_FAILS(peri_gossip(b, g, &bad, x0, &plan, &r), PERI_ERR_VALUE, "theta must be >= 0, got -1");
  bad = methods[1], bad.gammap = NAN;
  EXPECT_FAILS(peri_gossip(b, g, &bad, x0, &plan, &r), PERI_ERR_VALUE, "gammap must be finite, got nan");
  bad = methods[5], bad.beta = 1;
  EXPECT_FAILS(peri_gossip(b, g, &bad, x0, &plan, &r), PERI_ERR_VALUE, "beta must lie in [0, 1), got 1");
  EXPECT_FAILS(peri_gossip(b, g, &methods[0], five, &plan, &r), PERI_ERR_SHAPE, "x0 must have the shape (6) or (2, 6), got (5)");
  EXPECT_FAILS(peri_gossip_rounds(g, five, false, 1, 2, 3, &e, &x), PERI_ERR_SHAPE, "x0 must have the shape (6), got (5)");
  EXPECT_FAILS(peri_gossip_rounds(g, x0, false, 0, 2, 3, &e, &x), PERI_ERR_VALUE, "0 < low <= high, got 0 and 2");
  EXPECT_FAILS(peri_gossip_rounds(g, x0, false, 1, 2, -3, &e, &x), PERI_ERR_VALUE, "rounds must be >= 0, got -3");
  peri_release(five);
  five = MADE(peri_full(cx, PERI_F64, 1, (int64_t[]){6}, INFINITY));
  EXPECT_FAILS(peri_gossip(b, g, &methods[0], five, &plan, &r), PERI_ERR_VALUE, "x0 is inf at node 1");
  peri_release(five);
  five = MADE(peri_zeros(cx, PERI_F64, 1, (int64_t[]){1}));
  EXPECT_FAILS(peri_gossip(b, lonely, &methods[0], five, &plan, &r), PERI_ERR_VALUE, "the graph has 1 nodes and 0 edges");
  EXPECT_OK(peri_graph_ends(g, &low, &high));
  peri_interrupt(cx);
  EXPECT_FAILS(peri_gossip(b, g, &methods[0], x0, &plan, &r), PERI_ERR_INTERRUPT, "interrupted");
  EXPECT_FAILS(peri_gossip_rounds(g, x0, false, low, high, 3, &e, &x), PERI_ERR_INTERRUPT, "interrupted");
  peri_clear_interrupt(cx);
  for (int64_t i = 0; i < 2; i++) { /* after errors the streams are where they were */
    peri_stream p = peri_block_stream(b, i), q = peri_block_stream(same, i);
    assert_memory_equal(&p, &q, sizeof p);
  }
  peri_release(x0), peri_release(five);
  peri_block_free(b), peri_block_free(same);
  peri_graph_free(g), peri_graph_free(lonely);
}

static void allocations_may_fail(void **state) {
  peri_ctx *cx = *state;
  peri_graph *g = some_graph(cx, 6);
  peri_tensor *x0 = indicator(cx, 6);
  peri_block *b = block(cx, 0, 3);
  int64_t k = 20;
  for (int which = 0; which < 4; which++)
    for (int64_t n = 0;; n++) {
      peri_gossip_record r = {NULL, NULL, NULL, NULL};
      peri_tensor *e = NULL, *x = NULL;
      int64_t alive = peri_stats(cx).tensors;
      peri_fail_allocation(cx, n);
      peri_status st = which < 3 ? peri_gossip(b, g, &methods[which == 2 ? 5 : which], x0, &(peri_gossip_plan){.records = 1, .counts = &k, .keep = 2}, &r)
                                 : peri_gossip_rounds(g, x0, true, 0.1, 3, 5, &e, &x);
      bool failed = peri_allocation_failed(cx);
      peri_fail_allocation(cx, -1);
      if (!failed) {
        assert_int_equal(st, PERI_OK);
        drop(&r);
        peri_release(e), peri_release(x);
        break;
      }
      assert_int_equal(st, PERI_ERR_MEMORY);
      assert_int_equal(peri_stats(cx).tensors, alive);
    }
  peri_release(x0);
  peri_block_free(b);
  peri_graph_free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(events_are_those_of_the_texts),
      TEST(times_are_read_between_events),
      TEST(replicas_do_not_know_of_each_other),
      TEST(no_gain_on_the_complete_graph),
      TEST(means_are_the_exact_moments),
      TEST(rounds_until_it_is_small),
      TEST(rounds_of_an_eigenvector),
      TEST(arguments_are_checked),
      TEST(allocations_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
