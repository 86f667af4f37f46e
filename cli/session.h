/* What produce, consume and inspect share: the client of libschloss made from the settings, and small texts. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "base/buf.h"
#include "cli/verbs.h"
#include <schloss/serde.h>

/* Client of the settings with what these verbs always want: the subject's latest schema, none registered by us. */
SCHLOSS_NODISCARD schloss_rc session_client(cli_t *cli, schloss_client_t **out);
/* Target of values (or keys) of a topic. */
schloss_target_t session_target(const cli_t *cli, const char *topic, bool is_key);

/* Appends text for a line of output: as it is when it is UTF-8 without control characters, else base64:... */
void session_put_text(buf_t *out, bytes_t text);
/* Appends a JSON string: the text, or "base64:..." when it is not UTF-8. */
void session_put_json(buf_t *out, bytes_t text);

#endif
