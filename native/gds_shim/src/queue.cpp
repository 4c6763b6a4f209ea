#include "queue.h"

#include <limits>
#include <new>
#include <string>

#include "cuda/fence.h"
#include "failure.h"

namespace tio::gds {

namespace {

constexpr uint32_t default_queue_depth = 32;
constexpr uint32_t default_chunk_bytes = 1u << 20;
constexpr uint32_t default_max_requests = 4096;
constexpr uint32_t default_bounce_chunks = 8;

constexpr uint32_t chunk_granularity = 4096;
constexpr uint32_t most_chunk_bytes = 1u << 30;
constexpr uint32_t most_queue_depth = 4096;
constexpr uint32_t most_requests = 1u << 20;
constexpr uint32_t most_bounce_chunks = 4096;

uint32_t or_default(uint32_t value, uint32_t fallback) {
    return value != 0 ? value : fallback;
}

uint32_t at_most(uint32_t value, uint32_t limit, const char* name) {
    if (value > limit)
        throw Failure(TIO_E_INVALID, std::string(name) + " is " + std::to_string(value) + ", at most " +
                                         std::to_string(limit));
    return value;
}

uint32_t queue_depth_of(const tio_gds_queue_options& options) {
    return at_most(or_default(options.queue_depth, default_queue_depth), most_queue_depth, "queue_depth");
}

SchedulerLimits limits_of(const tio_gds_queue_options& options) {
    if (options.reserved != 0) throw Failure(TIO_E_INVALID, "reserved is not 0");
    SchedulerLimits limits{};
    limits.chunk_bytes =
        at_most(or_default(options.chunk_bytes, default_chunk_bytes), most_chunk_bytes, "chunk_bytes");
    if (limits.chunk_bytes % chunk_granularity != 0)
        throw Failure(TIO_E_INVALID,
                      "chunk_bytes is " + std::to_string(limits.chunk_bytes) + ", not a multiple of 4096");
    limits.max_requests =
        at_most(or_default(options.max_requests, default_max_requests), most_requests, "max_requests");
    limits.bounce_chunks = at_most(or_default(options.bounce_chunks, default_bounce_chunks),
                                   most_bounce_chunks, "bounce_chunks");
    return limits;
}

}  // namespace

// What points know of the queue. It outlives the queue: a thread that watches kernels may be about to call.
class Queue::Listener final : public KernelListener {
  public:
    explicit Listener(Queue& queue) : queue_(&queue) {}
    void passed(const KernelPoint& point) noexcept override {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (queue_ != nullptr) queue_->release_held(point);
    }
    // Returns when no call is going on, and none comes any more.
    void detach() noexcept {
        const std::lock_guard<std::mutex> lock(mutex_);
        queue_ = nullptr;
    }

