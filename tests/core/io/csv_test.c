/* csv_test.c - decimal numbers against the C library; tables in every dress; round trips. */
#include "files.h"
#include "io/number.h"
#include <perigee/io.h>
#include <perigee/shape.h>

static double bits(uint64_t v) {
  double x;
  memcpy(&x, &v, 8);
  return x;
}

static void expect_number(const char *text, locale_t c) {
  double got, want = strtod(text, NULL);
  assert_int_equal(pri_read_double(text, (int64_t)strlen(text), c, &got), PRI_NUMBER);
  if (memcmp(&got, &want, 8) != 0) fail_msg("%s is read as %.17g, not %.17g", text, got, want);
}

/* Random doubles at every precision, and the neighbourhoods of halfway points, where naive reading is off by one
** unit. */
static void numbers_are_correctly_rounded(void **state) {
  (void)state;
  locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  uint64_t seed = 3;
  char text[1400];
  for (int i = 0; i < 200000; i++) {
    double x = bits(support_next(&seed));
    if (!isfinite(x)) continue;
    snprintf(text, sizeof text, "%.*e", (int)(support_next(&seed) % 20), x);
    double range = strtod(text, NULL);
    if (isfinite(range)) expect_number(text, c);
    x = support_uniform(&seed) * 1000;
    snprintf(text, sizeof text, "%.*f", (int)(support_next(&seed) % 18), x);
    expect_number(text, c);
  }
  for (int i = 0; i < 20000; i++) { /* the exact midpoint of two doubles, and its last digit one off */
    int shift = (int)(support_next(&seed) % 20);
    uint64_t w = (support_next(&seed) >> 11 | 1ull << 52) * 2 + 1;
    snprintf(text, sizeof text, "%.*f", shift, ldexp((double)(w >> 1), -shift) + 0);
    unsigned __int128 m = (unsigned __int128)w << 10; /* scaled midpoints as integers of up to 20 digits */
    uint64_t high = (uint64_t)(m / 10000000000ull), low = (uint64_t)(m % 10000000000ull);
    for (int off = -1; off <= 1; off++) {
      snprintf(text, sizeof text, "%llu%010llue-%d", (unsigned long long)high,
               (unsigned long long)low + (unsigned long long)off, shift);
      expect_number(text, c);
      snprintf(text, sizeof text, "%llue-1", (unsigned long long)(w * 5 + (uint64_t)off));
      expect_number(text, c);
    }
  }
  static const char *const more[] = {"0",
                                     "-0",
                                     "+1",
                                     ".5",
                                     "5.",
                                     "1e0",
                                     "1E+05",
                                     "4.9406564584124654e-324",
                                     "2.4703282292062327e-324",
                                     "2.4703282292062328e-324",
                                     "1.7976931348623157e308",
                                     "0.000000000000000000000000000000000000001",
                                     "123456789012345678901234567890",
                                     "9007199254740993",
                                     "9007199254740993.0000000000000000000001",
                                     "1e-400",
                                     "0e999999999999",
                                     "00000000000000000000000000000000001"};
  for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) expect_number(more[i], c);
  static const char *const none[] = {"",     "-",   ".",     "e5",  "1e",   "1e+", "1x",
                                     "0x10", "1 2", "1.2.3", "--1", "nanx", "1,5", "infinit"};
  double x;
  for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
    assert_int_equal(pri_read_double(none[i], (int64_t)strlen(none[i]), c, &x), PRI_NO_NUMBER);
  assert_int_equal(pri_read_double("1e309", 5, c, &x), PRI_TOO_LARGE);
  assert_int_equal(pri_read_double("1e99999", 7, c, &x), PRI_TOO_LARGE);
  freelocale(c);
}

