#include "scheduler.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "failure.h"

namespace tio::gds {

uint64_t monotonic_ns() noexcept {
    return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                     std::chrono::steady_clock::now().time_since_epoch())
                                     .count());
}

Scheduler::Scheduler(const SchedulerLimits& limits)
    : chunk_bytes_(limits.chunk_bytes),
      max_requests_(limits.max_requests),
      requests_(std::make_unique<Request[]>(limits.max_requests)),
      queued_(requests_.get(), limits.max_requests),
      tokens_(requests_.get(), limits.max_requests),
      bounce_pool_(limits.bounce_chunks, limits.chunk_bytes) {
    held_.reserve(max_requests_);
    for (uint32_t i = 0; i < max_requests_; ++i)
        requests_[i].next = i + 1 < max_requests_ ? i + 1 : no_request;
}

RequestIndex Scheduler::index_of(const Request& request) const noexcept {
    return static_cast<RequestIndex>(&request - requests_.get());
}

tio_status Scheduler::accept(const Lock&, const tio_gds_request& submitted, uint64_t now_ns,
                             const char*& reason, RequestFences fences) noexcept {
    if (closed_) return TIO_E_CLOSED;
    if (free_head_ == no_request) return TIO_E_BUSY;
    auto* memory = static_cast<std::byte*>(submitted.memory);
    if (tokens_.find(submitted.token) != no_request) {
        reason = "token belongs to a request whose completion has not been collected yet";
        return TIO_E_INVALID;
    }
    if (submitted.buffer_index != TIO_NO_BUFFER &&
        !buffers_.covers(submitted.buffer_index, memory, submitted.length)) {
        reason = "buffer_index does not name a registered buffer that contains the memory range";
        return TIO_E_INVALID;
    }
    // Last of the checks: it is a duty that only a request which was accepted does.
    if (fences.signals != nullptr && !fences.signals->promise()) {
        reason = "signals names a fence that already has all the transfers that it was armed for";
        return TIO_E_INVALID;
    }
    if (submitted.buffer_index != TIO_NO_BUFFER) buffers_.request_began(submitted.buffer_index);
    submitted.file->request_began();

    const RequestIndex index = free_head_;
    Request& request = requests_[index];
    free_head_ = request.next;
    request.token = submitted.token;
    request.offset = submitted.offset;
    request.length = submitted.length;
    request.memory = memory;
    request.file = submitted.file;
    request.op = submitted.op;
    request.memory_kind = submitted.memory_kind;
    request.buffer_index = submitted.buffer_index;
    request.priority = submitted.priority;
    request.sequence = next_sequence_++;
    request.submitted_ns = now_ns;
    request.cancel_wanted.store(false, std::memory_order_relaxed);
    request.cut_bytes = 0;
    request.done_bytes = 0;
    request.chunks_in_flight = 0;
    request.status = TIO_OK;
    request.sys_errno = 0;
    request.completed = false;
    request.after = std::move(fences.after);
    request.signals = std::move(fences.signals);
    tokens_.insert(index);
    if (request.after == nullptr) {
        queued_.push(index);
        return TIO_OK;
    }
    request.position = static_cast<uint32_t>(held_.size());
    held_.push_back(index);
    const FencePoint::State state = request.after->state();
    if (state.passed) settle_held(index, state.outcome);
    return TIO_OK;
}

bool Scheduler::release_held(const Lock&, const KernelPoint& point) noexcept {
    const Outcome outcome = point.state().outcome;
    bool queued = false;
    // From the back: settling takes an element out and puts the last one in its place.
    for (size_t i = held_.size(); i > 0; --i)
        if (requests_[held_[i - 1]].after.get() == &point && settle_held(held_[i - 1], outcome))
            queued = true;
    return queued;
}

