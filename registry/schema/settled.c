/* See settled.h. A table of fixed size: a schema has one place, and whoever comes later takes it. */
#include "registry/schema/settled.h"
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#define PLACES 16384u /* one MB */

typedef struct place {
    uint8_t key[SETTLED_LEN], digest[SETTLED_LEN];
    bool used, links;
} place_t;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static place_t places[PLACES];

static place_t *place_of(const uint8_t key[SETTLED_LEN]) {
    return &places[be32_read(key) % PLACES];
}

static bool add(EVP_MD_CTX *ctx, const char *text, size_t len) {
    uint8_t head[8];
    be32_write(head, (uint32_t)((uint64_t)len >> 32));
    be32_write(head + 4, (uint32_t)len);
    return EVP_DigestUpdate(ctx, head, sizeof head) == 1 && EVP_DigestUpdate(ctx, text, len) == 1;
}

bool settled_key(const char *text, const proto_file_t *files, size_t n_files, uint8_t key[SETTLED_LEN]) {
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 && add(ctx, text, strlen(text));
    for (size_t i = 0; ok && i < n_files; i++) {
        ok = add(ctx, files[i].name, strlen(files[i].name)) && add(ctx, files[i].text, files[i].len);
    }
    ok = ok && EVP_DigestFinal_ex(ctx, key, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

bool settled_digest(bytes_t linked, uint8_t digest[SETTLED_LEN]) {
    return EVP_Digest(linked.ptr, linked.len, digest, NULL, EVP_sha256(), NULL) == 1;
}

bool settled_get(const uint8_t key[SETTLED_LEN], uint8_t digest[SETTLED_LEN], bool *links) {
    pthread_mutex_lock(&lock);
    const place_t *p = place_of(key);
    bool found = p->used && memcmp(p->key, key, SETTLED_LEN) == 0;
    if (found) {
        *links = p->links;
        memcpy(digest, p->digest, SETTLED_LEN);
    }
    pthread_mutex_unlock(&lock);
    return found;
}

void settled_put(const uint8_t key[SETTLED_LEN], const uint8_t *digest) {
    pthread_mutex_lock(&lock);
    place_t *p = place_of(key);
    memset(p, 0, sizeof *p);
    p->used = true;
    p->links = digest != NULL;
    memcpy(p->key, key, SETTLED_LEN);
    if (digest != NULL) {
        memcpy(p->digest, digest, SETTLED_LEN);
    }
    pthread_mutex_unlock(&lock);
}
