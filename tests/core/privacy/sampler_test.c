/* sampler_test.c - pairs of steps and records: in memory and over runs on disk the same, laws against the closed forms, damage refused. */
#define _GNU_SOURCE /* pwrite, ftruncate */
#include "privacy/sampler.h"
#include "support.h"
#include <stdlib.h>
#include <unistd.h>

static peri_pairs *drawn(peri_ctx *cx, peri_pairs_plan plan) {
  peri_stream s = peri_stream_root(3);
  peri_pairs *p = peri_pairs_draw(cx, &plan, &s);
  if (!p) fail_msg("%s", peri_errmsg(cx));
  return p;
}

static const peri_pairs_plan small = {.records = 5000, .steps = 70, .rate = 0.1, .memory = 1 << 17};

static int by_order(const void *a, const void *b) {
  const pri_pair *x = a, *y = b;
  return x->order != y->order ? (x->order > y->order) - (x->order < y->order) : (x->record > y->record) - (x->record < y->record);
}

/* Orders with many ties and of few bits, too: what is equal stays in its order, which the record tells. */
static void sorting_agrees_with_the_library(void **state) {
  (void)state;
  uint64_t seed = 1;
  for (int64_t n = 0; n < 200000; n = 3 * n + 1)
    for (int kind = 0; kind < 3; kind++) {
      pri_pair *a = malloc((size_t)(n + 1) * sizeof *a), *b = malloc((size_t)(n + 1) * sizeof *b), *c = malloc((size_t)(n + 1) * sizeof *c);
      for (int64_t i = 0; i < n; i++) {
        uint64_t w = support_next(&seed);
        a[i] = c[i] = (pri_pair){kind == 0 ? w : kind == 1 ? w % 7 : w << 40, i};
      }
      qsort(c, (size_t)n, sizeof *c, by_order);
      assert_memory_equal(pri_sort_pairs(a, b, n), c, (size_t)n * sizeof *c);
      free(a), free(b), free(c);
    }
}

static void disk_gives_what_memory_gives(void **state) {
  peri_ctx *cx = *state;
  for (int once = 0; once < 2; once++) {
    peri_pairs_plan plan = small;
    plan.once = once, plan.records = once ? 30000 : 5000;
    peri_pairs *disk = drawn(cx, plan);
    plan.memory = 0;
    peri_pairs *memory = drawn(cx, plan);
    assert_true(peri_pairs_runs(disk) > 3 && peri_pairs_runs(memory) == 0);
    peri_tensor *s, *t, *a = MADE(peri_pairs_rest(disk, &s)), *b = MADE(peri_pairs_rest(memory, &t));
    SAME_BITS(a, b);
    SAME_BITS(s, t);
    assert_true(once ? a->size == 30000 : llabs(a->size - 35000) < 5 * 178);
    EXPECT_FAILS(peri_pairs_next(disk, NULL), PERI_ERR_STATE, "all 70 steps");
    peri_release(a), peri_release(b), peri_release(s), peri_release(t);
    peri_pairs_free(disk), peri_pairs_free(memory);
  }
}

/* Each record at most once a step; truncated steps are the first part of the whole ones. */
static void steps_are_sets_and_truncation_keeps_the_least_keys(void **state) {
  peri_ctx *cx = *state;
  peri_pairs_plan plan = small;
  peri_pairs *whole = drawn(cx, plan);
  plan.most = 490;
  peri_pairs *cut = drawn(cx, plan);
  int64_t truncated = 0, drawn_whole, drawn_cut;
  for (int t = 0; t < 70; t++) {
    static bool seen[5000];
    peri_tensor *a = MADE(peri_pairs_next(whole, &drawn_whole)), *b = MADE(peri_pairs_next(cut, &drawn_cut));
    memset(seen, 0, sizeof seen);
    for (int64_t i = 0; i < a->size; i++) {
      int64_t r = ((int64_t *)a->data)[i];
      assert_true(r >= 0 && r < 5000 && !seen[r]);
      seen[r] = true;
    }
    assert_true(drawn_whole == a->size && drawn_cut == a->size && b->size == (a->size < 490 ? a->size : 490));
    assert_memory_equal(a->data, b->data, (size_t)b->size * sizeof(int64_t));
    truncated += a->size > 490;
    peri_release(a), peri_release(b);
  }
  assert_true(truncated > 20 && truncated < 65);
  peri_pairs_free(whole), peri_pairs_free(cut);
}

