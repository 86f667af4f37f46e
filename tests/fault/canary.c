/* Canary: marked plaintext and marked keys go through every path of the library, and then neither may be found in log
 * lines, error texts, metrics or requests; once a handle went on to its next record, or is freed, not anywhere in
 * memory either; and keys lie in the secret slab only, which no core file contains.
 *
 * Markers are joined at run time inside the vault (canary_scan.h), so that a find is always somebody's copy. */
#include "canary_scan.h"

#include "base/metrics.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypto/aead.h"
#include "crypto/kdf.h"
#include "crypto/tink.h"
#include "testlib/fault.h"
#include "testlib/http_front.h"
#include "testlib/world.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned passed, failed;
static const char *stage = "";

static void expect(bool ok, const char *what) {
    if (ok) {
        passed++;
    } else {
        failed++;
        printf("FAIL %s: %s\n", stage, what);
    }
}

/* ---- what is written about: log lines and error texts, kept in the vault ---- */

static char *notes;
static size_t notes_len;
#define NOTES_MAX (256u * 1024)

static void note(const char *text) {
    size_t n = strlen(text);
    if (notes_len + n + 1 < NOTES_MAX) {
        memcpy(notes + notes_len, text, n);
        notes_len += n;
        notes[notes_len++] = '\n';
    }
}

static void on_log(int level, const char *component, const char *message, void *user) {
    (void)level, (void)user;
    note(component);
    note(message);
}

static void note_error(const schloss_error_t *e) {
    const char *const texts[] = {schloss_error_message(e), schloss_error_hint(e), schloss_error_subject(e),
                                 schloss_error_field(e),   schloss_error_kek(e),  schloss_error_rule(e),
                                 schloss_error_url(e)};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        note(texts[i]);
    }
}

static void note_requests(fake_registry_t *fr) {
    for (size_t i = 0; i < fake_registry_n_requests(fr); i++) {
        note(fake_registry_request(fr, i));
        note(fake_registry_request_body(fr, i));
        note(fake_registry_request_headers(fr, i));
    }
}

static void note_metrics(void) {
    const char *text;
    for (unsigned i = 0; metrics_name(i, &text) != NULL; i++) {
        char line[128];
        snprintf(line, sizeof line, "%s %llu", metrics_name(i, &text),
                 (unsigned long long)schloss_metric_get(metrics_name(i, &text)));
        note(line);
    }
}

/* ---- markers ---- */

static char *plain;           /* marked plaintext */
static needle_t plain_needle; /* its middle: what an alignment or a cut would leave */
static needle_t plain_base64[3];

static void make_markers(void) {
    plain = vault_join("Zx9-canary-of-pla", "intext-7Qw4-must-not-be-seen");
    plain_needle = needle_of(plain + 4, 24);
    for (size_t shift = 0; shift < 3; shift++) {
        uint8_t *in = vault_take(64);
        char *out = vault_take(128);
        size_t n = strlen(plain);
        memcpy(in + shift, plain, n);
        b64_encode((uint8_t *)out, in, n + shift);
        plain_base64[shift] = needle_of(out + 8, 24);
    }
}

static void show(const void *at, const char *mapping) {
    if (!secret_contains(at)) {
        printf("     at %p: %s\n", at, mapping);
    }
}

static void expect_clean_notes(void) {
    note_metrics();
    expect(!scan_bytes(&plain_needle, notes, notes_len), "plaintext in logs, errors, metrics or requests");
    for (size_t i = 0; i < 3; i++) {
        expect(!scan_bytes(&plain_base64[i], notes, notes_len), "plaintext in base64 in logs, errors or requests");
    }
}

static void expect_clean_memory(const char *what) {
    expect(scan_memory(&plain_needle, show) == 0, what);
}

/* ---- every path with the marked record ---- */

static uint8_t *record, *harmless;
static size_t record_len, harmless_len;

static void make_records(void) {
    record = vault_take(1024);
    harmless = vault_take(1024);
    record_len = world_person(record, 1024, plain, 7, "note", 20, plain);
    /* shorter: what a reused buffer is not written over with must have been wiped */
    harmless_len = world_person(harmless, 1024, "x", 7, "y", 0, NULL);
}

static size_t write_record(world_t *w, const uint8_t *r, size_t n, uint8_t *out) {
    schloss_encoded_t e;
    schloss_rc rc = schloss_serialize(w->ser, &w->target, schloss_bytes(r, n), &e, w->err);
    if (rc != SCHLOSS_OK) {
        note_error(w->err);
        printf("     %s: %s\n", schloss_rc_name(rc), schloss_error_message(w->err));
        expect(false, "serialize fails");
        return 0;
    }
    memcpy(out, e.value.ptr, e.value.len);
    return e.value.len;
}