bool Scheduler::settle_held(RequestIndex index, Outcome outcome) noexcept {
    Request& request = requests_[index];
    if (outcome.status == TIO_OK) {
        unhold(request);
        queued_.push(index);
        return true;
    }
    fail(request, outcome);
    complete(index, monotonic_ns());
    announce_completions();
    return false;
}

void Scheduler::unhold(Request& request) noexcept {
    request.after.reset();
    const RequestIndex last = held_.back();
    held_[request.position] = last;
    requests_[last].position = request.position;
    held_.pop_back();
    request.position = no_request;
}

bool Scheduler::take(const Lock&, Chunk& chunk) noexcept {
    if (queued_.empty()) return false;
    const RequestIndex index = queued_.top();
    Request& request = requests_[index];
    const File& file = *request.file;

    const auto payload =
        static_cast<uint32_t>(std::min<uint64_t>(request.length - request.cut_bytes, chunk_bytes_));
    const uint32_t padded = (payload + file.offset_alignment() - 1) & ~(file.offset_alignment() - 1);
    std::byte* memory = request.memory + request.cut_bytes;
    const bool misaligned = (reinterpret_cast<uintptr_t>(memory) & (file.memory_alignment() - 1)) != 0;
    std::byte* bounce = nullptr;
    // Bounce chunks are for the CPU's copies; what is odd in device memory is its backend's affair.
    if (request.memory_kind != TIO_MEMORY_CUDA && (misaligned || padded != payload)) {
        bounce = bounce_pool_.rent();
        if (bounce == nullptr) return false;
        ++statistics_.bounced_chunks;
    }

    chunk = Chunk{};
    chunk.request_index = index;
    chunk.request = &request;
    chunk.memory = memory;
    chunk.bounce = bounce;
    chunk.offset = request.offset + request.cut_bytes;
    chunk.payload_bytes = payload;
    chunk.io_bytes = padded;

    request.cut_bytes += payload;
    ++request.chunks_in_flight;
    ++chunks_in_flight_;
    if (request.cut_bytes == request.length) queued_.remove(index);
    return true;
}

bool Scheduler::finish(const Lock&, const Chunk& chunk, Outcome outcome, uint64_t now_ns) noexcept {
    if (chunk.bounce != nullptr) bounce_pool_.give_back(chunk.bounce);
    statistics_.short_transfers += chunk.short_transfers;
    statistics_.retried_transfers += chunk.retried_transfers;
    Request& request = *chunk.request;
    request.done_bytes += chunk.done_payload_bytes();
    if (outcome.status != TIO_OK) fail(request, outcome);
    --chunks_in_flight_;
    if (--request.chunks_in_flight != 0 || request.cut_bytes != request.length) return false;
    complete(chunk.request_index, now_ns);
    return true;
}

// The first failure is the request's; chunks not handed out yet would only repeat it.
void Scheduler::fail(Request& request, Outcome outcome) noexcept {
    if (request.status == TIO_OK) {
        request.status = outcome.status;
        request.sys_errno = outcome.sys_errno;
    }
    drop_queued_chunks(request);
}

void Scheduler::drop_queued_chunks(Request& request) noexcept {
    if (request.cut_bytes == request.length) return;
    request.cut_bytes = request.length;
    if (request.after != nullptr)
        unhold(request);
    else
        queued_.remove(index_of(request));
}

void Scheduler::complete(RequestIndex index, uint64_t now_ns) noexcept {
    Request& request = requests_[index];
    request.completed = true;
    request.latency_ns = now_ns - request.submitted_ns;
    request.next = no_request;
    if (completed_tail_ == no_request)
        completed_head_ = index;
    else
        requests_[completed_tail_].next = index;
    completed_tail_ = index;
    count_completion(request);
    if (request.buffer_index != TIO_NO_BUFFER) buffers_.request_ended(request.buffer_index);
    request.file->request_ended();
    // The memory is not touched any more, whatever the outcome: who waits may go on, and is told of it.
    if (request.signals != nullptr) request.signals->signal({request.status, request.sys_errno});
    request.signals.reset();
}

