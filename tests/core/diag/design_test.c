/* Moments under multiplicative noise against the plain meaning of the equations: the whole law of (x, z) as a matrix S of order 2n, its
** Kronecker generator of order 4n^2, LAPACK's solves and the dense matrix exponential. A Gaussian design is, as far as second moments
** can tell, the product of three-point laws that have its moments to the fourth, so all three designs share that oracle. Then
** values of the reference computation (A7, A10, A11), closed forms, and the limits of the arguments. */
#include "support.h"
#include <perigee/diag.h>
#include <perigee/linalg.h>
#include <perigee/reduce.h>
#include <stdlib.h>

#define RELATIVE(got, want, tolerance) NEAR(got, want, (tolerance)*fabs((double)(want)))

enum { MOST = 4 }; /* directions of the oracle */

typedef struct {
  int n, rows;
  double a[81][MOST], p[81], x[MOST], z[MOST], theta, gamma, gammap;
} law;

static peri_tensor *vector(peri_ctx *cx, int64_t n, const double *x) { return MADE(peri_from(cx, PERI_F64, 1, &n, x)); }

/* D (flow = true: B x I + I x B with B = theta [-1 1; 1 -1]) or J (sum_e p_e J_e x J_e) on row-major S (2n, 2n), as a tensor. */
static peri_tensor *kronecker(peri_ctx *cx, const law *l, bool flow) {
  int n = l->n, N = 2 * n, M = N * N;
  peri_tensor *r = MADE(peri_zeros(cx, PERI_F64, 2, (int64_t[]){M, M}));
  double *k = r->data, B[2 * MOST][2 * MOST];
  for (int e = 0; e < (flow ? 1 : l->rows); e++) {
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++) {
        double pij = l->a[e][i % n] * l->a[e][j % n];
        if (flow) B[i][j] = i % n == j % n ? (i == j ? -l->theta : l->theta) : 0;
        else B[i][j] = (i == j) - (j < n ? (i < n ? l->gamma : l->gammap) * pij : 0);
      }
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++)
        for (int a = 0; a < N; a++)
          for (int b = 0; b < N; b++)
            k[(i * N + j) * M + a * N + b] += flow ? B[i][a] * (j == b) + (i == a) * B[j][b] : l->p[e] * B[i][a] * B[j][b];
  }
  return r;
}

static void start(const law *l, double *s) {
  int n = l->n, N = 2 * n;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) s[i * N + j] = (i < n ? l->x[i] : l->z[i - n]) * (j < n ? l->x[j] : l->z[j - n]);
}

static void pick(const law *l, const double *s, double *m) { /* (n, 3) */
  int n = l->n, N = 2 * n;
  for (int i = 0; i < n; i++) m[3 * i] = s[i * N + i], m[3 * i + 1] = s[i * N + i + n], m[3 * i + 2] = s[(i + n) * N + i + n];
}

static peri_tensor *oracle_in_time(peri_ctx *cx, const law *l, double t) {
  int M = 4 * l->n * l->n;
  double s[4 * MOST * MOST], r[4 * MOST * MOST];
  peri_tensor *D = kronecker(cx, l, true), *J = kronecker(cx, l, false), *out = MADE(peri_zeros(cx, PERI_F64, 2, (int64_t[]){l->n, 3}));
  for (int i = 0; i < M * M; i++) ((double *)D->data)[i] = t * (((double *)D->data)[i] + ((double *)J->data)[i] - (i % (M + 1) == 0));
  peri_tensor *e = MADE(peri_expm(D));
  start(l, s);
  for (int i = 0; i < M; i++) {
    r[i] = 0;
    for (int k = 0; k < M; k++) r[i] += ((double *)e->data)[i * M + k] * s[k];
  }
  pick(l, r, out->data);
  peri_release(D);
  peri_release(J);
  peri_release(e);
  return out;
}

