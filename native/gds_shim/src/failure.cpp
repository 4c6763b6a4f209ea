#include "failure.h"

#include <cerrno>
#include <cstdio>

namespace tio::gds {

namespace {
thread_local char last_error_text[1024];
}

Failure Failure::from_errno(const std::string& what, int sys_errno) {
    return Failure(status_of_errno(sys_errno), what + ": " + describe_errno(sys_errno));
}

std::string describe_errno(int sys_errno) {
    return std::generic_category().message(sys_errno) + " (errno " + std::to_string(sys_errno) + ")";
}

tio_status status_of_errno(int sys_errno) noexcept {
    switch (sys_errno) {
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
            return TIO_E_FULL;
        case ENOMEM:
            return TIO_E_NOMEM;
        default:
            return TIO_E_IO;
    }
}

const char* status_name(tio_status status) noexcept {
    switch (status) {
        case TIO_OK:
            return "TIO_OK";
        case TIO_E_INVALID:
            return "TIO_E_INVALID";
        case TIO_E_IO:
            return "TIO_E_IO";
        case TIO_E_NOMEM:
            return "TIO_E_NOMEM";
        case TIO_E_FULL:
            return "TIO_E_FULL";
        case TIO_E_SHORT:
            return "TIO_E_SHORT";
        case TIO_E_CANCELED:
            return "TIO_E_CANCELED";
        case TIO_E_TIMEOUT:
            return "TIO_E_TIMEOUT";
        case TIO_E_UNSUPPORTED:
            return "TIO_E_UNSUPPORTED";
        case TIO_E_CLOSED:
            return "TIO_E_CLOSED";
        case TIO_E_BUSY:
            return "TIO_E_BUSY";
        case TIO_E_INTERNAL:
            return "TIO_E_INTERNAL";
        case TIO_E_DEVICE:
            return "TIO_E_DEVICE";
        default:
            return "TIO_E_UNKNOWN";
    }
}

void set_last_error(const char* where, const char* text) noexcept {
    std::snprintf(last_error_text, sizeof(last_error_text), "%s: %s", where, text);
}

const char* last_error() noexcept {
    return last_error_text;
}

}  // namespace tio::gds
