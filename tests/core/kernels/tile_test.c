/* tile_test.c - tiles of products against one number at a time: a chain of fused multiply-adds, to the bit, in every build. */
#include "variants.h"

static const pri_kernels *tables[VARIANTS];
static int ntables;

#define CHAINS(T, t, FMA)                                                                                               \
  static void chains_##t(const pri_tile *tile, int64_t depth) {                                                         \
    uint64_t seed = 11;                                                                                                 \
    T *a = bytes((size_t)(tile->rows * depth) * sizeof(T)), *b = bytes((size_t)(tile->cols * depth) * sizeof(T));       \
    T c[PRI_TILE_MOST];                                                                                                 \
    assert_true(tile->rows * tile->cols <= PRI_TILE_MOST);                                                              \
    for (int64_t i = 0; i < tile->rows * depth; i++) a[i] = (T)(next_unit(&seed) - 0.5);                                \
    for (int64_t i = 0; i < tile->cols * depth; i++) b[i] = (T)(next_unit(&seed) - 0.5);                                \
    for (int used = 1; used <= tile->rows; used++) {                                                                    \
      memset(c, 0x7f, sizeof c);                                                                                        \
      tile->run(c, a, b, used, depth);                                                                                  \
      for (int i = 0; i < used; i++)                                                                                    \
        for (int j = 0; j < tile->cols; j++) {                                                                          \
          T want = 0;                                                                                                   \
          for (int64_t k = 0; k < depth; k++) want = FMA(a[k * tile->rows + i], b[k * tile->cols + j], want);           \
          assert_memory_equal(&want, &c[i * tile->cols + j], sizeof want);                                              \
        }                                                                                                               \
    }                                                                                                                   \
    free(a);                                                                                                            \
    free(b);                                                                                                            \
  }
CHAINS(float, f32, fmaf)
CHAINS(double, f64, fma)

static void tiles_are_chains_of_fused_multiply_adds(void **state) {
  (void)state;
  for (int v = 0; v < ntables; v++)
    for (int64_t depth = 0; depth < 40; depth += 13) {
      chains_f32(tables[v]->tile[PERI_F32], depth);
      chains_f64(tables[v]->tile[PERI_F64], depth);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(tiles_are_chains_of_fused_multiply_adds)};
  ntables = variants(tables);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
