/* stream_test.c - published and cross-checked vectors, jumps, keys, independence of substreams, states. */
#include <perigee/random.h>
#include "random/random.h"
#include "statistics.h"

typedef struct { peri_stream s; peri_u128 skip; int n; uint64_t want[6]; } vector;

static void outputs_are_the_published_ones(void **state) {
  peri_ctx *cx = *state;
  const peri_u128 a = {0, 42}, b = {0, 54}, none = {0, 0}, billion = {0, 1000000007}, two64 = {1, 0};
  peri_stream s, x, tiny;
  EXPECT_OK(peri_stream_raw(cx, &s, (peri_u128){0x0123456789abcdef, 0xfedcba9876543210}, (peri_u128){0x5851f42d4c957f2d, 0x14057b7ef767814f}, PERI_DXSM));
  EXPECT_OK(peri_stream_raw(cx, &x, (peri_u128){0x0123456789abcdef, 0xfedcba9876543210}, (peri_u128){0x5851f42d4c957f2d, 0x14057b7ef767814f}, PERI_XSLRR));
  EXPECT_OK(peri_stream_raw(cx, &tiny, (peri_u128){0, 42}, (peri_u128){0, 109}, PERI_DXSM));
  const vector vectors[] = {
    {peri_stream_seed(a, b, PERI_XSLRR), none, 6,
     {0x86b1da1d72062b68, 0x1304aa46c9853d39, 0xa3670e9e0dd50358, 0xf9090e529a7dae00, 0xc85b9fd837996f2c, 0x606121f8e3919196}},
    {peri_stream_seed(a, b, PERI_XSLRR), billion, 2, {0x1719e8806a21d54b, 0x50f7165c33380779}},
    {peri_stream_seed(a, b, PERI_XSLRR), two64, 1, {0xc4ebffdcfe29bbac}},
    {peri_stream_seed(a, b, PERI_DXSM), none, 6,
     {0xf0847c9518bddb90, 0x8e7d5f5514ba8aaa, 0x86fbd36f8028f6fd, 0x8d14b6edbe9f740a, 0xa85b2896c7cad55d, 0x8ca3894a1d9227bb}},
    {peri_stream_seed_numpy(a, b, PERI_DXSM), none, 6,
     {0x8bc04bdf82aa0b82, 0x3558b9abc6e2724d, 0x6751d12e0ca3151b, 0xe06216c906e1e1d5, 0x123940894f22bb62, 0xf15839e2a3d83136}},
    {peri_stream_seed_numpy(a, b, PERI_XSLRR), none, 2, {0x86b1da1d72062b68, 0x1304aa46c9853d39}},
    {s, none, 6, {0xa5c2f45958c644a2, 0xd0903e4c1d97f138, 0x41d5d04452fde70e, 0xd36342dda726e612, 0x91067ada23415da7, 0x54b9d038b7d4aac6}},
    {s, billion, 2, {0xaf6403b8d165952f, 0x383311f1efa39337}},
    {s, two64, 1, {0x3c65e9aaa85e2afb}},
    {x, none, 6, {0x13c49fecdee35f71, 0x4ee9574cc31f57d2, 0x718b9867b2c7ef05, 0xa9b3898995846d5c, 0x48d690c435a20381, 0x03d703b790fccbfd}},
    {tiny, none, 4, {0, 0xfd5d0e8cf80e0ee1, 0x7980b9acbef9ce4a, 0x7eff19acc801c477}},
    {tiny, {0, 1000000}, 1, {0xd7b1bf0fb059d5b5}},
  };
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
    peri_stream t = vectors[i].s;
    peri_stream_advance(&t, vectors[i].skip);
    for (int k = 0; k < vectors[i].n; k++) assert_true(peri_stream_next(&t) == vectors[i].want[k]);
  }
  peri_stream_advance(&s, billion);
  assert_true(s.state.hi == 0x951e0f8deb067456 && s.state.lo == 0x911f366308b8fc05);
}

