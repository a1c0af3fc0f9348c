/* stable_law.c - density and both tails of a stable law from one integral.
**
** With y = |x - zeta| in the S0 form (y = |x| in S1), e = 1 - alpha and the angle theta = -theta0 + eps = pi/2 - delta, eps + delta = l:
**     g = y^(-alpha/e) cos(alpha theta0)^(-1/e) (sin(alpha eps)/sin delta)^(alpha/e) sin(alpha eps + delta)/sin delta
**     f = alpha/(pi |e| y) int g e^-g d theta,   P(X > x) = 1/pi int delta e^-g |dg|,   P(zeta < X < x) = 1/pi int eps e^-g |dg|
** (Zolotarev's integral as Nolan gives it; the last two by parts: a tail never is 1 minus the other one, and all three have the peak of
** g e^-g in common). In v = log(eps/delta) the logarithm L of g is monotone, analytic and linear at both ends, and the weights decay like
** e^-|v|: the trapezoidal rule converges exponentially, and is halved until two steps agree.
**
** Written with kappa = atan(tan(pi |e|/2)/|beta|) instead of theta0, cos(alpha theta0) = sin kappa, and with omega = pi - alpha eps - delta,
** sin(alpha eps)/sin delta = 1 + (sin omega cot delta - 2 sin^2(omega/2)): nothing cancels as alpha -> 1 in S0, where e, kappa and omega
** vanish together; alpha = 1 is e = 2^-70. Only if |e| and |beta| are both below 1e-6 there is nothing to hold on to; the
** logarithms of the three values are then linear in e and beta around Cauchy's law.
** Sources: Zolotarev, One-dimensional Stable Distributions (1986), 2.2 and 2.4; Nolan, Comm. Statist. Stoch. Models 13 (1997).
*/
#include "numeric/stable_law.h"
#include <math.h>

#define PI 3.141592653589793238462643383279502884
#define NEAR 1e-6    /* to Cauchy */
#define STEP_OF 1e-4 /* of the differences there */
#define TOLERANCE 1e-15
#define STEEP 1e4     /* dL/dv from which rounding of L matters */
#define LAPLACE 1e5   /* g0 beyond which its method gives log f to 1e-10 */

/* ---- constants ---- */

/* kappa - h, h = pi |e|/2: 0 at |beta| = 1 */
static double excess(double tan_h, double b) { return b == 1 ? 0 : atan(tan_h * (1 - b) / (b + tan_h * tan_h)); }

static void series_of(pri_stable_side *s, double alpha, bool wide) {
  for (int k = 1; k <= PRI_STABLE_TERMS; k++) {
    double b = tgamma(alpha * k) / tgamma(k + 1.0), odd = k % 2 ? 1 : -1;
    s->bound[k - 1] = b;
    s->tail[k - 1] = b * (wide ? sin(k * s->beyond_scaled) : odd * sin(k * s->scaled));
  }
}

void pri_stable_law_of(pri_stable_law *l, double alpha, double beta) {
  double e = alpha == 1 ? 0x1p-70 : 1 - alpha, b = alpha == 2 ? 0 : fabs(beta);
  double h = PI * fabs(e) / 2, t = tan(h), kappa = b == 0 ? PI / 2 : atan2(t, b), less = b == 0 ? PI / 2 - h : excess(t, b);
  double up = e > 0 ? kappa + h : less, down = e > 0 ? less : kappa + h; /* kappa +- pi e/2 */
  *l = (pri_stable_law){.alpha = alpha, .beta = beta, .e = e, .sign = (beta < 0) != (e < 0) ? -1 : 1, .flat = b == 1};
  l->zeta = -b / t, l->tan_kappa = b == 0 ? INFINITY : t / b;
  l->log_sin = log(sin(kappa)), l->log_cos = b == 0 ? -INFINITY : -0.5 * log1p(t / b * (t / b));
  pri_stable_side *w = &l->wide, *n = &l->narrow;
  w->beyond_scaled = up, w->scaled = PI - up, w->length = w->scaled / alpha, w->beyond = down / alpha;
  n->scaled = down, n->beyond_scaled = PI - down, n->length = down / alpha, n->beyond = PI - n->length;
  series_of(w, alpha, true);
  series_of(n, alpha, false);
}

