/* number.h - decimal numbers to and from doubles, whatever the locale. */
#ifndef PRI_NUMBER_H
#define PRI_NUMBER_H

#include <locale.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum { PRI_NUMBER, PRI_NO_NUMBER, PRI_TOO_LARGE } pri_reading;

/* The n characters at s, all of them, as the nearest double (ties to even). Optional sign, digits with at most one
** point, optional exponent; or inf, infinity, nan in any case. c: the "C" locale. */
pri_reading pri_read_double(const char *s, int64_t n, locale_t c, double *value);

enum { PRI_NUMBER_TEXT = 32 };
/* The shortest of 15, 16, 17 significant digits that reads back as x (single: 6 to 9 digits, as float). Returns the
** length. The calling thread's locale must write a point. */
int pri_write_double(char text[PRI_NUMBER_TEXT], double x, bool single, locale_t c);

#endif
