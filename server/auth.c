/* See auth.h. */
#include "server/auth.h"
#include "base/map.h"
#include "base/random.h"
#include "base/secret.h"
#include "base/text.h"
#include "server/file.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PREFIX "$schloss$pbkdf2-sha256$"
#define SALT_LEN 16u
#define HASH_LEN 32u
#define MAX_ITERATIONS 10000000u
#define MAX_CREDENTIALS 1024u

typedef struct user {
    char *name;
    unsigned iterations;
    uint8_t salt[SALT_LEN], hash[HASH_LEN];
    bool has_seen;
    uint8_t seen[HASH_LEN]; /* HMAC of the credentials that were right */
} user_t;

struct auth {
    map_t *users;
    uint8_t key[32];
    pthread_rwlock_t seen_lock;
    pthread_mutex_t slow_lock; /* one PBKDF2 at a time */
};

static bool derive(const char *password, size_t n, const uint8_t *salt, unsigned iterations, uint8_t out[HASH_LEN]) {
    return PKCS5_PBKDF2_HMAC(password, (int)n, salt, (int)SALT_LEN, (int)iterations, EVP_sha256(), (int)HASH_LEN,
                             out) == 1;
}

schloss_rc auth_hash_password(const char *password, unsigned iterations, char out[AUTH_HASH_LEN],
                              schloss_error_t *err) {
    uint8_t salt[SALT_LEN], hash[HASH_LEN];
    char salt64[B64_LEN(SALT_LEN) + 1], hash64[B64_LEN(HASH_LEN) + 1];
    ENSURE(iterations >= 1 && iterations <= MAX_ITERATIONS, err, INVALID_ARGUMENT, "iterations out of range");
    TRY(random_bytes(salt, sizeof salt, err));
    ENSURE(derive(password, strlen(password), salt, iterations, hash), err, CRYPTO, "PBKDF2 failed");
    salt64[b64_encode((uint8_t *)salt64, salt, sizeof salt)] = '\0';
    hash64[b64_encode((uint8_t *)hash64, hash, sizeof hash)] = '\0';
    (void)snprintf(out, AUTH_HASH_LEN, PREFIX "%u$%s$%s", iterations, salt64, hash64);
    mem_wipe(hash, sizeof hash);
    return 0;
}

static void free_user(void *p) {
    user_t *u = p;
    mem_free(u->name);
    mem_wipe(u, sizeof *u);
    mem_free(u);
}

/* Decodes base64 of exactly n bytes. */
static bool exact_b64(const char *s, size_t len, uint8_t *out, size_t n) {
    uint8_t tmp[64];
    size_t got;
    if (len > B64_LEN(HASH_LEN) || !b64_decode(tmp, &got, (const uint8_t *)s, len) || got != n) {
        return false;
    }
    memcpy(out, tmp, n);
    return true;
}

static bool parse_hash(user_t *u, const char *p, const char *end) {
    if ((size_t)(end - p) <= strlen(PREFIX) || strncmp(p, PREFIX, strlen(PREFIX)) != 0) {
        return false;
    }
    p += strlen(PREFIX);
    uint64_t n = 0;
    const char *digits = p;
    while (p < end && *p >= '0' && *p <= '9' && n <= MAX_ITERATIONS) {
        n = n * 10 + (uint64_t)(*p++ - '0');
    }
    if (p == digits || p == end || *p != '$' || n < 1 || n > MAX_ITERATIONS) {
        return false;
    }
    u->iterations = (unsigned)n;
    const char *salt = p + 1;
    const char *sep = memchr(salt, '$', (size_t)(end - salt));
    return sep != NULL && exact_b64(salt, (size_t)(sep - salt), u->salt, SALT_LEN) &&
           exact_b64(sep + 1, (size_t)(end - sep - 1), u->hash, HASH_LEN);
}

static schloss_rc parse_line(auth_t *a, const char *line, size_t n, const char *name, unsigned number,
                             schloss_error_t *err) {
    const char *colon = memchr(line, ':', n);
    ENSURE(colon != NULL && colon != line, err, CONF_VALUE, "%s line %u: 'user:hash' is expected", name, number);
    user_t *u = MEM_NEW(user_t);
    if (u == NULL) {
        return NO_MEMORY(err);
    }
    if (!parse_hash(u, colon + 1, line + n)) {
        free_user(u);
        schloss_rc rc = FAIL(err, CONF_VALUE, "%s line %u: the hash is malformed", name, number);
        err_hint(err, "make one with: schloss registry hash-password");
        return rc;
    }
    size_t name_len = (size_t)(colon - line);
    u->name = mem_strndup(line, name_len);
    if (u->name != NULL && map_get(a->users, bytes(line, name_len)) != NULL) {
        free_user(u);
        return FAIL(err, CONF_VALUE, "%s line %u: the user stands there twice", name, number);
    }
    if (u->name == NULL || !map_put(a->users, bytes(line, name_len), u)) {
        free_user(u);
        return NO_MEMORY(err);
    }
    return 0;
}

