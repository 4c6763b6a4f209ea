// The C ABI: memory of a device.
#include <string>

#include "arguments.h"
#include "cuda/gpu.h"

using namespace tio::gds;
using cuda::DevicePointer;

namespace {

DevicePointer device_pointer(const void* memory) {
    return reinterpret_cast<DevicePointer>(memory);
}

}  // namespace

tio_status tio_gds_device_alloc(tio_gds_gpu* gpu, size_t bytes, void** memory) {
    return guarded("tio_gds_device_alloc", [&] {
        require_argument(gpu, "gpu");
        require_argument(memory, "memory");
        *memory = nullptr;
        *memory = reinterpret_cast<void*>(gpu->memory().allocate(bytes));
        return TIO_OK;
    });
}

tio_status tio_gds_device_free(tio_gds_gpu* gpu, void* memory) {
    return guarded("tio_gds_device_free", [&] {
        require_argument(gpu, "gpu");
        if (memory != nullptr) gpu->memory().free(device_pointer(memory));
        return TIO_OK;
    });
}

tio_status tio_gds_device_copy(tio_gds_gpu* gpu, void* to, const void* from, size_t bytes,
                               uint32_t direction) {
    return guarded("tio_gds_device_copy", [&] {
        require_argument(gpu, "gpu");
        require_argument(to, "to");
        require_argument(from, "from");
        if (direction != TIO_COPY_TO_DEVICE && direction != TIO_COPY_TO_HOST)
            throw Failure(TIO_E_INVALID,
                          "direction is " + std::to_string(direction) + ", none of TIO_COPY_*");
        if (bytes == 0) return TIO_OK;
        if (direction == TIO_COPY_TO_DEVICE)
            gpu->memory().copy_to_device(device_pointer(to), from, bytes);
        else
            gpu->memory().copy_to_host(to, device_pointer(from), bytes);
        return TIO_OK;
    });
}
