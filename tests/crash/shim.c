/* Counts the calls that change anything below one folder, and lets the process die or fail at the one that is wanted.
 *
 * Loaded by LD_PRELOAD, armed by shim_arm(); before that it does nothing. A call counts if it changes what a later
 * process would find: files, names, modes, times, and what is flushed to the disk. Paths are made absolute through the
 * folder's descriptor, descriptors through /proc/self/fd, so that it does not matter how the program names a file.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum mode { COUNT, BEFORE, HALF, AFTER, FULL, BROKEN, SHORT, BROKEN_AFTER, LOSE };

#define LONGEST_LOG 20000
#define LINE 400
#define DIRTY 256

static char folder[PATH_MAX];
static size_t folder_length;
static long count, target;
static enum mode mode;
static int armed;
static char lines[LONGEST_LOG][LINE];
static long logged;
static __thread long latest;

/* Files with data that no fsync has followed yet; `fd` is a duplicate that survives close and rename. */
static struct { dev_t dev; ino_t ino; int fd; off_t synced; } dirty[DIRTY];

#define REAL(name) static __typeof__(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name)

/* ---- what tests ask for ---------------------------------------------------------------------------------------- */

void shim_arm(const char *where, long call, int how) {
    snprintf(folder, sizeof folder, "%s", where);
    folder_length = strlen(folder);
    count = logged = 0;
    target = call;
    mode = how;
    armed = 1;
}

void shim_disarm(void) { armed = 0; }

long shim_count(void) { return count; }

long shim_logged(void) { return logged; }

const char *shim_line(long number) { return lines[number]; }

static void note(const char *op, const char *first, const char *second) {
    long place = __atomic_fetch_add(&logged, 1, __ATOMIC_SEQ_CST);
    if (place >= LONGEST_LOG) { logged = LONGEST_LOG; return; }
    latest = place;
    snprintf(lines[place], LINE, "did %s\t%.180s\t%.180s", op, first, second);
}

/* A line says `did` or `not` and the call, then where and where to, with tabs between. */
/* Puts a line of the test's own between the calls: what was acknowledged when. */
void shim_note(const char *text) { if (armed) note("note", text, ""); }

/* ---- where is it ----------------------------------------------------------------------------------------------- */

static const char *inside(const char *path) {
    if (strncmp(path, folder, folder_length) != 0) return NULL;
    if (path[folder_length] == '\0') return ".";
    return path[folder_length] == '/' ? path + folder_length + 1 : NULL;
}

static int path_of(int fd, char *out) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, out, PATH_MAX - 1);
    if (length < 0) return 0;
    out[length] = '\0';
    return 1;
}

/* Gives the place below the folder that a descriptor stands for, or NULL. */
static const char *below_fd(int fd, char *buffer) {
    int saved = errno;
    const char *found = armed && path_of(fd, buffer) ? inside(buffer) : NULL;
    errno = saved;
    return found;
}

/* Gives the place below the folder that a path stands for, or NULL. */
static const char *below(int dir, const char *path, char *buffer) {
    if (!armed || !path) return NULL;
    if (path[0] == '/') { snprintf(buffer, PATH_MAX, "%s", path); return inside(buffer); }
    char base[PATH_MAX];
    int saved = errno;
    int known = dir == AT_FDCWD ? getcwd(base, sizeof base) != NULL : path_of(dir, base);
    errno = saved;
    if (!known) return NULL;
    if (path[0] == '\0') { snprintf(buffer, PATH_MAX, "%s", base); return inside(buffer); }
    if (snprintf(buffer, PATH_MAX, "%.2000s/%.2000s", base, path) >= PATH_MAX) return NULL;
    return inside(buffer);
}

/* ---- how it ends ----------------------------------------------------------------------------------------------- */

static void die(void) {
    syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    for (;;) pause();
}

/* A power cut: what no fsync has followed is not in the files any more, though their names are there. */
static void lose(void) {
    armed = 0;
    for (int i = 0; i < DIRTY; i++)
        if (dirty[i].fd > 0) syscall(SYS_ftruncate, dirty[i].fd, dirty[i].synced);
    die();
}

