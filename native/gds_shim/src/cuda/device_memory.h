// Memory that the shim itself allocates on a device, and copies that the caller waits for.
#pragma once

#include <cstddef>
#include <mutex>
#include <set>

#include "cuda/driver.h"

namespace tio::gds::cuda {

// Thread-safe. Methods throw Failure.
class DeviceMemory {
  public:
    // The context outlives it.
    explicit DeviceMemory(const PrimaryContext& context) : context_(context) {}
    DeviceMemory(const DeviceMemory&) = delete;
    DeviceMemory& operator=(const DeviceMemory&) = delete;

    DevicePointer allocate(size_t bytes);
    void free(DevicePointer memory);
    size_t allocations() const;

    // Any memory of the device, and any host memory.
    void copy_to_device(DevicePointer to, const void* from, size_t bytes) const;
    void copy_to_host(void* to, DevicePointer from, size_t bytes) const;

  private:
    const PrimaryContext& context_;
    mutable std::mutex mutex_;
    std::set<DevicePointer> allocated_;
};

}  // namespace tio::gds::cuda
