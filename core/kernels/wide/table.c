/* table.c - the constant table of one instruction set: exactly the rows of rows.h, the casts, the reductions, the draws. */
#include "kernels/wide/rows.h"
#include "kernels/wide/wide.h"

#define DECLARE1_F64(name) pri_map1 PRI_WIDE(name##_f64);
#define DECLARE1_F32(name) pri_map1 PRI_WIDE(name##_f32);
#define DECLARE1_I64(name) pri_map1 PRI_WIDE(name##_i64);
#define DECLARE1_BOOL(name) pri_map1 PRI_WIDE(name##_bool);
#define DECLARE1_C128(name) pri_map1 PRI_WIDE(name##_c128);
PRI_ROWS1_FLOAT(DECLARE1_F64)
PRI_ROWS1_FLOAT(DECLARE1_F32)
PRI_ROWS1_I64(DECLARE1_I64)
PRI_ROWS1_BOOL(DECLARE1_BOOL)
PRI_ROWS1_C128(DECLARE1_C128)

#define DECLARE2_F64(name) pri_map2 PRI_WIDE(name##_f64);
#define DECLARE2_F32(name) pri_map2 PRI_WIDE(name##_f32);
#define DECLARE2_I64(name) pri_map2 PRI_WIDE(name##_i64);
#define DECLARE2_BOOL(name) pri_map2 PRI_WIDE(name##_bool);
#define DECLARE2_C128(name) pri_map2 PRI_WIDE(name##_c128);
PRI_ROWS2_FLOAT(DECLARE2_F64)
PRI_ROWS2_FLOAT(DECLARE2_F32)
PRI_ROWS2_I64(DECLARE2_I64)
PRI_ROWS2_BOOL(DECLARE2_BOOL)
PRI_ROWS2_C128(DECLARE2_C128)
DECLARE2_F64(complex)

#define DECLARE3_F64(name) pri_map3 PRI_WIDE(name##_f64);
#define DECLARE3_F32(name) pri_map3 PRI_WIDE(name##_f32);
#define DECLARE3_I64(name) pri_map3 PRI_WIDE(name##_i64);
PRI_ROWS3_FLOAT(DECLARE3_F64)
PRI_ROWS3_FLOAT(DECLARE3_F32)
PRI_ROWS3_I64(DECLARE3_I64)
pri_map3 PRI_WIDE(where_bool), PRI_WIDE(where_c128);

#define CASTS(X, to) X(to##_bool) X(to##_i64) X(to##_f32) X(to##_f64) X(to##_c128)
#define DECLARE_CAST(name) pri_map1 PRI_WIDE(cast_##name);
CASTS(DECLARE_CAST, bool)
CASTS(DECLARE_CAST, i64)
CASTS(DECLARE_CAST, f32)
CASTS(DECLARE_CAST, f64)
CASTS(DECLARE_CAST, c128)

/* sums.c */
double PRI_WIDE(sum_f64)(const double *x, int64_t n);
double PRI_WIDE(sum_f32)(const float *x, int64_t n);
int64_t PRI_WIDE(sum_i64)(const int64_t *x, int64_t n);
int64_t PRI_WIDE(sum_bool)(const uint8_t *x, int64_t n);
void PRI_WIDE(sum_c128)(double r[2], const double *x, int64_t n);
double PRI_WIDE(sumsq_f64)(const double *x, int64_t n);
double PRI_WIDE(sumsq_f32)(const float *x, int64_t n);
double PRI_WIDE(sumabs_f64)(const double *x, int64_t n);
double PRI_WIDE(dot_f64)(const double *x, const double *y, int64_t n);
double PRI_WIDE(dot_f32)(const float *x, const float *y, int64_t n);
pri_moments PRI_WIDE(moments_f64)(const double *x, int64_t n);
pri_moments PRI_WIDE(moments_f32)(const float *x, int64_t n);
double PRI_WIDE(min_f64)(const double *x, int64_t n);
double PRI_WIDE(max_f64)(const double *x, int64_t n);
float PRI_WIDE(min_f32)(const float *x, int64_t n);
float PRI_WIDE(max_f32)(const float *x, int64_t n);
int64_t PRI_WIDE(min_i64)(const int64_t *x, int64_t n);
int64_t PRI_WIDE(max_i64)(const int64_t *x, int64_t n);
void PRI_WIDE(axpy_f64)(double *r, double a, const double *x, int64_t n);
void PRI_WIDE(add4_f64)(double *r, const double *a, const double *b, const double *c, const double *d, int64_t n);

/* tile.c */
extern const pri_tile PRI_WIDE(tile_f32), PRI_WIDE(tile_f64);

/* norm.c */
extern const pri_norm_maps PRI_WIDE(norm_f32), PRI_WIDE(norm_f64);

/* optim.c */
#define DECLARE_STEP(name) pri_step PRI_WIDE(step_##name##_f32), PRI_WIDE(step_##name##_f64);
PRI_STEP_LIST(DECLARE_STEP)

