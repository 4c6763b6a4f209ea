// Checksums of a device's memory, by a kernel that has proved itself.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "cuda/checksum_kernel.h"
#include "cuda/gpu.h"

namespace tio::gds::cuda {

// Thread-safe but for its destruction; methods throw Failure.
class Checksums {
  public:
    // Compares the kernel's results with the CPU's. Throws Failure(TIO_E_UNSUPPORTED) where the driver does
    // not take the kernel or a result differs.
    explicit Checksums(Gpu& gpu);
    ~Checksums();
    Checksums(const Checksums&) = delete;
    Checksums& operator=(const Checksums&) = delete;

    // Each caller that is inside at the same time uses a stream of its own.
    void compute(std::span<const tio_gds_memory_range> ranges, uint64_t* checksums);

    static uint64_t of_host(const void* memory, uint64_t bytes, uint64_t seed) noexcept;

  private:
    class Rented;

    // Callers that can meet without a lane being made: the completion threads of so many paths, and one more
    // that compares.
    static constexpr size_t lanes_ahead = 8;

    void prove();

    Gpu& gpu_;
    std::unique_ptr<ChecksumKernel> kernel_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<ChecksumLane>> idle_;
    size_t lanes_ = 0;
};

}  // namespace tio::gds::cuda

// The opaque handle of the C ABI is the object itself.
struct tio_gds_checksums : tio::gds::cuda::Checksums {
    using Checksums::Checksums;
};
