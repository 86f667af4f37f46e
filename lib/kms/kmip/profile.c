/* Reading a profile. All of kmip.* comes from the client's own configuration: lib/envelope never takes a setting of
 * this prefix from the registry, which must not choose where keys are sent. */
#include "kms/kmip/profile.h"

#include "kms/service.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEFAULT_PORT 5696u
#define CONNECT_TIMEOUT_MS 2000u
#define TIMEOUT_MS 5000u
#define TIMEOUT_MAX_MS 120000u

static bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static schloss_rc conf_fail(const kms_key_t *key, const char *what, const char *hint, schloss_error_t *err) {
    FAIL(err, KMS_CONF, "%s://%s: %s", key->kms_type, key->key_id, what);
    err_hint(err, "%s", hint);
    return SCHLOSS_E_KMS_CONF;
}

static schloss_rc split_key_id(kmip_profile_t *p, const kms_key_t *key, schloss_error_t *err) {
    static const char hint[] = "the key id is PROFILE/UID: the name of a kmip.<profile>.* group of settings, a slash, "
                               "and the unique identifier of the key";
    size_t n = 0;
    while (is_name_char(key->key_id[n])) {
        n++;
    }
    if (n == 0 || n > KMIP_PROFILE_MAX || key->key_id[n] != '/') {
        return conf_fail(key, "no profile stands in front of the key's identifier", hint, err);
    }
    memcpy(p->name, key->key_id, n);
    p->uid = key->key_id + n + 1;
    size_t len = strlen(p->uid);
    if (len == 0 || len > KMIP_UID_MAX) {
        return conf_fail(key, "the key's identifier is empty or longer than 255 bytes", hint, err);
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)p->uid[i] < 0x20 || p->uid[i] == 0x7f) {
            return conf_fail(key, "the key's identifier has control characters in it", hint, err);
        }
    }
    return SCHLOSS_OK;
}

static const char *setting(const kmip_profile_t *p, const kms_key_t *key, const char *name) {
    char full[KMIP_PROFILE_MAX + 40];
    (void)snprintf(full, sizeof full, "kmip.%s.%s", p->name, name);
    return kms_setting(key, full, NULL);
}

static schloss_rc bad_setting(const kmip_profile_t *p, const kms_key_t *key, const char *name, const char *what,
                              schloss_error_t *err) {
    FAIL(err, KMS_CONF, "%s://%s: kmip.%s.%s %s", key->kms_type, key->key_id, p->name, name, what);
    err_hint(err, "set it among the client's own settings, where rule.executors.* stand; the registry cannot");
    return SCHLOSS_E_KMS_CONF;
}

static schloss_rc read_number(uint32_t *out, const kmip_profile_t *p, const kms_key_t *key, const char *name,
                              uint32_t preset, uint32_t max, schloss_error_t *err) {
    const char *text = setting(p, key, name);
    *out = preset;
    if (text == NULL) {
        return SCHLOSS_OK;
    }
    char *end = NULL;
    unsigned long v = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
    if (v == 0 || v > max || end == NULL || *end != '\0') {
        return bad_setting(p, key, name, "is no number in its range", err);
    }
    *out = (uint32_t)v;
    return SCHLOSS_OK;
}

static bool is_host(const char *s, const char *also) {
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i++) {
        if (!is_name_char(s[i]) && strchr(also, s[i]) == NULL) {
            return false;
        }
    }
    return n != 0 && n < 254;
}

static schloss_rc read_address(kmip_profile_t *p, const kms_key_t *key, schloss_error_t *err) {
    const char *host = setting(p, key, "host");
    if (host == NULL) {
        return bad_setting(p, key, "host", "is not set", err);
    }
    if (!is_host(host, ".:")) {
        return bad_setting(p, key, "host", "is neither a host name nor an address", err);
    }
    uint32_t port = 0;
    TRY(read_number(&port, p, key, "port", DEFAULT_PORT, 65535, err));
    bool is_ipv6 = strchr(host, ':') != NULL;
    (void)snprintf(p->url, sizeof p->url, "kmips://%s%s%s:%u", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", port);
    p->server_name = setting(p, key, "server.name");
    if (p->server_name != NULL && !is_host(p->server_name, ".")) {
        return bad_setting(p, key, "server.name", "is no host name", err);
    }
    return SCHLOSS_OK;
}

static schloss_rc read_file(const char **out, const kmip_profile_t *p, const kms_key_t *key, const char *name,
                            schloss_error_t *err) {
    *out = setting(p, key, name);
    if (*out != NULL && access(*out, R_OK) != 0) {
        FAIL(err, KMS_CONF, "%s://%s: kmip.%s.%s cannot be read: %s", key->kms_type, key->key_id, p->name, name, *out);
        err_hint(err, "it must be a PEM file that this user may read");
        return SCHLOSS_E_KMS_CONF;
    }
    return SCHLOSS_OK;
}

static schloss_rc read_service(kmip_profile_t *p, const kms_key_t *key, schloss_error_t *err) {
    kms_service_conf_t conf = {.protocol = SCHLOSS_KMIP, .direct = true};
    TRY(read_file(&conf.tls.ca_file, p, key, "ca.location", err));
    TRY(read_file(&conf.tls.cert_file, p, key, "cert.location", err));
    TRY(read_file(&conf.tls.key_file, p, key, "key.location", err));
    if (conf.tls.cert_file == NULL && p->username == NULL) {
        return bad_setting(p, key, "cert.location", "is not set: KMIP servers know their clients by certificate", err);
    }
    if (conf.tls.key_file == NULL) {
        conf.tls.key_file = conf.tls.cert_file; /* one PEM file may hold both */
    }
    conf.tls.key_password = setting(p, key, "key.password");
    TRY(read_number(&conf.timeout_ms, p, key, "timeout.ms", TIMEOUT_MS, TIMEOUT_MAX_MS, err));
    conf.connect_timeout_ms = conf.timeout_ms < CONNECT_TIMEOUT_MS ? conf.timeout_ms : CONNECT_TIMEOUT_MS;
    return kms_service(&p->svc, &conf, err);
}

/* "1.4,1.3": any order, any subset of 1.0 to 1.4. */
static bool parse_versions(uint32_t *minors, const char *text) {
    *minors = 0;
    for (const char *s = text; *s != '\0';) {
        while (*s == ' ' || *s == ',') {
            s++;
        }
        if (*s == '\0') {
            break;
        }
        if (s[0] != '1' || s[1] != '.' || s[2] < '0' || s[2] > '0' + (char)KMIP_MINOR_MAX ||
            (s[3] != '\0' && s[3] != ',' && s[3] != ' ')) {
            return false;
        }
        *minors |= (uint32_t)1 << (s[2] - '0');
        s += 3;
    }
    return *minors != 0;
}

schloss_rc kmip_profile_read(kmip_profile_t *out, const kms_key_t *key, schloss_error_t *err) {
    *out = (kmip_profile_t){.minors = ((uint32_t)1 << (KMIP_MINOR_MAX + 1)) - 1};
    TRY(split_key_id(out, key, err));
    TRY(read_address(out, key, err));
    out->username = setting(out, key, "username");
    out->password = setting(out, key, "password");
    const char *versions = setting(out, key, "versions");
    if (versions != NULL && !parse_versions(&out->minors, versions)) {
        return bad_setting(out, key, "versions", "is no list of 1.0, 1.1, 1.2, 1.3, 1.4", err);
    }
    return read_service(out, key, err);
}
