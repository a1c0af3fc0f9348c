/* drivers_test.c - integrals, roots, minima, fits and differential equations from C: callbacks, statuses, interrupts.
** Their results in depth are tested from Lua (numeric_drivers_test.lua). */
#include "support.h"
#include <perigee/numeric.h>

typedef struct {
  peri_ctx *cx;
  int calls, fail_at;
  bool interrupt;
  double value;
} host;

/* Counts; at call fail_at it fails, or interrupts the context. */
static peri_status counted(host *h) {
  if (++h->calls != h->fail_at) return PERI_OK;
  if (h->interrupt) return peri_interrupt(h->cx), PERI_OK;
  return PERI_ERR_CALLBACK;
}
static peri_status bell(void *ud, double x, double *y) { return *y = exp(-x * x), counted(ud); }
static peri_status cubic(void *ud, double x, double *y) { return *y = x * x * x - 2, counted(ud); }
static peri_status cubic_slope(void *ud, double x, double *y, double *dy) { return *y = x * x * x - 2, *dy = 3 * x * x, counted(ud); }
static peri_status bowl(void *ud, const double *x, double *y) {
  return *y = (x[0] - 1) * (x[0] - 1) + 10 * (x[1] + 2) * (x[1] + 2), counted(ud);
}
static peri_status rotation(void *ud, double t, const double *y, double *dy) { return (void)t, dy[0] = y[1], dy[1] = -y[0], counted(ud); }
static peri_status line(void *ud, const double *w, double *r, double *J) { /* w0 + w1 x through (x, 2 - 3 x) */
  for (int i = 0; i < 5; i++) {
    r[i] = w[0] + w[1] * i - (2 - 3. * i);
    if (J) J[2 * i] = 1, J[2 * i + 1] = i;
  }
  return counted(ud);
}
static peri_status circle(void *ud, const double *x, double *r, double *J) { /* x^2 + y^2 = 2, x = y */
  r[0] = x[0] * x[0] + x[1] * x[1] - 2, r[1] = x[0] - x[1];
  if (J) J[0] = 2 * x[0], J[1] = 2 * x[1], J[2] = 1, J[3] = -1;
  return counted(ud);
}

static void values_are_right(void **state) {
  peri_ctx *cx = *state;
  host h = {.cx = cx};
  peri_integral r;
  EXPECT_OK(peri_integrate(cx, bell, &h, -INFINITY, INFINITY, NULL, &r));
  NEAR(r.value, sqrt(M_PI), 1e-12);
  assert_true(r.error < 1e-9 && r.evaluations == h.calls);
  double x, y, a = 0, b = 0.5;
  EXPECT_OK(peri_root(cx, cubic, &h, 0, 2, NULL, &x));
  NEAR(x, cbrt(2), 3e-16);
  EXPECT_OK(peri_newton(cx, cubic_slope, &h, 0, 2, NULL, &x));
  NEAR(x, cbrt(2), 3e-16);
  EXPECT_OK(peri_bracket(cx, cubic, &h, &a, &b, -INFINITY, INFINITY));
  assert_true(a * a * a < 2 && b * b * b > 2);
  EXPECT_OK(peri_minimise(cx, cubic, &h, -1, 1, false, NULL, &x, &y));
  NEAR(x, -1, 1e-7);
  double z[2] = {5, 5}, w[2] = {0, 0}, s[2] = {3, 1}, cov[4];
  int64_t evaluations;
  EXPECT_OK(peri_nelder_mead(cx, bowl, &h, 2, z, NULL, &y, &evaluations));
  NEAR(z[0], 1, 1e-6);
  NEAR(z[1], -2, 1e-6);
  peri_fit_report report;
  EXPECT_OK(peri_fit(cx, line, &h, 5, 2, w, NULL, cov, &report));
  NEAR(w[0], 2, 1e-12);
  NEAR(w[1], -3, 1e-12);
  assert_int_equal(report.rank, 2);
  EXPECT_OK(peri_solve_system(cx, circle, &h, 2, s, 1e-12, &report));
  NEAR(s[0], 1, 1e-12);
  NEAR(s[1], 1, 1e-12);
}

