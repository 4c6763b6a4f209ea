// Pinning host memory that belongs to somebody else, over the stand-in of the CUDA driver.
#include <gtest/gtest.h>

#include "cuda/driver_abi.h"
#include "staged_queue.h"
#include "tio_gds.h"

using namespace tio::gds::testing;

namespace {

constexpr size_t bytes = size_t{1} << 20;

class PinnedMemory : public StagedTest {};

}  // namespace

TEST_F(PinnedMemory, IsPinnedUntilItIsUnpinned) {
    const AlignedMemory memory = aligned_memory(bytes);
    tio_gds_pin* pin = nullptr;
    ASSERT_EQ(TIO_OK, tio_gds_host_pin(memory.get(), bytes, &pin));
    EXPECT_EQ(bytes, session_.counts().pinned_bytes);
    EXPECT_EQ(1u, session_.counts().contexts_retained);

    EXPECT_EQ(TIO_OK, tio_gds_host_unpin(pin));

    EXPECT_EQ(0u, session_.counts().pinned_bytes);
    EXPECT_EQ(0u, session_.counts().contexts_retained);
}

TEST_F(PinnedMemory, ThatTheDriverRefusesLeavesNothingBehind) {
    const AlignedMemory memory = aligned_memory(bytes);
    tio_gds_pin* pin = nullptr;
    tio_standin_cuda_fail_call("cuMemHostRegister", 1, tio::gds::cuda::error_out_of_memory);

    EXPECT_EQ(TIO_E_NOMEM, tio_gds_host_pin(memory.get(), bytes, &pin));

    EXPECT_EQ(nullptr, pin);
    EXPECT_NE(std::string::npos, last_error_text().find("cuMemHostRegister")) << last_error_text();
}

TEST_F(PinnedMemory, NeedsAnAddressALengthAndAPlaceForTheAnswer) {
    tio_gds_pin* pin = nullptr;
    EXPECT_EQ(TIO_E_INVALID, tio_gds_host_pin(nullptr, bytes, &pin));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_host_pin(&pin, 0, &pin));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_host_pin(&pin, bytes, nullptr));
    EXPECT_EQ(TIO_OK, tio_gds_host_unpin(nullptr));
}
