/* fgn_test.c - fractional noise: the covariance against an integral, paths against L z, continuation, columns, streams, bad requests. */
#include <perigee/process.h>
#include "../random/statistics.h"

static const double exponents[] = {1e-6, 0.05, 0.25, 0.499999, 0.500001, 0.75, 0.95, 0.999999};
enum { EXPONENTS = sizeof exponents / sizeof *exponents };

/* gamma(k) = H (2H-1) times the integral of (1 - |u|) (k + u)^(2H-2) over (-1, 1), k >= 2: nothing cancels. Gauss and Legendre. */
static long double gamma_by_integral(long double H, long double k) {
  enum { N = 40 };
  long double sum = 0;
  for (int i = 0; i < N; i++) {
    long double x = cosl(3.14159265358979323846L * (i + 0.75L) / (N + 0.5L)), slope = 0;
    for (int turn = 0; turn < 8; turn++) {
      long double p = 1, q = 0;
      for (int j = 1; j <= N; j++) {
        long double r = ((2 * j - 1) * x * p - (j - 1) * q) / j;
        q = p, p = r;
      }
      slope = N * (x * p - q) / (x * x - 1);
      x -= p / slope;
    }
    long double u = (1 + x) / 2, w = 1 / ((1 - x * x) * slope * slope);
    sum += w * (1 - u) * (powl(k + u, 2 * H - 2) + powl(k - u, 2 * H - 2));
  }
  return H * (2 * H - 1) * sum;
}

static void covariance_has_all_its_digits(void **state) {
  peri_ctx *cx = *state;
  enum { LAGS = 100001 };
  static const int lags[] = {2, 3, 4, 5, 7, 15, 63, 64, 65, 127, 300, 1000, 4095, 65536, 99999, 100000};
  for (int e = 0; e < EXPONENTS; e++) {
    double H = exponents[e];
    peri_tensor *g = MADE(peri_fgn_covariance(cx, H, LAGS));
    const double *v = g->data;
    assert_true(v[0] == 1);
    NEAR(v[1], (double)(exp2l(2 * (long double)H - 1) - 1), 2e-16 * fabs(v[1]) + 1e-17);
    for (size_t i = 0; i < sizeof lags / sizeof *lags; i++) {
      double want = (double)gamma_by_integral(H, lags[i]);
      NEAR(v[lags[i]], want, 8e-15 * fabs(want));
    }
    peri_release(g);
  }
  EXPECT_FAILS(peri_fgn_covariance(cx, 1, 3), PERI_ERR_VALUE, "process.fgn_covariance: H must lie in (0, 1), got 1");
}

static peri_fractional law(double H, peri_fgn_method method) {
  peri_fractional f = peri_fractional_of(H);
  f.method = method;
  return f;
}

/* Cholesky and Hosking are the same linear map of the same normals: L z, with L L^T = Toeplitz(gamma), here in long double. */
static void paths_are_the_factor_times_normals(void **state) {
  peri_ctx *cx = *state;
  enum { N = 60 };
  for (int e = 0; e < EXPONENTS; e++) {
    if (exponents[e] > 0.99) continue; /* the matrix is near singular there */
    long double L[N][N] = {{0}};
    double z[N];
    peri_tensor *g = MADE(peri_fgn_covariance(cx, exponents[e], N));
    for (int i = 0; i < N; i++)
      for (int j = 0; j <= i; j++) {
        long double s = ((double *)g->data)[i - j];
        for (int k = 0; k < j; k++) s -= L[i][k] * L[j][k];
        L[i][j] = i == j ? sqrtl(s) : s / L[j][j];
      }
    peri_stream s = peri_stream_root(3), a = s, b = s;
    for (int i = 0; i < N; i++) EXPECT_OK(peri_draw(cx, &s, peri_normal(0, 1), &z[i]));
    peri_fractional c = law(exponents[e], PERI_FGN_CHOLESKY), h = law(exponents[e], PERI_FGN_HOSKING);
    peri_tensor *p = MADE(peri_fgn(cx, 1, (int64_t[]){N}, &c, &a)), *q = MADE(peri_fgn(cx, 1, (int64_t[]){N}, &h, &b));
    for (int i = 0; i < N; i++) {
      long double x = 0;
      for (int j = 0; j <= i; j++) x += L[i][j] * z[j];
      NEAR(((double *)p->data)[i], (double)x, 1e-12);
      NEAR(((double *)q->data)[i], (double)x, 1e-12);
    }
    assert_memory_equal(&a, &s, sizeof s);
    assert_memory_equal(&b, &s, sizeof s);
    peri_release(g), peri_release(p), peri_release(q);
  }
}

