/* Associations of a topic with a subject (AssociatedNameStrategy). */
#include "client/exchange.h"

static schloss_rc pick(const sr_exchange_t *x, const char *topic, const char **out, json_t *list,
                       schloss_error_t *err) {
    size_t n = json_array_size(list);
    if (n == 0) {
        return SCHLOSS_ABSENT;
    }
    if (n > 1) {
        FAIL(err, SUBJECT_NAME, "Multiple associated subjects found for topic %s", topic);
        err_hint(err, "set subject.name.strategy.kafka.cluster.id, or remove all associations but one");
        err_url(err, x->answer.url);
        return SCHLOSS_E_SUBJECT_NAME;
    }
    const json_t *one = json_array_get(list, 0);
    if (!json_is_object(one)) {
        return answer_bad(x, err, "an association is no JSON object");
    }
    TRY(answer_str(x, one, "subject", true, out, err));
    return **out == '\0' ? answer_bad(x, err, "member 'subject' is empty") : SCHLOSS_OK;
}

schloss_rc sr_get_association(io_t *io, const http_service_t *svc, const char *cluster, const char *topic, bool is_key,
                              char **subject, schloss_error_t *err) {
    sr_exchange_t x;
    exchange_init(&x, "GET", false);
    path_text(&x, "/associations/resources/");
    path_value(&x, cluster == NULL || *cluster == '\0' ? "-" : cluster);
    path_text(&x, "/");
    path_value(&x, topic);
    path_text(&x, "?resourceType=topic&associationType=");
    path_text(&x, is_key ? "key" : "value");
    schloss_rc rc = exchange_run(&x, io, svc, err);
    if (rc == SCHLOSS_OK) {
        json_t *list = NULL;
        rc = answer_load(&x, JSON_ARRAY, &list, err);
        const char *found = NULL;
        if (rc == SCHLOSS_OK) {
            rc = pick(&x, topic, &found, list, err);
        }
        if (rc == SCHLOSS_OK) {
            rc = copy_str(subject, found, err);
        }
        json_decref(list);
    }
    exchange_clear(&x);
    return rc;
}
