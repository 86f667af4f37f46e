/* The token cache: a fixed table under one lock, values in secret memory.
 *
 * A full table gives up what expires first. Tokens longer than one piece of secret memory are not kept. */
#include "kms/token.h"

#include "base/secret.h"
#include "base/text.h"
#include "crypto/ossl.h"
#include <pthread.h>

#define TOKENS_MAX 64u
#define VALUE_MAX 8192u /* largest piece of secret memory */
#define NAME_MAX_LEN 80u

typedef struct token {
    char name[NAME_MAX_LEN]; /* "" = empty */
    void *value;             /* secret memory */
    size_t len;
    int64_t expires_ms;
} token_t;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static token_t slots[TOKENS_MAX];
static bool guarded;

static void lock_take(void) {
    pthread_mutex_lock(&lock);
}

static void lock_give(void) {
    pthread_mutex_unlock(&lock);
}

static void guard(void) {
    /* Handlers run before a fork in reverse order: secret memory, which is used under this lock, registers first. */
    guarded = secret_guard_fork() && pthread_atfork(lock_take, lock_give, lock_give) == 0;
}

/* Without fork handlers a child could find the lock taken for ever; then nothing is kept. */
static bool enter(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, guard);
    if (guarded) {
        lock_take();
    }
    return guarded;
}

static token_t *find(const char *name) {
    for (size_t i = 0; i < TOKENS_MAX; i++) {
        if (*name != '\0' && strcmp(slots[i].name, name) == 0) {
            return &slots[i];
        }
    }
    return NULL;
}

static void drop(token_t *t) {
    secret_free(t->value);
    memset(t, 0, sizeof *t);
}

bool token_get(const char *name, int64_t now_ms, int64_t margin_ms, buf_t *out) {
    buf_reset(out);
    if (!enter()) {
        return false;
    }
    token_t *t = find(name);
    if (t != NULL && t->expires_ms <= now_ms) {
        drop(t);
        t = NULL;
    }
    bool live = t != NULL && t->expires_ms - now_ms > margin_ms;
    if (live) {
        buf_put(out, t->value, t->len);
    }
    lock_give();
    if (out->failed) {
        buf_reset(out);
        return false;
    }
    return live;
}

/* An empty slot, else the one that expires first. */
static token_t *slot_for(const char *name) {
    token_t *best = find(name);
    for (size_t i = 0; best == NULL && i < TOKENS_MAX; i++) {
        best = slots[i].name[0] == '\0' ? &slots[i] : NULL;
    }
    if (best == NULL) {
        best = &slots[0];
        for (size_t i = 1; i < TOKENS_MAX; i++) {
            best = slots[i].expires_ms < best->expires_ms ? &slots[i] : best;
        }
    }
    return best;
}

void token_put(const char *name, bytes_t value, int64_t expires_ms) {
    size_t n = strlen(name);
    if (value.len == 0 || value.len > VALUE_MAX || n == 0 || n >= NAME_MAX_LEN) {
        return;
    }
    void *copy = NULL;
    if (secret_alloc(value.len, &copy, NULL) != SCHLOSS_OK) {
        return;
    }
    memcpy(copy, value.ptr, value.len);
    if (!enter()) {
        secret_free(copy);
        return;
    }
    token_t *t = slot_for(name);
    drop(t);
    memcpy(t->name, name, n + 1);
    t->value = copy;
    t->len = value.len;
    t->expires_ms = expires_ms;
    lock_give();
}

void token_forget(const char *name) {
    if (enter()) {
        token_t *t = find(name);
        if (t != NULL) {
            drop(t);
        }
        lock_give();
    }
}

/* Each part with its length, so that no two lists of parts give one name. */
static bool hash_parts(const char *const *parts, size_t n, uint8_t out[32]) {
    unsigned len = 0;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; ok && i < n; i++) {
        uint64_t size = parts[i] == NULL ? UINT64_MAX : strlen(parts[i]);
        ok = EVP_DigestUpdate(ctx, &size, sizeof size) == 1;
        if (ok && parts[i] != NULL) {
            ok = EVP_DigestUpdate(ctx, parts[i], (size_t)size) == 1;
        }
    }
    ok = ok && EVP_DigestFinal_ex(ctx, out, &len) == 1 && len == 32;
    EVP_MD_CTX_free(ctx);
    return ok;
}

schloss_rc token_name(char out[80], const char *kind, const char *const *parts, size_t n, schloss_error_t *err) {
    size_t kind_len = strlen(kind);
    ENSURE(kind_len != 0 && kind_len < NAME_MAX_LEN - 66, err, INVALID_ARGUMENT, "the kind of a token is too long: %s",
           kind);
    uint8_t hash[32];
    ossl_lock();
    bool ok = hash_parts(parts, n, hash);
    ossl_unlock();
    if (!ok) {
        return ossl_fail("SHA-256", err);
    }
    memcpy(out, kind, kind_len);
    out[kind_len] = '-';
    hex_encode(out + kind_len + 1, hash, sizeof hash);
    out[kind_len + 1 + 2 * sizeof hash] = '\0';
    return SCHLOSS_OK;
}
