// What the backends over io_uring share: one thread owns the ring, and others wake it.
#pragma once

#include <thread>
#include <vector>

#include "backend.h"
#include "uring_ring.h"
#include "wake_descriptor.h"

namespace tio::gds {

// A submitter wakes the ring thread through an eventfd that the ring polls, and only if it sleeps and has a
// slot free: while the queue depth is used up, a completion wakes it soon enough. Derived classes start the
// thread, and shut it down in their destructors, while what it uses is still there.
class RingBackend : public Backend {
  public:
    bool needs_wake(const Lock& lock) noexcept final;
    void wake() noexcept final { wake_descriptor_.signal(); }
    void stop_cancelled() noexcept final;
    void shut_down() noexcept final;

  protected:
    using SlotIndex = uint32_t;

    explicit RingBackend(Scheduler& scheduler) : scheduler_(scheduler) {}

    // The ring thread's, before it sleeps and when the poll has answered.
    void arm_wake_poll(UringRing& ring) noexcept;
    void wake_poll_answered() noexcept;
    // Whether the ring thread is to end.
    bool is_over(const Lock& lock) const noexcept {
        return stopping_ && scheduler_.chunks_in_flight(lock) == 0;
    }

    Scheduler& scheduler_;
    const WakeDescriptor wake_descriptor_;

    // Guarded by the scheduler's mutex.
    bool sleeping_ = false;
    bool cancel_scan_wanted_ = false;
    bool stopping_ = false;
    std::vector<SlotIndex> free_slots_;

    std::thread thread_;

  private:
    bool wake_poll_armed_ = false;  // the ring thread's own
};

}  // namespace tio::gds