static peri_tensor *oracle_at_jump(peri_ctx *cx, const law *l, int jumps, double rate) {
  int M = 4 * l->n * l->n;
  double s[4 * MOST * MOST];
  peri_tensor *D = kronecker(cx, l, true), *J = kronecker(cx, l, false), *out = MADE(peri_zeros(cx, PERI_F64, 2, (int64_t[]){l->n, 3}));
  for (int i = 0; i < M * M; i++) ((double *)D->data)[i] = (i % (M + 1) == 0) * (1 - rate) - ((double *)D->data)[i];
  start(l, s);
  for (int j = 0; j < jumps; j++) {
    peri_tensor *b = vector(cx, M, s), *y = MADE(peri_solve(D, b));
    for (int i = 0; i < M; i++) {
      s[i] = 0;
      for (int k = 0; k < M; k++) s[i] += ((double *)J->data)[i * M + k] * peri_item(y, k);
    }
    peri_release(b);
    peri_release(y);
  }
  pick(l, s, out->data);
  peri_release(D);
  peri_release(J);
  return out;
}

/* got (1, n, 3) and want (n, 3) agree to 1e-10 of the largest of a kind; both are released. */
static void compare(peri_ctx *cx, peri_tensor *got, peri_tensor *want) {
  double scale[3] = {0};
  assert_int_equal(got->size, want->size);
  for (int64_t k = 0; k < want->size; k++) scale[k % 3] = fmax(scale[k % 3], fabs(peri_item(want, k)));
  for (int64_t k = 0; k < want->size; k++) NEAR(peri_item(got, k), peri_item(want, k), 1e-10 * scale[k % 3]);
  (void)cx;
  peri_release(got);
  peri_release(want);
}

static peri_design design_of(peri_ctx *cx, const law *l) {
  return (peri_design){.x0 = vector(cx, l->n, l->x), .z0 = vector(cx, l->n, l->z), .theta = l->theta, .gamma = l->gamma, .gammap = l->gammap};
}

static void drop(peri_design *d) {
  peri_tensor *all[] = {d->h, d->rows, d->edges, d->weights, d->x0, d->z0};
  for (int i = 0; i < 6; i++) peri_release(all[i]);
}

static void meets_the_oracle(peri_ctx *cx, const peri_design *d, const law *l) {
  static const double ts[] = {0, 0.3, 5, 40};
  static const int ks[] = {0, 1, 2, 30};
  for (int j = 0; j < 4; j++) {
    compare(cx, MADE(peri_design_at_times(d, 1, &ts[j])), oracle_in_time(cx, l, ts[j]));
    for (int w = 0; w < 2; w++) {
      double rate = w * 0.07;
      compare(cx, MADE(peri_design_at_jumps(d, 1, (int64_t[]){ks[j]}, rate)), oracle_at_jump(cx, l, ks[j], rate));
    }
  }
}

static const law base = {.n = 3, .x = {1, -2, 0.5}, .z = {0.3, 1, -1}, .theta = 0.11, .gamma = 0.3, .gammap = 0.9};

static void gaussian(void **state) {
  peri_ctx *cx = *state;
  static const double h[3] = {1, 0.4, 0.05};
  law l = base;
  l.gamma = 0.2;
  for (int c = 0; c < 27; c++, l.rows++) {
    l.p[c] = 1;
    for (int i = 0, digits = c; i < 3; i++, digits /= 3) {
      l.a[c][i] = sqrt(3 * h[i]) * (digits % 3 - 1);
      l.p[c] *= digits % 3 == 1 ? 2. / 3 : 1. / 6;
    }
  }
  peri_design d = design_of(cx, &l);
  d.h = vector(cx, 3, h);
  meets_the_oracle(cx, &d, &l);
  drop(&d);
}

static void rows(void **state) { /* unequal lengths and weights, one weight 0; z0 = x0 by default; and plain */
  peri_ctx *cx = *state;
  law l = base;
  uint64_t seed = 4;
  l.rows = 5;
  double flat[15], sum = 0;
  for (int e = 0; e < 5; e++) {
    sum += l.p[e] = e == 2 ? 0 : 1 + e;
    for (int i = 0; i < 3; i++) flat[3 * e + i] = l.a[e][i] = support_uniform(&seed);
  }
  peri_design d = design_of(cx, &l);
  d.rows = MADE(peri_from(cx, PERI_F64, 2, (int64_t[]){5, 3}, flat));
  d.weights = vector(cx, 5, l.p);
  for (int e = 0; e < 5; e++) l.p[e] /= sum;
  meets_the_oracle(cx, &d, &l);
  peri_release(d.z0);
  d.z0 = NULL;
  memcpy(l.z, l.x, sizeof l.z);
  d.theta = d.gammap = l.theta = l.gammap = 0;
  meets_the_oracle(cx, &d, &l);
  drop(&d);
}

