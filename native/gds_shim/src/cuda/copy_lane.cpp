#include "cuda/copy_lane.h"

#include <future>
#include <utility>

#include "file_size_signal.h"

namespace tio::gds::cuda {

CopyLane::CopyLane(const PrimaryContext& context, uint32_t slots, const WakeDescriptor& wake)
    : context_(context), driver_(context.driver()), wake_(wake), stream_(driver_) {
    events_.reserve(slots);
    for (uint32_t i = 0; i < slots; ++i) events_.emplace_back(driver_);
    ended_.reserve(slots);

    std::promise<Result> entered;
    std::future<Result> result = entered.get_future();
    thread_ = std::thread([this, entered = std::move(entered)]() mutable {
        block_all_signals();
        const Result current = driver_.context_set_current(context_.get());
        entered.set_value(current);
        if (current == success) watch();
    });
    const Result current = result.get();
    if (current == success) return;
    thread_.join();
    driver_.check(current, "cuCtxSetCurrent");
}

CopyLane::~CopyLane() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
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
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        copying_.push_back(slot);
    }
    changed_.notify_one();
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

void CopyLane::watch() noexcept {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || !copying_.empty(); });
        if (copying_.empty()) return;
        const uint32_t slot = copying_.front();
        copying_.pop_front();
        lock.unlock();
        const Result result = end_of(slot);
        lock.lock();
        ended_.push_back({slot, result});
        wake_.signal();
    }
}

}  // namespace tio::gds::cuda
