// Single transfers: contents, ends of files, errors, statistics.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "abi_handles.h"
#include "memory.h"
#include "temporary_file.h"

using namespace tio::gds::testing;

namespace {

struct Transfer : PerBackend {
    TemporaryDirectory directory;
    std::string path = directory.file("f");

    tio_gds_queue_options small_chunks() const {
        auto options = queue_options(GetParam());
        options.chunk_bytes = 4096;
        options.queue_depth = 4;
        options.bounce_chunks = 2;
        return options;
    }
};

// Makes the descriptor behind an open file unable to write, as if it had been closed and reused behind our
// back.
void make_read_only_behind_its_back(const std::string& path) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        if (std::filesystem::read_symlink(entry.path(), gone) != path) continue;
        const int read_only = open(path.c_str(), O_RDONLY | O_CLOEXEC);
        ASSERT_EQ(std::stoi(entry.path().filename()), dup2(read_only, std::stoi(entry.path().filename())));
        close(read_only);
        return;
    }
    FAIL() << "no descriptor of " << path;
}

}  // namespace

FOR_EACH_BACKEND(Transfer);

TEST_P(Transfer, OfManyChunksReachesTheFileAndComesBack) {
    const OpenFile file(path, TIO_FILE_CREATE | TIO_FILE_DIRECT);
    const OpenQueue queue(small_chunks());
    constexpr size_t bytes = 37 * 4096;
    const auto expected = pattern(bytes, 1);
    const auto memory = aligned_memory(bytes);
    std::copy(expected.begin(), expected.end(), memory.get());
    const auto written = queue.run(request_of(TIO_OP_WRITE, file.get(), memory.get(), 0, bytes, 42));
    EXPECT_EQ(TIO_OK, written.status);
    EXPECT_EQ(0, written.sys_errno);
    EXPECT_EQ(42u, written.token);
    EXPECT_EQ(bytes, written.bytes);
    EXPECT_EQ(expected, read_whole_file(path));
    const auto target = aligned_memory(bytes);
    const auto read = queue.run(request_of(TIO_OP_READ, file.get(), target.get(), 0, bytes));
    EXPECT_EQ(TIO_OK, read.status);
    EXPECT_EQ(bytes, read.bytes);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), target.get()));
    EXPECT_EQ(0u, queue.statistics().bounced_chunks);
}

TEST_P(Transfer, DirectWriteOfOddLengthIsPaddedWithZeros) {
    const OpenFile file(path, TIO_FILE_CREATE | TIO_FILE_DIRECT);
    const uint32_t alignment = file.info().offset_alignment;
    if (alignment == 1) GTEST_SKIP() << "no O_DIRECT on the file system of the working directory";
    const OpenQueue queue(small_chunks());
    auto memory = pattern(4096 * 3, 2);
    ASSERT_EQ(TIO_OK, queue.run(request_of(TIO_OP_WRITE, file.get(), memory.data() + 3, 0, 4097)).status);
    const auto stored = read_whole_file(path);
    EXPECT_EQ(4096u + alignment, stored.size());
    EXPECT_TRUE(std::equal(stored.begin(), stored.begin() + 4097, memory.data() + 3));
    EXPECT_TRUE(std::all_of(stored.begin() + 4097, stored.end(), [](char byte) { return byte == 0; }));
}

TEST_P(Transfer, BufferedWriteOfOddLengthIsNotPadded) {
    const OpenFile file(path, TIO_FILE_CREATE);
    const OpenQueue queue(small_chunks());
    auto memory = pattern(5001, 2);
    ASSERT_EQ(TIO_OK, queue.run(request_of(TIO_OP_WRITE, file.get(), memory.data(), 0, 5001)).status);
    EXPECT_EQ(memory, read_whole_file(path));
}

TEST_P(Transfer, ReadTouchesNothingBeyondItsLength) {
    write_whole_file(path, pattern(8192, 3));
    const OpenFile file(path, TIO_FILE_DIRECT);
    const OpenQueue queue(GetParam());
    std::vector<char> memory(8192, 'x');
    ASSERT_EQ(TIO_OK, queue.run(request_of(TIO_OP_READ, file.get(), memory.data() + 5, 0, 4100)).status);
    EXPECT_EQ(std::vector<char>(5, 'x'), std::vector<char>(memory.begin(), memory.begin() + 5));
    EXPECT_EQ(std::vector<char>(8192 - 4105, 'x'), std::vector<char>(memory.begin() + 4105, memory.end()));
}

TEST_P(Transfer, ReadAcrossTheEndOfADirectFileIsShort) {
    write_whole_file(path, pattern(10000, 4));
    const OpenFile file(path, TIO_FILE_DIRECT);
    const OpenQueue queue(small_chunks());
    const auto memory = aligned_memory(16384);
    const auto completion = queue.run(request_of(TIO_OP_READ, file.get(), memory.get(), 0, 16384));
    EXPECT_EQ(TIO_E_SHORT, completion.status);
    EXPECT_EQ(0, completion.sys_errno);
    EXPECT_EQ(10000u, completion.bytes);
}

