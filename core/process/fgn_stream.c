/* fgn_stream.c - fractional noise step by step, in memory that does not grow with the number of steps.
**
** B^H is a mixture of Ornstein-Uhlenbeck processes over all rates x; we take rates x_i = x_max e^(-i h), i < K, with weights w_i > 0,
** so that the sum is exactly Gaussian with stationary increments, and correct what the cut ends leave out (unit step):
**   H < 1/2   B = sum sqrt(w_i) (Y_i(t) - Y_i(0)),  w_i = h H (1-2H) / (G/2) x_i^-2H,  G = Gamma(2-2H), Y_i stationary, of variance 1.
**             Faster modes: differences of white noise, variance W = (1-2H) x_h^-2H / 2G each. Slower ones: white of variance
**             2H x_l^(1-2H) / G.
**   H > 1/2   B = sum sqrt(w_i) integral Y_i,  w_i = h H (2H-1) / G x_i^(2-2H); the pair (Y, integral) is stepped exactly. Faster modes:
**             white of variance 2H x_h^(1-2H) / G. Slower ones: a slope, Gaussian of variance H (2H-1) x_l^(2-2H) / Gamma(3-2H).
** x_h, x_l lie half a spacing outside the last rates. With x_max = 100, h = 1 the variance of B_t is off by at most 0.12 % for t from 1
** to the horizon, which decides K. For integrals the conditional variance given both ends is (2/x) (1 - tanh(x/2) / (x/2)).
** The other kind is Hosking's recursion with the whole history: exact, O(steps) a step, for the first `horizon` steps.
** Source: Carmona & Coutin (1998), Electron. Comm. Probab. 3; Muravlev (2011), Russ. Math. Surveys 66, for the representation.
*/
#include "process/fgn.h"
#include <inttypes.h>
#include <math.h>

enum { CHUNK = 512, BATCH = 2048, MODES = 96 };
static const double fastest = 100, spacing = 1;

typedef enum { WHITE, RELAXING, INTEGRATING, RECURSION } kind;

typedef struct {
  double rate, weight;
  double drift, kick, mean, cross, rest; /* see wide/fgn.c; first, the standard deviation of the start, is sqrt(weight) */
} mode;

struct peri_fgn_stream {
  peri_ctx *cx;
  kind kind;
  double H, factor;
  int nd, K;
  int64_t dims[PERI_MAXDIM];
  int64_t rows, per, d, horizon;
  int64_t count;
  peri_output output;
  pri_pcg *row;          /* one generator a row */
  double white, edge;    /* standard deviations of the white part, and of each level of the differenced part or of the slope */
  mode mode[MODES];
  double *state;         /* K d of the modes, in chunks of coordinates; then d: last level, or slope. Recursion: d histories */
  double *noise;         /* d */
  int64_t states;
  double *gamma, *coefficients; /* recursion: horizon, 2 horizon */
  pri_levinson lag;
};

/* ---- modes ---- */

static double conditional(double x) { /* (2/x) (1 - tanh(x/2) / (x/2)); below 0.02 the difference would lose digits */
  if (x < 0.02) return x / 6 - x * x * x / 60;
  return 2 / x * (1 - tanh(x / 2) / (x / 2));
}

static void relaxing(mode *m, double x, double w) {
  *m = (mode){.rate = x, .weight = w, .drift = expm1(-x), .kick = sqrt(w * -expm1(-2 * x))};
}

static void integrating(mode *m, double x, double w) {
  double e = -expm1(-x), variance = -expm1(-2 * x);
  *m = (mode){.rate = x, .weight = w, .drift = -e, .kick = sqrt(w * variance), .mean = e / x, .cross = sqrt(w / variance) * e * e / x, .rest = sqrt(w * conditional(x))};
}

static void set_modes(peri_fgn_stream *s) {
  double H = s->H, h = 2 * H, G = tgamma(2 - h), fast = fastest * exp(spacing / 2);
  s->K = (int)ceil(log(fastest * 1e3 * (double)s->horizon) / spacing + 0.5); /* the slowest rate times the horizon is below 1e-3 */
  double slow = fastest * exp(-(s->K - 0.5) * spacing);
  for (int i = 0; i < s->K; i++) {
    double x = fastest * exp(-i * spacing);
    if (s->kind == RELAXING) relaxing(&s->mode[i], x, spacing * H * (1 - h) / G * pow(x, -h));
    else integrating(&s->mode[i], x, spacing * H * (h - 1) / G * pow(x, 2 - h));
  }
  if (s->kind == RELAXING) {
    s->edge = sqrt((1 - h) / (2 * G) * pow(fast, -h));
    s->white = sqrt(h / G * pow(slow, 1 - h));
  } else {
    s->edge = sqrt(H * (h - 1) / tgamma(3 - h) * pow(slow, 2 - h));
    s->white = sqrt(h / G * pow(fast, 1 - h));
  }
}

