/* npy_header.c - the dictionary in front of an NPY array.
**
** It is a Python literal with exactly the keys descr, fortran_order and shape, in any order:
**     {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }
** followed by blanks and a newline. This reads that and nothing else of Python.
** Source: NumPy enhancement proposal 1 and numpy/lib/format.py.
*/
#include "io/npy_header.h"
#include <ctype.h>
#include <stdio.h>

typedef struct {
  const pri_source *s;
  const char *p, *end, *from;
} scanner;

static void skip(scanner *c) {
  while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r')) c->p++;
}

static bool accept(scanner *c, char ch) {
  skip(c);
  if (c->p >= c->end || *c->p != ch) return false;
  c->p++;
  return true;
}

static peri_status broken(const scanner *c, const char *what) {
  return pri_malformed(c->s, "the header is no NPY dictionary: %s expected at byte %lld of it", what,
                       (long long)(c->p - c->from));
}

/* 'text' or "text" without escapes. */
static peri_status quoted(scanner *c, const char **text, int *length) {
  skip(c);
  char quote = c->p < c->end ? *c->p : 0;
  if (quote != '\'' && quote != '"') return broken(c, "a quoted word");
  const char *from = ++c->p;
  while (c->p < c->end && *c->p != quote && *c->p != '\\' && *c->p != '\n') c->p++;
  if (c->p >= c->end || *c->p != quote) return broken(c, "a closing quote");
  *text = from;
  *length = (int)(c->p++ - from);
  return PERI_OK;
}

/* ---- descr ---- */

static peri_status unsupported(const pri_npy_header *h, const pri_source *s) {
  return pri_malformed(
      s, "descriptor '%s' is not supported; known are b1 i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16 in either byte order",
      h->descr);
}

static bool known(char letter, int bytes) {
  switch (letter) {
  case 'b': return bytes == 1;
  case 'i':
  case 'u': return bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8;
  case 'f': return bytes == 2 || bytes == 4 || bytes == 8;
  case 'c': return bytes == 8 || bytes == 16;
  default: return false;
  }
}

/* A list of fields or anything else that is no string: quoted in the refusal, up to the closing bracket. */
static peri_status structured(scanner *c, pri_npy_header *h) {
  const char *from = c->p;
  int length = 0;
  while (c->p < c->end && *c->p != '\n' && length < (int)sizeof h->descr - 1) length++, c->p++;
  snprintf(h->descr, sizeof h->descr, "%.*s", length, from);
  for (char *q = h->descr; *q; q++)
    if (*q == ']' && q[1] != ')') {
      q[1] = 0;
      break;
    }
  return unsupported(h, c->s);
}

static peri_status read_descr(scanner *c, pri_npy_header *h) {
  const char *text;
  int length;
  skip(c);
  if (c->p < c->end && *c->p != '\'' && *c->p != '"') return structured(c, h);
  if (quoted(c, &text, &length)) return c->s->cx->code;
  snprintf(h->descr, sizeof h->descr, "%.*s", length, text);
  for (char *q = h->descr; *q; q++)
    if (!isprint((unsigned char)*q)) *q = '?';
  char order = h->descr[0];
  if (length < 3 || length > 4 || !strchr("<>|=", order)) return unsupported(h, c->s);
  h->letter = h->descr[1];
  h->bytes = 0;
  for (const char *q = h->descr + 2; *q; q++) {
    if (*q < '0' || *q > '9' || (q == h->descr + 2 && *q == '0')) return unsupported(h, c->s);
    h->bytes = 10 * h->bytes + (*q - '0');
  }
  if (!known(h->letter, h->bytes) || (order == '|' && h->bytes > 1)) return unsupported(h, c->s);
  char native = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '<' : '>';
  h->swapped = h->bytes > 1 && order != '=' && order != native;
  return PERI_OK;
}

/* ---- shape ---- */

static peri_status bad_shape(const scanner *c, const char *from, const char *why) {
  const char *to = from;
  while (to < c->end && *to != ')' && *to != '\n') to++;
  if (to < c->end && *to == ')') to++;
  return pri_malformed(c->s, "shape %.*s: %s", (int)(to - from < 100 ? to - from : 100), from, why);
}