/* Scaled noise, cut anywhere and continued from the past, is the noise in one piece. */
static void a_past_is_continued(void **state) {
  peri_ctx *cx = *state;
  enum { N = 80, CUT = 33 };
  peri_fractional f = law(0.85, PERI_FGN_HOSKING);
  f.scale = 3, f.dt = 0.01;
  peri_stream s = peri_stream_root(4), t = s;
  peri_tensor *whole = MADE(peri_fgn(cx, 1, (int64_t[]){N}, &f, &s)), *head = MADE(peri_fgn(cx, 1, (int64_t[]){CUT}, &f, &t));
  peri_fractional more = f;
  more.past = head;
  peri_tensor *tail = MADE(peri_fgn(cx, 1, (int64_t[]){N - CUT}, &more, &t));
  for (int i = 0; i < N; i++) NEAR(((double *)(i < CUT ? head : tail)->data)[i < CUT ? i : i - CUT], ((double *)whole->data)[i], 1e-13);
  assert_memory_equal(&s, &t, sizeof s);
  peri_tensor *wrong = MADE(peri_zeros(cx, PERI_F64, 2, (int64_t[]){5, 3}));
  more.past = wrong;
  EXPECT_FAILS(peri_fgn(cx, 2, (int64_t[]){4, 2}, &more, &t), PERI_ERR_SHAPE, "process.fgn: the past must hold the steps so far of 2 paths, got shape (5, 3)");
  EXPECT_FAILS(peri_fbm(cx, 2, (int64_t[]){4, 3}, &more, &t), PERI_ERR_VALUE, "a past is continued by process.fgn");
  peri_release(whole), peri_release(head), peri_release(tail), peri_release(wrong);
}

/* Second moments over independent paths, all lags of a vector of 24 from 20000 paths: standard errors from the exact fourth moments. */
static void noise_has_its_covariance(void **state) {
  peri_ctx *cx = *state;
  enum { N = 24, PATHS = 20000 };
  static const double H[] = {0.2, 0.5, 0.75};
  for (int e = 0; e < 3; e++) {
    peri_fractional f = law(H[e], PERI_FGN_AUTO);
    peri_stream s = peri_stream_root(5);
    peri_tensor *x = MADE(peri_fgn(cx, 2, (int64_t[]){N, PATHS}, &f, &s)), *g = MADE(peri_fgn_covariance(cx, H[e], N));
    for (int i = 0; i < N; i++)
      for (int j = 0; j <= i; j++) {
        const double *a = (double *)x->data + i * PATHS, *b = (double *)x->data + j * PATHS, c = ((double *)g->data)[i - j];
        double sum = 0;
        for (int p = 0; p < PATHS; p++) sum += a[p] * b[p];
        NEAR(sum / PATHS, c, 5 * sqrt((1 + c * c) / PATHS));
      }
    peri_release(x), peri_release(g);
  }
}

/* Variances of sums over long paths, which all lags enter, near both ends of H too; 5 standard errors. */
static void long_paths_have_the_variance_of_motion(void **state) {
  peri_ctx *cx = *state;
  enum { N = 1000, PATHS = 2000 };
  static const double H[] = {0.01, 0.2, 0.6, 0.9, 0.99};
  for (int e = 0; e < 5; e++) {
    peri_fractional f = law(H[e], PERI_FGN_CIRCULANT);
    peri_stream s = peri_stream_root(15);
    peri_tensor *x = MADE(peri_fbm(cx, 2, (int64_t[]){N + 1, PATHS}, &f, &s));
    for (int row = N / 10; row <= N; row += N * 3 / 10) {
      double sum = 0;
      for (int p = 0; p < PATHS; p++) sum += pow(((double *)x->data)[row * PATHS + p], 2);
      NEAR(sum / PATHS / pow(row, 2 * H[e]), 1, 5 * sqrt(2.0 / PATHS));
    }
    peri_release(x);
  }
}

/* The kept spectrum changes no bit, whoever asked before, and is given back. */
static void spectra_are_kept_and_dropped(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *first[8];
  for (int turn = 0; turn < 3; turn++) {
    for (int i = 0; i < 8; i++) {
      peri_fractional f = law(0.1 + 0.1 * i, PERI_FGN_CIRCULANT);
      peri_stream s = peri_stream_root(16);
      peri_tensor *x = MADE(peri_fgn(cx, 1, (int64_t[]){200 + i}, &f, &s));
      if (turn == 0) first[i] = x;
      else {
        SAME_BITS(first[i], x);
        peri_release(x);
      }
    }
    peri_set_memory_limit(cx, turn == 1 ? 1 << 20 : 0); /* what is cached goes */
  }
  for (int i = 0; i < 8; i++) peri_release(first[i]);
}

