// What follows from each answer of the kernel.
#include "chunk.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>
#include <cerrno>

using namespace tio::gds;

namespace {

struct AChunk : ::testing::Test {
    File direct_file{open("/dev/null", O_RDWR | O_CLOEXEC), {true, 512, 512}, true};
    File buffered_file{open("/dev/null", O_RDWR | O_CLOEXEC), {}, false};
    Request request;
    Chunk chunk;
    Outcome outcome{TIO_E_INTERNAL, -1};

    void of(uint32_t op, File& file, uint32_t payload, uint32_t padded) {
        request.op = op;
        request.file = &file;
        chunk.request = &request;
        chunk.payload_bytes = payload;
        chunk.io_bytes = padded;
    }
    void expect_resubmit(int64_t result, uint32_t resume_at) {
        ASSERT_EQ(NextStep::resubmit, advance(chunk, result, outcome));
        EXPECT_EQ(resume_at, chunk.resume_at);
    }
    void expect_finish(int64_t result, tio_status status, int32_t sys_errno, uint32_t bytes) {
        ASSERT_EQ(NextStep::finish, advance(chunk, result, outcome));
        EXPECT_EQ(status, outcome.status);
        EXPECT_EQ(sys_errno, outcome.sys_errno);
        EXPECT_EQ(bytes, chunk.done_payload_bytes());
    }
};

}  // namespace

TEST_F(AChunk, EndsWithAllItsBytes) {
    of(TIO_OP_READ, buffered_file, 1000, 1000);
    expect_finish(1000, TIO_OK, 0, 1000);
}

TEST_F(AChunk, GoesOnAfterAShortTransfer) {
    of(TIO_OP_WRITE, buffered_file, 1000, 1000);
    expect_resubmit(300, 300);
    expect_resubmit(1, 301);
    expect_finish(699, TIO_OK, 0, 1000);
    EXPECT_EQ(2u, chunk.short_transfers);
}

TEST_F(AChunk, GoesOnFromABlockBoundaryWhenDirect) {
    of(TIO_OP_READ, direct_file, 4096, 4096);
    expect_resubmit(1000, 512);
    expect_finish(4096 - 512, TIO_OK, 0, 4096);
}

TEST_F(AChunk, DirectReadThatGainsNothingIsAtTheEndOfTheFile) {
    of(TIO_OP_READ, direct_file, 4096, 4096);
    expect_resubmit(1000, 512);
    expect_finish(488, TIO_E_SHORT, 0, 1000);
}

TEST_F(AChunk, ReadOfNothingIsAtTheEndOfTheFile) {
    of(TIO_OP_READ, buffered_file, 4096, 4096);
    expect_finish(0, TIO_E_SHORT, 0, 0);
}

TEST_F(AChunk, ReadMayEndInsideItsPadding) {
    of(TIO_OP_READ, direct_file, 600, 1024);
    expect_finish(700, TIO_OK, 0, 600);
}

TEST_F(AChunk, WriteMustReachTheEndOfItsPadding) {
    of(TIO_OP_WRITE, direct_file, 600, 1024);
    expect_resubmit(700, 512);
    expect_finish(512, TIO_OK, 0, 600);
}

TEST_F(AChunk, InterruptionsAreTriedAgain) {
    of(TIO_OP_READ, buffered_file, 100, 100);
    expect_resubmit(-EINTR, 0);
    expect_resubmit(-EAGAIN, 0);
    expect_finish(100, TIO_OK, 0, 100);
    EXPECT_EQ(2u, chunk.retried_transfers);
}

TEST_F(AChunk, EndlessInterruptionsAreGivenUp) {
    of(TIO_OP_READ, buffered_file, 100, 100);
    for (uint32_t i = 0; i < most_fruitless_tries; ++i) expect_resubmit(-EAGAIN, 0);
    expect_finish(-EAGAIN, TIO_E_IO, EAGAIN, 0);
}

TEST_F(AChunk, ProgressRenewsThePatience) {
    of(TIO_OP_READ, buffered_file, 100, 100);
    for (uint32_t i = 0; i < most_fruitless_tries; ++i) expect_resubmit(-EINTR, 0);
    expect_resubmit(1, 1);
    expect_resubmit(-EINTR, 1);
}

TEST_F(AChunk, WritesOfNothingAreGivenUp) {
    of(TIO_OP_WRITE, buffered_file, 100, 100);
    for (uint32_t i = 0; i < most_fruitless_tries; ++i) expect_resubmit(0, 0);
    expect_finish(0, TIO_E_IO, EIO, 0);
}

TEST_F(AChunk, ErrorsEndItWithTheirErrno) {
    of(TIO_OP_READ, buffered_file, 100, 100);
    expect_resubmit(40, 40);
    expect_finish(-EIO, TIO_E_IO, EIO, 40);
}

TEST_F(AChunk, FullStorageIsToldApart) {
    of(TIO_OP_WRITE, buffered_file, 100, 100);
    expect_finish(-ENOSPC, TIO_E_FULL, ENOSPC, 0);
}

TEST_F(AChunk, OutOfMemoryCarriesNoErrno) {
    of(TIO_OP_WRITE, buffered_file, 100, 100);
    expect_finish(-ENOMEM, TIO_E_NOMEM, 0, 0);
}

TEST_F(AChunk, CancellationByTheKernelIsOneOnlyIfItWasAskedFor) {
    of(TIO_OP_READ, buffered_file, 100, 100);
    expect_finish(-ECANCELED, TIO_E_IO, ECANCELED, 0);
    request.cancel_wanted = true;
    expect_finish(-ECANCELED, TIO_E_CANCELED, 0, 0);
}

TEST_F(AChunk, IsNotResubmittedOnceCancelled) {
    of(TIO_OP_READ, buffered_file, 100, 100);
    request.cancel_wanted = true;
    expect_finish(-EINTR, TIO_E_CANCELED, 0, 0);
    expect_finish(40, TIO_E_CANCELED, 0, 40);
}

TEST_F(AChunk, ThatWasDoneBeforeItsCancellationIsDone) {
    of(TIO_OP_READ, buffered_file, 100, 100);
    request.cancel_wanted = true;
    expect_finish(100, TIO_OK, 0, 100);
}

TEST_F(AChunk, BouncesAWriteWithZeroPadding) {
    of(TIO_OP_WRITE, direct_file, 3, 5);
    std::array<std::byte, 3> memory{std::byte{1}, std::byte{2}, std::byte{3}};
    std::array<std::byte, 5> bounce;
    bounce.fill(std::byte{9});
    chunk.memory = memory.data();
    chunk.bounce = bounce.data();
    chunk.fill_bounce();
    EXPECT_EQ(
        (std::array<std::byte, 5>{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{0}, std::byte{0}}),
        bounce);
}

TEST_F(AChunk, BouncesOnlyWhatWasRead) {
    of(TIO_OP_READ, direct_file, 3, 5);
    std::array<std::byte, 3> memory{};
    std::array<std::byte, 5> bounce;
    bounce.fill(std::byte{9});
    chunk.memory = memory.data();
    chunk.bounce = bounce.data();
    chunk.reached_bytes = 2;
    chunk.drain_bounce();
    EXPECT_EQ((std::array<std::byte, 3>{std::byte{9}, std::byte{9}, std::byte{0}}), memory);
}
