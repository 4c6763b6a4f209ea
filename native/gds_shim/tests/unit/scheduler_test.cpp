// The scheduler alone; the test plays the backend.
#include "scheduler.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <memory>

#include "scripted_queue.h"

using namespace tio::gds;
using namespace tio::gds::testing;

namespace {

struct TheScheduler : ::testing::Test {
    Scheduler scheduler{{4096, 8, 1}};
    tio_gds_file file{open("/dev/null", O_RDWR | O_CLOEXEC), DirectIoAlignment{true, 512, 512}, true};
    alignas(4096) char memory[4 * 4096] = {};
    uint64_t now_ns = 1000;

    tio_status accept(const tio_gds_request& request, std::shared_ptr<KernelPoint> after = nullptr) {
        const Lock lock = scheduler.lock();
        const char* reason = nullptr;
        return scheduler.accept(lock, request, now_ns, reason, {std::move(after), nullptr});
    }
    bool take(Chunk& chunk) {
        const Lock lock = scheduler.lock();
        return scheduler.take(lock, chunk);
    }
    bool finish(Chunk& chunk, tio_status status = TIO_OK) {
        const Lock lock = scheduler.lock();
        if (status == TIO_OK) chunk.reached_bytes = chunk.io_bytes;
        return scheduler.finish(lock, chunk, {status, 0}, now_ns);
    }
    tio_gds_completion collect() {
        tio_gds_completion completion{};
        uint32_t count = 0;
        EXPECT_EQ(TIO_OK, scheduler.wait(&completion, 1, 0, &count));
        EXPECT_EQ(1u, count);
        return completion;
    }
};

}  // namespace

TEST_F(TheScheduler, CutsARequestIntoChunks) {
    auto request = scripted_request(TIO_OP_READ, file, memory, 4096 + 512, 1);
    request.offset = 8192;
    accept(request);
    Chunk first;
    Chunk second;
    Chunk none;
    ASSERT_TRUE(take(first));
    ASSERT_TRUE(take(second));
    EXPECT_FALSE(take(none));
    EXPECT_EQ(8192u, first.offset);
    EXPECT_EQ(4096u, first.payload_bytes);
    EXPECT_EQ(8192u + 4096, second.offset);
    EXPECT_EQ(512u, second.payload_bytes);
    EXPECT_EQ(first.memory + 4096, second.memory);
    EXPECT_FALSE(finish(second));
    EXPECT_TRUE(finish(first));
    EXPECT_EQ(4608u, collect().bytes);
}

TEST_F(TheScheduler, BouncesOnlyWhatDirectIoCannotUse) {
    accept(scripted_request(TIO_OP_WRITE, file, memory, 4096 + 100, 1));
    Chunk aligned;
    Chunk tail;
    ASSERT_TRUE(take(aligned));
    ASSERT_TRUE(take(tail));
    EXPECT_EQ(nullptr, aligned.bounce);
    EXPECT_NE(nullptr, tail.bounce);
    EXPECT_EQ(100u, tail.payload_bytes);
    EXPECT_EQ(512u, tail.io_bytes);
    EXPECT_FALSE(finish(aligned));
    EXPECT_TRUE(finish(tail));
}

TEST_F(TheScheduler, HandsOutNothingWhileTheBounceChunksAreInUse) {
    accept(scripted_request(TIO_OP_WRITE, file, memory + 1, 8192, 1));
    Chunk first;
    Chunk second;
    ASSERT_TRUE(take(first));
    EXPECT_FALSE(take(second));
    EXPECT_FALSE(finish(first));
    EXPECT_TRUE(take(second));
    EXPECT_TRUE(finish(second));
}

TEST_F(TheScheduler, MeasuresFromSubmissionToTheLastChunk) {
    accept(scripted_request(TIO_OP_READ, file, memory, 4096, 1));
    Chunk chunk;
    ASSERT_TRUE(take(chunk));
    now_ns = 1500;
    ASSERT_TRUE(finish(chunk));
    EXPECT_EQ(500u, collect().latency_ns);
}

TEST_F(TheScheduler, KeepsTheFirstFailureOfSeveral) {
    accept(scripted_request(TIO_OP_READ, file, memory, 8192, 1));
    Chunk first;
    Chunk second;
    ASSERT_TRUE(take(first));
    ASSERT_TRUE(take(second));
    EXPECT_FALSE(finish(second, TIO_E_SHORT));
    EXPECT_TRUE(finish(first, TIO_E_IO));
    EXPECT_EQ(TIO_E_SHORT, collect().status);
}