static void gossip(void **state) { /* a path with a chord, unequal rates; and simple gossip */
  peri_ctx *cx = *state;
  static const int64_t ends[8] = {0, 1, 1, 2, 3, 2, 1, 3};
  static const double w[4] = {1, 2, 0.5, 1};
  law l = {.n = 4, .rows = 4, .x = {1, -2, 0.5, 0.5}, .z = {0.3, 1, -1, 2}, .theta = 0.07, .gamma = 0.5, .gammap = 1.3};
  for (int e = 0; e < 4; e++) {
    l.a[e][ends[2 * e]] = 1;
    l.a[e][ends[2 * e + 1]] = -1;
    l.p[e] = w[e] / 4.5;
  }
  peri_design d = design_of(cx, &l);
  d.edges = MADE(peri_from(cx, PERI_I64, 2, (int64_t[]){4, 2}, ends));
  d.nodes = 4;
  d.weights = vector(cx, 4, w);
  meets_the_oracle(cx, &d, &l);
  d.theta = d.gammap = l.theta = l.gammap = 0;
  meets_the_oracle(cx, &d, &l);
  drop(&d);
}

/* A design by edges and the same by rows, larger than a tile: the same moments. */
static void edges_are_rows(void **state) {
  peri_ctx *cx = *state;
  enum { N = 45 };
  int64_t ends[2 * N];
  double a[N * N] = {0}, x[N];
  uint64_t seed = 11;
  for (int e = 0; e < N; e++) {
    ends[2 * e] = e, ends[2 * e + 1] = (e + 1) % N;
    a[e * N + e] = 1, a[e * N + (e + 1) % N] = -1;
    x[e] = support_uniform(&seed);
  }
  peri_design d = {.x0 = vector(cx, N, x), .theta = 0.004, .gamma = 0.5, .gammap = 3}, r = d;
  d.edges = MADE(peri_from(cx, PERI_I64, 2, (int64_t[]){N, 2}, ends));
  d.nodes = N;
  r.rows = MADE(peri_from(cx, PERI_F64, 2, (int64_t[]){N, N}, a));
  compare(cx, MADE(peri_design_at_jumps(&d, 1, (int64_t[]){300}, 0.001)), MADE(peri_design_at_jumps(&r, 1, (int64_t[]){300}, 0.001)));
  compare(cx, MADE(peri_design_at_times(&d, 1, (double[]){300})), MADE(peri_design_at_times(&r, 1, (double[]){300})));
  peri_release(r.rows);
  drop(&d);
}

static double total(peri_tensor *m, int64_t j) { /* sum_i E x_i^2 of record j */
  double s = 0;
  for (int64_t i = 0; i < m->dims[1]; i++) s += peri_item(m, (j * m->dims[1] + i) * 3);
  return s;
}

static void reference_values_of_least_squares(void **state) { /* A7 */
  peri_ctx *cx = *state;
  static const int64_t ks[4] = {100, 500, 1000, 2000};
  static const double accelerated[4] = {3.50749, 8.40967e-2, 6.92517e-4, 4.61635e-8}, plain[4] = {5.09811, 1.64137, 0.577773, 9.68373e-2};
  double h[50], trace = 0;
  for (int i = 0; i < 20; i++) trace += h[i] = 1. / (i + 1) / (i + 1);
  double R2 = trace + 2, kappa = 22, theta = sqrt(h[19] / kappa / R2), gammap = 1 / sqrt(h[19] * R2 * kappa);
  RELATIVE(R2, 3.59616324, 1e-8);
  RELATIVE(theta, 5.62132850e-3, 1e-8);
  RELATIVE(gammap, 2.24853140, 1e-8);
  peri_design d = {.h = vector(cx, 20, h), .x0 = MADE(peri_scalar(cx, -1)), .theta = theta, .gamma = 1 / R2, .gammap = gammap};
  peri_tensor *m = MADE(peri_design_at_jumps(&d, 4, ks, 0));
  for (int j = 0; j < 4; j++) RELATIVE(total(m, j) / 2, accelerated[j], 1e-5);
  peri_release(m);
  d.theta = d.gammap = 0;
  m = MADE(peri_design_at_jumps(&d, 4, ks, 0));
  for (int j = 0; j < 4; j++) RELATIVE(total(m, j) / 2, plain[j], 1e-5);
  peri_release(m);
  drop(&d);
  trace = 0;
  for (int i = 0; i < 50; i++) trace += h[i] = 1. / (i + 1) / (i + 1);
  R2 = trace + 2, kappa = 52;
  d = (peri_design){.h = vector(cx, 50, h), .x0 = MADE(peri_scalar(cx, -1)), .theta = sqrt(h[49] / kappa / R2), .gamma = 1 / R2, .gammap = 1 / sqrt(h[49] * R2 * kappa)};
  m = MADE(peri_design_at_jumps(&d, 1, (int64_t[]){5000}, 0));
  RELATIVE(total(m, 0) / 2, 6.0940e-5, 1e-4);
  peri_release(m);
  d.theta = d.gammap = 0;
  m = MADE(peri_design_at_jumps(&d, 1, (int64_t[]){5000}, 0));
  RELATIVE(total(m, 0) / 2, 2.00645, 1e-5);
  peri_release(m);
  drop(&d);
}

