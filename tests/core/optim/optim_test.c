/* optim_test.c - one step in every build of the kernels and in any chunks: the bits of the plain loop. Failures leave
** everything as it was.
*/
#include "../kernels/variants.h"
#include "../support.h"
#include <perigee/optim.h>

enum { N = 1037 };

static const pri_step_args coefficients = {.lr = 0.03,
                                           .decay = 0.01,
                                           .momentum = 0.9,
                                           .beta1 = 0.9,
                                           .rest1 = 1 - 0.9,
                                           .beta2 = 0.95,
                                           .rest2 = 1 - 0.95,
                                           .scale = 1.3,
                                           .eps = 1e-6,
                                           .eps_inside = 1e-3,
                                           .shrink = 0.999,
                                           .window = 3,
                                           .row = 1,
                                           .stride = N};

typedef struct {
  double x[N], g[N], s[3][3 * N];
} arrays64;
typedef struct {
  float x[N], g[N], s[3][3 * N];
} arrays32;

static void fill(arrays64 *a, arrays32 *b) {
  uint64_t seed = 9;
  for (int i = 0; i < N; i++)
    b->x[i] = (float)(a->x[i] = 2 * next_unit(&seed) - 1), b->g[i] = (float)(a->g[i] = 2 * next_unit(&seed) - 1);
  for (int k = 0; k < 3; k++)
    for (int i = 0; i < 3 * N; i++) b->s[k][i] = (float)(a->s[k][i] = next_unit(&seed));
  a->g[5] = NAN, b->g[5] = NAN;
  a->g[6] = INFINITY, b->g[6] = INFINITY;
}

static void same(const char *isa, int row, const char *what, double got, double want, int i) { /* NaN has many bits */
  if (!(got == want || (isnan(got) && isnan(want)))) fail_msg("%s, step %d, %s, element %d", isa, row, what, i);
}

/* One step of both arrays in pieces of `piece` elements; slots: bit k for s[k]. */
static void step(const pri_kernels *k, int row, unsigned slots, const pri_step_args *args, int piece, arrays64 *a,
                 arrays32 *b) {
  for (int cut = 0; cut < N; cut += piece) {
    int n = N - cut < piece ? N - cut : piece;
    void *s64[3], *s32[3];
    for (int i = 0; i < 3; i++) {
      s64[i] = slots >> i & 1 ? a->s[i] + cut : NULL;
      s32[i] = slots >> i & 1 ? b->s[i] + cut : NULL;
    }
    k->step[row][PERI_F64](a->x + cut, a->g + cut, s64, args, n);
    k->step[row][PERI_F32](b->x + cut, b->g + cut, s32, args, n);
  }
}

static void compare(const char *isa, int row, const arrays64 *got64, const arrays64 *want64, const arrays32 *got32,
                    const arrays32 *want32) {
  for (int i = 0; i < N; i++) {
    same(isa, row, "f64", got64->x[i], want64->x[i], i);
    same(isa, row, "f32", got32->x[i], want32->x[i], i);
  }
  for (int k = 0; k < 3; k++)
    for (int i = 0; i < 3 * N; i++) {
      same(isa, row, "state in f64", got64->s[k][i], want64->s[k][i], i);
      same(isa, row, "state in f32", got32->s[k][i], want32->s[k][i], i);
    }
}

/* The baseline in one piece against every build in several. */
static void every_build_gives_the_same_bits(void **state) {
  (void)state;
  const pri_kernels *tables[VARIANTS];
  int count = variants(tables);
  static arrays64 base64, want64, got64;
  static arrays32 base32, want32, got32;
  fill(&base64, &base32);
  for (int row = 0; row < PRI_STEP_COUNT; row++) {
    for (int k = 0; k < 8; k++) { /* slot 0 always; rmsprop with and without the others; momentum of both kinds */
      unsigned slots = row == PRI_STEP_adam ? 7u : 1u | (unsigned)k;
      pri_step_args args = coefficients;
      args.nesterov = k & 1;
      want64 = base64, want32 = base32;
      step(tables[count - 1], row, slots, &args, N, &want64, &want32);
      assert_true(memcmp(want64.x, base64.x, sizeof want64.x) != 0);
      for (int t = 0; t < count; t++) {
        got64 = base64, got32 = base32;
        step(tables[t], row, slots, &args, 500, &got64, &got32);
        compare(tables[t]->isa, row, &got64, &want64, &got32, &want32);
      }
    }
  }
}

