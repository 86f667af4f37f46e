/* A listening TCP socket from "HOST:PORT". */
#ifndef SERVER_LISTEN_H
#define SERVER_LISTEN_H

#include "base/err.h"

/* url: "http" or "https" + "://HOST:PORT" as bound, into url[cap]. @return CONF_VALUE, CONNECT */
SCHLOSS_NODISCARD schloss_rc listen_open(int *fd, const char *address, bool tls, char *url, size_t cap,
                                         schloss_error_t *err);

#endif
