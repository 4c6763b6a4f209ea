#include "cuda/copy_lane.h"

namespace tio::gds::cuda {

namespace {

std::vector<OwnedEvent> make_events(const Driver& driver, uint32_t count) {
    std::vector<OwnedEvent> events;
    events.reserve(count);
    for (uint32_t i = 0; i < count; ++i) events.emplace_back(driver);
    return events;
}

}  // namespace

CopyLane::CopyLane(const PrimaryContext& context, uint32_t slots, const WakeDescriptor& wake)
    : driver_(context.driver()),
      wake_(wake),
      stream_(driver_),
      events_(make_events(driver_, slots)),
      watch_(context, [this](uint32_t slot) { tell_end(slot); }) {
    ended_.reserve(slots);
}

Result CopyLane::to_device(uint32_t slot, DevicePointer destination, const void* source,
                           size_t bytes) noexcept {
    return follow(slot, driver_.copy_to_device(destination, source, bytes, stream_.get()));
}

Result CopyLane::to_host(uint32_t slot, void* destination, DevicePointer source, size_t bytes) noexcept {
    return follow(slot, driver_.copy_to_host(destination, source, bytes, stream_.get()));
}

Result CopyLane::follow(uint32_t slot, Result enqueued) noexcept {
    if (enqueued != success) return enqueued;
    const Result recorded = driver_.event_record(events_[slot].get(), stream_.get());
    if (recorded != success) {
        // The copy is on its way and nothing will tell its end: the slot may not be used again before.
        driver_.stream_synchronize(stream_.get());
        return recorded;
    }
    watch_.follow(slot);
    return success;
}

void CopyLane::collect(std::vector<Ended>& ended) {
    const std::lock_guard<std::mutex> lock(mutex_);
    ended.insert(ended.end(), ended_.begin(), ended_.end());
    ended_.clear();
}

Result CopyLane::end_of(uint32_t slot) noexcept {
    const Result waited = driver_.event_synchronize(events_[slot].get());
    // Whatever the reason, the copy must be over when the slot is given back; where this fails as well, the
    // context is lost and nothing runs in it any more.
    if (waited != success) driver_.stream_synchronize(stream_.get());
    return waited;
}

void CopyLane::tell_end(uint32_t slot) noexcept {
    const Result result = end_of(slot);
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_.push_back({slot, result});
    wake_.signal();
}

}  // namespace tio::gds::cuda
