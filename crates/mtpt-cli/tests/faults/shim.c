/* Faults of a process's system calls, for `LD_PRELOAD` on Linux with glibc.
 *
 * Calls of one class on paths below a folder are counted. The chosen ones fail, are shortened, or
 * kill the process before they happen.
 *
 *   FAULT_DIR     the folder
 *   FAULT_CALLS   open, read, write, sync, rename, remove, create, change or stat; or all but stat
 *   FAULT_AT      number of the first chosen call, from 1; 0 only counts
 *   FAULT_COUNT   number of chosen calls: 1 by default, 0 for all later ones
 *   FAULT_EVERY   with more than one chosen call, every so many of them: 1 by default
 *   FAULT_KIND    an errno by name, `short` (reads and writes) or `kill`
 *   FAULT_LOG     gets a line `NUMBER CALL PATH` per chosen call, and `total NUMBER` at exit
 *   FAULT_CLOCK   seconds by which the clock is set back and forth at every tenth query
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static const char *folder, *calls, *log_path;
static long at, count = 1, every = 1, clock_jump;
static int error_number, is_short, is_kill;
static atomic_long total, clock_queries;
static pid_t owner;

static long number(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text ? atol(text) : otherwise;
}

__attribute__((constructor)) static void start(void) {
    static const struct { const char *name; int number; } errors[] = {
        {"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EINTR", EINTR}, {"EACCES", EACCES}, {"EMFILE", EMFILE},
    };
    owner = getpid();
    folder = getenv("FAULT_DIR");
    calls = getenv("FAULT_CALLS");
    log_path = getenv("FAULT_LOG");
    at = number("FAULT_AT", 0);
    count = number("FAULT_COUNT", 1);
    every = number("FAULT_EVERY", 1);
    clock_jump = number("FAULT_CLOCK", 0);
    const char *kind = getenv("FAULT_KIND");
    if (!kind) return;
    is_short = !strcmp(kind, "short");
    is_kill = !strcmp(kind, "kill");
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (!strcmp(kind, errors[i].name)) error_number = errors[i].number;
}

/* Appends a line to the log, without the functions below. */
static void note(const char *line) {
    if (!log_path) return;
    int file = syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_APPEND | O_CREAT, 0644);
    if (file < 0) return;
    syscall(SYS_write, file, line, strlen(line));
    syscall(SYS_close, file);
}

__attribute__((destructor)) static void end(void) {
    char line[64];
    snprintf(line, sizeof line, "total %ld\n", atomic_load(&total));
    if (folder && getpid() == owner) note(line);
}

