/* The AEADs: vectors, both back-ends against each other, forgeries, lengths, threads, allocations. */
#include "unit/crypto/data.h"
#include "base/random.h"
#include "base/secret.h"
#include "crypto/aead.h"
#include "crypto/aead_impl.h"
#include "crypto/nonce.h"
#include "crypto/ossl.h"
#include <malloc.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const aead_backend_t backends[] = {AEAD_OPENSSL, AEAD_IPSECMB};

static aead_key_t *new_key(dek_alg_t alg, bytes_t raw, aead_backend_t b) {
    aead_key_t *key = NULL;
    schloss_error_t *err = schloss_error_new();
    schloss_rc rc = aead_key_new(&key, alg, raw, b, err);
    if (rc != 0) {
        print_error("%s\n", schloss_error_message(err));
    }
    schloss_error_free(err);
    assert_int_equal(rc, 0);
    return key;
}

/* Seals with the given nonce, compares, opens and compares. */
static void check(dek_alg_t alg, bytes_t raw, const data_t *nonce, const data_t *plain, const data_t *expected) {
    for (unsigned i = 0; i < COUNT_OF(backends); i++) {
        if (!aead_backend_usable(backends[i])) {
            continue;
        }
        aead_key_t *key = new_key(alg, raw, backends[i]);
        assert_int_equal(plain->n + aead_overhead(alg), expected->n);
        static uint8_t out[DATA_MAX + AEAD_MAX_OVERHEAD];
        memset(out, 0xee, sizeof out);
        assert_int_equal(aead_seal(key, plain->p, plain->n, nonce->p, out, NULL), 0);
        assert_memory_equal(out, expected->p, expected->n);
        assert_int_equal(out[expected->n], 0xee);
        memset(out, 0xee, sizeof out);
        assert_int_equal(aead_open(key, expected->p, expected->n, out, NULL), 0);
        assert_memory_equal(out, plain->p, plain->n);
        assert_int_equal(out[plain->n], 0xee);
        aead_key_free(key);
    }
}

static void vectors(void **state) {
    (void)state;
    json_t *list = vectors_of(SOURCE_DIR "/tests/vectors/data/aead.json"), *v;
    size_t i, done = 0;
    json_array_foreach(list, i, v) {
        dek_alg_t alg;
        assert_true(dek_alg_parse(member(v, "algorithm"), &alg));
        data_t raw = member_b64(v, "rawKey"), plain = member_b64(v, "plaintext"), sealed = member_b64(v, "ciphertext");
        data_t nonce = {.n = 0};
        if (alg != DEK_AES256_SIV) {
            nonce = member_b64(v, "iv");
            assert_int_equal(nonce.n, GCM_NONCE_LEN);
        }
        check(alg, view(&raw), &nonce, &plain, &sealed);
        done++;
    }
    json_decref(list);
    assert_int_equal(done, 45);
}

/* client-encryption 7.4: keys 00 01 02 …, IV a0 … ab. */
/* spec 8: 5 */
static void known_values(void **state) {
    (void)state;
    static const struct {
        dek_alg_t alg;
        const char *plain, *b64;
    } rows[] = {
        {DEK_AES128_GCM, "", "oKGio6Slpqeoqaqr/O5pHSLHebOhptiid1BwZQ=="},
        {DEK_AES256_GCM, "",
         "oKGio6Slpqeoqaqr"
         "XGmWJa9Lk6D4IgoqYRnF0A=="},
        {DEK_AES256_SIV, "", "b/W471P8NlYGzT6gRzdIhQ=="},
        {DEK_AES128_GCM, "testUser", "oKGio6Slpqeoqaqr3uNLzyv6VnjLi0fLL1sCP9EGj6dwRXYJ"},
        {DEK_AES256_GCM, "testUser", "oKGio6Slpqeoqaqrkn0PWRC4Z81sq6h1Au34U7UDn2glgyIs"},
        {DEK_AES256_SIV, "testUser", "z1ACPk6tJimBzw539haBBgBrN+3q5F27"},
        {DEK_AES128_GCM, "hello world", "oKGio6SlpqeoqaqrwuNU1xGpRGX4FNHzPJ9BDsR95+oJ2tlSedjh"},
        {DEK_AES256_GCM, "hello world", "oKGio6Slpqeoqaqrjn0QQSrrddAQCeOsJrBG0xxuRyhGb7FdEMha"},
        {DEK_AES256_SIV, "hello world", "Hc5d96xIxu2ute1RbFuenEftGxw+P//m1Vv/"},
        {DEK_AES256_SIV, "0123456789abcdef", "i6AzERAciG22CJUxe6o8GdpOyEA1Z5OTBQGAt4mfP90="},
        {DEK_AES256_SIV, "\xe6\x97\xa5\xe6\x9c\xac", "rxq4VPCwZzT3M1vX/aIlRRjpwrjKKA=="},
        {DEK_AES256_SIV, "xxxxxxxxxxxxxxxxx", "G7tpGdnm0Y8pkjCqhyXeNPa+dkPZzQJfqp4nwA8YP2os"},
    };
    data_t nonce = from_hex("a0a1a2a3a4a5a6a7a8a9aaab");
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        data_t raw = counting(dek_alg_key_len(rows[i].alg)), sealed = from_b64(rows[i].b64), plain = {.n = 0};
        plain.n = strlen(rows[i].plain);
        memcpy(plain.p, rows[i].plain, plain.n);
        check(rows[i].alg, view(&raw), &nonce, &plain, &sealed);
    }
}

