/* Secret memory. One mapping of LIMIT_SECRET_BYTES with an inaccessible page on both sides. It is cut into spans of
 * SPAN bytes as it is needed; a span holds pieces of one size class, and free pieces of a class are chained through
 * their first bytes. Locking follows use, one span at a time, since the right to lock memory is often small.
 *
 * Invariants (under lock): a free piece is all zero but for its chain pointer; used_units has one bit per 64 bytes,
 * set for the first unit of every piece in use. */
#include "base/secret.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/metrics.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define UNIT ((size_t)64)
#define SPAN ((size_t)8192)
#define SPANS (LIMIT_SECRET_BYTES / SPAN)
#define UNITS (LIMIT_SECRET_BYTES / UNIT)
#define CLASSES 8u /* 64, 128, … 8192 */

typedef struct piece {
    struct piece *next;
} piece_t;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t *slab;       /* NULL until first use */
static size_t spans_used;   /* spans given to a class */
static size_t spans_locked; /* the first so many are locked in memory */
static bool lock_required;
static bool warned, must_warn; /* the warning is due once; it is given after the lock is released */
static size_t in_use;
static uint8_t span_class[SPANS];
static uint64_t used_units[UNITS / 64];
static piece_t *free_pieces[CLASSES];

static void before_fork(void) {
    pthread_mutex_lock(&lock);
}

static void after_fork_parent(void) {
    pthread_mutex_unlock(&lock);
}

/* A child inherits the bytes but not the locks. Its failure shows at the next allocation. */
static void after_fork_child(void) {
    if (spans_locked != 0 && mlock(slab, spans_locked * SPAN) != 0) {
        spans_locked = 0;
    }
    pthread_mutex_unlock(&lock);
}

static bool guarded;

static void guard(void) {
    guarded = pthread_atfork(before_fork, after_fork_parent, after_fork_child) == 0;
}

bool secret_guard_fork(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, guard);
    return guarded;
}

static schloss_rc map_slab(schloss_error_t *err) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *p =
        mmap(NULL, LIMIT_SECRET_BYTES + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        return FAIL(err, NO_MEMORY, "cannot map %zu bytes of secret memory", LIMIT_SECRET_BYTES);
    }
    if (mprotect(p + page, LIMIT_SECRET_BYTES, PROT_READ | PROT_WRITE) != 0 ||
        madvise(p + page, LIMIT_SECRET_BYTES, MADV_DONTDUMP) != 0) {
        (void)munmap(p, LIMIT_SECRET_BYTES + 2 * page);
        return FAIL(err, NO_MEMORY, "cannot protect %zu bytes of secret memory", LIMIT_SECRET_BYTES);
    }
    if (!secret_guard_fork()) {
        (void)munmap(p, LIMIT_SECRET_BYTES + 2 * page);
        return NO_MEMORY(err);
    }
    slab = p + page;
    return SCHLOSS_OK;
}

/* Locks what is in use and not locked. Failing is an error only when locking is required. */
static schloss_rc lock_spans(size_t spans, schloss_error_t *err) {
    if (spans <= spans_locked || (warned && !lock_required)) {
        return SCHLOSS_OK;
    }
    if (mlock(slab + spans_locked * SPAN, (spans - spans_locked) * SPAN) == 0) {
        spans_locked = spans;
        return SCHLOSS_OK;
    }
    int e = errno;
    METRIC_ADD(memory_lock_failures, 1);
    if (lock_required) {
        schloss_rc rc =
            FAIL(err, MEMORY_LOCK, "cannot lock %zu bytes of key memory: %s", spans * SPAN, strerrorname_np(e));
        err_hint(err, "raise RLIMIT_MEMLOCK (ulimit -l, LimitMEMLOCK=) or set schloss.memory.lock=preferred");
        return rc;
    }
    warned = must_warn = true;
    return SCHLOSS_OK;
}

static unsigned class_of(size_t n) {
    unsigned c = 0;
    while ((UNIT << c) < n) {
        c++;
    }
    return c;
}