static void read_record(world_t *w, const uint8_t *value, size_t n, const uint8_t *want, size_t want_len) {
    schloss_decoded_t d;
    schloss_rc rc = schloss_deserialize(w->de, &w->target, schloss_bytes(value, n), NULL, 0, &d, w->err);
    if (want == NULL) {
        note_error(w->err);
        expect(rc != SCHLOSS_OK, "damaged value is read");
        return;
    }
    expect(rc == SCHLOSS_OK && d.value.len == want_len && memcmp(d.value.ptr, want, want_len) == 0, "deserialize");
}

static void damage(world_t *w, const uint8_t *value, size_t n) {
    uint8_t *bad = vault_take(1024);
    for (size_t i = 5; i < n; i += 11) { /* not the schema id: its error has no plaintext near it */
        memcpy(bad, value, n);
        bad[i] ^= 1;
        schloss_decoded_t d;
        schloss_rc rc = schloss_deserialize(w->de, &w->target, schloss_bytes(bad, n), NULL, 0, &d, w->err);
        if (rc != SCHLOSS_OK) {
            note_error(w->err);
        }
        rc = schloss_deserialize(w->de, &w->target, schloss_bytes(value, i), NULL, 0, &d, w->err);
        if (rc != SCHLOSS_OK) {
            note_error(w->err);
        }
    }
    for (size_t i = 0; i < record_len; i += 7) { /* plaintext that does not fit its schema */
        schloss_encoded_t e;
        if (schloss_serialize(w->ser, &w->target, schloss_bytes(record, i), &e, w->err) != SCHLOSS_OK) {
            note_error(w->err);
        }
    }
}

/* Avro JSON with the marker where it fits and where it does not. */
static void json_paths(world_t *w) {
    static const char *const before[] = {
        "{\"name\":\"",
        "{\"n\":\"",
        "{\"name\":{\"",
        "{\"name\":\"a\",\"n\":1,\"note\":\"b\",\"blob\":\"",
        "{\"name\":\"a\",\"n\":1,\"note\":\"b\",\"blob\":\"c\",\"alias\":{\"string\":\"",
        "{\"name\":\"a\",\"n\":1,\"note\":\"b\",\"blob\":\"c\",\"alias\":\"",
        "\"",
        "[\""};
    static const char *const after[] = {"\",\"n\":1,\"note\":\"b\",\"blob\":\"\",\"alias\":null}",
                                        "\"}",
                                        "\":1}",
                                        "\xc4\x80\",\"alias\":null}",
                                        "\"}}",
                                        "\"}",
                                        "",
                                        "\\u00"};
    const schloss_schema_t *schema = NULL;
    if (schloss_serializer_prepare(w->ser, &w->target, &schema, w->err) != SCHLOSS_OK) {
        expect(false, "prepare");
        return;
    }
    schloss_avro_writer_t *a = schloss_avro_writer_new(0), *b = schloss_avro_writer_new(0);
    for (size_t i = 0; i < COUNT_OF(before); i++) {
        char *text = vault_take(512);
        size_t n = (size_t)snprintf(text, 512, "%s%s%s", before[i], plain, after[i]);
        schloss_bytes_t out;
        if (schloss_avro_from_json(schema, text, n, 0, a, &out, w->err) != SCHLOSS_OK ||
            schloss_avro_to_json(schema, out, 0, b, &out, w->err) != SCHLOSS_OK) {
            note_error(w->err);
        }
    }
    schloss_avro_writer_free(a);
    schloss_avro_writer_free(b);
}

static void run_paths(const char *name, const char *rules, bool rotated) {
    stage = name;
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON, rules, NULL);
    uint8_t *value = vault_take(2048), *other = vault_take(2048);
    size_t n = write_record(&w, record, record_len, value);
    expect(n > 0 && !scan_bytes(&plain_needle, value, n), "plaintext on the topic");
    read_record(&w, value, n, record, record_len);
    size_t m = write_record(&w, harmless, harmless_len, other);
    read_record(&w, other, m, harmless, harmless_len);
    expect_clean_memory("plaintext in memory after the handles' next record");
    damage(&w, value, n);
    json_paths(&w);
    if (rotated) {
        fake_registry_age_deks(w.fr, WORLD_SUBJECT, 1000);
        schloss_client_invalidate(w.client);
        n = write_record(&w, record, record_len, value);
        read_record(&w, value, n, record, record_len);
    }
    fake_registry_fault(w.fr, FAKE_STATUS, "dek-registry", 1, 0, 403, NULL); /* no keys from here on */
    schloss_client_invalidate(w.client);
    schloss_encoded_t e;
    expect(schloss_serialize(w.ser, &w.target, schloss_bytes(record, record_len), &e, w.err) != SCHLOSS_OK,
           "serialize without keys");
    note_error(w.err);
    read_record(&w, value, n, NULL, 0);
    note_requests(w.fr);
    world_close(&w);
    expect_clean_notes();
    expect_clean_memory("plaintext in memory after everything was freed");
}

