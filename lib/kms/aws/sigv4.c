/* The four steps of the signature: canonical request, string to sign, signing key, signature. */
#include "kms/aws/sigv4.h"

#include "base/text.h"
#include "crypto/ossl.h"
#include <openssl/hmac.h>
#include <time.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define SECRET_MAX 1024u
#define CANONICAL_MAX ((size_t)256 * 1024)

static schloss_rc sha256_hex(char out[65], bytes_t in, schloss_error_t *err) {
    uint8_t hash[32];
    unsigned n = 0;
    ossl_lock();
    bool ok = EVP_Digest(in.len == 0 ? "" : (const void *)in.ptr, in.len, hash, &n, EVP_sha256(), NULL) == 1 && n == 32;
    ossl_unlock();
    if (!ok) {
        return ossl_fail("SHA-256", err);
    }
    hex_encode(out, hash, sizeof hash);
    out[64] = '\0';
    return SCHLOSS_OK;
}

static schloss_rc hmac(uint8_t out[32], const void *key, size_t key_len, const void *p, size_t len,
                       schloss_error_t *err) {
    unsigned n = 0;
    ossl_lock();
    bool ok = HMAC(EVP_sha256(), key, (int)key_len, p, len, out, &n) != NULL && n == 32;
    ossl_unlock();
    return ok ? SCHLOSS_OK : ossl_fail("HMAC-SHA256", err);
}

void sigv4_date(char out[SIGV4_DATE_LEN + 1], int64_t now_ms) {
    time_t t = (time_t)(now_ms / 1000);
    struct tm tm = {0};
    if (gmtime_r(&t, &tm) == NULL || strftime(out, SIGV4_DATE_LEN + 1, "%Y%m%dT%H%M%SZ", &tm) != SIGV4_DATE_LEN) {
        memcpy(out, "19700101T000000Z", SIGV4_DATE_LEN + 1); /* a clock beyond year 9999: the service will complain */
    }
}

static void put_names(buf_t *out, const sigv4_t *s) {
    for (size_t i = 0; i < s->n_headers; i++) {
        if (i != 0) {
            buf_put_u8(out, ';');
        }
        buf_put_str(out, s->headers[i].name);
    }
}

schloss_rc sigv4_canonical(const sigv4_t *s, buf_t *out, schloss_error_t *err) {
    char hash[65];
    TRY(sha256_hex(hash, s->body, err));
    buf_printf(out, "%s\n%s\n%s\n", s->method, s->path, s->query);
    for (size_t i = 0; i < s->n_headers; i++) {
        buf_put_str(out, s->headers[i].name);
        buf_put_u8(out, ':');
        buf_put_str(out, s->headers[i].value); /* a token: longer than what buf_printf is for */
        buf_put_u8(out, '\n');
    }
    buf_put_u8(out, '\n');
    put_names(out, s);
    buf_put_u8(out, '\n');
    buf_put_str(out, hash);
    return buf_check(out, err);
}

schloss_rc sigv4_key(uint8_t out[32], const char *secret, const char *date, const char *region, const char *service,
                     schloss_error_t *err) {
    char first[4 + SECRET_MAX];
    size_t n = strlen(secret);
    ENSURE(n <= SECRET_MAX, err, INVALID_ARGUMENT, "an AWS secret access key has at most %u characters", SECRET_MAX);
    memcpy(first, "AWS4", 4);
    memcpy(first + 4, secret, n);
    schloss_rc rc = hmac(out, first, n + 4, date, 8, err);
    mem_wipe(first, sizeof first);
    uint8_t key[32];
    const char *const steps[] = {region, service, "aws4_request"};
    for (size_t i = 0; rc == SCHLOSS_OK && i < COUNT_OF(steps); i++) {
        memcpy(key, out, sizeof key);
        rc = hmac(out, key, sizeof key, steps[i], strlen(steps[i]), err);
    }
    mem_wipe(key, sizeof key);
    return rc;
}

static schloss_rc authorize(const sigv4_t *s, buf_t *work, buf_t *out, schloss_error_t *err) {
    char hash[65];
    TRY(sigv4_canonical(s, work, err));
    TRY(sha256_hex(hash, buf_view(work), err));
    buf_reset(work);
    buf_printf(work, ALGORITHM "\n%s\n%.8s/%s/%s/aws4_request\n%s", s->date, s->date, s->region, s->service, hash);
    TRY(buf_check(work, err));
    uint8_t key[32];
    uint8_t signature[32];
    TRY(sigv4_key(key, s->secret_access_key, s->date, s->region, s->service, err));
    schloss_rc rc = hmac(signature, key, sizeof key, work->ptr, work->len, err);
    mem_wipe(key, sizeof key);
    TRY(rc);
    char text[65];
    hex_encode(text, signature, sizeof signature);
    text[64] = '\0';
    buf_printf(out, ALGORITHM " Credential=%s/%.8s/%s/%s/aws4_request, SignedHeaders=", s->access_key_id, s->date,
               s->region, s->service);
    put_names(out, s);
    buf_printf(out, ", Signature=%s", text);
    return buf_check(out, err);
}

schloss_rc sigv4_authorize(const sigv4_t *s, buf_t *out, schloss_error_t *err) {
    ENSURE(strlen(s->date) == SIGV4_DATE_LEN, err, INVALID_ARGUMENT, "a date to sign is 20260101T000000Z, not %s",
           s->date);
    buf_t work;
    buf_init(&work, CANONICAL_MAX, "request to sign", true);
    schloss_rc rc = authorize(s, &work, out, err);
    buf_clear(&work);
    return rc;
}
