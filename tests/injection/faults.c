/* Has the Nth of a kind of calls fail, in all processes of a run; built and preloaded by library.py.
 *
 * FAULTS_FOLDER  calls on paths in it are counted, and on what the first process' descriptor 1 is
 * FAULTS_TABLE   a file of zeros, mapped by all processes: who the parent is, and the counts
 * FAULTS_LOG     has a line for each call that failed; with an empty plan, for each that counted
 * FAULTS_PLAN    kind:who:nth:errno:onward, with who 0 for the parent, 1 for workers, 2 for both;
 *                errno 0 has the call do half of its work, -1 ends the process with SIGKILL before it;
 *                onward 1 has all later ones fail too;
 *                the kind `full` is all calls that take space, counted together
 * FAULTS_LACKS   a kind of calls that this system has not got at all: ENOSYS, and not counted
 *
 * Calls go on with the next library's function, so that a call costs a readlink() more. No memory is
 * taken: a call may come from a forked child, or from the allocator.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define KINDS X(write) X(send) X(sync) X(rename) X(exchange) X(link) X(open) X(close) X(lock) \
    X(statvfs) X(resize) X(mkdir) X(unlink) X(chmod) X(chown) X(xattr) X(read) X(full)
#define X(name) K_##name,
enum { KINDS COUNT };
#undef X
#define X(name) #name,
static const char *const names[] = {KINDS};
#undef X

#define TAKES_SPACE (1 << K_write | 1 << K_send | 1 << K_sync | 1 << K_link | 1 << K_resize | 1 << K_mkdir)

struct table {
    int parent;
    char output[PATH_MAX]; /* what its standard output is */
    long calls[3][COUNT];
};
static struct table *table;
static const char *folder, *log_path;
static size_t folder_length;
static int lacks = -1;
static struct { int kind, who, error, onward; long nth; } plan = {.kind = -1};

