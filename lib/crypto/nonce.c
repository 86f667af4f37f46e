/* Nonce pools. A pool is one mapping of its thread that the kernel zeroes in a forked child, live marker included; so a
 * child can never see its parent's nonces. While a test has replaced the source, ready is NULL and the slow path asks.
 */
#include "crypto/nonce.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/random.h"
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#define LIVE UINT64_C(0x6c697665206e6f6e)

typedef struct pool {
    uint64_t live; /* LIVE, or the pool is empty */
    uint64_t next; /* index of the first nonce that is not taken */
    uint8_t nonce[NONCE_BATCH][12];
} pool_t;

/* initial-exec: no call to find it, also in a shared library; the few bytes fit what glibc keeps for dlopen. */
static _Thread_local pool_t *ready __attribute__((tls_model("initial-exec")));
static _Thread_local pool_t *mine;
static _Thread_local schloss_rc (*source)(void *user, uint8_t out[12], schloss_error_t *err);
static _Thread_local void *source_user;

static pthread_key_t at_exit;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool have_key;

static void drop(void *p) {
    mem_wipe(p, sizeof(pool_t));
    (void)munmap(p, sizeof(pool_t));
    ready = mine = NULL;
}

static void make_key(void) {
    have_key = pthread_key_create(&at_exit, drop) == 0;
}

static schloss_rc new_pool(schloss_error_t *err) {
    pthread_once(&once, make_key);
    if (!have_key || !mem_admit()) {
        return NO_MEMORY(err);
    }
    pool_t *p = mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        return NO_MEMORY(err);
    }
    if (madvise(p, sizeof *p, MADV_WIPEONFORK) != 0) {
        int e = errno;
        (void)munmap(p, sizeof *p);
        return FAIL(err, RANDOM, "this kernel cannot wipe nonces in a forked child: %s", strerrorname_np(e));
    }
    (void)madvise(p, sizeof *p, MADV_DONTDUMP);
    if (pthread_setspecific(at_exit, p) != 0) {
        (void)munmap(p, sizeof *p);
        return NO_MEMORY(err);
    }
    mine = p;
    return SCHLOSS_OK;
}

/* Everything but the common case: first call, empty pool, forked child, replaced source. */
static __attribute__((noinline)) schloss_rc take_slowly(uint8_t out[12], schloss_error_t *err) {
    if (source != NULL) {
        return source(source_user, out, err);
    }
    if (mine == NULL) {
        TRY(new_pool(err));
    }
    pool_t *p = mine;
    if (p->live != LIVE || p->next >= NONCE_BATCH) {
        p->live = 0;
        TRY(random_bytes(p->nonce, sizeof p->nonce, err));
        METRIC_ADD(nonce_refills, 1);
        p->next = 0;
        p->live = LIVE;
    }
    ready = p;
    return nonce_take(out, err);
}

schloss_rc nonce_take(uint8_t out[12], schloss_error_t *err) {
    pool_t *p = ready;
    if (__builtin_expect(p == NULL || p->live != LIVE || p->next >= NONCE_BATCH, 0)) {
        return take_slowly(out, err);
    }
    uint8_t *n = p->nonce[p->next++];
    memcpy(out, n, 12);
    memset(n, 0, 12); /* the pool stays reachable: the compiler cannot leave this out */
    return SCHLOSS_OK;
}

void nonce_set_source(schloss_rc (*next)(void *user, uint8_t out[12], schloss_error_t *err), void *user) {
    source = next;
    source_user = user;
    ready = NULL;
}
