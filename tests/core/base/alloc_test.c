/* alloc_test.c - the caching allocator: sizes, alignment, budget, reclaim, reuse, failure on demand. */
#include "support.h"
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
enum { CACHING = 0 };
#else
enum { CACHING = 1 };
#endif

static size_t used_of(peri_ctx *cx) {
  size_t used;
  peri_memory(cx, &used, NULL, NULL);
  return used;
}

/* Each block keeps its contents whatever happens to others. */
static void blocks_do_not_overlap(void **state) {
  peri_ctx *cx = *state;
  enum { N = 400 };
  static unsigned char *block[N];
  static size_t size[N];
  uint64_t s = 1;
  memset(size, 0, sizeof size);
  memset(block, 0, sizeof block);
  for (int round = 0; round < 8000; round++) {
    int i = (int)(support_next(&s) % N);
    if (block[i]) {
      for (size_t k = 0; k < size[i]; k += size[i] / 64 + 1) assert_int_equal(block[i][k], i & 255);
      if (size[i]) assert_int_equal(block[i][size[i] - 1], i & 255);
      peri_free(cx, block[i], size[i]);
    }
    size[i] = support_next(&s) % ((size_t)1 << (support_next(&s) % 18));
    block[i] = peri_alloc(cx, size[i]);
    assert_non_null(block[i]);
    assert_int_equal((uintptr_t)block[i] % 16, 0);
    memset(block[i], i & 255, size[i]);
  }
  for (int i = 0; i < N; i++) peri_free(cx, block[i], size[i]);
  assert_int_equal(used_of(cx), 0);
}

static void big_blocks_are_aligned(void **state) {
  peri_ctx *cx = *state;
  for (size_t size = 1; size < (size_t)20 << 20; size = size * 9 / 8 + 1) {
    void *p = peri_alloc(cx, size);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % 16, 0);
    if (size > 512) assert_int_equal((uintptr_t)p % 64, 0);
    assert_true(used_of(cx) >= size);
    assert_true(used_of(cx) <= size + size / 8 + 1024); /* at most an eighth is wasted */
    memset(p, 1, size);
    peri_free(cx, p, size);
    assert_int_equal(used_of(cx), 0);
  }
  peri_free(cx, NULL, 100);
}

static void absurd_sizes_are_refused(void **state) {
  peri_ctx *cx = *state;
  EXPECT_FAILS(peri_alloc(cx, SIZE_MAX), PERI_ERR_MEMORY, "out of memory: 18446744073709551615 bytes asked for");
  EXPECT_FAILS(peri_alloc(cx, (size_t)1 << 62), PERI_ERR_MEMORY, "out of memory");
  assert_int_equal(used_of(cx), 0);
}

static void freed_blocks_are_reused(void **state) {
  peri_ctx *cx = *state;
  if (!CACHING) skip();
  for (size_t size = 16; size < (size_t)8 << 20; size *= 3) {
    void *p = peri_alloc(cx, size);
    peri_free(cx, p, size);
    void *q = peri_alloc(cx, size);
    assert_ptr_equal(p, q);
    peri_free(cx, q, size);
  }
  assert_true(peri_stats(cx).cached > (size_t)4 << 20);
}

/* Sizes that will not come back do not pile up: used and cached together stay near the peak of use. */
static void the_cache_is_bounded(void **state) {
  peri_ctx *cx = *state;
  size_t worst = 0;
  for (size_t size = (size_t)1 << 20; size < (size_t)200 << 20; size += (size_t)7 << 20) {
    void *p = peri_alloc(cx, size);
    assert_non_null(p);
    peri_free(cx, p, size);
    if (peri_stats(cx).cached > worst) worst = peri_stats(cx).cached;
  }
  size_t peak;
  peri_memory(cx, NULL, &peak, NULL);
  assert_true(worst <= peak + ((size_t)64 << 20));
}

/* ---- the budget ---- */

static void the_budget_is_kept(void **state) {
  peri_ctx *cx = *state;
  size_t limit, peak;
  peri_set_memory_limit(cx, 1 << 20);
  peri_memory(cx, NULL, NULL, &limit);
  assert_int_equal(limit, 1 << 20);
  void *a = peri_alloc(cx, 700 << 10);
  assert_non_null(a);
  EXPECT_FAILS(peri_alloc(cx, 400 << 10), PERI_ERR_MEMORY, "out of memory: 409600 bytes asked for, ");
  void *b = peri_alloc(cx, 200 << 10);
  assert_non_null(b);
  peri_memory(cx, NULL, &peak, NULL);
  assert_true(peak <= 1 << 20);
  peri_free(cx, a, 700 << 10);
  a = peri_alloc(cx, 400 << 10); /* now it fits */
  assert_non_null(a);
  peri_free(cx, a, 400 << 10);
  peri_free(cx, b, 200 << 10);
  peri_set_memory_limit(cx, 0);
  a = peri_alloc(cx, 4 << 20);
  assert_non_null(a);
  peri_free(cx, a, 4 << 20);
}

