/* special_test.c - the special functions against published digits (60-digit arithmetic), identities and limits.
**
** The digits were computed from the definitions by arbitrary-precision series and quadrature; arguments are exact doubles. The bound of
** 2.3e-16 is
** one unit in the last place of the smallest mantissa: a result rounded from the neighbouring extended number passes, a lost bit does not.
*/
#include "support.h"
#include <perigee/numeric.h>
#include <stdlib.h>

typedef struct { const char *name; double x[3]; double want; } digits;
static const digits table[] = {
    {"digamma", {1e-08}, -100000000.57721564636},
    {"digamma", {0.25}, -4.2274535333762654081},
    {"digamma", {1.4616321449683622}, -9.2412655217294275168e-17},
    {"digamma", {1.47}, 0.0080664890113648684423},
    {"digamma", {3.0}, 0.92278433509846713939},
    {"digamma", {50.0}, 3.901989673427892197},
    {"digamma", {1000000000.0}, 20.723265836446411156},
    {"digamma", {-0.5}, 0.036489973978576520559},
    {"digamma", {-7.25}, 5.1899772149562878875},
    {"polygamma", {0.3, 1.0}, 12.245364546107731301},
    {"polygamma", {17.5, 1.0}, 0.058806588095783507448},
    {"polygamma", {2.0, 3.0}, 0.4939394022668291491},
    {"polygamma", {1000000.0, 2.0}, -1.0000010000005e-12},
    {"polygamma", {-0.7, 1.0}, 14.286180872638339627},
    {"polygamma", {-3.2, 4.0}, 74935.483412054695357},
    {"erfcx", {-3.0}, 16205.988853999586625},
    {"erfcx", {0.5}, 0.61569034419292587487},
    {"erfcx", {4.5}, 0.12248480427384141755},
    {"erfcx", {30.0}, 0.018795888861416751497},
    {"erfcx", {100000.0}, 5.6418958351954680777e-6},
    {"log_normal_cdf", {-10000.0}, -50000010.129278915181},
    {"log_normal_cdf", {-37.5}, -707.66898931750719107},
    {"log_normal_cdf", {-5.0}, -15.064998393988725736},
    {"log_normal_cdf", {-0.25}, -0.91306176481113505517},
    {"log_normal_cdf", {0.25}, -0.51298407540943043213},
    {"log_normal_cdf", {6.0}, -9.8658764552437573169e-10},
    {"log_normal_cdf", {9.0}, -1.1285884059538406478e-19},
    {"log1m_exp", {-1e-12}, -27.631021115929048228},
    {"log1m_exp", {-0.5}, -0.93275212956718857189},
    {"log1m_exp", {-3.0}, -0.051069180942701586539},
    {"log1m_exp", {-40.0}, -4.2483542552915890044e-18},
    {"lambert_w", {-0.36787944117144233}, -0.99999999999999997748},
    {"lambert_w", {-0.3678}, -0.97936071495783051713},
    {"lambert_w", {-0.1}, -0.11183255915896297182},
    {"lambert_w", {1e-09}, 9.9999999900000006378e-10},
    {"lambert_w", {1.0}, 0.567143290409783873},
    {"lambert_w", {10000000000.0}, 20.028685413304950781},
    {"lambert_w", {1e+300}, 684.24720862976084929},
    {"lambert_wm1", {-0.36787944117144233}, -0.99999999999999997748},
    {"lambert_wm1", {-0.3678}, -1.0209272394094254568},
    {"lambert_wm1", {-0.1}, -3.5771520639572971414},
    {"lambert_wm1", {-1e-09}, -23.89701958453165737},
    {"lambert_wm1", {-1e-300}, -697.32277629546016097},
    {"expint_e1", {1e-10}, 22.448635265138923943},
    {"expint_e1", {0.3}, 0.90567665167584673985},
    {"expint_e1", {1.999}, 0.048968229128618881331},
    {"expint_e1", {2.001}, 0.048832893788992570354},
    {"expint_e1", {10.0}, 4.1569689296853242774e-6},
    {"expint_e1", {600.0}, 4.4099897945098379716e-264},
    {"zeta", {-7.5}, 0.0032690395726002200217},
    {"zeta", {-2.25}, 0.0057588939680615191632},
    {"zeta", {-1.0}, -0.083333333333333333333},
    {"zeta", {0.0}, -0.5},
    {"zeta", {0.5}, -1.4603545088095868129},
    {"zeta", {1.0001}, 10000.57722294753897},
    {"zeta", {3.0}, 1.2020569031595942854},
    {"zeta", {20.5}, 1.0000006745156181679},
    {"log_beta", {1e-06, 2.0}, 13.815509557964774149},
    {"log_beta", {0.5, 0.5}, 1.1447298858494001741},
    {"log_beta", {3.25, 10000000.0}, -51.448009300130780438},
    {"log_beta", {100000.0, 1000000.0}, -335104.49695243038364},
    {"log_beta", {50.0, 30.0}, -53.468314737506927517},
    {"gamma_p", {0.01, 1e-09}, 0.81746895666247862279},
    {"gamma_p", {3.5, 0.001}, 2.7165516671667905862e-12},
    {"gamma_p", {3.5, 8.0}, 0.97488363925314722231},
    {"gamma_p", {200.0, 120.0}, 1.6377841449068918988e-11},
    {"gamma_q", {1e-09, 0.5}, 5.5977359506954063818e-10},
    {"gamma_q", {0.5, 0.9}, 0.17971249487899983675},
    {"gamma_q", {0.5, 30.0}, 9.4857375710738483885e-15},
    {"gamma_q", {3.5, 120.0}, 3.7162519992785525063e-48},
    {"gamma_q", {200.0, 300.0}, 3.3711032555258843237e-10},
    {"log_gamma_p", {50.0, 1e-08}, -1069.5118041591952262},
    {"log_gamma_p", {4000.0, 1000.0}, -2549.9558576369757562},
    {"log_gamma_q", {2.5, 1000.0}, -989.92155032737345093},
    {"log_gamma_q", {0.25, 4000.0}, -4007.5087471903646446},
    {"gamma_q", {200000.0, 201500.0}, 0.00040919620513516363052},
    {"gamma_p", {10000000.0, 9985000.0}, 1.0390101858082885543e-6},
    {"gamma_q", {10000000.0, 10002000.0}, 0.26352397015129485206},
    {"gamma_log_density", {0.2, 1e-05}, 7.6862665495453980766},
    {"gamma_log_density", {100000000.0, 100010000.0}, -10.629345570180988803},
    {"gamma_log_density", {7.0, 3.0}, -2.9875774800014428467},
    {"hurwitz_zeta", {1.5, 0.1}, 34.052975515075600347},
    {"hurwitz_zeta", {3.0, 40.5}, 0.00031245118966461644829},
    {"hurwitz_zeta", {12.25, 2.0}, 0.00020677197676123103212},
    {"hurwitz_zeta", {0.5, 10.0}, -6.1651246420854153802},
    {"hurwitz_zeta", {-1.5, 3.5}, -6.1270429505394030429},
    {"polylog", {-1.4, 0.3}, 0.75690018772004685104},
    {"polylog", {-1.4, 0.9}, 275.23227973064564233},
    {"polylog", {-0.6, 0.99}, 1404.6210586542993384},
    {"polylog", {-1.9, 0.99999999}, 2.8961625432935937979e+23},
    {"polylog", {-0.6, -0.95}, (-0.34975889760530716123 - 1.804157871694361762e-64j)},
    {"polylog", {0.5, -1.0}, -0.60489864342163037025},
    {"polylog", {2.0, 0.75}, 0.97846939293030610374},
    {"polylog", {2.0, -0.3}, -0.28007433375958289452},
    {"polylog", {2.0000001, 0.9}, 1.2997146795536267134},
    {"polylog", {3.0, 0.9999}, 1.2018924550845816252},
    {"polylog", {0.999, 0.8}, 1.6104129855220301027},
    {"polylog", {-3.0, -0.7}, 0.10979274673435422909},
    {"polylog", {1.5, 1.0}, 2.6123753486854883433},
    {"log_add_exp", {1.0, 2.0}, 2.313261687518222834},
    {"log_add_exp", {-3.0, -40.0}, -2.9999999999999999147},
    {"log_diff_exp", {2.0, 1.0}, 1.541324854612918109},
    {"log_diff_exp", {3.0, 2.9999}, -6.210390371557405863},
    {"log_normal_interval", {30.0, 31.0}, -454.32124395634325204},
    {"log_normal_interval", {-1.0, 2.0}, -0.20016629432446257995},
    {"log_normal_interval", {5.0, 5.0000001}, -29.537034431358671259},
    {"log_normal_interval", {-0.125, 0.25}, -1.907543787688091371},
    {"log_normal_interval", {-3.0, 1000.0}, -0.0013508099647481937988},
    {"bessel_ie", {0.0, 0.5}, 0.64503527044915006811},
    {"bessel_ie", {0.0, 29.0}, 0.074407468222225585054},
    {"bessel_ie", {0.0, 10000.0}, 0.0039894726746047321064},
    {"bessel_ie", {1.0, 3.0}, 0.19682671329730085363},
    {"bessel_ie", {2.5, 40.0}, 0.058465711408685896118},
    {"bessel_ie", {50.0, 3.0}, 1.0908287266395186449e-57},
    {"bessel_ie", {40.0, 2000.0}, 0.0059795261708903902624},
    {"bessel_ke", {0.0, 1e-06}, 13.931456005075458808},
    {"bessel_ke", {0.0, 1.0}, 1.1444630798068950147},
    {"bessel_ke", {1.0, 300.0}, 0.072450481667258409314},
    {"bessel_ke", {2.5, 0.7}, 17.089393359023104468},
    {"bessel_ke", {9.0, 5.0}, 372.8550983886421478},
    {"bessel_ke", {20.0, 40.0}, 25.193341131253586584},
    {"beta_p", {0.5, 0.5, 1e-10}, 6.3661977237819168421e-6},
    {"beta_p", {2.5, 7.0, 0.3}, 0.64122246297172117081},
    {"beta_p", {200.0, 30.0, 0.5}, 6.5456009584831472183e-33},
    {"beta_p", {1000.0, 1000.0, 0.45}, 3.6831988690075782797e-6},
    {"beta_q", {2.5, 7.0, 0.999}, 1.7781811681992731562e-20},
    {"beta_q", {0.5, 20.0, 0.75}, 1.3064152571621224138e-13},
    {"beta_q", {30.0, 200.0, 0.4}, 7.5730569475212192396e-20},
    {"log_beta_p", {3000.0, 2.0, 0.1}, -6899.85390162834427},
    {"log_beta_q", {2.0, 3000.0, 0.9}, -6899.8539016283451026},
    {"beta_log_density", {0.5, 3.0, 0.01}, 2.2179459001494716191},
    {"beta_log_density", {1000000.0, 2000000.0, 0.3334}, 7.2600635158251843489},
};

