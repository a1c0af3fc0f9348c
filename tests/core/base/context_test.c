/* context_test.c - contexts: errors, the stop flag, statistics, husks. */
#include "support.h"
#include <perigee/ops.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

static void errors_stay_until_cleared(void **state) {
  peri_ctx *cx = *state;
  assert_int_equal(peri_errcode(cx), PERI_OK);
  assert_string_equal(peri_errmsg(cx), "");
  assert_int_equal(peri_fail(cx, PERI_ERR_VALUE, "f: x must lie in (%g, %g), got %d", 0.5, 1.0, 7), PERI_ERR_VALUE);
  assert_int_equal(peri_errcode(cx), PERI_ERR_VALUE);
  assert_string_equal(peri_errmsg(cx), "f: x must lie in (0.5, 1), got 7");
  peri_release(MADE(peri_scalar(cx, 1)));
  assert_int_equal(peri_errcode(cx), PERI_ERR_VALUE); /* success does not clear it */
  peri_clear_error(cx);
  assert_int_equal(peri_errcode(cx), PERI_OK);
  assert_string_equal(peri_errmsg(cx), "");
}

static void long_messages_are_cut(void **state) {
  peri_ctx *cx = *state;
  char text[2000];
  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = 0;
  peri_fail(cx, PERI_ERR_STATE, "%s", text);
  assert_int_equal(strlen(peri_errmsg(cx)), 511);
}

/* Contexts know nothing of each other. */
static void errors_do_not_cross_contexts(void **state) {
  peri_ctx *cx = *state, *other = peri_open(NULL);
  peri_fail(other, PERI_ERR_IO, "elsewhere");
  peri_interrupt(other);
  assert_int_equal(peri_errcode(cx), PERI_OK);
  assert_int_equal(peri_check_interrupt(cx), PERI_OK);
  peri_close(other);
}

static void interrupts_are_sticky(void **state) {
  peri_ctx *cx = *state;
  int64_t n = 10;
  peri_interrupt(cx);
  for (int i = 0; i < 2; i++) EXPECT_FAILS(peri_check_interrupt(cx), PERI_ERR_INTERRUPT, "interrupted");
  peri_tensor *t = MADE(peri_zeros(cx, PERI_F64, 1, &n)); /* making things is not stopped; primitives are */
  EXPECT_FAILS(peri_neg(t), PERI_ERR_INTERRUPT, "interrupted");
  peri_clear_interrupt(cx);
  peri_release(MADE(peri_neg(t)));
  peri_release(t);
}

static void *stopper(void *cx) {
  peri_interrupt(cx);
  return NULL;
}

/* From another thread, while a long call runs or just before the next: the loop ends in either case. */
static void another_thread_may_interrupt(void **state) {
  peri_ctx *cx = *state;
  int64_t n = 200000;
  peri_tensor *t = MADE(peri_zeros(cx, PERI_F64, 1, &n));
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, stopper, cx), 0);
  for (peri_tensor *r; (r = peri_exp(t));) peri_release(r);
  pthread_join(thread, NULL);
  assert_int_equal(peri_errcode(cx), PERI_ERR_INTERRUPT);
  peri_clear_interrupt(cx);
  peri_release(t);
}

static peri_ctx *in_handler;
static void on_signal(int sig) {
  (void)sig;
  peri_interrupt(in_handler);
}
static void a_signal_handler_may_interrupt(void **state) {
  peri_ctx *cx = in_handler = *state;
  void (*before)(int) = signal(SIGUSR1, on_signal);
  raise(SIGUSR1);
  signal(SIGUSR1, before);
  assert_int_equal(peri_check_interrupt(cx), PERI_ERR_INTERRUPT);
  peri_clear_interrupt(cx);
}

static void statistics_count_what_lives(void **state) {
  peri_ctx *cx = *state;
  int64_t n = 3, before = peri_stats(cx).allocations;
  peri_tensor *t = MADE(peri_zeros(cx, PERI_F64, 1, &n)), *v = MADE(peri_view(t, 0, NULL, NULL, 1));
  assert_int_equal(peri_stats(cx).tensors, 2);
  assert_int_equal(peri_stats(cx).allocations, before + 2); /* header and data of a small tensor are one block */
  peri_retain(t);
  peri_release(t);
  assert_int_equal(peri_stats(cx).tensors, 2);
  peri_release(t); /* the view still holds it */
  assert_int_equal(peri_stats(cx).tensors, 2);
  assert_true(peri_item(v, 0) == 0);
  peri_release(v);
  assert_int_equal(peri_stats(cx).tensors, 0);
  assert_int_equal(peri_stats(cx).threads, 1);
  peri_set_threads(cx, 4);
  assert_int_equal(peri_stats(cx).threads, 4);
  peri_set_threads(cx, -3);
  assert_int_equal(peri_stats(cx).threads, 1);
}

