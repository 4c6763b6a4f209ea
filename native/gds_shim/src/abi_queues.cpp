// The C ABI: backends, queues and their statistics.
#include <string>

#include "arguments.h"
#include "queue.h"
#include "struct_size.h"

using namespace tio::gds;

tio_status tio_gds_available_backends(uint32_t* mask, char* why, size_t why_capacity) {
    return guarded("tio_gds_available_backends", [&] {
        require_argument(mask, "mask");
        std::string reasons;
        *mask = available_backends(reasons);
        copy_text(reasons, why, why_capacity);
        return TIO_OK;
    });
}

tio_status tio_gds_queue_create(const tio_gds_queue_options* options, tio_gds_queue** queue) {
    return guarded("tio_gds_queue_create", [&] {
        require_argument(options, "options");
        require_argument(queue, "queue");
        *queue = nullptr;
        require_struct_size(*options, "tio_gds_queue_options");
        *queue = new tio_gds_queue(*options);
        return TIO_OK;
    });
}

tio_status tio_gds_queue_destroy(tio_gds_queue* queue) {
    return guarded("tio_gds_queue_destroy", [&] {
        delete queue;
        return TIO_OK;
    });
}

tio_status tio_gds_queue_backend(const tio_gds_queue* queue, uint32_t* backend) {
    return guarded("tio_gds_queue_backend", [&] {
        require_argument(queue, "queue");
        require_argument(backend, "backend");
        *backend = queue->backend_kind();
        return TIO_OK;
    });
}

tio_status tio_gds_get_statistics(const tio_gds_queue* queue, tio_gds_statistics* statistics) {
    return guarded("tio_gds_get_statistics", [&] {
        require_argument(queue, "queue");
        copy_out(queue->statistics(), statistics, "tio_gds_statistics");
        return TIO_OK;
    });
}