/* client-encryption 7.1: keys and values that upstream's tests hold. */
/* spec 8: 6 */
static void golden_records(void **state) {
    (void)state;
    static const struct {
        dek_alg_t alg;
        const char *key, *b64;
        size_t prefix;
    } rows[] = {
        {DEK_AES256_GCM, "41e5234c24a6a4f85b1d8237e99a12df8722f0c21837556acd0ec7adde5869cf",
         "zgy/jFNMV/eFilaHrMyeBgdaVzrR0udGeotW8cA/Jal7ukr+M/yz", 0},
        {DEK_AES256_SIV,
         "9b971301e8ef5f0d9ce82e8cb28ef8fb14fa74944f4e5a958f598389958e1e392b76c3e213b4a726c8437e3f0ee4a137bde3f4b8990e"
         "07aa8a050c8e7115498f",
         "D6YtxrlBnkTWW9N6Vbk3IInjWH81xmYh3k4d", 0},
        {DEK_AES256_GCM, "08d571545a5c3517771440b4a8fe1fd2283b4a2272e12e867c9b6761ee0e9666",
         "AAAAAAG4HI6b1nXPXqLyG8cII35NHQseqqUCd+IeLeFVAeNpSS3fxPnJ32A=", 5},
    };
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        data_t raw = from_hex(rows[i].key), all = from_b64(rows[i].b64);
        data_t sealed = {.n = all.n - rows[i].prefix}, plain = {.p = "hello world", .n = 11};
        memcpy(sealed.p, all.p + rows[i].prefix, sealed.n);
        data_t nonce = sealed; /* a GCM message begins with it */
        check(rows[i].alg, view(&raw), &nonce, &plain, &sealed);
    }
}

static void rfc5297_dbl_carries(void **state) {
    (void)state;
    /* Many keys: about half of them carry in either doubling. The reference is EVP's own SIV with one empty item. */
    for (unsigned k = 0; k < 32; k++) {
        uint8_t raw[64], plain[40], got[64], want[64];
        assert_int_equal(random_bytes(raw, sizeof raw, NULL), 0);
        assert_int_equal(random_bytes(plain, sizeof plain, NULL), 0);
        EVP_CIPHER *c = EVP_CIPHER_fetch(NULL, "AES-256-SIV", NULL);
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        int len = 0;
        assert_int_equal(EVP_EncryptInit_ex2(ctx, c, raw, NULL, NULL), 1);
        assert_int_equal(EVP_EncryptUpdate(ctx, NULL, &len, plain, 0), 1);
        size_t n = 1 + k;
        assert_int_equal(EVP_EncryptUpdate(ctx, want + 16, &len, plain, (int)n), 1);
        assert_int_equal(EVP_EncryptFinal_ex(ctx, want + 16 + n, &len), 1);
        assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, want), 1);
        EVP_CIPHER_CTX_free(ctx);
        EVP_CIPHER_free(c);
        aead_key_t *key = new_key(DEK_AES256_SIV, bytes(raw, sizeof raw), AEAD_AUTO);
        assert_int_equal(aead_seal(key, plain, n, NULL, got, NULL), 0);
        assert_memory_equal(got, want, n + 16);
        aead_key_free(key);
    }
}

