// Streams and events of CUDA that end with their owner.
#pragma once

#include <utility>

#include "cuda/driver.h"

namespace tio::gds::cuda {

// The context of the stream or event must be current where it is made; ending it needs none.
class OwnedStream {
  public:
    // Never waits for, nor holds up, the legacy default stream: what must be ordered is ordered by events.
    explicit OwnedStream(const Driver& driver) : driver_(driver) {
        driver.check(driver.stream_create(&stream_, stream_non_blocking), "cuStreamCreate");
    }
    ~OwnedStream() { driver_.stream_destroy(stream_); }
    OwnedStream(const OwnedStream&) = delete;
    OwnedStream& operator=(const OwnedStream&) = delete;
    Stream get() const noexcept { return stream_; }

  private:
    const Driver& driver_;
    Stream stream_ = nullptr;
};

// Waiting for it sleeps in the kernel instead of spinning.
class OwnedEvent {
  public:
    // Events that take the time cost the device more; most are for order alone.
    enum class Time { none, taken };

    explicit OwnedEvent(const Driver& driver, Time time = Time::none) : driver_(&driver) {
        const unsigned timing = time == Time::none ? event_disable_timing : 0;
        driver.check(driver.event_create(&event_, event_blocking_sync | timing), "cuEventCreate");
    }
    ~OwnedEvent() {
        if (event_ != nullptr) driver_->event_destroy(event_);
    }
    OwnedEvent(OwnedEvent&& other) noexcept
        : driver_(other.driver_), event_(std::exchange(other.event_, nullptr)) {}
    OwnedEvent& operator=(OwnedEvent&&) = delete;
    Event get() const noexcept { return event_; }

  private:
    const Driver* driver_;
    Event event_ = nullptr;
};

}  // namespace tio::gds::cuda