static void even_increments_are_refused(void **state) {
  peri_ctx *cx = *state;
  peri_stream s = peri_stream_root(1), before = s;
  EXPECT_FAILS(peri_stream_raw(cx, &s, (peri_u128){0, 1}, (peri_u128){1, 2}, PERI_DXSM), PERI_ERR_VALUE,
               "the increment must be odd, got 0x10000000000000002");
  assert_memory_equal(&s, &before, sizeof s);
}

static bool same_position(const peri_stream *a, const peri_stream *b) { return a->state.hi == b->state.hi && a->state.lo == b->state.lo; }

static void jumps_agree_with_stepping(void **state) {
  (void)state;
  uint64_t seed = 1;
  for (int output = 0; output < 2; output++) {
    peri_stream s = peri_stream_seed((peri_u128){3, 4}, (peri_u128){5, 6}, (peri_output)output);
    for (int i = 0; i < 10000; i++) {
      int64_t n = (int64_t)(support_next(&seed) % 300);
      peri_stream a = s, b = s;
      for (int64_t k = 0; k < n; k++) peri_stream_next(&a);
      peri_stream_jump(&b, n);
      assert_true(same_position(&a, &b));
      peri_stream_jump(&b, -n);
      assert_true(same_position(&s, &b));
      int64_t far = (int64_t)support_next(&seed) / 2, near = (int64_t)support_next(&seed) / 2; /* jumps add up */
      peri_stream_jump(&a, far - n);
      peri_stream_jump(&b, far + near);
      peri_stream_jump(&b, -near);
      assert_true(same_position(&a, &b));
      s = b;
    }
  }
}

static void a_jump_of_2_128_less_one_is_a_step_back(void **state) {
  (void)state;
  peri_stream s = peri_stream_root(9), t = s;
  uint64_t first = peri_stream_next(&t);
  peri_stream_advance(&t, (peri_u128){UINT64_MAX, UINT64_MAX});
  assert_true(same_position(&s, &t) && peri_stream_next(&t) == first);
  peri_stream_jump(&t, INT64_MIN);
  peri_stream_advance(&t, (peri_u128){0, 1ull << 63});
  peri_stream_jump(&t, -1);
  assert_true(same_position(&s, &t));
}

static void words_are_the_serial_ones(void **state) {
  peri_ctx *cx = *state;
  uint64_t w[333];
  for (int output = 0; output < 2; output++) {
    peri_stream s = peri_stream_seed((peri_u128){1, 2}, (peri_u128){3, 4}, (peri_output)output), t = s;
    for (int i = 0; i < 9; i++) {
      peri_stream_words(cx, &s, w, 37 * i);
      for (int k = 0; k < 37 * i; k++) assert_true(w[k] == peri_stream_next(&t));
    }
    assert_true(same_position(&s, &t));
  }
}

/* ---- keys ---- */

static void expect_digest(const void *data, size_t n, const char *personal, const char *hex) {
  pri_blake2s b;
  uint8_t d[32];
  char text[65];
  pri_blake2s_start(&b, personal);
  pri_blake2s_add(&b, data, n / 3); /* in pieces */
  pri_blake2s_add(&b, (const char *)data + n / 3, n - n / 3);
  pri_blake2s_end(&b, d);
  for (int i = 0; i < 32; i++) snprintf(text + 2 * i, 3, "%02x", d[i]);
  assert_string_equal(text, hex);
}

static void the_hash_is_blake2s(void **state) {
  (void)state;
  uint8_t bytes[256];
  for (int i = 0; i < 256; i++) bytes[i] = (uint8_t)i;
  expect_digest("abc", 3, NULL, "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982"); /* RFC 7693 */
  expect_digest("", 0, NULL, "69217a3079908094e11121d042354a7c1f55b6482ca1a51e1b250dfd1ed0eef9");
  expect_digest(bytes, 128, NULL, "1fa877de67259d19863a2a34bcc6962a2b25fcbf5cbecd7ede8f1fa36688a796");
  expect_digest(bytes, 256, NULL, "5fdeb59f681d975f52c8e69c5502e02a12a3afcc5836ba58f42784c439228781");
}

