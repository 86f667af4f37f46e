/* A JWT of a service account, signed with RS256. Google's APIs take it as a bearer token, so no token endpoint is
 * asked.
 *
 * The PEM text is a secret: it lies in a sensitive buffer, and OpenSSL's copy of the key is freed before returning. */
#include "kms/gcp/gcp.h"

#include "crypto/ossl.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>

#define PEM_MAX 16384u
#define JWT_MAX 8192u

/* PEM text with its line breaks, whichever way they were written. */
static void put_pem(buf_t *out, const char *text) {
    for (const char *p = text; *p != '\0'; p++) {
        if (p[0] == '\\' && p[1] == 'n') {
            buf_put_u8(out, '\n');
            p++;
        } else if (p[0] == '\\' && p[1] == 'r') {
            p++;
        } else {
            buf_put_u8(out, (uint8_t)*p);
        }
    }
    buf_put_u8(out, '\n');
}

/* Asked for a pass phrase: there is none, and no terminal is asked. */
static int no_phrase(char *out, int size, int rwflag, void *user) {
    (void)out;
    (void)size;
    (void)rwflag;
    (void)user;
    return 0;
}

static EVP_PKEY *key_load(const buf_t *pem) {
    BIO *bio = BIO_new_mem_buf(pem->ptr, (int)pem->len);
    EVP_PKEY *pkey = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_phrase, NULL);
    BIO_free(bio);
    if (pkey != NULL && EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    ERR_clear_error();
    return pkey;
}

static bool sign(EVP_PKEY *pkey, bytes_t text, buf_t *signature) {
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t n = 0;
    bool ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pkey) == 1 &&
              EVP_DigestSign(ctx, NULL, &n, text.ptr, text.len) == 1 && buf_reserve(signature, n) &&
              EVP_DigestSign(ctx, signature->ptr, &n, text.ptr, text.len) == 1;
    signature->len = ok ? n : 0;
    EVP_MD_CTX_free(ctx);
    return ok;
}

/* base64url of header and claims, with the dot between. */
static void put_claims(buf_t *out, const gcp_account_t *account, int64_t issued) {
    buf_t json;
    buf_init(&json, JWT_MAX, "JWT", true);
    buf_put_str(&json, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":");
    json_put_string(&json, account->key_id, strlen(account->key_id));
    buf_put_u8(&json, '}');
    rest_put_b64(out, REST_B64URL, buf_view(&json));
    buf_put_u8(out, '.');
    out->failed = out->failed != 0 ? out->failed : json.failed;
    buf_reset(&json);
    buf_put_str(&json, "{\"iss\":");
    json_put_string(&json, account->email, strlen(account->email));
    buf_put_str(&json, ",\"sub\":");
    json_put_string(&json, account->email, strlen(account->email));
    int64_t expires = issued + GCP_JWT_SECONDS;
    buf_printf(&json, ",\"scope\":\"%s\",\"iat\":%lld,\"exp\":%lld}", GCP_SCOPE, (long long)issued, (long long)expires);
    rest_put_b64(out, REST_B64URL, buf_view(&json));
    out->failed = out->failed != 0 ? out->failed : json.failed;
    buf_clear(&json);
}

schloss_rc gcp_jwt(const kms_key_t *key, const gcp_account_t *account, int64_t issued, buf_t *out,
                   schloss_error_t *err) {
    buf_t pem, signature;
    buf_init(&pem, PEM_MAX, "private.key", true);
    buf_init(&signature, PEM_MAX, "signature", false);
    size_t before = out->len;
    put_pem(&pem, account->private_key);
    put_claims(out, account, issued);
    schloss_rc rc = pem.failed != 0 ? buf_check(&pem, err) : buf_check(out, err);
    if (rc == SCHLOSS_OK) {
        ossl_lock();
        EVP_PKEY *pkey = key_load(&pem);
        bool ok = pkey != NULL && sign(pkey, bytes(out->ptr + before, out->len - before), &signature);
        EVP_PKEY_free(pkey);
        ossl_unlock();
        if (signature.failed != 0) {
            rc = buf_check(&signature, err);
        } else if (!ok) {
            rc = rest_fail(key, SCHLOSS_E_KMS_CREDENTIALS, 0, "",
                           "give private_key of the service account's JSON key, -----BEGIN and END lines included", err,
                           "the service account's private key is no RSA key in PEM");
        }
    }
    if (rc == SCHLOSS_OK) {
        buf_put_u8(out, '.');
        rest_put_b64(out, REST_B64URL, buf_view(&signature));
        rc = buf_check(out, err);
    }
    buf_clear(&pem);
    buf_clear(&signature);
    return rc;
}
