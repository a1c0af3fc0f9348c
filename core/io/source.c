/* source.c - reading files: plain, gzip, or a deflated part.
**
** A file is opened without blocking and must then prove to be regular: opening a pipe that nobody writes, or reading
** a device without end, would never return. The stop flag is read between pieces of a mebibyte.
*/
#define _GNU_SOURCE /* strerror_r that returns the text */
#include "io/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INPUT = 1 << 16, PIECE = 1 << 20 };

/* ---- messages ---- */

peri_status pri_malformed(const pri_source *s, const char *fmt, ...) {
  char text[400];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  return peri_fail(s->cx, PERI_ERR_FORMAT, "%s: '%s': %s", s->who, s->name, text);
}

static peri_status refused(const pri_source *s, const char *what, int err) {
  char text[128];
  return peri_fail(s->cx, PERI_ERR_IO, "%s: cannot %s '%s': %s", s->who, what, s->name,
                   strerror_r(err, text, sizeof text));
}

peri_status pri_affordable(const pri_source *s, int64_t bytes) {
  size_t limit;
  peri_memory(s->cx, NULL, NULL, &limit);
  double have = limit ? (double)limit : (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
  if ((double)bytes <= have) return PERI_OK;
  return peri_fail(s->cx, PERI_ERR_MEMORY, "%s: '%s': the data need %lld bytes, of %.0f that there are", s->who,
                   s->name, (long long)bytes, have);
}

/* ---- zlib's memory ---- */

static void *zget(void *ud, uInt items, uInt size) {
  size_t bytes = (size_t)items * size + 16;
  char *p = pri_get(ud, bytes);
  if (!p) return NULL;
  memcpy(p, &bytes, sizeof bytes);
  return p + 16;
}

static void zput(void *ud, void *ptr) {
  size_t bytes;
  if (!ptr) return;
  memcpy(&bytes, (char *)ptr - 16, sizeof bytes);
  peri_free(ud, (char *)ptr - 16, bytes);
}

void pri_zlib_memory(z_stream *z, peri_ctx *cx) {
  memset(z, 0, sizeof *z);
  z->zalloc = zget;
  z->zfree = zput;
  z->opaque = cx;
}

/* ---- opening ---- */

static const char *kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

static peri_status start_codec(pri_source *s) {
  if (s->codec == PRI_PLAIN) return PERI_OK;
  s->in = peri_alloc(s->cx, INPUT);
  if (!s->in) return s->cx->code;
  pri_zlib_memory(&s->z, s->cx);
  if (inflateInit2(&s->z, s->codec == PRI_GZIP ? 15 + 16 : -15) == Z_OK) return PERI_OK;
  peri_free(s->cx, s->in, INPUT);
  s->in = NULL;
  return peri_fail(s->cx, PERI_ERR_MEMORY, "%s: '%s': no memory to decompress", s->who, s->name);
}

static void reset(pri_source *s, peri_ctx *cx, const char *who, const char *path) {
  memset(s, 0, sizeof *s);
  s->cx = cx;
  s->who = who;
  s->path = path;
  s->fd = s->most = -1;
  s->crc = (uint32_t)crc32(0, NULL, 0);
  size_t length = strlen(path);
  if (length <= PRI_PATH_SHOWN)
    snprintf(s->name, sizeof s->name, "%s", path);
  else
    snprintf(s->name, sizeof s->name, "...%s", path + length - PRI_PATH_SHOWN);
}

static peri_status inspect(pri_source *s) {
  struct stat st;
  if (fstat(s->fd, &st)) return refused(s, "read", errno);
  if (!S_ISREG(st.st_mode))
    return peri_fail(s->cx, PERI_ERR_IO, "%s: cannot read '%s': it is %s, not a regular file", s->who, s->name,
                     kind_of(st.st_mode));
  s->end = st.st_size;
  unsigned char magic[2] = {0};
  if (s->end >= 18 && pri_source_raw(s, 0, magic, 2)) return s->cx->code;
  if (magic[0] == 0x1f && magic[1] == 0x8b) s->codec = PRI_GZIP;
  return start_codec(s);
}

peri_status pri_source_open(pri_source *s, peri_ctx *cx, const char *who, const char *path) {
  reset(s, cx, who, path);
  s->fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (s->fd < 0) return refused(s, "open", errno);
  s->owns_fd = true;
  peri_status st = inspect(s);
  if (st) pri_source_close(s);
  return st;
}

peri_status pri_source_part(pri_source *s, const pri_source *file, const char *label, int64_t at, int64_t end,
                            pri_codec codec) {
  reset(s, file->cx, file->who, file->path);
  size_t length = strlen(s->name);
  snprintf(s->name + length, sizeof s->name - length, ", member %.40s", label);
  s->fd = file->fd;
  s->at = at;
  s->end = end;
  s->codec = codec;
  return start_codec(s);
}

void pri_source_close(pri_source *s) {
  if (s->in) {
    inflateEnd(&s->z);
    peri_free(s->cx, s->in, INPUT);
  }
  if (s->owns_fd && s->fd >= 0) close(s->fd);
  s->in = NULL;
  s->fd = -1;
}

/* ---- reading ---- */

/* Up to n undecoded bytes from `at`; fewer at the end of the file only. */
static int64_t pull(const pri_source *s, int64_t at, void *to, int64_t n) {
  int64_t got = 0;
  while (got < n) {
    if (peri_check_interrupt(s->cx)) return -1;
    int64_t m = n - got < PIECE ? n - got : PIECE;
    ssize_t r = pread(s->fd, (char *)to + got, (size_t)m, at + got);
    if (r < 0 && errno == EINTR) continue;
    if (r < 0) return refused(s, "read", errno), -1;
    if (r == 0) break;
    got += r;
  }
  return got;
}

peri_status pri_source_raw(const pri_source *s, int64_t at, void *to, int64_t n) {
  int64_t got = pull(s, at, to, n);
  if (got == n) return PERI_OK;
  return got < 0 ? s->cx->code : pri_malformed(s, "the file ends early");
}

static int64_t read_plain(pri_source *s, void *to, int64_t n) {
  if (n > s->end - s->at) n = s->end - s->at;
  int64_t got = pull(s, s->at, to, n);
  if (got > 0) s->at += got;
  return got;
}

static peri_status refill(pri_source *s) {
  int64_t got = read_plain(s, s->in, INPUT);
  if (got < 0) return s->cx->code;
  s->z.next_in = s->in;
  s->z.avail_in = (uInt)got;
  return PERI_OK;
}

/* A gzip stream has ended: another may follow it directly, nothing else may. */
static peri_status next_stream(pri_source *s) {
  if (s->codec == PRI_GZIP && s->z.avail_in == 0 && s->at < s->end && refill(s)) return s->cx->code;
  if (s->codec == PRI_GZIP && s->z.avail_in > 0) {
    if (s->z.next_in[0] != 0x1f) return pri_malformed(s, "other bytes follow the gzip stream");
    inflateReset(&s->z);
    return PERI_OK;
  }
  if (s->codec == PRI_DEFLATE && (s->z.avail_in || s->at < s->end))
    return pri_malformed(s, "the compressed data end before their announced size");
  s->ended = true;
  return PERI_OK;
}

static int64_t read_inflated(pri_source *s, void *to, int64_t n) {
  int64_t got = 0;
  while (got < n && !s->ended) {
    if (s->z.avail_in == 0 && s->at < s->end && refill(s)) return -1;
    int64_t m = n - got < PIECE ? n - got : PIECE;
    s->z.next_out = (unsigned char *)to + got;
    s->z.avail_out = (uInt)m;
    int code = inflate(&s->z, Z_NO_FLUSH);
    got += m - s->z.avail_out;
    if (code == Z_STREAM_END) {
      if (next_stream(s)) return -1;
    } else if (code == Z_BUF_ERROR || (code == Z_OK && s->z.avail_in == 0 && s->at >= s->end && s->z.avail_out)) {
      return pri_malformed(s, "the compressed data end early"), -1;
    } else if (code == Z_MEM_ERROR) {
      return peri_fail(s->cx, PERI_ERR_MEMORY, "%s: '%s': no memory to decompress", s->who, s->name), -1;
    } else if (code != Z_OK) {
      return pri_malformed(s, "the compressed data are damaged%s%s", s->z.msg ? ": " : "", s->z.msg ? s->z.msg : ""),
             -1;
    }
    if (peri_check_interrupt(s->cx)) return -1;
  }
  return got;
}

int64_t pri_source_read(pri_source *s, void *to, int64_t n) {
  int64_t got = s->codec == PRI_PLAIN ? read_plain(s, to, n) : read_inflated(s, to, n);
  for (int64_t done = 0; done < got && !s->owns_fd; done += PIECE) /* parts of archives are checksummed */
    s->crc = (uint32_t)crc32(s->crc, (const unsigned char *)to + done, (uInt)(got - done < PIECE ? got - done : PIECE));
  if (got > 0) s->produced += got;
  return got;
}

int64_t pri_source_bound(const pri_source *s) {
  int64_t left = s->end - s->at;
  if (s->codec == PRI_PLAIN) return left;
  if (s->ended) return 0;
  int64_t bound = (left + s->z.avail_in + 64) * PRI_EXPANSION;
  return s->most >= 0 && s->most - s->produced < bound ? s->most - s->produced : bound;
}
