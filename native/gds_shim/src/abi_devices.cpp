// The C ABI: which device an ordinal stands for.
#include "arguments.h"
#include "cuda/driver.h"

using namespace tio::gds;

tio_status tio_gds_device_describe(uint32_t device, char* text, size_t capacity) {
    return guarded("tio_gds_device_describe", [&] {
        require_argument(text, "text");
        copy_text(cuda::Driver::shared().device_description(static_cast<int>(device)), text, capacity);
        return TIO_OK;
    });
}
