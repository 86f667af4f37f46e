/* Sessions of roles: AssumeRole, and AssumeRoleWithWebIdentity with a token from a file. */
#include "kms/aws/aws.h"

#include "kms/token.h"

#define FORM_MAX ((size_t)128 * 1024)
#define URL_MAX 1024u

schloss_rc aws_sts_answer(const kms_key_t *key, bytes_t xml, aws_cred_t *out, schloss_error_t *err) {
    buf_t expires;
    buf_init(&expires, 64, "expiry of the session", false);
    buf_reset(&out->id);
    buf_reset(&out->secret);
    buf_reset(&out->token);
    bool ok = aws_xml_text(xml, "AccessKeyId", &out->id) && aws_xml_text(xml, "SecretAccessKey", &out->secret) &&
              aws_xml_text(xml, "SessionToken", &out->token) && aws_xml_text(xml, "Expiration", &expires) &&
              out->id.len != 0 && out->secret.len != 0 && out->token.len != 0 &&
              aws_time(buf_cstr(&expires), &out->expires_ms);
    bool no_memory = out->id.failed == 1 || out->secret.failed == 1 || out->token.failed == 1 || expires.failed == 1;
    buf_clear(&expires);
    if (no_memory) {
        return NO_MEMORY(err);
    }
    if (!ok) {
        return rest_fail(key, SCHLOSS_E_KMS_ANSWER, 0, "", "is the endpoint of STS right, or is a proxy in between?",
                         err, "the answer of AWS STS has no credentials in it");
    }
    return SCHLOSS_OK;
}

static schloss_rc form_build(const kms_key_t *key, const aws_role_t *role, buf_t *form, schloss_error_t *err) {
    rest_put_form(form, "Action", role->token_file != NULL ? "AssumeRoleWithWebIdentity" : "AssumeRole");
    rest_put_form(form, "Version", "2011-06-15");
    rest_put_form(form, "RoleArn", role->arn);
    rest_put_form(form, "RoleSessionName", role->session);
    if (role->external_id != NULL) {
        rest_put_form(form, "ExternalId", role->external_id);
    }
    if (role->token_file != NULL) {
        buf_t token;
        buf_init(&token, REST_TOKEN_MAX, "web identity token", true);
        schloss_rc rc = rest_file(key, "the web identity token", role->token_file, &token, err);
        if (rc == SCHLOSS_OK) {
            rest_put_form(form, "WebIdentityToken", buf_cstr(&token));
            rc = buf_check(&token, err);
        }
        buf_clear(&token);
        TRY(rc);
    }
    return buf_check(form, err);
}

static schloss_rc refuse(const kms_key_t *key, const io_answer_t *a, const aws_role_t *role, schloss_error_t *err) {
    aws_refusal_t r;
    aws_refusal_parse(&r, a->body);
    const char *hint = "";
    schloss_rc rc = aws_classify(a->status, &r, SCHLOSS_E_KMS_CREDENTIALS, &hint);
    if (rc == SCHLOSS_E_KMS_DENIED) {
        hint = "the role's trust policy must allow this caller, with this external id";
    }
    return rest_fail(key, rc, a->status, r.message, hint, err, "AWS STS gives no session of %.100s: %s", role->arn,
                     r.type[0] != '\0' ? r.type : "no reason given");
}

static schloss_rc ask(const kms_key_t *key, const aws_place_t *place, io_t *io, const aws_role_t *role,
                      const aws_source_t *source, buf_t *url, buf_t *form, aws_cred_t *out, schloss_error_t *err) {
    TRY(aws_endpoint(key, place, "sts", url, err));
    TRY(form_build(key, role, form, err));
    io_answer_t a = {0};
    const aws_post_t post = {"sts", buf_cstr(url), NULL, buf_view(form)};
    TRY(aws_post(key, place, io, &post, source, &a, err));
    return a.status == 200 ? aws_sts_answer(key, a.body, out, err) : refuse(key, &a, role, err);
}

schloss_rc aws_sts(const kms_key_t *key, const aws_place_t *place, io_t *io, const aws_role_t *role,
                   const aws_source_t *source, bool again, aws_cred_t *out, schloss_error_t *err) {
    if (again) {
        token_forget(role->name);
    } else if (aws_cred_recall(key, out, role->name)) {
        return SCHLOSS_OK;
    }
    buf_t url;
    buf_t form;
    buf_init(&url, URL_MAX, "URL of AWS STS", false);
    buf_init(&form, FORM_MAX, "request to AWS STS", true);
    schloss_rc rc = ask(key, place, io, role, source, &url, &form, out, err);
    buf_clear(&form);
    buf_clear(&url);
    if (rc == SCHLOSS_OK && !again) {
        aws_cred_remember(out, role->name);
    }
    return rc;
}
