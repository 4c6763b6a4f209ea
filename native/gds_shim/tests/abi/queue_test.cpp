// Queues: room, waiting, waking, cancelling, destroying, many threads.
#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "abi_handles.h"
#include "memory.h"
#include "temporary_file.h"

using namespace tio::gds::testing;

namespace {

struct AQueue : PerBackend {
    static constexpr size_t bytes = 8 << 20;
    TemporaryDirectory directory;
    std::string path = directory.file("f");
    OpenFile file{path, TIO_FILE_CREATE | TIO_FILE_DIRECT};
    AlignedMemory memory = aligned_memory(bytes);

    void SetUp() override {
        PerBackend::SetUp();
        ASSERT_TIO_OK(tio_gds_file_allocate(file.get(), bytes));
    }

    std::vector<tio_gds_request> reads(size_t count, size_t length) const {
        std::vector<tio_gds_request> requests;
        for (size_t i = 0; i < count; ++i)
            requests.push_back(
                request_of(TIO_OP_READ, file.get(), memory.get() + i * length, i * length, length, i));
        return requests;
    }
};

tio_status wait_once(tio_gds_queue* queue, int32_t timeout_ms, uint32_t& count) {
    tio_gds_completion completion;
    return tio_gds_wait(queue, &completion, 1, timeout_ms, &count);
}

}  // namespace

FOR_EACH_BACKEND(AQueue);

TEST_P(AQueue, IsBusyWhenItHoldsMaxRequestsUntilCompletionsAreCollected) {
    auto options = queue_options(GetParam());
    options.max_requests = 4;
    const OpenQueue queue(options);
    const auto requests = reads(6, 4096);
    uint32_t accepted = 0;
    EXPECT_EQ(TIO_E_BUSY, tio_gds_submit(queue.get(), requests.data(), 6, &accepted));
    EXPECT_EQ(4u, accepted);
    queue.collect(4);
    ASSERT_TIO_OK(tio_gds_submit(queue.get(), requests.data() + 4, 2, &accepted));
    EXPECT_EQ(2u, accepted);
    EXPECT_EQ(2u, queue.collect(2).size());
}

TEST_P(AQueue, TimesOutWhenNothingCompletes) {
    const OpenQueue queue(GetParam());
    uint32_t count = 99;
    EXPECT_EQ(TIO_E_TIMEOUT, wait_once(queue.get(), 0, count));
    EXPECT_EQ(TIO_E_TIMEOUT, wait_once(queue.get(), 5, count));
    EXPECT_EQ(0u, count);
}

TEST_P(AQueue, RemembersAWakeThatComesBeforeTheWait) {
    const OpenQueue queue(GetParam());
    ASSERT_TIO_OK(tio_gds_wake(queue.get()));
    uint32_t count = 99;
    EXPECT_EQ(TIO_OK, wait_once(queue.get(), -1, count));
    EXPECT_EQ(0u, count);
    EXPECT_EQ(TIO_E_TIMEOUT, wait_once(queue.get(), 0, count));
}

TEST_P(AQueue, IsWokenFromAnotherThread) {
    const OpenQueue queue(GetParam());
    std::thread waker([&] { EXPECT_EQ(TIO_OK, tio_gds_wake(queue.get())); });
    uint32_t count = 99;
    EXPECT_EQ(TIO_OK, wait_once(queue.get(), -1, count));
    EXPECT_EQ(0u, count);
    waker.join();
}

TEST_P(AQueue, SendsItsWaiterAwayWhenDestroyed) {
    OpenQueue queue(GetParam());
    tio_gds_queue* handle = queue.get();
    tio_status status = TIO_OK;
    std::thread waiter([&] {
        uint32_t count;
        // TIO_E_INVALID: this thread came while the probe below was inside; the probe leaves at once.
        do status = wait_once(handle, -1, count);
        while (status == TIO_E_INVALID);
    });
    // The queue refuses a second waiter: the only sign a caller has that the first one is inside, and
    // destroying before it is would be the race that the header forbids.
    uint32_t count;
    while (wait_once(handle, 0, count) != TIO_E_INVALID) std::this_thread::yield();
    queue.destroy();
    waiter.join();
    EXPECT_EQ(TIO_E_CLOSED, status);
}

