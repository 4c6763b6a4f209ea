// io_uring against pipes: their transfers stay in the kernel until the test lets them go.
#include "uring_backend.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>

#include "abi_handles.h"
#include "failure.h"
#include "scripted_queue.h"

using namespace tio::gds;
using namespace tio::gds::testing;

namespace {

std::unique_ptr<Backend> make_uring(Scheduler& scheduler, uint32_t queue_depth) {
    return std::make_unique<UringBackend>(scheduler, queue_depth);
}

struct Pipe {
    int ends[2];
    Pipe() {
        if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    }
    void feed(size_t bytes) const {
        const std::vector<char> zeros(bytes);
        ASSERT_EQ(static_cast<ssize_t>(bytes), write(ends[1], zeros.data(), bytes));
    }
};

struct Ring : ::testing::Test {
    Pipe pipe;
    tio_gds_file file{pipe.ends[0], DirectIoAlignment{}, false};
    char memory[4 * 4096] = {};

    void SetUp() override {
        if (!backend_is_available(TIO_BACKEND_URING)) GTEST_SKIP() << "io_uring is refused on this machine";
    }
    ~Ring() override { close(pipe.ends[1]); }

    tio_gds_request read(uint64_t length, uint64_t token) {
        return scripted_request(TIO_OP_READ, file, memory, length, token);
    }
};

// Capabilities belong to a thread: only the calling one loses the exemption from the locked-memory limit.
bool drop_lock_capability() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    if (syscall(SYS_capget, &header, data) != 0) return false;
    data[0].effective &= ~(1u << CAP_IPC_LOCK);
    return syscall(SYS_capset, &header, data) == 0;
}

// Set once the queue is there: from Linux 6.14 on the ring itself counts against the limit.
class NoMoreLockedMemory {
  public:
    NoMoreLockedMemory() {
        getrlimit(RLIMIT_MEMLOCK, &previous_);
        const rlimit none{0, previous_.rlim_max};
        setrlimit(RLIMIT_MEMLOCK, &none);
    }
    ~NoMoreLockedMemory() { setrlimit(RLIMIT_MEMLOCK, &previous_); }
    NoMoreLockedMemory(const NoMoreLockedMemory&) = delete;
    NoMoreLockedMemory& operator=(const NoMoreLockedMemory&) = delete;

  private:
    rlimit previous_{};
};

}  // namespace

TEST_F(Ring, StopsATransferInTheKernelWhenCancelled) {
    ScriptedQueue queue(2, make_uring);
    queue.send(read(4096, 1));
    queue.cancel(1);
    const auto completion = queue.next();
    EXPECT_EQ(TIO_E_CANCELED, completion.status);
    EXPECT_EQ(0u, completion.bytes);
}

TEST_F(Ring, StopsOnlyTheTransferThatIsMeant) {
    ScriptedQueue queue(2, make_uring);
    queue.send(read(4096, 1));
    queue.send(read(4096, 2));
    queue.cancel(1);
    EXPECT_EQ(1u, queue.next().token);
    pipe.feed(4096);
    const auto completion = queue.next();
    EXPECT_EQ(2u, completion.token);
    EXPECT_EQ(TIO_OK, completion.status);
}

TEST_F(Ring, ToleratesRepeatedCancels) {
    ScriptedQueue queue(2, make_uring);
    queue.send(read(4096, 1));
    for (int i = 0; i < 100; ++i) queue.cancel(1);
    EXPECT_EQ(TIO_E_CANCELED, queue.next().status);
    queue.send(read(4096, 1));
    pipe.feed(4096);
    EXPECT_EQ(TIO_OK, queue.next().status);
}

TEST_F(Ring, ResumesShortTransfers) {
    ScriptedQueue queue(1, make_uring);
    pipe.feed(1000);
    queue.send(read(4096, 1));
    pipe.feed(3096);
    const auto completion = queue.next();
    EXPECT_EQ(TIO_OK, completion.status);
    EXPECT_EQ(4096u, completion.bytes);
}

TEST_F(Ring, KeepsTheTransferOfAThreadThatExited) {
    ScriptedQueue queue(1, make_uring);
    std::thread([&] { queue.send(read(4096, 1)); }).join();
    pipe.feed(4096);
    EXPECT_EQ(TIO_OK, queue.next().status);
}

TEST_F(Ring, StopsWhatIsInTheKernelBeforeTheQueueGoes) {
    {
        ScriptedQueue queue(2, make_uring);
        queue.send(read(4096, 1));
        queue.send(read(4096, 2));
    }
    EXPECT_EQ(0u, file.requests_in_flight());
}

TEST_F(Ring, HoldsTheBufferOfATransfer) {
    ScriptedQueue queue(1, make_uring);
    const uint32_t buffer = queue.register_buffer(memory, sizeof(memory), TIO_MEMORY_HOST);
    auto request = read(4096, 1);
    request.buffer_index = buffer;
    queue.send(request);
    EXPECT_THROW(queue.unregister_buffer(buffer), Failure);
    pipe.feed(4096);
    EXPECT_EQ(TIO_OK, queue.next().status);
    queue.unregister_buffer(buffer);
}

TEST_F(Ring, RefusesToRegisterInaccessibleMemory) {
    ScriptedQueue queue(1, make_uring);
    // Kept mapped, so that no other thread's allocation lands there and makes it good.
    void* inaccessible = mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(MAP_FAILED, inaccessible);
    try {
        queue.register_buffer(inaccessible, 4096, TIO_MEMORY_HOST);
        FAIL() << "registered";
    } catch (const Failure& failure) {
        EXPECT_EQ(TIO_E_INVALID, failure.status()) << failure.what();
    }
    munmap(inaccessible, 4096);
}

TEST_F(Ring, ReportsTheLockedMemoryLimitAndTransfersWithoutRegistration) {
    std::thread([this] {
        if (!drop_lock_capability()) GTEST_SKIP() << "cannot drop CAP_IPC_LOCK";
        ScriptedQueue queue(1, make_uring);
        const NoMoreLockedMemory limit;
        try {
            queue.register_buffer(memory, sizeof(memory), TIO_MEMORY_HOST);
            ADD_FAILURE() << "registered";
        } catch (const Failure& failure) {
            EXPECT_EQ(TIO_E_NOMEM, failure.status()) << failure.what();
        }
        queue.send(read(4096, 1));
        pipe.feed(4096);
        EXPECT_EQ(TIO_OK, queue.next().status);
    }).join();
}

TEST_F(Ring, BouncesWithoutRegistrationWhenTheLimitForbidsIt) {
    std::thread([this] {
        if (!drop_lock_capability()) GTEST_SKIP() << "cannot drop CAP_IPC_LOCK";
        // A pipe that is treated like a file whose memory must be aligned.
        tio_gds_file aligned(dup(pipe.ends[0]), DirectIoAlignment{true, 512, 512}, true);
        ScriptedQueue queue(1, make_uring);
        const NoMoreLockedMemory limit;
        queue.send(scripted_request(TIO_OP_READ, aligned, memory + 1, 4096, 1));
        pipe.feed(4096);
        EXPECT_EQ(TIO_OK, queue.next().status);
        EXPECT_EQ(1u, queue.statistics().bounced_chunks);
    }).join();
}
