#include "cuda/staged_backend.h"

#include <cstring>
#include <future>
#include <utility>

#include "cuda/context_thread.h"
#include "failure.h"
#include "uring_backend.h"
#include "uring_entries.h"

namespace tio::gds::cuda {

namespace {

DevicePointer device_pointer(const Chunk& chunk) {
    return reinterpret_cast<DevicePointer>(chunk.memory);
}

bool cancel_wanted(const Chunk& chunk) {
    return chunk.request->cancel_wanted.load(std::memory_order_relaxed);
}

}  // namespace

StagedBackend::StagedBackend(Scheduler& scheduler, uint32_t queue_depth, int device, uint64_t pinned_bytes)
    : RingBackend(scheduler), context_(Driver::shared(), device) {
    const CurrentContext current(context_);
    try {
        make_resources(queue_depth, pinned_bytes != 0 ? pinned_bytes : default_pinned_bytes);
        start_thread();
    } catch (...) {
        // Here, and not in the members' destructors: unpinning needs the context.
        release_resources();
        throw;
    }
}

StagedBackend::~StagedBackend() {
    shut_down();
    try {
        const CurrentContext current(context_);
        release_resources();
    } catch (const Failure&) {
        // A lost device: what is left goes with the members, as far as the driver still takes it.
    }
}

void StagedBackend::make_resources(uint32_t queue_depth, uint64_t pinned_bytes) {
    pinned_ =
        std::make_unique<PinnedRing>(context_.driver(), pinned_bytes, scheduler_.chunk_bytes(), queue_depth);
    const uint32_t slots = pinned_->slots();
    to_device_ = std::make_unique<CopyLane>(context_, slots, wake_descriptor_);
    to_host_ = std::make_unique<CopyLane>(context_, slots, wake_descriptor_);
    slots_.resize(slots);
    for (auto* list : {&free_slots_, &taken_, &to_submit_, &ended_}) list->reserve(slots);
    copies_.reserve(2 * size_t{slots});
    for (SlotIndex i = slots; i > 0; --i) free_slots_.push_back(i - 1);
}

void StagedBackend::release_resources() noexcept {
    to_host_.reset();
    to_device_.reset();
    pinned_.reset();
}

void StagedBackend::probe() {
    if (Driver::shared().device_count() == 0)
        throw Failure(TIO_E_UNSUPPORTED, "the CUDA driver sees no device");
    UringBackend::probe();
}

void StagedBackend::start_thread() {
    std::promise<int> opened;
    std::future<int> refusal = opened.get_future();
    thread_ = thread_in_context(context_, [this, opened = std::move(opened)]() mutable {
        UringRing ring;
        const int sys_errno = ring.open(entries_for(static_cast<uint32_t>(slots_.size())));
        opened.set_value(sys_errno);
        if (sys_errno == 0) run(ring);
    });
    const int sys_errno = refusal.get();
    if (sys_errno == 0) return;
    thread_.join();
    throw Failure(TIO_E_UNSUPPORTED, describe_uring_refusal(sys_errno));
}

void StagedBackend::run(UringRing& ring) noexcept {
    // A refusal costs page look-ups per transfer and nothing else.
    if (pinned_->slot_bytes() <= most_buffer_bytes &&
        ring.set_buffer(1, 0, pinned_->base(), pinned_->slot_bytes()) == 0)
        fixed_buffer_ = 0;
    Lock lock = scheduler_.lock();
    for (;;) {
        sleeping_ = false;
        const bool announce = finish_ended(lock, ended_.empty() ? 0 : monotonic_ns());
        take_chunks(lock);
        const bool scan = std::exchange(cancel_scan_wanted_, false);
        const bool over = is_over(lock);
        sleeping_ = true;
        lock.unlock();

        if (announce) scheduler_.announce_completions();
        if (over) return;
        begin_taken();
        submit_transfers(ring);
        if (scan) prepare_cancellations(ring);
        arm_wake_poll(ring);
        // A copy that was refused at once has ended without an event of any kind: do not sleep over it.
        if (!ended_.empty()) wake_descriptor_.signal();
        ring.submit_and_wait();
        ring.reap([this](uint64_t user_data, int32_t result) { handle_completion(user_data, result); });
        collect_copies();

        lock.lock();
    }
}

bool StagedBackend::finish_ended(const Lock& lock, uint64_t now_ns) noexcept {
    bool announce = false;
    for (const SlotIndex index : ended_) {
        Slot& slot = slots_[index];
        slot.phase = Phase::idle;
        slot.chunk.bounce = nullptr;  // the slot is not the scheduler's
        if (scheduler_.finish(lock, slot.chunk, slot.outcome, now_ns)) announce = true;
        free_slots_.push_back(index);
    }
    ended_.clear();
    return announce;
}

void StagedBackend::take_chunks(const Lock& lock) noexcept {
    while (!free_slots_.empty()) {
        const SlotIndex index = free_slots_.back();
        Slot& slot = slots_[index];
        if (!scheduler_.take(lock, slot.chunk)) return;
        free_slots_.pop_back();
        slot.chunk.bounce = pinned_->slot(index);
        slot.outcome = Outcome{};
        slot.cancel_sent = false;
        taken_.push_back(index);
    }
}

void StagedBackend::begin_taken() noexcept {
    for (const SlotIndex index : taken_) {
        if (slots_[index].chunk.is_write())
            copy_out(index);
        else
            to_submit_.push_back(index);
    }
    taken_.clear();
}

void StagedBackend::submit_transfers(UringRing& ring) noexcept {
    for (const SlotIndex index : to_submit_) {
        slots_[index].phase = Phase::transferring;
        prepare_transfer(ring.next_entry(), slots_[index].chunk, fixed_buffer_, index);
    }
    to_submit_.clear();
}

// Copies cannot be called back and are short; what is asked to stop is the file's side.
void StagedBackend::prepare_cancellations(UringRing& ring) noexcept {
    for (SlotIndex index = 0; index < slots_.size(); ++index) {
        Slot& slot = slots_[index];
        if (slot.phase != Phase::transferring || slot.cancel_sent || !cancel_wanted(slot.chunk)) continue;
        slot.cancel_sent = true;
        prepare_cancellation(ring.next_entry(), index);
    }
}

void StagedBackend::handle_completion(uint64_t user_data, int32_t result) noexcept {
    const auto index = static_cast<SlotIndex>(user_data & ~tag_mask);
    switch (user_data & tag_mask) {
        case transfer_tag:
            if (advance(slots_[index].chunk, result, slots_[index].outcome) == NextStep::resubmit)
                to_submit_.push_back(index);
            else
                transferred(index);
            break;
        case wake_tag:
            wake_poll_answered();
            break;
        default:
            // The result of a cancellation says nothing that the chunk's own completion does not.
            break;
    }
}

void StagedBackend::collect_copies() noexcept {
    to_host_->collect(copies_);
    for (const CopyLane::Ended& copy : copies_) copied_out(copy.slot, copy.result);
    copies_.clear();
    to_device_->collect(copies_);
    for (const CopyLane::Ended& copy : copies_) copied_in(copy.slot, copy.result);
    copies_.clear();
}

void StagedBackend::copy_out(SlotIndex index) noexcept {
    Slot& slot = slots_[index];
    slot.phase = Phase::copying;
    const Result result =
        to_host_->to_host(index, slot.chunk.bounce, device_pointer(slot.chunk), slot.chunk.payload_bytes);
    if (result != success) fail_copy(index, result);
}

void StagedBackend::copied_out(SlotIndex index, Result result) noexcept {
    const Chunk& chunk = slots_[index].chunk;
    if (result != success) return fail_copy(index, result);
    if (cancel_wanted(chunk)) return end(index, Outcome{TIO_E_CANCELED, 0});
    std::memset(chunk.bounce + chunk.payload_bytes, 0, chunk.io_bytes - chunk.payload_bytes);
    to_submit_.push_back(index);
}

void StagedBackend::transferred(SlotIndex index) noexcept {
    Slot& slot = slots_[index];
    const bool arrived = slot.outcome.status == TIO_OK || slot.outcome.status == TIO_E_SHORT;
    const uint32_t bytes = slot.chunk.done_payload_bytes();
    if (slot.chunk.is_write() || !arrived || bytes == 0) return end(index, slot.outcome);
    slot.phase = Phase::copying;
    const Result result = to_device_->to_device(index, device_pointer(slot.chunk), slot.chunk.bounce, bytes);
    if (result != success) fail_copy(index, result);
}

void StagedBackend::copied_in(SlotIndex index, Result result) noexcept {
    if (result != success) return fail_copy(index, result);
    end(index, slots_[index].outcome);
}

void StagedBackend::end(SlotIndex index, Outcome outcome) noexcept {
    Slot& slot = slots_[index];
    // What came as far as the slot only has not been transferred.
    if (outcome.status != TIO_OK && outcome.status != TIO_E_SHORT && !slot.chunk.is_write())
        slot.chunk.reached_bytes = 0;
    slot.outcome = outcome;
    ended_.push_back(index);
}

void StagedBackend::fail_copy(SlotIndex index, Result result) noexcept {
    end(index, Outcome{TIO_E_DEVICE, result});
}

}  // namespace tio::gds::cuda