/* ---- the integrand ---- */

/* One point in one half line. */
typedef struct {
  const pri_stable_law *l;
  const pri_stable_side *s;
  double y, log_scaled; /* log(y sin kappa) */
  double shift;         /* what L has that does not depend on the angle */
  double least;         /* g0, the infimum of g */
  bool outer;           /* int delta e^-g |dg| is wanted */
  double v, log_g, slope; /* near the middle of what is summed, */
  double offset;          /* which is so far from v: v itself may be too coarse where L is steep */
} place;

typedef pri_stable_node node;

/* log_g without the shift */
static node angles_at(const place *p, double v) {
  const pri_stable_side *s = p->s;
  double alpha = p->l->alpha, e = p->l->e, t = exp(-fabs(v)), small = s->length * t / (1 + t), large = s->length / (1 + t);
  double eps = v < 0 ? small : large, delta = v < 0 ? large : small, a = alpha * eps, sum = a + delta;
  bool far_a = a > PI / 2, far_d = delta > PI / 2, far_s = sum > PI / 2;
  double ra = far_a ? s->beyond_scaled + alpha * delta : a, rd = far_d ? s->beyond + eps : delta;
  double rs = !far_s ? sum : e > 0 ? s->beyond + e * eps : s->beyond_scaled - e * delta;
  double sa = sin(ra), sd = sin(rd), ss = sin(rs), cs = cos(rs);
  double cot_a = cos(ra) / sa * (far_a ? -1 : 1), cot_d = cos(rd) / sd * (far_d ? -1 : 1), cot_s = cs / ss * (far_s ? -1 : 1);
  double ratio = ss * cot_d - ss * ss / (1 + cs); /* 1 - cos omega */
  double log_ratio = far_s && fabs(ratio) < 0.5 ? log1p(ratio) : log(sa / sd);
  node r = {eps, delta, alpha / e * log_ratio + log(ss / sd), 0};
  r.slope = eps * delta / s->length * (alpha / e * (ss / sd) / sa - alpha * cot_a + cot_d - e * cot_s);
  return r;
}

static node node_at(const place *p, double v) {
  double at = v * PRI_STABLE_GRID;
  node n;
  if (p->l->cache && fabs(v) <= PRI_STABLE_RANGE && at == rint(at)) {
    node *known = (p->s == &p->l->wide ? p->l->cache->wide : p->l->cache->narrow) + (int)at + PRI_STABLE_GRID * PRI_STABLE_RANGE;
    if (known->eps == 0) *known = angles_at(p, v);
    n = *known;
  } else n = angles_at(p, v);
  n.log_g += p->shift;
  return n;
}

/* Where g - g0 is 1, the middle of what is to be summed: Newton's steps within a bracket. */
static double middle(const place *p) {
  double goal = log1p(p->least), lo = -700, hi = 700, v = 0, up = p->l->e > 0 ? 1 : -1;
  for (int i = 0; i < 200; i++) {
    node n = node_at(p, v);
    double miss = up * (n.log_g - goal), next = v - (n.log_g - goal) / n.slope;
    if (miss > 0) hi = v;
    else lo = v;
    if ((fabs(miss) * (1 + p->least) < 0.2 && fabs(n.slope) < STEEP) || (fabs(next - v) <= 2e-16 * fabs(v) && fabs(miss) < 1e-9 * (1 + fabs(p->shift)))) return v;
    v = next > lo && next < hi ? next : (lo + hi) / 2;
  }
  return v;
}

typedef struct { double density, inner, outer; } sums;

/* What may still come beyond a node is bounded: by the angles left times sup g e^-g, and int w |d e^-g| by sup w times the change of e^-g. */
static bool negligible(const place *p, const node *n, const sums *s, bool right, double g, double rest, double w) {
  bool rising = right == (p->l->e > 0);                                  /* g grows outwards */
  double noise = 4e-15 * (1 + fabs(p->shift)) * p->least;                /* of g - g0, where g is flat */
  double change = rising ? w : fmin(rest, 1) - noise, peak = fmin(g, 1); /* sup of what follows */
  if (rising) peak = g > 1 ? g * w : 1;
  else if (p->least > 0) peak = g;
  double angles = right ? n->delta : n->eps;
  double inner = right ? p->s->length : n->eps, outer = right ? n->delta : p->s->length;
  if (!(angles * peak <= TOLERANCE * s->density) || !(inner * change <= TOLERANCE * s->inner)) return false;
  return !p->outer || outer * change <= TOLERANCE * s->outer;
}