/* ---- husks: a context that was closed with tensors alive ---- */

static int64_t bytes_out;
static void *counting(void *ud, void *ptr, size_t osize, size_t nsize) {
  int64_t *out = ud;
  *out += (int64_t)nsize - (int64_t)(ptr ? osize : 0);
  if (nsize) return realloc(ptr, nsize);
  free(ptr);
  return NULL;
}

static void a_closed_context_lives_for_its_tensors(void **state) {
  (void)state;
  bytes_out = 0;
  peri_ctx *cx = peri_open(&(peri_config){.alloc = counting, .ud = &bytes_out, .threads = 2});
  int64_t n = 100000;
  peri_tensor *t = MADE(peri_full(cx, PERI_F64, 1, &n, 2)), *small = MADE(peri_scalar(cx, 3)), *view = MADE(peri_view(t, 1, (int64_t[]){2}, (int64_t[]){5}, 7));
  peri_close(cx);
  peri_close(cx); /* twice is fine */
  assert_true(bytes_out > 0);
  assert_true(peri_item(t, n - 1) == 2 && peri_item(view, 1) == 2 && peri_item(small, 0) == 3);
  peri_tensor *r = MADE(peri_exp(t)); /* even this works, on one thread */
  assert_true(peri_item(r, 5) == peri_item(r, 6));
  peri_release(t);
  peri_release(r);
  peri_release(small);
  assert_true(bytes_out > 0);
  peri_release(view);
  assert_int_equal(bytes_out, 0);
  peri_close(NULL);
  peri_release(NULL);
}

static void everything_goes_back_to_the_host(void **state) {
  (void)state;
  bytes_out = 0;
  peri_ctx *cx = peri_open(&(peri_config){.alloc = counting, .ud = &bytes_out});
  for (int64_t n = 1; n < 3000000; n = n * 5 / 3 + 1) peri_release(MADE(peri_zeros(cx, PERI_F64, 1, &n)));
  peri_close(cx);
  assert_int_equal(bytes_out, 0);
}

static void *refusing(void *ud, void *ptr, size_t osize, size_t nsize) {
  int64_t *left = ud;
  if (nsize && (*left)-- <= 0) return NULL;
  return counting(&bytes_out, ptr, osize, nsize);
}

/* A host whose allocator runs dry: opening fails, or the call does; nothing leaks. */
static void a_dry_host_is_reported(void **state) {
  (void)state;
  bytes_out = 0;
  for (int64_t limit = 0; limit < 6; limit++) {
    int64_t left = limit, n = 50000;
    peri_ctx *cx = peri_open(&(peri_config){.alloc = refusing, .ud = &left});
    assert_true((cx == NULL) == (limit == 0));
    if (!cx) continue;
    peri_tensor *t = peri_zeros(cx, PERI_F64, 1, &n);
    if (!t) assert_int_equal(peri_errcode(cx), PERI_ERR_MEMORY);
    else assert_true(limit >= 3); /* the context, a slab, the data */
    peri_release(t);
    peri_close(cx);
  }
  assert_int_equal(bytes_out, 0);
}

static void the_instruction_set_can_be_forced(void **state) {
  (void)state;
  setenv("PERIGEE_ISA", "baseline", 1);
  peri_ctx *cx = peri_open(NULL);
  assert_string_equal(peri_isa(cx), "baseline");
  peri_close(cx);
  setenv("PERIGEE_ISA", "z80", 1);
  assert_null(peri_open(NULL));
  unsetenv("PERIGEE_ISA");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(errors_stay_until_cleared), TEST(long_messages_are_cut), TEST(errors_do_not_cross_contexts), TEST(interrupts_are_sticky),
      TEST(another_thread_may_interrupt), TEST(a_signal_handler_may_interrupt), TEST(statistics_count_what_lives),
      cmocka_unit_test(a_closed_context_lives_for_its_tensors), cmocka_unit_test(everything_goes_back_to_the_host),
      cmocka_unit_test(a_dry_host_is_reported), cmocka_unit_test(the_instruction_set_can_be_forced)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
