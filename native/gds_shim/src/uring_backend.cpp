#include "uring_backend.h"

#include <cerrno>
#include <future>
#include <utility>

#include "failure.h"
#include "file_size_signal.h"
#include "uring_entries.h"

namespace tio::gds {

namespace {

// The bounce pool takes the fixed buffer after the callers'.
constexpr uint32_t bounce_buffer = most_buffers;
constexpr uint32_t fixed_buffers = most_buffers + 1;

}  // namespace

UringBackend::UringBackend(Scheduler& scheduler, uint32_t queue_depth)
    : RingBackend(scheduler), slots_(queue_depth) {
    free_slots_.reserve(queue_depth);
    to_submit_.reserve(queue_depth);
    finished_.reserve(queue_depth);
    for (SlotIndex i = queue_depth; i > 0; --i) free_slots_.push_back(i - 1);

    std::promise<int> opened;
    std::future<int> sys_errno = opened.get_future();
    thread_ = std::thread([this, queue_depth, opened = std::move(opened)]() mutable {
        block_all_signals();
        UringRing ring;
        const int refusal = ring.open(entries_for(queue_depth));
        opened.set_value(refusal);
        if (refusal == 0) run(ring);
    });
    const int refusal = sys_errno.get();
    if (refusal == 0) return;
    thread_.join();
    throw Failure(TIO_E_UNSUPPORTED, describe_uring_refusal(refusal));
}

UringBackend::~UringBackend() {
    shut_down();
}

void UringBackend::probe() {
    UringRing ring;
    const int refusal = ring.open(1);
    if (refusal != 0) throw Failure(TIO_E_UNSUPPORTED, describe_uring_refusal(refusal));
}

bool UringBackend::supports_memory(uint32_t memory_kind) const noexcept {
    return memory_kind == TIO_MEMORY_HOST || memory_kind == TIO_MEMORY_HOST_PINNED;
}

void UringBackend::register_buffer(uint32_t index, std::byte* base, size_t length) {
    BufferChange change{index, base, length};
    const int sys_errno = change_buffer(change);
    const std::string what = "registering " + std::to_string(length) + " bytes with io_uring";
    switch (sys_errno) {
        case 0:
            return;
        case ENOMEM:
            throw Failure(TIO_E_NOMEM,
                          what +
                              ": the locked-memory limit is reached; raise it with 'ulimit -l' or "
                              "LimitMEMLOCK=, or go without registration");
        case EFAULT:
            throw Failure(TIO_E_INVALID, what + ": the range is not mapped, or not readable and writable");
        case EOPNOTSUPP:
            throw Failure(TIO_E_UNSUPPORTED, what + ": the memory is a file mapping, which cannot be pinned");
        default:
            throw Failure::from_errno(what, sys_errno);
    }
}

void UringBackend::unregister_buffer(uint32_t index) {
    BufferChange change{index, nullptr, 0};
    change_buffer(change);
}

int UringBackend::change_buffer(BufferChange& change) {
    Lock lock = scheduler_.lock();
    buffer_changes_.push_back(&change);
    wake();
    buffer_changed_.wait(lock, [&change] { return change.done; });
    return change.sys_errno;
}

void UringBackend::run(UringRing& ring) noexcept {
    Lock lock = scheduler_.lock();
    for (;;) {
        sleeping_ = false;
        const bool announce = finish_reaped(lock, finished_.empty() ? 0 : monotonic_ns());
        change_buffers(ring, lock);
        take_chunks(lock);
        const bool scan = std::exchange(cancel_scan_wanted_, false);
        const bool over = is_over(lock);
        sleeping_ = true;
        lock.unlock();

        if (announce) scheduler_.announce_completions();
        if (over) return;
        for (const SlotIndex index : to_submit_) {
            slots_[index].chunk.fill_bounce();
            prepare_chunk(ring, index);
        }
        to_submit_.clear();
        if (scan) prepare_cancellations(ring);
        arm_wake_poll(ring);
        ring.submit_and_wait();
        ring.reap([this](uint64_t user_data, int32_t result) { handle_completion(user_data, result); });

        lock.lock();
    }
}

bool UringBackend::finish_reaped(const Lock& lock, uint64_t now_ns) noexcept {
    bool announce = false;
    for (const SlotIndex index : finished_) {
        Slot& slot = slots_[index];
        slot.busy = false;
        if (scheduler_.finish(lock, slot.chunk, slot.outcome, now_ns)) announce = true;
        free_slots_.push_back(index);
    }
    finished_.clear();
    return announce;
}

void UringBackend::take_chunks(const Lock& lock) noexcept {
    while (!free_slots_.empty()) {
        const SlotIndex index = free_slots_.back();
        Slot& slot = slots_[index];
        if (!scheduler_.take(lock, slot.chunk)) return;
        slot.busy = true;
        slot.cancel_sent = false;
        free_slots_.pop_back();
        to_submit_.push_back(index);
    }
}

// Pinning pages takes long, so the lock is released around it; the list is walked from the back because
// others may append meanwhile.
void UringBackend::change_buffers(UringRing& ring, Lock& lock) noexcept {
    while (!buffer_changes_.empty()) {
        BufferChange& change = *buffer_changes_.back();
        buffer_changes_.pop_back();
        lock.unlock();
        int sys_errno = 0;
        if (change.base != nullptr)
            sys_errno = ring.set_buffer(fixed_buffers, change.index, change.base, change.length);
        else
            ring.clear_buffer(change.index);
        lock.lock();
        change.sys_errno = sys_errno;
        change.done = true;
        buffer_changed_.notify_all();
    }
}

uint32_t UringBackend::fixed_buffer_of(UringRing& ring, const Chunk& chunk) noexcept {
    if (chunk.bounce == nullptr) return chunk.request->buffer_index;
    if (bounce_registration_ == BounceRegistration::untried) {
        // Not before the first bounce: registration pins the whole pool, and most queues never bounce.
        const BouncePool& pool = scheduler_.bounce_pool();
        const bool done = pool.size() <= most_buffer_bytes &&
                          ring.set_buffer(fixed_buffers, bounce_buffer, pool.base(), pool.size()) == 0;
        bounce_registration_ = done ? BounceRegistration::done : BounceRegistration::refused;
    }
    return bounce_registration_ == BounceRegistration::done ? bounce_buffer : TIO_NO_BUFFER;
}

void UringBackend::prepare_chunk(UringRing& ring, SlotIndex index) noexcept {
    const Chunk& chunk = slots_[index].chunk;
    const uint32_t buffer = fixed_buffer_of(ring, chunk);
    prepare_transfer(ring.next_entry(), chunk, buffer, index);
}

void UringBackend::prepare_cancellations(UringRing& ring) noexcept {
    for (SlotIndex index = 0; index < slots_.size(); ++index) {
        Slot& slot = slots_[index];
        if (!slot.busy || slot.cancel_sent) continue;
        if (!slot.chunk.request->cancel_wanted.load(std::memory_order_relaxed)) continue;
        slot.cancel_sent = true;
        prepare_cancellation(ring.next_entry(), index);
    }
}

void UringBackend::handle_completion(uint64_t user_data, int32_t result) noexcept {
    const auto index = static_cast<SlotIndex>(user_data & ~tag_mask);
    switch (user_data & tag_mask) {
        case transfer_tag: {
            Slot& slot = slots_[index];
            if (advance(slot.chunk, result, slot.outcome) == NextStep::resubmit) {
                to_submit_.push_back(index);
            } else {
                slot.chunk.drain_bounce();
                finished_.push_back(index);
            }
            break;
        }
        case wake_tag:
            wake_poll_answered();
            break;
        default:
            // The result of a cancellation says nothing that the chunk's own completion does not.
            break;
    }
}

}  // namespace tio::gds
