/* number.c - decimal numbers to and from doubles.
**
** Reading: the digits as an integer w < 2^64 and a power of ten e. If w <= 2^53 and |e| <= 22, one double operation
** on exact operands rounds correctly (Clinger). Otherwise, if |e| <= 27, one operation of the 64-bit extended format
** gives w 10^e to within half a unit of its last place; its rounding to 53 bits is right unless it lies within one
** such unit of halfway between two doubles, which happens about once in a thousand times. What is left (that, more
** digits, larger exponents) goes to the C library. Source: W. D. Clinger, How to read floating point numbers
** accurately, PLDI 1990.
*/
#define _GNU_SOURCE /* strtod_l */
#include "io/number.h"
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LONGEST = 1024 };

static const double ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                             1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

#if LDBL_MANT_DIG == 64
static const long double long_ten[] = {1e0L,  1e1L,  1e2L,  1e3L,  1e4L,  1e5L,  1e6L,  1e7L,  1e8L,  1e9L,
                                       1e10L, 1e11L, 1e12L, 1e13L, 1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L,
                                       1e20L, 1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L};

static bool by_extended(uint64_t w, int e, double *value) {
  if (e < -27 || e > 27 || w == 0) return false;
  long double x = e < 0 ? (long double)w / long_ten[-e] : (long double)w * long_ten[e];
  uint64_t fraction;
  memcpy(&fraction, &x, sizeof fraction); /* the 64 bits of the significand */
  uint64_t below = fraction & 0x7ff;      /* what a double drops; halfway is 0x400 */
  if (below >= 0x3ff && below <= 0x401) return false;
  *value = (double)x;
  return true;
}
#else
static bool by_extended(uint64_t w, int e, double *value) { return (void)w, (void)e, (void)value, false; }
#endif

/* s is NUL-terminated here and known to be a number's spelling. */
static pri_reading by_library(const char *s, int64_t n, locale_t c, double *value) {
  char text[LONGEST];
  if (n >= LONGEST) return PRI_NO_NUMBER;
  memcpy(text, s, (size_t)n);
  text[n] = 0;
  *value = strtod_l(text, NULL, c);
  return isinf(*value) ? PRI_TOO_LARGE : PRI_NUMBER;
}

static pri_reading by_word(const char *s, int64_t n, bool negative, double *value) {
  static const struct {
    const char *word;
    double value;
  } words[] = {{"inf", INFINITY}, {"infinity", INFINITY}, {"nan", NAN}};
  for (int i = 0; i < 3; i++)
    if ((size_t)n == strlen(words[i].word) && strncasecmp(s, words[i].word, (size_t)n) == 0) {
      *value = negative ? -words[i].value : words[i].value;
      return PRI_NUMBER;
    }
  return PRI_NO_NUMBER;
}

typedef struct {
  const char *p, *end;
  uint64_t w;
  int64_t digits, point;
  bool inexact;
} decimal;

/* Digits into w as long as they fit; point counts those behind the point. */
static void take_digits(decimal *d, bool fraction) {
  for (; d->p < d->end && *d->p >= '0' && *d->p <= '9'; d->p++, d->digits++) {
    unsigned digit = (unsigned)(*d->p - '0');
    if (d->w > (UINT64_MAX - 9) / 10)
      d->inexact = true;
    else
      d->w = 10 * d->w + digit;
    d->point += fraction;
  }
}

static bool take_exponent(decimal *d, int64_t *e) {
  *e = 0;
  if (d->p == d->end) return true;
  if (*d->p != 'e' && *d->p != 'E') return false;
  d->p++;
  bool negative = d->p < d->end && *d->p == '-';
  if (d->p < d->end && (*d->p == '-' || *d->p == '+')) d->p++;
  if (d->p == d->end) return false;
  for (; d->p < d->end && *d->p >= '0' && *d->p <= '9'; d->p++)
    if (*e < 1000000) *e = 10 * *e + (*d->p - '0');
  if (negative) *e = -*e;
  return d->p == d->end;
}

pri_reading pri_read_double(const char *s, int64_t n, locale_t c, double *value) {
  decimal d = {.p = s, .end = s + n};
  int64_t e;
  bool negative = n > 0 && *s == '-';
  if (n > 0 && (*s == '-' || *s == '+')) d.p++;
  const char *body = d.p;
  take_digits(&d, false);
  if (d.p < d.end && *d.p == '.') d.p++, take_digits(&d, true);
  if (d.digits == 0) return by_word(body, d.end - body, negative, value);
  if (!take_exponent(&d, &e)) return PRI_NO_NUMBER;
  e -= d.point;
  if (!d.inexact && d.w <= (uint64_t)1 << 53 && e >= -22 && e <= 22)
    *value = e < 0 ? (double)d.w / ten[-e] : (double)d.w * ten[e];
  else if (d.inexact || e < -27 || e > 27 || !by_extended(d.w, (int)e, value))
    return by_library(s, n, c, value);
  if (negative) *value = -*value;
  return PRI_NUMBER;
}

/* ---- writing ---- */

static bool reads_back(const char *text, int n, double x, bool single, locale_t c) {
  double y;
  if (pri_read_double(text, n, c, &y) != PRI_NUMBER) return false;
  return single ? (float)y == (float)x : y == x;
}

int pri_write_double(char text[PRI_NUMBER_TEXT], double x, bool single, locale_t c) {
  if (isnan(x)) return snprintf(text, PRI_NUMBER_TEXT, "nan");
  if (isinf(x)) return snprintf(text, PRI_NUMBER_TEXT, x < 0 ? "-inf" : "inf");
  if (fabs(x) < 1e15 && x == (double)(int64_t)x) /* -0 keeps its sign */
    return snprintf(text, PRI_NUMBER_TEXT, "%s%lld", signbit(x) && x == 0 ? "-" : "", (long long)x);
  int digits = single ? 6 : 15, most = single ? 9 : 17, n = 0;
  for (; digits <= most; digits++) {
    n = snprintf(text, PRI_NUMBER_TEXT, "%.*g", digits, x);
    if (digits == most || reads_back(text, n, x, single, c)) break;
  }
  return n;
}
