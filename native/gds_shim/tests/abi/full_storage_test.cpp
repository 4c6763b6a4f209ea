// Storage that runs full: ENOSPC on a small tmpfs, EFBIG by RLIMIT_FSIZE.
#include <gtest/gtest.h>

#include <cerrno>

#include "abi_handles.h"
#include "file_size_limit.h"
#include "memory.h"
#include "scratch_mount.h"
#include "temporary_file.h"

using namespace tio::gds::testing;

namespace {

class FullStorage : public PerBackend {};

}  // namespace

FOR_EACH_BACKEND(FullStorage);

TEST_P(FullStorage, WriteToAFullFileSystemSaysSo) {
    const ScratchMount tmpfs("tmpfs", "size=1m");
    if (!tmpfs.mounted()) GTEST_SKIP() << tmpfs.refusal();
    const OpenFile file(tmpfs.file("f"), TIO_FILE_CREATE);
    const OpenQueue queue(GetParam());
    const auto memory = aligned_memory(4 << 20);
    const auto completion = queue.run(request_of(TIO_OP_WRITE, file.get(), memory.get(), 0, 4 << 20));
    EXPECT_EQ(TIO_E_FULL, completion.status);
    EXPECT_EQ(ENOSPC, completion.sys_errno);
    EXPECT_LE(completion.bytes, 1u << 20);
    EXPECT_EQ(1u, queue.statistics().failed_requests);
}

TEST_P(FullStorage, WriteBeyondTheFileSizeLimitSaysSoAndTheProcessLives) {
    const TemporaryDirectory directory;
    const OpenFile file(directory.file("f"), TIO_FILE_CREATE | TIO_FILE_DIRECT);
    const OpenQueue queue(GetParam());
    const auto memory = aligned_memory(8192);
    const FileSizeLimit limit(1 << 20);
    const auto completion = queue.run(request_of(TIO_OP_WRITE, file.get(), memory.get(), 1 << 20, 8192));
    EXPECT_EQ(TIO_E_FULL, completion.status);
    EXPECT_EQ(EFBIG, completion.sys_errno);
}

TEST_P(FullStorage, OtherRequestsGoOn) {
    const TemporaryDirectory directory;
    const OpenFile file(directory.file("f"), TIO_FILE_CREATE | TIO_FILE_DIRECT);
    const OpenQueue queue(GetParam());
    const auto memory = aligned_memory(8192);
    const FileSizeLimit limit(1 << 20);
    EXPECT_EQ(TIO_E_FULL,
              queue.run(request_of(TIO_OP_WRITE, file.get(), memory.get(), 1 << 20, 4096)).status);
    EXPECT_EQ(TIO_OK, queue.run(request_of(TIO_OP_WRITE, file.get(), memory.get(), 0, 4096)).status);
}

TEST(FullStorageAllocate, OnAFullFileSystemLeavesTheSize) {
    const ScratchMount tmpfs("tmpfs", "size=1m");
    if (!tmpfs.mounted()) GTEST_SKIP() << tmpfs.refusal();
    const OpenFile file(tmpfs.file("f"), TIO_FILE_CREATE);
    ASSERT_TIO_OK(tio_gds_file_allocate(file.get(), 4096));
    EXPECT_EQ(TIO_E_FULL, tio_gds_file_allocate(file.get(), 4 << 20));
    EXPECT_EQ(4096u, file.info().size);
}

TEST(FullStorageAllocate, BeyondTheFileSizeLimitSaysSoAndTheProcessLives) {
    const TemporaryDirectory directory;
    const OpenFile file(directory.file("f"), TIO_FILE_CREATE);
    const FileSizeLimit limit(1 << 20);
    EXPECT_EQ(TIO_E_FULL, tio_gds_file_allocate(file.get(), 2 << 20));
    EXPECT_EQ(0u, file.info().size);
}
