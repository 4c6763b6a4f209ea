// The C ABI: version, names and the last error.
#include <algorithm>
#include <cstring>

#include "failure.h"
#include "tio_gds.h"

uint32_t tio_gds_abi_version(void) {
    return TIO_GDS_ABI_VERSION;
}

const char* tio_gds_status_name(tio_status status) {
    return tio::gds::status_name(status);
}

size_t tio_gds_last_error(char* buffer, size_t capacity) {
    const char* text = tio::gds::last_error();
    const size_t length = std::strlen(text);
    if (buffer != nullptr && capacity > 0) {
        const size_t copied = std::min(length, capacity - 1);
        std::memcpy(buffer, text, copied);
        buffer[copied] = '\0';
    }
    return length;
}
