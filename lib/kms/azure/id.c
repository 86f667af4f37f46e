/* Key ids, the version prefix (spec client-encryption 4.4), and the clouds by the domain of a vault. */
#include "kms/azure/azure.h"

#include <ctype.h>
#include <strings.h>

#define PREFIX "azure:v1:"
#define PREFIX_LEN (sizeof PREFIX - 1)

/* Copies a path segment of letters, digits and dashes. */
static bool take_segment(const char **p, char *out, size_t cap) {
    size_t n = strcspn(*p, "/");
    if (n == 0 || n >= cap) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!isalnum((unsigned char)(*p)[i]) && (*p)[i] != '-') {
            return false;
        }
    }
    memcpy(out, *p, n);
    out[n] = '\0';
    *p += n;
    return true;
}

static bool take_base(const char **p, char *out, size_t cap) {
    const char *host = strstr(*p, "://");
    if (host == NULL || (strncasecmp(*p, "https://", 8) != 0 && strncasecmp(*p, "http://", 7) != 0)) {
        return false;
    }
    host += 3;
    size_t n = strcspn(host, "/");
    for (size_t i = 0; i < n; i++) {
        if (!isalnum((unsigned char)host[i]) && strchr(".-:[]", host[i]) == NULL) {
            return false;
        }
    }
    size_t len = (size_t)(host - *p) + n;
    if (n == 0 || len >= cap) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = (char)tolower((unsigned char)(*p)[i]);
    }
    out[len] = '\0';
    *p += len;
    return true;
}

bool azure_id_parse(const char *text, azure_id_t *out) {
    static const char keys[] = "/keys/";
    memset(out, 0, sizeof *out);
    const char *p = text;
    if (!take_base(&p, out->base, sizeof out->base) || strncasecmp(p, keys, sizeof keys - 1) != 0) {
        return false;
    }
    p += sizeof keys - 1;
    if (!take_segment(&p, out->name, sizeof out->name)) {
        return false;
    }
    if (*p == '/' && p[1] != '\0') {
        p++;
        if (!take_segment(&p, out->version, sizeof out->version)) {
            return false;
        }
    }
    return *p == '\0' || (*p == '/' && p[1] == '\0');
}

bool azure_version_is_hex(const char *version, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (!isxdigit((unsigned char)version[i])) {
            return false;
        }
    }
    return len == AZURE_VERSION_LEN;
}

bool azure_prefix_read(bytes_t wrapped, char version[AZURE_VERSION_LEN + 1], bytes_t *rest, bool *ok) {
    if (wrapped.len < AZURE_HEADER_LEN || memcmp(wrapped.ptr, PREFIX, PREFIX_LEN) != 0 ||
        wrapped.ptr[AZURE_HEADER_LEN - 1] != ':') {
        return false;
    }
    memcpy(version, wrapped.ptr + PREFIX_LEN, AZURE_VERSION_LEN);
    version[AZURE_VERSION_LEN] = '\0';
    *ok = azure_version_is_hex(version, AZURE_VERSION_LEN);
    *rest = bytes(wrapped.ptr + AZURE_HEADER_LEN, wrapped.len - AZURE_HEADER_LEN);
    return true;
}

const azure_cloud_t *azure_cloud_of(const char *base) {
    static const char public_authority[] = "https://login.microsoftonline.com";
    static const char china[] = "https://login.partner.microsoftonline.cn";
    static const char government[] = "https://login.microsoftonline.us";
    static const azure_cloud_t clouds[] = {
        {".vault.azure.net", "https://vault.azure.net", public_authority},
        {".managedhsm.azure.net", "https://managedhsm.azure.net", public_authority},
        {".vault.azure.cn", "https://vault.azure.cn", china},
        {".managedhsm.azure.cn", "https://managedhsm.azure.cn", china},
        {".vault.usgovcloudapi.net", "https://vault.usgovcloudapi.net", government},
        {".managedhsm.usgovcloudapi.net", "https://managedhsm.usgovcloudapi.net", government},
        {".vault.microsoftazure.de", "https://vault.microsoftazure.de", "https://login.microsoftonline.de"},
    };
    const char *host = strstr(base, "://");
    host = host == NULL ? base : host + 3;
    size_t n = strcspn(host, ":/");
    for (size_t i = 0; i < COUNT_OF(clouds); i++) {
        size_t len = strlen(clouds[i].domain);
        if (n > len && strncasecmp(host + n - len, clouds[i].domain, len) == 0) {
            return &clouds[i];
        }
    }
    return NULL;
}
