// Pinning host memory that belongs to somebody else, over the stand-in of the CUDA driver.
#include <gtest/gtest.h>

#include "abi_handles.h"
#include "cuda/driver_abi.h"
#include "memory.h"
#include "standin_cuda_session.h"
#include "tio_gds.h"

using namespace tio::gds::testing;

namespace {

constexpr size_t bytes = size_t{1} << 20;

}  // namespace

TEST(PinnedMemory, IsPinnedUntilItIsUnpinned) {
    const StandinCudaSession session;
    const AlignedMemory memory = aligned_memory(bytes);
    tio_gds_pin* pin = nullptr;
    ASSERT_EQ(TIO_OK, tio_gds_host_pin(memory.get(), bytes, &pin));
    EXPECT_EQ(bytes, StandinCudaSession::counts().pinned_bytes);
    EXPECT_EQ(1u, StandinCudaSession::counts().contexts_retained);

    EXPECT_EQ(TIO_OK, tio_gds_host_unpin(pin));

    EXPECT_EQ(0u, StandinCudaSession::counts().pinned_bytes);
    EXPECT_EQ(0u, StandinCudaSession::counts().contexts_retained);
}

TEST(PinnedMemory, ThatTheDriverRefusesLeavesNothingBehind) {
    const StandinCudaSession session;
    const AlignedMemory memory = aligned_memory(bytes);
    tio_gds_pin* pin = nullptr;
    tio_standin_cuda_fail_call("cuMemHostRegister", 1, tio::gds::cuda::error_out_of_memory);

    EXPECT_EQ(TIO_E_NOMEM, tio_gds_host_pin(memory.get(), bytes, &pin));

    EXPECT_EQ(nullptr, pin);
    EXPECT_NE(std::string::npos, last_error_text().find("cuMemHostRegister")) << last_error_text();
}

TEST(PinnedMemory, NeedsAnAddressALengthAndAPlaceForTheAnswer) {
    tio_gds_pin* pin = nullptr;
    EXPECT_EQ(TIO_E_INVALID, tio_gds_host_pin(nullptr, bytes, &pin));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_host_pin(&pin, 0, &pin));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_host_pin(&pin, bytes, nullptr));
    EXPECT_EQ(TIO_OK, tio_gds_host_unpin(nullptr));
}