static void backends_agree(void **state) {
    (void)state;
    assert_true(aead_backend_usable(AEAD_OPENSSL));
    if (!aead_backend_usable(AEAD_IPSECMB)) {
        assert_int_equal(aead_backend(), AEAD_OPENSSL);
        return; /* there is nothing to compare with on this CPU */
    }
    static uint8_t plain[5000], a[5000 + AEAD_MAX_OVERHEAD], b[5000 + AEAD_MAX_OVERHEAD], back[5000];
    assert_int_equal(random_bytes(plain, sizeof plain, NULL), 0);
    for (unsigned alg = DEK_AES128_GCM; alg <= DEK_AES256_GCM; alg++) {
        data_t raw = counting(dek_alg_key_len((dek_alg_t)alg));
        aead_key_t *ko = new_key((dek_alg_t)alg, view(&raw), AEAD_OPENSSL);
        aead_key_t *ki = new_key((dek_alg_t)alg, view(&raw), AEAD_IPSECMB);
        for (size_t i = 0; i < 1200; i++) {
            size_t n = i <= 600 ? i : i == 1199 ? 5000 : random_below(5001);
            uint8_t nonce[12];
            assert_int_equal(nonce_take(nonce, NULL), 0);
            assert_int_equal(aead_seal(ko, plain, n, nonce, a, NULL), 0);
            assert_int_equal(aead_seal(ki, plain, n, nonce, b, NULL), 0);
            assert_memory_equal(a, b, n + 28);
            assert_int_equal(aead_open(ko, b, n + 28, back, NULL), 0);
            assert_memory_equal(back, plain, n);
            memset(back, 0, n);
            assert_int_equal(aead_open(ki, a, n + 28, back, NULL), 0);
            assert_memory_equal(back, plain, n);
        }
        aead_key_free(ko);
        aead_key_free(ki);
    }
}

/* Every flipped bit of short messages is refused, and what was decrypted is wiped. */
/* spec 8: 8, 9 */
static void forgeries(void **state) {
    (void)state;
    schloss_error_t *err = schloss_error_new();
    assert_non_null(err);
    for (unsigned alg = 0; alg < 3; alg++) {
        for (unsigned b = 0; b < COUNT_OF(backends); b++) {
            if (!aead_backend_usable(backends[b])) {
                continue;
            }
            data_t raw = counting(dek_alg_key_len((dek_alg_t)alg));
            aead_key_t *key = new_key((dek_alg_t)alg, view(&raw), backends[b]);
            static const size_t lengths[] = {0, 1, 15, 16, 17, 40, 300};
            for (unsigned l = 0; l < COUNT_OF(lengths); l++) {
                size_t n = lengths[l], total = n + aead_overhead((dek_alg_t)alg);
                uint8_t plain[300], sealed[340], out[301], zero[300] = {0};
                memset(plain, 'p', sizeof plain);
                assert_int_equal(aead_seal(key, plain, n, raw.p, sealed, NULL), 0);
                for (size_t bit = 0; bit < 8 * total; bit++) {
                    sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
                    memset(out, 0xee, sizeof out);
                    assert_int_equal(aead_open(key, sealed, total, out, err), SCHLOSS_E_AUTH_FAILED);
                    assert_memory_equal(out, zero, n);
                    assert_int_equal(out[n], 0xee);
                    sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
                }
                if (n != 0) {
                    assert_int_equal(aead_open(key, sealed, total - 1, out, err), SCHLOSS_E_AUTH_FAILED);
                    assert_memory_equal(out, zero, n - 1);
                }
                /* The contexts went through failures and still work. */
                assert_int_equal(aead_open(key, sealed, total, out, NULL), 0);
                assert_memory_equal(out, plain, n);
            }
            for (size_t n = 0; n < aead_overhead((dek_alg_t)alg); n++) {
                assert_int_equal(aead_open(key, raw.p, n, NULL, err), SCHLOSS_E_CIPHERTEXT_TOO_SHORT);
                assert_non_null(strstr(schloss_error_message(err), dek_alg_name((dek_alg_t)alg)));
            }
            aead_key_free(key);
        }
    }
    schloss_error_free(err);
}

