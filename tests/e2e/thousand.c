/* Many processes start at once, each with a client of its own, and write one record to a subject that has no DEK yet.
 * Then one reader must be able to read them all. Run by thousand_test.py.
 *
 *     e2e_thousand REGISTRY TOPIC N       prints "N written in S s, N read"
 */
#include <schloss/schloss.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RECORD_MAX 1000u

typedef struct seat {
    uint32_t len;
    int32_t rc;
    uint8_t record[RECORD_MAX];
    char why[400];
} seat_t;

static double now_s(void) {
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static schloss_rc client_of(const char *registry, schloss_client_t **out, schloss_error_t *err) {
    static const char *const pairs[][2] = {{"secret", "test-only secret"},
                                           {"max.retries", "10"},
                                           {"retries.wait.ms", "100"},
                                           {"use.latest.version", "true"}};
    schloss_conf_t *conf = schloss_conf_new();
    schloss_rc rc = conf == NULL ? SCHLOSS_E_NO_MEMORY : schloss_conf_set(conf, "schema.registry.url", registry, err);
    for (size_t i = 0; rc == 0 && i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        rc = schloss_conf_set(conf, pairs[i][0], pairs[i][1], err);
    }
    if (rc == 0) {
        rc = schloss_client_new(conf, NULL, out, err);
    }
    schloss_conf_free(conf);
    return rc;
}

/* Avro of {name: string}. */
static size_t person(uint8_t out[64], int i) {
    char name[32];
    int n = snprintf(name, sizeof(name), "person number %d", i);
    out[0] = (uint8_t)(2 * n);
    memcpy(out + 1, name, (size_t)n);
    return 1 + (size_t)n;
}

static schloss_rc write_one(const char *registry, const schloss_target_t *target, int i, seat_t *seat,
                            schloss_error_t *err) {
    schloss_client_t *client = NULL;
    schloss_serializer_t *ser = NULL;
    schloss_encoded_t enc;
    uint8_t plain[64];
    schloss_rc rc = client_of(registry, &client, err);
    if (rc == 0) {
        rc = schloss_serializer_new(client, NULL, &ser, err);
    }
    if (rc == 0) {
        rc = schloss_serialize(ser, target, schloss_bytes(plain, person(plain, i)), &enc, err);
    }
    if (rc == 0 && enc.value.len <= RECORD_MAX) {
        memcpy(seat->record, enc.value.ptr, enc.value.len);
        seat->len = (uint32_t)enc.value.len;
    }
    schloss_serializer_free(ser);
    schloss_client_free(client);
    return rc;
}

static int child(const char *registry, const schloss_target_t *target, int i, seat_t *seat, int gate) {
    char c = 0;
    while (read(gate, &c, 1) < 0 && errno == EINTR) { /* until the parent closes its end */
    }
    schloss_error_t *err = schloss_error_new();
    seat->rc = write_one(registry, target, i, seat, err);
    if (seat->rc != 0) {
        (void)snprintf(seat->why, sizeof(seat->why), "%s", schloss_error_message(err));
    }
    schloss_error_free(err);
    return seat->rc == 0 ? 0 : 1;
}

static int read_all(const char *registry, const schloss_target_t *target, const seat_t *seats, int n) {
    schloss_error_t *err = schloss_error_new();
    schloss_client_t *client = NULL;
    schloss_deserializer_t *de = NULL;
    schloss_decoded_t dec;
    uint8_t plain[64];
    int good = 0;
    schloss_rc rc = client_of(registry, &client, err);
    if (rc == 0) {
        rc = schloss_deserializer_new(client, NULL, &de, err);
    }
    for (int i = 0; rc == 0 && i < n; i++) {
        size_t len = person(plain, i);
        rc = seats[i].len == 0
                 ? 0
                 : schloss_deserialize(de, target, schloss_bytes(seats[i].record, seats[i].len), NULL, 0, &dec, err);
        good += rc == 0 && seats[i].len != 0 && dec.value.len == len && memcmp(dec.value.ptr, plain, len) == 0;
        if (rc != 0) {
            (void)fprintf(stderr, "record %d: %s\n", i, schloss_error_message(err));
            rc = 0;
        }
    }
    schloss_deserializer_free(de);
    schloss_client_free(client);
    schloss_error_free(err);
    return good;
}

int main(int argc, char **argv) {
    int n = argc == 4 ? atoi(argv[3]) : 0;
    if (n < 1 || n > 100000) {
        (void)fputs("e2e_thousand REGISTRY TOPIC N\n", stderr);
        return 2;
    }
    schloss_target_t target = {.topic = argv[2]};
    int gate[2];
    seat_t *seats = mmap(NULL, (size_t)n * sizeof(seat_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (seats == MAP_FAILED || pipe(gate) != 0) {
        perror("e2e_thousand");
        return 2;
    }
    int started = 0;
    for (int i = 0; i < n; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            (void)close(gate[1]);
            _exit(child(argv[1], &target, i, &seats[i], gate[0]));
        }
        started += pid > 0;
    }
    (void)close(gate[0]);
    double began = now_s();
    (void)close(gate[1]);
    int written = 0;
    for (int i = 0; i < started; i++) {
        int status = 0;
        written += wait(&status) > 0 && status == 0;
    }
    double seconds = now_s() - began;
    int shown = 0;
    for (int i = 0; i < n && shown < 5; i++) {
        if (seats[i].rc != 0) {
            (void)fprintf(stderr, "process %d: %s\n", i, seats[i].why);
            shown++;
        }
    }
    (void)printf("%d written in %.2f s, %d read\n", written, seconds, read_all(argv[1], &target, seats, n));
    return written == n ? 0 : 1;
}
