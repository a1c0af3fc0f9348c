/* stable.c - stable laws made ready for their kernel; positive stable laws; isotropic stable vectors.
**
** S1, alpha != 1:  E exp(itX) = exp( -|st|^alpha (1 - i beta sgn(t) tan(pi alpha/2)) + i mu t ),          s the scale
**     alpha == 1:  E exp(itX) = exp( -|st| (1 + i beta (2/pi) sgn(t) log|t|) + i mu t )
** S0 has the location mu0 = mu + beta s tan(pi alpha/2), or mu + (2/pi) beta s log s, and is continuous in alpha.
** The positive law of index a in (0, 1] has E exp(-qA) = exp(-q^a); X = sqrt(2A) G of index a = alpha/2, G standard normal in R^d,
** has E exp(i<t,X>) = exp(-|t|^alpha). What the kernel does with the constants is said in kernels/wide/stable.c.
** Sources: Zolotarev, One-dimensional Stable Distributions (1986); Nolan, Univariate Stable Distributions (2020).
*/
#include "random/random.h"
#include "tensor/tensor.h"
#include <math.h>

#define PI 3.141592653589793238462643383279502884

static double sine(const pri_rng *g, double x) { return pri_map1_of(g, PRI_MAP1_sin, x); }
static double cotangent(const pri_rng *g, double x) { return 1 / pri_map1_of(g, PRI_MAP1_tan, x); }

/* sin((pi - c) ...) near the far end, in whichever of three forms keeps its argument small there */
static void upper_sine(pri_stable *c) {
  double a = c->alpha;
  c->sine_slope = a <= 0.5 ? -a : a;
  c->sine_shift = PI * (a <= 0.5 ? a : a <= 1.5 ? 1 - a : 2 - a);
  c->sine_upper = a <= 1.5 ? c->sine_scale : -c->sine_scale;
}

/* alpha and beta >= 0 to the kernel's constants; e = 0 is replaced by what differs from it by less than rounding. */
static void constants(pri_stable *c, const pri_rng *g, double alpha, double beta, bool centred) {
  double e = alpha == 1 ? 0x1p-70 : 1 - alpha, abs_e = fabs(e), half = PI * abs_e / 2;
  *c = (pri_stable){.sign = beta < 0 ? -1 : 1, .alpha = alpha, .abs_e = abs_e, .sign_e = e < 0 ? -1 : 1, .exponent = e / alpha};
  double b = fabs(beta), cot = cotangent(g, half);
  if (b == 0 || alpha == 2) {
    c->form = PRI_STABLE_SYMMETRIC;
    c->sine_shift = PI / 2 * (alpha > 1 ? 2 - alpha : alpha), c->sine_slope = alpha > 1 ? alpha : -alpha;
    c->cosine_shift = PI / 2 * (1 - abs_e);
    return;
  }
  c->form = centred ? PRI_STABLE_CENTRED : PRI_STABLE_DIRECT;
  c->z = c->sign_e * b * cot;
  c->d_scale = 1 / sine(g, half), c->d_rest = (1 - b) * cot;
  c->d_shift = PI * (abs_e <= 0.5 ? abs_e : 1 - abs_e), c->d_slope = abs_e <= 0.5 ? -abs_e : abs_e;
  c->sine_scale = c->sign_e * c->d_scale; /* 1 / cos(pi alpha/2) */
  c->sine_rest = c->sign_e * c->d_rest;
  c->cosine_shift = PI / 2 * e;
  upper_sine(c);
}

/* c: scale and shift of what the kernel gives */
void pri_prepare_stable(pri_ready *p, const pri_rng *g) {
  enum { SERIES = 4 }; /* 1/4: from where on z is no longer large */
  const peri_law *l = &p->law;
  double alpha = l->a, beta = alpha == 2 ? 0 : l->b, e = 1 - alpha;
  bool s1 = !l->s0, centred = alpha == 1 || (l->s0 && fabs(e) * SERIES < 1);
  constants(&p->stable, g, alpha, beta, centred);
  p->c[0] = l->c, p->c[1] = l->d;
  if (alpha == 1 && s1 && beta != 0) p->c[1] += 2 / PI * beta * l->c * pri_log(g, l->c);
  if (!s1 && p->stable.form == PRI_STABLE_DIRECT) p->c[1] -= l->c * p->stable.sign * p->stable.z;
}

void pri_prepare_positive_stable(pri_ready *p, const pri_rng *g) {
  pri_stable *c = &p->stable;
  constants(c, g, p->law.a, 1, false);
  c->sine_scale = c->d_scale = 1, c->sine_rest = c->d_rest = 0;
  upper_sine(c);
  p->c[0] = p->law.b, p->c[1] = 0;
}

void pri_map_stable(const pri_ready *p, const pri_kernels *k, void *r, const uint64_t *w, int64_t n) {
  k->stable(r, w, &p->stable, n);
  if (p->c[0] != 1 || p->c[1] != 0) k->map3[PRI_MAP3_fma][PERI_F64](r, r, 1, &p->c[0], 0, &p->c[1], 0, n);
}

/* ---- isotropic vectors: d + 2 words each ---- */

enum { WORDS = 8192 };

/* Scratch of one fill: `rows` vectors at a time. */
typedef struct { int64_t d, rows; uint64_t *w, *angle; double *normal, *radius; } vectors;

