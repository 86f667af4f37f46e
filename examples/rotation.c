/* Keys that expire: under a rule with encrypt.dek.expiry.days=1 tomorrow's records have a DEK of their own, and today's
 * stay readable.
 *
 *     rotation TOPIC     environment: SCHLOSS_REGISTRY, LOCAL_SECRET
 *
 * The day passes by a clock of ours (the registry's does not move: what it makes tomorrow is dated today). Settings:
 * schloss.dek.rotate.grace.ms=0 makes the end of a DEK exact; the default lets records go on for up to two seconds
 * while the next one is made. */
#include "example.h"
#include <time.h>

#define DAY_MS (24LL * 60 * 60 * 1000)
#define DAYS 2
#define LONGEST 512

static int64_t clock_ms(void *user) {
    return *(const int64_t *)user;
}

typedef struct {
    uint8_t bytes[LONGEST];
    size_t len;
} kept_t;

/* The version stands in front of each ciphertext: schloss_inspect reads it without a key. */
static bool find_version(void *user, const schloss_field_info_t *info) {
    int32_t *version = user;
    if (info->is_encrypted) {
        *version = info->dek_version;
    }
    return true;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        (void)fputs("rotation TOPIC\n", stderr);
        return 2;
    }
    const char *const settings[] = {"schloss.dek.rotate.grace.ms", "0", "schloss.refresh.thread", "false", NULL};
    schloss_error_t *err = schloss_error_new();
    schloss_client_t *client = connect_client(settings, err);
    int64_t now = (int64_t)time(NULL) * 1000; /* a DEK's age counts from the registry's time of its making */
    schloss_client_set_clock(client, clock_ms, &now);
    schloss_serializer_t *ser = NULL;
    schloss_deserializer_t *de = NULL;
    must(schloss_serializer_new(client, NULL, &ser, err), err);
    must(schloss_deserializer_new(client, NULL, &de, err), err);
    schloss_avro_writer_t *w = schloss_avro_writer_new(0);
    schloss_target_t target = {.topic = argv[1]};

    kept_t kept[DAYS];
    int32_t last = 0;
    for (int day = 0; day < DAYS; day++, now += DAY_MS + 60000) {
        schloss_bytes_t record;
        schloss_encoded_t encoded;
        int32_t version = 0;
        schloss_avro_writer_reset(w);
        schloss_avro_put_long(w, day);
        schloss_avro_put_string(w, "Ada", 3);
        schloss_avro_put_string(w, "ada@example.org", 15);
        schloss_avro_put_string(w, "078-05-1120", 11);
        schloss_avro_put_string(w, "London", 6);
        must(schloss_avro_writer_finish(w, &record, err), err);
        must(schloss_serialize(ser, &target, record, &encoded, err), err);
        if (encoded.value.len > LONGEST) {
            return 1;
        }
        memcpy(kept[day].bytes, encoded.value.ptr, encoded.value.len);
        kept[day].len = encoded.value.len;
        must(schloss_inspect(de, &target, encoded.value, NULL, 0, find_version, &version, err), err);
        (void)printf("day %d: written under DEK version %d\n", day, (int)version);
        if (version <= last) {
            (void)fputs("the DEK was not rotated\n", stderr);
            return 1;
        }
        last = version;
    }

    /* A reader meets old and new records in any order; each version is fetched and unwrapped once. */
    for (int day = DAYS - 1; day >= 0; day--) {
        schloss_decoded_t decoded;
        must(schloss_deserialize(de, &target, schloss_bytes(kept[day].bytes, kept[day].len), NULL, 0, &decoded, err),
             err);
        if (!holds(decoded.value, "078-05-1120")) {
            return 1;
        }
    }
    (void)printf("all %d records are read; DEKs made here: %llu\n", DAYS,
                 (unsigned long long)schloss_metric_get("deks_created"));

    schloss_avro_writer_free(w);
    schloss_deserializer_free(de);
    schloss_serializer_free(ser);
    schloss_client_free(client);
    schloss_error_free(err);
    return 0;
}
