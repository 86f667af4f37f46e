/* The first message of a fresh process: wall time from before the client is made until the record is encrypted, and
 * which part of it each request takes. Run by first_test.py.
 *
 *     e2e_first REGISTRY TOPIC       prints "TOTAL_US REQUESTS", then a line "US METHOD PATH" for each request with -v
 */
#include <schloss/schloss.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double us_now(void) {
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int fail(const char *what, const schloss_error_t *err) {
    (void)fprintf(stderr, "%s: %s\n", what, schloss_error_message(err));
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        (void)fputs("e2e_first REGISTRY TOPIC\n", stderr);
        return 2;
    }
    static const uint8_t plain[] = "\x06"
                                   "Ada";
    double began = us_now();
    schloss_error_t *err = schloss_error_new();
    schloss_conf_t *conf = schloss_conf_new();
    schloss_client_t *client = NULL;
    schloss_serializer_t *ser = NULL;
    schloss_encoded_t enc;
    schloss_target_t target = {.topic = argv[2]};
    if (schloss_conf_set(conf, "schema.registry.url", argv[1], err) != 0 ||
        schloss_conf_set(conf, "secret", "test-only secret", err) != 0 ||
        schloss_client_new(conf, NULL, &client, err) != 0 || schloss_serializer_new(client, NULL, &ser, err) != 0) {
        return fail("client", err);
    }
    double made = us_now();
    if (schloss_serialize(ser, &target, schloss_bytes(plain, sizeof(plain) - 1), &enc, err) != 0) {
        return fail("serialize", err);
    }
    double done = us_now();
    (void)printf("%.0f us: client %.0f, first record %.0f; %llu requests, %llu KMS calls\n", done - began, made - began,
                 done - made, (unsigned long long)schloss_metric_get("http_requests"),
                 (unsigned long long)schloss_metric_get("kms_calls"));
    schloss_serializer_free(ser);
    schloss_client_free(client);
    schloss_conf_free(conf);
    schloss_error_free(err);
    return 0;
}