/* Path j of a block is that of stream j alone, however many rows, threads and coordinates there are; row 3 of 21 with 5 coordinates. */
static void columns_are_their_streams(void **state) {
  peri_ctx *cx = *state;
  enum { N = 37, ROWS = 21, D = 5 };
  static const double H[] = {0.3, 0.5};
  for (int e = 0; e < 2; e++) {
    peri_stream root = peri_stream_root(6);
    peri_fractional f = law(H[e], PERI_FGN_AUTO);
    peri_block *b = peri_block_new(cx, &root, "noise", 0, ROWS), *again = peri_block_new(cx, &root, "noise", 0, ROWS);
    peri_tensor *x = MADE(peri_fgn_block(b, 2, (int64_t[]){N, D}, &f));
    assert_true(x->ndim == 3 && x->dims[0] == N && x->dims[1] == ROWS && x->dims[2] == D);
    peri_set_threads(cx, 3);
    peri_tensor *y = MADE(peri_fgn_block(again, 2, (int64_t[]){N, D}, &f));
    SAME_BITS(x, y);
    peri_set_threads(cx, 1);
    for (int r = 0; r < ROWS; r++) {
      peri_stream s = peri_stream_sub(&root, "noise", r);
      for (int c = 0; c < D; c++) {
        peri_tensor *one = MADE(peri_fgn(cx, 1, (int64_t[]){N}, &f, &s));
        for (int k = 0; k < N; k++) assert_true(((double *)one->data)[k] == ((double *)x->data)[(k * ROWS + r) * D + c]);
        peri_release(one);
      }
      peri_stream now = peri_block_stream(b, r);
      assert_memory_equal(&now, &s, sizeof s);
    }
    peri_release(x), peri_release(y);
    peri_block_free(b), peri_block_free(again);
  }
}

/* B_0 = 0, then sums; in steps of dt; at those times by the other method; rounded to f32. */
static void motion_is_the_sum_of_noise(void **state) {
  peri_ctx *cx = *state;
  enum { N = 50, PATHS = 9 };
  peri_fractional f = law(0.7, PERI_FGN_CHOLESKY);
  f.scale = 2, f.dt = 0.25;
  peri_stream s = peri_stream_root(7), t = s, u = s, v = s;
  peri_tensor *g = MADE(peri_fgn(cx, 2, (int64_t[]){N, PATHS}, &f, &s)), *B = MADE(peri_fbm(cx, 2, (int64_t[]){N + 1, PATHS}, &f, &t));
  peri_fractional at = f, single = f;
  double times[N + 1];
  for (int i = 0; i <= N; i++) times[i] = 0.25 * i;
  at.dt = 1, at.method = PERI_FGN_AUTO, single.dtype = PERI_F32;
  at.times = MADE(peri_from(cx, PERI_F64, 1, (int64_t[]){N + 1}, times));
  peri_tensor *C = MADE(peri_fbm(cx, 2, (int64_t[]){N + 1, PATHS}, &at, &u)), *F = MADE(peri_fbm(cx, 2, (int64_t[]){N + 1, PATHS}, &single, &v));
  for (int j = 0; j < PATHS; j++) {
    double sum = 0;
    for (int i = 0; i <= N; i++) {
      double b = ((double *)B->data)[i * PATHS + j];
      NEAR(b, sum, 1e-13);
      NEAR(((double *)C->data)[i * PATHS + j], b, 1e-11);
      assert_true(((float *)F->data)[i * PATHS + j] == (float)b);
      if (i < N) sum += ((double *)g->data)[i * PATHS + j];
    }
  }
  peri_release(g), peri_release(B), peri_release(C), peri_release(F), peri_release(at.times);
}