/* Gossip on `nodes` nodes, from the indicator of node 0 less the average. */
static peri_design indicator(peri_ctx *cx, int64_t nodes, int64_t edges, const int64_t *ends, double mu, double resistance) {
  peri_design d = {.nodes = nodes, .gamma = 0.5, .theta = sqrt(mu / 2 / resistance), .gammap = 1 / sqrt(2 * mu * resistance)};
  d.x0 = MADE(peri_full(cx, PERI_F64, 1, &nodes, -1. / (double)nodes));
  ((double *)d.x0->data)[0] += 1;
  d.edges = MADE(peri_from(cx, PERI_I64, 2, (int64_t[]){edges, 2}, ends));
  return d;
}

static peri_design line(peri_ctx *cx, int64_t n) {
  int64_t ends[200];
  for (int64_t e = 0; e + 1 < n; e++) ends[2 * e] = e, ends[2 * e + 1] = e + 1;
  return indicator(cx, n, n - 1, ends, (2 - 2 * cos(M_PI / (double)n)) / (double)(n - 1), (double)(n - 1));
}

static peri_design grid(peri_ctx *cx, int64_t side, double mu, double resistance) {
  int64_t ends[1000], m = 0;
  for (int64_t i = 0; i < side; i++)
    for (int64_t j = 0; j < side; j++) {
      if (j + 1 < side) ends[m++] = i * side + j, ends[m++] = i * side + j + 1;
      if (i + 1 < side) ends[m++] = i * side + j, ends[m++] = i * side + j + side;
    }
  return indicator(cx, side * side, m / 2, ends, mu, resistance);
}

static void energies(peri_ctx *cx, peri_design *d, int64_t count, const int64_t *ks, const double *accelerated, const double *simple, double tolerance) {
  peri_tensor *m = MADE(peri_design_at_jumps(d, count, ks, 0));
  for (int64_t j = 0; j < count; j++) RELATIVE(total(m, j), accelerated[j], tolerance);
  peri_release(m);
  d->theta = d->gammap = 0;
  m = MADE(peri_design_at_jumps(d, count, ks, 0));
  for (int64_t j = 0; j < count; j++) RELATIVE(total(m, j), simple[j], tolerance);
  peri_release(m);
  drop(d);
}

static void reference_values_of_gossip(void **state) { /* A10, A11 */
  peri_ctx *cx = *state;
  peri_design d = line(cx, 10);
  energies(cx, &d, 5, (int64_t[]){20, 50, 100, 200, 400}, (double[]){.33476048, .11315180, 1.99706465e-2, 5.9925677e-4, 4.6922961e-7},
           (double[]){.33166526, .15253784, 7.3086184e-2, 2.3512170e-2, 2.6762512e-3}, 1e-7);
  d = line(cx, 30);
  energies(cx, &d, 5, (int64_t[]){200, 500, 1000, 2000, 4000}, (double[]){.25121, 6.855808e-2, 9.133505e-3, 1.956702e-4, 6.114708e-8},
           (double[]){.19156, 1.045440e-1, 6.337835e-2, 3.481198e-2, 1.491721e-2}, 2e-5);
  d = grid(cx, 8, 1.35929406e-3, 78.1582458); /* nine digits of the constants: about 4000 times 1e-9 in the last value */
  energies(cx, &d, 3, (int64_t[]){1000, 2000, 4000}, (double[]){3.363017e-3, 2.326801e-5, 9.193647e-10},
           (double[]){2.136098e-2, 4.494505e-3, 2.795381e-4}, 1e-5);
}

