/* npy_test.c - arrays survive a file bit by bit; the bytes are NumPy's; files are replaced whole or not at all. */
#include "files.h"
#include <perigee/io.h>
#include <perigee/shape.h>
#include <sys/resource.h>
#include <signal.h>
#include <zlib.h>

/* Every kind of bit pattern: NaN payloads, both zeros, subnormals, infinities, extremes, noise. */
static peri_tensor *every_bits(peri_ctx *cx, peri_dtype t) {
  static const uint64_t special[] = {0,
                                     1,
                                     0x8000000000000000,
                                     0x8000000000000001,
                                     0x000fffffffffffff,
                                     0x7ff0000000000000,
                                     0xfff0000000000000,
                                     0x7ff8000000000000,
                                     0x7ff0000000000001,
                                     0xfff8deadbeef1234,
                                     0x7fefffffffffffff,
                                     0x3ff0000000000000,
                                     0x7f800001ff800001,
                                     0x7fc0123400000001,
                                     0xffffffffffffffff,
                                     0x00000001807fffff};
  int64_t n = 100;
  uint64_t seed = 5;
  peri_tensor *x = MADE(peri_new(cx, t, 1, &n));
  size_t words = (size_t)n * peri_sizeof(t) / 8;
  for (size_t i = 0; i < words; i++) {
    uint64_t v = i < 16 ? special[i] : support_next(&seed);
    if (t == PERI_BOOL) v &= 0x0101010101010101;
    memcpy((char *)x->data + 8 * i, &v, 8);
  }
  if (t == PERI_BOOL) memset((char *)x->data + 8 * words, 1, 100 - 8 * words);
  return x;
}

static void all_dtypes_keep_their_bits(void **state) {
  peri_ctx *cx = *state;
  for (int t = 0; t < PERI_DTYPES; t++) {
    peri_notice notice;
    peri_tensor *x = every_bits(cx, (peri_dtype)t), *m = MADE(peri_reshape(x, 2, (int64_t[]){4, 25})),
                *s = MADE(peri_slice(m, 1, 24, -1, -3));
    peri_tensor *sources[] = {x, m, s};
    for (int i = 0; i < 3; i++) {
      EXPECT_OK(peri_npy_write(sources[i], path_of("x.npy")));
      peri_tensor *y = MADE(peri_npy_read(cx, path_of("x.npy"), &notice));
      SAME_BITS(y, sources[i]);
      assert_string_equal(notice.text, "");
      peri_release(y);
      peri_release(sources[i]);
    }
  }
}

static void transposed_memory_is_written_as_it_lies(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = MADE(peri_arange(cx, PERI_I64, 0, 24, 1)), *m = MADE(peri_reshape(x, 3, (int64_t[]){2, 3, 4}));
  peri_tensor *t = MADE(peri_permute(m, 3, (int[]){2, 1, 0}));
  size_t n;
  EXPECT_OK(peri_npy_write(t, path_of("t.npy")));
  unsigned char *bytes = read_file(path_of("t.npy"), &n);
  assert_int_equal(n, 128 + 24 * 8);
  assert_memory_equal(bytes + 10, "{'descr': '<i8', 'fortran_order': True, 'shape': (4, 3, 2), }", 61);
  assert_memory_equal(bytes + 128, m->data, 24 * 8);
  free(bytes);
  peri_tensor *y = MADE(peri_npy_read(cx, path_of("t.npy"), NULL));
  SAME_BITS(y, t);
  peri_release(y);
  peri_release(t);
  peri_release(m);
  peri_release(x);
}

static void headers_are_numpys(void **state) {
  peri_ctx *cx = *state;
  static const struct {
    int nd;
    int64_t dims[3];
    const char *text;
  } cases[] = {{0, {0}, "{'descr': '<f8', 'fortran_order': False, 'shape': (), }"},
               {1, {0}, "{'descr': '<f8', 'fortran_order': False, 'shape': (0,), }"},
               {2, {0, 5}, "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 5), }"},
               {3, {3, 1, 2}, "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 1, 2), }"}};
  for (int i = 0; i < 4; i++) {
    peri_tensor *x = MADE(peri_zeros(cx, PERI_F64, cases[i].nd, cases[i].dims));
    size_t n, length = strlen(cases[i].text);
    EXPECT_OK(peri_npy_write(x, path_of("h.npy")));
    unsigned char *b = read_file(path_of("h.npy"), &n);
    size_t header = (length + 21 + 11 + 63) / 64 * 64; /* room for growth fits in the same block here */
    assert_int_equal(n, header + 8 * (size_t)x->size);
    assert_memory_equal(b, "\x93NUMPY\1\0", 8);
    assert_int_equal(b[8] + 256 * b[9], header - 10);
    assert_memory_equal(b + 10, cases[i].text, length);
    for (size_t k = 10 + length; k < header - 1; k++) assert_int_equal(b[k], ' ');
    assert_int_equal(b[header - 1], '\n');
    free(b);
    peri_release(x);
  }
}