static void rates_of_0_and_1_are_exact(void **state) {
  peri_ctx *cx = *state;
  for (int rate = 0; rate < 2; rate++) {
    peri_pairs *p = drawn(cx, (peri_pairs_plan){.records = 300, .steps = 7, .rate = rate});
    for (int t = 0; t < 7; t++) {
      peri_tensor *a = MADE(peri_pairs_next(p, NULL));
      int64_t sum = 0;
      for (int64_t i = 0; i < a->size; i++) sum += ((int64_t *)a->data)[i];
      assert_true(a->size == 300 * rate && sum == 300 * 299 / 2 * rate);
      peri_release(a);
    }
    peri_pairs_free(p);
  }
}

static peri_status read_all(peri_pairs *p) {
  peri_tensor *starts, *a = peri_pairs_rest(p, &starts);
  if (!a) return peri_errcode(p->cx);
  peri_release(a), peri_release(starts);
  return PERI_OK;
}

static void damaged_runs_are_refused(void **state) {
  peri_ctx *cx = *state;
  peri_pairs *p = drawn(cx, small);
  int64_t block = 8 + PRI_RUN_BLOCK * (int64_t)sizeof(pri_pair);
  unsigned char byte;
  assert_true(pread(p->file.fd, &byte, 1, block + 100) == 1);
  byte ^= 4;
  assert_true(pwrite(p->file.fd, &byte, 1, block + 100) == 1);
  EXPECT_FAILS(read_all(p), PERI_ERR_FORMAT, "run 1 on disk is damaged: block 2 has another checksum");
  peri_pairs_free(p);

  p = drawn(cx, small);
  byte = 1;
  assert_true(pwrite(p->file.fd, &byte, 1, block) == 1);
  EXPECT_FAILS(read_all(p), PERI_ERR_FORMAT, "block 2 has another length");
  peri_pairs_free(p);

  p = drawn(cx, small);
  assert_true(ftruncate(p->file.fd, p->file.size - 1) == 0);
  EXPECT_FAILS(read_all(p), PERI_ERR_FORMAT, "lost its end");
  peri_pairs_free(p);
}

static void the_stop_button_is_read(void **state) {
  peri_ctx *cx = *state;
  peri_stream s = peri_stream_root(1);
  peri_pairs *p = drawn(cx, small);
  peri_interrupt(cx);
  EXPECT_FAILS(peri_pairs_draw(cx, &small, &s), PERI_ERR_INTERRUPT, "");
  peri_pairs_plan once = small;
  once.once = true;
  EXPECT_FAILS(peri_pairs_draw(cx, &once, &s), PERI_ERR_INTERRUPT, "");
  EXPECT_FAILS(read_all(p), PERI_ERR_INTERRUPT, "");
  peri_clear_interrupt(cx);
  peri_pairs_free(p);
}

static void impossible_plans_are_refused(void **state) {
  peri_ctx *cx = *state;
  peri_stream s = peri_stream_root(1);
#define REFUSED(text, ...) EXPECT_FAILS(peri_pairs_draw(cx, &(peri_pairs_plan){__VA_ARGS__}, &s), PERI_ERR_VALUE, text)
  REFUSED("at least 1, got 0", .steps = 1);
  REFUSED("1..2^24, got 16777217", .records = 1, .steps = 16777217);
  REFUSED("exceed 2^62", .records = (int64_t)1 << 60, .steps = 5);
  REFUSED("[0, 1], got 1.5", .records = 1, .steps = 1, .rate = 1.5);
  REFUSED("[0, 1], got nan", .records = 1, .steps = 1, .rate = NAN);
  REFUSED("not be negative, got -1", .records = 1, .steps = 1, .most = -1);
  REFUSED("at least 65536 bytes, got 10", .records = 1, .steps = 1, .memory = 10);
  REFUSED("give at least", .records = 10000000, .steps = 2, .once = true, .memory = 65536);
  EXPECT_FAILS(peri_pairs_draw(cx, &(peri_pairs_plan){.records = 10000, .steps = 2, .once = true, .memory = 65536, .dir = "/nowhere"}, &s), PERI_ERR_IO, "'/nowhere'");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(sorting_agrees_with_the_library), TEST(disk_gives_what_memory_gives), TEST(steps_are_sets_and_truncation_keeps_the_least_keys),
      TEST(rates_of_0_and_1_are_exact),      TEST(damaged_runs_are_refused),     TEST(impossible_plans_are_refused),
      TEST(the_stop_button_is_read)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
