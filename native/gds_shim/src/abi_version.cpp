// The C ABI: version, names and the last error.
#include "arguments.h"
#include "failure.h"
#include "tio_gds.h"

uint32_t tio_gds_abi_version(void) {
    return TIO_GDS_ABI_VERSION;
}

const char* tio_gds_status_name(tio_status status) {
    return tio::gds::status_name(status);
}

size_t tio_gds_last_error(char* buffer, size_t capacity) {
    return tio::gds::copy_text(tio::gds::last_error(), buffer, capacity);
}