/* From another implementation of BLAKE2s, by the layout that stream.c documents. */
static void keys_are_the_documented_hashes(void **state) {
  (void)state;
  peri_stream root = peri_stream_root(42), sub = peri_stream_sub(&root, "replica", 17);
  assert_true(root.key[0] == 0x337203f734bbbf21 && root.key[3] == 0x18a97e3c649aa7d6);
  assert_true(sub.key[0] == 0x0be50d59cdf8a9c8 && sub.key[1] == 0x57527c13eb435145);
  assert_true(sub.state.hi == sub.key[0] && sub.state.lo == sub.key[1] && sub.inc.hi == sub.key[2] && sub.inc.lo == (sub.key[3] | 1));
  assert_true(peri_stream_next(&sub) == 0x190e1643eacff7cf);
  assert_true(peri_stream_next(&sub) == 0xa7e1190beacc6782);
  char name[101];
  memset(name, 'x', 100), name[100] = '\0';
  peri_stream far = peri_stream_sub(&root, name, -1);
  assert_true(far.key[0] == 0x1f82bb81b7c63ec0 && far.key[3] == 0x583ea65aaad76d84);
}

static void substreams_do_not_depend_on_draws(void **state) {
  (void)state;
  peri_stream s = peri_stream_root(5), a = peri_stream_sub(&s, "noise", 0);
  peri_stream_jump(&s, 12345);
  peri_stream b = peri_stream_sub(&s, "noise", 0), c = peri_stream_sub(&s, "noise", 1), d = peri_stream_sub(&s, "noisf", 0);
  assert_memory_equal(&a, &b, sizeof a);
  assert_true(!same_position(&a, &c) && !same_position(&a, &d) && !same_position(&c, &d));
}

/* Correlation of n uniforms of each, as standard errors; and Pearson's test of the pairs in a 16 x 16 grid. */
static void expect_unrelated(peri_ctx *cx, peri_stream a, peri_stream b) {
  enum { N = 4096 };
  static uint64_t x[N], y[N];
  peri_stream_words(cx, &a, x, N), peri_stream_words(cx, &b, y, N);
  double sum = 0, p[256];
  int64_t count[256] = {0}, same_bits = 0;
  for (int i = 0; i < N; i++) {
    sum += ((double)x[i] * 0x1p-64 - 0.5) * ((double)y[i] * 0x1p-64 - 0.5) * 12;
    same_bits += __builtin_popcountll(x[i] ^ y[i]);
    count[(x[i] >> 60) << 4 | y[i] >> 60]++;
  }
  for (int i = 0; i < 256; i++) p[i] = 1.0 / 256;
  assert_true(fabs(sum) / sqrt(N) < 5);
  assert_true(fabs((double)same_bits - 32.0 * N) / sqrt(16.0 * N) < 5);
  assert_true(fabs(stat_pearson(count, p, 256, N)) < 5);
}

static void adjacent_streams_are_unrelated(void **state) {
  peri_ctx *cx = *state;
  peri_stream root = peri_stream_root(0);
  char name[] = "stream a";
  for (int i = 0; i < 200; i++) {
    expect_unrelated(cx, peri_stream_root((uint64_t)i), peri_stream_root((uint64_t)i + 1));
    expect_unrelated(cx, peri_stream_sub(&root, "replica", i), peri_stream_sub(&root, "replica", i + 1));
    name[7] = (char)(' ' + i % 90);
    peri_stream a = peri_stream_sub(&root, name, i);
    name[7]++;
    expect_unrelated(cx, a, peri_stream_sub(&root, name, i));
    expect_unrelated(cx, a, peri_stream_sub(&a, name, i)); /* parent and child */
  }
}