TEST_F(TheScheduler, CancelsARequestWhoseRestWasQueuedEvenIfItsChunkSucceeds) {
    accept(scripted_request(TIO_OP_READ, file, memory, 8192, 1));
    Chunk chunk;
    ASSERT_TRUE(take(chunk));
    {
        const Lock lock = scheduler.lock();
        EXPECT_TRUE(scheduler.cancel(lock, 1));
    }
    ASSERT_TRUE(finish(chunk));
    const auto completion = collect();
    EXPECT_EQ(TIO_E_CANCELED, completion.status);
    EXPECT_EQ(4096u, completion.bytes);
}

TEST_F(TheScheduler, IgnoresACancelOfACompletedRequest) {
    accept(scripted_request(TIO_OP_READ, file, memory, 4096, 1));
    Chunk chunk;
    ASSERT_TRUE(take(chunk));
    ASSERT_TRUE(finish(chunk));
    {
        const Lock lock = scheduler.lock();
        EXPECT_FALSE(scheduler.cancel(lock, 1));
    }
    EXPECT_EQ(TIO_OK, collect().status);
}

TEST_F(TheScheduler, DeliversCompletionsInTheOrderTheyCame) {
    for (uint64_t token = 1; token <= 3; ++token)
        accept(scripted_request(TIO_OP_READ, file, memory, 4096, token));
    Chunk chunks[3];
    for (auto& chunk : chunks) ASSERT_TRUE(take(chunk));
    for (const int index : {1, 2, 0}) ASSERT_TRUE(finish(chunks[index]));
    EXPECT_EQ(2u, collect().token);
    EXPECT_EQ(3u, collect().token);
    EXPECT_EQ(1u, collect().token);
}

TEST_F(TheScheduler, RefusesEverythingOnceClosed) {
    scheduler.close();
    EXPECT_EQ(TIO_E_CLOSED, accept(scripted_request(TIO_OP_READ, file, memory, 4096, 1)));
    tio_gds_completion completion;
    uint32_t count = 0;
    EXPECT_EQ(TIO_E_CLOSED, scheduler.wait(&completion, 1, -1, &count));
}

TEST_F(TheScheduler, LetsGoOfFilesWhenClosedWithQueuedRequests) {
    accept(scripted_request(TIO_OP_READ, file, memory, 4096, 1));
    EXPECT_EQ(1u, file.requests_in_flight());
    scheduler.close();
    EXPECT_EQ(0u, file.requests_in_flight());
}

TEST_F(TheScheduler, LetsGoOfHeldRequestsInAnyOrder) {
    const auto even = std::make_shared<KernelPoint>();
    const auto odd = std::make_shared<KernelPoint>();
    for (uint64_t token = 0; token < 8; ++token)
        accept(scripted_request(TIO_OP_READ, file, memory, 4096, token), token % 2 == 0 ? even : odd);
    for (const uint64_t token : {2u, 7u, 0u}) {
        const Lock lock = scheduler.lock();
        EXPECT_FALSE(scheduler.cancel(lock, token));
    }
    for (const uint64_t token : {2u, 7u, 0u}) {
        const auto completion = collect();
        EXPECT_EQ(token, completion.token);
        EXPECT_EQ(TIO_E_CANCELED, completion.status);
    }
    Chunk chunk;
    EXPECT_FALSE(take(chunk));

    odd->finished({});
    {
        const Lock lock = scheduler.lock();
        EXPECT_TRUE(scheduler.release_held(lock, *odd));
    }

    EXPECT_EQ(5u, scheduler.statistics().queued_requests);
    for (const uint64_t token : {1u, 3u, 5u}) {
        ASSERT_TRUE(take(chunk));
        ASSERT_TRUE(finish(chunk));
        EXPECT_EQ(token, collect().token);
    }
    EXPECT_FALSE(take(chunk));
    EXPECT_EQ(2u, file.requests_in_flight());
    scheduler.close();
    EXPECT_EQ(0u, scheduler.statistics().queued_requests);
    EXPECT_EQ(0u, file.requests_in_flight());
}