static void reference_value_of_gossip_in_time(void **state) { /* section 7 of the notes: line 10, t = 200 */
  peri_ctx *cx = *state;
  peri_design d = line(cx, 10);
  peri_tensor *m = MADE(peri_design_at_times(&d, 3, (double[]){200, 200, 0}));
  RELATIVE(total(m, 0), 6.98e-4, 1e-3);
  RELATIVE(total(m, 1), total(m, 0), 0);
  RELATIVE(total(m, 2), 0.9, 1e-15); /* back to the start */
  peri_release(m);
  drop(&d);
}

/* Gossip keeps averages; what rounding puts there must not end the decay. Late energies shrink by one factor a jump, or in unit time. */
static void the_decay_goes_on_below_rounding(void **state) {
  peri_ctx *cx = *state;
  peri_design d = line(cx, 10);
  peri_tensor *m = MADE(peri_design_at_jumps(&d, 4, (int64_t[]){600, 700, 3000, 3100}, 0)), *w = MADE(peri_design_at_jumps(&d, 4, (int64_t[]){600, 700, 3000, 3100}, 0.01));
  assert_true(total(m, 3) > 1e-100 && total(m, 3) < 1e-40);
  RELATIVE(total(m, 3) / total(m, 2), total(m, 1) / total(m, 0), 1e-6);
  RELATIVE(total(w, 3) / total(w, 2), total(w, 1) / total(w, 0), 1e-6);
  peri_release(m), peri_release(w);
  d.theta = d.gammap = 0;
  m = MADE(peri_design_at_times(&d, 4, (double[]){2000, 2100, 6000, 6100}));
  assert_true(total(m, 3) < 1e-25);
  RELATIVE(total(m, 3) / total(m, 2), total(m, 1) / total(m, 0), 1e-6);
  peri_release(m);
  for (int64_t i = 0; i < 10; i++) ((double *)d.x0->data)[i] += 0.25; /* an average that is not 0 is kept */
  m = MADE(peri_design_at_jumps(&d, 1, (int64_t[]){3000}, 0));
  RELATIVE(total(m, 0), 10 * 0.0625, 1e-12);
  peri_release(m);
  drop(&d);
}

/* Two nodes and one edge: a jump of simple gossip removes what there is, so E |x_t|^2 = e^-t |x_0|^2, at any t without overflow. */
static void one_edge_decays_with_the_clock(void **state) {
  peri_ctx *cx = *state;
  peri_design d = indicator(cx, 2, 1, (int64_t[]){1, 0}, 2, 1);
  d.theta = d.gammap = 0;
  peri_tensor *m = MADE(peri_design_at_times(&d, 3, (double[]){1, 30, 700}));
  RELATIVE(total(m, 0), 0.5 * exp(-1), 1e-13);
  RELATIVE(total(m, 1), 0.5 * exp(-30), 1e-12);
  RELATIVE(total(m, 2), 0.5 * exp(-700), 1e-10);
  peri_release(m);
  drop(&d);
}