/* Var B_t and Cov at irregular times, exactly: covariances of 20000 paths at times over three decades. */
static void irregular_times_have_their_covariance(void **state) {
  peri_ctx *cx = *state;
  enum { N = 5, PATHS = 20000 };
  static const double times[N] = {0.01, 0.02, 0.3, 7, 7.5}, H = 0.3;
  peri_fractional f = peri_fractional_of(H);
  f.times = MADE(peri_from(cx, PERI_F64, 1, (int64_t[]){N}, times));
  peri_stream s = peri_stream_root(8);
  peri_tensor *B = MADE(peri_fbm(cx, 2, (int64_t[]){N, PATHS}, &f, &s));
  for (int i = 0; i < N; i++)
    for (int j = 0; j <= i; j++) {
      double sum = 0, a = pow(times[i], 2 * H), b = pow(times[j], 2 * H), c = (a + b - pow(times[i] - times[j], 2 * H)) / 2;
      for (int p = 0; p < PATHS; p++) sum += ((double *)B->data)[i * PATHS + p] * ((double *)B->data)[j * PATHS + p];
      NEAR(sum / PATHS, c, 5 * sqrt((a * b + c * c) / PATHS));
    }
  peri_tensor *bad = MADE(peri_from(cx, PERI_F64, 1, (int64_t[]){3}, (double[]){1, 3, 2}));
  peri_release(B), peri_release(f.times);
  f.times = bad;
  EXPECT_FAILS(peri_fbm(cx, 1, (int64_t[]){3}, &f, &s), PERI_ERR_VALUE, "process.fbm: times must increase from 0 or later, got 2 at place 3");
  EXPECT_FAILS(peri_fbm(cx, 1, (int64_t[]){4}, &f, &s), PERI_ERR_SHAPE, "times must be a vector of 4");
  peri_release(bad);
}

/* ---- step by step ---- */

static void modes_reach_to_their_horizon(void **state) {
  peri_ctx *cx = *state;
  static const double H[] = {0.02, 0.05, 0.1, 0.25, 0.4, 0.49, 0.51, 0.6, 0.75, 0.9, 0.95, 0.98};
  for (size_t e = 0; e < sizeof H / sizeof *H; e++)
    for (int64_t horizon = 1000; horizon <= 1000000000; horizon *= 1000) {
      peri_fractional f = peri_fractional_of(H[e]);
      peri_stream s = peri_stream_root(1);
      peri_fgn_stream *n = peri_fgn_stream_new(cx, 0, NULL, &f, horizon, &s);
      assert_non_null(n);
      assert_true(peri_fgn_stream_modes(n) <= 40 && peri_fgn_stream_variance(n, 0) == 0);
      for (double t = 1; t <= (double)horizon; t = ceil(1.3 * t)) NEAR(peri_fgn_stream_variance(n, t) / pow(t, 2 * H[e]), 1, 1.2e-3);
      peri_fgn_stream_free(n);
    }
}

/* Sums of k steps have the variance that the stream says, at both kinds of modes, several lengths, 4096 coordinates. */
static void steps_have_the_stated_variance(void **state) {
  peri_ctx *cx = *state;
  enum { D = 20000 };
  static const double H[] = {0.1, 0.35, 0.5, 0.65, 0.9};
  static double sum[D];
  for (int e = 0; e < 5; e++) {
    peri_fractional f = peri_fractional_of(H[e]);
    f.scale = 0.5, f.dt = 0.1;
    peri_stream s = peri_stream_root(9);
    peri_fgn_stream *n = peri_fgn_stream_new(cx, 1, (int64_t[]){D}, &f, 1000000, &s);
    peri_tensor *x = MADE(peri_zeros(cx, PERI_F64, 1, (int64_t[]){D}));
    memset(sum, 0, sizeof sum);
    for (int k = 1; k <= 64; k++) {
      double moment = 0, v = peri_fgn_stream_variance(n, k);
      EXPECT_OK(peri_fgn_stream_step(n, x));
      for (int i = 0; i < D; i++) sum[i] += ((double *)x->data)[i], moment += sum[i] * sum[i];
      if ((k & (k - 1)) == 0) NEAR(moment / D / v, 1, 5 * sqrt(2.0 / D));
      NEAR(v / (0.25 * pow(0.1 * k, 2 * H[e])), 1, 1.2e-3);
    }
    assert_true(peri_fgn_stream_count(n) == 64);
    peri_release(x);
    peri_fgn_stream_free(n);
  }
}

