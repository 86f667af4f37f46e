/* TLS of servers: files and policy. docs/adr/0004-registry-tls.md says why it is the HTTP library's GnuTLS. */
#ifndef SERVER_TLS_H
#define SERVER_TLS_H

#include "base/err.h"
#include "base/mem.h"

/* TLS 1.2 and 1.3; forward secrecy and AEAD only. */
#define TLS_PRIORITIES                                                                                                 \
    "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-ALL:+AES-128-GCM:"          \
    "+AES-256-GCM:+CHACHA20-POLY1305:%SERVER_PRECEDENCE"

typedef struct tls_files {
    char *cert, *key; /* PEM, NUL-terminated; NULL: plain HTTP */
} tls_files_t;

/* Both or neither. @return CONF_VALUE, IO, NO_MEMORY */
SCHLOSS_NODISCARD schloss_rc tls_files_load(tls_files_t *out, const char *cert_file, const char *key_file,
                                            schloss_error_t *err);
void tls_files_clear(tls_files_t *t); /* wipes the key */

#endif
