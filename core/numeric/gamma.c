/* gamma.c - log B, the incomplete gamma function P(a, x) = 1 - Q(a, x) = int_0^x t^(a-1) e^-t dt / Gamma(a), and its density.
**
** With d = x^a e^-x / Gamma(a), whose logarithm is taken as -a phi((x - a)/a) + log(a / 2 pi)/2 - rest(a), phi(m) = m - log(1 + m), so that
** nothing cancels for large a:
**     P = d/a (1 + x/(a+1) + x^2/((a+1)(a+2)) + ...)                        x < a + 1
**     Q = d / (x+1-a - 1 (1-a) / (x+3-a - 2 (2-a) / (x+5-a - ...)))         beyond, Lentz's algorithm
**     Q = erfc(eta sqrt(a/2))/2 + e^(-a eta^2/2) / sqrt(2 pi a) sum_k C_k(eta) a^-k,  eta^2/2 = phi,    a >= 1e5 near x = a
**     Q = -expm1(a log x - log Gamma(1+a)) - x^a/Gamma(1+a) a sum_n (-x)^n / (n! (a+n))                  small a and x, where 1 - P cancels
** The time grows as sqrt(a) up to a = 1e5. Sources: Gautschi, ACM TOMS 5 (1979); Temme, Special Functions (1996), 11.2.4.
*/
#include "numeric/special.h"

/* ---- log Gamma in parts ---- */

long double pri_log1p_gamma(long double a) {
  static const long double zeta_over[] = {
      /* zeta(k) / k */
      1.644934066848226436472415L / 2,  1.202056903159594285399738L / 3,  1.082323233711138191516004L / 4,
      1.036927755143369926331365L / 5,  1.017343061984449139714518L / 6,  1.008349277381922826839798L / 7,
      1.004077356197944339378685L / 8,  1.002008392826082214417853L / 9,  1.000994575127818085337146L / 10,
      1.000494188604119464558702L / 11, 1.000246086553308048298638L / 12, 1.000122713347578489146752L / 13};
  if (fabsl(a) > 0.02) return lgammal(1 + a);
  long double r = 0;
  for (int k = 11; k >= 0; k--) r = (k % 2 ? -zeta_over[k] : zeta_over[k]) + a * r;
  return a * (a * r - PRI_EULER);
}

/* sum_j B_2j / (2j (2j-1) a^(2j-1)) from a = 12 on */
long double pri_stirling_rest(long double a) {
  static const long double c[] = {0.08333333333333333333333333L,    -0.002777777777777777777777778L, 0.0007936507936507936507936508L,
                                  -0.0005952380952380952380952381L, 0.0008417508417508417508417508L, -0.001917526917526917526917527L,
                                  0.00641025641025641025641025641L, -0.02955065359477124183006536L,  0.1796443723688305731649385L,
                                  -1.392432216905901116427432L,     13.40286404416839199447895L};
  if (a < 12) return lgammal(a) - (a - 0.5L) * logl(a) + a - PRI_HALF_LOG_2PI;
  long double w = 1 / (a * a), r = 0;
  for (int j = 10; j >= 0; j--) r = r * w + c[j];
  return r / a;
}

/* log(1+m) = 2 (r + r^3/3 + ...), r = m/(2+m), and m - 2r = m r */
long double pri_log_excess(long double m, long double ratio) {
  if (fabsl(m) > 0.3L) return m - logl(ratio);
  long double r = m / (2 + m), w = r * r, s = 0;
  for (int k = 29; k >= 3; k -= 2) s = s * w + 1.0L / k;
  return m * r - 2 * r * w * s;
}

double peri_fn_log_beta(double a, double b) {
  if (isnan(a) || isnan(b) || a < 0 || b < 0) return NAN;
  if (a == 0 || b == 0) return isinf(a) || isinf(b) ? NAN : INFINITY;
  if (isinf(a) || isinf(b)) return -INFINITY;
  double small = fmin(a, b), large = fmax(a, b);
  if (large < 12) return (double)(lgammal(small) + (lgammal(large) - lgammal((long double)small + large)));
  long double s = (long double)small + large;
  /* (small - 1/2) log(small/s) + large log(large/s) + (log 2 pi - log large)/2 + the rests */
  long double lg = small < 12 ? lgammal(small) - PRI_HALF_LOG_2PI + small - (small - 0.5L) * logl(small) : pri_stirling_rest(small);
  return (double)((small - 0.5L) * logl(small / s) + large * log1pl(-small / s) + (PRI_HALF_LOG_2PI - 0.5L * logl(large)) +
                  (lg + (pri_stirling_rest(large) - pri_stirling_rest(s))));
}

/* ---- the incomplete gamma function ---- */

long double pri_gamma_log_d(double a, long double x) {
  if (a < 0.5) return a * logl(x) - x - pri_log1p_gamma(a) + logl(a);
  return -a * pri_log_excess((x - a) / a, x / a) + 0.5L * logl(a) - PRI_HALF_LOG_2PI - pri_stirling_rest(a);
}

enum { MAX_TERMS = 20000 }; /* some 5000 are needed at a = 1e5 */

static long double series(long double a, long double x) {
  long double term = 1, sum = 1;
  for (int n = 1; n < MAX_TERMS && term > 1e-21L * sum; n++) sum += term *= x / (a + n);
  return sum / a;
}