static bool digits(scanner *c, int64_t *v, bool *huge) {
  const char *from = c->p;
  *v = 0;
  *huge = false;
  for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++)
    *huge |= __builtin_mul_overflow(*v, (int64_t)10, v) || __builtin_add_overflow(*v, (int64_t)(*c->p - '0'), v);
  if (c->p < c->end && *c->p == 'L' && c->p > from) c->p++; /* written by Python 2 */
  return c->p > from;
}

static peri_status count(scanner *c, pri_npy_header *h, const char *from) {
  bool empty = false, huge = false;
  int64_t n = 1;
  for (int i = 0; i < h->nd; i++) {
    if (h->dims[i] == 0)
      empty = true;
    else
      huge |= __builtin_mul_overflow(n, h->dims[i], &n);
  }
  int64_t bytes;
  if (huge || __builtin_mul_overflow(n, (int64_t)16, &bytes)) return bad_shape(c, from, "larger than any memory");
  h->size = empty ? 0 : n;
  return PERI_OK;
}

static peri_status read_shape(scanner *c, pri_npy_header *h) {
  skip(c);
  const char *from = c->p;
  bool comma = true, huge;
  if (!accept(c, '(')) return broken(c, "the tuple of a shape");
  h->nd = 0;
  while (!accept(c, ')')) {
    int64_t d;
    skip(c);
    if (!comma || !digits(c, &d, &huge)) return bad_shape(c, from, "dimensions must be whole numbers >= 0");
    if (huge) return bad_shape(c, from, "larger than any memory");
    if (h->nd == PERI_MAXDIM) {
      char why[64];
      snprintf(why, sizeof why, "at most %d dimensions are supported", PERI_MAXDIM);
      return bad_shape(c, from, why);
    }
    h->dims[h->nd++] = d;
    comma = accept(c, ',');
  }
  if (h->nd == 1 && !comma) return bad_shape(c, from, "is no tuple");
  return count(c, h, from);
}

/* ---- the whole ---- */

static peri_status read_flag(scanner *c, bool *flag) {
  static const struct {
    const char *word;
    bool value;
  } words[] = {{"True", true}, {"False", false}};
  skip(c);
  for (int i = 0; i < 2; i++) {
    size_t n = strlen(words[i].word);
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, words[i].word, n) != 0) continue;
    c->p += n;
    *flag = words[i].value;
    return PERI_OK;
  }
  return broken(c, "True or False");
}

static peri_status read_entry(scanner *c, pri_npy_header *h, unsigned *seen) {
  static const char *const keys[] = {"descr", "fortran_order", "shape"};
  const char *key;
  int length, k = 0;
  if (quoted(c, &key, &length)) return c->s->cx->code;
  while (k < 3 && !(strlen(keys[k]) == (size_t)length && memcmp(keys[k], key, (size_t)length) == 0)) k++;
  if (k == 3 || *seen & 1u << k)
    return pri_malformed(c->s, "the header has %s key '%.*s'", k == 3 ? "an unknown" : "twice the",
                         length < 60 ? length : 60, key);
  *seen |= 1u << k;
  if (!accept(c, ':')) return broken(c, "a colon");
  if (k == 0) return read_descr(c, h);
  return k == 1 ? read_flag(c, &h->fortran) : read_shape(c, h);
}

peri_status pri_npy_parse(pri_npy_header *h, const pri_source *s, const char *text, int64_t n) {
  scanner c = {s, text, text + n, text};
  unsigned seen = 0;
  memset(h, 0, sizeof *h);
  if (n == 0 || text[n - 1] != '\n') return pri_malformed(s, "the header does not end with a newline");
  if (!accept(&c, '{')) return broken(&c, "an opening brace");
  while (!accept(&c, '}')) {
    if (read_entry(&c, h, &seen)) return s->cx->code;
    if (accept(&c, ',')) continue;
    if (!accept(&c, '}')) return broken(&c, "a comma or a closing brace");
    break;
  }
  skip(&c);
  if (c.p != c.end) return broken(&c, "nothing but blanks");
  if (seen != 7) return pri_malformed(s, "the header lacks one of the keys descr, fortran_order, shape");
  return PERI_OK;
}
