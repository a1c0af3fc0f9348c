/* quantile.c - inverses of the incomplete gamma and beta functions.
**
** In u = log x (beta: u = log(x / (1-x))) the logarithm of a tail is monotone, concave in the cases met, and almost straight far out:
** Newton's
** method on log tail(u) = log p, whose slope is density / tail, converges. It is held between the best points on either side, and where
** it does not
** halve its steps (log Q falls like -e^u in the far tail) the interval is halved instead.
*/
#include "numeric/special.h"

typedef struct {
  double a, b;
  bool beta, lower;
  long double log_target;
} problem;

/* log tail(u) - log target and its slope */
static long double excess(const problem *p, long double u, long double *slope) {
  pri_tail t;
  long double log_d;
  if (p->beta) {
    long double x = 1 / (1 + expl(-u)), y = 1 / (1 + expl(u));
    t = pri_beta_tail(p->a, p->b, x, y);
    log_d = pri_beta_log_d(p->a, p->b, x, y);
  } else {
    long double x = expl(u);
    t = pri_gamma_tail(p->a, x);
    log_d = pri_gamma_log_d(p->a, x);
  }
  long double log_tail = pri_log_tail(&t, p->lower);
  *slope = expl(log_d - log_tail) * (p->lower ? 1 : -1);
  return log_tail - p->log_target;
}

static long double solve(const problem *p, long double u) {
  long double lo = -INFINITY, hi = INFINITY, stride = 1, last = INFINITY;
  for (int i = 0; i < 300; i++) {
    long double slope, f = excess(p, u, &slope);
    if ((f < 0) == p->lower)
      lo = u; /* the root lies above */
    else
      hi = u;
    long double next = u - f / slope;
    if (fabsl(next - u) <= 1e-13L * fmaxl(1, fabsl(u)) && slope != 0) return next;
    if (!(next > lo && next < hi) || (fabsl(next - u) > last / 2 && !isinf(lo) && !isinf(hi))) {
      if (isinf(lo))
        next = hi - stride;
      else if (isinf(hi))
        next = lo + stride;
      else
        next = (lo + hi) / 2;
      stride *= 2;
    }
    if (next == u) return u;
    last = fabsl(next - u);
    u = next;
  }
  return u;
}

/* The normal quantile of the lower tail p (or upper tail, if p is given as that). */
static long double score(long double log_p, bool lower) {
  long double z = log_p <= -PRI_LN2 ? pri_log_quantile(log_p) : -pri_log_quantile(logl(-expm1l(log_p)));
  return lower ? z : -z;
}

/* p + q = 1: solve for the smaller, which has all its digits only if it was the one given. */
static problem make(double a, double b, bool beta, double p, bool lower) {
  problem r = {.a = a, .b = b, .beta = beta, .lower = lower, .log_target = logl(p)};
  if (p > 0.5) r.lower = !lower, r.log_target = log1pl(-(long double)p);
  return r;
}

static double gamma_inverse(double a, double p, bool lower) {
  if (!(a > 0) || isinf(a) || !(p >= 0 && p <= 1)) return NAN;
  if (p == 0 || p == 1) return (p == 0) == lower ? 0 : INFINITY;
  problem r = make(a, 0, false, p, lower);
  long double z = score(r.log_target, r.lower), base = 1 - 1 / (9.0L * a) + z / (3 * sqrtl(a)); /* Wilson and Hilferty */
  long double log_lower = r.lower ? r.log_target : log1pl(-expl(r.log_target));
  long double u = base > 0.2L && a > 0.3 ? logl(a) + 3 * logl(base) : (log_lower + pri_log1p_gamma(a)) / a;
  return (double)expl(solve(&r, u));
}

static double beta_inverse(double a, double b, double p, bool lower) {
  if (!(a > 0) || !(b > 0) || isinf(a) || isinf(b) || !(p >= 0 && p <= 1)) return NAN;
  if (p == 0 || p == 1) return (p == 0) == lower ? 0 : 1;
  problem r = make(a, b, true, p, lower);
  long double u = logl(a / b) + score(r.log_target, r.lower) * sqrtl(1.0L / a + 1.0L / b);
  return (double)(1 / (1 + expl(-solve(&r, u))));
}

double peri_fn_gamma_p_inverse(double a, double p) { return gamma_inverse(a, p, true); }
double peri_fn_gamma_q_inverse(double a, double q) { return gamma_inverse(a, q, false); }
double peri_fn_beta_p_inverse(double a, double b, double p) { return beta_inverse(a, b, p, true); }
double peri_fn_beta_q_inverse(double a, double b, double q) { return beta_inverse(a, b, q, false); }