static void wrong_keys(void **state) {
    (void)state;
    schloss_error_t *err = schloss_error_new();
    assert_non_null(err);
    for (unsigned alg = 0; alg < 3; alg++) {
        for (size_t n = 0; n <= 80; n++) {
            data_t raw = counting(n);
            aead_key_t *key = NULL;
            if (n == dek_alg_key_len((dek_alg_t)alg)) {
                continue;
            }
            assert_int_equal(aead_key_new(&key, (dek_alg_t)alg, view(&raw), AEAD_AUTO, err), SCHLOSS_E_BAD_KEY);
            assert_null(key);
            assert_non_null(strstr(schloss_error_message(err), dek_alg_name((dek_alg_t)alg)));
        }
    }
    schloss_error_free(err);
    aead_key_free(NULL);
}

static void names(void **state) {
    (void)state;
    dek_alg_t alg = DEK_AES128_GCM;
    for (unsigned i = 0; i < 3; i++) {
        assert_true(dek_alg_parse(dek_alg_name((dek_alg_t)i), &alg));
        assert_int_equal(alg, i);
    }
    assert_false(dek_alg_parse("aes256_gcm", &alg));
    assert_false(dek_alg_parse("", &alg));
    assert_false(dek_alg_parse("AES256_GCM ", &alg));
    assert_string_equal(aead_backend_name(AEAD_OPENSSL), "openssl");
    assert_string_equal(aead_backend_name(AEAD_IPSECMB), "ipsec-mb");
    assert_string_equal(aead_backend_name(AEAD_AUTO), aead_backend_name(aead_backend()));
    assert_non_null(strstr(aead_backend_detail(AEAD_OPENSSL), "OpenSSL"));
    assert_non_null(strstr(aead_backend_detail(AEAD_IPSECMB), "ipsec-mb"));
}

/* The variable is read at first use, so each value has its own process. */
static void environment(void **state) {
    (void)state;
    static const struct {
        const char *value;
        bool openssl; /* else what the CPU decides */
    } rows[] = {{"openssl", true}, {"ipsec-mb", false}, {"auto", false}, {"", false}, {"nonsense", false}};
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            setenv("SCHLOSS_CRYPTO_BACKEND", rows[i].value, 1);
            aead_backend_t want = !rows[i].openssl && aead_backend_usable(AEAD_IPSECMB) ? AEAD_IPSECMB : AEAD_OPENSSL;
            _exit(aead_backend() == want && strcmp(aead_backend_name(AEAD_AUTO), aead_backend_name(want)) == 0 ? 0 : 1);
        }
        int status = -1;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

/* Key bytes lie in secret memory and are given back. */
static void key_memory(void **state) {
    (void)state;
    for (unsigned alg = 0; alg < 3; alg++) {
        for (unsigned b = 0; b < COUNT_OF(backends); b++) {
            if (!aead_backend_usable(backends[b])) {
                continue;
            }
            data_t raw = counting(dek_alg_key_len((dek_alg_t)alg));
            size_t before = secret_in_use();
            aead_key_t *key = new_key((dek_alg_t)alg, view(&raw), backends[b]);
            assert_int_equal(aead_key_alg(key), alg);
            assert_true(secret_in_use() >= before + raw.n);
            aead_key_free(key);
            assert_int_equal(secret_in_use(), before);
        }
    }
}

