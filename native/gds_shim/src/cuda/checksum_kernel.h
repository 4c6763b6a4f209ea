// The checksum kernel, loaded into a context.
#pragma once

#include <cstdint>
#include <span>

#include "checksum.h"
#include "cuda/driver.h"
#include "cuda/handles.h"
#include "cuda/pinned_mapping.h"

namespace tio::gds::cuda {

// kernels/checksum.ptx; NUL-terminated, as the driver wants it.
extern const char* const checksum_ptx;

// Immutable. The context must be current where it is made and where it ends.
class ChecksumKernel {
  public:
    // The driver compiles the kernel for the GPU. Throws Failure with what the compiler said.
    explicit ChecksumKernel(const Driver& driver);
    ~ChecksumKernel();
    ChecksumKernel(const ChecksumKernel&) = delete;
    ChecksumKernel& operator=(const ChecksumKernel&) = delete;

    const Driver& driver() const noexcept { return driver_; }
    // Behind what is in the stream; `ranges` and `sums` are addresses of pinned memory, for the device.
    Result launch(Stream stream, uint32_t blocks, uint32_t range_count, DevicePointer ranges,
                  DevicePointer sums) const noexcept;

  private:
    const Driver& driver_;
    Module module_ = nullptr;
    Function function_ = nullptr;
};

// A stream of its own and the pinned page through which the CPU and the kernel talk. For one thread at a
// time; the context must be current.
class ChecksumLane {
  public:
    static constexpr uint32_t most_ranges = 64;

    // Throws Failure.
    explicit ChecksumLane(const ChecksumKernel& kernel);
    ChecksumLane(const ChecksumLane&) = delete;
    ChecksumLane& operator=(const ChecksumLane&) = delete;

    // The sum over the words of each range, at most most_ranges of them; sleeps until it is there. Throws
    // Failure, when the kernel is over.
    void run(std::span<const tio_checksum_range> ranges, uint64_t* sums);

  private:
    // As many as keep a range of a GiB busy, without taking a large GPU from the kernels of the training.
    static constexpr uint32_t most_blocks = 64;
    // What a block of threads should find to do.
    static constexpr uint64_t block_bytes = uint64_t{32} << 10;
    static constexpr size_t page_bytes = most_ranges * sizeof(tio_checksum_range) +
                                         size_t{most_ranges} * most_blocks * sizeof(tio_checksum_word);

    static uint32_t blocks_for(std::span<const tio_checksum_range> ranges) noexcept;

    const ChecksumKernel& kernel_;
    OwnedStream stream_;
    OwnedEvent event_;
    PinnedMapping page_;
    DevicePointer page_address_ = 0;
};

}  // namespace tio::gds::cuda
