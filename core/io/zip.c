/* zip.c - reading the directory of a ZIP archive, trusting nothing in it.
**
** An archive ends with a record that says where its directory lies; the directory names the members and where their
** local headers are. Every offset and size is compared with the file, with the local header and with the other
** members before any byte of data is read. Members must not overlap: that is how a small file is made to unpack to
** petabytes. Source: PKWARE APPNOTE 6.3.4, sections 4.3 and 4.5 (ZIP64).
*/
#include "io/zip.h"
#include <stdio.h>
#include <stdlib.h>

enum {
  END_RECORD = 22,
  END64_RECORD = 56,
  LOCATOR = 20,
  ENTRY = 46,
  LOCAL = 30,
  LONGEST_COMMENT = 65535,
  LARGEST_DIRECTORY = 1 << 24
};
enum {
  ENCRYPTED = 1,
  PATCHED = 1 << 5,
  STRONG = 1 << 6,
  HIDDEN = 1 << 13
}; /* bits of the flags that need more than we can do */

typedef struct {
  int64_t at, size, entries, end;
} directory; /* end: where the records behind it begin */

/* ---- names ---- */

const char *pri_zip_bad_name(const char *name, size_t length) {
  if (length == 0) return "is empty";
  if (length > PRI_NAME) return "is longer than 255 bytes";
  for (size_t i = 0; i < length; i++)
    if ((unsigned char)name[i] < 32 || name[i] == 127)
      return "contains a control character";
    else if (name[i] == '\\')
      return "contains a backslash";
  if (name[0] == '/') return "is absolute";
  for (size_t i = 0; i + 1 < length; i++)
    if (name[i] == '.' && name[i + 1] == '.' && (i == 0 || name[i - 1] == '/') &&
        (i + 2 == length || name[i + 2] == '/'))
      return "leads upwards";
  return NULL;
}

/* A name for a message: printable, short. */
static const char *shown(const unsigned char *name, size_t length, char out[48]) {
  size_t n = length < 40 ? length : 40;
  for (size_t i = 0; i < n; i++) out[i] = name[i] < 32 || name[i] > 126 ? '?' : (char)name[i];
  snprintf(out + n, 8, length > n ? "..." : "");
  return out;
}

/* ---- where the directory is ---- */

static peri_status find_end(const pri_source *f, unsigned char *record, int64_t *at) {
  int64_t span = f->end < END_RECORD + LONGEST_COMMENT ? f->end : END_RECORD + LONGEST_COMMENT;
  if (span < END_RECORD) return pri_malformed(f, "the file is too short for a ZIP archive");
  unsigned char *tail = peri_alloc(f->cx, (size_t)span);
  if (!tail) return f->cx->code;
  peri_status st = pri_source_raw(f, f->end - span, tail, span);
  *at = -1;
  for (int64_t i = span - END_RECORD; !st && i >= 0 && *at < 0; i--)
    if (memcmp(tail + i, "PK\5\6", 4) == 0 && (int64_t)pri_little(tail + i + 20, 2) == span - i - END_RECORD) {
      memcpy(record, tail + i, END_RECORD);
      *at = f->end - span + i;
    }
  peri_free(f->cx, tail, (size_t)span);
  if (!st && *at < 0) return pri_malformed(f, "the archive has no end record; it may be cut short");
  return st;
}

static peri_status find_end64(const pri_source *f, int64_t end, directory *d) {
  unsigned char l[LOCATOR], r[END64_RECORD];
  if (end < LOCATOR + END64_RECORD || pri_source_raw(f, end - LOCATOR, l, LOCATOR))
    return pri_malformed(f, "the ZIP64 locator is missing");
  uint64_t at = pri_little(l + 8, 8);
  if (memcmp(l, "PK\6\7", 4) != 0 || at > (uint64_t)(end - LOCATOR - END64_RECORD))
    return pri_malformed(f, "the ZIP64 locator is damaged");
  if (pri_source_raw(f, (int64_t)at, r, END64_RECORD)) return f->cx->code;
  if (memcmp(r, "PK\6\6", 4) != 0 || pri_little(r + 16, 4) || pri_little(r + 20, 4))
    return pri_malformed(f, "the ZIP64 end record is damaged");
  uint64_t n = pri_little(r + 32, 8), size = pri_little(r + 40, 8), start = pri_little(r + 48, 8);
  if (n != pri_little(r + 24, 8) || n > INT64_MAX || size > INT64_MAX || start > INT64_MAX)
    return pri_malformed(f, "the ZIP64 end record is damaged");
  *d = (directory){(int64_t)start, (int64_t)size, (int64_t)n, (int64_t)at};
  return PERI_OK;
}