typedef struct { const char *name; int arity; double (*f1)(double); double (*f2)(double, double); double (*f3)(double, double, double); } entry;
#define ENTRY1(name, help) {#name, 1, peri_fn_##name, NULL, NULL},
#define ENTRY2(name, operands, help) {#name, 2, NULL, peri_fn_##name, NULL},
#define ENTRY3(name, operands, help) {#name, 3, NULL, NULL, peri_fn_##name},
static const entry entries[] = {PERI_SPECIAL1_LIST(ENTRY1) PERI_SPECIAL2_LIST(ENTRY2) PERI_SPECIAL3_LIST(ENTRY3)
                                {"digamma", 1, peri_fn_digamma, NULL, NULL}, {"polygamma", 2, NULL, peri_fn_polygamma, NULL}, {NULL, 0, NULL, NULL, NULL}};

static const entry *find(const char *name) {
  for (const entry *e = entries; e->name; e++)
    if (strcmp(e->name, name) == 0) return e;
  fail_msg("no function %s", name);
  return NULL;
}

static double call(const entry *e, const double *x) {
  return e->arity == 1 ? e->f1(x[0]) : e->arity == 2 ? e->f2(x[0], x[1]) : e->f3(x[0], x[1], x[2]);
}

static double relative(double got, double want) { return got == want ? 0 : fabs((got - want) / want); }

