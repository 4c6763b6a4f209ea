// A thread that notices when the kernels before a point in a stream have finished.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "cuda/driver.h"
#include "cuda/handles.h"
#include "fence_point.h"

namespace tio::gds::cuda {

// An event that was recorded in a stream.
class RecordedPoint final : public KernelPoint {
  public:
    // The context must be current. Throws Failure.
    RecordedPoint(const Driver& driver, Stream stream) : event_(driver) {
        driver.check(driver.event_record(event_.get(), stream), "cuEventRecord");
    }
    Event event() const noexcept { return event_.get(); }

  private:
    OwnedEvent event_;
};

// One per stream: a stream's events come to pass in their order, so that waiting for the first holds up none
// of the others. With one thread for several streams it could hold up an event that the first stream's
// kernels depend on.
class StreamWatch {
  public:
    // Throws Failure.
    explicit StreamWatch(const PrimaryContext& context);
    // Returns when all that it follows has come to pass.
    ~StreamWatch();
    StreamWatch(const StreamWatch&) = delete;
    StreamWatch& operator=(const StreamWatch&) = delete;

    // In the order of the stream.
    void follow(std::shared_ptr<RecordedPoint> point);

  private:
    void watch() noexcept;

    const Driver& driver_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::shared_ptr<RecordedPoint>> points_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace tio::gds::cuda
