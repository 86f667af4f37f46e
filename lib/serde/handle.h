/* What serializers and deserializers have in common: a client, a cache of the targets they serve, buffers, and the
 * running of a view's rules over one record. */
#ifndef SERDE_HANDLE_H
#define SERDE_HANDLE_H

#include "serde/framing.h"
#include "serde/view.h"

#define TARGET_KEY_MAX 1600u /* topic, subject, id or GUID */
#define RECORD_GROWTH 4096u  /* how much longer than schloss.limit.record.bytes a ciphertext may be */
#define TARGETS_MAX 4096u    /* entries per handle before it starts anew */

/* Counted here, added to the rule's counters now and then: no atomic per record. */
typedef struct run_counts {
    uint32_t success, failure;
    enum { RAN_NOT, RAN_WELL, RAN_BADLY } last; /* what the present record has added */
} run_counts_t;

/* What a handle knows of one (topic, key or value, subject, schema). */
typedef struct target_entry {
    view_t *view;    /* one reference; NULL until prepared */
    dek_use_t *uses; /* one per run of the view */
    run_counts_t *counts;
    uint64_t n_records, n_flushed;
    uint32_t generation; /* of the client when view was taken */
    uint32_t n_prepares; /* under way for it: it must stay */
    /* how to fetch the view again */
    char *topic, *subject; /* subject NULL: strategy */
    bool is_key;
    framing_t framing;            /* reading: which schema, which message */
    struct target_entry *variant; /* reading Protobuf: the entry of the last record of another message than the first */
} target_entry_t;

/* What the last execute lacked. */
typedef struct need {
    target_entry_t *entry;
    size_t run; /* SIZE_MAX: the view itself */
    int32_t version;
} need_t;

typedef struct handle {
    core_t *core;
    schloss_conf_t *conf;
    bool writing;
    map_t *targets;       /* key bytes -> target_entry_t */
    target_entry_t *last; /* fast path: the entry of the last call */
    buf_t out[2];         /* sensitive; ping-pong between rules */
    unsigned buf_done;    /* the one that holds the last result */
    buf_t scratch;
    buf_t plain, made; /* sensitive: what a plan unescapes, what an executor makes */
    need_t need;
    uint32_t n_sweeps; /* of targets: pointers to entries that nobody holds are good until the next one */
    size_t max_record;
    const char *require;           /* schloss.require.rules */
    bool key_header, value_header; /* writing: GUID in a header; reading: headers are looked at */
    uint64_t n_values, n_records;  /* not yet added to the metrics */
    /* writing: schema given by the application */
    char *schema_text, *schema_type;
    size_t schema_len;
    schloss_schema_ref_t *refs;
    size_t n_refs;
    char *record_name;
    char *message_name; /* Protobuf: full name of the records' message; NULL: the first one of the file */
} handle_t;

SCHLOSS_NODISCARD schloss_rc handle_init(handle_t *h, schloss_client_t *client, const schloss_conf_t *conf,
                                         bool writing, schloss_error_t *err);
void handle_clear(handle_t *h);
void handle_flush_metrics(handle_t *h);

/* The entry for a target (framing NULL when writing), made when missing. Key look-up allocates nothing when it hits. */
SCHLOSS_NODISCARD schloss_rc handle_target(handle_t *h, const schloss_target_t *t, const framing_t *framing,
                                           target_entry_t **out, schloss_error_t *err);
/* When a call began. What a blocking call has fetched since is good for its own record, however short the time to live
 * and whatever is invalidated meanwhile: else it might fetch for ever. */
typedef struct as_of {
    int64_t mono_ms;
    uint32_t generation; /* of the client */
} as_of_t;
as_of_t handle_now(const handle_t *h);

/* 0 when the entry's view is usable by a call that began at t, else NEED_KEY with h->need set. */
SCHLOSS_NODISCARD schloss_rc handle_view(handle_t *h, target_entry_t *e, as_of_t t, schloss_error_t *err);
/* Takes over a reference of view. */
SCHLOSS_NODISCARD schloss_rc handle_set_view(handle_t *h, target_entry_t *e, view_t *view, uint32_t generation,
                                             schloss_error_t *err);

/* One call: what rules, executors and dead letters want to know of it. */
typedef struct run_call {
    const schloss_target_t *target;
    bytes_t raw; /* reading: the key or value as it lies on the topic */
    const schloss_header_t *headers;
    size_t n_headers;
    bytes_t skip_rule; /* name of a rule that is left out (reading, header __rule.name); none: ptr NULL */
    size_t prefix_len; /* bytes kept free in front of the result (writing) */
    int64_t mono_ms;
} run_call_t;

/* Runs the view's rules over in. *out: result within one of h->out, behind the free bytes. */
SCHLOSS_NODISCARD schloss_rc handle_run(handle_t *h, target_entry_t *e, bytes_t in, const run_call_t *call,
                                        bytes_t *out, schloss_error_t *err);
/* Adds an entry's counts to those of its rules and DEKs. */
void handle_flush_entry(target_entry_t *e);

/* Sends the record of a rule that failed (why: its error) or succeeded (why NULL) to its dead letter topic. record: as
 * it was before the first rule (writing). *sent: false when the sink failed, which is logged; the record fails either
 * way.
 * @return an error when the letter cannot be addressed */
SCHLOSS_NODISCARD schloss_rc dead_letter_send(handle_t *h, const target_entry_t *e, size_t run, bytes_t record,
                                              const run_call_t *call, const char *why, bool *sent,
                                              schloss_error_t *err);

/* Wipes what a call leaves in the buffers, but for its result. */
void handle_wipe(handle_t *h, bool keep_result);

/* ---- blocking driver over prepare ---- */
/* Fetches that one record can need: its view, one key per rule and DEK version. */
#define PREPARES_MAX 256
SCHLOSS_NODISCARD schloss_rc handle_prepare(handle_t *h, schloss_error_t *err);

struct schloss_serializer {
    handle_t h;
};
struct schloss_deserializer {
    handle_t h;
};

#endif