static void digits_are_right(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    const digits *d = &table[i];
    double got = call(find(d->name), d->x);
    if (!(relative(got, d->want) <= 2.3e-16))
      fail_msg("%s(%.17g, %.17g, %.17g) = %.17g, not %.17g", d->name, d->x[0], d->x[1], d->x[2], got, d->want);
  }
}

/* Every function of the library has digits above, but inverses, which are tested against what they invert. */
static void all_have_digits(void **state) {
  (void)state;
  for (const entry *e = entries; e->name; e++) {
    bool found = strstr(e->name, "_inverse") || strstr(e->name, "quantile");
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) found |= strcmp(table[i].name, e->name) == 0;
    if (!found) fail_msg("%s has no digits", e->name);
  }
}

static double uniform(double lo, double hi) { return lo + (hi - lo) * rand() / RAND_MAX; }
static double log_uniform(double lo, double hi) { return pow(10, uniform(lo, hi)); }

/* P(a, x) - P(a+1, x) = x^a e^-x / Gamma(a+1) = density of Gamma(a+1) at x; a and a + 1 lie on two sides of every change of method somewhere. */
static void incomplete_gamma_satisfies_its_recurrence(void **state) {
  (void)state;
  srand(1);
  for (int i = 0; i < 20000; i++) {
    double a = i % 4 == 0 ? 1e5 - uniform(0, 1) : log_uniform(-3, 5.5);
    double x = i % 2 ? log_uniform(-3, 5.5) : fmax(1e-3, a + sqrt(a) * uniform(-6, 6));
    if (a + 1 - a != 1) a = floor(a);
    double step = exp(peri_fn_gamma_log_density(a + 1, x));
    double by_p = peri_fn_gamma_p(a, x) - peri_fn_gamma_p(a + 1, x), by_q = peri_fn_gamma_q(a + 1, x) - peri_fn_gamma_q(a, x);
    double scale = fmin(peri_fn_gamma_p(a, x), peri_fn_gamma_q(a + 1, x)), tolerance = 4e-16 * scale + 3e-13 * step; /* e^(log f) loses |log f| ulps */
    double got = peri_fn_gamma_p(a, x) < 0.5 ? by_p : by_q;
    if (!(fabs(got - step) <= tolerance + 1e-300)) fail_msg("a = %.17g, x = %.17g: %.17g, not %.17g", a, x, got, step);
    NEAR(peri_fn_gamma_p(a, x) + peri_fn_gamma_q(a, x), 1, 2.3e-16);
  }
}

