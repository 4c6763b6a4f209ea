// Memory on the stand-in's device, and requests for it.
#pragma once

#include <gtest/gtest.h>

#include "abi_handles.h"
#include "cuda/driver.h"
#include "standin_cuda.h"

namespace tio::gds::testing {

// "Device" memory that begins at a multiple of 4096.
class DeviceMemory {
  public:
    explicit DeviceMemory(size_t bytes) : context_(cuda::Driver::shared(), 0) {
        const cuda::CurrentContext current(context_);
        EXPECT_EQ(cuda::success, driver().memory_allocate(&pointer_, bytes + 4096));
    }
    ~DeviceMemory() { free(); }
    DeviceMemory(const DeviceMemory&) = delete;
    DeviceMemory& operator=(const DeviceMemory&) = delete;

    void free() {
        if (pointer_ == 0) return;
        const cuda::CurrentContext current(context_);
        EXPECT_EQ(cuda::success, driver().memory_free(pointer_));
        pointer_ = 0;
    }
    char* get() const { return reinterpret_cast<char*>((pointer_ + 4095) & ~uint64_t{4095}); }
    // For the test's eyes: the memory itself, which the CPU cannot reach by its device address.
    char* view() const {
        return static_cast<char*>(tio_standin_cuda_host_view(reinterpret_cast<uint64_t>(get())));
    }

  private:
    static const cuda::Driver& driver() { return cuda::Driver::shared(); }

    cuda::PrimaryContext context_;
    cuda::DevicePointer pointer_ = 0;
};

inline tio_gds_request device_request(uint32_t op, tio_gds_file* file, void* memory, uint64_t offset,
                                      uint64_t length, uint64_t token = 1) {
    tio_gds_request request = request_of(op, file, memory, offset, length, token);
    request.memory_kind = TIO_MEMORY_CUDA;
    return request;
}

}  // namespace tio::gds::testing