static void written_numbers_are_short_and_exact(void **state) {
  (void)state;
  locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  uint64_t seed = 4;
  char text[PRI_NUMBER_TEXT];
  for (int i = 0; i < 100000; i++) {
    double x = bits(support_next(&seed)), y;
    if (!isfinite(x)) continue;
    int n = pri_write_double(text, x, false, c);
    assert_int_equal(n, strlen(text));
    assert_int_equal(pri_read_double(text, n, c, &y), PRI_NUMBER);
    assert_memory_equal(&x, &y, 8);
    float f = (float)x, g;
    if (!isfinite(f)) continue;
    n = pri_write_double(text, f, true, c);
    pri_read_double(text, n, c, &y);
    g = (float)y;
    assert_memory_equal(&f, &g, 4);
  }
  static const struct {
    double x;
    const char *text;
  } cases[] = {{0.1, "0.1"},
               {-0.0, "-0"},
               {1e22, "1e+22"},
               {3, "3"},
               {1.0 / 3, "0.3333333333333333"},
               {INFINITY, "inf"},
               {-INFINITY, "-inf"},
               {NAN, "nan"},
               {5e-324, "4.94065645841247e-324"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    pri_write_double(text, cases[i].x, false, c);
    assert_string_equal(text, cases[i].text);
  }
  pri_write_double(text, 0.1f, true, c);
  assert_string_equal(text, "0.1");
  freelocale(c);
}

/* The table at path has these values, in rows of `columns`, and these names (or none). Closes it. */
static void expect(peri_ctx *cx, const char *path, const peri_csv_options *o, int64_t columns, int64_t n,
                   const double *values, const char *names) {
  peri_csv t;
  EXPECT_OK(peri_csv_read(cx, path, o, &t));
  assert_int_equal(t.columns, columns);
  assert_int_equal(t.values->dims[1], columns);
  assert_int_equal(t.values->size, n);
  for (int64_t k = 0; k < n; k++) NEAR(peri_item(t.values, k), values[k], 0);
  char joined[256] = "";
  for (int64_t i = 0; names && i < columns; i++) strcat(strcat(joined, t.names[i]), "|");
  if (names)
    assert_string_equal(joined, names);
  else
    assert_null(t.names);
  peri_csv_close(&t);
}
#define V(...)                                                                                                         \
  sizeof((double[]){__VA_ARGS__}) / sizeof(double), (double[]) { __VA_ARGS__ }

static void tables_in_every_dress(void **state) {
  peri_ctx *cx = *state;
  static const double nan = NAN;
  expect(cx, TEXT("a.csv", "1,2\n3,4\n"), NULL, 2, V(1, 2, 3, 4), NULL);
  expect(cx, TEXT("a.csv", "\xef\xbb\xbfx, y\r\n\r\n 1 ,\t2\r\n# a remark\r\n3,4"), NULL, 2, V(1, 2, 3, 4), "x|y|");
  expect(cx, TEXT("a.csv", "a;b;c\n1;2;3\n"), NULL, 3, V(1, 2, 3), "a|b|c|");
  expect(cx, TEXT("a.csv", "a\tb c\n1\t2\n"), NULL, 2, V(1, 2), "a|b c|");
  expect(cx, TEXT("a.csv", "  1   2\t 3  \n4 5 6\r\n"), &(peri_csv_options){.separator = ' '}, 3, V(1, 2, 3, 4, 5, 6),
         NULL);
  expect(cx, TEXT("a.csv", "\"a \"\"b\"\", c\" , d\n\"1\" , 2\n"), NULL, 2, V(1, 2), "a \"b\", c|d|");
  expect(cx, TEXT("a.csv", "\"a\" \"b\"\n1 2\n"), NULL, 2, V(1, 2), "a|b|");
  expect(cx, TEXT("a.csv", "5\n6\n"), NULL, 1, V(5, 6), NULL);
  expect(cx, TEXT("a.csv", "inf,-Infinity,nan,NaN\n"), NULL, 4, V(INFINITY, -INFINITY, nan, nan), NULL);
  expect(cx, TEXT("a.csv", "a,b\n"), NULL, 2, 0, NULL, "a|b|");
  expect(cx, TEXT("a.csv", "1,2\n"), &(peri_csv_options){.header = PERI_HEADER_YES}, 2, 0, NULL, "1|2|");
  expect(cx, TEXT("a.csv", "1,\n,2\n"), &(peri_csv_options){.missing = true}, 2, V(1, nan, nan, 2), NULL);
  expect(cx, TEXT("a.csv", "\t2\n1\t\n"), &(peri_csv_options){.missing = true, .separator = '\t'}, 2, V(nan, 2, 1, nan),
         NULL);
  expect(cx, TEXT("a.csv", "% no\n1|2\n"), &(peri_csv_options){.separator = '|', .comment = '%'}, 2, V(1, 2), NULL);
  expect(cx, TEXT("a.csv", "n,who,v\n1,ann,10\n2,bob,20\n"),
         &(peri_csv_options){.count = 2, .columns = (const char *[]){"v", "n"}}, 2, V(10, 1, 20, 2), "v|n|");
  expect(cx, TEXT("a.csv", "1,ann,10\n2,bob,20\n"),
         &(peri_csv_options){.count = 1, .numbers = (int64_t[]){2}, .header = PERI_HEADER_NO}, 1, V(10, 20), NULL);
}

#define REFUSED(text, options, code, message)                                                                          \
  do {                                                                                                                 \
    peri_csv t;                                                                                                        \
    EXPECT_FAILS(peri_csv_read(cx, TEXT("bad.csv", text), options, &t), code, message);                                \
    assert_null(t.values);                                                                                             \
  } while (0)

static void malformed_tables_say_where(void **state) {
  peri_ctx *cx = *state;
  REFUSED("", NULL, PERI_ERR_FORMAT, "the file has no data");
  REFUSED("\n# only\n", NULL, PERI_ERR_FORMAT, "the file has no data");
  REFUSED("1,2\n\n3\n", NULL, PERI_ERR_FORMAT, "line 3 has 1 fields; line 1 has 2");
  REFUSED("1,2\n3,4,5\n", NULL, PERI_ERR_FORMAT, "line 2 has 3 fields; line 1 has 2");
  REFUSED("1,2\n3,\n", NULL, PERI_ERR_FORMAT, "line 2, column 2: the field is empty");
  REFUSED("1,2\n3,4x\n", NULL, PERI_ERR_FORMAT, "line 2, column 2: '4x' is no number");
  REFUSED("1;2\n1,5;2\n", NULL, PERI_ERR_FORMAT, "'1,5' is no number; the decimal sign must be a point");
  REFUSED("1,2\n3,1e999\n", NULL, PERI_ERR_FORMAT, "'1e999' is too large for f64");
  REFUSED("a,b\n1,\"2\n3,4\n", NULL, PERI_ERR_FORMAT, "line 2: a quote is not closed");
  REFUSED("a,\"b", NULL, PERI_ERR_FORMAT, "line 1: a quote is not closed");
  REFUSED("a,b\n1,\"2\"3\n", NULL, PERI_ERR_FORMAT, "line 2: text follows a closing quote");
  REFUSED("a,b\n1,\0002\n", NULL, PERI_ERR_FORMAT, "line 2: a NUL byte");
  REFUSED("a,b\n1,2\n", (&(peri_csv_options){.count = 1, .columns = (const char *[]){"c"}}), PERI_ERR_VALUE,
          "there is no column 'c'");
  REFUSED("a,a\n1,2\n", (&(peri_csv_options){.count = 1, .columns = (const char *[]){"a"}}), PERI_ERR_FORMAT,
          "columns 1 and 2 are both named 'a'");
  REFUSED("1,2\n", (&(peri_csv_options){.count = 1, .columns = (const char *[]){"a"}}), PERI_ERR_FORMAT,
          "has no header");
  REFUSED("1,2\n", (&(peri_csv_options){.count = 1, .numbers = (int64_t[]){2}}), PERI_ERR_INDEX, "column 3 of 2");
  REFUSED("1,2\n", (&(peri_csv_options){.count = 2, .numbers = (int64_t[]){1, 1}}), PERI_ERR_VALUE,
          "column 2 is asked for twice");
  REFUSED("1,2\n", (&(peri_csv_options){.separator = '#'}), PERI_ERR_VALUE, "the separator must not be");
}

/* More than the buffer holds, fields across its edge, and lines far longer than it. */
static void long_files_and_long_lines(void **state) {
  peri_ctx *cx = *state;
  size_t n = 4 << 20;
  char *text = malloc(n);
  peri_csv t;
  for (int wide = 0; wide < 2; wide++) {
    size_t used = 0;
    int64_t count = 0;
    while (used < n - 64) used += (size_t)sprintf(text + used, "%lld.5%s", (long long)count++, wide ? "," : "\n");
    text[used - 1] = '\n';
    EXPECT_OK(peri_csv_read(cx, write_file("long.csv", text, used), NULL, &t));
    assert_int_equal(t.values->dims[wide], count);
    for (int64_t k = 0; k < count; k++) NEAR(((double *)t.values->data)[k], (double)k + 0.5, 0);
    peri_csv_close(&t);
  }
  memset(text, '7', n);
  EXPECT_FAILS(peri_csv_read(cx, write_file("long.csv", text, n), NULL, &t), PERI_ERR_FORMAT,
               "line 1: a field is longer than 65536 bytes");
  text[0] = '"';
  EXPECT_FAILS(peri_csv_read(cx, write_file("long.csv", text, n), NULL, &t), PERI_ERR_FORMAT,
               "line 1: a field is longer than 65536 bytes");
  free(text);
}

static void tables_round_trip(void **state) {
  peri_ctx *cx = *state;
  uint64_t seed = 8;
  peri_csv t;
  peri_tensor *a = MADE(peri_new(cx, PERI_F64, 2, (int64_t[]){500, 3}));
  for (int64_t k = 0; k < a->size; k++) ((double *)a->data)[k] = bits(support_next(&seed) & 0xffeffffffffffff);
  peri_tensor *whole = MADE(peri_arange(cx, PERI_I64, 0, 500, 1)), *turned = MADE(peri_flip(a, 1));
  const char *names[] = {"x", "y, z", "#\"w\"", "", "n"};
  EXPECT_OK(peri_csv_write(cx, path_of("w.csv"), 2, (peri_tensor *[]){turned, whole}, 4, names, ';'));
  EXPECT_OK(peri_csv_read(cx, path_of("w.csv"), NULL, &t));
  assert_int_equal(t.columns, 4);
  for (int i = 0; i < 4; i++) assert_string_equal(t.names[i], names[i]);
  peri_tensor *back = MADE(peri_narrow(t.values, 1, 0, 3));
  SAME_BITS(back, turned);
  NEAR(peri_item(t.values, 4 * 499 + 3), 499, 0);
  peri_csv_close(&t);
  peri_release(back);
  EXPECT_FAILS(peri_csv_write(cx, path_of("v.csv"), 1, &a, 2, names, 0), PERI_ERR_SHAPE, "2 names for 3 columns");
  peri_tensor *z = MADE(peri_cast(a, PERI_C128)), *part = MADE(peri_narrow(a, 0, 0, 4));
  EXPECT_FAILS(peri_csv_write(cx, path_of("v.csv"), 1, &z, 0, NULL, 0), PERI_ERR_DTYPE, "real() and imag()");
  EXPECT_FAILS(peri_csv_write(cx, path_of("v.csv"), 2, (peri_tensor *[]){a, part}, 0, NULL, 0), PERI_ERR_SHAPE,
               "rows differ: 500 and 4");
  EXPECT_FAILS(peri_csv_write(cx, "/dev/full", 1, &a, 0, NULL, 0), PERI_ERR_IO, "No space left on device");
  peri_tensor *all[] = {a, whole, turned, z, part};
  for (int i = 0; i < 5; i++) peri_release(all[i]);
}

/* A locale with a decimal comma must change nothing; skipped where none is installed. */
static void the_locale_does_not_matter(void **state) {
  peri_ctx *cx = *state;
  static const char *const known[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "fr_FR.utf8", "C.UTF-8"};
  int i = 0;
  while (i < 5 && !setlocale(LC_NUMERIC, known[i])) i++;
  peri_tensor *x = MADE(peri_from(cx, PERI_F64, 1, (int64_t[]){2}, (double[]){1.5, 1e-30}));
  EXPECT_OK(peri_csv_write(cx, path_of("l.csv"), 1, &x, 0, NULL, 0));
  expect(cx, path_of("l.csv"), NULL, 1, V(1.5, 1e-30), NULL);
  expect(cx, TEXT("l.csv", "1,5\n"), NULL, 2, V(1, 5), NULL);
  expect(cx, TEXT("l.csv", "1.2345678901234567e-60\n"), NULL, 1, V(1.2345678901234567e-60), NULL);
  setlocale(LC_NUMERIC, "C");
  peri_release(x);
  if (i == 4) print_message("no locale with a decimal comma is installed: only the C locale was tried\n");
}

static void failing_allocations_leave_nothing(void **state) {
  peri_ctx *cx = *state;
  TEXT("alloc.csv", "n,who,v\n1,ann,10\n2,bob,20\n");
  for (int64_t n = 0, failed = 1; failed; n++) {
    peri_csv t;
    peri_fail_allocation(cx, n);
    peri_status st = peri_csv_read(cx, path_of("alloc.csv"),
                                   &(peri_csv_options){.count = 2, .columns = (const char *[]){"v", "n"}}, &t);
    failed = peri_allocation_failed(cx);
    if (!failed) assert_int_equal(st, PERI_OK);
    if (failed) assert_int_equal(st, PERI_ERR_MEMORY);
    if (!st) st = peri_csv_write(cx, path_of("alloc2.csv"), 1, &t.values, 2, t.names, 0);
    failed = peri_allocation_failed(cx);
    if (failed) assert_int_equal(st, PERI_ERR_MEMORY);
    peri_csv_close(&t);
    peri_clear_error(cx);
  }
  peri_fail_allocation(cx, -1);
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(numbers_are_correctly_rounded), TEST(written_numbers_are_short_and_exact),
                                     TEST(tables_in_every_dress),         TEST(malformed_tables_say_where),
                                     TEST(long_files_and_long_lines),     TEST(tables_round_trip),
                                     TEST(the_locale_does_not_matter),    TEST(failing_allocations_leave_nothing)};
  return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
