/* npz_test.c - archives round-trip, repeat byte for byte, and hold against budget, damage and failing memory. */
#include "files.h"
#include <perigee/io.h>
#include <perigee/shape.h>
#include <zlib.h>

static void archives_round_trip(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = MADE(peri_arange(cx, PERI_F64, 0, 100000, 1)),
              *b = MADE(peri_zeros(cx, PERI_BOOL, 2, (int64_t[]){0, 3}));
  peri_tensor *c = MADE(peri_scalar_i64(cx, INT64_MIN));
  const char *names[] = {"a", "sub/b", "c\xc3\xa9"};
  for (int compress = 0; compress < 2; compress++) {
    EXPECT_OK(peri_npz_write(cx, path_of("x.npz"), 3, names, (peri_tensor *[]){a, b, c}, compress));
    peri_npz *z = peri_npz_open(cx, path_of("x.npz"), NULL);
    assert_non_null(z);
    assert_int_equal(peri_npz_count(z), 3);
    for (int i = 0; i < 3; i++) {
      peri_notice notice;
      peri_tensor *want = i == 0   ? a
                          : i == 1 ? b
                                   : c,
                  *got = MADE(peri_npz_read(z, peri_npz_find(z, names[i]), &notice));
      SAME_BITS(got, want);
      assert_string_equal(notice.text, "");
      peri_release(got);
    }
    assert_int_equal(peri_npz_find(z, "nothing"), -1);
    peri_npz_close(z);
    size_t n, m;
    unsigned char *first = read_file(path_of("x.npz"), &n);
    EXPECT_OK(peri_npz_write(cx, path_of("y.npz"), 3, names, (peri_tensor *[]){a, b, c}, compress));
    unsigned char *second = read_file(path_of("y.npz"), &m);
    assert_int_equal(n, m);
    assert_memory_equal(first, second, n);
    assert_true(compress ? n < 400000 : n > 800000);
    free(first);
    free(second);
  }
  EXPECT_OK(peri_npz_write(cx, path_of("empty.npz"), 0, NULL, NULL, false));
  peri_npz *z = peri_npz_open(cx, path_of("empty.npz"), NULL);
  assert_non_null(z);
  assert_int_equal(peri_npz_count(z), 0);
  peri_npz_close(z);
  EXPECT_FAILS(peri_npz_write(cx, path_of("z.npz"), 2, (const char *[]){"a", "a"}, (peri_tensor *[]){a, b}, false),
               PERI_ERR_VALUE, "two arrays are named 'a'");
  EXPECT_FAILS(peri_npz_write(cx, path_of("z.npz"), 1, (const char *[]){"../a"}, &a, false), PERI_ERR_VALUE,
               "the name '../a' leads upwards");
  EXPECT_FAILS(peri_npz_write(cx, "/dev/full", 1, (const char *[]){"a"}, &a, false), PERI_ERR_IO,
               "No space left on device");
  peri_release(a);
  peri_release(b);
  peri_release(c);
}

/* Beyond 65535 members the archive needs the ZIP64 end record. */
static void many_members_need_zip64(void **state) {
  peri_ctx *cx = *state;
  enum { MANY = 66000, LENGTH = 8 };
  peri_tensor *one = MADE(peri_scalar_i64(cx, 1)), **arrays = malloc(MANY * sizeof *arrays);
  const char **names = malloc(MANY * sizeof *names);
  char *text = malloc(MANY * LENGTH);
  for (int i = 0; i < MANY; i++) {
    snprintf(text + i * LENGTH, LENGTH, "n%d", i);
    names[i] = text + i * LENGTH;
    arrays[i] = one;
  }
  EXPECT_OK(peri_npz_write(cx, path_of("many.npz"), MANY, names, arrays, false));
  peri_npz *z = peri_npz_open(cx, path_of("many.npz"), NULL);
  if (!z) fail_msg("%s", peri_errmsg(cx));
  assert_int_equal(peri_npz_count(z), MANY);
  peri_tensor *x = MADE(peri_npz_read(z, peri_npz_find(z, "n65999"), NULL));
  assert_int_equal(peri_item_i64(x, 0), 1);
  peri_release(x);
  peri_npz_close(z);
  peri_release(one);
  free(arrays);
  free(names);
  free(text);
}