/* Counts a call; tells whether it is the wanted one. */
static int hit(const char *op, const char *first, const char *second) {
    long number = __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
    note(op, first, second);
    if (number != target || mode == COUNT) return 0;
    if (mode == BEFORE) die();
    if (mode == LOSE) lose();
    return 1;
}

static int refuses(int wanted) {
    if (!wanted || (mode != FULL && mode != BROKEN)) return 0;
    errno = mode == FULL ? ENOSPC : EIO;
    return 1;
}

static long ends(int wanted, long result) {
    if (result < 0) memcpy(lines[latest], "not", 3);
    if (!wanted) return result;
    if (mode == AFTER || mode == HALF) die();
    if (mode == BROKEN_AFTER) { errno = EIO; return -1; }
    return result;
}

static size_t length_of(int wanted, size_t length) {
    return wanted && (mode == HALF || mode == SHORT) ? (length + 1) / 2 : length;
}

static void soil(int fd) {
    struct stat found;
    int saved = errno, free_place = -1;
    if (fstat(fd, &found) == 0 && S_ISREG(found.st_mode)) {
        for (int i = 0; i < DIRTY; i++) {
            if (dirty[i].fd > 0 && dirty[i].dev == found.st_dev && dirty[i].ino == found.st_ino) goto done;
            if (dirty[i].fd <= 0 && free_place < 0) free_place = i;
        }
        if (free_place >= 0) {
            dirty[free_place].fd = fcntl(fd, F_DUPFD_CLOEXEC, 400);
            dirty[free_place].dev = found.st_dev;
            dirty[free_place].ino = found.st_ino;
            dirty[free_place].synced = found.st_size;
        }
    }
done:
    errno = saved;
}

static void clean(int fd) {
    struct stat found;
    int saved = errno;
    if (fstat(fd, &found) == 0)
        for (int i = 0; i < DIRTY; i++)
            if (dirty[i].fd > 0 && dirty[i].dev == found.st_dev && dirty[i].ino == found.st_ino) {
                syscall(SYS_close, dirty[i].fd);
                dirty[i].fd = 0;
            }
    errno = saved;
}

/* ---- calls on descriptors -------------------------------------------------------------------------------------- */

#define ON_FD(op, fd, before, call, after) do { \
    char buffer[PATH_MAX]; \
    const char *where = below_fd(fd, buffer); \
    if (!where) return call; \
    before; \
    int wanted = hit(op, where, ""); \
    if (refuses(wanted)) return -1; \
    long result = call; \
    if (result >= 0) { after; } \
    return ends(wanted, result); \
} while (0)

#define WRITING(op, fd, length, plain, cut) do { \
    char buffer[PATH_MAX]; \
    const char *where = below_fd(fd, buffer); \
    if (!where) return plain; \
    soil(fd); \
    int wanted = hit(op, where, ""); \
    if (refuses(wanted)) return -1; \
    size_t part = length_of(wanted, length); \
    (void)part; \
    return ends(wanted, cut); \
} while (0)

ssize_t write(int fd, const void *from, size_t length) {
    REAL(write);
    WRITING("write", fd, length, real(fd, from, length), real(fd, from, part));
}

