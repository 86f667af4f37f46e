/* Pools of keyed OpenSSL contexts, and what else the OpenSSL parts share. */
#include "crypto/ossl.h"
#include <openssl/err.h>
#include <pthread.h>

/* Largest multiple of the AES block that the int of EVP's calls holds with room to spare. */
#define CHUNK ((size_t)1 << 30)

/* Threads start at different slots, so that they do not meet at one cache line. */
static unsigned first_slot(void) {
    static _Atomic unsigned next;
    static _Thread_local unsigned mine; /* 0 = not chosen yet */
    if (mine == 0) {
        mine = 1 + atomic_fetch_add_explicit(&next, 1, memory_order_relaxed) % CTX_SLOTS;
    }
    return mine - 1;
}

void *ctx_pool_take(ctx_pool_t *p) {
    unsigned first = first_slot();
    for (unsigned i = 0; i < CTX_SLOTS; i++) {
        _Atomic(void *) *slot = &p->slot[(first + i) % CTX_SLOTS];
        if (atomic_load_explicit(slot, memory_order_relaxed) != NULL) {
            void *ctx = atomic_exchange_explicit(slot, NULL, memory_order_acquire);
            if (ctx != NULL) {
                return ctx;
            }
        }
    }
    return NULL;
}

bool ctx_pool_give(ctx_pool_t *p, void *ctx) {
    unsigned first = first_slot();
    for (unsigned i = 0; i < CTX_SLOTS; i++) {
        void *empty = NULL;
        if (atomic_compare_exchange_strong_explicit(&p->slot[(first + i) % CTX_SLOTS], &empty, ctx,
                                                    memory_order_release, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool guarded;

void ossl_lock(void) {
    pthread_mutex_lock(&lock);
}

void ossl_unlock(void) {
    pthread_mutex_unlock(&lock);
}

static void guard(void) {
    guarded = pthread_atfork(ossl_lock, ossl_unlock, ossl_unlock) == 0;
}

bool ossl_guard_fork(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, guard);
    return guarded;
}

schloss_rc ossl_fail(const char *what, schloss_error_t *err) {
    unsigned long e = ERR_peek_last_error();
    const char *reason = e == 0 ? NULL : ERR_reason_error_string(e);
    schloss_rc rc = FAIL(err, CRYPTO, "OpenSSL: %s failed: %s", what, reason == NULL ? "no reason given" : reason);
    ERR_clear_error();
    return rc;
}

EVP_CIPHER_CTX *ossl_cipher_new(const char *cipher, const uint8_t *raw, bool encrypt) {
    ossl_lock();
    EVP_CIPHER *c = EVP_CIPHER_fetch(NULL, cipher, NULL);
    EVP_CIPHER_CTX *ctx = c == NULL ? NULL : EVP_CIPHER_CTX_new();
    if (ctx != NULL && EVP_CipherInit_ex2(ctx, c, raw, NULL, encrypt, NULL) != 1) {
        EVP_CIPHER_CTX_free(ctx);
        ctx = NULL;
    }
    EVP_CIPHER_free(c); /* the context keeps its own reference */
    ossl_unlock();
    return ctx;
}

bool ossl_update(EVP_CIPHER_CTX *ctx, uint8_t *out, const uint8_t *in, size_t n) {
    while (n > 0) {
        size_t part = n < CHUNK ? n : CHUNK;
        int len = 0;
        if (EVP_CipherUpdate(ctx, out, &len, in, (int)part) != 1 || (size_t)len != part) {
            return false;
        }
        out += part;
        in += part;
        n -= part;
    }
    return true;
}