void Scheduler::count_completion(const Request& request) noexcept {
    if (request.status == TIO_E_CANCELED) {
        ++statistics_.canceled_requests;
    } else if (request.status != TIO_OK) {
        ++statistics_.failed_requests;
    } else if (request.op == TIO_OP_READ) {
        ++statistics_.read_requests;
        statistics_.read_bytes += request.done_bytes;
        statistics_.read_nanoseconds += request.latency_ns;
    } else {
        ++statistics_.write_requests;
        statistics_.write_bytes += request.done_bytes;
        statistics_.write_nanoseconds += request.latency_ns;
    }
}

bool Scheduler::cancel(const Lock&, uint64_t token) noexcept {
    const RequestIndex index = tokens_.find(token);
    if (index == no_request || requests_[index].completed) return false;
    Request& request = requests_[index];
    request.cancel_wanted.store(true, std::memory_order_relaxed);
    if (request.cut_bytes != request.length) fail(request, Outcome{TIO_E_CANCELED, 0});
    if (request.chunks_in_flight != 0) return true;
    complete(index, monotonic_ns());
    announce_completions();
    return false;
}

tio_status Scheduler::wait(tio_gds_completion* completions, uint32_t capacity, int32_t timeout_ms,
                           uint32_t* count) {
    Lock lock(mutex_);
    if (closed_) return TIO_E_CLOSED;
    if (waiting_) throw Failure(TIO_E_INVALID, "another thread is waiting on this queue; one may at a time");
    const auto over = [this] { return closed_ || wake_pending_ || completed_head_ != no_request; };
    waiting_ = true;
    bool signalled = true;
    if (timeout_ms < 0)
        completion_there_.wait(lock, over);
    else
        signalled = completion_there_.wait_for(lock, std::chrono::milliseconds(timeout_ms), over);
    waiting_ = false;
    if (closed_) {
        waiter_left_.notify_all();
        return TIO_E_CLOSED;
    }
    if (!signalled) return TIO_E_TIMEOUT;
    wake_pending_ = false;
    *count = collect(completions, capacity);
    return TIO_OK;
}

uint32_t Scheduler::collect(tio_gds_completion* completions, uint32_t capacity) noexcept {
    uint32_t count = 0;
    while (count < capacity && completed_head_ != no_request) {
        const RequestIndex index = completed_head_;
        Request& request = requests_[index];
        completed_head_ = request.next;
        completions[count++] = tio_gds_completion{request.token, request.done_bytes, request.latency_ns,
                                                  request.status, request.sys_errno};
        tokens_.erase(index);
        request.next = free_head_;
        free_head_ = index;
    }
    if (completed_head_ == no_request) completed_tail_ = no_request;
    return count;
}

void Scheduler::wake() {
    {
        const Lock lock(mutex_);
        wake_pending_ = true;
    }
    completion_there_.notify_one();
}

tio_gds_statistics Scheduler::statistics() const {
    const Lock lock(mutex_);
    tio_gds_statistics result = statistics_;
    result.struct_size = sizeof(result);
    result.in_flight_chunks = chunks_in_flight_;
    result.queued_requests = queued_.size() + held_.size();
    return result;
}

void Scheduler::close() {
    Lock lock(mutex_);
    closed_ = true;
    const uint64_t now_ns = monotonic_ns();
    for (uint32_t i = 0; i < max_requests_; ++i) {
        Request& request = requests_[i];
        if (request.cut_bytes == request.length && request.chunks_in_flight == 0)
            continue;  // free or completed
        request.cancel_wanted.store(true, std::memory_order_relaxed);
        if (request.cut_bytes != request.length) fail(request, Outcome{TIO_E_CANCELED, 0});
        if (request.chunks_in_flight == 0) complete(i, now_ns);
    }
    completion_there_.notify_all();
    waiter_left_.wait(lock, [this] { return !waiting_; });
}

}  // namespace tio::gds