/* The node at distance t from the middle. Where L is steep it is a difference of large numbers; its slope is not, and hardly changes over the
** peak: Gauss's rule of three points is exact to rounding there. */
static node node_beside(const place *p, double t) {
  node n = node_at(p, p->v + t);
  if (!(p->slope > STEEP) || fabs(t - p->offset) * p->slope > 300) return n;
  double half = t / 2, far = half * 0.774596669241483377;
  double sum = 5 * node_at(p, p->v + half - far).slope + 8 * node_at(p, p->v + half).slope + 5 * node_at(p, p->v + half + far).slope;
  n.log_g = p->log_g + t * sum / 18;
  return n;
}

/* g - g0, where g0 > 0 without the rounding of g. */
static double excess_of(const place *p, double g, double log_g) {
  if (p->least == 0) return g;
  double above = log_g - log(p->least);
  return above < 1 ? p->least * expm1(above) : g - p->least;
}

/* Adds the nodes from + k step, k = 0, 1, ..., until what is left is below rounding. */
static void walk(const place *p, sums *s, double from, double step) {
  enum { MOST = 2000000 };
  for (int k = 0; k < MOST; k++) {
    double t = from + k * step;
    if (fabs(p->v + t) > 720) return;
    node n = node_beside(p, t);
    double g = exp(n.log_g), rest = excess_of(p, g, n.log_g), w = rest < 745 ? exp(-rest) : 0;
    double peak = w > 0 ? g * w : 0, by_parts = peak > 0 ? peak * fabs(n.slope) : 0; /* where g or the slope is infinite too */
    s->density += peak * n.eps * n.delta / p->s->length;
    s->inner += n.eps * by_parts;
    s->outer += n.delta * by_parts;
    if (k > 2 && negligible(p, &n, s, step > 0, g, rest, w)) return;
  }
}

static bool agree(double a, double b) { return fabs(a - b) <= 1e-6 * fabs(b); }

static sums integrate(place *p) {
  enum { HALVINGS = 10 };
  p->v = middle(p);
  node n = node_at(p, p->v);
  p->slope = fabs(n.slope);
  double h = fmin(0.5, 0.75 / (p->slope * (1 + p->least))); /* half of it alone has 1e-10: no chance agreement of two steps can hide more */
  sums all = {0, 0, 0};
  h = h > 0 ? exp2(floor(log2(h))) : 0.5;
  if (h * PRI_STABLE_GRID >= 2) p->v = rint(p->v * PRI_STABLE_GRID) / PRI_STABLE_GRID; /* any middle will do: one at which nodes are shared */
  p->log_g = n.log_g;
  if (p->slope > STEEP) p->offset = (log1p(p->least) - p->log_g) / n.slope;
  walk(p, &all, p->offset, h);
  walk(p, &all, p->offset - h, -h);
  for (int i = 0; i < HALVINGS; i++, h /= 2) {
    sums more = all;
    walk(p, &more, p->offset + h / 2, h);
    walk(p, &more, p->offset - h / 2, -h);
    bool done = agree(2 * all.density, more.density) && agree(2 * all.inner, more.inner) && (!p->outer || agree(2 * all.outer, more.outer));
    all = more;
    if (done) {
      h /= 2;
      break;
    }
  }
  return (sums){all.density * h, all.inner * h, all.outer * h};
}

/* ---- one half line ---- */