static void no_allocation_when_warm(void **state) {
    (void)state;
    for (unsigned alg = 0; alg < 3; alg++) {
        for (unsigned b = 0; b < COUNT_OF(backends); b++) {
            if (!aead_backend_usable(backends[b])) {
                continue;
            }
            data_t raw = counting(dek_alg_key_len((dek_alg_t)alg));
            aead_key_t *key = new_key((dek_alg_t)alg, view(&raw), backends[b]);
            static uint8_t plain[1000], sealed[1028], out[1000];
            uint64_t ours = 0;
            size_t all = 0;
            for (unsigned round = 0; round < 200; round++) {
                if (round == 1) {
                    ours = mem_count();
                    all = mallinfo2().uordblks;
                }
                uint8_t nonce[12];
                assert_int_equal(nonce_take(nonce, NULL), 0);
                size_t n = round * 5;
                assert_int_equal(aead_seal(key, plain, n, nonce, sealed, NULL), 0);
                assert_int_equal(aead_open(key, sealed, n + aead_overhead((dek_alg_t)alg), out, NULL), 0);
            }
            assert_int_equal(mem_count(), ours);
            assert_int_equal(mallinfo2().uordblks, all); /* a sanitizer's allocator always says 0 */
            aead_key_free(key);
        }
    }
}

/* ---- threads that share a key ---- */

typedef struct job {
    const aead_key_t *key;
    unsigned seed;
    bool ok;
} job_t;

static void *work(void *arg) {
    job_t *j = arg;
    uint8_t plain[256], sealed[256 + AEAD_MAX_OVERHEAD], out[256], nonce[12];
    size_t overhead = aead_overhead(aead_key_alg(j->key));
    j->ok = true;
    for (unsigned i = 0; i < 2000 && j->ok; i++) {
        size_t n = (i * 7 + j->seed) % sizeof plain;
        memset(plain, (int)(i + j->seed), n);
        j->ok = nonce_take(nonce, NULL) == 0 && aead_seal(j->key, plain, n, nonce, sealed, NULL) == 0 &&
                aead_open(j->key, sealed, n + overhead, out, NULL) == 0 && memcmp(out, plain, n) == 0;
        sealed[n] ^= 1;
        j->ok = j->ok && aead_open(j->key, sealed, n + overhead, out, NULL) == SCHLOSS_E_AUTH_FAILED;
    }
    return NULL;
}

static void threads_share_a_key(void **state) {
    (void)state;
    for (unsigned alg = 0; alg < 3; alg++) {
        for (unsigned b = 0; b < COUNT_OF(backends); b++) {
            if (!aead_backend_usable(backends[b])) {
                continue;
            }
            data_t raw = counting(dek_alg_key_len((dek_alg_t)alg));
            aead_key_t *key = new_key((dek_alg_t)alg, view(&raw), backends[b]);
            pthread_t threads[4];
            job_t jobs[4];
            for (unsigned t = 0; t < 4; t++) {
                jobs[t] = (job_t){key, t * 31, false};
                assert_int_equal(pthread_create(&threads[t], NULL, work, &jobs[t]), 0);
            }
            bool ok = true;
            for (unsigned t = 0; t < 4; t++) {
                assert_int_equal(pthread_join(threads[t], NULL), 0);
                ok = ok && jobs[t].ok;
            }
            assert_true(ok);
            aead_key_free(key);
        }
    }
}

static _Atomic bool looked;
static void *look(void *arg) {
    (void)arg;
    (void)aead_backend_usable(AEAD_IPSECMB);
    atomic_store(&looked, true);
    return NULL;
}

/* OpenSSL's first use initialises it, under locks that a forked child would find taken for ever: so also the question
 * for FIPS goes through the lock that a fork takes. */
static void choosing_waits_for_a_fork(void **state) {
    (void)state;
    pthread_t thread;
    ossl_lock();
    assert_int_equal(pthread_create(&thread, NULL, look, NULL), 0);
    usleep(100000);
    bool early = atomic_load(&looked);
    ossl_unlock();
    pthread_join(thread, NULL);
    assert_true(!early || aead_ipsecmb() == NULL); /* without the other back-end OpenSSL is not asked */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(environment), /* first: the others decide the back-end of this process */
        cmocka_unit_test(choosing_waits_for_a_fork),
        cmocka_unit_test(vectors),
        cmocka_unit_test(known_values),
        cmocka_unit_test(golden_records),
        cmocka_unit_test(rfc5297_dbl_carries),
        cmocka_unit_test(backends_agree),
        cmocka_unit_test(forgeries),
        cmocka_unit_test(wrong_keys),
        cmocka_unit_test(names),
        cmocka_unit_test(key_memory),
        cmocka_unit_test(no_allocation_when_warm),
        cmocka_unit_test(threads_share_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