/* I_x(a, b) - I_x(a+1, b) = x^a (1-x)^b / (a B(a, b)) = density of Beta(a+1, b) at x, times (1-x)/(a+b) */
static void incomplete_beta_satisfies_its_recurrence(void **state) {
  (void)state;
  srand(2);
  for (int i = 0; i < 20000; i++) {
    double a = log_uniform(-2, 4), b = log_uniform(-2, 4), m = a / (a + b), x = i % 2 ? uniform(0, 1) : m + uniform(-5, 5) * sqrt(m * (1 - m) / (a + b + 1));
    if (!(x > 1e-9 && x < 1 - 1e-9)) continue;
    a = (a + 1) - 1;
    double step = exp(peri_fn_beta_log_density(a + 1, b, x)) * (1 - x) / (a + b);
    bool low = peri_fn_beta_p(a, b, x) < 0.5;
    double got = low ? peri_fn_beta_p(a, b, x) - peri_fn_beta_p(a + 1, b, x) : peri_fn_beta_q(a + 1, b, x) - peri_fn_beta_q(a, b, x);
    double scale = low ? peri_fn_beta_p(a, b, x) : peri_fn_beta_q(a + 1, b, x);
    if (!(fabs(got - step) <= 4e-16 * scale + 1e-12 * step + 1e-300)) fail_msg("%.17g %.17g %.17g: %.17g, not %.17g", a, b, x, got, step);
    assert_true(relative(peri_fn_beta_q(a, b, x), peri_fn_beta_p(b, a, 1 - x)) <= 1e-12 || x != 1 - (1 - x));
  }
}