static long double fraction(long double a, long double x) {
  long double b = x + 1 - a, c = 0, d = 1 / b, h = d;
  for (int n = 1; n < MAX_TERMS; n++) {
    long double num = -n * (n - a);
    b += 2;
    d = 1 / (num * d + b);
    c = n == 1 ? b : b + num / c;
    long double step = c * d;
    h *= step;
    if (fabsl(step - 1) < 2e-19L) break;
  }
  return h;
}

static pri_tail small_both(double a, long double x) {
  long double log_power = a * logl(x) - pri_log1p_gamma(a), sum = 0, term = 1;
  for (int n = 1; n < 60; n++) {
    term *= -x / n;
    sum += term / (a + n);
    if (fabsl(term) < 1e-21L * fabsl(sum)) break;
  }
  long double q = -expm1l(log_power) - expl(log_power) * a * sum;
  if (q < 0.7L) return (pri_tail){.factor = q};
  return (pri_tail){.lower = true, .log_d = log_power, .factor = 1 + a * sum};
}

static pri_tail uniform(double a, long double m) {
  static const long double c[4][15] = {
      {-0.3333333333333333333333333L, 0.08333333333333333333333333L, -0.01481481481481481481481481L, 0.001157407407407407407407407L,
       0.0003527336860670194003527337L, -0.0001787551440329218106995885L, 0.00003919263178522437781697041L,
       -0.000002185448510679992161473643L, -0.000001854062210715159960701799L, 0.0000008296711340953086005016242L,
       -0.0000001766595273682607930436005L, 6.707853543401498580369397e-9L, 1.026180978424030804257396e-8L, -4.382036018453353186552975e-9L,
       9.147699582236790234182488e-10L},
      {-0.001851851851851851851851852L, -0.003472222222222222222222222L, 0.002645502645502645502645503L, -0.000990226337448559670781893L,
       0.0002057613168724279835390947L, -0.0000004018775720164609053497942L, -0.00001809855033448997783702859L,
       0.000007649160916081110084637421L, -0.000001612090089456344600377522L, 4.64712780280743434226135e-9L,
       0.0000001378633446915720959311875L},
      {0.004133597883597883597883598L, -0.002681327160493827160493827L, 0.0007716049382716049382716049L, 0.000002009387860082304526748971L,
       -0.0001073665322636516052153912L, 0.00005292344882912012541642171L, -0.00001276063518861872771337792L, 3.4235787340961380741902e-8L},
      {0.0006494341563786008230452675L, 0.0002294720936213991769547325L, -0.0004691894943952557121281401L, 0.0002677206320628388529623098L,
       -0.00007561801671883976410725382L}};
  long double phi = pri_log_excess(m, 1 + m), eta = copysignl(sqrtl(2 * phi), m), sum = 0;
  for (int k = 3; k >= 0; k--) {
    long double ck = 0;
    for (int n = 14; n >= 0; n--) ck = ck * eta + c[k][n];
    sum = sum / a + ck;
  }
  long double z = fabsl(eta) * sqrtl(a / 2.0L), correction = sum / sqrtl(2 * PRI_PI * a);
  return (pri_tail){.lower = m < 0, .log_d = -a * phi, .factor = pri_erfcx(z) / 2 + (m < 0 ? -correction : correction)};
}

pri_tail pri_gamma_tail(double a, long double x) {
  if (isnan(a) || isnan(x) || a < 0 || x < 0 || (isinf(a) && isinf(x))) return (pri_tail){.invalid = true};
  if (x == 0 || isinf(a)) return (pri_tail){.lower = a > 0, .factor = 0};
  if (isinf(x) || a == 0) return (pri_tail){.factor = 0};
  long double m = (x - a) / a;
  if (a >= 1e5 && fabsl(m) < 0.2L) return uniform(a, m);
  if (a < 1 && x < 1.1L) return small_both(a, x);
  if (x < (a < 1 ? 1.1L : (long double)a + 1)) return (pri_tail){.lower = true, .log_d = pri_gamma_log_d(a, x), .factor = series(a, x)};
  return (pri_tail){.log_d = pri_gamma_log_d(a, x), .factor = fraction(a, x)};
}

double pri_tail_of(const pri_tail *t, bool lower) {
  if (t->invalid) return NAN;
  long double r = expl(t->log_d) * t->factor;
  return (double)(t->lower == lower ? r : 1 - r);
}

long double pri_log_tail(const pri_tail *t, bool lower) {
  if (t->invalid) return NAN;
  if (t->lower == lower) return t->log_d + logl(t->factor);
  return log1pl(-expl(t->log_d) * t->factor);
}

double peri_fn_gamma_p(double a, double x) {
  pri_tail t = pri_gamma_tail(a, x);
  return pri_tail_of(&t, true);
}
double peri_fn_gamma_q(double a, double x) {
  pri_tail t = pri_gamma_tail(a, x);
  return pri_tail_of(&t, false);
}
double peri_fn_log_gamma_p(double a, double x) {
  pri_tail t = pri_gamma_tail(a, x);
  return (double)pri_log_tail(&t, true);
}
double peri_fn_log_gamma_q(double a, double x) {
  pri_tail t = pri_gamma_tail(a, x);
  return (double)pri_log_tail(&t, false);
}

double peri_fn_gamma_log_density(double a, double x) {
  if (isnan(a) || isnan(x) || a <= 0 || isinf(a)) return NAN;
  if (x < 0 || isinf(x)) return -INFINITY;
  if (x == 0) return a < 1 ? INFINITY : a == 1 ? 0 : -INFINITY;
  return (double)(pri_gamma_log_d(a, x) - logl(x));
}
