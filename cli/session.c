/* Shared parts of the verbs that handle records. */
#include "cli/session.h"
#include "base/text.h"
#include "codec/json/scan.h"

schloss_rc session_client(cli_t *cli, schloss_client_t **out) {
    TRY(settings_need_registry(&cli->settings, cli->err));
    /* Both may be set otherwise with -X; then the library says that it does not do that. */
    return schloss_client_new(cli->settings.conf, NULL, out, cli->err);
}

schloss_target_t session_target(const cli_t *cli, const char *topic, bool is_key) {
    schloss_target_t t = {.topic = topic, .is_key = is_key, .subject = is_key ? NULL : cli->args->text[OPT_SUBJECT]};
    return t;
}

static void put_base64(buf_t *out, bytes_t data) {
    buf_put_str(out, "base64:");
    if (buf_reserve(out, B64_LEN(data.len))) {
        out->len += b64_encode(out->ptr + out->len, data.ptr, data.len);
    }
}

void session_put_text(buf_t *out, bytes_t text) {
    bool plain = utf8_valid(text.ptr, text.len);
    for (size_t i = 0; plain && i < text.len; i++) {
        plain = text.ptr[i] >= 0x20 && text.ptr[i] != 0x7f;
    }
    if (plain) {
        buf_put(out, text.ptr, text.len);
    } else {
        put_base64(out, text);
    }
}

void session_put_json(buf_t *out, bytes_t text) {
    if (utf8_valid(text.ptr, text.len)) {
        json_put_string(out, (const char *)text.ptr, text.len);
    } else {
        buf_put_u8(out, '"');
        put_base64(out, text);
        buf_put_u8(out, '"');
    }
}
