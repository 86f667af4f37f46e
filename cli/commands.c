/* The tables of commands and flags. */
#include "cli/commands.h"
#include "base/mem.h"
#include <string.h>

#define OPT_X_ROW(id, name, letter, kind, value, env, help) {name, letter, OPT_##kind, value, env, help},
const opt_def_t opt_table[] = {CLI_GLOBAL_OPTIONS(OPT_X_ROW) CLI_COMMAND_OPTIONS(OPT_X_ROW)};
#undef OPT_X_ROW

#define OPTS(...) (const cmd_opt_t[]){__VA_ARGS__}, sizeof((const cmd_opt_t[]){__VA_ARGS__}) / sizeof(cmd_opt_t)
#define NO_OPTS NULL, 0
#define O(id)                                                                                                          \
    { OPT_##id, false, NULL }
#define R(id)                                                                                                          \
    { OPT_##id, true, NULL }
#define OH(id, help)                                                                                                   \
    { OPT_##id, false, help }
#define RH(id, help)                                                                                                   \
    { OPT_##id, true, help }
#define ANY 64u /* arguments of a command that takes many */

const command_t cmd_table[] = {
    {CMD_NONE, "", "", 0, 0, "open encryption for Apache Kafka",
     "Fields that carry a tag are encrypted before a record leaves the producer and lie as ciphertext on the topic; "
     "readers with access to the key get them back.",
     NO_OPTS,
     "# a registry and a broker to play with\nschloss dev\n"
     "# write and read a topic whose schema has an ENCRYPT rule\n"
     "schloss produce payments --registry http://127.0.0.1:8081 -b 127.0.0.1:9092 < records.json\n"
     "schloss consume payments --registry http://127.0.0.1:8081 -b 127.0.0.1:9092 --exit-at-end"},

    {CMD_DEV, "dev", "", 0, 0, "Run a registry and a Kafka broker in one process, for trying things out.",
     "Prints registry=URL, bootstrap=HOST:PORT and ready, then serves until Ctrl-C. The broker is librdkafka's mock "
     "cluster: in memory, a few MB per partition and the oldest records go first, topics are made on first use, it "
     "always listens on 127.0.0.1, and Java clients cannot use it.",
     OPTS(OH(LISTEN, "Address of the registry (127.0.0.1:0); port 0 takes a free one."), O(REGISTRY_PORT),
          OH(STORE, "Where the registry keeps its data (sqlite::memory:)."), O(TOPIC), O(KMS_SECRET_FILE)),
     "schloss dev\nschloss dev --registry-port 8081 --topic payments:3"},

    {CMD_REGISTRY, "registry", "", 0, 0, "Serve Schema Registry and DEK Registry.",
     "Prints one line when it is ready. SIGTERM and Ctrl-C stop it after the running requests.",
     OPTS(OH(LISTEN, "Address to serve on (127.0.0.1:8081); port 0 takes a free one."),
          OH(STORE, "Where the data lies: sqlite:FILE (sqlite:schloss.db)."), O(TLS_CERT), O(TLS_KEY), O(USERS),
          O(KMS_SECRET_FILE), O(THREADS), O(LOG_REQUESTS)),
     "schloss registry --listen 127.0.0.1:8081 --store sqlite:/var/lib/schloss/registry.db\n"
     "schloss registry --listen 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem --users users.txt"},
    {CMD_REGISTRY_HASH_PASSWORD, "registry hash-password", "", 0, 0,
     "Hash a password from standard input for a --users file.",
     "Reads one line and prints its hash. A line of the users file is user:hash.", NO_OPTS,
     "printf 'alice:' >> users.txt; schloss registry hash-password >> users.txt"},

    {CMD_NONE, "kek", "", 0, 0, "Manage key encryption keys (KEKs).",
     "A KEK names a key in a KMS; the registry holds no key material of it.", NO_OPTS, NULL},
    {CMD_KEK_CREATE, "kek create", "<name>", 0, 1, "Create a KEK.", NULL,
     OPTS(O(NAME), R(KMS_TYPE), R(KMS_KEY), O(KMS_PROPERTIES), O(DOC), O(SHARED), O(TEST_SHARING)),
     "schloss kek create pay-kek --kms-type local-kms --kms-key pay"},
    {CMD_KEK_DESCRIBE, "kek describe", "<name>", 0, 1, "Show a KEK.", NULL,
     OPTS(O(NAME), OH(ALL, "Also when it is soft-deleted.")), NULL},
    {CMD_KEK_LIST, "kek list", "", 0, 0, "List KEKs.", NULL, OPTS(O(ALL)), NULL},
    {CMD_KEK_UPDATE, "kek update", "<name>", 0, 1, "Change properties, text or sharing of a KEK.",
     "KMS type and key id never change: create another KEK. --kms-properties replaces all properties; an empty value "
     "clears them. --shared=false takes sharing back.",
     OPTS(O(NAME), O(KMS_PROPERTIES), O(DOC), O(SHARED), O(TEST_SHARING)), NULL},
    {CMD_KEK_DELETE, "kek delete", "<name>...", 0, ANY, "Delete KEKs.",
     "A soft-deleted KEK still serves readers and can be undeleted. --permanent removes one that is soft-deleted and "
     "has no DEKs any more: what its DEKs encrypted is then lost.",
     OPTS(O(NAME), O(PERMANENT), O(FORCE)), NULL},
    {CMD_KEK_UNDELETE, "kek undelete", "<name>...", 0, ANY, "Bring soft-deleted KEKs back.", NULL,
     OPTS(O(NAME), O(FORCE)), NULL},

    {CMD_NONE, "dek", "", 0, 0, "Manage data encryption keys (DEKs).",
     "A DEK encrypts the data of one subject; the registry stores it wrapped by its KEK.", NO_OPTS, NULL},
    {CMD_DEK_CREATE, "dek create", "", 0, 0, "Create a DEK.",
     "Producers create DEKs themselves. Under a shared KEK the registry makes the key; otherwise give it wrapped.",
     OPTS(R(KEK_NAME), R(SUBJECT), O(ALGORITHM), OH(VERSION, "Version to create (1)."), O(ENCRYPTED_KEY_MATERIAL)),
     "schloss dek create --kek-name shared-kek --subject payments-value --algorithm AES256_GCM"},
    {CMD_DEK_DESCRIBE, "dek describe", "", 0, 0, "Show a DEK; key material is left out.", NULL,
     OPTS(R(KEK_NAME), R(SUBJECT), O(ALGORITHM), OH(VERSION, "Version: a number, or latest (1)."),
          OH(ALL, "Also when it is soft-deleted.")),
     NULL},
    {CMD_DEK_DELETE, "dek delete", "", 0, 0, "Delete a DEK.",
     "Without --version all versions of the algorithm. --permanent removes what is soft-deleted: data that it "
     "encrypted "
     "is then lost.",
     OPTS(R(KEK_NAME), R(SUBJECT), O(ALGORITHM), OH(VERSION, "Only this version."), O(PERMANENT), O(FORCE)), NULL},
    {CMD_DEK_UNDELETE, "dek undelete", "", 0, 0, "Bring a soft-deleted DEK back.", NULL,
     OPTS(R(KEK_NAME), R(SUBJECT), O(ALGORITHM), OH(VERSION, "Only this version."), O(FORCE)), NULL},
    {CMD_NONE, "dek subject", "", 0, 0, "Subjects that have DEKs.", NULL, NO_OPTS, NULL},
    {CMD_DEK_SUBJECT_LIST, "dek subject list", "", 0, 0, "List the subjects that have DEKs under a KEK.", NULL,
     OPTS(R(KEK_NAME), O(ALL)), NULL},
    {CMD_NONE, "dek version", "", 0, 0, "Versions of a DEK.", NULL, NO_OPTS, NULL},
    {CMD_DEK_VERSION_LIST, "dek version list", "", 0, 0, "List the versions of a DEK.", NULL,
     OPTS(R(KEK_NAME), R(SUBJECT), O(ALGORITHM), O(ALL)), NULL},

    {CMD_DEK_REWRAP, "dek rewrap", "<kek>", 1, 1, "Wrap the DEKs of a KEK anew.",
     "After the key in the KMS has got a new version, or another key id comes first. All versions of all subjects and "
     "algorithms, unless --subject names one. The DEKs themselves stay the same, so data stays readable. A new "
     "wrapping is stored only after it has been unwrapped again and compared. A failure does not stop the others; run "
     "it again as often as you like. A -X name that the client does not know is a setting of the KMS driver. Each DEK "
     "gets a new timestamp, which puts its rotation off.",
     OPTS(OH(SUBJECT, "Only the DEKs of this subject."), O(INCLUDE_DELETED)),
     "schloss dek rewrap pay-kek\nschloss dek rewrap pay-kek --subject payments-value -X token.id=..."},
    {CMD_DEK_REGISTER, "dek register", "<subject>", 1, 1, "Make or rotate the DEKs that a subject's rules want.",
     "Does for every ENCRYPT and ENCRYPT_PAYLOAD rule what a producer would do at its first record: registers the KEK "
     "when the rule says how, makes the DEK, or the next version when the newest has expired.",
     OPTS(OH(VERSION, "Version of the schema: a number, or latest (latest).")), "schloss dek register payments-value"},

    {CMD_NONE, "kms", "", 0, 0, "Try KMS keys.", NULL, NO_OPTS, NULL},
    {CMD_KMS_TEST, "kms test", "", 0, 0, "Prove that a KMS key can wrap and unwrap.",
     "Wraps a random key, unwraps it and compares, as a client would, with the same configuration; no registry is "
     "needed. A -X name that the client does not know is a setting of the KMS driver. Says what failed, and what to "
     "do about it.",
     OPTS(R(KMS_TYPE), R(KMS_KEY_ID)),
     "schloss kms test --kms-type hcvault --kms-key-id http://127.0.0.1:8200/transit/keys/pay -X token.id=...\n"
     "schloss kms test --kms-type aws-kms --kms-key-id arn:aws:kms:eu-central-1:111122223333:key/... -X profile=pay"},
    {CMD_KMS_LIST, "kms list", "", 0, 0, "List the KMS drivers that can be had, and from where.", NULL, NO_OPTS, NULL},

    {CMD_NONE, "schema", "", 0, 0, "Manage schemas.", NULL, NO_OPTS, NULL},
    {CMD_SCHEMA_CREATE, "schema create", "", 0, 0, "Register a schema, with tags and rules.", NULL,
     OPTS(R(SUBJECT), R(SCHEMA), O(TYPE), O(REFERENCES), O(METADATA), O(RULESET), O(NORMALIZE)),
     "schloss schema create --subject payments-value --schema payment.avsc --ruleset rules.json"},
    {CMD_SCHEMA_DESCRIBE, "schema describe", "[id]", 0, 1, "Show a schema by id, or by subject and version.", NULL,
     OPTS(O(ID), O(SUBJECT), OH(VERSION, "Version: a number, or latest (latest)."),
          OH(ALL, "Also when the version is soft-deleted.")),
     "schloss schema describe 17\nschloss schema describe --subject payments-value --version latest"},
    {CMD_SCHEMA_LIST, "schema list", "", 0, 0, "List schemas.", NULL, OPTS(O(SUBJECT_PREFIX), O(ALL)), NULL},
    {CMD_SCHEMA_DELETE, "schema delete", "", 0, 0, "Delete versions of a subject.",
     "Readers still find a soft-deleted schema by its id.",
     OPTS(R(SUBJECT), RH(VERSION, "Version: a number, latest, or all."), O(PERMANENT), O(FORCE)), NULL},

    {CMD_NONE, "subject", "", 0, 0, "Manage subjects.", NULL, NO_OPTS, NULL},
    {CMD_SUBJECT_LIST, "subject list", "", 0, 0, "List subjects.", NULL, OPTS(O(PREFIX), O(ALL)), NULL},
    {CMD_SUBJECT_DESCRIBE, "subject describe", "<subject>", 1, 1, "Show the versions of a subject.", NULL, OPTS(O(ALL)),
     NULL},
    {CMD_SUBJECT_UPDATE, "subject update", "<subject>", 1, 1, "Set compatibility or mode of a subject.", NULL,
     OPTS(O(COMPATIBILITY), O(MODE)), NULL},

    {CMD_PRODUCE, "produce", "<topic>", 1, 1, "Write JSON lines to a topic, encrypted by the subject's rules.",
     "Each line is one value in Avro JSON under the latest schema of the subject; the line null is a tombstone. A line "
     "that cannot be encrypted or does not fit its schema ends the run: nothing is ever sent in clear. Waits until all "
     "in-sync replicas have every record.",
     OPTS(O(FILE), O(PLAIN_JSON), O(MESSAGE), O(KEY), O(PARSE_KEY), O(DELIMITER), O(AVRO_KEY), O(HEADERS), O(PARTITION),
          OH(SUBJECT, "Subject of the values, instead of the one that the name strategy yields."), O(CONTINUE)),
     "echo '{\"name\":\"Ada\",\"ssn\":\"123-45-6789\"}' | schloss produce people\n"
     "schloss produce people --parse-key --file people.txt --headers source=import"},
    {CMD_CONSUME, "consume", "<topic>", 1, 1, "Print the values of a topic as JSON lines, decrypted.",
     "With -o json or yaml each record is printed whole: partition, offset, timestamp, key, headers, value.",
     OPTS(O(COUNT), O(EXIT_AT_END), O(RAW), O(PLAIN_JSON), O(FROM_BEGINNING), O(OFFSET), O(PARTITION), O(GROUP),
          O(PRINT_KEY), O(PRINT_HEADERS), O(DELIMITER), O(AVRO_KEY),
          OH(SUBJECT, "Subject of the values, instead of the one that the name strategy yields."), O(ON_ERROR)),
     "schloss consume people --exit-at-end\nschloss consume people --raw -n 1\n"
     "# ciphertext instead of an error where the key is missing\n"
     "schloss consume people -X rule.executors._ENCRYPT_.onFailure=NONE"},
    {CMD_INSPECT, "inspect", "<topic>", 1, 1, "Show for each field of records whether and how it is encrypted.",
     "Needs the schema but no key: nothing is decrypted. Ends at the end of the topic.",
     OPTS(OH(COUNT, "Stop after N records (10)."), O(FROM_BEGINNING), O(OFFSET), O(PARTITION),
          OH(AVRO_KEY, "Look at the keys and not at the values."),
          OH(SUBJECT, "Subject of the values, instead of the one that the name strategy yields.")),
     "schloss inspect people --offset -1"},
    {CMD_VERSION, "version", "", 0, 0, "Print the version; with -v also back-ends and libraries.", NULL, NO_OPTS, NULL},
};
const size_t cmd_count = COUNT_OF(cmd_table);

const command_t *cmd_find(const char *path) {
    for (size_t i = 0; i < cmd_count; i++) {
        if (strcmp(cmd_table[i].path, path) == 0) {
            return &cmd_table[i];
        }
    }
    return NULL;
}

bool cmd_is_child(const command_t *parent, const command_t *child) {
    size_t n = strlen(parent->path);
    const char *rest = child->path;
    if (n != 0) {
        if (strncmp(child->path, parent->path, n) != 0 || child->path[n] != ' ') {
            return false;
        }
        rest += n + 1;
    }
    return *rest != '\0' && strchr(rest, ' ') == NULL;
}

bool cmd_has_children(const command_t *c) {
    for (size_t i = 0; i < cmd_count; i++) {
        if (cmd_is_child(c, &cmd_table[i])) {
            return true;
        }
    }
    return false;
}

const char *cmd_word(const command_t *c) {
    const char *space = strrchr(c->path, ' ');
    return space == NULL ? c->path : space + 1;
}

const cmd_opt_t *cmd_option(const command_t *c, opt_id_t id) {
    for (size_t i = 0; i < c->n_opts; i++) {
        if (c->opts[i].id == id) {
            return &c->opts[i];
        }
    }
    return NULL;
}