#define PWRITE(name, offset_type) \
    ssize_t name(int fd, const void *from, size_t length, offset_type at) { \
        REAL(name); \
        WRITING("pwrite", fd, length, real(fd, from, length, at), real(fd, from, part, at)); \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t writev(int fd, const struct iovec *parts, int number) {
    REAL(writev);
    WRITING("writev", fd, (size_t)number, real(fd, parts, number), real(fd, parts, (int)part));
}

ssize_t copy_file_range(int from, off64_t *in, int to, off64_t *out, size_t length, unsigned flags) {
    REAL(copy_file_range);
    WRITING("copy_file_range", to, length, real(from, in, to, out, length, flags), real(from, in, to, out, part, flags));
}

ssize_t sendfile(int to, int from, off_t *at, size_t length);
ssize_t sendfile64(int to, int from, off64_t *at, size_t length);
#define SENDFILE(name, offset_type) \
    ssize_t name(int to, int from, offset_type *at, size_t length) { \
        REAL(name); \
        WRITING("sendfile", to, length, real(to, from, at, length), real(to, from, at, part)); \
    }
SENDFILE(sendfile, off_t)
SENDFILE(sendfile64, off64_t)

int fsync(int fd) { REAL(fsync); ON_FD("fsync", fd, , real(fd), clean(fd)); }
int fdatasync(int fd) { REAL(fdatasync); ON_FD("fdatasync", fd, , real(fd), clean(fd)); }
int ftruncate(int fd, off_t length) { REAL(ftruncate); ON_FD("ftruncate", fd, soil(fd), real(fd, length), ); }
int ftruncate64(int fd, off64_t length) { REAL(ftruncate64); ON_FD("ftruncate", fd, soil(fd), real(fd, length), ); }
int fchmod(int fd, mode_t bits) { REAL(fchmod); ON_FD("fchmod", fd, , real(fd, bits), ); }
int fchown(int fd, uid_t uid, gid_t gid) { REAL(fchown); ON_FD("fchown", fd, , real(fd, uid, gid), ); }
int futimens(int fd, const struct timespec times[2]) { REAL(futimens); ON_FD("futimens", fd, , real(fd, times), ); }

int fsetxattr(int fd, const char *name, const void *value, size_t size, int flags);
int fsetxattr(int fd, const char *name, const void *value, size_t size, int flags) {
    REAL(fsetxattr);
    ON_FD("fsetxattr", fd, , real(fd, name, value, size, flags), );
}

int fallocate(int fd, int how, off_t at, off_t length) {
    REAL(fallocate);
    ON_FD("fallocate", fd, soil(fd), real(fd, how, at, length), );
}
int fallocate64(int fd, int how, off64_t at, off64_t length) {
    REAL(fallocate64);
    ON_FD("fallocate", fd, soil(fd), real(fd, how, at, length), );
}

/* These two give the error as their result. */
#define POSIX_FALLOCATE(name, offset_type) \
    int name(int fd, offset_type at, offset_type length) { \
        REAL(name); \
        char buffer[PATH_MAX]; \
        const char *where = below_fd(fd, buffer); \
        if (!where) return real(fd, at, length); \
        soil(fd); \
        int wanted = hit("fallocate", where, ""); \
        if (refuses(wanted)) return errno; \
        int result = real(fd, at, length); \
        return ends(wanted, result) < 0 ? errno : result; \
    }
POSIX_FALLOCATE(posix_fallocate, off_t)
POSIX_FALLOCATE(posix_fallocate64, off64_t)

/* ---- calls on paths -------------------------------------------------------------------------------------------- */

#define ON_PATH(op, dir, path, call) do { \
    char buffer[PATH_MAX]; \
    const char *where = below(dir, path, buffer); \
    if (!where) return call; \
    int wanted = hit(op, where, ""); \
    if (refuses(wanted)) return -1; \
    return ends(wanted, call); \
} while (0)

#define ON_PATHS(op, from_dir, from, to_dir, to, call) do { \
    char first[PATH_MAX], second[PATH_MAX]; \
    const char *old = below(from_dir, from, first), *new = below(to_dir, to, second); \
    if (!old && !new) return call; \
    int wanted = hit(op, old ? old : "?", new ? new : "?"); \
    if (refuses(wanted)) return -1; \
    return ends(wanted, call); \
} while (0)

/* Opening counts only where it makes or empties a file; one that exists already is opened without a change. */
static int makes(int dir, const char *path, int flags) {
    if (flags & O_TRUNC || (flags & O_TMPFILE) == O_TMPFILE) return 1;
    struct stat found;
    int saved = errno;
    int absent = flags & O_CREAT && fstatat(dir, path, &found, AT_SYMLINK_NOFOLLOW) != 0;
    errno = saved;
    return absent;
}

#define OPENS(dir, path, flags, call) do { \
    char buffer[PATH_MAX]; \
    const char *where = below(dir, path, buffer); \
    if (!where || !makes(dir, path, flags)) return call; \
    int wanted = hit("open", where, ""); \
    if (refuses(wanted)) return -1; \
    int result = call; \
    if (result >= 0 && flags & O_TRUNC) soil(result); \
    if (ends(wanted, result) < 0 && result >= 0) { syscall(SYS_close, result); errno = EIO; return -1; } \
    return result; \
} while (0)

