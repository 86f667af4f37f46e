/* AES-GCM over intel-ipsec-mb's direct calls. The manager serves only to find the functions for this CPU: they are
 * copied once and it is freed. The expanded key lies in secret memory. */
#include "crypto/aead_impl.h"

#ifdef SCHLOSS_HAVE_IPSECMB

#include "base/secret.h"
#include <intel-ipsec-mb.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Below AVX2 the gain over OpenSSL is small, and so is the number of such machines. */
#define NEEDED (IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ | IMB_FEATURE_AVX2)

static struct {
    aes_gcm_enc_dec_t seal128, seal256, open128, open256;
    aes_gcm_pre_t pre128, pre256;
    hash_fn_t sha256;
    bool usable;
    char detail[64];
} imb;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const char *arch_name(IMB_ARCH arch) {
    switch (arch) {
    case IMB_ARCH_AVX2:
        return "AVX2";
    case IMB_ARCH_AVX512:
        return "AVX512";
    default:
        return "";
    }
}

static void find_functions(void) {
    IMB_MGR *m = alloc_mb_mgr(0);
    if (m == NULL) {
        return;
    }
    IMB_ARCH arch = IMB_ARCH_NONE;
    if ((m->features & NEEDED) == NEEDED) {
        init_mb_mgr_auto(m, &arch);
    }
    bool tested = !(m->features & IMB_FEATURE_SELF_TEST) || (m->features & IMB_FEATURE_SELF_TEST_PASS);
    if (arch_name(arch)[0] != 0 && imb_get_errno(m) == 0 && tested) {
        imb.seal128 = m->gcm128_enc;
        imb.seal256 = m->gcm256_enc;
        imb.open128 = m->gcm128_dec;
        imb.open256 = m->gcm256_dec;
        imb.pre128 = m->gcm128_pre;
        imb.pre256 = m->gcm256_pre;
        imb.sha256 = m->sha256;
        const char *version = imb_get_version_str();
        (void)snprintf(imb.detail, sizeof imb.detail, "ipsec-mb %s %s", version + strcspn(version, "0123456789"),
                       arch_name(arch));
        imb.usable = true;
    }
    free_mb_mgr(m);
}

static schloss_rc setup(aead_key_t *key, const uint8_t *raw, schloss_error_t *err) {
    TRY(secret_alloc(sizeof(struct gcm_key_data), &key->state, err));
    (key->alg == DEK_AES128_GCM ? imb.pre128 : imb.pre256)(raw, key->state);
    return SCHLOSS_OK;
}

static void clear(aead_key_t *key) {
    secret_free(key->state);
}

static schloss_rc seal(const aead_key_t *key, const uint8_t *in, size_t n, const uint8_t *nonce, uint8_t *out,
                       schloss_error_t *err) {
    (void)err;
    struct gcm_context_data ctx;
    uint8_t *body = out + GCM_NONCE_LEN;
    memcpy(out, nonce, GCM_NONCE_LEN);
    (key->alg == DEK_AES128_GCM ? imb.seal128 : imb.seal256)(key->state, &ctx, body, in, n, nonce, NULL, 0, body + n,
                                                             GCM_TAG_LEN);
    mem_wipe(&ctx, sizeof ctx); /* it keeps the last partial block */
    return SCHLOSS_OK;
}

static schloss_rc open_(const aead_key_t *key, const uint8_t *in, size_t n, uint8_t *out, schloss_error_t *err) {
    struct gcm_context_data ctx;
    size_t plain = n - GCM_NONCE_LEN - GCM_TAG_LEN;
    const uint8_t *body = in + GCM_NONCE_LEN;
    uint8_t tag[GCM_TAG_LEN];
    (key->alg == DEK_AES128_GCM ? imb.open128 : imb.open256)(key->state, &ctx, out, body, plain, in, NULL, 0, tag,
                                                             GCM_TAG_LEN);
    mem_wipe(&ctx, sizeof ctx);
    bool good = secret_equal(tag, body + plain, GCM_TAG_LEN);
    mem_wipe(tag, sizeof tag); /* of forged data this is what the forger looks for */
    return good ? SCHLOSS_OK : aead_refuse(key, out, plain, err);
}

static const aead_impl_t impl = {"ipsec-mb", setup, clear, seal, open_};

const aead_impl_t *aead_ipsecmb(void) {
    pthread_once(&once, find_functions);
    return imb.usable ? &impl : NULL;
}

const char *aead_ipsecmb_detail(void) {
    return imb.detail;
}

bool ipsecmb_sha256(const uint8_t *in, size_t n, uint8_t out[32]) {
    pthread_once(&once, find_functions);
    if (imb.usable) {
        imb.sha256(in, n, out);
    }
    return imb.usable;
}

#else

const aead_impl_t *aead_ipsecmb(void) {
    return NULL;
}

const char *aead_ipsecmb_detail(void) {
    return "ipsec-mb (not in this build)";
}

bool ipsecmb_sha256(const uint8_t *in, size_t n, uint8_t out[32]) {
    (void)in;
    (void)n;
    (void)out;
    return false;
}

#endif
