/* schloss version */
#include "cli/verbs.h"
#include "crypto/aead.h"
#include "kms/kms.h"
#include <curl/curl.h>
#include <librdkafka/rdkafka.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <schloss/version.h>
#include <sqlite3.h>

static json_t *backends(void) {
    json_t *list = json_array();
    static const aead_backend_t all[] = {AEAD_IPSECMB, AEAD_OPENSSL};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (aead_backend_usable(all[i])) {
            (void)json_array_append_new(list, json_string(aead_backend_detail(all[i])));
        }
    }
    return list;
}

static json_t *kms_types(void) {
    json_t *list = json_array();
    for (const char *const *type = kms_driver_types(); *type != NULL; type++) {
        (void)json_array_append_new(list, json_string(*type));
    }
    return list;
}

int verb_version(cli_t *cli) {
    if (!args_flag(cli->args, OPT_VERBOSE)) {
        static const out_column_t column = {"schloss", "version"};
        json_t *v = json_pack("{s:s}", "version", schloss_version());
        out_record(stdout, cli->form, v, &column, 1);
        json_decref(v);
        return CLI_EXIT_OK;
    }
    static const out_column_t columns[] = {
        {"schloss", "version"},
        {"AEAD back-end", "aead_backend"},
        {"AEAD available", "aead_available"},
        {"KMS", "kms"},
        {"OpenSSL", "openssl"},
        {"librdkafka", "librdkafka"},
        {"libcurl", "libcurl"},
        {"jansson", "jansson"},
        {"SQLite", "sqlite"},
        {"libmicrohttpd", "libmicrohttpd"},
    };
    json_t *v = json_pack("{s:s, s:s, s:o, s:o, s:s, s:s, s:s, s:s, s:s, s:s}", "version", schloss_version(),
                          "aead_backend", aead_backend_detail(aead_backend()), "aead_available", backends(), "kms",
                          kms_types(), "openssl", OpenSSL_version(OPENSSL_VERSION_STRING), "librdkafka",
                          rd_kafka_version_str(), "libcurl", curl_version_info(CURLVERSION_NOW)->version, "jansson",
                          jansson_version_str(), "sqlite", sqlite3_libversion(), "libmicrohttpd", MHD_get_version());
    if (v == NULL) {
        (void)NO_MEMORY(cli->err);
        return verb_fail(cli);
    }
    out_record(stdout, cli->form, v, columns, COUNT_OF(columns));
    json_decref(v);
    return CLI_EXIT_OK;
}