#define MODE_OF(flags, last) \
    mode_t bits = 0; \
    if ((flags) & O_CREAT || ((flags) & O_TMPFILE) == O_TMPFILE) { \
        va_list rest; \
        va_start(rest, last); \
        bits = va_arg(rest, mode_t); \
        va_end(rest); \
    }

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(name); \
        MODE_OF(flags, flags) \
        OPENS(AT_FDCWD, path, flags, real(path, flags, bits)); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
    int name(int dir, const char *path, int flags, ...) { \
        REAL(name); \
        MODE_OF(flags, flags) \
        OPENS(dir, path, flags, real(dir, path, flags, bits)); \
    }
OPENAT(openat)
OPENAT(openat64)

int creat(const char *path, mode_t bits) { return open(path, O_CREAT | O_WRONLY | O_TRUNC, bits); }

int truncate(const char *path, off_t length) { REAL(truncate); ON_PATH("truncate", AT_FDCWD, path, real(path, length)); }
int truncate64(const char *path, off64_t length) {
    REAL(truncate64);
    ON_PATH("truncate", AT_FDCWD, path, real(path, length));
}
int unlink(const char *path) { REAL(unlink); ON_PATH("unlink", AT_FDCWD, path, real(path)); }
int unlinkat(int dir, const char *path, int flags) { REAL(unlinkat); ON_PATH("unlink", dir, path, real(dir, path, flags)); }
int rmdir(const char *path) { REAL(rmdir); ON_PATH("rmdir", AT_FDCWD, path, real(path)); }
int mkdir(const char *path, mode_t bits) { REAL(mkdir); ON_PATH("mkdir", AT_FDCWD, path, real(path, bits)); }
int mkdirat(int dir, const char *path, mode_t bits) { REAL(mkdirat); ON_PATH("mkdir", dir, path, real(dir, path, bits)); }
int chmod(const char *path, mode_t bits) { REAL(chmod); ON_PATH("chmod", AT_FDCWD, path, real(path, bits)); }
int fchmodat(int dir, const char *path, mode_t bits, int flags) {
    REAL(fchmodat);
    ON_PATH("chmod", dir, path, real(dir, path, bits, flags));
}
int chown(const char *path, uid_t uid, gid_t gid) { REAL(chown); ON_PATH("chown", AT_FDCWD, path, real(path, uid, gid)); }
int lchown(const char *path, uid_t uid, gid_t gid) {
    REAL(lchown);
    ON_PATH("chown", AT_FDCWD, path, real(path, uid, gid));
}
int fchownat(int dir, const char *path, uid_t uid, gid_t gid, int flags) {
    REAL(fchownat);
    ON_PATH("chown", dir, path, real(dir, path, uid, gid, flags));
}
int utimensat(int dir, const char *path, const struct timespec times[2], int flags) {
    REAL(utimensat);
    ON_PATH("utimens", dir, path, real(dir, path, times, flags));
}

int rename(const char *from, const char *to) {
    REAL(rename);
    ON_PATHS("rename", AT_FDCWD, from, AT_FDCWD, to, real(from, to));
}
int renameat(int from_dir, const char *from, int to_dir, const char *to) {
    REAL(renameat);
    ON_PATHS("rename", from_dir, from, to_dir, to, real(from_dir, from, to_dir, to));
}
int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
    REAL(renameat2);
    ON_PATHS("rename", from_dir, from, to_dir, to, real(from_dir, from, to_dir, to, flags));
}
int link(const char *from, const char *to) {
    REAL(link);
    ON_PATHS("link", AT_FDCWD, from, AT_FDCWD, to, real(from, to));
}
int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags) {
    REAL(linkat);
    ON_PATHS("link", from_dir, from, to_dir, to, real(from_dir, from, to_dir, to, flags));
}
int symlink(const char *to, const char *path) { REAL(symlink); ON_PATH("symlink", AT_FDCWD, path, real(to, path)); }
int symlinkat(const char *to, int dir, const char *path) {
    REAL(symlinkat);
    ON_PATH("symlink", dir, path, real(to, dir, path));
}
