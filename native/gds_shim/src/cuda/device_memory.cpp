#include "cuda/device_memory.h"

#include <string>

namespace tio::gds::cuda {

DevicePointer DeviceMemory::allocate(size_t bytes) {
    if (bytes == 0) throw Failure(TIO_E_INVALID, "bytes is 0");
    const CurrentContext current(context_);
    const Driver& driver = context_.driver();
    DevicePointer memory = 0;
    driver.check(driver.memory_allocate(&memory, bytes),
                 ("cuMemAlloc of " + std::to_string(bytes) + " bytes").c_str());
    try {
        const std::lock_guard<std::mutex> lock(mutex_);
        allocated_.insert(memory);
    } catch (...) {
        driver.memory_free(memory);
        throw;
    }
    return memory;
}

void DeviceMemory::free(DevicePointer memory) {
    const CurrentContext current(context_);
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (allocated_.erase(memory) == 0)
            throw Failure(TIO_E_INVALID, "the memory was not allocated on this device, or is freed already");
    }
    // Outside of the lock: it waits for the device. What a failing driver does not free is lost with its
    // context; to keep it on the books would keep the device from ever being closed.
    context_.driver().check(context_.driver().memory_free(memory), "cuMemFree");
}

size_t DeviceMemory::allocations() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return allocated_.size();
}

void DeviceMemory::copy_to_device(DevicePointer to, const void* from, size_t bytes) const {
    const CurrentContext current(context_);
    const Driver& driver = context_.driver();
    driver.check(driver.copy_to_device_now(to, from, bytes), "cuMemcpyHtoD");
    // From pageable memory the call returns when the bytes are staged, not when they have arrived ("API
    // synchronization behavior" in the driver's manual).
    const Result arrived = driver.stream_synchronize(nullptr);
    // Whatever the reason, the copy must be over when the caller has its memory back.
    if (arrived != success) driver.context_synchronize();
    driver.check(arrived, "cuStreamSynchronize");
}

void DeviceMemory::copy_to_host(void* to, DevicePointer from, size_t bytes) const {
    const CurrentContext current(context_);
    context_.driver().check(context_.driver().copy_to_host_now(to, from, bytes), "cuMemcpyDtoH");
}

}  // namespace tio::gds::cuda
