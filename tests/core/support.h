/* support.h - what the C tests share: a context per test that must end without live tensors, and a few assertions.
**
**     static void sum_of_nothing_is_zero(void **state) { peri_ctx *cx = *state; ... }
**     const struct CMUnitTest tests[] = {TEST(sum_of_nothing_is_zero), ...};
**     int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
*/
#ifndef PERIGEE_TESTS_SUPPORT_H
#define PERIGEE_TESTS_SUPPORT_H

#include <perigee/tensor.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static inline int open_context(void **state) { return (*state = peri_open(NULL)) ? 0 : -1; }

/* Fails the test if tensors or bytes are left; the context dies all the same. */
static inline int close_context(void **state) {
  peri_ctx *cx = *state;
  int64_t alive = peri_stats(cx).tensors;
  size_t used;
  peri_memory(cx, &used, NULL, NULL);
  peri_close(cx);
  if (alive == 0 && used == 0) return 0;
  print_error("%lld tensors and %zu bytes are alive at the end of the test\n", (long long)alive, used);
  return -1;
}

/* A test inside an open context, *state. */
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_context, close_context)

/* The call (a pointer or a status) fails with this code and a message that contains this text. Needs `cx` in scope. */
#define EXPECT_FAILS(call, code, text)                                                                                 \
  do {                                                                                                                 \
    peri_clear_error(cx);                                                                                              \
    (void)(call);                                                                                                      \
    if (peri_errcode(cx) != (code) || !strstr(peri_errmsg(cx), (text)))                                                \
      fail_msg("%s: status %d '%s', expected %d '%s'", #call, (int)peri_errcode(cx), peri_errmsg(cx), (int)(code), (text)); \
    peri_clear_error(cx);                                                                                              \
  } while (0)

/* A tensor that must have been made; says the library's message otherwise. Needs `cx` in scope. */
#define MADE(call) support_made(cx, (call), #call)
static inline peri_tensor *support_made(peri_ctx *cx, peri_tensor *t, const char *call) {
  if (!t) fail_msg("%s: %s", call, peri_errmsg(cx));
  return t;
}

#define EXPECT_OK(call)                                                                                                \
  do {                                                                                                                 \
    if ((call) != PERI_OK) fail_msg("%s: %s", #call, peri_errmsg(cx));                                                 \
  } while (0)

/* |got - want| <= tolerance; equal infinities and two NaN agree. */
#define NEAR(got, want, tolerance)                                                                                     \
  do {                                                                                                                 \
    double got_ = (got), want_ = (want), tolerance_ = (tolerance);                                                     \
    if (!(got_ == want_ || (isnan(got_) && isnan(want_)) || fabs(got_ - want_) <= tolerance_))                         \
      fail_msg("%s = %.17g, expected %.17g within %g", #got, got_, want_, tolerance_);                                 \
  } while (0)

/* Same dtype, same shape, same bits, whatever the strides. Needs `cx` in scope. */
#define SAME_BITS(a, b) support_same_bits(cx, (a), (b), #a " and " #b)
static inline void support_same_bits(peri_ctx *cx, peri_tensor *a, peri_tensor *b, const char *what) {
  if (a->dtype != b->dtype || a->ndim != b->ndim || memcmp(a->dims, b->dims, a->ndim * sizeof a->dims[0]) != 0)
    fail_msg("%s: %s %s and %s %s", what, peri_dtype_name((peri_dtype)a->dtype), peri_shape(a),
             peri_dtype_name((peri_dtype)b->dtype), peri_shape(b));
  peri_tensor *p = support_made(cx, peri_contiguous(a), what), *q = support_made(cx, peri_contiguous(b), what);
  bool same = p->size == 0 || memcmp(p->data, q->data, (size_t)p->size * peri_sizeof((peri_dtype)p->dtype)) == 0;
  peri_release(p);
  peri_release(q);
  if (!same) fail_msg("%s differ", what);
}

/* Numbers that do not repeat soon: a 64-bit mix (splitmix64), and a double in [-1, 1). */
static inline uint64_t support_next(uint64_t *s) {
  uint64_t z = (*s += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}
static inline double support_uniform(uint64_t *s) { return (double)(int64_t)support_next(s) * 0x1p-63; }

#endif
