/* See tls.h. */
#include "server/tls.h"
#include "server/file.h"

schloss_rc tls_files_load(tls_files_t *out, const char *cert_file, const char *key_file, schloss_error_t *err) {
    out->cert = out->key = NULL;
    if (cert_file == NULL && key_file == NULL) {
        return 0;
    }
    ENSURE(cert_file != NULL && key_file != NULL, err, CONF_VALUE, "TLS needs both a certificate file and a key file");
    TRY(file_read_text(&out->cert, cert_file, FILE_MAX_BYTES, err));
    schloss_rc rc = file_read_text(&out->key, key_file, FILE_MAX_BYTES, err);
    if (rc != 0) {
        tls_files_clear(out);
    }
    return rc;
}

void tls_files_clear(tls_files_t *t) {
    mem_free(t->cert);
    mem_wipe_str(t->key);
    t->cert = t->key = NULL;
}