/* The system is never asked for more than the budget and a slab, however sizes change. */
static size_t outside, outside_peak;
static void *metered(void *ud, void *ptr, size_t osize, size_t nsize) {
  (void)ud;
  if (ptr) outside -= osize;
  outside += nsize;
  if (outside > outside_peak) outside_peak = outside;
  if (nsize) return realloc(ptr, nsize);
  free(ptr);
  return NULL;
}

static void cached_blocks_count_against_the_budget(void **state) {
  (void)state;
  outside = outside_peak = 0;
  peri_ctx *cx = peri_open(&(peri_config){.memory_limit = (size_t)4 << 20, .alloc = metered});
  for (size_t size = 1000; size < (size_t)3 << 20; size = size * 10 / 9) {
    void *p = peri_alloc(cx, size), *q = peri_alloc(cx, size / 4);
    assert_true(p && q);
    peri_free(cx, p, size);
    peri_free(cx, q, size / 4);
  }
  assert_true(outside_peak <= ((size_t)4 << 20) + ((size_t)1 << 20));
  peri_close(cx);
  assert_int_equal(outside, 0);
}

typedef struct { peri_ctx *cx; void *hoard[4]; int calls; } owner;
static bool give_back(void *ud) {
  owner *o = ud;
  o->calls++;
  bool any = false;
  for (int i = 0; i < 4; i++) {
    any |= o->hoard[i] != NULL;
    peri_free(o->cx, o->hoard[i], 200 << 10);
    o->hoard[i] = NULL;
  }
  return any;
}

static void the_host_is_asked_before_a_failure(void **state) {
  peri_ctx *cx = *state;
  owner o = {.cx = cx};
  peri_set_memory_limit(cx, 1 << 20);
  peri_set_reclaim(cx, give_back, &o);
  for (int i = 0; i < 4; i++) assert_non_null(o.hoard[i] = peri_alloc(cx, 200 << 10));
  assert_int_equal(o.calls, 0);
  void *p = peri_alloc(cx, 600 << 10);
  assert_non_null(p);
  assert_int_equal(o.calls, 1);
  EXPECT_FAILS(peri_alloc(cx, 600 << 10), PERI_ERR_MEMORY, "out of memory"); /* nothing left to give: asked once, then it fails */
  assert_int_equal(o.calls, 2);
  peri_free(cx, p, 600 << 10);
  peri_set_reclaim(cx, NULL, NULL);
}

/* A reclaim that itself allocates must not be asked again from within. */
static bool greedy(void *ud) {
  owner *o = ud;
  o->calls++;
  void *p = peri_alloc(o->cx, 2 << 20);
  peri_free(o->cx, p, 2 << 20);
  return true;
}
static void reclaim_does_not_nest(void **state) {
  peri_ctx *cx = *state;
  owner o = {.cx = cx};
  peri_set_memory_limit(cx, 1 << 20);
  peri_set_reclaim(cx, greedy, &o);
  EXPECT_FAILS(peri_alloc(cx, 2 << 20), PERI_ERR_MEMORY, "out of memory");
  assert_int_equal(o.calls, 1);
}

/* ---- failure on demand ---- */

static void the_nth_allocation_fails_once(void **state) {
  peri_ctx *cx = *state;
  for (int64_t n = 0; n < 5; n++) {
    void *p[7];
    peri_fail_allocation(cx, n);
    for (int i = 0; i < 7; i++) {
      assert_true(peri_allocation_failed(cx) == (i > n));
      p[i] = peri_alloc(cx, 100);
      assert_true((p[i] == NULL) == (i == n));
    }
    for (int i = 0; i < 7; i++) peri_free(cx, p[i], 100);
  }
  peri_fail_allocation(cx, 0);
  peri_fail_allocation(cx, -1);
  void *p = peri_alloc(cx, 100);
  assert_non_null(p);
  assert_false(peri_allocation_failed(cx));
  peri_free(cx, p, 100);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(blocks_do_not_overlap), TEST(big_blocks_are_aligned), TEST(absurd_sizes_are_refused), TEST(freed_blocks_are_reused),
      TEST(the_cache_is_bounded), TEST(the_budget_is_kept), cmocka_unit_test(cached_blocks_count_against_the_budget),
      TEST(the_host_is_asked_before_a_failure), TEST(reclaim_does_not_nest), TEST(the_nth_allocation_fails_once)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
