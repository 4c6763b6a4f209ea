// Threads that each carry one chunk at a time from take to finish.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "scheduler.h"

namespace tio::gds {

// A worker that takes a chunk and sees more queued wakes one other: submit pays for one wake-up, and no more
// workers run than there is work.
class WorkerPool {
  public:
    // Moves a chunk to its end; called without the lock, on any of the threads. Must not throw.
    using Transfer = std::function<Outcome(Chunk& chunk)>;

    WorkerPool(Scheduler& scheduler, uint32_t workers, Transfer transfer);
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    bool needs_wake(const Lock&) const noexcept { return idle_workers_ > 0; }
    void wake() noexcept { work_there_.notify_one(); }
    // After Scheduler::close: returns when no chunk is in flight and every thread has ended.
    void shut_down() noexcept;

  private:
    void work() noexcept;

    Scheduler& scheduler_;
    const Transfer transfer_;
    std::condition_variable work_there_;
    uint32_t idle_workers_ = 0;  // guarded by the scheduler's mutex, like stopping_
    bool stopping_ = false;
    std::vector<std::thread> workers_;
};

}  // namespace tio::gds