/* The series in z = y^-alpha / sin kappa: convergent for alpha < 1, for alpha > 1 asymptotic, and used where its least term is below rounding. */
static bool by_series(const place *p, pri_stable_value *r) {
  double alpha = p->l->alpha, log_y = p->log_scaled - p->l->log_sin, log_z = -alpha * log_y - p->l->log_sin, z = exp(log_z);
  if (!(z < 0.5)) return false;
  double upper = 0, density = 0, power = 1, last = INFINITY; /* in units of z, which may underflow */
  for (int k = 1; k <= PRI_STABLE_TERMS; k++, power *= z) {
    double term = p->s->bound[k - 1] * power;
    if (alpha > 1 && term > last) return false;
    upper += p->s->tail[k - 1] * power;
    density += k * p->s->tail[k - 1] * power;
    last = term;
    if (k * term > 1e-15 * fabs(density) || term > 1e-15 * fabs(upper)) continue;
    upper *= z / PI;
    *r = (pri_stable_value){log(alpha / (PI * p->y)) + log(density) + log_z, 1 - upper, upper};
    return density > 0;
  }
  return false;
}

/* At the flat end L = log g0 + alpha angle^2/2 + ..., so int g e^(g0 - g) is sqrt(pi g0/(2 alpha)) (1 + O(1/g0)). */
static pri_stable_value far_light(const place *p) {
  double alpha = p->l->alpha, e = p->l->e, g0 = p->least;
  double density = g0 == INFINITY ? -INFINITY : log(alpha / (PI * fabs(e) * p->y)) + 0.5 * log(PI * g0 / (2 * alpha)) - g0;
  return e > 0 ? (pri_stable_value){density, 0, 1} : (pri_stable_value){density, 1, 0};
}

static pri_stable_value by_integral(place *p) {
  double alpha = p->l->alpha, e = p->l->e, length = p->s->length;
  p->outer = e < 0 || alpha >= 0.4; /* below it decays slowly, and the series has the far tail */
  p->shift = -alpha / e * p->log_scaled - p->l->log_sin;
  bool flat = p->l->flat && p->s == &p->l->wide;
  if (flat) p->least = exp(p->shift + alpha / e * (fabs(e) < 0.5 ? log1p(-e) : log(alpha)) + log(fabs(e)));
  if (p->least > LAPLACE) return far_light(p);
  sums s = integrate(p);
  double factor = exp(-p->least), jump = -expm1(-p->least) * length;
  double inner = factor * s.inner + (e < 0 ? jump : 0), outer = factor * s.outer + (e > 0 ? jump : 0);
  if (!p->outer || (e > 0 && inner < 0.9 * length)) outer = length - inner;
  else if (outer < 0.5 * length) inner = length - outer;
  return (pri_stable_value){log(alpha / (PI * fabs(e) * p->y)) + log(s.density) - p->least, fmin(1, (p->s->beyond + inner) / PI), fmin(1, outer / PI)};
}

static pri_stable_value mirrored(pri_stable_value v) { return (pri_stable_value){v.log_density, v.upper, v.lower}; }

/* x mirrored so that zeta <= 0; y = x - zeta */
static pri_stable_value half_line(const pri_stable_law *l, double x, double y, bool centred) {
  enum { TINY = -200 };
  bool wide = y >= 0, near = centred && fabs(x * l->tan_kappa) < 0.5;
  place p = {.l = l, .s = wide ? &l->wide : &l->narrow, .y = fmax(fabs(y), pow(10, TINY))};
  pri_stable_value r;
  if (p.s->length <= 0) r = (pri_stable_value){-INFINITY, 1, 0};
  else {
    p.log_scaled = near ? log1p(x * l->tan_kappa) + l->log_cos : log(p.y) + l->log_sin;
    if (!by_series(&p, &r)) r = by_integral(&p);
  }
  return wide ? r : mirrored(r);
}

/* ---- all of it ---- */

static pri_stable_value gaussian(double x) {
  return (pri_stable_value){-x * x / 4 - 1.265512123484645396488945797134706, erfc(-x / 2) / 2, erfc(x / 2) / 2};
}
static pri_stable_value cauchy(double x) {
  double density = fabs(x) > 1e8 ? -2 * log(fabs(x)) : -log1p(x * x);
  return (pri_stable_value){density - log(PI), atan2(1, -x) / PI, atan2(1, x) / PI};
}

static void add(pri_stable_value *r, const pri_stable_value *up, const pri_stable_value *down, double times) {
  r->log_density += times * (up->log_density - down->log_density);
  r->lower += times * log(up->lower / down->lower);
  r->upper += times * log(up->upper / down->upper);
}