/* ---- keys ---- */

static size_t outside;

static void count_outside(const void *at, const char *mapping) {
    if (!secret_contains(at)) {
        outside++;
        printf("     key at %p: %s\n", at, mapping);
    }
}

static const void *inside;

static void note_inside(const void *at, const char *mapping) {
    (void)mapping;
    if (secret_contains(at)) {
        inside = at;
    }
}

/* The mapping of p must be marked "not in core files". */
static bool left_out_of_core(const void *p) {
    FILE *f = fopen("/proc/self/smaps", "re");
    char line[512];
    bool here = false, left_out = false;
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
            here = (uintptr_t)p >= from && (uintptr_t)p < to;
        } else if (here && strncmp(line, "VmFlags:", 8) == 0) {
            left_out = strstr(line, " dd") != NULL;
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return left_out;
}

/* A core file: it holds what lies in ordinary memory (else it is not what it should be) and no key. */
static void expect_no_key_in_core(const needle_t *key) {
    if (!core_possible()) {
        return; /* the slab's flag was checked: that is what keeps it out */
    }
    char *beacon_in_vault = vault_join("beacon-in-ordi", "nary-memory-81");
    char *beacon = strdup(beacon_in_vault);
    const needle_t needles[2] = {needle_of(beacon_in_vault, 28), *key};
    bool holds[2] = {false, true};
    expect(core_holds(needles, 2, holds), "no core file");
    expect(holds[0], "the core file does not hold what it should");
    expect(!holds[1], "key in a core file");
    free(beacon);
}

static void run_keys(const char *name, const char *rules, const char *algorithm, size_t key_len, bool shared,
                     aead_backend_t backend) {
    stage = name;
    const char *conf[] = {"schloss.crypto.backend", backend == AEAD_IPSECMB ? "ipsec-mb" : "openssl", NULL};
    bool slab_only = backend == AEAD_IPSECMB;
    uint8_t *raw = vault_take(64), *kek = vault_take(16), *value = vault_take(2048), *round = vault_take(32);
    for (size_t i = 0; i < 64; i++) {
        raw[i] = (uint8_t)(i * 37 + 11 + key_len);
    }
    needle_t key = needle_of(raw, key_len), half = needle_of(raw + key_len / 2, key_len / 2);
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON, rules, conf);
    fake_registry_put_local_kek(w.fr, "kek1", "mykey", shared);
    fake_registry_make_dek(w.fr, "kek1", WORLD_SUBJECT, 1, algorithm, raw);
    size_t n = write_record(&w, record, record_len, value);
    read_record(&w, value, n, record, record_len);
    outside = 0;
    size_t places = scan_memory(&key, slab_only ? count_outside : NULL);
    if (slab_only) {
        expect(places > 0, "the key is nowhere: the test does not look at the right thing");
        expect(outside == 0, "key outside the secret slab");
        inside = NULL;
        scan_memory(&key, note_inside);
        if (inside != NULL) {
            expect(left_out_of_core(inside), "the secret slab would be in a core file");
            for (size_t i = 0; i < 16; i++) { /* the schedule goes on behind the key; no vector register may keep it */
                ((volatile uint8_t *)round)[i] = ((const volatile uint8_t *)inside)[key_len + i];
            }
            needle_t round_key = needle_of(round, 16);
            scan_memory(&round_key, count_outside);
            expect(outside == 0, "round key outside the secret slab");
            expect_no_key_in_core(&key);
        }
    }
    note_requests(w.fr);
    world_close(&w);
    outside = 0;
    scan_memory(&key, count_outside);
    scan_memory(&half, count_outside);
    expect(outside == 0, "key in memory after everything was freed");
    expect(scan_memory(&half, NULL) == 0, "half a key in the secret slab after everything was freed");
    if (kdf_local_secret(kek, bytes("mysecret", 8), NULL) == SCHLOSS_OK) {
        needle_t kek_needle = needle_of(kek, 16);
        outside = 0;
        scan_memory(&kek_needle, count_outside);
        expect(outside == 0, "key of the local KMS in memory");
    }
    expect(!scan_bytes(&key, notes, notes_len), "key in logs, errors or requests");
}