static void where(int fd, char *path) {
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long length = syscall(SYS_readlink, link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
}

__attribute__((constructor)) static void begin(void) {
    const char *text = getenv("FAULTS_PLAN");
    char kind[20];
    if (!text || table) return;
    if (sscanf(text, "%19[^:]:%d:%ld:%d:%d", kind, &plan.who, &plan.nth, &plan.error, &plan.onward) == 5)
        for (plan.kind = COUNT - 1; plan.kind >= 0 && strcmp(names[plan.kind], kind);) plan.kind--;
    const char *absent = getenv("FAULTS_LACKS");
    for (lacks = COUNT - 1; lacks >= 0 && strcmp(names[lacks], absent);) lacks--;
    folder = getenv("FAULTS_FOLDER"), log_path = getenv("FAULTS_LOG");
    folder_length = strlen(folder);
    int fd = syscall(SYS_openat, AT_FDCWD, getenv("FAULTS_TABLE"), O_RDWR);
    void *mapped = mmap(0, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (mapped == MAP_FAILED) abort();
    table = mapped;
    int nobody = 0;
    if (__atomic_compare_exchange_n(&table->parent, &nobody, getpid(), 0, 5, 5)) where(1, table->output);
}

static void note(int kind, int who, long nth, const char *symbol, const char *path) {
    char line[PATH_MAX + 100];
    int length = snprintf(line, sizeof line, "%s %d %ld %s %s\n", names[kind], who, nth, symbol, path);
    int fd = syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_APPEND | O_CREAT, 0600);
    syscall(SYS_write, fd, line, length);
    syscall(SYS_close, fd);
}

/* Return whether this call is to fail, or to do but half; errno is set, to 0 in the latter case. */
static int planned(int kind, const char *symbol, const char *path) {
    int kept = errno, who;
    if (!table || !(strncmp(path, folder, folder_length) == 0 || strncmp(path, "/dev/shm/pymp-", 14) == 0
                    || (*path && strcmp(path, table->output) == 0))) return 0;
    if (kind == lacks) return errno = ENOSYS;
    who = getpid() != table->parent;
    int counted = plan.kind == K_full && TAKES_SPACE >> kind & 1 ? K_full : kind;
    long own = __atomic_add_fetch(&table->calls[who][counted], 1, __ATOMIC_SEQ_CST);
    long both = __atomic_add_fetch(&table->calls[2][counted], 1, __ATOMIC_SEQ_CST);
    long nth = plan.who == 2 ? both : own;
    int now = counted == plan.kind && (plan.who == 2 || plan.who == who)
              && (plan.onward ? nth >= plan.nth : nth == plan.nth);
    if (now || plan.kind < 0) note(kind, who, own, symbol, path);
    if (now && plan.error < 0) kill(getpid(), SIGKILL);
    errno = now ? plan.error : kept;
    return now;
}

static int planned_at(int kind, const char *symbol, int at, const char *path) {
    char whole[PATH_MAX];
    if (!table || !path) return 0;
    if (*path == '/') return planned(kind, symbol, path);
    if (at == AT_FDCWD) whole[syscall(SYS_getcwd, whole, PATH_MAX) > 0 ? strlen(whole) : 0] = 0;
    else where(at, whole);
    size_t length = strlen(whole);
    snprintf(whole + length, sizeof whole - length, "/%s", path);
    return planned(kind, symbol, whole);
}

static int planned_on(int kind, const char *symbol, int fd) {
    char path[PATH_MAX];
    if (!table) return 0;
    int kept = errno;
    where(fd, path);
    errno = kept;
    return planned(kind, symbol, path);
}

#define NEXT(name, type, parameters) \
    static type (*next) parameters; \
    if (!next) next = (type(*) parameters) dlsym(RTLD_NEXT, #name);
#define AT(kind, name, parameters, arguments, at, path) \
    int name parameters { \
        NEXT(name, int, parameters) \
        return planned_at(K_##kind, #name, at, path) ? -1 : next arguments; \
    }
#define ON(kind, name, parameters, arguments, fd) \
    int name parameters { \
        NEXT(name, int, parameters) \
        return planned_on(K_##kind, #name, fd) ? -1 : next arguments; \
    }
/* These can do half of what they are asked for; `count` is theirs to change. */
#define BYTES(kind, name, parameters, arguments, fd, count) \
    ssize_t name parameters { \
        NEXT(name, ssize_t, parameters) \
        if (planned_on(K_##kind, #name, fd)) { \
            if (errno) return -1; \
            count = count > 1 ? count / 2 : count; \
        } \
        return next arguments; \
    }

BYTES(write, write, (int fd, const void *from, size_t n), (fd, from, n), fd, n)
BYTES(write, pwrite, (int fd, const void *from, size_t n, off_t at), (fd, from, n, at), fd, n)
BYTES(write, pwrite64, (int fd, const void *from, size_t n, off64_t at), (fd, from, n, at), fd, n)
BYTES(write, writev, (int fd, const struct iovec *from, int n), (fd, from, n), fd, n)
BYTES(write, pwritev64v2, (int fd, const struct iovec *from, int n, off64_t at, int flags),
      (fd, from, n, at, flags), fd, n)
BYTES(read, read, (int fd, void *into, size_t n), (fd, into, n), fd, n)
BYTES(read, pread, (int fd, void *into, size_t n, off_t at), (fd, into, n, at), fd, n)
BYTES(read, pread64, (int fd, void *into, size_t n, off64_t at), (fd, into, n, at), fd, n)
BYTES(send, sendfile, (int out, int in, off_t *at, size_t n), (out, in, at, n), out, n)
BYTES(send, sendfile64, (int out, int in, off64_t *at, size_t n), (out, in, at, n), out, n)
BYTES(send, copy_file_range, (int in, off64_t *from, int out, off64_t *to, size_t n, unsigned flags),
      (in, from, out, to, n, flags), out, n)

ON(sync, fsync, (int fd), (fd), fd)
ON(sync, fdatasync, (int fd), (fd), fd)
ON(lock, flock, (int fd, int what), (fd, what), fd)
ON(resize, ftruncate, (int fd, off_t size), (fd, size), fd)
ON(resize, ftruncate64, (int fd, off64_t size), (fd, size), fd)
ON(statvfs, fstatvfs, (int fd, struct statvfs *into), (fd, into), fd)
ON(statvfs, fstatvfs64, (int fd, struct statvfs64 *into), (fd, into), fd)
ON(chmod, fchmod, (int fd, mode_t mode), (fd, mode), fd)
ON(chown, fchown, (int fd, uid_t user, gid_t group), (fd, user, group), fd)
ON(xattr, fsetxattr, (int fd, const char *name, const void *value, size_t size, int flags),
   (fd, name, value, size, flags), fd)

AT(rename, rename, (const char *from, const char *to), (from, to), AT_FDCWD, to)
AT(rename, renameat, (int at, const char *from, int to_at, const char *to), (at, from, to_at, to), to_at, to)
AT(exchange, renameat2, (int at, const char *from, int to_at, const char *to, unsigned flags),
   (at, from, to_at, to, flags), to_at, to)
AT(link, link, (const char *from, const char *to), (from, to), AT_FDCWD, to)
AT(link, linkat, (int at, const char *from, int to_at, const char *to, int flags),
   (at, from, to_at, to, flags), to_at, to)
AT(mkdir, mkdir, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path)
AT(mkdir, mkdirat, (int at, const char *path, mode_t mode), (at, path, mode), at, path)
AT(unlink, unlink, (const char *path), (path), AT_FDCWD, path)
AT(unlink, unlinkat, (int at, const char *path, int flags), (at, path, flags), at, path)
AT(unlink, rmdir, (const char *path), (path), AT_FDCWD, path)
AT(resize, truncate, (const char *path, off_t size), (path, size), AT_FDCWD, path)
AT(resize, truncate64, (const char *path, off64_t size), (path, size), AT_FDCWD, path)
AT(statvfs, statvfs, (const char *path, struct statvfs *into), (path, into), AT_FDCWD, path)
AT(statvfs, statvfs64, (const char *path, struct statvfs64 *into), (path, into), AT_FDCWD, path)
AT(chmod, chmod, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path)
AT(chmod, fchmodat, (int at, const char *path, mode_t mode, int flags), (at, path, mode, flags), at, path)
AT(chown, chown, (const char *path, uid_t user, gid_t group), (path, user, group), AT_FDCWD, path)
AT(chown, lchown, (const char *path, uid_t user, gid_t group), (path, user, group), AT_FDCWD, path)
AT(chown, fchownat, (int at, const char *path, uid_t user, gid_t group, int flags),
   (at, path, user, group, flags), at, path)
AT(xattr, setxattr, (const char *path, const char *name, const void *value, size_t size, int flags),
   (path, name, value, size, flags), AT_FDCWD, path)
AT(xattr, lsetxattr, (const char *path, const char *name, const void *value, size_t size, int flags),
   (path, name, value, size, flags), AT_FDCWD, path)

/* Whatever close() says, the descriptor is closed. It tells what writing could not, so that one to
 * read from does not fail. */
int close(int fd) {
    NEXT(close, int, (int))
    int flags = syscall(SYS_fcntl, fd, F_GETFL, 0);
    int fails = flags > 0 && flags & O_ACCMODE && planned_on(K_close, "close", fd), error = errno;
    int done = next(fd);
    if (fails) errno = error;
    return fails ? -1 : done;
}

/* This one returns the error, and leaves errno alone. */
#define ALLOCATE(name, type) \
    int name(int fd, type at, type size) { \
        NEXT(name, int, (int, type, type)) \
        int kept = errno, fails = planned_on(K_resize, #name, fd), error = errno; \
        errno = kept; \
        return fails ? error : next(fd, at, size); \
    }
ALLOCATE(posix_fallocate, off_t)
ALLOCATE(posix_fallocate64, off64_t)

#define OPEN(name, parameters, arguments, at) \
    int name parameters { \
        NEXT(name, int, parameters) \
        va_list rest; \
        va_start(rest, flags); \
        int makes = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE; \
        mode_t mode = makes ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        return planned_at(K_open, #name, at, path) ? -1 : next arguments; \
    }
OPEN(open, (const char *path, int flags, ...), (path, flags, mode), AT_FDCWD)
OPEN(open64, (const char *path, int flags, ...), (path, flags, mode), AT_FDCWD)
OPEN(openat, (int at, const char *path, int flags, ...), (at, path, flags, mode), at)
OPEN(openat64, (int at, const char *path, int flags, ...), (at, path, flags, mode), at)
AT(open, creat, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path)
AT(open, creat64, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path)

/* Record locks are locks; all else that fcntl() does is left alone. */
#define CONTROL(name) \
    int name(int fd, int what, ...) { \
        NEXT(name, int, (int, int, ...)) \
        va_list rest; \
        va_start(rest, what); \
        void *with = va_arg(rest, void *); \
        va_end(rest); \
        int locks = what == F_SETLK || what == F_SETLKW || what == F_OFD_SETLK || what == F_OFD_SETLKW; \
        return locks && planned_on(K_lock, #name, fd) ? -1 : next(fd, what, with); \
    }
CONTROL(fcntl)
CONTROL(fcntl64)
