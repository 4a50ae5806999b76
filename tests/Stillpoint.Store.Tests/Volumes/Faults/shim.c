// Preloaded under the program: counts the calls that change files below SHIM_DIR, makes the SHIM_FAIL_AT-th of them fail with SHIM_ERRNO, and
// with SHIM_NO_DATA_SYNC leaves out each sync of a file (not of a folder) while it says that it did it; with SHIM_LATE_DATA_SYNC it does each of
// them only as the program ends, long after the file got its name: nothing is left out, but the order of bytes and names is gone. Prints the
// count to SHIM_COUNT at exit.
#define _GNU_SOURCE
#undef _FORTIFY_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_long calls, fired;
static long fail_at = -1;
static int error_number, no_data_sync, late_data_sync;
static int late[4096];
static atomic_int late_count;
static const char *folder, *count_path;
static atomic_uchar ours[65536];

__attribute__((constructor)) static void start(void) {
  folder = getenv("SHIM_DIR");
  count_path = getenv("SHIM_COUNT");
  if (getenv("SHIM_FAIL_AT")) fail_at = atol(getenv("SHIM_FAIL_AT"));
  if (getenv("SHIM_ERRNO")) error_number = atoi(getenv("SHIM_ERRNO"));
  no_data_sync = getenv("SHIM_NO_DATA_SYNC") != NULL;
  late_data_sync = getenv("SHIM_LATE_DATA_SYNC") != NULL;
}

__attribute__((destructor)) static void finish(void) {
  int (*real_sync)(int) = dlsym(RTLD_NEXT, "fsync");
  for (int i = 0; i < late_count && i < 4096; i++) if (real_sync(late[i])) {}
  if (!count_path) return;
  char text[64];
  int n = snprintf(text, sizeof text, "%ld %ld\n", (long)calls, (long)fired);
  int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
  int fd = real(count_path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
  if (fd >= 0) { if (write(fd, text, n) != n) {} close(fd); }
}

static int under(const char *path) { return folder && path && !strncmp(path, folder, strlen(folder)); }
static int is_ours(int fd) { return fd >= 0 && fd < 65536 && ours[fd]; }

static int fails(void) {
  long n = ++calls;
  if (n != fail_at) return 0;
  fired++;
  errno = error_number;
  return 1;
}

static int open_with(const char *name, const char *path, int flags, mode_t mode) {
  int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, name);
  int writes = under(path) && (flags & O_CREAT);
  if (writes && fails()) return -1;
  int fd = real(path, flags, mode);
  if (fd >= 0 && fd < 65536) ours[fd] = under(path);
  return fd;
}

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    va_list list; va_start(list, flags); mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0; va_end(list); \
    return open_with(#name, path, flags, mode); }
OPEN(open)
OPEN(open64)

int close(int fd) {
  int (*real)(int) = dlsym(RTLD_NEXT, "close");
  if (fd >= 0 && fd < 65536) ours[fd] = 0;
  return real(fd);
}

#define WRITE(name, offset_type) \
  ssize_t name(int fd, const void *bytes, size_t count, offset_type at) { \
    ssize_t (*real)(int, const void *, size_t, offset_type) = dlsym(RTLD_NEXT, #name); \
    if (is_ours(fd) && fails()) { int e = errno; if (count > 1) (void)!real(fd, bytes, count / 2, at); errno = e; return -1; } \
    return real(fd, bytes, count, at); }
WRITE(pwrite, off_t)
WRITE(pwrite64, off64_t)

ssize_t write(int fd, const void *bytes, size_t count) {
  ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
  if (is_ours(fd) && fails()) return -1;
  return real(fd, bytes, count);
}

int fsync(int fd) {
  int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
  if (is_ours(fd)) {
    struct stat s;
    if (no_data_sync && !fstat(fd, &s) && S_ISREG(s.st_mode)) return 0;
    if (late_data_sync && !fstat(fd, &s) && S_ISREG(s.st_mode)) {
      int n = late_count++;
      if (n < 4096) { late[n] = dup(fd); return 0; }
    }
    if (fails()) return -1;
  }
  return real(fd);
}

#define TWO_PATHS(name) \
  int name(const char *from, const char *to) { \
    int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, #name); \
    if (under(to) && fails()) return -1; \
    return real(from, to); }
TWO_PATHS(link)
TWO_PATHS(rename)

int mkdir(const char *path, mode_t mode) {
  int (*real)(const char *, mode_t) = dlsym(RTLD_NEXT, "mkdir");
  if (under(path) && fails()) return -1;
  return real(path, mode);
}

int unlink(const char *path) {
  int (*real)(const char *) = dlsym(RTLD_NEXT, "unlink");
  if (under(path) && fails()) return -1;
  return real(path);
}