/* f(inverse(p)) is p up to the rounding of x, which moves log p by |d log f / d log x| ulps. */
static void inverses_invert(void **state) {
  (void)state;
  srand(3);
  for (int i = 0; i < 4000; i++) {
    double a = log_uniform(-1.5, 5.2), b = log_uniform(-1.5, 4), p = i % 2 ? uniform(0, 1) : log_uniform(-290, 0);
    double x = peri_fn_gamma_p_inverse(a, p), slope = exp(peri_fn_gamma_log_density(a, x)) * x;
    if (x > 1e-300 && !(fabs(peri_fn_gamma_p(a, x) - p) <= 4e-16 * (slope + p))) fail_msg("gamma_p_inverse(%.17g, %.17g) = %.17g", a, p, x);
    x = peri_fn_gamma_q_inverse(a, p), slope = exp(peri_fn_gamma_log_density(a, x)) * x;
    if (x > 1e-300 && !(fabs(peri_fn_gamma_q(a, x) - p) <= 4e-16 * (slope + p))) fail_msg("gamma_q_inverse(%.17g, %.17g) = %.17g", a, p, x);
    x = peri_fn_beta_p_inverse(a, b, p), slope = exp(peri_fn_beta_log_density(a, b, x)) * x;
    if (x > 1e-300 && x < 1 - 1e-8 && !(fabs(peri_fn_beta_p(a, b, x) - p) <= 4e-16 * (slope + p))) fail_msg("beta_p_inverse(%.17g, %.17g, %.17g) = %.17g", a, b, p, x);
    x = peri_fn_beta_q_inverse(a, b, p), slope = exp(peri_fn_beta_log_density(a, b, x)) * x;
    if (x > 1e-300 && x < 1 - 1e-8 && !(fabs(peri_fn_beta_q(a, b, x) - p) <= 4e-16 * (slope + p))) fail_msg("beta_q_inverse(%.17g, %.17g, %.17g) = %.17g", a, b, p, x);
  }
  for (double t = -1e8; t < -1e-14; t *= 0.7) {
    double x = peri_fn_log_normal_quantile(t), slope = exp(-x * x / 2 - 0.91893853320467274 - t);
    NEAR(peri_fn_log_normal_cdf(x), t, 4e-16 * (fabs(t) + slope * fabs(x)));
  }
  NEAR(peri_fn_gamma_p_inverse(1, 0.5), M_LN2, 2e-16);
  NEAR(peri_fn_beta_p_inverse(2, 1, 0.25), 0.5, 1e-16);
}

static void zeta_functions_agree(void **state) {
  (void)state;
  for (double s = 1.25; s < 12; s += 0.25) {
    double li = peri_fn_polylog(s, 1 - 1e-13), z = peri_fn_zeta(s);
    NEAR(peri_fn_hurwitz_zeta(s, 1), z, 3e-16 * z);
    NEAR(peri_fn_polylog(s, 1), z, 3e-16 * z);
    NEAR(peri_fn_hurwitz_zeta(s, 3.5), peri_fn_hurwitz_zeta(s, 4.5) + pow(3.5, -s), 3e-16);
    assert_true(li < z);
    for (double x = 0.05; x < 1; x += 0.05) /* duplication joins the three methods */
      NEAR(peri_fn_polylog(s, x) + peri_fn_polylog(s, -x), pow(2, 1 - s) * peri_fn_polylog(s, x * x), 6e-16);
  }
  for (double x = -0.95; x < 1; x += 0.1) NEAR(peri_fn_polylog(-1, x), x / ((1 - x) * (1 - x)), 4e-16 * fabs(x) / ((1 - x) * (1 - x)));
}

