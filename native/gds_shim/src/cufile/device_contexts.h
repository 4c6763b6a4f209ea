// Whose memory an address is, and the CUDA context in which cuFile may touch it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "cuda/driver.h"

namespace tio::gds::cufile {

// cuFile's calls on device memory need a current context, and the primary one: its bounce copies run on a
// stream of the primary context, and work in other contexts delays them (best practices guide, 3.2).
//
// Thread-safe. Keeps the primary contexts that it met until it goes.
class DeviceContexts {
  public:
    struct Location {
        int device;
        uint64_t allocation;  // unique per allocation for the life of the process
    };

    explicit DeviceContexts(const cuda::Driver& driver) : driver_(driver) {}

    // Throws Failure(TIO_E_INVALID) unless it is plain device memory: cuFile neither registers managed memory
    // nor moves it directly.
    Location locate(const void* memory) const;
    const cuda::PrimaryContext& of(int device);
    // Makes the context current on a thread of the shim, for good.
    void enter(int device);

  private:
    const cuda::Driver& driver_;
    std::mutex mutex_;
    std::map<int, std::unique_ptr<cuda::PrimaryContext>> contexts_;
};

}  // namespace tio::gds::cufile
