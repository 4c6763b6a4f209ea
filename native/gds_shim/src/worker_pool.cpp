#include "worker_pool.h"

#include <pthread.h>

#include <utility>

#include "file_size_signal.h"

namespace tio::gds {

WorkerPool::WorkerPool(Scheduler& scheduler, uint32_t workers, Transfer transfer)
    : scheduler_(scheduler), transfer_(std::move(transfer)) {
    workers_.reserve(workers);
    try {
        for (uint32_t i = 0; i < workers; ++i) workers_.emplace_back([this] { work(); });
    } catch (...) {
        shut_down();
        throw;
    }
}

WorkerPool::~WorkerPool() {
    shut_down();
}

void WorkerPool::work() noexcept {
    block_all_signals();
    pthread_setname_np(pthread_self(), "TeraIO transfer");  // TransferThreads.cs counts by name
    Chunk chunk;
    bool announce = false;
    Lock lock = scheduler_.lock();
    for (;;) {
        const bool took = scheduler_.take(lock, chunk);
        if (announce) {
            announce = false;
            lock.unlock();
            scheduler_.announce_completions();
            lock.lock();
            // While the lock was away, work may have come that saw no idle worker and woke none.
            if (!took) continue;
        }
        if (took) {
            const bool others_needed = idle_workers_ > 0 && scheduler_.has_queued(lock);
            lock.unlock();
            if (others_needed) work_there_.notify_one();
            const Outcome outcome = transfer_(chunk);
            const uint64_t now_ns = monotonic_ns();
            lock.lock();
            announce = scheduler_.finish(lock, chunk, outcome, now_ns);
        } else if (stopping_) {
            return;
        } else {
            ++idle_workers_;
            work_there_.wait(lock);
            --idle_workers_;
        }
    }
}

void WorkerPool::shut_down() noexcept {
    {
        const Lock lock = scheduler_.lock();
        stopping_ = true;
    }
    work_there_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
}

}  // namespace tio::gds