static pri_stable_value near_cauchy(const pri_stable_law *l, double x) {
  pri_stable_value r = cauchy(x), v[2], exact = r;
  r.lower = r.upper = 0;
  for (int which = 0; which < 2; which++) {
    double amount = which ? l->beta : l->alpha - 1;
    if (amount == 0) continue;
    for (int i = 0; i < 2; i++) {
      pri_stable_law one;
      double step = i ? STEP_OF : -STEP_OF;
      pri_stable_law_of(&one, which ? 1 : 1 + step, which ? step : 0);
      v[i] = half_line(&one, one.sign * x, one.sign * x - one.zeta, true);
      if (one.sign < 0) v[i] = mirrored(v[i]);
    }
    add(&r, &v[1], &v[0], amount / (2 * STEP_OF));
  }
  return (pri_stable_value){r.log_density, exact.lower * exp(r.lower), exact.upper * exp(r.upper)};
}

pri_stable_value pri_stable_at(const pri_stable_law *l, double x, bool centred) {
  if (isnan(x)) return (pri_stable_value){x, x, x};
  if (isinf(x)) return x > 0 ? (pri_stable_value){-INFINITY, 1, 0} : (pri_stable_value){-INFINITY, 0, 1};
  if (l->alpha == 2) return gaussian(x);
  if (fabs(l->alpha - 1) < NEAR && fabs(l->beta) < NEAR) return near_cauchy(l, centred ? x : x + l->sign * l->zeta);
  double s = l->sign * x;
  pri_stable_value r = centred ? half_line(l, s, s - l->zeta, true) : half_line(l, s + l->zeta, s, false);
  return l->sign < 0 ? mirrored(r) : r;
}

/* ---- quantiles ---- */

/* Where the law has its scale: log y on one side of zeta, or, where zeta runs off as alpha -> 1, arsinh x. */
typedef struct {
  const pri_stable_law *l;
  bool by_side, centred;
  double side, goal; /* log p/q */
} search;

static double abscissa(const search *s, double u, double *derivative) {
  double y = exp(u);
  if (!s->by_side) return *derivative = cosh(u), sinh(u);
  *derivative = s->side * y;
  return s->side * y;
}

static double miss(const search *s, double u, double *derivative) {
  double d, x = abscissa(s, u, &d);
  pri_stable_value v = s->by_side ? pri_stable_at(s->l, x, false) : pri_stable_at(s->l, x, s->centred);
  *derivative = fabs(d) * exp(v.log_density) * (1 / v.lower + 1 / v.upper);
  double logit = v.lower <= 0 ? -1e300 : v.upper <= 0 ? 1e300 : log(v.lower) - log(v.upper);
  return (logit - s->goal) * (d < 0 ? -1 : 1);
}

double pri_stable_point(const pri_stable_law *l, double p, double q, bool centred) {
  if (p == q && l->beta == 0) return 0;
  double below = l->sign > 0 ? l->wide.beyond : l->wide.length, all = l->wide.beyond + l->wide.length;
  search s = {.l = l, .by_side = fabs(l->e) >= 0.05 && l->alpha < 2, .centred = centred, .goal = log(p) - log(q)};
  s.side = p * all < below ? -1 : 1;
  double lo = -1, hi = 1, d, top = s.by_side ? 709 : 700;
  for (double w = 2; lo > -top && miss(&s, lo, &d) > 0; w *= 2) hi = lo, lo = fmax(-top, lo - w);
  for (double w = 2; hi < top && miss(&s, hi, &d) < 0; w *= 2) lo = fmax(lo, hi), hi = fmin(top, hi + w);
  double u = (lo + hi) / 2;
  for (int i = 0; i < 200; i++) {
    double m = miss(&s, u, &d), next = u - m / d;
    if (m > 0) hi = u;
    else lo = u;
    if (fabs(next - u) <= 2e-16 * (1 + fabs(u)) || hi - lo <= 2e-16 * (1 + fabs(u))) break;
    u = next > lo && next < hi ? next : (lo + hi) / 2;
  }
  double x = abscissa(&s, u, &d);
  return s.by_side && centred ? x + l->sign * l->zeta : x;
}
