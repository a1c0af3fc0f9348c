/* circulant.c - fractional noise by circulant embedding: exact, O(n log n) a path.
**
** The covariances gamma(0), ..., gamma(M/2), mirrored, are the first row of a circulant matrix, whose eigenvalues lambda_k are their Fourier
** transform; for fractional noise none is negative, whatever M/2 >= n - 1. With independent standard normal a_k, b_k and
**     X_0 = sqrt(lambda_0 / M) a_0,  X_(M/2) = sqrt(lambda_(M/2) / M) b_0,  X_k = sqrt(lambda_k / 2M) (a_k + i b_k),  X_(M-k) = conj X_k
** the sums x_j = sum_k X_k e^(2 pi i j k / M), j < n, are a path: M normals and a real transform of length M.
** The amplitudes are kept by the context for the (H, M) used last.
** Source: Davies & Harte (1987), Biometrika 74; Wood & Chan (1994), J. Comput. Graph. Stat. 3; Craigmile (2003), J. Time Ser. Anal. 24, for
** why none is negative.
*/
#include "process/fgn.h"
#include "base/kept.h"
#include <math.h>

struct pri_fgn_spectrum {
  pri_kept kept;
  double H;
  int64_t M;
  double amplitude[]; /* M/2 + 1 */
};

static int64_t rounded(int64_t n) { return (n + 7) & ~(int64_t)7; } /* doubles, to whole lines */

/* ---- the spectra that a context keeps ---- */

typedef struct { double H; int64_t M; } spectrum_key;

static bool is_spectrum(const pri_kept *k, const void *key) {
  const pri_fgn_spectrum *s = (const pri_fgn_spectrum *)k;
  const spectrum_key *wanted = key;
  return s->H == wanted->H && s->M == wanted->M;
}

static const pri_kept_kind spectra = {.bytes = 32 << 20, .count = 4, .is = is_spectrum};

/* sqrt(lambda_k / M), but sqrt(lambda_k / 2M) inside; rounding may leave -1e-16 of an eigenvalue that is 0. */
static peri_status fill(pri_fgn_spectrum *s, const pri_fft_plan *fft, peri_ctx *cx) {
  int64_t M = s->M, half = M / 2;
  size_t bytes = (size_t)(rounded(M) + rounded(M + 2) + pri_fft_work(fft)) * sizeof(double);
  double *row = peri_alloc(cx, bytes);
  if (!row) return peri_errcode(cx);
  double *lambda = row + rounded(M), *work = lambda + rounded(M + 2);
  pri_fgn_gammas(s->H, row, half + 1);
  for (int64_t j = half + 1; j < M; j++) row[j] = row[M - j];
  pri_fft_run_real(fft, row, lambda, 1, work);
  for (int64_t k = 0; k <= half; k++) s->amplitude[k] = sqrt(fmax(0, lambda[2 * k]) / (double)(k == 0 || k == half ? M : 2 * M));
  peri_free(cx, row, bytes);
  return PERI_OK;
}

static pri_fgn_spectrum *get(peri_ctx *cx, double H, int64_t M, const pri_fft_plan *fft) {
  pri_fgn_spectrum *s = (pri_fgn_spectrum *)pri_kept_take(cx, &spectra, &(spectrum_key){H, M});
  if (s) return s;
  s = (pri_fgn_spectrum *)pri_kept_new(cx, &spectra, sizeof *s, sizeof *s + (size_t)(M / 2 + 1) * sizeof(double));
  if (!s) return NULL;
  s->H = H, s->M = M;
  if (fill(s, fft, cx)) {
    pri_kept_discard(&s->kept);
    return NULL;
  }
  pri_kept_list(&s->kept);
  return s;
}

/* ---- paths ---- */

static void fill_circulant(const pri_fgn_plan *p, int64_t first, pri_rng *g, int width, double *x, int64_t ld, void *scratch) {
  (void)first;
  int64_t M = p->words, half = M / 2;
  const double *amplitude = p->spectrum->amplitude;
  double *X = scratch, *path = X + rounded(M + 2), *work = path + rounded(M);
  for (int j = 0; j < width && !pri_stopped(p->cx); j++) {
    pri_fgn_normals(&g[j], X, M);
    X[M] = X[1] * amplitude[half], X[M + 1] = 0;
    X[0] *= amplitude[0], X[1] = 0;
    for (int64_t k = 1; k < half; k++) X[2 * k] *= amplitude[k], X[2 * k + 1] *= amplitude[k];
    pri_fft_run_real_back(p->fft, X, path, 1, work);
    memcpy(x + j * ld, path, (size_t)p->n * sizeof *x);
  }
}

peri_status pri_fgn_circulant(pri_fgn_plan *p) {
  int64_t M = pri_fft_good_length(p->n > 1 ? 2 * (p->n - 1) : 2);
  if (!(p->fft = pri_fft_plan_get(p->cx, PRI_FFT_REAL, M))) return peri_errcode(p->cx);
  if (!(p->spectrum = get(p->cx, p->H, M, p->fft))) return peri_errcode(p->cx);
  p->fill = fill_circulant;
  p->words = M;
  p->scratch = (size_t)(rounded(M + 2) + rounded(M) + pri_fft_work(p->fft)) * sizeof(double);
  return PERI_OK;
}

void pri_fgn_circulant_close(pri_fgn_plan *p) {
  pri_kept_put(p->spectrum ? &p->spectrum->kept : NULL);
  pri_fft_plan_put(p->fft);
}
