/* Text forms of google.protobuf.Timestamp, Duration and FieldMask. */
#include "codec/protobuf/json.h"

#define MIN_SECONDS (-INT64_C(62135596800)) /* 0001-01-01 */
#define MAX_SECONDS INT64_C(253402300799)   /* 9999-12-31 */
#define MAX_DURATION INT64_C(315576000000)

static bool digits(const char **s, unsigned n, int64_t *out) {
    *out = 0;
    for (unsigned i = 0; i < n; i++, ++*s) {
        if (**s < '0' || **s > '9') {
            return false;
        }
        *out = *out * 10 + (**s - '0');
    }
    return true;
}

static bool fixed(const char **s, char c) {
    if (**s != c) {
        return false;
    }
    ++*s;
    return true;
}

/* ".5" -> 500000000; nothing there: 0. */
static bool fraction(const char **s, int32_t *nanos) {
    int32_t scale = 100000000;
    *nanos = 0;
    if (**s != '.') {
        return true;
    }
    ++*s;
    const char *first = *s;
    for (; **s >= '0' && **s <= '9'; ++*s, scale /= 10) {
        if (scale == 0) {
            return false; /* more than nine digits */
        }
        *nanos += (**s - '0') * scale;
    }
    return *s != first;
}

/* Days since 1970 of a date of the Gregorian calendar; years begin in March, so that a leap day is the last. */
static int64_t days_of(int64_t y, int64_t m, int64_t d) {
    y -= m <= 2;
    int64_t era = y / 400, of_era = y % 400;
    int64_t of_year = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int64_t *y, int64_t *m, int64_t *d) {
    int64_t z = days + 719468; /* positive from the year 0 on */
    int64_t era = z / 146097, of_era = z % 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t shifted = (5 * of_year + 2) / 153;
    *d = of_year - (153 * shifted + 2) / 5 + 1;
    *m = shifted < 10 ? shifted + 3 : shifted - 9;
    *y = year + era * 400 + (*m <= 2);
}

static bool zone(const char **s, int64_t *offset) {
    int64_t h = 0, m = 0;
    if (**s == 'Z' || **s == 'z') {
        ++*s;
        *offset = 0;
        return true;
    }
    int64_t sign = **s == '-' ? -1 : 1;
    if (**s != '+' && **s != '-') {
        return false;
    }
    ++*s;
    if (!digits(s, 2, &h) || !fixed(s, ':') || !digits(s, 2, &m) || h > 23 || m > 59) {
        return false;
    }
    *offset = sign * (h * 3600 + m * 60);
    return true;
}

bool pb_time_parse(const char *s, int64_t *seconds, int32_t *nanos) {
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t y, mo, d, h, mi, sec, offset = 0;
    if (!digits(&s, 4, &y) || !fixed(&s, '-') || !digits(&s, 2, &mo) || !fixed(&s, '-') || !digits(&s, 2, &d) ||
        (*s != 'T' && *s != 't')) {
        return false;
    }
    s++;
    if (!digits(&s, 2, &h) || !fixed(&s, ':') || !digits(&s, 2, &mi) || !fixed(&s, ':') || !digits(&s, 2, &sec) ||
        !fraction(&s, nanos) || !zone(&s, &offset) || *s != 0) {
        return false;
    }
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    if (y < 1 || mo < 1 || mo > 12 || d < 1 || d > lengths[mo - 1] + (mo == 2 && leap) || h > 23 || mi > 59 ||
        sec > 59) {
        return false;
    }
    *seconds = days_of(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec - offset;
    return *seconds >= MIN_SECONDS && *seconds <= MAX_SECONDS;
}

static void put_fraction(buf_t *out, int32_t nanos) {
    if (nanos % 1000000 == 0) {
        if (nanos != 0) {
            buf_printf(out, ".%03d", nanos / 1000000);
        }
    } else if (nanos % 1000 == 0) {
        buf_printf(out, ".%06d", nanos / 1000);
    } else {
        buf_printf(out, ".%09d", nanos);
    }
}

bool pb_time_print(buf_t *out, int64_t seconds, int32_t nanos) {
    int64_t y = 0, m = 0, d = 0;
    if (seconds < MIN_SECONDS || seconds > MAX_SECONDS || nanos < 0 || nanos > 999999999) {
        return false;
    }
    int64_t days = seconds / 86400, rest = seconds % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    date_of(days, &y, &m, &d);
    buf_printf(out, "\"%04d-%02d-%02dT%02d:%02d:%02d", (int)y, (int)m, (int)d, (int)(rest / 3600),
               (int)(rest / 60 % 60), (int)(rest % 60));
    put_fraction(out, nanos);
    buf_put_str(out, "Z\"");
    return true;
}

bool pb_duration_parse(const char *s, int64_t *seconds, int32_t *nanos) {
    bool minus = *s == '-';
    int64_t v = 0;
    s += minus;
    if (*s < '0' || *s > '9') {
        return false;
    }
    for (; *s >= '0' && *s <= '9'; s++) {
        v = v * 10 + (*s - '0');
        if (v > MAX_DURATION) {
            return false;
        }
    }
    if (!fraction(&s, nanos) || s[0] != 's' || s[1] != 0) {
        return false;
    }
    *seconds = minus ? -v : v;
    *nanos = minus ? -*nanos : *nanos;
    return true;
}

bool pb_duration_print(buf_t *out, int64_t seconds, int32_t nanos) {
    if (seconds < -MAX_DURATION || seconds > MAX_DURATION || nanos < -999999999 || nanos > 999999999 ||
        (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0)) {
        return false;
    }
    bool minus = seconds < 0 || nanos < 0;
    buf_printf(out, "\"%s%lld", minus ? "-" : "", (long long)(seconds < 0 ? -seconds : seconds));
    put_fraction(out, nanos < 0 ? -nanos : nanos);
    buf_put_str(out, "s\"");
    return true;
}

bool pb_path_to_snake(buf_t *out, const char *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (s[i] >= 'A' && s[i] <= 'Z') {
            buf_put_u8(out, '_');
            buf_put_u8(out, (uint8_t)(s[i] - 'A' + 'a'));
        } else if (s[i] == '_') {
            return false;
        } else {
            buf_put_u8(out, (uint8_t)s[i]);
        }
    }
    return true;
}

bool pb_path_to_camel(buf_t *out, const char *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '_') {
            if (++i == n || s[i] < 'a' || s[i] > 'z') {
                return false;
            }
            buf_put_u8(out, (uint8_t)(s[i] - 'a' + 'A'));
        } else if (s[i] >= 'A' && s[i] <= 'Z') {
            return false;
        } else {
            buf_put_u8(out, (uint8_t)s[i]);
        }
    }
    return true;
}
