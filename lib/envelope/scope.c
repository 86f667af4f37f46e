/* Which settings a KMS driver gets from where (spec client-encryption 2.3). */
#include "envelope/scope.h"
#include <string.h>
#include <strings.h>

bool kms_prop_is_allowed(const env_conf_t *conf, const char *name) {
    static const char *const redirecting[] = {"endpoint", "location", "file", "url", "profile"};
    /* hosts, PINs and a module to load: never the registry's business, whatever is configured */
    if (strncasecmp(name, "kmip.", 5) == 0 || strncasecmp(name, "pkcs11.", 7) == 0) {
        return false;
    }
    if (strncasecmp(name, "ssl.", 4) == 0) { /* of the client's own certificate; one TLS setting more per text, too */
        return conf->props_may_redirect;
    }
    for (size_t i = 0; i < COUNT_OF(redirecting); i++) {
        if (strcasestr(name, redirecting[i]) != NULL) {
            return conf->props_may_redirect;
        }
    }
    return true;
}

static const char *lookup(void *user, const char *name) {
    const kms_scope_t *s = user;
    const env_conf_t *conf = &s->env->conf;
    const char *prop =
        kms_prop_is_allowed(conf, name) ? json_string_value(json_object_get(s->kek->kms_props, name)) : NULL;
    return prop != NULL ? prop : conf->conf(conf->conf_user, s->spec->conf_scope, s->spec->conf_type, name);
}

kms_key_t kms_key_of(kms_scope_t *scope) {
    kms_key_t k = {.kms_type = scope->kek->kms_type,
                   .key_id = scope->kek->kms_key_id,
                   .conf = {.get = lookup, .user = scope},
                   .clock = scope->env->conf.clock};
    return k;
}
