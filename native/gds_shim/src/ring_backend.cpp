#include "ring_backend.h"

#include "uring_entries.h"

namespace tio::gds {

bool RingBackend::needs_wake(const Lock&) noexcept {
    if (!sleeping_ || free_slots_.empty()) return false;
    sleeping_ = false;
    return true;
}

void RingBackend::stop_cancelled() noexcept {
    {
        const Lock lock = scheduler_.lock();
        cancel_scan_wanted_ = true;
    }
    wake();
}

void RingBackend::shut_down() noexcept {
    if (!thread_.joinable()) return;
    {
        const Lock lock = scheduler_.lock();
        stopping_ = true;
        cancel_scan_wanted_ = true;
    }
    wake();
    thread_.join();
}

void RingBackend::arm_wake_poll(UringRing& ring) noexcept {
    if (!wake_poll_armed_) prepare_wake_poll(ring.next_entry(), wake_descriptor_.fd());
    wake_poll_armed_ = true;
}

void RingBackend::wake_poll_answered() noexcept {
    wake_descriptor_.reset();
    wake_poll_armed_ = false;
}

}  // namespace tio::gds