TEST_P(Transfer, ReadAcrossTheEndOfABufferedFileIsShort) {
    write_whole_file(path, pattern(10000, 4));
    const OpenFile file(path, 0);
    const OpenQueue queue(small_chunks());
    std::vector<char> memory(16384);
    const auto completion = queue.run(request_of(TIO_OP_READ, file.get(), memory.data(), 0, 16384));
    EXPECT_EQ(TIO_E_SHORT, completion.status);
    EXPECT_EQ(10000u, completion.bytes);
}

TEST_P(Transfer, ReadUpToAnOddEndOfADirectFileIsComplete) {
    const auto expected = pattern(10000, 4);
    write_whole_file(path, expected);
    const OpenFile file(path, TIO_FILE_DIRECT);
    const OpenQueue queue(GetParam());
    std::vector<char> memory(10000);
    EXPECT_EQ(TIO_OK, queue.run(request_of(TIO_OP_READ, file.get(), memory.data(), 0, 10000)).status);
    EXPECT_EQ(expected, memory);
}

TEST_P(Transfer, ReadOfAnEmptyFileIsShort) {
    const OpenFile file(path, TIO_FILE_CREATE | TIO_FILE_DIRECT);
    const OpenQueue queue(GetParam());
    const auto memory = aligned_memory(4096);
    const auto completion = queue.run(request_of(TIO_OP_READ, file.get(), memory.get(), 0, 4096));
    EXPECT_EQ(TIO_E_SHORT, completion.status);
    EXPECT_EQ(0u, completion.bytes);
}

TEST_P(Transfer, CarriesTheErrnoOfTheKernel) {
    const OpenFile file(path, TIO_FILE_CREATE);
    make_read_only_behind_its_back(path);
    const OpenQueue queue(GetParam());
    char memory[16] = {};
    const auto completion = queue.run(request_of(TIO_OP_WRITE, file.get(), memory, 0, sizeof(memory)));
    EXPECT_EQ(TIO_E_IO, completion.status);
    EXPECT_EQ(EBADF, completion.sys_errno);
    EXPECT_EQ(0u, completion.bytes);
}

TEST_P(Transfer, StatisticsCountWhatHappened) {
    write_whole_file(path, pattern(8192, 5));
    const OpenFile file(path, 0);
    const OpenQueue queue(small_chunks());
    std::vector<char> memory(8192);
    queue.run(request_of(TIO_OP_READ, file.get(), memory.data(), 0, 8192));
    queue.run(request_of(TIO_OP_WRITE, file.get(), memory.data(), 0, 5000));
    queue.run(request_of(TIO_OP_READ, file.get(), memory.data(), 8192, 1));
    const auto statistics = queue.statistics();
    EXPECT_EQ(1u, statistics.read_requests);
    EXPECT_EQ(8192u, statistics.read_bytes);
    EXPECT_GT(statistics.read_nanoseconds, 0u);
    EXPECT_EQ(1u, statistics.write_requests);
    EXPECT_EQ(5000u, statistics.write_bytes);
    EXPECT_GT(statistics.write_nanoseconds, 0u);
    EXPECT_EQ(1u, statistics.failed_requests);
    EXPECT_EQ(0u, statistics.canceled_requests);
    EXPECT_EQ(0u, statistics.in_flight_chunks);
    EXPECT_EQ(0u, statistics.queued_requests);
}

TEST_P(Transfer, UrgentRequestsRunFirstAndEqualOnesInOrder) {
    write_whole_file(path, pattern(4096, 6));
    const OpenFile file(path, 0);
    auto options = queue_options(GetParam());
    options.queue_depth = 1;
    const OpenQueue queue(options);
    std::vector<char> memory(4096);
    std::vector<tio_gds_request> requests;
    const int32_t priorities[] = {5, 0, 5, -3, 0};
    for (const int32_t priority : priorities) {
        requests.push_back(request_of(TIO_OP_READ, file.get(), memory.data(), 0, 4096, requests.size()));
        requests.back().priority = priority;
    }
    queue.submit(requests);
    std::vector<uint64_t> order;
    for (const auto& completion : queue.collect(requests.size())) order.push_back(completion.token);
    EXPECT_EQ((std::vector<uint64_t>{3, 1, 4, 0, 2}), order);
}

TEST_P(Transfer, WaitsForABounceChunkWhenAllAreInUse) {
    const OpenFile file(path, TIO_FILE_CREATE | TIO_FILE_DIRECT);
    const OpenQueue queue(small_chunks());
    const auto memory = aligned_memory(64 * 4096 + 4096);
    const auto completion = queue.run(request_of(TIO_OP_WRITE, file.get(), memory.get() + 1, 0, 64 * 4096));
    EXPECT_EQ(TIO_OK, completion.status);
    EXPECT_EQ(file.info().direct != 0 ? 64u : 0u, queue.statistics().bounced_chunks);
}
