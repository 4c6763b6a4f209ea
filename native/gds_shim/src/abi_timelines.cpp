// The C ABI: timelines.
#include <span>
#include <string>

#include "arguments.h"
#include "cuda/timeline.h"

using namespace tio::gds;
using cuda::Stream;

tio_status tio_gds_timeline_create(tio_gds_gpu* gpu, tio_gds_timeline** timeline) {
    return guarded("tio_gds_timeline_create", [&] {
        require_argument(gpu, "gpu");
        require_argument(timeline, "timeline");
        *timeline = nullptr;
        *timeline = new tio_gds_timeline(*gpu);
        return TIO_OK;
    });
}

tio_status tio_gds_timeline_destroy(tio_gds_timeline* timeline) {
    return guarded("tio_gds_timeline_destroy", [&] {
        delete timeline;
        return TIO_OK;
    });
}

tio_status tio_gds_timeline_mark(tio_gds_timeline* timeline, void* stream, uint64_t* index) {
    return guarded("tio_gds_timeline_mark", [&] {
        require_argument(timeline, "timeline");
        require_argument(index, "index");
        *index = timeline->mark(static_cast<Stream>(stream));
        return TIO_OK;
    });
}

tio_status tio_gds_timeline_collect(tio_gds_timeline* timeline, double* seconds, uint64_t capacity,
                                    uint64_t* count) {
    return guarded("tio_gds_timeline_collect", [&] {
        require_argument(count, "count");
        *count = 0;
        require_argument(timeline, "timeline");
        if (capacity != 0) require_argument(seconds, "seconds");
        if (!timeline->collect(std::span<double>(seconds, capacity), count))
            throw Failure(TIO_E_INVALID, "capacity is " + std::to_string(capacity) + ", but there are " +
                                             std::to_string(*count) + " marks");
        return TIO_OK;
    });
}
