#include "rules/plan_protobuf.h"
schloss_rc pb_run_carefully(pb_run_t *r, bytes_t in) {
    return pb_run_mismatch(r, in.ptr, NULL, "fields out of order");
}
