/* zip_write.c - writing a ZIP archive whose bytes depend on its members alone.
**
** The date of every member is the first of January 1980. Sizes and checksum are filled into the local header when
** the member is complete. ZIP64 fields appear only where a number needs them.
*/
#include "io/zip.h"

enum { OUT = 1 << 16, DATE = 33, FLAG_UTF8 = 1 << 11, LIMIT = 0xF0000000u };

static bool plain_ascii(const char *name) {
  for (; *name; name++)
    if ((unsigned char)*name > 126) return false;
  return true;
}

/* The 26 bytes that a local header and an entry share, from `version needed` on. */
static void common(unsigned char *p, const pri_member *m, bool wide) {
  memset(p, 0, 26);
  pri_put_little(p, wide ? 45 : 20, 2);
  pri_put_little(p + 2, plain_ascii(m->name) ? 0 : FLAG_UTF8, 2);
  pri_put_little(p + 4, m->deflated ? 8 : 0, 2);
  pri_put_little(p + 8, DATE, 2);
  pri_put_little(p + 10, m->crc, 4);
  pri_put_little(p + 14, wide ? 0xffffffff : (uint64_t)m->packed, 4);
  pri_put_little(p + 18, wide ? 0xffffffff : (uint64_t)m->size, 4);
  pri_put_little(p + 22, strlen(m->name), 2);
}

/* Decided before the member is packed, which may make it longer, but not by the sixteenth that LIMIT leaves free. */
static bool wide(const pri_member *m) { return m->size >= LIMIT; }

static int local_header(const pri_member *m, unsigned char *h) {
  int name = (int)strlen(m->name), n = 30 + name;
  memcpy(h, "PK\3\4", 4);
  common(h + 4, m, wide(m));
  memcpy(h + 30, m->name, (size_t)name);
  if (!wide(m)) return n;
  pri_put_little(h + 28, 20, 2);
  pri_put_little(h + n, 1, 2);
  pri_put_little(h + n + 2, 16, 2);
  pri_put_little(h + n + 4, (uint64_t)m->size, 8);
  pri_put_little(h + n + 12, (uint64_t)m->packed, 8);
  return n + 20;
}

static peri_status grow(pri_zip_writer *w) {
  if (w->n < w->room) return PERI_OK;
  peri_ctx *cx = w->sink->cx;
  int64_t room = w->room ? 2 * w->room : 8;
  pri_member *more = peri_alloc(cx, (size_t)room * sizeof *more);
  if (!more) return cx->code;
  if (w->members) {
    memcpy(more, w->members, (size_t)w->n * sizeof *more);
    peri_free(cx, w->members, (size_t)w->room * sizeof *more);
  }
  w->members = more;
  w->room = room;
  return PERI_OK;
}

