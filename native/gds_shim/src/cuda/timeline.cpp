#include "cuda/timeline.h"

#include <utility>

namespace tio::gds::cuda {

namespace {

// The driver tells times as floats of milliseconds: over a second they are exact to less than 0.1 us, over
// minutes no longer to a kernel's duration.
constexpr double longest_exact_ms = 1000;

}  // namespace

uint64_t Timeline::mark(Stream stream) {
    const CurrentContext current(gpu_.context_);
    const std::lock_guard<std::mutex> lock(mutex_);
    if (marks_ == events_.size()) events_.emplace_back(gpu_.driver_, OwnedEvent::Time::taken);
    gpu_.driver_.check(gpu_.driver_.event_record(events_[marks_].get(), stream), "cuEventRecord");
    return marks_++;
}

bool Timeline::collect(std::span<double> seconds, uint64_t* count) {
    const std::lock_guard<std::mutex> lock(mutex_);
    *count = marks_;
    if (seconds.size() < marks_) return false;
    const size_t marks = std::exchange(marks_, 0);
    if (marks == 0) return true;
    const CurrentContext current(gpu_.context_);
    // One sleep for all of the last one's stream; its events have then come to pass.
    wait_for(events_[marks - 1].get());
    wait_for(events_[0].get());
    Event anchor = events_[0].get();
    double anchor_ms = 0;
    for (size_t i = 0; i < marks; ++i) {
        const Event event = events_[i].get();
        const double since_anchor_ms = i == 0 ? 0 : milliseconds_between(anchor, event);
        seconds[i] = (anchor_ms + since_anchor_ms) / 1000;
        if (since_anchor_ms > longest_exact_ms) {
            anchor = event;
            anchor_ms += since_anchor_ms;
        }
    }
    return true;
}

void Timeline::wait_for(Event event) const {
    gpu_.driver_.check(gpu_.driver_.event_synchronize(event), "cuEventSynchronize");
}

double Timeline::milliseconds_between(Event start, Event end) const {
    float milliseconds = 0;
    Result result = gpu_.driver_.event_elapsed_time(&milliseconds, start, end);
    if (result == error_not_ready) {  // in another stream than the last one
        wait_for(end);
        result = gpu_.driver_.event_elapsed_time(&milliseconds, start, end);
    }
    gpu_.driver_.check(result, "cuEventElapsedTime");
    return static_cast<double>(milliseconds);
}

}  // namespace tio::gds::cuda