/* A file of version 1 with this header text and data. */
static const char *raw(const char *name, const char *header, const void *data, size_t bytes) {
  char b[1024];
  size_t n = strlen(header);
  memcpy(b, "\x93NUMPY\1\0", 8);
  b[8] = (char)(n + 1), b[9] = (char)((n + 1) >> 8);
  memcpy(b + 10, header, n);
  b[10 + n] = '\n';
  if (bytes) memcpy(b + 11 + n, data, bytes);
  return write_file(name, b, 11 + n + bytes);
}

static void foreign_elements_keep_their_values(void **state) {
  peri_ctx *cx = *state;
  static const struct {
    const char *descr, *bytes;
    int size;
    peri_dtype t;
    double a, b;
  } cases[] = {
      {">f8", "\xbf\xf8\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16, PERI_F64, -1.5, 0x1p-1074},
      {"<f4", "\0\0\xc0\xbf\1\0\0\0", 8, PERI_F32, -1.5, 0x1p-149},
      {">f4", "\xbf\xc0\0\0\0\0\0\1", 8, PERI_F32, -1.5, 0x1p-149},
      {"<f2", "\0\xbe\1\0", 4, PERI_F32, -1.5, 0x1p-24},
      {">f2", "\xfb\xff\x7c\0", 4, PERI_F32, -65504, INFINITY},
      {"|b1", "\1\0", 2, PERI_BOOL, 1, 0},
      {"|i1", "\x80\x7f", 2, PERI_I64, -128, 127},
      {"|u1", "\x80\xff", 2, PERI_I64, 128, 255},
      {"<i2", "\0\x80\1\0", 4, PERI_I64, -32768, 1},
      {">u2", "\x80\0\0\1", 4, PERI_I64, 32768, 1},
      {"<i4", "\0\0\0\x80\1\0\0\0", 8, PERI_I64, -2147483648.0, 1},
      {">u4", "\x80\0\0\0\0\0\0\1", 8, PERI_I64, 2147483648.0, 1},
      {">i8", "\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\7", 16, PERI_I64, -0x1p63, 7},
      {"<u8", "\0\0\0\0\0\0\0\x40\1\0\0\0\0\0\0\0", 16, PERI_I64, 0x1p62, 1},
      {"=i8", "\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 16, PERI_I64, 1, 2},
      {"<c8", "\0\0\xc0\xbf\0\0\x80\x3f\0\0\0\x40\0\0\0\0", 16, PERI_C128, -1.5, 2},
      {">c16", "\xbf\xf8\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32, PERI_C128, -1.5, 2}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char header[128];
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (2,), }", cases[i].descr);
    peri_tensor *x = MADE(peri_npy_read(cx, raw("f.npy", header, cases[i].bytes, (size_t)cases[i].size), NULL));
    assert_int_equal(x->dtype, cases[i].t);
    NEAR(peri_item(x, 0), cases[i].a, 0);
    NEAR(peri_item(x, 1), cases[i].b, 0);
    peri_release(x);
  }
  EXPECT_FAILS(
      peri_npy_read(
          cx, raw("f.npy", "{'descr': '<u8', 'fortran_order': False, 'shape': (1,), }", "\0\0\0\0\0\0\0\x80", 8), NULL),
      PERI_ERR_FORMAT, "element 1 is 9223372036854775808, more than i64 can hold");
}

static void gzip_is_known_by_its_first_bytes(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = MADE(peri_arange(cx, PERI_F64, 0, 50000, 1));
  size_t n;
  EXPECT_OK(peri_npy_write(x, path_of("plain.npy")));
  unsigned char *b = read_file(path_of("plain.npy"), &n);
  gzFile z = gzopen(path_of("packed.npy"), "wb");
  gzwrite(z, b, (unsigned)n);
  gzclose(z);
  peri_tensor *y = MADE(peri_npy_read(cx, path_of("packed.npy"), NULL));
  SAME_BITS(y, x);
  peri_release(y);
  z = gzopen(path_of("packed.npy"), "wb");
  gzwrite(z, b, (unsigned)n - 1);
  gzclose(z);
  EXPECT_FAILS(peri_npy_read(cx, path_of("packed.npy"), NULL), PERI_ERR_FORMAT, "the data end early");
  free(b);
  unsigned char *p = read_file(path_of("packed.npy"), &n);
  p[n / 2] ^= 0x10;
  write_file("packed.npy", p, n);
  EXPECT_FAILS(peri_npy_read(cx, path_of("packed.npy"), NULL), PERI_ERR_FORMAT, "packed.npy'");
  free(p);
  peri_release(x);
}

/* ---- replacing files ---- */

static void a_full_disk_is_reported(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = MADE(peri_zeros(cx, PERI_F64, 1, (int64_t[]){100000}));
  EXPECT_FAILS(peri_npy_write(x, "/dev/full"), PERI_ERR_IO,
               "io.save_npy: cannot write '/dev/full': No space left on device");
  struct stat st;
  assert_int_equal(stat("/dev/full", &st), 0);
  assert_true(S_ISCHR(st.st_mode)); /* still the device */
  peri_release(x);
}

/* The limit on the size of files stands for a disk that fills up half way. */
static void a_failed_write_leaves_the_old_file(void **state) {
  peri_ctx *cx = *state;
  struct rlimit old, small;
  peri_tensor *x = MADE(peri_zeros(cx, PERI_F64, 1, (int64_t[]){100000})), *one = MADE(peri_scalar(cx, 1));
  EXPECT_OK(peri_npy_write(one, path_of("keep.npy")));
  int files = count_files();
  signal(SIGXFSZ, SIG_IGN);
  getrlimit(RLIMIT_FSIZE, &old);
  small = old;
  small.rlim_cur = 100000;
  setrlimit(RLIMIT_FSIZE, &small);
  peri_status st = peri_npy_write(x, path_of("keep.npy"));
  setrlimit(RLIMIT_FSIZE, &old);
  assert_int_equal(st, PERI_ERR_IO);
  assert_int_equal(count_files(), files);
  peri_tensor *y = MADE(peri_npy_read(cx, path_of("keep.npy"), NULL));
  NEAR(peri_item(y, 0), 1, 0);
  peri_interrupt(cx);
  EXPECT_FAILS(peri_npy_write(x, path_of("keep.npy")), PERI_ERR_INTERRUPT, "");
  peri_clear_interrupt(cx);
  assert_int_equal(count_files(), files);
  EXPECT_FAILS(peri_npy_write(x, path_of("no/such/dir.npy")), PERI_ERR_IO, "No such file or directory");
  EXPECT_FAILS(peri_npy_write(x, files_dir), PERI_ERR_IO, "it is a directory");
  peri_release(x);
  peri_release(y);
  peri_release(one);
}

static void links_and_permissions_stay(void **state) {
  peri_ctx *cx = *state;
  struct stat st;
  peri_tensor *one = MADE(peri_scalar(cx, 1)), *two = MADE(peri_scalar(cx, 2));
  EXPECT_OK(peri_npy_write(one, path_of("real.npy")));
  chmod(path_of("real.npy"), 0640);
  assert_int_equal(symlink("real.npy", path_of("link.npy")), 0);
  EXPECT_OK(peri_npy_write(two, path_of("link.npy")));
  assert_int_equal(lstat(path_of("link.npy"), &st), 0);
  assert_true(S_ISLNK(st.st_mode));
  assert_int_equal(stat(path_of("real.npy"), &st), 0);
  assert_int_equal(st.st_mode & 0777, 0640);
  peri_tensor *y = MADE(peri_npy_read(cx, path_of("real.npy"), NULL));
  NEAR(peri_item(y, 0), 2, 0);
  peri_release(y);
  peri_release(one);
  peri_release(two);
}

static void failing_allocations_leave_nothing(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = MADE(peri_arange(cx, PERI_F64, 0, 1000, 1)), *s = MADE(peri_slice(x, 0, 0, 1000, 2));
  int files = 0;
  for (int64_t n = 0, failed = 1; failed; n++) {
    peri_fail_allocation(cx, n);
    peri_status st = peri_npy_write(s, path_of("alloc.npy"));
    peri_tensor *y = st ? NULL : peri_npy_read(cx, path_of("alloc.npy"), NULL);
    failed = peri_allocation_failed(cx);
    assert_int_equal(y == NULL, failed);
    if (failed) assert_int_equal(peri_errcode(cx), PERI_ERR_MEMORY);
    peri_release(y);
    peri_clear_error(cx);
    if (n == 0) files = count_files();
    assert_true(count_files() <= files + 1);
  }
  peri_fail_allocation(cx, -1);
  peri_release(x);
  peri_release(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(all_dtypes_keep_their_bits),
                                     TEST(transposed_memory_is_written_as_it_lies),
                                     TEST(headers_are_numpys),
                                     TEST(foreign_elements_keep_their_values),
                                     TEST(gzip_is_known_by_its_first_bytes),
                                     TEST(a_full_disk_is_reported),
                                     TEST(a_failed_write_leaves_the_old_file),
                                     TEST(links_and_permissions_stay),
                                     TEST(failing_allocations_leave_nothing)};
  return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