/* t - (1 - e^-t) = t^2/2 - ..., t >= 0 */
static double excess(double t) { return t < 1e-3 ? t * t * (0.5 - t / 6 + t * t / 24) : t + expm1(-t); }

double peri_fgn_stream_variance(const peri_fgn_stream *s, double steps) {
  double v = s->white * s->white * steps, t = steps;
  if (s->kind == WHITE) v = steps;
  if (s->kind == RECURSION) v = pow(steps, 2 * s->H);
  for (int i = 0; i < s->K; i++) {
    const mode *m = &s->mode[i];
    if (s->kind == RELAXING) v += m->weight * 2 * -expm1(-m->rate * t);
    else v += m->weight * 2 / (m->rate * m->rate) * excess(m->rate * t);
  }
  if (t > 0) v += s->kind == RELAXING ? 2 * s->edge * s->edge : s->edge * s->edge * t * t;
  return v * s->factor * s->factor;
}

/* ---- making ---- */

static bool take_memory(peri_fgn_stream *s) {
  s->states = s->kind == RECURSION ? s->d * s->horizon : s->kind == WHITE ? 0 : (s->K + 1) * s->d;
  s->row = peri_alloc(s->cx, (size_t)s->rows * sizeof *s->row);
  s->noise = s->row ? peri_alloc(s->cx, (size_t)s->d * sizeof(double)) : NULL;
  s->state = s->noise ? peri_alloc(s->cx, (size_t)s->states * sizeof(double)) : NULL;
  if (!s->state || s->kind != RECURSION) return s->state != NULL;
  s->gamma = peri_alloc(s->cx, (size_t)s->horizon * sizeof(double));
  s->coefficients = s->gamma ? peri_alloc(s->cx, 2 * (size_t)s->horizon * sizeof(double)) : NULL;
  return s->coefficients != NULL;
}

void peri_fgn_stream_free(peri_fgn_stream *s) {
  if (!s) return;
  peri_ctx *cx = s->cx;
  peri_free(cx, s->row, (size_t)s->rows * sizeof *s->row);
  peri_free(cx, s->noise, (size_t)s->d * sizeof(double));
  peri_free(cx, s->state, (size_t)s->states * sizeof(double));
  peri_free(cx, s->gamma, (size_t)s->horizon * sizeof(double));
  peri_free(cx, s->coefficients, 2 * (size_t)s->horizon * sizeof(double));
  peri_free(cx, s, sizeof *s);
}

static peri_status check(peri_ctx *cx, int nd, const int64_t *dims, const peri_fractional *f, int64_t horizon) {
  static const char who[] = "process.fgn_stream";
  if (pri_fgn_check_law(cx, who, f)) return peri_errcode(cx);
  if (f->method != PERI_FGN_AUTO && f->method != PERI_FGN_HOSKING)
    return peri_fail(cx, PERI_ERR_VALUE, "%s: the method is modes (automatic) or hosking", who);
  if (f->past || f->times) return peri_fail(cx, PERI_ERR_VALUE, "%s: neither a past nor times can be given", who);
  int64_t most = f->method == PERI_FGN_HOSKING ? 1 << 20 : (int64_t)1 << 50;
  if (horizon < 1 || horizon > most) return peri_fail(cx, PERI_ERR_VALUE, "%s: horizon must lie in 1..%" PRId64 ", got %" PRId64, who, most, horizon);
  if (nd < 0 || nd > PERI_MAXDIM) return peri_fail(cx, PERI_ERR_SHAPE, "%s: at most %d axes, got %d", who, PERI_MAXDIM, nd);
  for (int64_t i = 0, d = 1; i < nd; i++)
    if (dims[i] < 0 || __builtin_mul_overflow(d, dims[i], &d) || d > (int64_t)1 << 40)
      return peri_fail(cx, PERI_ERR_VALUE, "%s: dimension %d is out of range: %" PRId64, who, (int)i + 1, dims[i]);
  return PERI_OK;
}

