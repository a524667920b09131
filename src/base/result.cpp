#include "base/result.h"

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "base/log.h"

namespace strandline {

Errc errc_from_http_status(int status) {
    for (const auto& entry : errc_catalogue) {
        if (entry.http_status == status) return entry.code;
    }
    switch (status) {
        case 405:
        case 411:
        case 413:
        case 415:
        case 416:
        case 431:
            return Errc::invalid;
        case 410:
            return Errc::not_found;
        case 408:
            return Errc::timeout;
        case 412:
            return Errc::conflict;
        case 502:
            return Errc::unavailable;
        case 507:
            return Errc::exhausted;
        default:
            return status >= 400 && status < 500 ? Errc::invalid : Errc::internal;
    }
}

Error error_from_errno(std::string_view what, int error_number) {
    Errc code = Errc::internal;
    switch (error_number) {
        case ENOSPC:
        case EDQUOT:
        case EMFILE:
        case ENFILE:
        case ENOMEM:
            code = Errc::exhausted;
            break;
        case ENOENT:
            code = Errc::not_found;
            break;
        case EACCES:
        case EPERM:
            code = Errc::forbidden;
            break;
        case EEXIST:
            code = Errc::conflict;
            break;
        case ETIMEDOUT:
            code = Errc::timeout;
            break;
        case ECONNREFUSED:
        case ECONNRESET:
        case EHOSTUNREACH:
        case ENETUNREACH:
        case EPIPE:
        case EROFS:  // whoever asks has the right; the disk may be mended
            code = Errc::unavailable;
            break;
        default:
            break;
    }
    return fail(code, std::string(what) + ": " + std::generic_category().message(error_number));
}

void assertion_failed(const char* expression, const char* file, int line) {
    log_error("assertion failed expression=\"{}\" at={}:{}", expression, file, line);
    std::abort();
}

}  // namespace strandline
