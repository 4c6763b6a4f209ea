#include "thread_backend.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "file_size_signal.h"

namespace tio::gds {

TransferCalls kernel_transfer_calls() noexcept {
    return {&::pread, &::pwrite};
}

ThreadBackend::ThreadBackend(Scheduler& scheduler, uint32_t queue_depth, TransferCalls calls)
    : scheduler_(scheduler), calls_(calls) {
    const uint32_t count = std::min(queue_depth, most_workers);
    workers_.reserve(count);
    try {
        for (uint32_t i = 0; i < count; ++i) workers_.emplace_back([this] { work(); });
    } catch (...) {
        shut_down();
        throw;
    }
}

ThreadBackend::~ThreadBackend() {
    shut_down();
}

bool ThreadBackend::supports_memory(uint32_t memory_kind) const noexcept {
    return memory_kind == TIO_MEMORY_HOST || memory_kind == TIO_MEMORY_HOST_PINNED;
}

bool ThreadBackend::needs_wake(const Lock&) noexcept {
    return idle_workers_ > 0;
}

void ThreadBackend::work() noexcept {
    block_all_signals();
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
            const Outcome outcome = transfer(chunk);
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

Outcome ThreadBackend::transfer(Chunk& chunk) const noexcept {
    chunk.fill_bounce();
    Outcome outcome;
    NextStep next;
    do {
        const auto offset = static_cast<off_t>(chunk.transfer_offset());
        const ssize_t result =
            chunk.is_write()
                ? calls_.write(chunk.fd(), chunk.transfer_memory(), chunk.transfer_bytes(), offset)
                : calls_.read(chunk.fd(), chunk.transfer_memory(), chunk.transfer_bytes(), offset);
        next = advance(chunk, result >= 0 ? result : -errno, outcome);
    } while (next == NextStep::resubmit);
    chunk.drain_bounce();
    return outcome;
}

void ThreadBackend::shut_down() noexcept {
    {
        const Lock lock = scheduler_.lock();
        stopping_ = true;
    }
    work_there_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
}

}  // namespace tio::gds