/* Cuts a new span into pieces of a class. */
static schloss_rc add_span(unsigned c, schloss_error_t *err) {
    if (spans_used == SPANS) {
        schloss_rc rc = FAIL(err, LIMIT_EXCEEDED, "limit secret memory of %zu bytes exceeded", LIMIT_SECRET_BYTES);
        err_hint(err, "close handles that are not used: each keeps its keys");
        return rc;
    }
    TRY(lock_spans(spans_used + 1, err));
    uint8_t *span = slab + spans_used * SPAN;
    size_t size = UNIT << c;
    for (size_t at = SPAN; at >= size; at -= size) {
        piece_t *p = (piece_t *)(void *)(span + at - size);
        p->next = free_pieces[c];
        free_pieces[c] = p;
    }
    span_class[spans_used++] = (uint8_t)c;
    return SCHLOSS_OK;
}

static schloss_rc take(unsigned c, void **out, schloss_error_t *err) {
    if (slab == NULL) {
        TRY(map_slab(err));
    }
    TRY(lock_spans(spans_used, err)); /* after a fork, or after locking became required */
    if (free_pieces[c] == NULL) {
        TRY(add_span(c, err));
    }
    piece_t *p = free_pieces[c];
    free_pieces[c] = p->next;
    p->next = NULL;
    size_t unit = (size_t)((uint8_t *)p - slab) / UNIT;
    used_units[unit / 64] |= UINT64_C(1) << (unit % 64);
    in_use += UNIT << c;
    *out = p;
    return SCHLOSS_OK;
}

schloss_rc secret_alloc(size_t n, void **out, schloss_error_t *err) {
    ENSURE(n <= SPAN, err, LIMIT_EXCEEDED, "secret of %zu bytes is larger than %zu", n, SPAN);
    if (!mem_admit()) {
        return NO_MEMORY(err);
    }
    pthread_mutex_lock(&lock);
    schloss_rc rc = take(class_of(n), out, err);
    bool warn = must_warn;
    must_warn = false;
    pthread_mutex_unlock(&lock);
    if (warn) {
        LOG_WARN("memory", "key memory cannot be locked: keys may reach swap; raise RLIMIT_MEMLOCK");
    }
    return rc;
}

bool secret_contains(const void *p) {
    const uint8_t *b = p;
    pthread_mutex_lock(&lock);
    bool inside = slab != NULL && b >= slab && b < slab + LIMIT_SECRET_BYTES;
    pthread_mutex_unlock(&lock);
    return inside;
}

void secret_free(void *p) {
    if (p == NULL) {
        return;
    }
    if (!secret_contains(p)) {
        abort();
    }
    pthread_mutex_lock(&lock);
    size_t offset = (size_t)((uint8_t *)p - slab);
    size_t unit = offset / UNIT;
    uint64_t bit = UINT64_C(1) << (unit % 64);
    if (offset % UNIT != 0 || (used_units[unit / 64] & bit) == 0) {
        abort(); /* freed twice, or never allocated: going on could hand one piece to two keys */
    }
    used_units[unit / 64] &= ~bit;
    unsigned c = span_class[offset / SPAN];
    mem_wipe(p, UNIT << c);
    piece_t *piece = p;
    piece->next = free_pieces[c];
    free_pieces[c] = piece;
    in_use -= UNIT << c;
    pthread_mutex_unlock(&lock);
}

void secret_require_lock(bool required) {
    pthread_mutex_lock(&lock);
    lock_required = required;
    pthread_mutex_unlock(&lock);
}

bool secret_lock_is_required(void) {
    pthread_mutex_lock(&lock);
    bool required = lock_required;
    pthread_mutex_unlock(&lock);
    return required;
}

size_t secret_in_use(void) {
    pthread_mutex_lock(&lock);
    size_t n = in_use;
    pthread_mutex_unlock(&lock);
    return n;
}

bool secret_equal(const void *a, const void *b, size_t n) {
    const uint8_t *x = a, *y = b;
    uint64_t diff = 0;
    for (; n >= 8; n -= 8, x += 8, y += 8) {
        uint64_t u, v;
        memcpy(&u, x, 8);
        memcpy(&v, y, 8);
        diff |= u ^ v;
        /* Hides diff from the optimiser, which else could leave the loop early. */
        __asm__ __volatile__("" : "+r"(diff));
    }
    for (; n > 0; n--) {
        diff |= (uint64_t)(*x++ ^ *y++);
        __asm__ __volatile__("" : "+r"(diff));
    }
    return diff == 0;
}