static int is_below(const char *path) {
    size_t length = strlen(folder);
    return !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

/* Writes the absolute path of an open file. */
static int path_of(int file, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return 1;
}

/* Returns whether a call on a path is a chosen one. */
static int is_chosen(const char *class, const char *call, const char *path) {
    if (!folder || !calls || !is_below(path)) return 0;
    if (strcmp(calls, class) && (strcmp(calls, "all") || !strcmp(class, "stat"))) return 0;
    long number = atomic_fetch_add(&total, 1) + 1;
    if (!at || number < at || (count && number >= at + count) || (number - at) % every) return 0;
    char line[PATH_MAX + 64];
    snprintf(line, sizeof line, "%ld %s %s\n", number, call, path);
    note(line);
    if (is_kill) kill(getpid(), SIGKILL);
    return 1;
}

static int is_chosen_file(const char *class, const char *call, int file) {
    char path[PATH_MAX];
    return folder && path_of(file, path) && is_chosen(class, call, path);
}

static int is_chosen_path(const char *class, const char *call, int dir, const char *name) {
    char base[PATH_MAX], path[2 * PATH_MAX];
    if (!folder || !name) return 0;
    if (name[0] == '/') return is_chosen(class, call, name);
    if (dir == AT_FDCWD ? syscall(SYS_getcwd, base, sizeof base) < 0 : !path_of(dir, base)) return 0;
    snprintf(path, sizeof path, "%s/%s", base, name);
    return is_chosen(class, call, path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
/* Fails a chosen call, unless the fault is to shorten it. */
#define FAIL(chosen) \
    if ((chosen) && error_number) { errno = error_number; return -1; }

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        va_list list; va_start(list, flags); mode_t mode = va_arg(list, mode_t); va_end(list); \
        FAIL(is_chosen_path("open", #name, AT_FDCWD, path)) \
        return REAL(name)(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)
#define OPENAT(name) \
    int name(int dir, const char *path, int flags, ...) { \
        va_list list; va_start(list, flags); mode_t mode = va_arg(list, mode_t); va_end(list); \
        FAIL(is_chosen_path("open", #name, dir, path)) \
        return REAL(name)(dir, path, flags, mode); \
    }
OPENAT(openat)
OPENAT(openat64)
DIR *opendir(const char *path) {
    if (is_chosen_path("open", "opendir", AT_FDCWD, path) && error_number) {
        errno = error_number;
        return NULL;
    }
    return REAL(opendir)(path);
}

/* A shortened call transfers half of the bytes, at least one. */
static size_t shortened(size_t length) { return length > 1 ? length / 2 : length; }

#define TRANSFER(class, name, parameters, arguments) \
    ssize_t name parameters { \
        if (is_chosen_file(class, #name, file)) { \
            if (error_number) { errno = error_number; return -1; } \
            if (is_short) length = shortened(length); \
        } \
        return REAL(name) arguments; \
    }
TRANSFER("read", read, (int file, void *bytes, size_t length), (file, bytes, length))
TRANSFER("read", pread, (int file, void *bytes, size_t length, off_t start),
         (file, bytes, length, start))
TRANSFER("read", pread64, (int file, void *bytes, size_t length, off64_t start),
         (file, bytes, length, start))
TRANSFER("write", write, (int file, const void *bytes, size_t length), (file, bytes, length))
TRANSFER("write", pwrite, (int file, const void *bytes, size_t length, off_t start),
         (file, bytes, length, start))
TRANSFER("write", pwrite64, (int file, const void *bytes, size_t length, off64_t start),
         (file, bytes, length, start))
ssize_t writev(int file, const struct iovec *parts, int number_of_parts) {
    if (is_chosen_file("write", "writev", file)) {
        if (error_number) { errno = error_number; return -1; }
        if (is_short && number_of_parts > 0 && parts[0].iov_len > 1)
            return REAL(write)(file, parts[0].iov_base, shortened(parts[0].iov_len));
    }
    return REAL(writev)(file, parts, number_of_parts);
}
ssize_t copy_file_range(int from, off64_t *from_start, int file, off64_t *start, size_t length,
                        unsigned flags) {
    FAIL(is_chosen_file("write", "copy_file_range", file))
    return REAL(copy_file_range)(from, from_start, file, start, length, flags);
}

#define FILE_CALL(class, name, parameters, arguments) \
    int name parameters { \
        FAIL(is_chosen_file(class, #name, file)) \
        return REAL(name) arguments; \
    }
FILE_CALL("sync", fsync, (int file), (file))
FILE_CALL("sync", fdatasync, (int file), (file))
FILE_CALL("change", ftruncate, (int file, off_t length), (file, length))
FILE_CALL("change", ftruncate64, (int file, off64_t length), (file, length))
FILE_CALL("change", fchmod, (int file, mode_t mode), (file, mode))

#define PATH_CALL(class, name, dir, path, parameters, arguments) \
    int name parameters { \
        FAIL(is_chosen_path(class, #name, dir, path)) \
        return REAL(name) arguments; \
    }
PATH_CALL("rename", rename, AT_FDCWD, to, (const char *from, const char *to), (from, to))
PATH_CALL("rename", renameat, to_dir, to,
          (int from_dir, const char *from, int to_dir, const char *to),
          (from_dir, from, to_dir, to))
PATH_CALL("remove", unlink, AT_FDCWD, path, (const char *path), (path))
PATH_CALL("remove", unlinkat, dir, path, (int dir, const char *path, int flags), (dir, path, flags))
PATH_CALL("remove", rmdir, AT_FDCWD, path, (const char *path), (path))
PATH_CALL("create", mkdir, AT_FDCWD, path, (const char *path, mode_t mode), (path, mode))
int statx(int dir, const char *path, int flags, unsigned mask, struct statx *result) {
    /* The standard library probes the call without a path, which the declaration rules out. */
    const char *volatile given = path;
    FAIL(given && *given && is_chosen_path("stat", "statx", dir, given))
    return REAL(statx)(dir, path, flags, mask, result);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int code = syscall(SYS_clock_gettime, clock, time);
    if (clock_jump && !code && (atomic_fetch_add(&clock_queries, 1) / 10) % 2)
        time->tv_sec = time->tv_sec > clock_jump ? time->tv_sec - clock_jump : 0;
    return code;
}