static peri_status start_deflate(pri_zip_writer *w) {
  peri_ctx *cx = w->sink->cx;
  w->out = peri_alloc(cx, OUT);
  if (!w->out) return cx->code;
  pri_zlib_memory(&w->z, cx);
  if (deflateInit2(&w->z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK) return PERI_OK;
  peri_free(cx, w->out, OUT);
  w->out = NULL;
  return peri_fail(cx, PERI_ERR_MEMORY, "%s: no memory to compress", w->sink->who);
}

peri_status pri_zip_begin(pri_zip_writer *w, const char *name, int64_t size) {
  unsigned char h[30 + PRI_NAME + 20];
  if (grow(w) || (w->deflate && start_deflate(w))) return w->sink->cx->code;
  pri_member *m = &w->members[w->n++];
  *m = (pri_member){
      .record = pri_sink_at(w->sink), .size = size, .crc = (uint32_t)crc32(0, NULL, 0), .deflated = w->deflate};
  strcpy(m->name, name);
  return pri_sink_write(w->sink, h, local_header(m, h));
}

static peri_status deflate_some(pri_zip_writer *w, const void *bytes, int64_t n, int how) {
  w->z.next_in = (unsigned char *)(uintptr_t)bytes;
  w->z.avail_in = (uInt)n;
  do {
    w->z.next_out = w->out;
    w->z.avail_out = OUT;
    deflate(&w->z, how);
    w->members[w->n - 1].packed += OUT - (int64_t)w->z.avail_out;
    if (pri_sink_write(w->sink, w->out, OUT - (int64_t)w->z.avail_out)) return w->sink->cx->code;
  } while (w->z.avail_out == 0);
  return PERI_OK;
}

/* n is at most a mebibyte: the pieces of pri_npy_put. */
peri_status pri_zip_put(void *ud, const void *bytes, int64_t n) {
  pri_zip_writer *w = ud;
  pri_member *m = &w->members[w->n - 1];
  m->crc = (uint32_t)crc32(m->crc, bytes, (uInt)n);
  if (w->deflate) return deflate_some(w, bytes, n, Z_NO_FLUSH);
  m->packed += n;
  return pri_sink_write(w->sink, bytes, n);
}

peri_status pri_zip_end(pri_zip_writer *w, peri_status st) {
  unsigned char h[30 + PRI_NAME + 20];
  if (w->deflate && w->out) {
    if (!st) st = deflate_some(w, NULL, 0, Z_FINISH);
    deflateEnd(&w->z);
    peri_free(w->sink->cx, w->out, OUT);
    w->out = NULL;
  }
  if (st) return st;
  pri_member *m = &w->members[w->n - 1];
  return pri_sink_patch(w->sink, m->record, h, local_header(m, h));
}

/* ---- directory ---- */

static peri_status entry(pri_zip_writer *w, const pri_member *m) {
  unsigned char e[46 + PRI_NAME + 28] = "PK\1\2";
  bool sizes = wide(m), far = m->record >= LIMIT;
  int name = (int)strlen(m->name), n = 46 + name, extra = (sizes ? 16 : 0) + (far ? 8 : 0);
  pri_put_little(e + 4, 3 << 8 | (sizes || far ? 45 : 20), 2); /* made on Unix */
  common(e + 6, m, sizes);
  if (far) pri_put_little(e + 6, 45, 2);
  pri_put_little(e + 30, extra ? (uint64_t)extra + 4 : 0, 2);
  pri_put_little(e + 38, (uint64_t)0100644 << 16, 4);
  pri_put_little(e + 42, far ? 0xffffffff : (uint64_t)m->record, 4);
  memcpy(e + 46, m->name, (size_t)name);
  if (extra) {
    pri_put_little(e + n, 1, 2);
    pri_put_little(e + n + 2, (uint64_t)extra, 2);
    n += 4;
    if (sizes) pri_put_little(e + n, (uint64_t)m->size, 8), pri_put_little(e + n + 8, (uint64_t)m->packed, 8), n += 16;
    if (far) pri_put_little(e + n, (uint64_t)m->record, 8), n += 8;
  }
  return pri_sink_write(w->sink, e, n);
}

static peri_status end64(pri_zip_writer *w, int64_t at, int64_t size) {
  unsigned char r[56 + 20] = "PK\6\6";
  int64_t here = pri_sink_at(w->sink);
  pri_put_little(r + 4, 44, 8);
  pri_put_little(r + 12, 3 << 8 | 45, 2);
  pri_put_little(r + 14, 45, 2);
  pri_put_little(r + 24, (uint64_t)w->n, 8);
  pri_put_little(r + 32, (uint64_t)w->n, 8);
  pri_put_little(r + 40, (uint64_t)size, 8);
  pri_put_little(r + 48, (uint64_t)at, 8);
  memcpy(r + 56, "PK\6\7", 4);
  pri_put_little(r + 64, (uint64_t)here, 8);
  pri_put_little(r + 72, 1, 4);
  return pri_sink_write(w->sink, r, sizeof r);
}

peri_status pri_zip_directory(pri_zip_writer *w) {
  unsigned char r[22] = "PK\5\6";
  int64_t at = pri_sink_at(w->sink);
  for (int64_t i = 0; i < w->n; i++)
    if (entry(w, &w->members[i])) return w->sink->cx->code;
  int64_t size = pri_sink_at(w->sink) - at;
  bool big = at >= LIMIT || size >= LIMIT || w->n >= 0xffff;
  if (big && end64(w, at, size)) return w->sink->cx->code;
  pri_put_little(r + 8, w->n >= 0xffff ? 0xffff : (uint64_t)w->n, 2);
  pri_put_little(r + 10, w->n >= 0xffff ? 0xffff : (uint64_t)w->n, 2);
  pri_put_little(r + 12, size >= LIMIT ? 0xffffffff : (uint64_t)size, 4);
  pri_put_little(r + 16, at >= LIMIT ? 0xffffffff : (uint64_t)at, 4);
  return pri_sink_write(w->sink, r, sizeof r);
}
