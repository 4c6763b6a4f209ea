#include "cufile/device_contexts.h"

namespace tio::gds::cufile {

DeviceContexts::Location DeviceContexts::locate(const void* memory) const {
    const cuda::PointerInfo info = driver_.pointer_info(reinterpret_cast<cuda::DevicePointer>(memory));
    if (!info.is_device || info.is_managed)
        throw Failure(TIO_E_INVALID,
                      "the address is not memory of cuMemAlloc or cudaMalloc; cuFile moves nothing else");
    return {info.device, info.buffer_id};
}

const cuda::PrimaryContext& DeviceContexts::of(int device) {
    const std::lock_guard lock(mutex_);
    std::unique_ptr<cuda::PrimaryContext>& context = contexts_[device];
    if (context == nullptr) context = std::make_unique<cuda::PrimaryContext>(driver_, device);
    return *context;
}

void DeviceContexts::enter(int device) {
    driver_.check(driver_.context_set_current(of(device).get()), "cuCtxSetCurrent");
}

}  // namespace tio::gds::cufile