/* Across many neighbours at once: draw k of streams 0 .. n-1 is itself a uniform sample. */
static void first_words_of_many_streams_are_uniform(void **state) {
  (void)state;
  peri_stream root = peri_stream_root(77);
  int64_t count[256] = {0};
  double p[256], serial = 0, last = 0;
  for (int i = 0; i < 256; i++) p[i] = 1.0 / 256;
  for (int i = 0; i < 20000; i++) {
    peri_stream s = peri_stream_sub(&root, "r", i);
    double u = (double)(peri_stream_next(&s) >> 11) * 0x1p-53 - 0.5;
    count[(int)((u + 0.5) * 256)]++;
    serial += 12 * u * last, last = u;
  }
  assert_true(fabs(stat_pearson(count, p, 256, 20000)) < 5);
  assert_true(fabs(serial) / sqrt(20000.0) < 5);
}

/* ---- states ---- */

static void states_round_trip(void **state) {
  peri_ctx *cx = *state;
  char text[PERI_STREAM_TEXT];
  for (int output = 0; output < 2; output++) {
    peri_stream s = peri_stream_seed((peri_u128){1, 2}, (peri_u128){3, 4}, (peri_output)output);
    peri_stream t = peri_stream_seed((peri_u128){0, 0}, (peri_u128){0, 0}, (peri_output)output);
    peri_stream_jump(&s, 1000);
    peri_stream_save(&s, text);
    EXPECT_OK(peri_stream_load(cx, &t, text));
    peri_stream s1 = peri_stream_sub(&s, "x", 1), t1 = peri_stream_sub(&t, "x", 1);
    for (int i = 0; i < 10; i++) assert_true(peri_stream_next(&s) == peri_stream_next(&t) && peri_stream_next(&s1) == peri_stream_next(&t1));
  }
}

static void damaged_states_are_refused(void **state) {
  peri_ctx *cx = *state;
  char text[PERI_STREAM_TEXT], bad[PERI_STREAM_TEXT + 1];
  peri_stream s = peri_stream_root(3), t = peri_stream_root(4), before = t;
  peri_stream_save(&s, text);
  EXPECT_FAILS(peri_stream_load(cx, &t, "garbage"), PERI_ERR_FORMAT, "not the state of a stream: 'garbage'");
  EXPECT_FAILS(peri_stream_load(cx, &t, ""), PERI_ERR_FORMAT, "not the state of a stream");
  size_t length = strlen(text);
  for (size_t i = 0; i < length; i++) { /* cut anywhere */
    memcpy(bad, text, i), bad[i] = '\0';
    EXPECT_FAILS(peri_stream_load(cx, &t, bad), PERI_ERR_FORMAT, "random.state");
  }
  for (size_t i = 0; i < length; i++) { /* change any character */
    memcpy(bad, text, length + 1);
    bad[i] = bad[i] == '0' ? '1' : '0';
    EXPECT_FAILS(peri_stream_load(cx, &t, bad), PERI_ERR_FORMAT, "random.state");
  }
  snprintf(bad, sizeof bad, "%s ", text); /* or append */
  EXPECT_FAILS(peri_stream_load(cx, &t, bad), PERI_ERR_FORMAT, "truncated or not well formed");
  peri_stream other = peri_stream_seed((peri_u128){1, 2}, (peri_u128){3, 4}, PERI_XSLRR);
  peri_stream_save(&other, bad);
  EXPECT_FAILS(peri_stream_load(cx, &t, bad), PERI_ERR_FORMAT, "output 'xslrr', this one has 'dxsm'");
  s.inc.lo ^= 1; /* even, under a right checksum */
  peri_stream_save(&s, bad);
  EXPECT_FAILS(peri_stream_load(cx, &t, bad), PERI_ERR_FORMAT, "increment must be odd");
  assert_memory_equal(&t, &before, sizeof t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    TEST(outputs_are_the_published_ones), TEST(even_increments_are_refused), TEST(jumps_agree_with_stepping),
    TEST(a_jump_of_2_128_less_one_is_a_step_back), TEST(words_are_the_serial_ones), TEST(the_hash_is_blake2s),
    TEST(keys_are_the_documented_hashes), TEST(substreams_do_not_depend_on_draws), TEST(adjacent_streams_are_unrelated),
    TEST(first_words_of_many_streams_are_uniform), TEST(states_round_trip), TEST(damaged_states_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