static void equations_are_solved_in_place_of_their_times(void **state) {
  peri_ctx *cx = *state;
  host h = {.cx = cx};
  double times[] = {0, 1, 2.5, 7}, out[8];
  peri_ode_report report;
  EXPECT_OK(peri_ode(cx, rotation, &h, 2, (double[]){1, 0}, 4, times, NULL, out, &report));
  for (int i = 0; i < 4; i++) {
    NEAR(out[2 * i], cos(times[i]), 1e-7);
    NEAR(out[2 * i + 1], -sin(times[i]), 1e-7);
  }
  assert_int_equal(report.evaluations, h.calls);
  EXPECT_OK(peri_ode(cx, rotation, &h, 2, (double[]){1, 0}, 2, times, &(peri_ode_options){.steps = 50}, out, &report));
  NEAR(out[2], cos(1), 1e-8);
  assert_int_equal(report.evaluations, 200);
}

/* A status of the callback comes back untouched, and an interrupt is seen, whenever they happen. */
static void callbacks_stop_the_computation(void **state) {
  peri_ctx *cx = *state;
  for (int interrupt = 0; interrupt < 2; interrupt++)
    for (int at = 1; at < 4; at++) { /* every one makes more calls than that */
      double a = 0, b = 2, x, y, z[2] = {5, 5}, w[2] = {0, 0}, s[2] = {3, 1}, out[4];
      peri_integral r;
      int64_t n;
      for (int which = 0; which < 8; which++) {
        host h = {.cx = cx, .fail_at = at, .interrupt = interrupt};
        peri_status st = PERI_OK;
        switch (which) {
        case 0: st = peri_integrate(cx, bell, &h, 0, 1, NULL, &r); break;
        case 1: st = peri_root(cx, cubic, &h, 0, 2, NULL, &x); break;
        case 2: st = peri_newton(cx, cubic_slope, &h, 0, 2, NULL, &x); break;
        case 3: st = peri_minimise(cx, cubic, &h, a, b, true, NULL, &x, &y); break;
        case 4: st = peri_nelder_mead(cx, bowl, &h, 2, z, NULL, &y, &n); break;
        case 5: st = peri_fit(cx, line, &h, 5, 2, w, NULL, NULL, NULL); break;
        case 6: st = peri_solve_system(cx, circle, &h, 2, s, 0, NULL); break;
        case 7: st = peri_ode(cx, rotation, &h, 2, (double[]){1, 0}, 2, (double[]){0, 9}, NULL, out, NULL); break;
        }
        if (h.calls > at) fail_msg("%d called on after call %d", which, at);
        if (h.calls >= at && st != (interrupt ? PERI_ERR_INTERRUPT : PERI_ERR_CALLBACK))
          fail_msg("%d: status %d at call %d", which, (int)st, at);
        peri_clear_interrupt(cx);
        peri_clear_error(cx);
      }
    }
}

static void messages_say_what_and_where(void **state) {
  peri_ctx *cx = *state;
  host h = {.cx = cx};
  peri_integral r;
  double x;
  EXPECT_FAILS(peri_root(cx, bell, &h, 0, 1, NULL, &x), PERI_ERR_VALUE,
               "numeric.root: f must change sign between the ends, but f(0) = 1 and f(1) = 0.367879");
  EXPECT_FAILS(peri_root(cx, cubic, &h, 0, 2, &(peri_search){.max_iterations = 3}, &x), PERI_ERR_NUMERIC,
               "not converged after 3 iterations: x = 1.");
  EXPECT_FAILS(peri_integrate(cx, cubic, &h, 0, INFINITY, NULL, &r), PERI_ERR_NUMERIC, "numeric.integrate: ");
  EXPECT_FAILS(peri_integrate(cx, bell, &h, 0, NAN, NULL, &r), PERI_ERR_VALUE, "the ends must be numbers");
  EXPECT_FAILS(peri_gauss(cx, PERI_GAUSS_JACOBI, 3, 0, -2, NULL, NULL, NULL), PERI_ERR_VALUE, "beta must lie in (-1, 10000), got -2");
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(values_are_right), TEST(equations_are_solved_in_place_of_their_times),
                                     TEST(callbacks_stop_the_computation), TEST(messages_say_what_and_where)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
