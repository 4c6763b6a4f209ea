// A thread that notices when the kernels before a point in a stream have finished.
#pragma once

#include <memory>
#include <utility>

#include "cuda/driver.h"
#include "cuda/handles.h"
#include "cuda/watch_thread.h"
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
// kernels depend on. Ends when all that it follows has come to pass.
class StreamWatch {
  public:
    // Throws Failure.
    explicit StreamWatch(const PrimaryContext& context);

    // In the order of the stream.
    void follow(std::shared_ptr<RecordedPoint> point) { thread_.follow(std::move(point)); }

  private:
    WatchThread<std::shared_ptr<RecordedPoint>> thread_;
};

}  // namespace tio::gds::cuda
