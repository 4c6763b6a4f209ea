// A device whose streams are ordered against transfers: what its fences share.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "cuda/device_memory.h"
#include "cuda/driver.h"
#include "cuda/flag_pool.h"
#include "cuda/stream_watch.h"
#include "fence_point.h"
#include "tio_gds.h"

namespace tio::gds::cuda {

class Gpu;

// Opens a flag that streams wait for.
class FlagPoint final : public TransferPoint {
  public:
    // The context must be current. Throws Failure.
    FlagPoint(Gpu& gpu, uint32_t transfers);
    ~FlagPoint() override;
    const FlagPool::Flag& flag() const noexcept { return flag_; }

  protected:
    void open() noexcept override { FlagPool::open(flag_); }

  private:
    Gpu& gpu_;
    const FlagPool::Flag flag_;
};

// Thread-safe. Methods throw Failure.
class Gpu {
  public:
    explicit Gpu(const tio_gds_gpu_options& options);
    // After close().
    ~Gpu();
    Gpu(const Gpu&) = delete;
    Gpu& operator=(const Gpu&) = delete;

    // Waits until the streams have passed what they wait for. Throws while fences, or requests that name
    // them, timelines, checksums or memory are there.
    void close();
    tio_gds_gpu_info info() const noexcept;
    DeviceMemory& memory() noexcept { return memory_; }

    // Both with a moment of their own: an earlier one stays what it was.
    std::shared_ptr<RecordedPoint> record(Stream stream);
    std::shared_ptr<FlagPoint> arm(uint32_t transfers);

    void make_wait(Stream stream, const RecordedPoint& point) const;
    // false: this device or driver has no waits on memory, and nothing was enqueued.
    bool make_wait(Stream stream, const FlagPoint& point);

  private:
    void require_childless() const;

    friend class FlagPoint;
    friend class Fence;
    friend class Timeline;
    friend class Checksums;

    const int device_;
    const PrimaryContext context_;
    const Driver& driver_;
    DeviceMemory memory_;
    std::unique_ptr<FlagPool> flags_;
    std::atomic<bool> streams_wait_;
    std::atomic<uint32_t> fences_{0};
    std::atomic<uint32_t> timelines_{0};
    std::atomic<uint32_t> checksums_{0};
    std::atomic<uint32_t> armed_points_{0};
    std::mutex mutex_;
    std::map<Stream, std::unique_ptr<StreamWatch>> watches_;
};

}  // namespace tio::gds::cuda

// The opaque handle of the C ABI is the object itself.
struct tio_gds_gpu : tio::gds::cuda::Gpu {
    using Gpu::Gpu;
};
