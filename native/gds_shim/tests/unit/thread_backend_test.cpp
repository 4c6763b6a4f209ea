// The workers against scripted system calls.
#include "thread_backend.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "failure.h"
#include "scripted_queue.h"

using namespace tio::gds;
using namespace tio::gds::testing;

namespace {

// Answers of the "kernel": bytes or a negated errno, in order; when they run out, everything succeeds.
struct Script {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<ssize_t> answers;
    bool hold = false;  // calls wait until released
    int inside = 0;     // calls that have begun

    ssize_t answer(size_t bytes) {
        std::unique_lock lock(mutex);
        ++inside;
        changed.notify_all();
        changed.wait(lock, [this] { return !hold; });
        ssize_t result = static_cast<ssize_t>(bytes);
        if (!answers.empty()) {
            result = answers.front();
            answers.pop_front();
        }
        if (result >= 0) return result;
        errno = static_cast<int>(-result);
        return -1;
    }
    void wait_for_calls(int count) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return inside >= count; });
    }
    void release() {
        const std::lock_guard lock(mutex);
        hold = false;
        changed.notify_all();
    }
};

Script* script = nullptr;

ssize_t scripted_read(int, void*, size_t bytes, off_t) {
    return script->answer(bytes);
}
ssize_t scripted_write(int, const void*, size_t bytes, off_t) {
    return script->answer(bytes);
}

std::unique_ptr<Backend> make_scripted(Scheduler& scheduler, uint32_t queue_depth) {
    return std::make_unique<ThreadBackend>(scheduler, queue_depth,
                                           TransferCalls{scripted_read, scripted_write});
}

struct Workers : ::testing::Test {
    Script calls;
    tio_gds_file file{open("/dev/null", O_RDWR | O_CLOEXEC), DirectIoAlignment{}, false};
    char memory[4 * 4096] = {};

    Workers() { script = &calls; }
    tio_gds_request read(uint64_t length, uint64_t token, int32_t priority = 0) {
        return scripted_request(TIO_OP_READ, file, memory, length, token, priority);
    }
    tio_gds_request write(uint64_t length, uint64_t token) {
        return scripted_request(TIO_OP_WRITE, file, memory, length, token);
    }
};

}  // namespace

TEST_F(Workers, ResumeShortAndInterruptedTransfers) {
    calls.answers = {1000, -EINTR, 96, -EAGAIN, 3000};
    ScriptedQueue queue(1, make_scripted);
    queue.send(write(4096, 1));
    const auto completion = queue.next();
    EXPECT_EQ(TIO_OK, completion.status);
    EXPECT_EQ(4096u, completion.bytes);
    EXPECT_EQ(2u, queue.statistics().short_transfers);
    EXPECT_EQ(2u, queue.statistics().retried_transfers);
}

TEST_F(Workers, ReportTheFirstErrorAndDropTheRestOfTheRequest) {
    calls.answers = {4096, -EIO};
    ScriptedQueue queue(1, make_scripted);
    queue.send(write(4 * 4096, 1));
    const auto completion = queue.next();
    EXPECT_EQ(TIO_E_IO, completion.status);
    EXPECT_EQ(EIO, completion.sys_errno);
    EXPECT_EQ(4096u, completion.bytes);
    EXPECT_EQ(2, calls.inside);
}

TEST_F(Workers, ReportFullStorage) {
    calls.answers = {-EDQUOT};
    ScriptedQueue queue(1, make_scripted);
    queue.send(write(4096, 1));
    const auto completion = queue.next();
    EXPECT_EQ(TIO_E_FULL, completion.status);
    EXPECT_EQ(EDQUOT, completion.sys_errno);
}

TEST_F(Workers, StopBetweenTransfersWhenCancelled) {
    calls.hold = true;
    calls.answers = {100};
    ScriptedQueue queue(1, make_scripted);
    queue.send(read(4096, 1));
    calls.wait_for_calls(1);
    queue.cancel(1);
    EXPECT_FALSE(queue.has_completion());
    calls.release();
    const auto completion = queue.next();
    EXPECT_EQ(TIO_E_CANCELED, completion.status);
    EXPECT_EQ(100u, completion.bytes);
    EXPECT_EQ(1u, queue.statistics().canceled_requests);
}

TEST_F(Workers, FinishAChunkThatWasTooLateToCancel) {
    calls.hold = true;
    ScriptedQueue queue(1, make_scripted);
    queue.send(read(4096, 1));
    calls.wait_for_calls(1);
    queue.cancel(1);
    calls.release();
    EXPECT_EQ(TIO_OK, queue.next().status);
}

TEST_F(Workers, AreNotNeededToDropAQueuedRequest) {
    calls.hold = true;
    ScriptedQueue queue(1, make_scripted);
    queue.send(read(4096, 1));
    calls.wait_for_calls(1);
    queue.send(read(4096, 2));
    EXPECT_EQ(1u, queue.statistics().queued_requests);
    EXPECT_EQ(1u, queue.statistics().in_flight_chunks);
    queue.cancel(2);
    const auto completion = queue.next();
    EXPECT_EQ(2u, completion.token);
    EXPECT_EQ(TIO_E_CANCELED, completion.status);
    calls.release();
    EXPECT_EQ(1u, queue.next().token);
}

TEST_F(Workers, LetAnUrgentRequestPassBetweenTheChunksOfALargeOne) {
    calls.hold = true;
    ScriptedQueue queue(1, make_scripted);
    queue.send(read(4 * 4096, 1, 5));
    calls.wait_for_calls(1);
    queue.send(read(4096, 2, -5));
    calls.release();
    EXPECT_EQ(2u, queue.next().token);
    EXPECT_EQ(1u, queue.next().token);
}

TEST_F(Workers, CarryAsManyChunksAtOnceAsTheQueueIsDeep) {
    calls.hold = true;
    ScriptedQueue queue(3, make_scripted);
    queue.send(read(4 * 4096, 1));
    calls.wait_for_calls(3);
    EXPECT_EQ(3u, queue.statistics().in_flight_chunks);
    calls.release();
    EXPECT_EQ(4u * 4096, queue.next().bytes);
}

TEST_F(Workers, HoldTheirFileAndBufferUntilTheyAreDone) {
    calls.hold = true;
    ScriptedQueue queue(1, make_scripted);
    const uint32_t buffer = queue.register_buffer(memory, sizeof(memory), TIO_MEMORY_HOST);
    auto request = read(4096, 1);
    request.buffer_index = buffer;
    queue.send(request);
    calls.wait_for_calls(1);
    EXPECT_EQ(TIO_E_INVALID, tio_gds_file_close(&file));
    EXPECT_THROW(queue.unregister_buffer(buffer), Failure);
    calls.release();
    queue.next();
    EXPECT_EQ(0u, file.requests_in_flight());
    queue.unregister_buffer(buffer);
}

TEST_F(Workers, FinishWhatIsInFlightBeforeTheQueueGoes) {
    calls.hold = true;
    auto queue = std::make_unique<ScriptedQueue>(1, make_scripted);
    queue->send(read(4 * 4096, 1));
    calls.wait_for_calls(1);
    std::thread destroyer([&] { queue.reset(); });
    calls.release();
    destroyer.join();
    EXPECT_EQ(0u, file.requests_in_flight());
}

TEST_F(Workers, OutliveTheThreadThatSubmitted) {
    calls.hold = true;
    ScriptedQueue queue(1, make_scripted);
    std::thread([&] { queue.send(read(4096, 1)); }).join();
    calls.release();
    EXPECT_EQ(TIO_OK, queue.next().status);
}
