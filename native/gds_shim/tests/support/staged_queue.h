// What the tests of the staged backend share.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "abi_handles.h"
#include "memory.h"
#include "standin_cuda_session.h"
#include "standin_device_memory.h"
#include "temporary_file.h"

namespace tio::gds::testing {

inline constexpr uint32_t staged_chunk = 16384;

// A queue of `slots` chunks in flight.
inline tio_gds_queue_options staged_options(uint32_t slots) {
    auto options = queue_options(TIO_BACKEND_STAGED);
    options.chunk_bytes = staged_chunk;
    options.queue_depth = 64;
    options.pinned_bytes = uint64_t{slots} * staged_chunk;
    return options;
}

// The stand-in as the process's CUDA driver. Copies that a test holds are let go at its end.
class StagedTest : public ::testing::Test {
  protected:
    // Each test has a new stand-in, which knows nothing of the cuInit of the tests before it in this process;
    // the shared driver calls it only once.
    StagedTest() { EXPECT_EQ(cuda::success, cuda::Driver::shared().init(0)); }
    ~StagedTest() override { tio_standin_cuda_hold_copies(0); }

    StandinCudaSession session_;
    const TemporaryDirectory directory_;
};

}  // namespace tio::gds::testing
