// A fence of the C ABI: a name for the latest point that was made with it.
#pragma once

#include <memory>
#include <mutex>

#include "cuda/gpu.h"

namespace tio::gds::cuda {

// Points are never reused. Recording or arming the fence again, or destroying it, therefore changes nothing
// for the requests and streams that wait for a former point. Thread-safe but for its destruction; methods
// throw Failure.
class Fence {
  public:
    explicit Fence(Gpu& gpu) : gpu_(gpu) { ++gpu_.fences_; }
    // Lets go who waits for transfers that were never submitted.
    ~Fence();
    Fence(const Fence&) = delete;
    Fence& operator=(const Fence&) = delete;

    void record(Stream stream);
    void arm(uint32_t transfers);
    void signal(Outcome outcome);

    // How it was done: TIO_WAIT_*.
    uint32_t make_wait(Stream stream);
    // false: not passed in time.
    bool wait(int32_t timeout_ms) const;
    tio_gds_fence_state state() const;

    // What the fence stands for now, or nullptr.
    std::shared_ptr<KernelPoint> recorded() const;
    std::shared_ptr<TransferPoint> armed() const;

  private:
    struct Points {
        std::shared_ptr<RecordedPoint> recorded;  // at most one of the two
        std::shared_ptr<FlagPoint> armed;
        const FencePoint* get() const noexcept;
        const FencePoint& required() const;  // throws Failure
    };
    Points points() const;
    void replace(Points points);
    // Replaces the points by what `make` returns, and by none if it throws.
    template <typename Make>
    void renew(Make make);

    Gpu& gpu_;
    mutable std::mutex mutex_;
    Points points_;
};

}  // namespace tio::gds::cuda

// The opaque handle of the C ABI is the fence itself.
struct tio_gds_fence : tio::gds::cuda::Fence {
    using Fence::Fence;
};