/* The history makes the path that fgn makes from the same normals, and stops at its horizon. */
static void a_history_is_exact(void **state) {
  peri_ctx *cx = *state;
  enum { N = 50 };
  peri_fractional f = law(0.8, PERI_FGN_HOSKING);
  peri_stream parent = peri_stream_root(10), copy = parent, own;
  peri_fgn_stream *n = peri_fgn_stream_new(cx, 0, NULL, &f, N, &parent);
  own = peri_stream_sub(&copy, "fgn_stream", (int64_t)peri_stream_next(&copy));
  assert_memory_equal(&parent, &copy, sizeof copy);
  peri_tensor *path = MADE(peri_fgn(cx, 1, (int64_t[]){N}, &f, &own)), *x = MADE(peri_zeros(cx, PERI_F64, 0, NULL));
  for (int k = 0; k < N; k++) {
    EXPECT_OK(peri_fgn_stream_step(n, x));
    NEAR(*(double *)x->data, ((double *)path->data)[k], 1e-13);
  }
  EXPECT_FAILS(peri_fgn_stream_step(n, x), PERI_ERR_STATE, "process.fgn_stream: the history is full after 50 steps");
  peri_release(path), peri_release(x);
  peri_fgn_stream_free(n);
}

/* Row r of a block makes what a stream of its own makes; more coordinates than a chunk. */
static void rows_are_their_streams(void **state) {
  peri_ctx *cx = *state;
  enum { ROWS = 3, D = 700 };
  for (int kind = 0; kind < 3; kind++) {
    peri_fractional f = law(kind == 1 ? 0.3 : 0.7, kind == 2 ? PERI_FGN_HOSKING : PERI_FGN_AUTO);
    peri_stream root = peri_stream_root(11);
    peri_block *b = peri_block_new(cx, &root, "r", 0, ROWS);
    peri_fgn_stream *all = peri_fgn_stream_block(b, 1, (int64_t[]){D}, &f, 100), *one[ROWS];
    peri_tensor *x = MADE(peri_zeros(cx, PERI_F64, 2, (int64_t[]){ROWS, D})), *y = MADE(peri_zeros(cx, PERI_F64, 1, (int64_t[]){D}));
    for (int r = 0; r < ROWS; r++) {
      peri_stream s = peri_stream_sub(&root, "r", r);
      one[r] = peri_fgn_stream_new(cx, 1, (int64_t[]){D}, &f, 100, &s);
    }
    for (int k = 0; k < 5; k++) {
      EXPECT_OK(peri_fgn_stream_step(all, x));
      for (int r = 0; r < ROWS; r++) {
        EXPECT_OK(peri_fgn_stream_step(one[r], y));
        assert_memory_equal(y->data, (double *)x->data + r * D, D * sizeof(double));
      }
    }
    for (int r = 0; r < ROWS; r++) peri_fgn_stream_free(one[r]);
    peri_fgn_stream_free(all);
    peri_release(x), peri_release(y);
    peri_block_free(b);
  }
}

static void states_resume_and_damage_is_refused(void **state) {
  peri_ctx *cx = *state;
  enum { D = 7 };
  static char text[1 << 16];
  for (int kind = 0; kind < 4; kind++) {
    peri_fractional f = law(kind == 0 ? 0.3 : kind == 1 ? 0.5 : 0.7, kind == 3 ? PERI_FGN_HOSKING : PERI_FGN_AUTO);
    for (int at = 0; at < 12; at += 5) {
      peri_stream s = peri_stream_root(12);
      peri_fgn_stream *a = peri_fgn_stream_new(cx, 1, (int64_t[]){D}, &f, 40, &s), *b = peri_fgn_stream_new(cx, 1, (int64_t[]){D}, &f, 40, &s);
      peri_tensor *x = MADE(peri_zeros(cx, PERI_F64, 1, (int64_t[]){D})), *y = MADE(peri_zeros(cx, PERI_F64, 1, (int64_t[]){D}));
      for (int k = 0; k < at; k++) EXPECT_OK(peri_fgn_stream_step(a, x));
      size_t size = peri_fgn_stream_state_size(a);
      assert_true(size <= sizeof text);
      peri_fgn_stream_save(a, text);
      EXPECT_OK(peri_fgn_stream_step(b, y));
      for (size_t i = 0; i < size; i += 97) {
        text[i] = (char)(text[i] ^ 4);
        EXPECT_FAILS(peri_fgn_stream_load(b, text, size), PERI_ERR_FORMAT, "process.fgn_stream: ");
        text[i] = (char)(text[i] ^ 4);
        EXPECT_FAILS(peri_fgn_stream_load(b, text, i), PERI_ERR_FORMAT, "process.fgn_stream: ");
      }
      assert_true(peri_fgn_stream_count(b) == 1);
      EXPECT_OK(peri_fgn_stream_load(b, text, size));
      assert_true(peri_fgn_stream_count(b) == at);
      for (int k = 0; k < 20; k++) {
        EXPECT_OK(peri_fgn_stream_step(a, x));
        EXPECT_OK(peri_fgn_stream_step(b, y));
        SAME_BITS(x, y);
      }
      peri_release(x), peri_release(y);
      peri_fgn_stream_free(a), peri_fgn_stream_free(b);
    }
  }
}

