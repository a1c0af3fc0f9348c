/* state.c - a stream as one line of text:
**
**     perigee-stream-1 dxsm STATE INC KEY CHECK
**
** with 32, 32, 64 and 16 hexadecimal digits; CHECK is the first 64 bits of BLAKE2s-256 over everything before it.
*/
#include "random/random.h"
#include <stdio.h>

static const char *const output_names[] = {"dxsm", "xslrr"};

uint64_t pri_checksum(const void *text, size_t n) {
  pri_blake2s b;
  uint8_t d[32];
  pri_blake2s_start(&b, "perigee1");
  pri_blake2s_add(&b, text, n);
  pri_blake2s_end(&b, d);
  uint64_t x = 0;
  for (int i = 0; i < 8; i++) x = x << 8 | d[i];
  return x;
}

typedef unsigned long long ull;

void peri_stream_save(const peri_stream *s, char text[PERI_STREAM_TEXT]) {
  int n = snprintf(text, PERI_STREAM_TEXT, "perigee-stream-1 %s %016llx%016llx %016llx%016llx %016llx%016llx%016llx%016llx ",
                   output_names[s->output], (ull)s->state.hi, (ull)s->state.lo, (ull)s->inc.hi, (ull)s->inc.lo, (ull)s->key[0],
                   (ull)s->key[1], (ull)s->key[2], (ull)s->key[3]);
  snprintf(text + n, (size_t)(PERI_STREAM_TEXT - n), "%016llx", (ull)pri_checksum(text, (size_t)n));
}

const char *pri_read_hex(const char *p, uint64_t *w, int words, char end) {
  for (int i = 0; p && i < words; i++) {
    w[i] = 0;
    for (int k = 0; k < 16; k++, p++) {
      int d = *p >= '0' && *p <= '9' ? *p - '0' : *p >= 'a' && *p <= 'f' ? *p - 'a' + 10 : -1;
      if (d < 0) return NULL;
      w[i] = w[i] << 4 | (uint64_t)d;
    }
  }
  return *p == end ? p + 1 : NULL;
}

static const char *skip(const char *p, const char *prefix) {
  size_t n = strlen(prefix);
  return strncmp(p, prefix, n) == 0 ? p + n : NULL;
}

peri_status peri_stream_load(peri_ctx *cx, peri_stream *s, const char *text) {
  const char *p = skip(text, "perigee-stream-1 "), *q, *digits;
  if (!p) return peri_fail(cx, PERI_ERR_FORMAT, "random.state: this is not the state of a stream: '%.40s'", text);
  peri_output o = skip(p, "dxsm ") ? PERI_DXSM : PERI_XSLRR;
  digits = skip(p, o == PERI_DXSM ? "dxsm " : "xslrr ");
  if (digits && o != s->output)
    return peri_fail(cx, PERI_ERR_FORMAT, "random.state: the state is of a generator with output '%s', this one has '%s'", output_names[o],
                     output_names[s->output]);
  uint64_t w[8], check;
  p = digits ? pri_read_hex(digits, w, 2, ' ') : NULL;
  p = p ? pri_read_hex(p, w + 2, 2, ' ') : NULL;
  p = q = p ? pri_read_hex(p, w + 4, 4, ' ') : NULL;
  p = p ? pri_read_hex(p, &check, 1, '\0') : NULL;
  if (!p) return peri_fail(cx, PERI_ERR_FORMAT, "random.state: the text is truncated or not well formed: '%.40s'", text);
  if (check != pri_checksum(text, (size_t)(q - text)))
    return peri_fail(cx, PERI_ERR_FORMAT, "random.state: the checksum does not match; the text was altered");
  if (!(w[3] & 1)) return peri_fail(cx, PERI_ERR_FORMAT, "random.state: the increment must be odd, got ...%016llx", (ull)w[3]);
  *s = (peri_stream){{w[0], w[1]}, {w[2], w[3]}, {w[4], w[5], w[6], w[7]}, o};
  return PERI_OK;
}