static void draw_vectors(const vectors *v, const pri_ready *p, pri_rng *g, double *x, int64_t n) {
  int64_t d = v->d, width = d + 2;
  pri_words(g, v->w, n * width);
  for (int64_t i = 0; i < n; i++) memcpy(v->angle + 2 * i, v->w + i * width, 2 * sizeof *v->angle);
  pri_map_stable(p, g->k, v->radius, v->angle, n);
  g->k->normal(v->normal, v->w, n * width);
  for (int64_t i = 0; i < n; i++) {
    double a = sqrt(v->radius[i]);
    for (int64_t j = 0; j < d; j++) x[i * d + j] = a * v->normal[i * width + 2 + j];
  }
}

static peri_status fill_rows(peri_tensor *out, peri_output output, pri_pcg *pcg, int64_t streams, const pri_ready *p, const vectors *v) {
  int64_t each = out->size / v->d / streams;
  for (int64_t s = 0; s < streams; s++) {
    pri_rng g = {out->cx->k, pcg[s], output};
    for (int64_t at = 0, n; at < each; at += n) {
      if (pri_stopped(out->cx)) return peri_check_interrupt(out->cx);
      n = each - at < v->rows ? each - at : v->rows;
      draw_vectors(v, p, &g, (double *)out->data + (s * each + at) * v->d, n);
    }
    pcg[s] = g.pcg;
  }
  return PERI_OK;
}

static peri_status check_vectors(const peri_tensor *out, double alpha, double scale) {
  static const char who[] = "random.stable_vector";
  if (out->ndim == 0) return peri_fail(out->cx, PERI_ERR_SHAPE, "%s: the last axis holds the components, so the shape must not be ()", who);
  if (!pri_is_float(out->dtype)) return peri_fail(out->cx, PERI_ERR_DTYPE, "%s: cannot fill a tensor of dtype %s; use f64 or f32", who, peri_dtype_name(out->dtype));
  if (!(alpha > 0 && alpha <= 2)) return peri_fail(out->cx, PERI_ERR_VALUE, "%s: alpha must lie in (0, 2], got %.15g", who, alpha);
  if (!(scale > 0 && scale < INFINITY)) return peri_fail(out->cx, PERI_ERR_VALUE, "%s: scale must be positive, got %.15g", who, scale);
  return pri_write(who, (peri_tensor *)out);
}

/* sqrt(2 scale^2 A): the factor goes into the positive law. */
static peri_status fill_contiguous(peri_tensor *out, peri_output output, pri_pcg *pcg, int64_t streams, double alpha, double scale) {
  peri_ctx *cx = out->cx;
  pri_ready p = {.law = {.kind = PERI_POSITIVE_STABLE, .a = alpha / 2, .b = 2}};
  vectors v = {.d = out->dims[out->ndim - 1]};
  v.rows = v.d + 2 < WORDS ? WORDS / (v.d + 2) : 1;
  size_t words = (size_t)(v.rows * (v.d + 2)), bytes = (2 * words + 3 * (size_t)v.rows) * sizeof(double);
  pri_prepare_positive_stable(&p, &(pri_rng){.k = cx->k});
  if (!(v.w = peri_alloc(cx, bytes))) return peri_errcode(cx);
  v.normal = (double *)(v.w + words), v.radius = v.normal + words, v.angle = (uint64_t *)(v.radius + v.rows);
  peri_status st = fill_rows(out, output, pcg, streams, &p, &v);
  peri_free(cx, v.w, bytes);
  if (st == PERI_OK && scale != 1) cx->k->map2[PRI_MAP2_mul][PERI_F64](out->data, out->data, 1, &scale, 0, out->size);
  return st;
}

static peri_status fill_vectors(peri_tensor *out, peri_output output, pri_pcg *pcg, int64_t streams, double alpha, double scale) {
  if (check_vectors(out, alpha, scale) != PERI_OK) return peri_errcode(out->cx);
  if (out->size == 0) return PERI_OK;
  if (out->dtype == PERI_F64 && pri_contiguous(out)) return fill_contiguous(out, output, pcg, streams, alpha, scale);
  peri_tensor *t = peri_new(out->cx, PERI_F64, out->ndim, out->dims);
  peri_status st = t ? fill_contiguous(t, output, pcg, streams, alpha, scale) : peri_errcode(out->cx);
  if (st == PERI_OK) st = peri_copy_(out, t);
  peri_release(t);
  return st;
}

peri_status peri_fill_stable_vectors(peri_tensor *out, peri_stream *s, double alpha, double scale) {
  pri_pcg g = pri_pcg_of(s);
  peri_status st = fill_vectors(out, s->output, &g, 1, alpha, scale);
  if (st == PERI_OK) pri_pcg_store(s, g);
  return st;
}

peri_status peri_block_fill_stable_vectors(peri_tensor *out, peri_block *b, double alpha, double scale) {
  if (pri_block_rows_of(out, b, 2) != PERI_OK) return peri_errcode(out->cx);
  size_t bytes = (size_t)b->n * sizeof *b->row;
  pri_pcg *row = peri_alloc(b->cx, bytes); /* on a copy, so that an error leaves the block where it was */
  if (!row) return peri_errcode(b->cx);
  memcpy(row, b->row, bytes);
  peri_status st = fill_vectors(out, b->output, row, b->n, alpha, scale);
  if (st == PERI_OK) memcpy(b->row, row, bytes);
  peri_free(b->cx, row, bytes);
  return st;
}