/* The key of a shared KEK comes through libcurl and its buffers, as it does in a program without a transport hook. */
static void run_curl(void) {
    stage = "key of a shared KEK over libcurl";
    uint8_t *raw = vault_take(64), *value = vault_take(2048);
    uint8_t *message = vault_take(TINK_MAX_LEN);
    char *text = vault_take(128);
    for (size_t i = 0; i < 32; i++) {
        raw[i] = (uint8_t)(i * 41 + 5);
    }
    size_t n = tink_key_write(message, DEK_AES256_GCM, raw);
    b64_encode((uint8_t *)text, message, n);
    needle_t key = needle_of(raw, 32), base64 = needle_of(text + 4, 36);
    world_t w;
    world_open(&w, FAKE_SCHEMA_PERSON, FAKE_RULES_PII("AES256_GCM", ""), NULL);
    fake_registry_put_local_kek(w.fr, "kek1", "mykey", true);
    fake_registry_make_dek(w.fr, "kek1", WORLD_SUBJECT, 1, "AES256_GCM", raw);
    schloss_serializer_free(w.ser);
    schloss_deserializer_free(w.de);
    schloss_client_free(w.client);
    http_front_t *front = http_front_start(w.fr, vault_take(HTTP_FRONT_MEMORY));
    const char *const more[] = {"schema.registry.url", http_front_url(front), "schloss.refresh.thread", "false", NULL};
    schloss_conf_t *conf = world_conf(more);
    expect(schloss_client_new(conf, NULL, &w.client, w.err) == SCHLOSS_OK &&
               schloss_serializer_new(w.client, NULL, &w.ser, w.err) == SCHLOSS_OK &&
               schloss_deserializer_new(w.client, NULL, &w.de, w.err) == SCHLOSS_OK,
           "client over libcurl");
    schloss_conf_free(conf);
    size_t len = write_record(&w, record, record_len, value);
    read_record(&w, value, len, record, record_len);
    expect(fake_registry_count(w.fr, "GET /dek-registry/v1/keks/kek1/deks") > 0, "the key was not asked for");
    outside = 0;
    scan_memory(&base64, count_outside);
    expect(outside == 0, "key message in base64 in memory after the call");
    if (aead_backend() == AEAD_IPSECMB) {
        scan_memory(&key, count_outside);
        expect(outside == 0, "key outside the secret slab");
    }
    schloss_serializer_free(w.ser);
    schloss_deserializer_free(w.de);
    schloss_client_free(w.client);
    http_front_stop(front);
    w.ser = NULL;
    w.de = NULL;
    w.client = NULL;
    world_close(&w);
    outside = 0;
    scan_memory(&base64, count_outside);
    scan_memory(&key, count_outside);
    expect(outside == 0, "key in memory after everything was freed");
    expect_clean_memory("plaintext in memory");
}

/* The fake registry's own JSON, which holds unwrapped keys of shared KEKs, is wiped as it is freed; what the library
 * would free is not, so that a key in it would be found. */
static void wiping_free(void *p) {
    if (p != NULL && fault_paused()) {
        explicit_bzero(p, malloc_usable_size(p));
    }
    free(p);
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0); /* a sanitizer that ends the process must not take the findings along */
    notes = vault_take(NOTES_MAX);
    schloss_log_set(on_log, NULL, SCHLOSS_LOG_DEBUG);
    json_set_alloc_funcs(malloc, wiping_free);
    make_markers();
    make_records();
    run_paths("field rule, AES256_GCM", FAKE_RULES_PII("AES256_GCM", ""), false);
    run_paths("field rule, AES256_SIV", FAKE_RULES_PII("AES256_SIV", ""), false);
    run_paths("field rule with rotation", FAKE_RULES_PII("AES128_GCM", ",\"encrypt.dek.expiry.days\":\"1\""), true);
    run_paths("payload rule", FAKE_RULES_PAYLOAD("AES256_GCM", ""), false);
    const aead_backend_t backends[] = {AEAD_IPSECMB, AEAD_OPENSSL};
    for (size_t i = 0; i < COUNT_OF(backends); i++) {
        if (aead_backend_usable(backends[i])) {
            printf("keys with %s\n", aead_backend_name(backends[i]));
            run_keys("AES128_GCM key", FAKE_RULES_PII("AES128_GCM", ""), "AES128_GCM", 16, false, backends[i]);
            run_keys("AES256_GCM key", FAKE_RULES_PII("AES256_GCM", ""), "AES256_GCM", 32, false, backends[i]);
            run_keys("key of a shared KEK", FAKE_RULES_PII("AES256_GCM", ""), "AES256_GCM", 32, true, backends[i]);
        }
    }
    run_keys("AES256_SIV key", FAKE_RULES_PII("AES256_SIV", ""), "AES256_SIV", 64, false, AEAD_OPENSSL);
    run_curl();
    printf("%u passed, %u failed, 0 skipped\n", passed, failed);
    return failed != 0;
}