/* A small file that unpacks to far more than the budget is refused before it is unpacked. */
static void bombs_do_not_go_off(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *zeros = MADE(peri_zeros(cx, PERI_F64, 1, (int64_t[]){1 << 22}));
  EXPECT_OK(peri_npz_write(cx, path_of("bomb.npz"), 1, (const char *[]){"a"}, &zeros, true));
  peri_release(zeros);
  struct stat st;
  assert_int_equal(stat(path_of("bomb.npz"), &st), 0);
  assert_true(st.st_size < 40000);
  peri_ctx *small = peri_open(&(peri_config){.memory_limit = 8 << 20});
  peri_npz *z = peri_npz_open(small, path_of("bomb.npz"), NULL);
  assert_non_null(z);
  assert_null(peri_npz_read(z, 0, NULL));
  assert_int_equal(peri_errcode(small), PERI_ERR_MEMORY);
  size_t peak;
  peri_memory(small, NULL, &peak, NULL);
  assert_true(peak < 1 << 20);
  peri_npz_close(z);
  peri_close(small);
}

/* Any single byte of an archive may be wrong: it is read as it was written, or refused; never anything else. */
static void one_wrong_byte_is_noticed_or_harmless(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = MADE(peri_from(cx, PERI_F64, 1, (int64_t[]){3}, (double[]){1, 2, 3}));
  for (int compress = 0; compress < 2; compress++) {
    size_t n;
    EXPECT_OK(peri_npz_write(cx, path_of("one.npz"), 1, (const char *[]){"a"}, &a, compress));
    unsigned char *b = read_file(path_of("one.npz"), &n);
    int refused = 0;
    for (size_t i = 0; i < n; i++) {
      b[i] ^= 0x41;
      write_file("wrong.npz", b, n);
      b[i] ^= 0x41;
      peri_npz *z = peri_npz_open(cx, path_of("wrong.npz"), NULL);
      peri_tensor *x = z && peri_npz_count(z) == 1 ? peri_npz_read(z, 0, NULL) : NULL;
      if (x)
        SAME_BITS(x, a);
      else
        refused++;
      peri_release(x);
      peri_npz_close(z);
    }
    for (size_t i = 0; i < n; i++) {
      write_file("cut.npz", b, i);
      peri_npz *z = peri_npz_open(cx, path_of("cut.npz"), NULL);
      assert_null(z);
      assert_true(peri_errcode(cx) == PERI_ERR_FORMAT);
    }
    free(b);
    assert_true(refused > (int)n / 2);
  }
  peri_release(a);
}

static void failing_allocations_leave_nothing(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = MADE(peri_arange(cx, PERI_F64, 0, 1000, 1)), *s = MADE(peri_slice(a, 0, 0, 1000, 2));
  for (int compress = 0; compress < 2; compress++)
    for (int64_t n = 0, failed = 1; failed; n++) {
      peri_fail_allocation(cx, n);
      peri_status st =
          peri_npz_write(cx, path_of("alloc.npz"), 2, (const char *[]){"a", "s"}, (peri_tensor *[]){a, s}, compress);
      peri_npz *z = st ? NULL : peri_npz_open(cx, path_of("alloc.npz"), NULL);
      peri_tensor *x = z ? peri_npz_read(z, 1, NULL) : NULL;
      failed = peri_allocation_failed(cx);
      assert_int_equal(x == NULL, failed);
      if (failed) assert_int_equal(peri_errcode(cx), PERI_ERR_MEMORY);
      peri_release(x);
      peri_npz_close(z);
      peri_clear_error(cx);
    }
  peri_fail_allocation(cx, -1);
  peri_release(a);
  peri_release(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(archives_round_trip), TEST(many_members_need_zip64), TEST(bombs_do_not_go_off),
                                     TEST(one_wrong_byte_is_noticed_or_harmless),
                                     TEST(failing_allocations_leave_nothing)};
  return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
