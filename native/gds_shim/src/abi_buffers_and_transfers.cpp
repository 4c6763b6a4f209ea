// The C ABI: buffers and transfers.
#include "arguments.h"
#include "queue.h"

using namespace tio::gds;

tio_status tio_gds_buffer_register(tio_gds_queue* queue, void* base, size_t length, uint32_t memory_kind,
                                   uint32_t* index) {
    return guarded("tio_gds_buffer_register", [&] {
        require_argument(queue, "queue");
        require_argument(index, "index");
        *index = TIO_NO_BUFFER;
        *index = queue->register_buffer(base, length, memory_kind);
        return TIO_OK;
    });
}

tio_status tio_gds_buffer_unregister(tio_gds_queue* queue, uint32_t index) {
    return guarded("tio_gds_buffer_unregister", [&] {
        require_argument(queue, "queue");
        queue->unregister_buffer(index);
        return TIO_OK;
    });
}

tio_status tio_gds_submit(tio_gds_queue* queue, const tio_gds_request* requests, uint32_t count,
                          uint32_t* accepted) {
    return guarded("tio_gds_submit", [&]() -> tio_status {
        require_argument(accepted, "accepted");
        *accepted = 0;
        require_argument(queue, "queue");
        if (count == 0) return TIO_OK;
        require_argument(requests, "requests");
        return queue->submit(requests, count, *accepted);
    });
}

tio_status tio_gds_wait(tio_gds_queue* queue, tio_gds_completion* completions, uint32_t capacity,
                        int32_t timeout_ms, uint32_t* count) {
    return guarded("tio_gds_wait", [&]() -> tio_status {
        require_argument(count, "count");
        *count = 0;
        require_argument(queue, "queue");
        require_argument(completions, "completions");
        if (capacity == 0) throw Failure(TIO_E_INVALID, "capacity is 0");
        return queue->wait(completions, capacity, timeout_ms, count);
    });
}

tio_status tio_gds_wake(tio_gds_queue* queue) {
    return guarded("tio_gds_wake", [&] {
        require_argument(queue, "queue");
        queue->wake();
        return TIO_OK;
    });
}

tio_status tio_gds_cancel(tio_gds_queue* queue, uint64_t token) {
    return guarded("tio_gds_cancel", [&] {
        require_argument(queue, "queue");
        queue->cancel(token);
        return TIO_OK;
    });
}
