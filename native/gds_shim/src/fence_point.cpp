#include "fence_point.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace tio::gds {

FencePoint::State FencePoint::state() const noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    return state_;
}

bool FencePoint::wait(int32_t timeout_ms) const {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto passed = [this] { return state_.passed; };
    if (timeout_ms >= 0) return changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), passed);
    changed_.wait(lock, passed);
    return true;
}

void FencePoint::pass(Outcome outcome) noexcept {
    state_ = {true, outcome};
    changed_.notify_all();
}

void KernelPoint::subscribe(const std::shared_ptr<KernelListener>& listener) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (std::find(listeners_.begin(), listeners_.end(), listener) == listeners_.end())
        listeners_.push_back(listener);
}

void KernelPoint::finished(Outcome outcome) noexcept {
    std::vector<std::shared_ptr<KernelListener>> listeners;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        pass(outcome);
        listeners.swap(listeners_);
    }
    for (const auto& listener : listeners) listener->passed(*this);
}

bool TransferPoint::promise() noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (unpromised_ == 0) return false;
    --unpromised_;
    return true;
}

void TransferPoint::signal(Outcome outcome) noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    count_down(1, outcome);
}

void TransferPoint::abandon() noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    count_down(std::exchange(unpromised_, 0), Outcome{TIO_E_CANCELED, 0});
}

void TransferPoint::count_down(uint32_t signals, Outcome outcome) noexcept {
    if (signals == 0) return;
    if (first_failure_.status == TIO_OK) first_failure_ = outcome;
    outstanding_ -= signals;
    if (outstanding_ != 0) return;
    open();
    pass(first_failure_);
}

}  // namespace tio::gds
