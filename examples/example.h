/* What all examples share: stopping with the whole error, and a client from two environment variables. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <schloss/schloss.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Prints code, message and hint of what failed. */
static inline void complain(schloss_rc rc, const schloss_error_t *err) {
    (void)fprintf(stderr, "%s: %s\n", schloss_rc_name(rc), schloss_error_message(err));
    if (schloss_error_hint(err)[0] != '\0') {
        (void)fprintf(stderr, "  hint: %s\n", schloss_error_hint(err));
    }
}

/* Ends the program unless rc is 0. */
static inline void must(schloss_rc rc, const schloss_error_t *err) {
    if (rc != SCHLOSS_OK) {
        complain(rc, err);
        exit(1);
    }
}

static inline const char *env(const char *name) {
    const char *value = getenv(name);
    if (value == NULL) {
        (void)fprintf(stderr, "set %s (examples/run does)\n", name);
        exit(2);
    }
    return value;
}

/* A client of the registry in SCHLOSS_REGISTRY. Settings: name, value, name, value, ..., NULL. */
static inline schloss_client_t *connect_client(const char *const *settings, schloss_error_t *err) {
    schloss_conf_t *conf = schloss_conf_new();
    schloss_client_t *client = NULL;
    must(schloss_conf_set(conf, "schema.registry.url", env("SCHLOSS_REGISTRY"), err), err);
    for (; settings != NULL && *settings != NULL; settings += 2) {
        must(schloss_conf_set(conf, settings[0], settings[1], err), err);
    }
    must(schloss_client_new(conf, NULL, &client, err), err);
    schloss_conf_free(conf);
    return client;
}

/* True when text lies somewhere in bytes: what ciphertext must not show. */
static inline bool holds(schloss_bytes_t bytes, const char *text) {
    return memmem(bytes.ptr, bytes.len, text, strlen(text)) != NULL;
}

#endif