/* The object without its generators and start; dims are the full shape, its first axis the rows of the block if there is one. */
static peri_fgn_stream *make(peri_ctx *cx, int64_t rows, int nd, const int64_t *dims, const peri_fractional *f, int64_t horizon) {
  if (check(cx, nd, dims, f, horizon)) return NULL;
  peri_fgn_stream *s = peri_alloc(cx, sizeof *s);
  if (!s) return NULL;
  *s = (peri_fgn_stream){.cx = cx, .H = f->H, .factor = f->scale * pow(f->dt, f->H), .nd = nd, .rows = rows, .d = 1, .horizon = horizon};
  for (int i = 0; i < nd; i++) s->d *= s->dims[i] = dims[i];
  s->per = rows > 0 ? s->d / rows : 0;
  s->kind = f->H == 0.5 ? WHITE : f->method == PERI_FGN_HOSKING ? RECURSION : f->H < 0.5 ? RELAXING : INTEGRATING;
  if (s->kind == RELAXING || s->kind == INTEGRATING) set_modes(s);
  if (take_memory(s)) return s;
  peri_fgn_stream_free(s);
  return NULL;
}

/* The part of the state that belongs to coordinates c .. c + w - 1 (counted over all rows): K rows of w. */
static double *modes_of(const peri_fgn_stream *s, int64_t c) { return s->state + s->K * c; }
static double *edges_of(const peri_fgn_stream *s, int64_t c) { return s->state + s->K * s->d + c; }

static void start_row(peri_fgn_stream *s, pri_rng *g, int64_t first) {
  for (int64_t c = 0; c < s->per; c += CHUNK) {
    int64_t w = s->per - c < CHUNK ? s->per - c : CHUNK;
    double *u = modes_of(s, first + c), *edge = edges_of(s, first + c);
    pri_fgn_normals(g, u, s->K * w);
    for (int i = 0; i < s->K; i++)
      for (int64_t j = 0; j < w; j++) u[i * w + j] *= sqrt(s->mode[i].weight);
    pri_fgn_normals(g, edge, w);
    for (int64_t j = 0; j < w; j++) edge[j] *= s->edge;
  }
}

static void start(peri_fgn_stream *s) {
  if (s->kind == RECURSION) {
    pri_fgn_gammas(s->H, s->gamma, s->horizon);
    pri_levinson_start(&s->lag, s->cx, s->gamma, s->horizon, s->coefficients);
    memset(s->state, 0, (size_t)s->states * sizeof(double));
  }
  for (int64_t r = 0; r < s->rows && s->K > 0; r++) {
    pri_rng g = {s->cx->k, s->row[r], s->output};
    start_row(s, &g, r * s->per);
    s->row[r] = g.pcg;
  }
}

static pri_pcg own_generator(peri_stream *parent) {
  peri_stream own = peri_stream_sub(parent, "fgn_stream", (int64_t)peri_stream_next(parent));
  return pri_pcg_of(&own);
}

peri_fgn_stream *peri_fgn_stream_new(peri_ctx *cx, int nd, const int64_t *dims, const peri_fractional *f, int64_t horizon, peri_stream *parent) {
  peri_fgn_stream *s = make(cx, 1, nd, dims, f, horizon);
  if (!s) return NULL;
  s->output = parent->output;
  s->row[0] = own_generator(parent);
  start(s);
  return s;
}

peri_fgn_stream *peri_fgn_stream_block(peri_block *b, int nd, const int64_t *dims, const peri_fractional *f, int64_t horizon) {
  int64_t full[PERI_MAXDIM + 1] = {b->n};
  for (int i = 0; i < nd && i < PERI_MAXDIM; i++) full[i + 1] = dims[i];
  peri_fgn_stream *s = make(b->cx, b->n, nd + 1, full, f, horizon);
  if (!s) return NULL;
  s->output = b->output;
  for (int64_t r = 0; r < b->n; r++) {
    peri_stream parent = peri_block_stream(b, r);
    s->row[r] = own_generator(&parent);
    b->row[r] = pri_pcg_of(&parent);
  }
  start(s);
  return s;
}

/* ---- stepping ---- */