static void outside_the_domain_there_is_no_number(void **state) {
  (void)state;
  static const digits bad[] = {
      {"digamma", {-3}, 0}, {"polygamma", {1, 0.5}, 0}, {"polygamma", {1, -1}, 0}, {"log_normal_quantile", {0.1}, 0}, {"log1m_exp", {0.1}, 0},
      {"lambert_w", {-0.368}, 0}, {"lambert_wm1", {0.1}, 0}, {"expint_e1", {-1}, 0}, {"gamma_p", {-1, 1}, 0}, {"gamma_q", {1, -1}, 0},
      {"gamma_p_inverse", {1, 1.5}, 0}, {"beta_p", {1, 1, 2}, 0}, {"beta_q", {0, 1, 0.5}, 0}, {"beta_p_inverse", {1, 1, -0.5}, 0}, {"polylog", {2, 1.5}, 0},
      {"log_diff_exp", {1, 2}, 0}, {"log_normal_interval", {1, 0}, 0}, {"bessel_ie", {0, -1}, 0}, {"bessel_ke", {0, -1}, 0}, {"hurwitz_zeta", {2, -1}, 0}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    if (!isnan(call(find(bad[i].name), bad[i].x))) fail_msg("%s(%g, ...) is a number", bad[i].name, bad[i].x[0]);
  for (const entry *e = entries; e->name; e++) /* and NaN stays NaN */
    for (int k = 0; k < e->arity; k++) {
      double x[3] = {0.5, 0.5, 0.5};
      x[k] = NAN;
      if (!isnan(call(e, x))) fail_msg("%s of NaN at %d is a number", e->name, k + 1);
    }
}

static void ends_are_limits(void **state) {
  (void)state;
  assert_true(peri_fn_gamma_p(2, 0) == 0 && peri_fn_gamma_p(2, INFINITY) == 1 && peri_fn_gamma_q(2, 0) == 1 && peri_fn_gamma_q(2, INFINITY) == 0);
  assert_true(peri_fn_beta_p(2, 3, 0) == 0 && peri_fn_beta_p(2, 3, 1) == 1 && peri_fn_beta_q(2, 3, 1) == 0);
  assert_true(peri_fn_gamma_p_inverse(2, 0) == 0 && isinf(peri_fn_gamma_p_inverse(2, 1)) && isinf(peri_fn_gamma_q_inverse(2, 0)));
  assert_true(peri_fn_log_gamma_p(2, 0) == -INFINITY && peri_fn_log_normal_cdf(-INFINITY) == -INFINITY && peri_fn_log_normal_cdf(INFINITY) == 0);
  assert_true(isinf(peri_fn_zeta(1)) && isinf(peri_fn_polylog(0.5, 1)) && peri_fn_polylog(2, 0) == 0 && peri_fn_lambert_w(0) == 0);
  assert_true(peri_fn_bessel_ie(0, 0) == 1 && peri_fn_bessel_ie(1, 0) == 0 && isinf(peri_fn_bessel_ke(0, 0)) && isinf(peri_fn_expint_e1(0)));
  assert_true(peri_fn_log_add_exp(-INFINITY, 2) == 2 && peri_fn_log_diff_exp(2, -INFINITY) == 2 && peri_fn_log_diff_exp(2, 2) == -INFINITY);
}

static void tensors_broadcast(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = MADE(peri_from(cx, PERI_F64, 2, (int64_t[]){2, 1}, (double[]){0.5, 3}));
  peri_tensor *x = MADE(peri_from(cx, PERI_F32, 1, (int64_t[]){3}, (float[]){0.25f, 1, 4}));
  peri_tensor *p = MADE(peri_gamma_p(a, x)), *narrow = MADE(peri_erfcx(x)), *whole = MADE(peri_zeros(cx, PERI_C128, 0, NULL));
  assert_int_equal(p->dims[0] * 10 + p->dims[1], 23);
  NEAR(((double *)p->data)[5], peri_fn_gamma_p(3, 4), 0);
  assert_int_equal(narrow->dtype, PERI_F32);
  NEAR(((float *)narrow->data)[2], (float)peri_fn_erfcx(4), 0);
  EXPECT_FAILS(peri_erfcx(whole), PERI_ERR_DTYPE, "numeric.erfcx: not defined for c128; it takes f32, f64");
  peri_release(a), peri_release(x), peri_release(p), peri_release(narrow), peri_release(whole);
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(digits_are_right), TEST(all_have_digits), TEST(incomplete_gamma_satisfies_its_recurrence),
                                     TEST(incomplete_beta_satisfies_its_recurrence), TEST(inverses_invert), TEST(zeta_functions_agree),
                                     TEST(outside_the_domain_there_is_no_number), TEST(ends_are_limits), TEST(tensors_broadcast)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
