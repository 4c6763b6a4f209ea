// Times on a device, by events that take the time.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "cuda/gpu.h"
#include "cuda/handles.h"

namespace tio::gds::cuda {

// Thread-safe but for its destruction; methods throw Failure.
class Timeline {
  public:
    explicit Timeline(Gpu& gpu) : gpu_(gpu) { ++gpu_.timelines_; }
    ~Timeline() { --gpu_.timelines_; }
    Timeline(const Timeline&) = delete;
    Timeline& operator=(const Timeline&) = delete;

    // Behind what is in the stream now. Returns the number of the mark.
    uint64_t mark(Stream stream);
    // Fills in seconds since the first mark and begins anew; *count becomes the number of marks. false: there
    // is no room for them, and they stay.
    bool collect(std::span<double> seconds, uint64_t* count);

  private:
    void wait_for(Event event) const;
    // Waits where the device has not come to `end` yet.
    double milliseconds_between(Event start, Event end) const;

    Gpu& gpu_;
    std::mutex mutex_;
    std::vector<OwnedEvent> events_;  // the first marks_ of them are recorded; all are used again
    size_t marks_ = 0;
};

}  // namespace tio::gds::cuda

// The opaque handle of the C ABI is the timeline itself.
struct tio_gds_timeline : tio::gds::cuda::Timeline {
    using Timeline::Timeline;
};