#define ENTRY1_F64(name) [PRI_MAP1_##name][PERI_F64] = PRI_WIDE(name##_f64),
#define ENTRY1_F32(name) [PRI_MAP1_##name][PERI_F32] = PRI_WIDE(name##_f32),
#define ENTRY1_I64(name) [PRI_MAP1_##name][PERI_I64] = PRI_WIDE(name##_i64),
#define ENTRY1_BOOL(name) [PRI_MAP1_##name][PERI_BOOL] = PRI_WIDE(name##_bool),
#define ENTRY1_C128(name) [PRI_MAP1_##name][PERI_C128] = PRI_WIDE(name##_c128),
#define ENTRY2_F64(name) [PRI_MAP2_##name][PERI_F64] = PRI_WIDE(name##_f64),
#define ENTRY2_F32(name) [PRI_MAP2_##name][PERI_F32] = PRI_WIDE(name##_f32),
#define ENTRY2_I64(name) [PRI_MAP2_##name][PERI_I64] = PRI_WIDE(name##_i64),
#define ENTRY2_BOOL(name) [PRI_MAP2_##name][PERI_BOOL] = PRI_WIDE(name##_bool),
#define ENTRY2_C128(name) [PRI_MAP2_##name][PERI_C128] = PRI_WIDE(name##_c128),
#define ENTRY3_F64(name) [PRI_MAP3_##name][PERI_F64] = PRI_WIDE(name##_f64),
#define ENTRY3_F32(name) [PRI_MAP3_##name][PERI_F32] = PRI_WIDE(name##_f32),
#define ENTRY3_I64(name) [PRI_MAP3_##name][PERI_I64] = PRI_WIDE(name##_i64),
#define ENTRY_STEP(name) [PRI_STEP_##name] = {[PERI_F32] = PRI_WIDE(step_##name##_f32), [PERI_F64] = PRI_WIDE(step_##name##_f64)},
#define ENTRY_CAST(name) PRI_WIDE(cast_##name),
#define ENTRY(name) .name = PRI_WIDE(name),
#define TEXT2(x) #x
#define TEXT(x) TEXT2(x)

extern const pri_kernels PRI_WIDE(kernels);
const pri_kernels PRI_WIDE(kernels) = {
  .isa = TEXT(PRI_ISA),
  .map1 = {PRI_ROWS1_FLOAT(ENTRY1_F64) PRI_ROWS1_FLOAT(ENTRY1_F32) PRI_ROWS1_I64(ENTRY1_I64) PRI_ROWS1_BOOL(ENTRY1_BOOL)
           PRI_ROWS1_C128(ENTRY1_C128)},
  .map2 = {PRI_ROWS2_FLOAT(ENTRY2_F64) PRI_ROWS2_FLOAT(ENTRY2_F32) PRI_ROWS2_I64(ENTRY2_I64) PRI_ROWS2_BOOL(ENTRY2_BOOL)
           PRI_ROWS2_C128(ENTRY2_C128) ENTRY2_F64(complex)},
  .map3 = {PRI_ROWS3_FLOAT(ENTRY3_F64) PRI_ROWS3_FLOAT(ENTRY3_F32) PRI_ROWS3_I64(ENTRY3_I64)
           [PRI_MAP3_where][PERI_BOOL] = PRI_WIDE(where_bool), [PRI_MAP3_where][PERI_C128] = PRI_WIDE(where_c128)},
  .cast = {{CASTS(ENTRY_CAST, bool)}, {CASTS(ENTRY_CAST, i64)}, {CASTS(ENTRY_CAST, f32)}, {CASTS(ENTRY_CAST, f64)},
           {CASTS(ENTRY_CAST, c128)}},
  ENTRY(sum_f64) ENTRY(sum_f32) ENTRY(sum_i64) ENTRY(sum_bool) ENTRY(sum_c128) ENTRY(sumsq_f64) ENTRY(sumsq_f32)
  ENTRY(sumabs_f64) ENTRY(dot_f64) ENTRY(dot_f32) ENTRY(moments_f64) ENTRY(moments_f32) ENTRY(min_f64) ENTRY(max_f64)
  ENTRY(min_f32) ENTRY(max_f32) ENTRY(min_i64) ENTRY(max_i64) ENTRY(axpy_f64) ENTRY(add4_f64)
  .step = {PRI_STEP_LIST(ENTRY_STEP)},
  .tile = {[PERI_F32] = &PRI_WIDE(tile_f32), [PERI_F64] = &PRI_WIDE(tile_f64)},
  .norm = {[PERI_F32] = &PRI_WIDE(norm_f32), [PERI_F64] = &PRI_WIDE(norm_f64)},
  ENTRY(pcg_dxsm) ENTRY(pcg_xslrr) ENTRY(uniform) ENTRY(normal) ENTRY(exponential) ENTRY(laplace) ENTRY(stable)
};