  private:
    std::mutex mutex_;
    Queue* queue_;
};

Queue::Queue(const tio_gds_queue_options& options)
    : scheduler_(limits_of(options)),
      backend_(make_backend(options, scheduler_, queue_depth_of(options))),
      listener_(std::make_shared<Listener>(*this)) {}

Queue::Queue(const tio_gds_queue_options& options, BackendFactory make)
    : scheduler_(limits_of(options)),
      backend_(make(scheduler_, queue_depth_of(options))),
      listener_(std::make_shared<Listener>(*this)) {}

Queue::~Queue() {
    listener_->detach();
    scheduler_.close();
    backend_->shut_down();
}

uint32_t Queue::register_buffer(void* base, size_t length, uint32_t memory_kind) {
    if (base == nullptr) throw Failure(TIO_E_INVALID, "base is NULL");
    if (length == 0 || length > most_buffer_bytes)
        throw Failure(TIO_E_INVALID, "length is " + std::to_string(length) + ", from 1 to " +
                                         std::to_string(most_buffer_bytes) +
                                         "; register larger memory in parts");
    if (!backend_->supports_memory(memory_kind))
        throw Failure(TIO_E_UNSUPPORTED,
                      "this backend does not take memory_kind " + std::to_string(memory_kind));
    auto* first = static_cast<std::byte*>(base);
    const uint32_t index = [&] {
        const Lock lock = scheduler_.lock();
        return scheduler_.buffers(lock).reserve(first, length);
    }();
    try {
        backend_->register_buffer(index, first, length);
    } catch (...) {
        const Lock lock = scheduler_.lock();
        scheduler_.buffers(lock).release(index);
        throw;
    }
    const Lock lock = scheduler_.lock();
    scheduler_.buffers(lock).publish(index);
    return index;
}

void Queue::unregister_buffer(uint32_t index) {
    {
        const Lock lock = scheduler_.lock();
        scheduler_.buffers(lock).retire(index);
    }
    backend_->unregister_buffer(index);
    const Lock lock = scheduler_.lock();
    scheduler_.buffers(lock).release(index);
}

const char* Queue::flaw_of(const tio_gds_request& request) const noexcept {
    constexpr auto end_of_offsets = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    if (request.op != TIO_OP_READ && request.op != TIO_OP_WRITE)
        return "op is neither TIO_OP_READ nor TIO_OP_WRITE";
    if (!backend_->supports_memory(request.memory_kind)) return "this backend does not take the memory_kind";
    if (request.file == nullptr) return "file is NULL";
    if (request.memory == nullptr) return "memory is NULL";
    if (request.length == 0) return "length is 0";
    if (request.reserved != 0) return "reserved is not 0";
    if (request.offset % request.file->offset_alignment() != 0)
        return "offset is not a multiple of the file's offset_alignment";
    if (request.offset % backend_->offset_granularity() != 0)
        return "offset is not a multiple of 4096, which this backend needs";
    if (scheduler_.chunk_bytes() % request.file->resume_alignment() != 0)
        return "the queue's chunk_bytes is not a multiple of the file's alignments";
    // A padded last block must not pass the largest offset either.
    if (request.offset > end_of_offsets - request.file->resume_alignment() ||
        request.length > end_of_offsets - request.file->resume_alignment() - request.offset)
        return "offset + length is beyond the largest file offset";
    return nullptr;
}

const char* Queue::find_fences(const tio_gds_request& request, RequestFences& fences) const {
    if (request.after != nullptr) {
        fences.after = request.after->recorded();
        if (fences.after == nullptr) return "after names a fence that is not recorded";
        fences.after->subscribe(listener_);
    }
    if (request.signals != nullptr) {
        fences.signals = request.signals->armed();
        if (fences.signals == nullptr) return "signals names a fence that is not armed";
    }
    return nullptr;
}

void Queue::release_held(const KernelPoint& point) noexcept {
    const bool wake = [&] {
        const Lock lock = scheduler_.lock();
        return scheduler_.release_held(lock, point) && backend_->needs_wake(lock);
    }();
    if (wake) backend_->wake();
}

tio_status Queue::submit(const tio_gds_request* requests, uint32_t count, uint32_t& accepted) {
    // A newer caller's structs may be larger: the first one's struct_size is the distance from each to the
    // next.
    const auto* next = reinterpret_cast<const std::byte*>(requests);
    const uint32_t stride = requests->struct_size;
    const char* flaw = nullptr;
    tio_status status = TIO_OK;
    bool wake = false;
    {
        const Lock lock = scheduler_.lock();
        const uint64_t now_ns = monotonic_ns();
        for (; status == TIO_OK && accepted < count; next += stride) {
            const auto& request = *reinterpret_cast<const tio_gds_request*>(next);
            if (stride < sizeof(tio_gds_request) || stride % alignof(tio_gds_request) != 0 ||
                request.struct_size != stride)
                flaw = "struct_size is wrong, or differs within the array";
            else
                flaw = flaw_of(request);
            RequestFences fences;
            try {
                if (flaw == nullptr) flaw = find_fences(request, fences);
                status = flaw != nullptr ? TIO_E_INVALID
                                         : scheduler_.accept(lock, request, now_ns, flaw, std::move(fences));
            } catch (const std::bad_alloc&) {
                status = TIO_E_NOMEM;  // what was accepted before is to be woken for all the same
            }
            if (status == TIO_OK) ++accepted;
        }
        // What is held is nothing to take yet: its point wakes the backend.
        wake = accepted > 0 && scheduler_.has_queued(lock) && backend_->needs_wake(lock);
    }
    if (wake) backend_->wake();
    if (status == TIO_E_INVALID)
        throw Failure(TIO_E_INVALID, "requests[" + std::to_string(accepted) + "]: " + flaw);
    if (status == TIO_E_NOMEM) throw std::bad_alloc();
    return status;
}

void Queue::cancel(uint64_t token) {
    const bool in_flight = [&] {
        const Lock lock = scheduler_.lock();
        return scheduler_.cancel(lock, token);
    }();
    if (in_flight) backend_->stop_cancelled();
}

}  // namespace tio::gds