static void arguments_are_checked(void **state) {
  peri_ctx *cx = *state;
  peri_design d = line(cx, 4), bad = d;
  int64_t k = 3, negative = -1;
  double t = -2;
  EXPECT_FAILS(peri_design_at_jumps(&d, 1, &negative, 0), PERI_ERR_VALUE, "a number of jumps must be >= 0, got -1");
  EXPECT_FAILS(peri_design_at_jumps(&d, 1, &k, 1), PERI_ERR_VALUE, "the rate of the weight must lie in [0, 1), got 1");
  EXPECT_FAILS(peri_design_at_times(&d, 1, &t), PERI_ERR_VALUE, "a time must lie in 0..10^9, got -2");
  bad.nodes = 3;
  EXPECT_FAILS(peri_design_at_jumps(&bad, 1, &k, 0), PERI_ERR_VALUE, "edge 3 ends at node 4 of 3");
  bad = d;
  bad.theta = -1;
  EXPECT_FAILS(peri_design_at_jumps(&bad, 1, &k, 0), PERI_ERR_VALUE, "theta must be >= 0, got -1");
  bad = d;
  bad.gammap = INFINITY;
  EXPECT_FAILS(peri_design_at_jumps(&bad, 1, &k, 0), PERI_ERR_VALUE, "gammap must be finite, got inf");
  bad = d;
  bad.weights = vector(cx, 2, (double[]){1, 2});
  EXPECT_FAILS(peri_design_at_jumps(&bad, 1, &k, 0), PERI_ERR_SHAPE, "weights has 2 values, 3 are needed");
  peri_release(bad.weights);
  bad.weights = vector(cx, 3, (double[]){1, -2, 1});
  EXPECT_FAILS(peri_design_at_jumps(&bad, 1, &k, 0), PERI_ERR_VALUE, "weights must be >= 0, got -2 at 2");
  peri_release(bad.weights);
  bad.weights = MADE(peri_zeros(cx, PERI_F64, 1, (int64_t[]){3}));
  EXPECT_FAILS(peri_design_at_jumps(&bad, 1, &k, 0), PERI_ERR_VALUE, "the sum of the weights is 0");
  peri_release(bad.weights);
  bad = d;
  bad.edges = MADE(peri_from(cx, PERI_I64, 2, (int64_t[]){1, 2}, (int64_t[]){2, 2}));
  EXPECT_FAILS(peri_design_at_jumps(&bad, 1, &k, 0), PERI_ERR_VALUE, "edge 1 joins node 3 to itself");
  peri_release(bad.edges);
  bad.edges = d.x0;
  EXPECT_FAILS(peri_design_at_jumps(&bad, 1, &k, 0), PERI_ERR_SHAPE, "edges (m, 2) of i64 are needed, got f64 (4)");
  bad = d;
  bad.h = vector(cx, 2, (double[]){1, NAN});
  EXPECT_FAILS(peri_design_at_jumps(&bad, 1, &k, 0), PERI_ERR_VALUE, "give one of h, rows and edges");
  bad.edges = NULL;
  EXPECT_FAILS(peri_design_at_jumps(&bad, 1, &k, 0), PERI_ERR_VALUE, "h is nan at 2");
  peri_release(bad.h);
  bad = d;
  bad.gamma = 1e100;
  EXPECT_FAILS(peri_design_at_jumps(&bad, 1, &k, 0), PERI_ERR_NUMERIC, "the moments overflow");
  peri_interrupt(cx);
  EXPECT_FAILS(peri_design_at_jumps(&d, 1, &k, 0), PERI_ERR_INTERRUPT, "interrupted");
  EXPECT_FAILS(peri_design_at_times(&d, 1, (double[]){5}), PERI_ERR_INTERRUPT, "interrupted");
  peri_clear_interrupt(cx);
  drop(&d);
}

static void allocations_may_fail(void **state) {
  peri_ctx *cx = *state;
  peri_design d = line(cx, 4), r = d;
  r.rows = MADE(peri_full(cx, PERI_F64, 2, (int64_t[]){3, 4}, 1));
  r.edges = NULL;
  for (int which = 0; which < 4; which++)
    for (int64_t n = 0;; n++) {
      int64_t k = 5, alive = peri_stats(cx).tensors;
      double t = 5;
      const peri_design *given = which % 2 ? &d : &r;
      peri_fail_allocation(cx, n);
      peri_tensor *m = which < 2 ? peri_design_at_jumps(given, 1, &k, 0) : peri_design_at_times(given, 1, &t);
      bool failed = peri_allocation_failed(cx);
      peri_fail_allocation(cx, -1);
      if (!failed) {
        assert_non_null(m);
        peri_release(m);
        break;
      }
      assert_null(m);
      assert_int_equal(peri_errcode(cx), PERI_ERR_MEMORY);
      assert_int_equal(peri_stats(cx).tensors, alive);
    }
  peri_release(r.rows);
  drop(&d);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(gaussian),
      TEST(rows),
      TEST(gossip),
      TEST(edges_are_rows),
      TEST(reference_values_of_least_squares),
      TEST(reference_values_of_gossip),
      TEST(reference_value_of_gossip_in_time),
      TEST(the_decay_goes_on_below_rounding),
      TEST(one_edge_decays_with_the_clock),
      TEST(arguments_are_checked),
      TEST(allocations_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
