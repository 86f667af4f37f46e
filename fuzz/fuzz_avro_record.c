/* Record bytes under compiled plans. The first byte chooses a schema with its rules and the direction: the rest is
 * written as a record (random bytes must be refused, or survive the way there and back unchanged), or is read as what
 * lies on a topic. Execute only ever sees warm caches: keys exist before. */
#include "testlib/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char wide[] =
    "{\"type\":\"record\",\"name\":\"W\",\"fields\":["
    "{\"name\":\"s\",\"type\":\"string\",\"confluent:tags\":[\"PII\"]},{\"name\":\"b\",\"type\":\"bytes\","
    "\"confluent:tags\":[\"PII\"]},{\"name\":\"i\",\"type\":\"int\"},{\"name\":\"l\",\"type\":\"long\"},"
    "{\"name\":\"f\",\"type\":\"float\"},{\"name\":\"d\",\"type\":\"double\"},{\"name\":\"t\",\"type\":\"boolean\"},"
    "{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}},"
    "{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"X\",\"size\":3}},"
    "{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":\"string\"},\"confluent:tags\":[\"PII\"]},"
    "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":\"bytes\"},\"confluent:tags\":[\"PII\"]},"
    "{\"name\":\"n\",\"type\":{\"type\":\"array\",\"items\":\"null\"}},"
    "{\"name\":\"u\",\"type\":[\"null\",\"string\",\"bytes\",\"W\"],\"confluent:tags\":[\"PII\"]}]}";

static const struct {
    const char *schema, *rules, *algorithm;
} plans[] = {
    {wide, FAKE_RULES_PII("AES256_GCM", ""), "AES256_GCM"},
    {wide, FAKE_RULES_PII("AES256_SIV", ",\"encrypt.dek.expiry.days\":\"30\""), "AES256_SIV"},
    {wide, FAKE_RULES_PAYLOAD("AES128_GCM", ""), "AES128_GCM"},
    {wide, NULL, NULL},
    {"\"bytes\"", FAKE_RULES_PAYLOAD("AES256_GCM", ""), "AES256_GCM"},
    {"[\"null\",\"string\",{\"type\":\"map\",\"values\":\"long\"}]", FAKE_RULES_PII("AES256_GCM", ""), "AES256_GCM"},
};
#define N_PLANS (sizeof plans / sizeof *plans)

static world_t worlds[N_PLANS];

static world_t *world_at(size_t i) {
    world_t *w = &worlds[i];
    if (w->fr == NULL) {
        world_open(w, plans[i].schema, plans[i].rules, NULL);
        if (plans[i].rules != NULL) { /* from the start: a reader would remember for a while that they are missing */
            fake_registry_put_local_kek(w->fr, "kek1", "mykey", false);
            fake_registry_make_dek(w->fr, "kek1", WORLD_SUBJECT, 1, plans[i].algorithm, NULL);
        }
    }
    return w;
}

static void broken(const world_t *w, const char *what) {
    fprintf(stderr, "%s: %s: %s\n", what, schloss_rc_name(schloss_error_code(w->err)), schloss_error_message(w->err));
    abort();
}

static void there_and_back(world_t *w, schloss_bytes_t record) {
    schloss_encoded_t e;
    schloss_decoded_t d;
    schloss_rc rc = schloss_serialize(w->ser, &w->target, record, &e, w->err);
    if (rc > 0 || rc == SCHLOSS_E_NO_MEMORY) {
        broken(w, "serialize");
    }
    if (rc != SCHLOSS_OK) {
        return;
    }
    if (schloss_deserialize(w->de, &w->target, e.value, NULL, 0, &d, w->err) != SCHLOSS_OK) {
        broken(w, "what was written cannot be read");
    }
    /* Blocks may be cut otherwise: the same record as JSON, written once more, is what counts. */
    schloss_avro_writer_t *a = schloss_avro_writer_new(0), *b = schloss_avro_writer_new(0);
    schloss_bytes_t before, after;
    if (d.value.ptr != NULL && schloss_avro_to_json(d.schema, record, 0, a, &before, w->err) == SCHLOSS_OK) {
        if (schloss_avro_to_json(d.schema, d.value, 0, b, &after, w->err) != SCHLOSS_OK || before.len != after.len ||
            memcmp(before.ptr, after.ptr, after.len) != 0) {
            broken(w, "another record came back");
        }
    }
    schloss_avro_writer_free(a);
    schloss_avro_writer_free(b);
}

static bool each_field(void *user, const schloss_field_info_t *info) {
    (void)user;
    return info->path != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) {
        return 0;
    }
    world_t *w = world_at(data[0] / 2 % N_PLANS);
    schloss_log_set(NULL, NULL, SCHLOSS_LOG_ERROR);
    uint8_t *copy = malloc(size + 4); /* of its own size, so that a read behind the end is seen */
    if (copy == NULL) {
        return 0;
    }
    if (data[0] % 2 == 0) {
        memcpy(copy, data + 1, size - 1);
        there_and_back(w, schloss_bytes(copy, size - 1));
    } else {
        static const uint8_t prefix[5] = {0, 0, 0, 0, 1};
        memcpy(copy, prefix, sizeof prefix);
        memcpy(copy + 5, data + 1, size - 1);
        schloss_decoded_t d;
        schloss_rc rc = schloss_deserialize(w->de, &w->target, schloss_bytes(copy, size + 4), NULL, 0, &d, w->err);
        if (rc > 0) {
            broken(w, "read");
        }
        rc = schloss_inspect(w->de, &w->target, schloss_bytes(copy, size + 4), NULL, 0, each_field, NULL, w->err);
        if (rc > 0) {
            broken(w, "read");
        }
    }
    free(copy);
    return 0;
}