TEST_P(AQueue, FinishesWhatIsInFlightWhenDestroyed) {
    OpenQueue queue(GetParam());
    queue.submit(reads(64, bytes / 64));
    queue.destroy();
    // OpenFile's close fails if a request still holds the file.
}

TEST_P(AQueue, CanBeCreatedAndDestroyedWithoutUse) {
    for (int i = 0; i < 20; ++i) OpenQueue(GetParam()).destroy();
}

TEST_P(AQueue, CancelOfAnUnknownTokenIsFine) {
    const OpenQueue queue(GetParam());
    EXPECT_EQ(TIO_OK, tio_gds_cancel(queue.get(), 12345));
}

TEST_P(AQueue, GivesExactlyOneCompletionPerRequestInACancelStorm) {
    auto options = queue_options(GetParam());
    options.chunk_bytes = 4096;
    options.queue_depth = 4;
    const OpenQueue queue(options);
    constexpr size_t count = 256;
    queue.submit(reads(count, bytes / count));
    std::thread forwards([&] {
        for (uint64_t token = 0; token < count; ++token)
            EXPECT_EQ(TIO_OK, tio_gds_cancel(queue.get(), token));
    });
    std::thread backwards([&] {
        for (uint64_t token = count; token > 0; --token)
            EXPECT_EQ(TIO_OK, tio_gds_cancel(queue.get(), token - 1));
    });
    std::map<uint64_t, int> seen;
    for (const auto& completion : queue.collect(count)) {
        ++seen[completion.token];
        EXPECT_TRUE(completion.status == TIO_OK || completion.status == TIO_E_CANCELED) << completion.status;
        EXPECT_EQ(completion.status == TIO_OK, completion.bytes == bytes / count);
    }
    forwards.join();
    backwards.join();
    EXPECT_EQ(count, seen.size());
    const auto statistics = queue.statistics();
    EXPECT_EQ(count, statistics.read_requests + statistics.canceled_requests);
    EXPECT_EQ(0u, statistics.in_flight_chunks);
}

TEST_P(AQueue, TakesRequestsFromManyThreads) {
    const OpenQueue queue(GetParam());
    constexpr size_t threads = 4;
    constexpr size_t per_thread = 64;
    constexpr size_t length = bytes / (threads * per_thread);
    const auto expected = pattern(bytes, 9);
    std::copy(expected.begin(), expected.end(), memory.get());
    std::vector<std::thread> submitters;
    for (size_t t = 0; t < threads; ++t)
        submitters.emplace_back([&, t] {
            for (size_t i = 0; i < per_thread; ++i) {
                const size_t at = (t * per_thread + i) * length;
                queue.submit({request_of(TIO_OP_WRITE, file.get(), memory.get() + at, at, length, at)});
            }
        });
    for (const auto& completion : queue.collect(threads * per_thread)) EXPECT_EQ(TIO_OK, completion.status);
    for (auto& submitter : submitters) submitter.join();
    EXPECT_EQ(expected, read_whole_file(path));
}

TEST_P(AQueue, KeepsTheTransfersOfASubmitterThatExits) {
    const OpenQueue queue(GetParam());
    const auto requests = reads(64, bytes / 64);
    std::thread([&] { queue.submit(requests); }).join();
    for (const auto& completion : queue.collect(64)) EXPECT_EQ(TIO_OK, completion.status);
}

TEST_P(AQueue, WorksBesideOtherQueuesOnTheSameFile) {
    const OpenQueue first(GetParam());
    const OpenQueue second(GetParam());
    const auto requests = reads(16, 4096);
    first.submit({requests.begin(), requests.begin() + 8});
    second.submit({requests.begin() + 8, requests.end()});
    for (const auto& completion : first.collect(8)) EXPECT_EQ(TIO_OK, completion.status);
    for (const auto& completion : second.collect(8)) EXPECT_EQ(TIO_OK, completion.status);
}
