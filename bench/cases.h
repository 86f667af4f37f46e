/* The cases of record.py as a table. */
#ifndef BENCH_CASES_H
#define BENCH_CASES_H

#include "hand/aead.h"
#include "measure.h"
#include "record.h"

typedef enum { AVRO, JSON, PROTOBUF } format_t;

typedef struct bench_case {
    int id; /* of the schema */
    const char *bench, *name;
    format_t format;
    int fields;
    size_t size, body; /* payload: bytes of the record and of its field; 0: fields are encrypted */
    algorithm_t algorithm;
    bool two_threads;
    const char *topic, *wrapped_key, *answer;
} bench_case_t;

static const char *const algorithm_names[] = {"AES256_GCM", "AES128_GCM", "AES256_SIV"};

#define BENCH_CASE(id, bench, name, format, fields, size, body, algorithm, threads, topic, wrapped, answer)            \
    {id, bench, name, format, fields, size, body, algorithm, threads, topic, wrapped, answer},
static const bench_case_t bench_cases[] = {BENCH_CASES};
#undef BENCH_CASE
enum { N_CASES = sizeof bench_cases / sizeof bench_cases[0] };

/* Magic byte, schema id, and for Protobuf the index of the first message. */
static inline size_t case_prefix(const bench_case_t *c, uint8_t out[6]) {
    memset(out, 0, 6);
    out[4] = (uint8_t)c->id;
    return c->format == PROTOBUF ? 6 : 5;
}

/* The body of payload records, the same in every language. */
static inline void case_fill(uint8_t *body, size_t n) {
    for (size_t i = 0; i < n; i++) {
        body[i] = (uint8_t)(i * 31);
    }
}

/* The case of that bench and name; ends the program when there is none. */
static inline const bench_case_t *case_find(const char *bench, const char *name) {
    for (size_t i = 0; i < N_CASES; i++) {
        if (strcmp(bench_cases[i].bench, bench) == 0 && strcmp(bench_cases[i].name, name) == 0) {
            return &bench_cases[i];
        }
    }
    fprintf(stderr, "bench: no case %s of %s\n", name, bench);
    exit(1);
}

#endif
