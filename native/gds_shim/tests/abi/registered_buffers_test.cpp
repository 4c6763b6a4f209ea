#include <gtest/gtest.h>

#include "abi_handles.h"
#include "memory.h"
#include "temporary_file.h"

using namespace tio::gds::testing;

namespace {

struct RegisteredBuffers : PerBackend {
    static constexpr size_t bytes = 1 << 20;
    TemporaryDirectory directory;
    OpenFile file{directory.file("f"), TIO_FILE_CREATE | TIO_FILE_DIRECT};
    AlignedMemory memory = aligned_memory(bytes);
};

}  // namespace

FOR_EACH_BACKEND(RegisteredBuffers);

TEST_P(RegisteredBuffers, CarryTransfers) {
    const OpenQueue queue(GetParam());
    uint32_t index = TIO_NO_BUFFER;
    ASSERT_TIO_OK(tio_gds_buffer_register(queue.get(), memory.get(), bytes, TIO_MEMORY_HOST_PINNED, &index));
    const auto expected = pattern(bytes / 2, 7);
    std::copy(expected.begin(), expected.end(), memory.get());
    auto write = request_of(TIO_OP_WRITE, file.get(), memory.get(), 0, bytes / 2);
    write.buffer_index = index;
    ASSERT_EQ(TIO_OK, queue.run(write).status);
    auto read = request_of(TIO_OP_READ, file.get(), memory.get() + bytes / 2, 0, bytes / 2);
    read.buffer_index = index;
    ASSERT_EQ(TIO_OK, queue.run(read).status);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), memory.get() + bytes / 2));
    EXPECT_EQ(TIO_OK, tio_gds_buffer_unregister(queue.get(), index));
}

TEST_P(RegisteredBuffers, DoNotCoverWhatLiesOutside) {
    const OpenQueue queue(GetParam());
    uint32_t index = TIO_NO_BUFFER;
    ASSERT_TIO_OK(tio_gds_buffer_register(queue.get(), memory.get(), bytes / 2, TIO_MEMORY_HOST, &index));
    auto request = request_of(TIO_OP_READ, file.get(), memory.get() + bytes / 2 - 4096, 0, 8192);
    request.buffer_index = index;
    queue.expect_refused(request, "buffer_index");
}

TEST_P(RegisteredBuffers, MayBeAsManyAsTheHeaderSays) {
    const OpenQueue queue(GetParam());
    uint32_t index = TIO_NO_BUFFER;
    for (size_t i = 0; i < 1023; ++i)
        ASSERT_TIO_OK(tio_gds_buffer_register(queue.get(), memory.get() + i % 256 * 4096, 4096,
                                              TIO_MEMORY_HOST, &index));
    EXPECT_EQ(TIO_E_INVALID,
              tio_gds_buffer_register(queue.get(), memory.get(), 4096, TIO_MEMORY_HOST, &index));
    EXPECT_EQ(TIO_NO_BUFFER, index);
    ASSERT_TIO_OK(tio_gds_buffer_unregister(queue.get(), 500));
    ASSERT_TIO_OK(tio_gds_buffer_register(queue.get(), memory.get(), 4096, TIO_MEMORY_HOST, &index));
    EXPECT_EQ(500u, index);
}

TEST_P(RegisteredBuffers, RefuseUnknownIndicesAndSizes) {
    const OpenQueue queue(GetParam());
    uint32_t index = TIO_NO_BUFFER;
    EXPECT_EQ(TIO_E_INVALID, tio_gds_buffer_unregister(queue.get(), 0));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_buffer_register(queue.get(), memory.get(), 0, TIO_MEMORY_HOST, &index));
    EXPECT_EQ(TIO_E_INVALID, tio_gds_buffer_register(queue.get(), memory.get(), (size_t{1} << 30) + 1,
                                                     TIO_MEMORY_HOST, &index));
    EXPECT_EQ(TIO_E_UNSUPPORTED,
              tio_gds_buffer_register(queue.get(), memory.get(), 4096, TIO_MEMORY_CUDA, &index));
}

TEST_P(RegisteredBuffers, LeaveMisalignedTransfersToTheBounceChunks) {
    if (file.info().direct == 0) GTEST_SKIP() << "no O_DIRECT on the file system of the working directory";
    const OpenQueue queue(GetParam());
    uint32_t index = TIO_NO_BUFFER;
    ASSERT_TIO_OK(tio_gds_buffer_register(queue.get(), memory.get(), bytes, TIO_MEMORY_HOST, &index));
    const auto expected = pattern(5000, 3);
    std::copy(expected.begin(), expected.end(), memory.get() + 1);
    auto write = request_of(TIO_OP_WRITE, file.get(), memory.get() + 1, 0, 5000);
    write.buffer_index = index;
    ASSERT_EQ(TIO_OK, queue.run(write).status);
    auto stored = read_whole_file(directory.file("f"));
    stored.resize(5000);
    EXPECT_EQ(expected, stored);
    EXPECT_EQ(1u, queue.statistics().bounced_chunks);
}