/* Coordinates first .. first + w - 1, w <= CHUNK, all modes, then the white part and the edge. Normals come in the order of the modes, drawn
** for several modes at a time if w is small. */
static void step_chunk(peri_fgn_stream *s, pri_rng *g, int64_t first, int64_t w, const pri_fgn_loops *loops) {
  double z[BATCH], *noise = s->noise + first, *u = modes_of(s, first), *edge = edges_of(s, first);
  bool integral = s->kind == INTEGRATING;
  int64_t need = integral ? 2 * w : w, together = BATCH / need;
  memset(noise, 0, (size_t)w * sizeof *noise);
  for (int64_t i = 0; i < s->K; i += together) {
    int64_t now = s->K - i < together ? s->K - i : together;
    pri_fgn_normals(g, z, now * need);
    for (int64_t j = 0; j < now; j++) {
      const mode *m = &s->mode[i + j];
      const double c[5] = {m->drift, m->kick, m->mean, m->cross, m->rest}, *normals = z + j * need;
      if (integral) loops->integrate(u + (i + j) * w, noise, normals, normals + w, c, w);
      else loops->relax(u + (i + j) * w, noise, normals, m->drift, m->kick, w);
    }
  }
  pri_fgn_normals(g, z, w);
  for (int64_t j = 0; j < w; j++) noise[j] += s->white * z[j];
  if (!integral) pri_fgn_normals(g, z, w);
  for (int64_t j = 0; j < w; j++) {
    double level = s->edge * z[j];
    noise[j] += integral ? edge[j] : level - edge[j];
    if (!integral) edge[j] = level;
  }
}

static void step_modes(peri_fgn_stream *s, pri_rng *g, int64_t first) {
  const pri_fgn_loops *loops = pri_fgn_loops_of(s->cx);
  for (int64_t c = 0; c < s->per; c += CHUNK) step_chunk(s, g, first + c, s->per - c < CHUNK ? s->per - c : CHUNK, loops);
}

static void step_recursion(peri_fgn_stream *s, pri_rng *g, int64_t first) {
  double sd = sqrt(fmax(s->lag.v, 0));
  pri_fgn_normals(g, s->noise + first, s->per);
  for (int64_t c = first; c < first + s->per; c++) {
    double *path = s->state + c * s->horizon;
    s->noise[c] = path[s->count] = sd * s->noise[c] + s->cx->k->dot_f64(s->lag.b, path, s->count);
  }
}

static void step_all(peri_fgn_stream *s) {
  if (s->kind == RECURSION && s->count > 0) pri_levinson_next(&s->lag);
  for (int64_t r = 0; r < s->rows; r++) {
    pri_rng g = {s->cx->k, s->row[r], s->output};
    int64_t first = r * s->per;
    if (s->kind == WHITE) pri_fgn_normals(&g, s->noise + first, s->per);
    else if (s->kind == RECURSION) step_recursion(s, &g, first);
    else step_modes(s, &g, first);
    s->row[r] = g.pcg;
  }
  s->count++;
}

static bool fits(const peri_fgn_stream *s, const peri_tensor *out) {
  return out->ndim == s->nd && memcmp(out->dims, s->dims, (size_t)s->nd * sizeof *s->dims) == 0 && (out->dtype == PERI_F64 || out->dtype == PERI_F32);
}

peri_status peri_fgn_stream_step(peri_fgn_stream *s, peri_tensor *out) {
  peri_ctx *cx = s->cx;
  if (!fits(s, out))
    return peri_fail(cx, PERI_ERR_SHAPE, "process.fgn_stream: a step fills an f64 or f32 tensor with one value for each of %" PRId64 " coordinates, got %s %s", s->d,
                     peri_dtype_name((peri_dtype)out->dtype), peri_shape(out));
  if (s->kind == RECURSION && s->count >= s->horizon)
    return peri_fail(cx, PERI_ERR_STATE, "process.fgn_stream: the history is full after %" PRId64 " steps; give a longer horizon", s->horizon);
  if (peri_check_interrupt(cx)) return peri_errcode(cx);
  bool direct = out->dtype == PERI_F64 && peri_is_contiguous(out); /* otherwise room is made before anything moves */
  peri_tensor *value = direct ? peri_retain(out) : peri_new(cx, PERI_F64, s->nd, s->dims);
  if (!value) return peri_errcode(cx);
  step_all(s);
  for (int64_t i = 0; i < s->d; i++) ((double *)value->data)[i] = s->factor * s->noise[i];
  peri_status st = direct ? PERI_OK : peri_copy_(out, value);
  peri_release(value);
  return st;
}