static peri_status find_directory(const pri_source *f, directory *d) {
  unsigned char r[END_RECORD];
  int64_t at = 0;
  if (find_end(f, r, &at)) return f->cx->code;
  if (pri_little(r + 4, 2) || pri_little(r + 6, 2) || pri_little(r + 8, 2) != pri_little(r + 10, 2))
    return pri_malformed(f, "archives of several parts are not supported");
  *d = (directory){(int64_t)pri_little(r + 16, 4), (int64_t)pri_little(r + 12, 4), (int64_t)pri_little(r + 10, 2), at};
  if ((d->at == 0xffffffff || d->size == 0xffffffff || d->entries == 0xffff) && find_end64(f, at, d))
    return f->cx->code;
  if (d->at > d->end || d->size != d->end - d->at)
    return pri_malformed(f, "the directory of %lld bytes at %lld does not lie before its end record at %lld",
                         (long long)d->size, (long long)d->at, (long long)d->end);
  if (d->size > LARGEST_DIRECTORY || d->entries > d->size / ENTRY)
    return pri_malformed(f, "%lld members do not fit into a directory of %lld bytes", (long long)d->entries,
                         (long long)d->size);
  return PERI_OK;
}

/* ---- entries ---- */

/* Replaces the sizes and offset that say 2^32 - 1 by those of the ZIP64 field. */
static bool widen(const unsigned char *extra, size_t length, uint64_t v[3]) {
  for (size_t i = 0; i + 4 <= length;) {
    size_t n = (size_t)pri_little(extra + i + 2, 2);
    if (i + 4 + n > length) return false;
    if (pri_little(extra + i, 2) == 1) {
      const unsigned char *p = extra + i + 4, *end = p + n;
      for (int k = 0; k < 3; k++) {
        if (v[k] != 0xffffffff) continue;
        if (end - p < 8) return false;
        v[k] = pri_little(p, 8);
        p += 8;
      }
      return true;
    }
    i += 4 + n;
  }
  return true; /* no such field: the sizes are what they say */
}

/* The entry at e, of which `left` bytes of directory remain; *used of them are its. */
static peri_status read_entry(const pri_source *f, const unsigned char *e, int64_t left, const directory *d,
                              pri_member *m, int64_t *used) {
  char text[48];
  if (left < ENTRY || memcmp(e, "PK\1\2", 4) != 0) return pri_malformed(f, "the directory is damaged");
  size_t name = (size_t)pri_little(e + 28, 2), extra = (size_t)pri_little(e + 30, 2);
  *used = ENTRY + (int64_t)(name + extra + pri_little(e + 32, 2));
  if (*used > left) return pri_malformed(f, "the directory is damaged");
  shown(e + ENTRY, name, text);
  const char *bad = pri_zip_bad_name((const char *)e + ENTRY, name);
  if (bad) return pri_malformed(f, "the member name '%s' %s", text, bad);
  uint64_t flags = pri_little(e + 8, 2), method = pri_little(e + 10, 2),
           v[3] = {pri_little(e + 24, 4), pri_little(e + 20, 4), pri_little(e + 42, 4)};
  if (flags & (ENCRYPTED | STRONG | HIDDEN)) return pri_malformed(f, "member '%s' is encrypted", text);
  if (flags & PATCHED) return pri_malformed(f, "member '%s' is a patch", text);
  if (method != 0 && method != 8)
    return pri_malformed(f, "member '%s' is compressed by method %d; 0 (stored) and 8 (deflate) are supported", text,
                         (int)method);
  if (!widen(e + ENTRY + name, extra, v)) return pri_malformed(f, "member '%s' has a damaged ZIP64 field", text);
  if (v[2] > (uint64_t)d->at || v[1] > (uint64_t)d->at || v[0] > INT64_MAX / 2)
    return pri_malformed(f, "member '%s' lies outside the file", text);
  bool impossible = method == 0 ? v[0] != v[1] : v[0] / PRI_EXPANSION > v[1] + 64;
  if (impossible)
    return pri_malformed(f, "member '%s' cannot unpack from %lld to %lld bytes", text, (long long)v[1],
                         (long long)v[0]);
  *m = (pri_member){.record = (int64_t)v[2],
                    .packed = (int64_t)v[1],
                    .size = (int64_t)v[0],
                    .crc = (uint32_t)pri_little(e + 16, 4),
                    .deflated = method == 8};
  memcpy(m->name, e + ENTRY, name);
  return PERI_OK;
}

