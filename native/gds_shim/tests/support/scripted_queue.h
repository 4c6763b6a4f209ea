// Queues for the unit tests: over files and backends that the C ABI would not open.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <vector>

#include "queue.h"

namespace tio::gds::testing {

inline tio_gds_queue_options small_queue(uint32_t queue_depth) {
    tio_gds_queue_options options{};
    options.struct_size = sizeof(options);
    options.queue_depth = queue_depth;
    options.chunk_bytes = 4096;
    options.bounce_chunks = 2;
    return options;
}

class ScriptedQueue : public Queue {
  public:
    ScriptedQueue(uint32_t queue_depth, BackendFactory make) : Queue(small_queue(queue_depth), make) {}

    void send(const tio_gds_request& request) {
        uint32_t accepted = 0;
        ASSERT_EQ(TIO_OK, submit(&request, 1, accepted));
    }
    tio_gds_completion next() {
        tio_gds_completion completion{};
        uint32_t count = 0;
        EXPECT_EQ(TIO_OK, wait(&completion, 1, -1, &count));
        EXPECT_EQ(1u, count);
        return completion;
    }
    bool has_completion() {
        tio_gds_completion completion{};
        uint32_t count = 0;
        return wait(&completion, 1, 0, &count) == TIO_OK;
    }
};

inline tio_gds_request scripted_request(uint32_t op, tio_gds_file& file, void* memory, uint64_t length,
                                        uint64_t token, int32_t priority = 0) {
    tio_gds_request request{};
    request.struct_size = sizeof(request);
    request.op = op;
    request.buffer_index = TIO_NO_BUFFER;
    request.file = &file;
    request.memory = memory;
    request.length = length;
    request.token = token;
    request.priority = priority;
    return request;
}

}  // namespace tio::gds::testing