peri_ctx *peri_fgn_stream_context(const peri_fgn_stream *s) { return s->cx; }
int64_t peri_fgn_stream_count(const peri_fgn_stream *s) { return s->count; }
int peri_fgn_stream_modes(const peri_fgn_stream *s) { return s->K; }
int peri_fgn_stream_shape(const peri_fgn_stream *s, int64_t dims[PERI_MAXDIM]) {
  memcpy(dims, s->dims, sizeof s->dims);
  return s->nd;
}

/* ---- state: magic, law, count, generators, state, recursion's v and coefficients, check ---- */

static const char magic[16] = "perigee-fgn-1\n";

static uint64_t law_of(const peri_fgn_stream *s) {
  struct { double H, factor; int64_t kind, K, nd, dims[PERI_MAXDIM], rows, horizon, output; } law;
  memset(&law, 0, sizeof law);
  law.H = s->H, law.factor = s->factor, law.kind = s->kind, law.K = s->K, law.nd = s->nd, law.rows = s->rows, law.output = s->output;
  law.horizon = s->kind == RECURSION ? s->horizon : 0;
  memcpy(law.dims, s->dims, (size_t)s->nd * sizeof *s->dims);
  return pri_checksum(&law, sizeof law);
}

typedef struct { char magic[16]; uint64_t law; int64_t count; double v; } header;

static size_t sizes(const peri_fgn_stream *s, size_t part[3]) {
  part[0] = (size_t)s->rows * sizeof *s->row;
  part[1] = (size_t)s->states * sizeof(double);
  part[2] = s->kind == RECURSION ? 2 * (size_t)s->horizon * sizeof(double) : 0;
  return sizeof(header) + part[0] + part[1] + part[2] + sizeof(uint64_t);
}

size_t peri_fgn_stream_state_size(const peri_fgn_stream *s) {
  size_t part[3];
  return sizes(s, part);
}

void peri_fgn_stream_save(const peri_fgn_stream *s, void *bytes) {
  size_t part[3], all = sizes(s, part) - sizeof(uint64_t);
  header h = {.law = law_of(s), .count = s->count, .v = s->lag.v};
  memcpy(h.magic, magic, sizeof magic);
  char *p = bytes;
  memcpy(p, &h, sizeof h), p += sizeof h;
  memcpy(p, s->row, part[0]), p += part[0];
  memcpy(p, s->state, part[1]), p += part[1];
  if (part[2]) memcpy(p, s->coefficients, part[2]), p += part[2];
  uint64_t check = pri_checksum(bytes, all);
  memcpy(p, &check, sizeof check);
}

peri_status peri_fgn_stream_load(peri_fgn_stream *s, const void *bytes, size_t size) {
  static const char who[] = "process.fgn_stream";
  size_t part[3], all = sizes(s, part);
  uint64_t check;
  header h;
  if (size < sizeof h || memcmp(bytes, magic, sizeof magic) != 0) return peri_fail(s->cx, PERI_ERR_FORMAT, "%s: this is not the state of a noise stream", who);
  memcpy(&h, bytes, sizeof h);
  if (h.law != law_of(s)) return peri_fail(s->cx, PERI_ERR_FORMAT, "%s: the state is of a stream with another H, scale, shape, method or horizon", who);
  if (size != all) return peri_fail(s->cx, PERI_ERR_FORMAT, "%s: the state has %zu bytes instead of %zu", who, size, all);
  memcpy(&check, (const char *)bytes + all - sizeof check, sizeof check);
  if (check != pri_checksum(bytes, all - sizeof check)) return peri_fail(s->cx, PERI_ERR_FORMAT, "%s: the checksum does not match; the state was altered", who);
  const char *p = (const char *)bytes + sizeof h;
  memcpy(s->row, p, part[0]), p += part[0];
  memcpy(s->state, p, part[1]), p += part[1];
  s->count = h.count;
  if (part[2]) {
    memcpy(s->coefficients, p, part[2]);
    s->lag.v = h.v, s->lag.lag = h.count > 0 ? h.count - 1 : 0;
    s->lag.b = s->coefficients + 2 * s->horizon - s->lag.lag;
  }
  return PERI_OK;
}