schloss_rc auth_parse(auth_t **out, const char *text, const char *name, schloss_error_t *err) {
    auth_t *a = MEM_NEW(auth_t);
    if (a == NULL) {
        return NO_MEMORY(err);
    }
    pthread_rwlock_init(&a->seen_lock, NULL);
    pthread_mutex_init(&a->slow_lock, NULL);
    a->users = map_new(free_user);
    schloss_rc rc = a->users == NULL ? NO_MEMORY(err) : random_bytes(a->key, sizeof a->key, err);
    unsigned number = 0;
    for (const char *p = text; rc == 0 && *p != '\0';) {
        size_t n = strcspn(p, "\n");
        size_t end = n;
        number++;
        while (end > 0 && strchr(" \t\r", p[end - 1]) != NULL) {
            end--;
        }
        if (end != 0 && p[0] != '#') {
            rc = parse_line(a, p, end, name, number, err);
        }
        p += n + (p[n] == '\n');
    }
    if (rc == 0 && map_len(a->users) == 0) {
        rc = FAIL(err, CONF_VALUE, "%s names no user", name);
    }
    if (rc != 0) {
        auth_free(a);
        return rc;
    }
    *out = a;
    return 0;
}

schloss_rc auth_load(auth_t **out, const char *users_file, schloss_error_t *err) {
    char *text = NULL;
    TRY(file_read_text(&text, users_file, FILE_MAX_BYTES, err));
    schloss_rc rc = auth_parse(out, text, users_file, err);
    mem_wipe_str(text);
    return rc;
}

void auth_free(auth_t *a) {
    if (a == NULL) {
        return;
    }
    map_free(a->users);
    pthread_rwlock_destroy(&a->seen_lock);
    pthread_mutex_destroy(&a->slow_lock);
    mem_wipe(a->key, sizeof a->key);
    mem_free(a);
}

static bool password_right(auth_t *a, const user_t *u, const char *password, size_t n) {
    static const uint8_t nobody_salt[SALT_LEN] = {0};
    uint8_t hash[HASH_LEN];
    pthread_mutex_lock(&a->slow_lock);
    /* Unknown users cost as much as known ones. */
    bool ok = derive(password, n, u == NULL ? nobody_salt : u->salt, u == NULL ? AUTH_ITERATIONS : u->iterations, hash);
    pthread_mutex_unlock(&a->slow_lock);
    ok = ok && u != NULL && secret_equal(hash, u->hash, HASH_LEN);
    mem_wipe(hash, sizeof hash);
    return ok;
}

static const char *check_credentials(auth_t *a, const char *text, size_t n) {
    const char *colon = memchr(text, ':', n);
    if (colon == NULL) {
        return NULL;
    }
    user_t *u = map_get(a->users, bytes(text, (size_t)(colon - text)));
    uint8_t mac[HASH_LEN];
    unsigned mac_len = 0;
    if (HMAC(EVP_sha256(), a->key, (int)sizeof a->key, (const uint8_t *)text, n, mac, &mac_len) == NULL) {
        return NULL;
    }
    if (u != NULL) {
        pthread_rwlock_rdlock(&a->seen_lock);
        bool seen = u->has_seen && secret_equal(mac, u->seen, HASH_LEN);
        pthread_rwlock_unlock(&a->seen_lock);
        if (seen) {
            return u->name;
        }
    }
    if (!password_right(a, u, colon + 1, n - (size_t)(colon + 1 - text))) {
        return NULL;
    }
    pthread_rwlock_wrlock(&a->seen_lock);
    memcpy(u->seen, mac, HASH_LEN);
    u->has_seen = true;
    pthread_rwlock_unlock(&a->seen_lock);
    return u->name;
}

const char *auth_check(auth_t *a, const char *authorization) {
    if (authorization == NULL || strncasecmp(authorization, "Basic ", 6) != 0) {
        return NULL;
    }
    const char *b64 = authorization + 6;
    while (*b64 == ' ') {
        b64++;
    }
    size_t n = strlen(b64);
    uint8_t text[MAX_CREDENTIALS / 4 * 3 + 3];
    size_t len;
    if (n == 0 || n > MAX_CREDENTIALS || !b64_decode(text, &len, (const uint8_t *)b64, n)) {
        return NULL;
    }
    const char *user = check_credentials(a, (const char *)text, len);
    mem_wipe(text, sizeof text);
    return user;
}