/* ---- requests ---- */

static void bad_requests_are_named(void **state) {
  peri_ctx *cx = *state;
  peri_stream s = peri_stream_root(1), before = s;
  static const double bad[] = {0, 1, 1.5, -0.1, NAN};
  const int64_t n = 4;
  for (int i = 0; i < 5; i++) {
    peri_fractional f = peri_fractional_of(bad[i]);
    EXPECT_FAILS(peri_fgn(cx, 1, &n, &f, &s), PERI_ERR_VALUE, "process.fgn: H must lie in (0, 1), got ");
    EXPECT_FAILS(peri_fgn_stream_new(cx, 1, &n, &f, 10, &s), PERI_ERR_VALUE, "process.fgn_stream: H must lie in (0, 1), got ");
  }
  peri_fractional f = peri_fractional_of(0.3), g = f;
  g.scale = -2;
  EXPECT_FAILS(peri_fbm(cx, 1, &n, &g, &s), PERI_ERR_VALUE, "process.fbm: scale must be finite and not negative, got -2");
  g = f, g.dt = 0;
  EXPECT_FAILS(peri_fgn(cx, 1, &n, &g, &s), PERI_ERR_VALUE, "dt must be positive and finite, got 0");
  EXPECT_FAILS(peri_fgn(cx, 1, (int64_t[]){-3}, &f, &s), PERI_ERR_VALUE, "the number of steps must not be negative, got -3");
  EXPECT_FAILS(peri_fgn(cx, 1, (int64_t[]){(int64_t)1 << 41}, &f, &s), PERI_ERR_VALUE, "process.fgn_stream");
  EXPECT_FAILS(peri_fgn(cx, 2, (int64_t[]){1 << 20, 4}, &(peri_fractional){.H = 0.3, .dt = 1, .scale = 1, .method = PERI_FGN_CHOLESKY, .dtype = PERI_F64}, &s), PERI_ERR_VALUE,
               "too large, at most 16384");
  peri_set_memory_limit(cx, 64 << 20);
  EXPECT_FAILS(peri_fgn(cx, 2, (int64_t[]){1 << 20, 100}, &f, &s), PERI_ERR_MEMORY, "1048576 steps of 100 paths need 839 MB with 67");
  EXPECT_FAILS(peri_fgn(cx, 2, (int64_t[]){1 << 20, 100}, &f, &s), PERI_ERR_MEMORY, "process.fgn_stream makes the noise step by step");
  assert_memory_equal(&s, &before, sizeof s);
  peri_tensor *none = MADE(peri_fgn(cx, 1, (int64_t[]){0}, &f, &s)), *empty = MADE(peri_fbm(cx, 2, (int64_t[]){3, 0}, &f, &s));
  assert_true(none->size == 0 && empty->dims[0] == 3 && empty->dims[1] == 0);
  assert_memory_equal(&s, &before, sizeof s);
  peri_release(none), peri_release(empty);
}

static void an_interrupt_leaves_the_stream(void **state) {
  peri_ctx *cx = *state;
  peri_stream s = peri_stream_root(1), before = s;
  peri_fractional f = peri_fractional_of(0.3);
  peri_interrupt(cx);
  EXPECT_FAILS(peri_fgn(cx, 2, (int64_t[]){1000, 20}, &f, &s), PERI_ERR_INTERRUPT, "");
  peri_clear_interrupt(cx);
  assert_memory_equal(&s, &before, sizeof s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    TEST(covariance_has_all_its_digits), TEST(paths_are_the_factor_times_normals), TEST(a_past_is_continued), TEST(noise_has_its_covariance), TEST(long_paths_have_the_variance_of_motion), TEST(spectra_are_kept_and_dropped),
    TEST(columns_are_their_streams), TEST(motion_is_the_sum_of_noise), TEST(irregular_times_have_their_covariance), TEST(modes_reach_to_their_horizon),
    TEST(steps_have_the_stated_variance), TEST(a_history_is_exact), TEST(rows_are_their_streams), TEST(states_resume_and_damage_is_refused),
    TEST(bad_requests_are_named), TEST(an_interrupt_leaves_the_stream),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