/* Adam on more than one chunk of the pool against the recursion. */
static void a_long_step_is_the_recursion(void **state) {
  peri_ctx *cx = *state;
  enum { LONG = 150000 };
  peri_optim_options p = peri_optim_defaults(PERI_ADAM);
  peri_optim *o = peri_optim_new(cx, PERI_ADAM, &p);
  assert_non_null(o);
  peri_tensor *x = MADE(peri_new(cx, PERI_F64, 1, (int64_t[]){LONG})),
              *g = MADE(peri_new(cx, PERI_F64, 1, (int64_t[]){LONG}));
  peri_set_threads(cx, 2);
  for (int i = 0; i < LONG; i++) ((double *)x->data)[i] = sin(i), ((double *)g->data)[i] = cos(i);
  for (int k = 0; k < 3; k++) EXPECT_OK(peri_optim_step(o, x, g));
  for (int i = 0; i < LONG; i++) {
    double want = sin(i), m = 0, v = 0, d = cos(i);
    for (int k = 1; k <= 3; k++) {
      m = 0.9 * m + (1 - 0.9) * d;
      v = 0.999 * v + (1 - 0.999) * d * d;
      want -= 1e-3 * (m / (1 - pow(0.9, k))) / (sqrt(v / (1 - pow(0.999, k))) + 1e-8);
    }
    NEAR(((double *)x->data)[i], want, 1e-15);
  }
  peri_release(x), peri_release(g);
  peri_optim_free(o);
}

/* Whichever allocation fails, theta, state and counters are those of before; then the step succeeds. */
static void a_failed_step_changes_nothing(void **state) {
  peri_ctx *cx = *state;
  for (int method = 0; method < PERI_OPTIMISERS; method++) {
    peri_optim_options p = peri_optim_defaults(method);
    p.lr = 0.1;
    peri_optim *o = peri_optim_new(cx, method, &p);
    assert_non_null(o);
    peri_tensor *x = MADE(peri_full(cx, PERI_F64, 2, (int64_t[]){4, 50}, 1)),
                *g = MADE(peri_full(cx, PERI_F64, 2, (int64_t[]){50, 4}, 1));
    peri_tensor *turned = MADE(peri_view(g, 2, (int64_t[]){4, 50}, (int64_t[]){1, 4}, 0));
    for (int64_t k = 0;; k++) {
      peri_fail_allocation(cx, k);
      peri_status s = peri_optim_step(o, x, turned);
      bool failed = peri_allocation_failed(cx);
      peri_fail_allocation(cx, -1);
      if (!failed) {
        EXPECT_OK(s);
        break;
      }
      assert_int_equal(s, PERI_ERR_MEMORY);
      assert_int_equal(peri_optim_steps(o), 0);
      NEAR(peri_item(x, 0), 1, 0);
    }
    assert_int_equal(peri_optim_steps(o), 1);
    assert_true(peri_item(x, 0) < 1);
    peri_interrupt(cx);
    double before = peri_item(x, 0);
    EXPECT_FAILS(peri_optim_step(o, x, turned), PERI_ERR_INTERRUPT, "");
    peri_clear_interrupt(cx);
    NEAR(peri_item(x, 0), before, 0);
    assert_int_equal(peri_optim_steps(o), 1);
    peri_release(x), peri_release(turned), peri_release(g);
    peri_optim_free(o);
  }
}

static void bad_options_are_refused(void **state) {
  peri_ctx *cx = *state;
  peri_optim_options p = peri_optim_defaults(PERI_ADAM);
  p.beta1 = 1;
  EXPECT_FAILS(peri_optim_new(cx, PERI_ADAM, &p), PERI_ERR_VALUE, "optim.adam: beta1 must lie in [0, 1), got 1");
  p = peri_optim_defaults(PERI_SGD);
  EXPECT_FAILS(peri_optim_new(cx, PERI_SGD, &p), PERI_ERR_VALUE, "optim.sgd: lr must be finite and >= 0, got -1");
  peri_ctx *other = peri_open(NULL);
  p.lr = 1;
  peri_optim *o = peri_optim_new(cx, PERI_SGD, &p);
  peri_tensor *x = peri_zeros(other, PERI_F64, 0, NULL);
  EXPECT_FAILS(peri_optim_step(o, x, x), PERI_ERR_STATE, "another context");
  peri_release(x);
  peri_optim_free(o);
  peri_close(other);
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(every_build_gives_the_same_bits), TEST(a_long_step_is_the_recursion),
                                     TEST(a_failed_step_changes_nothing), TEST(bad_options_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