/* The local header must tell the same story; it alone says where the data begin. */
static peri_status read_local(const pri_source *f, const directory *d, pri_member *m) {
  unsigned char h[LOCAL + PRI_NAME];
  int64_t name = (int64_t)strlen(m->name);
  if (m->record + LOCAL + name > d->at) return pri_malformed(f, "member '%.40s' lies outside the file", m->name);
  if (pri_source_raw(f, m->record, h, LOCAL + name)) return f->cx->code;
  bool same = memcmp(h, "PK\3\4", 4) == 0 && !(pri_little(h + 6, 2) & (ENCRYPTED | STRONG | HIDDEN)) &&
              pri_little(h + 8, 2) == (m->deflated ? 8 : 0) && (int64_t)pri_little(h + 26, 2) == name &&
              memcmp(h + LOCAL, m->name, (size_t)name) == 0;
  if (!same) return pri_malformed(f, "member '%.40s' differs between the directory and its own header", m->name);
  m->data = m->record + LOCAL + name + (int64_t)pri_little(h + 28, 2);
  if (m->packed > d->at || m->data > d->at - m->packed)
    return pri_malformed(f, "member '%.40s' reaches beyond the file", m->name);
  return PERI_OK;
}

/* ---- the whole ---- */

static int by_record(const void *a, const void *b) {
  int64_t x = ((const pri_member *)a)->record, y = ((const pri_member *)b)->record;
  return x < y ? -1 : x > y;
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const pri_member *)a)->name, ((const pri_member *)b)->name);
}

/* Sorted by name, then by place, so that neighbours show what is wrong; the order by place is what remains. */
static peri_status check_members(pri_zip *z) {
  pri_member *m = z->members;
  qsort(m, (size_t)z->n, sizeof *m, by_name);
  for (int64_t i = 1; i < z->n; i++)
    if (strcmp(m[i - 1].name, m[i].name) == 0)
      return pri_malformed(&z->file, "two members are named '%.40s'", m[i].name);
  qsort(m, (size_t)z->n, sizeof *m, by_record);
  for (int64_t i = 1; i < z->n; i++)
    if (m[i - 1].data + m[i - 1].packed > m[i].record)
      return pri_malformed(&z->file, "members '%.40s' and '%.40s' overlap", m[i - 1].name, m[i].name);
  return PERI_OK;
}

static peri_status read_members(pri_zip *z, const directory *d, const unsigned char *text) {
  int64_t at = 0, used = 0;
  for (int64_t i = 0; i < z->n; i++, at += used)
    if (read_entry(&z->file, text + at, d->size - at, d, &z->members[i], &used) ||
        read_local(&z->file, d, &z->members[i]))
      return z->file.cx->code;
  if (at != d->size) return pri_malformed(&z->file, "the directory has more members than announced");
  return check_members(z);
}

static peri_status read_directory(pri_zip *z) {
  directory d = {0};
  peri_ctx *cx = z->file.cx;
  if (find_directory(&z->file, &d)) return cx->code;
  z->room = d.entries;
  z->members = peri_alloc(cx, (size_t)z->room * sizeof *z->members);
  unsigned char *text = z->members ? peri_alloc(cx, (size_t)d.size) : NULL;
  if (!text) return cx->code;
  z->n = d.entries;
  peri_status st = pri_source_raw(&z->file, d.at, text, d.size);
  if (!st) st = read_members(z, &d, text);
  peri_free(cx, text, (size_t)d.size);
  return st;
}

peri_status pri_zip_open(pri_zip *z, peri_ctx *cx, const char *who, const char *path) {
  memset(z, 0, sizeof *z);
  peri_status st = pri_source_open(&z->file, cx, who, path);
  if (st) return st;
  if (z->file.codec != PRI_PLAIN)
    st = pri_malformed(&z->file, "a ZIP archive inside gzip is not supported; unpack it first");
  else
    st = read_directory(z);
  if (st) pri_zip_close(z);
  return st;
}

void pri_zip_close(pri_zip *z) {
  if (z->members) peri_free(z->file.cx, z->members, (size_t)z->room * sizeof *z->members);
  z->members = NULL;
  pri_source_close(&z->file);
}
